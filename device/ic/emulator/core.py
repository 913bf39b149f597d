"""What every part of the emulator stands on: the state, its commits, and whether it serves."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NoReturn

from typing_extensions import override

from device.ic.emulator.guards import erased, usable_anchors
from device.ic.emulator.rollback import RollbackAnchor
from device.ic.emulator.state import State, TrustAnchor
from device.ic.emulator.store import SealedStore
from device.ic.errors import IcError, IcFailedError, IcUnavailableError, IcUsageError, TamperedError
from device.ic.interface import PCR_COUNT, KeyInfo, Lifecycle, SecurityIC, Where
from device.ic.tickets import TicketOffice

PCR_SIZE: Final = 32


class Core(SecurityIC):
    """A security IC with a state; what it does with it is in its subclasses."""

    def __init__(
        self,
        store: SealedStore,
        state: State,
        generation: int,
        *,
        clock: Callable[[], float],
        rollback_anchor: RollbackAnchor | None,
        where: Where,
    ) -> None:
        """Start up on a state; devices call :meth:`Emulator.open`."""
        self._where = where
        self._store = store
        self._state = state
        self._generation = generation
        self._clock = clock
        self._rollback_anchor = rollback_anchor
        self._lock = threading.RLock()
        self._fault: IcError | None = None
        self._usable: Mapping[bytes, TrustAnchor] = {}
        self._shown: tuple[KeyInfo, ...] = ()
        self._started = time.monotonic()
        self._pcrs = [bytes(PCR_SIZE)] * PCR_COUNT
        self._commit(lambda before: replace(before, boot_count=before.boot_count + 1))
        self._tickets = TicketOffice(self._state.boot_count)
        self._arm()
        if state.lifecycle is Lifecycle.TERMINATED:
            self._fault = _dead()

    @override
    def now(self) -> int:
        self._require_service()
        return self._now()

    @override
    def close(self) -> None:
        self._fault = IcUnavailableError("the IC is closed")

    @override
    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: the state holds secrets.

        Raises:
            IcUsageError: Always.
        """
        raise IcUsageError("a security IC cannot be copied or pickled")

    def _now(self) -> int:
        return max(int(self._clock()), self._state.tuf.time_floor)

    def _commit(self, change: Callable[[State], State]) -> State:
        """Make a change durable, then believe it."""
        with self._lock:
            self._require_service()
            state = change(self._state)
            if state == self._state:
                return state
            generation = self._generation + 1
            try:
                self._store.save(generation, state.encode())
                if self._rollback_anchor is not None:
                    self._rollback_anchor.bump(generation)
            except BaseException:
                # What stands on the medium is unknown now, and only open() may find out.
                self._fault = IcFailedError("the IC stopped after a failed write and has to be opened again")
                raise
            self._state, self._generation = state, generation
            self._show(state)
            return state

    def _show(self, state: State) -> None:
        """Work out once what is asked for with every manifest."""
        self._usable = usable_anchors(state)
        self._shown = tuple([anchor.info for anchor in self._usable.values()])

    def _arm(self) -> None:
        """Take the keys of the state into use; after an erasure, none."""

    def _erase(self) -> None:
        """Forget every secret, in memory first, then durably; what is left only says that it happened."""
        with self._lock:
            self._require_service()
            dead = erased(self._state)
            self._tickets = TicketOffice(dead.boot_count)
            self._pcrs = [bytes(PCR_SIZE)] * PCR_COUNT
            self._show(dead)
            try:
                self._commit(lambda _: dead)
            finally:
                self._state = dead
                self._arm()
                self._fault = self._fault or _dead()

    def _require_service(self) -> None:
        if self._fault is not None:
            raise self._fault.with_traceback(None)


def _dead() -> IcError:
    return TamperedError("the IC has erased its secrets and serves nothing more")
