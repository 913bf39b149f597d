"""Crashes and damage in the directory of notes on TUF §1.6: never fatal, never a way back."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typing_extensions import override

from device.storage import MemoryStorage
from device.storage.port import Data
from device.tests.probed_ic import ProbedIc
from device.tests.trust_device import TrustDevice
from device.tests.tuf_repository import TufRepository
from device.tuf import cache
from suit.errors import NotAuthenticError, RollbackError


class Crash(BaseException):
    """The process is gone."""


class Countdown:
    """Raises at the n-th step; counts the steps when it does not."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps
        self.taken = 0

    def step(self) -> None:
        self.taken += 1
        if self.left is not None and self.taken == self.left:
            raise Crash


class CrashingStorage(MemoryStorage):
    """Storage whose every change is a step."""

    countdown = Countdown()

    @override
    def write(self, name: str, offset: int, data: Data) -> None:
        self.countdown.step()
        super().write(name, offset, data)

    @override
    def rename(self, old: str, new: str) -> None:
        self.countdown.step()
        super().rename(old, new)

    @override
    def unlink(self, name: str) -> None:
        self.countdown.step()
        super().unlink(name)


@pytest.fixture
def countdown(monkeypatch: pytest.MonkeyPatch) -> Countdown:
    """Make every change of the file system by ngclient a step."""
    countdown = Countdown()
    for name in ("replace", "remove", "symlink"):
        real = getattr(os, name)

        def stepping(*args: object, real: Callable[..., None] = real) -> None:
            countdown.step()
            real(*args)

        monkeypatch.setattr(f"tuf.ngclient.updater.os.{name}", stepping)
    return countdown


@pytest.fixture
def device(tmp_path: Path) -> TrustDevice:
    device = TrustDevice(tmp_path / "tuf", TufRepository())
    device.update()
    device.old_files = dict(device.repository.files)
    return device


def _advance(repository: TufRepository) -> None:
    repository.rotate("root", "timestamp")
    repository.rotate("snapshot")
    repository.publish("release 2")


def test_killed_before_any_file_operation_the_next_run_converges(
    tmp_path: Path, countdown: Countdown
) -> None:
    total = _operations(tmp_path / "count", countdown)
    assert total >= 10
    for point in range(1, total + 1):
        device = _prepared(tmp_path / str(point))
        countdown.taken, countdown.left = 0, point
        with pytest.raises(Crash):
            device.update()
        countdown.left = None
        assert device.update().raw == b"release 2"
        assert not list(device.directory.glob("tmp*"))
        device.serve(device.old_files)
        with pytest.raises((RollbackError, NotAuthenticError)):
            device.update()


def _operations(directory: Path, countdown: Countdown) -> int:
    device = _prepared(directory)
    countdown.taken = 0
    device.update()
    return countdown.taken


def _prepared(directory: Path) -> TrustDevice:
    device = TrustDevice(directory / "tuf", TufRepository())
    device.update()
    device.old_files = dict(device.repository.files)
    _advance(device.repository)
    return device


def test_killed_before_any_storage_operation_the_next_run_converges(tmp_path: Path) -> None:
    """Also between keeping the new root and the IC's commit, where the old root is still needed."""
    for point in range(1, 60):
        device = TrustDevice(tmp_path / str(point), TufRepository())
        storage = CrashingStorage()
        device.ic = device.provision(storage)
        device.update()
        device.old_files = dict(device.repository.files)
        _advance(device.repository)
        storage.countdown = Countdown(point)
        try:
            device.update()
        except Crash:
            finished = False
        else:
            finished = True
        storage.countdown = Countdown()
        device.ic = ProbedIc.open(storage, device.key)
        device.wipe_cache()
        assert device.update().raw == b"release 2"
        device.serve(device.old_files)
        with pytest.raises((RollbackError, NotAuthenticError)):
            device.update()
        if finished:
            assert point > 5
            return
    pytest.fail("the refresh never ran to its end")


@pytest.fixture(params=["root.json", "timestamp.json", "snapshot.json", "targets.json", "root_history"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for entry in path.iterdir():
            entry.unlink()
        path.rmdir()
    else:
        path.unlink()


def _directory(path: Path) -> None:
    _remove(path)
    path.mkdir()
    (path / "x").write_bytes(b"")


def _dangling(path: Path) -> None:
    _remove(path)
    path.symlink_to("/nonexistent/file")


def _loop(path: Path) -> None:
    _remove(path)
    path.symlink_to(path.name)


def _garbage(path: Path) -> None:
    _remove(path)
    path.write_bytes(os.urandom(1000))


def _nested(path: Path) -> None:
    _remove(path)
    path.write_bytes(b"[" * 100_000)


def _huge(path: Path) -> None:
    _remove(path)
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _pipe(path: Path) -> None:
    _remove(path)
    os.mkfifo(path)


@pytest.mark.parametrize("damage", [_remove, _directory, _dangling, _loop, _garbage, _nested, _huge, _pipe])
def test_damaged_cache_heals_and_opens_no_way_back(
    device: TrustDevice, name: str, damage: Callable[[Path], None]
) -> None:
    device.repository.publish("release 2")
    device.update()
    damage(device.cached(name))
    device.serve(device.old_files)
    with pytest.raises(RollbackError):
        device.update()
    if device.cached(name).exists():
        damage(device.cached(name))
    device.serve(device.repository.files)
    assert device.update().raw == b"release 2"
    assert device.cached(name).exists()


def test_directory_that_became_a_file_is_made_again(device: TrustDevice) -> None:
    device.wipe_cache()
    device.directory.write_bytes(b"")
    assert device.update().raw == b"release 1"


def test_leaked_temporary_files_are_swept_and_strangers_left_alone(device: TrustDevice) -> None:
    for leaked in ("tmpabc_1234", "tmp00000000"):
        device.cached(leaked).write_bytes(b"x")
    device.cached("notes.txt").write_bytes(b"mine")
    device.cached("tmp").mkdir()
    device.update()
    left = {path.name for path in device.directory.iterdir()}
    assert not {"tmpabc_1234", "tmp00000000"} & left
    assert {"notes.txt", "tmp"} <= left


def test_roots_below_the_anchored_one_are_swept(device: TrustDevice) -> None:
    for _ in range(3):
        device.repository.rotate("root")
    device.repository.publish("release 2")
    device.update()
    device.update()
    kept = [path.name for path in device.cached("root_history").iterdir()]
    assert kept == ["4.root.json"]
    assert device.storage.list("tuf") == ["4.root.json", "factory.root.json"]


def test_planted_root_of_the_next_version_is_no_root(device: TrustDevice) -> None:
    theirs = TufRepository()
    theirs.rotate("root")
    planted = theirs.files["metadata/2.root.json"]
    (device.cached("root_history") / "2.root.json").write_bytes(planted)
    assert device.update().raw == b"release 1"
    assert device.ic.anchor().root_version == 1


def test_sync_reaches_every_file_and_both_directories(
    device: TrustDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()
    monkeypatch.setattr(os, "fsync", lambda fd: synced.add(str(Path(f"/proc/self/fd/{fd}").readlink())))
    cache.sync(device.directory)
    expected = {
        str(path) for path in (device.directory, *device.directory.rglob("*")) if not path.is_symlink()
    }
    assert synced == expected
    assert len(expected) == 7


def test_refresh_that_moved_something_is_synced_and_an_idle_poll_is_not(
    device: TrustDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", calls.append)
    device.refresh()
    assert not calls
    device.repository.publish("release 2")
    device.refresh()
    assert calls
