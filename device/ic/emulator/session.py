"""The authorization session of the emulator."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from typing_extensions import override

from device.ic.emulator.guards import free_slot, require_anchor, require_change
from device.ic.emulator.state import SecretHash, State, TrustAnchor
from device.ic.errors import IcUsageError, PolicyDeniedError
from device.ic.interface import (
    COMMISSIONED,
    SIGNED,
    Access,
    AnchorRecord,
    AuthSession,
    Condition,
    KeyInfo,
    Lifecycle,
    Purpose,
)
from device.ic.rules import require_record
from suit.keys import CoseKey

MIN_SECRET = 8

_CREATE: Final[Access] = COMMISSIONED
Commit = Callable[[Callable[[State], State]], State]


class EmulatorSession(AuthSession):
    """Changes to the state, one commit each, until it is closed."""

    def __init__(self, commit: Commit, erase: Callable[[], None]) -> None:
        self._commit = commit
        self._erase = erase
        self._open = True

    @override
    def add_anchor(self, key: CoseKey, purposes: AbstractSet[Purpose]) -> KeyInfo:
        anchor = trust_anchor(key, purposes)

        def change(state: State) -> State:
            known = state.anchors.get(key.name)
            access = known.change if known else _CREATE
            require_change(state, access, key.title, Condition.AUTHORIZED)
            return with_anchor(state, anchor)

        after = self._change(change)
        return after.anchors[key.name].info

    @override
    def remove_anchor(self, name: bytes) -> None:
        self._change(lambda state: _without_anchor(state, name))

    @override
    def reset_anchor(self, record: AnchorRecord) -> AnchorRecord:
        require_record(record)
        return self._change(lambda state: replace(state, tuf=record)).tuf

    @override
    def advance(self, lifecycle: Lifecycle) -> Lifecycle:
        def change(state: State) -> State:
            if lifecycle < state.lifecycle:
                raise PolicyDeniedError(f"the IC is {state.lifecycle.name.lower()}: life does not go back")
            return replace(state, lifecycle=lifecycle)

        if lifecycle is not Lifecycle.TERMINATED:
            return self._change(change).lifecycle
        self._require_open()
        self._erase()
        return lifecycle

    @override
    def change_secret(self, secret: bytes) -> None:
        require_secret(secret)
        self._change(lambda state: _with_secret(state, secret))

    @override
    def close(self) -> None:
        self._open = False

    def _change(self, change: Callable[[State], State]) -> State:
        self._require_open()
        return self._commit(change)

    def _require_open(self) -> None:
        if not self._open:
            raise PolicyDeniedError("the authorization session is closed")


def trust_anchor(key: CoseKey, purposes: AbstractSet[Purpose]) -> TrustAnchor:
    """Return a trust anchor that makes sense.

    Raises:
        IcUsageError: It vouches for nothing, for what callers bring keys for, or for what the IC does itself.
    """
    if not purposes or purposes & {Purpose.PRESENTED, Purpose.REPORT}:
        raise IcUsageError(f"{key.title}: a trust anchor needs a purpose of its own")
    if not key.admitted:
        raise IcUsageError(f"{key.title}: not a key that verifies")
    return TrustAnchor(key, frozenset(purposes), change=(*SIGNED, *COMMISSIONED))


def with_anchor(state: State, anchor: TrustAnchor) -> State:
    """Return the state with one more trust anchor, or with its purposes replaced.

    Raises:
        PolicyDeniedError: There is no room, or the key has another use.
    """
    if anchor.key.name in state.decryption_keys:
        raise PolicyDeniedError(f"{anchor.key.title} decrypts; one key has one use")
    known = state.anchors.get(anchor.key.name)
    if known is not None:
        changed = replace(known, key=anchor.key, purposes=anchor.purposes)
        return replace(state, anchors={**state.anchors, anchor.key.name: changed})
    slot = free_slot(state, min(purpose.value for purpose in anchor.purposes))
    version = state.versions.get(slot, 0)  # where something was before: no update from then counts again
    placed = replace(anchor, slot=slot, version=version)
    return replace(
        state,
        anchors={**state.anchors, anchor.key.name: placed},
        versions={**state.versions, slot: version},
    )


def require_secret(secret: bytes) -> None:
    """Refuse a secret that is hardly one.

    Raises:
        IcUsageError: It is too short.
    """
    if len(secret) < MIN_SECRET:
        raise IcUsageError(f"an authorization secret has at least {MIN_SECRET} bytes")


def _without_anchor(state: State, name: bytes) -> State:
    anchor = require_anchor(state, name)
    require_change(state, anchor.change, anchor.key.title, Condition.AUTHORIZED)
    rest = {other: anchor for other, anchor in state.anchors.items() if other != name}
    return replace(state, anchors=rest)


def _with_secret(state: State, secret: bytes) -> State:
    cost = state.secret.cost if state.secret else 1 << 14
    return replace(state, secret=SecretHash.of(secret, cost=cost))
