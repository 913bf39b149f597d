"""An encoder that does what it is told: canonical CBOR by default, every known deviation on request.

Maps are sorted bytewise (RFC 8949 §4.2.1) and numbers take their shortest form. What a hostile author
could do otherwise has a type or a function of its own: :class:`Pairs` keeps an order and its
duplicates, :func:`stretched` wastes bytes, :func:`endless` uses indefinite lengths, and :class:`Raw`
is written as it stands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

Item: TypeAlias = Any

UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
_BREAK: Final = b"\xff"
_INDEFINITE: Final = 31
_SINGLETONS: Final = {False: b"\xf4", True: b"\xf5", None: b"\xf6"}
_SHORT = 24


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that are an encoding already, or pretend to be."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged item."""

    number: int
    value: Item


@dataclass(frozen=True, slots=True)
class Pairs:
    """A map written in the order given, duplicates and all."""

    pairs: tuple[tuple[Item, Item], ...]


def head(major: int, argument: int, *, width: int | None = None) -> bytes:
    """Return a head; ``width`` in bytes of the argument forces a longer form than needed."""
    if width is None:
        if argument < _SHORT:
            return bytes([major << 5 | argument])
        width = next(size for size in (1, 2, 4, 8) if argument < 1 << (8 * size))
    return bytes([major << 5 | _SHORT + width.bit_length() - 1]) + argument.to_bytes(width, "big")


def stretched(number: int, width: int) -> Raw:
    """Return an integer that takes more bytes than it needs."""
    if number < 0:
        return Raw(head(NEGATIVE, -1 - number, width=width))
    return Raw(head(UINT, number, width=width))


def endless(item: Item) -> Raw:
    """Return the same array, map, byte string or text with an indefinite length."""
    match item:
        case bytes() | str():
            major = BYTES if isinstance(item, bytes) else TEXT
            body = encode(item)
        case list() | tuple():
            major, body = ARRAY, b"".join(map(encode, item))
        case dict():
            major, body = MAP, b"".join(encode(key) + encode(item[key]) for key in item)
        case _:
            raise TypeError(f"{type(item).__name__} has no indefinite form")
    return Raw(bytes([major << 5 | _INDEFINITE]) + body + _BREAK)


def encode(item: Item) -> bytes:
    """Encode an item, canonically where it does not say otherwise."""
    if isinstance(item, Enum):
        return encode(item.value)
    if item is None or isinstance(item, bool):
        return _SINGLETONS[item]
    if isinstance(item, int):
        return head(UINT, item) if item >= 0 else head(NEGATIVE, -1 - item)
    if isinstance(item, bytes):
        return head(BYTES, len(item)) + item
    if isinstance(item, str):
        return head(TEXT, len(item.encode())) + item.encode()
    return _encode_composite(item)


def _encode_composite(item: Item) -> bytes:
    match item:
        case Raw(data):
            return data
        case Tag(number, value):
            return head(TAG, number) + encode(value)
        case Pairs(pairs):
            return _map((encode(key), encode(value)) for key, value in pairs)
        case Mapping():
            return _map(sorted((encode(key), encode(value)) for key, value in item.items()))
        case list() | tuple():
            return head(ARRAY, len(item)) + b"".join(map(encode, item))
        case _:
            raise TypeError(f"{type(item).__name__} cannot be forged")


def _map(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    listed = list(pairs)
    return head(MAP, len(listed)) + b"".join(key + value for key, value in listed)
