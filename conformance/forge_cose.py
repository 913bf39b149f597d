"""Keys that everybody may know, and COSE authentication blocks made from raw bytes.

Signatures are deterministic (RFC 6979, RFC 8032), so a forged envelope is the same on every machine. A
block is built over any message, headers and structure that the caller names: valid ones need one
argument, broken ones say what they break.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from conformance.forge_cbor import Item, Tag, encode
from spec.labels import (
    CborTag,
    CoseAlgorithm,
    CoseCurve,
    CoseHeader,
    CoseKeyParameter,
    CoseKeyType,
)

_CURVES: Final = {
    CoseAlgorithm.ES256: (ec.SECP256R1(), hashes.SHA256(), CoseCurve.P_256, 32),
    CoseAlgorithm.ESP256: (ec.SECP256R1(), hashes.SHA256(), CoseCurve.P_256, 32),
    CoseAlgorithm.ESP384: (ec.SECP384R1(), hashes.SHA384(), CoseCurve.P_384, 48),
    CoseAlgorithm.ESP512: (ec.SECP521R1(), hashes.SHA512(), CoseCurve.P_521, 66),
}
Headers = Mapping[Item, Item]


@dataclass(frozen=True, slots=True)
class Key:
    """A test key. Its secret is a hash of its name, so it protects nothing."""

    name: str
    algorithm: CoseAlgorithm
    kid: bytes | None = None

    @property
    def seed(self) -> bytes:
        """Return the secret: 32 bytes."""
        return hashlib.sha256(b"hardsuit conformance key " + self.name.encode()).digest()

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature or tag over a message."""
        if self.algorithm is CoseAlgorithm.HMAC_256:
            return hmac.digest(self.seed, message, "sha256")
        if self.algorithm is CoseAlgorithm.ED25519:
            return ed25519.Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)
        _, digest, _, size = _CURVES[self.algorithm]
        der = self._elliptic().sign(message, ec.ECDSA(digest, deterministic_signing=True))
        r, s = decode_dss_signature(der)
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def sign_der(self, message: bytes) -> bytes:
        """Return an ECDSA signature in ASN.1, which COSE does not use."""
        digest = _CURVES[self.algorithm][1]
        return self._elliptic().sign(message, ec.ECDSA(digest, deterministic_signing=True))

    def cose_key(self, *, bind: bool = True) -> bytes:
        """Encode what a verifier gets: the public key, or the MAC key itself.

        Args:
            bind: Whether ``alg`` says what the key may be used for.
        """
        key = self._material()
        if self.kid is not None:
            key[CoseKeyParameter.KID] = self.kid
        if bind:
            key[CoseKeyParameter.ALG] = self.algorithm
        return encode(key)

    def public_point(self) -> bytes:
        """Return the uncompressed public point: bytes that an attacker knows."""
        numbers = self._elliptic().public_key().public_numbers()
        size = _CURVES[self.algorithm][3]
        return b"\x04" + numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big")

    def _elliptic(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(self.seed, "big"), _CURVES[self.algorithm][0])

    def _material(self) -> dict[Item, Item]:
        if self.algorithm is CoseAlgorithm.HMAC_256:
            return {CoseKeyParameter.KTY: CoseKeyType.SYMMETRIC, CoseKeyParameter.K: self.seed}
        if self.algorithm is CoseAlgorithm.ED25519:
            public = ed25519.Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
            return {
                CoseKeyParameter.KTY: CoseKeyType.OKP,
                CoseKeyParameter.CRV: CoseCurve.ED25519,
                CoseKeyParameter.X: public.public_bytes_raw(),
            }
        numbers = self._elliptic().public_key().public_numbers()
        _, _, curve, size = _CURVES[self.algorithm]
        return ec2_key(curve, numbers.x.to_bytes(size, "big"), numbers.y.to_bytes(size, "big"))


def ec2_key(curve: CoseCurve, x: bytes, y: bytes) -> dict[Item, Item]:
    """Return the COSE_Key map of a public point."""
    return {
        CoseKeyParameter.KTY: CoseKeyType.EC2,
        CoseKeyParameter.CRV: curve,
        CoseKeyParameter.X: x,
        CoseKeyParameter.Y: y,
    }


def sign1(
    payload: bytes,
    key: Key,
    *,
    protected: Headers | None = None,
    unprotected: Headers | None = None,
    aad: bytes = b"",
    embedded: bytes | None = None,
    signature: bytes | None = None,
    tag: int | None = CborTag.COSE_SIGN1.value,
) -> bytes:
    """Make a COSE_Sign1 block over a detached payload.

    Args:
        payload: What is signed; rightly the encoded SUIT_Digest.
        key: Who signs.
        protected: The protected header, instead of the algorithm alone.
        unprotected: The unprotected header, instead of the key id alone.
        aad: External data, rightly empty.
        embedded: A payload inside the block, rightly none.
        signature: Bytes to put where the signature belongs.
        tag: The CBOR tag, or None for none.
    """
    header = _protected(key, protected)
    if signature is None:
        signature = key.sign(encode(["Signature1", header, aad, payload]))
    block = [header, _unprotected(key, unprotected), embedded, signature]
    return encode(block if tag is None else Tag(tag, block))


def sign(payload: bytes, *keys: Key, body: Headers | None = None) -> bytes:
    """Make a COSE_Sign block that several keys sign."""
    shared = encode(body) if body else b""
    signatures = []
    for key in keys:
        header = _protected(key, None)
        signature = key.sign(encode(["Signature", shared, header, b"", payload]))
        signatures.append([header, _unprotected(key, None), signature])
    return encode(Tag(CborTag.COSE_SIGN.value, [shared, {}, None, signatures]))


def mac0(payload: bytes, key: Key, *, secret: bytes | None = None) -> bytes:
    """Make a COSE_Mac0 block; ``secret`` computes the tag with other bytes than the key's."""
    header = _protected(key, None)
    structure = encode(["MAC0", header, b"", payload])
    value = key.sign(structure) if secret is None else hmac.digest(secret, structure, "sha256")
    return encode(Tag(CborTag.COSE_MAC0.value, [header, _unprotected(key, None), None, value]))


def mac(payload: bytes, key: Key) -> bytes:
    """Make a COSE_Mac block whose recipients share the MAC key directly (RFC 9053 §6.1.1)."""
    header = _protected(key, None)
    value = key.sign(encode(["MAC", header, b"", payload]))
    recipient = [
        b"",
        {CoseHeader.ALG: CoseAlgorithm.DIRECT} | dict(_unprotected(key, None)),
        b"",
    ]
    return encode(Tag(CborTag.COSE_MAC.value, [header, {}, None, value, [recipient]]))


def _protected(key: Key, headers: Headers | None) -> bytes:
    if headers is None:
        headers = {CoseHeader.ALG: key.algorithm}
    return encode(headers) if headers else b""


def _unprotected(key: Key, headers: Headers | None) -> Headers:
    if headers is not None:
        return headers
    return {} if key.kid is None else {CoseHeader.KID: key.kid}
