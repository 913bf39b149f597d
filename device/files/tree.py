"""A tree of files that appears all at once: built beside the old one, synced, and switched by one rename.

::

    DIR/current           -> trees/NAME, what programs open their files through
    DIR/trees/NAME/...    the files of one system

Every name is opened relative to the directory above it and without following links, so nothing that somebody
swaps on the way leads outside. A tree is made in a directory that only the agent can enter; directories get
owners and permissions last. Contents are hashed as they are copied, and have to be what the boot measured.
"""

import errno
import hashlib
import hmac
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from device.components import show_id
from device.files.posix import Attributes
from device.storage import StorageFullError
from spec.labels import FileType
from suit.errors import StorageError
from suit.manifest import ComponentId

_TREES: Final = b"trees"
_CURRENT: Final = b"current"
_NEXT: Final = b"current.new"
_CHUNK: Final = 1 << 16
_IMPLIED_MODE: Final = 0o755
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree.

    Attributes:
        path: Its component identifier: the names that lead to it.
        attributes: What it is, and who may use it.
        digest: The SHA-256 of its content, as it was measured.
        read: Yields the content: the bytes of a file, the target of a link.
        outside: Whether it is a link that local policy lets lead out of the tree.
    """

    path: ComponentId
    attributes: Attributes
    digest: bytes
    read: Callable[[], Iterable[bytes]]
    outside: bool = False


class FileTree:
    """The files of the system that runs, in a directory of the operating system.

    Args:
        root: The directory, which belongs to the agent alone. It is made when missing.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._where = Path(root)

    def deploy(self, entries: Sequence[Entry]) -> None:
        """Make these files, and no others, the ones that ``current`` leads to.

        When it raises, and when the power fails at any time, ``current`` leads to all files of before or to
        all of the new ones. Calling it again puts everything right.

        Raises:
            StorageError: A content is not what was measured, a path is no path, or the medium failed.
        """
        with _translated(self._where), self._opened() as root:
            trees = _enter(root, _TREES, create=True)
            try:
                os.fchmod(trees, _IMPLIED_MODE)
                _sweep(trees, _present(root))  # what failed attempts left may be the room that is missing
                name = secrets.token_hex(8).encode()
                os.mkdir(name, 0o700, dir_fd=trees)
                self._build(trees, name, sorted(entries, key=lambda entry: entry.path))
                os.fsync(trees)
                _switch(root, name)
                _sweep(trees, name)
            finally:
                os.close(trees)

    def _build(self, trees: int, name: bytes, entries: Sequence[Entry]) -> None:
        top = _enter(trees, name)
        try:
            # Directories come before what they hold, since a path sorts before those that begin with it.
            made = {entry.path: entry.attributes for entry in entries if _is_directory(entry)}
            for entry in entries:
                for depth in range(1, len(entry.path)):
                    made.setdefault(entry.path[:depth], Attributes(FileType.DIRECTORY, _IMPLIED_MODE))
            for entry in entries:
                with _above(top, entry.path) as directory:
                    _place(entry, directory)
            for path in sorted(made, key=len, reverse=True):
                with _walk(top, path) as directory:
                    _finish(directory, made[path])
            os.fchmod(top, _IMPLIED_MODE)
            os.fsync(top)
        finally:
            os.close(top)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        if not self._where.exists():
            self._where.mkdir(mode=_IMPLIED_MODE, parents=True)
        root = os.open(self._where, _DIRECTORY)
        try:
            yield root
        finally:
            os.close(root)


def _is_directory(entry: Entry) -> bool:
    return entry.attributes.kind is FileType.DIRECTORY


def _place(entry: Entry, directory: int) -> None:
    name = entry.path[-1]
    match entry.attributes.kind:
        case FileType.DIRECTORY:
            os.close(_enter(directory, name, create=True))
            _require_measured(entry, hashlib.sha256(b"".join(entry.read())).digest())
        case FileType.SYMLINK:
            target = b"".join(entry.read())
            _require_measured(entry, hashlib.sha256(target).digest())
            os.symlink(_target(entry, target), name, dir_fd=directory)
            _own_link(entry.attributes, name, directory)
        case FileType.REGULAR:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(name, flags, 0o600, dir_fd=directory)
            try:
                _fill(fd, entry)
                _finish(fd, entry.attributes)
            finally:
                os.close(fd)


def _fill(fd: int, entry: Entry) -> None:
    hashed = hashlib.sha256()
    for chunk in entry.read():
        hashed.update(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(fd, rest) :]
    _require_measured(entry, hashed.digest())


def _require_measured(entry: Entry, digest: bytes) -> None:
    if not hmac.compare_digest(digest, entry.digest):
        raise StorageError(f"component {show_id(entry.path)}: its content changed after it was measured")


def _finish(fd: int, wanted: Attributes) -> None:
    """Give a file or directory its owner, then its mode, which a change of owner may clear; and sync it."""
    if wanted.uid is not None or wanted.gid is not None:
        os.fchown(fd, -1 if wanted.uid is None else wanted.uid, -1 if wanted.gid is None else wanted.gid)
    os.fchmod(fd, wanted.mode & 0o777)
    if wanted.modified is not None:
        os.utime(fd, (wanted.modified, wanted.modified))
    os.fsync(fd)


def _own_link(wanted: Attributes, name: bytes, directory: int) -> None:
    if wanted.uid is not None or wanted.gid is not None:
        uid, gid = (-1 if one is None else one for one in (wanted.uid, wanted.gid))
        os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)
    if wanted.modified is not None:
        times = wanted.modified, wanted.modified
        os.utime(name, times, dir_fd=directory, follow_symlinks=False)


def _target(link: Entry, target: bytes) -> bytes:
    """Return a target that begins at the root of the tree as one that begins at the link."""
    if link.outside or not target.startswith(b"/"):
        return target
    return b"../" * (len(link.path) - 1) + target.lstrip(b"/")


def _switch(root: int, name: bytes) -> None:
    with suppress(FileNotFoundError):
        os.unlink(_NEXT, dir_fd=root)
    os.symlink(_TREES + b"/" + name, _NEXT, dir_fd=root)
    os.rename(_NEXT, _CURRENT, src_dir_fd=root, dst_dir_fd=root)
    os.fsync(root)


def _present(root: int) -> bytes:
    """Return the name of the tree that ``current`` leads to, empty when it leads to none."""
    with suppress(FileNotFoundError):
        return os.readlink(_CURRENT, dir_fd=root).removeprefix(_TREES + b"/")
    return b""


def _sweep(trees: int, kept: bytes) -> None:
    """Remove other trees; what cannot be removed now is in nobody's way."""
    for name in os.listdir(trees):
        if os.fsencode(name) != kept:
            shutil.rmtree(name, ignore_errors=True, dir_fd=trees)


def _enter(directory: int, name: bytes, *, create: bool = False) -> int:
    if create:
        try:
            os.mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            pass
        else:
            os.fsync(directory)
    fd = os.open(name, _DIRECTORY, dir_fd=directory)
    if not stat.S_ISDIR(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotADirectoryError(errno.ENOTDIR, "not a directory", os.fsdecode(name))
    return fd


@contextmanager
def _walk(top: int, path: ComponentId, *, create: bool = False) -> Iterator[int]:
    """Open a directory below ``top``, one name after the other, following no link."""
    fd = os.dup(top)
    try:
        for name in path:
            inner = _enter(fd, name, create=create)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _above(top: int, path: ComponentId) -> Iterator[int]:
    """Open the directory that a path lies in; what is missing on the way is made."""
    with _walk(top, path[:-1], create=True) as directory:
        yield directory


@contextmanager
def _translated(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError(f"{where}: the storage is full") from error
        raise StorageError(f"{where}: {error.strerror or error}") from error
