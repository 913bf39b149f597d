"""Sign anew what expires soon; what a nightly job runs."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from repository.head import Head
from repository.roles import expiry, kind_of, remaining, succinct_of
from repository.transaction import Transaction, roll_forward, write_root
from repository.workshop import Workshop
from suit.errors import ExpiredError, KeyUnavailableError, NothingToDoError

DEFAULT_DUE: Final = timedelta(days=5)

_ONLINE = ("snapshot", "timestamp")


@dataclass(frozen=True, slots=True)
class Bumped:
    """What a bump did.

    Attributes:
        signed: The roles that were signed anew.
        overdue: Roles that are due but whose keys are not at hand, with the reason.
        expired: Those of them that have expired already.
    """

    signed: tuple[str, ...]
    overdue: Mapping[str, str]
    expired: tuple[str, ...]


def bump(workshop: Workshop, due: timedelta | None) -> Bumped:
    """Sign anew what is due, as far as the keys are at hand.

    Args:
        workshop: The repository.
        due: Renew what expires within this time; by default five days, or half of a role's whole
            life where that is shorter.

    Raises:
        NothingToDoError: Nothing is due.
        ExpiredError: root or targets has expired and cannot be signed here; nothing was published.
        KeyUnavailableError: snapshot or timestamp cannot be signed here; nothing was published.
    """
    workshop.store.sweep()
    roll_forward(workshop.store)
    plan = _plan(workshop, workshop.head(), due)
    _require_useful(plan)
    signed = []
    if "root" in plan.signable and _renew_root(workshop):
        signed.append("root")
    if any(name != "root" for name in plan.signable):
        with suppress(NothingToDoError):  # somebody else was first
            signed += workshop.commit(lambda transaction: _renew(workshop, transaction, due))[0]
    return Bumped(tuple(signed), plan.overdue, plan.expired)


def every_role(head: Head) -> Iterator[tuple[str, datetime]]:
    """Yield the name and the expiry of every role, parents first."""
    for signed in (head.root, head.timestamp, head.snapshot, head.targets):
        yield signed.type, signed.expires
    for vendor in head.vendors():
        role = head.role(vendor)
        yield vendor, role.expires
        for name in succinct_of(role, vendor).get_roles():
            yield name, head.role(name).expires


def is_due(workshop: Workshop, name: str, expires: datetime, due: timedelta | None) -> bool:
    """Tell whether a role is to be renewed now."""
    life = workshop.policy.roles.of(kind_of(name)).expires
    window = min(DEFAULT_DUE, life / 2) if due is None else due
    return remaining(workshop.clock(), expires) <= window


@dataclass(frozen=True, slots=True)
class _Plan:
    signable: tuple[str, ...]
    overdue: Mapping[str, str]
    expired: tuple[str, ...]


def _plan(workshop: Workshop, head: Head, due: timedelta | None) -> _Plan:
    signable, overdue, expired = [], {}, []
    for name, expires in every_role(head):
        if not is_due(workshop, name, expires, due):
            continue
        keys, threshold = head.keys(name)
        if workshop.keyring.can_sign(keys, threshold):
            signable.append(name)
            continue
        problems = (workshop.keyring.problem(key) for key in keys)
        overdue[name] = "; ".join(problem for problem in problems if problem)
        if remaining(workshop.clock(), expires) <= timedelta():
            expired.append(name)
    return _Plan(tuple(signable), overdue, tuple(expired))


def _require_useful(plan: _Plan) -> None:
    """Refuse to publish what no client would accept, and to do nothing in silence."""
    dead = [name for name in plan.expired if name in {"root", "targets"}]
    if dead:
        problems = "; ".join(plan.overdue[name] for name in dead)
        raise ExpiredError(f"{' and '.join(dead)} expired and cannot be signed here: {problems}")
    for name in _ONLINE:
        if name in plan.overdue:
            raise KeyUnavailableError(f"{name} is due: {plan.overdue[name]}")
    if not plan.signable and not plan.overdue:
        raise NothingToDoError("nothing is due")


def _renew_root(workshop: Workshop) -> bool:
    previous = workshop.head().root
    root = copy.deepcopy(previous)
    root.version += 1
    root.expires = expiry(workshop.clock(), workshop.policy.roles.root)
    return write_root(workshop.store, workshop.keyring, root, previous)


def _renew(workshop: Workshop, transaction: Transaction, due: timedelta | None) -> list[str]:
    names = [name for name in _plan(workshop, transaction.head, due).signable if name != "root"]
    if not names:
        raise NothingToDoError("nothing is due")
    below = [name for name in names if name not in _ONLINE]
    for name in below:
        transaction.edit(name)
    if "snapshot" in names:
        transaction.renew_snapshot()
    return [*below, *(["snapshot"] if below or "snapshot" in names else []), "timestamp"]
