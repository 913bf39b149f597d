"""HTTP as a device can afford it: one GET at a time, bounded in time, rate and place.

urllib3 knows timeouts between two bytes; that lets a server hold a device for weeks, a byte at a
time, in the headers as well as in the body. :class:`Budget` closes this: it is asked before every
single receive, so the total time and the minimum average rate hold to the second.
"""

import http.client
import io
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from typing_extensions import Buffer, override
from urllib3.connection import HTTPConnection, HTTPSConnection

from suit.errors import NetworkError, UsageError

CHUNK: Final = 1 << 18
_SMALL: Final = 1 << 16
_LENGTH: Final = re.compile(r"[0-9]{1,19}")
_MAX_REDIRECTS: Final = 3
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "hardsuit"}
_OK: Final = 200
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class HttpStatusError(NetworkError):
    """The server answered with something else than 200."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url}: HTTP status {status}")
        self.status = status


class SlowRetrievalError(NetworkError):
    """The server sends, but too slowly to ever be done."""

    reason = "slow-retrieval"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one exchange may take.

    Attributes:
        connect_seconds: Until the connection stands.
        silence_seconds: Between two receives.
        total_seconds: For headers and body together.
        grace_seconds: Before the average rate counts.
        bytes_per_second: The lowest average rate after that.
    """

    connect_seconds: float = 10.0
    silence_seconds: float = 30.0
    total_seconds: float = 3600.0
    grace_seconds: float = 20.0
    bytes_per_second: int = 1024


class Budget:
    """What is left of the time for one exchange."""

    def __init__(self, url: str, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._url, self._limits, self._monotonic = url, limits, monotonic
        self._start = monotonic()
        self._received = 0

    def seconds_to_wait(self) -> float:
        """Return how long the next receive may take.

        Raises:
            SlowRetrievalError: The time is used up.
        """
        limits = self._limits
        earned = limits.grace_seconds + self._received / limits.bytes_per_second
        elapsed = self._monotonic() - self._start
        left = min(limits.total_seconds, earned) - elapsed
        if left <= 0:
            raise SlowRetrievalError(f"{self._url}: only {self._received} bytes in {elapsed:.0f} s")
        return min(left, limits.silence_seconds)

    def receive(self, count: int) -> None:
        """Count bytes that arrived."""
        self._received += count


_BUDGET: ContextVar[Budget] = ContextVar("budget")


class _PacedReader(io.RawIOBase):
    """The raw side of a response: asks the budget before every receive."""

    def __init__(self, sock: socket.socket) -> None:
        self._budget = _BUDGET.get()
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int | None:
        self._sock.settimeout(self._budget.seconds_to_wait())
        count = self._raw.readinto(buffer)
        self._budget.receive(count or 0)
        return count

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()


class _PacedResponse(http.client.HTTPResponse):
    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        unpaced, self.fp = self.fp, io.BufferedReader(_PacedReader(sock), _SMALL)
        unpaced.close()


class _PacedConnection(HTTPConnection):
    response_class = _PacedResponse


class _PacedTlsConnection(HTTPSConnection):
    response_class = _PacedResponse


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PacedConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _PacedTlsConnection


class _Pools(urllib3.PoolManager):
    _CLASSES: ClassVar[dict[str, type[urllib3.HTTPConnectionPool]]] = {
        "http": _Pool,
        "https": _TlsPool,
    }

    def __init__(self, limits: Limits) -> None:
        super().__init__(
            num_pools=4,
            headers=_HEADERS,
            retries=False,  # the caller knows whether a retry makes sense
            timeout=urllib3.Timeout(limits.connect_seconds, limits.silence_seconds),
        )
        self.pool_classes_by_scheme = self._CLASSES


class Download:
    """The body of an answer with status 200, not read yet.

    Attributes:
        length: What ``Content-Length`` announces, None without it.
    """

    def __init__(self, url: str, response: urllib3.BaseHTTPResponse) -> None:
        self._url, self._response = url, response
        announced = response.headers.get("Content-Length")
        if announced is not None and not _LENGTH.fullmatch(announced):
            self.close()
            raise NetworkError(f"{url}: the answer announces a length that is none")
        self.length = None if announced is None else int(announced)

    def chunks(self) -> Iterator[bytes]:
        """Yield the body in chunks of :data:`CHUNK` bytes.

        Raises:
            NetworkError: It ends early, stalls, or comes too slowly.
        """
        try:
            with _translated(self._url):
                while chunk := self._response.read(CHUNK, decode_content=False):
                    yield chunk
            self._response.release_conn()
        finally:
            self.close()

    def close(self) -> None:
        """Drop what was not read, and the connection with it."""
        self._response.close()


class HttpClient:
    """GET and nothing else; connections are kept, nothing is retried, no proxy is looked for."""

    def __init__(
        self, limits: Limits | None = None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits or Limits()
        self._monotonic = monotonic
        self._pools = _Pools(self._limits)

    def get(self, url: str) -> Download:
        """Ask for ``url``, following redirects on its own host only.

        Raises:
            HttpStatusError: The answer's status is not 200.
            NetworkError: There is no usable answer.
            UsageError: This is no address for HTTP.
        """
        _require_http(url)
        token = _BUDGET.set(Budget(url, self._limits, self._monotonic))
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                response = self._request(url)
                if response.status not in _REDIRECTS:
                    return _accept(url, response)
                url = _redirected(url, response)
        finally:
            _BUDGET.reset(token)
        raise NetworkError(f"{url}: redirected more than {_MAX_REDIRECTS} times")

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pools.clear()

    def _request(self, url: str) -> urllib3.BaseHTTPResponse:
        with _translated(url):
            return self._pools.request("GET", url, preload_content=False, redirect=False)


def origin(parts: SplitResult) -> tuple[str, str, int | None]:
    """Return scheme, host and port: what "the same server" means.

    Raises:
        ValueError: The port is not a number.
    """
    scheme = parts.scheme.lower()
    return scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS.get(scheme)


def _require_http(url: str) -> None:
    try:
        scheme, host, _ = origin(urlsplit(url))
    except ValueError:
        scheme = host = ""
    if scheme not in _DEFAULT_PORTS or not host:
        raise UsageError(f"{url!r}: not an http or https address")


def _accept(url: str, response: urllib3.BaseHTTPResponse) -> Download:
    if response.status != _OK:
        _discard(url, response)
        raise HttpStatusError(url, response.status)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        response.close()
        raise NetworkError(f"{url}: an encoded body, though none was asked for")
    return Download(url, response)


def _redirected(url: str, response: urllib3.BaseHTTPResponse) -> str:
    location = response.headers.get("Location", "")
    _discard(url, response)
    try:
        target = urljoin(url, location)
        same = origin(urlsplit(target)) == origin(urlsplit(url))
    except ValueError:
        raise NetworkError(f"{url}: redirected to no address at all") from None
    if not same or not location:
        raise NetworkError(f"{url}: redirected to another server")
    return target


def _discard(url: str, response: urllib3.BaseHTTPResponse) -> None:
    """Read a short body to keep the connection, drop a long one."""
    with _translated(url):
        response.read(_SMALL, decode_content=False)
        if response.read(1, decode_content=False):
            response.close()
        else:
            response.release_conn()


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except urllib3.exceptions.NewConnectionError as error:  # a TimeoutError to urllib3, whatever it is
        raise NetworkError(f"{url}: {_cause(error)}") from error
    except urllib3.exceptions.TimeoutError as error:
        raise NetworkError(f"{url}: timed out") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise NetworkError(f"{url}: {_cause(error)}") from error
    except ValueError as error:  # urllib3 lets through what a chunk size made of int()
        raise NetworkError(f"{url}: the answer is malformed") from error


def _cause(error: BaseException) -> str:
    """Return the operating system's words for it where there are some."""
    causes = [error, *(e for e in (error.__cause__, error.__context__) if e is not None)]
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the answer broke off, or is none"
    return type(error).__name__
