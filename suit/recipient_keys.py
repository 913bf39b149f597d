"""Keys that open content keys: key-encryption keys and key-agreement keys, public or with their secret.

They decrypt and never vouch, as those of :mod:`suit.keys` vouch and never decrypt: one key, one use.
"""

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from spec.labels import CoseAlgorithm, CoseCurve, CoseKeyOperation, CoseKeyType
from spec.labels import CoseKeyParameter as Param
from suit import cbor, ciphers
from suit.encryption import KEK_SIZES, WRAPPED_BY, EphemeralKey
from suit.errors import (
    HardsuitError,
    KeyUnavailableError,
    MalformedError,
    UnsupportedAlgorithmError,
)
from suit.keys import is_pem, read_key_file, unusable

_WHERE: Final = "COSE_Key"
_LIMITS: Final = cbor.Limits(size=1 << 13, depth=3, items=64)
_COORDINATE: Final = 32
_KINDS: Final = {
    CoseCurve.P_256: CoseKeyType.EC2,
    CoseCurve.X25519: CoseKeyType.OKP,
}
_BY_SIZE: Final = {size: algorithm for algorithm, size in KEK_SIZES.items()}
_ALGORITHMS: Final = {algorithm.value: algorithm for algorithm in CoseAlgorithm}
_OPERATIONS: Final = {
    None: frozenset({CoseKeyOperation.WRAP_KEY.value, CoseKeyOperation.UNWRAP_KEY.value}),
    CoseCurve.P_256: frozenset({CoseKeyOperation.DERIVE_KEY.value, CoseKeyOperation.DERIVE_BITS.value}),
    CoseCurve.X25519: frozenset({CoseKeyOperation.DERIVE_KEY.value, CoseKeyOperation.DERIVE_BITS.value}),
}


@dataclass(frozen=True, slots=True)
class RecipientKey:
    """A key that a recipient of encrypted payloads has, checked when it is made.

    Attributes:
        curve: P-256 or X25519; None for a key-encryption key.
        x: The x coordinate, or the X25519 public key.
        y: The y coordinate of a P-256 point.
        secret: The key-encryption key, or the private scalar; empty in a public key. Never shown.
        algorithm: The one algorithm that the key is bound to, if it says so.
        kid: The name that COSE headers give it.
        name: The thumbprint of RFC 9679 (SHA-256): the same for both halves of a key.
        admitted: The algorithms that it may be used with.
    """

    curve: CoseCurve | None = None
    x: bytes = b""
    y: bytes = b""
    secret: bytes = field(default=b"", repr=False)
    algorithm: CoseAlgorithm | None = None
    kid: bytes | None = None
    name: bytes = field(init=False, compare=False)
    admitted: frozenset[CoseAlgorithm] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.curve is None:
            if len(self.secret) not in _BY_SIZE:
                raise MalformedError(_WHERE, "a key-encryption key has 16, 24 or 32 bytes")
        else:
            _check_halves(self.curve, self.x, self.y, self.secret)
        fitting = frozenset(WRAPPED_BY) if self.curve else frozenset({_BY_SIZE[len(self.secret)]})
        if self.algorithm is not None and self.algorithm not in fitting:
            raise UnsupportedAlgorithmError(f"{_WHERE}: {self.algorithm.name} with {self.kind} is not used")
        object.__setattr__(self, "admitted", fitting if self.algorithm is None else {self.algorithm})
        object.__setattr__(self, "name", hashlib.sha256(cbor.encode(self._required())).digest())

    @property
    def kind(self) -> str:
        """The kind of key, as people call it."""
        return self.curve.name if self.curve else f"{len(self.secret) * 8}-bit key-encryption key"

    @property
    def title(self) -> str:
        """What to call the key in a message."""
        return f"{self.kind} {self.name.hex()[:16]}"

    @property
    def point(self) -> EphemeralKey:
        """The public half of a key-agreement key, as the other side gets it."""
        if self.curve is CoseCurve.X25519:
            return EphemeralKey(CoseCurve.X25519, self.x)
        return EphemeralKey(CoseCurve.P_256, b"\x04" + self.x + self.y)

    @property
    def default_algorithm(self) -> CoseAlgorithm:
        """What a sender uses with this key: its ``alg``, else what the profiles have for its kind (A3)."""
        if self.algorithm is not None:
            return self.algorithm
        return CoseAlgorithm.ECDH_ES_A128KW if self.curve else _BY_SIZE[len(self.secret)]

    def public(self) -> "RecipientKey":
        """Return the half that a sender needs; a key-encryption key has only one."""
        return replace(self, secret=b"") if self.curve else self

    def agreement_key(self) -> ciphers.AgreementKey:
        """Return the private half of a key-agreement key as an object of ``cryptography``.

        Raises:
            KeyUnavailableError: It is a public key, or one of another kind.
        """
        if self.curve is None or not self.secret:
            raise KeyUnavailableError(f"{self.title} has no private part to agree with")
        return _private(self.curve, self.secret)

    @classmethod
    def from_cose(cls, raw: bytes) -> "RecipientKey":
        """Read an encoded COSE_Key (RFC 9052 §7), with its secret if that is in it.

        Raises:
            MalformedError: It is not deterministic CBOR, or not a key.
            UnsupportedAlgorithmError: A kind of key that hardsuit does not decrypt with.
        """
        members = cbor.decode(raw, where=_WHERE, limits=_LIMITS, ordered=False)
        if not isinstance(members, dict):
            raise MalformedError(_WHERE, "a map was expected")
        kty, kid = members.get(Param.KTY.value), _optional(members, Param.KID)
        algorithm = _algorithm(members)
        if kty == CoseKeyType.SYMMETRIC.value:
            _check_operations(members, None)
            return cls(secret=_optional(members, Param.K), algorithm=algorithm, kid=kid or None)
        crv = members.get(Param.CRV.value)
        curve = next((one for one, kind in _KINDS.items() if (kind.value, one.value) == (kty, crv)), None)
        if curve is None or type(kty) is not int or type(crv) is not int:
            raise UnsupportedAlgorithmError(f"{_WHERE}: kty {kty!r} with crv {crv!r} decrypts nothing")
        _check_operations(members, curve)
        secret = _optional(members, Param.D)
        if secret and Param.X.value not in members:
            return replace(_of_private(_private(curve, secret)), algorithm=algorithm, kid=kid or None)
        x, y = _optional(members, Param.X), members.get(Param.Y.value, b"")
        if curve is CoseCurve.P_256 and isinstance(y, bool):
            y = _decompressed(x, odd=y)
        if type(y) is not bytes:
            raise MalformedError(_WHERE, "y has to be a byte string")
        return cls(curve, x, y, secret, algorithm, kid or None)

    @classmethod
    def from_pem(cls, data: bytes) -> "RecipientKey":
        """Read a PEM key: SubjectPublicKeyInfo or PKCS #8.

        Raises:
            KeyUnavailableError: The private key is encrypted.
            MalformedError: It is not a key in PEM.
            UnsupportedAlgorithmError: A kind of key that hardsuit does not decrypt with.
        """
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 8 ms that COSE_Keys need not pay

        try:
            if b"PRIVATE KEY-----" in data:
                key: object = serialization.load_pem_private_key(data, None)
            else:
                key = serialization.load_pem_public_key(data)
        except TypeError as error:
            raise KeyUnavailableError("the key is encrypted; hardsuit asks for no passphrase") from error
        except Exception as error:  # its parsers have raised more than they document
            raise MalformedError("PEM key", "not a key that can be read") from error
        if isinstance(key, X25519PrivateKey | ec.EllipticCurvePrivateKey):
            return _of_private(key)
        if isinstance(key, X25519PublicKey | ec.EllipticCurvePublicKey):
            return _of_public(key)
        raise UnsupportedAlgorithmError(f"PEM key: {type(key).__name__.strip('_')} decrypts nothing")

    def to_cose(self) -> bytes:
        """Encode as a COSE_Key. The secret is in it, unless this is a public key."""
        members = self._required()
        if self.kid is not None:
            members[Param.KID.value] = self.kid
        if self.algorithm is not None:
            members[Param.ALG.value] = self.algorithm.value
        if self.curve is not None and self.secret:
            members[Param.D.value] = self.secret
        return cbor.encode(members)

    def _required(self) -> dict[cbor.Item, cbor.Item]:
        """Return the members that RFC 9679 §4 hashes."""
        if self.curve is None:
            return {Param.KTY.value: CoseKeyType.SYMMETRIC.value, Param.K.value: self.secret}
        members = {
            Param.KTY.value: _KINDS[self.curve].value,
            Param.CRV.value: self.curve.value,
            Param.X.value: self.x,
        }
        return members | ({Param.Y.value: self.y} if self.y else {})


class RecipientKeyType(Enum):
    """The kinds of recipient key that can be made."""

    A128KW = CoseAlgorithm.A128KW
    A192KW = CoseAlgorithm.A192KW
    A256KW = CoseAlgorithm.A256KW
    X25519 = CoseCurve.X25519
    P256_ECDH = CoseCurve.P_256


def generate(
    kind: RecipientKeyType, *, algorithm: CoseAlgorithm | None = None, kid: bytes | None = None
) -> RecipientKey:
    """Make a new key that is bound to one algorithm.

    Raises:
        UnsupportedAlgorithmError: The algorithm does not fit the kind of key.
    """
    if isinstance(kind.value, CoseAlgorithm):
        secret = secrets.token_bytes(KEK_SIZES[kind.value])
        return RecipientKey(secret=secret, algorithm=algorithm or kind.value, kid=kid)
    drawn: ciphers.AgreementKey = (
        X25519PrivateKey.generate()
        if kind.value is CoseCurve.X25519
        else ec.generate_private_key(ec.SECP256R1())
    )
    return replace(_of_private(drawn), algorithm=algorithm or CoseAlgorithm.ECDH_ES_A128KW, kid=kid)


def load_recipient_key(path: Path) -> RecipientKey:
    """Read a key file, PEM or COSE_Key.

    Raises:
        KeyUnavailableError: The file cannot be read, or holds no key that decrypts.
    """
    data = read_key_file(path)
    try:
        return RecipientKey.from_pem(data) if is_pem(data) else RecipientKey.from_cose(data)
    except HardsuitError as error:
        raise unusable(path, error) from error


def _of_private(key: ciphers.AgreementKey) -> RecipientKey:
    if isinstance(key, X25519PrivateKey):
        return replace(_of_public(key.public_key()), secret=key.private_bytes_raw())
    public = _of_public(key.public_key())
    return replace(public, secret=key.private_numbers().private_value.to_bytes(_COORDINATE, "big"))


def _of_public(key: X25519PublicKey | ec.EllipticCurvePublicKey) -> RecipientKey:
    if isinstance(key, X25519PublicKey):
        return RecipientKey(CoseCurve.X25519, key.public_bytes_raw())
    if not isinstance(key.curve, ec.SECP256R1):
        raise UnsupportedAlgorithmError(f"the curve {key.curve.name} decrypts nothing")
    numbers = key.public_numbers()
    x, y = (number.to_bytes(_COORDINATE, "big") for number in (numbers.x, numbers.y))
    return RecipientKey(CoseCurve.P_256, x, y)


def _private(curve: CoseCurve, secret: bytes) -> ciphers.AgreementKey:
    try:
        if len(secret) != _COORDINATE:
            raise MalformedError(_WHERE, f"d of {curve.name} has {_COORDINATE} bytes")
        if curve is CoseCurve.X25519:
            return X25519PrivateKey.from_private_bytes(secret)
        return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
    except ValueError as error:
        raise MalformedError(_WHERE, f"d is no private key of {curve.name}") from error


def _check_halves(curve: CoseCurve, x: bytes, y: bytes, secret: bytes) -> None:
    sizes = (_COORDINATE, 0 if curve is CoseCurve.X25519 else _COORDINATE)
    if curve not in _KINDS or (len(x), len(y)) != sizes:
        raise MalformedError(_WHERE, f"coordinates of {curve.name} have another size")
    try:
        if curve is CoseCurve.P_256:
            ciphers.p256_point(b"\x04" + x + y)
    except ValueError as error:
        raise MalformedError(_WHERE, "no point of the curve") from error
    if secret:
        own = _of_public(_private(curve, secret).public_key())
        if (own.x, own.y) != (x, y):
            raise MalformedError(_WHERE, "d and the public coordinates belong to different keys")


def _decompressed(x: bytes, *, odd: bool) -> bytes:
    try:
        numbers = ciphers.p256_point((b"\x03" if odd else b"\x02") + x).public_numbers()
    except ValueError as error:
        raise MalformedError(_WHERE, "no point of the curve") from error
    return numbers.y.to_bytes(_COORDINATE, "big")


def _optional(members: dict[cbor.Item, cbor.Item], label: Param) -> bytes:
    value = members.get(label.value, b"")
    if type(value) is not bytes:
        raise MalformedError(_WHERE, f"{label.name.lower()} has to be a byte string")
    return value


def _algorithm(members: dict[cbor.Item, cbor.Item]) -> CoseAlgorithm | None:
    if Param.ALG.value not in members:
        return None
    value = members[Param.ALG.value]
    if type(value) is int and value in _ALGORITHMS:
        return _ALGORITHMS[value]
    raise UnsupportedAlgorithmError(f"{_WHERE}: alg {value!r} is not used")


def _check_operations(members: dict[cbor.Item, cbor.Item], curve: CoseCurve | None) -> None:
    """Refuse a key whose key_ops allow nothing that recipients do (RFC 9052 §7.1)."""
    if Param.KEY_OPS.value not in members:
        return
    value = members[Param.KEY_OPS.value]
    if not isinstance(value, list) or not value or any(type(item) not in (int, str) for item in value):
        raise MalformedError(_WHERE, "key_ops has to be a list of operations")
    if _OPERATIONS[curve].isdisjoint(value):
        raise UnsupportedAlgorithmError(f"{_WHERE}: its key_ops allow neither key wrap nor key agreement")
