"""Found a repository: keys, policy, and version 1 of the four top-level roles."""

import secrets
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import Root

from repository import policy as policies
from repository.head import metadata_name
from repository.policy import Policy, RoleKind
from repository.roles import TOP_LEVEL, Clock, new_root, new_targets
from repository.signers import RoleKey
from repository.store import storage_errors, sync_folder, write_private
from repository.transaction import Transaction, write_root
from repository.workshop import FOLDERS, Workshop
from suit.errors import UsageError

KeysByRole = Mapping[RoleKind, Sequence[RoleKey]]


def found(directory: Path, policy: Policy, clock: Clock, keys: KeysByRole) -> None:
    """Make a repository. Built in a folder beside it and renamed at the end, so there is no half one.

    Args:
        directory: An absolute path; must be absent or empty.
        policy: Roles, thresholds, expiry, key type.
        clock: Tells the time.
        keys: Keys that exist already, by kind of role; the others are made.

    Raises:
        UsageError: The directory is in use, or the policy cannot be met.
        StorageError: The directory cannot be written.
    """
    policy.require_sound()
    with storage_errors(str(directory)):
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise UsageError(f"{directory}: exists and is not an empty directory")
        directory.parent.mkdir(parents=True, exist_ok=True)
        building = directory.with_name(f".{directory.name}.{secrets.token_hex(4)}.new")
        try:
            _build(building, policy, clock, keys)
            building.replace(directory)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        sync_folder(directory.parent)


def _build(directory: Path, policy: Policy, clock: Clock, keys: KeysByRole) -> None:
    directory.mkdir()
    for name, mode in FOLDERS.items():
        (directory / name).mkdir(mode=mode)
    for name in ("metadata", "targets", "content"):
        (directory / "public" / name).mkdir()
    for folder in (directory / "public", directory):
        sync_folder(folder)
    policies.create(directory, policy)
    workshop = Workshop(directory, policy, clock)
    chosen = {kind: keys.get(kind) or workshop.obtain(kind, kind.value) for kind in TOP_LEVEL}
    now = clock()
    root = new_root(now, policy, chosen)
    workshop.record(vendors={}, keys=[key for kind in TOP_LEVEL for key in chosen[kind]])
    _publish_first(workshop, root, now)


def _publish_first(workshop: Workshop, root: Root, now: datetime) -> None:
    write_root(workshop.store, workshop.keyring, root, root)
    first = workshop.store.get(metadata_name("root", root.version)) or b""
    write_private(workshop.root_file, first, replace=False)
    workshop.root_file.chmod(0o644)  # public: it goes into every device
    transaction = Transaction(workshop.store, workshop.keyring, workshop.policy, now, root=root, head=None)
    transaction.add("targets", new_targets(now, workshop.policy))
    transaction.commit()
