"""The two procedures of a manifest (M5.3.3, M8.4.6): update and invocation."""

from typing import Final

from device.authenticate import Authentic
from device.ic.interface import Floor
from device.processor.admission import admit
from device.processor.interpreter import Interpreter
from device.processor.machine import Machine, Trace
from device.processor.rights import Granted
from device.processor.secondary import Sessions
from device.processor.sections import INVOCATION, REMOVAL, UPDATE, VALIDATION, procedure
from device.processor.tree import Node, Tree
from spec.labels import Manifest as Section
from suit.errors import AbortError
from suit.manifest import Manifest

NO_FLOOR: Final = Floor("")


def update(
    authentic: Authentic[Manifest],
    machine: Machine,
    *,
    floor: Floor = NO_FLOOR,
    trace: Trace | None = None,
) -> Trace:
    """Obtain, install and validate what the manifest describes.

    When it raises, the components are as before (see :meth:`Components.transaction`).

    Args:
        authentic: The manifest, from :func:`device.authenticate.authenticate`.
        machine: The device.
        floor: Its sequence-number floor for this manifest.
        trace: Takes down what happens, for a caller who wants to know after a failure too.

    Returns:
        The trace.

    Raises:
        RollbackError, SequenceReusedError, ComponentError: See :func:`~device.processor.admission.admit`.
        ConditionFailedError, AbortError, HardsuitError: See :meth:`Interpreter.run`.
    """
    rights = admit(authentic, machine, floor)
    trace = trace or Trace()
    with machine.components.transaction():
        tree = _run(authentic, machine, rights, UPDATE, trace)
        tree.commit(install=True)
    return trace


def validate(
    authentic: Authentic[Manifest], machine: Machine, *, floor: Floor = NO_FLOOR, trace: Trace | None = None
) -> Trace:
    """Run the validate sequence alone: what its trace calls verified is what every boot will check again.

    Args and errors are those of :func:`update`.
    """
    rights = admit(authentic, machine, floor)
    trace = trace or Trace()
    _run(authentic, machine, rights, VALIDATION, trace)
    return trace


def uninstall(
    authentic: Authentic[Manifest],
    machine: Machine,
    *,
    floor: Floor = NO_FLOOR,
    trace: Trace | None = None,
) -> Trace:
    """Run a root's uninstall sequence (T6) and give up the references that it unlinks.

    Args and errors are those of :func:`update`. A manifest without that sequence raises :class:`AbortError`.
    """
    rights = admit(authentic, machine, floor)
    if authentic.manifest.uninstall is None:
        raise AbortError("the manifest has no uninstall sequence (T6)")
    trace = trace or Trace()
    with machine.components.transaction():
        tree = _run(authentic, machine, rights, REMOVAL, trace)
        tree.commit(install=False)
    return trace


def invoke(
    authentic: Authentic[Manifest],
    machine: Machine,
    *,
    floor: Floor = NO_FLOOR,
    trace: Trace | None = None,
) -> Trace:
    """Validate, load and invoke what the manifest describes; it returns only if the image does.

    Args and errors are those of :func:`update`. An invocation ends in an error or in an invoked image
    (M6.3): a manifest that invokes nothing raises :class:`AbortError`.
    """
    rights = admit(authentic, machine, floor, installing=False)
    if authentic.manifest.invoke is None:
        raise AbortError("the manifest has no invoke sequence (M6.3)")
    trace = trace or Trace()
    before = len(trace.invoked)
    with machine.components.transaction():
        _run(authentic, machine, rights, INVOCATION, trace)
        if len(trace.invoked) == before:
            raise AbortError("the manifest invoked nothing (M6.3)")
    return trace


def _run(
    authentic: Authentic[Manifest],
    machine: Machine,
    rights: Granted,
    sections: tuple[Section, ...],
    trace: Trace,
) -> Tree:
    manifest = authentic.manifest
    # All that will be needed has to be there before the first command has an effect.
    sequences = procedure(manifest, sections)
    tree = Tree(machine, trace, manifest.component_id or (), sections)
    root = Node(
        tree,
        manifest.ids,
        authentic,
        digests=frozenset({authentic.envelope.digest.value}),
        rights=rights,
    )
    interpreter = Interpreter(root, manifest.shared_sequence, authentic.envelope.payloads)
    if machine.secondaries:
        with Sessions(machine.secondaries, sections) as tree.sessions:
            for section, sequence in sequences:
                interpreter.run(section, sequence)
        return tree
    for section, sequence in sequences:
        interpreter.run(section, sequence)
    return tree
