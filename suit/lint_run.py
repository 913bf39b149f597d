"""The dry run behind ``suit lint``: the procedures of a manifest, on no device.

It takes every alternative of a try-each: a parameter counts as set after it if every alternative sets it, a
component counts as unmatched if one leaves it so. A dependency that the envelope holds is run with it
(:mod:`suit.lint_tree`).
"""

from collections.abc import Mapping
from typing import Any, Final

from spec.labels import Command as Label
from spec.labels import FileType, Parameter
from spec.labels import Manifest as Member
from suit import lint_rules as rules
from suit.commands import CONDITIONS
from suit.lint_encryption import of_encryption
from suit.lint_rules import Finding, Rule
from suit.lint_state import UNSET, Procedure, Written, walk
from suit.lint_tree import FAMILY, Family
from suit.manifest import (
    Command,
    ComponentId,
    ComponentMetadata,
    Envelope,
    Manifest,
    Parameters,
    Sequence,
    WaitInfo,
)
from suit.metadata import link_destination
from suit.narrow import draft_name
from suit.wait import LOCAL, show_wait_info

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
    Label.WAIT: Parameter.WAIT_INFO,
    Label.CHECK_CONTENT: Parameter.CONTENT,
    Label.WRITE: Parameter.CONTENT,
    Label.FETCH: Parameter.URI,
    Label.COPY: Parameter.SOURCE_COMPONENT,
    Label.SWAP: Parameter.SOURCE_COMPONENT,
    Label.DEPENDENCY_INTEGRITY: Parameter.IMAGE_DIGEST,
}
_SELECTS: Final = frozenset({Label.SET_COMPONENT_INDEX, Label.OVERRIDE_MULTIPLE})
_WRITES: Final = frozenset({Label.FETCH, Label.COPY, Label.WRITE, Label.SWAP})
_APPLIES_METADATA: Final = frozenset({Label.FETCH, Label.COPY, Label.WRITE})
_TOUCHES: Final = _WRITES | {Label.INVOKE}
_READS_SOURCE: Final = frozenset({Label.COPY, Label.SWAP})
USERS: Final[Mapping[Parameter, frozenset[Label]]] = {
    parameter: frozenset(label for label, used in _USES.items() if used is parameter)
    for parameter in _USES.values()
} | {
    Parameter.IMAGE_SIZE: _WRITES | {Label.IMAGE_MATCH},
    Parameter.INVOKE_ARGS: frozenset({Label.INVOKE}),
    Parameter.FETCH_ARGUMENTS: frozenset({Label.FETCH}),
    Parameter.COMPONENT_METADATA: _APPLIES_METADATA,
    Parameter.ENCRYPTION_INFO: frozenset({Label.FETCH, Label.COPY, Label.WRITE}),
}
_MATCHES: Final = frozenset({Label.IMAGE_MATCH, Label.CHECK_CONTENT, Label.DEPENDENCY_INTEGRITY})
_IMAGE: Final = frozenset({Parameter.IMAGE_DIGEST, Parameter.IMAGE_SIZE})
_SOURCE: Final = Parameter.SOURCE_COMPONENT
_IDENTIFIERS: Final = (
    Parameter.VENDOR_IDENTIFIER,
    Parameter.CLASS_IDENTIFIER,
    Parameter.DEVICE_IDENTIFIER,
)
_NAME_BASED_OR_RANDOM: Final = (3, 4, 5)
_VARIANT: Final = 0b10


class DryRun:
    """Runs the sequences of one manifest in one procedure, on no device.

    Args:
        manifest: The manifest, severable members attached.
        envelope: What holds its integrated payloads.
        procedure: What it shares with the other manifests of its tree.
        family: Its place in that tree; None for the root.
    """

    def __init__(
        self, manifest: Manifest, envelope: Envelope, procedure: Procedure, family: Family | None = None
    ) -> None:
        self.manifest = manifest
        self.payloads = envelope.payloads
        self.procedure = procedure
        self.family = family or Family(lineage=(envelope.digest.value,))
        self.ids = tuple([(*self.family.prefix, *component) for component in manifest.ids])
        self.count = len(self.ids)
        self.section = Member.COMMON
        self.every = False

    def child(self, manifest: Manifest, envelope: Envelope, family: Family) -> "DryRun":
        """Return the run of a dependency, in the same procedure."""
        return DryRun(manifest, envelope, self.procedure, family)

    def run(self, section: Member, sequence: Sequence) -> None:
        """Run a section, the shared sequence in front of it."""
        if self.manifest.shared_sequence is not None:
            self._top_level(Member.COMMON, self.manifest.shared_sequence, "shared-sequence")
        self.family.processed.clear()
        self._top_level(section, sequence, draft_name(section))
        self.family.end_section(self, section)

    def report(self, rule: Rule, where: str, message: str) -> None:
        """Take down a finding."""
        self.procedure.findings.append(Finding(rule, f"{self.family.name}{where}", message))

    def _top_level(self, section: Member, sequence: Sequence, where: str) -> None:
        if self.count > 1 and sequence[0].label not in _SELECTS:
            begin = draft_name(sequence[0].label)
            self.report(rules.NO_COMPONENT_INDEX, f"{where}.0", f"it begins with {begin}")
        self.section = section
        self.procedure.state.strict = True
        self._run(sequence, where, (0,), nested=False)

    def _run(self, sequence: Sequence, where: str, selected: tuple[int, ...], *, nested: bool) -> None:
        self.every = False
        for index, command in enumerate(sequence):
            place = f"{where}.{index}"
            self.procedure.spend(len(selected) or 1)
            match command.label:
                case Label.SET_COMPONENT_INDEX:
                    selected = self._select(command.argument, place)
                    self.every = command.argument is True
                case Label.OVERRIDE_PARAMETERS | Label.SET_PARAMETERS:
                    self._set_parameters(command, place, selected, nested=nested)
                case Label.OVERRIDE_MULTIPLE:
                    selected = self._override_multiple(command.argument, place, nested=nested)
                    self.every = False
                case Label.COPY_PARAMS:
                    self._copy_params(command.argument, place, selected)
                case Label.RUN_SEQUENCE | Label.TRY_EACH:
                    every = self.every
                    self._nested(command, place, selected)
                    self.every = every
                case Label.IS_DEPENDENCY:
                    selected = tuple([one for one in selected if one in self.manifest.dependencies])
                case _:
                    self._do(command.label, place, selected)

    def _nested(self, command: Command, place: str, selected: tuple[int, ...]) -> None:
        where = f"{place}.{draft_name(command.label)}"
        if command.label is Label.RUN_SEQUENCE:
            self._run(command.argument, where, selected, nested=True)
            return
        branches = dict(enumerate(command.argument))
        for branch in command.argument[:-1]:
            if branch and not _has_condition(branch):
                number = command.argument.index(branch)
                self.report(rules.DEAD_ALTERNATIVE, f"{where}.{number}", "it has no condition")
        asking = [number for number, branch in branches.items() if branch and _asks(branch)]
        if not asking:
            self._alternatives(branches, where, selected)
            return
        # What begins with is-dependency is for dependencies alone, and they get no further than the first.
        groups = (
            ({number: branch for number, branch in branches.items() if number <= asking[0]}, True),
            ({number: branch for number, branch in branches.items() if number not in asking}, False),
        )
        for open_to_them, dependencies in groups:
            group = [one for one in selected if (one in self.manifest.dependencies) is dependencies]
            if group and open_to_them:
                self._alternatives(open_to_them, where, tuple(group))

    def _alternatives(
        self, branches: Mapping[int, Sequence | None], where: str, selected: tuple[int, ...]
    ) -> None:
        procedure = self.procedure
        before, ends = procedure.state, []
        for number, branch in branches.items():
            procedure.state = before.copy()
            self._run(branch or (), f"{where}.{number}", selected, nested=True)
            ends.append(procedure.state)
        procedure.state = before
        before.join(ends)

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
            self.report(rules.DIGEST_NOT_OVERRIDDEN, where, "image-digest by set-parameters")
        if Parameter.SOFT_FAILURE in parameters and not nested:
            self.report(rules.SOFT_FAILURE_OUTSIDE, where, "soft-failure at the top level of a sequence")
        self._note(parameters, where, selected)
        self._check_values(parameters, where)
        ids = tuple([self.ids[index] for index in selected])
        place = f"{self.family.name}{where}"
        self.procedure.usage.given |= dict.fromkeys([(place, key) for key in parameters], ids)
        # An index means something in one manifest only, so the source is remembered by its identifier.
        values = {key: self._id(value) if key is _SOURCE else value for key, value in parameters.items()}
        for component in selected:
            known = self._known(component)
            for key, value in values.items():
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
            known = self._known(source) if source < self.count else {}
            for name in names:
                definite, value = known.get(name, UNSET)
                if not definite:
                    message = f"copy-params takes {draft_name(name)} of component {source}, not set"
                    self.report(rules.UNSET_PARAMETER, where, message)
                taken = self._id(source)
                if taken is not None:
                    self.procedure.usage.users |= {(taken, label) for label in USERS.get(name, ())}
                for component in selected:
                    self._known(component)[name] = (definite, value)

    def _sizes(self, parameters: Parameters, component: int, where: str) -> None:
        known = self._known(component)
        if Parameter.IMAGE_DIGEST in parameters and Parameter.IMAGE_SIZE not in known:
            self.report(rules.NO_IMAGE_SIZE, where, f"component {component} has no image-size")
        found, size = [known.get(key, UNSET)[1] for key in (Parameter.IMAGE_DIGEST, Parameter.IMAGE_SIZE)]
        if (
            found is not None
            and isinstance(size, int)
            and self.procedure.sizes.setdefault(found, size) != size
        ):
            message = f"image-size {size}, elsewhere {self.procedure.sizes[found]}, of one image-digest"
            self.report(rules.TWO_SIZES, where, message)

    def _check_values(self, parameters: Parameters, where: str) -> None:
        for parameter in _IDENTIFIERS:
            value = parameters.get(parameter)
            if isinstance(value, bytes) and not _is_good_uuid(value):
                self.report(rules.ODD_IDENTIFIER, where, f"{draft_name(parameter)} {value.hex()} is none")
        uri = parameters.get(Parameter.URI)
        if isinstance(uri, str) and uri.startswith("#") and uri not in self.payloads:
            self.report(rules.MISSING_PAYLOAD, where, f"the envelope holds no {uri}")
        info = parameters.get(Parameter.WAIT_INFO)
        if isinstance(info, WaitInfo) and not LOCAL.isdisjoint(info.events):
            self.report(rules.LOCAL_TIME, where, f"wait-info says {show_wait_info(info)}")
        source = parameters.get(Parameter.SOURCE_COMPONENT)
        if isinstance(source, int):
            self._require_component(source, where)

    def _do(self, label: Label, where: str, selected: tuple[int, ...]) -> None:
        if label in _MATCHES and self.section is Member.COMMON:
            self.report(rules.MATCH_IN_SHARED, where, f"{draft_name(label)} in the shared sequence")
        for index in selected:
            component = self.ids[index]
            self.procedure.usage.users.add((component, label))
            self._require_parameter(label, index, where)
            if label is Label.INVOKE and component not in self.procedure.state.matched:
                self.report(rules.UNMATCHED_INVOKE, where, f"component {index} was not matched")
            if label in _TOUCHES:
                self.family.require_resolved(self, index, where)
            if label in FAMILY:
                self.family.do(self, label, index, where)
            self._transfer(label, index, where)

    def _transfer(self, label: Label, index: int, where: str) -> None:
        component, state = self.ids[index], self.procedure.state
        source = state.known(component).get(Parameter.SOURCE_COMPONENT, UNSET)[1]
        reads = {source} if label in _READS_SOURCE and source is not None else set()
        before = state.holds.get(component)
        for rule, message in of_encryption(state, label, component):
            self.report(rule, where, message)
        if label in _WRITES:
            state.changed(component, self._written(where, index), self._content(label, component))
        if label in _APPLIES_METADATA:
            state.written.add(component)
            state.late.pop(component, None)
            self._apply(label, index, where)
        if label is Label.SWAP:
            for other in reads:
                state.changed(other, self._written(where, self._name(other)), before)
        if component in reads:
            self.report(rules.SOURCE_IS_TARGET, where, f"component {index} is its own source")
        if label in _MATCHES:
            state.unmatched.pop(component, None)
            state.matched.add(component)
        self._race(reads, {component} if label in _WRITES else set(), where)

    def _note(self, parameters: Parameters, where: str, selected: tuple[int, ...]) -> None:
        """Take down what it means that these parameters are set now."""
        state = self.procedure.state
        if Parameter.STRICT_ORDER in parameters:
            state.strict = bool(parameters[Parameter.STRICT_ORDER])
            state.sources, state.targets = set(), set()
        if Parameter.COMPONENT_METADATA in parameters:
            for index in selected:
                if self.ids[index] in state.written:
                    state.late[self.ids[index]] = self._written(where, index)

    def _apply(self, label: Label, index: int, where: str) -> None:
        known = self._known(index)
        metadata = known.get(Parameter.COMPONENT_METADATA, UNSET)[1]
        if not isinstance(metadata, ComponentMetadata) or metadata.kind is FileType.REGULAR:
            return
        kind = draft_name(metadata.kind)
        if label is not Label.WRITE:
            self.report(rules.NOT_WRITTEN, where, f"{draft_name(label)} of a {kind}")
            return
        content = known.get(Parameter.CONTENT, UNSET)[1]
        if not isinstance(content, bytes):
            return
        if metadata.kind is FileType.DIRECTORY and content:
            self.report(rules.NOT_WRITTEN, where, f"a {kind} with content of {len(content)} bytes")
        elif metadata.kind is FileType.SYMLINK and link_destination(self.ids[index], content) not in self.ids:
            self.report(rules.LINK_TARGET, where, f"component {index} leads to no component")

    def _written(self, where: str, name: int | str) -> Written:
        return Written(f"{self.family.name}{where}", name)

    def _name(self, component: ComponentId) -> int | str:
        """Return the index of a component; one that only another manifest names has none."""
        if component in self.ids:
            return self.ids.index(component)
        return f"[{', '.join(part.hex() for part in component)}]"

    def _content(self, label: Label, component: ComponentId) -> bytes | None:
        """Return what a command writes, if that is known here."""
        state = self.procedure.state
        values = state.known(component)
        if label is Label.WRITE or Parameter.ENCRYPTION_INFO in values:
            content = values.get(Parameter.CONTENT, UNSET)[1]
            return content if isinstance(content, bytes) and Parameter.ENCRYPTION_INFO not in values else None
        if label is Label.FETCH:
            return self.payloads.get(str(values.get(Parameter.URI, UNSET)[1]))
        return state.holds.get(values.get(Parameter.SOURCE_COMPONENT, UNSET)[1] or ())

    def _race(self, reads: set[ComponentId], writes: set[ComponentId], where: str) -> None:
        state = self.procedure.state
        if state.strict:
            return
        state.sources |= reads
        state.targets |= writes
        both = state.sources & state.targets & (reads | writes)
        for component in sorted(both)[:1]:
            self.report(
                rules.RACE, where, f"component {self._name(component)} is written and read out of order"
            )

    def _require_parameter(self, label: Label, component: int, where: str) -> None:
        needed = _USES.get(label)
        if needed is None:
            return
        definite, _ = self._known(component).get(needed, UNSET)
        if not definite:
            some = " by every alternative" if needed in self._known(component) else ""
            message = f"{draft_name(label)} uses {draft_name(needed)} of component {component}, not set{some}"
            self.report(rules.UNSET_PARAMETER, where, message)

    def _known(self, index: int) -> dict[Parameter, tuple[bool, Any]]:
        return self.procedure.state.known(self.ids[index])

    def _id(self, index: object) -> ComponentId | None:
        return self.ids[index] if isinstance(index, int) and index < self.count else None

    def _require_component(self, index: int, where: str) -> None:
        if index >= self.count:
            self.report(rules.INDEX_OUT_OF_RANGE, where, f"there is no component {index}")


def _has_condition(sequence: Sequence) -> bool:
    return any(command.label in CONDITIONS for command, _ in walk(sequence, ""))


def _asks(sequence: Sequence) -> bool:
    return sequence[0].label is Label.IS_DEPENDENCY


def _is_good_uuid(value: bytes) -> bool:
    return value[6] >> 4 in _NAME_BASED_OR_RANDOM and value[8] >> 6 == _VARIANT
