"""suit-directive-wait: every event with a device where it holds, one where it does not, one that cannot tell.

The client never sleeps: what would have to wait is refused. The standards have no reason for that, so these
cases expect none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from conformance.casebook.case import (
    MAIN,
    NEW,
    NEW_2,
    NOW,
    OLD,
    URI,
    Case,
    Component,
    Device,
    accepted,
    fetch_from,
    rejected,
    update,
    write,
)
from conformance.forge import Step, check, override, run, try_each
from conformance.forge_cbor import Item, encode
from spec.labels import Command, Parameter, ReportReason, VersionComparison, WaitEvent

TOPIC = "wait"
_UNSUPPORTED = ReportReason.PARAMETER_UNSUPPORTED
_MALFORMED = ReportReason.CBOR_PARSE
_MIDNIGHT: Final = NOW - NOW % 86400  # Thursday 2025-10-09
_TIME: Final = NOW % 86400  # 08:53:20
_THURSDAY, _FRIDAY = 4, 5
_PUMP: Final = b"pump"
_BERLIN, _AUCKLAND = "Europe/Berlin", "Pacific/Auckland"
_GREATER_EQUAL, _LESSER = VersionComparison.GREATER_EQUAL.value, VersionComparison.LESSER.value
_RANGE: Final = [_PUMP, [[_GREATER_EQUAL, [1, 2]], [_LESSER, [2]]]]
_OLD: Final = (Component(content=OLD),)
_ABLE: Final = Device(power=2, network=7, other_devices={_PUMP: (1, 3, 0)}, timezone=_BERLIN)
_HOLDING: Final[Mapping[WaitEvent, Item]] = {
    WaitEvent.AUTHORIZATION: 5,
    WaitEvent.POWER: 2,
    WaitEvent.NETWORK: 7,
    WaitEvent.OTHER_DEVICE_VERSION: _RANGE,
    WaitEvent.TIME: NOW,
    WaitEvent.TIME_OF_DAY: _TIME + 7200,
    WaitEvent.DAY_OF_WEEK: _THURSDAY,
    WaitEvent.TIME_OF_DAY_UTC: _TIME,
    WaitEvent.DAY_OF_WEEK_UTC: _THURSDAY,
}
_MISSING: Final[Mapping[WaitEvent, Item]] = {
    WaitEvent.POWER: 1,
    WaitEvent.NETWORK: -7,
    WaitEvent.OTHER_DEVICE_VERSION: [_PUMP, [[_GREATER_EQUAL, [1, 4]]]],
    WaitEvent.TIME: NOW + 1,
    WaitEvent.TIME_OF_DAY: _TIME + 7201,
    WaitEvent.DAY_OF_WEEK: _FRIDAY,
    WaitEvent.TIME_OF_DAY_UTC: _TIME + 1,
    WaitEvent.DAY_OF_WEEK_UTC: 0,
}


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _each_event()
    yield from _all_events()
    yield from _other_devices()
    yield from _times()
    yield from _local_times()
    yield from _undefined()
    yield from _unknown()
    yield from _places()
    yield from _wrong_values()


def _wait(events: Mapping[Any, Item]) -> list[Step]:
    return [override({Parameter.WAIT_INFO: encode(dict(events))}), check(Command.WAIT)]


def _waiting(events: Mapping[Any, Item]) -> bytes:
    return update(NEW, install=[*_wait(events), *write(NEW)])


def _name(event: WaitEvent) -> str:
    return event.name.lower().replace("_", "-")


def _goes_on(name: str, summary: str, raw: bytes, device: Device, requirement: str = "U4.5-1") -> Case:
    return accepted(
        name, requirement, summary, raw, device=replace(device, components=_OLD), after={MAIN: NEW}
    )


def _stays(name: str, summary: str, raw: bytes, device: Device, requirement: str = "U4.5-1") -> Case:
    return rejected(name, requirement, summary, raw, device=replace(device, components=_OLD))


def _each_event() -> Iterator[Case]:
    for event, value in _HOLDING.items():
        yield _goes_on(
            f"wait-{_name(event)}",
            "It is so, and the update goes on.",
            _waiting({event: value}),
            _ABLE,
        )
    for event, value in _MISSING.items():
        yield _stays(
            f"wait-{_name(event)}-not-yet",
            "It is not so yet.",
            _waiting({event: value}),
            _ABLE,
        )
    yield _stays(
        "wait-authorization-not-yet",
        "The application has not authorized the update.",
        _waiting({WaitEvent.AUTHORIZATION: 5}),
        replace(_ABLE, authorize=False),
    )


def _all_events() -> Iterator[Case]:
    yield _goes_on("wait-all-events", "Everything holds at once.", _waiting(_HOLDING), _ABLE)
    for event, value in _MISSING.items():
        yield _stays(
            f"wait-all-events-but-{_name(event)}",
            "All events of the map have to hold, and one does not.",
            _waiting({**_HOLDING, event: value}),
            _ABLE,
        )


def _other_devices() -> Iterator[Case]:
    for name, version in (("below", (1, 1, 9)), ("above", (2, 0))):
        yield _stays(
            f"wait-other-device-version-{name}",
            "Every version of the list has to match, and one does not.",
            _waiting({WaitEvent.OTHER_DEVICE_VERSION: _RANGE}),
            replace(_ABLE, other_devices={_PUMP: version}),
        )
    yield _stays(
        "wait-other-device-unheard-of",
        "Nobody knows the version of that device yet.",
        _waiting({WaitEvent.OTHER_DEVICE_VERSION: _RANGE}),
        replace(_ABLE, other_devices={b"valve": (1, 3)}),
    )


def _times() -> Iterator[Case]:
    yield _goes_on(
        "wait-time-long-ago", "That moment is over.", _waiting({WaitEvent.TIME: 0}), _ABLE
    )  # fmt: skip
    yield _stays(
        "wait-time-past-32-bits",
        "Cut off at 32 bits that moment would seem to be over.",
        _waiting({WaitEvent.TIME: (1 << 32) + 5}),
        _ABLE,
    )
    yield _stays(
        "wait-time-past-64-bits-of-nanoseconds",
        "No clock of a computer gets there.",
        _waiting({WaitEvent.TIME: (1 << 64) - 1}),
        _ABLE,
    )
    for name, clock, value in (("midnight", _MIDNIGHT, 0), ("last-second", _MIDNIGHT - 1, 86399)):
        yield _goes_on(
            f"wait-time-of-day-utc-{name}",
            "The day begins and ends where it does.",
            _waiting({WaitEvent.TIME_OF_DAY_UTC: value}),
            replace(_ABLE, clock=clock),
        )
    yield _goes_on(
        "wait-day-of-week-utc-epoch",
        "The first of January 1970 was a Thursday.",
        _waiting({WaitEvent.DAY_OF_WEEK_UTC: _THURSDAY}),
        replace(_ABLE, clock=0),
    )
    yield _stays(
        "wait-day-of-week-utc-a-second-before",
        "It is still Wednesday.",
        _waiting({WaitEvent.DAY_OF_WEEK_UTC: _THURSDAY}),
        replace(_ABLE, clock=_MIDNIGHT - 1),
    )


def _local_times() -> Iterator[Case]:
    noon = _MIDNIGHT + 12 * 3600
    afar = replace(_ABLE, timezone=_AUCKLAND, clock=noon)
    yield _goes_on(
        "wait-day-of-week-elsewhere", "There it is Friday.", _waiting({WaitEvent.DAY_OF_WEEK: _FRIDAY}), afar
    )
    yield _stays(
        "wait-day-of-week-only-in-utc",
        "In UTC it is Thursday, but not where the device is.",
        _waiting({WaitEvent.DAY_OF_WEEK: _THURSDAY}),
        afar,
    )
    skipped = 1774746000  # 2026-03-29 01:00 UTC, when clocks in Berlin go from 02:00 to 03:00
    repeated = 1792888200  # 2026-10-25 00:30 UTC, the first 02:30 of two
    for name, moment, summary in (
        ("skipped", skipped, "Clocks skip that time; the moment behind the gap stands for it."),
        ("repeated", repeated, "Clocks show that time twice; the first one counts."),
    ):
        raw = _waiting({WaitEvent.TIME_OF_DAY: 9000})
        yield _goes_on(
            f"wait-time-of-day-{name}", summary, raw, replace(_ABLE, clock=moment), "U4.5-2"
        )  # fmt: skip
        yield _stays(
            f"wait-time-of-day-{name}-not-yet", "A second earlier it has not come.", raw,
            replace(_ABLE, clock=moment - 1), "U4.5-2",
        )  # fmt: skip


def _undefined() -> Iterator[Case]:
    for event, row in (
        (WaitEvent.POWER, "U5.6-1"),
        (WaitEvent.NETWORK, "U5.6-1"),
        (WaitEvent.OTHER_DEVICE_VERSION, "U4.5-3"),
        (WaitEvent.TIME_OF_DAY, "U4.5-2"),
        (WaitEvent.DAY_OF_WEEK, "U4.5-2"),
    ):
        yield rejected(
            f"wait-{_name(event)}-undefined",
            row,
            "This device has no definition of the event: it is unsupported.",
            _waiting({event: _HOLDING[event]}),
            _UNSUPPORTED,
        )
    yield rejected(
        "wait-time-without-clock",
        "U5.6-1",
        "A device without a clock to trust cannot know.",
        _waiting({WaitEvent.TIME: 1}),
        device=Device(clock=None),
    )


def _unknown() -> Iterator[Case]:
    for name, events in (
        ("unknown-event", {10: 1}),
        ("unknown-event-zero", {0: 1}),
        ("unknown-event-private", {-257: 1}),
        ("unknown-event-beside-one-that-holds", {WaitEvent.TIME: 1, 10: 1}),
    ):
        yield rejected(
            f"wait-{name}",
            "U5.6-1",
            "An event that nobody has defined is unsupported.",
            _waiting(events),
            _UNSUPPORTED,
        )
    yield rejected(
        "wait-unknown-event-not-reached",
        "U5.6-1",
        "It is unsupported where it stands, in a branch that is not run.",
        update(NEW, install=[try_each(write(NEW), [*_wait({10: 1}), *write(NEW)])]),
        _UNSUPPORTED,
    )


def _places() -> Iterator[Case]:
    later = {WaitEvent.TIME: NOW + 1}
    now = {WaitEvent.TIME: NOW}
    yield rejected(
        "wait-unset",
        "M8.4.10-2",
        "A directive whose parameter is not set fails.",
        update(NEW, install=[check(Command.WAIT), *write(NEW)]),
        ReportReason.OPERATION_FAILED,
    )
    yield rejected(
        "wait-is-no-condition",
        "M6.4-2",
        "A wait that goes on is no failed condition: the next branch is not tried instead.",
        update(NEW, install=[try_each([*_wait(later), *write(NEW)], write(NEW))]),
    )
    yield rejected(
        "wait-before-fetch",
        "U4.5-1",
        "Nothing is fetched while it waits.",
        update(NEW, payload_fetch=[*_wait(later), *fetch_from(URI)], install=[check(Command.IMAGE_MATCH)]),
        resources={URI: NEW},
    )
    yield rejected(
        "wait-after-write",
        "U4.5-1",
        "What was written before is not installed while it waits.",
        update(NEW_2, install=[*write(NEW_2), *_wait(later), check(Command.IMAGE_MATCH)]),
    )
    for name, raw in (
        ("payload-fetch", update(NEW, payload_fetch=_wait(now), install=write(NEW))),
        ("run-sequence", update(NEW, install=[run(*_wait(now), *write(NEW))])),
        (
            "twice",
            update(NEW, install=[*_wait(now), *_wait({WaitEvent.DAY_OF_WEEK_UTC: _THURSDAY}), *write(NEW)]),
        ),
    ):
        yield _goes_on(f"wait-in-{name}", "It may stand where other directives stand.", raw, _ABLE)
    yield rejected(
        "wait-in-shared-sequence",
        "M5.3.2-1",
        "The shared sequence changes parameters and nothing else.",
        update(NEW, more=_wait(now), install=write(NEW)),
        _MALFORMED,
    )


def _wrong_values() -> Iterator[Case]:
    for name, value in (
        ("unwrapped", {5: 1}),
        ("empty", encode({})),
        ("array", encode([5, 1])),
        ("authorization-text", encode({1: "5"})),
        ("power-true", encode({2: True})),
        ("network-bytes", encode({3: b""})),
        ("other-device-text", encode({4: ["pump", _RANGE[1]]})),
        ("other-device-without-version", encode({4: [_PUMP, []]})),
        ("other-device-unwrapped-version", encode({4: [_PUMP, _RANGE[1][0]]})),
        ("time-negative", encode({5: -1})),
        ("time-of-day-text", encode({6: "03:00"})),
        ("day-of-week-negative", encode({9: -1})),
        ("trailing-byte", encode({5: 1}) + b"\x00"),
    ):
        yield rejected(
            f"parameter-wait-info-{name}",
            "U4.5-1",
            "Not what the grammar says.",
            update(NEW, install=[override({Parameter.WAIT_INFO: value}), *write(NEW)]),
            _MALFORMED,
        )
    for name, events in (("time-of-day-86400", {8: 86400}), ("day-of-week-7", {9: 7})):
        yield rejected(
            f"parameter-wait-info-{name}",
            "U4.5-1",
            "There is no such time of day, and no such day: it would never come.",
            _waiting(events),
        )
