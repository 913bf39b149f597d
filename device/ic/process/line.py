"""One connection to an IC in another process, and what hangs on it.

A connection that is lost, late or garbled ends, with everything that the IC held for it; the call that met
this raises :class:`IcUnavailableError`, and none is ever repeated by itself. The next call connects again.
"""

import os
import socket
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Concatenate, Final, NoReturn, ParamSpec, TypeVar

from typing_extensions import override

from device.ic.errors import IcUnavailableError, IcUsageError
from device.ic.process.peers import require_rightful, user_of
from device.ic.wire import faults
from device.ic.wire.calls import CALLS, MAX_SPILLED, SPILL, Call
from device.ic.wire.frames import ConnectionLostError, Frames
from device.ic.wire.greeting import PROTOCOL, IcHost
from suit import cbor
from suit.errors import HardsuitError, LimitError, MalformedError, RejectedError

P = ParamSpec("P")
T = TypeVar("T")
Answer = tuple[Any, HardsuitError | None]

PATIENCE: Final = 30.0
"""Seconds for an answer: stretching a secret and syncing a slow medium are the longest works of an IC."""


class Line:
    """One connection to an IC, made when it is needed, shared by threads call by call."""

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience
        self._lock = threading.RLock()
        self._frames: Frames | None = None
        self._process = 0
        self._closed = False
        self._kinds: dict[type, type[Remote]] = {}
        self._released: deque[tuple[Frames | None, int]] = deque()

    def represent(self, kind: type, by: "type[Remote]") -> None:
        """Say of which class the local end of something is that the IC holds."""
        self._kinds[kind] = by

    def ask(
        self,
        method: Callable[Concatenate[Any, P], T],
        of: "Remote | None",
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call a method of the interface at the other end and wait for its answer.

        Args:
            method: As the interface declares it.
            of: What the IC holds and the method belongs to; None for the IC itself.
            args: Its arguments.
            kwargs: Its arguments by name.

        Raises:
            IcError: What the IC answered, or that it did not.
        """
        call = CALLS[method.__qualname__][1]
        with self._lock:
            frames = self._connected()
            number = 0 if of is None else of.number(frames)
            arguments = call.write(self, *args, **kwargs)
            result, fault = self._exchange(frames, call, number, arguments)
        if fault is not None:
            raise fault
        answer: T = result
        return answer

    def number(self, value: object) -> int:
        """Return the number of something that the IC holds.

        Raises:
            IcUsageError: It is not from this IC.
        """
        if not isinstance(value, Remote):
            raise IcUsageError(f"{type(value).__name__}: not from this IC")
        return value.number(self._frames)

    def resolve(self, kind: type, number: int) -> "Remote":
        """Return the local end of something that the IC holds."""
        return self._kinds[kind](self, self._frames, number)

    def release(self, frames: Frames | None, number: int) -> None:
        """Note that nobody needs this any more; the IC hears of it with the next call. Never blocks."""
        self._released.append((frames, number))

    def close(self) -> None:
        """Hang up for good."""
        with self._lock:
            self._closed = True
            self._drop()

    def _connected(self) -> Frames:
        if self._closed:
            raise IcUnavailableError("the IC is closed")
        if self._frames is not None:
            if self._process != os.getpid():
                self._drop()  # our parent's: of two who ask there, each could take the other's answer
            elif self._frames.unanswered:
                raise IcUsageError("a call to the IC came in the middle of another, from a signal handler")
            elif self._frames.ended:
                self._drop()  # it was restarted, or had enough of us; nothing is under way that could be lost
        if self._frames is None:
            self._frames, self._process = self._connect(), os.getpid()
            try:
                self.ask(IcHost.hello, None, PROTOCOL)
            except BaseException:
                self._drop()
                raise
        return self._frames

    def _connect(self) -> Frames:
        try:
            with ExitStack() as stack:
                connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                connection.settimeout(self._patience)
                connection.connect(os.fspath(self._path))
                require_rightful(user_of(connection), self._path)
                frames = Frames(connection, patience=self._patience)
                stack.pop_all()
                return frames
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise IcUnavailableError(f"{self._path}: no IC listens there: {why}") from error

    def _drop(self) -> None:
        if self._frames is not None:
            self._frames.close()
            self._frames = None

    def _exchange(
        self, frames: Frames, call: Call[..., Any], number: int, arguments: list[cbor.Item]
    ) -> Answer:
        try:
            self._send(frames, call.name, number, arguments)
            return self._receive(frames, call)
        except (ConnectionLostError, RejectedError) as error:
            self._drop()
            raise IcUnavailableError(f"{self._path}: the IC does not serve: {error}") from error
        except IcUsageError:
            raise  # nothing was sent
        except BaseException:
            self._drop()  # an answer may be under way, and must not be taken for the next one's
            raise

    def _send(self, frames: Frames, name: str, number: int, arguments: list[cbor.Item]) -> None:
        spilled = next((index for index, item in enumerate(arguments) if _is_large(item)), None)
        descriptors = []
        if spilled is not None:
            descriptors.append(_spill(arguments[spilled]))
            arguments[spilled] = None
        released = [self._released.popleft() for _ in range(len(self._released))]
        numbers = [one for theirs, one in released if theirs is frames]
        try:
            frames.send(name, number, arguments, numbers, spilled, descriptors=descriptors)
        except LimitError as error:
            self._released.extend(released)
            raise IcUsageError(f"{name}: {error}") from error
        except ConnectionLostError:
            return  # what the IC said when it hung up may be here already
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _receive(self, frames: Frames, call: Call[..., Any]) -> Answer:
        match frames.receive(begin=self._patience):
            case [True, item]:
                return call.result.from_item(item, self), None
            case [False, item]:
                return None, faults.from_item(item)
            case [None, item]:
                self._drop()
                return None, faults.from_item(item)
            case _:
                raise MalformedError("IC frame", "not an answer")


class Remote:
    """The local end of something that an IC holds for this connection.

    Attributes:
        line: The connection.
        open: Whether the IC still holds it.
    """

    def __init__(self, line: Line, frames: Frames | None, number: int) -> None:
        self.line = line
        self.open = True
        self._frames = frames
        self._number = number
        self._finalizer = weakref.finalize(self, line.release, frames, number)
        self._finalizer.atexit = False

    @override
    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied.

        Raises:
            IcUsageError: Always.
        """
        raise IcUsageError("what an IC holds for a connection cannot be copied or pickled")

    def number(self, frames: Frames | None) -> int:
        """Return its number on this connection.

        Raises:
            IcUnavailableError: It hung on another one, which was lost.
        """
        if frames is not self._frames:
            raise IcUnavailableError("the connection to the IC was lost, and this with it")
        return self._number

    def end(self) -> None:
        """Note that the IC has forgotten it."""
        self.open = False
        self._finalizer.detach()


def _is_large(item: cbor.Item) -> bool:
    return isinstance(item, bytes) and len(item) > SPILL


def _spill(data: bytes) -> int:
    if len(data) > MAX_SPILLED:
        raise IcUsageError(f"{len(data)} bytes are more than one call takes")
    try:
        descriptor = os.memfd_create("hardsuit", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(data)
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as error:
        raise IcUnavailableError(f"no memory for {len(data)} bytes: {error.strerror}") from error
    return descriptor
