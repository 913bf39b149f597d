"""Frames between a device and its IC: a length, and an array of CBOR that begins with its number.

Each direction of a connection counts its frames from 1. One that is repeated, left out or out of order, cut,
larger than :data:`MAX_FRAME` or slower than the deadline ends the connection; nothing in it was acted on.
"""

import os
import socket
import struct
import time
from collections.abc import Sequence
from typing import Final

from suit import cbor
from suit.errors import HardsuitError, LimitError, MalformedError

MAX_FRAME: Final = 288 << 10
"""Holds the largest report, sealed and encrypted."""
MAX_DESCRIPTORS: Final = 1
"""How many file descriptors may come with one frame."""
_HEAD: Final = struct.Struct(">I")
_LIMITS: Final = cbor.Limits(size=MAX_FRAME, depth=8, items=8192)
_DESCRIPTOR: Final = struct.Struct("i")
_SPACE: Final = socket.CMSG_SPACE(4 * _DESCRIPTOR.size)
_TIME: Final = struct.Struct("@ll")
_SMALL: Final = 1 << 14


class ConnectionLostError(Exception):
    """The other end is gone, or too slow: the connection is of no use any more."""


class Frames:
    """One end of a connection.

    Attributes:
        patience: Seconds that a frame may take once it has begun.
    """

    def __init__(self, connection: socket.socket, *, patience: float) -> None:
        self._socket = connection
        # The kernel keeps the deadlines of a blocking socket: no call to ask whether a call would block.
        connection.settimeout(None)
        self._timeouts: dict[int, float] = {}
        self.patience = patience
        self._sent = 0
        self._received = 0
        self._descriptors: list[int] = []

    def send(self, *items: cbor.Item, descriptors: Sequence[int] = ()) -> None:
        """Send one frame.

        Raises:
            LimitError: It is over :data:`MAX_FRAME`; nothing was sent.
            ConnectionLostError: It could not be sent in time.
        """
        body = cbor.encode([self._sent + 1, *items])
        if len(body) > MAX_FRAME:
            raise LimitError("IC frame", f"{len(body)} bytes are over the limit of {MAX_FRAME}")
        self._sent += 1
        frame = _HEAD.pack(len(body)) + body
        try:
            self._limit(socket.SO_SNDTIMEO, self.patience)
            if descriptors:
                sent = socket.send_fds(self._socket, [frame], list(descriptors))
                self._socket.sendall(memoryview(frame)[sent:])
            else:
                self._socket.sendall(frame)
        except OSError as error:
            raise ConnectionLostError(error.strerror or "too slow") from error

    def receive(self, *, begin: float | None) -> list[cbor.Item]:
        """Return the items of the next frame.

        Args:
            begin: Seconds until its first byte has to be here; None waits for ever.

        Raises:
            MalformedError, LimitError: It is no frame, or not the next one. The connection is of no use.
            ConnectionLostError: The other end closed the connection, or is too slow.
        """
        self.drop_descriptors()
        try:
            return self._receive(begin)
        except OSError as error:
            raise ConnectionLostError(error.strerror or "too slow") from error
        except HardsuitError:
            self.drop_descriptors()
            raise

    def take_descriptor(self) -> int:
        """Return the file descriptor that came with the last frame; it is the caller's to close.

        Raises:
            MalformedError: None, or more than one.
        """
        if len(self._descriptors) != 1:
            raise MalformedError("IC frame", f"{len(self._descriptors)} file descriptors, expected one")
        return self._descriptors.pop()

    def drop_descriptors(self) -> None:
        """Close what came and nobody took."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    @property
    def unanswered(self) -> bool:
        """Whether something was sent whose answer has not been received."""
        return self._sent != self._received

    @property
    def ended(self) -> bool:
        """Whether the other end has hung up, or said something that nobody asked for."""
        try:
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Close the connection."""
        self.drop_descriptors()
        self._socket.close()

    def _receive(self, begin: float | None) -> list[cbor.Item]:
        self._limit(socket.SO_RCVTIMEO, begin)
        data = bytearray(self._read(_SMALL))
        deadline = time.monotonic() + self.patience
        while len(data) < _HEAD.size:
            data += self._read_before(deadline, _HEAD.size - len(data))
        (size,) = _HEAD.unpack_from(data)
        if size > MAX_FRAME:
            raise LimitError("IC frame", f"{size} bytes are over the limit of {MAX_FRAME}")
        end = _HEAD.size + size
        while len(data) < end:
            data += self._read_before(deadline, end - len(data))
        if len(data) > end:
            # Each end waits for the other's answer: a second frame behind the first is nobody's honest work.
            raise MalformedError("IC frame", "more than one at a time")
        return self._open(bytes(memoryview(data)[_HEAD.size :]))

    def _open(self, body: bytes) -> list[cbor.Item]:
        item = cbor.decode(body, where="IC frame", limits=_LIMITS)
        if type(item) is not list or not item or type(item[0]) is not int:
            raise MalformedError("IC frame", "expected an array that begins with a number")
        self._received += 1
        if item[0] != self._received:
            raise MalformedError("IC frame", f"number {item[0]}, expected {self._received}")
        del item[0]
        return item

    def _read_before(self, deadline: float, size: int) -> bytes:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise ConnectionLostError("too slow")
        self._limit(socket.SO_RCVTIMEO, remaining)
        return self._read(size)

    def _limit(self, option: int, seconds: float | None) -> None:
        """Set a deadline of the kernel; 0 is none there."""
        wanted = 0.0 if seconds is None else max(seconds, 1e-3)
        if self._timeouts.get(option) != wanted:
            whole = int(wanted)
            self._socket.setsockopt(
                socket.SOL_SOCKET, option, _TIME.pack(whole, int((wanted - whole) * 1_000_000))
            )
            self._timeouts[option] = wanted

    def _read(self, size: int) -> bytes:
        data, ancillary, flags, _ = self._socket.recvmsg(size, _SPACE, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                usable = content[: len(content) - len(content) % _DESCRIPTOR.size]
                self._descriptors += [number for (number,) in _DESCRIPTOR.iter_unpack(usable)]
        if flags & socket.MSG_CTRUNC or len(self._descriptors) > MAX_DESCRIPTORS:
            raise LimitError("IC frame", "too many file descriptors")
        if not data:
            raise ConnectionLostError("closed by the other end")
        return data
