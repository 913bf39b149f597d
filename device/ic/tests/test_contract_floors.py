"""Contract: floors only rise."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.ic.errors import IcRollbackError, IcUsageError, PolicyDeniedError
from device.ic.interface import Floor, Purpose, SecurityIC, sequence_slot
from device.ic.tests.rig import AUTHOR, Rig, floor_of, manifest, risen, structure, vouched
from suit import cbor
from suit.errors import ExitCode, HardsuitError, RollbackError

SLOT = sequence_slot([b"\x00"])
ONE, TWO = b"\x01" * 32, b"\x02" * 32


def test_a_floor_begins_at_zero(ic: SecurityIC) -> None:
    assert ic.floor(SLOT) == Floor(SLOT, 0, b"")


@pytest.mark.req("H6-2")
def test_a_floor_rises_by_any_step_and_survives_a_restart(rig: Rig) -> None:
    ic = rig.provision()
    for value in (0, 1, 7, 2**32, 2**64 - 1):
        assert risen(ic, value) == floor_of(value)
        ic = rig.restart()
        assert ic.floor(SLOT) == floor_of(value)


@pytest.mark.req("H6-2")
@pytest.mark.parametrize("value", [0, 1, 6])
def test_a_lower_value_is_a_rollback(ic: SecurityIC, value: int) -> None:
    risen(ic, 7)
    with pytest.raises(IcRollbackError, match=f"{value} is below 7") as refused:
        risen(ic, value, 2)
    assert isinstance(refused.value, RollbackError)
    assert (refused.value.offered, refused.value.stored) == (value, 7)
    assert refused.value.exit_code is ExitCode.REFUSED
    assert ic.floor(SLOT) == floor_of(7)


def test_an_equal_value_with_the_same_digest_changes_nothing_and_needs_no_proof(ic: SecurityIC) -> None:
    risen(ic, 7)
    generation = ic.info().generation
    assert ic.raise_sequence(structure(manifest(7)), manifest(7), proof=()) == floor_of(7)
    assert ic.info().generation == generation


@pytest.mark.req("H5-8")
@pytest.mark.parametrize("value", [0, 7])
def test_an_equal_value_with_another_digest_is_refused(ic: SecurityIC, value: int) -> None:
    risen(ic, value)
    with pytest.raises(PolicyDeniedError, match="another digest"):
        risen(ic, value, 2)
    assert ic.floor(SLOT) == floor_of(value)


def test_a_sequence_floor_needs_a_manifest_ticket(ic: SecurityIC) -> None:
    of = manifest(7)
    signed = structure(of)
    presented = ic.verify_with(AUTHOR.key, AUTHOR.algorithm, signed, AUTHOR.sign(signed))
    for proof in ((), (presented,)):
        with pytest.raises(PolicyDeniedError, match="manifest verification"):
            ic.raise_sequence(signed, of, proof=proof)
    assert ic.floor(SLOT) == Floor(SLOT)


@pytest.mark.req("H6-11")
def test_a_ticket_raises_the_floor_to_what_its_own_manifest_states_and_no_other(ic: SecurityIC) -> None:
    proof = [vouched(ic, manifest(7))]
    for other in (manifest(8), manifest(7, variant=2), manifest(7, [b"\x01"]), manifest(7, None)):
        with pytest.raises(PolicyDeniedError, match="manifest verification"):
            ic.raise_sequence(structure(other), other, proof=proof)
        with pytest.raises(IcUsageError, match="another manifest"):
            ic.raise_sequence(structure(manifest(7)), other, proof=proof)
        assert ic.floor(sequence_slot([b"\x00"])) == Floor(SLOT)
    assert ic.raise_sequence(structure(manifest(7)), manifest(7), proof=proof) == floor_of(7)


@pytest.mark.req("H6-11")
@pytest.mark.parametrize("proved", [True, False])
def test_a_sequence_floor_is_not_raised_by_saying_so(ic: SecurityIC, proved: bool) -> None:
    proof = [vouched(ic, manifest(7))] if proved else []
    with pytest.raises(PolicyDeniedError, match="own statement alone"):
        ic.raise_floor(SLOT, 7, digest=floor_of(7).digest, proof=proof)
    assert ic.floor(SLOT) == Floor(SLOT)


DIGESTED = cbor.encode([-16, bytes(32)])


@pytest.mark.parametrize(
    "signed",
    [
        b"",
        b"\x00",
        b"\x80",
        cbor.encode(["Signature1", b"", b"", b""]),
        cbor.encode(["Signature1", b"", b"aad", DIGESTED]),
        cbor.encode(["Signature1", b"", DIGESTED]),
        cbor.encode(["CounterSignature", b"", b"", DIGESTED]),
        cbor.encode(["Encrypt0", b"", DIGESTED]),
        cbor.encode([["Signature1"], b"", b"", DIGESTED]),
        cbor.encode(["Signature1", b"", b"", cbor.encode([-16])]),
        cbor.encode(["Signature1", b"", b"", cbor.encode([-9, bytes(32)])]),
        cbor.encode(["Signature1", b"", b"", cbor.encode([4711, bytes(32)])]),
        cbor.encode(["Signature1", b"", b"", cbor.encode([[], bytes(32)])]),
        cbor.encode(["Signature1", b"", b"", cbor.encode([-16, bytes(32), 1])]),
    ],
)
def test_what_is_no_signed_digest_raises_nothing(ic: SecurityIC, signed: bytes) -> None:
    proof = [
        ic.verify(AUTHOR.key.name, AUTHOR.algorithm, signed, AUTHOR.sign(signed), purpose=Purpose.MANIFEST)
    ]
    with pytest.raises(IcUsageError):
        ic.raise_sequence(signed, manifest(7), proof=proof)
    assert ic.floor(SLOT) == Floor(SLOT)


@pytest.mark.parametrize(
    "of",
    [
        b"",
        b"\x01",
        cbor.encode([2, 7]),
        cbor.encode({1: 1}),
        cbor.encode({2: "7"}),
        cbor.encode({2: True}),
        cbor.encode({2: 7, 5: b""}),
        cbor.encode({2: 7, 5: [1]}),
        cbor.encode({2: 7, 5: None}) + b"\x00",
    ],
)
def test_what_is_no_manifest_raises_nothing(ic: SecurityIC, of: bytes) -> None:
    with pytest.raises(IcUsageError):
        ic.raise_sequence(structure(of), of, proof=[vouched(ic, of)])
    assert ic.info().generation == ic.info().generation
    assert ic.floor(SLOT) == Floor(SLOT)


@pytest.mark.parametrize("value", [-1, 2**64, 2**80])
def test_a_value_beyond_64_bits_is_refused(ic: SecurityIC, value: int) -> None:
    with pytest.raises(IcUsageError):
        risen(ic, value)
    with pytest.raises(IcUsageError):
        ic.raise_floor("x", value)
    assert ic.floor(SLOT) == Floor(SLOT)


@pytest.mark.parametrize(
    "slot", ["", "seq/", "seq/00", "seq/" + "G" * 64, "../x", "A", "a/b/c", "x" * 99, "a b"]
)
def test_a_name_that_is_no_slot_is_refused(ic: SecurityIC, slot: str) -> None:
    with pytest.raises(IcUsageError):
        ic.raise_floor(slot, 1, digest=ONE, proof=[vouched(ic, manifest(1))])
    with pytest.raises(IcUsageError):
        ic.floor(slot)


@pytest.mark.req("H5-9")
def test_every_component_has_a_floor_of_its_own(ic: SecurityIC) -> None:
    other = sequence_slot([b"\x01"])
    assert len({SLOT, other, sequence_slot(None), sequence_slot([b"\x00", b"\x01"])}) == 4
    assert sequence_slot(None) == sequence_slot([])
    risen(ic, 7)
    assert ic.floor(other) == Floor(other)


def test_a_plain_slot_needs_no_proof_and_rises_all_the_same(ic: SecurityIC) -> None:
    assert ic.raise_floor("staged/app", 5) == Floor("staged/app", 5)
    with pytest.raises(IcRollbackError):
        ic.raise_floor("staged/app", 4)


def test_the_number_of_slots_is_bounded(ic: SecurityIC) -> None:
    for number in range(256):
        ic.raise_floor(f"s/{number}", 1)
    with pytest.raises(PolicyDeniedError, match="no room"):
        ic.raise_floor("s/one-more", 1)
    assert ic.raise_floor("s/0", 2).value == 2


@pytest.mark.req("H6-2")
def test_concurrent_raises_end_at_the_highest(ic: SecurityIC) -> None:
    def attempt(value: int) -> None:
        try:
            ic.raise_floor("race", value)
        except IcRollbackError:
            assert ic.floor("race").value > value

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, [*range(100), *reversed(range(100))]))
    assert ic.floor("race").value == 99


@pytest.mark.req("H6-2")
@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["a", "b"]), st.integers(-1, 9), st.sampled_from([b"", ONE, TWO])),
            st.just("restart"),
        ),
        max_size=30,
    )
)
def test_floors_agree_with_a_model(steps: list[tuple[str, int, bytes] | str]) -> None:
    rig = Rig()
    ic = rig.provision()
    model = {"a": (0, b""), "b": (0, b"")}
    for step in steps:
        if isinstance(step, str):
            ic = rig.restart()
            continue
        slot, value, digest = step
        have, held = model[slot]
        allowed = value > have or (value == have and held in {b"", digest})
        try:
            ic.raise_floor(slot, value, digest=digest)
        except HardsuitError:
            assert not allowed
        else:
            assert allowed
            model[slot] = (value, digest)
        floors = [ic.floor(name) for name in model]
        assert {floor.slot: (floor.value, floor.digest) for floor in floors} == model
