"""How values travel, derived from their types: the annotations of the interface are the wire format.

A dataclass and a named tuple are the array of their fields in order; an enum member is its value; a union of
classes is its index and the value. A decoded value has exactly the annotated type or is refused, so that
neither end can be handed anything that the in-process interface could not be.
"""

import types
import typing
from collections import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from dataclasses import replace as changed
from enum import Enum
from functools import cache, lru_cache
from typing import Any, Final, Protocol

from suit import cbor
from suit.errors import MalformedError
from suit.keys import CoseKey
from suit.recipient_keys import RecipientKey

_WHERE: Final = "IC frame"
_PLAIN: Final = (int, str, bool)
_SEQUENCES: Final = (abc.Sequence, abc.Collection, abc.Iterable, list)
_SETS: Final = (frozenset, set, abc.Set)
_MAPPINGS: Final = (abc.Mapping, dict)


class Handles(Protocol):
    """What turns an object that stays at the IC into a number and back."""

    def number(self, value: object) -> int:
        """Return the number of an object."""

    def resolve(self, kind: type, number: int) -> Any:  # noqa: ANN401 - an object of the class asked for
        """Return the object of a number."""


@dataclass(frozen=True, slots=True)
class Form:
    """How values of one type become items of CBOR and are made of them again."""

    to_item: Callable[[Any, Handles], cbor.Item]
    from_item: Callable[[cbor.Item, Handles], Any]


_STAYING: dict[type, None] = {}


def stays(kind: type) -> type:
    """Declare a class whose objects stay at the IC; a number travels instead."""
    _STAYING[kind] = None
    return kind


@cache
def form_of(kind: Any) -> Form:  # noqa: ANN401 - any annotation
    """Return the form of a type.

    Raises:
        TypeError: There is none: the interface was given an annotation that cannot travel.
    """
    if kind in _STAYING:
        return _staying(kind)
    if kind in _SINGLE:
        return _SINGLE[kind]
    origin = typing.get_origin(kind)
    if origin in {typing.Union, types.UnionType}:
        return _union(typing.get_args(kind))
    if origin is not None:
        return _generic(origin, typing.get_args(kind))
    return _named(kind)


def refuse(problem: str) -> MalformedError:
    """Return the error for an item that has no business in a frame."""
    return MalformedError(_WHERE, problem)


def _exactly(kind: type) -> Form:
    def read(item: cbor.Item, _: Handles) -> Any:  # noqa: ANN401 - of type `kind`
        if type(item) is not kind:
            raise refuse(f"{type(item).__name__} where {kind.__name__} is expected")
        return item

    return Form(lambda value, _: value, read)


def _staying(kind: type) -> Form:
    plain = _exactly(int)
    return Form(
        lambda value, handles: handles.number(value),
        lambda item, handles: handles.resolve(kind, plain.from_item(item, handles)),
    )


def _named(kind: Any) -> Form:  # noqa: ANN401 - a class
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return _record(kind, [(part.name, hints[part.name]) for part in fields(kind)])
    if isinstance(kind, type) and issubclass(kind, tuple):
        return _record(kind, list(typing.get_type_hints(kind).items()))
    raise TypeError(f"{kind!r} cannot travel")


def _enum(kind: type[Enum]) -> Form:
    members = {(type(member.value), member.value): member for member in kind}  # True is 1 to a dict

    def read(item: cbor.Item, _: Handles) -> Enum:
        if type(item) not in _PLAIN or (type(item), item) not in members:
            raise refuse(f"not a {kind.__name__}")
        return members[type(item), item]

    return Form(lambda value, _: value.value, read)


def _record(kind: Callable[..., Any], parts: list[tuple[str, Any]]) -> Form:
    names = [name for name, _ in parts]
    forms = [form_of(hint) for _, hint in parts]

    def read(item: cbor.Item, handles: Handles) -> Any:  # noqa: ANN401 - of type `kind`
        if type(item) is not list or len(item) != len(forms):
            raise refuse(f"not a {getattr(kind, '__name__', 'record')}")
        return kind(*[form.from_item(part, handles) for form, part in zip(forms, item, strict=True)])

    return Form(
        lambda value, handles: [
            form.to_item(getattr(value, name), handles) for name, form in zip(names, forms, strict=True)
        ],
        read,
    )


def _union(kinds: tuple[Any, ...]) -> Form:
    present = [kind for kind in kinds if kind is not types.NoneType]
    if len(present) < len(kinds):
        inner = form_of(present[0]) if len(present) == 1 else _union(tuple(present))
        return Form(
            lambda value, handles: None if value is None else inner.to_item(value, handles),
            lambda item, handles: None if item is None else inner.from_item(item, handles),
        )
    if bytes in present:
        return form_of(bytes)  # a buffer of any kind
    forms = [form_of(kind) for kind in present]

    def write(value: object, handles: Handles) -> cbor.Item:
        index = next(number for number, kind in enumerate(present) if isinstance(value, kind))
        return [index, forms[index].to_item(value, handles)]

    def read(item: cbor.Item, handles: Handles) -> Any:  # noqa: ANN401 - of one of the types
        if type(item) is not list or len(item) != 2 or type(item[0]) is not int:  # noqa: PLR2004
            raise refuse("not one of the types that are expected")
        if item[0] not in range(len(forms)):
            raise refuse("not one of the types that are expected")
        return forms[item[0]].from_item(item[1], handles)

    return Form(write, read)


def _generic(origin: Any, arguments: tuple[Any, ...]) -> Form:  # noqa: ANN401 - a generic class
    if origin in _MAPPINGS:
        return _mapping(*map(form_of, arguments))
    if origin is tuple and arguments[1:] != (Ellipsis,):
        raise TypeError("a tuple of fixed length cannot travel: name its parts")
    inner = form_of(arguments[0])

    def read(item: cbor.Item, handles: Handles) -> list[Any]:
        if type(item) is not list:
            raise refuse("not a list")
        return [inner.from_item(part, handles) for part in item]

    def write(value: Any, handles: Handles) -> list[cbor.Item]:  # noqa: ANN401 - an iterable
        return [inner.to_item(part, handles) for part in value]

    if origin in _SETS:
        return Form(
            lambda value, handles: sorted(write(value, handles), key=cbor.encode),
            lambda item, handles: frozenset(read(item, handles)),
        )
    if origin is tuple or origin in _SEQUENCES:
        return Form(write, lambda item, handles: tuple(read(item, handles)))
    raise TypeError(f"{origin!r} cannot travel")


def _mapping(key: Form, value: Form) -> Form:
    def write(mapping: Mapping[Any, Any], handles: Handles) -> cbor.Item:
        return {
            key.to_item(name, handles): value.to_item(content, handles) for name, content in mapping.items()
        }

    def read(item: cbor.Item, handles: Handles) -> dict[Any, Any]:
        if type(item) is not dict:
            raise refuse("not a map")
        return {key.from_item(name, handles): value.from_item(part, handles) for name, part in item.items()}

    return Form(write, read)


def _key_to_item(key: CoseKey, _: Handles) -> cbor.Item:
    return [key.to_cose(), key.any_identifier]


def _key_from_item(item: cbor.Item, _: Handles) -> CoseKey:
    if type(item) is not list or [type(part) for part in item] != [bytes, bool]:
        raise refuse("not a key")
    return _read_key(*item)


def _opener_from_item(item: cbor.Item, _: Handles) -> RecipientKey:
    if type(item) is not bytes:
        raise refuse("not a key")
    return RecipientKey.from_cose(item)


@lru_cache(64)  # the keys of a TUF repository come again with every signature
def _read_key(raw: bytes, any_identifier: bool) -> CoseKey:  # noqa: FBT001 - as it travels
    return changed(CoseKey.from_cose(raw), any_identifier=any_identifier)


_SINGLE: Final[Mapping[Any, Form]] = {
    CoseKey: Form(_key_to_item, _key_from_item),
    RecipientKey: Form(lambda key, _: key.to_cose(), _opener_from_item),
    bytes: Form(lambda value, _: bytes(value), _exactly(bytes).from_item),
    types.NoneType: _exactly(types.NoneType),
    **{kind: _exactly(kind) for kind in _PLAIN},
}
