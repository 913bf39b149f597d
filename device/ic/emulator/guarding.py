"""Changes of what the emulator trusts: by the owner, by signed updates, and by the tamper line."""

from collections.abc import Sequence
from dataclasses import replace

from typing_extensions import override

from device.ic.emulator import guards
from device.ic.emulator.core import Core
from device.ic.emulator.session import EmulatorSession
from device.ic.errors import AuthFailedError, LockedOutError, PolicyDeniedError
from device.ic.interface import AuthSession, KeyInfo, ObjectInfo
from device.ic.rules import MAX_TRIES, Lockout


class Guarding(Core):
    """What may change in the IC, and by whom."""

    @override
    def objects(self) -> Sequence[ObjectInfo]:
        self._require_service()
        return guards.objects(self._state)

    @override
    def update_anchor(self, update: bytes) -> KeyInfo | None:
        with self._lock:
            self._require_service()
            state, slot = guards.updated(self._state, update)
            if not state.decryption_keys.keys().isdisjoint(state.anchors):
                raise PolicyDeniedError(f"{slot}: the key decrypts; one key has one use")
            after = self._commit(lambda _: state)
        return next(
            (anchor.info for anchor in after.anchors.values() if anchor.slot == slot),
            None,
        )

    @override
    def tamper(self) -> None:
        self._erase()

    @override
    def authorize(self, secret: bytes) -> AuthSession:
        with self._lock:
            self._require_service()
            stretched = self._state.secret
            if stretched is None:
                raise PolicyDeniedError("the IC was provisioned without a secret: nothing can be changed")
            now = self.now()
            # Written down even when it only notes that the clock went back: recovery counts from there.
            self._commit(lambda state: replace(state, lockout=state.lockout.at(now)))
            retry_after = self._state.lockout.retry_after(now)
            if retry_after:
                raise LockedOutError(retry_after=retry_after)
            # Charged before the answer is known: cutting the power never buys another try.
            charged = self._commit(lambda state: replace(state, lockout=state.lockout.failed(now)))
            if not stretched.matches(secret):
                raise AuthFailedError(tries_left=MAX_TRIES - charged.lockout.failures)
            self._commit(lambda state: replace(state, lockout=Lockout()))
            return EmulatorSession(self._commit, self._erase)
