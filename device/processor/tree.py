"""The tree of manifests that one procedure runs, and the verdicts on its dependencies (T5).

A :class:`Node` is one manifest in its place in the tree, a :class:`Tree` what all of them share: the
parameters of every component, the verdicts of dependency-integrity, the references that are given up.
A tree lives as long as its procedure, and its verdicts with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from device.authenticate import Authentic
from device.components import show_id
from device.processor.machine import Machine, Profile, Trace
from device.processor.parameters import ParameterSet
from device.processor.rights import Granted, require_component
from device.processor.secondary import Sessions
from spec.labels import Manifest as Section
from suit.errors import AbortError
from suit.manifest import ComponentId, Dependency, Manifest

_STRICT: Final = Profile.STRICT
_NONE: Final[Mapping[int, Dependency]] = {}


class Tree:
    """What the manifests of one procedure share.

    Attributes:
        owner: The root's component identifier, in whose name references are held (ADR 0007).
        sections: The sections of this procedure.
        sets: The parameters of each component, whichever manifest names it (T5.4).
        verdicts: Dependencies found intact, by component and by the manifest in whose context they were.
        digests: Manifests that were found intact.
        unlinked: Components whose reference was given up and that were not written since.
        declared: Components that manifests of this procedure name.
        secondary: Whether a primary sets parameters here too, and hands in the manifests.
        sessions: The secondary processors in this procedure, where there are any.
    """

    __slots__ = (
        "declared",
        "digests",
        "machine",
        "owner",
        "secondary",
        "sections",
        "sessions",
        "sets",
        "strict",
        "trace",
        "unlinked",
        "verdicts",
    )

    def __init__(
        self,
        machine: Machine,
        trace: Trace,
        owner: ComponentId = (),
        sections: tuple[Section, ...] = (),
        *,
        secondary: bool = False,
    ) -> None:
        self.machine: Final = machine
        self.trace: Final = trace
        self.owner: Final = owner
        self.sections: Final = sections
        self.secondary: Final = secondary
        self.strict: Final = machine.policy.profile is _STRICT
        self.sets: Final[dict[ComponentId, ParameterSet]] = {}
        self.verdicts: Final[dict[ComponentId, dict[Node, Node]]] = {}
        self.digests: Final[set[bytes]] = set()
        self.unlinked: Final[set[ComponentId]] = set()
        self.declared: Final[set[ComponentId]] = set()
        self.sessions: Sessions | None = None

    def parameters(self, component: ComponentId) -> ParameterSet:
        """Return the parameters of a component."""
        found = self.sets.get(component)
        if found is None:
            found = self.sets[component] = ParameterSet()
        return found

    def changed(self, component: ComponentId) -> None:
        """Note new content: nothing that was verified before says anything about it (T5.6.4)."""
        self.trace.wrote(component)
        self.verdicts.pop(component, None)
        self.unlinked.discard(component)

    def unlink(self, component: ComponentId) -> None:
        """Give up the root's reference to a component (T5.6.5).

        Raises:
            AbortError: It was given up already, or never held.
        """
        references = self.machine.references
        held = references is None or self.owner in references.owners(component)
        if component in self.unlinked or not held:
            raise AbortError(f"there is no reference to component {show_id(component)} to give up (T5.6.5)")
        self.unlinked.add(component)

    def others(self, component: ComponentId) -> frozenset[ComponentId]:
        """Return the other roots that hold a reference to a component."""
        references = self.machine.references
        return frozenset() if references is None else references.owners(component) - {self.owner}

    def commit(self, *, install: bool) -> None:
        """Make the references durable as they are after a procedure that succeeded."""
        references = self.machine.references
        if references is not None:
            # Components of a secondary processor are its own affair (ADR 0015).
            own = self.declared.intersection(self.machine.components.ids)
            held = own - self.unlinked if install else frozenset()
            references.change(self.owner, held=frozenset(held), given_up=frozenset(self.unlinked))

    def complain(self, problem: str) -> None:
        """Abort for a broken rule of the lockstep; note it in profile compat (ADR 0007).

        Raises:
            AbortError: The profile is strict.
        """
        if self.strict:
            raise AbortError(problem)
        self.trace.warnings.append(problem)


@dataclass(eq=False, slots=True)
class Node:
    """One manifest in its place in the tree.

    Attributes:
        ids: Its components, every prefix above it put in front.
        authentic: The manifest; None for sequences without one.
        path: The dependency indices that lead to it; empty for the root.
        prefix: What is put before its component identifiers.
        digests: The digests of this manifest and of all above it.
        rights: What its signers may do.
        elsewhere: Whether a secondary processor runs it (T5.4.1).
    """

    tree: Tree
    ids: tuple[ComponentId, ...]
    authentic: Authentic[Manifest] | None = None
    path: tuple[int, ...] = ()
    prefix: ComponentId = ()
    digests: frozenset[bytes] = frozenset()
    rights: Granted = None
    elsewhere: bool = False
    dependencies: Mapping[int, Dependency] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.dependencies = _NONE if self.authentic is None else self.authentic.manifest.dependencies
        if self.tree.machine.references is not None:
            self.tree.declared.update(self.ids)

    @property
    def alone(self) -> bool:
        """Whether no other manifest can see the parameters that this one sets."""
        return not self.path and not self.dependencies and not self.tree.secondary

    def verdict(self, index: int) -> "Node | None":
        """Return a dependency that was found intact in the context of this manifest, and is still."""
        return self.tree.verdicts.get(self.ids[index], {}).get(self)

    def require_change(self, component: ComponentId) -> None:
        """Let nobody change a component who has no right to it, or while others refer to it.

        Raises:
            ComponentUnauthorisedError: The signer has no right.
            AbortError: Other roots hold references to it (T5.3, T5.6.5).
        """
        require_component(self.rights, component)
        others = self.tree.others(component)
        if others:
            raise AbortError(f"component {show_id(component)} has references left (T5.6.5)")

    def require_resolved(self, index: int) -> None:
        """Let a payload be touched only when all dependencies are intact (T3); compat does not ask.

        Raises:
            AbortError: One is not.
        """
        if self.dependencies and self.tree.strict and index not in self.dependencies:
            for each in self.dependencies:
                if self.verdict(each) is None:
                    raise AbortError(f"dependency {each} was not checked before payloads are touched (T3)")
