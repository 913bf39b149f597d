"""try-each: the first branch that succeeds, and what is no reason to try the next (M6.4, 8.4.10.2)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    MAIN,
    NEW,
    OLD,
    OTHER,
    URI,
    URI_2,
    Case,
    accepted,
    fetch_from,
    rejected,
    update,
    write,
)
from conformance.forge import check, override, run, sequence, try_each
from conformance.forge_cbor import encode
from spec.labels import Command, Parameter, ReportReason

TOPIC = "try-each"
ABORT = check(Command.ABORT)
HARD = override({Parameter.SOFT_FAILURE: False})
SOFT = override({Parameter.SOFT_FAILURE: True})
_RESOURCES = {URI: NEW, URI_2: OLD}


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _choices()
    yield from _exhausted()
    yield from _hard_failures()
    yield from _nesting()
    yield from _arguments()


def _choices() -> Iterator[Case]:
    yield accepted(
        "try-each-first-succeeds",
        "M8.4.10.2-2",
        "The first branch succeeds, and the others are not run.",
        update(NEW, install=[try_each(fetch_from(URI), fetch_from(URI_2))]),
        resources=_RESOURCES,
        after={MAIN: NEW},
        fetched=[URI],
    )
    yield accepted(
        "try-each-second-succeeds",
        "M8.4.10.2-3",
        "A failed condition in the first branch leads to the second.",
        update(NEW, install=[try_each([ABORT, *fetch_from(URI_2)], fetch_from(URI))]),
        resources=_RESOURCES,
        after={MAIN: NEW},
        fetched=[URI],
    )
    yield accepted(
        "try-each-third-succeeds",
        "M8.4.10.2-1",
        "Branches are tried strictly in order.",
        update(NEW, install=[try_each([ABORT], [ABORT], write(NEW), write(OLD))]),
        after={MAIN: NEW},
    )
    yield accepted(
        "try-each-nil-last",
        "M8.4.10.2-5",
        "nil as the last alternative succeeds without doing anything.",
        update(NEW, install=[try_each([ABORT], [ABORT], None), *write(NEW)]),
        after={MAIN: NEW},
    )
    yield accepted(
        "try-each-one-branch-and-nil",
        "M8.4.10.2-5",
        "One branch and nil: do it if you can.",
        update(NEW, install=[try_each([ABORT], None), *write(NEW)]),
        after={MAIN: NEW},
    )
    yield accepted(
        "try-each-parameters-of-failed-branch-stay",
        "M8.4.10.2-3",
        "What a failed branch has set stays set: nothing is rolled back.",
        update(
            NEW,
            install=[
                override({Parameter.CONTENT: OLD}),
                try_each([override({Parameter.CONTENT: NEW}), ABORT], None),
                check(Command.WRITE),
            ],
        ),
        after={MAIN: NEW},
    )
    yield accepted(
        "try-each-condition-in-the-middle",
        "M8.4.10.2-3 M8.4.9-4",
        "The branch fails after it has written; the next branch writes again.",
        update(NEW, install=[try_each([*write(OLD), ABORT], write(NEW))]),
        after={MAIN: NEW},
    )


def _exhausted() -> Iterator[Case]:
    yield rejected(
        "try-each-exhausted",
        "M8.4.10.2-6",
        "Every branch fails, and so does try-each.",
        update(NEW, install=[*write(NEW), try_each([ABORT], [ABORT])]),
    )
    yield rejected(
        "try-each-exhausted-by-identity",
        "M8.4.10.2-6 M8.4.9.1-1",
        "Two variants are offered, and the device is neither.",
        update(
            NEW,
            install=[
                try_each(
                    [override({Parameter.CLASS_IDENTIFIER: OTHER}), check(Command.CLASS_IDENTIFIER)],
                    [override({Parameter.DEVICE_IDENTIFIER: OTHER}), check(Command.DEVICE_IDENTIFIER)],
                ),
                *write(NEW),
            ],
        ),
    )  # fmt: skip


def _hard_failures() -> Iterator[Case]:
    yield rejected(
        "try-each-directive-fails",
        "M6.4-2 M8.4.10-1",
        "A directive that fails aborts the update: the next branch is not an alternative to it.",
        update(NEW, install=[try_each(fetch_from("http://example.com/none"), fetch_from(URI))]),
        ReportReason.OPERATION_FAILED,
        resources=_RESOURCES,
    )
    yield rejected(
        "try-each-directive-fails-before-nil",
        "M6.4-2",
        "nil does not catch a directive's failure either.",
        update(OLD, install=[try_each([check(Command.COPY)], None)]),
        ReportReason.OPERATION_FAILED,
    )
    yield rejected(
        "try-each-hard-branch",
        "M8.4.10.2-4",
        "A branch that sets soft-failure to false fails try-each with the condition's own result.",
        update(NEW, install=[try_each([HARD, ABORT], write(NEW))]),
        ReportReason.CONDITION_FAILED,
    )
    yield accepted(
        "try-each-hard-branch-succeeds",
        "M8.4.10.2-2",
        "soft-failure false changes nothing where nothing fails.",
        update(NEW, install=[try_each([HARD, *write(NEW)], [ABORT])]),
        after={MAIN: NEW},
    )
    yield accepted(
        "try-each-soft-again-in-next-branch",
        "M8.4.8.15-1",
        "Every branch begins soft, whatever the branch before has set.",
        update(
            NEW,
            install=[try_each([HARD, SOFT, ABORT], [ABORT], write(NEW))],
        ),
        after={MAIN: NEW},
    )
    yield rejected(
        "try-each-soft-failure-ends-with-branch",
        "M8.4.8.15-4",
        "After try-each, a failed condition of the sequence around it is hard again.",
        update(NEW, install=[try_each([SOFT, *write(NEW)], None), ABORT]),
        ReportReason.CONDITION_FAILED,
    )


def _nesting() -> Iterator[Case]:
    yield accepted(
        "try-each-nested-exhausted-then-next",
        "M8.4.10.2-3",
        "A try-each inside a branch that is exhausted by conditions fails that branch, softly.",
        update(NEW, install=[try_each([try_each([ABORT], [ABORT])], write(NEW))]),
        after={MAIN: NEW},
    )
    yield rejected(
        "try-each-nested-directive-fails",
        "M6.4-2",
        "A directive's failure goes through every level.",
        update(OLD, install=[try_each([try_each([check(Command.COPY)], None)], None)]),
        ReportReason.OPERATION_FAILED,
    )
    yield accepted(
        "try-each-with-run-sequence",
        "M8.4.8.15-2 M8.4.10.2-3",
        "A failed condition in a run-sequence fails the branch around it, softly.",
        update(NEW, install=[try_each([run(ABORT), *write(OLD)], write(NEW))]),
        after={MAIN: NEW},
    )


def _arguments() -> Iterator[Case]:
    one = sequence([ABORT])
    for name, argument in (
        ("one-branch", [one]),
        ("no-branch", []),
        ("nil-only", [None]),
        ("nil-first", [None, one]),
        ("nil-between", [one, None, one]),
        ("branch-not-wrapped", [one, [Command.ABORT, 15]]),
        ("not-array", one),
        ("branch-cut", [one, one[:-1]]),
        ("branch-odd", [one, encode([Command.ABORT])]),
    ):
        yield rejected(
            f"try-each-{name}",
            "M8.4.6-2 M8.4.6-1",
            "The argument is two or more sequences in byte strings, nil at most in the last place.",
            update(NEW, install=[*write(NEW), (Command.TRY_EACH, argument)]),
            ReportReason.CBOR_PARSE,
        )
