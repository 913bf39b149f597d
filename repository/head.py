"""Read the repository as a careful client would: every byte against the keys that vouch for it.

A publisher builds on what it reads and signs the result with online keys. Would it not verify first,
whoever can write to the public folder could have forged entries signed by the next honest publish.
Expiry alone is not looked at: renewing what has expired is the publisher's job.
"""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from securesystemslib.signer import Signature
from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Key, Metadata, Root, Signed, Snapshot, Targets, Timestamp

from repository.roles import delegator_of
from repository.store import Store
from suit.errors import MalformedError, NotAuthenticError, StorageError

S = TypeVar("S", bound=Signed)

_KEYS_DO_NOT_VOUCH = "not signed by the keys of its role; somebody else changed it"


def metadata_name(role: str, version: int | None = None) -> str:
    """Name the metadata file of a role in a store."""
    return f"metadata/{role}.json" if version is None else f"metadata/{version}.{role}.json"


@dataclass(frozen=True, slots=True)
class Head:
    """One verified state of the repository; delegated roles are read when they are asked for.

    The role objects are shared: whoever wants to change one copies it first.
    """

    store: Store
    root: Root
    timestamp: Timestamp
    snapshot: Snapshot
    targets: Targets
    _roles: dict[str, Targets] = field(default_factory=dict, repr=False)

    def role(self, name: str) -> Targets:
        """Return a targets role, top-level or delegated.

        Raises:
            StorageError: The snapshot does not list it, or its file is missing.
            MalformedError: The file is damaged.
            NotAuthenticError: The file is not what its delegator and the snapshot vouch for.
        """
        if name == "targets":
            return self.targets
        if name not in self._roles:
            delegator = self.role(delegator_of(name))
            self._roles[name] = _load_listed(self.store, self.snapshot, delegator, name)
        return self._roles[name]

    def keys(self, name: str) -> tuple[list[Key], int]:
        """Return the keys of a role and its threshold, as its delegator states them."""
        parent = delegator_of(name)
        return keys_of(self.root if parent == "root" else self.role(parent), name)

    def vendors(self) -> list[str]:
        """Name the roles of all vendors."""
        delegations = self.targets.delegations
        return sorted(delegations.roles or {}) if delegations else []


def keys_of(delegator: Root | Targets, name: str) -> tuple[list[Key], int]:
    """Return the keys and the threshold that a delegator states for a role."""
    role = delegator.get_delegated_role(name)
    return [delegator.get_key(keyid) for keyid in role.keyids], role.threshold


def load_head(store: Store, trusted_root: bytes) -> Head:
    """Read the newest committed state.

    Args:
        store: The public files.
        trusted_root: The root that the maintainer keeps in the private half.

    Raises:
        StorageError: A file is missing.
        MalformedError: A file is damaged or half-written.
        NotAuthenticError: A file was changed by somebody without the keys.
    """
    root = _load_root(store, trusted_root)
    timestamp = _newest_timestamp(store, root)
    meta = timestamp.snapshot_meta
    name = metadata_name("snapshot", meta.version)
    raw = _require(store, name)
    try:
        meta.verify_length_and_hashes(raw)
    except LengthOrHashMismatchError as error:
        raise NotAuthenticError(f"{name}: not the file that timestamp lists") from error
    snapshot = _verified(raw, name, Snapshot, root, "snapshot", meta.version)
    targets = _load_listed(store, snapshot, root, "targets")
    return Head(store, root, timestamp, snapshot, targets)


def newest_timestamp_file(store: Store) -> tuple[int, bytes] | None:
    """Find the newest committed timestamp: the highest number of an unbroken run.

    The numbered file is what commits a publish; ``timestamp.json`` follows and may lag after a crash.
    """
    raw = store.get(metadata_name("timestamp"))
    number = 0 if raw is None else parse(raw, metadata_name("timestamp"), Timestamp).signed.version
    while (newer := store.get(metadata_name("timestamp", number + 1))) is not None:
        number, raw = number + 1, newer
    return None if raw is None else (number, raw)


@dataclass(frozen=True, slots=True)
class Parsed(Generic[S]):
    """A parsed metadata file: the role, the bytes its signatures cover, the signatures."""

    signed: S
    payload: bytes
    signatures: dict[str, Signature]


def parse(raw: bytes, where: str, role: type[S]) -> Parsed[S]:
    """Parse a metadata file as one kind of role.

    Raises:
        MalformedError: It is none.
    """
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(raw)
        payload = metadata.signed_bytes
    except RepositoryError as error:
        raise MalformedError(where, "no TUF metadata: damaged or half-written") from error
    if not isinstance(metadata.signed, role):
        raise MalformedError(where, f"holds the role {metadata.signed.type}")
    return Parsed(metadata.signed, payload, metadata.signatures)


def _load_root(store: Store, trusted_root: bytes) -> Root:
    """Follow root from the trusted version to the newest, each signed by its predecessor and itself."""
    root = parse(trusted_root, "root.json", Root).signed
    while (raw := store.get(name := metadata_name("root", root.version + 1))) is not None:
        file = parse(raw, name, Root)
        successor = _require_version(file.signed, name, root.version + 1)
        if not successor.get_root_verification_result(root, file.payload, file.signatures):
            raise NotAuthenticError(f"{name}: {_KEYS_DO_NOT_VOUCH}")
        root = successor
    return root


def _newest_timestamp(store: Store, root: Root) -> Timestamp:
    newest = newest_timestamp_file(store)
    if newest is None:
        raise StorageError(f"{metadata_name('timestamp')}: missing")
    number, raw = newest
    return _verified(raw, metadata_name("timestamp", number), Timestamp, root, "timestamp", number)


def _load_listed(store: Store, snapshot: Snapshot, delegator: Root | Targets, role: str) -> Targets:
    listed = snapshot.meta.get(f"{role}.json")
    if listed is None:
        raise StorageError(f"{role}: the snapshot does not list it")
    name = metadata_name(role, listed.version)
    return _verified(_require(store, name), name, Targets, delegator, role, listed.version)


def _verified(raw: bytes, where: str, kind: type[S], delegator: Root | Targets, role: str, version: int) -> S:
    file = parse(raw, where, kind)
    try:
        delegator.verify_delegate(role, file.payload, file.signatures)
    except UnsignedMetadataError as error:
        raise NotAuthenticError(f"{where}: {_KEYS_DO_NOT_VOUCH}") from error
    except (ValueError, RepositoryError) as error:
        raise NotAuthenticError(f"{where}: nobody delegates to {role}") from error
    return _require_version(file.signed, where, version)


def _require_version(signed: S, where: str, version: int) -> S:
    if signed.version != version:
        raise NotAuthenticError(f"{where}: says it is version {signed.version}")
    return signed


def _require(store: Store, name: str) -> bytes:
    raw = store.get(name)
    if raw is None:
        raise StorageError(f"{name}: missing")
    return raw
