"""suit-directive-wait (U4.5, U5.6): which events a device can wait for, and which of them hold now.

Nothing blocks here. An event that does not hold ends the procedure with
:class:`suit.errors.WaitingError`, and whoever runs the device starts it again later (ADR 0010). So every
event is a question about one moment:

* ``time`` holds from that second on, a day of the week while it is that day;
* a time of day holds from that second to the end of the day, if it came after the wait began: whoever is told
  at noon to wait until 03:00 is not meant to go on at once.

A local time of day that the clock skips comes at the first moment behind the gap, one that it shows twice
comes with the first (U4.5).
"""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from device.platform import Platform
from device.processor.machine import Machine
from spec.labels import VersionComparison, WaitEvent
from suit.errors import AbortError, UnsupportedParameterError, WaitingError
from suit.manifest import OtherDevice, VersionMatch, WaitInfo, WaitValue
from suit.narrow import draft_name
from suit.version import holds
from suit.wait import DAY, DAYS_OF_WEEK, LOCAL, TIMES_OF_DAY, show_wait_info

CALENDAR: Final = TIMES_OF_DAY | DAYS_OF_WEEK
_TIMES: Final = CALENDAR | {WaitEvent.TIME}
_FIRST_SUNDAY: Final = 3 * DAY  # 1970-01-04
_LAST: Final = 253370764800  # the year 9999: whatever a clock says behind it, the calendar of Python ends


def require_supported(info: WaitInfo, machine: Machine) -> None:
    """Refuse events that this device could never tell about.

    Raises:
        UnsupportedParameterError: The deployment has given one of them no meaning, or the device lacks a
            trusted clock or a time zone for it (U4.5, U5.6).
    """
    for event in info.events:
        if event in LOCAL:
            supported = machine.platform.timezone() is not None
        else:
            supported = event in machine.platform.wait_events()
        if not supported or (event in _TIMES and machine.clock is None):
            raise UnsupportedParameterError(f"this device cannot wait for {draft_name(event)}")


def wait(info: WaitInfo | None, machine: Machine) -> None:
    """Go on if everything holds that the manifest waits for.

    Raises:
        AbortError: wait-info is not set.
        UnsupportedParameterError: As :func:`require_supported`.
        WaitingError: Not yet.
    """
    if info is None:
        raise AbortError("no wait-info is set")
    require_supported(info, machine)
    now = 0 if machine.clock is None else machine.clock()
    since = now if machine.waiting_since is None else machine.waiting_since
    missing = outstanding(info, machine.platform, since, now)
    if missing.events:
        raise WaitingError(f"waiting for {show_wait_info(missing)}", info)


def outstanding(info: WaitInfo, platform: Platform, since: int, now: int) -> WaitInfo:
    """Return the events that do not hold.

    The application is asked for its authorization last, and only if everything else holds: it may have to ask
    a person, who shall see something happen then.

    Args:
        info: What the manifest waits for.
        platform: What the device knows of itself and its surroundings.
        since: When the wait began, in Unix seconds.
        now: The time now.
    """
    missing: dict[WaitEvent, WaitValue] = {
        event: value
        for event, value in info.events.items()
        if event is not WaitEvent.AUTHORIZATION and not _holds(event, value, platform, (since, now))
    }
    priority = info.events.get(WaitEvent.AUTHORIZATION)
    if isinstance(priority, int) and (missing or not platform.authorize(priority)):
        missing = {WaitEvent.AUTHORIZATION: priority, **missing}
    return WaitInfo(missing)


def measured(info: WaitInfo, machine: Machine) -> WaitInfo | None:
    """Return what the device itself has for the events: the substance of a report (M8.4.7)."""
    found = {event: _measure(event, value, machine) for event, value in info.events.items()}
    known = {event: value for event, value in found.items() if value is not None}
    return WaitInfo(known) if known else None


def _holds(event: WaitEvent, value: WaitValue, platform: Platform, moments: tuple[int, int]) -> bool:
    now = moments[1]
    if isinstance(value, OtherDevice):
        version = platform.device_version(value.identifier)
        return version is not None and all(holds(match, version) for match in value.versions)
    if event in CALENDAR:
        zone = platform.timezone() if event in LOCAL else UTC
        return zone is not None and _came(event, value, zone, moments)
    match event:
        case WaitEvent.TIME:
            return now >= value
        case WaitEvent.POWER:
            return platform.power_state() == value
        case _:
            return platform.network_state() == value


def _came(event: WaitEvent, value: int, zone: tzinfo, moments: tuple[int, int]) -> bool:
    since, now = moments
    if event in DAYS_OF_WEEK:
        return _weekday(now, zone) == value
    came = _occurrence(now, value, zone)
    return came is not None and since <= came <= now


def _measure(event: WaitEvent, value: WaitValue, machine: Machine) -> WaitValue | None:
    platform, now = machine.platform, 0 if machine.clock is None else machine.clock()
    if isinstance(value, OtherDevice):
        version = platform.device_version(value.identifier)
        match_now = None if version is None else VersionMatch(VersionComparison.EQUAL, version)
        return None if match_now is None else OtherDevice(value.identifier, (match_now,))
    zone = platform.timezone() if event in LOCAL else UTC
    if event in TIMES_OF_DAY:
        return None if zone is None else _time_of_day(now, zone)
    if event in DAYS_OF_WEEK:
        return None if zone is None else _weekday(now, zone)
    states = {
        WaitEvent.TIME: now,
        WaitEvent.POWER: platform.power_state(),
        WaitEvent.NETWORK: platform.network_state(),
    }
    return states.get(event)


def _occurrence(now: int, seconds: int, zone: tzinfo) -> int | None:
    """Return the moment at which the clock shows a time of day, on the day that ``now`` is in."""
    today = _local(now, zone)
    if today is None:
        return now - now % DAY + seconds if zone is UTC else None
    shown = datetime.combine(today, datetime.min.time()) + timedelta(seconds=seconds)
    first = int(shown.replace(tzinfo=zone, fold=0).timestamp())
    if _shown(first, zone) == shown:
        return first
    # The clock skips it. By the rules from before the gap it lies behind it, by those from after it before.
    low, high = int(shown.replace(tzinfo=zone, fold=1).timestamp()), first
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _shown(middle, zone) >= shown else (middle, high)
    return high


def _weekday(now: int, zone: tzinfo) -> int | None:
    local = _local(now, zone)
    if local is not None:
        return local.isoweekday() % 7
    return (now - _FIRST_SUNDAY) // DAY % 7 if zone is UTC else None


def _time_of_day(now: int, zone: tzinfo) -> int | None:
    local = _local(now, zone)
    if local is not None:
        return (local.hour * 60 + local.minute) * 60 + local.second
    return now % DAY if zone is UTC else None


def _local(now: int, zone: tzinfo) -> datetime | None:
    return datetime.fromtimestamp(now, zone) if 0 <= now < _LAST else None


def _shown(moment: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None)
