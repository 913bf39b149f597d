"""The emulator's report key: drawn inside, used for reports, and for nothing else."""

from dataclasses import replace

from device.ic.errors import IcUsageError, NotProvisionedError
from spec.labels import CoseAlgorithm
from suit.errors import HardsuitError
from suit.keys import CoseKey, read_cose_key
from suit.report import decode_report
from suit.report_seal import seal_report
from suit.signer import KeyType, LocalSigner, generate


def draw() -> LocalSigner:
    """Draw a report key, named by its thumbprint."""
    drawn = generate(KeyType.P256)
    return LocalSigner(_named(drawn.public), drawn.algorithm, drawn.d)


def restore(raw: bytes) -> LocalSigner:
    """Read a report key that :meth:`LocalSigner.to_cose` wrote.

    Raises:
        MalformedError: It is none.
    """
    public, d = read_cose_key(raw)
    return LocalSigner(_named(public), CoseAlgorithm.ESP256, d or b"")


def require_key(key: LocalSigner | None) -> LocalSigner:
    """Return the report key.

    Raises:
        NotProvisionedError: The IC was provisioned before there were report keys.
    """
    if key is None:
        raise NotProvisionedError("this IC was provisioned without a report key")
    return key


def sign_report(key: LocalSigner, report: bytes) -> bytes:
    """Sign what is a report, and nothing that only claims to be one.

    Raises:
        IcUsageError: It is no SUIT_Report.
    """
    try:
        decode_report(report)
    except HardsuitError as error:
        raise IcUsageError(f"the report key signs reports only: {error}") from error
    return seal_report(report, key)


def _named(key: CoseKey) -> CoseKey:
    return replace(key, algorithm=CoseAlgorithm.ESP256, kid=key.name)
