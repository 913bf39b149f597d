"""The emulator's decryption: the only code that ever sees a content key of this device."""

import hmac
from collections.abc import Iterable, Mapping
from typing import Final, NoReturn

from typing_extensions import override

from device.ic.emulator.state import State
from device.ic.errors import (
    DecryptFailedError,
    IcUsageError,
    KeyUsageError,
    UnknownKeyError,
    UnsupportedByIcError,
)
from device.ic.interface import (
    Bound,
    Buffer,
    ContentKey,
    Decrypted,
    DecryptionKey,
    DecryptStream,
    KeyUse,
    Side,
)
from device.ic.tickets import TicketOffice
from spec.labels import KEY_AGREEMENTS, KEY_WRAPS, CoseAlgorithm
from suit import ciphers
from suit import digest as digests
from suit.encryption import KEK_SIZES, SIZES, UNAUTHENTICATED, WRAPPED_BY, Recipient
from suit.errors import UnsupportedAlgorithmError
from suit.recipient_keys import RecipientKey

MAX_KEYS: Final = 16
MAX_GCM: Final = (1 << 36) - 32 + ciphers.TAG_SIZE
"""Bytes of ciphertext and tag that one key and IV of AES-GCM are good for (NIST SP 800-38D §5.2.1.1)."""
_FAILED: Final = "the payload does not decrypt"


def _described(key: RecipientKey) -> DecryptionKey:
    """Return a key as the IC shows it."""
    algorithms = tuple(sorted(key.admitted, key=lambda algorithm: algorithm.name))
    use = KeyUse.AGREE if key.curve else KeyUse.UNWRAP
    return DecryptionKey(key.name, key.kid, algorithms, use, key.public().to_cose() if key.curve else b"")


def by_name(keys: Iterable[RecipientKey], state: State) -> dict[bytes, RecipientKey]:
    """Return keys that make sense, by their names.

    Args:
        keys: The keys, with their secrets.
        state: The trust anchors and the report cipher that the IC has already.

    Raises:
        IcUsageError: One has no secret, has another use already, or there are too many.
    """
    found = {key.name: key for key in keys}
    for key in found.values():
        if not key.secret:
            raise IcUsageError(f"{key.title}: a public key decrypts nothing")
        cipher = state.report_cipher
        if key.name in state.anchors or (cipher is not None and cipher.key == key.secret):
            raise IcUsageError(f"{key.title}: it has another use, and one key has one use")
    if len(found) > MAX_KEYS:
        raise IcUsageError(f"the IC holds {MAX_KEYS} decryption keys, not {len(found)}")
    return found


class EmulatorContentKey(ContentKey):
    """A content key that was unwrapped and not used yet."""

    __slots__ = ("_content", "_owner", "_secret")

    def __init__(self, owner: "Decryption", content: CoseAlgorithm, secret: bytes) -> None:
        self._owner = owner
        self._content = content
        self._secret = secret

    @override
    def discard(self) -> None:
        self._secret = b""

    @override
    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied.

        Raises:
            IcUsageError: Always.
        """
        raise IcUsageError("a content key cannot be copied or pickled")

    def take(self, owner: "Decryption") -> tuple[CoseAlgorithm, bytes]:
        """Return cipher and key, once, to the session that unwrapped it."""
        secret, self._secret = self._secret, b""
        if owner is not self._owner or not secret:
            raise IcUsageError("no such content key: it was used, or belongs to another session")
        return self._content, secret


class Decryption:
    """What a session of the IC decrypts with."""

    __slots__ = ("_keys", "_tickets")

    def __init__(self, keys: Mapping[bytes, RecipientKey], tickets: TicketOffice) -> None:
        self._keys = keys
        self._tickets = tickets

    def keys(self) -> tuple[DecryptionKey, ...]:
        """See :meth:`device.ic.interface.SecurityIC.decryption_keys`."""
        return tuple([_described(key) for key in self._keys.values()])

    def unwrap(self, name: bytes, recipient: Recipient, content: CoseAlgorithm) -> ContentKey:
        """See :meth:`device.ic.interface.SecurityIC.unwrap`."""
        key = self._keys.get(name)
        if key is None:
            raise UnknownKeyError(f"no decryption key {name.hex()[:16]}")
        _require_use(key, recipient.algorithm)
        if content not in SIZES:
            raise UnsupportedByIcError(f"{content.name} is no content cipher")
        try:
            secret = ciphers.unwrap(_wrapping_key(key, recipient), recipient.wrapped)
        except ValueError:
            raise DecryptFailedError(_FAILED) from None
        if len(secret) != SIZES[content].key:
            raise DecryptFailedError(_FAILED)
        return EmulatorContentKey(self, content, secret)

    def open(self, key: ContentKey, iv: bytes, aad: bytes, bound: Bound | None) -> DecryptStream:
        """See :meth:`device.ic.interface.SecurityIC.decrypt_open`."""
        if not isinstance(key, EmulatorContentKey):
            raise IcUsageError("no content key of this IC")
        algorithm, secret = key.take(self)
        if bound is None and algorithm in UNAUTHENTICATED:
            raise IcUsageError(f"{algorithm.name} without a digest decrypts whatever was made of it (E8)")
        try:
            cipher = ciphers.decryptor(algorithm, secret, iv, aad)
            return EmulatorDecryption(algorithm, cipher, bound, self._tickets)
        except ValueError as error:
            raise IcUsageError(str(error)) from None
        except UnsupportedAlgorithmError as error:
            raise UnsupportedByIcError(str(error)) from error


class EmulatorDecryption(DecryptStream):
    """One stream: decrypts, hashes and judges."""

    def __init__(
        self, content: CoseAlgorithm, cipher: ciphers.Transform, bound: Bound | None, tickets: TicketOffice
    ) -> None:
        self._content = content
        self._cipher: ciphers.Transform | None = cipher
        self._bound = bound
        self._tickets = tickets
        self._algorithm = bound.digest.algorithm if bound else CoseAlgorithm.SHA_256
        self._plain = digests.new(self._algorithm)
        wants_ciphertext = bound is not None and bound.side is not Side.PLAINTEXT
        self._encrypted = digests.new(self._algorithm) if wants_ciphertext else None
        self._taken = self._size = 0

    @override
    def update(self, data: Buffer) -> bytes:
        if self._cipher is None:
            raise IcUsageError("the stream is used up")
        self._taken += len(data)
        if self._taken > MAX_GCM:  # no other cipher is good for less
            self.abort()
            raise DecryptFailedError(_FAILED)
        if self._encrypted is not None:
            self._encrypted.update(data)
        return self._hashed(self._cipher.update(data))

    @override
    def finish(self) -> Decrypted:
        if self._cipher is None:
            raise IcUsageError("the stream is used up")
        cipher, self._cipher = self._cipher, None
        try:
            rest = self._hashed(cipher.finish())
        except ValueError:
            raise DecryptFailedError(_FAILED) from None
        digest = self._plain.digest()
        if not self._is_bound(digest):
            raise DecryptFailedError(_FAILED)
        ticket = self._tickets.decrypted(self._content, self._algorithm, digest, self._size)
        return Decrypted(rest, ticket)

    @override
    def abort(self) -> None:
        self._cipher = None

    def _hashed(self, plain: bytes) -> bytes:
        self._plain.update(plain)
        self._size += len(plain)
        return plain

    def _is_bound(self, plain: bytes) -> bool:
        if self._bound is None:
            return True
        digest, side = self._bound
        matches = side is not Side.CIPHERTEXT and hmac.compare_digest(plain, digest.value)
        if self._encrypted is not None:
            matches |= hmac.compare_digest(self._encrypted.digest(), digest.value)
        return matches


def _require_use(key: RecipientKey, algorithm: CoseAlgorithm) -> None:
    wanted = KEY_AGREEMENTS if key.curve else KEY_WRAPS
    if algorithm not in KEY_AGREEMENTS | KEY_WRAPS:
        raise UnsupportedByIcError(f"{algorithm.name} unwraps nothing")
    if algorithm not in wanted:
        raise KeyUsageError(f"{key.title} is not for {algorithm.name}")
    if algorithm not in key.admitted:
        raise UnsupportedByIcError(f"{key.title} does not admit {algorithm.name}")


def _wrapping_key(key: RecipientKey, recipient: Recipient) -> bytes:
    """Return the key-encryption key; a ValueError says that there is none."""
    if key.curve is None:
        return key.secret
    if recipient.ephemeral is None:
        raise ValueError("no ephemeral key")
    agreed = ciphers.agree(key.agreement_key(), recipient.ephemeral)
    size = KEK_SIZES[WRAPPED_BY[recipient.algorithm]]
    return ciphers.derive(agreed, recipient.salt, recipient.context, size)
