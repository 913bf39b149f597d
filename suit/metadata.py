"""Component metadata (U4.6): type, permissions, owners and times of a component that is a file.

All of it is untrusted input that a device maps to its own file system: texts hold nothing that could drive a
terminal or hide in a log, sizes are bounded, and what the draft does not define is refused.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final

from spec.labels import CborTag, FileType, Permission
from spec.labels import ComponentMetadata as Member
from suit import cbor
from suit.errors import LimitError, MalformedError, UnsupportedParameterError
from suit.manifest import ActorId, ComponentId, ComponentMetadata, Uuid
from suit.narrow import as_bytes, as_map, as_uint

MAX_ACTOR: Final = 255
MAX_LINK_TARGET: Final = 4095
ALL_PERMISSIONS: Final = sum(bit.value for bit in Permission)

_LIMITS: Final = cbor.Limits(size=1 << 12, depth=4, items=256)
_UUID_SIZE: Final = 16
_MAX_NAME: Final = 255
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_FORMS: Final = "app, 1000, uuid:…, hex:…, or text:… for a text that looks like one of these"
_UUID_TEXT: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIME, _UUID = CborTag.EPOCH_TIME.value, CborTag.UUID.value
_TYPES: Final = {kind.value: kind for kind in FileType}


def decode_component_metadata(item: cbor.Item, where: str) -> ComponentMetadata:
    """Read SUIT_Component_Metadata from its byte string.

    Raises:
        MalformedError: The encoding or the type of a member is wrong, or a text holds a character that it
            may not (U4.6).
        LimitError: It is larger than any file needs.
        UnsupportedParameterError: A member, permission or file type that the draft does not define.
    """
    where = f"{where}.component-metadata"
    members = as_map(cbor.decode(as_bytes(item, where), where=where, limits=_LIMITS), where)
    fields: dict[str, Any] = {}
    for number, value in members.items():
        row = _MEMBERS.get(number) if type(number) is int else None
        if row is None:
            raise UnsupportedParameterError(f"{where}: member {cbor.shown(number)} is not implemented")
        name, read = row
        fields[name] = read(value, where)
    return ComponentMetadata(**fields)


def metadata_map(metadata: ComponentMetadata) -> cbor.Item:
    """Return SUIT_Component_Metadata as the item to encode, without the byte string around it."""
    return {
        number: _WRITERS[name](value)
        for number, (name, _) in _MEMBERS.items()
        if (value := getattr(metadata, name)) is not None
    }


def encode_actor(actor: ActorId) -> cbor.Item:
    """Return an actor identifier as the item to encode."""
    return cbor.Tagged(_UUID, actor.value) if isinstance(actor, Uuid) else actor


def decode_actor(item: cbor.Item, where: str) -> ActorId:
    """Read an actor identifier (U4.6.1): a UUID under tag 37, bytes, a text or an integer.

    Raises:
        MalformedError: It is none.
        LimitError: It is longer than any file system's.
    """
    if type(item) is int:
        return item
    if isinstance(item, cbor.Tagged):
        if item.tag != _UUID or not isinstance(item.value, bytes) or len(item.value) != _UUID_SIZE:
            raise MalformedError(where, "the only tag that an actor can have is that of a UUID of 16 bytes")
        return Uuid(item.value)
    if not isinstance(item, str | bytes) or not item:
        raise MalformedError(where, "an actor is a UUID, bytes, a text or an integer")
    if len(item) > MAX_ACTOR:
        raise LimitError(where, f"an actor of {len(item)} characters")
    if isinstance(item, str) and not is_readable(item):
        raise MalformedError(where, "an actor holds a character that texts of metadata may not (U4.6)")
    return item


def read_actor(written: int | str) -> ActorId:
    """Read an actor as people write it: ``app``, ``1000``, ``uuid:…``, ``hex:…``, ``text:…``.

    Raises:
        ValueError: It is none.
    """
    if isinstance(written, int) or _DECIMAL.fullmatch(written):
        return int(written)
    kind, _, rest = written.partition(":")
    try:
        if kind == "uuid":
            return Uuid(bytes.fromhex(_uuid_digits(rest)))
        actor: str | bytes = bytes.fromhex(rest) if kind == "hex" else rest if kind == "text" else written
    except ValueError:
        raise ValueError(f"an actor is written {_FORMS}") from None
    if not 1 <= len(actor) <= MAX_ACTOR or (isinstance(actor, str) and not is_readable(actor)):
        raise ValueError(f"an actor has 1 to {MAX_ACTOR} characters, none of which controls anything (U4.6)")
    return actor


def is_readable(text: str) -> bool:
    """Tell whether a text holds letters, marks, numbers, punctuation, symbols and plain spaces only."""
    categories = map(unicodedata.category, text)
    return all(category == "Zs" or category[0] in "LMNPS" for category in categories)


def link_destination(link: ComponentId, target: bytes) -> ComponentId | None:
    """Return the identifier of what a link leads to, by its text alone; None where that leads out.

    Paths begin at the root of the components. ``..`` may stand in front only: behind a name, that name could
    be a link of its own.
    """
    found = [] if target.startswith(b"/") else list(link[:-1])
    descending = False
    for name in target.split(b"/"):
        if name in {b"", b"."}:
            continue
        if name == b"..":
            if descending or not found:
                return None
            found.pop()
        else:
            found.append(name)
            descending = True
    return tuple(found)


def is_path_name(name: bytes) -> bool:
    """Tell whether a segment of a component identifier can be a name in a path."""
    if not 1 <= len(name) <= _MAX_NAME or name in {b".", b".."} or b"/" in name:
        return False
    try:
        return is_readable(name.decode())
    except UnicodeDecodeError:
        return False


def _uuid_digits(text: str) -> str:
    if not _UUID_TEXT.fullmatch(text):
        raise ValueError(text)
    return text.replace("-", "")


def _permissions(item: cbor.Item, where: str) -> int:
    permissions = as_uint(item, where)
    if permissions & ~ALL_PERMISSIONS:
        raise UnsupportedParameterError(f"{where}: permissions {permissions:#x} are not all implemented")
    return permissions


def _permission_map(item: cbor.Item, where: str) -> Mapping[ActorId, int]:
    rows = as_map(item, where)
    if not rows:
        raise MalformedError(where, "an empty map of permissions")
    return {decode_actor(actor, where): _permissions(value, where) for actor, value in rows.items()}


def _file_type(item: cbor.Item, where: str) -> FileType:
    number = as_uint(item, where)
    if number not in _TYPES:
        raise UnsupportedParameterError(f"{where}: file type {number} is not implemented")
    return _TYPES[number]


def _time(item: cbor.Item, where: str) -> int:
    if not isinstance(item, cbor.Tagged) or item.tag != _TIME:
        raise MalformedError(where, "a time is a number of seconds under tag 1 (U4.6.2)")
    return as_uint(item.value, where)


def _permission_rows(rows: Mapping[ActorId, int]) -> cbor.Item:
    return {encode_actor(actor): permissions for actor, permissions in rows.items()}


def _tagged_time(seconds: int) -> cbor.Item:
    return cbor.Tagged(_TIME, seconds)


_MEMBERS: Final[Mapping[int, tuple[str, Callable[[cbor.Item, str], object]]]] = {
    Member.DEFAULT_PERMISSIONS.value: ("default_permissions", _permissions),
    Member.USER_PERMISSIONS.value: ("user_permissions", _permission_map),
    Member.GROUP_PERMISSIONS.value: ("group_permissions", _permission_map),
    Member.ROLE_PERMISSIONS.value: ("role_permissions", _permission_map),
    Member.FILE_TYPE.value: ("file_type", _file_type),
    Member.MODIFICATION_TIME.value: ("modification_time", _time),
    Member.CREATION_TIME.value: ("creation_time", _time),
    Member.CREATOR.value: ("creator", decode_actor),
}
_WRITERS: Final[Mapping[str, Callable[[Any], cbor.Item]]] = {
    "default_permissions": int,
    "user_permissions": _permission_rows,
    "group_permissions": _permission_rows,
    "role_permissions": _permission_rows,
    "file_type": lambda kind: kind.value,
    "modification_time": _tagged_time,
    "creation_time": _tagged_time,
    "creator": encode_actor,
}
