"""suit.command and the front door: one way to print, one exit code per kind of error."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from hardsuit import main
from spec.labels import ReportReason
from suit import errors
from suit.command import Console, command
from suit.errors import ExitCode, HardsuitError
from suit.manifest import WaitInfo


def leaves(kind: type[HardsuitError] = HardsuitError) -> Iterator[type[HardsuitError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from leaves(child)


TREE = list(leaves())


def make(kind: type[HardsuitError]) -> HardsuitError:
    if issubclass(kind, errors.MalformedError):
        return kind("the place", "the problem")
    if issubclass(kind, errors.RollbackError):
        return kind("sequence number", offered=1, stored=2)
    if issubclass(kind, errors.WaitingError):
        return kind("the message", WaitInfo({}))
    return kind("the message")


def run(verb: Callable[..., object], *arguments: str) -> Result:
    group = click.Group("test")
    command(group, "verb")(verb)
    return CliRunner().invoke(group, ["verb", *arguments])


def test_data_goes_to_stdout_and_words_to_stderr() -> None:
    def verb(console: Console) -> dict[str, int]:
        """Do it."""
        console.say("working")
        console.data("the data")
        return {"answer": 42}

    plain = run(verb)
    assert (plain.exit_code, plain.stdout, plain.stderr) == (0, "the data\n", "working\n")
    assert run(verb, "-q").stderr == ""
    machine = run(verb, "--json", "-q")
    assert json.loads(machine.stdout) == {"ok": True, "code": 0, "reason": "ok", "data": {"answer": 42}}


@pytest.mark.parametrize("kind", TREE)
def test_every_error_is_one_line_and_its_exit_code(kind: type[HardsuitError]) -> None:
    def verb(console: Console) -> None:
        del console
        raise make(kind)

    result = run(verb)
    assert result.exit_code == kind.exit_code.value
    assert result.stdout == ""
    assert result.stderr == f"hardsuit: {make(kind)}\n"
    shown = json.loads(run(verb, "--json").stdout)
    assert shown["ok"] is False
    assert shown["code"] == kind.exit_code.value
    assert shown["reason"] == kind.reason
    assert shown["data"] == {"message": str(make(kind))}


@pytest.mark.req("P4.2-2")
def test_every_error_has_its_own_reason_and_a_reason_of_the_report_document() -> None:
    assert len({kind.reason for kind in TREE}) == len(TREE)
    assert all(isinstance(kind.report, ReportReason) for kind in TREE)
    assert all(kind.report is not ReportReason.OK for kind in TREE)
    assert all(kind.exit_code is not ExitCode.OK for kind in TREE)


def test_a_missing_file_is_a_storage_error() -> None:
    def verb(console: Console) -> None:
        del console
        raise FileNotFoundError(2, "No such file or directory", "gone.suit")

    result = run(verb)
    assert result.exit_code == ExitCode.STORAGE.value
    assert result.stderr == "hardsuit: gone.suit: No such file or directory\n"


def test_a_bug_is_no_refusal() -> None:
    def verb(console: Console) -> None:
        del console
        raise ZeroDivisionError

    result = run(verb)
    assert result.exit_code == ExitCode.INTERNAL.value
    assert "internal error (ZeroDivisionError)" in result.stderr
    assert isinstance(run(verb, "-v").exception, ZeroDivisionError)


def test_a_message_of_several_lines_is_still_one_line() -> None:
    def verb(console: Console) -> None:
        del console
        raise errors.StorageError("first\nsecond\x1b[31m")

    assert run(verb).stderr.count("\n") == 1
    assert "\x1b" not in run(verb).stderr


def test_the_front_door_names_every_room_without_entering_it() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for noun in ("demo", "key", "suit", "repo", "device", "conformance"):
        assert noun in result.output
    script = "import sys; from hardsuit import main; main(['--help'], standalone_mode=False);"
    check = "print([m for m in sys.modules if m.split('.')[0] in ('suit', 'cryptography', 'tuf')])"
    process = subprocess.run(
        [sys.executable, "-c", script + check], capture_output=True, text=True, check=True
    )
    assert process.stdout.splitlines()[-1] == "[]"


def test_an_unknown_noun_or_verb_is_a_usage_error() -> None:
    for arguments in (["nothing"], ["suit", "nothing"], ["suit", "show", "--nothing"]):
        assert CliRunner().invoke(main, arguments).exit_code == ExitCode.USAGE.value


def test_a_full_standard_output_is_one_line_and_exit_8() -> None:
    for flags in ([], ["--json"]):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "hardsuit", "suit", "lint", "--rules", *flags],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
                check=False,
            )
        assert done.returncode == ExitCode.STORAGE.value
        assert done.stderr.splitlines() == ["hardsuit: standard output: No space left on device"]
