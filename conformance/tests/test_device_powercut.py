"""Power cuts: at every operation of an update, in six ways, a verified image boots and floors never fall."""

from contextlib import suppress

import pytest

from conformance.powercut import CrashMode, PowerCutStorage, PowerLoss
from conformance.tests.lab import IC, Lab, install
from device.reporter import Procedure, kept_report
from device.storage import Storage
from suit.errors import HardsuitError
from suit.report import Report


def update(lab: Lab, storage: Storage) -> None:
    lab.install(storage, 2)
    with lab.device(storage) as device:
        device.boot()
        device.confirm()


def fall_back(lab: Lab, storage: Storage) -> None:
    lab.install(storage, 2)
    lab.boots(storage)
    lab.boots(storage)


def failed_update(lab: Lab, storage: Storage) -> None:
    with lab.device(storage, serves=b"something else") as device, suppress(HardsuitError):
        install(device, lab.envelope(2))
    lab.boots(storage)


SCENARIOS = {"update": update, "fall-back": fall_back, "failed-update": failed_update}


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def files(lab: Lab) -> dict[str, bytes]:
    """A device that runs release 1."""
    storage = PowerCutStorage()
    lab.provision(storage)
    lab.run(storage, 1)
    return storage.after_power_loss().files()


def floor(lab: Lab, storage: Storage) -> int:
    with lab.device(storage) as device:
        return device.floor()


@pytest.mark.req("H2-7", "H7-9", "M6.3.1-1")
@pytest.mark.parametrize("mode", CrashMode)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_power_cut_at_any_operation_leaves_a_device_that_boots_and_can_update(
    lab: Lab, files: dict[str, bytes], scenario: str, mode: CrashMode
) -> None:
    play = SCENARIOS[scenario]
    whole = PowerCutStorage(files)
    play(lab, whole)
    for stop in range(whole.operations + 1):
        storage = PowerCutStorage(files, stop=stop, mode=mode, seed=stop)
        with suppress(PowerLoss):
            play(lab, storage)
        survivor = storage.after_power_loss()
        before = floor(lab, survivor)
        assert before in (1, 2), stop
        first = lab.boots(survivor)
        assert first in (1, 2), stop
        assert first >= before, stop
        second = lab.boots(survivor)
        assert second in (1, first), stop
        assert lab.boots(survivor) == second, stop
        assert floor(lab, survivor) >= before, stop
        lab.run(survivor, 3)
        assert lab.boots(survivor) == 3, stop


@pytest.mark.req("H7-6")
def test_without_any_one_sync_some_power_cut_is_noticed(lab: Lab, files: dict[str, bytes]) -> None:
    """The meta-test: a sync whose loss nobody notices is superfluous, or this suite is blind.

    The IC's own syncs have their own such test. Two syncs of the device are redundant on purpose: that the
    trial took over matters to a confirmation in the same power cycle alone; and whether the boot record of a
    confirmation arrives or the IC's floor, either completes the other.
    """
    whole = PowerCutStorage(files)
    update(lab, whole)
    syncs = [text for text in whole.log if text.startswith("sync")]
    ours = [number for number, text in enumerate(syncs) if f"{IC}/" not in text]
    *_, took_over, confirmation = [n for n in ours if syncs[n] in ("sync boot/0", "sync boot/1")]
    unnoticed = [number for number in ours if not noticed(lab, files, number, whole.operations)]
    assert unnoticed == [took_over, confirmation]


def noticed(lab: Lab, files: dict[str, bytes], sync: int, operations: int) -> bool:
    if tried_twice(lab, files, sync):
        return True
    return any(forgotten(lab, files, sync, step) for step in (1, 2, 3)) or any(
        broken(lab, PowerCutStorage(files, stop=stop, mode=mode, seed=seed, ignore_sync=sync))
        for seed in range(3)
        for mode in CrashMode
        for stop in range(operations + 1)
    )


def forgotten(lab: Lab, files: dict[str, bytes], sync: int, steps: int) -> bool:
    """Cut the power right after a step was acknowledged; tell whether its effect is gone."""
    storage = PowerCutStorage(files, ignore_sync=sync)
    told = None
    lab.install(storage, 2)
    if steps > 1:
        with lab.device(storage) as device:
            told = device.boot().to_dict()
            if steps > 2:
                device.confirm()
    reported = reports(storage)
    try:
        survivor = storage.after_power_loss()
        if reports(survivor) != reported:
            return True
        with lab.device(survivor) as device:
            if steps > 1 and device.report()["last_boot"] != told:
                return True
        return lab.boots(survivor) != (1 if steps == 2 else 2)
    except HardsuitError:
        return True


def reports(storage: Storage) -> list[Report | None]:
    return [kept_report(storage, procedure) for procedure in Procedure]


def tried_twice(lab: Lab, files: dict[str, bytes], sync: int) -> bool:
    """Lose power while the trial is being checked; tell whether the next boot tries it again."""
    storage = PowerCutStorage(files, ignore_sync=sync)
    lab.install(storage, 2)
    with lab.device(storage) as device, pytest.MonkeyPatch.context() as patch, suppress(PowerLoss):
        patch.setattr(device.ic, "hash_open", lose_power)
        device.boot()
    try:
        return lab.boots(storage.after_power_loss()) == 2
    except HardsuitError:
        return True


def lose_power(_: object) -> None:
    raise PowerLoss


def broken(lab: Lab, storage: PowerCutStorage) -> bool:
    with suppress(PowerLoss):
        update(lab, storage)
    try:
        survivor = storage.after_power_loss()
        lab.boots(survivor)
        with lab.device(survivor) as device:
            device.report()
    except (HardsuitError, AssertionError):
        return True
    return False
