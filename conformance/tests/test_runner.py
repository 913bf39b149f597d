"""The runner: it notices every wrong answer, and nothing else."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance import runner
from conformance.client import answer
from conformance.dut import Answer, BrokenClientError, InProcessClient, Question
from conformance.runner import NotConformantError, Verdict
from suit.errors import MalformedError, UsageError

UPDATE = "fetch-two-in-order"
REFUSAL = "image-match-other-payload"
INVOCATION = "invoke-helper-and-image"
OTHER = "00" * 4


def case(name: str) -> runner.Case:
    return next(one for one in SUITE if one.name == name)


SUITE = runner.load()


class Liar:
    """A client that answers rightly and then changes one thing; its report does not give it away."""

    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    def ask(self, question: Question) -> Answer:
        return replace(Answer.from_json(answer(question)), report=None, **self.changes)


def told(name: str, **changes: Any) -> tuple[Verdict, str]:
    result = runner.judge(case(name), Liar(**changes))
    return result.verdict, "\n".join(result.problems)


def test_right_answers_pass() -> None:
    for name in (UPDATE, REFUSAL, INVOCATION):
        assert told(name) == (Verdict.PASSED, "")


def test_wrong_outcome_is_noticed() -> None:
    verdict, problems = told(REFUSAL, outcome="accepted")
    assert verdict is Verdict.FAILED
    assert "outcome is accepted" in problems
    assert told(UPDATE, outcome="rejected", reason=4)[1] == "outcome is rejected (reason 4), not accepted"


def test_wrong_reason_is_noticed_where_the_case_states_one() -> None:
    assert told(REFUSAL, reason=11) == (Verdict.FAILED, "reason is 11, not 10")
    assert told(REFUSAL, reason=None) == (Verdict.FAILED, "reason is None, not 10")
    assert told("manifest-version-2", reason=12) == (Verdict.PASSED, "")


@pytest.mark.parametrize("name", [UPDATE, REFUSAL])
def test_wrong_state_is_noticed_whatever_the_outcome(name: str) -> None:
    held = dict(case(name).expect.components)
    for component in held:
        for content in (None, "", OTHER):
            verdict, problems = told(name, components={**held, component: content})
            assert verdict is Verdict.FAILED
            assert f"component {component[0]} holds" in problems


def test_missing_and_invented_components_are_noticed() -> None:
    held = dict(case(UPDATE).expect.components)
    assert "is missing" in told(UPDATE, components={("00",): held["00",]})[1]
    assert "none of the device's" in told(UPDATE, components={**held, ("07",): None})[1]


def test_wrong_fetches_are_noticed() -> None:
    wanted = case(UPDATE).expect.fetched
    for fetched in ((), wanted[:1], wanted[::-1], (*wanted, "http://example.com/more")):
        verdict, problems = told(UPDATE, fetched=fetched)
        assert verdict is Verdict.FAILED
        assert "fetched" in problems


def test_wrong_invocations_are_noticed() -> None:
    first, second = case(INVOCATION).expect.invoked
    for invoked in ((), (first,), (second, first), ((first[0], None), second)):
        verdict, problems = told(INVOCATION, invoked=invoked)
        assert verdict is Verdict.FAILED
        assert "invoked" in problems


def test_what_a_case_leaves_out_is_not_compared(tmp_path: Path) -> None:
    described = document(UPDATE)
    described["expect"] = {"outcome": "accepted", "components": []}
    (loaded,) = runner.load([written(tmp_path, described)])
    result = runner.judge(loaded, Liar(fetched=("x",), invoked=((("00",), None),)))
    assert result.problems == ()


@pytest.mark.req("H9-2")
def test_crash_is_broken_and_no_refusal() -> None:
    def crash(_: Question) -> object:
        raise ZeroDivisionError("the device is on fire")

    results = runner.run([case(REFUSAL)], InProcessClient(crash))
    assert [result.verdict for result in results] == [Verdict.BROKEN]
    assert results[0].problems == ("ZeroDivisionError: the device is on fire",)


@pytest.mark.req("H9-2")
@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        "rejected",
        {},
        {"outcome": "refused", "components": [], "fetched": [], "invoked": []},
        {"outcome": "rejected", "components": [], "fetched": []},
        {"outcome": "rejected", "fetched": [], "invoked": []},
        {"outcome": "rejected", "components": {}, "fetched": [], "invoked": []},
        {"outcome": "rejected", "components": [], "fetched": "", "invoked": []},
        {"outcome": "rejected", "components": [], "fetched": [1], "invoked": []},
        {"outcome": "rejected", "components": [], "fetched": [], "invoked": [], "reason": 0},
        {"outcome": "rejected", "components": [], "fetched": [], "invoked": [], "reason": True},
        {"outcome": "rejected", "components": [], "fetched": [], "invoked": [], "reason": "4"},
        {"outcome": "rejected", "components": [], "fetched": [], "invoked": [], "why": "because"},
        {"outcome": "rejected", "components": [{"id": ["00"]}], "fetched": [], "invoked": []},
        {"outcome": "rejected", "components": [{"id": "00", "content": None}], "fetched": [], "invoked": []},
        {
            "outcome": "rejected",
            "components": [{"id": ["00"], "content": "0"}],
            "fetched": [],
            "invoked": [],
        },
        {
            "outcome": "rejected",
            "components": [{"id": ["00"], "content": "AB"}],
            "fetched": [],
            "invoked": [],
        },
        {
            "outcome": "rejected",
            "components": [{"id": ["0g"], "content": None}],
            "fetched": [],
            "invoked": [],
        },
        {
            "outcome": "rejected",
            "components": [{"id": ["00"], "content": None}] * 2,
            "fetched": [],
            "invoked": [],
        },
    ],
)
def test_nonsense_is_broken_and_no_refusal(item: object) -> None:
    with pytest.raises(BrokenClientError):
        Answer.from_json(item)


def test_results_keep_the_order_of_the_cases_and_are_told_as_they_come() -> None:
    cases = SUITE[:30]
    seen: list[str] = []
    results = runner.run(cases, Liar(), workers=4, seen=lambda result: seen.append(result.case))
    assert [result.case for result in results] == [one.name for one in cases]
    assert sorted(seen) == sorted(one.name for one in cases)


def test_an_interrupt_stops_the_run() -> None:
    started = threading.Semaphore(0)

    class Interrupted:
        def ask(self, question: Question) -> Answer:
            started.release()
            time.sleep(0.01)  # or the last case might be asked before anybody hears of the first
            raise KeyboardInterrupt(question["case"])

    with pytest.raises(KeyboardInterrupt):
        runner.run(SUITE, Interrupted(), workers=1)
    asked = 0
    while started.acquire(blocking=False):
        asked += 1
    assert asked < len(SUITE)


def test_counts_by_topic_and_requirement() -> None:
    results = runner.run([case(UPDATE), case(REFUSAL)], Liar(outcome="accepted"), workers=1)
    assert runner.by_topic(results) == {
        "conditions": (3, 1, 0, 1, 0),
        "directives": (1, 1, 1, 0, 0),
        "all": (4, 2, 1, 1, 0),
    }
    summary = runner.summary(results)
    assert (summary["cases"], summary["passed"], summary["failed"], summary["broken"]) == (2, 1, 1, 0)
    assert json.loads(json.dumps(summary))["results"][1]["verdict"] == "failed"
    with pytest.raises(NotConformantError, match="1 of 2 cases"):
        runner.require_all(results)
    runner.require_all(results[:1])


def document(name: str) -> dict[str, Any]:
    path = next(runner.CASES.rglob(f"{name}.json"))
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def written(folder: Path, item: object) -> Path:
    path = folder / "topic" / "case.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(item), "utf-8")
    return path


def test_a_file_holds_one_case_or_a_list(tmp_path: Path) -> None:
    one, other = document(UPDATE), document(REFUSAL)
    assert [loaded.name for loaded in runner.load([written(tmp_path, [one, other])])] == [UPDATE, REFUSAL]
    assert [loaded.name for loaded in runner.load([written(tmp_path, one)])] == [UPDATE]
    assert runner.load([tmp_path])[0].topic == "topic"
    assert "expect" not in runner.load([tmp_path])[0].question


def without(item: Mapping[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != member}


@pytest.mark.parametrize(
    "item",
    [
        3,
        [3],
        {},
        without(document(UPDATE), "envelope"),
        without(document(UPDATE), "expect"),
        {**document(UPDATE), "case": 3},
        {**document(UPDATE), "expect": {}},
        {**document(UPDATE), "expect": {"outcome": "maybe", "components": []}},
        {**document(UPDATE), "expect": {"outcome": "accepted", "components": 1}},
        {**document(UPDATE), "device": {}},
        {**document(UPDATE), "device": {"components": [1]}},
        {**document(UPDATE), "device": {"components": [{"id": 1}]}},
    ],
)
def test_what_is_no_case_is_named_with_its_file(tmp_path: Path, item: object) -> None:
    with pytest.raises(MalformedError, match=r"case\.json"):
        runner.load([written(tmp_path, item)])


def test_broken_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    for text in ("", "{", "[" * 100_000, "\x00"):
        path.write_text(text, "utf-8")
        with pytest.raises(MalformedError, match=r"bad\.json: not JSON"):
            runner.load([path])


def test_paths_without_cases_are_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no case"):
        runner.load([tmp_path])
    with pytest.raises(UsageError, match="no such file"):
        runner.load([tmp_path / "none"])
    with pytest.raises(UsageError, match="two cases"):
        runner.load([written(tmp_path, [document(UPDATE)] * 2)])
