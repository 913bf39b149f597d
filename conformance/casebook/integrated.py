"""Integrated payloads: payloads that travel in the envelope (M7.5)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    NEW_2,
    OLD,
    SECOND,
    URI,
    Case,
    Component,
    Device,
    accepted,
    fetch_from,
    parts_of,
    rejected,
    write,
)
from conformance.forge import at, envelope
from conformance.forge_cbor import Item
from spec.labels import ReportReason

TOPIC = "integrated"
FRAGMENT = "#image"


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _found()
    yield from _refused()


def _sealed(payloads: dict[str, Item], uri: str) -> bytes:
    return envelope(parts_of(NEW, install=fetch_from(uri)), signers=[AUTHOR], members=dict(payloads.items()))


def _found() -> Iterator[Case]:
    yield accepted(
        "integrated-fragment",
        "M7.5-3 I4.5.12",
        "The payload is found under its fragment, and nothing is fetched from outside.",
        _sealed({FRAGMENT: NEW}, FRAGMENT),
        after={MAIN: NEW},
    )
    yield accepted(
        "integrated-full-uri",
        "M7.5-3",
        "Somebody on the way has fetched the payload and put it in under its full URI.",
        _sealed({URI: NEW}, URI),
        after={MAIN: NEW},
    )
    yield accepted(
        "integrated-two",
        "M7.5-3",
        "Two payloads, each for its component.",
        envelope(
            parts_of(NEW, NEW_2, install=[at(0), *fetch_from("#a"), at(1), *fetch_from("#b")]),
            signers=[AUTHOR],
            members={"#a": NEW, "#b": NEW_2},
        ),
        device=Device(components=(Component(content=OLD), Component(id=SECOND))),
        after={MAIN: NEW, SECOND: NEW_2},
    )
    yield accepted(
        "integrated-unreferenced",
        "M7.5-1",
        "A payload that no command asks for is ignored.",
        _sealed({FRAGMENT: NEW, "#spare": b"unused"}, FRAGMENT),
        after={MAIN: NEW},
    )
    yield accepted(
        "integrated-beside-resource",
        "M7.5-3",
        "One payload inside, one outside.",
        envelope(
            parts_of(NEW, NEW_2, install=[at(0), *fetch_from(FRAGMENT), at(1), *fetch_from(URI)]),
            signers=[AUTHOR],
            members={FRAGMENT: NEW},
        ),
        device=Device(components=(Component(content=OLD), Component(id=SECOND))),
        resources={URI: NEW_2},
        after={MAIN: NEW, SECOND: NEW_2},
        fetched=[URI],
    )


def _refused() -> Iterator[Case]:
    yield rejected(
        "integrated-changed",
        "M7.5-4",
        "No signature covers the payload: image-match alone finds that it was changed.",
        _sealed({FRAGMENT: NEW[:-1] + b"?"}, FRAGMENT),
        ReportReason.CONDITION_FAILED,
    )
    yield rejected(
        "integrated-missing",
        "M7.5-5",
        "A fragment that the envelope does not hold is not looked for elsewhere.",
        _sealed({}, FRAGMENT),
        ReportReason.OPERATION_FAILED,
    )
    yield rejected(
        "integrated-without-hash-sign",
        "M7.5-3",
        "The key is the whole URI: with and without # are two names.",
        _sealed({FRAGMENT[1:]: NEW}, FRAGMENT),
        ReportReason.OPERATION_FAILED,
    )
    yield rejected(
        "integrated-not-bytes",
        "M7.5-2",
        "A payload is a byte string.",
        _sealed({FRAGMENT: "text"}, FRAGMENT),
        ReportReason.CBOR_PARSE,
    )
    yield rejected(
        "integrated-array",
        "M7.5-2",
        "A payload is one byte string, not several.",
        _sealed({FRAGMENT: [NEW]}, FRAGMENT),
        ReportReason.CBOR_PARSE,
    )
    yield rejected(
        "integrated-does-not-satisfy-other-uri",
        "M7.5-3",
        "The envelope holds a payload under another URI.",
        envelope(
            parts_of(NEW, install=[*write(OLD), *fetch_from(URI)]),
            signers=[AUTHOR],
            members={URI + "#x": NEW},
        ),
        ReportReason.OPERATION_FAILED,
    )
