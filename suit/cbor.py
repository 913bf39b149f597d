"""The one door for CBOR.

Decoding accepts the deterministic encoding of RFC 8949 §4.2.1 and nothing else: definite lengths,
shortest form, unique map keys in bytewise order, no trailing bytes, no floats, and tags only as
:class:`Tagged` values that their reader must ask for. Size, depth and number of items are bounded
before anything is allocated for them. Encoding goes through cbor2, with map keys put in the same order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import cbor2

from spec.labels import CborTag
from suit.errors import LimitError, MalformedError

# CBOR's value tree: every reader narrows what it takes, and says so in its error.
Item = Any

_BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(2, 8)
_DIRECT = 24  # additional information below this is the argument itself
_ONE_BYTE, _EIGHT_BYTES = 24, 27
_FIRST_NEGATIVE, _FIRST_BYTES = 0x20, 0x40  # initial bytes, where the unsigned integers and all integers end
_SIMPLE_VALUES: Final = {20: False, 21: True, 22: None}
_WIDTHS: Final = ((24, 1), (1 << 8, 2), (1 << 16, 3), (1 << 32, 5))
_UUID = CborTag.UUID.value
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one outside input: ``size`` and ``text`` in bytes, ``depth`` in nested containers."""

    size: int = 1 << 20
    depth: int = 16
    items: int = 4096
    text: int = 1 << 16


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tagged data item (RFC 8949 §3.4) whose tag has been read but not interpreted."""

    tag: int
    value: Item


class Budget:
    """How many items may still be decoded; shared by the nested byte strings of one input."""

    __slots__ = ("depth", "items", "text")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.items = limits.items
        self.depth = limits.depth
        self.text = limits.text


class _BadCborError(Exception):
    """What is wrong, before the caller's name of the place is known."""


class _OverLimitError(_BadCborError):
    """The same for a limit."""


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
        budget = Budget(limits)
    try:
        value, end = _item(raw, 0, budget, budget.depth, _map if ordered else _unordered_map)
        _expect_end(raw, end)
    except (IndexError, UnicodeDecodeError, _BadCborError) as error:
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
        count, pos = _pairs_head(raw, budget)
        for _ in range(count):
            start = pos
            label = raw[pos]
            if label < _DIRECT:
                pos += 1
            else:
                label, pos = _item(raw, pos, budget, depth, _map)
            middle = pos
            value = raw[pos]
            if value < _DIRECT:
                pos += 1
            else:
                value, pos = _item(raw, pos, budget, depth, _map)
            pairs.append((start, label, middle, value))
        _expect_end(raw, pos)
    except (IndexError, UnicodeDecodeError, _BadCborError) as error:
        raise _error(where, error) from error
    return pairs


def encode(item: Item) -> bytes:
    """Encode an item deterministically (RFC 8949 §4.2.1: shortest form, map keys in bytewise order)."""
    return cbor2.dumps(_ordered(item))


def byte_string_head(length: int) -> bytes:
    """Return the head of a byte string of ``length`` bytes: digests in SUIT cover it (M8.3)."""
    if length < _DIRECT:
        return bytes((_BYTES << 5 | length,))
    if length < 1 << 8:
        return bytes((_BYTES << 5 | _ONE_BYTE, length))
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
    return (LimitError if isinstance(error, _OverLimitError) else MalformedError)(where, str(error))


def _expect_end(raw: bytes, end: int) -> None:
    if end != len(raw):
        raise _BadCborError(f"{len(raw) - end} bytes follow the item")


def _pairs_head(raw: bytes, budget: Budget) -> tuple[int, int]:
    if raw[0] >> 5 != _ARRAY:
        raise _BadCborError("an array was expected")
    count, pos = _argument(raw, 0)
    if count % 2:
        raise _BadCborError("an array of pairs has an even number of items")
    _spend(budget, count)
    return count >> 1, pos


_MapReader = Callable[[bytes, int, int, Budget, int], tuple[dict[Item, Item], int]]


def _item(  # noqa: C901, PLR0911, PLR0912 - one flat dispatch over the major types, on the hot path
    raw: bytes, pos: int, budget: Budget, depth: int, read_map: _MapReader
) -> tuple[Item, int]:
    head = raw[pos]
    if head < _DIRECT:
        return head, pos + 1
    major = head >> 5
    argument = head & 31
    pos += 1
    if argument >= _DIRECT:
        if argument == _ONE_BYTE and raw[pos] >= _DIRECT and major != _SIMPLE:
            argument = raw[pos]
            pos += 1
        else:
            argument, pos = _argument(raw, pos - 1)
    if major == _BYTES:
        end = pos + argument
        if end > len(raw):
            raise IndexError
        return raw[pos:end], end
    if head < _FIRST_BYTES:
        return (argument if head < _FIRST_NEGATIVE else -1 - argument), pos
    if major == _TEXT:
        return _text(raw, pos, argument, budget)
    if major == _SIMPLE:
        return _simple(argument), pos
    if depth <= 0:
        raise _OverLimitError(f"nested deeper than {budget.depth} levels")
    if major == _MAP:
        return read_map(raw, pos, argument, budget, depth - 1)
    if major == _ARRAY:
        _spend(budget, argument)
        values = []
        for _ in range(argument):
            value, pos = _item(raw, pos, budget, depth - 1, read_map)
            values.append(value)
        return values, pos
    _spend(budget, 1)
    value, pos = _item(raw, pos, budget, depth - 1, read_map)
    return Tagged(argument, value), pos


def _argument(raw: bytes, pos: int) -> tuple[int, int]:
    info = raw[pos] & 31
    if info < _DIRECT:
        return info, pos + 1
    if raw[pos] >> 5 == _SIMPLE:
        raise _BadCborError("floats and unassigned simple values have no place here")
    if info > _EIGHT_BYTES:
        raise _BadCborError("indefinite lengths and reserved heads are not allowed")
    width = 1 << (info - _ONE_BYTE)
    end = pos + 1 + width
    if end > len(raw):
        raise IndexError
    argument = int.from_bytes(raw[pos + 1 : end], "big")
    if argument < (_DIRECT if info == _ONE_BYTE else 1 << (width * 4)):
        raise _BadCborError("a number is not in its shortest form")
    return argument, end


def _text(raw: bytes, pos: int, length: int, budget: Budget) -> tuple[str, int]:
    if length > budget.text:
        raise _OverLimitError(f"a text of {length} bytes is over the limit of {budget.text}")
    end = pos + length
    if end > len(raw):
        raise IndexError
    return raw[pos:end].decode(), end


def _simple(argument: int) -> bool | None:
    if argument not in _SIMPLE_VALUES:
        raise _BadCborError("undefined and unassigned simple values have no place here")
    return _SIMPLE_VALUES[argument]


def _map(raw: bytes, pos: int, count: int, budget: Budget, depth: int) -> tuple[dict[Item, Item], int]:
    _spend(budget, 2 * count)
    result: dict[Item, Item] = {}
    previous = b""
    for _ in range(count):
        start = pos
        key = raw[pos]
        if key < _DIRECT:
            pos += 1
        else:
            key, pos = _item(raw, pos, budget, depth, _map)
            if type(key) is not int:
                key = _key(key)
        encoded = raw[start:pos]
        if encoded <= previous:
            raise _BadCborError("map keys are repeated or not in bytewise order")
        previous = encoded
        value = raw[pos]
        if value < _DIRECT:
            pos += 1
        else:
            value, pos = _item(raw, pos, budget, depth, _map)
        result[key] = value
    return result, pos


def _unordered_map(
    raw: bytes, pos: int, count: int, budget: Budget, depth: int
) -> tuple[dict[Item, Item], int]:
    _spend(budget, 2 * count)
    result: dict[Item, Item] = {}
    for _ in range(count):
        key, pos = _item(raw, pos, budget, depth, _unordered_map)
        key = _key(key)
        if key in result:
            raise _BadCborError("a map key is repeated")
        result[key], pos = _item(raw, pos, budget, depth, _unordered_map)
    return result, pos


def _key(key: Item) -> Item:
    if type(key) in (int, bytes, str):
        return key
    if isinstance(key, list) and all(isinstance(part, bytes) for part in key):
        return tuple(key)
    if isinstance(key, Tagged) and key.tag == _UUID and isinstance(key.value, bytes):
        return key  # actors of component metadata (U4.6.1)
    raise _BadCborError("a map key is neither integer, string nor component identifier")


def _spend(budget: Budget, items: int) -> None:
    budget.items -= items
    if budget.items < 0:
        raise _OverLimitError("too many data items")


def _ordered(item: Item) -> Item:
    if isinstance(item, Mapping):
        pairs = sorted((cbor2.dumps(_plain(key)), _plain(key), value) for key, value in item.items())
        return {key: _ordered(value) for _, key, value in pairs}
    if isinstance(item, list | tuple):
        return [_ordered(part) for part in item]
    if isinstance(item, Tagged):
        return cbor2.CBORTag(item.tag, _ordered(item.value))
    return item


def _plain(key: Item) -> Item:
    return cbor2.CBORTag(key.tag, key.value) if isinstance(key, Tagged) else key
