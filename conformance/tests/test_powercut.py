"""The test of the test: which crash mode notices which mistake, on a toy store."""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from conformance.powercut import CrashMode, Fault, PowerCutStorage, PowerLoss
from device.storage import Storage, StorageFullError, replace
from suit.errors import StorageError

IMAGE = {0: b"old" * 5000, 1: b"NEW" * 5000}
SEEDS = range(5)
Toy = Callable[[Storage], None]


def boots(storage: Storage) -> bool:
    """Tell whether the toy boots: its record names a slot and the digest of what is in it."""
    try:
        record = storage.read("record")
        return record == described(storage.read(f"slot{record[0]}"), record[0])
    except (StorageError, IndexError):
        return False


def described(image: bytes, slot: int) -> bytes:
    digest = sha256(image).digest()
    return bytes([slot]) + digest + sha256(bytes([slot]) + digest).digest()


def provisioned() -> dict[str, bytes]:
    return {"slot0": IMAGE[0], "slot1": b"stale" * 3000, "record": described(IMAGE[0], 0)}


def good(storage: Storage) -> None:
    storage.write("slot1", 0, IMAGE[1])
    storage.truncate("slot1", len(IMAGE[1]))
    storage.sync("slot1")
    replace(storage, "record", described(IMAGE[1], 1))


def payload_not_synced(storage: Storage) -> None:
    storage.write("slot1", 0, IMAGE[1])
    storage.truncate("slot1", len(IMAGE[1]))
    replace(storage, "record", described(IMAGE[1], 1))


def record_overwritten_in_place(storage: Storage) -> None:
    storage.write("slot1", 0, IMAGE[1])
    storage.truncate("slot1", len(IMAGE[1]))
    storage.sync("slot1")
    storage.write("record", 0, described(IMAGE[1], 1))
    storage.sync("record")


def record_before_payload(storage: Storage) -> None:
    replace(storage, "record", described(IMAGE[1], 1))
    storage.write("slot1", 0, IMAGE[1])
    storage.truncate("slot1", len(IMAGE[1]))
    storage.sync("slot1")


def active_slot_overwritten(storage: Storage) -> None:
    storage.write("slot0", 0, IMAGE[1])
    storage.sync("slot0")
    replace(storage, "record", described(IMAGE[1], 0))


def noticing(toy: Toy) -> set[CrashMode]:
    """Return the crash modes under which some power cut leaves the toy unbootable."""
    return {
        mode
        for mode in CrashMode
        for seed in SEEDS
        for stop in range(operations(toy) + 1)
        if not boots(crashed(toy, stop, mode, seed))
    }


def operations(toy: Toy) -> int:
    storage = PowerCutStorage(provisioned())
    toy(storage)
    assert boots(storage)
    return storage.operations


def crashed(
    toy: Toy, stop: int, mode: CrashMode, seed: int, ignore_sync: int | None = None
) -> PowerCutStorage:
    storage = PowerCutStorage(provisioned(), stop=stop, mode=mode, seed=seed, ignore_sync=ignore_sync)
    with suppress(PowerLoss):
        toy(storage)
    return storage.after_power_loss()


def test_a_correct_toy_survives_every_cut() -> None:
    assert noticing(good) == set()


@pytest.mark.parametrize(
    ("toy", "modes"),
    [
        (payload_not_synced, {CrashMode.REORDER, CrashMode.LOSE}),
        (record_overwritten_in_place, {CrashMode.TORN, CrashMode.GARBAGE}),
        (record_before_payload, set(CrashMode)),
        (active_slot_overwritten, set(CrashMode)),
    ],
)
def test_a_mistake_is_noticed_by_these_modes_alone(toy: Toy, modes: set[CrashMode]) -> None:
    assert noticing(toy) == modes


def test_a_missing_sync_before_an_unsynced_record_is_noticed_by_reordering_alone() -> None:
    def nothing_synced(storage: Storage) -> None:
        storage.write("slot1", 0, IMAGE[1])
        storage.truncate("slot1", len(IMAGE[1]))
        storage.write("record.new", 0, described(IMAGE[1], 1))
        storage.rename("record.new", "record")

    def cut_at_the_end(storage: Storage) -> None:
        nothing_synced(storage)
        storage.sync_dir()

    assert noticing(nothing_synced) == {CrashMode.REORDER}
    assert CrashMode.REORDER in noticing(cut_at_the_end)


def test_every_sync_that_is_left_out_is_noticed() -> None:
    whole = PowerCutStorage(provisioned())
    good(whole)
    assert whole.syncs == 3

    def survives(ignored: int) -> bool:
        return all(
            boots(crashed(good, stop, mode, seed, ignored))
            for mode in CrashMode
            for seed in range(10)
            for stop in range(whole.operations + 1)
        ) and ends_new(ignored)

    def ends_new(ignored: int) -> bool:
        storage = PowerCutStorage(provisioned(), ignore_sync=ignored)
        good(storage)
        return storage.after_power_loss().read("record")[0] == 1

    assert [survives(ignored) for ignored in range(whole.syncs)] == [False, False, False]


def test_nothing_unsynced_survives_in_mode_lose() -> None:
    storage = PowerCutStorage({"a": b"1"})
    storage.write("a", 0, b"2")
    storage.write("b", 0, b"3")
    storage.sync("b")
    assert storage.after_power_loss().files() == {"a": b"1"}


def test_a_name_needs_its_directory_synced_and_the_content_its_file() -> None:
    storage = PowerCutStorage()
    storage.write("d/b", 0, b"3")
    storage.sync_dir("d")
    assert storage.after_power_loss().files() == {"d/b": b""}

    storage = PowerCutStorage()
    storage.write("d/b", 0, b"3")
    storage.sync("d/b")
    storage.sync_dir("")
    assert storage.after_power_loss().files() == {}


@pytest.mark.parametrize(
    ("mode", "content"), [(CrashMode.KEEP, b"aabb"), (CrashMode.AFTER, b"aaccdd"), (CrashMode.LOSE, b"")]
)
def test_keep_and_after_differ_by_the_last_operation(mode: CrashMode, content: bytes) -> None:
    storage = PowerCutStorage({"x": b""}, stop=1, mode=mode)
    storage.write("x", 0, b"aabb")
    with pytest.raises(PowerLoss, match="operation 1: write x"):
        storage.write("x", 2, b"ccdd")
    assert storage.after_power_loss().read("x") == content


def test_torn_writes_end_at_every_byte() -> None:
    lengths = set()
    for seed in range(100):
        storage = PowerCutStorage({"x": b""}, stop=0, mode=CrashMode.TORN, seed=seed)
        with pytest.raises(PowerLoss):
            storage.write("x", 0, b"01234567")
        content = storage.after_power_loss().read("x")
        assert b"01234567".startswith(content)
        lengths.add(len(content))
    assert lengths == set(range(8))


def test_garbage_stays_in_the_range_of_the_last_write() -> None:
    storage = PowerCutStorage({"x": bytes(100)}, stop=0, mode=CrashMode.GARBAGE)
    with pytest.raises(PowerLoss):
        storage.write("x", 40, b"\xff" * 20)
    content = storage.after_power_loss().read("x")
    assert content[:40] == bytes(40)
    assert content[60:] == bytes(40)
    assert content[40:60] not in {bytes(20), b"\xff" * 20}


def test_reordering_drops_single_sectors_of_a_large_write() -> None:
    def sectors(seed: int) -> tuple[int, ...]:
        storage = PowerCutStorage({"x": bytes(4 * 512)}, stop=1, mode=CrashMode.REORDER, seed=seed)
        storage.write("x", 0, b"\xff" * 4 * 512)
        with pytest.raises(PowerLoss):
            storage.sync("x")
        content = storage.after_power_loss().read("x")
        return tuple(content[at * 512] for at in range(4))

    seen = {sectors(seed) for seed in range(200)}
    assert len(seen) == 16


def test_a_rename_is_never_torn() -> None:
    for mode in CrashMode:
        for seed in SEEDS:
            storage = PowerCutStorage({"a": b"1", "b": b"2"}, stop=0, mode=mode, seed=seed)
            with pytest.raises(PowerLoss):
                storage.rename("a", "b")
            assert storage.after_power_loss().files() in ({"a": b"1", "b": b"2"}, {"b": b"1"})


def test_the_same_seed_loses_the_same() -> None:
    for mode in CrashMode:
        first, second = (crashed(good, 4, mode, seed=7).files() for _ in range(2))
        assert first == second


def test_no_except_exception_swallows_a_power_cut() -> None:
    storage = PowerCutStorage(stop=0)
    with pytest.raises(PowerLoss), suppress(Exception):
        storage.write("x", 0, b"1")
    for act in (lambda: storage.read("x"), storage.sync_dir, storage.list):
        with pytest.raises(PowerLoss, match="power is off"):
            act()


def test_a_second_cut_can_follow_the_first() -> None:
    first = crashed(good, 2, CrashMode.KEEP, 0)
    second = first.after_power_loss(stop=1, mode=CrashMode.TORN)
    with pytest.raises(PowerLoss):
        good(second)
    assert boots(second.after_power_loss())


@pytest.mark.parametrize(
    ("fault", "error", "content"),
    [(Fault.ENOSPC, StorageFullError, b"old!"), (Fault.EIO, StorageError, b"old!")],
)
def test_a_fault_fails_one_operation_and_leaves_the_power_on(
    fault: Fault, error: type[StorageError], content: bytes
) -> None:
    storage = PowerCutStorage({"x": b"old!"}, faults={0: fault})
    with pytest.raises(error, match="write x"):
        storage.write("x", 0, b"new!")
    assert storage.read("x") == content
    storage.write("x", 0, b"new!")
    assert storage.read("x") == b"new!"


def test_a_short_write_leaves_a_beginning() -> None:
    lengths = set()
    for seed in range(50):
        storage = PowerCutStorage({"x": b""}, faults={0: Fault.SHORT}, seed=seed)
        with pytest.raises(StorageFullError):
            storage.write("x", 0, b"0123")
        lengths.add(len(storage.read("x")))
    assert lengths == {0, 1, 2, 3}


def test_a_failed_sync_makes_nothing_durable() -> None:
    storage = PowerCutStorage({"x": b"1"}, faults={1: Fault.EIO})
    storage.write("x", 0, b"2")
    with pytest.raises(StorageError, match="sync x"):
        storage.sync("x")
    assert storage.after_power_loss().read("x") == b"1"


def test_a_directory_goes_in_and_out_unchanged(tmp_path: Path) -> None:
    storage = PowerCutStorage({"a": b"1", "d/e/b": b"2"})
    storage.to_directory(tmp_path)
    assert PowerCutStorage.of_directory(tmp_path).files() == storage.files()


def test_the_log_counts_what_was_done() -> None:
    storage = PowerCutStorage()
    replace(storage, "d/x", b"1")
    assert storage.log == ["write d/x.new", "sync d/x.new", "rename d/x.new d/x", "sync_dir d"]
    assert (storage.operations, storage.syncs) == (4, 2)
