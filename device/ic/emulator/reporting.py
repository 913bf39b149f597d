"""The emulator's keys for reports: one that signs, drawn inside, and one that encrypts; no other use."""

import secrets
import threading
from dataclasses import replace
from typing import Final

from device.ic.errors import IcUsageError, NotProvisionedError, PolicyDeniedError
from spec.labels import CoseAlgorithm
from suit.errors import HardsuitError
from suit.keys import CoseKey, read_cose_key
from suit.report import decode_report
from suit.report_cipher import IV_SIZE, ReportCipher
from suit.report_seal import seal_report
from suit.signer import KeyType, LocalSigner, generate

_BOOTS: Final = 1 << 32
_REPORTS: Final = 1 << 16
_RANDOM: Final = IV_SIZE - 4 - 2


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


class Reporting:
    """What a session of the IC seals reports with.

    An IV is the number of the boot, the number of the report within it, and 48 random bits. The first two
    never come again, as the boot is counted durably before the IC serves. Should somebody bring back an
    older copy of the whole state, the random bits still keep two IVs apart.
    """

    __slots__ = ("_boot", "_cipher", "_count", "_key", "_lock")

    def __init__(self, key: LocalSigner | None, cipher: ReportCipher | None, boot_count: int) -> None:
        self._key = key
        self._cipher = cipher
        self._boot = boot_count
        self._count = 0
        self._lock = threading.Lock()

    @property
    def key(self) -> LocalSigner:
        """See :meth:`device.ic.interface.SecurityIC.report_key`."""
        if self._key is None:
            raise NotProvisionedError("this IC was provisioned without a report key")
        return self._key

    def sign(self, report: bytes) -> bytes:
        """See :meth:`device.ic.interface.SecurityIC.sign_report`."""
        key = self.key
        _require_report(report)
        return seal_report(report, key)

    def encrypt(self, report: bytes) -> bytes:
        """See :meth:`device.ic.interface.SecurityIC.encrypt_report`."""
        key = self.key
        if self._cipher is None:
            raise NotProvisionedError("this IC was provisioned without a key to encrypt reports with")
        _require_report(report)
        return seal_report(self._cipher.encrypt(report, self._fresh_iv()), key)

    def _fresh_iv(self) -> bytes:
        with self._lock:
            number, self._count = self._count, self._count + 1
        if number >= _REPORTS or self._boot >= _BOOTS:
            raise PolicyDeniedError(
                "no IV is left for another report; it takes a restart of the IC, or a new key"
            )
        return self._boot.to_bytes(4, "big") + number.to_bytes(2, "big") + secrets.token_bytes(_RANDOM)


def _require_report(report: bytes) -> None:
    """Let nothing pass that only claims to be a report."""
    try:
        decode_report(report)
    except HardsuitError as error:
        raise IcUsageError(f"the report key signs reports only: {error}") from error


def _named(key: CoseKey) -> CoseKey:
    return replace(key, algorithm=CoseAlgorithm.ESP256, kid=key.name)
