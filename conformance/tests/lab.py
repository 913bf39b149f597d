"""A device on a bench: storage, security IC and payloads in memory, no repository in between."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

from conformance.release import FIRMWARE, Product, release
from device.agent import Device, Policy
from device.authenticate import authenticate
from device.ic.emulator import Emulator, MemoryKey
from device.platform import MemoryFetcher, MemoryPlatform
from device.record import System
from device.storage import Storage
from device.trust import Trust
from suit.envelope import open_envelope
from suit.manifest import Command as Step
from suit.manifest import ComponentId
from suit.signer import KeyType, LocalSigner, generate

PRODUCT: Final = Product(bytes(range(16)), bytes(range(16, 32)))
CAPACITY: Final = 4096
EPOCH: Final = 1_800_000_000
IC: Final = "ic"


def image(number: int) -> bytes:
    """Return what release ``number`` consists of."""
    return f"image of release {number} ".encode() * 40


class Lab:
    """Everything but the storage, which may change between two boots."""

    def __init__(self) -> None:
        self.author: LocalSigner = generate(KeyType.P256)
        self.sealing_key = MemoryKey()
        self.now = EPOCH
        self.capacities: dict[ComponentId, int] = {FIRMWARE: CAPACITY}
        self.more: dict[str, bytes] = {}  # what can be fetched beside the firmware
        self.platform = MemoryPlatform(vendors=[PRODUCT.vendor], classes=[PRODUCT.class_id])

    def provision(self, storage: Storage) -> None:
        Emulator.provision(
            storage, self.sealing_key, keys=[self.author.public], clock=lambda: self.now, directory=IC
        ).close()

    def envelope(self, number: int, content: bytes | None = None, *, before: Sequence[Step] = ()) -> bytes:
        whole = image(number) if content is None else content
        return release(number, whole, PRODUCT, [self.author], before=before)

    @contextmanager
    def device(
        self, storage: Storage, *, serves: int | bytes = 1, wait_seconds: int | None = None
    ) -> Iterator[Device]:
        """Start the device; its IC boots with it."""
        payload = image(serves) if isinstance(serves, int) else serves
        with Emulator.open(storage, self.sealing_key, clock=lambda: self.now, directory=IC) as ic:
            yield Device(
                storage,
                ic,
                cast("Trust", None),  # releases are handed over, not fetched
                MemoryFetcher({"firmware.bin": payload} | self.more),
                self.platform,
                Policy(
                    PRODUCT.vendor,
                    PRODUCT.class_id,
                    "stable",
                    self.capacities,
                    wait_seconds=wait_seconds,
                ),
            )

    def install(self, storage: Storage, number: int) -> System:
        with self.device(storage, serves=number) as device:
            return install(device, self.envelope(number))

    def run(self, storage: Storage, number: int) -> None:
        """Take the device through an update to release ``number``, boot and confirmation."""
        self.install(storage, number)
        with self.device(storage) as device:
            device.boot()
            device.confirm()

    def boots(self, storage: Storage) -> int:
        """Boot, and return which release runs by the image that the IC hashed."""
        with self.device(storage) as device:
            return self.runs(device.boot())

    @staticmethod
    def runs(booted: Any) -> int:
        digests = {hashlib.sha256(image(number)).digest(): number for number in range(1, 6)}
        number = digests[booted.images[FIRMWARE]]
        assert number == booted.system.sequence_number
        return number


def install(device: Device, envelope: bytes) -> System:
    return device.install(authenticate(open_envelope(envelope), device.ic))
