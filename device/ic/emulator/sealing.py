"""The key that seals the emulator's state, kept apart from the state.

Its existence is the marker of provisioning: it becomes durable after the state has, and from then on a
state that is missing is tampering, never a new device.
"""

import os
import secrets
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from typing_extensions import override

from device.ic.errors import IcUnavailableError, NotProvisionedError, PolicyDeniedError
from device.storage import make_directory, sync_path

KEY_SIZE: Final = 32
_ROOT: Final = 0


class SealingKey(ABC):
    """Where the sealing key comes from."""

    @abstractmethod
    def load(self) -> bytes:
        """Return the key.

        Raises:
            NotProvisionedError: There is none.
            IcUnavailableError: It is there and cannot be used.
        """

    @abstractmethod
    def exists(self) -> bool:
        """Tell whether an IC was provisioned with a key of this place."""

    @abstractmethod
    def keep(self, key: bytes) -> None:
        """Make a new key durable; this completes provisioning.

        Raises:
            PolicyDeniedError: There is one already.
            IcUnavailableError: It cannot be written.
        """

    def draw(self) -> bytes:
        """Return a new key that is not kept yet.

        Raises:
            PolicyDeniedError: There is one already: the IC was provisioned before.
        """
        if self.exists():
            raise PolicyDeniedError("the IC was provisioned before: its sealing key exists")
        return secrets.token_bytes(KEY_SIZE)


class MemoryKey(SealingKey):
    """A sealing key that lives as long as this object: for tests."""

    def __init__(self) -> None:
        self._key = b""

    @override
    def load(self) -> bytes:
        if not self._key:
            raise NotProvisionedError("the IC was never provisioned: there is no sealing key")
        return self._key

    @override
    def exists(self) -> bool:
        return bool(self._key)

    @override
    def keep(self, key: bytes) -> None:
        if self._key:
            raise PolicyDeniedError("the sealing key exists already")
        self._key = key


class KeyFile(SealingKey):
    """A sealing key in a file of mode 0400 that only the device's user may read.

    It should not lie on the medium that holds the state; a systemd credential
    (``LoadCredentialEncrypted``) is such a file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    @override
    def load(self) -> bytes:
        with self._translated():
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                status = os.fstat(fd)
                key = os.read(fd, KEY_SIZE + 1) if stat.S_ISREG(status.st_mode) else b""
            finally:
                os.close(fd)
        if status.st_uid not in {_ROOT, os.geteuid()}:
            raise IcUnavailableError(f"{self._path}: the sealing key belongs to another user")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise IcUnavailableError(f"{self._path}: the sealing key is open to other users")
        if len(key) != KEY_SIZE:
            raise IcUnavailableError(f"{self._path}: not a sealing key")
        return key

    @override
    def exists(self) -> bool:
        return os.path.lexists(self._path)

    @override
    def keep(self, key: bytes) -> None:
        temporary = self._path.with_name(self._path.name + ".new")
        with self._translated():
            make_directory(self._path.parent)
            temporary.unlink(missing_ok=True)
            _write_new(temporary, key)
            try:
                # A hard link is the one way to create a whole file only if its name is free.
                os.link(temporary, self._path)
            except FileExistsError as error:
                raise PolicyDeniedError(f"{self._path}: the sealing key exists already") from error
            finally:
                temporary.unlink()
            sync_path(self._path.parent)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotProvisionedError(
                f"{self._path}: no sealing key, the IC was never provisioned"
            ) from error
        except OSError as error:
            raise IcUnavailableError(f"{self._path}: {error.strerror or 'cannot be used'}") from error


def _write_new(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(fd)
