"""The IC inside its process: opened when the process starts, which is its boot."""

import os
import stat
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from typing_extensions import override

from device.ic.emulator import Emulator, KeyFile, RollbackAnchor, SealingKey, StoredAnchor
from device.ic.emulator.chip import SCRYPT_COST
from device.ic.errors import CapabilityError, IcError, IcUnavailableError, PolicyDeniedError
from device.ic.interface import Provisioning, SecurityIC, Where
from device.ic.wire.greeting import PROTOCOL, IcHost
from device.storage import DirectoryStorage, Storage


class Host(IcHost):
    """A back-end in its process, as every connection finds it."""

    @override
    def hello(self, protocol: int) -> int:
        if protocol != PROTOCOL:
            raise CapabilityError(f"the IC speaks protocol {PROTOCOL}, not {protocol}")
        return os.getpid()

    @property
    @abstractmethod
    def ic(self) -> SecurityIC:
        """The IC.

        Raises:
            IcError: Why it does not serve: never provisioned, damaged, rolled back.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the IC."""


@contextmanager
def emulator_host(state: Path, key: Path, witness: Path | None = None) -> Iterator["EmulatorHost"]:
    """Start the emulator on a directory of its own, while the block runs.

    Args:
        state: The directory; made when it is missing.
        key: The file of the sealing key.
        witness: The directory of the rollback anchor, if there is one.

    Raises:
        IcUnavailableError: The directory is open to other users, or another's.
        StorageError: Another process holds it, or it cannot be used.
    """
    with ExitStack() as stack:
        storage = stack.enter_context(DirectoryStorage(state))
        status = state.stat()
        if status.st_uid != os.geteuid():
            raise IcUnavailableError(f"{state}: the IC's directory belongs to another user")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise IcUnavailableError(f"{state}: the IC's directory is open to other users")
        anchor = StoredAnchor(stack.enter_context(DirectoryStorage(witness))) if witness else None
        host = EmulatorHost(storage, KeyFile(key), rollback_anchor=anchor)
        stack.callback(host.close)
        yield host


class EmulatorHost(Host):
    """The emulator; what keeps it from starting is what every call is answered with."""

    def __init__(
        self,
        storage: Storage,
        sealing_key: SealingKey,
        *,
        clock: Callable[[], float] = time.time,
        rollback_anchor: RollbackAnchor | None = None,
        scrypt_cost: int = SCRYPT_COST,
    ) -> None:
        self._storage = storage
        self._sealing_key = sealing_key
        self._clock = clock
        self._rollback_anchor = rollback_anchor
        self._scrypt_cost = scrypt_cost
        self._lock = threading.Lock()
        self._ic: SecurityIC | IcError
        try:
            self._ic = Emulator.open(
                storage, sealing_key, clock=clock, rollback_anchor=rollback_anchor, where=Where.ADAPTER
            )
        except IcError as error:
            self._ic = error

    @property
    @override
    def ic(self) -> SecurityIC:
        if isinstance(self._ic, IcError):
            raise self._ic.with_traceback(None)
        return self._ic

    @property
    def trouble(self) -> str:
        """Why the IC does not serve; empty when it does."""
        return str(self._ic) if isinstance(self._ic, IcError) else ""

    @override
    def provision(self, plan: Provisioning) -> None:
        with self._lock:
            if isinstance(self._ic, SecurityIC):
                raise PolicyDeniedError("the IC was provisioned before")
            self._ic = Emulator.provision(
                self._storage,
                self._sealing_key,
                keys=plan.keys,
                decryption_keys=plan.decryption_keys,
                secret=plan.secret,
                anchor=plan.anchor,
                report_cipher=plan.report_cipher,
                clock=self._clock,
                rollback_anchor=self._rollback_anchor,
                scrypt_cost=self._scrypt_cost,
                updaters=plan.updaters,
                lifecycle=plan.lifecycle,
                where=Where.ADAPTER,
            )

    @override
    def close(self) -> None:
        if isinstance(self._ic, SecurityIC):
            self._ic.close()
