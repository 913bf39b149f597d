"""M8.4.9: each condition where it holds, where it does not, and where its parameter is not set."""

import hmac

import pytest

from device.tests.processor_rig import (
    CLASS,
    DEVICE,
    MATCH,
    OTHER,
    VENDOR,
    WRITE,
    Rig,
    check,
    override,
    sha256,
    write,
)
from spec.labels import Command, CoseAlgorithm
from suit import digest
from suit.errors import ConditionFailedError
from suit.manifest import Digest, Pen

IDENTIFIERS = [
    (Command.VENDOR_IDENTIFIER, "vendor_identifier", VENDOR),
    (Command.CLASS_IDENTIFIER, "class_identifier", CLASS),
    (Command.DEVICE_IDENTIFIER, "device_identifier", DEVICE),
]
OLD, NEW = b"old", b"the new image"


def fails(rig: Rig, *steps: object) -> ConditionFailedError:
    before = rig.contents
    with pytest.raises(ConditionFailedError) as caught:
        rig.install(*steps)  # type: ignore[arg-type]
    assert rig.contents == before
    return caught.value


@pytest.mark.req("M8.4.9.1-1")
@pytest.mark.parametrize(("condition", "parameter", "own"), IDENTIFIERS)
def test_an_identifier_of_the_device_matches(condition: Command, parameter: str, own: bytes) -> None:
    rig = Rig(OLD)
    rig.install(override(**{parameter: own}), check(condition), *write(NEW))
    assert rig.contents == [NEW]


@pytest.mark.req("M8.4.9.1-1", "M4.2-2")
@pytest.mark.parametrize(("condition", "parameter", "own"), IDENTIFIERS)
def test_another_identifier_fails_before_anything_is_written(
    condition: Command, parameter: str, own: bytes
) -> None:
    del own
    fails(Rig(OLD), override(**{parameter: OTHER}), check(condition), *write(NEW))


@pytest.mark.req("M8.4.9.1-2", "M8.4.9-2", "M6.1-10")
@pytest.mark.parametrize(("condition", "parameter", "own"), IDENTIFIERS)
def test_an_identifier_that_is_not_set_fails(condition: Command, parameter: str, own: bytes) -> None:
    del parameter, own
    assert "no identifier is set" in str(fails(Rig(OLD), check(condition), *write(NEW)))


@pytest.mark.req("M8.4.9.1-1")
def test_any_of_several_identifiers_is_enough() -> None:
    rig = Rig(OLD)
    rig.platform.classes = [OTHER, VENDOR, CLASS]
    rig.install(override(class_identifier=CLASS), check(Command.CLASS_IDENTIFIER), *write(NEW))
    assert rig.contents == [NEW]


@pytest.mark.req("M8.4.9.1-3")
def test_a_device_without_identifiers_matches_none() -> None:
    rig = Rig(OLD)
    rig.platform.vendors = []
    fails(rig, override(vendor_identifier=VENDOR), check(Command.VENDOR_IDENTIFIER))


@pytest.mark.req("M8.4.8.3-1")
def test_a_vendor_may_be_an_enterprise_number_but_equal_bytes_are_no_uuid() -> None:
    number = Pen(VENDOR)
    vendor_is_a_number = (override(vendor_identifier=number), check(Command.VENDOR_IDENTIFIER))
    fails(Rig(OLD), *vendor_is_a_number)
    rig = Rig(OLD)
    rig.platform.vendors = [number]
    rig.install(*vendor_is_a_number, *write(NEW))
    assert rig.contents == [NEW]


@pytest.mark.req("M8.4.9.2-1")
@pytest.mark.parametrize("algorithm", [CoseAlgorithm.SHA_256, CoseAlgorithm.SHA_512, CoseAlgorithm.SHAKE128])
def test_image_match_compares_the_digest(algorithm: CoseAlgorithm) -> None:
    expected = Digest(algorithm, digest.compute(algorithm, NEW))
    rig = Rig(NEW)
    rig.install(override(image_digest=expected), MATCH)
    assert rig.trace.verified == {(b"\x00",)}
    fails(Rig(OLD), override(image_digest=expected), MATCH)


@pytest.mark.req("M8.4.9.2-2")
def test_image_match_without_digest_fails() -> None:
    assert "no image digest" in str(fails(Rig(NEW), MATCH))


def test_image_match_of_an_absent_component_fails() -> None:
    assert "absent" in str(fails(Rig(None), override(image_digest=sha256(b"")), MATCH))


@pytest.mark.req("M8.4.9.2-3", "I4.3.15")
@pytest.mark.parametrize("size", [0, len(NEW) - 1, len(NEW) + 1, 1 << 63])
def test_image_match_wants_the_exact_size_where_one_is_set(size: int) -> None:
    same = override(image_digest=sha256(NEW), image_size=len(NEW))
    rig = Rig(NEW)
    rig.install(same, MATCH)
    problem = fails(Rig(NEW), override(image_digest=sha256(NEW), image_size=size), MATCH)
    assert f"{len(NEW)} bytes instead of {size}" in str(problem)


def test_a_size_of_zero_is_set() -> None:
    rig = Rig(b"")
    rig.install(override(image_digest=sha256(b""), image_size=0), MATCH)
    fails(Rig(NEW), override(image_digest=sha256(NEW), image_size=0), MATCH)


def test_content_that_was_verified_and_then_replaced_is_not_verified_any_more() -> None:
    rig = Rig(NEW)
    rig.install(override(image_digest=sha256(NEW), content=OLD), MATCH, WRITE)
    assert rig.trace.verified == set()
    assert rig.trace.written == {(b"\x00",)}


@pytest.mark.req("M8.4.9.3-2")
@pytest.mark.parametrize("content", [b"", OLD[:-1], OLD + b"\0", b"0ld"])
def test_check_content_fails_for_other_bytes(content: bytes) -> None:
    fails(Rig(OLD), override(content=content), check(Command.CHECK_CONTENT))


def test_check_content_holds_for_equal_bytes_and_fails_where_none_are_set() -> None:
    rig = Rig(OLD)
    rig.install(override(content=OLD), check(Command.CHECK_CONTENT))
    assert "no content is set" in str(fails(Rig(OLD), check(Command.CHECK_CONTENT)))
    fails(Rig(None), override(content=b""), check(Command.CHECK_CONTENT))


@pytest.mark.req("M8.4.9.3-1")
def test_check_content_compares_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    with pytest.raises(ConditionFailedError):
        Rig(OLD).install(override(content=b"0ld"), check(Command.CHECK_CONTENT))
    assert (OLD, b"0ld") in compared


@pytest.mark.req("M8.4.9.4-1")
@pytest.mark.parametrize("slot", [0, 1, 3])
def test_component_slot_compares_the_slot(slot: int) -> None:
    rig = Rig(OLD, slots=(slot,))
    rig.install(override(component_slot=slot), check(Command.COMPONENT_SLOT), *write(NEW))
    assert rig.contents == [NEW]
    fails(Rig(OLD, slots=(slot,)), override(component_slot=slot + 1), check(Command.COMPONENT_SLOT))


def test_component_slot_without_parameter_fails_in_slot_zero_too() -> None:
    fails(Rig(OLD), check(Command.COMPONENT_SLOT))


@pytest.mark.req("M8.4.9.5-1", "M8.4.9-4")
def test_abort_fails_and_ends_the_sequence() -> None:
    problem = fails(Rig(OLD), check(Command.ABORT), *write(NEW))
    assert problem.place is not None
    assert problem.place.command is Command.ABORT


@pytest.mark.req("M6.4-1")
@pytest.mark.parametrize("condition", [*(row[0] for row in IDENTIFIERS), Command.IMAGE_MATCH])
def test_a_condition_changes_nothing(condition: Command) -> None:
    rig = Rig(NEW)
    rig.install(
        override(
            vendor_identifier=VENDOR,
            class_identifier=CLASS,
            device_identifier=DEVICE,
            image_digest=sha256(NEW),
        ),
        check(condition),
    )
    assert rig.contents == [NEW]
    assert not rig.trace.written
