"""What well-formed means here (RFC 8949 §4.2.1): one reader for each initial byte, as in its Appendix B.

For :mod:`suit.cbor` alone, which is the door. The readers know no place and no caller.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from spec.labels import CborTag

# CBOR's value tree: every reader narrows what it takes, and says so in its error.
Item = Any

DIRECT = 24  # additional information below this is the argument itself
_FIRST_NEGATIVE, FIRST_BYTES, _FIRST_TEXT, FIRST_ARRAY = 0x20, 0x40, 0x60, 0x80  # initial bytes
FIRST_MAP, _FIRST_TAG, _FIRST_SIMPLE, _END = 0xA0, 0xC0, 0xE0, 0x100
ONE_BYTE, _EIGHT_BYTES = 24, 27
_ONE_BYTE_LENGTH = FIRST_BYTES + ONE_BYTE
_UUID = CborTag.UUID.value
_SIMPLE_VALUES: Final = {0xF4: False, 0xF5: True, 0xF6: None}


class Limits:
    """Bounds for one outside input.

    Args:
        size: Its length in bytes.
        depth: Nested containers.
        items: Data items in containers.
        text: The length of one text string in bytes.
    """

    __slots__ = ("depth", "items", "size", "text", "uncounted")

    def __init__(
        self, *, size: int = 1 << 20, depth: int = 16, items: int = 4096, text: int = 1 << 16
    ) -> None:
        self.size: Final = size
        self.depth: Final = depth
        self.items: Final = items
        self.text: Final = text
        self.uncounted: Final = (
            Budget(self, counted=False, ordered=False),
            Budget(self, counted=False),
        )
        """What :meth:`budget` returns for short inputs, by whether map keys have an order."""

    def budget(self, size: int, *, ordered: bool = True) -> "Budget":
        """Return what may be decoded out of ``size`` bytes, byte strings inside them included.

        An item takes a byte at least: what is no longer than the number of items needs no counting.
        """
        return self.uncounted[ordered] if size <= self.items else Budget(self, ordered=ordered)


class Budget:
    """What may still be decoded; shared by the nested byte strings of one input."""

    __slots__ = ("counted", "depth", "items", "most", "ordered", "text")

    def __init__(self, limits: Limits, *, counted: bool = True, ordered: bool = True) -> None:
        self.items = limits.items
        self.counted: Final = counted
        self.most: Final = limits.items
        self.depth: Final = limits.depth
        self.text: Final = limits.text
        self.ordered: Final = ordered

    def spend(self, items: int) -> None:
        """Count items; to be called where :attr:`counted` says so."""
        self.items -= items
        if self.items < 0:
            raise _too_many()


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tagged data item (RFC 8949 §3.4) whose tag has been read but not interpreted."""

    tag: int
    value: Item


class BadCborError(Exception):
    """What is wrong, before the caller's name of the place is known."""


class OverLimitError(BadCborError):
    """The same for a limit."""


def _too_many() -> BadCborError:
    """Return the error for a budget that is spent."""
    return OverLimitError("too many data items")


def argument_at(raw: bytes, pos: int) -> tuple[int, int]:
    """Return the argument of the head at ``pos``, and where the head ends."""
    info = raw[pos] & 31
    if info < DIRECT:
        return info, pos + 1
    width = 1 << (info - ONE_BYTE)
    end = pos + 1 + width
    if end > len(raw):
        raise IndexError
    argument = int.from_bytes(raw[pos + 1 : end], "big")
    if argument < (DIRECT if info == ONE_BYTE else 1 << (width * 4)):
        raise _not_shortest()
    return argument, end


# One reader for each initial byte (RFC 8949, Appendix B): what stands before it was bounded, ``pos`` is its
# own. ``depth`` counts down the containers that may still begin.
_Reader = Callable[[bytes, int, int, Budget], tuple[Item, int]]


def _unsigned(raw: bytes, pos: int, _depth: int, _budget: Budget) -> tuple[int, int]:
    return argument_at(raw, pos)


def _negative(raw: bytes, pos: int, _depth: int, _budget: Budget) -> tuple[int, int]:
    argument, pos = argument_at(raw, pos)
    return -1 - argument, pos


def _short_bytes(raw: bytes, pos: int, _depth: int, _budget: Budget) -> tuple[bytes, int]:
    end = pos + 1 + raw[pos] - FIRST_BYTES
    if end > len(raw):
        raise IndexError
    return raw[pos + 1 : end], end


def _bytes(raw: bytes, pos: int, _depth: int, _budget: Budget) -> tuple[bytes, int]:
    if raw[pos] == _ONE_BYTE_LENGTH:  # most of them, and worth a shorter way
        size = raw[pos + 1]
        end = pos + 2 + size
        if size < DIRECT:
            raise _not_shortest()
        if end > len(raw):
            raise IndexError
        return raw[pos + 2 : end], end
    size, pos = argument_at(raw, pos)
    end = pos + size
    if end > len(raw):
        raise IndexError
    return raw[pos:end], end


def _text(raw: bytes, pos: int, _depth: int, budget: Budget) -> tuple[str, int]:
    size, pos = argument_at(raw, pos)
    if size > budget.text:
        raise OverLimitError(f"a text of {size} bytes is over the limit of {budget.text}")
    end = pos + size
    if end > len(raw):
        raise IndexError
    return raw[pos:end].decode(), end


def _array(raw: bytes, pos: int, depth: int, budget: Budget) -> tuple[list[Item], int]:
    if not depth:
        raise _too_deep(budget)
    count = raw[pos] - FIRST_ARRAY
    if count < DIRECT:
        pos += 1
    else:
        count, pos = _count_at(raw, pos, budget)
    if budget.counted:
        budget.spend(count)
    depth -= 1
    values = []
    for _ in range(count):
        value = raw[pos]
        if value < DIRECT:
            pos += 1
        else:
            value, pos = READERS[value](raw, pos, depth, budget)
        values.append(value)
    return values, pos


def _map(  # noqa: C901, PLR0912 - in one piece, on the hot path
    raw: bytes, pos: int, depth: int, budget: Budget
) -> tuple[dict[Item, Item], int]:
    if not depth:
        raise _too_deep(budget)
    count = raw[pos] - FIRST_MAP
    if count < DIRECT:
        pos += 1
    else:
        count, pos = _count_at(raw, pos, budget)
    if budget.counted:
        budget.spend(2 * count)
    depth -= 1
    if not budget.ordered:
        return _unordered_map(raw, pos, count, depth, budget)
    result: dict[Item, Item] = {}
    least, previous = 0, b""
    for _ in range(count):
        key = raw[pos]
        if key < DIRECT:
            if key < least:
                raise _disorder()
            least = key + 1
            pos += 1
        else:
            start = pos
            key, pos = READERS[key](raw, pos, depth, budget)
            encoded = raw[start:pos]
            if encoded <= previous:
                raise _disorder()
            least, previous = DIRECT, encoded  # in bytewise order, no direct integer follows
            if type(key) is not int:
                key = _key(key)
        value = raw[pos]
        if value < DIRECT:
            pos += 1
        else:
            value, pos = READERS[value](raw, pos, depth, budget)
        result[key] = value
    return result, pos


def _count_at(raw: bytes, pos: int, budget: Budget) -> tuple[int, int]:
    count, pos = argument_at(raw, pos)
    if count > budget.most:
        raise _too_many()
    return count, pos


def _unordered_map(
    raw: bytes, pos: int, count: int, depth: int, budget: Budget
) -> tuple[dict[Item, Item], int]:
    result: dict[Item, Item] = {}
    for _ in range(count):
        key, pos = READERS[raw[pos]](raw, pos, depth, budget)
        key = _key(key)
        if key in result:
            raise BadCborError("a map key is repeated")
        result[key], pos = READERS[raw[pos]](raw, pos, depth, budget)
    return result, pos


def _tagged(raw: bytes, pos: int, depth: int, budget: Budget) -> tuple[Tagged, int]:
    if not depth:
        raise _too_deep(budget)
    tag, pos = argument_at(raw, pos)
    if budget.counted:
        budget.spend(1)
    value, pos = READERS[raw[pos]](raw, pos, depth - 1, budget)
    return Tagged(tag, value), pos


def _simple(raw: bytes, pos: int, _depth: int, _budget: Budget) -> tuple[bool | None, int]:
    return _SIMPLE_VALUES[raw[pos]], pos + 1


def _refused(raw: bytes, pos: int, _depth: int, _budget: Budget) -> tuple[Item, int]:
    head = raw[pos]
    if head < _FIRST_SIMPLE:
        raise BadCborError("indefinite lengths and reserved heads are not allowed")
    raise BadCborError("floats, undefined and unassigned simple values have no place here")


def _reader(head: int) -> _Reader:
    if head & 31 > _EIGHT_BYTES or (head >= _FIRST_SIMPLE and head not in _SIMPLE_VALUES):
        return _refused
    readers = {
        _FIRST_NEGATIVE: _unsigned,
        FIRST_BYTES: _negative,
        FIRST_BYTES + DIRECT: _short_bytes,
        _FIRST_TEXT: _bytes,
        FIRST_ARRAY: _text,
        FIRST_MAP: _array,
        _FIRST_TAG: _map,
        _FIRST_SIMPLE: _tagged,
        _END: _simple,
    }
    return next(reader for end, reader in readers.items() if head < end)


READERS: Final[tuple[_Reader, ...]] = tuple(map(_reader, range(_END)))


def _not_shortest() -> BadCborError:
    return BadCborError("a number is not in its shortest form")


def _disorder() -> BadCborError:
    return BadCborError("map keys are repeated or not in bytewise order")


def _too_deep(budget: Budget) -> BadCborError:
    return OverLimitError(f"nested deeper than {budget.depth} levels")


def _key(key: Item) -> Item:
    if type(key) in (int, bytes, str):
        return key
    if isinstance(key, list) and all(isinstance(part, bytes) for part in key):
        return tuple(key)
    if isinstance(key, Tagged) and key.tag == _UUID and isinstance(key.value, bytes):
        return key  # actors of component metadata (U4.6.1)
    raise BadCborError("a map key is neither integer, string nor component identifier")
