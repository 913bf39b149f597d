"""The stage of the demo: a repository, served on loopback, and a device, all in one directory."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from conformance.hostile import list_anything
from conformance.powercut import CrashMode, PowerCutStorage, PowerLoss
from conformance.release import FIRMWARE, Product, release
from device.agent import Device
from device.clock import FixedClock, SystemClock
from device.config import Config
from device.home import create, opened
from device.ic.places import IN_PROCESS
from repository.repository import Repository
from repository.serve import serving
from repository.updates import read_update
from suit.authenticate import KeyRing
from suit.envelope import open_envelope
from suit.errors import HardsuitError, NothingToDoError
from suit.manifest import Command as Step
from suit.signer import KeyType, generate
from suit.target import TargetInfo, target_path

IMAGE_SIZE: Final = 3 << 20
CAPACITY: Final = 16 << 20
YEARS: Final = 10 * 366 * 24 * 3600
FORGED: Final = 100
"""Sequence number of forged releases: high enough to look new."""
CHANNEL: Final = "beta"
"""Where the attacker lists forgeries; a device that follows it sees nothing but fresh metadata."""
PRODUCT: Final = Product(
    bytes.fromhex("fa6b4a53d5ad5fdfbe9de663e4d41ffe"), bytes.fromhex("1492af1425695e48bf429b2d51f2ab45")
)
OTHER_PRODUCT: Final = replace(PRODUCT, class_id=bytes.fromhex("d9a4d4b5b7e95d3c8fd3c3b7b7d8f3a1"))


class UnexpectedError(Exception):
    """Something came out otherwise than it should; the message says how."""


class Stage:
    """Everything the story needs.

    Args:
        directory: ``repository/``, ``device/`` and the attacker's copies will lie in it.
        stack: Ends what the scenes start.
        ic: Where the device's security IC is (:mod:`device.ic.places`).
    """

    def __init__(self, directory: Path, stack: ExitStack, ic: str) -> None:
        self._ic = ic
        self._directory = directory
        self._stack = stack
        self._author = generate(KeyType.P256)
        self._stranger = generate(KeyType.P256)
        self._url = ""

    @classmethod
    @contextmanager
    def open(cls, directory: Path, *, ic: str = IN_PROCESS) -> Iterator[Self]:
        """Set the stage in an empty directory."""
        with ExitStack() as stack:
            yield cls(directory, stack, ic)

    # What honest people do.

    def found(self) -> str:
        """Make the maintainer's repository with one vendor, and serve it."""
        repository = Repository.create(self._repository_directory)
        repository.add_vendor(PRODUCT.vendor, name="Example")
        self._url = self._stack.enter_context(serving(self._repository_directory))
        return f"served at {self._url}"

    def publish(self, number: int, *, before: Sequence[Step] = ()) -> str:
        """Publish release ``number`` and keep a copy of the repository as the attacker may have done.

        Args:
            number: Which one.
            before: What the device does before it fetches.
        """
        image = self._directory / f"firmware-{number}.bin"
        image.write_bytes(make_image(number))
        envelope = release(number, image.read_bytes(), PRODUCT, [self._author], before=before)
        update = read_update(envelope, files=[image], verifier=KeyRing([self._author.public]))
        published = self._repository.publish(update)
        shutil.copytree(self._repository_directory / "public", self._copy_of(number) / "public")
        return f"{published.path.rpartition('/')[2]}, {len(envelope)} bytes and {IMAGE_SIZE >> 20} MiB"

    def provision(self) -> str:
        """Make a device that trusts the author's key and the repository's root."""
        config = Config(
            url=self._url,
            vendor=PRODUCT.vendor,
            class_id=PRODUCT.class_id,
            capacities={FIRMWARE: CAPACITY},
            ic=self._ic,
        )
        root_file = self._repository.root_file.read_bytes()
        create(self._device_directory, config, root_file=root_file, keys=[self._author.public])
        return "keys and floors are in its security IC"

    def update(self, number: int, *, retry: bool = False) -> str:
        """Have the device install the newest release, which shall be ``number``."""
        with self._device() as device:
            system = device.update(retry=retry)
        require(system.sequence_number == number, f"installed {system.sequence_number}")
        return f"installed in slot {system.slot}"

    def update_again(self) -> str:
        """Have the device look for news where there are none."""
        try:
            with self._device() as device:
                device.update()
        except NothingToDoError as error:
            return f"nothing to do: {error}"
        raise UnexpectedError("installed something")

    def boot_and_confirm(self, number: int) -> str:
        """Boot the trial, which shall be release ``number``, and confirm it."""
        with self._device() as device:
            require_runs(device, number, trial=True)
            device.confirm()
            floor = device.floor()
        require(floor == number, f"the floor is {floor}")
        return f"confirmed; the floor is {floor}"

    # What attackers do.

    def refused(self, error: type[HardsuitError], attempt: Callable[["Stage"], object]) -> str:
        """Attack: it has to fail with ``error`` and leave the device as it is."""
        before = self._state()
        try:
            attempt(self)
        except error as refusal:
            require(self._state() == before, f"refused, but the device changed: {refusal}")
            return f"{refusal.reason}: {refusal}"
        except HardsuitError as other:
            raise UnexpectedError(f"refused for another reason, {other.reason}: {other}") from other
        raise UnexpectedError("accepted")

    def changed_payload(self) -> None:
        """Flip one bit of the newest payload on the server."""
        digest = hashlib.sha256(make_image(3)).hexdigest()
        (payload,) = self._repository.public.glob(f"content/*/*/{digest}")
        with flipped(payload):
            self._update()

    def changed_target(self) -> None:
        """Flip one bit of the newest envelope on the server."""
        newest = max(
            self._repository.public.glob("targets/*/*/*.suit"), key=lambda path: path.stat().st_mtime_ns
        )
        with flipped(newest):
            self._update()

    def changed_manifest(self) -> None:
        """Change the manifest behind the author's signature, and list it with the stolen online keys."""
        genuine = self._release(FORGED)
        at = genuine.index(make_digest(FORGED))
        self._update_from(genuine[:at] + bytes(32) + genuine[at + 32 :], FORGED)

    def unknown_key(self) -> None:
        """List a release that somebody else signed."""
        forged = release(FORGED, make_image(FORGED), PRODUCT, [self._stranger])
        self._update_from(forged, FORGED)

    def lower_sequence(self) -> None:
        """List the author's own release 1 again: genuine, and older than what runs."""
        self._update_from(self._release(1), 1)

    def wrong_class(self) -> None:
        """List the author's release for another class of devices under this one's path."""
        self._update_from(release(FORGED, make_image(FORGED), OTHER_PRODUCT, [self._author]), FORGED)

    def older_repository(self) -> None:
        """Wipe the device's TUF directory and serve the repository as it was at release 1."""
        shutil.rmtree(self._device_directory / "tuf")
        with serving(self._copy_of(1)) as url:
            self._update(url=url)

    def expired_metadata(self) -> None:
        """Let ten years pass without news from the repository."""
        later = FixedClock(SystemClock().now() + YEARS)
        self._update(clock=later)

    def power_cut(self) -> str:
        """Cut the power in the middle of an install, in each of six ways, and boot."""
        flash = self._device_directory / "storage"
        whole = PowerCutStorage.of_directory(flash)
        self._update(storage=whole)
        for mode in CrashMode:
            files = PowerCutStorage.of_directory(flash).files()
            cut = PowerCutStorage(files, stop=whole.operations // 2, mode=mode, seed=1)
            try:
                self._update(storage=cut)
            except PowerLoss:
                shutil.rmtree(flash)
                cut.after_power_loss().to_directory(flash)
            else:
                raise UnexpectedError("the power stayed on")
            with self._device() as device:
                require_runs(device, 2, trial=False)
        return f"release 2 runs, after each of {len(CrashMode)} kinds of cut"

    def unconfirmed_trial(self) -> str:
        """Boot the trial of release 3, lose power before it is confirmed, and boot again."""
        with self._device() as device:
            require_runs(device, 3, trial=True)
        with self._device() as device:
            failure = require_runs(device, 2, trial=False)
        return f"fell back to release 2: {failure}"

    # How they do it.

    @property
    def _repository_directory(self) -> Path:
        return self._directory / "repository"

    @property
    def _device_directory(self) -> Path:
        return self._directory / "device"

    @property
    def _repository(self) -> Repository:
        return Repository.open(self._repository_directory)

    def _copy_of(self, number: int) -> Path:
        return self._directory / f"repository-at-{number}"

    def _device(self, **changes: Any) -> Any:  # noqa: ANN401 - the arguments and the value of `opened`
        return opened(self._device_directory, **changes)

    def _update(self, **changes: Any) -> None:  # noqa: ANN401 - see _device
        with self._device(**changes) as device:
            device.update()

    def _update_from(self, raw: bytes, number: int) -> None:
        path = target_path(PRODUCT.vendor, PRODUCT.class_id, CHANNEL)
        info = TargetInfo(number, open_envelope(raw).digest.value.hex())
        list_anything(self._repository, path, raw, info)
        self._update(channel=CHANNEL)

    def _release(self, number: int) -> bytes:
        return release(number, make_image(number), PRODUCT, [self._author])

    def _state(self) -> dict[str, object]:
        with self._device() as device:
            state: dict[str, object] = device.record().to_dict() | {"floor": device.floor()}
            state["images"] = {
                name: hashlib.sha256((self._device_directory / "storage" / name).read_bytes()).hexdigest()
                for system in (device.record().confirmed, device.record().trial)
                if system is not None
                for name in system.images.values()
            }
        return state


def make_image(number: int) -> bytes:
    """Make a few MiB that look like firmware and differ from release to release."""
    return hashlib.shake_128(f"release {number}".encode()).digest(IMAGE_SIZE)


def make_digest(number: int) -> bytes:
    """Return the SHA-256 of that image."""
    return hashlib.sha256(make_image(number)).digest()


@contextmanager
def flipped(path: Path) -> Iterator[None]:
    """Flip one bit in the middle of a file while the block runs."""
    original = path.read_bytes()
    changed = bytearray(original)
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    try:
        yield
    finally:
        path.write_bytes(original)


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like assert
    """Fail the scene with these words unless it holds."""
    if not holds:
        raise UnexpectedError(otherwise)


def require_runs(device: Device, number: int, *, trial: bool) -> str:
    """Boot, and check by the IC's own digest what runs; return why an earlier trial was given up."""
    booted = device.boot()
    require(booted.images.get(FIRMWARE) == make_digest(number), "another image runs")
    require(booted.system.sequence_number == number, f"release {booted.system.sequence_number} runs")
    require(booted.trial is trial, "it runs on trial" if booted.trial else "it runs as confirmed")
    return booted.failure
