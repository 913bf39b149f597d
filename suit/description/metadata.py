"""Component metadata as an author writes it (U4.6): types, permissions and times by name."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from spec.labels import FileType, Permission
from suit.description.forms import Also, Int, Model, Uint
from suit.manifest import ActorId, ComponentMetadata
from suit.metadata import ALL_PERMISSIONS, read_actor
from suit.narrow import draft_name

_BITS: Final = {draft_name(bit): bit.value for bit in Permission}
_NAMES: Final = tuple(_BITS)  # which can be asked for what has no hash
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def _permissions(value: object) -> object:
    if isinstance(value, list) and all(map(_NAMES.__contains__, value)):
        return sum({_BITS[name] for name in value})
    if type(value) is int:
        return value
    raise ValueError(f"permissions are a number or a list of {', '.join(_BITS)}")


def _time(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not _TIME.fullmatch(value):
        raise ValueError("a time is a number of seconds since 1970, or written 2026-01-31T12:00:00Z")
    try:
        seconds = int(datetime.fromisoformat(value).timestamp())
    except ValueError:
        raise ValueError(f"there is no time {value}") from None
    if seconds < 0:
        raise ValueError("a time lies after 1970")
    return seconds


def _actor(written: int | str) -> int | str:
    read_actor(written)
    return written


Permissions: TypeAlias = Annotated[
    int,
    Field(ge=0, le=ALL_PERMISSIONS),
    BeforeValidator(_permissions),
    Also({"type": "array", "items": {"enum": list(_BITS)}}),
]
Time: TypeAlias = Annotated[
    Uint, BeforeValidator(_time), Also({"type": "string", "pattern": f"^{_TIME.pattern}$"})
]
Actor: TypeAlias = Annotated[Int | str, Field(union_mode="left_to_right"), AfterValidator(_actor)]
PermissionMap: TypeAlias = Annotated[
    dict[Annotated[str, AfterValidator(_actor)], Permissions], Field(min_length=1)
]


class Metadata(Model):
    """What a file system shall know of a component."""

    file_type: Literal["regular", "directory", "symlink"] | None = None
    default_permissions: Permissions | None = None
    user_permissions: PermissionMap | None = None
    group_permissions: PermissionMap | None = None
    role_permissions: PermissionMap | None = None
    modification_time: Time | None = None
    creation_time: Time | None = None
    creator: Actor | None = None

    @model_validator(mode="after")
    def _each_actor_once(self) -> "Metadata":
        for rows in (self.user_permissions, self.group_permissions, self.role_permissions):
            if rows is not None and len({read_actor(actor) for actor in rows}) != len(rows):
                raise ValueError("an actor stands here twice")
        return self

    def to_model(self) -> ComponentMetadata:
        """Return it as the codec takes it."""
        return ComponentMetadata(
            default_permissions=self.default_permissions,
            user_permissions=_by_actor(self.user_permissions),
            group_permissions=_by_actor(self.group_permissions),
            role_permissions=_by_actor(self.role_permissions),
            file_type=None if self.file_type is None else FileType[self.file_type.upper()],
            modification_time=self.modification_time,
            creation_time=self.creation_time,
            creator=None if self.creator is None else read_actor(self.creator),
        )


def _by_actor(rows: Mapping[str, int] | None) -> Mapping[ActorId, int] | None:
    return None if rows is None else {read_actor(actor): value for actor, value in rows.items()}
