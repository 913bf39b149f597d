"""Dependencies (T5): envelopes that components hold, and when they are what the dependent means.

suit-condition-dependency-integrity makes a :class:`Node` of the component's content. The bytes are read
once: what was verified is what runs, whatever becomes of the component meanwhile, and a change of the
component takes the verdict back.
"""

import hmac
from collections.abc import Set as AbstractSet

from device.authenticate import Authentic, authenticate
from device.components import show_id
from device.processor.admission import admit_dependency
from device.processor.rights import granted
from device.processor.sections import member
from device.processor.state import State
from device.processor.tree import Node
from spec.labels import Manifest as Section
from suit.dependencies import MAX_DEPENDENCIES, MAX_DEPTH
from suit.envelope import MAX_ENVELOPE, manifest_digest, open_envelope
from suit.errors import AbortError, ComponentError, ConditionFailedError, HardsuitError, LimitError
from suit.manifest import ComponentId, Digest, Envelope, Manifest


def matches(state: State, expected: Digest) -> bool:
    """Compare a digest with that of the manifest in the current component's envelope (T5.2.2)."""
    actual = manifest_digest(read_envelope(state).manifest, expected.algorithm)
    return hmac.compare_digest(actual.value, expected.value)


def read_envelope(state: State) -> Envelope:
    """Open the envelope that the current component holds; nothing in it is believed yet.

    Raises:
        AbortError: The component is absent.
        MalformedError: It holds no envelope, or one that is too large.
    """
    return _opened(_content(state))


def verify(state: State) -> Node:
    """Find the current dependency intact (T5.6.4), and remember that for this manifest alone.

    Raises:
        AbortError: It is no dependency, it is absent, it is another one, or it closes a loop.
        NotAuthenticError: No trusted key vouches for it.
        ComponentError: The device lacks one of its components, or there are too many dependencies.
        MalformedError, RefusedError: It is no manifest, or one that this device refuses.
    """
    node, index = state.node, state.index
    dependency = node.dependencies.get(index)
    if dependency is None:
        raise AbortError(f"component {index} is no dependency (T5.6.4)")
    known = node.verdict(index)
    expected = state.parameters.image_digest
    if expected is None:
        raise AbortError("no image digest is set")
    if known is not None and _digest(known) == expected:
        return known
    raw = _content(state)
    envelope = _opened(raw)
    if envelope.digest != expected:
        raise AbortError(f"dependency {index} is another manifest than the digest says")
    _require_place(node, expected.value)
    prefix = node.prefix
    if dependency.prefix is not None and index < len(node.ids) - _virtual(node):
        prefix = (*prefix, *dependency.prefix)
    child = _admit(node, index, envelope, prefix)
    if child.elsewhere and node.tree.sessions is not None:
        node.tree.sessions.insert(prefix, raw, child.path)
    node.tree.digests.add(expected.value)
    node.tree.trace.verified.add(state.current)
    node.tree.verdicts.setdefault(state.current, {})[node] = child
    return child


def require_lockstep(node: Node, processed: AbstractSet[int], section: Section) -> None:
    """Check that every dependency has run its section before anybody goes on to the next (T5.1, T5.3).

    Raises:
        AbortError: One has not, in profile strict.
    """
    name = section.name.lower().replace("_", "-")
    for index in node.dependencies:
        child = node.verdict(index)
        if child is None or child.authentic is None:
            node.tree.complain(f"dependency {index} was not found intact at the end of {name} (T5.1)")
        elif index not in processed and member(child.authentic.manifest, section) is not None:
            node.tree.complain(f"dependency {index} did not run its {name} (T5.1)")


def run_elsewhere(child: Node, section: Section) -> ConditionFailedError | None:
    """Have a secondary processor run a section (T5.4.1); return the condition that failed, if one did."""
    tree = child.tree
    if tree.sessions is None:
        raise AbortError("the secondary processor is not there")
    return tree.sessions.run(child.prefix, section, tree.sets, child.path)


def _content(state: State) -> bytes:
    size = state.components.size(state.current)
    if size is None:
        raise AbortError(f"dependency {state.index} is absent")
    if size > MAX_ENVELOPE:
        raise LimitError(f"dependency {state.index}", f"{size} bytes are over the limit of {MAX_ENVELOPE}")
    return b"".join(state.components.read(state.current))


def _opened(raw: bytes) -> Envelope:
    # Embedded envelopes may have no tag (ADR 0005, 7.5), and a component does not say where it came from.
    return open_envelope(raw, embedded=True)


def _admit(node: Node, index: int, envelope: Envelope, prefix: ComponentId) -> Node:
    machine = node.tree.machine
    if machine.ic is None:
        raise AbortError("there is no security IC to verify a dependency with")
    authentic = authenticate(envelope, machine.ic)
    manifest = authentic.manifest
    child = Node(
        node.tree,
        tuple([(*prefix, *component) for component in manifest.ids]),
        authentic,
        (*node.path, index),
        prefix,
        node.digests | {envelope.digest.value},
        granted(machine.policy.rights, authentic.keys),
        elsewhere=prefix in machine.secondaries,
    )
    if not child.elsewhere:
        _admit_here(child, authentic)
        node.tree.trace.below.update(child.ids)
    _require_populated(node, child)
    return child


def _admit_here(child: Node, authentic: Authentic[Manifest]) -> None:
    try:
        installing = Section.INVOKE not in child.tree.sections
        admit_dependency(authentic, child.ids, child.rights, child.tree.machine, installing=installing)
    except HardsuitError as error:
        if error.place is not None:
            error.place = error.place._replace(manifest=child.path)
        raise


def _require_place(node: Node, digest: bytes) -> None:
    """Check that the tree neither closes a loop nor grows beyond its limits (ADR 0007)."""
    if digest in node.digests:
        raise AbortError("the dependency depends on itself")
    if len(node.path) >= MAX_DEPTH:
        raise ComponentError(f"dependencies are nested deeper than {MAX_DEPTH} levels")
    if digest not in node.tree.digests and len(node.tree.digests) >= MAX_DEPENDENCIES:
        raise ComponentError(f"more than {MAX_DEPENDENCIES} dependencies")


def _require_populated(node: Node, child: Node) -> None:
    """Check that the dependent has every section of this procedure that its dependency has (T5.1)."""
    if node.authentic is None or child.authentic is None:
        return
    for section in node.tree.sections:
        if member(child.authentic.manifest, section) and not member(node.authentic.manifest, section):
            name = section.name.lower().replace("_", "-")
            node.tree.complain(
                f"dependency {show_id(node.ids[child.path[-1]])} has {name}, its dependent not"
            )


def _digest(node: Node) -> Digest | None:
    return None if node.authentic is None else node.authentic.envelope.digest


def _virtual(node: Node) -> int:
    return 0 if node.authentic is None else len(node.ids) - len(node.authentic.manifest.components)
