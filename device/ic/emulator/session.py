"""The authorization session of the emulator."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from typing_extensions import override

from device.ic.emulator.state import SecretHash, State, TrustAnchor
from device.ic.errors import IcUsageError, PolicyDeniedError, UnknownKeyError
from device.ic.interface import AnchorRecord, AuthSession, KeyInfo, Purpose
from device.ic.rules import require_record
from suit.keys import CoseKey

MAX_ANCHORS = 64
MIN_SECRET = 8

Commit = Callable[[Callable[[State], State]], State]


class EmulatorSession(AuthSession):
    """Changes to the state, one commit each, until it is closed."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._open = True

    @override
    def add_anchor(self, key: CoseKey, purposes: AbstractSet[Purpose]) -> KeyInfo:
        anchor = trust_anchor(key, purposes)
        self._change(lambda state: with_anchor(state, anchor))
        return anchor.info

    @override
    def remove_anchor(self, name: bytes) -> None:
        self._change(lambda state: _without_anchor(state, name))

    @override
    def reset_anchor(self, record: AnchorRecord) -> AnchorRecord:
        require_record(record)
        return self._change(lambda state: replace(state, tuf=record)).tuf

    @override
    def change_secret(self, secret: bytes) -> None:
        require_secret(secret)
        self._change(lambda state: _with_secret(state, secret))

    @override
    def close(self) -> None:
        self._open = False

    def _change(self, change: Callable[[State], State]) -> State:
        if not self._open:
            raise PolicyDeniedError("the authorization session is closed")
        return self._commit(change)


def trust_anchor(key: CoseKey, purposes: AbstractSet[Purpose]) -> TrustAnchor:
    """Return a trust anchor that makes sense.

    Raises:
        IcUsageError: It vouches for nothing, for what callers bring keys for, or for what the IC does itself.
    """
    if not purposes or purposes & {Purpose.PRESENTED, Purpose.REPORT}:
        raise IcUsageError(f"{key.title}: a trust anchor needs a purpose of its own")
    if not key.admitted:
        raise IcUsageError(f"{key.title}: not a key that verifies")
    return TrustAnchor(key, frozenset(purposes))


def with_anchor(state: State, anchor: TrustAnchor) -> State:
    """Return the state with one more trust anchor, or with its purposes replaced.

    Raises:
        PolicyDeniedError: There is no room.
    """
    anchors = {**state.anchors, anchor.key.name: anchor}
    if len(anchors) > MAX_ANCHORS:
        raise PolicyDeniedError(f"the IC holds {MAX_ANCHORS} trust anchors, there is no room for another")
    return replace(state, anchors=anchors)


def require_secret(secret: bytes) -> None:
    """Refuse a secret that is hardly one.

    Raises:
        IcUsageError: It is too short.
    """
    if len(secret) < MIN_SECRET:
        raise IcUsageError(f"an authorization secret has at least {MIN_SECRET} bytes")


def _without_anchor(state: State, name: bytes) -> State:
    if name not in state.anchors:
        raise UnknownKeyError(f"no trust anchor {name.hex()[:16]}")
    rest = {other: anchor for other, anchor in state.anchors.items() if other != name}
    return replace(state, anchors=rest)


def _with_secret(state: State, secret: bytes) -> State:
    cost = state.secret.cost if state.secret else 1 << 14
    return replace(state, secret=SecretHash.of(secret, cost=cost))
