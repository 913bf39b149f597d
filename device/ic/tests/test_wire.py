"""The wire itself: frames cut, repeated, reordered, oversized or slow, and values of the wrong type."""

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.ic import errors
from device.ic.errors import AuthFailedError, IcError, IcFailedError, IcRollbackError, LockedOutError
from device.ic.interface import (
    AnchorRecord,
    AuthSession,
    Floor,
    HashStream,
    HashTicket,
    Purpose,
    RoleFloor,
    SecurityIC,
    Ticket,
    VerifyTicket,
)
from device.ic.tests.rig import AUTHOR, SIGNERS
from device.ic.wire import faults
from device.ic.wire.calls import CALLS
from device.ic.wire.forms import form_of
from device.ic.wire.frames import MAX_FRAME, ConnectionLostError, Frames
from device.storage import NotFoundError, StorageFullError
from spec.labels import CoseAlgorithm
from suit import cbor
from suit.errors import HardsuitError, LimitError, MalformedError, StorageError
from suit.keys import CoseKey

HEAD = struct.Struct(">I")
NOBODY: Any = None  # no value here stays at the IC


def frame(*items: Any) -> bytes:
    body = cbor.encode(list(items))
    return HEAD.pack(len(body)) + body


@pytest.fixture
def ends() -> Iterator[tuple[Frames, socket.socket]]:
    ours, theirs = socket.socketpair()
    frames = Frames(ours, patience=0.2)
    with theirs:
        yield frames, theirs
    frames.close()


def test_frames_arrive_whole_and_in_order(ends: tuple[Frames, socket.socket]) -> None:
    frames, theirs = ends
    sendings: list[list[Any]] = [[], ["a", 1], [bytes(100_000)]]
    for number, items in enumerate(sendings, 1):
        theirs.sendall(frame(number, *items))
        assert frames.receive(begin=1) == items


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (frame(1, "a") + frame(1, "a"), "more than one"),
        (frame(2, "a"), "number 2, expected 1"),
        (frame(0, "a"), "number 0"),
        (frame("1"), "begins with a number"),
        (frame(True), "begins with a number"),
        (frame(), "begins with a number"),
        (HEAD.pack(1) + b"\xa0", "begins with a number"),
        (HEAD.pack(0), "IC frame"),
        (HEAD.pack(3) + b"\x82\x01\xff", "IC frame"),
        (HEAD.pack(3) + b"\x9f\x01\xff", "IC frame"),
        (HEAD.pack(MAX_FRAME + 1), "over the limit"),
        (HEAD.pack(0xFFFFFFFF), "over the limit"),
    ],
)
def test_a_frame_that_is_not_the_next_one_is_refused(
    ends: tuple[Frames, socket.socket], sent: bytes, problem: str
) -> None:
    ends[1].sendall(sent)
    with pytest.raises(MalformedError, match=problem):
        ends[0].receive(begin=1)


def test_a_repeated_frame_is_refused(ends: tuple[Frames, socket.socket]) -> None:
    frames, theirs = ends
    theirs.sendall(frame(1, "raise"))
    frames.receive(begin=1)
    theirs.sendall(frame(1, "raise"))
    with pytest.raises(MalformedError, match="number 1, expected 2"):
        frames.receive(begin=1)


@pytest.mark.parametrize("size", range(1, len(frame(1, "abc"))))
def test_a_frame_that_is_cut_ends_the_connection(ends: tuple[Frames, socket.socket], size: int) -> None:
    ends[1].sendall(frame(1, "abc")[:size])
    ends[1].shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionLostError):
        ends[0].receive(begin=1)


@pytest.mark.parametrize("size", [0, 2, 6])
def test_a_frame_that_does_not_come_in_time_ends_the_connection(
    ends: tuple[Frames, socket.socket], size: int
) -> None:
    ends[1].sendall(frame(1, "abc")[:size])
    with pytest.raises(ConnectionLostError):
        ends[0].receive(begin=0.1)


def test_a_reader_that_does_not_read_does_not_hold_up_its_writer(ends: tuple[Frames, socket.socket]) -> None:
    def fill() -> None:
        for _ in range(100):
            ends[0].send(bytes(MAX_FRAME - 16))

    with pytest.raises(ConnectionLostError):
        fill()


def test_what_is_too_large_is_not_sent(ends: tuple[Frames, socket.socket]) -> None:
    with pytest.raises(LimitError):
        ends[0].send(bytes(MAX_FRAME))
    ends[0].send("next")
    assert ends[1].recv(100) == frame(1, "next")


@given(st.binary(max_size=300))
def test_no_bytes_bring_anything_else_out(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    frames = Frames(ours, patience=0.5)
    with theirs:
        theirs.sendall(HEAD.pack(len(sent)) + sent)
        theirs.shutdown(socket.SHUT_WR)
        try:
            frames.receive(begin=1)
        except (MalformedError, ConnectionLostError):
            pass
        finally:
            frames.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_file_descriptors_that_nobody_takes_are_closed(ends: tuple[Frames, socket.socket]) -> None:
    frames, theirs = ends
    with Path(__file__).open("rb") as file:
        before = descriptors()
        for number in range(1, 4):
            socket.send_fds(theirs, [frame(number)], [file.fileno()])
            frames.receive(begin=1)
        socket.send_fds(theirs, [frame(4)], [file.fileno()] * 3)
        with pytest.raises(LimitError, match="descriptors"):
            frames.receive(begin=1)
        assert descriptors() == before


def test_a_file_descriptor_is_taken_once(ends: tuple[Frames, socket.socket]) -> None:
    frames, theirs = ends
    with Path(__file__).open("rb") as file:
        socket.send_fds(theirs, [frame(1)], [file.fileno()])
        frames.receive(begin=1)
        taken = frames.take_descriptor()
        assert os.path.sameopenfile(taken, file.fileno())
        os.close(taken)
    with pytest.raises(MalformedError, match="expected one"):
        frames.take_descriptor()


TICKET = VerifyTicket(CoseAlgorithm.ESP256, bytes(32), b"key", Purpose.MANIFEST, 3, b"proof")
VALUES: list[tuple[Any, Any]] = [
    (Floor, Floor("seq/x", 7, b"\x01")),
    (AnchorRecord, AnchorRecord(3, bytes(32), RoleFloor(1, 2), RoleFloor(3, 4), 5)),
    (Ticket, TICKET),
    (tuple[Ticket, ...], (TICKET, HashTicket(CoseAlgorithm.SHA_256, bytes(32), 9, 3, b"proof"))),
    (frozenset[Purpose], frozenset({Purpose.MANIFEST, Purpose.REPORT})),
    (bytes | None, None),
    (bytes | None, b""),
    *[(CoseKey, signer.key) for signer in SIGNERS],
]


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_a_value_arrives_as_it_was(kind: Any, value: Any) -> None:
    form = form_of(kind)
    travelled = cbor.decode(cbor.encode(form.to_item(value, NOBODY)), where="test")
    assert form.from_item(travelled, NOBODY) == value


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        (Floor, ["seq/x", 7]),
        (Floor, ["seq/x", 7, b"", 1]),
        (Floor, ["seq/x", True, b""]),
        (Floor, [b"seq/x", 7, b""]),
        (Floor, {"slot": "x"}),
        (Purpose, "everything"),
        (Purpose, 1),
        (Purpose, []),
        (CoseAlgorithm, 4711),
        (CoseAlgorithm, True),
        (Ticket, [False, [-9, bytes(32), b"key", "manifest", 3, b"proof"]]),
        (CoseAlgorithm, "ESP256"),
        (Ticket, [2, []]),
        (Ticket, [0, []]),
        (Ticket, None),
        (bytes, "text"),
        (bytes, None),
        (int, False),
        (int, 1 << 80),
        (CoseKey, [b"", True]),
        (CoseKey, [AUTHOR.key.to_cose(), 1]),
        (frozenset[Purpose], "manifest"),
        (tuple[Ticket, ...], [[0, []]]),
    ],
)
def test_a_value_of_another_type_is_refused(kind: Any, item: Any) -> None:
    with pytest.raises(HardsuitError):
        form_of(kind).from_item(cbor.decode(cbor.encode(item), where="test"), NOBODY)


def test_every_call_of_the_interface_can_travel() -> None:
    for owner in (SecurityIC, HashStream, AuthSession):
        methods = owner.__abstractmethods__
        assert {f"{owner.__name__}.{name}" for name in methods} - set(CALLS) <= {"SecurityIC.close"}
    for _, call in CALLS.values():
        assert call.result
        assert [parameter.name for parameter, _ in call.parameters if parameter.name == "self"] == []


def test_an_annotation_that_cannot_travel_is_a_bug_that_shows() -> None:
    for kind in (object, float, tuple[int, int], type[int]):
        with pytest.raises(TypeError):
            form_of(kind)


RAISED: list[Exception] = [
    AuthFailedError(tries_left=3),
    LockedOutError(retry_after=600),
    IcRollbackError("seq/x", offered=1, stored=2),
    StorageError("full"),
    *[
        kind(f"said {kind.__name__}")
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, IcError)
        and kind not in {AuthFailedError, LockedOutError, IcRollbackError}
    ],
]


@pytest.mark.req("H6-8")
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_an_error_arrives_as_the_class_that_it_was(error: Exception) -> None:
    arrived = faults.from_item(cbor.decode(cbor.encode(faults.to_item(error)), where="test"))
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


@pytest.mark.req("H6-8")
@pytest.mark.parametrize("error", [StorageFullError("state.0: is full"), NotFoundError("generation")])
def test_an_error_of_a_finer_class_arrives_as_what_it_is_in_general(error: StorageError) -> None:
    """A full medium is no bug of the caller."""
    arrived = faults.from_item(faults.to_item(error))
    assert type(arrived) is StorageError
    assert str(arrived) == str(error)


@pytest.mark.req("H2-8")
def test_what_another_error_says_stays_inside() -> None:
    arrived = faults.from_item(faults.to_item(ValueError("the key is 4711")))
    assert isinstance(arrived, IcFailedError)
    assert "4711" not in str(arrived)
    assert "ValueError" in str(arrived)


@pytest.mark.parametrize("item", [None, [], ["rollback"], ["rollback", "x", [None]], [1, "x", []], {}])
def test_an_error_that_is_none_is_refused(item: Any) -> None:
    with pytest.raises(MalformedError):
        faults.from_item(item)


@pytest.mark.parametrize("item", [["rollback", "x", []], ["nobody-knows", "x", []]])
def test_an_error_that_nobody_knows_is_a_failure(item: Any) -> None:
    assert isinstance(faults.from_item(item), IcFailedError)
