"""The interpreter (M6.4): runs command sequences over the components of one manifest.

A condition that fails is a value, handed up through the sequences until one of them is soft about it; a
directive that fails is an exception, which nothing here catches. So no branch of a try-each can take a
broken directive for a failed condition (M6.4: it MUST abort).

Each command has one row in a table: a condition, a directive, or a method that controls the flow. All but
set-component-index are executed once for each selected component (M6.5).
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from device.processor.conditions import CONDITIONS, Condition
from device.processor.directives import DIRECTIVES, Directive
from device.processor.machine import Machine, Record, Trace
from device.processor.measure import measured
from device.processor.parameters import FIELDS
from device.processor.pool import Pool
from device.processor.state import State
from spec.labels import Command, Parameter
from spec.labels import Manifest as Section
from suit.errors import (
    AbortError,
    ConditionFailedError,
    HardsuitError,
    Place,
    UnsupportedCommandError,
    UnsupportedParameterError,
)
from suit.manifest import Command as Step
from suit.manifest import ComponentId, ParameterValue, Sequence

COMMANDS_PER_COMPONENT: Final = 100_000
_SHARED: Final = Section.COMMON
_FIRST: Final = (0,)

Failure: TypeAlias = ConditionFailedError | None


class Interpreter:
    """Executes the sequences of one procedure; parameters last from one to the next (ADR 0005).

    Args:
        ids: The manifest's components.
        shared: The shared sequence, which runs before every other one (M8.4.5).
        payloads: Integrated payloads by URI (M7.5).
        machine: The device.
        trace: Where to note what was done.
    """

    def __init__(
        self,
        ids: tuple[ComponentId, ...],
        shared: Sequence | None,
        payloads: Mapping[str, bytes],
        machine: Machine,
        trace: Trace,
    ) -> None:
        self._state = State(ids, payloads, machine, trace)
        self._shared = shared
        self._observer = machine.observer
        self._budget = COMMANDS_PER_COMPONENT * len(ids)
        self._section = _SHARED
        self._step: Step | None = None
        self._selection: tuple[int, ...] = _FIRST
        self._several = False  # whether the component index is true or an array
        self._nesting = 0
        self._soft = False

    def run(self, section: Section, sequence: Sequence) -> None:
        """Run the shared sequence, then this one.

        Raises:
            ConditionFailedError: A condition does not hold.
            AbortError: A directive failed, or a rule was broken.
            HardsuitError: Whatever else components, fetcher or platform raise; ``place`` names the command.
        """
        if self._shared is not None:
            self._run_top(_SHARED, self._shared)
        self._run_top(section, sequence)

    def override_parameters(self, step: Step) -> None:
        """Set parameters, whatever they were (M8.4.10.3)."""
        chosen = [self._state.sets[index] for index in self._selection]
        for label, value in step.argument.items():
            name = FIELDS.get(label)
            if name is None:
                self._set_flag(label, value)
                continue
            for parameters in chosen:
                setattr(parameters, name, value)

    def set_component_index(self, step: Step) -> None:
        """Select one component, some of them, or all (M6.5, M8.4.10.1)."""
        argument = step.argument
        if argument is True:  # the first question: True is an int, and equal to 1
            self._select(tuple(range(len(self._state.ids))), several=True)
        elif type(argument) is int:
            self._select((argument,), several=False)
        else:
            self._select(argument, several=True)

    def try_each(self, step: Step) -> Failure:
        """Run branches until one succeeds, for each selected component by itself (M8.4.10.2)."""
        for index in self._selection:
            failure = self._first_success(step.argument, index)
            if failure is not None:
                return failure
        return None

    def run_sequence(self, step: Step) -> Failure:
        """Run a sequence, for each selected component by itself (M8.4.10.8)."""
        state = self._state
        around = state.pool
        loose = around is not None and around.concurrent
        if loose:
            self._require_isolated(step.argument)
        for index in self._selection:
            if loose:  # M6.7: strictly ordered inside, in parallel with what is around it
                state.pool = Pool(around, concurrent=False)
            failure, soft = self._run_nested(step.argument, index, soft=False)
            while loose and state.pool is not None and state.pool is not around:
                state.pool = state.pool.close()
            if failure is not None and not soft:
                return failure
        return None

    def _run_top(self, section: Section, sequence: Sequence) -> None:
        self._section = section
        self._selection, self._several = _FIRST, False
        try:
            failure = self._run(sequence)
        except HardsuitError as error:
            if self._step is not None:
                error.place = self._place(self._step)
            raise
        if failure is not None:
            raise failure
        if self._state.pool is not None:
            # M8.4.8.14: all commands have completed at the end; the next sequence starts without races.
            self._state.pool = Pool(None, concurrent=True) if self._state.pool.concurrent else None

    def _run(self, sequence: Sequence) -> Failure:
        for step in sequence:
            self._step = step
            self._budget -= len(self._selection)
            if self._budget < 0:
                raise AbortError("too many commands for one procedure")
            condition = CONDITIONS.get(step.label)
            if condition is not None:
                failure = self._check(step, condition)
            elif step.label in DIRECTIVES:
                failure = self._direct(step, DIRECTIVES[step.label])
            else:
                failure = self._flow(step)
            if failure is not None:
                return failure
        return None

    def _check(self, step: Step, condition: Condition) -> Failure:
        state = self._state
        for index in self._selection:
            if index != state.index:
                state.select(index)
            problem = condition(state)
            if self._observer is not None:
                self._observer(self._record(step, succeeded=problem is None))
            if problem is not None:
                failure = ConditionFailedError(problem)
                failure.place = self._place(step)
                return failure
        return None

    def _direct(self, step: Step, directive: Directive) -> Failure:
        state = self._state
        for index in self._selection:
            if index != state.index:
                state.select(index)
            try:
                directive(state)
            except HardsuitError:
                if self._observer is not None:
                    self._observer(self._record(step, succeeded=False))
                raise
            if self._observer is not None:
                self._observer(self._record(step, succeeded=True))
        return None

    def _flow(self, step: Step) -> Failure:
        method = _FLOW.get(step.label)
        if method is None:
            raise UnsupportedCommandError("the command is not implemented")
        return method(self, step)

    def _run_nested(self, sequence: Sequence, index: int, *, soft: bool) -> tuple[Failure, bool]:
        """Run a nested sequence; return its failure and whether it was soft about it when it ended."""
        outer = self._selection, self._several, self._soft
        self._selection, self._several, self._soft = (index,), False, soft
        self._nesting += 1
        failure = self._run(sequence)
        soft = self._soft
        self._nesting -= 1
        self._selection, self._several, self._soft = outer
        return failure, soft

    def _first_success(self, branches: tuple[Sequence | None, ...], index: int) -> Failure:
        failure: Failure = None
        for branch in branches:
            if branch is None:
                return None
            failure, soft = self._run_nested(branch, index, soft=True)
            if failure is None or not soft:
                return failure
        return failure

    def _select(self, selection: tuple[int, ...], *, several: bool) -> None:
        for index in selection:
            if index >= len(self._state.ids):
                raise AbortError(f"there is no component {index}")
        self._selection = selection
        self._several = several

    def _set_flag(self, label: Parameter, value: ParameterValue) -> None:
        state = self._state
        if label is Parameter.SOFT_FAILURE:
            if not self._nesting:
                raise AbortError("soft-failure outside try-each and run-sequence (M8.4.8.15)")
            self._soft = value is True
        elif label is not Parameter.STRICT_ORDER:
            raise UnsupportedParameterError(f"{label.name} is not implemented")
        elif value is not True:
            if state.pool is None or not state.pool.concurrent:
                state.pool = Pool(state.pool, concurrent=True)
        elif state.pool is not None and state.pool.concurrent:
            state.pool = state.pool.close()

    def _require_isolated(self, sequence: Sequence) -> None:
        """Check the beginning of a sequence that may run in parallel, and that it stays there (M6.7)."""
        rest = sequence
        if not self._several:
            if sequence[0].label is not Command.SET_COMPONENT_INDEX:
                raise AbortError("a sequence without strict order has to begin with set-component-index")
            rest = sequence[1:]
        if _sets_index(rest):
            raise AbortError("a sequence without strict order has a further set-component-index")

    def _place(self, step: Step) -> Place:
        selection, index = self._selection, self._state.index
        return Place(self._section, step.offset, index if index in selection else selection[0], step.label)

    def _record(self, step: Step, *, succeeded: bool) -> Record:
        values = measured(self._state, step.label, succeeded=succeeded)
        return Record(self._place(step), step.argument, succeeded, values)


def _sets_index(sequence: Sequence) -> bool:
    for step in sequence:
        nested: tuple[Sequence | None, ...] = ()
        if step.label is Command.SET_COMPONENT_INDEX:
            return True
        if step.label is Command.RUN_SEQUENCE:
            nested = (step.argument,)
        elif step.label is Command.TRY_EACH:
            nested = step.argument
        if any(branch is not None and _sets_index(branch) for branch in nested):
            return True
    return False


_FLOW: Final[Mapping[Command, Callable[[Interpreter, Step], Failure]]] = {
    Command.SET_COMPONENT_INDEX: Interpreter.set_component_index,
    Command.OVERRIDE_PARAMETERS: Interpreter.override_parameters,
    Command.TRY_EACH: Interpreter.try_each,
    Command.RUN_SEQUENCE: Interpreter.run_sequence,
}
