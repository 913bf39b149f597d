"""Rollback: the sequence number only rises (M6.1, 8.4.2)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    MAIN,
    NEW,
    OLD,
    URI,
    Case,
    Component,
    Device,
    accepted,
    fetch_from,
    rejected,
    update,
)
from conformance.forge import check
from spec.labels import Command, ReportReason

TOPIC = "rollback"
_RESOURCES = {URI: NEW}


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    for name, number, floor in (
        ("one-below", 6, 7),
        ("zero", 0, 1),
        ("below-across-a-byte", 255, 256),
        ("below-as-text-above", 9, 10),
        ("below-by-32-bits", 1, (1 << 32) + 1),
        ("below-past-doubles", (1 << 53), (1 << 53) + 1),
    ):
        yield rejected(
            f"sequence-{name}",
            "M8.4.2-1 M6.1-2",
            f"Sequence number {number} on a device that has accepted {floor}: nothing is fetched.",
            update(NEW, sequence_number=number, install=fetch_from(URI)),
            ReportReason.UNAUTHORISED,
            device=_at(floor),
            resources=_RESOURCES,
        )
    for name, number, floor in (
        ("equal", 7, 7),
        ("zero-on-new-device", 0, 0),
        ("one-above", 8, 7),
        ("above-as-text-below", 10, 9),
        ("above-by-32-bits", 1 << 33, 1),
        ("largest", (1 << 63) - 1, (1 << 63) - 2),
    ):
        yield accepted(
            f"sequence-{name}",
            "M8.4.2-2" if number == floor else "M8.4.2-1",
            f"Sequence number {number} on a device that has accepted {floor}.",
            update(NEW, sequence_number=number, install=fetch_from(URI)),
            device=_at(floor),
            resources=_RESOURCES,
            after={MAIN: NEW},
            fetched=[URI],
        )
    yield accepted(
        "sequence-floor-of-other-manifest",
        "H5-9",
        "A floor belongs to one root manifest; a manifest that names no component id has its own.",
        update(NEW, sequence_number=1, install=fetch_from(URI)),
        device=Device(floors={(b"other",): 100}),
        resources=_RESOURCES,
        after={MAIN: NEW},
        fetched=[URI],
    )
    yield rejected(
        "sequence-below-at-invoke",
        "M8.4.2-1",
        "Nor is an old manifest invoked.",
        update(OLD, sequence_number=6, invoke=[check(Command.INVOKE)]),
        ReportReason.UNAUTHORISED,
        procedure="invoke",
        device=_at(7),
    )


def _at(floor: int) -> Device:
    return Device(components=(Component(content=OLD),), floors={(): floor})
