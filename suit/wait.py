"""What suit-directive-wait waits for (U4.5): the events of suit-parameter-wait-info, as bytes and as words.

All events of a map have to hold. A number that no table knows is an unsupported parameter; which of the
known ones a device can tell is its own affair (:mod:`device.processor.waiting`, ADR 0010).
"""

from datetime import UTC, datetime
from typing import Final

from spec.labels import WaitEvent
from suit import cbor
from suit.errors import MalformedError, UnsupportedParameterError
from suit.manifest import OtherDevice, WaitInfo, WaitValue
from suit.narrow import as_bytes, as_int, as_map, as_uint, draft_name
from suit.version import decode_match, show_match, version_match_array

DAY: Final = 86400
MAX_VERSIONS: Final = 8
WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
LOCAL: Final = frozenset({WaitEvent.TIME_OF_DAY, WaitEvent.DAY_OF_WEEK})
"""The events that mean the device's own civil time."""
TIMES_OF_DAY: Final = frozenset({WaitEvent.TIME_OF_DAY, WaitEvent.TIME_OF_DAY_UTC})
DAYS_OF_WEEK: Final = frozenset({WaitEvent.DAY_OF_WEEK, WaitEvent.DAY_OF_WEEK_UTC})

_EVENTS: Final = {event.value: event for event in WaitEvent}
_INTS: Final = frozenset({WaitEvent.AUTHORIZATION, WaitEvent.POWER, WaitEvent.NETWORK})
_MAX_YEAR: Final = 253402300800  # the first second that datetime cannot show


def decode_wait_info(item: cbor.Item, where: str) -> WaitInfo:
    """Read suit-parameter-wait-info from its byte string.

    Raises:
        MalformedError: No map of events, an empty one, or a value that its event cannot have.
        UnsupportedParameterError: An event, or a version comparison, that nobody has defined.
    """
    rows = as_map(cbor.decode(as_bytes(item, where), where=where), where)
    if not rows:
        raise MalformedError(where, "an empty map of wait events")
    events = {}
    for number, value in rows.items():
        event = _EVENTS.get(number) if type(number) is int else None
        if event is None:
            raise UnsupportedParameterError(f"{where}: wait event {cbor.shown(number)} is not implemented")
        events[event] = _decode_value(event, value, where)
    return WaitInfo(events)


def wait_info_map(info: WaitInfo) -> cbor.Item:
    """Return SUIT_Wait_Event as the item to encode, without the byte string around it."""
    return {event.value: _value_item(value) for event, value in info.events.items()}


def show_event(event: WaitEvent, value: WaitValue) -> str:
    """Say in words what has to be so."""
    if isinstance(value, OtherDevice):
        wanted = " and ".join(show_match(match) for match in value.versions)
        return f"device {value.identifier.hex() or '(empty)'} at version {wanted}"
    if event is WaitEvent.AUTHORIZATION:
        return f"authorization of priority {value}"
    if event in _INTS:
        return f"{draft_name(event)} state {value}"
    if event is WaitEvent.TIME:
        known = value < _MAX_YEAR
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}" if known else f"second {value}"
    moment = show_time_of_day(value) if event in TIMES_OF_DAY else WEEKDAYS[value].capitalize()
    return f"{moment} {'local time' if event in LOCAL else 'UTC'}"


def show_wait_info(info: WaitInfo) -> str:
    """Say in words what is waited for."""
    return ", ".join(show_event(event, value) for event, value in info.events.items())


def read_time_of_day(text: str) -> int:
    """Read ``03:00`` or ``03:00:59`` as seconds since midnight.

    Raises:
        ValueError: It is no time of day.
    """
    parts = text.split(":")
    if len(parts) not in {2, 3} or not all(len(part) == 2 and part.isdecimal() for part in parts):  # noqa: PLR2004 - HH:MM or HH:MM:SS
        raise ValueError("a time of day is written 03:00 or 03:00:00, or in seconds since midnight")
    hours, minutes, seconds = [*map(int, parts), 0][:3]
    if hours > 23 or minutes > 59 or seconds > 59:  # noqa: PLR2004 - the last ones of the clock
        raise ValueError("there is no such time of day")
    return (hours * 60 + minutes) * 60 + seconds


def show_time_of_day(seconds: int) -> str:
    """Write seconds since midnight as ``03:00:00``."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _decode_value(event: WaitEvent, value: cbor.Item, where: str) -> WaitValue:
    if event is WaitEvent.OTHER_DEVICE_VERSION:
        return _decode_other_device(value, where)
    if event in _INTS:
        return as_int(value, where)
    number = as_uint(value, where)
    if (event in TIMES_OF_DAY and number >= DAY) or (event in DAYS_OF_WEEK and number >= len(WEEKDAYS)):
        raise MalformedError(where, f"there is no {draft_name(event)} {number}")
    return number


def _decode_other_device(item: cbor.Item, where: str) -> OtherDevice:
    if type(item) is not list or len(item) != 2 or type(item[1]) is not list:  # noqa: PLR2004 - as the error says
        raise MalformedError(where, "expected [other device, [version matches]]")
    identifier, matches = item
    if not 1 <= len(matches) <= MAX_VERSIONS:
        raise MalformedError(where, f"one to {MAX_VERSIONS} versions of another device, not {len(matches)}")
    return OtherDevice(as_bytes(identifier, where), tuple([decode_match(match, where) for match in matches]))


def _value_item(value: WaitValue) -> cbor.Item:
    if isinstance(value, OtherDevice):
        return [value.identifier, [version_match_array(match) for match in value.versions]]
    return value
