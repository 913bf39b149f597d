"""run-sequence and soft failure (M8.4.8.15, 8.4.10.8)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    MAIN,
    NEW,
    OLD,
    Case,
    accepted,
    rejected,
    update,
    write,
)
from conformance.casebook.try_each import ABORT, HARD, SOFT
from conformance.forge import check, override, run, try_each
from conformance.forge_cbor import Raw, encode
from spec.labels import Command, Parameter, ReportReason

TOPIC = "run-sequence"
_CONDITION = ReportReason.CONDITION_FAILED
_OPERATION = ReportReason.OPERATION_FAILED


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _status()
    yield from _soft_failure_scope()
    yield from _arguments()


def _status() -> Iterator[Case]:
    yield accepted(
        "run-sequence-succeeds",
        "M8.4.10.8-1",
        "Its commands are executed as if they stood there.",
        update(NEW, install=[run(*write(NEW)), check(Command.IMAGE_MATCH)]),
        after={MAIN: NEW},
    )
    yield rejected(
        "run-sequence-condition-fails",
        "M8.4.10.8-3",
        "By default a failed condition fails run-sequence, and the update with it.",
        update(NEW, install=[run(ABORT), *write(NEW)]),
        _CONDITION,
    )
    yield accepted(
        "run-sequence-soft",
        "M8.4.10.8-2",
        "With soft-failure true the sequence stops, and the next command runs.",
        update(NEW, install=[run(SOFT, ABORT, *write(OLD + OLD)), *write(NEW)]),
        after={MAIN: NEW},
    )
    yield accepted(
        "run-sequence-soft-stops-there",
        "M8.4.10.8-1",
        "After the failed condition, nothing of the sequence is executed.",
        update(NEW, install=[*write(NEW), run(SOFT, ABORT, *write(OLD + OLD))]),
        after={MAIN: NEW},
    )
    yield rejected(
        "run-sequence-soft-directive-fails",
        "M8.4.10.8-4 M6.4-2",
        "A directive's failure is never soft.",
        update(OLD, install=[run(SOFT, check(Command.COPY))]),
        _OPERATION,
    )
    yield accepted(
        "run-sequence-parameters-stay",
        "M8.4.10.8-5",
        "What the halted sequence has set stays set.",
        update(
            NEW,
            install=[run(SOFT, override({Parameter.CONTENT: NEW}), ABORT), check(Command.WRITE)],
        ),
        after={MAIN: NEW},
    )
    yield accepted(
        "run-sequence-in-run-sequence",
        "M8.4.10.8-1",
        "Sequences nest.",
        update(NEW, install=[run(run(run(*write(NEW))))]),
        after={MAIN: NEW},
    )
    yield rejected(
        "run-sequence-nested-fails",
        "M8.4.10.8-3",
        "A failure goes up through every level that is not soft.",
        update(NEW, install=[*write(NEW), run(run(ABORT))]),
        _CONDITION,
    )


def _soft_failure_scope() -> Iterator[Case]:
    yield rejected(
        "soft-failure-not-inherited",
        "M8.4.8.15-3",
        "A nested sequence does not inherit soft-failure: it fails hard, and stops the one around it.",
        update(NEW, install=[run(SOFT, run(ABORT), *write(NEW)), check(Command.IMAGE_MATCH)]),
        _CONDITION,
    )
    yield accepted(
        "soft-failure-of-the-outer-sequence",
        "M8.4.8.15-3 M8.4.10.8-2",
        "The nested sequence fails; the one around it is soft and only stops.",
        update(NEW, install=[run(SOFT, run(ABORT), *write(OLD)), *write(NEW)]),
        after={MAIN: NEW},
    )
    yield accepted(
        "soft-failure-restored",
        "M8.4.8.15-4",
        "soft-failure set in a nested sequence ends with it.",
        update(NEW, install=[try_each([run(HARD, check(Command.VENDOR_IDENTIFIER)), ABORT], write(NEW))]),
        after={MAIN: NEW},
    )
    for value in (True, False):
        step = override({Parameter.SOFT_FAILURE: value})
        name = str(value).lower()
        yield rejected(
            f"soft-failure-{name}-at-top",
            "M8.4.8.15-5",
            "Outside try-each and run-sequence, soft-failure must not be set.",
            update(NEW, install=[step, *write(NEW)]),
            _OPERATION,
        )
        yield rejected(
            f"soft-failure-{name}-in-shared",
            "M8.4.8.15-5",
            "The top of the shared sequence is no exception.",
            update(NEW, more=[step], install=write(NEW)),
            _OPERATION,
        )
    yield accepted(
        "soft-failure-nested-in-shared",
        "M8.4.8.15-5 M5.3.2-1",
        "A run-sequence inside the shared sequence may be soft.",
        update(NEW, more=[run(SOFT, ABORT)], install=write(NEW)),
        after={MAIN: NEW},
    )


def _arguments() -> Iterator[Case]:
    for name, argument in (
        ("not-wrapped", [Command.ABORT, 15]),
        ("empty-bytes", b""),
        ("empty-sequence", encode([])),
        ("policy", 15),
        ("nil", Raw(b"\xf6")),
    ):
        yield rejected(
            f"run-sequence-{name}",
            "M8.4.6-1 M8.4.6-2",
            "The argument is one sequence in a byte string.",
            update(NEW, install=[*write(NEW), (Command.RUN_SEQUENCE, argument)]),
            ReportReason.CBOR_PARSE,
        )
