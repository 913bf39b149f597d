"""Add a vendor: its paths delegated to its own key, its targets in bins under an online key."""

from collections.abc import Sequence

from repository import roles
from repository.policy import RoleKind
from repository.signers import RoleKey
from repository.transaction import Transaction
from repository.workshop import Committed, Workshop
from suit.errors import NothingToDoError, UsageError
from suit.target import bin_prefix, vendor_role

VENDOR_BYTES = 16


def add_vendor(
    workshop: Workshop, vendor: bytes, *, name: str, bins: int, keys: Sequence[RoleKey]
) -> Committed:
    """Add a vendor in one commit.

    Args:
        workshop: The repository.
        vendor: The vendor id.
        name: A name for people.
        bins: How many bins; fixed for ever.
        keys: The vendor's keys; none makes them.

    Raises:
        NothingToDoError: The vendor is there already.
        UsageError: The vendor id or the number of bins is wrong.
        KeyUnavailableError: The keys of targets are not at hand.
    """
    if len(vendor) != VENDOR_BYTES:
        raise UsageError(f"vendor id {vendor.hex()} has not {VENDOR_BYTES} bytes")
    role = vendor_role(vendor)
    roles.require_bins(bins)
    _require_new(role, workshop.head().vendors())
    mine = keys or workshop.obtain(RoleKind.VENDOR, role)
    online = workshop.obtain(RoleKind.BIN, bin_prefix(vendor))
    workshop.record(vendors={vendor.hex(): name or vendor.hex()[:8]}, keys=[*mine, *online])

    def edit(transaction: Transaction) -> None:
        _require_new(role, transaction.head.vendors())
        threshold = workshop.policy.roles.vendor.threshold
        roles.delegate(transaction.edit("targets"), vendor, [key.public for key in mine], threshold)
        parent = roles.new_vendor(
            transaction.now, workshop.policy, vendor, [key.public for key in online], bins
        )
        transaction.add(role, parent)
        for bin_name in roles.succinct_of(parent, role).get_roles():
            transaction.add(bin_name, roles.new_bin(transaction.now, workshop.policy))

    return workshop.commit(edit)[1]


def _require_new(role: str, present: Sequence[str]) -> None:
    if role in present:
        raise NothingToDoError(f"vendor {role.removeprefix('v-')} is in the repository already")
