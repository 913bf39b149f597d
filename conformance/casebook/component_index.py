"""set-component-index: one, some, all (M6.5, 8.4.10.1)."""

from collections.abc import Iterator

from conformance.casebook.case import (
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
    rejected,
    update,
    write,
)
from conformance.forge import EVERY, at, check, override, run, try_each
from spec.labels import Command, Parameter, ReportReason

TOPIC = "component-index"
THREE = Device(
    components=(
        Component(content=OLD),
        Component(id=SECOND, content=OLD),
        Component(id=THIRD, content=OLD),
    )
)
TWO = Device(components=THREE.components[:2])


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _kinds()
    yield from _order()
    yield from _nested()
    yield from _refused()


def _kinds() -> Iterator[Case]:
    yield accepted(
        "set-component-index-integer",
        "M6.5-1",
        "An integer selects one component.",
        update(OLD, NEW, install=[at(1), *write(NEW)]),
        device=TWO,
        after={SECOND: NEW},
    )
    yield accepted(
        "set-component-index-true",
        "M6.5-2",
        "true selects all: it is not the integer 1.",
        update(NEW, NEW, NEW, install=[at(EVERY), *write(NEW)]),
        device=THREE,
        after={MAIN: NEW, SECOND: NEW, THIRD: NEW},
    )
    yield accepted(
        "set-component-index-array",
        "M6.5-3",
        "An array selects the components it lists and no other.",
        update(NEW, OLD, NEW, install=[at([0, 2]), *write(NEW)]),
        device=THREE,
        after={MAIN: NEW, THIRD: NEW},
    )
    yield accepted(
        "set-component-index-array-of-one",
        "M6.5-3",
        "An array of one index.",
        update(OLD, NEW, install=[at([1]), *write(NEW)]),
        device=TWO,
        after={SECOND: NEW},
    )
    yield accepted(
        "set-component-index-one-component",
        "M6.5-1 M6.5-2",
        "With one component, index 0 and true mean the same.",
        update(NEW, install=[at(0), at(EVERY), *write(NEW)]),
        after={MAIN: NEW},
    )
    yield accepted(
        "set-component-index-true-own-parameters",
        "M6.5-4 M8.4.8-1",
        "Under true, each component takes the command with parameters of its own.",
        update(
            NEW, NEW_2,
            install=[
                at(0), override({Parameter.CONTENT: NEW}),
                at(1), override({Parameter.CONTENT: NEW_2}),
                at(EVERY), check(Command.WRITE), check(Command.IMAGE_MATCH),
            ],
        ),
        device=TWO,
        after={MAIN: NEW, SECOND: NEW_2},
    )  # fmt: skip


def _order() -> Iterator[Case]:
    uris = [
        at(0), override({Parameter.URI: URI}),
        at(1), override({Parameter.URI: URI_2}),
    ]  # fmt: skip
    resources = {URI: NEW, URI_2: NEW_2}
    yield accepted(
        "set-component-index-true-order",
        "M6.5-4 M8.4.10.4-3",
        "true goes through the components in the order of suit-components.",
        update(NEW, NEW_2, install=[*uris, at(EVERY), check(Command.FETCH)]),
        device=TWO,
        resources=resources,
        after={MAIN: NEW, SECOND: NEW_2},
        fetched=[URI, URI_2],
    )
    yield accepted(
        "set-component-index-array-order",
        "M6.5-4 M8.4.10.4-3",
        "An array goes through the components in its own order.",
        update(NEW, NEW_2, install=[*uris, at([1, 0]), check(Command.FETCH)]),
        device=TWO,
        resources=resources,
        after={MAIN: NEW, SECOND: NEW_2},
        fetched=[URI_2, URI],
    )
    yield rejected(
        "set-component-index-true-one-fails",
        "M6.5-4",
        "A condition under true has to hold for every component.",
        update(NEW, OLD, install=[at(0), *write(NEW), at(EVERY), check(Command.CHECK_CONTENT)]),
        ReportReason.CONDITION_FAILED,
        device=TWO,
    )


def _nested() -> Iterator[Case]:
    slots = Device(components=(Component(content=OLD), Component(id=SECOND, slot=1, content=OLD)))
    by_slot = try_each(
        [
            override({Parameter.COMPONENT_SLOT: 0}),
            check(Command.COMPONENT_SLOT),
            override({Parameter.CONTENT: NEW}),
        ],
        [
            override({Parameter.COMPONENT_SLOT: 1}),
            check(Command.COMPONENT_SLOT),
            override({Parameter.CONTENT: NEW_2}),
        ],
    )
    yield accepted(
        "try-each-under-true",
        "M6.5-6",
        "try-each runs once per component, each with its own choice of branch.",
        update(NEW, NEW_2, install=[at(EVERY), by_slot, check(Command.WRITE)]),
        device=slots,
        after={MAIN: NEW, SECOND: NEW_2},
    )
    yield accepted(
        "run-sequence-under-array",
        "M6.5-6",
        "run-sequence runs as a whole for one component, then for the next.",
        update(
            NEW, NEW_2,
            install=[
                at(0), override({Parameter.URI: URI, Parameter.CONTENT: NEW}),
                at(1), override({Parameter.URI: URI_2, Parameter.CONTENT: NEW_2}),
                at([1, 0]),
                run(check(Command.FETCH), check(Command.WRITE)),
            ],
        ),
        device=TWO,
        resources={URI: b"a draft", URI_2: b"another draft"},
        after={MAIN: NEW, SECOND: NEW_2},
        fetched=[URI_2, URI],
    )  # fmt: skip
    for name, nested in (("run-sequence", run), ("try-each", _one_branch)):
        yield accepted(
            f"{name}-restores-index",
            "M6.5-6",
            f"An index that is set inside {name} does not leak out of it.",
            update(
                NEW, OLD,
                install=[
                    at(0),
                    override({Parameter.CONTENT: NEW}),
                    nested(at(1), check(Command.VENDOR_IDENTIFIER)),
                    check(Command.WRITE),
                ],
            ),
            device=TWO,
            after={MAIN: NEW},
        )  # fmt: skip


def _one_branch(*steps: tuple[object, object]) -> tuple[object, object]:
    return try_each(steps, None)


def _refused() -> Iterator[Case]:
    for name, index, reason in (
        ("out-of-range", 2, ReportReason.OPERATION_FAILED),
        ("huge", (1 << 64) - 1, None),
        ("array-out-of-range", [0, 2], ReportReason.OPERATION_FAILED),
        ("false", False, ReportReason.CBOR_PARSE),
        ("negative", -1, ReportReason.CBOR_PARSE),
        ("array-empty", [], ReportReason.CBOR_PARSE),
        ("array-with-true", [True], ReportReason.CBOR_PARSE),
        ("nil", None, ReportReason.CBOR_PARSE),
        ("text", "0", ReportReason.CBOR_PARSE),
    ):
        yield rejected(
            f"set-component-index-{name}",
            "M6.5-5",
            "No such component can be selected.",
            update(NEW, OLD, install=[at(0), *write(NEW), at(index), check(Command.VENDOR_IDENTIFIER)]),
            reason,
            device=TWO,
        )
