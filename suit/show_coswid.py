"""A CoSWID for people: in annotated diagnostic notation, and as single statements to compare."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from spec.labels import CoSwid, CoSwidRole, CoSwidVersionScheme, Label, NamedHash
from suit.cbor import Item
from suit.narrow import draft_name
from suit.notation import Row, Value, array, mapping, one_line, plain

_NAMES: Final[Mapping[int, str]] = {member.value: draft_name(member) for member in CoSwid}
_UUID_SIZE: Final = 16
_CALLED: Final[tuple[Item, ...]] = ("name", CoSwid.FS_NAME.value, CoSwid.ENTITY_NAME.value, CoSwid.HREF.value)


def show_coswid(item: Item, limit: int | None) -> Value:
    """Return a concise-swid-tag, or a part of one, as notation; what it cannot name it shows plainly."""
    if isinstance(item, dict):
        return mapping(
            Row(
                show_coswid(value, limit),
                key=one_line(plain(key)),
                name=_NAMES.get(key, "") if type(key) is int else "",
                note=_note(key, value),
            )
            for key, value in item.items()
        )
    if isinstance(item, list):
        return array(Row(show_coswid(part, limit)) for part in item)
    return plain(item, limit)


def leaves(item: Item, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Item]]:
    """Yield everything that a CoSWID says with its place; entries of lists are called by their names."""
    if isinstance(item, dict) and item:
        for key, value in item.items():
            name = _NAMES.get(key) if type(key) is int else None
            yield from leaves(value, (*place, name or one_line(plain(key)).strip('"')))
    elif isinstance(item, list) and any(isinstance(part, dict) for part in item):
        for index, part in enumerate(item):
            yield from leaves(part, (*place, _called(part) or str(index)))
    else:
        yield place, item


def _called(item: Item) -> str:
    names = (item.get(key) for key in _CALLED) if isinstance(item, dict) else ()
    return next((one_line(plain(name)).strip('"') for name in names if name is not None), "")


def _note(key: Item, value: Item) -> str:
    note = _NOTES.get(key) if type(key) is int else None
    return "" if note is None else note(value)


def _named(table: type[Label]) -> Callable[[Item], str]:
    names = {member.value: draft_name(member) for member in table}

    def note(item: Item) -> str:
        parts = item if isinstance(item, list) else [item]
        return ", ".join(names.get(part, "") for part in parts if type(part) is int).strip(", ")

    return note


def _uuid(item: Item) -> str:
    return str(uuid.UUID(bytes=item)) if isinstance(item, bytes) and len(item) == _UUID_SIZE else ""


def _hash(item: Item) -> str:
    return _named(NamedHash)(item[:1]) if isinstance(item, list) else ""


_NOTES: Final[Mapping[int, Callable[[Item], str]]] = {
    CoSwid.TAG_ID.value: _uuid,
    CoSwid.ROLE.value: _named(CoSwidRole),
    CoSwid.VERSION_SCHEME.value: _named(CoSwidVersionScheme),
    CoSwid.HASH.value: _hash,
}
