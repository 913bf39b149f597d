"""The two procedures of a manifest (M5.3.3, M8.4.6): update and invocation."""

from typing import Final, TypeAlias

from device.authenticate import Authentic
from device.ic.interface import Floor
from device.processor.admission import admit
from device.processor.interpreter import Interpreter
from device.processor.machine import Machine, Trace
from spec.labels import Manifest as Section
from suit.errors import AbortError
from suit.manifest import Manifest, Sequence, Severable

NO_FLOOR: Final = Floor("")

Sequences: TypeAlias = list[tuple[Section, Sequence]]


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
    manifest = authentic.manifest
    admit(authentic, machine, floor)
    sequences = _present(
        (Section.PAYLOAD_FETCH, _unsevered(Section.PAYLOAD_FETCH, manifest.payload_fetch)),
        (Section.INSTALL, _unsevered(Section.INSTALL, manifest.install)),
        (Section.VALIDATE, manifest.validate),
    )
    trace = trace or Trace()
    with machine.components.transaction():
        _run(authentic, machine, sequences, trace)
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
    manifest = authentic.manifest
    admit(authentic, machine, floor)
    if manifest.invoke is None:
        raise AbortError("the manifest has no invoke sequence (M6.3)")
    trace = trace or Trace()
    sequences = _present(
        (Section.VALIDATE, manifest.validate),
        (Section.LOAD, manifest.load),
        (Section.INVOKE, manifest.invoke),
    )
    before = len(trace.invoked)
    with machine.components.transaction():
        _run(authentic, machine, sequences, trace)
        if len(trace.invoked) == before:
            raise AbortError("the manifest invoked nothing (M6.3)")
    return trace


def _run(authentic: Authentic[Manifest], machine: Machine, sequences: Sequences, trace: Trace) -> None:
    manifest = authentic.manifest
    interpreter = Interpreter(
        manifest.components, manifest.shared_sequence, authentic.envelope.payloads, machine, trace
    )
    for section, sequence in sequences:
        interpreter.run(section, sequence)


def _present(*sections: tuple[Section, Sequence | None]) -> Sequences:
    return [(section, sequence) for section, sequence in sections if sequence is not None]


def _unsevered(section: Section, member: Severable[Sequence] | None) -> Sequence | None:
    """Return a severable sequence; one that was cut off is missed only where it is needed (M5.4)."""
    if member is None:
        return None
    if member.value is None:
        name = section.name.lower().replace("_", "-")
        raise AbortError(f"{name} was severed, and the envelope does not hold it")
    return member.value
