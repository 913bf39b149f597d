"""One connection at the IC's end: what it holds dies with it."""

import os
from collections.abc import Iterable
from typing import Any, Final

from device.ic.errors import IcUsageError, PolicyDeniedError
from device.ic.interface import SecurityIC
from device.ic.process.host import Host
from device.ic.wire import faults
from device.ic.wire.calls import CALLS, ENDINGS, MAX_HANDLES, MAX_SPILLED, Call
from device.ic.wire.forms import refuse
from device.ic.wire.frames import ConnectionLostError, Frames
from device.ic.wire.greeting import IcHost
from suit import cbor
from suit.errors import HardsuitError

_GREETING: Final = IcHost.hello.__qualname__


class Service:
    """Answers one client, call by call.

    Attributes:
        frames: The connection.
    """

    def __init__(self, frames: Frames, host: Host) -> None:
        self.frames = frames
        self._host = host
        self._greeted = False
        self._held: dict[int, object] = {}
        self._last = 0

    def run(self) -> None:
        """Serve until the client leaves, breaks the protocol or is too slow."""
        try:
            while True:
                request = self.frames.receive(begin=None)
                self.frames.send(*self._answer(request))
        except ConnectionLostError:
            pass
        except HardsuitError as error:
            self._say_goodbye(error)
        finally:
            self._held.clear()
            self.frames.close()

    def number(self, value: object) -> int:
        """Hold an object for this connection.

        Raises:
            PolicyDeniedError: It holds too many.
        """
        if len(self._held) >= MAX_HANDLES:
            raise PolicyDeniedError(f"one connection has at most {MAX_HANDLES} streams and sessions")
        self._last += 1
        self._held[self._last] = value
        return self._last

    def resolve(self, kind: type, number: int) -> Any:  # noqa: ANN401 - of the class asked for
        """Return an object of this connection.

        Raises:
            IcUsageError: There is none of this number, or it is of another kind.
        """
        value = self._held.get(number)
        if not isinstance(value, kind):
            raise IcUsageError(f"this connection holds no {kind.__name__} {number}")
        return value

    def _answer(self, request: list[cbor.Item]) -> tuple[bool, cbor.Item]:
        try:
            return True, self._obey(request)
        except Exception as error:  # noqa: BLE001 - the last line of defence: the client hears a failure, never silence
            return False, faults.to_item(error)

    def _obey(self, request: list[cbor.Item]) -> cbor.Item:
        match request:
            case [str(name), int(target), [*arguments], [*released], None | int() as spilled]:
                pass
            case _:
                raise refuse("not a request")
        if name not in CALLS or (not self._greeted and name != _GREETING):
            raise refuse(f"no call {name!r}")
        self._release(released)
        owner, call = CALLS[name]
        obeying = self._target(owner, target)
        if spilled is not None:
            self._unspill(arguments, spilled)
        try:
            positional, named = call.read(arguments, self)
            result = getattr(obeying, call.method.__name__)(*positional, **named)
        finally:
            if name in ENDINGS:
                self._held.pop(target, None)
        return self._result(call, result)

    def _result(self, call: Call[..., Any], result: object) -> cbor.Item:
        self._greeted = True
        return call.result.to_item(result, self)

    def _target(self, owner: type, target: int) -> object:
        if issubclass(owner, IcHost):
            return self._host
        return self._host.ic if issubclass(owner, SecurityIC) else self.resolve(owner, target)

    def _release(self, released: Iterable[cbor.Item]) -> None:
        for number in released:
            if type(number) is not int:
                raise refuse("not a number to release")
            self._held.pop(number, None)

    def _unspill(self, arguments: list[cbor.Item], index: int) -> None:
        """Read the argument that came as a file; read, not mapped: its sender may still change it."""
        descriptor = self.frames.take_descriptor()
        try:
            size = os.fstat(descriptor).st_size
            if size > MAX_SPILLED or index not in range(len(arguments)) or arguments[index] is not None:
                raise refuse("an argument that came as a file is too large or has no place")
            # At its own offset: the position of a file that was passed on is shared with who passed it.
            data = os.pread(descriptor, size, 0)
            if len(data) != size:
                raise refuse("an argument that came as a file was cut")
            arguments[index] = data
        except OSError as error:
            raise refuse("a file that cannot be read") from error
        finally:
            os.close(descriptor)

    def _say_goodbye(self, error: HardsuitError) -> None:
        try:
            self.frames.send(None, faults.to_item(error))
        except (ConnectionLostError, HardsuitError):
            return
