"""The IC in its own process against clients that break the protocol, go away, or are somebody else."""

import hashlib
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from device.ic.errors import (
    CapabilityError,
    IcError,
    IcUnavailableError,
    IcUsageError,
    PolicyDeniedError,
)
from device.ic.interface import Purpose, SecurityIC
from device.ic.process.client import RemoteIC
from device.ic.process.server import MAX_CONNECTIONS
from device.ic.tests.bench_process import ProcessRig
from device.ic.tests.rig import (
    AUTHOR,
    MESSAGE,
    SECRET,
    SIGNERS,
    manifest,
    manifest_ticket,
    structure,
    vouched,
)
from device.ic.wire import faults
from device.ic.wire.calls import MAX_HANDLES, MAX_SPILLED
from device.ic.wire.frames import MAX_FRAME, ConnectionLostError, Frames
from device.ic.wire.greeting import PROTOCOL
from spec.labels import CoseAlgorithm
from suit.errors import HardsuitError

SHA_256 = CoseAlgorithm.SHA_256


@pytest.fixture
def bench() -> Iterator[ProcessRig]:
    bench = ProcessRig(patience=0.5)
    yield bench
    bench.close()


@pytest.fixture
def ic(bench: ProcessRig) -> SecurityIC:
    return bench.provision()


class Raw:
    """A client that says whatever a test wants."""

    def __init__(self, bench: ProcessRig, *, greet: bool = True) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(bench.socket))
        self.frames = Frames(self.socket, patience=5)
        if greet:
            assert self.ask("IcHost.hello", 0, [PROTOCOL], [], None)[0] is True

    def ask(self, *request: Any) -> Any:
        self.frames.send(*request)
        return self.frames.receive(begin=5)

    def refused(self, *request: Any) -> HardsuitError:
        good, fault = self.ask(*request)
        assert good is False
        return faults.from_item(fault)


@pytest.fixture
def raw(bench: ProcessRig, ic: SecurityIC) -> Iterator[Raw]:
    assert ic.keys()
    client = Raw(bench)
    yield client
    client.frames.close()


@pytest.mark.parametrize(
    "request_",
    [
        (),
        ("SecurityIC.now",),
        ("SecurityIC.now", 0, [], []),
        ("SecurityIC.now", 0, [], [], None, None),
        (1, 0, [], [], None),
        ("SecurityIC.now", None, [], [], None),
        ("SecurityIC.now", 0, {}, [], None),
        ("SecurityIC.now", 0, [1], [], None),
        ("SecurityIC.now", 0, [], ["1"], None),
        ("SecurityIC.close", 0, [], [], None),
        ("SecurityIC.__reduce__", 0, [], [], None),
        ("Emulator.provision", 0, [], [], None),
        ("SecurityIC._commit", 0, [], [], None),
        ("SecurityIC.floor", 0, [7], [], None),
        ("SecurityIC.floor", 0, [b"x"], [], None),
        ("SecurityIC.floor", 0, [None], [], 0),
        ("SecurityIC.raise_floor", 0, ["x", 1, b"", [[0, []]]], [], None),
        ("SecurityIC.verify", 0, [b"", -9, b"", b"", "everything"], [], None),
        ("SecurityIC.pcrs", 0, [[*range(24), 24]], [], None),
        ("HashStream.update", 1, [b""], [], None),
        ("AuthSession.close", 99, [], [], None),
        ("IcHost.hello", 0, ["1"], [], None),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_and_nothing_moves(
    raw: Raw, ic: SecurityIC, request_: tuple[Any, ...]
) -> None:
    generation = ic.info().generation
    assert isinstance(raw.refused(*request_), IcUsageError)
    assert raw.ask("SecurityIC.now", 0, [], [], None)[0] is True
    assert ic.info().generation == generation


def test_nothing_is_served_before_the_greeting(bench: ProcessRig, ic: SecurityIC) -> None:
    assert ic.keys()
    silent = Raw(bench, greet=False)
    assert isinstance(silent.refused("SecurityIC.now", 0, [], [], None), IcUsageError)
    assert isinstance(silent.refused("IcHost.hello", 0, [PROTOCOL + 1], [], None), CapabilityError)
    assert isinstance(silent.refused("SecurityIC.now", 0, [], [], None), IcUsageError)
    silent.frames.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\0\0\0\x01",
        b"\xff\xff\xff\xff" + bytes(100),
        (MAX_FRAME + 1).to_bytes(4, "big"),
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\x02\x81\x02",
        b"\0\0\0\x02\x81\x01" * 2,
    ],
)
def test_whoever_breaks_the_framing_is_hung_up_on_and_others_are_served(
    bench: ProcessRig, ic: SecurityIC, sent: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as rude:
        rude.settimeout(5)
        rude.connect(str(bench.socket))
        rude.sendall(sent)
        while rude.recv(4096):
            pass  # a last word, then the end
    assert len(ic.keys()) == len(SIGNERS) + 1


def test_a_repeated_request_is_carried_out_once(raw: Raw, ic: SecurityIC) -> None:
    raw.frames.send("SecurityIC.extend", 0, [8, bytes(32)], [], None)
    raw.frames.receive(begin=5)
    once = ic.pcrs([8])
    raw.frames._sent -= 1
    good, fault = raw.ask("SecurityIC.extend", 0, [8, bytes(32)], [], None)
    assert good is None
    assert "number" in str(faults.from_item(fault))
    assert ic.pcrs([8]) == once
    with pytest.raises(ConnectionLostError):
        raw.frames.receive(begin=5)


def test_a_client_that_stops_in_the_middle_of_a_frame_is_let_go(bench: ProcessRig, ic: SecurityIC) -> None:
    with socket.socket(socket.AF_UNIX) as slow:
        slow.settimeout(5)
        slow.connect(str(bench.socket))
        slow.sendall(b"\0\0")
        began = time.monotonic()
        assert ic.now()
        assert slow.recv(1) == b""
        assert time.monotonic() - began < 4


def test_nobody_keeps_others_out_for_good(bench: ProcessRig, ic: SecurityIC) -> None:
    assert ic.now()
    crowd = [Raw(bench) for _ in range(MAX_CONNECTIONS - 1)]
    one_more = bench.connect()
    with pytest.raises(IcUnavailableError, match="connections already"):
        one_more.now()
    crowd.pop().frames.close()
    deadline = time.monotonic() + 5
    while True:
        try:
            assert one_more.now()
            break
        except IcUnavailableError:
            assert time.monotonic() < deadline
    for client in crowd:
        client.frames.close()


@pytest.mark.req("H6-12")
def test_another_user_is_turned_away() -> None:
    bench = ProcessRig(users=frozenset({os.geteuid() + 1}))
    bench.start()
    try:
        with pytest.raises(PolicyDeniedError, match=f"user {os.geteuid()} may not"):
            bench.connect().info()
    finally:
        bench.close()


@pytest.mark.req("H6-12")
def test_the_socket_and_the_state_are_for_their_owner_alone(bench: ProcessRig, ic: SecurityIC) -> None:
    assert ic.now()
    assert stat.S_IMODE(bench.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE((bench.directory / "ic").stat().st_mode) == 0o700
    assert stat.S_IMODE((bench.directory / "ic.key").stat().st_mode) == 0o400
    for file in (bench.directory / "ic").rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0


def test_streams_belong_to_their_connection(bench: ProcessRig, ic: SecurityIC) -> None:
    stream = ic.hash_open(SHA_256)
    stream.update(b"mine")
    stranger = Raw(bench)
    for number in range(5):
        assert isinstance(stranger.refused("HashStream.finish", number, [], [], None), IcUsageError)
    stranger.frames.close()
    assert stream.finish().digest == hashlib.sha256(b"mine").digest()


def test_a_session_is_no_stream_and_a_stream_no_session(raw: Raw) -> None:
    session = raw.ask("SecurityIC.authorize", 0, [SECRET], [], None)[1]
    stream = raw.ask("SecurityIC.hash_open", 0, [SHA_256.value], [], None)[1]
    assert isinstance(raw.refused("HashStream.finish", session, [], [], None), IcUsageError)
    assert isinstance(
        raw.refused("AuthSession.remove_anchor", stream, [AUTHOR.key.name], [], None), IcUsageError
    )


def test_what_a_connection_may_have_in_the_making_is_bounded(raw: Raw) -> None:
    numbers = [raw.ask("SecurityIC.hash_open", 0, [SHA_256.value], [], None)[1] for _ in range(MAX_HANDLES)]
    refusal = raw.refused("SecurityIC.hash_open", 0, [SHA_256.value], [], None)
    assert isinstance(refusal, PolicyDeniedError)
    assert raw.ask("SecurityIC.hash_open", 0, [SHA_256.value], numbers[:1], None)[0] is True
    assert isinstance(raw.refused("HashStream.finish", numbers[0], [], [], None), IcUsageError)


def test_streams_that_nobody_finished_do_not_pile_up(ic: SecurityIC) -> None:
    for _ in range(5 * MAX_HANDLES):
        ic.hash_open(SHA_256).update(b"never finished")


@pytest.mark.parametrize("size", [0, 1, 128 << 10, (128 << 10) + 1, 1 << 20, (5 << 20) + 3])
def test_data_of_any_size_arrives(ic: SecurityIC, size: int) -> None:
    data = hashlib.shake_128(b"data").digest(size)
    stream = ic.hash_open(SHA_256)
    stream.update(memoryview(data))
    ticket = stream.finish()
    assert (ticket.digest, ticket.size) == (hashlib.sha256(data).digest(), size)
    signature = AUTHOR.sign(data)
    assert ic.verify_with(AUTHOR.key, AUTHOR.algorithm, data, signature).digest == ticket.digest


def test_a_message_beyond_all_bounds_is_not_sent(ic: SecurityIC) -> None:
    with pytest.raises(IcUsageError, match="more than one call takes"):
        ic.verify_with(AUTHOR.key, AUTHOR.algorithm, bytes(MAX_SPILLED + 1), bytes(64))
    assert ic.now()


@pytest.mark.parametrize("size", [0, 4096, MAX_SPILLED + 1])
def test_a_file_that_is_not_what_it_should_be_is_refused(raw: Raw, size: int) -> None:
    """A pipe, a file with no argument to stand for, one that is too large."""
    stream = raw.ask("SecurityIC.hash_open", 0, [SHA_256.value], [], None)[1]
    descriptor = os.memfd_create("large")
    os.ftruncate(descriptor, size)
    reading, writing = os.pipe()
    try:
        for arguments, index, sent in (
            ([b"given"], 0, descriptor),
            ([None], 1, descriptor),
            ([None], -1, descriptor),
            ([None], 0, reading),
            ([None], 0, descriptor if size > MAX_SPILLED else reading),
        ):
            raw.frames.send("HashStream.update", stream, arguments, [], index, descriptors=[sent])
            good, fault = raw.frames.receive(begin=5)
            assert good is False
            assert isinstance(faults.from_item(fault), IcUsageError)
    finally:
        for one in (descriptor, reading, writing):
            os.close(one)
    digest = raw.ask("HashStream.finish", stream, [], [], None)[1][1]
    assert digest == hashlib.sha256(b"").digest()


Call = Callable[[SecurityIC], object]
CALLS: dict[str, Call] = {
    "info": lambda ic: ic.info(),
    "keys": lambda ic: ic.keys(),
    "verify": manifest_ticket,
    "hash_open": lambda ic: ic.hash_open(SHA_256),
    "floor": lambda ic: ic.floor("x"),
    "raise_floor": lambda ic: ic.raise_floor("y", 1),
    "anchor": lambda ic: ic.anchor(),
    "now": lambda ic: ic.now(),
    "extend": lambda ic: ic.extend(8, bytes(32)),
    "pcrs": lambda ic: ic.pcrs(),
    "report_key": lambda ic: ic.report_key(),
    "authorize": lambda ic: ic.authorize(SECRET),
}


@pytest.mark.req("H5-7", "H6-13")
def test_without_its_process_every_call_fails_closed_and_a_restart_heals(
    bench: ProcessRig, ic: SecurityIC
) -> None:
    ic.raise_floor("x", 7)
    stream, session = ic.hash_open(SHA_256), ic.authorize(SECRET)
    ticket = vouched(ic, manifest(1))
    bench.kill()
    held: tuple[Call, ...] = (lambda _: stream.update(b"x"), lambda _: session.remove_anchor(b""))
    for call in (*CALLS.values(), *held):
        with pytest.raises(IcUnavailableError) as refused:
            call(ic)
        assert refused.value.retryable
    bench.start()
    for call in CALLS.values():
        assert call(ic) is not None
    assert ic.floor("x").value == 7
    for call in held:
        with pytest.raises(IcUnavailableError, match="was lost"):
            call(ic)
    with pytest.raises(PolicyDeniedError, match="another boot"):
        ic.raise_sequence(structure(manifest(1)), manifest(1), proof=[ticket])


@pytest.mark.req("H6-10", "H6-13")
def test_an_ic_that_is_killed_at_any_moment_comes_back_with_all_it_acknowledged(bench: ProcessRig) -> None:
    ic = bench.provision()
    value = 0
    for round_ in range(12):
        killer = threading.Timer(0.002 * round_, bench.kill)
        killer.start()
        try:
            while True:
                value = ic.raise_floor("x", value + 1).value
        except IcUnavailableError:
            pass
        killer.join()
        bench.start()
        assert ic.floor("x").value in {value, value + 1}
        assert ic.info().repairs <= round_ + 1
        value = ic.floor("x").value
    assert value > 0


@pytest.mark.req("H6-13")
def test_a_device_that_is_killed_at_any_moment_leaves_the_ic_serving(
    bench: ProcessRig, ic: SecurityIC
) -> None:
    for round_ in range(5):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            _raise_until_killed(bench, writing)
        os.close(writing)
        told = os.read(reading, 4)
        time.sleep(0.003 * round_)
        os.kill(child, 9)
        os.waitpid(child, 0)
        while part := os.read(reading, 4096):
            told = (told + part)[-4:]
        os.close(reading)
        last = int.from_bytes(told, "big")
        assert ic.floor("x").value in {last, last + 1}


def _raise_until_killed(bench: ProcessRig, writing: int) -> None:
    try:
        with RemoteIC(bench.socket) as mine:
            value = mine.floor("x").value
            while True:
                value = mine.raise_floor("x", value + 1).value
                os.write(writing, value.to_bytes(4, "big"))
    finally:
        os._exit(1)


def test_an_ic_that_does_not_answer_in_time_is_unavailable() -> None:
    bench = ProcessRig()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(bench.socket))
        listener.listen()
        ic = bench.connect(patience=0.3)
        began = time.monotonic()
        with pytest.raises(IcUnavailableError):
            ic.now()
        assert time.monotonic() - began < 5
    bench.socket.unlink()
    bench.close()


@pytest.mark.parametrize("answer", [(True,), (True, "text"), (False, "x"), (7, 7), ()])
def test_an_answer_that_is_none_is_no_verdict(answer: tuple[Any, ...]) -> None:
    bench = ProcessRig()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(bench.socket))
        listener.listen()

        def lie() -> None:
            connection, _ = listener.accept()
            frames = Frames(connection, patience=5)
            frames.receive(begin=5)
            frames.send(True, 1)
            frames.receive(begin=5)
            frames.send(*answer)
            connection.close()

        liar = threading.Thread(target=lie)
        liar.start()
        with pytest.raises(IcUnavailableError):
            bench.connect(patience=5).verify(b"", AUTHOR.algorithm, MESSAGE, b"", purpose=Purpose.MANIFEST)
        liar.join()
    bench.socket.unlink()
    bench.close()


def test_threads_share_one_connection(ic: SecurityIC) -> None:
    failed: list[Exception] = []

    def work(number: int) -> None:
        try:
            for _ in range(30):
                digest = bytes([number]) * 1000
                stream = ic.hash_open(SHA_256)
                stream.update(digest)
                assert stream.finish().digest == hashlib.sha256(digest).digest()
        except (IcError, AssertionError) as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
