"""The client that tuf-conformance drives, driven by ourselves: protocol, requests, three modes.

With ``TUF_CONFORMANCE`` naming a checkout of tuf-conformance (and ``TUF_CONFORMANCE_PYTHON`` a Python that
has its requirements), its own suite runs as well.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.tuf_client import Mode, main
from device.clock import SystemClock
from device.tests.tuf_repository import DAY, PATH, TOP_LEVEL, VENDOR_ROLE, TufRepository, served

PROGRAM = Path(__file__).parents[1] / "tuf-client"
MODES = [mode.value for mode in Mode]
CHECKOUT = os.environ.get("TUF_CONFORMANCE")


class Driven:
    """One client with its directories, and the repository that it talks to."""

    def __init__(self, directory: Path, repository: TufRepository, url: str, requests: list[str]) -> None:
        self.metadata, self.targets = directory / "metadata", directory / "targets"
        self.metadata.mkdir()
        self.targets.mkdir()
        self.first_root = directory / "initial_root.json"
        self.first_root.write_bytes(repository.first_root)
        self.repository, self.requests = repository, requests
        self._url = url

    def run(self, *arguments: str) -> int:
        self.requests.clear()
        return main(["--metadata-dir", str(self.metadata), *arguments])

    def init(self) -> int:
        return self.run("init", str(self.first_root))

    def refresh(self) -> int:
        return self.run("--metadata-url", f"{self._url}/metadata", "refresh")

    def download(self, *names: str) -> int:
        wanted = [part for name in names for part in ("--target-name", name)]
        where = ["--target-base-url", f"{self._url}/targets", "--target-dir", str(self.targets)]
        return self.run("--metadata-url", f"{self._url}/metadata", *wanted, *where, "download")

    def trusted(self) -> dict[str, bytes]:
        return {path.stem: path.read_bytes() for path in self.metadata.glob("*.json")}

    def downloaded(self) -> list[bytes]:
        return [path.read_bytes() for path in self.targets.iterdir()]


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HARDSUIT_TUF_CLIENT", request.param)
    return str(request.param)


def fresh() -> TufRepository:
    now = SystemClock().now()
    return TufRepository(dict.fromkeys((*TOP_LEVEL, VENDOR_ROLE), now + DAY))


@pytest.fixture
def client(tmp_path: Path, mode: str) -> Iterator[Driven]:
    requests: list[str] = []
    repository = fresh()
    with served(repository.files, requests) as url:
        client = Driven(tmp_path, repository, url, requests)
        assert client.init() == 0, mode
        yield client


def test_refresh_asks_for_exactly_what_is_needed_and_keeps_the_bytes(client: Driven) -> None:
    assert client.refresh() == 0
    assert client.requests == [
        "metadata/2.root.json",
        "metadata/timestamp.json",
        "metadata/1.snapshot.json",
        "metadata/1.targets.json",
    ]
    files = client.repository.files
    assert client.trusted() == {
        "root": files["metadata/1.root.json"],
        "timestamp": files["metadata/timestamp.json"],
        "snapshot": files["metadata/1.snapshot.json"],
        "targets": files["metadata/1.targets.json"],
    }
    assert client.refresh() == 0
    assert client.requests == ["metadata/2.root.json", "metadata/timestamp.json"]


def test_init_asks_for_nothing_and_stores_the_root(client: Driven) -> None:
    assert client.requests == []
    assert client.trusted() == {"root": client.repository.first_root}


def test_download_refreshes_stores_and_does_not_download_twice(client: Driven) -> None:
    assert client.download(PATH) == 0
    assert client.downloaded() == [b"release 1"]
    assert f"metadata/1.{VENDOR_ROLE}.json" in client.requests
    assert client.download(PATH) == 0
    assert not any(name.startswith("targets/") for name in client.requests)
    client.repository.publish("release 2")
    assert client.download(PATH) == 0
    assert client.downloaded() == [b"release 2"]


def test_download_stops_at_the_first_target_that_fails(client: Driven) -> None:
    assert client.download("no/such/target", PATH) == 1
    assert client.downloaded() == []
    assert client.download(PATH, "no/such/target") == 1
    assert client.downloaded() == [b"release 1"]


def test_tampered_target_is_refused(client: Driven) -> None:
    name = next(name for name in client.repository.files if name.startswith("targets/"))
    client.repository.files[name] = b"release X"
    assert client.download(PATH) == 1
    assert b"release X" not in client.downloaded()


def test_rotation_is_followed(client: Driven) -> None:
    client.repository.rotate("root", "timestamp")
    client.repository.publish("release 2")
    assert client.refresh() == 0
    assert client.trusted()["root"] == client.repository.files["metadata/2.root.json"]
    assert client.refresh() == 0
    assert client.requests == ["metadata/3.root.json", "metadata/timestamp.json"]


def test_rollback_is_refused(client: Driven) -> None:
    old = dict(client.repository.files)
    client.repository.publish("release 2")
    assert client.download(PATH) == 0
    client.repository.files.clear()
    client.repository.files.update(old)
    assert client.download(PATH) == 1
    assert client.downloaded() == [b"release 2"]


def test_expired_metadata_is_refused(client: Driven, capsys: pytest.CaptureFixture[str]) -> None:
    client.repository.expiry["timestamp"] = SystemClock().now() - 1
    client.repository.publish_timestamp()
    assert client.refresh() == 1
    assert "ExpiredError" in capsys.readouterr().err


def test_wiped_cache_leads_back_in_no_mode_but_those_without_an_anchor(client: Driven, mode: str) -> None:
    old = dict(client.repository.files)
    client.repository.publish("release 2")
    assert client.refresh() == 0
    shutil.rmtree(client.metadata)
    client.metadata.mkdir()
    client.repository.files.clear()
    client.repository.files.update(old)
    accepted = mode != Mode.ANCHOR.value
    assert client.download(PATH) == (0 if accepted else 1)
    assert client.downloaded() == ([b"release 1"] if accepted else [])


@pytest.mark.usefixtures("mode")
def test_client_without_init_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    requests: list[str] = []
    client = Driven(tmp_path, fresh(), "http://127.0.0.1:9", requests)
    assert client.refresh() == 1
    assert capsys.readouterr().err.startswith("tuf-client: ")


def test_second_init_is_refused(client: Driven) -> None:
    assert client.init() == 1
    assert client.refresh() == 0


@pytest.mark.usefixtures("mode")
@pytest.mark.parametrize("raw", [b"", b"{}", b"nonsense"])
def test_initial_root_that_is_none_is_refused(tmp_path: Path, raw: bytes) -> None:
    client = Driven(tmp_path, fresh(), "http://127.0.0.1:9", [])
    client.first_root.write_bytes(raw)
    assert client.init() == 1
    assert client.refresh() == 1


def test_unknown_mode_is_refused(
    client: Driven, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARDSUIT_TUF_CLIENT", "none")
    assert client.refresh() == 1
    assert "plain, ic, anchor" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--metadata-dir", "d"],
        ["--metadata-dir", "d", "refresh"],
        ["--metadata-dir", "d", "--metadata-url", "u", "download"],
    ],
    ids=["nothing", "no command", "no address", "no target"],
)
def test_incomplete_command_line_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.usefixtures("mode")
@pytest.mark.parametrize("launcher", [[], [sys.executable]], ids=["executable", "python"])
def test_program_runs_by_its_path(tmp_path: Path, launcher: list[str]) -> None:
    repository = fresh()
    with served(repository.files) as url:
        Driven(tmp_path, repository, url, [])
        command = [*launcher, str(PROGRAM), "--metadata-dir", str(tmp_path / "metadata")]
        subprocess.run([*command, "init", str(tmp_path / "initial_root.json")], check=True)
        subprocess.run([*command, "--metadata-url", f"{url}/metadata", "refresh"], check=True)
        missing = subprocess.run(
            [*command, "--metadata-url", f"{url}/nowhere", "refresh"], capture_output=True, check=False
        )
    assert (tmp_path / "metadata" / "timestamp.json").read_bytes() == repository.files[
        "metadata/timestamp.json"
    ]
    assert missing.returncode == 1
    assert missing.stderr.count(b"\n") == 1


if CHECKOUT:

    @pytest.mark.req("H5-10")
    def test_tuf_conformance_passes_without_an_expected_failure(mode: str) -> None:
        """Run all of tuf-conformance; collected only where a checkout is named."""
        checkout = Path(str(CHECKOUT)).resolve()
        python = os.environ.get("TUF_CONFORMANCE_PYTHON", sys.executable)
        command = [python, "-m", "pytest", "-q", "-c", "pyproject.toml", "-p", "no:cacheprovider"]
        environment = os.environ | {"HARDSUIT_TUF_CLIENT": mode}
        result = subprocess.run(
            [*command, "tuf_conformance", "--entrypoint", str(PROGRAM)],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout[-4000:]
        assert "113 passed" in result.stdout
