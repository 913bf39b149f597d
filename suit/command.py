"""How every hardsuit command behaves: data on stdout, words on stderr, one exit code per kind of error.

With ``--json`` a command prints one object ``{ok, code, reason, data}`` and nothing else on stdout.
"""

import functools
import json
import os
import sys
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import click

from suit.errors import ExitCode, HardsuitError, StorageError
from suit.printable import printable

P = ParamSpec("P")
Verb = Callable[Concatenate["Console", P], object]


class Console:
    """Where a verb prints: ``say`` for words to people, ``data`` for what they asked for.

    Attributes:
        json: Whether one JSON object is wanted instead of text.
        quiet: Whether words are unwanted.
        verbose: How many ``-v`` were given.
        found: What a verb had found out before it failed; part of the JSON object beside the message.
    """

    def __init__(self, *, json: bool, quiet: bool, verbose: int) -> None:
        self.json = json
        self.quiet = quiet
        self.verbose = verbose
        self.found: dict[str, Any] = {}

    def say(self, words: str) -> None:
        """Tell people something, on stderr."""
        if not self.quiet:
            click.echo(words, err=True)

    def data(self, text: str | bytes) -> None:
        """Print data on stdout; with ``--json`` the verb's return value is printed instead.

        Raises:
            StorageError: Standard output takes no more.
        """
        if self.json:
            return
        try:
            click.echo(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            _discard_output()
            raise StorageError(f"standard output: {error.strerror}") from error

    @property
    def interactive(self) -> bool:
        """Whether people watch: progress bars and colours make sense."""
        return not self.json and not self.quiet and sys.stderr.isatty()


def command(group: click.Group, name: str | None = None) -> Callable[[Verb[P]], click.Command]:
    """Make a verb of ``group`` from a function whose first argument is its :class:`Console`.

    What the function returns is the ``data`` of the JSON object. Errors of :mod:`suit.errors` become one
    line on stderr and their exit code; anything else is exit code 1 and says that it is our fault.
    """

    def decorate(verb: Verb[P]) -> click.Command:
        @functools.wraps(verb)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            console = _console(kwargs)
            code, reason, message, data = _outcome(verb, console, *args, **kwargs)
            try:
                _report(console, code, reason, message, data)
            except BrokenPipeError:
                raise
            except OSError as error:
                code = _unprintable(error)
            raise SystemExit(code.value)

        run.__dict__.pop("__wrapped__", None)
        for option in _OPTIONS:
            option(run)
        return group.command(name or verb.__name__.rstrip("_").replace("_", "-"))(run)

    return decorate


_OPTIONS = (
    click.option("-v", "--verbose", count=True, help="Say more."),
    click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr but errors."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object {ok, code, reason, data}."),
)


def _console(options: dict[str, Any]) -> Console:
    return Console(json=options.pop("as_json"), quiet=options.pop("quiet"), verbose=options.pop("verbose"))


def _outcome(
    verb: Verb[P], console: Console, *args: P.args, **kwargs: P.kwargs
) -> tuple[ExitCode, str, str, object]:
    try:
        return ExitCode.OK, "ok", "", verb(console, *args, **kwargs)
    except HardsuitError as error:
        return error.exit_code, error.reason, str(error), None
    except (click.ClickException, BrokenPipeError):
        raise
    except OSError as error:
        return ExitCode.STORAGE, "storage", f"{error.filename or 'storage'}: {error.strerror}", None
    except Exception as error:  # the last line of defence: a crash must not look like a refusal
        if console.verbose:
            raise
        return ExitCode.INTERNAL, "internal", f"internal error ({type(error).__name__}); -v shows it", None


def _report(console: Console, code: ExitCode, reason: str, message: str, data: object) -> None:
    if console.json:
        ok = code is ExitCode.OK
        shown = data if ok else {"message": message} | console.found
        click.echo(json.dumps({"ok": ok, "code": code.value, "reason": reason, "data": shown}))
    if message:
        click.echo(f"hardsuit: {printable(message)}", err=True)


def _unprintable(error: OSError) -> ExitCode:
    _discard_output()
    click.echo(f"hardsuit: standard output: {error.strerror}", err=True)
    return ExitCode.STORAGE


def _discard_output() -> None:
    """Let what is buffered go nowhere, so that the interpreter does not fail on it again as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
