"""``hardsuit ic``: the program, shut off from other processes, started and stopped."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from device.ic.cli import cli
from device.ic.errors import (
    IcUnavailableError,
    NotProvisionedError,
    PolicyDeniedError,
    RollbackDetectedError,
    StateCorruptError,
)
from device.ic.interface import Provisioning, Where
from device.ic.places import IN_PROCESS, PROCESS, SOCKET, opened_ic, provision_ic
from device.ic.process.client import RemoteIC
from device.ic.process.host import emulator_host
from device.ic.process.server import listening
from device.ic.process.spawn import spawned
from device.ic.tests.rig import AUTHOR, NOW, ROOT, SECRET, manifest_ticket
from suit.errors import ExitCode, StorageError, UsageError

PLAN = Provisioning((AUTHOR.key,), SECRET, ROOT)
PEEK = """
import ctypes, os, resource, sys
libc = ctypes.CDLL(None)
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
assert libc.prctl(4, 1, 0, 0, 0) == 0  # as any program is that was started as this user
reading, writing = os.pipe()
child = os.fork()
if not child:
    if sys.argv[1] == "hardened":
        from device.ic.process.hardening import harden
        harden()
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
        assert libc.prctl(3, 0, 0, 0, 0) == 0 and libc.prctl(39, 0, 0, 0, 0) == 1
    os.write(writing, b"ready")
    os.pause() if hasattr(os, "pause") else __import__("signal").pause()
os.read(reading, 5)
try:
    open(f"/proc/{child}/mem", "rb").close()
    print("readable")
except PermissionError:
    print("shut off")
finally:
    os.kill(child, 9)
    os.waitpid(child, 0)
"""


@pytest.mark.req("H6-12")
@pytest.mark.parametrize(("what", "found"), [("plain", "readable"), ("hardened", "shut off")])
def test_another_process_of_the_same_user_cannot_read_the_memory(what: str, found: str) -> None:
    preloaded = f"import device.ic.process.hardening\n{PEEK}"
    done = subprocess.run(
        [sys.executable, "-c", preloaded, what], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.returncode) == (found, 0), done.stderr


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def one_line(result: Result, code: ExitCode) -> str:
    assert result.exit_code == code.value, result.output
    lines: list[str] = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="ic-") as short:
        yield Path(short)


def test_the_program_says_where_it_serves_and_stops_at_a_signal(place: Path) -> None:
    path = place / "socket"
    program = [sys.executable, "-m", "hardsuit", "ic", "serve", f"--state={place / 'ic'}", f"--socket={path}"]
    for attempt, number in enumerate((signal.SIGTERM, signal.SIGINT)):
        with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert server.stderr is not None
            assert server.stdout.readline().strip() == str(path)
            with RemoteIC(path) as ic:
                if not attempt:
                    with pytest.raises(NotProvisionedError):
                        ic.info()
                    ic.provision(PLAN)
                assert ic.info().boot_count == attempt + 1
                assert ic.hello() == server.pid
            told = json.loads(run("status", "--json", "--socket", path).stdout)["data"]
            assert (told["pid"], told["isolation"], told["levels"]["floor"]) == (
                server.pid,
                "process",
                "adapter",
            )
            assert run("status", "--socket", path).exit_code == 0
            server.send_signal(number)
            assert server.wait(30) == 0
            assert "Traceback" not in server.stderr.read()
        assert not path.exists()
    one_line(run("status", "--socket", path), ExitCode.KEY)


def test_a_process_for_one_device_ends_with_it(tmp_path: Path) -> None:
    with spawned(tmp_path / "ic", tmp_path / "ic.key") as path, RemoteIC(path) as ic:
        pid = ic.hello()
        assert Path(f"/proc/{pid}").exists()
        ic.provision(PLAN)
        assert manifest_ticket(ic).boot_count == 1
    assert not Path(f"/proc/{pid}").exists()
    assert not path.parent.exists()


def test_a_process_whose_device_was_killed_ends_too(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from device.ic.process.client import RemoteIC\n"
        "from device.ic.process.spawn import spawned\n"
        "home = Path(sys.argv[1])\n"
        "with spawned(home / 'ic', home / 'ic.key') as path:\n"
        "    print(RemoteIC(path).hello(), path.parent, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, timeout=60, check=False
    )
    pid, _, directory = done.stdout.decode().strip().partition(" ")
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not (Path(directory) / "socket").exists()
    Path(directory).rmdir()


def test_a_state_that_another_process_holds_is_refused_by_name(tmp_path: Path) -> None:
    with (
        spawned(tmp_path / "ic", tmp_path / "ic.key"),
        pytest.raises(StorageError, match="in use by another process"),
        spawned(tmp_path / "ic", tmp_path / "ic.key"),
    ):
        pytest.fail("two processes serve one state")


def test_a_state_that_is_open_to_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ic").mkdir()
    (tmp_path / "ic").chmod(0o750)
    with (
        pytest.raises(IcUnavailableError, match="open to other users"),
        spawned(tmp_path / "ic", tmp_path / "ic.key"),
    ):
        pytest.fail("it serves")


def test_a_state_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ic").mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with (
        pytest.raises(IcUnavailableError, match="another user"),
        emulator_host(tmp_path / "ic", tmp_path / "ic.key"),
    ):
        pytest.fail("it serves")


@pytest.mark.parametrize("option", ["--user", "--group"])
@pytest.mark.parametrize("number", ["-1", "4294967295", "99999999999999999999"])
def test_a_number_that_is_nobodys_is_refused(place: Path, option: str, number: str) -> None:
    result = run("serve", f"--state={place / 'ic'}", f"--socket={place / 's'}", option, number)
    assert result.exit_code == ExitCode.USAGE.value, result.output


@pytest.mark.req("H6-3")
def test_a_damaged_state_is_served_as_what_it_is(tmp_path: Path) -> None:
    with spawned(tmp_path / "ic", tmp_path / "ic.key") as path, RemoteIC(path) as ic:
        ic.provision(PLAN)
    for copy in (tmp_path / "ic" / "ic").iterdir():
        copy.write_bytes(bytes(4096))
    with spawned(tmp_path / "ic", tmp_path / "ic.key") as path, RemoteIC(path) as ic:
        for call in (ic.info, ic.keys, lambda: ic.authorize(SECRET)):
            with pytest.raises(StateCorruptError):
                call()
        with pytest.raises(PolicyDeniedError, match="provisioned before"):
            ic.provision(PLAN)


def test_a_socket_that_was_left_behind_is_replaced_and_one_in_use_is_not(place: Path) -> None:
    path = place / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with listening(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(StorageError, match="somebody listens"), listening(path):
            pytest.fail("two listen")
        assert path.exists()
    assert not path.exists()
    path.write_text("a file")
    with pytest.raises(StorageError, match="no socket"), listening(path):
        pytest.fail("it listens")
    assert path.read_text() == "a file"


def test_a_group_may_be_let_in(place: Path) -> None:
    path = place / "socket"
    with listening(path, group=os.getegid()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_a_name_that_no_socket_can_have_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at most 107"), listening(tmp_path / ("x" * 120)):
        pytest.fail("it listens")


@pytest.mark.parametrize("where", [PROCESS, IN_PROCESS])
def test_a_place_gives_the_same_ic_again(tmp_path: Path, where: str) -> None:
    provision_ic(where, tmp_path, PLAN, require={}, clock=lambda: NOW)
    with opened_ic(where, tmp_path, require={}, clock=lambda: NOW) as ic:
        ic.raise_floor("x", 3)
        uid = ic.info().uid
    other = IN_PROCESS if where == PROCESS else PROCESS
    with opened_ic(other, tmp_path, require={}, clock=lambda: NOW) as ic:
        assert (ic.floor("x").value, ic.info().uid) == (3, uid)


@pytest.mark.req("H6-14")
def test_a_device_that_requires_more_than_its_ic_enforces_does_not_start(tmp_path: Path) -> None:
    provision_ic(IN_PROCESS, tmp_path, PLAN, require={"floor": Where.HOST}, clock=lambda: NOW)
    for where, require in (
        (IN_PROCESS, {"floor": Where.ADAPTER}),
        (PROCESS, {"floor": Where.CHIP}),
    ):
        with (
            pytest.raises(Exception, match="floor must be"),
            opened_ic(where, tmp_path, require=require, clock=lambda: NOW),
        ):
            pytest.fail("it started")
    with opened_ic(PROCESS, tmp_path, require={"floor": Where.ADAPTER}, clock=lambda: NOW) as ic:
        assert ic.keys()


def test_a_socket_of_somebody_elses_ic_is_a_place(tmp_path: Path) -> None:
    with spawned(tmp_path / "elsewhere", tmp_path / "elsewhere.key") as path:
        provision_ic(f"{SOCKET}{path}", tmp_path, PLAN, require={}, clock=lambda: NOW)
        for _ in range(2):
            with opened_ic(f"{SOCKET}{path}", tmp_path, require={}, clock=lambda: NOW) as ic:
                assert ic.info().boot_count == 1
    with (
        pytest.raises(IcUnavailableError),
        opened_ic(f"{SOCKET}{path}", tmp_path, require={}, clock=lambda: NOW),
    ):
        pytest.fail("nobody listens")


@pytest.mark.req("H6-3")
def test_a_witness_notices_that_the_whole_state_was_put_back(place: Path) -> None:
    path, state, witness = place / "socket", place / "ic", place / "witness"
    program = [sys.executable, "-m", "hardsuit", "ic", "serve", "--lifeline", f"--state={state}"]
    program += [f"--socket={path}", f"--witness={witness}"]

    def served(act: Callable[[RemoteIC], object]) -> None:
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            assert server.stdout.readline()
            with RemoteIC(path) as ic:
                act(ic)
            server.stdin.close()
            assert server.wait(30) == 0

    served(lambda ic: ic.provision(PLAN))
    old = {copy: copy.read_bytes() for copy in (state / "ic").iterdir()}
    served(lambda ic: ic.raise_floor("x", 7))
    for copy, content in old.items():
        copy.write_bytes(content)

    def refused(ic: RemoteIC) -> None:
        with pytest.raises(RollbackDetectedError, match="remembers"):
            ic.info()

    served(refused)
