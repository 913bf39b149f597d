"""A witness outside the emulator's storage: the only remedy against restoring all of it at once.

The store alone cannot see that both copies of its state were replaced by older ones. A number on another
medium (an EEPROM, another partition, a TPM counter) can.
"""

import struct
import zlib
from typing import Final, Protocol

from typing_extensions import override

from device.ic.errors import RollbackDetectedError, StateCorruptError
from device.storage import Storage, replace

_RECORD: Final = struct.Struct(">QI")


class RollbackAnchor(Protocol):
    """Remembers the generation of the IC's state."""

    def get(self) -> int:
        """Return the generation that was remembered last."""

    def bump(self, generation: int) -> None:
        """Remember a newer generation; durable when this returns."""


class StoredAnchor(RollbackAnchor):
    """A rollback anchor on a second storage."""

    def __init__(self, storage: Storage, name: str = "generation") -> None:
        self._storage = storage
        self._name = name

    @override
    def get(self) -> int:
        record = self._storage.read(self._name)
        if len(record) == _RECORD.size:
            generation, check = _RECORD.unpack(record)
            if check == zlib.crc32(record[:8]):
                return int(generation)
        raise StateCorruptError(f"{self._name}: the rollback anchor is damaged")

    @override
    def bump(self, generation: int) -> None:
        head = generation.to_bytes(8, "big")
        replace(self._storage, self._name, head + zlib.crc32(head).to_bytes(4, "big"))


def require_newest(anchor: RollbackAnchor, generation: int) -> None:
    """Hold the state's generation against what was remembered outside.

    Raises:
        RollbackDetectedError: The state is not the newest.
    """
    remembered = anchor.get()
    if remembered == generation - 1:
        anchor.bump(generation)  # the power went between the commit and its witness
    elif remembered != generation:
        raise RollbackDetectedError(
            f"the IC's state is generation {generation}, the rollback anchor remembers {remembered}"
        )
