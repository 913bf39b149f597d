"""What is refused before the first command (M6.1, M6.2)."""

from typing import Any

import pytest

from device.processor import Identifiers, Policy
from device.tests.processor_rig import (
    CLASS,
    FETCH,
    INVOKE,
    MATCH,
    URI,
    VENDOR,
    A,
    B,
    Rig,
    at,
    authentic,
    check,
    override,
    program,
    run,
    try_each,
    write,
)
from spec.labels import Command
from spec.labels import Manifest as Member
from suit.errors import (
    AbortError,
    ComponentError,
    HardsuitError,
    RefusedError,
    RollbackError,
    SequenceReusedError,
)

OLD, NEW = b"old", b"new"
FETCHING = [override(uri=URI), FETCH]


def refuses(rig: Rig, error: type[HardsuitError], **sections: Any) -> HardsuitError:
    before = rig.contents
    with pytest.raises(error) as caught:
        rig.update(**sections)
    assert rig.contents == before
    assert not rig.fetcher.asked
    return caught.value


@pytest.mark.req("M8.4.2-1", "M6.1-2")
def test_a_sequence_number_below_the_floor_is_a_rollback() -> None:
    rig = Rig(OLD, resources={URI: NEW})
    error = refuses(rig, RollbackError, sequence_number=6, floor=7, install=FETCHING)
    assert isinstance(error, RollbackError)
    assert (error.offered, error.stored) == (6, 7)


@pytest.mark.req("M8.4.2-1")
def test_nor_is_it_invoked() -> None:
    rig = Rig(OLD)
    with pytest.raises(RollbackError):
        rig.invoke(sequence_number=6, floor=7, invoke=[INVOKE])
    assert not rig.platform.invoked


@pytest.mark.req("M8.4.2-2")
@pytest.mark.parametrize("number", [7, 8, 1 << 62])
def test_an_equal_or_higher_number_is_taken(number: int) -> None:
    rig = Rig(OLD)
    rig.install(*write(NEW), sequence_number=number, floor=7)
    assert rig.contents == [NEW]


@pytest.mark.req("H5-8")
def test_another_manifest_with_the_floors_number_is_refused_and_the_same_one_is_not() -> None:
    sections: dict[str, Any] = {"sequence_number": 7, "install": write(NEW)}
    same = authentic(program(**sections)).envelope.digest.value
    rig = Rig(OLD)
    refuses(rig, SequenceReusedError, floor=7, floor_digest=bytes(32), **sections)
    rig.update(floor=7, floor_digest=same, **sections)
    assert rig.contents == [NEW]


@pytest.mark.req("M6.2-2")
def test_more_components_than_the_device_has() -> None:
    error = refuses(Rig(OLD), ComponentError, components=(A, B), install=[at(0), *FETCHING])
    assert "2 components, this device 1" in str(error)


@pytest.mark.req("M6.1-7")
@pytest.mark.parametrize("component", [(), (b"\x07",), (b"\x00", b"\x00"), (b"",)])
def test_a_component_that_the_device_lacks(component: tuple[bytes, ...]) -> None:
    refuses(Rig(OLD), ComponentError, components=(component,), install=FETCHING)


@pytest.mark.req("M6.2-5")
@pytest.mark.parametrize(
    "section", ["shared_sequence", "payload_fetch", "install", "validate", "load", "invoke"]
)
def test_with_two_components_every_sequence_begins_with_an_index(section: str) -> None:
    fine = {"payload_fetch": [at(0), *FETCHING]}
    error = refuses(Rig(OLD, OLD), AbortError, **{**fine, section: [override(uri=URI), at(0)]})
    assert error.place is not None
    assert error.place.offset == 1


def test_with_one_component_none_has_to() -> None:
    rig = Rig(OLD, OLD)
    rig.install(*write(NEW), components=(B,))
    assert rig.contents == [OLD, NEW]


@pytest.mark.req("M6.2-5")
def test_nested_sequences_inherit_their_index() -> None:
    rig = Rig(OLD, OLD)
    rig.install(at(1), run(*write(NEW)), try_each([MATCH], None))
    assert rig.contents == [OLD, NEW]


def test_a_source_that_is_no_component_is_refused_wherever_it_is_set() -> None:
    rig = Rig(OLD, resources={URI: NEW})
    for steps in ([override(source_component=1)], [try_each([override(source_component=9)], None)]):
        refuses(rig, AbortError, payload_fetch=FETCHING, load=steps)


@pytest.mark.req("M8.6-2")
@pytest.mark.parametrize("member", [Member.INSTALL, Member.PAYLOAD_FETCH])
def test_a_severed_sequence_is_missed_where_it_is_needed(member: Member) -> None:
    sections: dict[str, Any] = {"payload_fetch": FETCHING, "install": write(NEW), "sever": (member,)}
    rig = Rig(OLD, resources={URI: NEW})
    error = refuses(rig, AbortError, drop=(member,), **sections)
    assert "severed" in str(error)
    rig.update(**sections)
    assert rig.contents == [NEW]


@pytest.mark.req("M8.6-2")
def test_a_severed_sequence_is_not_missed_where_it_is_not() -> None:
    rig = Rig(OLD)
    cut = (Member.INSTALL,)
    rig.invoke(install=write(NEW), invoke=[INVOKE], sever=cut, drop=cut)
    assert rig.platform.invoked == [(A, None)]


@pytest.mark.req("M6.2-4")
def test_a_device_may_insist_on_vendor_and_class_conditions() -> None:
    rig = Rig(OLD, policy=Policy(Identifiers.REQUIRED), resources={URI: NEW})
    own = override(vendor_identifier=VENDOR, class_identifier=CLASS)
    vendor, class_ = check(Command.VENDOR_IDENTIFIER), check(Command.CLASS_IDENTIFIER)
    for shared in ([own], [own, vendor], [own, class_]):
        refuses(rig, RefusedError, shared_sequence=shared, install=FETCHING)
    refuses(rig, RefusedError, install=FETCHING)
    rig.update(shared_sequence=[own, vendor, class_], install=FETCHING)
    assert rig.contents == [NEW]
