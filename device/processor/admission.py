"""Admission (M6.1, 6.2): all that can be held against a manifest before its first command runs.

What its bytes alone decide (version, grammar, unknown labels, limits) the decoder has refused already.
All sequences are looked through, whether this procedure runs them or not: a manifest is acceptable or
not, at every stage of its life.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeAlias

from device.authenticate import Authentic
from device.components import show_id
from device.ic.interface import Floor
from device.processor.machine import Identifiers, Machine
from device.processor.rights import Granted, granted, require_component, require_labels
from device.processor.secondary import leads_away
from device.processor.sections import present
from device.processor.waiting import require_supported
from spec.labels import Command, Parameter
from spec.labels import Manifest as Section
from suit.errors import (
    AbortError,
    ComponentError,
    Place,
    RefusedError,
    RollbackError,
    SequenceReusedError,
    UnsupportedCommandError,
)
from suit.manifest import Command as Step
from suit.manifest import ComponentId, Manifest, Sequence

# Looked up for every manifest: a member of an Enum costs more than a name of this module.
_SET_INDEX: Final = Command.SET_COMPONENT_INDEX
_OVERRIDE_MULTIPLE: Final = Command.OVERRIDE_MULTIPLE
_SETTERS: Final = (Command.OVERRIDE_PARAMETERS, Command.SET_PARAMETERS)
_SOFT_FAILURE: Final = Parameter.SOFT_FAILURE
_SOURCE: Final = Parameter.SOURCE_COMPONENT
_WAIT_INFO: Final = Parameter.WAIT_INFO
_AT_BOOT: Final = frozenset({Section.VALIDATE, Section.LOAD, Section.INVOKE})
_GLOBAL: Final = frozenset({Parameter.STRICT_ORDER, Parameter.SOFT_FAILURE})
_REQUIRED: Final = Identifiers.REQUIRED
_IDENTIFYING: Final = frozenset({Command.VENDOR_IDENTIFIER, Command.CLASS_IDENTIFIER})

Scope: TypeAlias = tuple[int, Machine | None]
"""How many components the manifest has, and the device if it may be told to wait."""


def admit(
    authentic: Authentic[Manifest], machine: Machine, floor: Floor, *, installing: bool = True
) -> Granted:
    """Let a manifest through to its first command.

    Args:
        authentic: The manifest.
        machine: The device.
        floor: The lowest sequence number that the device takes, and the digest of the manifest that has it.
        installing: Whether this procedure may wait; an installed system boots, whatever it waited for once.

    Returns:
        What its signers may do.

    Raises:
        RollbackError: Its sequence number is below the floor (M8.4.2).
        SequenceReusedError: It has the floor's number and is another manifest (ADR 0005).
        ComponentError: The device lacks one of its components (M6.2).
        RefusedError: Policy asks for vendor and class conditions that it does not have.
        ComponentUnauthorisedError: Its signers have no right to a command or a parameter that it uses, or to
            the place where it is stored (T10).
        UnsupportedCommandError, UnsupportedParameterError: It waits at boot, or for what this device cannot
            tell.
        AbortError: A sequence breaks a rule that needs no execution to see.
    """
    manifest = authentic.manifest
    check_sequence_number(authentic, floor)
    rights = granted(machine.policy.rights, authentic.keys)
    if manifest.component_id is not None:
        require_component(rights, manifest.component_id)
    admit_dependency(authentic, manifest.ids, rights, machine, installing=installing)
    return rights


def admit_dependency(
    authentic: Authentic[Manifest],
    ids: tuple[ComponentId, ...],
    rights: Granted,
    machine: Machine,
    *,
    installing: bool,
) -> None:
    """Let a manifest run whose age is not asked for: a dependency is pinned by digest (ADR 0007).

    Args:
        authentic: The manifest.
        ids: Its components on this device.
        rights: What its signers may do.
        machine: The device.
        installing: As :func:`admit`.

    Raises:
        ComponentError, RefusedError, ComponentUnauthorisedError, AbortError: As :func:`admit`.
    """
    manifest = authentic.manifest
    _check_components(ids, machine)
    if machine.policy.identifiers is _REQUIRED:
        _require_identifiers(manifest.shared_sequence)
    sequences = present(manifest)
    if rights is not None:
        require_labels(rights, [sequence for _, sequence in sequences])
    scope = len(ids), machine if installing else None
    for section, sequence in sequences:
        _check_sequence(sequence, scope, section)


def check_sequence_number(authentic: Authentic[Manifest], floor: Floor) -> None:
    """Hold a manifest against a floor: never below it, and no second manifest of its number.

    Raises:
        RollbackError: Its sequence number is below the floor (M8.4.2).
        SequenceReusedError: It has the floor's number and is another manifest (ADR 0005).
    """
    offered, digest = authentic.manifest.sequence_number, authentic.envelope.digest.value
    if offered < floor.value:
        raise RollbackError("sequence number", offered=offered, stored=floor.value)
    if offered == floor.value and floor.digest and floor.digest != digest:
        raise SequenceReusedError(f"sequence number {offered} was used by another manifest")


def _check_components(wanted: tuple[ComponentId, ...], machine: Machine) -> None:
    own = machine.components.ids
    if len(wanted) > len(own) and not machine.secondaries:
        raise ComponentError(f"the manifest has {len(wanted)} components, this device {len(own)}")
    for component in wanted:
        if component not in own and not leads_away(component, machine.secondaries):
            raise ComponentError(f"this device has no component {show_id(component)}")


def _require_identifiers(shared: Sequence | None) -> None:
    present = {step.label for step in shared or ()}
    if not present >= _IDENTIFYING:
        raise RefusedError("the shared sequence does not check both vendor and class (M6.2)")


def _check_sequence(sequence: Sequence, scope: Scope, section: Section) -> None:
    # ADR 0009: override-multiple is short for set-component-index and more, here too.
    if scope[0] > 1 and sequence[0].label is not _SET_INDEX and sequence[0].label is not _OVERRIDE_MULTIPLE:
        problem = "several components, and no set-component-index first (M6.2)"
        raise _abort(sequence[0], section, problem)
    for step in sequence:
        check = _CHECKS.get(step.label)
        if check is not None:
            check(step, scope, section)
            # M8.4.8.15: soft-failure belongs to nested sequences.
            if _sets_soft_failure(step):
                problem = "soft-failure outside try-each and run-sequence (M8.4.8.15)"
                raise _abort(step, section, problem)


def _sets_soft_failure(step: Step) -> bool:
    if step.label in _SETTERS:
        return _SOFT_FAILURE in step.argument
    return step.label is _OVERRIDE_MULTIPLE and any(_SOFT_FAILURE in row for row in step.argument.values())


def _check_steps(sequence: Sequence, scope: Scope, section: Section) -> None:
    for step in sequence:
        check = _CHECKS.get(step.label)
        if check is not None:
            check(step, scope, section)


def _check_index(step: Step, scope: Scope, section: Section) -> None:
    if step.argument is True:
        return
    indices = (step.argument,) if isinstance(step.argument, int) else step.argument
    for index in indices:
        if index >= scope[0]:
            raise _abort(step, section, f"there is no component {index}")


def _check_parameters(step: Step, scope: Scope, section: Section) -> None:
    source = step.argument.get(_SOURCE, 0)
    if source >= scope[0]:
        raise _abort(step, section, f"there is no component {source}")
    if _WAIT_INFO in step.argument and scope[1] is not None:
        with _at(step, section):
            require_supported(step.argument[_WAIT_INFO], scope[1])


def _check_wait(step: Step, scope: Scope, section: Section) -> None:
    del scope
    # ADR 0010: these sequences run at every boot, and a boot that waits is a device that is off.
    if section in _AT_BOOT:
        with _at(step, section):
            raise UnsupportedCommandError("wait in a sequence that runs at boot")


def _check_multiple(step: Step, scope: Scope, section: Section) -> None:
    for index, parameters in step.argument.items():
        if index >= scope[0]:
            raise _abort(step, section, f"there is no component {index}")
        _check_parameters(step._replace(argument=parameters), scope, section)


def _check_copies(step: Step, scope: Scope, section: Section) -> None:
    for source, labels in step.argument.items():
        if source >= scope[0]:
            raise _abort(step, section, f"there is no component {source}")
        if not _GLOBAL.isdisjoint(labels):
            raise _abort(step, section, "strict-order and soft-failure belong to no component (M8.4.8)")


def _check_branches(step: Step, scope: Scope, section: Section) -> None:
    for branch in step.argument:
        if branch is not None:
            _check_steps(branch, scope, section)


def _check_nested(step: Step, scope: Scope, section: Section) -> None:
    _check_steps(step.argument, scope, section)


_CHECKS: Final[Mapping[Command, Callable[[Step, Scope, Section], None]]] = {
    Command.SET_COMPONENT_INDEX: _check_index,
    Command.OVERRIDE_PARAMETERS: _check_parameters,
    Command.SET_PARAMETERS: _check_parameters,
    Command.OVERRIDE_MULTIPLE: _check_multiple,
    Command.COPY_PARAMS: _check_copies,
    Command.TRY_EACH: _check_branches,
    Command.RUN_SEQUENCE: _check_nested,
    Command.WAIT: _check_wait,
}


def _abort(step: Step, section: Section, problem: str) -> AbortError:
    error = AbortError(problem)
    error.place = Place(section, step.offset, None, step.label)
    return error


@contextmanager
def _at(step: Step, section: Section) -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        error.place = Place(section, step.offset, None, step.label)
        raise
