"""What all of a maintainer's operations share: the places, the keys, the clock and the commit loop."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from repository import policy as policies
from repository.head import Head, load_head
from repository.policy import Policy, RoleKind
from repository.roles import Clock
from repository.signers import Keyring, RoleKey, obtain
from repository.store import DirectoryStore, storage_errors
from repository.transaction import Transaction, roll_forward
from suit.errors import StorageError

ROOT_FILE: Final = "root.json"
FOLDERS: Final = {"public": 0o777, "staging": 0o700, "keys": 0o700}

_ATTEMPTS: Final = 1000
_PAUSE: Final = 0.02  # seconds; the longest wait before a lost race is run again

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that was made: the version of timestamp that did it."""

    timestamp: int


class Workshop:
    """A repository's directory with its keys.

    ::

        DIR/repo.yaml      policy (private)
        DIR/root.json      version 1 of root: what devices are provisioned with
        DIR/keys/          private keys, unless they live elsewhere
        DIR/staging/       files that are not complete yet, and the lock
        DIR/public/        what may be served: metadata/, targets/, content/

    Args:
        directory: An absolute path.
        policy: What ``repo.yaml`` says.
        clock: Tells the time of signatures and expiry.
    """

    def __init__(self, directory: Path, policy: Policy, clock: Clock) -> None:
        self.directory = directory
        self.policy = policy
        self.clock = clock
        self.store = DirectoryStore(directory / "public", directory / "staging")
        self.keyring = Keyring(directory, policy.signers)

    @property
    def public(self) -> Path:
        """The folder that may be served; everything else is private."""
        return self.directory / "public"

    @property
    def root_file(self) -> Path:
        """Version 1 of root, for provisioning devices."""
        return self.directory / ROOT_FILE

    def head(self) -> Head:
        """Read and verify the newest committed state.

        Raises:
            StorageError, MalformedError, NotAuthenticError: See :func:`repository.head.load_head`.
        """
        with storage_errors(ROOT_FILE):
            trusted = self.root_file.read_bytes()
        return load_head(self.store, trusted)

    def obtain(self, kind: RoleKind, name: str) -> list[RoleKey]:
        """Make the keys of a role, or find those that an interrupted command made."""
        count = self.policy.roles.of(kind).keys
        names = [name] if count == 1 else [f"{name}-{number + 1}" for number in range(count)]
        return [obtain(self.directory, one, self.policy.key) for one in names]

    def record(self, *, vendors: Mapping[str, str], keys: Sequence[RoleKey]) -> None:
        """Write vendors and signers into the policy file, and use them from now on."""
        signers = {key.public.keyid: key.uri for key in keys}
        with self.store.locked():
            self.policy = policies.record(self.directory, vendors=vendors, signers=signers)
        self.keyring = Keyring(self.directory, self.policy.signers)

    def commit(self, edit: Callable[[Transaction], T]) -> tuple[T, Committed]:
        """Change the repository; when another publisher is first, start again from what it left.

        Args:
            edit: Makes the changes on a transaction; may run several times, raises to give up.

        Returns:
            What ``edit`` returned in the attempt that became real, and the commit.

        Raises:
            StorageError: Others were first every time; nothing changed.
        """
        roll_forward(self.store)
        for _ in range(_ATTEMPTS):
            head = self.head()
            transaction = Transaction(
                self.store, self.keyring, self.policy, self.clock(), root=head.root, head=head
            )
            result = edit(transaction)
            if transaction.commit():
                return result, Committed(head.timestamp.version + 1)
            time.sleep(random.uniform(0, _PAUSE))  # noqa: S311 - spreads racers, guards nothing
        raise StorageError("other publishers were first every time; try again")
