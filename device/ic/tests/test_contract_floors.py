"""Contract: floors only rise."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.ic.errors import IcRollbackError, IcUsageError, PolicyDeniedError
from device.ic.interface import Floor, SecurityIC, sequence_slot
from device.ic.tests.rig import Rig, manifest_ticket, presented_ticket
from suit.errors import ExitCode, HardsuitError, RollbackError

SLOT = sequence_slot([b"\x00"])
ONE, TWO = b"\x01" * 32, b"\x02" * 32


def raised(ic: SecurityIC, value: int, digest: bytes = ONE) -> Floor:
    return ic.raise_floor(SLOT, value, digest=digest, proof=[manifest_ticket(ic)])


def test_a_floor_begins_at_zero(ic: SecurityIC) -> None:
    assert ic.floor(SLOT) == Floor(SLOT, 0, b"")


@pytest.mark.req("H6-2")
def test_a_floor_rises_by_any_step_and_survives_a_restart(rig: Rig) -> None:
    ic = rig.provision()
    for value in (0, 1, 7, 2**32, 2**64 - 1):
        assert raised(ic, value) == Floor(SLOT, value, ONE)
        ic = rig.restart()
        assert ic.floor(SLOT) == Floor(SLOT, value, ONE)


@pytest.mark.req("H6-2")
@pytest.mark.parametrize("value", [0, 1, 6])
def test_a_lower_value_is_a_rollback(ic: SecurityIC, value: int) -> None:
    raised(ic, 7)
    with pytest.raises(IcRollbackError, match=f"{value} is below 7") as refused:
        raised(ic, value, TWO)
    assert isinstance(refused.value, RollbackError)
    assert (refused.value.offered, refused.value.stored) == (value, 7)
    assert refused.value.exit_code is ExitCode.REFUSED
    assert ic.floor(SLOT) == Floor(SLOT, 7, ONE)


def test_an_equal_value_with_the_same_digest_changes_nothing_and_needs_no_proof(ic: SecurityIC) -> None:
    raised(ic, 7)
    generation = ic.info().generation
    assert ic.raise_floor(SLOT, 7, digest=ONE) == Floor(SLOT, 7, ONE)
    assert ic.info().generation == generation


@pytest.mark.req("H5-8")
@pytest.mark.parametrize("value", [0, 7])
def test_an_equal_value_with_another_digest_is_refused(ic: SecurityIC, value: int) -> None:
    raised(ic, value, ONE)
    with pytest.raises(PolicyDeniedError, match="another digest"):
        raised(ic, value, TWO)
    assert ic.floor(SLOT) == Floor(SLOT, value, ONE)


def test_a_sequence_floor_needs_a_manifest_ticket(ic: SecurityIC) -> None:
    for proof in ((), (presented_ticket(ic),)):
        with pytest.raises(PolicyDeniedError, match="manifest verification"):
            ic.raise_floor(SLOT, 7, digest=ONE, proof=proof)
    assert ic.floor(SLOT) == Floor(SLOT)


def test_a_sequence_floor_needs_the_digest_of_its_manifest(ic: SecurityIC) -> None:
    with pytest.raises(IcUsageError, match="digest"):
        raised(ic, 7, b"")


@pytest.mark.parametrize("value", [-1, 2**64, 2**80])
def test_a_value_beyond_64_bits_is_refused(ic: SecurityIC, value: int) -> None:
    with pytest.raises(IcUsageError):
        raised(ic, value)
    assert ic.floor(SLOT) == Floor(SLOT)


@pytest.mark.parametrize(
    "slot", ["", "seq/", "seq/00", "seq/" + "G" * 64, "../x", "A", "a/b/c", "x" * 99, "a b"]
)
def test_a_name_that_is_no_slot_is_refused(ic: SecurityIC, slot: str) -> None:
    with pytest.raises(IcUsageError):
        ic.raise_floor(slot, 1, digest=ONE, proof=[manifest_ticket(ic)])
    with pytest.raises(IcUsageError):
        ic.floor(slot)


@pytest.mark.req("H5-9")
def test_every_component_has_a_floor_of_its_own(ic: SecurityIC) -> None:
    other = sequence_slot([b"\x01"])
    assert len({SLOT, other, sequence_slot(None), sequence_slot([b"\x00", b"\x01"])}) == 4
    assert sequence_slot(None) == sequence_slot([])
    raised(ic, 7)
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
