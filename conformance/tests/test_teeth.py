"""The test of the suite: a device with one rule taken out of it fails at least one case.

Each mistake is one that somebody has made: many are those of published implementations. What stays green
under a mistake is a hole in the suite.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import pytest

from conformance import client, runner
from conformance.dut import InProcessClient
from conformance.runner import Verdict
from device import authenticate as device_authenticate
from device.components import MemoryComponents
from device.processor import (
    admission,
    conditions,
    directives,
    interpreter,
    parallel,
    parameters,
    pool,
    procedures,
    state,
)
from device.processor import sections as processor_sections
from device.processor.interpreter import Interpreter
from device.processor.sections import present
from spec.labels import Command
from suit import authenticate as suit_authenticate
from suit import digest
from suit.commands import CONDITIONS
from suit.errors import ConditionFailedError, HardsuitError, NotAuthenticError

SUITE = runner.load()
Mistake = Callable[[pytest.MonkeyPatch], None]
MISTAKES: dict[str, Mistake] = {}
NOTHING: Callable[..., Any] = lambda *_, **__: None  # noqa: E731 - typed as what it replaces


def mistake(make: Mistake) -> Mistake:
    MISTAKES[make.__name__.replace("_", " ")] = make
    return make


def caught() -> str | None:
    asked = InProcessClient(client.answer)
    for case in SUITE:
        if runner.judge(case, asked).verdict is not Verdict.PASSED:
            return case.name
    return None


def replaced(patch: pytest.MonkeyPatch, table: Mapping[Any, Any], key: object, value: object) -> None:
    assert key in table
    patch.setitem(table, key, value)


def test_without_a_mistake_every_case_passes() -> None:
    assert caught() is None


@pytest.mark.parametrize("condition", [one for one in Command if one in CONDITIONS])
def test_a_condition_that_always_holds_is_caught(monkeypatch: pytest.MonkeyPatch, condition: Command) -> None:
    replaced(monkeypatch, conditions.CONDITIONS, condition, NOTHING)
    assert caught()


@pytest.mark.parametrize("condition", [one for one in Command if one in CONDITIONS - {Command.ABORT}])
def test_a_condition_that_never_holds_is_caught(monkeypatch: pytest.MonkeyPatch, condition: Command) -> None:
    replaced(monkeypatch, conditions.CONDITIONS, condition, lambda _: "no")
    assert caught()


@pytest.mark.parametrize("directive", list(directives.DIRECTIVES))
def test_a_directive_that_does_nothing_is_caught(monkeypatch: pytest.MonkeyPatch, directive: Command) -> None:
    replaced(monkeypatch, directives.DIRECTIVES, directive, NOTHING)
    assert caught()


# ------------------------------------------------------------------------------- authentication


@mistake
def the_manifest_digest_is_not_recomputed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(suit_authenticate, "check_digest", NOTHING)


@mistake
def severed_members_are_not_compared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(digest, "matches", lambda *_: True)


@mistake
def a_contradicted_key_is_passed_over(patch: pytest.MonkeyPatch) -> None:
    hear = suit_authenticate._Judge.hear

    def forgiving(self: Any, *arguments: Any) -> None:
        try:
            hear(self, *arguments)
        except NotAuthenticError as error:
            self.passed_over.append(error)

    patch.setattr(suit_authenticate._Judge, "hear", forgiving)


@mistake
def key_and_algorithm_need_not_fit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(device_authenticate, "_is_meant", lambda *_: True)


# ------------------------------------------------------------------------------- admission, procedures


@mistake
def rollback_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(admission, "check_sequence_number", NOTHING)


@mistake
def components_are_looked_up_when_they_are_needed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(admission, "_check_components", NOTHING)


@mistake
def sequences_need_not_begin_with_an_index(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(admission, "_check_sequence", NOTHING)


@mistake
def a_failed_update_leaves_what_it_wrote(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryComponents, "transaction", lambda _: nullcontext())


def sections(patch: pytest.MonkeyPatch, left_out: str) -> None:
    for procedure in ("UPDATE", "INVOCATION"):
        kept = [section for section in getattr(procedures, procedure) if section.name != left_out]
        patch.setattr(procedures, procedure, tuple(kept))


@mistake
def validate_is_left_out(patch: pytest.MonkeyPatch) -> None:
    sections(patch, "VALIDATE")


@mistake
def payload_fetch_is_left_out(patch: pytest.MonkeyPatch) -> None:
    sections(patch, "PAYLOAD_FETCH")


@mistake
def load_is_left_out(patch: pytest.MonkeyPatch) -> None:
    sections(patch, "LOAD")


@mistake
def a_missing_severed_sequence_is_left_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(processor_sections, "needed", lambda manifest, one: dict(present(manifest)).get(one))


@mistake
def the_shared_sequence_runs_once(patch: pytest.MonkeyPatch) -> None:
    run = Interpreter.run

    def once(self: Any, *arguments: Any) -> None:
        run(self, *arguments)
        self._shared = None

    patch.setattr(Interpreter, "run", once)


# ------------------------------------------------------------------------------- flow


@mistake
def true_is_taken_for_one(patch: pytest.MonkeyPatch) -> None:
    select = Interpreter.set_component_index

    def confused(self: Any, step: Any) -> None:
        count = len(self._state.ids)
        select(self, step._replace(argument=min(1, count - 1)) if step.argument is True else step)

    replaced(patch, interpreter._FLOW, Command.SET_COMPONENT_INDEX, confused)


@mistake
def an_array_of_indices_is_sorted(patch: pytest.MonkeyPatch) -> None:
    select = Interpreter.set_component_index

    def tidy(self: Any, step: Any) -> None:
        listed = isinstance(step.argument, tuple)
        select(self, step._replace(argument=tuple(sorted(step.argument))) if listed else step)

    replaced(patch, interpreter._FLOW, Command.SET_COMPONENT_INDEX, tidy)


@mistake
def all_components_share_their_parameters(patch: pytest.MonkeyPatch) -> None:
    initialize = state.State.__init__

    def shared(self: Any, *arguments: Any) -> None:
        initialize(self, *arguments)
        self.sets[:] = self.sets[:1] * len(self.sets)

    patch.setattr(state.State, "__init__", shared)


def nested(patch: pytest.MonkeyPatch, **kept: bool) -> None:
    """Run nested sequences and forget to restore the index, or soft-failure, afterwards."""
    run_nested = Interpreter._run_nested
    names = ["_selection", "_several"] if "index" in kept else ["_soft"]

    def leaking(self: Any, sequence: Any, index: int, *, soft: bool) -> Any:
        inside: dict[str, Any] = {}
        run = self._run

        def watched(steps: Any) -> Any:
            failure = run(steps)
            inside.update({name: getattr(self, name) for name in names})
            return failure

        self._run = watched
        try:
            result = run_nested(self, sequence, index, soft=soft)
        finally:
            del self._run
        for name, value in inside.items():
            setattr(self, name, value)
        return result

    patch.setattr(Interpreter, "_run_nested", leaking)


@mistake
def the_index_of_a_nested_sequence_leaks(patch: pytest.MonkeyPatch) -> None:
    nested(patch, index=True)


@mistake
def the_soft_failure_of_a_nested_sequence_leaks(patch: pytest.MonkeyPatch) -> None:
    nested(patch, soft=True)


def softness(patch: pytest.MonkeyPatch, begins: Callable[[Any, bool], bool]) -> None:
    run_nested = Interpreter._run_nested

    def other(self: Any, sequence: Any, index: int, *, soft: bool) -> Any:
        return run_nested(self, sequence, index, soft=begins(self, soft))

    patch.setattr(Interpreter, "_run_nested", other)


@mistake
def soft_failure_is_inherited(patch: pytest.MonkeyPatch) -> None:
    softness(patch, lambda self, soft: soft or self._soft)


@mistake
def run_sequence_begins_soft(patch: pytest.MonkeyPatch) -> None:
    softness(patch, lambda _, __: True)


@mistake
def try_each_begins_hard(patch: pytest.MonkeyPatch) -> None:
    softness(patch, lambda _, __: False)


@mistake
def try_each_takes_a_failed_directive_for_a_failed_condition(patch: pytest.MonkeyPatch) -> None:
    run_nested = Interpreter._run_nested

    def forgiving(self: Any, *arguments: Any, soft: bool) -> Any:
        try:
            return run_nested(self, *arguments, soft=soft)
        except HardsuitError as error:
            return ConditionFailedError(str(error)), True

    patch.setattr(Interpreter, "_run_nested", forgiving)


@mistake
def try_each_goes_on_after_a_success(patch: pytest.MonkeyPatch) -> None:
    def eager(self: Any, branches: Any, index: int) -> Any:
        tried = [branch and self._run_nested(branch, index, soft=True)[0] for branch in branches]
        return None if None in tried else tried[-1]

    patch.setattr(Interpreter, "_first_success", eager)


@mistake
def try_each_without_success_is_none_the_worse(patch: pytest.MonkeyPatch) -> None:
    first_success = Interpreter._first_success

    def careless(self: Any, *arguments: Any) -> None:
        first_success(self, *arguments)

    patch.setattr(Interpreter, "_first_success", careless)


@mistake
def strict_order_has_no_races(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pool.Pool, "issue", NOTHING)


@mistake
def strict_order_does_not_look_into_sequences(patch: pytest.MonkeyPatch) -> None:
    for module in (interpreter, parallel):
        patch.setattr(module, "require_isolated", NOTHING)


@mistake
def what_runs_at_the_same_time_is_never_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(parallel.Crew, "run", NOTHING)


@mistake
def a_component_holds_whatever_comes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryComponents, "capacity", lambda *_: 1 << 40)


@mistake
def parameters_are_set_once(patch: pytest.MonkeyPatch) -> None:
    override = Interpreter.override_parameters

    def timid(self: Any, step: Any) -> None:
        sets = [self._state.sets[index] for index in self._selection]
        unset = {
            label: value
            for label, value in step.argument.items()
            if label not in parameters.FIELDS
            or all(getattr(one, parameters.FIELDS[label]) is None for one in sets)
        }
        override(self, step._replace(argument=unset))

    replaced(patch, interpreter._FLOW, Command.OVERRIDE_PARAMETERS, timid)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_caught(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    MISTAKES[name](monkeypatch)
    assert caught(), f"no case notices that {name}"
