"""Storage that loses power: the strictest reading of POSIX, and the six ways a write can end.

Nothing is durable but what was synced: content by ``sync`` of the file, a name by ``sync_dir`` of its
directory. Every change counts as one operation; at operation ``stop`` the power goes, :class:`PowerLoss`
is raised, and :meth:`PowerCutStorage.after_power_loss` is the storage the next boot finds::

    for mode in CrashMode:
        for stop in range(operations + 1):       # the last one cuts after the end
            storage = PowerCutStorage(files, stop=stop, mode=mode, seed=stop)
            with suppress(PowerLoss):
                update(storage)
            survivor = storage.after_power_loss()
            ...                                   # boot it, and check what must never happen

``ignore_sync`` drops one sync: a test suite in which no crash test notices that is blind, or the sync
is superfluous. ``faults`` makes single operations fail without a crash.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Final, Self

from typing_extensions import override

from device.storage import (
    Data,
    Names,
    NotFoundError,
    Storage,
    StorageFullError,
    parent,
    require_range,
    resize,
    splice,
    split_directory,
    split_name,
)
from suit.errors import StorageError

_SECTOR: Final = 512


class CrashMode(Enum):
    """What the interrupted operation, and everything not yet synced, comes to."""

    LOSE = "lose"
    """Nothing unsynced survives."""
    KEEP = "keep"
    """All earlier operations survive, this one never began."""
    AFTER = "after"
    """This one survives as well, and its caller was never told."""
    TORN = "torn"
    """A part of this one survives, all of the earlier ones."""
    GARBAGE = "garbage"
    """This one's range holds noise, all of the earlier ones survive."""
    REORDER = "reorder"
    """Of everything unsynced a random part survives, in random order."""


class Fault(Enum):
    """How a single operation fails while the power stays on."""

    ENOSPC = "no space"
    EIO = "input/output error"
    SHORT = "short write"


class PowerLoss(BaseException):
    """The power is gone. Derives from BaseException so that no ``except Exception`` survives it."""


@dataclass(slots=True, eq=False)
class _Inode:
    """A file without a name: what programs see, and what the medium holds."""

    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True, eq=False)
class _Content:
    """A change of content: bytes at an offset, or (``data`` None) a new size."""

    inode: _Inode
    offset: int
    data: bytes | None

    def apply(self, content: bytearray) -> None:
        if self.data is None:
            resize(content, self.offset)
        else:
            splice(content, self.offset, self.data)

    def sectors(self) -> list["_Content"]:
        """Split at what a medium writes at once."""
        if not self.data:
            return [self]
        starts = range(0, len(self.data), _SECTOR)
        cut = [(self.offset + at, self.data[at : at + _SECTOR]) for at in starts]
        return [_Content(self.inode, offset, data) for offset, data in cut]


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """A change of names, atomic: ``old`` goes, ``new`` stands for the inode."""

    new: str | None
    old: str | None
    inode: _Inode

    def apply(self, names: dict[str, _Inode]) -> None:
        if self.old is not None:
            names.pop(self.old, None)
        if self.new is not None:
            names[self.new] = self.inode

    def within(self, directory: str) -> bool:
        return parent(self.new or self.old or "") == directory


_Change = _Content | _Entry


class PowerCutStorage(Storage):
    """A storage in memory whose power fails at one chosen operation.

    Attributes:
        operations: How many changes and syncs were made so far.
        syncs: How many of them were syncs, of files and of directories.
        log: What they were, in words.
    """

    def __init__(
        self,
        files: Mapping[str, bytes] | None = None,
        *,
        stop: int | None = None,
        mode: CrashMode = CrashMode.LOSE,
        seed: int = 0,
        ignore_sync: int | None = None,
        faults: Mapping[int, Fault] | None = None,
    ) -> None:
        """Begin with durable ``files``.

        Args:
            files: Name and content of what is there already.
            stop: Number of the operation at which the power goes, from 0; None for never.
            mode: What becomes of that operation and of everything unsynced.
            seed: Chooses the torn length, the noise and the reordering.
            ignore_sync: Number of the sync (file or directory, from 0) that is silently left out.
            faults: Operation numbers that fail, and how.
        """
        self.operations = 0
        self.syncs = 0
        self.log: list[str] = []
        self._stop, self._mode = stop, mode
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._ignore_sync, self._faults = ignore_sync, dict(faults or {})
        self._powered = True
        self._unsynced: list[_Change] = []
        self._names: dict[str, _Inode] = {}
        for name, content in (files or {}).items():
            split_name(name)
            self._names[name] = _Inode(bytearray(content), bytearray(content))
        self._durable_names = dict(self._names)

    @classmethod
    def of_directory(cls, root: Path) -> Self:
        """Begin with a copy of a directory of the operating system."""
        files = (path for path in sorted(root.rglob("*")) if path.is_file())
        return cls({path.relative_to(root).as_posix(): path.read_bytes() for path in files})

    def to_directory(self, root: Path) -> None:
        """Write what programs see to a directory of the operating system."""
        for name, content in self.files().items():
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def files(self) -> dict[str, bytes]:
        """Return name and content of all files as programs see them."""
        return {name: bytes(inode.seen) for name, inode in sorted(self._names.items())}

    def after_power_loss(
        self,
        *,
        stop: int | None = None,
        mode: CrashMode = CrashMode.LOSE,
        seed: int = 0,
        ignore_sync: int | None = None,
    ) -> "PowerCutStorage":
        """Return what the next boot finds, powered again and ready for another cut.

        Without a cut so far the power goes now, between two operations.
        """
        if self._powered:
            self._power_off([])
        survived = {name: bytes(inode.durable) for name, inode in self._durable_names.items()}
        return PowerCutStorage(survived, stop=stop, mode=mode, seed=seed, ignore_sync=ignore_sync)

    def inject(self, operation: int, fault: Fault) -> None:
        """Make a later operation fail, counted as :attr:`operations` does."""
        self._faults[operation] = fault

    @override
    def read(self, name: str, offset: int = 0, size: int | None = None) -> bytes:
        content = self._inode(name).seen
        require_range(name, offset, size or 0)
        return bytes(content[offset : None if size is None else offset + size])

    @override
    def size(self, name: str) -> int | None:
        self._require_power()
        split_name(name)
        return len(self._names[name].seen) if name in self._names else None

    @override
    def write(self, name: str, offset: int, data: Data) -> None:
        self._require_power()
        split_name(name)
        require_range(name, offset)
        inode = self._names.get(name) or _Inode()
        creation = [] if name in self._names else [_Entry(name, None, inode)]
        self._change(f"write {name}", [*creation, _Content(inode, offset, bytes(data))])

    @override
    def append(self, name: str, data: Data) -> None:
        self.write(name, self.size(name) or 0, data)

    @override
    def truncate(self, name: str, size: int) -> None:
        require_range(name, size)
        self._change(f"truncate {name}", [_Content(self._inode(name), size, None)])

    @override
    def rename(self, old: str, new: str) -> None:
        split_name(new)
        self._change(f"rename {old} {new}", [_Entry(new, old, self._inode(old))])

    @override
    def unlink(self, name: str) -> None:
        self._change(f"unlink {name}", [_Entry(None, name, self._inode(name))])

    @override
    def list(self, directory: str = "") -> Names:
        self._require_power()
        split_directory(directory)
        return sorted(name.rpartition("/")[2] for name in self._names if parent(name) == directory)

    @override
    def sync(self, name: str) -> None:
        inode = self._inode(name)
        self._sync(
            f"sync {name}",
            [c for c in self._unsynced if isinstance(c, _Content) and c.inode is inode],
        )

    @override
    def sync_dir(self, directory: str = "") -> None:
        self._require_power()
        split_directory(directory)
        self._sync(
            f"sync_dir {directory}",
            [c for c in self._unsynced if isinstance(c, _Entry) and c.within(directory)],
        )

    @override
    def close(self) -> None:
        """Keep all: the same object can be opened again by a device that restarts."""

    def _change(self, text: str, changes: Sequence[_Change]) -> None:
        self._begin(text, changes)
        self._make(changes)

    def _make(self, changes: Sequence[_Change]) -> None:
        for change in changes:
            if isinstance(change, _Content):
                change.apply(change.inode.seen)
            else:
                change.apply(self._names)
            self._unsynced.append(change)

    def _sync(self, text: str, changes: Sequence[_Change]) -> None:
        number, self.syncs = self.syncs, self.syncs + 1
        self._begin(text, changes)
        if number != self._ignore_sync:
            self._settle(changes)

    def _begin(self, text: str, changes: Sequence[_Change]) -> None:
        """Count the operation; it may be the one that fails, or the last one."""
        number, self.operations = self.operations, self.operations + 1
        self.log.append(text)
        if number == self._stop:
            self._power_off(changes)
            raise PowerLoss(f"operation {number}: {text}")
        fault = self._faults.get(number)
        if fault is Fault.SHORT and not text.startswith("sync"):
            self._make(_torn(self._random, changes))
        if fault in {Fault.ENOSPC, Fault.SHORT}:
            raise StorageFullError(f"{text}: the storage is full (injected)")
        if fault is Fault.EIO:
            raise StorageError(f"{text}: input/output error (injected)")

    def _power_off(self, changes: Sequence[_Change]) -> None:
        """Settle what survives; ``changes`` are what the last operation was to make or to sync."""
        self._settle(_survivors(self._mode, self._random, self._unsynced, changes))
        self._powered = False

    def _settle(self, changes: Sequence[_Change]) -> None:
        for change in changes:
            if isinstance(change, _Content):
                change.apply(change.inode.durable)
            else:
                change.apply(self._durable_names)
        self._unsynced = [change for change in self._unsynced if change not in changes]

    def _inode(self, name: str) -> _Inode:
        self._require_power()
        split_name(name)
        try:
            return self._names[name]
        except KeyError:
            raise NotFoundError(f"{name!r}: no such file") from None

    def _require_power(self) -> None:
        if not self._powered:
            raise PowerLoss("the power is off")


def _survivors(
    mode: CrashMode, chance: random.Random, earlier: Sequence[_Change], last: Sequence[_Change]
) -> Sequence[_Change]:
    """Return what reaches the medium of all that was never synced."""
    everything = [*earlier, *(change for change in last if change not in earlier)]
    others = [change for change in earlier if change not in last]
    match mode:
        case CrashMode.LOSE:
            return []
        case CrashMode.KEEP:
            return earlier
        case CrashMode.AFTER:
            return everything
        case CrashMode.TORN:
            return others + _torn(chance, last)
        case CrashMode.GARBAGE:
            return others + _garbled(chance, last)
        case CrashMode.REORDER:
            return _reordered(chance, everything)


def _torn(chance: random.Random, changes: Sequence[_Change]) -> list[_Change]:
    """Return a beginning of the changes, the last of them cut; a change of names is atomic."""
    if not changes:
        return []
    whole = chance.randrange(len(changes))
    last = changes[whole]
    if isinstance(last, _Content) and last.data:
        return [*changes[:whole], replace(last, data=last.data[: chance.randrange(len(last.data))])]
    return list(changes[: whole + chance.randrange(2)])


def _garbled(chance: random.Random, changes: Sequence[_Change]) -> list[_Change]:
    """Return the changes with noise for the last content."""
    last = changes[-1] if changes else None
    if isinstance(last, _Content) and last.data:
        return [*changes[:-1], replace(last, data=chance.randbytes(len(last.data)))]
    return list(changes[: chance.randrange(len(changes) + 1)])


def _reordered(chance: random.Random, changes: Sequence[_Change]) -> list[_Change]:
    """Return a random part of the changes, content by sectors, in random order."""
    pieces: list[_Change] = []
    for change in changes:
        pieces += change.sectors() if isinstance(change, _Content) else [change]
    return chance.sample(pieces, chance.randint(0, len(pieces)))
