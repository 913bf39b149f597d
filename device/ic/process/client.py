"""The security IC behind a socket, as the device uses it: every call is one exchange on its :class:`Line`.

An IC that was restarted serves at once; tickets of its last boot are worth nothing to it.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from typing_extensions import override

from device.ic.errors import IcUsageError
from device.ic.interface import (
    PCR_COUNT,
    AnchorRecord,
    AuthSession,
    Bound,
    ClockReading,
    ContentKey,
    DecryptionKey,
    DecryptStream,
    Floor,
    HashStream,
    IcInfo,
    KeyInfo,
    ObjectInfo,
    Provisioning,
    Purpose,
    SecurityIC,
    Ticket,
    VerifyTicket,
)
from device.ic.process.line import PATIENCE, Line
from device.ic.process.remotes import REMOTES
from device.ic.wire.greeting import PROTOCOL, IcHost
from spec.labels import CoseAlgorithm
from suit.encryption import Recipient
from suit.keys import CoseKey


class RemoteIC(SecurityIC):
    """A security IC that another process serves."""

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        """Use the IC that listens at ``path``; the first call connects."""
        self._line = Line(path, patience=patience)
        for kind, local in REMOTES.items():
            self._line.represent(kind, local)

    def hello(self) -> int:
        """Return the process identifier of the IC."""
        return self._line.ask(IcHost.hello, None, PROTOCOL)

    def provision(self, plan: Provisioning) -> None:
        """Set up an IC that was never provisioned.

        Raises:
            PolicyDeniedError: It was.
        """
        self._line.ask(IcHost.provision, None, plan)

    @override
    def info(self) -> IcInfo:
        return self._line.ask(SecurityIC.info, None)

    @override
    def keys(self) -> Sequence[KeyInfo]:
        return self._line.ask(SecurityIC.keys, None)

    @override
    def verify(
        self,
        name: bytes,
        algorithm: CoseAlgorithm,
        message: bytes,
        signature: bytes,
        *,
        purpose: Purpose,
    ) -> VerifyTicket:
        return self._line.ask(SecurityIC.verify, None, name, algorithm, message, signature, purpose=purpose)

    @override
    def verify_with(
        self, key: CoseKey, algorithm: CoseAlgorithm, message: bytes, signature: bytes
    ) -> VerifyTicket:
        return self._line.ask(SecurityIC.verify_with, None, key, algorithm, message, signature)

    @override
    def hash_open(self, algorithm: CoseAlgorithm) -> HashStream:
        return self._line.ask(SecurityIC.hash_open, None, algorithm)

    @override
    def decryption_keys(self) -> Sequence[DecryptionKey]:
        return self._line.ask(SecurityIC.decryption_keys, None)

    @override
    def unwrap(self, name: bytes, recipient: Recipient, content: CoseAlgorithm) -> ContentKey:
        return self._line.ask(SecurityIC.unwrap, None, name, recipient, content)

    @override
    def decrypt_open(self, key: ContentKey, *, iv: bytes, aad: bytes, bound: Bound | None) -> DecryptStream:
        return self._line.ask(SecurityIC.decrypt_open, None, key, iv=iv, aad=aad, bound=bound)

    @override
    def floor(self, slot: str) -> Floor:
        return self._line.ask(SecurityIC.floor, None, slot)

    @override
    def raise_floor(
        self, slot: str, value: int, *, digest: bytes = b"", proof: Sequence[Ticket] = ()
    ) -> Floor:
        return self._line.ask(SecurityIC.raise_floor, None, slot, value, digest=digest, proof=proof)

    @override
    def raise_sequence(self, structure: bytes, manifest: bytes, *, proof: Sequence[Ticket]) -> Floor:
        return self._line.ask(SecurityIC.raise_sequence, None, structure, manifest, proof=proof)

    @override
    def anchor(self) -> AnchorRecord:
        return self._line.ask(SecurityIC.anchor, None)

    @override
    def advance_anchor(self, new: AnchorRecord, *, proof: Sequence[VerifyTicket] = ()) -> AnchorRecord:
        return self._line.ask(SecurityIC.advance_anchor, None, new, proof=proof)

    @override
    def now(self) -> int:
        return self._line.ask(SecurityIC.now, None)

    @override
    def clock(self) -> ClockReading:
        return self._line.ask(SecurityIC.clock, None)

    @override
    def extend(self, pcr: int, digest: bytes) -> bytes:
        return self._line.ask(SecurityIC.extend, None, pcr, digest)

    @override
    def pcrs(self, selection: Collection[int] = range(PCR_COUNT)) -> Mapping[int, bytes]:
        return self._line.ask(SecurityIC.pcrs, None, selection)

    @override
    def report_key(self) -> CoseKey:
        return self._line.ask(SecurityIC.report_key, None)

    @override
    def sign_report(self, report: bytes) -> bytes:
        return self._line.ask(SecurityIC.sign_report, None, report)

    @override
    def encrypt_report(self, report: bytes) -> bytes:
        return self._line.ask(SecurityIC.encrypt_report, None, report)

    @override
    def attestation_key(self) -> CoseKey:
        return self._line.ask(SecurityIC.attestation_key, None)

    @override
    def quote(self, nonce: bytes, selection: Collection[int] = range(PCR_COUNT)) -> bytes:
        return self._line.ask(SecurityIC.quote, None, nonce, selection)

    @override
    def objects(self) -> Sequence[ObjectInfo]:
        return self._line.ask(SecurityIC.objects, None)

    @override
    def update_anchor(self, update: bytes) -> KeyInfo | None:
        return self._line.ask(SecurityIC.update_anchor, None, update)

    @override
    def tamper(self) -> None:
        self._line.ask(SecurityIC.tamper, None)

    @override
    def authorize(self, secret: bytes) -> AuthSession:
        return self._line.ask(SecurityIC.authorize, None, secret)

    @override
    def close(self) -> None:
        self._line.close()

    @override
    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: a connection is one.

        Raises:
            IcUsageError: Always.
        """
        raise IcUsageError("a security IC cannot be copied or pickled")
