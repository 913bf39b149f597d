"""What a hostile neighbour, a full table or a shared connection does to the IC in its own process."""

import contextlib
import errno
import multiprocessing
import os
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from device.ic.errors import IcError, IcUnavailableError, IcUsageError
from device.ic.interface import Floor
from device.ic.process import spawn
from device.ic.process.client import RemoteIC
from device.ic.process.host import Host
from device.ic.process.peers import require_rightful
from device.ic.process.server import Server, listening
from device.ic.tests.bench_process import ProcessRig
from device.ic.tests.rig import AUTHOR
from device.ic.wire.calls import MAX_HANDLES, SPILL
from device.ic.wire.frames import Frames
from spec.labels import CoseAlgorithm
from suit.errors import HardsuitError

SHA_256 = CoseAlgorithm.SHA_256
Answering = Callable[[Frames, list[Any]], object]
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="ic-") as short:
        yield Path(short)


@contextlib.contextmanager
def impostor(path: Path, answer: Answering) -> Iterator[list[list[Any]]]:
    """Listen where an IC should, and answer every frame after the greeting as a test wants."""
    heard: list[list[Any]] = []

    def serve(connection: socket.socket) -> None:
        frames = Frames(connection, patience=5)
        with contextlib.suppress(Exception):
            while True:
                request = frames.receive(begin=5)
                heard.append(request)
                if request[0] == "IcHost.hello":
                    frames.send(True, 1)
                else:
                    answer(frames, request)
        frames.close()

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=listen, daemon=True).start()
        yield heard
        listener.shutdown(socket.SHUT_RDWR)


def of_slot(request: list[Any]) -> list[Any]:
    """Return the floor that was asked for."""
    return [request[2][0], 7, b""]


@pytest.mark.req("H6-1", "H6-12")
def test_a_stranger_who_listens_where_the_ic_should_is_not_believed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write where the socket lies could be the IC, and find every signature good."""
    stranger = struct.pack("3i", 1, 4711, 4711)
    place.chmod(0o777)
    with impostor(place / "s", lambda frames, request: frames.send(True, of_slot(request))) as heard:
        with RemoteIC(place / "s") as ic:
            assert ic.floor("x").value == 7  # our own user could have put this program anywhere else as well
        heard.clear()
        monkeypatch.setattr(socket.socket, "getsockopt", lambda *_: stranger, raising=False)
        with RemoteIC(place / "s") as ic, pytest.raises(IcUnavailableError, match="user 4711"):
            ic.floor("x")
    assert heard == []


@pytest.mark.parametrize("user", [0, 4711])
def test_an_ic_of_another_user_is_believed_in_a_place_of_roots(user: int) -> None:
    require_rightful(user, Path("/usr/socket"))


def test_a_link_is_no_place_for_the_ic_of_another_user(place: Path) -> None:
    (place / "link").symlink_to("/usr")
    with pytest.raises(IcUnavailableError, match="without links"):
        require_rightful(4711, place / "link" / "socket")


def test_a_call_from_a_signal_handler_does_not_take_the_answer_of_the_call_it_interrupts(place: Path) -> None:
    def late(frames: Frames, request: list[Any]) -> None:
        time.sleep(0.4)
        frames.send(True, of_slot(request))

    met: list[Floor | HardsuitError] = []

    def handle(*_: object) -> None:
        try:
            met.append(ic.floor("b"))
        except HardsuitError as error:
            met.append(error)

    with impostor(place / "s", late), RemoteIC(place / "s") as ic:
        ic.hello()
        before = signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            assert ic.floor("a").slot == "a"
        finally:
            signal.signal(signal.SIGALRM, before)
        assert [type(one) for one in met] == [IcUsageError]
        assert ic.floor("c").slot == "c"


def _ask_in_child(ic: RemoteIC, results: Any) -> None:
    try:
        results.put([ic.floor("child").slot for _ in range(3)])
    except IcError as error:
        results.put(repr(error))


def test_a_forked_child_does_not_share_the_connection_of_its_parent(place: Path) -> None:
    results = FORK.Queue()
    with (
        impostor(place / "s", lambda frames, request: frames.send(True, of_slot(request))),
        RemoteIC(place / "s") as ic,
    ):
        assert ic.floor("parent").slot == "parent"
        child = FORK.Process(target=_ask_in_child, args=(ic, results))
        child.start()
        assert results.get(timeout=30) == ["child"] * 3
        child.join(30)
        assert ic.floor("parent").slot == "parent"


def test_what_was_released_is_not_forgotten_when_a_frame_is_too_large() -> None:
    bench = ProcessRig()
    try:
        ic = bench.provision()
        for _ in range(2 * MAX_HANDLES):
            ic.hash_open(SHA_256)  # nobody keeps it
            with pytest.raises(IcUsageError, match="over the limit"):
                ic.verify_with(AUTHOR.key, AUTHOR.algorithm, bytes(SPILL + 1), bytes(3 * SPILL))
    finally:
        bench.close()


def test_a_process_without_free_file_descriptors_hears_that_the_ic_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_left(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    bench = ProcessRig()
    try:
        ic = bench.provision()
        with monkeypatch.context() as full:
            full.setattr(os, "memfd_create", none_left)
            with pytest.raises(IcUnavailableError, match="open files"):
                ic.verify_with(AUTHOR.key, AUTHOR.algorithm, bytes(SPILL + 1), bytes(64))
        assert ic.now()
        with monkeypatch.context() as full:
            full.setattr(socket, "socket", none_left)
            with pytest.raises(IcUnavailableError, match="open files"):
                bench.connect().now()
    finally:
        bench.close()


@pytest.mark.parametrize("broken", ["TemporaryDirectory", "Popen"])
def test_a_machine_that_cannot_start_the_process_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr({"TemporaryDirectory": tempfile, "Popen": subprocess}[broken], broken, refuse)
    with (
        pytest.raises(IcUnavailableError, match="cannot be started"),
        spawn.spawned(tmp_path / "ic", tmp_path / "ic.key"),
    ):
        pytest.fail("it started")


def test_the_mode_of_the_socket_is_given_to_no_other_file(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who may write where the socket lies puts a link in its place, right after it was made."""
    victim, path, chown = place / "victim", place / "s", os.chown
    victim.touch(mode=0o600)

    def swap(*arguments: Any, **options: Any) -> None:
        path.unlink()
        path.symlink_to(victim)
        chown(*arguments, **options)

    before = victim.stat()
    monkeypatch.setattr(os, "chown", swap)
    with contextlib.suppress(HardsuitError), listening(path, group=os.getegid()):
        pass
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600
    assert victim.stat().st_ctime_ns == before.st_ctime_ns


class StuckHost(Host):
    """An IC whose calls take longer than anybody waits."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.over = threading.Event()

    @override
    def hello(self, protocol: int) -> int:
        self.begun.release()
        self.over.wait(30)
        return super().hello(protocol)

    @override
    def provision(self, plan: Any) -> None:
        """Nothing."""

    @property
    @override
    def ic(self) -> Any:
        """Nothing."""

    @override
    def close(self) -> None:
        """Nothing."""


def test_calls_that_do_not_end_delay_the_end_once_and_not_each(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device.ic.process.server._PARTING", 0.3)
    host, count = StuckHost(), 8
    reading, writing = os.pipe()
    with listening(place / "s") as listener:
        server = threading.Thread(target=Server(listener, host, {os.geteuid()}).run, args=([reading],))
        server.start()
        callers = []
        for _ in range(count):
            callers.append(socket.socket(socket.AF_UNIX))
            callers[-1].connect(str(place / "s"))
            Frames(callers[-1], patience=5).send("IcHost.hello", 0, [1], [], None)
            assert host.begun.acquire(timeout=10)
        began = time.monotonic()
        os.write(writing, b"stop")
        server.join(20)
        took = time.monotonic() - began
    host.over.set()
    for one in callers:
        one.close()
    os.close(reading)
    os.close(writing)
    assert took < 0.3 * count / 2


def test_a_refusal_is_short_whatever_was_asked() -> None:
    bench = ProcessRig()
    try:
        bench.provision()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(bench.socket))
        frames = Frames(connection, patience=5)
        frames.send("IcHost.hello", 0, [1], [], None)
        assert frames.receive(begin=5)[0] is True
        for name in ("\0" * 65_000, "SecurityIC.floor"):
            frames.send(name, 0, ["\0" * 65_000], [], None)
            good, fault = frames.receive(begin=5)
            assert good is False
            assert len(fault[1]) < 1000
        frames.close()
    finally:
        bench.close()


def test_a_socket_that_is_there_and_shut_is_not_said_to_be_missing(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(place / "s"))
        with RemoteIC(place / "s") as ic, pytest.raises(IcUnavailableError, match="refused"):
            ic.now()
    with RemoteIC(place / "none") as ic, pytest.raises(IcUnavailableError, match="No such file"):
        ic.now()
