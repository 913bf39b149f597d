"""A device of two components that takes manifests of the casebook: swaps under power cuts, versions."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, cast

import pytest

from conformance.casebook.case import AUTHOR, CLASS, MAIN, NEW, NEW_2, OLD, SECOND, VENDOR, update, write
from conformance.forge import at, check, override
from conformance.forge_cbor import encode
from conformance.powercut import CrashMode, PowerCutStorage, PowerLoss
from device.agent import Device, Policy
from device.authenticate import authenticate
from device.ic.emulator import Emulator, MemoryKey
from device.platform import MemoryFetcher, MemoryPlatform
from device.storage import MemoryStorage, Storage
from device.trust import Trust
from spec.labels import Command, Manifest, Parameter, TextComponent, VersionComparison
from suit.envelope import open_envelope
from suit.errors import ConditionFailedError
from suit.keys import CoseKey
from suit.manifest import ComponentId, Version
from suit.version import read_version

EPOCH: Final = 1_800_000_000
CAPACITIES: Final = {MAIN: 4096, SECOND: 4096}
BOTH: Final = [at(0), *write(NEW), at(1), *write(NEW_2)]
START: Final = [at(0), check(Command.INVOKE)]


class Bench:
    """A device whose author is the casebook's."""

    def __init__(self) -> None:
        self.sealing_key = MemoryKey()
        self.platform = MemoryPlatform(vendors=[VENDOR], classes=[CLASS])

    def provision(self, storage: Storage) -> None:
        author = CoseKey.from_cose(AUTHOR.cose_key())
        Emulator.provision(storage, self.sealing_key, keys=[author], clock=lambda: EPOCH).close()

    @contextmanager
    def device(self, storage: Storage) -> Iterator[Device]:
        with Emulator.open(storage, self.sealing_key, clock=lambda: EPOCH) as ic:
            policy = Policy(VENDOR, CLASS, "stable", CAPACITIES)
            yield Device(storage, ic, cast("Trust", None), MemoryFetcher({}), self.platform, policy)

    def run(self, storage: Storage, envelope: bytes) -> None:
        with self.device(storage) as device:
            device.install(authenticate(open_envelope(envelope), device.ic))
        with self.device(storage) as device:
            device.boot()
            device.confirm()

    def contents(self, storage: Storage) -> dict[ComponentId, bytes]:
        """Boot, and return what each component of the system that runs holds."""
        with self.device(storage) as device:
            images = device.boot().system.images
            return {component: storage.read(name) for component, name in images.items()}


@pytest.fixture(scope="module")
def bench() -> Bench:
    """The same for all cuts, as its sealing key belongs to the files."""
    return Bench()


@pytest.fixture(scope="module")
def files(bench: Bench) -> dict[str, bytes]:
    """A device that holds an image in each of two components."""
    storage = PowerCutStorage()
    bench.provision(storage)
    bench.run(storage, update(NEW, NEW_2, install=BOTH, invoke=START))
    return storage.after_power_loss().files()


@pytest.mark.req("M8.4.10.9-3", "M6.3.1-1")
@pytest.mark.parametrize("mode", CrashMode)
def test_a_swap_that_power_interrupts_is_finished_or_undone(
    bench: Bench, files: dict[str, bytes], mode: CrashMode
) -> None:
    swap = [at(0), override({Parameter.SOURCE_COMPONENT: 1}), check(Command.SWAP)]
    envelope = update(NEW_2, NEW, install=swap, invoke=START, sequence_number=2)
    before, after = {MAIN: NEW, SECOND: NEW_2}, {MAIN: NEW_2, SECOND: NEW}
    whole = PowerCutStorage(files)
    bench.run(whole, envelope)
    assert bench.contents(whole) == after
    seen = set()
    for stop in range(whole.operations):
        storage = PowerCutStorage(files, stop=stop, mode=mode, seed=stop)
        with suppress(PowerLoss):
            bench.run(storage, envelope)
        survivor = storage.after_power_loss()
        held = bench.contents(survivor)
        assert held in (before, after), stop
        seen.add(held == after)
        if bench.contents(survivor) == before:  # a trial that nobody confirmed has gone by now
            bench.run(survivor, envelope)
        assert bench.contents(survivor) == after, stop
    assert seen == {False, True}


def release(
    number: int, content: bytes, *, version: Version | None = None, text: str = "0", wanted: str = ""
) -> bytes:
    compared = {Parameter.VERSION: encode([VersionComparison.EQUAL, list(read_version(wanted or "0"))])}
    return update(
        content,
        sequence_number=number,
        install=[*([override(compared), check(Command.VERSION)] if wanted else []), *write(content)],
        invoke=START,
        text=encode({"en": {MAIN: {TextComponent.COMPONENT_VERSION: text}}}),
        extra={} if version is None else {Manifest.SET_VERSION: encode(list(version))},
    )


@pytest.mark.req("U3.1-2", "U3.3-1")
def test_the_manifests_own_version_counts_and_what_its_text_says_does_not() -> None:
    bench, storage = Bench(), MemoryStorage()
    bench.provision(storage)
    bench.run(storage, release(1, OLD, version=(2, 0, -1, 3), text="9.9.9"))
    with bench.device(storage) as device:
        assert device.version() == (2, 0, -1, 3)
    with pytest.raises(ConditionFailedError, match=r"has version \[2, 0, -1, 3\]"):
        bench.run(storage, release(2, NEW, wanted="9.9.9"))
    assert bench.contents(storage) == {MAIN: OLD}
    bench.run(storage, release(2, NEW, text="7", wanted="2.0-rc.3"))
    assert bench.contents(storage) == {MAIN: NEW}
    with bench.device(storage) as device:
        assert device.version() is None


def test_what_the_platform_knows_of_versions_comes_first() -> None:
    bench, storage = Bench(), MemoryStorage()
    bench.provision(storage)
    bench.run(storage, release(1, OLD, version=(2,)))
    bench.platform.versions = {MAIN: (5,)}
    with pytest.raises(ConditionFailedError, match=r"has version \[5\]"):
        bench.run(storage, release(2, NEW, wanted="2"))
    bench.run(storage, release(2, NEW, wanted="5"))
    assert bench.contents(storage) == {MAIN: NEW}


def test_nothing_installed_has_no_version_and_neither_has_what_nobody_vouches_for() -> None:
    bench, storage = Bench(), MemoryStorage()
    bench.provision(storage)
    with bench.device(storage) as device:
        assert device.version() is None
    with pytest.raises(ConditionFailedError, match="not known"):
        bench.run(storage, release(1, OLD, wanted="1"))
    bench.run(storage, release(1, OLD, version=(1,)))
    with bench.device(storage) as device:
        confirmed = device.record().confirmed
        assert confirmed is not None
        storage.write(confirmed.envelope, 40, b"\xff")
        assert device.version() is None
