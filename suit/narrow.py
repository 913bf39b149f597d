"""Narrow a decoded CBOR item to the type that the standard asks for, or say where it is not."""

from enum import Enum
from typing import Final

from suit.cbor import Item
from suit.errors import LimitError, MalformedError

MAX_URI: Final = 2048


def as_uint(item: Item, where: str) -> int:
    """Return the item if it is an unsigned integer."""
    if type(item) is not int or item < 0:
        raise MalformedError(where, "expected an unsigned integer")
    return item


def as_int(item: Item, where: str) -> int:
    """Return the item if it is an integer."""
    if type(item) is not int:
        raise MalformedError(where, "expected an integer")
    return item


def as_bool(item: Item, where: str) -> bool:
    """Return the item if it is true or false."""
    if not isinstance(item, bool):
        raise MalformedError(where, "expected true or false")
    return item


def as_bytes(item: Item, where: str) -> bytes:
    """Return the item if it is a byte string."""
    if not isinstance(item, bytes):
        raise MalformedError(where, "expected a byte string")
    return item


def as_text(item: Item, where: str) -> str:
    """Return the item if it is a text of at most ``MAX_URI`` characters."""
    if not isinstance(item, str):
        raise MalformedError(where, "expected a URI text")
    if len(item) > MAX_URI:
        raise LimitError(where, f"a URI of {len(item)} characters")
    return item


def as_map(item: Item, where: str) -> dict[Item, Item]:
    """Return the item if it is a map."""
    if not isinstance(item, dict):
        raise MalformedError(where, "expected a map")
    return item


def draft_name(label: Enum) -> str:
    """Return a label as the drafts spell it."""
    return str(label.name).lower().replace("_", "-")
