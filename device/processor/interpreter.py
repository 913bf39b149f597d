"""The interpreter (M6.4): runs command sequences over the components of one manifest.

A condition that fails is a value, handed up through the sequences until one of them is soft about it; a
directive that fails is an exception, which nothing here catches. So no branch of a try-each can take a
broken directive for a failed condition (M6.4: it MUST abort).

Each command has one row in a table: a condition, a directive, or a method that controls the flow. All but
set-component-index are executed once for each selected component (M6.5).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from typing_extensions import override

from device.processor.conditions import CONDITIONS, Condition
from device.processor.dependencies import require_lockstep, run_elsewhere, verify
from device.processor.directives import DIRECTIVES, Directive
from device.processor.machine import Observer, Record
from device.processor.measure import measured
from device.processor.parallel import Failure, LooseOrder, require_isolated
from device.processor.parameters import FIELDS, copy_parameter
from device.processor.pool import Pool
from device.processor.rights import DECISIVE, require_component
from device.processor.sections import needed
from device.processor.state import State
from device.processor.tree import Node
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
from suit.manifest import ParameterValue, Sequence

COMMANDS_PER_COMPONENT: Final = 100_000
_SHARED: Final = Section.COMMON
_SOURCE: Final = Parameter.SOURCE_COMPONENT
_FIRST: Final = (0,)


class Interpreter(LooseOrder):
    """Executes the sequences of one procedure; parameters last from one to the next (ADR 0005).

    Args:
        node: The manifest, and its place among others.
        shared: The shared sequence, which runs before every other one (M8.4.5).
        payloads: Integrated payloads by URI (M7.5).
    """

    def __init__(self, node: Node, shared: Sequence | None, payloads: Mapping[str, bytes]) -> None:
        self._node = node
        self._state = State(node, payloads)
        self._shared = shared
        self._observer = node.tree.machine.observer
        self._budget = COMMANDS_PER_COMPONENT * len(node.ids)
        self._children: dict[int, tuple[Node, Interpreter]] = {}
        self._processed: set[int] = set()
        self._section = _SHARED
        self._step: Step | None = None
        self._selection: tuple[int, ...] = _FIRST
        self._several = False  # whether the component index is true or an array
        self._every = False  # whether it is true
        self._nesting = 0
        self._soft = False

    def run(self, section: Section, sequence: Sequence) -> None:
        """Run the shared sequence, then this one.

        Raises:
            ConditionFailedError: A condition does not hold.
            AbortError: A directive failed, or a rule was broken.
            HardsuitError: Whatever else components, fetcher or platform raise; ``place`` names the command.
        """
        failure = self._run_section(section, sequence)
        if failure is not None:
            raise failure

    def override_parameters(self, step: Step) -> None:
        """Set parameters, whatever they were (M8.4.10.3)."""
        state = self._state
        if self._node.rights is not None:
            self._require_right_to_set(step)
        sets, selection = state.sets, self._selection
        for label, value in step.argument.items():
            name = FIELDS.get(label)
            if name is None:
                self._set_flag(label, value)
                continue
            if label is _SOURCE:
                value = self._source(value)  # noqa: PLW2901 - the index means something in this manifest only
            for index in selection:
                setattr(sets[index], name, value)

    def set_parameters(self, step: Step) -> None:
        """Set the parameters that are unset (T5.6.1); the two flags have a value from the beginning."""
        if self._node.rights is not None:
            self._require_right_to_set(step)
        for label, value in step.argument.items():
            name = FIELDS.get(label)
            if name is None:
                continue
            if label is _SOURCE:
                value = self._source(value)  # noqa: PLW2901 - as above
            for index in self._selection:
                if getattr(self._state.sets[index], name) is None:
                    setattr(self._state.sets[index], name, value)

    def override_multiple(self, step: Step) -> None:
        """Set parameters of several components; the last of them is the current one then (U5.7).

        It is short for set-component-index and override-parameters in turn, by ascending index.
        """
        for index, parameters in step.argument.items():
            self._select((index,), several=False)
            self.override_parameters(step._replace(argument=parameters))

    def copy_params(self, step: Step) -> None:
        """Override parameters with what other components have for them (U5.8)."""
        if self._node.rights is not None:
            for labels in step.argument.values():
                self._require_right_to_set(step._replace(argument=labels))
        for index in self._selection:
            for source, labels in step.argument.items():
                for label in labels:
                    copy_parameter(self._state.sets, label, source, index)

    def set_component_index(self, step: Step) -> None:
        """Select one component, some of them, or all (M6.5, M8.4.10.1)."""
        argument = step.argument
        if argument is True:  # the first question: True is an int, and equal to 1
            self._select(tuple(range(len(self._state.ids))), several=True)
            self._every = True
        elif type(argument) is int:
            self._select((argument,), several=False)
        else:
            self._select(argument, several=True)

    def try_each(self, step: Step) -> Failure:
        """Run branches until one succeeds, for each selected component by itself (M8.4.10.2)."""
        tried = (self._first_success(step.argument, index) for index in self._selection)
        return next((failure for failure in tried if failure is not None), None)

    def run_sequence(self, step: Step) -> Failure:
        """Run a sequence, for each selected component by itself (M8.4.10.8)."""
        state = self._state
        around = state.pool
        loose = around is not None and around.concurrent
        if loose:
            require_isolated(step.argument, several=self._several)
        for index in self._selection:
            if loose:  # M6.7: strictly ordered inside, in parallel with what is around it
                state.pool = Pool(around, concurrent=False)
            failure, soft = self._run_nested(step.argument, index, soft=False)
            if loose:
                state.pool = around
            if failure is not None and not soft:
                return failure
        return None

    def process_dependency(self, step: Step) -> Failure:
        """Run the same section of the dependency (T5.6.2): a barrier, strictly ordered in itself."""
        state = self._state
        if self._section is _SHARED:
            raise AbortError("process-dependency in the shared sequence (T5.6.2)")
        for index in self._selection:
            if index not in self._node.dependencies:
                if self._every:  # T5.6.2: true is for all dependencies
                    continue
                raise AbortError(f"component {index} is no dependency (T5.6.2)")
            state.select(index)
            failure = self._delegate(index, self._section)
            self._processed.add(index)
            if self._observer is not None:
                self._observer(self._record(step, succeeded=failure is None))
            if failure is not None:
                return failure
        return None

    def unlink(self, step: Step) -> Failure:
        """Give up a reference; a dependency that nobody else needs is uninstalled first (T5.6.5)."""
        state, tree = self._state, self._node.tree
        for index in self._selection:
            state.select(index)
            require_component(self._node.rights, state.current)
            if index in self._node.dependencies and not tree.others(state.current):
                failure = self._delegate(index, Section.UNINSTALL)
                if failure is not None:
                    return failure
            tree.unlink(state.current)
            if self._observer is not None:
                self._observer(self._record(step, succeeded=True))
        return None

    def _delegate(self, index: int, section: Section) -> Failure:
        """Have a dependency run one of its sections; one that it does not have succeeds."""
        child = self._child(index)
        manifest = child.authentic.manifest if child.authentic is not None else None
        sequence = None if manifest is None else needed(manifest, section)
        if sequence is None:
            return None
        if child.elsewhere:
            return run_elsewhere(child, section)
        known, interpreter = self._children.get(index, (None, None))
        if interpreter is None or known is not child:
            interpreter = _interpreter_of(child)
            self._children[index] = child, interpreter
        interpreter._budget = self._budget  # noqa: SLF001 - the same class: commands are counted once for all
        try:
            return interpreter._run_section(section, sequence)  # noqa: SLF001 - as above
        finally:
            self._budget = interpreter._budget  # noqa: SLF001 - as above

    def _child(self, index: int) -> Node:
        child = self._node.verdict(index)
        if child is not None:
            return child
        self._node.tree.complain(f"dependency {index} without dependency-integrity before (T5.6.2)")
        return verify(self._state)

    def _run_section(self, section: Section, sequence: Sequence) -> Failure:
        self._processed.clear()
        if self._shared is not None:
            failure = self._run_top(_SHARED, self._shared)
            if failure is not None:
                return failure
        failure = self._run_top(section, sequence)
        if failure is None and self._node.dependencies and section is not Section.UNINSTALL:
            require_lockstep(self._node, self._processed, section)
        return failure

    def _run_top(self, section: Section, sequence: Sequence) -> Failure:
        self._section = section
        self._selection, self._several, self._every = _FIRST, False, False
        try:
            failure = self._run(sequence) if self._state.pool is None else self._run_loose(iter(sequence))
        except HardsuitError as error:
            if self._step is not None and error.place is None:
                error.place = self._place(self._step)
            raise
        if failure is not None:
            return failure
        if self._state.pool is not None:
            # M8.4.8.14: all commands have completed at the end; the next sequence starts without races.
            self._state.pool = Pool(None, concurrent=True) if self._state.pool.concurrent else None
        return None

    @override
    def _run(self, sequence: Iterable[Step]) -> Failure:
        steps = iter(sequence)
        for step in steps:
            self._step = step
            self._budget -= len(self._selection)
            if self._budget < 0:
                raise AbortError("too many commands for one procedure")
            label = step.label
            method = _FLOW.get(label)
            if method is not None:
                failure = method(self, step)
                if failure is None and self._state.pool is not None:
                    return self._run_loose(steps)
            elif label in CONDITIONS:
                failure = self._check(step, CONDITIONS[label])
            elif label in DIRECTIVES:
                failure = self._direct(step, DIRECTIVES[label])
            else:
                raise UnsupportedCommandError("the command is not implemented")
            if failure is not None:
                return failure
        return None

    @override
    def _fork(self, observer: Observer | None) -> tuple["Interpreter", State]:
        fork = Interpreter(self._node, None, self._state.payloads)
        fork._section, fork._nesting, fork._budget = self._section, self._nesting, self._budget
        fork._observer = observer
        return fork, fork._state

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

    @override
    def _run_nested(self, sequence: Sequence, index: int, *, soft: bool) -> tuple[Failure, bool]:
        """Run a nested sequence; return its failure and whether it was soft about it when it ended."""
        outer = self._selection, self._several, self._every, self._soft
        self._selection, self._several, self._every, self._soft = (index,), False, False, soft
        self._nesting += 1
        failure = self._run(sequence) if self._state.pool is None else self._run_loose(iter(sequence))
        soft = self._soft
        self._nesting -= 1
        self._selection, self._several, self._every, self._soft = outer
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
        self._every = False

    def _source(self, index: ParameterValue) -> object:
        if not isinstance(index, int) or index >= len(self._state.ids):
            raise AbortError(f"there is no component {index!r} to take from")
        return self._state.ids[index]

    def _require_right_to_set(self, step: Step) -> None:
        """Leave what decides about an image to those who may change it, in a tree (ADR 0007)."""
        if not self._node.alone and not DECISIVE.isdisjoint(step.argument):
            for index in self._selection:
                require_component(self._node.rights, self._state.ids[index])

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
            state.pool = state.pool.outer

    @override
    def _place(self, step: Step) -> Place:
        selection, index = self._selection, self._state.index
        component = index if index in selection else selection[0]
        return Place(self._section, step.offset, component, step.label, self._node.path)

    def _record(self, step: Step, *, succeeded: bool) -> Record:
        values = measured(self._state, step.label, succeeded=succeeded)
        return Record(self._place(step), step.argument, succeeded, values)


def _interpreter_of(node: Node) -> Interpreter:
    if node.authentic is None:
        raise AbortError("there is no manifest to run")
    return Interpreter(node, node.authentic.manifest.shared_sequence, node.authentic.envelope.payloads)


_FLOW: Final[Mapping[Command, Callable[[Interpreter, Step], Failure]]] = {
    Command.SET_COMPONENT_INDEX: Interpreter.set_component_index,
    Command.OVERRIDE_PARAMETERS: Interpreter.override_parameters,
    Command.SET_PARAMETERS: Interpreter.set_parameters,
    Command.PROCESS_DEPENDENCY: Interpreter.process_dependency,
    Command.UNLINK: Interpreter.unlink,
    Command.TRY_EACH: Interpreter.try_each,
    Command.RUN_SEQUENCE: Interpreter.run_sequence,
    Command.OVERRIDE_MULTIPLE: Interpreter.override_multiple,
    Command.COPY_PARAMS: Interpreter.copy_params,
}
