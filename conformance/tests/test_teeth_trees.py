"""The same for trust domains: a device with one rule of theirs taken out fails at least one case."""

from typing import Any

import pytest

from conformance.tests.test_teeth import NOTHING, Mistake, caught, replaced, sections
from device.processor import admission, conditions, dependencies, interpreter, tree
from device.processor.interpreter import Interpreter
from spec.labels import Command

MISTAKES: dict[str, Mistake] = {}


def mistake(make: Mistake) -> Mistake:
    MISTAKES[make.__name__.replace("_", " ")] = make
    return make


@mistake
def dependency_resolution_is_left_out(patch: pytest.MonkeyPatch) -> None:
    sections(patch, "DEPENDENCY_RESOLUTION")


@mistake
def candidate_verification_is_left_out(patch: pytest.MonkeyPatch) -> None:
    sections(patch, "CANDIDATE_VERIFICATION")


@mistake
def a_dependency_is_not_compared_with_its_digest(patch: pytest.MonkeyPatch) -> None:
    def trusting(state: Any) -> Any:
        return admit(state.node, state.index, dependencies.read_envelope(state), state.node.prefix)

    admit = dependencies._admit
    patch.setattr(conditions, "verify", lambda state: keep(state, trusting(state)))


def keep(state: Any, child: Any) -> None:
    state.node.tree.verdicts.setdefault(state.current, {})[state.node] = child


@mistake
def loops_and_limits_are_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dependencies, "_require_place", NOTHING)


@mistake
def a_dependent_need_not_have_the_sections_of_its_dependency(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dependencies, "_require_populated", NOTHING)


@mistake
def a_dependency_is_not_admitted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dependencies, "admit_dependency", NOTHING)


@mistake
def there_is_no_lockstep(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(interpreter, "require_lockstep", NOTHING)


@mistake
def payloads_need_not_wait(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tree.Node, "require_resolved", NOTHING)


@mistake
def a_verdict_outlives_its_component(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tree.Tree, "changed", lambda self, component: self.trace.wrote(component))


@mistake
def components_of_others_may_be_changed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tree.Node, "require_change", NOTHING)


@mistake
def a_reference_is_given_up_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tree.Tree, "unlink", NOTHING)


@mistake
def everybody_has_every_right(patch: pytest.MonkeyPatch) -> None:
    for module in (dependencies, admission):
        patch.setattr(module, "granted", lambda *_: None)


@mistake
def a_dependent_lends_its_rights(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dependencies, "granted", lambda *_: None)


@mistake
def a_dependent_presets_what_decides(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Interpreter, "_require_right_to_set", NOTHING)


@mistake
def set_parameters_overrides(patch: pytest.MonkeyPatch) -> None:
    replaced(patch, interpreter._FLOW, Command.SET_PARAMETERS, Interpreter.override_parameters)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_caught(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    MISTAKES[name](monkeypatch)
    assert caught(), f"no case notices that {name}"
