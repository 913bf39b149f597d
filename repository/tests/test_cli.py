"""The commands: what they print, and the exit code of everything that can go wrong (DESIGN §8)."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from repository import view
from repository.cli import cli
from repository.repository import Repository
from repository.serve import serving
from repository.tests.making import (
    AUTHOR,
    CLASS,
    VENDOR,
    FakeClock,
    make_envelope,
    make_update,
    simple_manifest,
)
from suit.signer import KeyType, generate


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)["data"]


def run(*arguments: object) -> Outcome:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return Outcome(result.exit_code, result.stdout, result.stderr)


def refused(outcome: Outcome, code: int, *words: str) -> None:
    assert outcome.code == code
    lines = [line for line in outcome.err.splitlines() if line.startswith("hardsuit: ")]
    assert len(lines) == 1
    assert all(word in lines[0] for word in words), lines[0]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "repo"
    assert run("init", directory).code == 0
    assert run("vendor", directory, "--vendor", VENDOR.hex(), "--name", "Acme", "--bins", 2).code == 0
    return directory


@pytest.fixture
def envelope(tmp_path: Path) -> Path:
    return written(tmp_path / "one.suit", make_envelope(simple_manifest(1)))


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    return written(tmp_path / "fw.bin", b"firmware")


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_tour(directory: Path, envelope: Path, payload: Path, tmp_path: Path) -> None:
    key = written(tmp_path / "author.pem", AUTHOR.public.to_pem())
    path = f"{VENDOR.hex()}/{CLASS.hex()}/stable.suit"
    published = run("publish", directory, envelope, "--payload", payload, "--key", key, "--version", "1.0.0")
    assert (published.code, published.out) == (0, f"{path}\n")
    assert f"signed by {AUTHOR.public.name.hex()[:16]}" in published.err
    again = run("publish", directory, envelope, "--payload", payload)
    refused(again, 5, "published already")
    refused(run("bump", directory), 5, "nothing is due")
    bumped = run("bump", directory, "--due", "8d")
    assert (bumped.code, bumped.out) == (0, "timestamp\n")
    status = run("status", directory)
    assert status.code == 0
    for shown in ("root", "Acme", path, "1.0.0"):
        assert shown in status.out


def test_json_is_one_object(tmp_path: Path, envelope: Path, payload: Path) -> None:
    directory = tmp_path / "repo"
    made = run("init", directory, "--json").data
    assert made == {"root": str(directory / "root.json"), "public": str(directory / "public")}
    added = run("vendor", directory, "--vendor", VENDOR.hex(), "--bins", 2, "--json").data
    assert added == {"vendor": VENDOR.hex(), "role": f"v-{VENDOR.hex()}", "bins": 2, "timestamp": 2}
    published = run("publish", directory, envelope, "--payload", payload, "--json").data
    assert (published["suit"]["seq"], published["replaced"], published["authors"]) == (1, None, None)
    status = run("status", directory, "--json").data
    assert [role["name"] for role in status["roles"]][:4] == ["root", "targets", "snapshot", "timestamp"]
    assert status["targets"][0]["info"] == published["suit"]
    assert run("bump", directory, "--due", "8d", "--json").data == {"signed": ["timestamp"]}
    nothing = json.loads(run("bump", directory, "--json").out)
    assert (nothing["ok"], nothing["code"], nothing["reason"]) == (False, 5, "nothing-to-do")


def test_unverified_signature_is_said(directory: Path, envelope: Path, payload: Path) -> None:
    assert (
        "no author's signature was verified" in run("publish", directory, envelope, "--payload", payload).err
    )


def test_init_options(tmp_path: Path) -> None:
    made = run(
        "init", tmp_path / "a", "--root-keys", 3, "--root-threshold", 2, "--key-type", "ed25519",
        "--expires", "timestamp=2d", "--expires", "root=10w",
    )  # fmt: skip
    assert (made.code, "warning" in made.err) == (0, False)
    roles = {role["name"]: role for role in run("status", tmp_path / "a", "--json").data["roles"]}
    assert (roles["root"]["threshold"], len(roles["root"]["keys"])) == (2, 3)
    assert roles["timestamp"]["seconds"] <= 2 * 86400 < roles["snapshot"]["seconds"]
    warned = run("init", tmp_path / "b", "--root-keys", 2, "--root-threshold", 2)
    assert "warning: root needs all of its 2 keys" in warned.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--root-keys", "2", "--root-threshold", "3"], "a threshold of 3 cannot be met by 2 keys"),
        (["--expires", "nobody=3d"], "'nobody' is none of"),
        (["--expires", "root=soon"], "'soon' is no duration"),
        (["--key-type", "rsa"], "'rsa' is not one of"),
    ],
)
def test_init_that_makes_no_sense(tmp_path: Path, options: Sequence[str], words: str) -> None:
    outcome = run("init", tmp_path / "repo", *options)
    assert (outcome.code, words in outcome.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_init_does_not_touch_what_is_there(directory: Path, tmp_path: Path) -> None:
    refused(run("init", directory), 2, "exists and is not an empty directory")
    refused(run("init", written(tmp_path / "file", b"")), 2, "not an empty directory")
    (tmp_path / "empty").mkdir()
    assert run("init", tmp_path / "empty").code == 0


@pytest.mark.parametrize("verb", [["status"], ["bump"], ["serve"], ["vendor", "--vendor", VENDOR.hex()]])
def test_directory_that_is_no_repository(tmp_path: Path, verb: list[str]) -> None:
    for place in (tmp_path, tmp_path / "nowhere", written(tmp_path / "file", b"")):
        refused(run(verb[0], place, *verb[1:]), 8, "no repository here")


def test_half_a_repository(directory: Path) -> None:
    (directory / "root.json").unlink()
    refused(run("status", directory), 8, "root.json is missing")


def test_half_written_metadata(directory: Path) -> None:
    file = directory / "public" / "metadata" / "timestamp.json"
    file.write_bytes(file.read_bytes()[:100])
    refused(run("status", directory), 3, "timestamp.json", "damaged or half-written")
    refused(run("bump", directory), 3, "timestamp.json", "damaged or half-written")


def test_damaged_trusted_root(directory: Path) -> None:
    (directory / "root.json").write_text("{}")
    refused(run("status", directory), 3, "root.json")


def test_wrong_policy(directory: Path) -> None:
    (directory / "repo.yaml").write_text("key: ecdsa\nroels: {}\n")
    refused(run("status", directory), 2, "line 2: roels")


def test_key_that_cannot_be_read(directory: Path, envelope: Path, payload: Path) -> None:
    (directory / "keys" / "timestamp.pem").unlink()
    outcome = run("publish", directory, envelope, "--payload", payload)
    refused(outcome, 9, "timestamp", "keys/timestamp.pem", "No such file")


def test_author_key_that_cannot_be_read(directory: Path, envelope: Path, tmp_path: Path) -> None:
    refused(run("publish", directory, envelope, "--key", tmp_path / "none.pem"), 9, "none.pem")


def test_stranger_is_no_author(directory: Path, envelope: Path, payload: Path, tmp_path: Path) -> None:
    stranger = written(tmp_path / "stranger.pem", generate(KeyType.P256).public.to_pem())
    refused(run("publish", directory, envelope, "--payload", payload, "--key", stranger), 3)


def test_missing_payload(directory: Path, envelope: Path) -> None:
    refused(run("publish", directory, envelope), 4, "'fw.bin'", "is missing")


def test_wrong_payload(directory: Path, envelope: Path, tmp_path: Path) -> None:
    stray = written(tmp_path / "stray.bin", b"stray")
    refused(run("publish", directory, envelope, "--payload", stray), 4, "stray.bin")


def test_lower_sequence_number(directory: Path, payload: Path, tmp_path: Path) -> None:
    for number, code in ((3, 0), (2, 4), (3, 5), (4, 0)):
        envelope = written(tmp_path / f"{number}.suit", make_envelope(simple_manifest(number)))
        assert run("publish", directory, envelope, "--payload", payload).code == code


@pytest.mark.parametrize(
    ("data", "code"), [(b"", 3), (b"no envelope", 3), (b"\xd8\x6b\xa0", 3), (bytes(2 << 20), 3)],
    ids=["empty", "text", "no members", "too large"],
)  # fmt: skip
def test_file_that_is_no_envelope(directory: Path, tmp_path: Path, data: bytes, code: int) -> None:
    refused(run("publish", directory, written(tmp_path / "bad.suit", data)), code)


def test_envelope_that_is_not_there(directory: Path, tmp_path: Path) -> None:
    refused(run("publish", directory, tmp_path / "none.suit"), 8, "none.suit", "No such file")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--vendor", "nobody"], 2),
        (["--vendor", "00000000-0000-4000-8000-000000000000"], 4),
        (["--class", "00000000-0000-4000-8000-000000000000"], 4),
        (["--channel", "../up"], 3),
        (["--minimum", "9"], 2),
    ],
)
def test_destination_that_makes_no_sense(
    directory: Path, envelope: Path, payload: Path, options: Sequence[str], code: int
) -> None:
    refused(run("publish", directory, envelope, "--payload", payload, *options), code)


def test_vendor_twice_or_wrong(directory: Path) -> None:
    refused(run("vendor", directory, "--vendor", VENDOR.hex()), 5, "is in the repository already")
    refused(run("vendor", directory, "--vendor", "acme"), 2, "'acme' is no UUID")
    refused(run("vendor", directory, "--vendor", "0" * 31 + "1", "--bins", 3), 2, "power of two")


def test_overdue_offline_role(directory: Path) -> None:
    (directory / "keys" / "root.pem").unlink()
    outcome = run("bump", directory, "--due", "53w")
    refused(outcome, 9, "due but not signed: root", "keys/root.pem")
    assert outcome.out.splitlines()[0] == "targets"


def test_expired_offline_vendor(tmp_path: Path) -> None:
    directory = tmp_path / "repo"
    run("init", directory, "--expires", "vendor=1s")
    run("vendor", directory, "--vendor", VENDOR.hex(), "--bins", 2)
    (directory / "keys" / f"v-{VENDOR.hex()}.pem").unlink()
    time.sleep(1)
    refused(run("bump", directory), 6, "signed nothing", f"not signed: v-{VENDOR.hex()}")


def test_busy_port(directory: Path) -> None:
    with serving(directory) as url:
        refused(run("serve", directory, "--port", url.rpartition(":")[2]), 7, "the port is in use")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("json_wanted", [False, True], ids=["text", "json"])
def test_serve_says_where_and_stops_cleanly(directory: Path, stop: signal.Signals, json_wanted: bool) -> None:
    program = "from repository.cli import cli; cli()"
    arguments = ["serve", str(directory), *(["--json"] if json_wanted else [])]
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONWARNINGS": "error"},
    ) as server:  # fmt: skip
        assert server.stdout is not None
        first = server.stdout.readline()
        url = json.loads(first)["data"]["url"] if json_wanted else first.strip()
        with urllib.request.urlopen(f"{url}/metadata/timestamp.json", timeout=20) as answer:  # noqa: S310 - loopback
            assert answer.status == 200
        server.send_signal(stop)
        rest, err = server.communicate(timeout=20)
    assert (server.returncode, rest) == (0, "")
    assert "Traceback" not in err


def test_terminal_gets_tables(repository: Repository, clock: FakeClock, tmp_path: Path) -> None:
    repository.publish(make_update(tmp_path, 1))
    clock.pass_days(6)
    shown = view.rich_text(repository.status(), 120)
    assert "\x1b[" in shown
    assert "Acme" in shown
    assert "due" in shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (90061, "in 1 d 1 h"),
        (3600, "in 1 h"),
        (60, "in 1 min"),
        (59, "in less than a minute"),
        (-172800, "2 d ago"),
    ],
)
def test_countdown(seconds: int, text: str) -> None:
    assert view.countdown(seconds) == text
