"""Directives: each base directive where it works and where it fails (M8.4.10)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    MAIN,
    NEW,
    NEW_2,
    OLD,
    SECOND,
    URI,
    URI_2,
    Case,
    Component,
    Device,
    accepted,
    fetch_from,
    rejected,
    update,
    write,
)
from conformance.forge import at, check, image, override
from spec.labels import Command, Parameter, ReportReason

TOPIC = "directives"
_FAILED = ReportReason.OPERATION_FAILED
TWO = Device(components=(Component(content=OLD), Component(id=SECOND, content=NEW_2)))


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _override()
    yield from _fetch()
    yield from _write()
    yield from _copy()
    yield from _swap()


def _override() -> Iterator[Case]:
    yield accepted(
        "override-parameters-replaces",
        "M8.4.10.3-1",
        "A parameter that is set already takes the new value.",
        update(NEW, install=[override({Parameter.CONTENT: OLD}), *write(NEW)]),
        after={MAIN: NEW},
    )
    yield accepted(
        "override-parameters-keeps-others",
        "M8.4.10.3-1",
        "Parameters that are not named keep their values.",
        update(
            NEW,
            install=[
                override({Parameter.CONTENT: NEW}),
                override({Parameter.URI: URI}),
                check(Command.WRITE),
            ],
        ),
        after={MAIN: NEW},
    )
    yield accepted(
        "override-parameters-last-to-next-sequence",
        "M8.4.8-1",
        "Within one procedure a parameter stays set from one sequence to the next.",
        update(NEW, payload_fetch=[override({Parameter.CONTENT: NEW})], install=[check(Command.WRITE)]),
        after={MAIN: NEW},
    )
    yield rejected(
        "override-parameters-one-component",
        "M8.4.8-1 M6.1-10",
        "What is set for one component is not set for the other.",
        update(
            NEW, NEW_2,
            install=[at(0), override({Parameter.CONTENT: NEW}), at(1), check(Command.WRITE)],
        ),
        _FAILED,
        device=TWO,
    )  # fmt: skip


def _fetch() -> Iterator[Case]:
    yield accepted(
        "fetch-stores",
        "M8.4.10.4-2",
        "Fetch brings the payload from its URI into the component.",
        update(NEW, install=fetch_from(URI)),
        resources={URI: NEW},
        after={MAIN: NEW},
        fetched=[URI],
    )
    yield accepted(
        "fetch-in-payload-fetch",
        "M5.3.3-1",
        "payload-fetch runs before install: what it brings is there to be checked.",
        update(
            NEW,
            payload_fetch=[override({Parameter.URI: URI}), check(Command.FETCH)],
            install=[check(Command.IMAGE_MATCH)],
        ),
        resources={URI: NEW},
        after={MAIN: NEW},
        fetched=[URI],
    )
    yield accepted(
        "fetch-two-in-order",
        "M8.4.10.4-2",
        "Two components, two URIs, in the order of the commands.",
        update(NEW, NEW_2, install=[at(1), *fetch_from(URI_2), at(0), *fetch_from(URI)]),
        device=Device(components=(Component(), Component(id=SECOND))),
        resources={URI: NEW, URI_2: NEW_2},
        after={MAIN: NEW, SECOND: NEW_2},
        fetched=[URI_2, URI],
    )
    yield rejected(
        "fetch-missing-resource",
        "M6.1-8 M8.4.10-2",
        "Nothing is found at the URI.",
        update(NEW, install=fetch_from(URI)),
        _FAILED,
        resources={URI_2: NEW},
    )
    yield rejected(
        "fetch-second-missing",
        "M6.1-8 M6.3-1 M2-1",
        "The second of two payloads is missing: the first component goes back to what it held.",
        update(NEW, NEW, install=[at(0), *fetch_from(URI), at(1), *fetch_from(URI_2)]),
        _FAILED,
        device=TWO,
        resources={URI: NEW},
        fetched=[URI],
    )
    yield rejected(
        "fetch-without-uri",
        "M8.4.10.4-1 M6.1-10",
        "Nobody has said where to fetch from.",
        update(NEW, install=[check(Command.FETCH)]),
        _FAILED,
        resources={URI: NEW},
    )
    yield rejected(
        "fetch-uri-case-differs",
        "M8.4.10.4-2 I4.3.7",
        "A URI is compared as text, not guessed.",
        update(NEW, install=fetch_from("http://example.com/FILE.bin")),
        _FAILED,
        resources={URI: NEW},
    )


def _write() -> Iterator[Case]:
    yield accepted(
        "write-stores",
        "M8.4.10.6-1",
        "Write stores the content parameter.",
        update(NEW, install=write(NEW)),
        after={MAIN: NEW},
    )
    yield accepted(
        "write-shorter-than-before",
        "M8.4.10.6-1",
        "Nothing of the longer old content is left behind the new.",
        update(b"x", install=write(b"x")),
        after={MAIN: b"x"},
    )
    yield accepted(
        "write-empty",
        "M8.4.10.6-1",
        "Content of no bytes is content.",
        update(b"", install=[*write(b""), check(Command.IMAGE_MATCH)]),
        after={MAIN: b""},
    )
    yield rejected(
        "write-without-content",
        "M8.4.10.6-1 M6.1-10",
        "Nobody has said what to write.",
        update(OLD, install=[check(Command.WRITE)]),
        _FAILED,
    )


def _copy() -> Iterator[Case]:
    copied = [at(0), override({Parameter.SOURCE_COMPONENT: 1}), check(Command.COPY)]
    yield accepted(
        "copy-stores",
        "M8.4.10.5-2",
        "Copy stores the source component's content in the current one; the source keeps it.",
        update(NEW_2, NEW_2, install=copied),
        device=TWO,
        after={MAIN: NEW_2},
    )
    yield accepted(
        "copy-what-was-fetched",
        "M8.4.10.5-2 M5.3.3-1",
        "A payload is fetched into one component and copied into another.",
        update(
            NEW, NEW,
            payload_fetch=[at(1), *fetch_from(URI)],
            install=copied,
        ),
        device=TWO,
        resources={URI: NEW},
        after={MAIN: NEW, SECOND: NEW},
        fetched=[URI],
    )  # fmt: skip
    yield from _sources_missing(Command.COPY, "M8.4.10.5-1 M6.1-10")


def _swap() -> Iterator[Case]:
    swapped = [at(0), override({Parameter.SOURCE_COMPONENT: 1}), check(Command.SWAP)]
    yield accepted(
        "swap-exchanges",
        "M8.4.10.9-2",
        "Swap exchanges the contents of both components.",
        update(NEW_2, OLD, install=swapped),
        device=TWO,
        after={MAIN: NEW_2, SECOND: OLD},
    )
    yield accepted(
        "swap-twice",
        "M8.4.10.9-2",
        "A second swap undoes the first.",
        update(OLD, NEW_2, install=[*swapped, check(Command.SWAP)]),
        device=TWO,
    )
    yield rejected(
        "swap-then-fail",
        "M8.4.10.9-2 M6.3-1",
        "A failure after the swap: both components hold what they held.",
        update(NEW_2, OLD, install=[*swapped, check(Command.ABORT)]),
        ReportReason.CONDITION_FAILED,
        device=TWO,
    )
    yield from _sources_missing(Command.SWAP, "M8.4.10.9-1 M6.1-10")


def _sources_missing(command: Command, requirement: str) -> Iterator[Case]:
    name = command.name.lower()
    yield rejected(
        f"{name}-without-source",
        requirement,
        f"{name} fails where nobody has named a source.",
        update(OLD, NEW_2, install=[at(0), check(command)]),
        _FAILED,
        device=TWO,
    )
    yield rejected(
        f"{name}-source-out-of-range",
        requirement,
        f"{name} fails where the source is no component of the manifest.",
        update(
            OLD, NEW_2,
            install=[at(0), override({Parameter.SOURCE_COMPONENT: 2}), check(command)],
        ),
        device=TWO,
    )  # fmt: skip
    yield rejected(
        f"{name}-source-empty",
        requirement,
        f"{name} fails where the source component holds nothing.",
        update(
            OLD, None,
            install=[at(0), override({Parameter.SOURCE_COMPONENT: 1}), check(command)],
        ),
        _FAILED,
        device=Device(components=(Component(content=OLD), Component(id=SECOND))),
    )  # fmt: skip
    yield rejected(
        f"{name}-digest-differs",
        "M8.4.9.2-1",
        f"What {name} brought is not what the manifest promises.",
        update(
            NEW, None,
            install=[
                at(0),
                override({Parameter.SOURCE_COMPONENT: 1, **image(NEW)}),
                check(command),
                check(Command.IMAGE_MATCH),
            ],
        ),
        device=TWO,
    )  # fmt: skip
