"""Limits: what fits, and where hostile input stops (notes on limits: H2-9; H4-6, H7-10)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    OLD,
    SECOND,
    STRANGER,
    URI,
    Case,
    Component,
    Device,
    accepted,
    fetch_from,
    parts_of,
    rejected,
    update,
    write,
)
from conformance.forge import at, check, envelope, override, run, try_each
from conformance.forge_cose import Key
from spec.labels import Command, Parameter, ReportReason

TOPIC = "limits"
_FAILED = ReportReason.OPERATION_FAILED
_SMALL = Device(components=(Component(content=OLD, capacity=len(OLD)),))
_LONG = b"more than the component can hold"
MAX_BLOCKS = 8
MAX_NESTING = 8
MAX_BRANCHES = 16


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _capacity()
    yield from _payload_size()
    yield from _counts()


def _capacity() -> Iterator[Case]:
    exact = OLD[::-1]
    yield accepted(
        "capacity-exact",
        "H7-10",
        "The new content fills the component to its last byte.",
        update(exact, install=write(exact)),
        device=_SMALL,
        after={MAIN: exact},
    )
    yield rejected(
        "capacity-write",
        "H7-10",
        "write brings more than the component can hold.",
        update(_LONG, install=write(_LONG)),
        device=_SMALL,
    )
    yield rejected(
        "capacity-fetch-announced",
        "H7-10",
        "The manifest itself says that the image is too large.",
        update(_LONG, install=fetch_from(URI)),
        device=_SMALL,
        resources={URI: _LONG},
    )
    yield rejected(
        "capacity-fetch-unannounced",
        "H7-10",
        "The payload turns out to be larger than the component.",
        update(None, install=fetch_from(URI), validate=[check(Command.VENDOR_IDENTIFIER)]),
        device=_SMALL,
        resources={URI: _LONG},
        fetched=[URI],
    )
    yield rejected(
        "capacity-copy",
        "H7-10",
        "copy brings more than the component can hold.",
        update(
            None, _LONG,
            install=[at(0), override({Parameter.SOURCE_COMPONENT: 1}), check(Command.COPY)],
        ),
        device=Device(components=(*_SMALL.components, Component(id=SECOND, content=_LONG))),
    )  # fmt: skip


def _payload_size() -> Iterator[Case]:
    large = bytes(range(256)) * 300
    yield accepted(
        "payload-over-64-kib",
        "M8.4.10.4-2",
        "A payload of more than 64 KiB.",
        update(large, install=fetch_from(URI)),
        device=Device(components=(Component(content=OLD, capacity=len(large)),)),
        resources={URI: large},
        after={MAIN: large},
        fetched=[URI],
    )
    yield rejected(
        "payload-endless",
        "H4-6",
        "The server sends far more than the image size that the manifest gives.",
        update(NEW, install=fetch_from(URI)),
        resources={URI: NEW * 200},
        fetched=[URI],
    )


def _counts() -> Iterator[Case]:
    body = parts_of(NEW, install=write(NEW))
    extra = [Key(f"extra-{number}", STRANGER.algorithm, b"%d" % number) for number in range(MAX_BLOCKS)]
    yield accepted(
        "blocks-eight",
        "H2-9 M8.3-6",
        "Eight blocks, of which the device knows the last.",
        envelope(body, signers=[*extra[1:], AUTHOR]),
        after={MAIN: NEW},
    )
    yield rejected(
        "blocks-nine",
        "H2-9",
        "Nine blocks.",
        envelope(body, signers=[*extra, AUTHOR]),
    )
    yield accepted(
        "nesting-seven",
        "H2-9",
        "Sequences in one another, seven deep inside install.",
        update(NEW, install=[_nested(MAX_NESTING - 1)]),
        after={MAIN: NEW},
    )
    yield rejected(
        "nesting-sixty",
        "H2-9",
        "Sequences in one another, sixty deep.",
        update(NEW, install=[_nested(60)]),
    )
    yield accepted(
        "branches-sixteen",
        "H2-9 M8.4.10.2-1",
        "Fifteen variants that do not apply, and one that does.",
        update(NEW, install=[try_each(*([check(Command.ABORT)] for _ in range(15)), write(NEW))]),
        after={MAIN: NEW},
    )
    yield rejected(
        "branches-two-hundred",
        "H2-9",
        "Two hundred variants.",
        update(NEW, install=[try_each(*(write(NEW) for _ in range(200)))]),
    )
    yield rejected(
        "sequence-bomb",
        "H2-11",
        "Eight levels of sixteen runs each: a few hundred bytes that would run for years.",
        update(NEW, install=[*write(NEW), _bomb()]),
    )
    yield accepted(
        "commands-five-hundred",
        "H2-11",
        "A long honest sequence.",
        update(NEW, install=[*[check(Command.VENDOR_IDENTIFIER)] * 500, *write(NEW)]),
        after={MAIN: NEW},
    )


def _nested(levels: int) -> tuple[object, object]:
    step = run(*write(NEW))
    for _ in range(levels - 1):
        step = run(step)
    return step


def _bomb() -> tuple[object, object]:
    step = run(check(Command.VENDOR_IDENTIFIER))
    for _ in range(4):
        step = run(*[step] * 8)
    return step


__all__ = ["MAX_BRANCHES", "cases"]
