"""Keys that sign: files (PEM, COSE_Key) and whatever securesystemslib reaches by URI (HSM, cloud KMS).

A signer gives raw signatures as COSE wants them, and never shows its secret.
"""

import re
import secrets
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from spec.labels import CoseAlgorithm, CoseCurve, CoseKeyOperation, CoseKeyType
from suit import crypto
from suit.errors import HardsuitError, KeyUnavailableError, MalformedError, UsageError
from suit.keys import CoseKey, algorithms_of, is_pem, read_cose_key, read_key_file, read_pem, unusable

_FILE: Final = "file:"
_URI: Final = re.compile(r"[a-z][a-z0-9+.-]+:")
_MAC_KEY_SIZE: Final = 32


class Signer(Protocol):
    """Makes signatures or tags with one key and one algorithm."""

    @property
    def algorithm(self) -> CoseAlgorithm:
        """What :meth:`sign` computes."""

    @property
    def kid(self) -> bytes | None:
        """The name of the key in COSE headers."""

    @property
    def public(self) -> CoseKey:
        """What verifies; of a MAC key, the key itself."""

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature (r || s for ECDSA) or tag of ``message``."""


@dataclass(frozen=True, slots=True)
class LocalSigner:
    """A signer whose secret is in this process. ECDSA is deterministic (RFC 6979).

    Attributes:
        public: What verifies.
        algorithm: What is computed.
        d: The private scalar or seed; empty for a MAC key. Never shown.
    """

    public: CoseKey
    algorithm: CoseAlgorithm
    d: bytes = field(default=b"", repr=False)
    _primitive: crypto.Signing = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.algorithm not in algorithms_of(self.public.curve):
            raise UsageError(f"{self.algorithm.name} does not fit the {self.public.title}")
        object.__setattr__(self, "_primitive", self._make_primitive())

    @property
    def kid(self) -> bytes | None:
        """The name of the key in COSE headers."""
        return self.public.kid

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature or tag of ``message``."""
        return self._primitive.sign(message)

    def to_cose(self) -> bytes:
        """Encode as a COSE_Key with its secret."""
        return self.public.to_cose(d=self.d or None)

    def to_pem(self) -> bytes:
        """Encode the private key as PKCS #8, unencrypted.

        Raises:
            UsageError: PEM has no form for MAC keys.
        """
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 8 ms, wanted here only

        if self.public.curve is None:
            raise UsageError("PEM has no form for MAC keys; use a COSE_Key")
        return crypto.private_key(self.public.curve, self.d).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def _make_primitive(self) -> crypto.Signing:
        if self.public.curve is None:
            return crypto.MacPrimitive(self.public.k, self.algorithm)
        try:
            return crypto.signing(crypto.private_key(self.public.curve, self.d))
        except ValueError as error:
            raise MalformedError("COSE_Key", "d is no private key of the curve") from error


@dataclass(frozen=True, slots=True)
class RemoteSigner:
    """A signer of securesystemslib, whose secret may be in a token or a cloud.

    Attributes:
        public: What verifies; every signature is checked with it before it is believed.
        algorithm: What is computed.
    """

    public: CoseKey
    algorithm: CoseAlgorithm
    _signer: Any = field(repr=False)
    _uri: str = field(repr=False)

    @property
    def kid(self) -> bytes | None:
        """The name of the key in COSE headers."""
        return self.public.kid

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature of ``message``.

        Raises:
            KeyUnavailableError: The token fails, or signs with another key.
        """
        try:
            signature = bytes.fromhex(self._signer.sign(message).signature)
            if self.public.curve in crypto.CURVES:
                signature = crypto.der_to_raw(signature, self.public.curve)
        except Exception as error:  # the interface says that a back-end may raise anything
            raise KeyUnavailableError(f"{self._uri}: {type(error).__name__} while signing") from error
        if not self.public.primitive.verify(message, signature):
            raise KeyUnavailableError(f"{self._uri}: its signature is not one of the {self.public.title}")
        return signature


class KeyType(Enum):
    """The kinds of key that can be made."""

    P256 = CoseCurve.P_256
    P384 = CoseCurve.P_384
    P521 = CoseCurve.P_521
    ED25519 = CoseCurve.ED25519
    HMAC = None


def generate(
    kind: KeyType, *, algorithm: CoseAlgorithm | None = None, kid: bytes | None = None
) -> LocalSigner:
    """Make a new key that is bound to one algorithm.

    Raises:
        UsageError: The algorithm does not fit the kind of key.
    """
    curve = kind.value
    chosen = algorithm or algorithms_of(curve)[0]
    if chosen not in algorithms_of(curve):
        raise UsageError(f"{chosen.name} does not fit a key of type {kind.name.lower()}")
    if curve is None:
        secret = secrets.token_bytes(_MAC_KEY_SIZE)
        return LocalSigner(CoseKey(CoseKeyType.SYMMETRIC, k=secret, algorithm=chosen, kid=kid), chosen)
    key: crypto.PrivateKey
    if curve is CoseCurve.ED25519:
        key = Ed25519PrivateKey.generate()
    else:
        key = ec.generate_private_key(crypto.CURVES[curve].parameters)
    return _of_private_key(key, algorithm=chosen, kid=kid)


def load_signer(
    path: Path, *, algorithm: CoseAlgorithm | None = None, kid: bytes | None = None
) -> LocalSigner:
    """Read a private or MAC key from a file, PEM or COSE_Key.

    Args:
        path: The file.
        algorithm: What to sign with; by default what the key says, else what its curve does (RFC 9864).
        kid: The name to put into COSE headers, in place of the key's own.

    Raises:
        KeyUnavailableError: The file cannot be read, or holds no key that signs.
        UsageError: The algorithm is not the one that the key is bound to.
    """
    data = read_key_file(path)
    try:
        signer = _of_pem(data) if is_pem(data) else _of_cose(data)
    except HardsuitError as error:
        raise unusable(path, error) from error
    if algorithm and signer.public.algorithm not in (None, algorithm):
        raise UsageError(f"{path}: the key is bound to {signer.algorithm.name}")
    return replace(signer, **_bound(signer.public, algorithm, kid))


def signer_from_uri(
    uri: str,
    *,
    public: CoseKey | None = None,
    algorithm: CoseAlgorithm | None = None,
    kid: bytes | None = None,
) -> Signer:
    """Return the signer that ``uri`` names.

    Args:
        uri: A path, ``file:PATH``, or a private-key URI of securesystemslib (``hsm:``, ``awskms:`` …).
        public: The public key; required by securesystemslib's schemes.
        algorithm: What to sign with, as in :func:`load_signer`.
        kid: The name to put into COSE headers.

    Raises:
        KeyUnavailableError: The key cannot be reached or used.
        UsageError: A scheme other than ``file:`` without its public key.
    """
    if uri.startswith(_FILE) or not _URI.match(uri):
        path = Path(uri.removeprefix(_FILE).removeprefix("//"))
        return load_signer(path, algorithm=algorithm, kid=kid)
    if public is None:
        raise UsageError(f"{uri}: the public key has to be given as well")
    return RemoteSigner(**_bound(public, algorithm, kid), _signer=_remote(uri, public), _uri=uri)


def _bound(public: CoseKey, algorithm: CoseAlgorithm | None, kid: bytes | None) -> dict[str, Any]:
    """Return what a signer says of itself when its user chose an algorithm or a kid."""
    key = replace(public, algorithm=algorithm or public.algorithm, kid=kid or public.kid)
    return {"public": key, "algorithm": key.default_algorithm}


def _remote(uri: str, public: CoseKey) -> Any:  # noqa: ANN401 - a class that securesystemslib chooses
    from securesystemslib import signer  # noqa: PLC0415 - 100 ms, wanted by tokens only

    try:
        key = signer.SSlibKey.from_crypto(public.public_key(), keyid=public.name.hex())
        return signer.Signer.from_priv_key_uri(uri, key)
    except HardsuitError:
        raise
    except Exception as error:  # as in RemoteSigner.sign
        raise KeyUnavailableError(f"{uri}: {type(error).__name__}: {error}") from error


def _of_pem(data: bytes) -> LocalSigner:
    key = read_pem(data)
    if isinstance(key, crypto.PublicKey):
        raise KeyUnavailableError("it has no private part that may sign")
    return _of_private_key(key)


def _of_private_key(
    key: crypto.PrivateKey, *, algorithm: CoseAlgorithm | None = None, kid: bytes | None = None
) -> LocalSigner:
    public = CoseKey.from_public(key.public_key(), algorithm=algorithm, kid=kid)
    if isinstance(key, Ed25519PrivateKey):
        d = key.private_bytes_raw()
    else:
        d = key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
    return LocalSigner(public, public.default_algorithm, d)


def _of_cose(data: bytes) -> LocalSigner:
    public, d = read_cose_key(data)
    if public.curve is None:
        if public.operations and CoseKeyOperation.MAC_CREATE not in public.operations:
            raise KeyUnavailableError("its key_ops do not allow to make MACs")
    elif d is None:
        raise KeyUnavailableError("it has no private part that may sign")
    elif not public.admitted:
        raise KeyUnavailableError("its alg does not allow to sign")
    signer = LocalSigner(public, public.default_algorithm, d or b"")
    if d is not None and not public.primitive.verify(b"", signer.sign(b"")):
        raise MalformedError("COSE_Key", "d and the public coordinates belong to different keys")
    return signer
