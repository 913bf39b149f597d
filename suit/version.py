"""Versions as numbers (U3.1, U4.4): one to three release numbers, then perhaps alpha, beta or rc and more.

A manifest's version decides how much is compared: ``= 1`` holds for every 1.x, ``> 1.2`` for no 1.2.x, and
what the device's version has less of counts as zero (ADR 0008). People write ``1.2.0-rc.1``.
"""

import re
from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt
from typing import Final

from spec.labels import PreRelease, VersionComparison
from suit import cbor
from suit.errors import MalformedError, UnsupportedParameterError
from suit.manifest import Version, VersionMatch
from suit.narrow import as_bytes

_MAX_RELEASE: Final = 3
_MARKERS: Final = frozenset(marker.value for marker in PreRelease)
_COMPARISONS: Final = {comparison.value: comparison for comparison in VersionComparison}
_HOLDS: Final[Mapping[VersionComparison, Callable[[Version, Version], bool]]] = {
    VersionComparison.GREATER: gt,
    VersionComparison.GREATER_EQUAL: ge,
    VersionComparison.EQUAL: eq,
    VersionComparison.LESSER_EQUAL: le,
    VersionComparison.LESSER: lt,
}
_SIGNS: Final = {
    ">": VersionComparison.GREATER,
    ">=": VersionComparison.GREATER_EQUAL,
    "=": VersionComparison.EQUAL,
    "<=": VersionComparison.LESSER_EQUAL,
    "<": VersionComparison.LESSER,
}
_NAMES: Final = {
    "rc": PreRelease.RELEASE_CANDIDATE.value,
    "beta": PreRelease.BETA.value,
    "alpha": PreRelease.ALPHA.value,
}
_SIGN_OF: Final = {comparison: sign for sign, comparison in _SIGNS.items()}
_NUMBER: Final = r"(?:0|[1-9][0-9]{0,17})"
_WRITTEN: Final = re.compile(rf"({_NUMBER}(?:\.{_NUMBER}){{0,2}})(?:-(rc|beta|alpha)((?:\.{_NUMBER})*))?")


def decode_version(item: cbor.Item, where: str) -> Version:
    """Read SUIT_Condition_Version_Comparison_Value (U4.4).

    Raises:
        MalformedError: No version: it is empty, begins with a pre-release marker, has more than three
            release numbers, or something below zero in another place.
    """
    if type(item) is not list or any(type(part) is not int for part in item):
        raise MalformedError(where, "a version is an array of numbers")
    release = next((place for place, part in enumerate(item) if part < 0), len(item))
    if not 1 <= release <= _MAX_RELEASE:
        raise MalformedError(where, f"a version with {release} release numbers, not one to {_MAX_RELEASE}")
    marked = item[release:]
    if marked and (marked[0] not in _MARKERS or min(marked[1:], default=0) < 0):
        raise MalformedError(where, "behind its release numbers a version has rc, beta or alpha once")
    return tuple(item)


def decode_wrapped_version(item: cbor.Item, where: str) -> Version:
    """Read suit-set-version (U3.1): a version in a byte string, without an operator.

    Raises:
        MalformedError: As :func:`decode_version`.
    """
    return decode_version(cbor.decode(as_bytes(item, where), where=where), where)


def decode_version_match(item: cbor.Item, where: str) -> VersionMatch:
    """Read SUIT_Parameter_Version_Match (U4.4) from its byte string; errors as :func:`decode_match`."""
    return decode_match(cbor.decode(as_bytes(item, where), where=where), where)


def decode_match(pair: cbor.Item, where: str) -> VersionMatch:
    """Read SUIT_Parameter_Version_Match (U4.4).

    Raises:
        MalformedError: Not a comparison and a version.
        UnsupportedParameterError: A comparison that nobody has defined.
    """
    if type(pair) is not list or len(pair) != 2 or type(pair[0]) is not int:  # noqa: PLR2004 - comparison, version
        raise MalformedError(where, "expected [comparison, version]")
    comparison = _COMPARISONS.get(pair[0])
    if comparison is None:
        raise UnsupportedParameterError(f"{where}: version comparison {pair[0]} is not implemented")
    return VersionMatch(comparison, decode_version(pair[1], where))


def version_match_array(match: VersionMatch) -> cbor.Item:
    """Return SUIT_Parameter_Version_Match as the item to encode, without the byte string around it."""
    return [match.comparison.value, list(match.version)]


def holds(match: VersionMatch, version: Version) -> bool:
    """Tell whether a version is as the manifest wants it (U4.4, U5.5).

    Numbers are compared in turn until the manifest's end or a difference shows.
    """
    length = len(match.version)
    padded = (*version, *(0 for _ in range(length - len(version))))
    return _HOLDS[match.comparison](padded[:length], match.version)


def read_version(text: str) -> Version:
    """Read a version as people write it: ``1``, ``1.2.3``, ``1.2-rc.3``, ``1.2.3-alpha``.

    Raises:
        ValueError: It cannot be expressed; build metadata never can (U3.1).
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError("a version is written 1, 1.2, 1.2.3 or 1.2.3-rc.1 (rc, beta or alpha)")
    release, marker, rest = written.groups()
    numbers = [int(part) for part in release.split(".")]
    if marker is not None:
        numbers += [_NAMES[marker], *(int(part) for part in rest.split(".")[1:])]
    return tuple(numbers)


def show_version(version: Version) -> str:
    """Return a version as people write it, the inverse of :func:`read_version`."""
    numbers = list(version)
    cut = next((index for index, number in enumerate(numbers) if number < 0), len(numbers))
    release = ".".join(map(str, numbers[:cut]))
    if cut == len(numbers):
        return release
    name = next(name for name, marker in _NAMES.items() if marker == numbers[cut])
    return f"{release}-{'.'.join([name, *map(str, numbers[cut + 1 :])])}"


def read_version_match(text: str) -> VersionMatch:
    """Read a comparison as people write it: ``>=1.2.5``, ``< 2``.

    Raises:
        ValueError: No comparison in front, or no version behind it.
    """
    sign = text[: len(text) - len(text.lstrip("<>="))]
    if sign not in _SIGNS:
        raise ValueError(f"a version is compared with one of {', '.join(_SIGNS)}, as in >=1.2")
    return VersionMatch(_SIGNS[sign], read_version(text[len(sign) :].strip()))


def show_match(match: VersionMatch) -> str:
    """Write a comparison as people do: ``>=1.2``."""
    return f"{_SIGN_OF[match.comparison]}{show_version(match.version)}"
