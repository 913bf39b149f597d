"""The smallest security IC that keeps the interface's promises, with faults on demand."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from typing_extensions import override

from device.ic.errors import (
    BadSignatureError,
    IcRollbackError,
    IcUsageError,
    NotProvisionedError,
    PolicyDeniedError,
)
from device.ic.interface import (
    VERSION_LIMIT,
    AnchorRecord,
    AuthSession,
    Capabilities,
    Floor,
    HashStream,
    IcInfo,
    KeyInfo,
    Purpose,
    SecurityIC,
    Ticket,
    VerifyTicket,
    Where,
)
from spec.labels import CoseAlgorithm
from suit.crypto import verify_signature
from suit.keys import CoseKey

_CHIP = Where.CHIP


class ModelIc(SecurityIC):
    """Only what a TUF client asks of an IC."""

    def __init__(self, record: AnchorRecord) -> None:
        self.record = record
        self.algorithms = {CoseAlgorithm.ESP256: _CHIP, CoseAlgorithm.ED25519: _CHIP}
        self.verifications = 0
        self.commits: list[AnchorRecord] = []
        self.before_verify: Callable[[int], None] = lambda _: None

    @override
    def info(self) -> IcInfo:
        capabilities = Capabilities(
            "model",
            "in-process",
            self.algorithms,
            {},
            _CHIP,
            _CHIP,
            _CHIP,
            _CHIP,
            survives_state_restore=True,
        )
        return IcInfo(b"", 1, 1, 0, 0, 0, capabilities)

    @override
    def verify_with(
        self, key: CoseKey, algorithm: CoseAlgorithm, message: bytes, signature: bytes
    ) -> VerifyTicket:
        self.verifications += 1
        self.before_verify(self.verifications)
        if not verify_signature(key, algorithm, message, signature):
            raise BadSignatureError(f"signature by {key.title} is false")
        return VerifyTicket(algorithm, b"", key.name, Purpose.PRESENTED, 1, b"")

    @override
    def anchor(self) -> AnchorRecord:
        return self.record

    @override
    def advance_anchor(self, new: AnchorRecord, *, proof: Sequence[VerifyTicket] = ()) -> AnchorRecord:
        old = self.record
        if old.root_version == 0:
            raise NotProvisionedError("no repository")
        for what in ("root_version", "timestamp", "snapshot", "time_floor"):
            if getattr(new, what) < getattr(old, what):
                raise IcRollbackError(what, offered=0, stored=0)
        if new != old and not proof:
            raise PolicyDeniedError("no proof")
        if max(new.root_version, *new.timestamp, *new.snapshot) >= VERSION_LIMIT:
            raise PolicyDeniedError("a version is out of range")
        if new.root_version == old.root_version and new.root_sha256 != old.root_sha256:
            raise PolicyDeniedError("another root of the same version")
        self.record = replace(new)
        self.commits.append(new)
        return new

    @override
    def now(self) -> int:
        return self.record.time_floor

    @override
    def keys(self) -> Sequence[KeyInfo]:
        return ()

    @override
    def verify(
        self, name: bytes, algorithm: CoseAlgorithm, message: bytes, signature: bytes, *, purpose: Purpose
    ) -> VerifyTicket:
        _unused()

    @override
    def hash_open(self, algorithm: CoseAlgorithm) -> HashStream:
        _unused()

    @override
    def floor(self, slot: str) -> Floor:
        _unused()

    @override
    def raise_floor(
        self, slot: str, value: int, *, digest: bytes = b"", proof: Sequence[Ticket] = ()
    ) -> Floor:
        _unused()

    @override
    def extend(self, pcr: int, digest: bytes) -> bytes:
        _unused()

    @override
    def pcrs(self, selection: Collection[int] = ()) -> Mapping[int, bytes]:
        _unused()

    @override
    def authorize(self, secret: bytes) -> AuthSession:
        _unused()

    @override
    def close(self) -> None:
        """Hold nothing."""


def _unused() -> NoReturn:
    raise IcUsageError("a TUF client has no business here")
