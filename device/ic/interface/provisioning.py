"""What an IC is told once, when a device is made."""

from dataclasses import dataclass, field

from device.ic.interface.objects import Lifecycle
from device.ic.interface.values import AnchorRecord
from suit.keys import CoseKey
from suit.recipient_keys import RecipientKey
from suit.report_cipher import ReportCipher


@dataclass(frozen=True, slots=True)
class Provisioning:
    """The plan by which an IC is set up.

    Attributes:
        keys: Trust anchors for manifests. With none, every manifest is refused.
        secret: For :meth:`SecurityIC.authorize`. Without one nothing that needs it can ever be changed.
        updaters: Trust anchors that sign updates of the others.
        lifecycle: How far the device is made: the owner may change trust anchors until it is operational.
        anchor: The TUF root that the device begins with; see :meth:`AnchorRecord.pin`.
        report_cipher: What reports are encrypted with; of this IC alone.
        decryption_keys: What content keys are unwrapped with, secrets included.
    """

    keys: tuple[CoseKey, ...] = ()
    secret: bytes | None = field(default=None, repr=False)
    anchor: AnchorRecord = AnchorRecord()  # noqa: RUF009 - frozen
    report_cipher: ReportCipher | None = field(default=None, repr=False)
    updaters: tuple[CoseKey, ...] = ()
    lifecycle: Lifecycle = Lifecycle.OPERATIONAL
    decryption_keys: tuple[RecipientKey, ...] = field(default=(), repr=False)
