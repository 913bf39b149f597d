"""Rights of signers (M9, RFC 9124 §4.3.13): which components, commands and parameters a key may use.

The signer that counts for a command is that of the manifest which issues it: a dependency acts with the
rights of its own signer, whoever depends on it. A key without an entry may do everything (model 1), one
with component prefixes may change those components (model 2), one with labels may issue only these
commands and set only these parameters (model 3).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

from device.components import show_id
from spec.labels import Command, Parameter
from suit.errors import ComponentUnauthorisedError
from suit.manifest import Command as Step
from suit.manifest import ComponentId, Sequence

# What decides whether an image is the right one, and who may use it: in a tree, only who may change a
# component may say so.
DECISIVE: Final = frozenset(
    {
        Parameter.VENDOR_IDENTIFIER,
        Parameter.CLASS_IDENTIFIER,
        Parameter.DEVICE_IDENTIFIER,
        Parameter.IMAGE_DIGEST,
        Parameter.IMAGE_SIZE,
        Parameter.COMPONENT_METADATA,
    }
)


@dataclass(frozen=True, slots=True)
class Rights:
    """What one key may do; None is everything.

    Attributes:
        components: Prefixes, segment by segment, of the components that it may change.
        commands: The commands that it may issue.
        parameters: The parameters that it may set.
    """

    components: tuple[ComponentId, ...] | None = None
    commands: frozenset[Command] | None = None
    parameters: frozenset[Parameter] | None = None

    def covers(self, component: ComponentId) -> bool:
        """Tell whether a component may be changed."""
        if self.components is None:
            return True
        return any(component[: len(prefix)] == prefix for prefix in self.components)


Granted: TypeAlias = tuple[Rights, ...] | None
"""The rights of each key that vouches for a manifest; None where one of them may do everything."""


def granted(rights: Mapping[bytes, Rights], keys: tuple[bytes, ...]) -> Granted:
    """Return what a manifest may do that these keys vouch for: all that any of them may."""
    if not rights or not all(key in rights for key in keys):
        return None
    return tuple([rights[key] for key in keys])


def require_component(rights: Granted, component: ComponentId) -> None:
    """Refuse a change that no signer of the manifest has a right to.

    Raises:
        ComponentUnauthorisedError: It is outside every prefix.
    """
    if rights is not None and not any(each.covers(component) for each in rights):
        raise ComponentUnauthorisedError(f"the signer has no right to component {show_id(component)}")


def require_labels(rights: Granted, sequences: Iterable[Sequence | None]) -> None:
    """Refuse a manifest with a command or parameter that its signers may not use.

    Raises:
        ComponentUnauthorisedError: There is one; no sequence has run yet.
    """
    if rights is None:
        return
    for sequence in sequences:
        _require_steps(rights, sequence or ())


def _require_steps(rights: tuple[Rights, ...], sequence: Sequence) -> None:
    for step in sequence:
        if not any(each.commands is None or step.label in each.commands for each in rights):
            raise ComponentUnauthorisedError(f"the signer has no right to {step.label.name}")
        _require_parameters(rights, step)
        if step.label is Command.RUN_SEQUENCE:
            _require_steps(rights, step.argument)
        elif step.label is Command.TRY_EACH:
            for branch in step.argument:
                _require_steps(rights, branch or ())


def _require_parameters(rights: tuple[Rights, ...], step: Step) -> None:
    parameters: Iterable[Parameter] = ()
    if step.label in _SETTERS:
        parameters = step.argument
    elif step.label in _SETTERS_BY_INDEX:
        parameters = chain.from_iterable(step.argument.values())
    for label in parameters:
        if not any(each.parameters is None or label in each.parameters for each in rights):
            raise ComponentUnauthorisedError(f"the signer has no right to set {label.name}")


_SETTERS: Final = frozenset({Command.SET_PARAMETERS, Command.OVERRIDE_PARAMETERS})
_SETTERS_BY_INDEX: Final = frozenset({Command.OVERRIDE_MULTIPLE, Command.COPY_PARAMS})
