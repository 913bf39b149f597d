"""suit-directive-wait in the processor: what holds when, what is unsupported, and that nothing changes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override as override_method

from device.platform import PORTABLE_EVENTS, MemoryPlatform, Platform
from device.processor import Record, Rights, uninstall
from device.processor.rights import require_labels
from device.processor.waiting import outstanding
from device.tests.processor_rig import (
    DEVICE,
    FETCH,
    LOOSE,
    SOFT,
    URI,
    WRITE,
    A,
    Rig,
    at,
    authentic,
    check,
    override,
    program,
    run,
    try_each,
    write,
)
from spec.labels import Command, Parameter, ReportReason, VersionComparison, WaitEvent
from suit.errors import (
    AbortError,
    ComponentUnauthorisedError,
    ExitCode,
    UnsupportedCommandError,
    UnsupportedParameterError,
    WaitingError,
)
from suit.manifest import Command as Step
from suit.manifest import ComponentId, OtherDevice, VersionMatch, WaitInfo, WaitValue

NOW = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())  # a Sunday
HOUR, DAY = 3600, 86400
OLD, NEW = b"old", b"new"
WAIT = check(Command.WAIT)
BERLIN = ZoneInfo("Europe/Berlin")
PUMP = OtherDevice(b"pump", (VersionMatch(VersionComparison.GREATER_EQUAL, (1, 2)),))


def info(events: Mapping[WaitEvent, WaitValue]) -> Step:
    return override(wait_info=WaitInfo(dict(sorted(events.items(), key=lambda pair: pair[0].value))))


def ready(*contents: bytes | None, since: int | None = None, now: int = NOW, **options: Any) -> Rig:
    rig = Rig(*(contents or (OLD,)), **options)
    rig.platform.power, rig.platform.network, rig.platform.others = 1, 2, {b"pump": (1, 2, 3)}
    rig.platform.zone, rig.platform.authorized = BERLIN, True
    rig.machine = replace(rig.machine, clock=lambda: now, waiting_since=since)
    return rig


def holds(event: WaitEvent, value: WaitValue, *, since: int, now: int, zone: Any = BERLIN) -> bool:
    platform = MemoryPlatform(zone=zone)
    return not outstanding(WaitInfo({event: value}), platform, since, now).events


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.req("U4.5-1")
def test_a_wait_that_does_not_hold_ends_the_update_and_changes_nothing() -> None:
    rig = ready(OLD, resources={URI: NEW})
    steps = [*write(NEW), info({WaitEvent.POWER: 1, WaitEvent.NETWORK: 5}), WAIT, override(uri=URI), FETCH]
    with pytest.raises(WaitingError, match=r"waiting for network state 5$") as caught:
        rig.install(*steps)
    assert rig.contents == [OLD]
    assert rig.fetcher.asked == []
    assert caught.value.info.events == {WaitEvent.POWER: 1, WaitEvent.NETWORK: 5}
    assert (caught.value.exit_code, caught.value.reason) == (ExitCode.NOTHING_TO_DO, "waiting")
    assert caught.value.report is ReportReason.OPERATION_FAILED
    assert caught.value.place is not None
    assert caught.value.place.command is Command.WAIT
    rig.platform.network = 5
    rig.install(*steps)
    assert rig.contents == [NEW]


def test_a_wait_is_no_condition_that_a_branch_could_be_soft_about() -> None:
    for steps in (
        [try_each([info({WaitEvent.POWER: 9}), WAIT], write(NEW))],
        [run(SOFT, info({WaitEvent.POWER: 9}), WAIT), *write(NEW)],
    ):
        rig = ready()
        with pytest.raises(WaitingError):
            rig.install(*steps)
        assert rig.contents == [OLD]


def test_every_selected_component_waits_for_its_own_events() -> None:
    rig = ready(OLD, OLD)
    each = Step(
        Command.OVERRIDE_MULTIPLE,
        {
            0: {Parameter.WAIT_INFO: WaitInfo({WaitEvent.POWER: 1})},
            1: {Parameter.WAIT_INFO: WaitInfo({WaitEvent.POWER: 2})},
        },
    )
    with pytest.raises(WaitingError, match="power state 2") as caught:
        rig.install(each, at(True), WAIT)
    assert caught.value.place is not None
    assert caught.value.place.component == 1


def test_the_application_is_asked_last_and_with_the_priority() -> None:
    rig = ready()
    rig.platform.power = 0
    events = {WaitEvent.AUTHORIZATION: -4, WaitEvent.POWER: 1}
    with pytest.raises(WaitingError, match="authorization of priority -4, power state 1"):
        rig.install(info(events), WAIT)
    assert rig.platform.priorities == []
    rig.platform.power = 1
    rig.install(info(events), WAIT)
    assert rig.platform.priorities == [-4]
    rig.platform.authorized = False
    with pytest.raises(WaitingError, match=r"waiting for authorization of priority -4$"):
        rig.install(info(events), WAIT)


class Plain(Platform):
    """What an integrator has to write at least."""

    @override_method
    def vendor_ids(self, component: ComponentId) -> tuple[bytes, ...]:
        return ()

    @override_method
    def class_ids(self, component: ComponentId) -> tuple[bytes, ...]:
        return ()

    @override_method
    def device_ids(self, component: ComponentId) -> tuple[bytes, ...]:
        return (DEVICE,)

    @override_method
    def invoke(self, component: ComponentId, args: bytes | None) -> None: ...

    @override_method
    def reboot(self) -> None: ...


EVERY: dict[WaitEvent, WaitValue] = dict.fromkeys(WaitEvent, 0) | {WaitEvent.OTHER_DEVICE_VERSION: PUMP}


@pytest.mark.req("U5.6-1", "U4.5-2", "U4.5-3")
@pytest.mark.parametrize("event", [event for event in WaitEvent if event not in PORTABLE_EVENTS])
def test_an_event_without_a_meaning_here_is_refused_before_anything_runs(event: WaitEvent) -> None:
    for steps in ([WAIT], [try_each(write(NEW), [WAIT])]):
        rig = Rig(OLD)
        rig.machine = replace(rig.machine, platform=Plain(), clock=lambda: NOW)
        with pytest.raises(UnsupportedParameterError, match="cannot wait for") as caught:
            rig.install(*write(NEW), info({WaitEvent.TIME: 0, event: EVERY[event]}), *steps)
        assert rig.trace.written == set()
        assert caught.value.report is ReportReason.PARAMETER_UNSUPPORTED
        assert caught.value.place is not None
        assert caught.value.place.command is Command.OVERRIDE_PARAMETERS


@pytest.mark.req("U5.6-1")
@pytest.mark.parametrize("event", [event for event in WaitEvent if event.value >= WaitEvent.TIME.value])
def test_without_a_clock_to_trust_no_event_of_time_is_supported(event: WaitEvent) -> None:
    rig = ready()
    rig.machine = replace(rig.machine, clock=None)
    with pytest.raises(UnsupportedParameterError):
        rig.install(info({event: 0}), WAIT)
    rig.install(info({WaitEvent.POWER: 1}), WAIT)


def test_a_plain_platform_never_authorizes_and_so_waits() -> None:
    rig = Rig(OLD)
    rig.machine = replace(rig.machine, platform=Plain(), clock=lambda: NOW)
    with pytest.raises(WaitingError):
        rig.install(info({WaitEvent.AUTHORIZATION: 0}), WAIT)
    assert (Plain().power_state(), Plain().network_state(), Plain().device_version(b"")) == (None, None, None)


def test_a_state_that_is_not_known_now_does_not_hold() -> None:
    class Silent(Plain):
        @override_method
        def wait_events(self) -> set[WaitEvent]:
            return set(WaitEvent)

    waited = WaitInfo({WaitEvent.POWER: 0, WaitEvent.NETWORK: 0, WaitEvent.OTHER_DEVICE_VERSION: PUMP})
    assert outstanding(waited, Silent(), NOW, NOW) == waited


@pytest.mark.req("U4.5-1")
def test_a_time_holds_from_its_second_on() -> None:
    assert not holds(WaitEvent.TIME, NOW, since=0, now=NOW - 1)
    assert holds(WaitEvent.TIME, NOW, since=0, now=NOW)
    assert holds(WaitEvent.TIME, 0, since=NOW, now=NOW)
    assert not holds(WaitEvent.TIME, (1 << 64) - 1, since=0, now=1 << 63)


def test_a_time_of_day_holds_until_the_day_ends_if_it_came_after_the_wait_began() -> None:
    noon, began = 12 * HOUR, NOW - HOUR
    assert not holds(WaitEvent.TIME_OF_DAY_UTC, noon, since=began, now=NOW - 1)
    assert holds(WaitEvent.TIME_OF_DAY_UTC, noon, since=began, now=NOW)
    assert holds(WaitEvent.TIME_OF_DAY_UTC, noon, since=began, now=NOW + 12 * HOUR - 1)
    assert not holds(WaitEvent.TIME_OF_DAY_UTC, noon, since=began, now=NOW + 12 * HOUR)
    # Told at 12:00:01 to wait until noon, a device does not go on at once, but the next day.
    assert not holds(WaitEvent.TIME_OF_DAY_UTC, noon, since=NOW + 1, now=NOW + 2)
    assert not holds(WaitEvent.TIME_OF_DAY_UTC, noon, since=NOW + 1, now=NOW + DAY - 1)
    assert holds(WaitEvent.TIME_OF_DAY_UTC, noon, since=NOW + 1, now=NOW + DAY)


def test_sunday_at_three_is_sunday_at_three() -> None:
    friday = moment("2026-11-20T14:00Z")
    both = WaitInfo({WaitEvent.TIME_OF_DAY_UTC: 3 * HOUR, WaitEvent.DAY_OF_WEEK_UTC: 0})
    platform = MemoryPlatform()
    hours = [
        hour for hour in range(24 * 8) if not outstanding(both, platform, friday, friday + hour * HOUR).events
    ]
    assert friday + hours[0] * HOUR == moment("2026-11-22T03:00Z")
    assert hours[-1] - hours[0] == 20


def test_a_wait_in_the_processor_begins_when_it_is_met_unless_it_began_before() -> None:
    steps = [info({WaitEvent.TIME_OF_DAY_UTC: 11 * HOUR}), WAIT]
    with pytest.raises(WaitingError):
        ready().install(*steps)
    ready(since=NOW - 2 * HOUR).install(*steps)
    ready(now=NOW - HOUR).install(*steps)


@pytest.mark.req("U4.5-2")
@pytest.mark.parametrize(
    ("zone", "local", "first"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00Z"),  # skipped
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59Z"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30Z"),  # twice
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00Z"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30Z"),  # half an hour is skipped
        ("America/Sao_Paulo", "2018-11-04T00:30", "2018-11-04T03:00Z"),  # the day begins at one
        ("Asia/Kathmandu", "2026-11-22T05:45", "2026-11-22T00:00Z"),
    ],
)
def test_a_local_time_comes_once_whatever_the_clocks_do(zone: str, local: str, first: str) -> None:
    shown, came = datetime.fromisoformat(local), moment(first)
    seconds = (shown.hour * 60 + shown.minute) * 60
    for now, expected in ((came - 1, False), (came, True), (came + HOUR, True)):
        assert (
            holds(WaitEvent.TIME_OF_DAY, seconds, since=came - HOUR, now=now, zone=ZoneInfo(zone)) is expected
        )


@pytest.mark.req("U4.5-2")
def test_a_repeated_time_is_over_with_its_first_occurrence() -> None:
    between = moment("2026-10-25T00:45Z")
    second = moment("2026-10-25T01:30Z")  # 02:30 again
    assert not holds(WaitEvent.TIME_OF_DAY, 9000, since=between, now=second)


@pytest.mark.req("U4.5-2")
def test_a_device_that_moved_is_asked_by_its_new_clock() -> None:
    rig = ready(since=NOW - 23 * HOUR)
    steps = [info({WaitEvent.DAY_OF_WEEK: 1}), WAIT]
    with pytest.raises(WaitingError):
        rig.install(*steps)
    rig.platform.zone = ZoneInfo("Pacific/Auckland")  # Monday, one in the morning
    rig.install(*steps)


@given(st.integers(0, 1 << 66), st.integers(0, DAY - 1), st.integers(0, 6))
def test_no_clock_is_too_strange_to_be_asked(now: int, seconds: int, day: int) -> None:
    utc = now % DAY >= seconds
    assert holds(WaitEvent.TIME_OF_DAY_UTC, seconds, since=now - now % DAY, now=now) is utc
    assert holds(WaitEvent.DAY_OF_WEEK_UTC, day, since=0, now=now) is ((now // DAY + 4) % 7 == day)
    for event, value in ((WaitEvent.TIME_OF_DAY, seconds), (WaitEvent.DAY_OF_WEEK, day)):
        assert holds(event, value, since=0, now=now) in (True, False)


@given(st.integers(0, 1 << 33), st.integers(0, DAY - 1))
def test_a_local_time_that_came_is_shown_or_was_skipped(now: int, seconds: int) -> None:
    local = datetime.fromtimestamp(now, BERLIN)
    shown = (local.hour * 60 + local.minute) * 60 + local.second
    midnight = now - 26 * HOUR
    if holds(WaitEvent.TIME_OF_DAY, seconds, since=midnight, now=now):
        assert shown >= seconds or local.fold == 1
    else:
        assert shown < seconds


@pytest.mark.parametrize("section", ["validate", "load", "invoke"])
@pytest.mark.parametrize("step", [WAIT, run(WAIT), try_each([WAIT], None)], ids=["wait", "run", "try"])
def test_a_sequence_that_runs_at_boot_may_not_wait(section: str, step: Step) -> None:
    rig = ready()
    sections: dict[str, Any] = {section: [info({WaitEvent.POWER: 1}), step]}
    with pytest.raises(UnsupportedCommandError, match="at boot") as caught:
        rig.update(install=write(NEW), **sections)
    assert rig.trace.written == set()
    assert caught.value.place is not None
    assert caught.value.place.section.name.lower() == section


def test_an_installed_system_boots_whatever_it_waited_for_once() -> None:
    rig = Rig(OLD)
    rig.machine = replace(rig.machine, platform=replace(rig.platform, power=None), clock=None)
    rig.invoke(install=[info({WaitEvent.POWER: 1, WaitEvent.TIME: 5}), WAIT], invoke=[check(Command.INVOKE)])


def test_an_uninstall_may_wait() -> None:
    rig = ready()
    raw = program(components=(A,), validate=[WRITE], uninstall=[info({WaitEvent.POWER: 9}), WAIT])
    with pytest.raises(WaitingError):
        uninstall(authentic(raw), rig.machine)


def test_wait_without_wait_info_aborts() -> None:
    rig = ready()
    with pytest.raises(AbortError, match="no wait-info"):
        rig.install(*write(NEW), WAIT)
    assert rig.contents == [OLD]


def test_a_wait_without_strict_order_is_a_wait() -> None:
    rig = ready()
    with pytest.raises(WaitingError):
        rig.install(info({WaitEvent.POWER: 9}), LOOSE, WAIT)


def test_a_report_tells_what_the_device_itself_has_for_each_event() -> None:
    records: list[Record] = []
    rig = ready(observer=records.append)
    rig.platform.authorized = False
    with pytest.raises(WaitingError):
        rig.install(info(EVERY), WAIT)
    (record,) = [record for record in records if record.place.command is Command.WAIT]
    assert not record.succeeded
    assert record.measured == {
        Parameter.WAIT_INFO: WaitInfo(
            {
                WaitEvent.POWER: 1,
                WaitEvent.NETWORK: 2,
                WaitEvent.OTHER_DEVICE_VERSION: OtherDevice(
                    b"pump", (VersionMatch(VersionComparison.EQUAL, (1, 2, 3)),)
                ),
                WaitEvent.TIME: NOW,
                WaitEvent.TIME_OF_DAY: 13 * HOUR,
                WaitEvent.DAY_OF_WEEK: 0,
                WaitEvent.TIME_OF_DAY_UTC: 12 * HOUR,
                WaitEvent.DAY_OF_WEEK_UTC: 0,
            }
        )
    }


def test_a_report_leaves_out_what_is_not_known() -> None:
    records: list[Record] = []
    rig = ready(observer=records.append)
    unknown = OtherDevice(b"valve", PUMP.versions)
    with pytest.raises(WaitingError):
        rig.install(info({WaitEvent.AUTHORIZATION: 1, WaitEvent.OTHER_DEVICE_VERSION: unknown}), WAIT)
    with pytest.raises(AbortError):
        rig.install(WAIT)
    assert [dict(record.measured) for record in records] == [{}, {}]


def test_a_signer_needs_the_right_to_wait_and_to_say_what_for() -> None:
    step = (info({WaitEvent.POWER: 1}), WAIT)
    for rights in (
        Rights(commands=frozenset(Command) - {Command.WAIT}),
        Rights(parameters=frozenset(Parameter) - {Parameter.WAIT_INFO}),
    ):
        with pytest.raises(ComponentUnauthorisedError):
            require_labels((rights,), [step])
