"""What a review with fresh eyes found, each once as a test: notes, faults and damage that must not decide."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.release import FIRMWARE
from conformance.tests.lab import Lab, install
from conformance.tests.test_device_life import flip, without_image_match
from device.ic.errors import IcUnavailableError
from device.record import BootRecord, load_record, save_record
from device.storage import MemoryStorage
from spec.labels import CoseAlgorithm
from suit.cose import sign1
from suit.decode import decode_manifest
from suit.encode import encode_envelope
from suit.envelope import open_envelope, seal, with_block
from suit.errors import NothingToDoError, RefusedError, StorageError


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def storage(lab: Lab) -> MemoryStorage:
    """A device that runs release 1."""
    storage = MemoryStorage()
    lab.provision(storage)
    lab.run(storage, 1)
    return storage


def without_validate(lab: Lab, number: int) -> bytes:
    manifest = decode_manifest(open_envelope(lab.envelope(number)).manifest)
    envelope = seal(replace(manifest, validate=None))
    return encode_envelope(with_block(envelope, sign1(envelope.digest_bytes, lab.author)))


@pytest.mark.req("H7-3", "H7-4")
@pytest.mark.parametrize("build", [without_validate, without_image_match])
def test_a_release_that_boots_could_not_check_is_never_committed(
    lab: Lab, storage: MemoryStorage, build: Callable[[Lab, int], bytes]
) -> None:
    with lab.device(storage, serves=2) as device, pytest.raises(RefusedError, match="validate"):
        install(device, build(lab, 2))
    assert lab.boots(storage) == 1


@pytest.mark.req("H7-4")
def test_a_record_that_names_an_unchecked_system_starts_nothing(lab: Lab, storage: MemoryStorage) -> None:
    envelope = without_validate(lab, 2)
    trial = lab.install(storage, 2)
    storage.write(trial.envelope, 0, envelope)
    storage.truncate(trial.envelope, len(envelope))
    digest = open_envelope(envelope).digest.value
    record = load_record(storage)
    save_record(storage, replace(record, trial=replace(trial, digest=digest)))
    flip(storage, trial.images[FIRMWARE])
    invoked = len(lab.platform.invoked)
    assert lab.boots(storage) == 1
    assert len(lab.platform.invoked) == invoked + 1
    assert "validate" in load_record(storage).failure


@pytest.mark.parametrize("note", [b"", b"{", b"[" * 200_000, b"\xff", b"null", b"[1]"])
def test_a_damaged_note_of_the_last_boot_stops_no_boot(lab: Lab, storage: MemoryStorage, note: bytes) -> None:
    storage.truncate("boot/last.json", 0)
    storage.write("boot/last.json", 0, note)
    assert lab.boots(storage) == 1


def test_an_ic_fault_gives_no_trial_up(
    lab: Lab, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.install(storage, 2)
    with lab.device(storage) as device:

        def fail(algorithm: CoseAlgorithm) -> None:
            del algorithm
            raise IcUnavailableError("the bus is silent")

        monkeypatch.setattr(device.ic, "hash_open", fail)
        with pytest.raises(IcUnavailableError):
            device.boot()
        with pytest.raises(RefusedError, match="not been booted"):
            device.confirm()
    assert lab.boots(storage) == 2


def test_only_a_trial_that_took_over_can_be_confirmed(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 2)
    save_record(storage, replace(load_record(storage), boots=1))
    with lab.device(storage) as device, pytest.raises(RefusedError, match="not been booted"):
        device.confirm()
    with lab.device(storage) as device:
        assert device.floor() == 1


def test_a_release_whose_trial_was_given_up_is_remembered_until_another_is_installed(
    lab: Lab, storage: MemoryStorage
) -> None:
    trial = lab.install(storage, 2)
    assert lab.boots(storage) == 2
    assert lab.boots(storage) == 1
    assert load_record(storage).failed == trial.digest
    lab.run(storage, 3)
    assert load_record(storage).failed == b""


def test_an_update_heals_a_lost_boot_record_and_the_floor_still_holds(
    lab: Lab, storage: MemoryStorage
) -> None:
    lab.run(storage, 2)
    for name in ("boot/0", "boot/1"):
        storage.truncate(name, 10)
    with pytest.raises(RefusedError):
        lab.install(storage, 1)
    lab.run(storage, 3)
    assert lab.boots(storage) == 3


def test_a_swollen_envelope_is_not_read_whole(lab: Lab, storage: MemoryStorage) -> None:
    trial = lab.install(storage, 2)
    asked: list[int | None] = []
    read = storage.read

    def watched(name: str, offset: int = 0, size: int | None = None) -> bytes:
        if name == trial.envelope:
            asked.append(size)
        return read(name, offset, size)

    storage.read = watched  # type: ignore[method-assign]
    assert lab.boots(storage) == 2
    assert asked
    assert None not in asked


def test_a_record_is_never_larger_than_what_is_read_back(storage: MemoryStorage) -> None:
    before = load_record(storage)
    with pytest.raises(StorageError, match="more than one copy holds"):
        save_record(storage, BootRecord(before.generation, failure="x" * 70_000))
    assert load_record(storage) == before


def test_confirming_twice_is_nothing_to_do(lab: Lab, storage: MemoryStorage) -> None:
    with lab.device(storage) as device, pytest.raises(NothingToDoError):
        device.confirm()


def test_a_record_that_cannot_be_read_just_now_costs_no_image(
    lab: Lab, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = storage.read

    def failing(name: str, offset: int = 0, size: int | None = None) -> bytes:
        if name.startswith("boot/"):
            raise StorageError(f"{name}: input/output error")
        return read(name, offset, size)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "read", failing)
        with pytest.raises(StorageError, match="input/output"):
            lab.install(storage, 2)
    assert lab.boots(storage) == 1
