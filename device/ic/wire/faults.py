"""Errors on their way: each arrives as the class that it was, or as one that is no less of a failure."""

import inspect
from typing import Any, Final

from device.ic import errors
from device.ic.errors import (
    AuthFailedError,
    IcError,
    IcFailedError,
    IcRollbackError,
    IcUsageError,
    LockedOutError,
)
from suit import cbor
from suit.errors import HardsuitError, MalformedError, StorageError

_CLASSES: Final[dict[str, type[HardsuitError]]] = {
    value.reason: value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, IcError)
} | {StorageError.reason: StorageError}
_KNOWN: Final = frozenset(_CLASSES.values())
_DETAILS: Final[dict[type[HardsuitError], tuple[str, ...]]] = {
    AuthFailedError: ("tries_left",),
    LockedOutError: ("retry_after",),
    IcRollbackError: ("what", "offered", "stored"),
}
"""The errors that carry more than a message."""
_KINDS: Final = (int, str)
_LONGEST: Final = 500
"""Characters of a message: it may quote what a client said."""


def to_item(error: Exception) -> cbor.Item:
    """Return an error as ``[reason, message, details]``."""
    if isinstance(error, HardsuitError):
        kind = next((one for one in type(error).__mro__ if one in _KNOWN), IcUsageError)
        details = [getattr(error, name) for name in _DETAILS.get(kind, ())]
        return [kind.reason, str(error)[:_LONGEST], details]
    # What it says may quote what the IC protects.
    return [IcFailedError.reason, f"the IC failed inside ({type(error).__name__})", []]


def from_item(item: cbor.Item) -> HardsuitError:
    """Return the error that :func:`to_item` wrote.

    Raises:
        MalformedError: It is none.
    """
    match item:
        case [str(reason), str(message), [*details]] if all(type(part) in _KINDS for part in details):
            return _rebuild(_CLASSES.get(reason, IcFailedError), message, details)
        case _:
            raise MalformedError("IC frame", "neither a result nor a fault")


def _rebuild(kind: type[HardsuitError], message: str, details: list[Any]) -> HardsuitError:
    names = _DETAILS.get(kind, ())
    if len(names) != len(details):
        return IcFailedError(message)
    error = kind.__new__(kind)
    HardsuitError.__init__(error, message)
    for name, value in zip(names, details, strict=True):
        setattr(error, name, value)
    return error
