"""The device under test: how a case is put to it, and what counts as an answer (DESIGN §9).

A client reads a case without ``expect`` on standard input, writes one object on standard output and
exits with 0. Whatever else it does makes it broken: :class:`BrokenClientError` is never a refusal.
"""

import json
import os
import selectors
import shlex
import shutil
import signal
import subprocess  # what runs is what the user asked to be judged
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from suit.errors import ExitCode, HardsuitError, UsageError

TIME_LIMIT: Final = 30.0
OUTPUT_LIMIT: Final = 32 << 20
_CHUNK: Final = 1 << 16
_WORDS: Final = 2000
_OUTCOMES: Final = frozenset({"accepted", "rejected"})
_MEMBERS: Final = frozenset({"outcome", "reason", "components", "fetched", "invoked", "report"})
_REASONS: Final = range(1, 13)

Question = Mapping[str, Any]
Id = tuple[str, ...]


class BrokenClientError(HardsuitError):
    """The client crashed, hung or answered nonsense; nothing is known about the device."""

    reason = "broken-client"
    exit_code = ExitCode.REJECTED


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client says that its device did.

    Attributes:
        outcome: ``accepted`` or ``rejected``.
        reason: The number a SUIT report would give, if the client tells.
        components: Content in hex by component; None for a component that holds nothing.
        fetched: The URIs whose bytes came out of the case's resources.
        invoked: Component and arguments of each invocation.
        metadata: Encoded component metadata in hex, of the components for which anything is said about it.
        report: The encoded SUIT_Report, if the client gives one.
    """

    outcome: str
    reason: int | None
    components: Mapping[Id, str | None]
    fetched: tuple[str, ...]
    invoked: tuple[tuple[Id, str | None], ...]
    metadata: Mapping[Id, str | None] = field(default_factory=dict)
    report: bytes | None = None

    @classmethod
    def from_json(cls, item: object) -> "Answer":
        """Read an answer strictly.

        Raises:
            BrokenClientError: It is not one.
        """
        if not isinstance(item, dict):
            raise BrokenClientError("the answer is no JSON object")
        unknown = item.keys() - _MEMBERS
        if unknown:
            raise BrokenClientError(f"the answer has a member {min(unknown)!r:.80}")
        components, metadata = _components(item.get("components"))
        return cls(
            outcome=_outcome(item.get("outcome")),
            reason=_reason(item.get("reason")),
            components=components,
            fetched=tuple(_strings(item.get("fetched"), "fetched")),
            invoked=tuple(_contents(item.get("invoked"), "invoked", "args")),
            metadata=metadata,
            report=None
            if item.get("report") is None
            else bytes.fromhex(_hex(item["report"], "report") or ""),
        )


class Client(Protocol):
    """Something that answers cases."""

    def ask(self, question: Question) -> Answer:
        """Put a case, without ``expect``, to the device.

        Raises:
            BrokenClientError: There is no answer.
        """


class InProcessClient:
    """A client that is a function of this process: no process boundary, no limits.

    Args:
        answer: Takes a question and returns an answer, both as JSON.
    """

    def __init__(self, answer: Callable[[Question], object]) -> None:
        self._answer = answer

    def ask(self, question: Question) -> Answer:
        """Call the function on one case (see :class:`Client`)."""
        try:
            item = self._answer(question)
        except Exception as error:
            # A crash of ours has to look like that of any other client.
            raise BrokenClientError(f"{type(error).__name__}: {error}") from error
        return Answer.from_json(item)


class ExternalClient:
    """A client that is an executable, started once for each case.

    Args:
        command: The command line, split as a shell would; no shell runs it.
        time_limit: Seconds that it may take for one case.
        output_limit: Bytes that it may write.

    Raises:
        UsageError: There is no such executable.
    """

    def __init__(
        self, command: str, *, time_limit: float = TIME_LIMIT, output_limit: int = OUTPUT_LIMIT
    ) -> None:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"client {command!r}: {error}") from error
        if not words or shutil.which(words[0]) is None:
            raise UsageError(f"client {command!r}: no such executable")
        self._words = words
        self._time_limit = time_limit
        self._output_limit = output_limit

    def ask(self, question: Question) -> Answer:
        """Run the client on one case (see :class:`Client`)."""
        with tempfile.TemporaryFile() as questions:
            questions.write(json.dumps(question).encode())
            questions.seek(0)
            output = self._run(questions.fileno())
        try:
            item = json.loads(output)
        except (ValueError, RecursionError) as error:
            raise BrokenClientError("the output is no JSON") from error
        return Answer.from_json(item)

    def _run(self, stdin: int) -> bytes:
        try:
            process = subprocess.Popen(  # noqa: S603 - see the import
                self._words,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise BrokenClientError(f"the client does not start: {error.strerror}") from error
        with process:
            reading = _Reading(process, time.monotonic() + self._time_limit, self._output_limit)
            try:
                reading.finish()
            finally:
                _kill(process)
        if process.returncode:
            raise BrokenClientError(f"exit code {process.returncode}{reading.last_words()}")
        return bytes(reading.output)


class _Reading:
    """Reads both outputs of a process to their end, within limits of time and size."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: float, limit: int) -> None:
        self.output = bytearray()
        self._words = bytearray()
        self._process = process
        self._deadline = deadline
        self._limit = limit

    def finish(self) -> None:
        """Read on until both outputs and the process have ended.

        Raises:
            BrokenClientError: A limit is reached.
        """
        with selectors.DefaultSelector() as selector:
            for stream, sink in ((self._process.stdout, self.output), (self._process.stderr, self._words)):
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ, sink)
            while selector.get_map():
                ready = selector.select(self._left())
                for key, _ in ready:
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    self._take(key.data, chunk)
        try:
            self._process.wait(self._left())
        except subprocess.TimeoutExpired as error:
            raise BrokenClientError("the time limit is over") from error

    def last_words(self) -> str:
        """Return the last line of standard error, as the tail of a message."""
        lines = self._words.decode("utf-8", "replace").strip().splitlines()
        shown = "".join(part if part.isprintable() else "?" for part in lines[-1]) if lines else ""
        return f": {shown[:200]}" if shown else ""

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise BrokenClientError("the time limit is over")
        return left

    def _take(self, sink: bytearray, chunk: bytes) -> None:
        sink += chunk
        if sink is self._words:
            del sink[:-_WORDS]
        elif len(sink) > self._limit:
            raise BrokenClientError(f"more than {self._limit} bytes of output")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a client that still runs, and its process group: a wrapper may have started others."""
    if process.returncode is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError:
        process.kill()


def _outcome(item: object) -> str:
    if not isinstance(item, str) or item not in _OUTCOMES:
        raise BrokenClientError("outcome is neither accepted nor rejected")
    return item


def _reason(item: object) -> int | None:
    if item is None or (type(item) is int and item in _REASONS):
        return item
    raise BrokenClientError("reason is no number of a SUIT report")


def _components(item: object) -> tuple[dict[Id, str | None], dict[Id, str | None]]:
    pairs = _contents(item, "components", "content", also="metadata")
    components = dict(pairs)
    if len(components) != len(pairs):
        raise BrokenClientError("components: one is listed twice")
    told = [part for part in item if "metadata" in part] if isinstance(item, list) else []
    return components, {_id(part["id"], "components"): _hex(part["metadata"], "components") for part in told}


def _contents(item: object, where: str, value: str, *, also: str = "") -> list[tuple[Id, str | None]]:
    if not isinstance(item, list):
        raise BrokenClientError(f"{where} is no list")
    pairs = []
    for part in item:
        match part:
            case {"id": list() as name, **rest} if set(rest) - {also} == {value}:
                pairs.append((_id(name, where), _hex(rest[value], where)))
            case _:
                raise BrokenClientError(f"{where}: an element is no object of id and {value}")
    return pairs


def _id(item: list[object], where: str) -> Id:
    return tuple([_hex(part, where) or "" for part in _strings(item, where)])


def _report(item: object) -> bytes | None:
    text = _hex(item, "report")
    return None if text is None else bytes.fromhex(text)


def _hex(item: object, where: str) -> str | None:
    if item is None:
        return None
    if not isinstance(item, str) or item != item.lower() or not _is_hex(item):
        raise BrokenClientError(f"{where}: bytes are not in lower-case hex")
    return item


def _is_hex(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) * 2 == len(text)
    except ValueError:
        return False


def _strings(item: object, where: str) -> list[str]:
    if not isinstance(item, list) or not all(isinstance(part, str) for part in item):
        raise BrokenClientError(f"{where} is no list of texts")
    return item
