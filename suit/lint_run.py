"""The dry run behind ``suit lint``: the two procedures of a manifest, on no device.

It takes every alternative of a try-each: a parameter counts as set after it if every alternative sets it, a
component counts as unmatched if one leaves it so.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from spec.labels import Command as Label
from spec.labels import FileType, Parameter
from suit import lint_rules as rules
from suit.commands import CONDITIONS
from suit.lint_rules import Finding, Rule
from suit.manifest import Command, ComponentId, ComponentMetadata, Parameters, Sequence
from suit.metadata import link_destination
from suit.narrow import draft_name

_USES: Final[Mapping[Label, Parameter]] = {
    Label.VENDOR_IDENTIFIER: Parameter.VENDOR_IDENTIFIER,
    Label.CLASS_IDENTIFIER: Parameter.CLASS_IDENTIFIER,
    Label.DEVICE_IDENTIFIER: Parameter.DEVICE_IDENTIFIER,
    Label.IMAGE_MATCH: Parameter.IMAGE_DIGEST,
    Label.COMPONENT_SLOT: Parameter.COMPONENT_SLOT,
    Label.IMAGE_NOT_MATCH: Parameter.IMAGE_DIGEST,
    Label.USE_BEFORE: Parameter.USE_BEFORE,
    Label.MINIMUM_BATTERY: Parameter.MINIMUM_BATTERY,
    Label.UPDATE_AUTHORIZED: Parameter.UPDATE_PRIORITY,
    Label.VERSION: Parameter.VERSION,
    Label.CHECK_CONTENT: Parameter.CONTENT,
    Label.WRITE: Parameter.CONTENT,
    Label.FETCH: Parameter.URI,
    Label.COPY: Parameter.SOURCE_COMPONENT,
    Label.SWAP: Parameter.SOURCE_COMPONENT,
}
_SELECTS: Final = frozenset({Label.SET_COMPONENT_INDEX, Label.OVERRIDE_MULTIPLE})
_WRITES: Final = frozenset({Label.FETCH, Label.COPY, Label.WRITE, Label.SWAP})
_APPLIES_METADATA: Final = frozenset({Label.FETCH, Label.COPY, Label.WRITE})
_READS_SOURCE: Final = frozenset({Label.COPY, Label.SWAP})
_USERS: Final[Mapping[Parameter, frozenset[Label]]] = {
    parameter: frozenset(label for label, used in _USES.items() if used is parameter)
    for parameter in _USES.values()
} | {
    Parameter.IMAGE_SIZE: _WRITES | {Label.IMAGE_MATCH},
    Parameter.INVOKE_ARGS: frozenset({Label.INVOKE}),
    Parameter.FETCH_ARGUMENTS: frozenset({Label.FETCH}),
    Parameter.COMPONENT_METADATA: _APPLIES_METADATA,
}
_MATCHES: Final = frozenset({Label.IMAGE_MATCH, Label.CHECK_CONTENT})
_IMAGE: Final = frozenset({Parameter.IMAGE_DIGEST, Parameter.IMAGE_SIZE})
_IDENTIFIERS: Final = (
    Parameter.VENDOR_IDENTIFIER,
    Parameter.CLASS_IDENTIFIER,
    Parameter.DEVICE_IDENTIFIER,
)
_NAME_BASED_OR_RANDOM: Final = (3, 4, 5)
_VARIANT: Final = 0b10


def walk(sequence: Sequence, where: str) -> list[tuple[Command, str]]:
    """Return every command with its place, nested ones included."""
    found = []
    for index, command in enumerate(sequence):
        place = f"{where}.{index}"
        found.append((command, place))
        if command.label is Label.RUN_SEQUENCE:
            found += walk(command.argument, f"{place}.run-sequence")
        elif command.label is Label.TRY_EACH:
            for number, branch in enumerate(command.argument):
                found += walk(branch or (), f"{place}.try-each.{number}")
    return found


@dataclass(slots=True)
class Usage:
    """Which parameters were set, for which components, and by whom they were used; in both procedures."""

    given: dict[tuple[str, Parameter], tuple[int, ...]] = field(default_factory=dict)
    users: set[tuple[int, Label]] = field(default_factory=set)

    def findings(self) -> list[Finding]:
        """Return what was set for nothing."""
        return [
            Finding(rules.UNUSED_PARAMETER, where, f"nothing uses {draft_name(parameter)}")
            for (where, parameter), components in self.given.items()
            if parameter in _USERS
            and not any((one, label) in self.users for one in components for label in _USERS[parameter])
        ]


@dataclass(slots=True)
class _State:
    """What is known at one point of a procedure.

    Attributes:
        values: For each component its parameters: whether all ways here set it, and to what if that is known.
        unmatched: Components that were written and not matched since, with the place of the write.
        matched: Components that were matched and not written since.
        written: Components that were written.
        late: Components whose metadata was set after that, with the place where.
        strict: The strict-order parameter.
        sources: Components that were read since strict-order is false.
        targets: Components that were written since strict-order is false.
    """

    values: list[dict[Parameter, tuple[bool, Any]]]
    unmatched: dict[int, str] = field(default_factory=dict)
    matched: set[int] = field(default_factory=set)
    written: set[int] = field(default_factory=set)
    late: dict[int, str] = field(default_factory=dict)
    strict: bool = True
    sources: set[int] = field(default_factory=set)
    targets: set[int] = field(default_factory=set)

    def note(self, parameters: Parameters, where: str, selected: tuple[int, ...]) -> None:
        """Take down what it means that these parameters are set now."""
        if Parameter.STRICT_ORDER in parameters:
            self.strict = bool(parameters[Parameter.STRICT_ORDER])
            self.sources, self.targets = set(), set()
        if Parameter.COMPONENT_METADATA in parameters:
            self.late |= {component: where for component in selected if component in self.written}

    def join(self, others: list["_State"]) -> None:
        """Become what is known after one of several alternatives."""
        for component, own in enumerate(self.values):
            alternatives = [other.values[component] for other in others]
            for parameter in {key for one in alternatives for key in one}:
                found = [one.get(parameter, (False, None)) for one in alternatives]
                same = all(pair[1] == found[0][1] for pair in found)
                own[parameter] = (all(pair[0] for pair in found), found[0][1] if same else None)
        self.unmatched = {key: place for other in others for key, place in other.unmatched.items()}
        self.matched = set.intersection(*[other.matched for other in others])
        self.written = set.intersection(*[other.written for other in others])
        self.late = {key: place for other in others for key, place in other.late.items()}
        self.strict = all(other.strict for other in others)
        self.sources = {one for other in others for one in other.sources}
        self.targets = {one for other in others for one in other.targets}


class DryRun:
    """Runs the sequences of one procedure, on no device."""

    def __init__(
        self,
        components: tuple[ComponentId, ...],
        payloads: frozenset[str],
        findings: list[Finding],
        usage: Usage,
    ) -> None:
        self.usage = usage
        self.sizes: dict[Any, int] = {}
        self.components = components
        self.count = len(components)
        self.payloads = payloads
        self.findings = findings
        self.state = _State([{} for _ in components])
        self.shared = False

    def top_level(self, sequence: Sequence, where: str, *, shared: bool = False) -> None:
        """Run a sequence of the manifest; the shared one in front of every other."""
        if self.count > 1 and sequence[0].label not in _SELECTS:
            self._report(
                rules.NO_COMPONENT_INDEX, f"{where}.0", f"it begins with {draft_name(sequence[0].label)}"
            )
        self.shared = shared
        self.state.strict = True
        self._run(sequence, where, (0,), nested=False)

    def end(self) -> None:
        """Say what the procedure has left open."""
        for component, where in self.state.unmatched.items():
            self._report(rules.UNMATCHED_WRITE, where, f"nothing matches component {component} afterwards")
        for component, where in self.state.late.items():
            self._report(rules.LATE_METADATA, where, f"component {component} was written before")

    def _run(self, sequence: Sequence, where: str, selected: tuple[int, ...], *, nested: bool) -> None:
        for index, command in enumerate(sequence):
            place = f"{where}.{index}"
            match command.label:
                case Label.SET_COMPONENT_INDEX:
                    selected = self._select(command.argument, place)
                case Label.OVERRIDE_PARAMETERS | Label.SET_PARAMETERS:
                    self._set_parameters(command, place, selected, nested=nested)
                case Label.OVERRIDE_MULTIPLE:
                    selected = self._override_multiple(command.argument, place, nested=nested)
                case Label.COPY_PARAMS:
                    self._copy_params(command.argument, place, selected)
                case Label.RUN_SEQUENCE:
                    self._run(command.argument, f"{place}.run-sequence", selected, nested=True)
                case Label.TRY_EACH:
                    self._alternatives(command.argument, f"{place}.try-each", selected)
                case _:
                    self._do(command.label, place, selected)

    def _alternatives(
        self, branches: tuple[Sequence | None, ...], where: str, selected: tuple[int, ...]
    ) -> None:
        before, ends = self.state, []
        for number, branch in enumerate(branches):
            if branch and branch is not branches[-1] and not _has_condition(branch):
                self._report(rules.DEAD_ALTERNATIVE, f"{where}.{number}", "it has no condition")
            self.state = deepcopy(before)
            self._run(branch or (), f"{where}.{number}", selected, nested=True)
            ends.append(self.state)
        self.state = before
        self.state.join(ends)

    def _select(self, argument: Any, where: str) -> tuple[int, ...]:  # noqa: ANN401 - as in suit.manifest
        if argument is True:
            return tuple(range(self.count))
        chosen = argument if isinstance(argument, tuple) else (argument,)
        for index in chosen:
            self._require_component(index, where)
        return tuple([index for index in chosen if index < self.count])

    def _set_parameters(
        self, command: Command, where: str, selected: tuple[int, ...], *, nested: bool
    ) -> None:
        parameters: Parameters = command.argument
        if command.label is Label.SET_PARAMETERS and Parameter.IMAGE_DIGEST in parameters:
            self._report(rules.DIGEST_NOT_OVERRIDDEN, where, "image-digest by set-parameters")
        if Parameter.SOFT_FAILURE in parameters and not nested:
            self._report(rules.SOFT_FAILURE_OUTSIDE, where, "soft-failure at the top level of a sequence")
        self.state.note(parameters, where, selected)
        self._check_values(parameters, where)
        self.usage.given |= dict.fromkeys([(where, key) for key in parameters], selected)
        for component in selected:
            known = self.state.values[component]
            for key, value in parameters.items():
                if command.label is Label.OVERRIDE_PARAMETERS or key not in known:
                    known[key] = (True, value)
            if _IMAGE & parameters.keys():
                self._sizes(parameters, component, where)

    def _override_multiple(
        self, rows: Mapping[int, Parameters], where: str, *, nested: bool
    ) -> tuple[int, ...]:
        selected: tuple[int, ...] = ()
        for component, parameters in rows.items():
            selected = self._select(component, where)
            step = Command(Label.OVERRIDE_PARAMETERS, parameters)
            self._set_parameters(step, f"{where}.override-multiple.{component}", selected, nested=nested)
        return selected

    def _copy_params(
        self, copies: Mapping[int, tuple[Parameter, ...]], where: str, selected: tuple[int, ...]
    ) -> None:
        for source, names in copies.items():
            self._require_component(source, where)
            known = self.state.values[source] if source < self.count else {}
            for name in names:
                definite, value = known.get(name, (False, None))
                if not definite:
                    message = f"copy-params takes {draft_name(name)} of component {source}, not set"
                    self._report(rules.UNSET_PARAMETER, where, message)
                self.usage.users |= {(source, label) for label in _USERS.get(name, ())}
                for component in selected:
                    self.state.values[component][name] = (definite, value)

    def _sizes(self, parameters: Parameters, component: int, where: str) -> None:
        known = self.state.values[component]
        if Parameter.IMAGE_DIGEST in parameters and Parameter.IMAGE_SIZE not in known:
            self._report(rules.NO_IMAGE_SIZE, where, f"component {component} has no image-size")
        found, size = [
            known.get(key, (False, None))[1] for key in (Parameter.IMAGE_DIGEST, Parameter.IMAGE_SIZE)
        ]
        if found is not None and isinstance(size, int) and self.sizes.setdefault(found, size) != size:
            message = f"image-size {size}, elsewhere {self.sizes[found]}, of one image-digest"
            self._report(rules.TWO_SIZES, where, message)

    def _check_values(self, parameters: Parameters, where: str) -> None:
        for parameter in _IDENTIFIERS:
            value = parameters.get(parameter)
            if isinstance(value, bytes) and not _is_good_uuid(value):
                self._report(rules.ODD_IDENTIFIER, where, f"{draft_name(parameter)} {value.hex()} is none")
        uri = parameters.get(Parameter.URI)
        if isinstance(uri, str) and uri.startswith("#") and uri not in self.payloads:
            self._report(rules.MISSING_PAYLOAD, where, f"the envelope holds no {uri}")
        source = parameters.get(Parameter.SOURCE_COMPONENT)
        if isinstance(source, int):
            self._require_component(source, where)

    def _do(self, label: Label, where: str, selected: tuple[int, ...]) -> None:
        if label in _MATCHES and self.shared:
            self._report(rules.MATCH_IN_SHARED, where, f"{draft_name(label)} in the shared sequence")
        for component in selected:
            self.usage.users.add((component, label))
            self._require_parameter(label, component, where)
            if label is Label.INVOKE and component not in self.state.matched:
                self._report(rules.UNMATCHED_INVOKE, where, f"component {component} was not matched")
            self._transfer(label, component, where)

    def _transfer(self, label: Label, component: int, where: str) -> None:
        source = self.state.values[component].get(Parameter.SOURCE_COMPONENT, (False, None))[1]
        reads = {source} if label in _READS_SOURCE and isinstance(source, int) else set()
        if label in _WRITES:
            self._written(component, where)
        if label in _APPLIES_METADATA:
            self.state.written.add(component)
            self.state.late.pop(component, None)
            self._apply(label, component, where)
        if label is Label.SWAP:
            for other in reads:
                self._written(other, where)
        if component in reads:
            self._report(rules.SOURCE_IS_TARGET, where, f"component {component} is its own source")
        if label in _MATCHES:
            self.state.unmatched.pop(component, None)
            self.state.matched.add(component)
        self._race(reads, {component} if label in _WRITES else set(), where)

    def _apply(self, label: Label, component: int, where: str) -> None:
        known = self.state.values[component]
        metadata = known.get(Parameter.COMPONENT_METADATA, (False, None))[1]
        if not isinstance(metadata, ComponentMetadata) or metadata.kind is FileType.REGULAR:
            return
        kind = draft_name(metadata.kind)
        if label is not Label.WRITE:
            self._report(rules.NOT_WRITTEN, where, f"{draft_name(label)} of a {kind}")
            return
        content = known.get(Parameter.CONTENT, (False, None))[1]
        if not isinstance(content, bytes):
            return
        if metadata.kind is FileType.DIRECTORY and content:
            self._report(rules.NOT_WRITTEN, where, f"a {kind} with content of {len(content)} bytes")
        elif metadata.kind is FileType.SYMLINK and (
            link_destination(self.components[component], content) not in self.components
        ):
            self._report(rules.LINK_TARGET, where, f"component {component} leads to no component")

    def _written(self, component: int, where: str) -> None:
        if component < self.count:
            self.state.unmatched[component] = where
            self.state.matched.discard(component)

    def _race(self, reads: set[int], writes: set[int], where: str) -> None:
        state = self.state
        if state.strict:
            return
        state.sources |= reads
        state.targets |= writes
        both = state.sources & state.targets
        if both and (reads | writes) & both:
            self._report(rules.RACE, where, f"component {min(both)} is written and read out of order")

    def _require_parameter(self, label: Label, component: int, where: str) -> None:
        needed = _USES.get(label)
        if needed is None:
            return
        definite, _ = self.state.values[component].get(needed, (False, None))
        if not definite:
            some = " by every alternative" if needed in self.state.values[component] else ""
            message = f"{draft_name(label)} uses {draft_name(needed)} of component {component}, not set{some}"
            self._report(rules.UNSET_PARAMETER, where, message)

    def _require_component(self, index: int, where: str) -> None:
        if index >= self.count:
            self._report(rules.INDEX_OUT_OF_RANGE, where, f"there is no component {index}")

    def _report(self, rule: Rule, where: str, message: str) -> None:
        self.findings.append(Finding(rule, where, message))


def _has_condition(sequence: Sequence) -> bool:
    return any(command.label in CONDITIONS for command, _ in walk(sequence, ""))


def _is_good_uuid(value: bytes) -> bool:
    return value[6] >> 4 in _NAME_BASED_OR_RANDOM and value[8] >> 6 == _VARIANT
