"""The server gives out the public files and nothing else."""

import http.client
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from repository.repository import Repository
from repository.serve import Server, file_name, serving
from repository.tests.making import make_update
from suit.errors import NetworkError, StorageError


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for folder in ("metadata", "targets", "content"):
        (tmp_path / "public" / folder).mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "public" / "stray.txt").write_text("stray")
    (tmp_path / "public" / "content" / "data").write_bytes(bytes(range(256)) * 16)
    (tmp_path / "public" / "content" / ".hidden").write_text("hidden")
    (tmp_path / "public" / "metadata" / "timestamp.json").write_text("{}")
    (tmp_path / "public" / "metadata" / "1.root.json").write_text("{}")
    return tmp_path


@contextmanager
def connected(site: Path) -> Iterator[http.client.HTTPConnection]:
    with serving(site) as url:
        host = urlsplit(url)
        connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=20)
        try:
            yield connection
        finally:
            connection.close()


def ask(
    connection: http.client.HTTPConnection, target: str, method: str = "GET", **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    response = connection.getresponse()
    return response.status, response.read(), response.headers


def test_one_connection_serves_many_requests(site: Path) -> None:
    with connected(site) as connection:
        ask(connection, "/content/data")
        first = connection.sock
        for target in ("/content/missing", "/content/data?query", "/metadata/timestamp.json"):
            ask(connection, target)
        assert connection.sock is first


@pytest.mark.parametrize(
    "target",
    [
        "/", "/content", "/content/", "/stray.txt", "/secret.txt", "/../secret.txt", "/repo.yaml",
        "/content/../../secret.txt", "/content/%2e%2e/%2e%2e/secret.txt", "/content/..%2f..%2fsecret.txt",
        "/content/%2Fetc/passwd",
        "/content//data", "//content/data/..", "/content/.hidden", "/content/data/", "/content/data%00",
        "/content/..\\..\\secret.txt", "/content/%ff", "/keys/root.pem", "/public/content/data",
        "*", "/content/" + "a" * 300,
    ],
)  # fmt: skip
def test_nothing_but_public_files(site: Path, target: str) -> None:
    with connected(site) as connection:
        status, body, _ = ask(connection, target)
        assert status in {400, 404}
        assert b"secret" not in body
        assert b"hidden" not in body
        assert b"stray" not in body


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("http://[", None),
        ("http://host/content/a%20b", "content/a b"),
        ("http://host/secret", None),
        ("/metadata/1.v%2D0.json?x=/..", "metadata/1.v-0.json"),
    ],
)
def test_request_targets(target: str, name: str | None) -> None:
    assert file_name(target) == name


def test_links_lead_nowhere(site: Path) -> None:
    content = site / "public" / "content"
    (content / "link").symlink_to(site / "secret.txt")
    (content / "folder").symlink_to(site)
    (content / "inside").symlink_to(content / "data")
    os.mkfifo(content / "pipe")
    with connected(site) as connection:
        for name in ("link", "folder/secret.txt", "inside", "pipe"):
            assert ask(connection, f"/content/{name}")[0] == 404


def test_private_files_of_a_real_repository_are_never_served(repository: Repository, tmp_path: Path) -> None:
    repository.publish(make_update(tmp_path, 1))
    private = [
        file.relative_to(repository.directory).as_posix()
        for file in repository.directory.rglob("*")
        if file.is_file() and repository.public not in file.parents
    ]
    assert any(name.startswith("keys/") for name in private)
    with connected(repository.directory) as connection:
        for name in private:
            for prefix in ("/", "/../", "/metadata/../../", "/metadata/%2e%2e/%2e%2e/"):
                assert ask(connection, prefix + name)[0] == 404
        for file in repository.public.rglob("*"):
            if file.is_file():
                target = "/" + file.relative_to(repository.public).as_posix()
                assert ask(connection, target)[:2] == (200, file.read_bytes())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_not_allowed(site: Path, method: str) -> None:
    with connected(site) as connection:
        status, _, headers = ask(connection, "/content/data", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_body_of_a_refused_request_is_not_taken_for_a_request(site: Path) -> None:
    smuggled = b"GET /content/data HTTP/1.1\r\n\r\n"
    with serving(site) as url:
        host = urlsplit(url)
        with socket.create_connection((host.hostname, host.port), timeout=20) as connection:
            head = f"GET /content/none HTTP/1.1\r\nContent-Length: {len(smuggled)}\r\n\r\n"
            connection.sendall(head.encode() + smuggled)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 ") == 1


def test_head_has_the_length_and_no_body(site: Path) -> None:
    with connected(site) as connection:
        status, body, headers = ask(connection, "/content/data", "HEAD")
        assert (status, body, headers["Content-Length"]) == (200, b"", "4096")


@pytest.mark.parametrize(
    ("asked", "status", "part", "said"),
    [
        ("bytes=0-9", 206, slice(0, 10), "bytes 0-9/4096"),
        ("bytes=4000-", 206, slice(4000, 4096), "bytes 4000-4095/4096"),
        ("bytes=0-", 206, slice(0, 4096), "bytes 0-4095/4096"),
        ("bytes=-16", 206, slice(4080, 4096), "bytes 4080-4095/4096"),
        ("bytes=-9999", 206, slice(0, 4096), "bytes 0-4095/4096"),
        ("bytes=4090-9999", 206, slice(4090, 4096), "bytes 4090-4095/4096"),
        ("bytes=9-3", 200, slice(0, 4096), None),
        ("bytes=0-1,5-6", 200, slice(0, 4096), None),
        ("chapters=1-2", 200, slice(0, 4096), None),
        ("bytes=-", 200, slice(0, 4096), None),
    ],
)
def test_ranges(site: Path, asked: str, status: int, part: slice, said: str | None) -> None:
    data = bytes(range(256)) * 16
    with connected(site) as connection:
        answer, body, headers = ask(connection, "/content/data", Range=asked)
        assert (answer, body, headers["Content-Range"]) == (status, data[part], said)


@pytest.mark.parametrize("asked", ["bytes=4096-", "bytes=5000-6000", "bytes=-0"])
def test_range_behind_the_end(site: Path, asked: str) -> None:
    with connected(site) as connection:
        status, _, headers = ask(connection, "/content/data", Range=asked)
        assert (status, headers["Content-Range"]) == (416, "bytes */4096")


def test_only_timestamp_may_not_be_cached(site: Path) -> None:
    with connected(site) as connection:
        assert ask(connection, "/metadata/timestamp.json")[2]["Cache-Control"] == "no-cache"
        assert "immutable" in ask(connection, "/metadata/1.root.json")[2]["Cache-Control"]


def test_absence_is_not_cached(site: Path) -> None:
    """The next root is looked for and missed again and again, until it is there."""
    with connected(site) as connection:
        status, _, headers = ask(connection, "/metadata/2.root.json")
        assert (status, headers["Cache-Control"]) == (404, None)


def test_large_payload_arrives_whole(site: Path) -> None:
    data = os.urandom(16 << 20)
    (site / "public" / "content" / "large").write_bytes(data)
    with connected(site) as connection:
        assert ask(connection, "/content/large")[1] == data


def test_client_that_hangs_up_does_not_stop_the_server(site: Path) -> None:
    (site / "public" / "content" / "large").write_bytes(bytes(16 << 20))
    with connected(site) as connection:
        for _ in range(3):
            with socket.create_connection((connection.host, connection.port), timeout=20) as rude:
                rude.sendall(b"GET /content/large HTTP/1.1\r\n\r\n")
                rude.recv(100)
        assert ask(connection, "/content/data")[0] == 200


def test_closing_ends_idle_connections(site: Path) -> None:
    with serving(site) as url:
        host = urlsplit(url)
        idle = socket.create_connection((host.hostname, host.port), timeout=20)
        idle.sendall(b"GET /content/none HTTP/1.1\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 404")
    with idle:
        assert idle.recv(1000) in {b"", b"404 Not Found\n"}
        assert idle.recv(1000) == b""


def test_busy_port_is_one_line(site: Path) -> None:
    with serving(site) as url, pytest.raises(NetworkError, match="the port is in use"):
        Server(site / "public", "127.0.0.1", urlsplit(url).port or 0)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("127.0.0.1", 70000), ("no host", 0)])
def test_address_that_is_not_ours(site: Path, host: str, port: int) -> None:
    with pytest.raises(NetworkError, match="cannot serve on"):
        Server(site / "public", host, port)


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        Server(tmp_path / "public", "127.0.0.1", 0)
