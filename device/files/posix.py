"""Component metadata on a POSIX file system: owner, group and the nine permission bits, and nothing more.

What these cannot express is refused: no file ever has more rights, or other ones, than its author wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from device.files.rules import FileRules
from spec.labels import FileType, Permission
from suit.errors import UnsupportedParameterError
from suit.manifest import ActorId, ComponentMetadata

_LATEST: Final = 1 << 33  # a file system of today ends later, one of 32 bits in 2038
_BITS: Final = (
    (Permission.LIST_READ.value, 0o4),
    (Permission.CREATE_WRITE.value, 0o2),
    (Permission.TRAVERSE_EXEC.value, 0o1),
)
_PLAIN: Final = sum(bit for bit, _ in _BITS)
# What everybody has who can reach a file at all, and what its owner has besides.
_EVERYBODY: Final = sum(bit.value for bit in (Permission.READ_ATTR, Permission.READ_PERM, Permission.SYNC))
_OWNER: Final = sum(bit.value for bit in (Permission.WRITE_ATTR, Permission.CHANGE_PERM))


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a file gets. ``None`` leaves what the agent's own files have.

    Attributes:
        kind: What it is.
        mode: Its permission bits: never setuid, setgid or sticky.
        uid: Its owner.
        gid: Its group.
        modified: When it was modified, in seconds since 1970.
    """

    kind: FileType
    mode: int
    uid: int | None = None
    gid: int | None = None
    modified: int | None = None


PLAIN: Final = ComponentMetadata()
"""What is known of a file without metadata: nothing."""


def attributes(metadata: ComponentMetadata, rules: FileRules) -> Attributes:
    """Return what metadata means on this file system.

    Raises:
        UnsupportedParameterError: It cannot be expressed exactly.
    """
    kind = metadata.kind
    if metadata.role_permissions is not None or metadata.creation_time is not None:
        raise _no("roles and creation times do not exist here")
    if metadata.modification_time is not None and metadata.modification_time >= _LATEST:
        raise _no("a modification time that is too late")
    user, user_bits = _sole(metadata.user_permissions, "user")
    group, group_bits = _sole(metadata.group_permissions, "group")
    owners = [rules.users[actor] for actor in (user, metadata.creator) if actor is not None]
    if len(set(owners)) > 1:
        raise _no("the creator owns the file, so no other user can have permissions of their own")
    default = metadata.default_permissions
    if kind is FileType.SYMLINK and {default, user_bits, group_bits} != {None}:
        raise _no("links have no permissions")
    others = _mode(default or 0, kind, _EVERYBODY)
    own = 0o7 if kind is FileType.DIRECTORY else 0o6
    if user_bits is not None:
        own = _mode(user_bits, kind, _EVERYBODY | _OWNER)
    elif default is not None:
        own = others
    shared = others if group_bits is None else _mode(group_bits, kind, _EVERYBODY)
    return Attributes(
        kind,
        own << 6 | shared << 3 | others,
        owners[0] if owners else None,
        None if group is None else rules.groups[group],
        metadata.modification_time,
    )


def _sole(permissions: Mapping[ActorId, int] | None, kind: str) -> tuple[ActorId | None, int | None]:
    if permissions is None:
        return None, None
    if len(permissions) > 1:
        raise _no(f"a file has one {kind}, not {len(permissions)}")
    return next(iter(permissions.items()))


def _mode(permissions: int, kind: FileType, implied: int) -> int:
    """Return three permission bits; refuse what they do not say.

    In a directory, to write is to create and to delete at once.
    """
    if kind is FileType.DIRECTORY:
        writing = Permission.CREATE_WRITE.value | Permission.CREATEDIR_APPEND.value | Permission.DELETE.value
        if permissions & writing not in {0, writing}:
            raise _no("in a directory create-write, createdir-append and delete go together")
        implied |= writing
    if permissions & ~(_PLAIN | implied):
        raise _no(f"permissions {permissions:#x} cannot be expressed")
    return sum(mode for bit, mode in _BITS if permissions & bit)


def _no(problem: str) -> UnsupportedParameterError:
    return UnsupportedParameterError(f"component-metadata on this file system: {problem}")
