"""Data to YAML text that :mod:`suit.yaml_source` reads back as the same data."""

import re
from typing import Any, Final

from suit.printable import printable

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*")
_SHORT: Final = 60
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def to_yaml(data: dict[str, Any]) -> str:
    """Return the YAML text of a map: block style, text between quotes unless it is a plain word.

    Args:
        data: Maps with text as keys, lists, text, ``int``, ``bool`` and ``None``, nested in any way.
    """
    return "".join(f"{line}\n" for line in _map(data))


def _map(data: dict[str, Any]) -> list[str]:
    lines = []
    for key, value in data.items():
        first, *more = _value(value)
        if more or first.startswith("- "):
            lines += [f"{_scalar(key)}:", *(f"  {line}" for line in (first, *more))]
        else:
            lines.append(f"{_scalar(key)}: {first}")
    return lines


def _value(value: object) -> list[str]:
    if isinstance(value, dict) and value:
        inner = _map(value)
        return [f"{{{inner[0]}}}"] if len(inner) == 1 else inner
    if isinstance(value, list) and value:
        short = f"[{', '.join(map(_scalar, value))}]"
        if len(short) <= _SHORT and not any(isinstance(part, dict | list) for part in value):
            return [short]
        lines = []
        for part in value:
            first, *more = _map(part) if isinstance(part, dict) and part else _value(part)
            lines += [f"- {first}", *(f"  {line}" for line in more)]
        return lines
    return [_scalar(value)]


def _scalar(value: object) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "\\n".join(printable(line) for line in escaped.split("\n")) + '"'
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    return "null" if value is None else str(value).lower()
