"""What the IC holds, object by object: how far each is in its life, and what it takes to change or use it.

After the example of security chips (OPTIGA's life cycle states and access conditions): a condition is met or
not, an access rule is a list of sets of conditions of which one has to be met in full, and no rule is never.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final


class Lifecycle(IntEnum):
    """How far an object is; it only goes up."""

    CREATION = 1
    INITIALIZATION = 3
    OPERATIONAL = 7
    TERMINATED = 15


class Condition(Enum):
    """What an access can depend on."""

    ALWAYS = "always"
    COMMISSIONING = "commissioning"
    """The IC is not operational yet."""
    AUTHORIZED = "authorized"
    """In a session that the owner's secret opened."""
    SIGNED = "signed"
    """By an update that the very key signed which it replaces."""
    UPDATER = "updater"
    """By an update that a trust anchor of :attr:`Purpose.UPDATE` signed."""


Access = tuple[frozenset[Condition], ...]
NEVER: Final[Access] = ()
ALWAYS: Final[Access] = (frozenset({Condition.ALWAYS}),)
COMMISSIONING: Final[Access] = (frozenset({Condition.COMMISSIONING}),)
AUTHORIZED: Final[Access] = (frozenset({Condition.AUTHORIZED}),)
COMMISSIONED: Final[Access] = (frozenset({Condition.AUTHORIZED, Condition.COMMISSIONING}),)
"""By the owner, until the device is operational."""
SIGNED: Final[Access] = (frozenset({Condition.SIGNED}), frozenset({Condition.UPDATER}))


def allows(access: Access, met: AbstractSet[Condition]) -> bool:
    """Tell whether an access is granted while these conditions are met."""
    return any(needed <= met | {Condition.ALWAYS} for needed in access)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object as the IC shows it: never its content.

    Attributes:
        name: Such as ``anchor/manifest-0``.
        lifecycle: How far it is.
        version: Of its content; a signed update has to raise it.
        change: What changes it.
        use: What uses it.
    """

    name: str
    lifecycle: Lifecycle
    version: int
    change: Access
    use: Access
