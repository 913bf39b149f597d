"""The rules of floors, anchors and lockout, the same for every back-end: pure functions of values."""

import re
from dataclasses import dataclass, replace
from typing import Final

from device.ic.errors import IcRollbackError, IcUsageError, NotProvisionedError, PolicyDeniedError
from device.ic.interface import VALUE_LIMIT, VERSION_LIMIT, AnchorRecord, Floor, RoleFloor

SEQUENCE_PREFIX: Final = "seq/"
MAX_TRIES: Final = 5
RECOVERY_INTERVAL: Final = 600
"""Seconds after which one wrong authorization is forgotten."""
TIME_LEAP: Final = 5 * 366 * 24 * 3600
"""Seconds by which one advance may raise the time floor: a forged far future must not strand a device."""

_SLOT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}(/[a-z0-9._-]{1,80})?")
_SEQUENCE_SLOT: Final = re.compile(r"seq/[0-9a-f]{64}")
_MAX_DIGEST: Final = 64
_SHA256_SIZE: Final = 32


def require_slot(slot: str) -> None:
    """Refuse a name that is no floor slot.

    Raises:
        IcUsageError: It is none.
    """
    pattern = _SEQUENCE_SLOT if slot.startswith(SEQUENCE_PREFIX) else _SLOT
    if not pattern.fullmatch(slot):
        raise IcUsageError(f"{slot!r}: not a floor slot")


def risen(current: Floor, value: int, digest: bytes) -> Floor:
    """Return the floor after raising it to ``value`` (M8.4.2: lower is refused, equal is allowed).

    Raises:
        IcRollbackError: The value is below the floor.
        PolicyDeniedError: Another digest holds this very value.
        IcUsageError: The value has no 64 bits, or a sequence number comes without its manifest's digest.
    """
    if not 0 <= value < VALUE_LIMIT or len(digest) > _MAX_DIGEST:
        raise IcUsageError(f"{current.slot}: a floor is a 64-bit number with a digest")
    if current.slot.startswith(SEQUENCE_PREFIX) and not digest:
        raise IcUsageError(f"{current.slot}: a sequence number needs the digest of its manifest")
    if value < current.value:
        raise IcRollbackError(current.slot, offered=value, stored=current.value)
    if value == current.value and current.digest not in {b"", digest}:
        raise PolicyDeniedError(f"{current.slot}: {value} is taken by another digest")
    return Floor(current.slot, value, digest)


def require_record(record: AnchorRecord) -> None:
    """Refuse an anchor record whose numbers are out of range.

    Raises:
        PolicyDeniedError: They are.
    """
    numbers = (record.root_version, *record.timestamp, *record.snapshot, record.time_floor)
    if any(not 0 <= number < VERSION_LIMIT for number in numbers):
        raise PolicyDeniedError("TUF anchor: a version or time is not below 2**63")
    if len(record.root_sha256) != (_SHA256_SIZE if record.root_version else 0):
        raise PolicyDeniedError("TUF anchor: a root version needs the SHA-256 of its root")
    if max(record.timestamp.epoch, record.snapshot.epoch) > record.root_version:
        raise PolicyDeniedError("TUF anchor: a keyset cannot have changed after the newest root")


def advanced(current: AnchorRecord, new: AnchorRecord, *, leap: int) -> AnchorRecord:
    """Return the anchor after moving it to ``new``; nothing in it falls.

    Raises:
        IcRollbackError: Root version, a role's (epoch, version) or the time floor would fall.
        PolicyDeniedError: Numbers are out of range, or the root of this version has another hash.
        NotProvisionedError: No repository is pinned.
    """
    require_record(new)
    if not current.root_version:
        raise NotProvisionedError("TUF anchor: no repository is pinned")
    _require_not_lower("TUF root", new.root_version, current.root_version)
    if new.root_version == current.root_version and new.root_sha256 != current.root_sha256:
        raise PolicyDeniedError(f"TUF root {new.root_version}: not the root that is anchored")
    _require_role("TUF timestamp", new.timestamp, current.timestamp)
    _require_role("TUF snapshot", new.snapshot, current.snapshot)
    _require_not_lower("time floor", new.time_floor, current.time_floor)
    if current.time_floor:
        return replace(new, time_floor=min(new.time_floor, current.time_floor + leap))
    return new


def _require_role(role: str, new: RoleFloor, current: RoleFloor) -> None:
    _require_not_lower(f"{role} keyset", new.epoch, current.epoch)
    if new.epoch == current.epoch:
        _require_not_lower(role, new.version, current.version)


def _require_not_lower(what: str, offered: int, stored: int) -> None:
    if offered < stored:
        raise IcRollbackError(what, offered=offered, stored=stored)


@dataclass(frozen=True, slots=True)
class Lockout:
    """Wrong authorizations that still count, and since when the oldest interval runs."""

    failures: int = 0
    since: int = 0

    def at(self, now: int) -> "Lockout":
        """Return the state at ``now``: one failure is forgotten per interval.

        A clock that went back starts the interval again.
        """
        if not self.failures:
            return Lockout()
        if now < self.since:
            return Lockout(self.failures, now)
        forgotten = min((now - self.since) // RECOVERY_INTERVAL, self.failures)
        if forgotten == self.failures:
            return Lockout()
        return Lockout(self.failures - forgotten, self.since + forgotten * RECOVERY_INTERVAL)

    def failed(self, now: int) -> "Lockout":
        """Return the state with one more failure."""
        current = self.at(now)
        return Lockout(current.failures + 1, current.since if current.failures else now)

    def retry_after(self, now: int) -> int:
        """Return the seconds until another try is allowed, 0 when it is allowed now."""
        current = self.at(now)
        if current.failures < MAX_TRIES:
            return 0
        return current.since + RECOVERY_INTERVAL - now
