"""Survey a repository: roles and their expiry, vendors, targets. Reads, verifies, writes nothing."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from repository.bump import is_due
from repository.head import Head
from repository.publish import published_info
from repository.roles import remaining, succinct_of
from repository.workshop import Workshop
from suit.target import TargetInfo


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """One role; the bins of a vendor are shown as one, by the bin that expires first.

    Attributes:
        name: The role.
        version: Its version; the highest one for bins.
        threshold: How many signatures it needs.
        keys: Its key ids.
        here: How many of the private keys this machine has.
        expires: When it expires.
        seconds: How long that is from now; zero or less is expired.
        state: ``ok``, ``due`` or ``expired``.
    """

    name: str
    version: int
    threshold: int
    keys: tuple[str, ...]
    here: int
    expires: datetime
    seconds: int
    state: str


@dataclass(frozen=True, slots=True)
class VendorStatus:
    """One vendor."""

    vendor: str
    name: str
    bins: int
    targets: int


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One target: the newest envelope of a device class on a channel."""

    path: str
    info: TargetInfo
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Status:
    """The whole repository at one moment."""

    roles: tuple[RoleStatus, ...]
    vendors: tuple[VendorStatus, ...]
    targets: tuple[TargetStatus, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        shown = asdict(self)
        for role in shown["roles"]:
            role["expires"] = role["expires"].isoformat()
        for target, status in zip(shown["targets"], self.targets, strict=True):
            target["info"] = status.info.to_custom()
        return shown


def survey(workshop: Workshop) -> Status:
    """Survey a repository.

    Raises:
        StorageError, MalformedError, NotAuthenticError: A file is missing, damaged or changed.
    """
    head = workshop.head()
    top = [
        _role(workshop, head, signed.type, signed.version, signed.expires)
        for signed in (head.root, head.targets, head.snapshot, head.timestamp)
    ]
    roles, vendors, targets = list(top), [], []
    for name in head.vendors():
        mine = sorted(_targets(head, name), key=lambda target: target.path)
        vendors.append(_vendor(workshop, head, name, len(mine)))
        targets += mine
        roles += _delegated(workshop, head, name)
    return Status(tuple(roles), tuple(vendors), tuple(targets))


def _role(workshop: Workshop, head: Head, name: str, version: int, expires: datetime) -> RoleStatus:
    keys, threshold = head.keys(name)
    left = int(remaining(workshop.clock(), expires).total_seconds())
    due = is_due(workshop, name, expires, None)
    return RoleStatus(
        name=name,
        version=version,
        threshold=threshold,
        keys=tuple(key.keyid for key in keys),
        here=sum(workshop.keyring.has(key) for key in keys),
        expires=expires,
        seconds=left,
        state="expired" if left <= 0 else "due" if due else "ok",
    )


def _delegated(workshop: Workshop, head: Head, vendor: str) -> Iterator[RoleStatus]:
    role = head.role(vendor)
    yield _role(workshop, head, vendor, role.version, role.expires)
    bins = {name: head.role(name) for name in succinct_of(role, vendor).get_roles()}
    first = min(bins, key=lambda name: bins[name].expires)
    version = max(one.version for one in bins.values())
    shown = _role(workshop, head, first, version, bins[first].expires)
    yield replace(shown, name=succinct_of(role, vendor).name_prefix)


def _vendor(workshop: Workshop, head: Head, role: str, targets: int) -> VendorStatus:
    vendor = role.removeprefix("v-")
    bins = succinct_of(head.role(role), role).number_of_bins
    return VendorStatus(vendor, workshop.policy.vendors.get(vendor, ""), bins, targets)


def _targets(head: Head, vendor: str) -> Iterator[TargetStatus]:
    for name in succinct_of(head.role(vendor), vendor).get_roles():
        for path, target in head.role(name).targets.items():
            sha256 = target.hashes.get("sha256", "")
            yield TargetStatus(path, published_info(target), target.length, sha256)
