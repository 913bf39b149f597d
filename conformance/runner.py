"""The runner: puts cases to a client and compares what it did with what the case expects.

::

    results = run(load(paths), client, workers=2)
    all(result.verdict is Verdict.PASSED for result in results)

State counts as much as outcome: a device that refuses an update and changes all the same has failed.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from conformance.dut import Answer, BrokenClientError, Client, Id
from conformance.reported import report_problems
from suit.errors import ExitCode, HardsuitError, MalformedError, StorageError, UsageError

CASES: Final = Path(__file__).parent / "cases"
_SHOWN: Final = 40
_REQUIRED: Final = {
    "case": str,
    "requirement": list,
    "summary": str,
    "procedure": str,
    "envelope": str,
    "device": dict,
    "keys": list,
    "resources": dict,
    "expect": dict,
}


class NotConformantError(HardsuitError):
    """The implementation under test did not do what a case expects."""

    reason = "not-conformant"
    exit_code = ExitCode.REJECTED


class Verdict(Enum):
    """What came of a case."""

    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it is read from a file.

    Attributes:
        topic: The folder that it lies in.
        question: The case as the client gets it.
        components: The components of its device.
        expect: What shall come of it.
        compared: The members that ``expect`` really has.
    """

    name: str
    topic: str
    requirement: tuple[str, ...]
    summary: str
    question: Mapping[str, Any]
    components: frozenset[Id]
    expect: Answer
    compared: frozenset[str]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case.

    Attributes:
        problems: Every difference from what is expected, or why the client is broken.
        seconds: How long the client took.
    """

    case: str
    topic: str
    requirement: tuple[str, ...]
    verdict: Verdict
    problems: tuple[str, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the result as one JSON object."""
        return {
            "case": self.case,
            "topic": self.topic,
            "requirement": list(self.requirement),
            "verdict": self.verdict.value,
            "problems": list(self.problems),
            "seconds": round(self.seconds, 4),
        }


def load(paths: Sequence[Path] = ()) -> list[Case]:
    """Read cases from files and folders; the built-in suite if none are named.

    Raises:
        UsageError: A path does not exist, holds no case, or two cases have one name.
        MalformedError: A file is no case.
        StorageError: A file cannot be read.
    """
    cases = [case for path in paths or (CASES,) for file in _files(path) for case in _read(file)]
    seen: set[str] = set()
    for case in cases:
        if case.name in seen:
            raise UsageError(f"two cases are named {case.name}")
        seen.add(case.name)
    return cases


def run(
    cases: Sequence[Case],
    client: Client,
    *,
    workers: int | None = None,
    seen: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Put every case to the client; results come in the order of the cases.

    Args:
        cases: What to ask.
        client: Whom to ask.
        workers: How many cases to put at once; one per core by default.
        seen: Called with each result as soon as it is there.
    """
    results: dict[int, Result] = {}
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        futures = {pool.submit(judge, case, client): number for number, case in enumerate(cases)}
        try:
            for future in as_completed(futures):
                result = results[futures[future]] = future.result()
                if seen is not None:
                    seen(result)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return [results[number] for number in range(len(cases))]


def judge(case: Case, client: Client) -> Result:
    """Put one case to the client."""
    start = time.perf_counter()
    problems: list[str]
    try:
        answer = client.ask(case.question)
    except BrokenClientError as error:
        verdict, problems = Verdict.BROKEN, [str(error)]
    else:
        problems = list(differences(case, answer))
        verdict = Verdict.FAILED if problems else Verdict.PASSED
    seconds = time.perf_counter() - start
    return Result(case.name, case.topic, case.requirement, verdict, tuple(problems), seconds)


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """Return counts and results as one JSON object."""
    return {
        "cases": len(results),
        **{verdict.value: _count(results, verdict) for verdict in Verdict},
        "results": [result.to_json() for result in results],
    }


def by_topic(results: Sequence[Result]) -> dict[str, tuple[int, ...]]:
    """Return for each topic the number of requirements, cases, and cases by verdict; and the total."""
    groups = {topic: [result for result in results if result.topic == topic] for topic in _topics(results)}
    return {
        topic: (
            len({row for result in group for row in result.requirement}),
            len(group),
            *(_count(group, verdict) for verdict in Verdict),
        )
        for topic, group in {**groups, "all": results}.items()
    }


def require_all(results: Sequence[Result]) -> None:
    """Check that every case passed.

    Raises:
        NotConformantError: One did not.
    """
    missed = len(results) - _count(results, Verdict.PASSED)
    if missed:
        raise NotConformantError(f"{missed} of {len(results)} cases did not pass")


def _topics(results: Sequence[Result]) -> list[str]:
    return sorted({result.topic for result in results})


def _count(results: Sequence[Result], verdict: Verdict) -> int:
    return sum(result.verdict is verdict for result in results)


def differences(case: Case, answer: Answer) -> Iterator[str]:
    """Tell what is not as the case expects; what it leaves out is not compared."""
    expect = case.expect
    if answer.outcome != expect.outcome:
        told = "" if answer.reason is None else f" (reason {answer.reason})"
        yield f"outcome is {answer.outcome}{told}, not {expect.outcome}"
    elif expect.reason not in {None, answer.reason}:
        yield f"reason is {answer.reason}, not {expect.reason}"
    yield from _different_components(case, answer)
    if "fetched" in case.compared and answer.fetched != expect.fetched:
        yield f"fetched {list(answer.fetched)}, not {list(expect.fetched)}"
    if "invoked" in case.compared and answer.invoked != expect.invoked:
        yield f"invoked {_shown_calls(answer.invoked)}, not {_shown_calls(expect.invoked)}"
    yield from report_problems(case.question, expect, answer)


def _different_components(case: Case, answer: Answer) -> Iterator[str]:
    for name in sorted(answer.components.keys() - case.components):
        yield f"component {_shown_id(name)} is none of the device's"
    for name in sorted(case.components - answer.components.keys()):
        yield f"component {_shown_id(name)} is missing in the answer"
    for name, content in case.expect.components.items():
        held = answer.components.get(name)
        if name in answer.components and held != content:
            yield f"component {_shown_id(name)} holds {_shown(held)}, not {_shown(content)}"
    for name, metadata in case.expect.metadata.items():
        known = answer.metadata.get(name)
        if known != metadata:
            yield f"component {_shown_id(name)} has metadata {_shown(known)}, not {_shown(metadata)}"


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(path.rglob("*.json"))
        if not files:
            raise UsageError(f"{path}: holds no case")
        return files
    if not path.exists():
        raise UsageError(f"{path}: no such file")
    return [path]


def _read(file: Path) -> Iterator[Case]:
    try:
        item = json.loads(file.read_bytes())
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise MalformedError(str(file), "not JSON") from error
    for part in item if isinstance(item, list) else [item]:
        yield _case(part, file)


def _case(item: object, file: Path) -> Case:
    if not isinstance(item, dict):
        raise MalformedError(str(file), "a case is a JSON object")
    for member, kind in _REQUIRED.items():
        if not isinstance(item.get(member), kind):
            raise MalformedError(str(file), f"member {member} is missing or of another type")
    try:
        expect = Answer.from_json({"fetched": [], "invoked": [], **item["expect"]})
    except BrokenClientError as error:
        raise MalformedError(str(file), f"expect: {error}") from error
    return Case(
        name=item["case"],
        topic=file.parent.name,
        requirement=tuple(item["requirement"]),
        summary=item["summary"],
        question={member: value for member, value in item.items() if member != "expect"},
        components=_components(item["device"], file),
        expect=expect,
        compared=frozenset(item["expect"]),
    )


def _components(device: Mapping[str, Any], file: Path) -> frozenset[Id]:
    match device.get("components"):
        case [*rows] if all(isinstance(row, dict) and isinstance(row.get("id"), list) for row in rows):
            return frozenset(tuple(row["id"]) for row in rows)
        case _:
            raise MalformedError(str(file), "device.components is no list of components")


def _shown(content: str | None) -> str:
    if content is None:
        return "nothing"
    return (
        f"h'{content}'" if len(content) <= _SHOWN else f"h'{content[:_SHOWN]}…' ({len(content) // 2} bytes)"
    )


def _shown_id(name: Id) -> str:
    return "/".join(name) or "[]"


def _shown_calls(calls: Iterable[tuple[Id, str | None]]) -> str:
    return str([f"{_shown_id(name)}({'' if args is None else _shown(args)})" for name, args in calls])
