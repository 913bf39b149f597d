"""ngclient with a memory that flash cannot rewrite.

ngclient knows what is old only from files beside it; delete or restore them and an old release
installs. :class:`AnchoredSet` stands in its trusted set and refuses, before anything is stored or
used, whatever is below the floors that the IC keeps:

 * a chain of roots that does not reach, or does not pass through, the anchored root;
 * timestamp or snapshot metadata below the (epoch, version) last accepted completely;
 * metadata that is expired at the trusted time, however the clock is set;
 * versions that no NV counter can hold.

A local file below a floor counts as missing, so a damaged, deleted or restored directory heals from
the repository. The same from the repository ends the refresh.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signature
from tuf.api.exceptions import BadVersionNumberError, RepositoryError
from tuf.api.metadata import Key, Role, Root, Snapshot, T, TargetFile, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from typing_extensions import override

from device.ic.interface import VERSION_LIMIT, AnchorRecord, RoleFloor
from device.tuf.keys import identity
from suit.errors import NotAuthenticError, RollbackError
from suit.target import ISSUED, ISSUED_FORMAT

TIME_STEP: Final = 3600
"""Seconds by which the time floor must move to be worth a write to NV memory."""


class OlderError(BadVersionNumberError):
    """Below a floor: missing if it is a local file, a refused refresh otherwise.

    Attributes:
        rollback: What to tell the caller in the second case.
    """

    def __init__(self, what: str, *, offered: int, stored: int) -> None:
        self.rollback = RollbackError(what, offered=offered, stored=stored)
        super().__init__(str(self.rollback))


@dataclass(frozen=True, slots=True)
class Epochs:
    """The root versions since which no earlier signature of a role counts any more."""

    timestamp: int
    snapshot: int

    def after(self, old: Root, new: Root) -> "Epochs":
        """Return the epochs once ``new`` follows ``old``."""
        return Epochs(
            new.version if _is_rotated(Timestamp.type, old, new) else self.timestamp,
            new.version if _is_rotated(Snapshot.type, old, new) else self.snapshot,
        )


def _is_rotated(role: str, old: Root, new: Root) -> bool:
    """Tell whether metadata that the old keys of a role signed cannot satisfy the new ones.

    Only then may versions start again (TUF 5.3.11). A key that is merely added resets nothing: what
    was signed before would still be valid, and with the floor gone it could be replayed.
    """
    kept = _public_keys(role, old) & _public_keys(role, new)
    return len(kept) < new.roles[role].threshold


def _public_keys(role: str, root: Root) -> set[str]:
    """Return the keys of a role by content."""
    return set(_identities(root.roles[role], root.keys))


def _require_distinct_keys(signed: Root | Targets) -> None:
    """Refuse one key under two key ids: TUF counts ids towards a threshold, thieves count keys."""
    for name, role, keys in _delegations(signed):
        known = _identities(role, keys) if role.threshold > 1 else []
        if len(set(known)) < len(known):
            raise RepositoryError(f"{name} has one key under two key ids")


def _identities(role: Role, keys: dict[str, Key]) -> list[str]:
    return [identity(keys[keyid]) for keyid in role.keyids if keyid in keys]


def _delegations(signed: Root | Targets) -> Iterator[tuple[str, Role, dict[str, Key]]]:
    if isinstance(signed, Root):
        yield from ((name, role, signed.keys) for name, role in signed.roles.items())
    elif signed.delegations is not None:
        keys, bins = signed.delegations.keys, signed.delegations.succinct_roles
        yield from ((name, role, keys) for name, role in (signed.delegations.roles or {}).items())
        if bins is not None:
            yield bins.name_prefix, bins, keys


class AnchoredSet(TrustedMetadataSet):
    """ngclient's trusted set, which additionally obeys the IC's anchor record."""

    def __init__(
        self, base: TrustedMetadataSet, start: bytes, anchor: AnchorRecord, trusted_time: int
    ) -> None:
        # What ngclient verified when it loaded the first root is taken over, not verified again.
        self.__dict__.update(vars(base))
        self._load_and_verify, self._load_data = self._load_data, self._load_above_floors
        self.reference_time = datetime.fromtimestamp(trusted_time, UTC)
        self.root_file = start
        self.anchor = anchor
        self.epochs = Epochs(anchor.timestamp.epoch, anchor.snapshot.epoch)
        is_anchored = _sha256(start) == anchor.root_sha256
        if is_anchored != (self.root.version == anchor.root_version) or (
            self.root.version > anchor.root_version
        ):
            raise NotAuthenticError(f"root.json {self.root.version}: not the root that the IC vouches for")

    @override
    def update_root(self, data: bytes) -> Root:
        """Take the next root; the one with the anchored version must be the anchored one."""
        old, anchor = self.root, self.anchor
        if old.version + 1 == anchor.root_version and _sha256(data) != anchor.root_sha256:
            raise RepositoryError(f"root.json {anchor.root_version} is not the root that the IC vouches for")
        new = super().update_root(data)
        if new.version > anchor.root_version:
            self.epochs = self.epochs.after(old, new)
        self.root_file = data
        return new

    @override
    def update_timestamp(self, data: bytes) -> Timestamp:
        """Take a timestamp, once the roots have come as far as they came before."""
        if self.root.version < self.anchor.root_version:
            raise RollbackError("root.json", offered=self.root.version, stored=self.anchor.root_version)
        return super().update_timestamp(data)

    def record(self) -> AnchorRecord:
        """Return what the IC has to remember of this refresh.

        The time floor follows the trusted time, and the time that timestamp says it was made. Both
        are safe: the floor stays below the first expiry of the four roles, so neither a clock that was
        pushed forward nor thieves of the timestamp key move it past what the offline keys signed for.
        """
        now = self._latest_trusted()
        new = AnchorRecord(
            root_version=self.root.version,
            root_sha256=_sha256(self.root_file),
            timestamp=RoleFloor(self.epochs.timestamp, self.timestamp.version),
            snapshot=RoleFloor(self.epochs.snapshot, self.snapshot.version),
            time_floor=self.anchor.time_floor,
        )
        if new == self.anchor and now < self.anchor.time_floor + TIME_STEP:
            return new
        return replace(new, time_floor=max(now, self.anchor.time_floor))

    def _latest_trusted(self) -> int:
        roles = (self.root, self.timestamp, self.snapshot, self.targets)
        first_expiry = min(int(role.expires.timestamp()) for role in roles)
        seen = int(self.reference_time.timestamp())
        return max(seen, min(_issued(self.timestamp), first_expiry - 1))

    def _load_above_floors(
        self,
        role: type[T],
        data: bytes,
        delegator: Root | Targets | None = None,
        role_name: str | None = None,
    ) -> tuple[T, bytes, dict[str, Signature]]:
        """Load as ngclient does; look at versions once the signatures are good."""
        loaded = self._load_and_verify(role, data, delegator, role_name)
        signed = loaded[0]
        if signed.version >= VERSION_LIMIT:
            raise RepositoryError(f"{role_name or signed.type} has version {signed.version}")
        if isinstance(signed, Timestamp):
            self._require_timestamp(signed)
        elif isinstance(signed, Snapshot):
            self._require_snapshot(signed)
        else:
            _require_distinct_keys(signed)
        return loaded

    def _require_timestamp(self, new: Timestamp) -> None:
        listed = new.snapshot_meta.version
        _require("timestamp.json", self.epochs.timestamp, new.version, self.anchor.timestamp)
        _require("snapshot.json", self.epochs.snapshot, listed, self.anchor.snapshot)
        if Timestamp.type in self._trusted_set:
            _require_not_older("timestamp.json", new.version, self.timestamp.version)
            _require_not_older("snapshot.json", listed, self.timestamp.snapshot_meta.version)

    def _require_snapshot(self, new: Snapshot) -> None:
        _require("snapshot.json", self.epochs.snapshot, new.version, self.anchor.snapshot)
        if Snapshot.type in self._trusted_set:
            for name, known in self.snapshot.meta.items():
                if name in new.meta:
                    _require_not_older(name, new.meta[name].version, known.version)


def _issued(timestamp: Timestamp) -> int:
    """Return when a timestamp of our own repositories was made; 0 for those of others."""
    said = str(timestamp.unrecognized_fields.get(ISSUED))
    try:
        return int(datetime.strptime(said, ISSUED_FORMAT).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0


def _require(what: str, epoch: int, version: int, floor: RoleFloor) -> None:
    if (epoch, version) < floor:
        raise OlderError(what, offered=version, stored=floor.version)


def _require_not_older(what: str, offered: int, stored: int) -> None:
    if offered < stored:
        raise OlderError(what, offered=offered, stored=stored)


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class AnchoredUpdater(Updater):
    """One refresh of python-tuf's client from an anchored start, and the lookups after it."""

    def __init__(
        self,
        directory: Path,
        *,
        metadata_url: str,
        targets_url: str,
        fetcher: FetcherInterface,
        start: bytes,
        anchor: AnchorRecord,
        trusted_time: int,
        config: UpdaterConfig | None = None,
    ) -> None:
        super().__init__(
            str(directory),
            metadata_url,
            target_base_url=targets_url,
            fetcher=fetcher,
            config=config,
            bootstrap=start,
        )
        self.trusted = AnchoredSet(self._trusted_set, start, anchor, trusted_time)
        self._trusted_set = self.trusted

    def read_target(self, info: TargetFile) -> bytes:
        """Download a target into memory and verify it.

        ``Updater.download_target`` leaves a file behind, and what is read back from a file is no
        longer what was verified.
        """
        prefixed = self.trusted.root.consistent_snapshot and self.config.prefix_targets_with_hash
        path = info.get_prefixed_paths()[0] if prefixed else info.path
        raw = self._fetcher.download_bytes(f"{self._target_base_url}{path}", info.length)
        info.verify_length_and_hashes(raw)
        return raw
