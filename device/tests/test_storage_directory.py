"""What only the real directory has to withstand: links, other processes, a full disk, dead handles."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.storage import DirectoryStorage, StorageFullError
from suit.errors import ExitCode, StorageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def storage(root: Path) -> Iterator[DirectoryStorage]:
    with DirectoryStorage(root) as opened:
        yield opened


def test_the_root_is_made_with_its_parents_and_private(tmp_path: Path) -> None:
    with DirectoryStorage(tmp_path / "a" / "b") as storage:
        storage.write("secret", 0, b"1")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b" / "secret").stat().st_mode & 0o777 == 0o600


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(StorageError, match="file"):
        DirectoryStorage(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.req("H7-7")
def test_a_symbolic_link_to_a_file_is_never_followed(
    storage: DirectoryStorage, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    (root / "link").symlink_to(outside)
    for act in (
        lambda: storage.read("link"),
        lambda: storage.size("link"),
        lambda: storage.write("link", 0, b"yours"),
        lambda: storage.truncate("link", 0),
        lambda: storage.rename("link", "name"),
    ):
        with pytest.raises(StorageError, match="link"):
            act()
    assert storage.list() == []
    assert outside.read_bytes() == b"mine"
    storage.unlink("link")
    assert outside.read_bytes() == b"mine"


@pytest.mark.req("H7-7")
def test_a_symbolic_link_to_a_directory_is_never_followed(
    storage: DirectoryStorage, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (root / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(StorageError, match="link/x"):
        storage.write("link/x", 0, b"yours")
    with pytest.raises(StorageError, match="link"):
        storage.list("link")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_replaced_link_does_not_redirect_a_replace(
    storage: DirectoryStorage, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_bytes(b"mine")
    (root / "name").symlink_to(tmp_path / "outside")
    storage.write("fresh", 0, b"content")
    storage.rename("fresh", "name")
    assert storage.read("name") == b"content"
    assert (tmp_path / "outside").read_bytes() == b"mine"


def test_a_pipe_or_directory_is_no_file(storage: DirectoryStorage, root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "directory").mkdir()
    for name in ("pipe", "directory"):
        with pytest.raises(StorageError, match=name):
            storage.write(name, 0, b"x")
        with pytest.raises(StorageError, match=name):
            storage.rename(name, "other")
    assert storage.list() == []


def test_a_second_holder_is_refused_until_the_first_lets_go(storage: DirectoryStorage, root: Path) -> None:
    with pytest.raises(StorageError, match="in use"):
        DirectoryStorage(root)
    storage.close()
    DirectoryStorage(root).close()


def test_the_lock_holds_between_processes_and_dies_with_them(root: Path) -> None:
    program = """if True:
        import sys
        from device.storage import DirectoryStorage
        storage = DirectoryStorage(sys.argv[1])
        print("held", flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", program, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StorageError, match="in use"):
            DirectoryStorage(root)
        other.kill()
    DirectoryStorage(root).close()


def test_a_closed_storage_says_so(storage: DirectoryStorage) -> None:
    storage.write("x", 0, b"1")
    storage.close()
    storage.close()
    with pytest.raises(StorageError, match="closed"):
        storage.read("x")
    with pytest.raises(StorageError, match="closed"):
        storage.sync_dir()


def test_no_handle_leaks_over_many_files(storage: DirectoryStorage) -> None:
    def open_handles() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_handles()
    for number in range(100):
        storage.write(f"d/{number}", 0, b"x")
        storage.sync(f"d/{number}")
        storage.sync_dir("d")
    assert open_handles() - before <= 16
    assert [storage.read(f"d/{number}") for number in range(100)] == [b"x"] * 100
    storage.close()
    assert open_handles() < before


def test_a_full_disk_is_called_full(storage: DirectoryStorage) -> None:
    storage.write("x", 0, b"kept")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageFullError, match="'y': the storage is full") as raised:
            storage.write("y", 0, bytes(300_000))
        with pytest.raises(StorageFullError, match="full"):
            storage.truncate("x", 300_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.exit_code is ExitCode.STORAGE
    assert storage.read("x") == b"kept"


def test_a_medium_without_space_is_called_full(
    storage: DirectoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        real = os.pwrite
        monkeypatch.setattr(os, "pwrite", lambda _, data, offset: real(full.fileno(), data, offset))
        with pytest.raises(StorageFullError, match="full"):
            storage.append("x", b"1")


def test_short_writes_and_reads_are_continued(
    storage: DirectoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, read = os.pwrite, os.pread
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: write(fd, bytes(data[:3]), at))
    monkeypatch.setattr(os, "pread", lambda fd, size, at: read(fd, min(size, 2), at))
    storage.write("x", 1, b"0123456789")
    assert storage.read("x") == b"\x000123456789"
    assert storage.read("x", 1, 4) == b"0123"


def test_a_sync_reaches_the_operating_system(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real_sync, real_data = os.fsync, os.fdatasync

    def note(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        (real_data if (root / synced[-1]).is_file() else real_sync)(fd)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr("device.storage.directory._sync_data", note)
    with DirectoryStorage(root) as storage:
        storage.write("d/x", 0, b"1")
        storage.sync("d/x")
        storage.sync_dir("d")
    assert synced == [root.parent.name, "store", "x", "d"]


def test_a_failed_sync_is_an_error(storage: DirectoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    storage.write("x", 0, b"1")
    monkeypatch.setattr("device.storage.directory._sync_data", fail)
    with pytest.raises(StorageError, match="'x': Input/output error"):
        storage.sync("x")
