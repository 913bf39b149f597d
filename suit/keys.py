"""Keys that verify: COSE_Key (RFC 9052 §7) and PEM, as one immutable value that never shows a secret."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from spec.labels import MACS, SIGNATURES, CoseAlgorithm, CoseCurve, CoseKeyOperation, CoseKeyType
from spec.labels import CoseKeyParameter as Param
from suit import cbor, crypto
from suit.errors import (
    HardsuitError,
    KeyUnavailableError,
    MalformedError,
    RejectedError,
    UnsupportedAlgorithmError,
    UsageError,
)

if TYPE_CHECKING:
    from pathlib import Path

# The first of a row is what a key without ``alg`` admits; the others need a key that says so (RFC 9864).
_BY_CURVE: Final[Mapping[CoseCurve | None, tuple[CoseAlgorithm, ...]]] = {
    CoseCurve.P_256: (CoseAlgorithm.ESP256, CoseAlgorithm.ES256),
    CoseCurve.P_384: (CoseAlgorithm.ESP384, CoseAlgorithm.ES384),
    CoseCurve.P_521: (CoseAlgorithm.ESP512, CoseAlgorithm.ES512),
    CoseCurve.ED25519: (CoseAlgorithm.ED25519, CoseAlgorithm.EDDSA),
    None: (CoseAlgorithm.HMAC_256, CoseAlgorithm.HMAC_384, CoseAlgorithm.HMAC_512),
}
IMPLEMENTED: Final = frozenset(algorithm for row in _BY_CURVE.values() for algorithm in row)
_CHECKS: Final = {CoseKeyOperation.VERIFY, CoseKeyOperation.MAC_VERIFY}
_PUBLIC: Final = {CoseKeyOperation.SIGN: CoseKeyOperation.VERIFY}
_OPERATIONS: Final = {operation.value: operation for operation in CoseKeyOperation}
_ALGORITHMS: Final = {algorithm.value: algorithm for algorithm in CoseAlgorithm}

_WHERE: Final = "COSE_Key"
MAX_KEY: Final = 1 << 13
_LIMITS: Final = cbor.Limits(size=MAX_KEY, depth=3, items=64)
_MIN_SECRET: Final = 16  # bytes; the name is a public hash of the key, so a guessable key must not get one
_MAX_SECRET: Final = 1 << 10
_MAX_FILE: Final = 1 << 16
_PEM: Final = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class CoseKey:
    """A public key or MAC key, checked when it is made.

    Attributes:
        kty: The key type.
        curve: The curve; None for a symmetric key.
        x: The x coordinate, or the Ed25519 public key.
        y: The y coordinate of an elliptic curve point.
        k: The secret of a symmetric key. Never shown.
        algorithm: The one algorithm that the key is bound to, if it says so.
        kid: The name that COSE headers give it.
        operations: What the key may be used for; empty means no restriction (RFC 9052 §7.1).
        any_identifier: Admit the deprecated identifier of the curve as well (ES256 beside ESP256). A PEM file
            cannot say ``alg``, so whoever names the file vouches for the curve alone.
        name: The thumbprint of RFC 9679 (SHA-256): the same for the same key everywhere.
        admitted: The algorithms that the key verifies.
        primitive: What verifies with it.
    """

    kty: CoseKeyType
    curve: CoseCurve | None = None
    x: bytes = b""
    y: bytes = b""
    k: bytes = field(default=b"", repr=False)
    algorithm: CoseAlgorithm | None = None
    kid: bytes | None = None
    operations: frozenset[CoseKeyOperation] = frozenset()
    any_identifier: bool = False
    name: bytes = field(init=False, compare=False)
    admitted: frozenset[CoseAlgorithm] = field(init=False, compare=False, repr=False)
    primitive: crypto.Verifying = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "admitted", self._admitted())
        object.__setattr__(self, "primitive", self._primitive())
        object.__setattr__(self, "name", hashlib.sha256(cbor.encode(self._required())).digest())

    @property
    def title(self) -> str:
        """What to call the key in a message."""
        kind = self.curve.name if self.curve else self.kty.name
        return f"{kind} key {self.name.hex()[:16]}"

    def admits(self, algorithm: CoseAlgorithm) -> bool:
        """Tell whether this key may verify with ``algorithm``: an ``alg`` in the key binds."""
        return algorithm in self.admitted

    @property
    def default_algorithm(self) -> CoseAlgorithm:
        """What a signer with this key uses: its ``alg``, or the fully-specified one of its curve."""
        return self.algorithm or _BY_CURVE[self.curve][0]

    @classmethod
    def from_cose(cls, raw: bytes) -> "CoseKey":
        """Read an encoded COSE_Key; of a private key, the public part.

        Raises:
            MalformedError: It is not deterministic CBOR, or not a key.
            UnsupportedAlgorithmError: A key type, curve or algorithm that hardsuit does not verify with.
        """
        return read_cose_key(raw)[0]

    @classmethod
    def from_pem(
        cls, data: bytes, *, algorithm: CoseAlgorithm | None = None, kid: bytes | None = None
    ) -> "CoseKey":
        """Read a PEM key: SubjectPublicKeyInfo, or of a private key (PKCS #8, SEC 1) the public part.

        Args:
            data: The PEM text.
            algorithm: Bind the key to this algorithm.
            kid: The name to give it.

        Raises:
            KeyUnavailableError: The private key is encrypted.
            MalformedError: It is not a key in PEM.
            UnsupportedAlgorithmError: A key type or curve that hardsuit does not verify with.
        """
        key = read_pem(data)
        public = key if isinstance(key, crypto.PublicKey) else key.public_key()
        return cls.from_public(public, algorithm=algorithm, kid=kid, any_identifier=algorithm is None)

    @classmethod
    def from_public(
        cls,
        key: crypto.PublicKey,
        *,
        algorithm: CoseAlgorithm | None = None,
        kid: bytes | None = None,
        any_identifier: bool = False,
    ) -> "CoseKey":
        """Take over a public key of ``cryptography``."""
        try:
            curve, x, y = crypto.coordinates(key)
        except ValueError as error:
            raise UnsupportedAlgorithmError(f"PEM key: {error}") from error
        kty = CoseKeyType.OKP if curve is CoseCurve.ED25519 else CoseKeyType.EC2
        return cls(kty, curve, x, y, algorithm=algorithm, kid=kid, any_identifier=any_identifier)

    def to_cose(self, *, d: bytes | None = None) -> bytes:
        """Encode as a COSE_Key. A symmetric key's secret is in it, and so is ``d`` when it is given."""
        members = self._required()
        if self.kid is not None:
            members[Param.KID.value] = self.kid
        if self.algorithm is not None:
            members[Param.ALG.value] = self.algorithm.value
        if self.operations:
            members[Param.KEY_OPS.value] = sorted(operation.value for operation in self.operations)
        if d is not None:
            members[Param.D.value] = d
        return cbor.encode(members)

    def to_pem(self) -> bytes:
        """Encode the public key as SubjectPublicKeyInfo.

        Raises:
            UsageError: A symmetric key has no public part.
        """
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 8 ms that verifying need not pay

        return self.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def public_key(self) -> crypto.PublicKey:
        """Return the key as an object of ``cryptography``.

        Raises:
            UsageError: A symmetric key has no public part.
        """
        if self.curve is None:
            raise UsageError(f"{self.title} has no public part")
        return crypto.public_key(self.curve, self.x, self.y)

    def _admitted(self) -> frozenset[CoseAlgorithm]:
        fitting = _BY_CURVE.get(self.curve, ())
        if self.algorithm is None:
            chosen = fitting if self.any_identifier else fitting[:1]
        elif self.algorithm in fitting:
            chosen = (self.algorithm,)
        elif self.algorithm in SIGNATURES | MACS:
            kind = self.curve.name if self.curve else self.kty.name
            raise UnsupportedAlgorithmError(f"{_WHERE}: {self.algorithm.name} with {kind} is not used")
        else:
            chosen = ()
        return frozenset(chosen if not self.operations or self.operations & _CHECKS else ())

    def _primitive(self) -> crypto.Verifying:
        if self.kty is CoseKeyType.SYMMETRIC:
            if not _MIN_SECRET <= len(self.k) <= _MAX_SECRET:
                raise MalformedError(_WHERE, f"k has to have {_MIN_SECRET} to {_MAX_SECRET} bytes")
            bound = self.algorithm if self.algorithm in crypto.MAC_DIGESTS else None
            return crypto.MacPrimitive(self.k, bound or CoseAlgorithm.HMAC_256)
        try:
            return crypto.verifying(self.public_key())
        except ValueError as error:
            raise MalformedError(_WHERE, f"no point of the curve: {error}") from error

    def _required(self) -> dict[cbor.Item, cbor.Item]:
        """Return the members that RFC 9679 §4 hashes."""
        if self.curve is None:
            return {Param.KTY.value: self.kty.value, Param.K.value: self.k}
        members = {
            Param.KTY.value: self.kty.value,
            Param.CRV.value: self.curve.value,
            Param.X.value: self.x,
        }
        return members | ({Param.Y.value: self.y} if self.y else {})


def algorithms_of(curve: CoseCurve | None) -> tuple[CoseAlgorithm, ...]:
    """Return what a key on ``curve`` (None: a symmetric key) can verify, the recommended algorithm first."""
    return _BY_CURVE.get(curve, ())


def read_cose_key(raw: bytes) -> tuple[CoseKey, bytes | None]:
    """Read an encoded COSE_Key into its public part and its private ``d``, if it has one that may sign.

    Raises:
        MalformedError: It is not deterministic CBOR, or not a key.
        UnsupportedAlgorithmError: A key type, curve or algorithm that hardsuit does not use.
    """
    members = cbor.decode(raw, where=_WHERE, limits=_LIMITS, ordered=False)
    if not isinstance(members, dict):
        raise MalformedError(_WHERE, "a map was expected")
    kid = _bytes(members, Param.KID) if Param.KID.value in members else None
    algorithm = _algorithm(members)
    operations = _operations(members)
    kty = members.get(Param.KTY.value)
    if kty == CoseKeyType.SYMMETRIC.value:
        secret = _bytes(members, Param.K)
        key = CoseKey(
            CoseKeyType.SYMMETRIC, k=secret, algorithm=algorithm, kid=kid or None, operations=operations
        )
        return key, None
    curve = _curve(kty, members)
    d = _bytes(members, Param.D) if Param.D.value in members else None
    x, y = _point(curve, members, d)
    if d is not None and operations:
        d = d if CoseKeyOperation.SIGN in operations else None
        operations = frozenset(_PUBLIC.get(one, one) for one in operations)
    key = CoseKey(CoseKeyType(kty), curve, x, y, algorithm=algorithm, kid=kid or None, operations=operations)
    return key, d


def read_pem(data: bytes) -> crypto.PublicKey | crypto.PrivateKey:
    """Read a public or private key in PEM.

    Raises:
        KeyUnavailableError: The private key is encrypted.
        MalformedError: It is not a key in PEM.
        UnsupportedAlgorithmError: A key type that hardsuit does not use.
    """
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm  # noqa: PLC0415 - as below
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 8 ms that COSE_Keys need not pay

    try:
        if b"PRIVATE KEY-----" in data:
            key: object = serialization.load_pem_private_key(data, None)
        else:
            key = serialization.load_pem_public_key(data)
    except TypeError as error:
        raise KeyUnavailableError("the private key is encrypted; hardsuit asks for no passphrase") from error
    except UnsupportedAlgorithm as error:
        raise UnsupportedAlgorithmError("PEM key: its type is not used") from error
    except (ValueError, InternalError) as error:  # the latter for an X448 key that is too short
        raise MalformedError("PEM key", "not a key that can be read") from error
    if isinstance(key, crypto.PublicKey | crypto.PrivateKey):
        return key
    raise UnsupportedAlgorithmError(f"PEM key: {type(key).__name__.strip('_')} is not used")


def is_pem(data: bytes) -> bool:
    """Tell whether the content of a key file is PEM rather than CBOR."""
    return _PEM in data[: 1 << 10]


def read_key_file(path: "Path") -> bytes:
    """Return the content of a key file.

    Raises:
        KeyUnavailableError: It cannot be read, is empty or far too long.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise KeyUnavailableError(f"{path}: {error.strerror or 'cannot be read'}") from error
    if not data or len(data) > _MAX_FILE:
        raise KeyUnavailableError(f"{path}: not a key")
    return data


def load_key(path: "Path") -> CoseKey:
    """Read a key file, PEM or COSE_Key; of a private key, the public part.

    Raises:
        KeyUnavailableError: The file cannot be read, is not a key, or its key cannot be used.
    """
    data = read_key_file(path)
    try:
        return CoseKey.from_pem(data) if is_pem(data) else CoseKey.from_cose(data)
    except HardsuitError as error:
        raise unusable(path, error) from error


def unusable(path: "Path", error: HardsuitError) -> KeyUnavailableError:
    """Say which file holds the key that cannot be used, and why."""
    why = f"not a key ({error})" if isinstance(error, RejectedError) else str(error)
    return KeyUnavailableError(f"{path}: {why}")


def _bytes(members: dict[cbor.Item, cbor.Item], label: Param) -> bytes:
    value = members.get(label.value)
    if not isinstance(value, bytes):
        raise MalformedError(_WHERE, f"{label.name.lower()} has to be a byte string")
    return value


def _algorithm(members: dict[cbor.Item, cbor.Item]) -> CoseAlgorithm | None:
    value = members.get(Param.ALG.value)
    if Param.ALG.value not in members:
        return None
    if type(value) is int and value in _ALGORITHMS:
        return _ALGORITHMS[value]
    raise UnsupportedAlgorithmError(f"{_WHERE}: alg {value!r} is not used")


def _operations(members: dict[cbor.Item, cbor.Item]) -> frozenset[CoseKeyOperation]:
    if Param.KEY_OPS.value not in members:
        return frozenset()
    value = members[Param.KEY_OPS.value]
    if not isinstance(value, list) or not value or any(type(item) not in (int, str) for item in value):
        raise MalformedError(_WHERE, "key_ops has to be a list of operations")
    known = frozenset(_OPERATIONS[item] for item in value if item in _OPERATIONS)
    if not known:
        raise UnsupportedAlgorithmError(f"{_WHERE}: none of its key_ops is used")
    return known


def _curve(kty: cbor.Item, members: dict[cbor.Item, cbor.Item]) -> CoseCurve:
    crv = members.get(Param.CRV.value)
    if type(kty) is int and type(crv) is int:
        if kty == CoseKeyType.OKP.value and crv == CoseCurve.ED25519.value:
            return CoseCurve.ED25519
        if kty == CoseKeyType.EC2.value and any(crv == curve.value for curve in crypto.CURVES):
            return CoseCurve(crv)
    elif type(kty) is not int or kty in (CoseKeyType.OKP.value, CoseKeyType.EC2.value):
        raise MalformedError(_WHERE, "kty or crv is missing or not an integer")
    raise UnsupportedAlgorithmError(f"{_WHERE}: kty {kty} with crv {crv!r} is not used")


def _point(curve: CoseCurve, members: dict[cbor.Item, cbor.Item], d: bytes | None) -> tuple[bytes, bytes]:
    try:
        if d is not None and Param.X.value not in members:
            return crypto.coordinates(crypto.private_key(curve, d).public_key())[1:]
        x = _bytes(members, Param.X)
        if curve is CoseCurve.ED25519:
            return x, b""
        if isinstance(odd := members.get(Param.Y.value), bool):
            return x, crypto.decompress(curve, x, odd=odd)
    except ValueError as error:
        raise MalformedError(_WHERE, f"no point of the curve: {error}") from error
    return x, _bytes(members, Param.Y)
