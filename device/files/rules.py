"""What a device lets manifests do with files (U4.6, U8).

A component that is a file is named by its path: each segment of the identifier is one name. The device's
own configuration lists these components, the actors that metadata may name, and the links that may lead out.
Nothing that a manifest says ever adds to that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from device.components import show_id
from spec.labels import FileType
from suit.errors import AbortError, ComponentUnauthorisedError, UnsupportedParameterError, UsageError
from suit.manifest import ActorId, ComponentId, ComponentMetadata
from suit.metadata import MAX_LINK_TARGET, is_path_name, link_destination

_MAX_DEPTH: Final = 16


@dataclass(frozen=True, slots=True)
class FileRules:
    """Which components are files, and what may be said about them.

    Attributes:
        files: The components that are files.
        users: The local number of each user that metadata may name; others are refused.
        groups: The same for groups.
        roles: The same for roles, on systems that have them.
        links: For a component that may be a link out of the tree: the targets that it may have, verbatim.

    Raises:
        UsageError: A component's identifier is no path.
    """

    files: frozenset[ComponentId]
    users: Mapping[ActorId, int] = field(default_factory=dict)
    groups: Mapping[ActorId, int] = field(default_factory=dict)
    roles: Mapping[ActorId, int] = field(default_factory=dict)
    links: Mapping[ComponentId, frozenset[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse names that no path may have before they reach a file system."""
        for component in self.files:
            if not 1 <= len(component) <= _MAX_DEPTH or not all(map(is_path_name, component)):
                raise UsageError(f"component {show_id(component)}: its identifier is no path")

    def require(self, component: ComponentId, metadata: ComponentMetadata) -> None:
        """Refuse metadata that this device has no place or no name for.

        Raises:
            UnsupportedParameterError: The component is no file, or the device does not know an actor.
            AbortError: Other components lie below it, so that it has to be a directory.
        """
        if component not in self.files:
            raise UnsupportedParameterError(f"component {show_id(component)} takes no metadata")
        self.require_place(component, metadata.kind)
        if metadata.creator is not None:
            _require_known((metadata.creator,), self.users, "user")
        _require_known(metadata.user_permissions or (), self.users, "user")
        _require_known(metadata.group_permissions or (), self.groups, "group")
        _require_known(metadata.role_permissions or (), self.roles, "role")

    def require_place(self, component: ComponentId, kind: FileType) -> None:
        """Let nothing but a directory be where other components lie below: no path leads through a link.

        Raises:
            AbortError: It would be something else.
        """
        depth = len(component)
        if kind is not FileType.DIRECTORY and any(
            len(other) > depth and other[:depth] == component for other in self.files
        ):
            raise AbortError(f"component {show_id(component)} can only be a directory: others lie below it")

    def destination(self, link: ComponentId, target: bytes) -> ComponentId | None:
        """Return the component that a link leads to; None where local policy lets this link lead out.

        Only components are targets. Targets are compared as text: ``..`` may stand in front only, where what
        it leaves is a directory for certain.

        Raises:
            AbortError: The target is no path.
            ComponentUnauthorisedError: It leads out of the tree, or to what is no component (U8).
        """
        if target in self.links.get(link, ()):
            return None
        names = target.split(b"/")
        if not 1 <= len(target) <= MAX_LINK_TARGET or not all(map(_is_segment, names)):
            raise AbortError(f"component {show_id(link)}: the target of the link is no path")
        found = link_destination(link, target)
        if found not in self.files:
            raise ComponentUnauthorisedError(
                f"link {show_id(link)} leads to no component of this device (U8)"
            )
        return found


def _require_known(actors: Iterable[ActorId], known: Mapping[ActorId, int], kind: str) -> None:
    for actor in actors:
        if actor not in known:
            raise UnsupportedParameterError(f"component-metadata: this device knows no such {kind} (U4.6)")


def _is_segment(name: bytes) -> bool:
    return name in {b"", b".", b".."} or is_path_name(name)
