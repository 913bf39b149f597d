"""Reports that nobody on the way can read (P8): COSE_Encrypt0 under a key that device and asker share.

It stands where the report would stand, inside COSE_Sign1 or COSE_Mac0: whoever opens it verifies first
(:mod:`suit.report_seal`). What is encrypted is the report as a byte string, its head included.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from spec.labels import CoseAlgorithm, CoseKeyOperation, CoseKeyType
from spec.labels import CoseHeader as Label
from suit import cbor
from suit.cose_header import protected_algorithm, read_header
from suit.errors import (
    KeyUnavailableError,
    MalformedError,
    NotAuthenticError,
    UnsupportedCoseError,
)
from suit.keys import CoseKey
from suit.narrow import as_bytes
from suit.report import MAX_REPORT

IV_SIZE: Final = 12

_KEY_SIZES: Final = {
    CoseAlgorithm.A128GCM: 16,
    CoseAlgorithm.A192GCM: 24,
    CoseAlgorithm.A256GCM: 32,
    CoseAlgorithm.CHACHA20_POLY1305: 32,
}
_ALGORITHMS: Final = frozenset(_KEY_SIZES)
_USES: Final = {CoseKeyOperation.ENCRYPT, CoseKeyOperation.DECRYPT}
_WHERE: Final = "encrypted report"
_LIMITS: Final = cbor.Limits(size=MAX_REPORT + (1 << 10), depth=4)
_SIZE: Final = 3
_ARRAY, _MAP = b"\x80", b"\xa0"


@dataclass(frozen=True, slots=True)
class ReportCipher:
    """A content key for reports. It serves one device: no two may draw IVs under the same key.

    Attributes:
        algorithm: AES-GCM or ChaCha20-Poly1305; what is not authenticated is not offered.
        key: The secret. Never shown.
        kid: The name that the header gives it.
    """

    algorithm: CoseAlgorithm
    key: bytes = field(repr=False)
    kid: bytes | None = None

    def __post_init__(self) -> None:
        if self.algorithm not in _ALGORITHMS:
            raise KeyUnavailableError(f"report cipher: {self.algorithm.name} does not authenticate")
        if len(self.key) != _KEY_SIZES[self.algorithm]:
            size = _KEY_SIZES[self.algorithm]
            raise KeyUnavailableError(f"report cipher: a key for {self.algorithm.name} has {size} bytes")

    @classmethod
    def draw(cls, kid: bytes | None = None) -> "ReportCipher":
        """Draw a new key for A256GCM."""
        return cls(CoseAlgorithm.A256GCM, secrets.token_bytes(_KEY_SIZES[CoseAlgorithm.A256GCM]), kid)

    @classmethod
    def of(cls, key: CoseKey) -> "ReportCipher":
        """Take the secret of a COSE_Key that says what it is for.

        Raises:
            KeyUnavailableError: It names no cipher of ours, or is for something else.
        """
        if key.kty is not CoseKeyType.SYMMETRIC or key.algorithm is None:
            raise KeyUnavailableError(f"{key.title}: its alg names no cipher for reports")
        if key.operations and not key.operations & _USES:
            raise KeyUnavailableError(f"{key.title}: its key_ops neither encrypt nor decrypt")
        return cls(key.algorithm, key.k, key.kid)

    def to_cose(self) -> bytes:
        """Encode as a COSE_Key; the secret is in it."""
        return self._key().to_cose()

    def encrypt(self, report: bytes, iv: bytes) -> bytes:
        """Return the COSE_Encrypt0 of an encoded report.

        Args:
            report: The report.
            iv: 12 bytes that were never used with this key before.
        """
        protected = cbor.encode({Label.ALG.value: self.algorithm.value})
        named: dict[int, cbor.Item] = {} if self.kid is None else {Label.KID.value: self.kid}
        sealed = self._primitive().encrypt(iv, cbor.encode(report), _aad(protected))
        return cbor.encode([protected, {**named, Label.IV.value: iv}, sealed])

    def decrypt(self, sealed: bytes, iv: bytes, aad: bytes) -> bytes | None:
        """Return what was encrypted; None when it was another key, or another text."""
        try:
            return self._primitive().decrypt(iv, sealed, aad)
        except InvalidTag:
            return None

    def _key(self) -> CoseKey:
        return CoseKey(CoseKeyType.SYMMETRIC, k=self.key, algorithm=self.algorithm, kid=self.kid)

    def _primitive(self) -> AESGCM | ChaCha20Poly1305:
        if self.algorithm is CoseAlgorithm.CHACHA20_POLY1305:
            return ChaCha20Poly1305(self.key)
        return AESGCM(self.key)


def is_encrypted(payload: bytes) -> bool:
    """Tell a COSE_Encrypt0, which is an array, from a report, which is a map."""
    return payload[:1] >= _ARRAY and payload[:1] < _MAP


def decrypt_report(payload: bytes, ciphers: Iterable[ReportCipher]) -> bytes:
    """Return the encoded report inside a COSE_Encrypt0.

    Raises:
        KeyUnavailableError: There is no key to try.
        MalformedError: It is no such structure.
        NotAuthenticError: None of the keys decrypts it.
        UnsupportedAlgorithmError, UnsupportedCoseError: A cipher or header that reports do not have.
    """
    parts = cbor.decode(payload, where=_WHERE, limits=_LIMITS, ordered=False)
    if type(parts) is not list or len(parts) != _SIZE:
        raise MalformedError(_WHERE, "COSE_Encrypt0 has two headers and a ciphertext")
    header = read_header(parts[0], parts[1], _WHERE)
    algorithm = protected_algorithm(header, _ALGORITHMS, _WHERE)
    if Label.IV.value not in parts[1]:
        raise UnsupportedCoseError(f"{_WHERE}: the header has no IV")
    iv, sealed = as_bytes(parts[1][Label.IV.value], _WHERE), as_bytes(parts[2], _WHERE)
    if len(iv) != IV_SIZE:
        raise MalformedError(_WHERE, f"the IV has to have {IV_SIZE} bytes")
    candidates = [cipher for cipher in ciphers if cipher.algorithm is algorithm]
    if not candidates:
        raise KeyUnavailableError(f"{_WHERE}: there is no key for {algorithm.name}")
    for cipher in candidates:
        plain = cipher.decrypt(sealed, iv, _aad(header.protected))
        if plain is not None:
            return as_bytes(cbor.decode(plain, where=_WHERE, limits=_LIMITS), _WHERE)
    raise NotAuthenticError(f"{_WHERE}: it does not decrypt with any of the keys")


def _aad(protected: bytes) -> bytes:
    return cbor.encode(["Encrypt0", protected, b""])
