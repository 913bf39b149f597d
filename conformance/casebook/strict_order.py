"""Strict order: what may run in parallel, and the rules that even a sequential processor keeps (M6.7)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    NEW_2,
    OLD,
    SECOND,
    THIRD,
    URI,
    URI_2,
    Case,
    Component,
    Device,
    accepted,
    parts_of,
    rejected,
    update,
    write,
)
from conformance.forge import EVERY, at, check, envelope, override, run, try_each
from spec.labels import Command, Parameter, ReportReason

TOPIC = "strict-order"
LOOSE = override({Parameter.STRICT_ORDER: False})
STRICT = override({Parameter.STRICT_ORDER: True})
TWO = Device(components=(Component(content=OLD), Component(id=SECOND, content=NEW_2)))
THREE = Device(components=(*TWO.components, Component(id=THIRD, content=OLD)))
_ABORTED = ReportReason.OPERATION_FAILED
_URI_3 = "http://example.com/file3.bin"


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _plain()
    yield from _source_and_target()
    yield from _run_sequence()
    yield from _downloads()


def _content(index: int, content: bytes) -> list[tuple[object, object]]:
    return [at(index), override({Parameter.CONTENT: content})]


def _from(index: int, source: int) -> list[tuple[object, object]]:
    return [at(index), override({Parameter.SOURCE_COMPONENT: source})]


def _plain() -> Iterator[Case]:
    yield accepted(
        "strict-order-true",
        "M8.4.8.14-1",
        "true is what holds anyway.",
        update(NEW, install=[STRICT, *write(NEW)]),
        after={MAIN: NEW},
    )
    yield accepted(
        "strict-order-false-independent",
        "M6.7-1",
        "Two components are written in any order.",
        update(
            NEW, NEW,
            install=[*_content(0, NEW), *_content(1, NEW), LOOSE, at(EVERY), check(Command.WRITE)],
        ),
        device=TWO,
        after={MAIN: NEW, SECOND: NEW},
    )  # fmt: skip
    yield accepted(
        "strict-order-barrier-index",
        "M6.7-2",
        "set-component-index waits for what was issued before it.",
        update(
            NEW, NEW_2,
            install=[
                at(1), LOOSE, *write(OLD), at(0), *write(NEW), at(1), *write(NEW_2),
            ],
        ),
        device=TWO,
        after={MAIN: NEW, SECOND: NEW_2},
    )  # fmt: skip
    yield accepted(
        "strict-order-complete-before-next-sequence",
        "M8.4.8.14-2",
        "At the end of a sequence everything is complete: validate sees what install has written.",
        update(NEW, install=[LOOSE, *write(NEW)], validate=[check(Command.IMAGE_MATCH)]),
        after={MAIN: NEW},
    )
    yield rejected(
        "strict-order-false-condition-fails",
        "M8.4.9-4",
        "Out of order or not, a failed condition fails the update.",
        update(NEW, install=[LOOSE, *write(NEW), check(Command.ABORT)]),
        ReportReason.CONDITION_FAILED,
    )
    yield rejected(
        "strict-order-not-bool",
        "M8.4.8.14-1",
        "The parameter is true or false.",
        update(NEW, install=[override({Parameter.STRICT_ORDER: 0}), *write(NEW)]),
        ReportReason.CBOR_PARSE,
    )


def _source_and_target() -> Iterator[Case]:
    written_then_read = [*_content(1, NEW), *_from(0, 1)]
    yield rejected(
        "strict-order-target-then-source",
        "M6.7-3 M8.4.8-2",
        "Without order, a component that was written may not be read from: that is a race.",
        update(
            NEW, NEW,
            install=[
                *written_then_read, LOOSE, at(1), check(Command.WRITE), at(0), check(Command.COPY),
            ],
        ),
        _ABORTED,
        device=TWO,
    )  # fmt: skip
    yield rejected(
        "strict-order-source-then-target",
        "M6.7-3",
        "Nor may a component be written that was read from.",
        update(
            NEW_2, NEW,
            install=[
                *written_then_read, LOOSE, at(0), check(Command.COPY), at(1), check(Command.WRITE),
            ],
        ),
        _ABORTED,
        device=TWO,
    )  # fmt: skip
    yield accepted(
        "strict-order-true-target-then-source",
        "M8.4.8.14-1",
        "In order, the same commands are harmless.",
        update(
            NEW, NEW,
            install=[*written_then_read, at(1), check(Command.WRITE), at(0), check(Command.COPY)],
        ),
        device=TWO,
        after={MAIN: NEW, SECOND: NEW},
    )  # fmt: skip
    yield accepted(
        "strict-order-one-source-two-targets",
        "M6.7-3",
        "Two components may be copied from a third without order: nobody writes that one.",
        update(
            NEW_2, NEW_2, NEW_2,
            install=[
                *_from(0, 1), *_from(2, 1), LOOSE, at([0, 2]), check(Command.COPY),
            ],
        ),
        device=THREE,
        after={MAIN: NEW_2, THIRD: NEW_2},
    )  # fmt: skip


def _run_sequence() -> Iterator[Case]:
    yield accepted(
        "strict-order-run-sequence-begins-with-index",
        "M6.7-4 M6.7-6",
        "Without order, a sequence run under an integer index names its component first.",
        update(
            NEW, NEW,
            install=[at(0), LOOSE, run(at(0), *write(NEW)), run(at(1), *write(NEW))],
        ),
        device=TWO,
        after={MAIN: NEW, SECOND: NEW},
    )  # fmt: skip
    yield rejected(
        "strict-order-run-sequence-without-index",
        "M6.7-4",
        "Without order, a sequence that does not name its component could get any.",
        update(NEW, NEW_2, install=[at(0), LOOSE, run(*write(NEW))]),
        _ABORTED,
        device=TWO,
    )
    yield rejected(
        "strict-order-run-sequence-second-index",
        "M6.7-5",
        "Without order, a sequence keeps to its component to the end.",
        update(NEW, NEW, install=[at(0), LOOSE, run(at(0), *write(NEW), at(1), *write(NEW))]),
        _ABORTED,
        device=TWO,
    )
    yield accepted(
        "strict-order-run-sequence-under-true",
        "M6.7-6",
        "Under true the index is set for the sequence, which then has none of its own.",
        update(NEW, NEW, install=[at(EVERY), LOOSE, run(*write(NEW))]),
        device=TWO,
        after={MAIN: NEW, SECOND: NEW},
    )
    yield rejected(
        "strict-order-run-sequence-under-true-index",
        "M6.7-5",
        "Under true a sequence may not choose another component.",
        update(NEW, NEW, install=[at(EVERY), LOOSE, run(*write(NEW), at(0), *write(NEW))]),
        _ABORTED,
        device=TWO,
    )
    yield accepted(
        "strict-order-run-sequence-in-order",
        "M6.7-5",
        "In order, a sequence may change its component as it likes.",
        update(NEW, NEW, install=[at(0), run(*write(NEW), at(1), *write(NEW))]),
        device=TWO,
        after={MAIN: NEW, SECOND: NEW},
    )


def _downloads() -> Iterator[Case]:
    three = {URI: NEW, URI_2: NEW_2, _URI_3: OLD}
    uris = [step for index, uri in enumerate(three) for step in (at(index), override({Parameter.URI: uri}))]
    every = {
        "resources": three,
        "device": THREE,
        "after": {MAIN: NEW, SECOND: NEW_2, THIRD: OLD},
        "fetched": list(three),
    }
    fetch, match = check(Command.FETCH), check(Command.IMAGE_MATCH)
    yield accepted(
        "strict-order-fetch-for-all",
        "M6.7-1",
        "Three payloads may arrive in any order; they are reported in that of the manifest.",
        update(NEW, NEW_2, OLD, install=[*uris, LOOSE, at(EVERY), fetch]),
        **every,
    )
    yield accepted(
        "strict-order-fetch-and-match-for-all",
        "M6.7-1 M6.7-6",
        "Each sequence fetches its payload and then matches it, whatever the others do.",
        update(NEW, NEW_2, OLD, install=[*uris, LOOSE, at(EVERY), run(fetch, match)]),
        **every,
    )
    yield accepted(
        "strict-order-fetch-sequences",
        "M6.7-1 M6.7-4",
        "Each sequence names its component and sets what it needs.",
        update(
            NEW, NEW_2, OLD,
            install=[
                at(0), LOOSE,
                *[run(at(n), override({Parameter.URI: uri}), fetch, match) for n, uri in enumerate(three)],
            ],
        ),
        **every,
    )  # fmt: skip
    yield accepted(
        "strict-order-fetch-barrier-end",
        "M8.4.8.14-2",
        "At the end of payload-fetch everything has arrived, and install can copy it.",
        update(
            NEW, NEW, OLD,
            payload_fetch=[*uris, LOOSE, at([0, 2]), fetch],
            install=[at(1), STRICT, override({Parameter.SOURCE_COMPONENT: 0}), check(Command.COPY)],
        ),
        resources=three,
        device=THREE,
        after={MAIN: NEW, SECOND: NEW},
        fetched=[URI, _URI_3],
    )  # fmt: skip
    yield accepted(
        "strict-order-fetch-next-branch",
        "M6.7-1 M8.4.10.2-1",
        "A sequence fails a condition, and the next branch begins when all of the first has completed.",
        update(
            NEW, NEW_2, OLD,
            install=[
                *uris, at(0), LOOSE,
                try_each(
                    [run(at(0), fetch), run(at(1), check(Command.ABORT)), run(at(2), fetch)],
                    [run(at(1), fetch)],
                ),
            ],
        ),
        **{**every, "fetched": [URI, _URI_3, URI_2]},
    )  # fmt: skip
    yield rejected(
        "strict-order-fetch-all-missing",
        "M6.1-8",
        "None of the payloads can be had, and nothing has changed.",
        update(NEW, NEW_2, OLD, install=[*uris, LOOSE, at(EVERY), fetch]),
        _ABORTED,
        device=THREE,
    )
    integrated = {"#a": NEW, "#b": OLD}
    pairs = list(enumerate(integrated))
    yield rejected(
        "strict-order-fetch-one-does-not-match",
        "M6.1-8",
        "One of two images is another than the manifest says: none is installed.",
        envelope(
            parts_of(
                NEW, NEW_2,
                install=[
                    at(0), LOOSE,
                    *[run(at(n), override({Parameter.URI: uri}), fetch, match) for n, uri in pairs],
                ],
            ),
            signers=[AUTHOR],
            members=integrated,
        ),
        ReportReason.CONDITION_FAILED,
        device=TWO,
    )  # fmt: skip
    for name, source_first in (("first", True), ("last", False)):
        reads = run(at(0), override({Parameter.SOURCE_COMPONENT: 1}), check(Command.COPY))
        writes = run(at(1), override({Parameter.CONTENT: NEW}), check(Command.WRITE))
        yield rejected(
            f"strict-order-sequences-race-source-{name}",
            "M6.7-3",
            "One sequence reads what another one writes: whoever comes first, it is a race.",
            update(NEW, NEW, install=[at(0), LOOSE, *((reads, writes) if source_first else (writes, reads))]),
            _ABORTED,
            device=TWO,
        )
