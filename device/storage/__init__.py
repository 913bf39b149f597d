"""The one storage port: every byte the device keeps passes through these calls (ADR 0003).

:class:`Storage` is the port, :class:`DirectoryStorage` the real thing, :class:`MemoryStorage` for
tests; the back-end that loses power is ``conformance.powercut.PowerCutStorage``.
"""

from device.storage.directory import DirectoryStorage, make_directory, sync_path
from device.storage.memory import MemoryStorage, resize, splice
from device.storage.port import (
    Data,
    Names,
    NotFoundError,
    Storage,
    StorageFullError,
    parent,
    replace,
    require_range,
    split_directory,
    split_name,
)

__all__ = [
    "Data",
    "DirectoryStorage",
    "MemoryStorage",
    "Names",
    "NotFoundError",
    "Storage",
    "StorageFullError",
    "make_directory",
    "parent",
    "replace",
    "require_range",
    "resize",
    "splice",
    "split_directory",
    "split_name",
    "sync_path",
]
