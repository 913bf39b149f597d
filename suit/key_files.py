"""Write key files: secrets for their owner alone, nothing half written, nothing overwritten by accident."""

import os
import secrets
from pathlib import Path
from typing import Final

from suit.errors import StorageError, UsageError

_SECRET_MODE: Final = 0o600
_PUBLIC_MODE: Final = 0o644


def write_key_file(path: Path, data: bytes, *, secret: bool, overwrite: bool = False) -> None:
    """Write a key file so that it is there as a whole or not at all.

    Args:
        path: Where; its directory exists.
        data: The encoded key.
        secret: Whether nobody but the owner may read it.
        overwrite: Whether to replace what is there.

    Raises:
        StorageError: It cannot be written.
        UsageError: The file exists and is not to be overwritten.
    """
    mode = _SECRET_MODE if secret else _PUBLIC_MODE
    try:
        if overwrite:
            _replace(path, data, mode)
        else:
            _write_new(path, data, mode)
    except FileExistsError:
        raise UsageError(f"{path} exists; --force overwrites it") from None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error


def _replace(path: Path, data: bytes, mode: int) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    _write_new(draft, data, mode)
    try:
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
