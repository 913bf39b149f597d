"""Component metadata in annotated diagnostic notation: members, permissions and times beside their names."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from spec.labels import CborTag, ComponentMetadata, FileType, Permission
from suit import cbor
from suit.cbor import Item
from suit.narrow import draft_name
from suit.notation import Block, Row, Value, mapping, one_line, plain

_NAMES: Final[Mapping[int, str]] = {member.value: draft_name(member) for member in ComponentMetadata}
_TYPES: Final[Mapping[int, str]] = {kind.value: draft_name(kind) for kind in FileType}
_MAPS: Final = frozenset(
    {
        ComponentMetadata.USER_PERMISSIONS.value,
        ComponentMetadata.GROUP_PERMISSIONS.value,
        ComponentMetadata.ROLE_PERMISSIONS.value,
    }
)
_LATEST: Final = 1 << 37  # before the year 6300, which datetime still knows


def show_metadata(item: Item, limit: int | None) -> Value:
    """Return SUIT_Component_Metadata as notation; what it cannot name it shows plainly."""
    if not isinstance(item, dict):
        return plain(item, limit)
    return mapping(
        Row(
            _permission_map(value, limit) if key in _MAPS else plain(value, limit),
            key=one_line(plain(key)),
            name=_NAMES.get(key, "") if type(key) is int else "",
            note=_note(key, value),
        )
        for key, value in item.items()
    )


def permission_names(permissions: Item) -> str:
    """Return the names of the bits in a number, empty for what is none."""
    if type(permissions) is not int or permissions < 0:
        return ""
    return ", ".join(draft_name(bit) for bit in Permission if permissions & bit.value) or "none"


def _permission_map(item: Item, limit: int | None) -> Value | Block:
    if not isinstance(item, dict):
        return plain(item, limit)
    return mapping(
        Row(plain(value, limit), key=one_line(plain(actor)), note=permission_names(value))
        for actor, value in item.items()
    )


def _note(key: Item, value: Item) -> str:
    if key == ComponentMetadata.DEFAULT_PERMISSIONS.value:
        return permission_names(value)
    if key == ComponentMetadata.FILE_TYPE.value and type(value) is int:
        return _TYPES.get(value, "")
    if not isinstance(value, cbor.Tagged) or value.tag != CborTag.EPOCH_TIME.value:
        return ""
    seconds = value.value
    if type(seconds) is not int or not 0 <= seconds < _LATEST:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
