"""What the dry run of ``suit lint`` knows: the state at one point of a procedure, and what was used."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spec.labels import Command as Label
from spec.labels import Manifest as Member
from spec.labels import Parameter
from suit import lint_rules as rules
from suit.lint_rules import Finding
from suit.manifest import Command, ComponentId, Sequence
from suit.narrow import draft_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from suit.lint_run import DryRun

UNSET: Final = (False, None)
MAX_COMMANDS: Final = 100_000


class TooLongError(Exception):
    """A procedure executes more commands than anybody waits for."""


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
    """Which parameters were set, for which components, and by whom they were used; in all procedures.

    Attributes:
        given: Where a parameter was set, and for what.
        users: The commands that were executed for a component.
        blind: Whether a dependency ran that nobody could look into: it may use anything.
        told: What was found in one procedure and need not be repeated for the next.
    """

    given: dict[tuple[str, Parameter], tuple[ComponentId, ...]] = field(default_factory=dict)
    users: set[tuple[ComponentId, Label]] = field(default_factory=set)
    blind: bool = False
    told: set[object] = field(default_factory=set)

    def findings(self, labels: "Mapping[Parameter, frozenset[Label]]") -> list[Finding]:
        """Return what was set for nothing.

        Args:
            labels: The commands that use a parameter.
        """
        return [
            Finding(rules.UNUSED_PARAMETER, where, f"nothing uses {draft_name(parameter)}")
            for (where, parameter), components in ({} if self.blind else self.given).items()
            if parameter in labels
            and not any((one, label) in self.users for one in components for label in labels[parameter])
        ]


class Written(NamedTuple):
    """Where a component was written, and what the manifest that did it calls it."""

    where: str
    component: int | str


class Verdict(NamedTuple):
    """A dependency that was found intact; ``run`` is None when lint does not have it."""

    run: "DryRun | None"


@dataclass(slots=True)
class State:
    """What is known at one point of a procedure; components go by their identifiers, in a whole tree.

    Attributes:
        values: For each component its parameters: whether all ways here set it, and to what if that is known.
        unmatched: Components that were written and not matched since.
        matched: Components that were matched and not written since.
        written: Components that fetch, copy or write has written.
        late: Components whose metadata was set after that.
        strict: The strict-order parameter.
        sources: Components that were read since strict-order is false.
        targets: Components that were written since strict-order is false.
        holds: Contents, as far as they are known.
        verdicts: Dependencies found intact, by the manifest that asked and their component.
        unlinked: Components whose reference was given up and that were not written since.
        opened: Encryption infos that a command has used, by the component they were set for.
    """

    values: dict[ComponentId, dict[Parameter, tuple[bool, Any]]] = field(default_factory=dict)
    unmatched: dict[ComponentId, Written] = field(default_factory=dict)
    matched: set[ComponentId] = field(default_factory=set)
    written: set[ComponentId] = field(default_factory=set)
    late: dict[ComponentId, Written] = field(default_factory=dict)
    strict: bool = True
    sources: set[ComponentId] = field(default_factory=set)
    targets: set[ComponentId] = field(default_factory=set)
    holds: dict[ComponentId, bytes] = field(default_factory=dict)
    verdicts: dict[tuple[tuple[int, ...], ComponentId], Verdict] = field(default_factory=dict)
    unlinked: set[ComponentId] = field(default_factory=set)
    opened: set[tuple[ComponentId, bytes]] = field(default_factory=set)

    def known(self, component: ComponentId) -> dict[Parameter, tuple[bool, Any]]:
        """Return the parameters of a component."""
        return self.values.setdefault(component, {})

    def changed(self, component: ComponentId, written: Written, content: bytes | None) -> None:
        """Note new content; what is None is not known."""
        self.unmatched[component] = written
        self.matched.discard(component)
        self.unlinked.discard(component)
        self.holds.pop(component, None)
        if content is not None:
            self.holds[component] = content
        for key in [key for key in self.verdicts if key[1] == component]:
            del self.verdicts[key]

    def copy(self) -> "State":
        """Return the state to try an alternative on."""
        return State(
            {component: dict(parameters) for component, parameters in self.values.items()},
            dict(self.unmatched),
            set(self.matched),
            set(self.written),
            dict(self.late),
            self.strict,
            set(self.sources),
            set(self.targets),
            dict(self.holds),
            dict(self.verdicts),
            set(self.unlinked),
            set(self.opened),
        )

    def join(self, others: list["State"]) -> None:
        """Become what is known after one of several alternatives."""
        for component in {key for other in others for key in other.values}:
            own = self.known(component)
            alternatives = [other.values.get(component, {}) for other in others]
            for parameter in {key for one in alternatives for key in one}:
                found = [one.get(parameter, UNSET) for one in alternatives]
                same = all(pair[1] == found[0][1] for pair in found)
                own[parameter] = (all(pair[0] for pair in found), found[0][1] if same else None)
        self.unmatched = {key: place for other in others for key, place in other.unmatched.items()}
        self.opened = {one for other in others for one in other.opened}
        self.matched = set.intersection(*[other.matched for other in others])
        self.written = set.intersection(*[other.written for other in others])
        self.late = {key: place for other in others for key, place in other.late.items()}
        self.strict = all(other.strict for other in others)
        self.sources = {one for other in others for one in other.sources}
        self.targets = {one for other in others for one in other.targets}
        self.holds = _common([other.holds for other in others])
        self.verdicts = _common([other.verdicts for other in others])
        self.unlinked = set.intersection(*[other.unlinked for other in others])


@dataclass(slots=True)
class Procedure:
    """What the manifests of one procedure share.

    Attributes:
        sections: Its sections.
        findings: Takes what is found.
        usage: What was used, in all procedures.
        state: What is known now.
        sizes: The size that goes with a digest.
        digests: The manifests of the dependencies that were found intact.
        commands: How many more it may execute.
    """

    sections: tuple[Member, ...]
    findings: list[Finding]
    usage: Usage
    state: State = field(default_factory=State)
    sizes: dict[Any, int] = field(default_factory=dict)
    digests: set[bytes] = field(default_factory=set)
    commands: int = MAX_COMMANDS

    def spend(self, commands: int) -> None:
        """Count commands: a small tree of manifests can ask for any number of them.

        Raises:
            TooLongError: None are left.
        """
        self.commands -= commands
        if self.commands < 0:
            raise TooLongError

    def end(self) -> None:
        """Say what the procedure has left open."""
        for where, component in self.state.unmatched.values():
            message = f"nothing matches component {component} afterwards"
            self.findings.append(Finding(rules.UNMATCHED_WRITE, where, message))
        for where, component in self.state.late.values():
            message = f"component {component} was written before"
            self.findings.append(Finding(rules.LATE_METADATA, where, message))


def _common(tables: list[dict[Any, Any]]) -> dict[Any, Any]:
    first, *rest = tables
    return {
        key: value
        for key, value in first.items()
        if all(key in other and other[key] == value for other in rest)
    }
