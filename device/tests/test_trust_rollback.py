"""Every way back that notes on TUF §1.5 demonstrates against a plain client, closed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from securesystemslib.exceptions import VerificationError

from device.clock import FixedClock
from device.ic.errors import IcError, IcFailedError
from device.tests.trust_device import TrustDevice
from device.tests.tuf_repository import DAY, NOW, TufRepository
from suit.errors import ExpiredError, NetworkError, NotAuthenticError, RollbackError


@pytest.fixture
def device(tmp_path: Path) -> TrustDevice:
    """A device that has seen release 3, while its repository's release 2 is kept for an attack."""
    repository = TufRepository()
    device = TrustDevice(tmp_path / "tuf", repository)
    repository.publish("release 2")
    device.update()
    device.old_files = dict(repository.files)
    device.old_cache = device.save_cache()
    repository.publish("release 3")
    assert device.update().raw == b"release 3"
    return device


def truncate(*names: str) -> Callable[[TrustDevice], None]:
    def damage(device: TrustDevice) -> None:
        for name in names:
            path = device.cached(name)
            path.write_bytes(path.read_bytes()[:100])

    return damage


def empty(*names: str) -> Callable[[TrustDevice], None]:
    def damage(device: TrustDevice) -> None:
        for name in names:
            device.cached(name).write_bytes(b"")

    return damage


def flip_and_lose(device: TrustDevice) -> None:
    path = device.cached("timestamp.json")
    raw = bytearray(path.read_bytes())
    raw[raw.index(b'"sig"') + 12] ^= 1
    path.write_bytes(raw)
    device.cached("snapshot.json").unlink()


DAMAGES: dict[str, Callable[[TrustDevice], None]] = {
    "1 cache intact": lambda _: None,
    "2 directory deleted": TrustDevice.wipe_cache,
    "3 directory restored from a backup": lambda device: device.restore_cache(device.old_cache),
    "4a timestamp truncated": truncate("timestamp.json"),
    "4b timestamp and snapshot truncated": truncate("timestamp.json", "snapshot.json"),
    "4b timestamp and snapshot empty": empty("timestamp.json", "snapshot.json"),
    "4c bit flip in timestamp, snapshot lost": flip_and_lose,
}


@pytest.mark.req("H5-1")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_older_repository_is_refused_whatever_happened_to_the_cache(
    device: TrustDevice, damage: Callable[[TrustDevice], None]
) -> None:
    known = device.ic.anchor()
    damage(device)
    device.serve(device.old_files)
    with pytest.raises(RollbackError, match=r"timestamp\.json: 2 is below 3"):
        device.update()
    assert device.ic.anchor() == known
    assert not any(name.startswith("targets/") for name in device.fetcher.requests)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_honest_repository_heals_the_cache(
    device: TrustDevice, damage: Callable[[TrustDevice], None]
) -> None:
    damage(device)
    assert device.update().raw == b"release 3"
    damage(device)
    device.serve(device.old_files)
    with pytest.raises(RollbackError):
        device.refresh()
    device.serve(device.repository.files)
    device.repository.publish("release 4")
    assert device.update().raw == b"release 4"


def test_5a_revoked_online_keys_with_cached_root_are_refused(device: TrustDevice) -> None:
    attack = _revoke_then_withhold(device)
    device.serve(attack)
    with pytest.raises(NotAuthenticError):
        device.update()


@pytest.mark.req("H5-2")
def test_5b_wiped_cache_and_withheld_root_do_not_revive_revoked_keys(device: TrustDevice) -> None:
    attack = _revoke_then_withhold(device)
    device.wipe_cache()
    for name in device.storage.list("tuf"):
        if name != "factory.root.json":
            device.storage.unlink(f"tuf/{name}")
    device.serve(attack)
    with pytest.raises(RollbackError, match=r"root\.json: 1 is below 2"):
        device.update()


def _revoke_then_withhold(device: TrustDevice) -> dict[str, bytes]:
    """Return what thieves of the old online keys serve after these were revoked in root 2."""
    thieves = {role: list(signers) for role, signers in device.repository.signers.items()}
    device.repository.rotate("snapshot", "timestamp")
    device.repository.publish("release 4")
    device.update()
    assert device.ic.anchor().root_version == 2
    device.repository.signers = thieves
    device.repository.publish("release 666")
    attack = dict(device.repository.files)
    del attack["metadata/2.root.json"]
    return attack


def test_6_ic_fault_in_a_local_check_ends_the_refresh(device: TrustDevice) -> None:
    def fail_on_local_files(count: int) -> None:
        if count > 1:
            raise IcFailedError("the IC stopped")

    known = device.ic.anchor()
    device.ic.on_verify(fail_on_local_files)
    device.serve(device.old_files)
    with pytest.raises(IcError):
        device.update()
    assert device.ic.anchor() == known
    assert device.fetcher.requests == ["metadata/2.root.json"]


@pytest.mark.req("H5-7", "H6-8")
@pytest.mark.parametrize("fault", range(1, 6))
def test_ic_fault_in_any_check_propagates_and_is_not_an_unsigned_verdict(
    device: TrustDevice, fault: int
) -> None:
    def fail(count: int) -> None:
        if count == fault:
            raise IcFailedError("the IC stopped")

    device.ic.on_verify(fail)
    with pytest.raises(IcFailedError) as caught:
        device.update()
    assert not isinstance(caught.value, VerificationError | NotAuthenticError)
    device.ic.on_verify()
    assert device.update().raw == b"release 3"


def test_glitch_that_denies_the_local_reference_still_meets_the_floor(device: TrustDevice) -> None:
    """Case 6: a fault that python-tuf takes for "unsigned" makes it drop its own reference."""

    def glitch(count: int) -> None:
        if count in {2, 4}:
            raise VerificationError("glitch")

    device.ic.on_verify(glitch)
    device.serve(device.old_files)
    with pytest.raises(RollbackError):
        device.update()


def test_snapshot_listed_by_a_newer_timestamp_may_not_be_older(device: TrustDevice) -> None:
    repository = device.repository
    device.wipe_cache()
    repository.snapshot.version = 1
    repository.publish_snapshot()
    with pytest.raises(RollbackError, match=r"snapshot\.json: 2 is below 3"):
        device.update()


def test_versions_beyond_nv_counters_are_refused(device: TrustDevice) -> None:
    known = device.ic.anchor()
    device.repository.timestamp.version = (1 << 63) - 1
    device.repository.publish_timestamp()
    with pytest.raises(NotAuthenticError, match="version"):
        device.refresh()
    assert device.ic.anchor() == known


def test_highest_version_is_accepted(device: TrustDevice) -> None:
    device.repository.timestamp.version = (1 << 63) - 2
    device.repository.publish_timestamp()
    assert device.refresh()
    assert device.ic.anchor().timestamp.version == (1 << 63) - 1


@pytest.mark.req("H5-3")
def test_fast_forward_is_recovered_by_rotating_the_keys(device: TrustDevice) -> None:
    repository = device.repository
    repository.timestamp.version = repository.snapshot.version = 1_000_000
    repository.publish_snapshot()
    device.refresh()
    assert device.ic.anchor().timestamp == (0, 1_000_001)
    repository.rotate("timestamp", "snapshot")
    repository.timestamp.version = repository.snapshot.version = 3
    repository.publish("release 4")
    assert device.update().raw == b"release 4"
    assert device.ic.anchor().timestamp == (2, 4)
    device.wipe_cache()
    assert device.update().raw == b"release 4"


@pytest.mark.req("H5-3")
def test_adding_a_key_does_not_reset_the_floor(device: TrustDevice) -> None:
    """Old metadata would still be valid under the new root: its floor has to hold."""
    device.repository.rotate("timestamp", "snapshot", keep_old=True)
    device.wipe_cache()
    replay = device.old_files | {
        name: raw for name, raw in device.repository.files.items() if name.endswith("root.json")
    }
    device.serve(replay)
    with pytest.raises(RollbackError, match=r"timestamp\.json"):
        device.update()


@pytest.mark.req("H5-5")
def test_anchor_is_not_moved_by_an_incomplete_refresh(device: TrustDevice) -> None:
    known = device.ic.anchor()
    device.repository.publish("release 4")
    missing = {
        name: raw for name, raw in device.repository.files.items() if name != "metadata/4.snapshot.json"
    }
    device.serve(missing)
    with pytest.raises(NetworkError, match=r"4\.snapshot\.json"):
        device.refresh()
    assert device.ic.anchor() == known


def test_poll_without_change_costs_at_most_five_verifications_after_ten_rotations(
    device: TrustDevice,
) -> None:
    for _ in range(10):
        device.repository.rotate("root", "timestamp", "snapshot")
        device.repository.publish_snapshot()
        device.refresh()
    assert device.ic.anchor().root_version == 11
    device.ic.on_verify()
    commits = device.ic.commits
    assert device.refresh() is False
    assert device.ic.verifications <= 5
    assert device.ic.commits == commits
    assert device.fetcher.requests == ["metadata/12.root.json", "metadata/timestamp.json"]


def test_poll_costs_at_most_five_after_ten_rotations_in_one_go(device: TrustDevice) -> None:
    for _ in range(10):
        device.repository.rotate("root", "timestamp", "snapshot")
    device.repository.publish_snapshot()
    device.refresh()
    device.ic.on_verify()
    device.refresh()
    assert device.ic.verifications <= 5


def test_lost_newest_root_is_found_again_from_the_factory_root(device: TrustDevice) -> None:
    for _ in range(3):
        device.repository.rotate("root")
    device.repository.publish("release 4")
    device.refresh()
    device.wipe_cache()
    device.storage.unlink("tuf/4.root.json")
    assert device.update().raw == b"release 4"
    assert device.refresh() is False


@pytest.mark.parametrize("damage", ["flipped", "truncated", "empty", "garbage", "an older root"])
def test_damaged_newest_root_is_found_again_from_the_factory_root(device: TrustDevice, damage: str) -> None:
    device.repository.rotate("root")
    device.repository.publish("release 4")
    device.refresh()
    name, known = "tuf/2.root.json", device.ic.anchor()
    good = device.storage.read(name)
    bad = {
        "flipped": good[:500] + bytes([good[500] ^ 1]) + good[501:],
        "truncated": good[:500],
        "empty": b"",
        "garbage": b"\xff" * 500,
        "an older root": device.repository.first_root,
    }[damage]
    device.storage.truncate(name, 0)
    device.storage.write(name, 0, bad)
    device.wipe_cache()
    assert device.update().raw == b"release 4"
    assert device.ic.anchor() == known
    assert device.storage.read(name) == good
    device.ic.on_verify()
    device.refresh()
    assert device.ic.verifications <= 5
    device.serve(device.old_files)
    with pytest.raises(RollbackError):
        device.update()


def test_another_root_of_the_anchored_version_is_refused(device: TrustDevice) -> None:
    """Thieves of root's keys fork the chain; a device that lost its flash is not led astray."""
    device.repository.rotate("timestamp")
    device.repository.publish("release 4")
    device.refresh()
    honest = device.ic.anchor()
    device.wipe_cache()
    device.storage.unlink("tuf/2.root.json")
    device.repository.root.version = 1
    device.repository.rotate("timestamp")
    device.repository.publish("release 666")
    with pytest.raises(NotAuthenticError, match="IC vouches"):
        device.update()
    assert device.ic.anchor() == honest


def test_planted_factory_root_is_not_believed(device: TrustDevice) -> None:
    theirs = TufRepository()
    device.wipe_cache()
    device.storage.truncate("tuf/factory.root.json", 0)
    device.storage.write("tuf/factory.root.json", 0, theirs.first_root)
    for name in device.storage.list("tuf"):
        if name != "factory.root.json":
            device.storage.unlink(f"tuf/{name}")
    device.serve(theirs.files)
    with pytest.raises(NotAuthenticError, match="IC vouches"):
        device.update()


@pytest.mark.req("H5-4")
def test_clock_set_back_is_held_by_the_floor(device: TrustDevice) -> None:
    device.clock = FixedClock(NOW + 20 * DAY)
    device.repository.expiry["timestamp"] = NOW + 21 * DAY
    device.repository.publish("release 4")
    device.refresh()
    assert device.ic.anchor().time_floor == NOW + 20 * DAY
    device.repository.expiry["timestamp"] = NOW + 19 * DAY
    device.repository.publish("release 5")
    device.clock = FixedClock(NOW)
    with pytest.raises(ExpiredError):
        device.update()
