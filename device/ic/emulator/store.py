"""The emulator's durable state: one sealed record, kept twice (ADR 0006).

Both copies hold the same record. A commit overwrites one, syncs it, then the other: a power cut damages at
most the copy being written, and a copy that rots or is restored from a backup is never the only witness.
One copy alone could not tell a torn write from a damaged newest record, and would fall back to an older
floor; a journal has the same doubt about its last entry.
"""

import secrets
import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from device.ic.errors import RollbackDetectedError, StateCorruptError
from device.storage import NotFoundError, Storage

COPIES: Final = ("state.0", "state.1")
_MAGIC: Final = b"hsic\x00\x00\x00\x01"
_HEAD: Final = struct.Struct(">8sQ")
_LENGTH: Final = struct.Struct(">I")
_NONCE_SIZE, _TAG_SIZE = 12, 16
_OVERHEAD: Final = _HEAD.size + _NONCE_SIZE + _LENGTH.size + _TAG_SIZE
_BLOCK: Final = 4096


@dataclass(frozen=True, slots=True)
class Loaded:
    """A state as it was found: ``damaged`` when one copy had to stand in for the other."""

    generation: int
    state: bytes
    damaged: bool


class SealedStore:
    """Seals, authenticates and keeps the state on the storage port."""

    def __init__(self, storage: Storage, key: bytes, directory: str) -> None:
        """Use ``directory`` of the storage; nothing is read yet."""
        self._storage = storage
        self._directory = directory
        self._seal = AESGCM(key)
        self._order = tuple(f"{directory}/{copy}" for copy in COPIES)

    def load(self) -> Loaded:
        """Return the newest state.

        Raises:
            StateCorruptError: It is missing or damaged beyond doubt.
            RollbackDetectedError: One copy is older than a power cut explains.
        """
        records = {name: self._unseal(name) for name in self._order}
        intact = {name: record for name, record in records.items() if record is not None}
        if not intact:
            raise StateCorruptError(f"{self._directory}: the IC's state is missing or damaged")
        newest = max(intact, key=lambda name: intact[name][0])
        generations = {generation for generation, _ in intact.values()}
        if max(generations) - min(generations) > 1:
            raise RollbackDetectedError(f"{self._directory}: one copy of the IC's state is an old one")
        # The newest copy is overwritten last, so that it stands until the other one has its successor.
        self._order = (*(name for name in self._order if name != newest), newest)
        generation, state = intact[newest]
        return Loaded(generation, state, damaged=len(intact) < len(COPIES))

    def save(self, generation: int, state: bytes) -> None:
        """Commit a state; when this returns it is durable.

        Raises:
            StorageError: The medium failed; which generation stands is known only after :meth:`load`.
        """
        record = self._sealed(generation, state)
        for name in self._order:
            size = self._storage.size(name)
            self._storage.write(name, 0, record)
            if size is not None and size > len(record):
                self._storage.truncate(name, len(record))
            self._storage.sync(name)
            if size is None:
                self._storage.sync_dir(self._directory)

    def _sealed(self, generation: int, state: bytes) -> bytes:
        head = _HEAD.pack(_MAGIC, generation)
        # Whole blocks: a floor that rises leaves the size as it is, and every byte of the file is sealed.
        padding = bytes(-(len(state) + _OVERHEAD) % _BLOCK)
        nonce = secrets.token_bytes(_NONCE_SIZE)
        plain = _LENGTH.pack(len(state)) + state + padding
        return head + nonce + self._seal.encrypt(nonce, plain, head)

    def _unseal(self, name: str) -> tuple[int, bytes] | None:
        try:
            record = self._storage.read(name)
        except NotFoundError:
            return None
        head, rest = record[: _HEAD.size], record[_HEAD.size :]
        if len(record) < _OVERHEAD or not head.startswith(_MAGIC):
            return None
        try:
            plain = self._seal.decrypt(rest[:_NONCE_SIZE], rest[_NONCE_SIZE:], head)
        except InvalidTag:
            return None
        (size,) = _LENGTH.unpack_from(plain)
        return _HEAD.unpack(head)[1], plain[_LENGTH.size : _LENGTH.size + size]
