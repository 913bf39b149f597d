"""Files of a command: ``-`` is standard input or output; what is written is there whole or not at all."""

import os
import sys
from pathlib import Path
from typing import Final

from suit.errors import LimitError, UsageError

STANDARD: Final = "-"
_MODE: Final = 0o666  # the umask takes its part


def read_input(name: str, limit: int) -> bytes:
    """Read a file, or standard input for ``-``.

    Raises:
        LimitError: It is longer than ``limit`` bytes.
        OSError: It cannot be read.
    """
    if name == STANDARD:
        data = sys.stdin.buffer.read(limit + 1)
    else:
        with Path(name).open("rb") as file:
            data = file.read(limit + 1)
    if len(data) > limit:
        raise LimitError(name, f"longer than {limit} bytes")
    return data


def write_output(name: str | None, data: bytes) -> None:
    """Write a file, replacing what is there, or standard output for ``-`` and None.

    Raises:
        OSError: It cannot be written; what was there before still is.
        UsageError: Standard output is a terminal, which binary data would confuse.
    """
    if name is None or name == STANDARD:
        if sys.stdout.isatty():
            raise UsageError("binary data does not go to a terminal: name a file with --out, or redirect")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(name).resolve()  # a link stays a link
    if path.exists() and not path.is_file():
        path.write_bytes(data)  # a device or a pipe cannot be replaced
        return
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, name) from error
