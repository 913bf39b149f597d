"""A device as far as its TUF client goes, on a repository of its own."""

import shutil
from pathlib import Path

from device.clock import Clock, FixedClock
from device.ic.emulator import MemoryKey
from device.storage import MemoryStorage
from device.tests.probed_ic import ProbedIc
from device.tests.tuf_repository import BASE, NOW, PATH, MemoryFetcher, TufRepository
from device.trust import Sources, Trust, TrustedEnvelope, provision


class TrustDevice:
    """What survives a reboot: directory, storage, IC; and the clock and network it sees."""

    def __init__(self, directory: Path, repository: TufRepository) -> None:
        self.repository = repository
        self.directory = directory
        self.ic = self.provision(MemoryStorage())
        self.fetcher = MemoryFetcher(repository.files)
        self.clock: Clock = FixedClock(NOW)
        self.old_files: dict[str, bytes] = {}
        self.old_cache = directory

    def provision(self, storage: MemoryStorage) -> ProbedIc:
        """Make the device anew on this storage."""
        self.storage, self.key = storage, MemoryKey()
        record = provision(storage, self.repository.first_root, time_floor=NOW)
        return ProbedIc.provision(storage, self.key, anchor=record)

    def trust(self) -> Trust:
        """Return the client of a device that has just started."""
        self.fetcher.requests.clear()
        return Trust(
            Sources(f"{BASE}/metadata/", f"{BASE}/targets/"),
            directory=self.directory,
            storage=self.storage,
            ic=self.ic,
            fetcher=self.fetcher,
            clock=self.clock,
        )

    def refresh(self) -> bool:
        return self.trust().refresh()

    def update(self) -> TrustedEnvelope:
        return self.trust().envelope(PATH)

    def serve(self, files: dict[str, bytes]) -> None:
        self.fetcher.files = files

    def cached(self, name: str) -> Path:
        return self.directory / name

    def wipe_cache(self) -> None:
        shutil.rmtree(self.directory)

    def save_cache(self) -> Path:
        saved = self.directory.with_name("backup")
        shutil.copytree(self.directory, saved, symlinks=True)
        return saved

    def restore_cache(self, saved: Path) -> None:
        self.wipe_cache()
        shutil.copytree(saved, self.directory, symlinks=True)
