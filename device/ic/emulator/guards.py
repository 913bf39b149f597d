"""Who may change what in the emulator's state: pure functions of states."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from device.ic.emulator.state import State, TrustAnchor
from device.ic.errors import (
    BadSignatureError,
    IcRollbackError,
    IcUsageError,
    PolicyDeniedError,
    UnknownKeyError,
)
from device.ic.interface import (
    ALWAYS,
    AUTHORIZED,
    NEVER,
    Access,
    Condition,
    Lifecycle,
    ObjectInfo,
    Purpose,
    allows,
)
from suit.anchor_update import MAX_UPDATE, WHERE, AnchorUpdate, decode_update
from suit.cose import Attestation
from suit.crypto import verify_signature
from suit.embedded import take_apart
from suit.errors import HardsuitError

MAX_ANCHORS: Final = 64


def met(state: State, *others: Condition) -> frozenset[Condition]:
    """Return the conditions that are met in this state, and these."""
    commissioning = {Condition.COMMISSIONING} if state.lifecycle < Lifecycle.OPERATIONAL else set()
    return frozenset({Condition.ALWAYS, *commissioning, *others})


def usable_anchors(state: State) -> Mapping[bytes, TrustAnchor]:
    """Return the trust anchors that verify in this state."""
    conditions = met(state)
    return {name: anchor for name, anchor in state.anchors.items() if allows(anchor.use, conditions)}


def require_change(state: State, access: Access, what: str, *others: Condition) -> None:
    """Refuse a change whose conditions are not met.

    Raises:
        PolicyDeniedError: They are not.
    """
    if not allows(access, met(state, *others)):
        raise PolicyDeniedError(f"{what}: its access conditions do not allow this change")


def erased(state: State) -> State:
    """Return what is left when every secret is gone: who this was, and what must never fall."""
    return State(
        state.uid,
        None,
        state.time_leap,
        boot_count=state.boot_count,
        repairs=state.repairs,
        lockout=state.lockout,
        floors=state.floors,
        tuf=state.tuf,
        lifecycle=Lifecycle.TERMINATED,
        versions=state.versions,
    )


def objects(state: State) -> tuple[ObjectInfo, ...]:
    """Return what is held."""
    here = state.lifecycle
    kept = [ObjectInfo("ic", here, 0, AUTHORIZED, ALWAYS), ObjectInfo("tuf", here, 0, AUTHORIZED, ALWAYS)]
    if state.secret is not None:
        kept.append(ObjectInfo("secret", here, 0, AUTHORIZED, ALWAYS))
    for name, key in (("report-key", state.report_key), ("attestation-key", state.attestation_key)):
        if key is not None:
            kept.append(ObjectInfo(name, here, 0, NEVER, ALWAYS))
    names = [f"decrypt/{name.hex()[:16]}" for name in state.decryption_keys]
    kept += [ObjectInfo(name, here, 0, NEVER, ALWAYS) for name in names]
    living = {anchor.slot: anchor for anchor in state.anchors.values()}
    for slot, version in state.versions.items():
        anchor = living.get(slot)
        if anchor is None:
            kept.append(ObjectInfo(f"anchor/{slot}", Lifecycle.TERMINATED, version, NEVER, NEVER))
        else:
            kept.append(ObjectInfo(f"anchor/{slot}", here, version, anchor.change, anchor.use))
    return tuple(kept)


def free_slot(state: State, purpose: str) -> str:
    """Return the name of an empty slot: one that never held anything, while there are such.

    Raises:
        PolicyDeniedError: There is no room.
    """
    if len(state.anchors) >= MAX_ANCHORS:
        raise PolicyDeniedError(f"the IC holds {MAX_ANCHORS} trust anchors, there is no room for another")
    if len(state.versions) >= MAX_ANCHORS:
        living = {anchor.slot for anchor in state.anchors.values()}
        return next(slot for slot in state.versions if slot not in living)
    number = 0
    while f"{purpose}-{number}" in state.versions:
        number += 1
    return f"{purpose}-{number}"


def updated(state: State, raw: bytes) -> tuple[State, str]:
    """Return the state after a signed update of a trust anchor, and its slot; see :mod:`suit.anchor_update`.

    Raises:
        IcUsageError, BadSignatureError, IcRollbackError, PolicyDeniedError: As
            :meth:`device.ic.interface.SecurityIC.update_anchor` says.
    """
    try:
        payload, attestation = take_apart(raw, where=WHERE, limit=MAX_UPDATE)
        update = decode_update(payload)
    except HardsuitError as error:
        raise IcUsageError(str(error)) from error
    anchor = next((one for one in state.anchors.values() if one.slot == update.slot), None)
    _require_signed(state, anchor, update.slot, attestation)
    if update.uid not in {None, state.uid}:
        raise PolicyDeniedError(f"anchor {update.slot}: the update is for another IC")
    if anchor is None:
        raise PolicyDeniedError(f"anchor {update.slot}: there is none")
    stored = state.versions[update.slot]
    if update.version == stored and update.key is not None and update.key.name == anchor.key.name:
        return state, update.slot  # the answer was lost, and the caller asks again
    if update.version <= stored:
        raise IcRollbackError(f"anchor {update.slot}", offered=update.version, stored=stored)
    return _replaced(state, anchor, update), update.slot


def _require_signed(state: State, anchor: TrustAnchor | None, slot: str, attestation: Attestation) -> None:
    """Demand a signature by a key that may change this anchor."""
    # An unknown slot is told to nobody but a signer who is trusted with something.
    change = anchor.change if anchor else (frozenset({Condition.UPDATER}),)
    candidates = [
        one.key
        for one in state.anchors.values()
        if (one is anchor and allows(change, met(state, Condition.SIGNED)))
        or (
            one is not anchor
            and Purpose.UPDATE in one.purposes
            and allows(change, met(state, Condition.UPDATER))
        )
    ]
    fitting = [key for key in candidates if key.admits(attestation.algorithm)]
    if not any(
        verify_signature(key, attestation.algorithm, attestation.structure, attestation.value)
        for key in fitting
    ):
        raise BadSignatureError(f"anchor {slot}: no key that may change it signed the update")


def _replaced(state: State, anchor: TrustAnchor, update: AnchorUpdate) -> State:
    versions = {**state.versions, update.slot: update.version}
    rest = {name: one for name, one in state.anchors.items() if one is not anchor}
    if update.key is None:
        return replace(state, anchors=rest, versions=versions)
    key = update.key
    if key.name in rest:
        raise PolicyDeniedError(f"{key.title}: is a trust anchor already")
    if not key.admitted:
        raise IcUsageError(f"{key.title}: not a key that verifies")
    return replace(
        state, anchors={**rest, key.name: replace(anchor, key=key, version=update.version)}, versions=versions
    )


def require_anchor(state: State, name: bytes) -> TrustAnchor:
    """Return a trust anchor.

    Raises:
        UnknownKeyError: There is none of this name.
    """
    if name not in state.anchors:
        raise UnknownKeyError(f"no trust anchor {name.hex()[:16]}")
    return state.anchors[name]
