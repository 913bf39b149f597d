"""A security IC in a process of its own, on the bench: with a clock to set and a plug to pull."""

import contextlib
import multiprocessing
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from device.ic.emulator import KeyFile
from device.ic.interface import AnchorRecord, Lifecycle, Provisioning, SecurityIC, Where
from device.ic.process.client import RemoteIC
from device.ic.process.hardening import harden
from device.ic.process.host import EmulatorHost
from device.ic.process.server import Server, listening
from device.ic.tests.rig import NOW, OPENERS, ROOT, SECRET, SIGNERS, UPDATER, Signer
from device.storage import DirectoryStorage
from suit.recipient_keys import RecipientKey
from suit.report_cipher import ReportCipher

# Children of a server that has imported everything start in milliseconds, and inherit no thread of pytest's.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["device.ic.tests.bench_process"])


def serve(directory: str, clock: "Synchronized[int]", users: frozenset[int], patience: float) -> None:
    """Be the IC: as ``hardsuit ic serve``, but for the clock and the cost of a secret."""
    harden()
    place = Path(directory)
    never, _open = os.pipe()
    with DirectoryStorage(place / "ic") as storage, listening(place / "socket") as listener:
        host = EmulatorHost(
            storage, KeyFile(place / "ic.key"), clock=lambda: float(clock.value), scrypt_cost=2
        )
        Server(listener, host, users, patience=patience).run([never])


class ProcessRig:
    """As :class:`device.ic.tests.rig.Rig`, with the emulator in a process of its own."""

    level = Where.ADAPTER

    def __init__(self, *, users: frozenset[int] | None = None, patience: float = 10.0) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="ic-"))
        self.signers: Sequence[Signer] = SIGNERS
        self.openers: Sequence[RecipientKey] = OPENERS
        self._clock: Any = CONTEXT.Value("q", NOW)
        self._users = frozenset({os.geteuid()}) if users is None else users
        self._patience = patience
        self._process: Any = None
        self._ics: list[RemoteIC] = []

    @property
    def time(self) -> int:
        return int(self._clock.value)

    @time.setter
    def time(self, seconds: int) -> None:
        self._clock.value = seconds

    @property
    def socket(self) -> Path:
        return self.directory / "socket"

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    def provision(
        self,
        anchor: AnchorRecord | None = ROOT,
        secret: bytes | None = SECRET,
        report_cipher: ReportCipher | None = None,
        *,
        lifecycle: Lifecycle = Lifecycle.INITIALIZATION,
    ) -> SecurityIC:
        self.start()
        ic = self.connect()
        keys = tuple(signer.key for signer in self.signers)
        record, openers = anchor or AnchorRecord(), tuple(self.openers)
        ic.provision(Provisioning(keys, secret, record, report_cipher, (UPDATER.key,), lifecycle, openers))
        return ic

    def restart(self) -> SecurityIC:
        """Pull the plug, and put it in again."""
        self.kill()
        self.start()
        return self.connect()

    def connect(self, *, patience: float = 30.0) -> RemoteIC:
        ic = RemoteIC(self.socket, patience=patience)
        self._ics.append(ic)
        return ic

    def start(self) -> None:
        arguments = (str(self.directory), self._clock, self._users, self._patience)
        self._process = CONTEXT.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        deadline = time.monotonic() + 30
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
            while probe.connect_ex(str(self.socket)):
                assert self._process.is_alive(), "the IC's process did not start"
                assert time.monotonic() < deadline
                time.sleep(0.002)

    def kill(self) -> None:
        """SIGKILL, at whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def close(self) -> None:
        for ic in self._ics:
            ic.close()
        self.kill()
        shutil.rmtree(self.directory)
