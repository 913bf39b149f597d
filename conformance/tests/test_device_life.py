"""The life of a device: install aside, boot on trial, confirm or fall back; storage is never believed."""

from dataclasses import replace

import pytest

from conformance.release import FIRMWARE
from conformance.tests.lab import CAPACITY, Lab, image, install
from device.ic.errors import IcError
from device.record import BootRecord, load_record, save_record
from device.storage import MemoryStorage, Storage
from suit.errors import (
    ConditionFailedError,
    HardsuitError,
    NotAuthenticError,
    NothingToDoError,
    RefusedError,
    RollbackError,
    SequenceReusedError,
    StorageError,
)


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def storage(lab: Lab) -> MemoryStorage:
    """A device that has run release 1 and then release 2."""
    storage = MemoryStorage()
    lab.provision(storage)
    lab.run(storage, 1)
    lab.run(storage, 2)
    return storage


def files(storage: Storage) -> dict[str, bytes]:
    return {
        f"{directory}/{name}": storage.read(f"{directory}/{name}")
        for directory in ("images", "envelopes")
        for name in storage.list(directory)
    }


def test_a_device_without_a_release_boots_nothing(lab: Lab) -> None:
    storage = MemoryStorage()
    lab.provision(storage)
    with lab.device(storage) as device, pytest.raises(RefusedError, match="nothing to boot"):
        device.boot()


def test_an_install_changes_nothing_that_runs(lab: Lab, storage: MemoryStorage) -> None:
    before = files(storage)
    lab.install(storage, 3)
    assert before.items() <= files(storage).items()
    assert load_record(storage).confirmed == replace(load_record(storage)).confirmed
    with lab.device(storage) as device:
        assert device.floor() == 2


def test_a_trial_runs_once_and_falls_back_when_nobody_confirms_it(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 3)
    assert lab.boots(storage) == 3
    assert lab.boots(storage) == 2
    record = load_record(storage)
    assert record.trial is None
    assert "not confirmed" in record.failure
    assert lab.boots(storage) == 2


def test_the_floor_rises_with_confirmation_not_before(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 3)
    with lab.device(storage) as device:
        device.boot()
        assert device.floor() == 2
        device.confirm()
        assert device.floor() == 3
    assert lab.boots(storage) == 3


def test_an_older_release_is_refused_before_a_byte_is_written(lab: Lab, storage: MemoryStorage) -> None:
    before = files(storage)
    with pytest.raises(RollbackError):
        lab.install(storage, 1)
    assert files(storage) == before


def test_another_manifest_with_the_running_number_is_refused(lab: Lab, storage: MemoryStorage) -> None:
    other = lab.envelope(2, content=b"another image")
    with lab.device(storage, serves=b"another image") as device, pytest.raises(SequenceReusedError):
        install(device, other)
    assert lab.boots(storage) == 2


def test_confirming_needs_a_trial_that_was_booted(lab: Lab, storage: MemoryStorage) -> None:
    with lab.device(storage) as device, pytest.raises(NothingToDoError):
        device.confirm()
    lab.install(storage, 3)
    with lab.device(storage) as device, pytest.raises(RefusedError, match="not been booted"):
        device.confirm()
    with lab.device(storage) as device:
        assert device.floor() == 2


def test_an_update_during_a_running_trial_is_refused(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 3)
    assert lab.boots(storage) == 3
    with pytest.raises(RefusedError, match="a trial is running"):
        lab.install(storage, 4)
    with lab.device(storage) as device:
        device.confirm()
    assert lab.boots(storage) == 3


def test_a_trial_that_was_never_started_makes_room_for_a_newer_one(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 3)
    lab.install(storage, 4)
    assert lab.boots(storage) == 4
    assert lab.boots(storage) == 2


def test_a_payload_that_is_another_installs_nothing(lab: Lab, storage: MemoryStorage) -> None:
    forged = bytes(len(image(3)))
    with lab.device(storage, serves=forged) as device, pytest.raises(ConditionFailedError):
        install(device, lab.envelope(3))
    assert load_record(storage).trial is None
    assert lab.boots(storage) == 2


def test_content_over_the_capacity_is_refused(lab: Lab, storage: MemoryStorage) -> None:
    large = bytes(CAPACITY + 1)
    with lab.device(storage, serves=large) as device, pytest.raises(HardsuitError):
        install(device, lab.envelope(3, content=large))
    assert lab.boots(storage) == 2


@pytest.mark.parametrize("directory", ["images", "envelopes"])
def test_a_flipped_byte_in_the_trial_falls_back(lab: Lab, storage: MemoryStorage, directory: str) -> None:
    trial = lab.install(storage, 3)
    name = trial.images[FIRMWARE] if directory == "images" else trial.envelope
    flip(storage, name)
    assert lab.boots(storage) == 2
    assert load_record(storage).failure


@pytest.mark.parametrize("directory", ["images", "envelopes"])
def test_a_flipped_byte_in_the_confirmed_system_never_runs(
    lab: Lab, storage: MemoryStorage, directory: str
) -> None:
    confirmed = load_record(storage).confirmed
    assert confirmed is not None
    flip(storage, confirmed.images[FIRMWARE] if directory == "images" else confirmed.envelope)
    with lab.device(storage) as device, pytest.raises((ConditionFailedError, NotAuthenticError)):
        device.boot()
    assert lab.platform.invoked[-1:] == lab.platform.invoked[-1:]


def test_every_flipped_byte_of_one_copy_of_the_boot_record_is_harmless(
    lab: Lab, storage: MemoryStorage
) -> None:
    lab.install(storage, 3)
    for name in ("boot/0", "boot/1"):
        good = storage.read(name)
        for position in range(len(good)):
            flip(storage, name, position)
            assert load_record(storage).confirmed is not None
            storage.write(name, 0, good)


def test_a_boot_record_with_both_copies_damaged_is_an_error_not_a_new_device(
    lab: Lab, storage: MemoryStorage
) -> None:
    flip(storage, "boot/0")
    flip(storage, "boot/1")
    with lab.device(storage) as device, pytest.raises(StorageError, match="both copies"):
        device.boot()


def test_a_boot_record_that_names_an_old_system_boots_nothing(lab: Lab, storage: MemoryStorage) -> None:
    kept = {name: storage.read(name) for name in ("boot/0", "boot/1")}
    old = files(storage)
    lab.run(storage, 3)
    for name, content in (kept | old).items():
        storage.write(name, 0, content)
        storage.truncate(name, len(content))
    with lab.device(storage) as device, pytest.raises(RollbackError):
        device.boot()


def test_a_confirmation_that_never_reached_the_ic_is_completed_at_boot(
    lab: Lab, storage: MemoryStorage
) -> None:
    trial = lab.install(storage, 3)
    assert lab.boots(storage) == 3
    record = load_record(storage)
    save_record(storage, BootRecord(record.generation, confirmed=trial))
    assert lab.boots(storage) == 3
    with lab.device(storage) as device:
        assert device.floor() == 3


def test_power_cycles_of_a_confirmed_system_write_nothing(lab: Lab, storage: MemoryStorage) -> None:
    assert lab.boots(storage) == 2
    before = {name: storage.read(f"boot/{name}") for name in storage.list("boot")}
    for _ in range(5):
        assert lab.boots(storage) == 2
    assert {name: storage.read(f"boot/{name}") for name in storage.list("boot")} == before


def test_an_ic_that_does_not_serve_costs_no_trial(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 3)
    with lab.device(storage) as device:
        device.ic.close()
        with pytest.raises(IcError):
            device.boot()
    assert load_record(storage).trial is not None


def test_what_runs_is_measured_before_it_runs(lab: Lab, storage: MemoryStorage) -> None:
    with lab.device(storage) as device:
        booted = device.boot()
        told = device.report()
    assert set(booted.pcrs) == {8, 9}
    assert all(any(value) for value in booted.pcrs.values())
    assert told["last_boot"]["pcrs"] == {str(pcr): value.hex() for pcr, value in booted.pcrs.items()}
    assert told["floor"] == 2


def test_nothing_is_left_behind_by_interrupted_installs(lab: Lab, storage: MemoryStorage) -> None:
    for _ in range(3):
        with lab.device(storage, serves=bytes(8)) as device, pytest.raises(HardsuitError):
            install(device, lab.envelope(3))
    lab.run(storage, 3)
    assert len(storage.list("images")) == 1
    assert len(storage.list("envelopes")) == 1


def flip(storage: Storage, name: str, position: int | None = None) -> None:
    content = bytearray(storage.read(name))
    content[len(content) // 2 if position is None else position] ^= 1
    storage.write(name, 0, bytes(content))
