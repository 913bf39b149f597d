"""Reports on their way (P8): a SUIT_Report, encrypted or not, inside COSE_Sign1 or COSE_Mac0."""

from collections.abc import Iterable
from typing import Final

from spec.labels import MACS
from suit import cose
from suit.embedded import OVERHEAD, SIGNED_OR_MAC, embed, opened, take_apart
from suit.keys import CoseKey
from suit.report import MAX_REPORT, Report, decode_report
from suit.report_cipher import ReportCipher, decrypt_report, is_encrypted
from suit.signer import Signer

MAX_SEALED: Final = MAX_REPORT + OVERHEAD

_WHERE: Final = "sealed report"


def seal_report(report: bytes, signer: Signer) -> bytes:
    """Put a report, encoded or encrypted, into a tagged COSE_Sign1; into COSE_Mac0 if the key makes MACs."""
    return embed(report, signer, make=cose.mac0 if signer.algorithm in MACS else cose.sign1)


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
    report = opened(raw, keys, where=_WHERE, limit=MAX_REPORT, kinds=SIGNED_OR_MAC)
    return decode_report(decrypt_report(report, ciphers) if is_encrypted(report) else report)


def travels_encrypted(raw: bytes) -> bool:
    """Tell whether what is sealed is encrypted as well; nothing is verified.

    Raises:
        MalformedError, UnsupportedAlgorithmError, UnsupportedCoseError: As :func:`open_report`.
    """
    return is_encrypted(take_apart(raw, where=_WHERE, limit=MAX_REPORT, kinds=SIGNED_OR_MAC).payload)
