"""Extended diagnostic notation (RFC 8949 §8, RFC 8610 G): a tree of values with comments, and its text.

Comments stand between slashes, embedded CBOR between ``<<`` and ``>>``. Nothing that an outsider wrote
reaches the terminal as a control character.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from suit import cbor
from suit.printable import printable

_INDENT: Final = "  "
_WIDTH: Final = 100
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


@dataclass(frozen=True, slots=True)
class Row:
    """One member of a container.

    Attributes:
        value: What it is.
        key: The key of a map's member, as text.
        name: What the key or the place means; a comment in front.
        note: A comment behind.
    """

    value: "Value"
    key: str = ""
    name: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A container with its brackets."""

    opening: str
    rows: tuple[Row, ...]
    closing: str


Value: TypeAlias = str | Block


def array(rows: Iterable[Row]) -> Block:
    """Return an array."""
    return Block("[", tuple(rows), "]")


def mapping(rows: Iterable[Row]) -> Block:
    """Return a map."""
    return Block("{", tuple(rows), "}")


def wrap(opening: str, value: Value, closing: str) -> Value:
    """Put something around a value: a tag, or the marks of embedded CBOR."""
    if isinstance(value, Block):
        return Block(opening + value.opening, value.rows, value.closing + closing)
    return opening + value + closing


def embedded(value: Value) -> Value:
    """Return a value as CBOR inside a byte string."""
    return wrap("<< ", value, " >>")


def tagged(tag: int, value: Value) -> Value:
    """Return a tagged value."""
    return wrap(f"{tag}(", value, ")")


def text(value: str) -> str:
    """Return a text string, with everything that is not printable escaped as in JSON."""
    return '"' + "".join(_ESCAPES.get(char) or _escaped(char) for char in value) + '"'


def comment(words: str) -> str:
    """Return a comment; slashes would end it."""
    return f"/ {printable(words).replace('/', '|')} /"


def byte_string(value: bytes, limit: int | None) -> str:
    """Return a byte string in hexadecimal digits, cut after ``limit`` bytes if there is one."""
    if limit is None or len(value) <= limit:
        return f"h'{value.hex()}'"
    return f"h'{value[:limit].hex()}...' {comment(f'{len(value)} bytes')}"


def plain(item: cbor.Item, limit: int | None = None) -> Value:
    """Return any decoded item, without comments; bytes and text are cut after ``limit``."""
    match item:
        case str():
            return _text(item, limit)
        case bytes():
            return byte_string(item, limit)
        case cbor.Tagged(tag, value):
            return tagged(tag, plain(value, limit))
        case dict():
            return mapping(Row(plain(value, limit), key=one_line(plain(key))) for key, value in item.items())
        case list() | tuple():
            return array(Row(plain(part, limit)) for part in item)
        case _:
            return json.dumps(item)


def _text(item: str, limit: int | None) -> str:
    if limit is None or len(item) <= limit:
        return text(item)
    return f"{text(item[:limit])}... {comment(f'{len(item)} characters')}"


def one_line(value: Value) -> str:
    """Return a value without line breaks."""
    if isinstance(value, str):
        return value
    parts = ", ".join(_prefix(row) + one_line(row.value) + _suffix(row) for row in value.rows)
    return f"{value.opening}{parts}{value.closing}"


def render(value: Value, *, indent: str = "") -> str:
    """Return the text of a value: on one line if it fits, else one member per line."""
    short = one_line(value)
    if isinstance(value, str) or (len(indent) + len(short) <= _WIDTH and not _is_deep(value)):
        return short
    inner = indent + _INDENT
    lines = []
    for index, row in enumerate(value.rows):
        comma = "," if index + 1 < len(value.rows) else ""
        lines.append(f"{inner}{_prefix(row)}{render(row.value, indent=inner)}{comma}{_suffix(row)}")
    return "\n".join([value.opening, *lines, indent + value.closing])


def _prefix(row: Row) -> str:
    name = f"{comment(row.name)} " if row.name else ""
    return f"{name}{row.key}: " if row.key else name


def _suffix(row: Row) -> str:
    return f" {comment(row.note)}" if row.note else ""


def _is_deep(value: Block) -> bool:
    return any(isinstance(row.value, Block) and row.value.rows for row in value.rows)


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code < 1 << 16:
        return f"\\u{code:04x}"
    code -= 1 << 16
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
