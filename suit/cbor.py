"""The one door for CBOR.

Decoding accepts the deterministic encoding of RFC 8949 §4.2.1 and nothing else: definite lengths,
shortest form, unique map keys in bytewise order, no trailing bytes, no floats, and tags only as
:class:`Tagged` values that their reader must ask for. Size, depth and number of items are bounded
before anything is allocated for them. Encoding goes through cbor2, with map keys put in the same order.
"""

from collections.abc import Mapping
from typing import Final

import cbor2

from suit.cbor_reading import (
    DIRECT,
    FIRST_ARRAY,
    FIRST_BYTES,
    FIRST_MAP,
    ONE_BYTE,
    READERS,
    BadCborError,
    Budget,
    Item,
    Limits,
    OverLimitError,
    Tagged,
    argument_at,
)
from suit.errors import LimitError, MalformedError

DEFAULT_LIMITS: Final = Limits()
_WIDTHS: Final = ((24, 1), (1 << 8, 2), (1 << 16, 3), (1 << 32, 5))
_SHOWN = 40


def decode(
    raw: bytes,
    *,
    where: str,
    limits: Limits = DEFAULT_LIMITS,
    budget: Budget | None = None,
    ordered: bool = True,
) -> Item:
    """Decode exactly one data item.

    Arrays become lists (tuples where they are map keys), maps become dicts in the order received.

    Args:
        raw: The encoded item, all of it.
        where: What the bytes are, for the error message.
        limits: Bounds; all but ``limits.size`` count only when no ``budget`` is given.
        budget: Items left for an input that is decoded in several calls.
        ordered: False admits map keys in any order (COSE header maps), still without duplicates.

    Raises:
        LimitError: The input is over a limit.
        MalformedError: The input is not deterministic CBOR.
    """
    if len(raw) > limits.size:
        raise LimitError(where, f"{len(raw)} bytes are over the limit of {limits.size}")
    if budget is None:
        budget = limits.uncounted[ordered] if len(raw) <= limits.items else Budget(limits, ordered=ordered)
    try:
        value, end = READERS[raw[0]](raw, 0, budget.depth, budget)
        if end != len(raw):
            raise _trailing(raw, end)
    except (IndexError, UnicodeDecodeError, BadCborError) as error:
        raise _error(where, error) from error
    return value


def decode_pairs(raw: bytes, *, where: str, budget: Budget) -> list[tuple[int, Item, int, Item]]:
    """Decode one array of alternating items, as command sequences are; each with its byte offset.

    Returns:
        For each pair: offset and value of its first item, offset and value of its second.

    Raises:
        LimitError: The input is over a limit.
        MalformedError: The input is not deterministic CBOR, or not an array of pairs.
    """
    pairs: list[tuple[int, Item, int, Item]] = []
    depth = budget.depth - 1
    try:
        count, pos = raw[0] - FIRST_ARRAY, 1
        if not 0 <= count < DIRECT or count & 1:
            count, pos = _pairs_head(raw)
        if budget.counted:
            budget.spend(count)
        for _ in range(count >> 1):
            start = pos
            label = raw[pos]
            if label < DIRECT:
                pos += 1
            else:
                label, pos = READERS[label](raw, pos, depth, budget)
            middle = pos
            value = raw[pos]
            if value < DIRECT:
                pos += 1
            else:
                value, pos = READERS[value](raw, pos, depth, budget)
            pairs.append((start, label, middle, value))
        if pos != len(raw):
            raise _trailing(raw, pos)
    except (IndexError, UnicodeDecodeError, BadCborError) as error:
        raise _error(where, error) from error
    return pairs


def encode(item: Item) -> bytes:
    """Encode an item deterministically (RFC 8949 §4.2.1: shortest form, map keys in bytewise order)."""
    return cbor2.dumps(_ordered(item))


def byte_string_head(length: int) -> bytes:
    """Return the head of a byte string of ``length`` bytes: digests in SUIT cover it (M8.3)."""
    if length < DIRECT:
        return bytes((FIRST_BYTES + length,))
    if length < 1 << 8:
        return bytes((FIRST_BYTES + ONE_BYTE, length))
    if length < 1 << 16:
        return b"\x59" + length.to_bytes(2, "big")
    return b"\x5a" + length.to_bytes(4, "big")


def head_size(argument: int) -> int:
    """Return how many bytes the shortest head with this argument takes."""
    for bound, size in _WIDTHS:
        if argument < bound:
            return size
    return 9


def tag_head(tag: int) -> bytes:
    """Return the head of a tag (RFC 8949 §3.4), to put in front of an encoded item."""
    return cbor2.dumps(cbor2.CBORTag(tag, 0))[:-1]


def shown(item: Item) -> str:
    """Return a short form of an item that an outsider chose, for an error message."""
    if isinstance(item, bytes):
        return f"h'{item[:_SHOWN].hex()}'"
    if isinstance(item, str | int):
        return repr(item if isinstance(item, int) else item[:_SHOWN])
    return f"a {type(item).__name__}"


def _error(where: str, error: Exception) -> MalformedError:
    if isinstance(error, IndexError):
        return MalformedError(where, "the CBOR ends too early")
    if isinstance(error, UnicodeDecodeError):
        return MalformedError(where, "a text string is not UTF-8")
    return (LimitError if isinstance(error, OverLimitError) else MalformedError)(where, str(error))


def _trailing(raw: bytes, end: int) -> BadCborError:
    return BadCborError(f"{len(raw) - end} bytes follow the item")


def _pairs_head(raw: bytes) -> tuple[int, int]:
    if not FIRST_ARRAY <= raw[0] < FIRST_MAP:
        raise BadCborError("an array was expected")
    count, pos = argument_at(raw, 0)
    if count % 2:
        raise BadCborError("an array of pairs has an even number of items")
    return count, pos


def _ordered(item: Item) -> Item:
    if isinstance(item, Mapping):
        pairs = sorted((cbor2.dumps(_plain(key)), _plain(key), value) for key, value in item.items())
        return {key: _ordered(value) for _, key, value in pairs}
    if isinstance(item, Tagged):
        return cbor2.CBORTag(item.tag, _ordered(item.value))
    if isinstance(item, list | tuple):
        return [_ordered(part) for part in item]
    return item


def _plain(key: Item) -> Item:
    return cbor2.CBORTag(key.tag, key.value) if isinstance(key, Tagged) else key


__all__ = [
    "Budget",
    "Item",
    "Limits",
    "Tagged",
    "byte_string_head",
    "decode",
    "decode_pairs",
    "encode",
    "head_size",
    "shown",
    "tag_head",
]
