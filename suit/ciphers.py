"""Ciphers, key wrap and key agreement, all on ``cryptography``; nothing here decides who may use them.

Trouble with keys, points and tags is a ``ValueError`` without detail: what it means is for the caller to say.
"""

import struct
from typing import Final, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, keywrap, padding
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import AEADDecryptionContext, Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.poly1305 import Poly1305

from spec.labels import CoseAlgorithm, CoseCurve
from suit.encryption import AEADS, CBC, SIZES, EphemeralKey

AgreementKey: TypeAlias = ec.EllipticCurvePrivateKey | X25519PrivateKey
Buffer: TypeAlias = bytes | bytearray | memoryview

TAG_SIZE: Final = 16
_BLOCK: Final = 16
_FAILED: Final = "it does not decrypt"


class Transform(Protocol):
    """A cipher in one direction, over data of any length."""

    def update(self, data: Buffer) -> bytes:
        """Take the next bytes and return what is ready of the result."""

    def finish(self) -> bytes:
        """Return the rest of the result.

        Raises:
            ValueError: The ciphertext has no end, or not the right tag.
        """


def decryptor(algorithm: CoseAlgorithm, key: bytes, iv: bytes, aad: bytes) -> Transform:
    """Begin to decrypt. What it returns is unverified until :meth:`Transform.finish` has returned.

    Args:
        algorithm: The content cipher.
        key: The content key.
        iv: The initialisation vector, or the initial counter block.
        aad: Additional data of an AEAD cipher.

    Raises:
        ValueError: Key or IV has the wrong size.
    """
    _require_sizes(algorithm, key, iv)
    if algorithm in CBC:
        return _CbcDecryptor(key, iv)
    if algorithm not in AEADS:
        return _Ctr(key, iv)
    if algorithm is CoseAlgorithm.CHACHA20_POLY1305:
        return _Held(_ChaCha(key, iv, aad, encrypting=False))
    return _Held(_Gcm(key, iv, aad))


def encryptor(algorithm: CoseAlgorithm, key: bytes, iv: bytes, aad: bytes) -> Transform:
    """Begin to encrypt; the tag of an AEAD cipher comes at the end. Args are those of :func:`decryptor`.

    Raises:
        ValueError: Key or IV has the wrong size, or nobody is to encrypt with this cipher any more.
    """
    _require_sizes(algorithm, key, iv)
    if algorithm in CBC:
        raise ValueError("AES-CBC is for reading only")
    if algorithm not in AEADS:
        return _Ctr(key, iv)
    if algorithm is CoseAlgorithm.CHACHA20_POLY1305:
        return _ChaChaEncryptor(_ChaCha(key, iv, aad, encrypting=True))
    return _GcmEncryptor(key, iv, aad)


def wrap(kek: bytes, key: bytes) -> bytes:
    """Wrap a content key (RFC 3394)."""
    return keywrap.aes_key_wrap(kek, key)


def unwrap(kek: bytes, wrapped: bytes) -> bytes:
    """Unwrap a content key (RFC 3394).

    Raises:
        ValueError: The key-encryption key is another one, or the wrapped key was changed.
    """
    try:
        return keywrap.aes_key_unwrap(kek, wrapped)
    except keywrap.InvalidUnwrap:
        raise ValueError(_FAILED) from None


def derive(secret: bytes, salt: bytes, context: bytes, size: int) -> bytes:
    """Return a key-encryption key from an agreed secret: HKDF with SHA-256 (RFC 9053 §5.1)."""
    return HKDF(hashes.SHA256(), size, salt or None, context).derive(secret)


def agree(private: AgreementKey, other: EphemeralKey) -> bytes:
    """Return the secret that two keys agree on (RFC 9053 §6.3).

    Raises:
        ValueError: The other key is on another curve, no point of it, or leads to the all-zero secret.
    """
    if isinstance(private, X25519PrivateKey):
        if other.curve is not CoseCurve.X25519:
            raise ValueError("another curve")
        return private.exchange(X25519PublicKey.from_public_bytes(other.point))
    if other.curve is not CoseCurve.P_256:
        raise ValueError("another curve")
    return private.exchange(ec.ECDH(), p256_point(other.point))


def p256_point(encoded: bytes) -> ec.EllipticCurvePublicKey:
    """Return the point of P-256 that SEC 1 writes like this.

    Raises:
        ValueError: There is none.
    """
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), encoded)


def _require_sizes(algorithm: CoseAlgorithm, key: bytes, iv: bytes) -> None:
    if len(key) != SIZES[algorithm].key or len(iv) != SIZES[algorithm].iv:
        raise ValueError(f"{algorithm.name}: key or IV has another size")


class _Ctr:
    """AES-CTR (RFC 9459 §4): both directions are the same."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._context = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()

    def update(self, data: Buffer) -> bytes:
        return self._context.update(data)

    def finish(self) -> bytes:
        return self._context.finalize()


class _CbcDecryptor:
    """AES-CBC with the padding of RFC 9459 §5; the last block stays here until it is known to be the last."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._context = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        self._padding = padding.PKCS7(_BLOCK * 8).unpadder()

    def update(self, data: Buffer) -> bytes:
        return self._padding.update(self._context.update(data))

    def finish(self) -> bytes:
        try:
            return self._padding.update(self._context.finalize()) + self._padding.finalize()
        except ValueError:
            raise ValueError(_FAILED) from None


class _Authenticated(Protocol):
    """An AEAD cipher that decrypts, and is told the tag at the end."""

    def update(self, data: Buffer) -> bytes: ...

    def verify(self, tag: bytes) -> None: ...


class _Held:
    """Keeps back the last bytes of a COSE ciphertext, which are its tag (RFC 9052 §5.3)."""

    def __init__(self, cipher: _Authenticated) -> None:
        self._cipher = cipher
        self._tail = b""

    def update(self, data: Buffer) -> bytes:
        ready = len(self._tail) + len(data) - TAG_SIZE
        if ready <= len(self._tail):
            head, self._tail = self._tail[: max(ready, 0)], self._tail[max(ready, 0) :] + bytes(data)
            return self._cipher.update(head)
        split = ready - len(self._tail)
        view = memoryview(data)
        head, self._tail = self._tail, bytes(view[split:])
        return self._cipher.update(head) + self._cipher.update(view[:split])

    def finish(self) -> bytes:
        if len(self._tail) != TAG_SIZE:
            raise ValueError(_FAILED)
        self._cipher.verify(self._tail)
        return b""


class _Gcm:
    def __init__(self, key: bytes, iv: bytes, aad: bytes) -> None:
        context = Cipher(algorithms.AES(key), modes.GCM(iv)).decryptor()
        self._context: AEADDecryptionContext = context
        context.authenticate_additional_data(aad)

    def update(self, data: Buffer) -> bytes:
        return self._context.update(data)

    def verify(self, tag: bytes) -> None:
        try:
            self._context.finalize_with_tag(tag)
        except InvalidTag:
            raise ValueError(_FAILED) from None


class _GcmEncryptor:
    def __init__(self, key: bytes, iv: bytes, aad: bytes) -> None:
        self._context = Cipher(algorithms.AES(key), modes.GCM(iv)).encryptor()
        self._context.authenticate_additional_data(aad)

    def update(self, data: Buffer) -> bytes:
        return self._context.update(data)

    def finish(self) -> bytes:
        return self._context.finalize() + self._context.tag


class _ChaCha:
    """ChaCha20/Poly1305 piece by piece (RFC 8439 §2.8), which ``cryptography`` offers in one piece only."""

    def __init__(self, key: bytes, iv: bytes, aad: bytes, *, encrypting: bool) -> None:
        stream = Cipher(algorithms.ChaCha20(key, bytes(4) + iv), None).encryptor()
        self._mac = Poly1305(stream.update(bytes(64))[:32])  # block 0 is the key of the tag
        self._stream = stream
        self._encrypting = encrypting
        self._sizes = [len(aad), 0]
        self._mac.update(aad + bytes(-len(aad) % _BLOCK))

    def update(self, data: Buffer) -> bytes:
        self._sizes[1] += len(data)
        if self._encrypting:
            encrypted = self._stream.update(data)
            self._mac.update(encrypted)
            return encrypted
        self._mac.update(data)
        return self._stream.update(data)

    def tag(self) -> bytes:
        self._close()
        return self._mac.finalize()

    def verify(self, tag: bytes) -> None:
        self._close()
        try:
            self._mac.verify(tag)
        except InvalidSignature:
            raise ValueError(_FAILED) from None

    def _close(self) -> None:
        self._mac.update(bytes(-self._sizes[1] % _BLOCK) + struct.pack("<QQ", *self._sizes))


class _ChaChaEncryptor:
    def __init__(self, cipher: _ChaCha) -> None:
        self._cipher = cipher

    def update(self, data: Buffer) -> bytes:
        return self._cipher.update(data)

    def finish(self) -> bytes:
        return self._cipher.tag()
