"""The storage port itself, its errors, and what every back-end shares.

A back-end promises what POSIX promises and no more: a change is durable after
:meth:`Storage.sync` of its file, a name after :meth:`Storage.sync_dir` of its directory, and a
rename is atomic. Code above this port may rely on nothing else; ``conformance.powercut`` takes
everything else away.
"""

from abc import ABC, abstractmethod
from typing import Self

from suit.errors import StorageError

Data = bytes | bytearray | memoryview
Names = list[str]  # the port has a method called list

_MAX_SEGMENT = 255


class NotFoundError(StorageError):
    """There is no file of this name."""

    reason = "not-found"


class StorageFullError(StorageError):
    """There is no room left for this write."""

    reason = "storage-full"


class Storage(ABC):
    """A small, flat file system. Names are relative POSIX paths: ``"a/b/c"``.

    Every method raises :class:`StorageError`, with the name and the cause, when the medium fails.
    Directories appear with the first file in them. One thread at a time.
    """

    @abstractmethod
    def read(self, name: str, offset: int = 0, size: int | None = None) -> bytes:
        """Return ``size`` bytes from ``offset`` (fewer at the end of the file; all by default).

        Raises:
            NotFoundError: There is no such file.
        """

    @abstractmethod
    def size(self, name: str) -> int | None:
        """Return the size of the file, None when there is none."""

    @abstractmethod
    def write(self, name: str, offset: int, data: Data) -> None:
        """Write at ``offset``; create the file when missing, fill a gap with zeros.

        Raises:
            StorageFullError: There is no room; what part of ``data`` was written is undefined.
        """

    @abstractmethod
    def append(self, name: str, data: Data) -> None:
        """Write at the end of the file, create it when missing."""

    @abstractmethod
    def truncate(self, name: str, size: int) -> None:
        """Cut or extend (with zeros) an existing file."""

    @abstractmethod
    def rename(self, old: str, new: str) -> None:
        """Give a file another name at once; a file that had that name is gone."""

    @abstractmethod
    def unlink(self, name: str) -> None:
        """Remove the file."""

    @abstractmethod
    def list(self, directory: str = "") -> Names:
        """Return the names of the files directly in ``directory``, sorted; none without it."""

    @abstractmethod
    def sync(self, name: str) -> None:
        """Return once the content of the file is durable."""

    @abstractmethod
    def sync_dir(self, directory: str = "") -> None:
        """Return once creations, renames and removals in ``directory`` are durable."""

    @abstractmethod
    def close(self) -> None:
        """Release what is held open. Closing says nothing about durability."""

    def __enter__(self) -> Self:
        """Return the storage itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def replace(storage: Storage, name: str, data: Data) -> None:
    """Replace a file as a whole: after a power cut it has the old or the new content."""
    temporary = name + ".new"
    if storage.size(temporary) is not None:
        storage.unlink(temporary)
    storage.write(temporary, 0, data)
    storage.sync(temporary)
    storage.rename(temporary, name)
    storage.sync_dir(parent(name))


def parent(name: str) -> str:
    """Return the directory part of a name, ``""`` for the root."""
    return name.rpartition("/")[0]


def split_name(name: str) -> tuple[str, ...]:
    """Return the segments of a file name.

    Raises:
        StorageError: The name is empty, absolute, climbs, or holds what a file name cannot.
    """
    segments = tuple(name.split("/"))
    if any(segment in {"", ".", ".."} or not _is_name(segment) for segment in segments):
        raise StorageError(f"{name!r}: not a name inside the storage")
    return segments


def split_directory(directory: str) -> tuple[str, ...]:
    """Return the segments of a directory name; the root has none."""
    return split_name(directory) if directory else ()


def require_range(name: str, offset: int, size: int = 0) -> None:
    """Refuse negative positions before they reach a back-end.

    Raises:
        StorageError: The offset or size is negative.
    """
    if offset < 0 or size < 0:
        raise StorageError(f"{name!r}: negative position")


def _is_name(segment: str) -> bool:
    try:
        encoded = segment.encode()
    except UnicodeEncodeError:
        return False
    return len(encoded) <= _MAX_SEGMENT and b"\0" not in encoded
