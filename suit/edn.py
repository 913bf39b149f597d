"""Diagnostic notation to bytes: the way back from :mod:`suit.show`, byte for byte.

It reads the part of the notation (RFC 8949 §8, RFC 8610 G) that ``suit show`` prints: integers, ``h'…'``,
text, arrays, maps, tags, ``true``, ``false``, ``null``, CBOR embedded in byte strings between ``<<`` and
``>>``, and comments; byte strings in single quotes besides, which the drafts' own examples use. Everything
is encoded in the order written, with definite lengths in shortest form.
"""

import json
import re
from typing import Final, NoReturn

from suit import cbor
from suit.errors import UsageError

MAX_SIZE: Final = 1 << 23  # an envelope of 1 MiB in hexadecimal digits, with its comments
_MAX_DEPTH: Final = 64
_MAX_ITEMS: Final = 100_000
_MAX_NUMBER: Final = 21  # characters of -2**64
_TEXT, _ARRAY, _MAP, _TAG = 3, 4, 5, 6

_BETWEEN: Final = re.compile(r"(?:[ \t\r\n]++|/[^/]*+/|\#[^\n]*+)*+")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?![0-9A-Za-z.])")
_WORD: Final = re.compile(r"[a-z]++")
_HEX: Final = re.compile(r"h'((?:[0-9A-Fa-f \t\r\n]|/[^/]*+/)*+)'")
_NOT_DIGITS: Final = re.compile(r"/[^/]*+/|[ \t\r\n]++")
_QUOTED: Final = re.compile(r"'((?:[^'\\\x00-\x1f]|\\['\\])*+)'")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*+"')
_ESCAPED: Final = re.compile(r"\\(.)")
_LIKE_NOTATION: Final = re.compile(r"(?:[0-9]++\(|\{(?:[ \t\r\n]++|/[^/]*+/)*+-?[0-9]++[ \t]*+:)")
_CONSTANTS: Final = {"false": b"\xf4", "true": b"\xf5", "null": b"\xf6"}


def is_notation(text: str) -> bool:
    """Tell whether a text is diagnostic notation of an envelope or manifest, not YAML."""
    return _LIKE_NOTATION.match(text, _end_of(_BETWEEN, text, 0)) is not None


def read(text: str, *, name: str) -> bytes:
    """Encode the one data item that a text in diagnostic notation describes.

    Args:
        text: The notation.
        name: What to call it in messages.

    Raises:
        UsageError: It is not the notation that ``suit show`` prints; the message begins with the line.
    """
    if len(text) > MAX_SIZE:
        raise UsageError(f"{name}: longer than {MAX_SIZE} characters")
    reader = _Reader(text, name)
    encoded = reader.value(_MAX_DEPTH)
    reader.skip()
    if reader.pos != len(text):
        reader.fail("something follows the value")
    return encoded


def _end_of(pattern: re.Pattern[str], text: str, pos: int) -> int:
    found = pattern.match(text, pos)
    return found.end() if found else pos


def _head(major: int, argument: int) -> bytes:
    """Return the shortest head of a major type: that of an unsigned integer with other upper bits."""
    first, *rest = cbor.encode(argument)
    return bytes((first | major << 5, *rest))


class _Reader:
    """Reads one text from left to right; ``pos`` is where."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.pos = 0
        self.left = _MAX_ITEMS

    def value(self, depth: int) -> bytes:
        """Return the encoded value that comes next."""
        self.skip()
        self.left -= 1
        if depth == 0 or self.left < 0:
            self.fail("too many or too deeply nested values")
        for opening, read in (("<<", self.embedded), ("[", self.array), ("{", self.map)):
            if self.take(opening):
                return read(depth - 1)
        if self.ahead("h'") or self.ahead("'"):
            return self.byte_string()
        if self.ahead('"'):
            return self.text_string()
        word = self.match(_WORD)
        if word is None:
            return self.number(depth - 1)
        if word.group() not in _CONSTANTS:
            self.fail(f"{word.group()} means nothing here", word.start())
        return _CONSTANTS[word.group()]

    def embedded(self, depth: int) -> bytes:
        content = self.value(depth)
        self.expect(">>")
        return cbor.byte_string_head(len(content)) + content

    def array(self, depth: int) -> bytes:
        items: list[bytes] = []
        while not self.ends("]", first=not items):
            items.append(self.value(depth))
        return _head(_ARRAY, len(items)) + b"".join(items)

    def map(self, depth: int) -> bytes:
        members: dict[bytes, bytes] = {}
        while not self.ends("}", first=not members):
            self.skip()
            start = self.pos
            key = self.value(depth)
            if key in members:
                self.fail("a key stands here twice", start)
            self.expect(":")
            members[key] = self.value(depth)
        return _head(_MAP, len(members)) + b"".join(key + value for key, value in members.items())

    def ends(self, closing: str, *, first: bool) -> bool:
        """Tell whether a container ends here; if not, pass the comma in front of its next member."""
        self.skip()
        if self.take(closing):
            return True
        if not first and not self.take(","):
            self.fail(f"a comma or {closing} is missing")
        return False

    def byte_string(self) -> bytes:
        if found := self.match(_HEX):
            digits = _NOT_DIGITS.sub("", found.group(1))
            if len(digits) % 2:
                self.fail("an odd number of hexadecimal digits", found.start())
            content = bytes.fromhex(digits)
        elif found := self.match(_QUOTED):
            content = self.utf8(_ESCAPED.sub(r"\1", found.group(1)))
        else:
            self.fail("not a byte string in full; suit show --brief cuts them")
        return cbor.byte_string_head(len(content)) + content

    def text_string(self) -> bytes:
        start, found = self.pos, self.match(_STRING)
        try:
            value = json.loads(found.group()) if found else None
        except ValueError:
            value = None
        if value is None:
            self.fail("not a text string", start)
        if self.ahead("..."):
            self.fail("not a text in full; suit show --brief cuts them")
        content = self.utf8(value)
        return _head(_TEXT, len(content)) + content

    def utf8(self, value: str) -> bytes:
        try:
            return value.encode()
        except UnicodeEncodeError:
            self.fail("half of a surrogate pair")

    def number(self, depth: int) -> bytes:
        found = self.match(_NUMBER)
        if found is None:
            self.fail("a value is missing")
        value = int(found.group()) if len(found.group()) <= _MAX_NUMBER else 1 << 64
        if not -(1 << 64) <= value < 1 << 64:
            self.fail("a number of more than 64 bits", found.start())
        if value < 0 or not self.take("("):
            return cbor.encode(value)
        tagged = _head(_TAG, value) + self.value(depth)
        self.expect(")")
        return tagged

    def skip(self) -> None:
        """Pass white space and comments."""
        self.pos = _end_of(_BETWEEN, self.text, self.pos)

    def ahead(self, mark: str) -> bool:
        return self.text.startswith(mark, self.pos)

    def take(self, mark: str) -> bool:
        """Pass a mark if it comes next."""
        if not self.ahead(mark):
            return False
        self.pos += len(mark)
        return True

    def expect(self, mark: str) -> None:
        self.skip()
        if not self.take(mark):
            self.fail(f"{mark} is missing")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.pos)
        if found:
            self.pos = found.end()
        return found

    def fail(self, problem: str, pos: int | None = None) -> NoReturn:
        line = self.text.count("\n", 0, self.pos if pos is None else pos) + 1
        raise UsageError(f"{self.name}:{line}: {problem}")
