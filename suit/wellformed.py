"""Well-formed CBOR (RFC 8949, Appendix C), for what is carried and not interpreted.

A recipient that does not use a CoSWID may ask for nothing more of it (U3.2): floats, indefinite lengths,
longer heads than needed and unordered keys are all well-formed. Nothing is decoded, so nothing is allocated;
size, depth and number of items are bounded. What hardsuit interprets goes through :mod:`suit.cbor` instead.
"""

from typing import Final

from suit.cbor import Limits
from suit.errors import LimitError, MalformedError

_BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(2, 8)
_STRINGS: Final = frozenset({_BYTES, _TEXT})
_ONE_BYTE, _EIGHT_BYTES, _INDEFINITE = 24, 27, 31
_BREAK = 0xFF
_FIRST_LONG_SIMPLE = 32


def require_well_formed(raw: bytes, *, where: str, limits: Limits) -> None:
    """Check that the bytes are exactly one well-formed data item.

    Args:
        raw: The encoded item, all of it.
        where: What the bytes are, for the error message.
        limits: Bounds; ``text`` does not count.

    Raises:
        LimitError: The input is over a limit.
        MalformedError: It is not well-formed.
    """
    if len(raw) > limits.size:
        raise LimitError(where, f"{len(raw)} bytes are over the limit of {limits.size}")
    scanner = _Scanner(raw, where, limits)
    try:
        scanner.item(limits.depth)
    except IndexError:
        raise MalformedError(where, "the CBOR ends too early") from None
    if scanner.pos != len(raw):
        raise MalformedError(where, f"{len(raw) - scanner.pos} bytes follow the item")


class _Scanner:
    """Passes one item after the other; ``pos`` is where."""

    __slots__ = ("_items", "_limits", "_raw", "_where", "pos")

    def __init__(self, raw: bytes, where: str, limits: Limits) -> None:
        self._raw = raw
        self._where = where
        self._limits = limits
        self._items = limits.items
        self.pos = 0

    def item(self, depth: int) -> None:
        self._items -= 1
        if self._items < 0:
            raise LimitError(self._where, "too many data items")
        if depth < 0:
            raise LimitError(self._where, f"nested deeper than {self._limits.depth} levels")
        major, argument = self._head()
        if major in _STRINGS:
            self._string(major, argument)
        elif major in {_ARRAY, _MAP}:
            self._container(1 if major == _ARRAY else 2, argument, depth - 1)
        elif argument is None:
            raise MalformedError(self._where, "a break or an indefinite length where none can be")
        elif major == _TAG:
            self.item(depth - 1)

    def _head(self) -> tuple[int, int | None]:
        """Pass a head; return major type and argument, None for an indefinite length."""
        first = self._raw[self.pos]
        major, info = first >> 5, first & 31
        self.pos += 1
        if info < _ONE_BYTE:
            return major, info
        if info == _INDEFINITE:
            return major, None
        if info > _EIGHT_BYTES:
            raise MalformedError(self._where, "a reserved head")
        width = 1 << (info - _ONE_BYTE)
        self._skip(width)
        argument = int.from_bytes(self._raw[self.pos - width : self.pos], "big")
        if major == _SIMPLE and info == _ONE_BYTE and argument < _FIRST_LONG_SIMPLE:
            raise MalformedError(self._where, "a simple value in two bytes that has one")
        return major, argument

    def _string(self, major: int, length: int | None) -> None:
        if length is not None:
            self._skip(length)
            return
        while not self._ends():
            chunk, size = self._head()
            if chunk != major or size is None:
                raise MalformedError(self._where, "a string is put together from others than its kind")
            self._skip(size)

    def _container(self, width: int, count: int | None, depth: int) -> None:
        if count is None:
            while not self._ends():
                for _ in range(width):
                    self.item(depth)
            return
        for _ in range(width * count):
            self.item(depth)

    def _ends(self) -> bool:
        if self._raw[self.pos] != _BREAK:
            return False
        self.pos += 1
        return True

    def _skip(self, size: int) -> None:
        self.pos += size
        if self.pos > len(self._raw):
            raise IndexError
