"""Signatures and MACs, all on ``cryptography`` and the standard library.

A key holds one primitive, made and checked when the key is read, so that verifying costs the arithmetic and
little else. Signatures are raw here, as in COSE (RFC 9053 §2.1: r and s side by side); ``der`` conversions
serve those who speak X9.62.
"""

import hmac
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from spec.labels import CoseAlgorithm, CoseCurve
from suit.errors import UnsupportedAlgorithmError

if TYPE_CHECKING:
    from suit.keys import CoseKey

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | Ed25519PublicKey
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | Ed25519PrivateKey

ED25519_SIZE: Final = 32


class Verifying(Protocol):
    """Judges a signature or tag."""

    def verify(self, message: bytes, value: bytes) -> bool:
        """Tell whether ``value`` vouches for ``message``."""


class Signing(Protocol):
    """Makes a signature or tag."""

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature or tag of ``message``."""


class Curve(NamedTuple):
    """One curve for ECDSA, and the hash that the fully-specified algorithms pair with it (RFC 9864)."""

    size: int
    parameters: ec.EllipticCurve
    digest: hashes.HashAlgorithm


CURVES: Final = {
    CoseCurve.P_256: Curve(32, ec.SECP256R1(), hashes.SHA256()),
    CoseCurve.P_384: Curve(48, ec.SECP384R1(), hashes.SHA384()),
    CoseCurve.P_521: Curve(66, ec.SECP521R1(), hashes.SHA512()),
}
MAC_DIGESTS: Final = {
    CoseAlgorithm.HMAC_256: "sha256",
    CoseAlgorithm.HMAC_384: "sha384",
    CoseAlgorithm.HMAC_512: "sha512",
}


def verify_signature(key: "CoseKey", algorithm: CoseAlgorithm, message: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` (or MAC tag) over ``message`` was made with ``key``.

    Raises:
        UnsupportedAlgorithmError: The key does not admit the algorithm.
    """
    if not key.admits(algorithm):
        raise UnsupportedAlgorithmError(f"{algorithm.name} is not allowed for {key.title}")
    return key.primitive.verify(message, signature)


def mac(key: "CoseKey", message: bytes) -> bytes:
    """Return the HMAC of ``message`` under a symmetric key, by the key's algorithm (default HMAC 256/256).

    Raises:
        UnsupportedAlgorithmError: The key is no MAC key.
    """
    primitive = key.primitive
    if not isinstance(primitive, MacPrimitive) or not key.admitted:
        raise UnsupportedAlgorithmError(f"{key.title} makes no MAC")
    return primitive.sign(message)


def raw_to_der(signature: bytes) -> bytes:
    """Turn r || s into the DER form of X9.62."""
    half = len(signature) // 2
    return encode_dss_signature(
        int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    )


def der_to_raw(signature: bytes, curve: CoseCurve) -> bytes:
    """Turn the DER form of X9.62 into r || s.

    Raises:
        ValueError: It is not DER, or r or s is too long for the curve.
    """
    size = CURVES[curve].size
    r, s = decode_dss_signature(signature)
    try:
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    except OverflowError as error:
        raise ValueError("r or s is out of range") from error


def public_key(curve: CoseCurve, x: bytes, y: bytes) -> PublicKey:
    """Make a public key of its coordinates (Ed25519 has no ``y``).

    Raises:
        ValueError: The coordinates have the wrong length or are no point of the curve.
    """
    if curve is CoseCurve.ED25519:
        return Ed25519PublicKey.from_public_bytes(x)
    size, parameters = CURVES[curve].size, CURVES[curve].parameters
    if len(x) != size or len(y) != size:
        raise ValueError(f"coordinates of {curve.name} have {size} bytes each")
    point = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), parameters)
    return point.public_key()


def decompress(curve: CoseCurve, x: bytes, *, odd: bool) -> bytes:
    """Return the y coordinate of a compressed point (RFC 9053 §7.1.1: y as a boolean).

    Raises:
        ValueError: No point of the curve has this x.
    """
    point = ec.EllipticCurvePublicKey.from_encoded_point(
        CURVES[curve].parameters, (b"\x03" if odd else b"\x02") + x
    )
    return point.public_numbers().y.to_bytes(CURVES[curve].size, "big")


def private_key(curve: CoseCurve, d: bytes) -> PrivateKey:
    """Make a private key of the secret scalar or seed of a COSE_Key.

    Raises:
        ValueError: ``d`` has the wrong length or is out of range.
    """
    if curve is CoseCurve.ED25519:
        return Ed25519PrivateKey.from_private_bytes(d)
    size, parameters = CURVES[curve].size, CURVES[curve].parameters
    if len(d) != size:
        raise ValueError(f"d of {curve.name} has {size} bytes")
    return ec.derive_private_key(int.from_bytes(d, "big"), parameters)


def coordinates(key: PublicKey) -> tuple[CoseCurve, bytes, bytes]:
    """Return curve, x and y of a public key.

    Raises:
        ValueError: Its curve is none that SUIT uses.
    """
    if isinstance(key, Ed25519PublicKey):
        return CoseCurve.ED25519, key.public_bytes_raw(), b""
    for label, curve in CURVES.items():
        if isinstance(key.curve, type(curve.parameters)):
            point = key.public_numbers()
            return label, point.x.to_bytes(curve.size, "big"), point.y.to_bytes(curve.size, "big")
    raise ValueError(f"the curve {key.curve.name} is not used")


def verifying(key: PublicKey) -> Verifying:
    """Return the primitive that judges signatures of ``key``."""
    if isinstance(key, Ed25519PublicKey):
        return _Ed25519Verifying(key)
    return _EcdsaVerifying(key, CURVES[coordinates(key)[0]])


def signing(key: PrivateKey) -> Signing:
    """Return the primitive that signs with ``key``; ECDSA is deterministic (RFC 6979)."""
    if isinstance(key, Ed25519PrivateKey):
        return key
    return _EcdsaSigning(key, CURVES[coordinates(key.public_key())[0]])


class MacPrimitive:
    """HMAC with one key (RFC 9053 §3.1), compared in constant time."""

    __slots__ = ("_digest", "_key")

    def __init__(self, key: bytes, algorithm: CoseAlgorithm) -> None:
        self._key = key
        self._digest = MAC_DIGESTS[algorithm]

    def sign(self, message: bytes) -> bytes:
        """Return the tag of ``message``."""
        return hmac.digest(self._key, message, self._digest)

    def verify(self, message: bytes, value: bytes) -> bool:
        """Tell whether ``value`` is the tag of ``message``."""
        return hmac.compare_digest(self.sign(message), value)


class _EcdsaVerifying:
    __slots__ = ("_key", "_scheme", "_size")

    def __init__(self, key: ec.EllipticCurvePublicKey, curve: Curve) -> None:
        self._key = key
        self._scheme = ec.ECDSA(curve.digest)
        self._size = curve.size

    def verify(self, message: bytes, value: bytes) -> bool:
        if len(value) != 2 * self._size:
            return False
        try:
            self._key.verify(raw_to_der(value), message, self._scheme)
        except InvalidSignature:
            return False
        return True


class _EcdsaSigning:
    __slots__ = ("_key", "_scheme", "_size")

    def __init__(self, key: ec.EllipticCurvePrivateKey, curve: Curve) -> None:
        self._key = key
        self._scheme = ec.ECDSA(curve.digest, deterministic_signing=True)
        self._size = curve.size

    def sign(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(message, self._scheme))
        return r.to_bytes(self._size, "big") + s.to_bytes(self._size, "big")


class _Ed25519Verifying:
    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    def verify(self, message: bytes, value: bytes) -> bool:
        try:
            self._key.verify(value, message)
        except InvalidSignature:
            return False
        return True
