"""Reports on their way (P8): a SUIT_Report, encrypted or not, inside COSE_Sign1 or COSE_Mac0, and out again.

The structures that are signed are those of detached payloads, which :mod:`suit.cose` makes and reads; all
that happens here is that the payload is put in its place.
"""

from collections.abc import Iterable
from typing import Final

from spec.labels import MACS, CborTag
from suit import cbor, cose
from suit.crypto import verify_signature
from suit.errors import MalformedError, NotAuthenticError
from suit.keys import CoseKey
from suit.report import MAX_REPORT, Report, decode_report
from suit.report_cipher import ReportCipher, decrypt_report, is_encrypted
from suit.signer import Signer

MAX_SEALED: Final = MAX_REPORT + (1 << 12)

_WHERE: Final = "sealed report"
_LIMITS: Final = cbor.Limits(size=MAX_SEALED, depth=8)
_KINDS: Final = frozenset({CborTag.COSE_SIGN1.value, CborTag.COSE_MAC0.value})
_SIZE: Final = 4
_PAYLOAD: Final = 2


def seal_report(report: bytes, signer: Signer) -> bytes:
    """Put a report, encoded or encrypted, into a tagged COSE_Sign1; into COSE_Mac0 if the key makes MACs."""
    make = cose.mac0 if signer.algorithm in MACS else cose.sign1
    block = cbor.decode(make(report, signer), where=_WHERE, ordered=False)
    return cbor.encode(cbor.Tagged(block.tag, [*block.value[:_PAYLOAD], report, block.value[-1]]))


def open_report(raw: bytes, keys: Iterable[CoseKey], *, ciphers: Iterable[ReportCipher] = ()) -> Report:
    """Verify a sealed report, decrypt it if it is encrypted, then decode it.

    Args:
        raw: The tagged COSE structure.
        keys: The keys of devices whose reports are believed.
        ciphers: What encrypted reports are decrypted with.

    Raises:
        KeyUnavailableError: It is encrypted, and there is no such key.
        MalformedError: It is not the COSE structure that it promises, or holds no report.
        NotAuthenticError: None of the keys vouches for it, or none of the ciphers decrypts it.
        UnsupportedAlgorithmError, UnsupportedCoseError: COSE that hardsuit does not use.
    """
    report, attestation = _take_apart(raw)
    for key in keys:
        if key.admits(attestation.algorithm) and verify_signature(
            key, attestation.algorithm, attestation.structure, attestation.value
        ):
            return decode_report(decrypt_report(report, ciphers) if is_encrypted(report) else report)
    raise NotAuthenticError(f"{_WHERE}: no trusted key verifies it")


def travels_encrypted(raw: bytes) -> bool:
    """Tell whether what is sealed is encrypted as well; nothing is verified.

    Raises:
        MalformedError, UnsupportedAlgorithmError, UnsupportedCoseError: As :func:`open_report`.
    """
    return is_encrypted(_take_apart(raw)[0])


def _take_apart(raw: bytes) -> tuple[bytes, cose.Attestation]:
    item = cbor.decode(raw, where=_WHERE, limits=_LIMITS, ordered=False)
    if not isinstance(item, cbor.Tagged) or item.tag not in _KINDS:
        raise MalformedError(_WHERE, "neither COSE_Sign1 nor COSE_Mac0")
    parts = item.value
    if type(parts) is not list or len(parts) != _SIZE or type(parts[_PAYLOAD]) is not bytes:
        raise MalformedError(_WHERE, "expected two headers, the report and a proof")
    report = parts[_PAYLOAD]
    parts[_PAYLOAD] = None
    detached = cbor.encode(item)
    (attestation,) = cose.parse_block(detached, report, where=_WHERE).attestations
    return report, attestation
