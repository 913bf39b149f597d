"""The emulator's memory under decay and tampering: healed from its twin, or refused, never believed."""

from collections.abc import Callable

import pytest

from device.ic.emulator import Emulator, MemoryKey, StoredAnchor
from device.ic.errors import (
    NotProvisionedError,
    PolicyDeniedError,
    RollbackDetectedError,
    StateCorruptError,
)
from device.ic.interface import SecurityIC
from device.ic.tests.rig import AUTHOR, Rig
from device.storage import MemoryStorage
from suit.errors import ExitCode

COPIES = ("ic/state.0", "ic/state.1")


def fresh() -> Rig:
    rig = Rig(signers=[AUTHOR])
    rig.provision().raise_floor("x", 7)
    return rig


def save(rig: Rig) -> dict[str, bytes]:
    return {name: rig.storage.read(name) for name in COPIES}


def restore(rig: Rig, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        rig.storage.write(name, 0, content)
        rig.storage.truncate(name, len(content))


def commit(ic: SecurityIC, times: int) -> None:
    for _ in range(times):
        ic.raise_floor("x", ic.floor("x").value + 1)


@pytest.mark.req("H6-3")
@pytest.mark.parametrize("name", COPIES)
def test_a_flip_in_any_byte_of_one_copy_is_healed_from_the_other(name: str) -> None:
    rig = fresh()
    good = save(rig)
    for position in range(len(good[name])):
        restore(rig, good)
        rig.storage.write(name, position, bytes([good[name][position] ^ 1 << position % 8]))
        ic = rig.restart()
        assert ic.floor("x").value == 7
        assert ic.info().repairs == 1
        first, second = save(rig).values()
        assert first == second


@pytest.mark.req("H6-3")
def test_a_flip_in_any_byte_of_both_copies_is_refused() -> None:
    rig = fresh()
    good = save(rig)
    for position in range(len(good[COPIES[0]])):
        restore(rig, good)
        for name in COPIES:
            rig.storage.write(name, position, bytes([good[name][position] ^ 1 << position % 8]))
        with pytest.raises(StateCorruptError, match="missing or damaged"):
            rig.restart()


@pytest.mark.req("H6-3")
@pytest.mark.parametrize(
    "damage",
    [
        lambda storage, name: storage.unlink(name),
        lambda storage, name: storage.truncate(name, 0),
        lambda storage, name: storage.truncate(name, 10),
        lambda storage, name: storage.truncate(name, 4095),
        lambda storage, name: storage.append(name, b"\0"),
        lambda storage, name: storage.write(name, 0, bytes(4096)),
    ],
    ids=["unlinked", "empty", "stub", "cut", "extended", "zeroed"],
)
def test_damage_to_one_copy_heals_and_to_both_is_tampering(
    damage: Callable[[MemoryStorage, str], None],
) -> None:
    rig = fresh()
    damage(rig.storage, COPIES[1])  # type: ignore[arg-type]  # the rig's storage is one in memory
    assert rig.restart().floor("x").value == 7
    for name in COPIES:
        damage(rig.storage, name)  # type: ignore[arg-type]  # as above
    with pytest.raises(StateCorruptError) as refused:
        rig.restart()
    assert refused.value.exit_code is ExitCode.STORAGE


@pytest.mark.req("H6-3")
def test_a_lost_state_is_never_a_new_device() -> None:
    rig = fresh()
    for name in COPIES:
        rig.storage.unlink(name)
    with pytest.raises(StateCorruptError):
        rig.restart()
    with pytest.raises(PolicyDeniedError, match="provisioned before"):
        rig.provision()
    assert rig.storage.list("ic") == []


def test_nothing_was_provisioned_is_said_as_such() -> None:
    with pytest.raises(NotProvisionedError, match="never provisioned"):
        Rig().restart()


@pytest.mark.req("H6-3")
def test_a_state_under_another_key_is_refused() -> None:
    rig, other = fresh(), fresh()
    restore(rig, save(other))
    with pytest.raises(StateCorruptError):
        rig.restart()


@pytest.mark.req("H6-3")
@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("age", [2, 3, 50])
def test_one_old_copy_beside_a_new_one_is_noticed(name: str, age: int) -> None:
    rig = fresh()
    old = rig.storage.read(name)
    commit(rig.restart(), age)
    rig.storage.write(name, 0, old)
    with pytest.raises(RollbackDetectedError, match="old one"):
        rig.restart()


@pytest.mark.parametrize("name", COPIES)
def test_one_copy_of_the_commit_before_costs_nothing(name: str) -> None:
    rig = fresh()
    ic = rig.restart()
    old = rig.storage.read(name)
    commit(ic, 1)
    rig.storage.write(name, 0, old)
    assert rig.restart().floor("x").value == 8


@pytest.mark.req("H6-3")
def test_exchanged_copies_are_the_same_state() -> None:
    rig = fresh()
    first, second = save(rig).values()
    restore(rig, dict(zip(COPIES, (second, first), strict=True)))
    assert rig.restart().floor("x").value == 7


def test_without_a_witness_the_store_restored_as_a_whole_is_not_noticed() -> None:
    """The limit of any store on one medium; the IC declares it, a rollback anchor removes it."""
    rig = fresh()
    old = save(rig)
    commit(rig.restart(), 5)
    restore(rig, old)
    ic = rig.restart()
    assert ic.floor("x").value == 7
    assert not ic.info().capabilities.survives_state_restore


class Witnessed:
    """An emulator with a rollback anchor on a second medium."""

    def __init__(self) -> None:
        self.storage, self.outside, self.key = MemoryStorage(), MemoryStorage(), MemoryKey()
        Emulator.provision(self.storage, self.key, rollback_anchor=StoredAnchor(self.outside))

    def restart(self) -> Emulator:
        return Emulator.open(self.storage, self.key, rollback_anchor=StoredAnchor(self.outside))


@pytest.mark.req("H6-3")
def test_with_a_witness_the_store_restored_as_a_whole_is_refused() -> None:
    device = Witnessed()
    ic = device.restart()
    assert ic.info().capabilities.survives_state_restore
    old = {name: device.storage.read(name) for name in COPIES}
    commit(ic, 2)
    for name, content in old.items():
        device.storage.write(name, 0, content)
    with pytest.raises(RollbackDetectedError, match="rollback anchor remembers"):
        device.restart()


def test_a_restored_or_damaged_witness_is_refused() -> None:
    device = Witnessed()
    old = device.outside.read("generation")
    commit(device.restart(), 3)
    now = device.outside.read("generation")
    device.outside.write("generation", 0, old)
    with pytest.raises(RollbackDetectedError):
        device.restart()
    for position in range(len(now)):
        device.outside.write("generation", 0, now)
        device.outside.write("generation", position, bytes([now[position] ^ 1]))
        with pytest.raises(StateCorruptError):
            device.restart()
    device.outside.truncate("generation", 3)
    with pytest.raises(StateCorruptError):
        device.restart()


def test_state_of_another_format_is_refused() -> None:
    from device.ic.emulator.state import decode_state  # noqa: PLC0415 - the one test that needs the inside

    for raw in (b"", b"\xa0", b"\x00", b"\xa1\x66format\x02", b"\xff" * 40):
        with pytest.raises(StateCorruptError):
            decode_state(raw)


def test_everything_durable_comes_back_the_same() -> None:
    rig = fresh()
    before = rig.restart()
    after = rig.restart()
    assert before.keys() == after.keys()
    assert len(after.keys()) == 2
    assert before.objects() == after.objects()
    assert before.attestation_key() == after.attestation_key()
    assert before.anchor() == after.anchor()
    assert before.floor("x") == after.floor("x")
