"""The maintainer's side as one object; every method is one atomic step."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Self

from repository import policy as policies
from repository.bump import Bumped, bump
from repository.found import KeysByRole, found
from repository.policy import Policy
from repository.publish import Published, publish
from repository.roles import DEFAULT_BINS, Clock, utc_now
from repository.signers import RoleKey
from repository.status import Status, survey
from repository.updates import UpdateSet
from repository.vendors import add_vendor
from repository.workshop import Committed, Workshop
from suit.errors import StorageError


class Repository(Workshop):
    """A TUF repository of update sets in a local directory."""

    @classmethod
    def create(
        cls,
        directory: Path,
        policy: Policy | None = None,
        clock: Clock = utc_now,
        *,
        keys: KeysByRole | None = None,
    ) -> Self:
        """Make a repository; see :func:`repository.found.found`."""
        found(directory.absolute(), policy or Policy(), clock, keys or {})
        return cls.open(directory, clock)

    @classmethod
    def open(cls, directory: Path, clock: Clock = utc_now) -> Self:
        """Open a repository.

        Raises:
            StorageError: There is none.
            UsageError: Its policy file is wrong.
        """
        repository = cls(directory.absolute(), policies.load(directory), clock)
        for part in (repository.root_file, repository.public / "metadata"):
            if not part.exists():
                raise StorageError(f"{directory}: no repository here ({part.name} is missing)")
        return repository

    def add_vendor(
        self,
        vendor: bytes,
        *,
        name: str = "",
        bins: int = DEFAULT_BINS,
        keys: Sequence[RoleKey] = (),
    ) -> Committed:
        """Add a vendor; see :func:`repository.vendors.add_vendor`."""
        return add_vendor(self, vendor, name=name, bins=bins, keys=keys)

    def publish(self, update: UpdateSet) -> Published:
        """Publish an update set; see :func:`repository.publish.publish`."""
        return publish(self, update)

    def bump(self, due: timedelta | None = None) -> Bumped:
        """Sign anew what expires soon; see :func:`repository.bump.bump`."""
        return bump(self, due)

    def status(self) -> Status:
        """Survey roles, vendors and targets; see :func:`repository.status.survey`."""
        return survey(self)
