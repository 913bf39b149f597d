"""Encryption that everybody can undo: keys made from names, and SUIT_Encryption_Info from raw bytes.

Content keys, initialisation vectors and ephemeral keys are hashes, so that cases are the same on every
machine; no two different payloads share one. Like the rest of the forge it shares no code with what it
judges.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from conformance.forge_cbor import Item, Tag, encode
from conformance.forge_cose import Headers, ec2_key
from spec.labels import (
    CONTENT_CIPHERS,
    CborTag,
    CoseAlgorithm,
    CoseCurve,
    CoseHeader,
    CoseKeyParameter,
    CoseKeyType,
)

_WRAPS: Final = {
    CoseAlgorithm.A128KW: 16,
    CoseAlgorithm.A192KW: 24,
    CoseAlgorithm.A256KW: 32,
}
_BEHIND: Final = {
    CoseAlgorithm.ECDH_ES_A128KW: CoseAlgorithm.A128KW,
    CoseAlgorithm.ECDH_ES_A192KW: CoseAlgorithm.A192KW,
    CoseAlgorithm.ECDH_ES_A256KW: CoseAlgorithm.A256KW,
}
CTR: Final = (CoseAlgorithm.A128CTR, CoseAlgorithm.A192CTR, CoseAlgorithm.A256CTR)
CBC: Final = (CoseAlgorithm.A128CBC, CoseAlgorithm.A192CBC, CoseAlgorithm.A256CBC)
AEAD: Final = tuple(sorted(CONTENT_CIPHERS - {*CTR, *CBC}, key=lambda algorithm: algorithm.value))
_KEY_SIZES: Final = {
    **dict(zip((*CTR, *CBC), (16, 24, 32) * 2, strict=True)),
    CoseAlgorithm.A128GCM: 16,
    CoseAlgorithm.A192GCM: 24,
    CoseAlgorithm.A256GCM: 32,
    CoseAlgorithm.CHACHA20_POLY1305: 32,
}
_PARTY: Final = [None, None, None]

Private = ec.EllipticCurvePrivateKey | X25519PrivateKey


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"hardsuit conformance encryption\0" + b"\0".join(parts)).digest()


@dataclass(frozen=True, slots=True)
class Opener:
    """A key that opens content keys. Its secret is a hash of its name, so it protects nothing.

    Attributes:
        algorithm: A key wrap, or a key agreement on ``curve``.
    """

    name: str
    algorithm: CoseAlgorithm
    curve: CoseCurve | None = None
    kid: bytes | None = None

    @property
    def seed(self) -> bytes:
        """Return the secret."""
        return _hash(b"key", self.name.encode())[: 32 if self.curve else _WRAPS[self.algorithm]]

    @property
    def use(self) -> str:
        """Return what a case calls the key's use."""
        return "agree" if self.curve else "unwrap"

    def cose_key(self, *, bind: bool = True) -> bytes:
        """Encode the key with its secret, as the device gets it."""
        if self.curve is None:
            key: dict[Item, Item] = {
                CoseKeyParameter.KTY: CoseKeyType.SYMMETRIC,
                CoseKeyParameter.K: self.seed,
            }
        else:
            key = {**public_key(self._private()), CoseKeyParameter.D: self.seed}
        if self.kid is not None:
            key[CoseKeyParameter.KID] = self.kid
        if bind:
            key[CoseKeyParameter.ALG] = self.algorithm
        return encode(key)

    def recipient(
        self,
        content_key: bytes,
        *,
        protected: Item = None,
        more: Headers | None = None,
        without: Sequence[Item] = (),
        salt: bytes = b"",
        context: Callable[[bytes], Item] | None = None,
        kid: bytes | None = None,
    ) -> list[Item]:
        """Return a COSE_recipient for this key.

        Args:
            content_key: What is wrapped.
            protected: Another protected bucket.
            more: Headers to add to the unprotected bucket.
            without: Headers to leave out of it.
            salt: For the key derivation; more has to say it.
            context: Another context for the key derivation, made from the protected bucket.
            kid: Another name for the key.
        """
        named = {} if (kid or self.kid) is None else {CoseHeader.KID: kid or self.kid}
        if self.curve is None:
            headers = {CoseHeader.ALG: self.algorithm, **named, **(more or {})}
            wrapped = aes_key_wrap(self.seed, content_key)
            return [b"" if protected is None else protected, _left(headers, without), wrapped]
        sealed = encode({CoseHeader.ALG: self.algorithm}) if protected is None else protected
        sender = _private(self.curve, _hash(b"ephemeral", self.name.encode(), content_key))
        info = encode((context or self._context)(sealed))
        size = _WRAPS[_BEHIND[self.algorithm]]
        kek = HKDF(hashes.SHA256(), size, salt or None, info).derive(_agree(sender, self._private()))
        headers = {CoseHeader.EPHEMERAL_KEY: public_key(sender), **named, **(more or {})}
        return [sealed, _left(headers, without), aes_key_wrap(kek, content_key)]

    def _context(self, protected: bytes) -> Item:
        wrap = _BEHIND[self.algorithm]
        return [wrap, _PARTY, _PARTY, [_WRAPS[wrap] * 8, protected, b"SUIT Payload Encryption"]]

    def _private(self) -> Private:
        return _private(self.curve or CoseCurve.P_256, self.seed)


class Encrypted(NamedTuple):
    """An encrypted payload.

    Attributes:
        info: The encoded SUIT_Encryption_Info.
        ciphertext: The payload, the tag of an AEAD cipher included.
    """

    info: bytes
    ciphertext: bytes


def content_key(cipher: CoseAlgorithm, plaintext: bytes) -> bytes:
    """Return the content key of a payload."""
    return _hash(b"content key", encode(cipher), plaintext)[: _KEY_SIZES[cipher]]


def encrypt(
    plaintext: bytes,
    cipher: CoseAlgorithm,
    *openers: Opener,
    recipients: Sequence[Item] | None = None,
    protected: Item = None,
    unprotected: Headers | None = None,
    without: Sequence[Item] = (),
    detached: Item = None,
    tag: int | None = CborTag.COSE_ENCRYPT.value,
) -> Encrypted:
    """Encrypt a payload.

    Args:
        plaintext: The payload.
        cipher: The content cipher.
        openers: Who shall be able to open it.
        recipients: Other recipients instead.
        protected: Another protected bucket; whether the cipher authenticates it or not.
        unprotected: Headers to add to the unprotected bucket.
        without: Headers to leave out of it.
        detached: What stands in the place of the ciphertext, rightly nothing.
        tag: The CBOR tag, or None for none.
    """
    key = content_key(cipher, plaintext)
    alg = {CoseHeader.ALG: cipher}
    sealed = (encode(alg) if cipher in AEAD else b"") if protected is None else protected
    iv = _hash(b"iv", key)[: 12 if cipher in AEAD else 16]
    headers = {**({} if cipher in AEAD else alg), CoseHeader.IV: iv, **(unprotected or {})}
    rows = [one.recipient(key) for one in openers] if recipients is None else list(recipients)
    parts = [sealed, _left(headers, without), detached, rows]
    aad = encode(["Encrypt", sealed, b""])
    ciphertext = _encrypted(cipher, key, iv, aad, plaintext)
    return Encrypted(encode(parts if tag is None else Tag(tag, parts)), ciphertext)


def public_key(key: Private) -> dict[Item, Item]:
    """Return the COSE_Key map of a public key."""
    if isinstance(key, X25519PrivateKey):
        return okp_key(key.public_key().public_bytes_raw())
    numbers = key.public_key().public_numbers()
    return ec2_key(CoseCurve.P_256, numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))


def okp_key(x: bytes) -> dict[Item, Item]:
    """Return the COSE_Key map of an X25519 public key."""
    return {
        CoseKeyParameter.KTY: CoseKeyType.OKP,
        CoseKeyParameter.CRV: CoseCurve.X25519,
        CoseKeyParameter.X: x,
    }


def _left(headers: Mapping[Item, Item], without: Sequence[Item]) -> dict[Item, Item]:
    return {label: value for label, value in headers.items() if label not in without}


def _private(curve: CoseCurve, seed: bytes) -> Private:
    if curve is CoseCurve.X25519:
        return X25519PrivateKey.from_private_bytes(seed)
    return ec.derive_private_key(int.from_bytes(seed, "big"), ec.SECP256R1())


def _agree(one: Private, other: Private) -> bytes:
    public = other.public_key()
    if isinstance(one, X25519PrivateKey) and isinstance(public, X25519PublicKey):
        return one.exchange(public)
    if isinstance(one, ec.EllipticCurvePrivateKey) and isinstance(public, ec.EllipticCurvePublicKey):
        return one.exchange(ec.ECDH(), public)
    raise ValueError("keys of two curves")


def _encrypted(cipher: CoseAlgorithm, key: bytes, iv: bytes, aad: bytes, plaintext: bytes) -> bytes:
    if cipher is CoseAlgorithm.CHACHA20_POLY1305:
        return ChaCha20Poly1305(key).encrypt(iv, plaintext, aad)
    if cipher in AEAD:
        return AESGCM(key).encrypt(iv, plaintext, aad)
    if cipher in CBC:
        padder = padding.PKCS7(128).padder()
        plaintext = padder.update(plaintext) + padder.finalize()
    mode = modes.CBC(iv) if cipher in CBC else modes.CTR(iv)
    context = Cipher(algorithms.AES(key), mode).encryptor()
    return context.update(plaintext) + context.finalize()
