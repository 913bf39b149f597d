"""Root metadata on the storage port: where a refresh starts.

Storage is not trusted. A root counts as the anchored one only if its hash is the one that the IC
keeps; anything else, the factory root included, is merely where the chain of roots begins, and that
chain has to pass through the anchored root.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from device.ic.interface import VERSION_LIMIT, AnchorRecord
from device.storage import NotFoundError, Storage, replace
from suit.errors import LimitError, NotAuthenticError, NoTrustAnchorError

_DIRECTORY: Final = "tuf"
_FACTORY: Final = f"{_DIRECTORY}/factory.root.json"
_VERSIONED: Final = re.compile(r"[1-9][0-9]*\.root\.json(\.new)?")
_MAX_ROOT: Final = 512_000


@dataclass(frozen=True, slots=True)
class Start:
    """Where the chain of roots begins.

    Attributes:
        file: Content of its ``root.json``.
        version: Its version if the IC vouches for it; 0 if it has to prove itself.
    """

    file: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Roots:
    """The factory root and the newest root, as files of the device's storage."""

    storage: Storage

    def provision(self, root_file: bytes, *, time_floor: int = 0) -> AnchorRecord:
        """Keep the factory root and return what the IC has to be given for it.

        Args:
            root_file: Content of the ``root.json`` that this device shall start from.
            time_floor: When the device was made, in Unix seconds.

        Raises:
            NotAuthenticError: This is no root metadata, or not signed by itself.
            LimitError: It is larger than any client accepts.
        """
        version = _verified_version(root_file)
        replace(self.storage, _FACTORY, root_file)
        return AnchorRecord.pin(version, root_file, time_floor=time_floor)

    def start(self, anchor: AnchorRecord) -> Start:
        """Return the root to begin with: the anchored one where storage still has it.

        Raises:
            NoTrustAnchorError: No repository is pinned, or storage holds no root at all.
        """
        if anchor.root_version == 0:
            raise NoTrustAnchorError("the IC knows no TUF repository: the device was never initialised")
        newest, factory = self._read(_name(anchor.root_version)), self._read(_FACTORY)
        for candidate in (newest, factory):
            if candidate is not None and hashlib.sha256(candidate).digest() == anchor.root_sha256:
                return Start(candidate, anchor.root_version)
        if factory is None:
            raise NoTrustAnchorError(f"{_FACTORY}: missing, and the root that the IC knows is lost")
        return Start(factory, 0)

    def keep(self, version: int, root_file: bytes) -> None:
        """Keep a verified root durably beside the older ones, before the IC is told of it."""
        if self._read(_name(version)) != root_file:
            replace(self.storage, _name(version), root_file)

    def forget_others(self, version: int) -> None:
        """Drop the roots that the IC no longer asks for."""
        kept = _name(version)
        for name in self.storage.list(_DIRECTORY):
            path = f"{_DIRECTORY}/{name}"
            if _VERSIONED.fullmatch(name) and path != kept:
                self.storage.unlink(path)

    def _read(self, name: str) -> bytes | None:
        try:
            return self.storage.read(name, 0, _MAX_ROOT)
        except NotFoundError:
            return None


def _name(version: int) -> str:
    return f"{_DIRECTORY}/{version}.root.json"


def _verified_version(root_file: bytes) -> int:
    if len(root_file) > _MAX_ROOT:
        raise LimitError("root.json", f"more than {_MAX_ROOT} bytes")
    try:
        metadata = Metadata[Root].from_bytes(root_file)
        if not isinstance(metadata.signed, Root):
            raise NotAuthenticError("root.json: this is other metadata, not root")
        root = metadata.signed
        root.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
    except RepositoryError as error:
        raise NotAuthenticError(f"root.json: {error}") from error
    if not 0 < root.version < VERSION_LIMIT:
        raise NotAuthenticError("root.json: its version is out of range")
    return root.version
