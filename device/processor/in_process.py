"""A secondary processor in this process: our own, with components, keys and rights of its own (T5.4.1)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from typing_extensions import override

from device.authenticate import authenticate
from device.components import show_id
from device.processor.admission import admit_dependency
from device.processor.interpreter import Interpreter
from device.processor.machine import Machine, Trace
from device.processor.parameters import FIELDS
from device.processor.rights import DECISIVE, granted
from device.processor.secondary import SecondaryProcessor, Session, Setting
from device.processor.sections import needed
from device.processor.tree import Node, Tree
from spec.labels import Manifest as Section
from spec.labels import Parameter
from suit.dependencies import MAX_DEPENDENCIES
from suit.envelope import open_envelope
from suit.errors import AbortError, ComponentError, ComponentUnauthorisedError, RefusedError
from suit.manifest import ComponentId, Manifest

SETTABLE: Final = frozenset(FIELDS) - DECISIVE
"""What a primary may set unless its integrator says otherwise: nothing that tells the right image."""


class InProcess(SecondaryProcessor):
    """Our own processor as a secondary one.

    Args:
        machine: Its components, platform, fetcher and security IC; none of them need be the primary's.
        settable: The parameters that the primary may set.

    Attributes:
        trace: What its last procedure did.
    """

    def __init__(self, machine: Machine, *, settable: frozenset[Parameter] = SETTABLE) -> None:
        self._machine = machine
        self._settable = settable
        self.trace = Trace()

    @override
    @contextmanager
    def session(self, sections: tuple[Section, ...]) -> Iterator[Session]:
        self.trace = Trace()
        tree = Tree(self._machine, self.trace, sections=sections, secondary=True)
        with self._machine.components.transaction():
            yield _Session(tree, self._settable)
            if Section.INSTALL in sections:
                _require_matched(self.trace)


class _Session(Session):
    def __init__(self, tree: Tree, settable: frozenset[Parameter]) -> None:
        self._tree = tree
        self._settable = settable
        self._known: dict[bytes, tuple[Manifest, Interpreter]] = {}
        self._inserted: tuple[Manifest, Interpreter] | None = None

    @override
    def insert_envelope(self, raw: bytes) -> None:
        self._inserted = self._known.get(raw)
        if self._inserted is not None:
            return  # it was here before, and goes on with what it has set
        machine = self._tree.machine
        if machine.ic is None:
            raise AbortError("there is no security IC to verify an envelope with")
        if len(self._known) >= MAX_DEPENDENCIES:
            raise ComponentError(f"more than {MAX_DEPENDENCIES} envelopes in one procedure")
        envelope = open_envelope(raw, embedded=True)
        authentic = authenticate(envelope, machine.ic)
        manifest = authentic.manifest
        rights = granted(machine.policy.rights, authentic.keys)
        installing = Section.INVOKE not in self._tree.sections
        admit_dependency(authentic, manifest.ids, rights, machine, installing=installing)
        digests = frozenset({envelope.digest.value})
        node = Node(self._tree, manifest.ids, authentic, digests=digests, rights=rights)
        self._inserted = manifest, Interpreter(node, manifest.shared_sequence, envelope.payloads)
        self._known[raw] = self._inserted

    @override
    def set_parameter(self, component: ComponentId, parameter: Parameter, value: Setting) -> None:
        if component not in self._tree.machine.components.ids:
            raise ComponentError(f"the secondary processor has no component {show_id(component)}")
        if parameter not in self._settable:
            raise ComponentUnauthorisedError(f"the secondary processor lets nobody set {parameter.name}")
        setattr(self._tree.parameters(component), FIELDS[parameter], value)

    @override
    def run_section(self, section: Section) -> None:
        if self._inserted is None:
            raise AbortError("the secondary processor has no envelope")
        manifest, interpreter = self._inserted
        sequence = needed(manifest, section)
        if sequence is not None:
            interpreter.run(section, sequence)


def _require_matched(trace: Trace) -> None:
    """Let nothing stay that no digest was held against: the primary would never know (M4.2)."""
    loose = ", ".join(show_id(component) for component in sorted(trace.written - trace.verified))
    if loose:
        raise RefusedError(f"no image-match of the secondary processor covers {loose}")
