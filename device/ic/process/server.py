"""The listener: a socket that only its owner can open, and of those who do only the right users get in."""

import os
import selectors
import signal
import socket
import stat
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from device.ic.errors import IcUnavailableError, PolicyDeniedError
from device.ic.process.host import Host
from device.ic.process.peers import user_of
from device.ic.process.service import Service
from device.ic.wire import faults
from device.ic.wire.frames import ConnectionLostError, Frames
from suit.errors import StorageError, UsageError

PATIENCE: Final = 10.0
"""Seconds for the rest of a frame, and for an answer to be taken."""
MAX_CONNECTIONS: Final = 16
_MAX_PATH: Final = 107
_PARTING: Final = 5.0
_OWNER_ONLY, _OWNER_AND_GROUP = 0o177, 0o117


@contextmanager
def listening(path: Path, *, group: int | None = None) -> Iterator[socket.socket]:
    """Listen on a socket of mode 0600, or 0660 for a group; its name is removed at the end.

    Raises:
        UsageError: The name is too long for a socket.
        StorageError: Somebody listens there, or the socket cannot be made.
    """
    if len(os.fsencode(path)) > _MAX_PATH:
        raise UsageError(f"{path}: the name of a socket has at most {_MAX_PATH} bytes")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            _bind(listener, path, _OWNER_ONLY if group is None else _OWNER_AND_GROUP)
            if group is not None:
                # What else may stand there by now is not followed. Nobody can connect before it listens.
                os.chown(path, -1, group, follow_symlinks=False)
            listener.listen(MAX_CONNECTIONS)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _bind(listener: socket.socket, path: Path, mask: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise StorageError(f"{path}: exists and is no socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(os.fspath(path)) == 0:
                raise StorageError(f"{path}: somebody listens there already")
        path.unlink()  # left behind by an IC that was killed
    before = os.umask(mask)
    try:
        listener.bind(os.fspath(path))
    finally:
        os.umask(before)


@contextmanager
def stop_signals() -> Iterator[int]:
    """Yield a file descriptor that can be read once SIGINT or SIGTERM has come."""
    awake, alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    handlers = {number: signal.signal(number, _note) for number in (signal.SIGINT, signal.SIGTERM)}
    previous = signal.set_wakeup_fd(alarm)
    try:
        yield awake
    finally:
        signal.set_wakeup_fd(previous)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(awake)
        os.close(alarm)


def _note(number: int, frame: object) -> None:
    """Do nothing more than what the interpreter does for its wake-up descriptor."""
    del number, frame


class Server:
    """Lets clients in and serves each in a thread of its own.

    Args:
        listener: Where they come.
        host: The IC.
        users: The users that may use it.
        patience: Seconds that a frame may take.
    """

    def __init__(
        self, listener: socket.socket, host: Host, users: Collection[int], *, patience: float = PATIENCE
    ) -> None:
        self._listener = listener
        self._host = host
        self._users = frozenset(users)
        self._patience = patience
        self._threads: dict[threading.Thread, socket.socket] = {}

    def run(self, stops: Collection[int]) -> None:
        """Serve until something can be read from one of the file descriptors ``stops``, or it is closed."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            for stop in stops:
                selector.register(stop, selectors.EVENT_READ)
            while all(key.fileobj is self._listener for key, _ in selector.select()):
                with suppress(OSError):  # a client that left before it was let in
                    self._let_in(self._listener.accept()[0])
        self._part()

    def _let_in(self, connection: socket.socket) -> None:
        self._threads = {thread: theirs for thread, theirs in self._threads.items() if thread.is_alive()}
        frames = Frames(connection, patience=self._patience)
        user = user_of(connection)
        if user not in self._users:
            _turn_away(frames, PolicyDeniedError(f"user {user} may not use this IC"))
        elif len(self._threads) >= MAX_CONNECTIONS:
            _turn_away(frames, IcUnavailableError(f"the IC serves {MAX_CONNECTIONS} connections already"))
        else:
            thread = threading.Thread(target=Service(frames, self._host).run, daemon=True)
            self._threads[thread] = connection
            thread.start()

    def _part(self) -> None:
        """Let calls that run end, and take no more."""
        for connection in self._threads.values():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        deadline = time.monotonic() + _PARTING
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))
        self._host.close()


def _turn_away(frames: Frames, error: Exception) -> None:
    frames.patience = 0.1  # they get no thread, so they must not hold up those who wait behind them
    with suppress(ConnectionLostError):
        frames.send(None, faults.to_item(error))
    frames.close()
