"""What may be called over the wire: the abstract methods of the interface, as it declares them.

A request is ``[name, target, arguments, released, spilled]``: the target is 0 for the IC itself or the number
of something that it handed out; released numbers are of no more use; ``spilled`` is the index of an argument
that is too large for a frame and comes as a file descriptor. An answer is ``[true, result]`` or
``[false, fault]``;
``[null, fault]`` is the last word before the IC hangs up.
"""

import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, ParamSpec, TypeVar

from device.ic.interface import AuthSession, ContentKey, DecryptStream, HashStream, SecurityIC
from device.ic.wire.forms import Form, Handles, form_of, refuse, stays
from device.ic.wire.greeting import IcHost
from suit import cbor

P = ParamSpec("P")
T = TypeVar("T")

SPILL: Final = 128 << 10
"""An argument above this many bytes travels as a file descriptor."""
MAX_SPILLED: Final = 8 << 20
MAX_HANDLES: Final = 16
"""What one connection may have in the making: as on a TPM, few."""

ENDINGS: Final = frozenset(
    {
        "HashStream.finish",
        "AuthSession.close",
        "ContentKey.discard",
        "DecryptStream.finish",
        "DecryptStream.abort",
    }
)
"""Calls after which their target is of no more use."""
_LOCAL: Final = frozenset({"SecurityIC.close"})
"""Closing is the client's affair: the IC serves others."""


@dataclass(frozen=True, slots=True)
class Call(Generic[P, T]):
    """One method of the interface, and how its arguments and its result travel."""

    method: Callable[P, T]

    @property
    def name(self) -> str:
        """Class and method."""
        return self.method.__qualname__

    @property
    def parameters(self) -> Sequence[tuple[inspect.Parameter, Form]]:
        """The parameters but for the target."""
        return _forms(self.method)[0]

    def write(self, handles: Handles, *args: Any, **kwargs: Any) -> list[cbor.Item]:  # noqa: ANN401 - as P says
        """Return the arguments as items."""
        given = iter(args)
        return [
            form.to_item(kwargs[parameter.name] if parameter.name in kwargs else next(given), handles)
            for parameter, form in self.parameters
        ]

    def read(self, items: cbor.Item, handles: Handles) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments that were sent.

        Raises:
            MalformedError: They are not what the method takes.
        """
        if type(items) is not list or len(items) != len(self.parameters):
            raise refuse(f"{self.name} takes {len(self.parameters)} arguments")
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for (parameter, form), item in zip(self.parameters, items, strict=True):
            value = form.from_item(item, handles)
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                named[parameter.name] = value
            else:
                positional.append(value)
        return positional, named

    @property
    def result(self) -> Form:
        """The form of the result."""
        return _forms(self.method)[1]


@cache
def _forms(method: Callable[..., Any]) -> tuple[list[tuple[inspect.Parameter, Form]], Form]:
    hints = typing.get_type_hints(method)
    _, *parameters = inspect.signature(method).parameters.values()
    return [(one, form_of(hints[one.name])) for one in parameters], form_of(hints["return"])


def _remote(owner: type) -> dict[str, tuple[type, Call[..., Any]]]:
    methods = [vars(owner)[name] for name in vars(owner) if name in owner.__abstractmethods__]  # type: ignore[attr-defined]  # an ABC
    return {method.__qualname__: (owner, Call(method)) for method in methods}


CALLS: Final = {
    name: entry
    for owner in (
        IcHost,
        SecurityIC,
        stays(HashStream),
        stays(AuthSession),
        stays(ContentKey),
        stays(DecryptStream),
    )
    for name, entry in _remote(owner).items()
    if name not in _LOCAL
}
"""Every call by its name, with the class of its target."""
