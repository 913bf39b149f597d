"""What the IC takes and returns: keys as it shows them, tickets, floors, the TUF anchor."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple, Self

from device.ic.interface.levels import Capabilities
from device.ic.interface.objects import Lifecycle
from spec.labels import CoseAlgorithm
from suit import cbor

Buffer = bytes | bytearray | memoryview

PCR_COUNT: Final = 24
VALUE_LIMIT: Final = 1 << 64
"""Floors are 64-bit."""
VERSION_LIMIT: Final = 1 << 63
"""TUF versions at and above this are refused: TUF itself sets no bound."""


class Purpose(Enum):
    """What a key may vouch for, and what a ticket proves."""

    MANIFEST = "manifest"
    PRESENTED = "presented"
    """The caller brought the key (TUF): proves a signature, authorises nothing by itself."""
    UPDATE = "update"
    """To sign updates of trust anchors, other ones than itself."""
    REPORT = "report"
    """The IC's own key, which signs reports; no trust anchor can have this purpose."""

    __hash__ = object.__hash__  # members are singletons; Enum would hash their names


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A trust anchor as the IC shows it: never the key itself."""

    name: bytes
    """SHA-256 thumbprint of the COSE_Key (RFC 9679)."""
    kid: bytes | None
    algorithms: tuple[CoseAlgorithm, ...]
    purposes: frozenset[Purpose]
    slot: str = ""
    """Where it is, for signed updates."""
    version: int = 0


class ClockReading(NamedTuple):
    """The time, and what it is worth."""

    now: int
    """Unix seconds, never before the time floor."""
    uptime: int
    """Seconds since the IC started; unlike the clock, nobody sets it."""
    resets: int
    """How often the IC has started: between two readings with the same number, no time was lost."""


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
    lifecycle: Lifecycle
    tampered: bool
    """Whether it has erased its secrets and serves nothing more."""


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


@dataclass(frozen=True, slots=True)
class ImageTicket:
    """The IC's word that it decrypted an image of this digest; worthless after the IC restarts.

    Attributes:
        content: The cipher.
        algorithm: The hash.
        digest: Of the plaintext.
        size: Of the plaintext, in bytes.
        boot_count: The boot it belongs to.
        proof: What only the IC can make.
    """

    content: CoseAlgorithm
    algorithm: CoseAlgorithm
    digest: bytes
    size: int
    boot_count: int
    proof: bytes = field(repr=False)


Ticket = VerifyTicket | HashTicket | ImageTicket


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
