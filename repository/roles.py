"""Fresh TUF roles, as the binding wants them (``spec/binding.md``; DESIGN §4).

::

    root (offline, threshold) ─▶ targets (offline; delegations only)
       ├─▶ snapshot, timestamp (online)      └─▶ v-<vendor> (the vendor's key), paths <vendor>/*/*
                                                    └─▶ v-<vendor>-bin-<n> (online key), all targets

The number of bins is fixed when the vendor is made: a client never forgets a role that it has seen in
a snapshot. Empty bins are published too: a lookup that ends in a missing one is an error for clients,
not a "no such target".
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from tuf.api.metadata import DelegatedRole, Delegations, Key, Role, Root, SuccinctRoles, Targets

from repository.policy import Policy, RoleKind, RolePolicy
from repository.signers import RoleKey, require_distinct
from suit.errors import UsageError
from suit.target import bin_prefix, vendor_role

Clock: TypeAlias = Callable[[], datetime]
"""Tells the time, with a time zone; handed in everywhere, so that tests can live at any date."""

MIN_BINS: Final = 2
MAX_BINS: Final = 16384
DEFAULT_BINS: Final = 16

TOP_LEVEL: Final = (RoleKind.ROOT, RoleKind.TARGETS, RoleKind.SNAPSHOT, RoleKind.TIMESTAMP)


def utc_now() -> datetime:
    """Tell the time by the computer's clock."""
    return datetime.now(UTC)


def expiry(now: datetime, role: RolePolicy) -> datetime:
    """Return when a role that is signed now expires; TUF has no fractions of a second."""
    return (now.astimezone(UTC) + role.expires).replace(microsecond=0)


def remaining(now: datetime, expires: datetime) -> timedelta:
    """Return how long a role is valid yet; zero or less is expired."""
    return expires - now.astimezone(UTC)


def kind_of(name: str) -> RoleKind:
    """Tell of which kind a role is, by its name."""
    if any(name == kind.value for kind in TOP_LEVEL):
        return RoleKind(name)
    return RoleKind.BIN if "-bin-" in name else RoleKind.VENDOR


def delegator_of(name: str) -> str:
    """Name the role that delegates to this one."""
    match kind_of(name):
        case RoleKind.BIN:
            return name.partition("-bin-")[0]
        case RoleKind.VENDOR:
            return RoleKind.TARGETS.value
        case _:
            return RoleKind.ROOT.value


def new_root(now: datetime, policy: Policy, keys: Mapping[RoleKind, Sequence[RoleKey]]) -> Root:
    """Make version 1 of root.

    Raises:
        UsageError: A threshold cannot be met, or one key stands under two ids.
    """
    roles = {}
    for kind in TOP_LEVEL:
        threshold = policy.roles.of(kind).threshold
        public = [key.public for key in keys[kind]]
        require_distinct(kind.value, public, threshold)
        roles[kind.value] = Role([key.keyid for key in public], threshold)
    known = {key.public.keyid: key.public for kind in TOP_LEVEL for key in keys[kind]}
    expires = expiry(now, policy.roles.root)
    return Root(expires=expires, keys=known, roles=roles, consistent_snapshot=True)


def new_targets(now: datetime, policy: Policy) -> Targets:
    """Make version 1 of the top-level targets role, which only delegates."""
    return Targets(expires=expiry(now, policy.roles.targets), delegations=Delegations({}, {}))


def delegate(targets: Targets, vendor: bytes, keys: Sequence[Key], threshold: int) -> None:
    """Let a vendor's own keys speak for its paths, and nobody after them."""
    name = vendor_role(vendor)
    require_distinct(name, keys, threshold)
    role = DelegatedRole(
        name,
        [key.keyid for key in keys],
        threshold,
        terminating=True,
        paths=[f"{vendor.hex()}/*/*"],
    )
    delegations = targets.delegations or Delegations({}, {})
    delegations.keys.update({key.keyid: key for key in keys})
    delegations.roles = {**(delegations.roles or {}), name: role}
    targets.delegations = delegations


def require_bins(bins: int) -> None:
    """Refuse a number of bins that succinct roles cannot have, or that clients should not download.

    Raises:
        UsageError: It is no power of two in range.
    """
    if not MIN_BINS <= bins <= MAX_BINS or bins & (bins - 1):
        raise UsageError(f"{bins} bins: must be a power of two from {MIN_BINS} to {MAX_BINS}")


def new_vendor(now: datetime, policy: Policy, vendor: bytes, keys: Sequence[Key], bins: int) -> Targets:
    """Make version 1 of a vendor's role: succinct bins (TAP 15) under an online key.

    Raises:
        UsageError: The number of bins is no power of two in range.
    """
    require_bins(bins)
    threshold = policy.roles.bin.threshold
    require_distinct(bin_prefix(vendor), keys, threshold)
    succinct = SuccinctRoles(
        [key.keyid for key in keys], threshold, bins.bit_length() - 1, bin_prefix(vendor)
    )
    delegations = Delegations({key.keyid: key for key in keys}, succinct_roles=succinct)
    return Targets(expires=expiry(now, policy.roles.vendor), delegations=delegations)


def new_bin(now: datetime, policy: Policy) -> Targets:
    """Make an empty bin."""
    return Targets(expires=expiry(now, policy.roles.bin))


def succinct_of(vendor: Targets, where: str) -> SuccinctRoles:
    """Return the bins that a vendor's role delegates to.

    Raises:
        UsageError: The role has another layout, made by another tool.
    """
    if vendor.delegations is None or vendor.delegations.succinct_roles is None:
        raise UsageError(f"{where}: this vendor's role has no hash bins")
    return vendor.delegations.succinct_roles
