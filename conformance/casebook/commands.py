"""Commands that no document assigns, or that somebody keeps for himself (M8.4.9, 8.4.11)."""

from collections.abc import Iterator

from conformance.casebook.case import NEW, Case, rejected, update, write
from conformance.forge import check, run, try_each
from spec.labels import Command, ReportReason

TOPIC = "commands"
UNASSIGNED = (9, 10, 13, 16, 17, 30, 36, 255)
_UNSUPPORTED = ReportReason.COMMAND_UNSUPPORTED


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    for number in UNASSIGNED:
        yield rejected(
            f"command-unassigned-{number}",
            "M6.1-5 M8.4.9-3",
            f"Nobody has said what command {number} does.",
            update(NEW, install=[*write(NEW), (number, 15)]),
            _UNSUPPORTED,
        )
    for number in (-1, -256, -257, -70000):
        yield rejected(
            f"command-negative-{-number}",
            "M8.4.11-1",
            f"A private command {number} of somebody else.",
            update(NEW, install=[*write(NEW), (number, None)]),
            _UNSUPPORTED,
        )
    yield rejected(
        "command-zero",
        "M6.1-5",
        "The label 0 is what a forgotten initialisation looks like.",
        update(NEW, install=[*write(NEW), (0, 15)]),
        _UNSUPPORTED,
    )
    yield rejected(
        "command-custom-in-shared",
        "M6.2-7",
        "Private commands do not belong into the shared sequence.",
        update(NEW, more=[(-300, None)], install=write(NEW)),
        _UNSUPPORTED,
    )
    unknown = (30, 15)
    for place, steps in (
        ("try-each", [try_each([unknown, *write(NEW)], write(NEW))]),
        ("run-sequence", [run(unknown), *write(NEW)]),
    ):
        yield rejected(
            f"command-unknown-in-{place}",
            "M6.1-5",
            f"An unknown command inside {place} is no failed condition: the manifest is refused.",
            update(NEW, install=steps),
            _UNSUPPORTED,
        )
    for name in ("load", "invoke"):
        yield rejected(
            f"command-unknown-in-{name}",
            "M6.1-5",
            f"It is refused where it stands, in {name}, which this procedure does not run.",
            update(NEW, install=write(NEW), **{name: [check(Command.IMAGE_MATCH), unknown]}),
            _UNSUPPORTED,
        )
