"""Storage in a directory of the operating system."""

import errno
import fcntl
import os
import stat
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from typing_extensions import override

from device.storage.port import (
    Data,
    Names,
    NotFoundError,
    Storage,
    StorageFullError,
    require_range,
    split_directory,
    split_name,
)
from suit.errors import StorageError

_MAX_HOT_FILES = 16
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_sync_data = getattr(os, "fdatasync", os.fsync)


class DirectoryStorage(Storage):
    """Storage in a directory of the operating system, held by one process at a time.

    Files that are written stay open, so a stream of chunks costs one system call each. Symbolic
    links are never followed, in no segment of a name.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Open the directory, make it when missing, and lock it.

        Raises:
            StorageError: It is not a directory, not accessible, or another process holds it.
        """
        self._where = os.fspath(root)
        self._hot: OrderedDict[str, int] = OrderedDict()
        with _translated(self._where):
            make_directory(Path(self._where))
            self._root = os.open(self._where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._finalizer = weakref.finalize(self, _close_all, self._root, self._hot)
        try:
            fcntl.flock(self._root, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise StorageError(f"{self._where}: in use by another process") from error

    @override
    def read(self, name: str, offset: int = 0, size: int | None = None) -> bytes:
        require_range(name, offset, size or 0)
        fd = self._existing(name)
        with _translated(name):
            wanted = max(os.fstat(fd).st_size - offset, 0) if size is None else size
            return _pread_all(fd, offset, wanted)

    @override
    def size(self, name: str) -> int | None:
        try:
            fd = self._existing(name)
        except NotFoundError:
            return None
        with _translated(name):
            return os.fstat(fd).st_size

    @override
    def write(self, name: str, offset: int, data: Data) -> None:
        require_range(name, offset)
        fd = self._file(name, create=True)
        with _translated(name):
            _pwrite_all(fd, offset, data)

    @override
    def append(self, name: str, data: Data) -> None:
        fd = self._file(name, create=True)
        with _translated(name):
            _pwrite_all(fd, os.fstat(fd).st_size, data)

    @override
    def truncate(self, name: str, size: int) -> None:
        require_range(name, size)
        fd = self._existing(name)
        with _translated(name):
            os.ftruncate(fd, size)

    @override
    def rename(self, old: str, new: str) -> None:
        self._cool(old)
        self._cool(new)
        with (
            _translated(old),
            self._directory(split_name(old)[:-1]) as source,
            self._directory(split_name(new)[:-1], create=True) as target,
        ):
            _require_file(split_name(old)[-1], source)
            os.rename(split_name(old)[-1], split_name(new)[-1], src_dir_fd=source, dst_dir_fd=target)

    @override
    def unlink(self, name: str) -> None:
        self._cool(name)
        with _translated(name), self._directory(split_name(name)[:-1]) as directory:
            os.unlink(split_name(name)[-1], dir_fd=directory)

    @override
    def list(self, directory: str = "") -> Names:
        try:
            with (
                _translated(directory),
                self._directory(split_directory(directory)) as fd,
                os.scandir(fd) as entries,
            ):
                return sorted(e.name for e in entries if e.is_file(follow_symlinks=False))
        except NotFoundError:
            return []

    @override
    def sync(self, name: str) -> None:
        fd = self._existing(name)
        with _translated(name):
            _sync_data(fd)

    @override
    def sync_dir(self, directory: str = "") -> None:
        with _translated(directory), self._directory(split_directory(directory)) as fd:
            os.fsync(fd)

    @override
    def close(self) -> None:
        self._finalizer()

    def _existing(self, name: str) -> int:
        return self._file(name, create=False)

    def _file(self, name: str, *, create: bool) -> int:
        fd = self._hot.get(name)
        if fd is not None:
            self._hot.move_to_end(name)
            return fd
        segments = split_name(name)
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        with _translated(name), self._directory(segments[:-1], create=create) as directory:
            fd = os.open(segments[-1], flags | (os.O_CREAT if create else 0), 0o600, dir_fd=directory)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise StorageError(f"{name!r}: not a regular file")
        self._hot[name] = fd
        if len(self._hot) > _MAX_HOT_FILES:
            os.close(self._hot.popitem(last=False)[1])
        return fd

    def _cool(self, name: str) -> None:
        fd = self._hot.pop(name, None)
        if fd is not None:
            os.close(fd)

    @contextmanager
    def _directory(self, segments: tuple[str, ...], *, create: bool = False) -> Iterator[int]:
        if not self._finalizer.alive:
            raise StorageError(f"{self._where}: the storage is closed")
        fd = os.dup(self._root)
        try:
            for segment in segments:
                inner = _open_directory(segment, fd, create=create)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)


def make_directory(directory: Path) -> None:
    """Make a directory for its owner alone, durably, with those above it; raises :class:`OSError`."""
    if directory.exists():
        return
    missing = [directory, *(above for above in directory.absolute().parents if not above.exists())]
    directory.mkdir(mode=0o700, parents=True)
    for made in missing:
        sync_path(made.absolute().parent)


def sync_path(path: Path) -> None:
    """Return once a file's content, or a directory's names, are durable; raises :class:`OSError`."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _open_directory(segment: str, parent_fd: int, *, create: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(segment, flags, dir_fd=parent_fd)
    except FileNotFoundError:
        if not create:
            raise
    # A new directory's own name is synced here, so that sync_dir of it is enough for its files.
    os.mkdir(segment, 0o700, dir_fd=parent_fd)
    os.fsync(parent_fd)
    return os.open(segment, flags, dir_fd=parent_fd)


def _require_file(segment: str, directory: int) -> None:
    if not stat.S_ISREG(os.stat(segment, dir_fd=directory, follow_symlinks=False).st_mode):
        raise OSError(errno.EINVAL, "not a regular file")


def _pread_all(fd: int, offset: int, wanted: int) -> bytes:
    first = os.pread(fd, wanted, offset)
    if len(first) == wanted or not first:
        return first
    parts = [first]
    got = len(first)
    while got < wanted and (part := os.pread(fd, wanted - got, offset + got)):
        parts.append(part)
        got += len(part)
    return b"".join(parts)


def _pwrite_all(fd: int, offset: int, data: Data) -> None:
    written = os.pwrite(fd, data, offset)
    if written == len(data):
        return
    rest = memoryview(data)
    while written < len(rest):
        written += os.pwrite(fd, rest[written:], offset + written)


def _close_all(root: int, hot: OrderedDict[str, int]) -> None:
    for fd in (root, *hot.values()):
        os.close(fd)
    hot.clear()


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"{name!r}: no such file") from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError(f"{name!r}: the storage is full") from error
        raise StorageError(f"{name!r}: {error.strerror or error}") from error
