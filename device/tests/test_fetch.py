"""Fetching: only where policy allows, never more than asked for, never for ever."""

import hashlib
import itertools
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from threading import Thread

import pytest
from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.api.exceptions import SlowRetrievalError as TufSlowRetrievalError
from typing_extensions import override

from device.fetch import MetadataFetcher, PayloadFetcher, PayloadPolicy, UriRefusedError, resolve
from device.http import CHUNK, HttpClient, HttpStatusError, Limits, SlowRetrievalError
from device.tests.tuf_repository import http_server, served
from spec.labels import CoseAlgorithm
from suit.errors import ExitCode, NetworkError, UsageError
from suit.manifest import Digest
from suit.target import content_path

PAYLOAD = bytes(range(256)) * 4096 * 3  # 3 MiB
DIGEST = Digest(CoseAlgorithm.SHA_256, hashlib.sha256(PAYLOAD).digest())
IMPATIENT = Limits(connect_seconds=2, silence_seconds=2, total_seconds=5)


@contextmanager
def answering(*parts: bytes, requests: list[bytes] | None = None, pause: float = 0) -> Iterator[str]:
    """Answer every connection with these very bytes, in pieces when there is a pause, then close it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(ConnectionError):
                request = connection.recv(1 << 16)
                if requests is not None:
                    requests.append(request)
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)

    thread = Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.fixture
def client() -> Iterator[HttpClient]:
    client = HttpClient(IMPATIENT)
    yield client
    client.close()


def body(client: HttpClient, url: str) -> bytes:
    return b"".join(client.get(url).chunks())


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


@pytest.mark.req("H4-4")
def test_relative_uri_is_content_addressed_below_the_base(client: HttpClient) -> None:
    requests: list[str] = []
    name = content_path(DIGEST)
    with served({f"repo/{name}": PAYLOAD}, requests) as url:
        fetcher = PayloadFetcher(client, f"{url}/repo/")
        chunks = list(fetcher.fetch("firmware/app.bin", digest=DIGEST, size=len(PAYLOAD)))
        client.close()
    assert b"".join(chunks) == PAYLOAD
    assert {len(chunk) for chunk in chunks} == {CHUNK}
    assert requests == [f"repo/{name}"]


def test_size_may_be_unknown_up_to_the_policy(client: HttpClient) -> None:
    with served({content_path(DIGEST): PAYLOAD}) as url:
        fetcher = PayloadFetcher(client, url, PayloadPolicy(maximum=len(PAYLOAD)))
        assert b"".join(fetcher.fetch("x", digest=DIGEST, size=None)) == PAYLOAD
        strict = PayloadFetcher(client, url, PayloadPolicy(maximum=len(PAYLOAD) - 1))
        with pytest.raises(NetworkError, match="allowed"):
            strict.fetch("x", digest=DIGEST, size=None)
        client.close()


@pytest.mark.req("H4-5")
def test_absolute_uri_needs_its_server_in_the_policy(client: HttpClient) -> None:
    with served({"a/b.bin": PAYLOAD}) as url:
        allowed = PayloadFetcher(client, "http://repository.invalid", PayloadPolicy(frozenset({url})))
        assert b"".join(allowed.fetch(f"{url}/a/b.bin", digest=DIGEST, size=len(PAYLOAD))) == PAYLOAD
        with pytest.raises(UriRefusedError, match="policy"):
            PayloadFetcher(client, url).fetch(f"{url}/a/b.bin", digest=DIGEST, size=1)
        client.close()


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "#firmware",
        "a#b",
        "../x",
        "a/../../x",
        "a/./x",
        "a//x",
        "/a",
        "a/",
        "//cdn.test/a",
        "a%2fb",
        "a/%2E%2e/b",
        "a%5cb",
        "a%00b",
        "a\\b",
        "a b",
        "a\n",
        "é",
        "<a>",
        "ftp://cdn.test/a",
        "file:///etc/passwd",
        "coap://cdn.test/a",
        "https://cdn.test/a/../b",
        "https://cdn.test/a%2fb",
        "https://cdn.test//a",
        "https://cdn.test:444/a",
        "http://cdn.test/a",
        "https://cdn.test.evil.test/a",
        "https://user@cdn.test/a",
        "https://user:secret@cdn.test/a",
        "https://cdn.test@evil.test/a",
        "https://cdn.test:x/a",
        "https://cdn.test:99999/a",
        "https://[::1/a",
        "https:/cdn.test/a",
        "https:a",
        "https://cdn.test/a#b",
    ],
)
def test_uri_outside_the_policy_or_with_two_readings_is_refused(uri: str) -> None:
    policy = PayloadPolicy(frozenset({"https://cdn.test"}))
    with pytest.raises(UriRefusedError) as caught:
        resolve(uri, base_url="http://repository.test", digest=DIGEST, policy=policy)
    assert caught.value.exit_code is ExitCode.REFUSED
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "uri", ["https://cdn.test/a", "HTTPS://CDN.test:443/a/b.bin?sig=x%2Fy", "https://cdn.test/a;v=1/b@c"]
)
def test_absolute_uri_of_an_allowed_server_is_used_as_it_stands(uri: str) -> None:
    policy = PayloadPolicy(frozenset({"https://cdn.test"}))
    assert resolve(uri, base_url="http://repository.test", digest=DIGEST, policy=policy) == uri


def test_nothing_is_fetched_without_a_digest() -> None:
    with pytest.raises(UriRefusedError, match="digest"):
        resolve("a", base_url="http://repository.test", digest=None, policy=PayloadPolicy())


@pytest.mark.parametrize("offered", [len(PAYLOAD) - 1, len(PAYLOAD) + 1, 0])
def test_content_length_other_than_the_manifests_size_is_refused(client: HttpClient, offered: int) -> None:
    with served({content_path(DIGEST): bytes(offered)}) as url:
        with pytest.raises(NetworkError, match="offered"):
            PayloadFetcher(client, url).fetch("a", digest=DIGEST, size=len(PAYLOAD))
        client.close()


@pytest.mark.req("H4-6")
@pytest.mark.parametrize(
    ("sent", "problem"),
    [(99, "99 bytes, not 100"), (101, "more than"), (0, "0 bytes, not 100")],
)
def test_body_without_content_length_must_have_the_size(client: HttpClient, sent: int, problem: str) -> None:
    with (
        answering(head("Connection: close"), bytes(sent)) as url,
        pytest.raises(NetworkError, match=problem),
    ):
        list(PayloadFetcher(client, url).fetch("a", digest=DIGEST, size=100))


def test_chunked_body_is_joined(client: HttpClient) -> None:
    with answering(head("Transfer-Encoding: chunked"), b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") as url:
        assert body(client, url) == b"abcde"


@pytest.mark.parametrize(
    "answer",
    [
        (head("Content-Length: 100"), bytes(99)),
        (head("Content-Length: 100"),),
        (head("Content-Length: 5", "Content-Length: 6"), b"abcde"),
        (head("Content-Length: " + "9" * 5000), b"abcde"),
        (head("Transfer-Encoding: chunked"), b"-5\r\nabcde\r\n0\r\n\r\n"),
        (head("Transfer-Encoding: chunked"), b"5" * 5000 + b"\r\nabcde\r\n0\r\n\r\n"),
        (head("Transfer-Encoding: chunked"), b"5\r\nab"),
        (head("Transfer-Encoding: chunked"), b"zz\r\nab"),
        (b"SSH-2.0-OpenSSH\r\n",),
        (b"",),
        (head("A: " + "x" * 70_000), b""),
        (head(*[f"A{n}: x" for n in range(200)]), b""),
        (head("Content-Encoding: gzip", "Content-Length: 3"), b"abc"),
        (head(status="204 No Content"),),
        (head("Content-Length: 2", status="206 Partial Content"), b"ab"),
        (head("Content-Length: 0", status="500 Oops"),),
        (head("Content-Length: 100000000", status="404 Not Found"), bytes(70_000)),
    ],
)
def test_broken_answer_is_a_network_error(client: HttpClient, answer: tuple[bytes, ...]) -> None:
    with answering(*answer) as url, pytest.raises(NetworkError) as caught:
        body(client, url)
    assert caught.value.exit_code is ExitCode.NETWORK
    assert str(caught.value).startswith(url)


def test_truncated_body_is_noticed_while_streaming(client: HttpClient) -> None:
    with answering(head(f"Content-Length: {len(PAYLOAD)}"), PAYLOAD[:-1]) as url:
        fetcher = PayloadFetcher(client, url)
        with pytest.raises(NetworkError, match="broke off"):
            list(fetcher.fetch("a", digest=DIGEST, size=len(PAYLOAD)))


def test_refused_connection_says_so(client: HttpClient) -> None:
    with answering() as url:
        pass
    with pytest.raises(NetworkError, match="refused"):
        client.get(url)


@pytest.mark.parametrize("url", ["http://no-host.invalid/a", "http://a..b/"])
def test_unusable_address_is_a_network_error(client: HttpClient, url: str) -> None:
    with pytest.raises(NetworkError):
        client.get(url)


@pytest.mark.parametrize(
    "url", ["gopher://x/", "x", "", "file:///etc/passwd", "http:///a", "http://a:x/", "http://[::1"]
)
def test_address_that_is_not_for_http_is_the_callers_mistake(client: HttpClient, url: str) -> None:
    with pytest.raises(UsageError, match="not an http"):
        client.get(url)


def _redirecting(location: str, hops: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        count = itertools.count()

        def do_GET(self) -> None:
            done = next(self.count) >= hops
            self.send_response(200 if done else 302)
            if not done:
                self.send_header("Location", location.format(host=self.headers["Host"]))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


@pytest.mark.parametrize("location", ["/b", "b?c", "http://{host}/c"])
def test_redirect_on_the_same_server_is_followed(client: HttpClient, location: str) -> None:
    with http_server(_redirecting(location, 3)) as url:
        assert body(client, f"{url}/a") == b"ok"


@pytest.mark.parametrize(
    "location",
    [
        "http://evil.test/a",
        "//evil.test/a",
        "http://127.0.0.1:1/a",
        "https://{host}/a",
        "http://[::1/a",
        "http://127.0.0.1:x/a",
        "",
    ],
)
def test_redirect_to_another_server_is_not_followed(client: HttpClient, location: str) -> None:
    with (
        http_server(_redirecting(location, 1)) as url,
        pytest.raises(NetworkError, match="redirected to"),
    ):
        client.get(f"{url}/a")


def test_redirects_end(client: HttpClient) -> None:
    with http_server(_redirecting("/a", 99)) as url, pytest.raises(NetworkError, match="more than"):
        client.get(f"{url}/a")


class Ticking:
    """A monotonic clock that a step of time passes with every look at it."""

    def __init__(self, step: float) -> None:
        self._now, self._step = 0.0, step

    def __call__(self) -> float:
        self._now += self._step
        return self._now


def test_body_below_the_minimum_rate_is_given_up() -> None:
    limits = Limits(grace_seconds=20, bytes_per_second=1024)
    with answering(head("Content-Length: 10000"), *[b"x"] * 10_000, pause=0.001) as url:
        client = HttpClient(limits, monotonic=Ticking(2.0))
        with pytest.raises(SlowRetrievalError, match="only"):
            body(client, url)
        client.close()


def test_drip_of_headers_is_given_up() -> None:
    with answering(b"HTTP/1.1 200 OK\r\n", *[b"A: b\r\n"] * 5_000, pause=0.001) as url:
        client = HttpClient(Limits(grace_seconds=5, bytes_per_second=1 << 20), monotonic=Ticking(3.0))
        with pytest.raises(SlowRetrievalError):
            client.get(url)
        client.close()


def test_fast_server_may_still_not_take_longer_than_the_total() -> None:
    limits = Limits(total_seconds=10, grace_seconds=1e9)
    with answering(head(f"Content-Length: {len(PAYLOAD)}"), PAYLOAD) as url:
        client = HttpClient(limits, monotonic=Ticking(1.0))
        with pytest.raises(SlowRetrievalError):
            body(client, url)
        client.close()


def test_silent_server_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = HttpClient(Limits(silence_seconds=0.05))
        with pytest.raises(NetworkError, match="timed out"):
            client.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        client.close()


def test_connection_is_kept_between_requests(client: HttpClient) -> None:
    with served({"a": b"1", "b": b"2"}) as url:
        assert body(client, f"{url}/a") == b"1"
        with pytest.raises(HttpStatusError):
            client.get(f"{url}/missing")
        assert body(client, f"{url}/b") == b"2"
        (pool,) = (client._pools.pools[key] for key in client._pools.pools.keys())  # noqa: SIM118
        assert pool.num_connections == 1
        client.close()


def test_nothing_but_identity_is_asked_for_and_no_credentials_are_sent(client: HttpClient) -> None:
    requests: list[bytes] = []
    with answering(head("Content-Length: 0"), requests=requests) as url:
        assert body(client, url) == b""
    lines = requests[0].decode().lower().splitlines()
    assert "accept-encoding: identity" in lines
    assert not any(line.startswith(("authorization", "cookie")) for line in lines)


def test_metadata_fetcher_speaks_python_tufs_errors(client: HttpClient) -> None:
    fetcher = MetadataFetcher(client)
    with served({"a": b"1"}) as url:
        assert fetcher.download_bytes(f"{url}/a", 1) == b"1"
        with pytest.raises(DownloadHTTPError) as caught:
            fetcher.download_bytes(f"{url}/b", 1)
        client.close()
    assert caught.value.status_code == 404
    with pytest.raises(DownloadError):
        fetcher.download_bytes(f"{url}/a", 1)
    with answering(*[b"A: b\r\n"] * 100) as url:
        slow = HttpClient(Limits(total_seconds=1), monotonic=Ticking(3.0))
        with pytest.raises(TufSlowRetrievalError):
            MetadataFetcher(slow).download_bytes(url, 1)
        slow.close()


def test_abandoned_download_does_not_poison_the_connection(client: HttpClient) -> None:
    with served({content_path(DIGEST): PAYLOAD, "b": b"2"}) as url:
        chunks = PayloadFetcher(client, url).fetch("a", digest=DIGEST, size=len(PAYLOAD))
        next(chunks)
        chunks.close()  # type: ignore[attr-defined]
        assert body(client, f"{url}/b") == b"2"
        client.close()
