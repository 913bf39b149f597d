"""Admission (M6.1, 6.2): all that can be held against a manifest before its first command runs.

What its bytes alone decide (version, grammar, unknown labels, limits) the decoder has refused already.
All sequences are looked through, whether this procedure runs them or not: a manifest is acceptable or
not, at every stage of its life.
"""

from collections.abc import Iterator
from typing import Final

from device.authenticate import Authentic
from device.components import Components, show_id
from device.ic.interface import Floor
from device.processor.machine import Identifiers, Machine
from spec.labels import Command, Parameter
from spec.labels import Manifest as Section
from suit.errors import (
    AbortError,
    ComponentError,
    Place,
    RefusedError,
    RollbackError,
    SequenceReusedError,
)
from suit.manifest import Command as Step
from suit.manifest import ComponentId, Manifest, Sequence

_IDENTIFYING: Final = frozenset({Command.VENDOR_IDENTIFIER, Command.CLASS_IDENTIFIER})


def admit(authentic: Authentic[Manifest], machine: Machine, floor: Floor) -> None:
    """Let a manifest through to its first command.

    Args:
        authentic: The manifest.
        machine: The device.
        floor: The lowest sequence number that the device takes, and the digest of the manifest that has it.

    Raises:
        RollbackError: Its sequence number is below the floor (M8.4.2).
        SequenceReusedError: It has the floor's number and is another manifest (ADR 0005).
        ComponentError: The device lacks one of its components (M6.2).
        RefusedError: Policy asks for vendor and class conditions that it does not have.
        AbortError: A sequence breaks a rule that needs no execution to see.
    """
    manifest = authentic.manifest
    _check_sequence_number(manifest.sequence_number, authentic.envelope.digest.value, floor)
    _check_components(manifest.components, machine.components)
    if machine.policy.identifiers is Identifiers.REQUIRED:
        _require_identifiers(manifest.shared_sequence)
    for section, sequence in _sequences(manifest):
        _Reader(section, len(manifest.components)).read(sequence)


def _check_sequence_number(offered: int, digest: bytes, floor: Floor) -> None:
    if offered < floor.value:
        raise RollbackError("sequence number", offered=offered, stored=floor.value)
    if offered == floor.value and floor.digest and floor.digest != digest:
        raise SequenceReusedError(f"sequence number {offered} was used by another manifest")


def _check_components(wanted: tuple[ComponentId, ...], components: Components) -> None:
    own = components.ids
    if len(wanted) > len(own):
        raise ComponentError(f"the manifest has {len(wanted)} components, this device {len(own)}")
    for component in wanted:
        if component not in own:
            raise ComponentError(f"this device has no component {show_id(component)}")


def _require_identifiers(shared: Sequence | None) -> None:
    present = {step.label for step in shared or ()}
    if not present >= _IDENTIFYING:
        raise RefusedError("the shared sequence does not check both vendor and class (M6.2)")


def _sequences(manifest: Manifest) -> Iterator[tuple[Section, Sequence]]:
    severable = (
        (Section.PAYLOAD_FETCH, manifest.payload_fetch),
        (Section.INSTALL, manifest.install),
    )
    for section, member in severable:
        if member is not None and member.value is not None:
            yield section, member.value
    inline = (
        (Section.COMMON, manifest.shared_sequence),
        (Section.VALIDATE, manifest.validate),
        (Section.LOAD, manifest.load),
        (Section.INVOKE, manifest.invoke),
    )
    for section, sequence in inline:
        if sequence is not None:
            yield section, sequence


class _Reader:
    """Reads one top-level sequence with those nested in it, without executing anything."""

    __slots__ = ("count", "section")

    def __init__(self, section: Section, count: int) -> None:
        self.section = section
        self.count = count

    def read(self, sequence: Sequence) -> None:
        if self.count > 1 and sequence[0].label is not Command.SET_COMPONENT_INDEX:
            raise self._abort(sequence[0], "several components, and no set-component-index first (M6.2)")
        self._steps(sequence, nested=False)

    def _steps(self, sequence: Sequence, *, nested: bool) -> None:
        for step in sequence:
            label = step.label
            if label is Command.SET_COMPONENT_INDEX:
                self._index(step)
            elif label is Command.OVERRIDE_PARAMETERS:
                self._parameters(step, nested=nested)
            elif label is Command.RUN_SEQUENCE:
                self._steps(step.argument, nested=True)
            elif label is Command.TRY_EACH:
                for branch in step.argument:
                    if branch is not None:
                        self._steps(branch, nested=True)

    def _index(self, step: Step) -> None:
        if step.argument is True:
            return
        indices = (step.argument,) if isinstance(step.argument, int) else step.argument
        for index in indices:
            if index >= self.count:
                raise self._abort(step, f"there is no component {index}")

    def _parameters(self, step: Step, *, nested: bool) -> None:
        if not nested and Parameter.SOFT_FAILURE in step.argument:
            raise self._abort(step, "soft-failure outside try-each and run-sequence (M8.4.8.15)")
        source = step.argument.get(Parameter.SOURCE_COMPONENT, 0)
        if source >= self.count:
            raise self._abort(step, f"there is no component {source}")

    def _abort(self, step: Step, problem: str) -> AbortError:
        error = AbortError(problem)
        error.place = Place(self.section, step.offset, None, step.label)
        return error
