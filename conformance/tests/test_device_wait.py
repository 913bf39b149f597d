"""An update that has to wait: kept over restarts, explained, resumed, given up by hand or by time."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance.powercut import CrashMode, PowerCutStorage, PowerLoss
from conformance.stage import Stage
from conformance.tests.lab import EPOCH, Lab, install
from device.cli import cli
from device.clock import FixedClock, SystemClock
from device.config import Config
from device.file_platform import FilePlatform
from device.home import opened
from device.reporter import Procedure, kept_report
from device.storage import MemoryStorage, Storage
from device.waiting import WaitTimeoutError
from spec.labels import Command, Parameter, ReportReason, WaitEvent
from suit.envelope import open_envelope
from suit.errors import ExitCode, NothingToDoError, StorageError, UsageError, WaitingError
from suit.manifest import Command as Step
from suit.manifest import WaitInfo
from suit.replay import replay

HOUR, DAY = 3600, 86400
POWER = WaitInfo({WaitEvent.POWER: 2})
NIGHT = WaitInfo({WaitEvent.TIME_OF_DAY_UTC: (EPOCH - HOUR) % DAY})


def waits(info: WaitInfo) -> tuple[Step, ...]:
    return Step(Command.OVERRIDE_PARAMETERS, {Parameter.WAIT_INFO: info}), Step(Command.WAIT, 15)


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.platform.power = 1
    return lab


@pytest.fixture
def storage(lab: Lab) -> MemoryStorage:
    """A device that runs release 1."""
    storage = MemoryStorage()
    lab.provision(storage)
    lab.run(storage, 1)
    return storage


@pytest.fixture
def files(lab: Lab) -> dict[str, bytes]:
    """The same, as files on a disk."""
    storage = PowerCutStorage()
    lab.provision(storage)
    lab.run(storage, 1)
    return storage.after_power_loss().files()


def attempt(lab: Lab, storage: Storage, info: WaitInfo = POWER, number: int = 2) -> None:
    with lab.device(storage, serves=number) as device:
        install(device, lab.envelope(number, before=waits(info)))


@pytest.mark.req("U6-1", "U4.5-1")
def test_a_wait_outlives_restarts_and_is_explained_until_the_update_goes_on(
    lab: Lab, storage: MemoryStorage
) -> None:
    for later in (0, HOUR, 2 * HOUR):
        lab.now = EPOCH + later
        with pytest.raises(WaitingError, match="power state 2"):
            attempt(lab, storage)
    with lab.device(storage) as device:
        told = device.waiting()
        assert device.report()["waiting"] == told
    assert told is not None
    assert (told["sequence_number"], told["since"], told["until"], told["ended"]) == (2, EPOCH, None, None)
    assert told["events"] == [{"event": "power state 2", "holds": False}]
    assert lab.boots(storage) == 1
    lab.platform.power = 2
    with lab.device(storage) as device:
        assert device.waiting() == told | {"events": [{"event": "power state 2", "holds": True}]}
    attempt(lab, storage)
    with lab.device(storage) as device:
        assert device.waiting() is None
    assert storage.list("wait") == []
    assert lab.boots(storage) == 2


@pytest.mark.req("U6-1")
def test_a_moment_that_came_while_the_device_was_off_counts(lab: Lab, storage: MemoryStorage) -> None:
    with pytest.raises(WaitingError):
        attempt(lab, storage, NIGHT)
    lab.now = EPOCH + DAY - HOUR - 1
    with pytest.raises(WaitingError):
        attempt(lab, storage, NIGHT)
    lab.now += 10
    attempt(lab, storage, NIGHT)
    assert lab.boots(storage) == 2


def test_another_release_waits_from_its_own_beginning(lab: Lab, storage: MemoryStorage) -> None:
    with pytest.raises(WaitingError):
        attempt(lab, storage)
    lab.now = EPOCH + DAY
    with pytest.raises(WaitingError):
        attempt(lab, storage, NIGHT, number=3)
    with lab.device(storage) as device:
        told = device.waiting()
    assert told is not None
    assert (told["sequence_number"], told["since"]) == (3, EPOCH + DAY)
    attempt(lab, storage, WaitInfo({WaitEvent.TIME: 0}), number=4)
    with lab.device(storage) as device:
        assert device.waiting() is None


@pytest.mark.req("U6-1")
def test_a_wait_is_given_up_by_hand_once(lab: Lab, storage: MemoryStorage) -> None:
    with lab.device(storage) as device, pytest.raises(NothingToDoError, match="no update waits"):
        device.cancel()
    with pytest.raises(WaitingError):
        attempt(lab, storage)
    with lab.device(storage) as device:
        assert device.cancel().sequence_number == 2
        with pytest.raises(NothingToDoError):
            device.cancel()
    with lab.device(storage) as device:
        told = device.waiting()
    assert told is not None
    assert told["ended"] == "cancelled"


def test_nobody_is_asked_for_an_authorization_just_to_show_the_wait(lab: Lab, storage: MemoryStorage) -> None:
    with pytest.raises(WaitingError):
        attempt(lab, storage, WaitInfo({WaitEvent.AUTHORIZATION: 3}))
    asked = len(lab.platform.priorities)
    with lab.device(storage) as device:
        told = device.waiting()
    assert told is not None
    assert told["events"] == [{"event": "authorization of priority 3", "holds": None}]
    assert len(lab.platform.priorities) == asked == 1


@pytest.mark.parametrize("damage", [b"", b"\xff", b"\x80", b"\x85\x00\x00\x00\x00\x60"])
def test_a_damaged_note_of_the_wait_is_no_note(lab: Lab, storage: MemoryStorage, damage: bytes) -> None:
    with pytest.raises(WaitingError):
        attempt(lab, storage)
    storage.truncate("wait/update", 0)
    storage.write("wait/update", 0, damage)
    with lab.device(storage) as device:
        assert device.waiting() is None
    lab.now = EPOCH + HOUR
    with pytest.raises(WaitingError):
        attempt(lab, storage)
    with lab.device(storage) as device:
        told = device.waiting()
    assert told is not None
    assert told["since"] == EPOCH + HOUR


def test_a_disk_that_takes_no_note_is_a_storage_error_and_the_old_release_runs(
    lab: Lab, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = storage.write

    def full(name: str, offset: int, data: bytes) -> None:
        if name.startswith("wait/"):
            raise StorageError("full")
        write(name, offset, data)

    monkeypatch.setattr(storage, "write", full)
    with pytest.raises(StorageError, match="full"):
        attempt(lab, storage)
    assert lab.boots(storage) == 1


@pytest.mark.req("U6-1")
def test_a_report_says_where_the_update_waits_and_what_the_device_has(
    lab: Lab, storage: MemoryStorage
) -> None:
    with pytest.raises(WaitingError):
        attempt(lab, storage)
    report = kept_report(storage, Procedure.UPDATE)
    assert report is not None
    assert report.failure is not None
    assert (report.failure.reason, report.failure.code) == (ReportReason.OPERATION_FAILED, 5)
    envelope = open_envelope(lab.envelope(2, before=waits(POWER)))
    events = replay(report, envelope)
    assert events[-1].what.startswith("operation-failed: wait at install+")
    assert "wait-info (power state 1)" in events[-1].what


def update_after_wait(lab: Lab, storage: Storage) -> None:
    lab.platform.power = 1
    with suppress(WaitingError):
        attempt(lab, storage)
    lab.platform.power = 2
    attempt(lab, storage)


@pytest.mark.req("H2-7", "H7-9", "U6-1")
@pytest.mark.parametrize("mode", CrashMode)
def test_a_power_cut_at_any_operation_of_a_waiting_update_leaves_a_device_that_boots_and_can_update(
    lab: Lab, files: dict[str, bytes], mode: CrashMode
) -> None:
    whole = PowerCutStorage(files)
    update_after_wait(lab, whole)
    for stop in range(whole.operations + 1):
        broken = PowerCutStorage(files, stop=stop, mode=mode, seed=stop)
        with suppress(PowerLoss):
            update_after_wait(lab, broken)
        survivor = broken.after_power_loss()
        assert lab.boots(survivor) in (1, 2), stop
        assert lab.boots(survivor) in (1, 2), stop
        with lab.device(survivor) as device:
            told = device.waiting()
        assert told is None or told["sequence_number"] == 2, stop
        lab.run(survivor, 3)
        assert lab.boots(survivor) == 3, stop


@pytest.mark.req("U6-1", "H7-6")
def test_a_wait_that_was_acknowledged_is_not_lost_in_a_power_cut(lab: Lab, files: dict[str, bytes]) -> None:
    lost = []
    whole = PowerCutStorage(files)
    with pytest.raises(WaitingError):
        attempt(lab, whole)
    syncs = [text for text in whole.log if text.startswith("sync")]
    own = [number for number, text in enumerate(syncs) if "wait" in text]
    assert len(own) == 2
    for ignored in (None, *own):
        cut = PowerCutStorage(files, ignore_sync=ignored)
        with pytest.raises(WaitingError):
            attempt(lab, cut)
        with lab.device(cut.after_power_loss()) as device:
            if device.waiting() is None:
                lost.append(ignored)
    assert lost == own


# At the prompt.


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A repository with release 1, which waits for power, and a device without a release."""
    with Stage.open(tmp_path) as stage:
        stage.found()
        stage.publish(1, before=waits(POWER))
        stage.provision()
        yield stage


@pytest.fixture
def home(stage: Stage) -> Path:
    set_states(stage._device_directory, power=1)
    return stage._device_directory


def set_states(home: Path, **states: object) -> None:
    (home / "platform.json").write_text(json.dumps(states), "utf-8")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def one_line(result: Result, code: ExitCode) -> str:
    assert result.exit_code == code.value, result.output
    (line,) = result.stderr.strip().splitlines()
    return line


@pytest.mark.req("U6-1", "H8-1")
def test_the_status_explains_the_wait_and_update_goes_on_when_it_is_over(home: Path) -> None:
    line = one_line(run("update", home), ExitCode.NOTHING_TO_DO)
    assert "waiting for power state 2" in line
    told = json.loads(run("update", "--json", home).stdout)
    assert (told["ok"], told["code"], told["reason"]) == (False, 5, "waiting")
    status = run("status", home).stdout
    assert "waiting    sequence number 1 since 20" in status
    assert "           power state 2: not yet" in status
    set_states(home, power=2)
    assert "power state 2: holds" in run("status", home).stdout
    assert run("update", home).exit_code == 0
    status = run("status", home).stdout
    assert "waiting" not in status
    assert "trial      sequence number 1" in status


@pytest.mark.req("U6-1")
def test_nothing_is_fetched_while_the_device_knows_that_it_waits(stage: Stage, home: Path) -> None:
    one_line(run("update", home), ExitCode.NOTHING_TO_DO)
    for target in stage._repository.public.glob("targets/*/*/*.suit"):
        target.write_bytes(b"a device that fetched this would say so")
    assert "power state 2" in one_line(run("update", home), ExitCode.NOTHING_TO_DO)


@pytest.mark.req("U6-1")
def test_a_cancelled_update_is_left_alone_until_somebody_asks_for_it(home: Path) -> None:
    assert "no update waits" in one_line(run("cancel", home), ExitCode.NOTHING_TO_DO)
    one_line(run("update", home), ExitCode.NOTHING_TO_DO)
    assert json.loads(run("cancel", "--json", home).stdout)["data"]["sequence_number"] == 1
    set_states(home, power=2)
    assert "cancelled" in one_line(run("update", home), ExitCode.NOTHING_TO_DO)
    assert "no longer for sequence number 1: cancelled" in run("status", home).stdout
    assert run("update", "--retry", home).exit_code == 0


def test_a_newer_release_is_not_held_up_by_a_cancelled_one(stage: Stage, home: Path) -> None:
    one_line(run("update", home), ExitCode.NOTHING_TO_DO)
    assert run("cancel", home).exit_code == 0
    stage.publish(2)
    assert json.loads(run("update", "--json", home).stdout)["data"]["sequence_number"] == 2
    assert "waiting" not in run("status", home).stdout


@pytest.mark.req("U6-1")
def test_a_device_gives_up_when_its_patience_is_over(home: Path) -> None:
    config = Config.from_json((home / "device.json").read_text("utf-8"))
    patient = {**json.loads(config.to_json()), "wait_seconds": DAY}
    (home / "device.json").write_text(json.dumps(patient), "utf-8")
    one_line(run("update", home), ExitCode.NOTHING_TO_DO)
    assert ", until 20" in run("status", home).stdout
    start = SystemClock().now()
    with opened(home, clock=FixedClock(start + DAY - HOUR)) as device, pytest.raises(WaitingError):
        device.update()
    with opened(home, clock=FixedClock(start + DAY + 1)) as device:
        with pytest.raises(WaitTimeoutError, match="in vain for power state 2") as caught:
            device.update()
        with pytest.raises(NothingToDoError, match="timed out"):
            device.update()
    assert (caught.value.exit_code, caught.value.reason) == (ExitCode.REFUSED, "wait-timeout")


@pytest.mark.req("U5.6-1")
def test_a_device_that_is_told_nothing_of_its_power_refuses_to_wait_for_it(home: Path) -> None:
    (home / "platform.json").unlink()
    assert "cannot wait for power" in one_line(run("update", home), ExitCode.REFUSED)
    assert "waiting" not in run("status", home).stdout


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"power": "on"}', '{"power": true}', '{"tide": 1}', '{"devices": {"0": "1"}}',
     '{"devices": {"00": "one"}}', '{"devices": []}', "\u00ff"],
)  # fmt: skip
def test_damaged_states_are_a_storage_error(home: Path, text: str) -> None:
    (home / "platform.json").write_text(text, "latin-1")
    assert "platform.json: damaged" in one_line(run("update", home), ExitCode.STORAGE)


def test_the_states_are_what_the_file_says_now(home: Path) -> None:
    config = Config.from_json((home / "device.json").read_text("utf-8"))
    platform = FilePlatform(config, home / "platform.json")
    set_states(home, battery_mwh=7, authorize=3, power=1, network=2, devices={"70": "1.2-rc.1"})
    assert (platform.battery_mwh(), platform.power_state(), platform.network_state()) == (7, 1, 2)
    assert [platform.authorize(priority) for priority in (2, 3, 4)] == [True, True, False]
    assert (platform.device_version(b"p"), platform.device_version(b"q")) == ((1, 2, -1, 1), None)
    assert set(platform.wait_events()) > {WaitEvent.POWER, WaitEvent.NETWORK, WaitEvent.OTHER_DEVICE_VERSION}
    (home / "platform.json").unlink()
    assert (platform.battery_mwh(), platform.authorize(-9), platform.timezone()) == (None, False, None)


def test_a_device_has_the_time_zone_that_it_was_given(home: Path) -> None:
    config = Config.from_json((home / "device.json").read_text("utf-8"))
    plain = json.loads(config.to_json())
    for zone in ("Atlantis/Capital", "../../etc/passwd", "/etc/localtime", "Europe", "\0"):
        with pytest.raises(StorageError, match="time zone"):
            Config.from_json(json.dumps({**plain, "timezone": zone}))
    berlin = Config.from_json(json.dumps({**plain, "timezone": "Europe/Berlin"}))
    assert str(FilePlatform(berlin, home / "platform.json").timezone()) == "Europe/Berlin"
    older = {name: value for name, value in plain.items() if name not in {"timezone", "wait_seconds"}}
    assert Config.from_json(json.dumps(older)) == config


@pytest.mark.parametrize("value", [0, -1, "1", 1.5, True])
def test_patience_is_a_number_of_seconds(home: Path, value: object) -> None:
    plain = json.loads((home / "device.json").read_text("utf-8"))
    with pytest.raises(StorageError):
        Config.from_json(json.dumps({**plain, "wait_seconds": value}))


def test_options_that_could_never_work_are_usage_errors() -> None:
    fields: dict[str, Any] = {
        "url": "http://a.example",
        "vendor": bytes(16),
        "class_id": bytes(16),
        "capacities": {(b"",): 1},
    }
    wrongs: list[dict[str, Any]] = [{"timezone": "Atlantis/Capital"}, {"wait_seconds": 0}]
    for wrong in wrongs:
        with pytest.raises(UsageError):
            Config(**fields, **wrong)
    assert Config(**fields, timezone="UTC", wait_seconds=1).zone() is not None
