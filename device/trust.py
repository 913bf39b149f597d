"""What the device believes of a repository: TUF's client, the IC's verdicts, the IC's memory.

::

    trust = Trust(Sources(metadata_url, targets_url), directory=…, storage=…, ic=…, fetcher=…, clock=…)
    trust.refresh()                          # newest complete metadata, or an error that says why not
    listed = trust.listing(path)             # what TUF signs about the newest envelope: seq, digest
    arrived = trust.envelope(path)           # the envelope's bytes, exactly as TUF lists them

Every signature is checked by the security IC (``device.tuf.keys``). Roll-back, freeze and replay are
judged by the IC's anchor record (``device.tuf.anchored``), which moves only after a refresh is
complete; the metadata directory is a cache that may vanish, lie or come back from the past.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tuf.api.exceptions import DownloadError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import TargetFile
from tuf.ngclient import FetcherInterface

from device.clock import Clock, trusted_time
from device.ic.interface import AnchorRecord, SecurityIC
from device.storage import Storage
from device.tuf import cache
from device.tuf.anchored import AnchoredUpdater, OlderError
from device.tuf.keys import routed
from device.tuf.roots import Roots
from suit.errors import (
    ExpiredError,
    HardsuitError,
    LimitError,
    NetworkError,
    NotAuthenticError,
    RefusedError,
    StorageError,
)
from suit.target import TargetInfo

MAX_ENVELOPE: Final = 1 << 20
_STRONG_HASHES: Final = frozenset({"sha256", "sha384", "sha512"})


class NotListedError(RefusedError):
    """The repository is up to date and lists nothing under this path."""

    reason = "not-listed"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a repository is.

    Attributes:
        metadata_url: Base of ``timestamp.json`` and its kin.
        targets_url: Base of the target paths.
    """

    metadata_url: str
    targets_url: str


@dataclass(frozen=True, slots=True)
class TrustedEnvelope:
    """An envelope that TUF vouches for. Who wrote it, COSE has yet to say.

    Attributes:
        raw: Its bytes.
        info: What TUF signed about the manifest in it, to be compared with the manifest.
    """

    raw: bytes
    info: TargetInfo


class Trust:
    """One repository, seen by one device.

    Args:
        sources: Where the repository is.
        directory: ngclient's cache; one device, one directory.
        storage: Where the factory root was put by :func:`provision`, and newer ones are kept.
        ic: The security IC, holding the anchor.
        fetcher: How to get there.
        clock: What time it seems to be.
    """

    def __init__(
        self,
        sources: Sources,
        *,
        directory: Path,
        storage: Storage,
        ic: SecurityIC,
        fetcher: FetcherInterface,
        clock: Clock,
    ) -> None:
        self._sources = sources
        self._directory = directory
        self._roots = Roots(storage)
        self._ic = ic
        self._fetcher = fetcher
        self._clock = clock
        self._current: AnchoredUpdater | None = None

    def refresh(self) -> bool:
        """Bring the metadata up to date and commit what was seen to the IC.

        Returns:
            Whether anything moved since the last complete refresh.

        Raises:
            ExpiredError: The repository's newest metadata is past its expiry at the trusted time.
            RollbackError: It is older than what this device has seen.
            NotAuthenticError: Its signatures, hashes or chain of roots are wrong.
            NetworkError: It could not be reached, or broke off.
            StorageError: The directory or the storage port failed.
            IcError: The IC failed. Nothing was concluded from that.
        """
        return self._refresh()[1]

    def listing(self, path: str) -> TargetInfo:
        """Return what TUF signs about the envelope at ``path``, without downloading it.

        Raises:
            NotListedError: The repository lists no such target.
            MalformedError: ``custom.suit`` is missing or ill-typed.
        """
        return _custom(self._listed(path))

    def envelope(self, path: str) -> TrustedEnvelope:
        """Download the envelope at ``path``: refused by its listed size before the first byte.

        Raises:
            NotListedError: The repository lists no such target.
            MalformedError: ``custom.suit`` is missing or ill-typed.
            LimitError: It is larger than :data:`MAX_ENVELOPE`.
            NotAuthenticError: What arrived is not what is listed.
            NetworkError: It did not arrive.
        """
        target = self._listed(path)
        info = _custom(target)
        if target.length > MAX_ENVELOPE:
            raise LimitError(path, f"{target.length} bytes, at most {MAX_ENVELOPE} are allowed")
        return TrustedEnvelope(self.read(target), info)

    def lookup(self, path: str) -> TargetFile | None:
        """Return the target that the repository lists under ``path``, None when there is none."""
        with routed(self._ic), translated():
            return self._refreshed().get_targetinfo(path)

    def read(self, target: TargetFile) -> bytes:
        """Download a listed target into memory and verify it.

        Raises:
            NotAuthenticError: What arrived is not what is listed.
            NetworkError: It did not arrive.
        """
        if _STRONG_HASHES.isdisjoint(target.hashes):
            raise NotAuthenticError(f"{target.path}: listed without a hash that counts")
        with translated():
            return self._refreshed().read_target(target)

    def _refreshed(self) -> AnchoredUpdater:
        return self._current or self._refresh()[0]

    def _refresh(self) -> tuple[AnchoredUpdater, bool]:
        self._current = None
        anchor = self._ic.anchor()
        with routed(self._ic) as route, translated():
            updater = self._updater(anchor)
            updater.refresh()
            new = updater.trusted.record()
            # The IC comes last: until it knows the new root, the old one has to be there. A root that
            # storage lost or damaged is put back even if nothing else moved; a good one is not rewritten.
            self._roots.keep(new.root_version, updater.trusted.root_file)
            if new != anchor:
                cache.sync(self._directory)
                self._ic.advance_anchor(new, proof=tuple(route.tickets))
                self._roots.forget_others(new.root_version)
        self._current = updater
        return updater, new != anchor

    def _updater(self, anchor: AnchorRecord) -> AnchoredUpdater:
        start = self._roots.start(anchor)
        cache.sweep(self._directory, oldest_root=start.version)
        return AnchoredUpdater(
            self._directory,
            metadata_url=self._sources.metadata_url,
            targets_url=self._sources.targets_url,
            fetcher=self._fetcher,
            start=start.file,
            anchor=anchor,
            trusted_time=trusted_time(self._clock, anchor.time_floor),
        )

    def _listed(self, path: str) -> TargetFile:
        target = self.lookup(path)
        if target is None:
            raise NotListedError(f"{path}: the repository lists no such target")
        return target


def provision(storage: Storage, root_file: bytes, *, time_floor: int = 0) -> AnchorRecord:
    """Prepare a device for one repository; the IC has to be given what this returns.

    Args:
        storage: The device's storage, to keep the factory root.
        root_file: Content of the repository's ``root.json``, from a trusted hand.
        time_floor: When the device was made, in Unix seconds.

    Raises:
        NotAuthenticError: This is no root metadata, or not signed by itself.
    """
    return Roots(storage).provision(root_file, time_floor=time_floor)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what python-tuf and the operating system raise into hardsuit's own errors."""
    try:
        yield
    except HardsuitError:
        raise
    except OlderError as error:
        raise error.rollback from error
    except ExpiredMetadataError as error:
        raise ExpiredError(f"TUF metadata: {error}") from error
    except RepositoryError as error:
        raise NotAuthenticError(f"TUF metadata: {error}") from error
    except DownloadError as error:
        raise _undelivered(error) from None
    except (ConnectionError, TimeoutError) as error:
        raise NetworkError(f"TUF metadata: {error}") from error
    except OSError as error:
        raise StorageError(f"{error.filename or 'TUF metadata'}: {error.strerror}") from error


def _undelivered(error: DownloadError) -> HardsuitError:
    """Return what our own fetcher said, where it was ours."""
    cause = error.__cause__
    return cause if isinstance(cause, HardsuitError) else NetworkError(str(error))


def _custom(target: TargetFile) -> TargetInfo:
    custom = target.custom
    suit = custom.get("suit") if isinstance(custom, dict) else None
    return TargetInfo.from_custom(suit, where=target.path)
