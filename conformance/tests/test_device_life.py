"""The life of a device: install aside, boot on trial, confirm or fall back; storage is never believed."""

from dataclasses import replace

import pytest

from conformance.powercut import Fault, PowerCutStorage
from conformance.release import FIRMWARE
from conformance.tests.lab import CAPACITY, Lab, image, install
from device.agent import require_not_below_minimum
from device.authenticate import authenticate
from device.ic.errors import IcError
from device.record import BootRecord, load_record, save_record
from device.storage import MemoryStorage, Storage
from spec.labels import Command
from suit.cose import sign1
from suit.decode import decode_manifest
from suit.encode import encode_envelope
from suit.envelope import open_envelope, seal, with_block
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
from suit.manifest import Severable
from suit.target import TargetInfo


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


@pytest.mark.req("H7-1")
def test_an_install_changes_nothing_that_runs(lab: Lab, storage: MemoryStorage) -> None:
    before = files(storage)
    running = load_record(storage).confirmed
    lab.install(storage, 3)
    assert before.items() <= files(storage).items()
    assert load_record(storage).confirmed == running
    assert lab.boots(storage) == 3
    assert lab.boots(storage) == 2
    with lab.device(storage) as device:
        assert device.floor() == 2


@pytest.mark.req("H7-2")
def test_a_trial_runs_once_and_falls_back_when_nobody_confirms_it(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 3)
    assert lab.boots(storage) == 3
    assert lab.boots(storage) == 2
    record = load_record(storage)
    assert record.trial is None
    assert "not confirmed" in record.failure
    assert lab.boots(storage) == 2


@pytest.mark.req("H5-6")
def test_the_floor_rises_with_confirmation_not_before(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 3)
    with lab.device(storage) as device:
        device.boot()
        assert device.floor() == 2
        device.confirm()
        assert device.floor() == 3
    assert lab.boots(storage) == 3


@pytest.mark.req("I4.3.1")
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


@pytest.mark.req("H7-4")
@pytest.mark.parametrize("directory", ["images", "envelopes"])
def test_a_flipped_byte_in_the_trial_falls_back(lab: Lab, storage: MemoryStorage, directory: str) -> None:
    trial = lab.install(storage, 3)
    name = trial.images[FIRMWARE] if directory == "images" else trial.envelope
    flip(storage, name)
    assert lab.boots(storage) == 2
    assert load_record(storage).failure


@pytest.mark.req("H7-4", "T10-1")
@pytest.mark.parametrize("directory", ["images", "envelopes"])
def test_a_flipped_byte_in_the_confirmed_system_never_runs(
    lab: Lab, storage: MemoryStorage, directory: str
) -> None:
    confirmed = load_record(storage).confirmed
    assert confirmed is not None
    flip(storage, confirmed.images[FIRMWARE] if directory == "images" else confirmed.envelope)
    ran = len(lab.platform.invoked)
    with lab.device(storage) as device, pytest.raises((ConditionFailedError, NotAuthenticError)):
        device.boot()
    assert len(lab.platform.invoked) == ran


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


@pytest.mark.req("M6.1-3")
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


@pytest.mark.req("H7-11")
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


@pytest.mark.req("H7-3")
def test_a_release_that_matches_no_digest_is_never_committed(lab: Lab, storage: MemoryStorage) -> None:
    unmatched = without_image_match(lab, 3)
    with lab.device(storage, serves=3) as device, pytest.raises(RefusedError, match="no image-match"):
        install(device, unmatched)
    assert load_record(storage).trial is None
    assert lab.boots(storage) == 2


@pytest.mark.req("H7-5")
@pytest.mark.parametrize("fault", Fault)
def test_a_full_or_failing_disk_leaves_the_running_release_alone(
    lab: Lab, storage: MemoryStorage, fault: Fault
) -> None:
    names = [name for directory in ("boot", "ic") for name in listed(storage, directory)]
    content = files(storage) | {name: storage.read(name) for name in names}
    whole = PowerCutStorage(content)
    lab.install(whole, 3)
    record_synced = max(number for number, text in enumerate(whole.log) if text.startswith("sync boot/"))
    for operation in range(4, whole.operations):
        failing = PowerCutStorage(content, faults={operation: fault})
        try:
            lab.install(failing, 3)
        except StorageError:
            in_doubt = operation == record_synced  # the record is written, its sync failed
            assert lab.boots(failing) in ((2, 3) if in_doubt else (2,)), operation
        else:
            assert lab.boots(failing) == 3, operation


@pytest.mark.req("H4-10")
def test_a_minimum_above_the_release_refuses_it(lab: Lab, storage: MemoryStorage) -> None:
    with lab.device(storage) as device:
        authentic = authenticate(open_envelope(lab.envelope(3)), device.ic)
    digest = authentic.envelope.digest.value.hex()
    require_not_below_minimum(authentic, TargetInfo(3, digest, minimum=3))
    with pytest.raises(RollbackError):
        require_not_below_minimum(authentic, TargetInfo(3, digest, minimum=4))


def listed(storage: Storage, directory: str) -> list[str]:
    return [f"{directory}/{name}" for name in storage.list(directory)]


def without_image_match(lab: Lab, number: int) -> bytes:
    """Sign release ``number`` anew without its image-match conditions."""
    manifest = decode_manifest(open_envelope(lab.envelope(number)).manifest)
    assert manifest.install is not None
    assert manifest.install.value is not None
    steps = tuple(step for step in manifest.install.value if step.label is not Command.IMAGE_MATCH)
    envelope = seal(replace(manifest, install=Severable(steps), validate=None))
    return encode_envelope(with_block(envelope, sign1(envelope.digest_bytes, lab.author)))
