"""Publish an update set: payloads and envelope first, then one commit that lists them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tuf.api.metadata import TargetFile

from repository.head import Head
from repository.roles import remaining, succinct_of
from repository.store import read_chunks
from repository.transaction import Transaction
from repository.updates import Payload, UpdateSet, verified_chunks
from repository.workshop import Workshop
from suit.errors import ExpiredError, NothingToDoError, RefusedError, RollbackError
from suit.target import TargetInfo, content_path, vendor_role

CUSTOM: Final = "suit"


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish made real.

    Attributes:
        path: The TUF target path.
        info: What TUF says about the manifest.
        replaced: The sequence number that was there before.
        role: The bin that lists the target.
        payloads: Where the payloads are, below the repository's URL.
        timestamp: The version of timestamp that committed it.
    """

    path: str
    info: TargetInfo
    replaced: int | None
    role: str
    payloads: tuple[str, ...]
    timestamp: int


def publish(workshop: Workshop, update: UpdateSet) -> Published:
    """Publish an update set.

    Raises:
        NothingToDoError: This manifest is published already.
        RollbackError: A higher sequence number is published.
        RefusedError: The vendor is unknown, a payload is missing, or the sequence number is taken.
        ExpiredError: A role above has expired, so that no client could reach the update.
        KeyUnavailableError, StorageError: Nothing changed for clients.
    """
    target = TargetFile.from_data(update.path, update.envelope, ["sha256"])
    target.unrecognized_fields["custom"] = {CUSTOM: update.info.to_custom()}
    now = workshop.clock()
    head = workshop.head()
    _require_alive(head, update, now)
    _compare(head, update)  # what will be refused is refused before anything is written
    for payload in update.payloads:
        if payload.source is None:
            _require_present(workshop, payload)
    workshop.store.sweep()
    payloads = tuple(_keep(workshop, payload) for payload in update.payloads)
    (stored,) = target.get_prefixed_paths()
    workshop.store.put_immutable(f"targets/{stored}", [update.envelope])

    def edit(transaction: Transaction) -> tuple[str, int | None]:
        role, replaced = _compare(transaction.head, update)
        transaction.edit(role).targets[update.path] = target
        return role, replaced

    (role, replaced), committed = workshop.commit(edit)
    return Published(update.path, update.info, replaced, role, payloads, committed.timestamp)


def published_info(target: TargetFile) -> TargetInfo:
    """Read what a target entry says about its manifest.

    Raises:
        MalformedError: It is not an entry of this binding.
    """
    custom = target.custom if isinstance(target.custom, dict) else {}
    return TargetInfo.from_custom(custom.get(CUSTOM), where=target.path)


def _compare(head: Head, update: UpdateSet) -> tuple[str, int | None]:
    """Find the bin of an update and check that it moves its target forward.

    Returns:
        The bin, and the sequence number that is published now.
    """
    role = _bin_of(head, update)
    current = head.role(role).targets.get(update.path)
    if current is None:
        return role, None
    before, after = published_info(current), update.info
    what = f"{update.path}: sequence number"
    if after.sequence_number < before.sequence_number:
        raise RollbackError(what, offered=after.sequence_number, stored=before.sequence_number)
    if after.sequence_number == before.sequence_number:
        if after.digest != before.digest:
            raise RefusedError(f"{what} {after.sequence_number} is published with another manifest")
        # the envelope may differ all the same: signing again gives other bytes
        raise NothingToDoError(f"{update.path}: this manifest is published already")
    return role, before.sequence_number


def _bin_of(head: Head, update: UpdateSet) -> str:
    vendor = vendor_role(update.vendor)
    if vendor not in head.vendors():
        hint = "'hardsuit repo vendor' adds it"
        raise RefusedError(f"vendor {update.vendor.hex()} is not in this repository; {hint}")
    return succinct_of(head.role(vendor), vendor).get_role_for_target(update.path)


def _require_alive(head: Head, update: UpdateSet, now: datetime) -> None:
    _bin_of(head, update)
    above = {"root": head.root.expires, "targets": head.targets.expires}
    vendor = vendor_role(update.vendor)
    above[vendor] = head.role(vendor).expires
    for name, expires in above.items():
        if remaining(now, expires).total_seconds() <= 0:
            raise ExpiredError(
                f"{name} expired on {expires:%Y-%m-%d %H:%M} UTC; 'hardsuit repo bump' renews it"
            )


def _require_present(workshop: Workshop, payload: Payload) -> None:
    """Check a payload that no file was given for: it must be in the store, with the right bytes."""
    name = content_path(payload.digest)
    present = workshop.store.read(name)
    if present is None:
        digest = payload.digest.value.hex()[:16]
        raise RefusedError(f"payload {payload.uri!r} (digest {digest}…) is missing: give its file")
    for _ in verified_chunks(payload, present, where=name):
        pass


def _keep(workshop: Workshop, payload: Payload) -> str:
    """Make sure that a payload is in the store, with the right bytes; return its name there."""
    name = content_path(payload.digest)
    if payload.source is None:
        return name
    chunks = verified_chunks(payload, read_chunks(payload.source), where=str(payload.source))
    if not workshop.store.put_immutable(name, chunks):
        _require_present(workshop, payload)
    return name
