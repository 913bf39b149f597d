"""Author's rules over a manifest: a dry run of its two procedures that follows parameters and writes.

The dry run knows no device, so it takes every alternative of a try-each: a parameter counts as set after
it if every alternative sets it, a component counts as unmatched if one leaves it so.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from spec.labels import Command as Label
from spec.labels import Manifest as Member
from spec.labels import Parameter
from suit import lint_rules as rules
from suit.cose import parse_block
from suit.encode import encode_digest
from suit.envelope import manifest_digest
from suit.errors import NotAuthenticError
from suit.lint_rules import Level, Rule
from suit.manifest import Command, Envelope, Manifest, Parameters, Sequence
from suit.narrow import draft_name
from suit.target import MAX_SEQUENCE_NUMBER

_USES: Final[Mapping[Label, Parameter]] = {
    Label.VENDOR_IDENTIFIER: Parameter.VENDOR_IDENTIFIER,
    Label.CLASS_IDENTIFIER: Parameter.CLASS_IDENTIFIER,
    Label.DEVICE_IDENTIFIER: Parameter.DEVICE_IDENTIFIER,
    Label.IMAGE_MATCH: Parameter.IMAGE_DIGEST,
    Label.COMPONENT_SLOT: Parameter.COMPONENT_SLOT,
    Label.CHECK_CONTENT: Parameter.CONTENT,
    Label.WRITE: Parameter.CONTENT,
    Label.FETCH: Parameter.URI,
    Label.COPY: Parameter.SOURCE_COMPONENT,
    Label.SWAP: Parameter.SOURCE_COMPONENT,
}
_WRITES: Final = frozenset({Label.FETCH, Label.COPY, Label.WRITE, Label.SWAP})
_READS_SOURCE: Final = frozenset({Label.COPY, Label.SWAP})
_MATCHES: Final = frozenset({Label.IMAGE_MATCH, Label.CHECK_CONTENT})
_IDENTIFIERS: Final = (
    Parameter.VENDOR_IDENTIFIER,
    Parameter.CLASS_IDENTIFIER,
    Parameter.DEVICE_IDENTIFIER,
)
_PROCEDURES: Final = (
    (Member.PAYLOAD_FETCH, Member.INSTALL, Member.VALIDATE),
    (Member.VALIDATE, Member.LOAD, Member.INVOKE),
)
_NAME_BASED_OR_RANDOM: Final = (3, 4, 5)
_VARIANT: Final = 0b10


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is broken, and where: in the words of the description language."""

    rule: Rule
    where: str
    message: str

    @property
    def line(self) -> str:
        """The finding as people read it."""
        return f"{self.where}: {self.rule.level.value} {self.rule.id}: {self.message}"


def lint(envelope: Envelope, manifest: Manifest) -> list[Finding]:
    """Return what an author should know about an envelope; errors first, then in the order of the manifest.

    Args:
        envelope: The envelope, signed or not.
        manifest: What it holds, severable members attached.
    """
    findings: dict[Finding, None] = {}
    for finding in [
        *_of_envelope(envelope, manifest),
        *_of_members(envelope, manifest),
        *_of_procedures(envelope, manifest),
    ]:
        findings[finding] = None
    return sorted(findings, key=lambda finding: list(Level).index(finding.rule.level))


def _of_envelope(envelope: Envelope, manifest: Manifest) -> list[Finding]:
    findings = []
    if not envelope.blocks:
        findings.append(Finding(rules.UNSIGNED, "envelope", "there is no authentication block"))
    for number, raw in enumerate(envelope.blocks):
        where = f"authentication block {number}"
        try:
            block = parse_block(raw, envelope.digest_bytes, where=where)
        except NotAuthenticError:
            continue
        findings += [
            Finding(rules.DEPRECATED_ALGORITHM, where, f"{one.algorithm.name} instead of {instead.name}")
            for one in block.attestations
            if (instead := rules.DEPRECATED.get(one.algorithm))
        ]
    named = set(_uris(manifest))
    findings += [
        Finding(rules.UNUSED_PAYLOAD, "envelope", f"nothing fetches {uri}")
        for uri in envelope.payloads
        if uri not in named
    ]
    return findings


def _of_members(envelope: Envelope, manifest: Manifest) -> list[Finding]:
    findings = []
    if manifest.sequence_number > MAX_SEQUENCE_NUMBER:
        message = f"{manifest.sequence_number} is above {MAX_SEQUENCE_NUMBER}"
        findings.append(Finding(rules.LARGE_SEQUENCE_NUMBER, "manifest-sequence-number", message))
    if manifest.validate is None:
        findings.append(Finding(rules.NO_VALIDATE, "validate", "it is missing"))
    labels = {command.label for command, _ in _walk(manifest.shared_sequence or (), "")}
    missing = [one for one in (Label.VENDOR_IDENTIFIER, Label.CLASS_IDENTIFIER) if one not in labels]
    if missing:
        names = " and ".join(draft_name(one) for one in missing)
        findings.append(Finding(rules.NO_IDENTITY_CHECK, "shared-sequence", f"it does not check {names}"))
    if manifest.text is not None and manifest.text.digest is None:
        findings.append(Finding(rules.TEXT_NOT_SEVERABLE, "text", "it cannot be severed"))
    smallest = len(encode_digest(manifest_digest(b"", envelope.digest.algorithm)))
    for member, element in envelope.severed.items():
        if len(element) <= smallest:
            message = f"{len(element)} bytes, its digest has {smallest}"
            findings.append(Finding(rules.SMALL_SEVERABLE, draft_name(member), message))
    return findings


def _of_procedures(envelope: Envelope, manifest: Manifest) -> list[Finding]:
    findings: list[Finding] = []
    sequences = _sequences(manifest)
    findings += [
        Finding(rules.SEVERED, draft_name(member), "it was severed and is not checked")
        for member, sequence in sequences.items()
        if sequence is None
    ]
    for procedure in _PROCEDURES:
        run = _DryRun(len(manifest.components), frozenset(envelope.payloads), findings)
        for member in procedure:
            sequence = sequences.get(member)
            if sequence is None:
                continue
            if manifest.shared_sequence is not None:
                run.top_level(manifest.shared_sequence, "shared-sequence", shared=True)
            run.top_level(sequence, draft_name(member))
        run.end()
    return findings


def _sequences(manifest: Manifest) -> dict[Member, Sequence | None]:
    severable = {Member.PAYLOAD_FETCH: manifest.payload_fetch, Member.INSTALL: manifest.install}
    plain = {
        Member.VALIDATE: manifest.validate,
        Member.LOAD: manifest.load,
        Member.INVOKE: manifest.invoke,
    }
    return {member: one.value for member, one in severable.items() if one is not None} | {
        member: sequence for member, sequence in plain.items() if sequence is not None
    }


def _uris(manifest: Manifest) -> list[str]:
    everything = [manifest.shared_sequence, *_sequences(manifest).values()]
    return [
        str(command.argument[Parameter.URI])
        for sequence in everything
        for command, _ in _walk(sequence or (), "")
        if isinstance(command.argument, dict) and Parameter.URI in command.argument
    ]


def _walk(sequence: Sequence, where: str) -> list[tuple[Command, str]]:
    """Return every command with its place, nested ones included."""
    found = []
    for index, command in enumerate(sequence):
        place = f"{where}.{index}"
        found.append((command, place))
        if command.label is Label.RUN_SEQUENCE:
            found += _walk(command.argument, f"{place}.run-sequence")
        elif command.label is Label.TRY_EACH:
            for number, branch in enumerate(command.argument):
                found += _walk(branch or (), f"{place}.try-each.{number}")
    return found


@dataclass(slots=True)
class _State:
    """What is known at one point of a procedure.

    Attributes:
        values: For each component its parameters: whether all ways here set it, and to what if that is known.
        unmatched: Components that were written and not matched since, with the place of the write.
        strict: The strict-order parameter.
        sources: Components that were read since strict-order is false.
        targets: Components that were written since strict-order is false.
    """

    values: list[dict[Parameter, tuple[bool, Any]]]
    unmatched: dict[int, str] = field(default_factory=dict)
    strict: bool = True
    sources: set[int] = field(default_factory=set)
    targets: set[int] = field(default_factory=set)

    def join(self, others: list["_State"]) -> None:
        """Become what is known after one of several alternatives."""
        for component, own in enumerate(self.values):
            alternatives = [other.values[component] for other in others]
            for parameter in {key for one in alternatives for key in one}:
                found = [one.get(parameter, (False, None)) for one in alternatives]
                same = all(pair[1] == found[0][1] for pair in found)
                own[parameter] = (all(pair[0] for pair in found), found[0][1] if same else None)
        self.unmatched = {key: place for other in others for key, place in other.unmatched.items()}
        self.strict = all(other.strict for other in others)
        self.sources = {one for other in others for one in other.sources}
        self.targets = {one for other in others for one in other.targets}


class _DryRun:
    """Runs the sequences of one procedure, on no device."""

    def __init__(self, components: int, payloads: frozenset[str], findings: list[Finding]) -> None:
        self.count = components
        self.payloads = payloads
        self.findings = findings
        self.state = _State([{} for _ in range(components)])
        self.shared = False

    def top_level(self, sequence: Sequence, where: str, *, shared: bool = False) -> None:
        if self.count > 1 and sequence[0].label is not Label.SET_COMPONENT_INDEX:
            self.report(
                rules.NO_COMPONENT_INDEX, f"{where}.0", f"it begins with {draft_name(sequence[0].label)}"
            )
        self.shared = shared
        self.state.strict = True
        self.run(sequence, where, (0,), nested=False)

    def end(self) -> None:
        for component, where in self.state.unmatched.items():
            self.report(rules.UNMATCHED_WRITE, where, f"nothing matches component {component} afterwards")

    def run(self, sequence: Sequence, where: str, selected: tuple[int, ...], *, nested: bool) -> None:
        for index, command in enumerate(sequence):
            place = f"{where}.{index}"
            match command.label:
                case Label.SET_COMPONENT_INDEX:
                    selected = self.select(command.argument, place)
                case Label.OVERRIDE_PARAMETERS | Label.SET_PARAMETERS:
                    self.set_parameters(command, place, selected, nested=nested)
                case Label.RUN_SEQUENCE:
                    self.run(command.argument, f"{place}.run-sequence", selected, nested=True)
                case Label.TRY_EACH:
                    self.alternatives(command.argument, f"{place}.try-each", selected)
                case _:
                    self.do(command.label, place, selected)

    def alternatives(
        self, branches: tuple[Sequence | None, ...], where: str, selected: tuple[int, ...]
    ) -> None:
        before, ends = self.state, []
        for number, branch in enumerate(branches):
            self.state = deepcopy(before)
            self.run(branch or (), f"{where}.{number}", selected, nested=True)
            ends.append(self.state)
        self.state = before
        self.state.join(ends)

    def select(self, argument: Any, where: str) -> tuple[int, ...]:  # noqa: ANN401 - as in suit.manifest
        if argument is True:
            return tuple(range(self.count))
        chosen = argument if isinstance(argument, tuple) else (argument,)
        for index in chosen:
            self.require_component(index, where)
        return tuple([index for index in chosen if index < self.count])

    def set_parameters(
        self, command: Command, where: str, selected: tuple[int, ...], *, nested: bool
    ) -> None:
        parameters: Parameters = command.argument
        if command.label is Label.SET_PARAMETERS and Parameter.IMAGE_DIGEST in parameters:
            self.report(rules.DIGEST_NOT_OVERRIDDEN, where, "image-digest by set-parameters")
        if Parameter.SOFT_FAILURE in parameters and not nested:
            self.report(rules.SOFT_FAILURE_OUTSIDE, where, "soft-failure at the top level of a sequence")
        if Parameter.STRICT_ORDER in parameters:
            self.state.strict = bool(parameters[Parameter.STRICT_ORDER])
            self.state.sources, self.state.targets = set(), set()
        self.check_values(parameters, where)
        for component in selected:
            known = self.state.values[component]
            for key, value in parameters.items():
                if command.label is Label.OVERRIDE_PARAMETERS or key not in known:
                    known[key] = (True, value)
            if Parameter.IMAGE_DIGEST in parameters and Parameter.IMAGE_SIZE not in known:
                self.report(rules.NO_IMAGE_SIZE, where, f"component {component} has no image-size")

    def check_values(self, parameters: Parameters, where: str) -> None:
        for parameter in _IDENTIFIERS:
            value = parameters.get(parameter)
            if isinstance(value, bytes) and not _is_good_uuid(value):
                self.report(rules.ODD_IDENTIFIER, where, f"{draft_name(parameter)} {value.hex()} is none")
        uri = parameters.get(Parameter.URI)
        if isinstance(uri, str) and uri.startswith("#") and uri not in self.payloads:
            self.report(rules.MISSING_PAYLOAD, where, f"the envelope holds no {uri}")
        source = parameters.get(Parameter.SOURCE_COMPONENT)
        if isinstance(source, int):
            self.require_component(source, where)

    def do(self, label: Label, where: str, selected: tuple[int, ...]) -> None:
        if label in _MATCHES and self.shared:
            self.report(rules.MATCH_IN_SHARED, where, f"{draft_name(label)} in the shared sequence")
        for component in selected:
            self.require_parameter(label, component, where)
            source = self.state.values[component].get(Parameter.SOURCE_COMPONENT, (False, None))[1]
            reads = {source} if label in _READS_SOURCE and isinstance(source, int) else set()
            if label in _WRITES:
                self.written(component, where)
            if label is Label.SWAP:
                for other in reads:
                    self.written(other, where)
            if component in reads:
                self.report(rules.SOURCE_IS_TARGET, where, f"component {component} is its own source")
            if label in _MATCHES:
                self.state.unmatched.pop(component, None)
            self.race(reads, {component} if label in _WRITES else set(), where)

    def written(self, component: int, where: str) -> None:
        if component < self.count:
            self.state.unmatched[component] = where

    def race(self, reads: set[int], writes: set[int], where: str) -> None:
        state = self.state
        if state.strict:
            return
        state.sources |= reads
        state.targets |= writes
        both = state.sources & state.targets
        if both and (reads | writes) & both:
            self.report(rules.RACE, where, f"component {min(both)} is written and read out of order")

    def require_parameter(self, label: Label, component: int, where: str) -> None:
        needed = _USES.get(label)
        if needed is None:
            return
        definite, _ = self.state.values[component].get(needed, (False, None))
        if not definite:
            some = " by every alternative" if needed in self.state.values[component] else ""
            message = f"{draft_name(label)} uses {draft_name(needed)} of component {component}, not set{some}"
            self.report(rules.UNSET_PARAMETER, where, message)

    def require_component(self, index: int, where: str) -> None:
        if index >= self.count:
            self.report(rules.INDEX_OUT_OF_RANGE, where, f"there is no component {index}")

    def report(self, rule: Rule, where: str, message: str) -> None:
        self.findings.append(Finding(rule, where, message))


def _is_good_uuid(value: bytes) -> bool:
    return value[6] >> 4 in _NAME_BASED_OR_RANDOM and value[8] >> 6 == _VARIANT
