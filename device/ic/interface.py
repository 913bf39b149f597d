"""The security IC as the device sees it: one narrow interface, whatever chip is behind it.

The IC alone holds trust anchors, verdicts and floors. It answers with values or raises an error of
``device.ic.errors``; there is no call that exports a key, signs arbitrary bytes or lowers a floor, and
no default algorithm. Every function declares in :class:`Capabilities` where it is enforced.

A session of a device, start to end::

    ticket = ic.verify(name, algorithm, sig_structure, signature, purpose=Purpose.MANIFEST)
    stream = ic.hash_open(CoseAlgorithm.SHA_256)
    stream.update(chunk)
    image = stream.finish()                                   # digest, size, ticket
    ic.raise_floor(sequence_slot(component), 7, digest=manifest_digest, proof=[ticket])
    ic.advance_anchor(new_record, proof=[root_ticket, timestamp_ticket])
    ic.extend(8, image.digest)

    sealed = ic.sign_report(encode_report(report))            # reports alone, with a key of their own

    with ic.authorize(secret) as change:                      # trust anchors change only here
        change.add_anchor(key, {Purpose.MANIFEST})
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final, NamedTuple, Self

from device.ic.errors import CapabilityError
from spec.labels import CoseAlgorithm
from suit import cbor
from suit.keys import CoseKey

Buffer = bytes | bytearray | memoryview

PCR_COUNT: Final = 24
VALUE_LIMIT: Final = 1 << 64
"""Floors are 64-bit."""
VERSION_LIMIT: Final = 1 << 63
"""TUF versions at and above this are refused: TUF itself sets no bound."""


class Where(IntEnum):
    """Who computes or enforces a function, weakest first."""

    ABSENT = 0
    HOST = 1
    """The process of the device itself."""
    ADAPTER = 2
    """The IC's own process, outside the chip."""
    CHIP = 3


class Purpose(Enum):
    """What a key may vouch for, and what a ticket proves."""

    MANIFEST = "manifest"
    PRESENTED = "presented"
    """The caller brought the key (TUF): proves a signature, authorises nothing by itself."""
    REPORT = "report"
    """The IC's own key, which signs reports; no trust anchor can have this purpose."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a back-end can do, and where each function is enforced."""

    backend: str
    isolation: str
    verify: Mapping[CoseAlgorithm, Where]
    hash: Mapping[CoseAlgorithm, Where]
    floor: Where
    anchor: Where
    pcr: Where
    authorization: Where
    report: Where
    survives_state_restore: bool
    """True when an older copy of the whole state is noticed."""

    def levels(self) -> dict[str, Where]:
        """Return every function with its level, by name: ``verify.ESP256``, ``floor``."""
        levels = {f"verify.{algorithm.name}": where for algorithm, where in self.verify.items()}
        levels |= {f"hash.{algorithm.name}": where for algorithm, where in self.hash.items()}
        names = ("floor", "anchor", "pcr", "authorization", "report")
        return levels | {name: getattr(self, name) for name in names}

    def require(self, wanted: Mapping[str, Where]) -> None:
        """Refuse to start with less than a device's configuration asks for.

        Raises:
            CapabilityError: A function is absent or enforced at a lower level; all gaps are named.
        """
        have = self.levels()
        gaps = [
            f"{name} must be {level.name}, is {have.get(name, Where.ABSENT).name}"
            for name, level in sorted(wanted.items())
            if have.get(name, Where.ABSENT) < level
        ]
        if gaps:
            raise CapabilityError(f"IC {self.backend}: {'; '.join(gaps)}")


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A trust anchor as the IC shows it: never the key itself."""

    name: bytes
    """SHA-256 thumbprint of the COSE_Key (RFC 9679)."""
    kid: bytes | None
    algorithms: tuple[CoseAlgorithm, ...]
    purposes: frozenset[Purpose]


@dataclass(frozen=True, slots=True)
class IcInfo:
    """The IC's account of itself."""

    uid: bytes
    boot_count: int
    generation: int
    """Counts the commits of the durable state."""
    failures: int
    """Wrong authorizations that still count."""
    retry_after: int
    """Seconds until the next authorization may be tried, 0 when it may be tried now."""
    repairs: int
    """How often a damaged copy of the state was replaced from its intact twin."""
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class VerifyTicket:
    """The IC's word that a signature was good; worthless after the IC restarts."""

    algorithm: CoseAlgorithm
    digest: bytes
    """SHA-256 of the signed message."""
    key: bytes
    """Name of the key."""
    purpose: Purpose
    boot_count: int
    proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HashTicket:
    """The IC's word that it computed this digest; worthless after the IC restarts."""

    algorithm: CoseAlgorithm
    digest: bytes
    size: int
    boot_count: int
    proof: bytes = field(repr=False)


Ticket = VerifyTicket | HashTicket


@dataclass(frozen=True, slots=True)
class Floor:
    """A number that only rises, with the digest of what raised it."""

    slot: str
    value: int = 0
    digest: bytes = b""


class RoleFloor(NamedTuple):
    """Floor of a TUF role, ordered by keyset first.

    ``epoch`` is the root version at which the role's keyset last changed. A rotation of its keys is
    the one legal way for its version to start again (fast-forward recovery), so (epoch, version) is
    compared lexicographically.
    """

    epoch: int = 0
    version: int = 0


NO_FLOOR: Final = RoleFloor()


@dataclass(frozen=True, slots=True)
class AnchorRecord:
    """What the IC remembers of a TUF repository, committed as a whole after a complete refresh."""

    root_version: int = 0
    """0: no repository is pinned, and none will be without authorization."""
    root_sha256: bytes = b""
    """Of the file ``root.json``."""
    timestamp: RoleFloor = NO_FLOOR
    snapshot: RoleFloor = NO_FLOOR
    time_floor: int = 0
    """Unix seconds: it is at least this late."""

    @classmethod
    def pin(cls, root_version: int, root_file: bytes, *, time_floor: int = 0) -> Self:
        """Return the record of a device that knows nothing but its first root."""
        return cls(root_version, hashlib.sha256(root_file).digest(), time_floor=time_floor)


def sequence_slot(component: Sequence[bytes] | None) -> str:
    """Return the floor slot for the sequence number of a root manifest (M8.4.2).

    Args:
        component: The manifest's own component identifier, None when it names none.
    """
    encoded = cbor.encode(list(component or ()))
    return f"seq/{hashlib.sha256(encoded).hexdigest()}"


class HashStream(ABC):
    """A digest computed inside the IC over data of any length."""

    @abstractmethod
    def update(self, data: Buffer) -> None:
        """Take the next bytes."""

    @abstractmethod
    def finish(self) -> HashTicket:
        """Return the digest; the stream is used up.

        Raises:
            IcUsageError: The stream was finished before.
        """


class AuthSession(ABC):
    """Changes that need the owner's secret. Close it as soon as they are made."""

    @abstractmethod
    def add_anchor(self, key: CoseKey, purposes: AbstractSet[Purpose]) -> KeyInfo:
        """Trust a key for these purposes; for a key already trusted, replace its purposes."""

    @abstractmethod
    def remove_anchor(self, name: bytes) -> None:
        """Stop trusting a key.

        Raises:
            UnknownKeyError: There is no such trust anchor.
        """

    @abstractmethod
    def reset_anchor(self, record: AnchorRecord) -> AnchorRecord:
        """Pin another TUF repository. Sequence floors stay: they have no reset."""

    @abstractmethod
    def change_secret(self, secret: bytes) -> None:
        """Replace the authorization secret."""

    @abstractmethod
    def close(self) -> None:
        """End the session; further calls raise :class:`PolicyDeniedError`."""

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


class SecurityIC(ABC):
    """The security IC. Every call fails closed with an :class:`device.ic.errors.IcError`."""

    @abstractmethod
    def info(self) -> IcInfo:
        """Return identity, counters and capabilities."""

    @abstractmethod
    def keys(self) -> Sequence[KeyInfo]:
        """Return the trust anchors; none is an IC that verifies nothing."""

    @abstractmethod
    def verify(
        self,
        name: bytes,
        algorithm: CoseAlgorithm,
        message: bytes,
        signature: bytes,
        *,
        purpose: Purpose,
    ) -> VerifyTicket:
        """Verify a signature or MAC with a trust anchor.

        Raises:
            UnknownKeyError: No trust anchor has this name.
            KeyUsageError: The anchor is not for this purpose.
            UnsupportedByIcError: The anchor does not admit the algorithm.
            BadSignatureError: The signature is false.
        """

    @abstractmethod
    def verify_with(
        self, key: CoseKey, algorithm: CoseAlgorithm, message: bytes, signature: bytes
    ) -> VerifyTicket:
        """Verify with a public key that the caller brings, as TUF metadata does.

        Raises:
            KeyUsageError: The key is a secret one.
            UnsupportedByIcError: The key does not admit the algorithm.
            BadSignatureError: The signature is false.
        """

    @abstractmethod
    def hash_open(self, algorithm: CoseAlgorithm) -> HashStream:
        """Begin a digest.

        Raises:
            UnsupportedByIcError: Not a hash that this IC has.
        """

    @abstractmethod
    def floor(self, slot: str) -> Floor:
        """Return a floor; 0 with an empty digest when it was never raised."""

    @abstractmethod
    def raise_floor(
        self, slot: str, value: int, *, digest: bytes = b"", proof: Sequence[Ticket] = ()
    ) -> Floor:
        """Raise a floor; equal value and digest change nothing.

        Slots ``seq/…`` (see :func:`sequence_slot`) need a ticket of :attr:`Purpose.MANIFEST` from this
        boot, and a digest: the manifest's.

        Raises:
            IcRollbackError: The value is below the floor.
            PolicyDeniedError: The proof is missing or stale, or the value is the same for another digest.
        """

    @abstractmethod
    def anchor(self) -> AnchorRecord:
        """Return what is remembered of the TUF repository."""

    @abstractmethod
    def advance_anchor(self, new: AnchorRecord, *, proof: Sequence[VerifyTicket] = ()) -> AnchorRecord:
        """Move the TUF anchor forward, all of it in one commit, and return what now stands.

        An unchanged record is no change and needs no proof; any other needs at least one ticket of this
        boot, from :meth:`verify_with`. A time floor that leaps further than the IC allows is raised by as
        much as it allows.

        Raises:
            IcRollbackError: Root version, a role's (epoch, version) or the time floor would fall.
            PolicyDeniedError: The proof is missing or stale, a version is 2**63 or more, or the root of
                this version has another hash.
            NotProvisionedError: No repository is pinned.
        """

    @abstractmethod
    def now(self) -> int:
        """Return the trusted time: the IC's clock, never before the time floor."""

    @abstractmethod
    def extend(self, pcr: int, digest: bytes) -> bytes:
        """Extend a PCR with a 32-byte digest and return its new value: SHA-256(old || digest)."""

    @abstractmethod
    def pcrs(self, selection: Collection[int] = range(PCR_COUNT)) -> Mapping[int, bytes]:
        """Return PCR values; all are zero when the IC starts."""

    @abstractmethod
    def report_key(self) -> CoseKey:
        """Return the public part of the key that signs reports; its private part never leaves.

        Raises:
            NotProvisionedError: The IC has none.
        """

    @abstractmethod
    def sign_report(self, report: bytes) -> bytes:
        """Return a SUIT_Report inside COSE_Sign1, signed with the report key (P8).

        The IC vouches for who reports, not for what is reported. It reads the report first: there is no call
        that has it sign anything else.

        Raises:
            IcUsageError: It is no SUIT_Report.
            NotProvisionedError: The IC has no report key.
        """

    @abstractmethod
    def authorize(self, secret: bytes) -> AuthSession:
        """Open a session for changes; a wrong secret is counted before the answer is given.

        Raises:
            AuthFailedError: The secret is wrong.
            LockedOutError: Too many were wrong; only this call is affected.
            PolicyDeniedError: The IC was provisioned without a secret: its anchors are fixed for good.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the IC; every further call raises."""

    def __enter__(self) -> Self:
        """Return the IC itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
