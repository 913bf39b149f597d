"""Starting an IC's process for a device that has none running, and ending it with the device."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from device.ic.errors import IcUnavailableError
from device.ic.wire import faults
from suit.errors import HardsuitError, MalformedError

START: Final = 60.0
"""Seconds that a new process may take until it listens."""
_END: Final = 10.0
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
_LINE: Final = 1 << 16


@contextmanager
def spawned(state: Path, key: Path) -> Iterator[Path]:
    """Run ``hardsuit ic serve`` while the block runs; it ends with this process, however that ends.

    Args:
        state: The IC's own directory.
        key: The file of its sealing key.

    Returns:
        The socket where it listens, in a directory that only this user can enter.

    Raises:
        HardsuitError: Why it does not start.
    """
    with ExitStack() as stack:
        try:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="hardsuit-ic-"))
            path = Path(directory) / "socket"
            process = stack.enter_context(_begun(state, key, path))
        except OSError as error:
            raise IcUnavailableError(f"the IC's process cannot be started: {error.strerror}") from error
        try:
            _require_ready(process)
            yield path
        finally:
            _end(process)


def _begun(state: Path, key: Path, path: Path) -> subprocess.Popen[bytes]:
    # No ``python -m`` with the working directory on the path: what lies there is nobody's program.
    program = [sys.executable, "-P", "-m", "hardsuit", "ic", "serve", "--json", "--lifeline"]
    options = [f"--state={state.absolute()}", f"--key={key.absolute()}", f"--socket={path}"]
    return subprocess.Popen(  # noqa: S603 - our own program
        [*program, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C for the device is not for its IC
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
    )


def _require_ready(process: subprocess.Popen[bytes]) -> None:
    """Read the one line by which a server says that it listens, or why not."""
    line = _first_line(process)
    try:
        told = json.loads(line)
        if told["ok"]:
            return
        error: HardsuitError = faults.from_item([told["reason"], told["data"]["message"], []])
    except (ValueError, LookupError, TypeError, MalformedError):
        raise IcUnavailableError("the IC's process did not start") from None
    raise error


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    line = b""
    deadline = time.monotonic() + START
    while not line.endswith(b"\n") and len(line) < _LINE:
        if not select.select([process.stdout], [], [], max(deadline - time.monotonic(), 0))[0]:
            raise IcUnavailableError(f"the IC's process did not start within {START:.0f} s")
        part = os.read(process.stdout.fileno(), _LINE)
        if not part:
            break
        line += part
    return line


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101 - it was asked for
    process.stdin.close()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
