"""Where a repository's public files live: four operations, and a directory that has them.

Everything that clients can see goes through a :class:`Store`. Files are written once and never
changed, with one exception (``timestamp.json``), so a store needs little: read, create if absent,
read-modify-write of one name, list. Object stores have the same four (``If-None-Match``,
``If-Match``), which is why publishing is written against this protocol and not against paths.

:class:`DirectoryStore` promises durability: when a write returns, file and folder are synced, and
no reader, crash or full disk ever shows half a file.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Protocol

from suit.errors import StorageError

CHUNK = 1 << 20
"""Bytes per read and write of a payload: big enough for speed, small enough for flat memory."""

_READ_LIMIT = 64 << 20
"""The largest file that is read whole; metadata of a million targets in bins stays far below."""


class Store(Protocol):
    """Named immutable files and one way to move a name forward; names are relative, with ``/``."""

    def get(self, name: str) -> bytes | None:
        """Return the whole file, or None when there is none."""

    def read(self, name: str) -> Iterator[bytes] | None:
        """Return the file in chunks of :data:`CHUNK` bytes, or None when there is none."""

    def put_immutable(self, name: str, chunks: Iterable[bytes]) -> bool:
        """Create the file, durably and whole, unless the name is taken.

        Returns:
            Whether this call created it; False leaves what is there untouched.
        """

    def update(self, name: str, decide: Callable[[bytes | None], bytes | None]) -> None:
        """Replace one file by what ``decide`` makes of its content; nobody else gets in between.

        Args:
            name: The file.
            decide: Gets the present content (None: no file), returns the new one (None: keep).
        """

    def list(self, folder: str) -> Iterator[str]:
        """Yield the names of all files below a folder, in order."""


class DirectoryStore:
    """A store in a local directory, for a POSIX file system with hard links.

    Args:
        root: The folder that clients may see.
        staging: A private folder on the same file system, for files that are not complete yet.
    """

    def __init__(self, root: Path, staging: Path) -> None:
        self._root = root
        self._staging = staging

    def get(self, name: str) -> bytes | None:
        """Return the whole file, or None when there is none."""
        with storage_errors(name):
            try:
                with self._path(name).open("rb") as file:
                    raw = file.read(_READ_LIMIT + 1)
            except FileNotFoundError:
                return None
        if len(raw) > _READ_LIMIT:
            raise StorageError(f"{name}: larger than {_READ_LIMIT} bytes")
        return raw

    def read(self, name: str) -> Iterator[bytes] | None:
        """Return the file in chunks, or None when there is none."""
        path = self._path(name)
        with storage_errors(name):
            if not path.is_file():
                return None
        return read_chunks(path)

    def put_immutable(self, name: str, chunks: Iterable[bytes]) -> bool:
        """Create the file, durably and whole, unless the name is taken."""
        path = self._path(name)
        with storage_errors(name):
            if path.exists():
                created = False
            else:
                with self._staged(chunks) as staged:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    created = _link(staged, path)
            # Also when another publisher was first: it may not have synced the folder yet, and
            # what we commit next relies on the file being there after a power cut.
            self._sync_folders(path)
        return created

    def update(self, name: str, decide: Callable[[bytes | None], bytes | None]) -> None:
        """Replace one file by what ``decide`` makes of its content, under a lock."""
        path = self._path(name)
        with storage_errors(name), self.locked():
            new = decide(self.get(name))
            if new is None:
                return
            with self._staged([new]) as staged:
                staged.replace(path)
            self._sync_folders(path)

    def list(self, folder: str) -> Iterator[str]:
        """Yield the names of all files below a folder, in order."""
        top = self._path(folder)
        with storage_errors(folder):
            files = sorted(path for path in top.rglob("*") if path.is_file())
        for path in files:
            yield path.relative_to(self._root).as_posix()

    def sweep(self) -> int:
        """Remove what crashed publishers left in the staging folder; return how many files.

        A live publisher holds a lock on its staged file, a dead one cannot.
        """
        removed = 0
        with storage_errors(self._staging.name):
            for path in self._staging.glob("*.part"):
                with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                    removed += 1
        return removed

    def _path(self, name: str) -> Path:
        """Turn a name into a path below the root; a name that could leave it is a defect."""
        parts = PurePosixPath(name).parts
        if not parts or "/".join(parts) != name or parts[0] == "/" or ".." in parts:
            raise StorageError(f"{name!r}: not a name in a store")
        return self._root.joinpath(*parts)

    @contextmanager
    def _staged(self, chunks: Iterable[bytes]) -> Iterator[Path]:
        """Write a complete, synced file that nobody sees; it is gone afterwards unless moved."""
        path, descriptor = self._reserve()
        try:
            try:
                for chunk in chunks:
                    _write(descriptor, chunk)
                os.fsync(descriptor)
                yield path
            finally:
                os.close(descriptor)
        finally:
            path.unlink(missing_ok=True)

    def _reserve(self) -> tuple[Path, int]:
        """Open a new staged file and lock it, so that no sweep takes it for an orphan."""
        while True:
            path = self._staging / f"{secrets.token_hex(8)}.part"
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return path, descriptor
            os.close(descriptor)  # swept between open and lock

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other publishers on this machine out for a moment."""
        with (self._staging / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _sync_folders(self, path: Path) -> None:
        """Make the name of a file durable, and the names of all folders that lead to it.

        The folders right below the root are made and synced when the repository is founded.
        """
        folder = path.parent
        while folder != self._root:
            sync_folder(folder)
            folder = folder.parent


def read_chunks(path: Path) -> Iterator[bytes]:
    """Read a file in chunks of :data:`CHUNK` bytes."""
    with storage_errors(str(path)), path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_private(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file that only its owner may read, whole or not at all, and durably.

    Args:
        path: The file; its folder must exist.
        data: The content.
        replace: Whether an existing file is replaced; otherwise it is left as it is.
    """
    with storage_errors(path.name):
        staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        descriptor = os.open(staged, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            try:
                _write(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if replace:
                staged.replace(path)
            else:
                _link(staged, path)
        finally:
            staged.unlink(missing_ok=True)
        sync_folder(path.parent)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _link(source: Path, target: Path) -> bool:
    """Give a file its final name unless that is taken."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    return True


@contextmanager
def storage_errors(name: str) -> Iterator[None]:
    """Turn an operating-system error into a storage error that says which file."""
    try:
        yield
    except OSError as error:
        problem = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or error
        raise StorageError(f"{name}: {problem}") from error
