"""``hardsuit conformance``: judge an implementation, ours or any other."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from suit.command import Console, command
from suit.errors import MalformedError

if TYPE_CHECKING:
    from conformance.dut import Client
    from conformance.runner import Case, Result

_QUESTION_LIMIT: Final = 64 << 20
_PATHS = click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))


@click.group()
def cli() -> None:
    """Judge an implementation by what it does: cases in, outcome and state out."""


@command(cli)
@_PATHS
@click.option("--client", metavar="CMD", help="The client to judge, a command line; ours by default.")
@click.option("--workers", type=click.IntRange(1, 64), help="Clients at once; one per core by default.")
@click.option(
    "--time-limit",
    type=click.FloatRange(0.1, 3600),
    default=30.0,
    show_default=True,
    help="Seconds for one case.",
)
def run(
    console: Console,
    /,
    paths: tuple[Path, ...],
    client: str | None,
    workers: int | None,
    time_limit: float,
) -> dict[str, Any]:
    """Run the built-in suite, or the cases under PATH; exit with 0 only if every case passes.

    A case that fails or a client that breaks makes it exit with 3.
    """
    from conformance import runner
    from conformance.dut import ExternalClient, InProcessClient

    asked: Client
    if client is None:
        from conformance.client import answer

        asked, workers = InProcessClient(answer), 1
    else:
        asked = ExternalClient(client, time_limit=time_limit)
    cases = runner.load(paths)
    results = _run(console, cases, asked, workers)
    summary = runner.summary(results)
    if not console.json:
        _show(results)
    console.found.update(summary)
    runner.require_all(results)
    return summary


@command(cli, "list")
@_PATHS
@click.option("--requirement", metavar="ID", help="Only cases that prove this row of the matrix.")
def list_(console: Console, /, paths: tuple[Path, ...], requirement: str | None) -> list[dict[str, Any]]:
    """List the cases, and what each of them is about."""
    from conformance import runner

    cases = [case for case in runner.load(paths) if requirement is None or requirement in case.requirement]
    for case in cases:
        console.data(f"{case.topic}/{case.name}: {case.expect.outcome}: {case.summary}")
    return [
        {
            "case": case.name,
            "topic": case.topic,
            "outcome": case.expect.outcome,
            "requirement": list(case.requirement),
            "summary": case.summary,
        }
        for case in cases
    ]


@command(cli)
def client(console: Console, /) -> dict[str, Any]:
    """Be a client: read a case on standard input, write what the device did.

    Exit code 0 means that there is an answer, not that the update was accepted.
    """
    from conformance.client import answer

    said = answer(_question(sys.stdin.buffer))
    console.data(json.dumps(said))
    return said


def _question(stream: BinaryIO) -> dict[str, Any]:
    raw = stream.read(_QUESTION_LIMIT + 1)
    if len(raw) > _QUESTION_LIMIT:
        raise MalformedError("case", f"more than {_QUESTION_LIMIT} bytes")
    try:
        item = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedError("case", "standard input is no JSON") from error
    if not isinstance(item, dict):
        raise MalformedError("case", "a question is one JSON object")
    return item


def _run(console: Console, cases: "Sequence[Case]", asked: "Client", workers: int | None) -> "list[Result]":
    from conformance import runner

    if not console.interactive:
        return runner.run(cases, asked, workers=workers)
    from rich.console import Console as Terminal
    from rich.progress import Progress

    with Progress(console=Terminal(stderr=True), transient=True) as progress:
        task = progress.add_task("cases", total=len(cases))
        return runner.run(cases, asked, workers=workers, seen=lambda _: progress.advance(task))


def _show(results: "Sequence[Result]") -> None:
    """Print what did not pass, then one row per topic."""
    from rich.console import Console as Terminal
    from rich.markup import escape
    from rich.table import Table

    from conformance.runner import Verdict, by_topic

    terminal = Terminal(highlight=False, soft_wrap=True)
    for result in results:
        if result.verdict is not Verdict.PASSED:
            colour = "red" if result.verdict is Verdict.FAILED else "magenta"
            terminal.print(f"[{colour}]{result.verdict.value}[/] {result.topic}/{escape(result.case)}")
            for problem in result.problems:
                terminal.print(f"    {escape(problem)}")
    table = Table("topic", "requirements", "cases", "passed", "failed", "broken")
    for column in table.columns[1:]:
        column.justify = "right"
    for topic, row in by_topic(results).items():
        table.add_row(topic, *map(str, row))
    terminal.print(table)
