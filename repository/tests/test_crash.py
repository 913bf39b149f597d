"""Stop a publisher at every single call that changes the disk; then look at what is left.

A child process publishes and kills itself before the k-th such call (which is also: right after the one
before), or in the middle of the k-th write, without any clean-up. Clients must see the old or the new
state, and the next publish must work.
"""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from repository.repository import Repository
from repository.tests.making import (
    OTHER_VENDOR,
    VENDOR,
    FakeClock,
    client_sees,
    make_repository,
    make_update,
    public_state,
)
from suit.errors import StorageError

# From Python 3.12 on fork warns when the test runner has threads; our children only publish and exit.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

CHANGES = ("open", "write", "fsync", "link", "replace", "unlink", "mkdir")
REACHED = 77


class Saboteur:
    """Lets ``before`` calls that change the disk pass, then calls ``strike``."""

    def __init__(
        self,
        passes: int,
        strike: Callable[[str, Any, tuple[Any, ...]], Any],
        calls: Sequence[str] = CHANGES,
    ) -> None:
        self.count = 0
        self._calls = calls
        self._passes = passes
        self._strike = strike

    def install(self, patch: Callable[[str, Any], None]) -> None:
        for name in self._calls:
            patch(name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return real(*args, **kwargs)
            self.count += 1
            if self.count == self._passes + 1:
                return self._strike(name, lambda: real(*args, **kwargs), args)
            return real(*args, **kwargs)

        return call


def kill_before(_name: str, _call: Any, _args: tuple[Any, ...]) -> None:
    os._exit(REACHED)


def kill_in_the_middle(_name: str, _call: Any, args: tuple[Any, ...]) -> None:
    descriptor, data = args
    os.writev(descriptor, [memoryview(data)[: len(data) // 2]])
    os._exit(REACHED)


def killed(
    action: Callable[[], object], passes: int, strike: Any = kill_before, calls: Sequence[str] = CHANGES
) -> bool:
    """Run the action in a child that is killed after some calls; tell whether it got that far."""
    child = os.fork()
    if child == 0:
        try:
            Saboteur(passes, strike, calls).install(lambda name, value: setattr(os, name, value))
            action()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == REACHED


@pytest.mark.req("H4-7")
@pytest.mark.parametrize(
    ("strike", "calls", "expected"), [(kill_before, CHANGES, 40), (kill_in_the_middle, ["write"], 6)]
)
def test_killed_publisher_leaves_the_old_or_the_new_state(
    tmp_path: Path, clock: FakeClock, strike: Any, calls: Sequence[str], expected: int
) -> None:
    original = make_repository(tmp_path / "original", clock, bins=2)
    old = make_update(tmp_path / "files", 1, b"old")
    new = make_update(tmp_path / "files", 2, b"new")
    newest = make_update(tmp_path / "files", 3, b"newest")
    original.publish(old)
    seen = set()
    for passes in range(200):
        shutil.copytree(original.directory, tmp_path / "copy")
        copy = Repository.open(tmp_path / "copy", clock)
        stopped = killed(lambda copy=copy: copy.publish(new), passes, strike, calls)  # type: ignore[misc]
        state = client_sees(copy.directory, clock.now, old.path)
        assert state in {old.envelope, new.envelope}
        seen.add(state)
        copy = Repository.open(copy.directory, clock)
        assert copy.status().targets[0].info.sequence_number in {1, 2}
        copy.publish(newest)
        assert client_sees(copy.directory, clock.now, old.path) == newest.envelope
        assert not list((copy.directory / "staging").glob("*.part")), "orphans are swept"
        shutil.rmtree(copy.directory)
        if not stopped:
            break
    assert passes >= expected, "there are that many calls to be killed at"
    assert seen == {old.envelope, new.envelope}


def test_killed_vendor_can_be_added_again(tmp_path: Path, clock: FakeClock) -> None:
    original = Repository.create(tmp_path / "original", clock=clock)
    for passes in range(0, 400, 9):
        shutil.copytree(original.directory, tmp_path / "copy")
        copy = Repository.open(tmp_path / "copy", clock)
        stopped = killed(lambda copy=copy: copy.add_vendor(VENDOR, bins=2), passes)  # type: ignore[misc]
        copy = Repository.open(copy.directory, clock)
        if not copy.head().vendors():
            copy.add_vendor(VENDOR, bins=2)
        copy.add_vendor(OTHER_VENDOR, bins=2)
        update = make_update(tmp_path / "files", 1)
        copy.publish(update)
        assert client_sees(copy.directory, clock.now, update.path) == update.envelope
        shutil.rmtree(copy.directory)
        if not stopped:
            return
    pytest.fail("adding a vendor never came to its end")


def test_killed_init_leaves_no_repository_and_can_be_run_again(tmp_path: Path, clock: FakeClock) -> None:
    for passes in range(0, 400, 9):
        place = tmp_path / f"run-{passes}" / "repo"
        stopped = killed(lambda place=place: Repository.create(place, clock=clock), passes)  # type: ignore[misc]
        if not place.exists():
            Repository.create(place, clock=clock)
        assert Repository.open(place, clock).status().roles
        if not stopped:
            return
    pytest.fail("init never came to its end")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_failing_disk_is_one_error_and_changes_nothing_for_clients(
    tmp_path: Path, clock: FakeClock, code: int
) -> None:
    repository = make_repository(tmp_path / "repo", clock, bins=2)
    old = make_update(tmp_path / "files", 1, b"old")
    repository.publish(old)

    def fail(_name: str, _call: Any, _args: tuple[Any, ...]) -> None:
        raise OSError(code, os.strerror(code))

    number, failures = 2, 0
    for passes in range(200):
        update = make_update(tmp_path / "files", number, f"payload {number}".encode())
        saboteur = Saboteur(passes, fail)
        with pytest.MonkeyPatch.context() as patch:
            saboteur.install(lambda name, value: patch.setattr(os, name, value))
            try:
                repository.publish(update)
            except StorageError:
                failures += 1
        seen = client_sees(repository.directory, clock.now, old.path)
        if saboteur.count <= passes:
            assert seen == update.envelope
            break
        assert seen is not None
        number += 1
    assert failures > 20


def test_full_disk_leaves_no_part_of_a_payload(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = make_update(tmp_path, 1, bytes(3 << 20))
    before = public_state(repository)
    written = 0
    real = os.write

    def limited(descriptor: int, data: Any) -> int:
        nonlocal written
        if written > 1 << 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = real(descriptor, data)
        written += count
        return count

    monkeypatch.setattr(os, "write", limited)
    with pytest.raises(StorageError, match="the disk is full"):
        repository.publish(update)
    monkeypatch.undo()
    assert public_state(repository) == before
    assert not list((repository.directory / "staging").glob("*.part"))
    repository.publish(update)


def test_everything_is_durable_before_the_commit_refers_to_it(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut may lose whatever was not synced, so at the commit nothing may be unsynced."""
    unsynced: set[Path] = set()
    at_commit: list[set[Path]] = []
    real_fsync, real_link, real_mkdir = os.fsync, os.link, os.mkdir

    def fsync(descriptor: int) -> None:
        real_fsync(descriptor)
        unsynced.discard(Path(f"/proc/self/fd/{descriptor}").readlink())

    def link(source: Path, target: Path) -> None:
        if target.name.endswith(".timestamp.json"):
            at_commit.append(set(unsynced))
        assert source not in unsynced, "a file gets its name only when its bytes are durable"
        real_link(source, target)
        unsynced.add(target.parent)

    def mkdir(path: Path, *args: Any) -> None:
        real_mkdir(path, *args)
        unsynced.update({path.parent, path})

    real_open = os.open

    def opening(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & os.O_CREAT:
            unsynced.add(Path(path))
        return real_open(path, flags, *args, **kwargs)

    for name, replacement in (("fsync", fsync), ("link", link), ("mkdir", mkdir), ("open", opening)):
        monkeypatch.setattr(os, name, replacement)
    repository.publish(make_update(tmp_path, 1))
    monkeypatch.undo()
    assert at_commit == [set()]
    assert unsynced - {repository.directory / "staging"} == set(), "the commit itself is durable too"
