"""The files of a device as its configuration says them: paths, owners and links, in words for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from device.files.rules import FileRules
from suit.errors import UsageError
from suit.manifest import ComponentId
from suit.metadata import read_actor

_NOBODY: Final = (1 << 32) - 1  # which chown takes for leaving the owner as it is


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Which components are files, and who and what manifests may name.

    Attributes:
        paths: The paths of the components that are files, such as ``usr/bin/tool``.
        users: The local number of each user that metadata may name, as :func:`read_actor` reads it.
        groups: The same for groups.
        links: Path and target of each link that may lead out of the tree.
    """

    paths: tuple[str, ...]
    users: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()

    def rules(self) -> FileRules:
        """Return what the device admits.

        Raises:
            UsageError: A path is none, an actor is none, or a link is no component.
        """
        links: dict[ComponentId, frozenset[bytes]] = {}
        for path, target in self.links:
            if path not in self.paths:
                raise UsageError(f"link {path}: there is no such file")
            name = path_of(path)
            links[name] = links.get(name, frozenset()) | {target.encode()}
        files = frozenset(map(path_of, self.paths))
        return FileRules(files, _actors(self.users), _actors(self.groups), links=links)

    def to_json(self) -> dict[str, Any]:
        """Return it for ``device.json``."""
        return {
            "paths": list(self.paths),
            "users": dict(self.users),
            "groups": dict(self.groups),
            "links": [list(pair) for pair in self.links],
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "FileSettings":
        """Read it from ``device.json``; what is wrong in it raises some error of Python's own."""
        return cls(
            tuple(map(str, fields["paths"])),
            {str(name): int(number) for name, number in fields["users"].items()},
            {str(name): int(number) for name, number in fields["groups"].items()},
            tuple((str(path), str(target)) for path, target in fields["links"]),
        )


def path_of(text: str) -> ComponentId:
    """Return the component identifier of a path: each name is one segment."""
    return tuple(name.encode() for name in text.strip("/").split("/"))


def parse_numbers(texts: Sequence[str]) -> dict[str, int]:
    """Read several ``NAME=NUMBER``.

    Raises:
        UsageError: One is not of that form, or a name stands twice.
    """
    found: dict[str, int] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        if not name or not (number.isascii() and number.isdecimal()) or name in found:
            raise UsageError(f"{text!r}: expected NAME=NUMBER, each name once, such as app=1000")
        found[name] = int(number)
    return found


def parse_links(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Read several ``PATH=TARGET``.

    Raises:
        UsageError: One is not of that form.
    """
    pairs = [text.partition("=") for text in texts]
    for path, _, target in pairs:
        if not path or not target:
            raise UsageError(f"{path!r}: expected PATH=TARGET, such as etc/zone=/usr/share/zoneinfo/UTC")
    return tuple([(path.strip("/"), target) for path, _, target in pairs])


def _actors(numbers: Mapping[str, int]) -> dict[Any, int]:
    for name, number in numbers.items():
        if not 0 <= number < _NOBODY:
            raise UsageError(f"{name}={number}: users and groups have numbers from 0 to {_NOBODY - 1}")
    try:
        return {read_actor(name): number for name, number in numbers.items()}
    except ValueError as error:
        raise UsageError(str(error)) from error
