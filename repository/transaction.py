"""Change the repository in one step that either happened or did not.

The order of writes is the whole secret:

1. new versions of targets roles, each a new file that nothing refers to yet;
2. a new ``N.snapshot.json`` that lists them;
3. ``N.timestamp.json``, created only if absent. **This is the commit**: its number is one more than that
   of the head, so of several publishers that started from one head exactly one gets it;
4. ``timestamp.json``, the name that clients ask for, moved forward and never back.

A crash before 3 leaves files that nothing refers to; a crash between 3 and 4 is completed by whoever
publishes next. The loser of a race starts again from the new head. Its files stay behind under
version numbers that the next publisher finds taken and passes over.
"""

import copy
from datetime import UTC, datetime

from tuf.api.metadata import Key, MetaFile, Root, Snapshot, Targets, Timestamp

from repository.head import Head, keys_of, metadata_name, newest_timestamp_file, parse
from repository.policy import Policy
from repository.roles import delegator_of, expiry, kind_of
from repository.signers import AnyRole, Keyring
from repository.store import Store
from suit.errors import StorageError
from suit.target import ISSUED, ISSUED_FORMAT


class Transaction:
    """Edits on top of one head, invisible to everybody until :meth:`commit`.

    Args:
        store: Where the files go.
        keyring: Who signs.
        policy: How long signatures are good.
        now: The time of all signatures of this transaction.
        root: The root whose keys count.
        head: What the edits start from; None for the first commit of a repository.
    """

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        policy: Policy,
        now: datetime,
        *,
        root: Root,
        head: Head | None,
    ) -> None:
        self.now = now
        self.root = root
        self._store = store
        self._keyring = keyring
        self._policy = policy
        self._head = head
        self._edits: dict[str, Targets] = {}
        self._renew_snapshot = head is None

    @property
    def head(self) -> Head:
        """The state that the edits start from."""
        if self._head is None:
            raise StorageError("the repository has no state yet")
        return self._head

    def role(self, name: str) -> Targets:
        """Return a role as this transaction sees it, for reading."""
        return self._edits[name] if name in self._edits else self.head.role(name)

    def edit(self, name: str) -> Targets:
        """Return a copy of a role to change; it will be signed anew."""
        if name not in self._edits:
            role = copy.deepcopy(self.head.role(name))
            role.version += 1
            role.expires = expiry(self.now, self._policy.roles.of(kind_of(name)))
            self._edits[name] = role
        return self._edits[name]

    def add(self, name: str, role: Targets) -> None:
        """Add a role that the head does not have."""
        self._edits[name] = role

    def renew_snapshot(self) -> None:
        """Sign snapshot anew even if no role below it changes."""
        self._renew_snapshot = True

    def keys(self, name: str) -> tuple[list[Key], int]:
        """Return the keys of a role and its threshold, as its delegator states them now."""
        parent = delegator_of(name)
        return keys_of(self.root if parent == "root" else self.role(parent), name)

    def commit(self) -> bool:
        """Make the edits real.

        Returns:
            Whether they became real; False when another publisher was first.

        Raises:
            KeyUnavailableError: A role cannot be signed here.
            StorageError: The store failed; nothing changed for clients.
        """
        snapshot = self._write_snapshot()
        previous = self._head.timestamp.version if self._head else 0
        timestamp = Timestamp(
            version=previous + 1,
            expires=expiry(self.now, self._policy.roles.timestamp),
            snapshot_meta=snapshot,
            unrecognized_fields={ISSUED: self.now.astimezone(UTC).strftime(ISSUED_FORMAT)},
        )
        raw = self._seal("timestamp", timestamp)
        if not self._store.put_immutable(metadata_name("timestamp", timestamp.version), [raw]):
            return False
        roll_forward(self._store)
        return True

    def _write_snapshot(self) -> MetaFile:
        """Write the edited roles and a snapshot that lists them; return its entry for timestamp."""
        if not self._edits and not self._renew_snapshot:
            return self.head.timestamp.snapshot_meta
        listed = dict(self._head.snapshot.meta) if self._head else {}
        for name, role in self._edits.items():
            self._write_numbered(name, role)
            listed[f"{name}.json"] = MetaFile(role.version)
        version = self._head.snapshot.version + 1 if self._head else 1
        expires = expiry(self.now, self._policy.roles.snapshot)
        snapshot = Snapshot(version=version, expires=expires, meta=listed)
        raw = self._write_numbered("snapshot", snapshot)
        return MetaFile.from_data(snapshot.version, raw, ["sha256"])

    def _write_numbered(self, name: str, role: AnyRole) -> bytes:
        """Sign a role and write it under the first version number that is free."""
        while True:
            file = metadata_name(name, role.version)
            if self._store.get(file) is None:  # signing is dearer than looking
                raw = self._seal(name, role)
                if self._store.put_immutable(file, [raw]):
                    return raw
            role.version += 1

    def _seal(self, name: str, role: AnyRole) -> bytes:
        keys, threshold = self.keys(name)
        return self._keyring.seal(name, role, keys, threshold)


def write_root(store: Store, keyring: Keyring, root: Root, previous: Root) -> bool:
    """Sign a successor of root and publish it; creating its file is the commit.

    Returns:
        Whether it was published; False when somebody else published this version first.

    Raises:
        KeyUnavailableError: Too few of the root keys are at hand.
    """
    keys, threshold = keys_of(previous, "root")
    raw = keyring.seal("root", root, keys, threshold)
    return store.put_immutable(metadata_name("root", root.version), [raw])


def roll_forward(store: Store) -> None:
    """Move ``timestamp.json`` to the newest committed timestamp, never back."""
    newest = newest_timestamp_file(store)
    if newest is None:
        return
    number, raw = newest

    def decide(current: bytes | None) -> bytes | None:
        if current is not None and _version(current) >= number:
            return None
        return raw

    store.update(metadata_name("timestamp"), decide)


def _version(raw: bytes) -> int:
    return parse(raw, metadata_name("timestamp"), Timestamp).signed.version
