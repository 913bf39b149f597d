"""Serve the public half of a repository over HTTP, for laboratories, demos and small fleets.

Files below ``metadata/``, ``targets/`` and ``content/`` and nothing else: no listing, no symbolic link, no
name with a dot in front. Each path is opened segment by segment, so nothing outside can be named. A fleet
is better served by any static web server or CDN on the same folder; caching headers say what may be kept.
"""

import errno
import logging
import os
import re
import signal
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import unquote, urlsplit

from typing_extensions import override

from suit.errors import NetworkError, StorageError

SERVED: Final = frozenset({"metadata", "targets", "content"})

_IDLE: Final = 30.0  # seconds that a client may be silent before its connection is closed
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_MUTABLE: Final = ("metadata/timestamp.json",)
_LOG: Final = logging.getLogger("hardsuit.repository.serve")
_MAX_SEGMENT: Final = 255


class _UnsatisfiableError(Exception):
    """A range that starts behind the end of the file."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for one file; everything else is 405 or 404."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    server: "Server"

    def do_GET(self) -> None:
        """Send the file, or the range of it that was asked for."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Send the headers alone."""
        self._answer(body=False)

    @override
    def version_string(self) -> str:
        """Name the program and no versions."""
        return "hardsuit"

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Log to ``hardsuit.repository.serve`` instead of writing to stderr."""
        _LOG.info("%s " + format, self.client_address[0], *args)

    def _refuse_method(self) -> None:
        self._close_after_body()
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"})

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = _refuse_method  # noqa: N815 - the base class calls them so

    def _answer(self, *, body: bool) -> None:
        self._close_after_body()
        name = file_name(self.path)
        file = self.server.open(name) if name is not None else None
        if name is None or file is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            try:
                asked = self._range(size)
            except _UnsatisfiableError:
                unsatisfiable = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
                self._refuse(unsatisfiable, {"Content-Range": f"bytes */{size}"})
                return
            start, length = asked or (0, size)
            status = HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK
            self._begin(name, file, status, length)
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{start + length - 1}/{size}")
            self.end_headers()
            if body and length and self.connection.sendfile(file, start, length) != length:
                self.close_connection = True  # the file shrank under our hands

    def _begin(self, name: str, file: BinaryIO, status: HTTPStatus, length: int) -> None:
        kind = "application/json" if name.endswith(".json") else "application/octet-stream"
        cache = "no-cache" if name in _MUTABLE else "public, max-age=31536000, immutable"
        modified = os.fstat(file.fileno()).st_mtime
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Cache-Control", cache)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Last-Modified", formatdate(modified, usegmt=True))

    def _range(self, size: int) -> tuple[int, int] | None:
        """Return start and length of the range that is asked for, or None for the whole file.

        Raises:
            _UnsatisfiableError: The file has nothing there.
        """
        match = _RANGE.fullmatch(self.headers.get("Range", ""))
        if match is None or match[1] == match[2] == "":
            return None  # RFC 9110 14.2: a range that is not understood is ignored
        if match[1] == "":
            start = max(size - int(match[2]), 0)
            end = size - 1
        else:
            start = int(match[1])
            end = min(int(match[2] or size), size - 1)
            if match[2] and int(match[2]) < start:
                return None
        if start > end:
            raise _UnsatisfiableError
        return start, end - start + 1

    def _close_after_body(self) -> None:
        """Let a connection end whose request has a body: it is not read, so it would pass as a request."""
        length = self.headers.get("Content-Length", "0").strip()
        if length != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True

    def _refuse(self, status: HTTPStatus, headers: dict[str, str] | None = None) -> None:
        text = f"{status.value} {status.phrase}\n".encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)


class Server(ThreadingHTTPServer):
    """One thread per connection; closing it ends them all.

    Args:
        public: The folder to serve.
        host: The address to listen on.
        port: The port; 0 takes a free one.

    Raises:
        StorageError: There is no such folder.
        NetworkError: The port is in use, or the address is not ours.
    """

    daemon_threads = True
    block_on_close = True
    request_queue_size = 128

    def __init__(self, public: Path, host: str, port: int) -> None:
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._root = os.open(public, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageError(f"{public}: {error.strerror}") from error
        try:
            super().__init__((host, port), Handler)
        except (OSError, OverflowError) as error:
            self._close_root()
            busy = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            problem = "the port is in use" if busy else getattr(error, "strerror", None) or error
            raise NetworkError(f"cannot serve on {host} port {port}: {problem}") from error

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        host, port = self.server_address[:2]
        shown = f"[{host!s}]" if self.address_family is socket.AF_INET6 else f"{host!s}"
        return f"http://{shown}:{port}"

    @override
    def server_bind(self) -> None:
        """Bind without the base class's look-up of our host name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def open(self, name: str) -> BinaryIO | None:
        """Open a file below the folder, following no link on the way; None when there is none."""
        *folders, leaf = name.split("/")
        descriptor = os.dup(self._root)
        try:
            for folder in folders:
                inner = _open_at(descriptor, folder, os.O_DIRECTORY)
                os.close(descriptor)
                descriptor = inner
            return _regular(_open_at(descriptor, leaf, os.O_NONBLOCK))
        except OSError:
            return None
        finally:
            os.close(descriptor)

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that closing the server ends it."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    @override
    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what broke a connection; a client that goes away is nothing to print a traceback for."""
        _LOG.info("%s: connection ended", client_address, exc_info=_LOG.isEnabledFor(logging.DEBUG))

    @override
    def server_close(self) -> None:
        """Stop listening, end all connections, wait for their threads."""
        with self._lock:
            open_now = list(self._connections)
        for connection in open_now:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()
        self._close_root()

    def _close_root(self) -> None:
        if self._root >= 0:
            os.close(self._root)
            self._root = -1


def file_name(target: str) -> str | None:
    """Turn a request target into a name below the public folder, or None when it names nothing there."""
    try:
        path = urlsplit(target).path if not target.startswith("/") else target.partition("?")[0]
        segments = [unquote(segment, errors="strict") for segment in path[1:].split("/")]
    except ValueError:
        return None
    if segments[0] not in SERVED or not all(_is_plain(segment) for segment in segments[1:]):
        return None
    return "/".join(segments) if len(segments) > 1 else None


@contextmanager
def serving(directory: Path, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve a repository while the block runs.

    Args:
        directory: The repository, or a folder that holds ``public/``.
        host: The address to listen on.
        port: The port; 0 takes a free one.

    Yields:
        The base URL: metadata is below ``URL/metadata/``, targets below ``URL/targets/``.

    Raises:
        StorageError: There is no such folder.
        NetworkError: The port is in use.
    """
    with Server(directory / "public", host, port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def stop_signals() -> Iterator[Callable[[], object]]:
    """Hold SIGINT and SIGTERM back while the block runs; yields a function that waits for one of them.

    They are blocked, not handled: a handler could run inside a lock of the very thread that waits. Enter the
    block before any thread starts, because threads inherit what is blocked.
    """
    wanted = {signal.SIGINT, signal.SIGTERM}
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    try:
        yield lambda: signal.sigwait(wanted)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def _is_plain(segment: str) -> bool:
    return (
        0 < len(segment) <= _MAX_SEGMENT
        and not segment.startswith(".")
        and "/" not in segment
        and "\\" not in segment
        and segment.isprintable()
    )


def _open_at(folder: int, name: str, flag: int) -> int:
    return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flag, dir_fd=folder)


def _regular(descriptor: int) -> BinaryIO | None:
    """Make a file object of a descriptor if it is a regular file, else close it."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")
