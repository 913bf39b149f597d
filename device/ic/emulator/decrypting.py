"""The emulator's part that decrypts: what it answers is in :mod:`device.ic.emulator.decryption`."""

from collections.abc import Sequence

from typing_extensions import override

from device.ic.emulator.core import Core
from device.ic.emulator.decryption import Decryption
from device.ic.interface import Bound, ContentKey, DecryptionKey, DecryptStream
from spec.labels import CoseAlgorithm
from suit.encryption import Recipient


class Decrypting(Core):
    """What opens payloads, with keys that a state has."""

    _decryption: Decryption

    @override
    def decryption_keys(self) -> Sequence[DecryptionKey]:
        self._require_service()
        return self._decryption.keys()

    @override
    def unwrap(self, name: bytes, recipient: Recipient, content: CoseAlgorithm) -> ContentKey:
        self._require_service()
        return self._decryption.unwrap(name, recipient, content)

    @override
    def decrypt_open(self, key: ContentKey, *, iv: bytes, aad: bytes, bound: Bound | None) -> DecryptStream:
        self._require_service()
        return self._decryption.open(key, iv, aad, bound)
