"""The emulator's memory under every power cut: what was acknowledged stands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.powercut import CrashMode, Fault, PowerCutStorage, PowerLoss
from device.ic.emulator import Emulator, MemoryKey, StoredAnchor
from device.ic.errors import AuthFailedError, IcError, IcFailedError, NotProvisionedError, TamperedError
from device.ic.interface import AnchorRecord, Purpose, RoleFloor, SecurityIC, sequence_slot
from device.ic.tests.rig import (
    AUTHOR,
    NOW,
    SECRET,
    STRANGER,
    UPDATER,
    Rig,
    Signer,
    asymmetric,
    manifest,
    manifest_ticket,
    presented_ticket,
    risen,
    structure,
    vouched,
)
from device.storage import Storage
from spec.labels import CoseAlgorithm
from suit.anchor_update import AnchorUpdate
from suit.errors import StorageError
from suit.signer import LocalSigner

SLOT = sequence_slot(None)
SEEDS = range(3)
Account = tuple[object, ...]


def account(ic: SecurityIC) -> Account:
    """Return everything that must never fall."""
    return (ic.floor(SLOT), ic.floor("growth"), ic.anchor(), ic.info().failures, (*ic.keys(), *ic.objects()))


def floor(value: int) -> Callable[[SecurityIC], object]:
    return lambda ic: risen(ic, value, component=None)


def anchor(version: int) -> Callable[[SecurityIC], object]:
    record = AnchorRecord(2, b"\x02" * 32, RoleFloor(1, version), RoleFloor(2, version), NOW)
    return lambda ic: ic.advance_anchor(record, proof=[presented_ticket(ic)])


def wrong_secret(ic: SecurityIC) -> None:
    with pytest.raises(AuthFailedError):
        ic.authorize(b"not the secret")


def grow(ic: SecurityIC) -> None:
    ic.raise_floor("growth", 1, digest=b"\x01" * 64)


def trust_more(ic: SecurityIC) -> None:
    with ic.authorize(SECRET) as change:
        change.add_anchor(STRANGER.key, {Purpose.MANIFEST})


def trust_less(ic: SecurityIC) -> None:
    with ic.authorize(SECRET) as change:
        change.remove_anchor(STRANGER.key.name)


OTHER = asymmetric(ec.derive_private_key(11, ec.SECP256R1()), CoseAlgorithm.ESP256)


def replace_anchor(version: int, new: Signer | None) -> Callable[[SecurityIC], object]:
    updater = LocalSigner(UPDATER.key, UPDATER.algorithm, (9).to_bytes(32, "big"))
    key = new.key if new else None
    return lambda ic: ic.update_anchor(AnchorUpdate("manifest-2", version, key).seal(updater))


STEPS: tuple[Callable[[SecurityIC], object], ...] = (
    floor(3),
    anchor(5),
    wrong_secret,
    floor(9),
    grow,
    trust_more,
    trust_less,
    anchor(6),
    wrong_secret,
    trust_more,
    replace_anchor(3, OTHER),
    replace_anchor(4, None),
)


@cache
def provisioned() -> tuple[dict[str, bytes], MemoryKey]:
    """Return an IC whose state is so close to a block boundary that the steps cross it both ways."""
    storage = PowerCutStorage()
    rig = Rig(storage, signers=[AUTHOR])
    ic = rig.provision()
    states = [storage.files()]
    while len(states[-1]["ic/state.0"]) == 4096:
        ic.raise_floor(f"filler/{len(states)}", 1, digest=bytes(16))
        states.append(storage.files())
    return states[-11], rig.sealing_key


def rig_on(storage: Storage) -> Rig:
    return Rig(storage, provisioned()[1])


def run(storage: Storage) -> Iterator[Account]:
    """Take the steps and yield the account after each one that was acknowledged."""
    ic = rig_on(storage).restart()
    yield account(ic)
    for step in STEPS:
        step(ic)
        yield account(ic)


@cache
def undisturbed() -> tuple[int, tuple[int, ...], tuple[Account, ...]]:
    """Return the number of operations, which of them are syncs, and the accounts after each step."""
    storage = PowerCutStorage(provisioned()[0])
    accounts = tuple(run(storage))
    assert len({len(content) for content in storage.files().values()}) == 1
    assert any(operation.startswith("truncate") for operation in storage.log)
    syncs = [number for number, operation in enumerate(storage.log) if operation.startswith("sync")]
    return storage.operations, tuple(syncs), accounts


def allowed(acknowledged: int) -> list[Account]:
    """Return what may stand: the account of the last acknowledged step, or anything on to the next.

    A step can have several commits, so a failed authorization may be counted inside of one.
    """
    accounts = undisturbed()[2]
    old = accounts[max(acknowledged - 1, 0)]
    new = accounts[min(acknowledged, len(accounts) - 1)]
    counted = [(*some[:3], int(str(old[3])) + 1, some[4]) for some in (old, new)]
    forgiven = [(*some[:3], 0, some[4]) for some in (old, new)]
    return [old, new, *counted, *forgiven]


def crash(stop: int, mode: CrashMode, seed: int, ignore_sync: int | None = None) -> str:
    """Cut the power at one operation; return what is wrong afterwards, if anything is."""
    storage = PowerCutStorage(provisioned()[0], stop=stop, mode=mode, seed=seed, ignore_sync=ignore_sync)
    acknowledged = 0
    try:
        for _ in run(storage):
            acknowledged += 1
    except PowerLoss:
        pass
    survivor = storage.after_power_loss()
    try:
        ic = rig_on(survivor).restart()
    except IcError as error:
        return f"{type(error).__name__} after {storage.log[-1]}"
    if account(ic) not in allowed(acknowledged):
        return f"another state after {storage.log[-1]}"
    floor(20)(ic)
    if account(rig_on(survivor.after_power_loss()).restart())[0] != ic.floor(SLOT):
        return "the next commit is lost"
    return ""


@pytest.mark.req("H6-10", "H6-2", "H6-5")
@pytest.mark.parametrize("mode", CrashMode, ids=lambda mode: str(mode.value))
def test_a_cut_at_any_operation_leaves_the_acknowledged_state_or_the_one_in_flight(mode: CrashMode) -> None:
    operations = undisturbed()[0]
    wrong = {
        (stop, seed): problem
        for stop in range(operations + 1)
        for seed in SEEDS
        if (problem := crash(stop, mode, seed))
    }
    assert operations > 50
    assert wrong == {}


@pytest.mark.req("H6-10")
def test_a_cut_during_recovery_from_a_cut_loses_nothing() -> None:
    for stop in range(undisturbed()[0]):
        storage = PowerCutStorage(provisioned()[0], stop=stop, mode=CrashMode.TORN, seed=stop)
        acknowledged = 0
        try:
            for _ in run(storage):
                acknowledged += 1
        except PowerLoss:
            pass
        for second in range(5):
            again = storage.after_power_loss(stop=second, mode=CrashMode.GARBAGE, seed=second)
            with pytest.raises(PowerLoss), rig_on(again).restart() as ic:
                floor(20)(ic)
            found = account(rig_on(again.after_power_loss()).restart())
            assert found in [*allowed(acknowledged), *with_floor_20(acknowledged)]


def with_floor_20(acknowledged: int) -> list[Account]:
    ic = Rig().provision()
    floor(20)(ic)
    return [(ic.floor(SLOT), *some[1:]) for some in allowed(acknowledged)]


@pytest.mark.req("H7-6")
def test_every_sync_of_the_emulator_is_needed() -> None:
    operations, syncs, _ = undisturbed()

    def noticed(ignored: int) -> bool:
        return any(
            crash(stop, mode, seed, ignored)
            for stop in range(syncs[ignored] + 1, operations + 1)
            for seed in range(6)
            for mode in (CrashMode.REORDER, CrashMode.LOSE)
        )

    # The very last sync only guards against a cut in a commit that comes later.
    assert [ignored for ignored in range(len(syncs) - 1) if not noticed(ignored)] == []


@pytest.mark.req("H6-3", "H6-10")
@pytest.mark.parametrize("mode", CrashMode, ids=lambda mode: str(mode.value))
def test_interrupted_provisioning_can_be_begun_again(mode: CrashMode) -> None:
    whole = PowerCutStorage()
    Rig(whole).provision()
    for stop in range(whole.operations):
        storage = PowerCutStorage(stop=stop, mode=mode, seed=stop)
        rig = Rig(storage)
        with pytest.raises(PowerLoss):
            rig.provision()
        rig.storage = storage.after_power_loss()
        if rig.sealing_key.exists():
            ic = rig.restart()
        else:
            with pytest.raises(NotProvisionedError):
                rig.restart()
            ic = rig.provision()
        assert len(ic.keys()) == 6


@contextmanager
def failing(fault: Fault, operation: int) -> Iterator[tuple[PowerCutStorage, SecurityIC]]:
    storage = PowerCutStorage(provisioned()[0])
    ic = rig_on(storage).restart()
    storage.inject(storage.operations + operation, fault)
    yield storage, ic


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: str(fault.value))
@pytest.mark.parametrize("operation", range(4))
def test_after_a_failed_write_the_ic_serves_nothing_until_it_is_opened(fault: Fault, operation: int) -> None:
    with failing(fault, operation) as (storage, ic):
        before = account(ic)
        of = manifest(3, None)
        proof = [vouched(ic, of)]
        with pytest.raises(StorageError, match="injected"):
            ic.raise_sequence(structure(of), of, proof=proof)
        with pytest.raises(IcFailedError, match="opened again"):
            ic.raise_sequence(structure(of), of, proof=proof)
        with pytest.raises(IcFailedError):
            manifest_ticket(ic)
        again = rig_on(storage).restart()
        assert again.floor(SLOT).value in {0, 3}
        assert account(again)[1:] == before[1:]
        floor(9)(again)


def test_a_witness_outside_keeps_up_with_every_cut() -> None:
    def start(storage: Storage, outside: Storage, key: MemoryKey) -> SecurityIC:
        return Emulator.open(storage, key, rollback_anchor=StoredAnchor(outside))

    outside, inside, key = PowerCutStorage(), PowerCutStorage(), MemoryKey()
    Emulator.provision(inside, key, rollback_anchor=StoredAnchor(outside))
    for which in ("inside", "outside"):
        for stop in range(20):
            first = PowerCutStorage(inside.files(), stop=stop if which == "inside" else None)
            second = PowerCutStorage(outside.files(), stop=stop if which == "outside" else None)
            acknowledged = 0
            try:
                ic = start(first, second, key)
                for value in range(1, 9):
                    ic.raise_floor("x", value)
                    acknowledged = value
            except PowerLoss:
                pass
            survived = first.after_power_loss(), second.after_power_loss()
            assert start(*survived, key).floor("x").value in {acknowledged, acknowledged + 1}


def test_the_state_grows_and_shrinks_by_whole_blocks() -> None:
    storage = PowerCutStorage()
    ic = Rig(storage).provision(anchor=replace(AnchorRecord(), time_floor=0))
    for number in range(100):
        ic.raise_floor(f"s/{number}", number, digest=bytes(64))
    sizes = {len(content) for content in storage.files().values()}
    assert len(sizes) == 1
    assert sizes.pop() % 4096 == 0


@pytest.mark.req("H6-17", "H6-10")
@pytest.mark.parametrize("mode", CrashMode, ids=lambda mode: str(mode.value))
def test_a_cut_while_secrets_are_erased_leaves_them_all_or_none(mode: CrashMode) -> None:
    whole = PowerCutStorage(provisioned()[0])
    rig_on(whole).restart().tamper()
    secret = rig_on(PowerCutStorage(provisioned()[0])).restart().attestation_key()
    for stop in range(whole.operations + 1):
        storage = PowerCutStorage(provisioned()[0], stop=stop, mode=mode, seed=stop)
        try:
            rig_on(storage).restart().tamper()
        except PowerLoss:
            assert stop < whole.operations
        ic = rig_on(storage.after_power_loss()).restart()
        if not ic.info().tampered:
            assert stop < whole.operations
            assert ic.attestation_key() == secret
            continue
        with pytest.raises(TamperedError):
            ic.attestation_key()
        with pytest.raises(TamperedError):
            manifest_ticket(ic)
