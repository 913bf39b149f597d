"""What changed from one envelope to another, in the words of the drafts.

Each envelope becomes a list of statements, "this place holds this value"; a command's place names the
components that it is executed for, so that renumbering them is one change and not one per command. Like
``suit show`` it reads whatever is deterministic CBOR, labels that hardsuit does not implement included, and
verifies nothing.
"""

import difflib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from spec import labels
from spec.labels import Command as Label
from spec.labels import Common, CoseAlgorithm, Envelope, Manifest, Parameter
from suit import cbor, digest
from suit.cbor import Item
from suit.decode_sequence import SEQUENCE_LIMITS
from suit.envelope import MAX_ENVELOPE
from suit.errors import HardsuitError, MalformedError
from suit.narrow import draft_name
from suit.notation import one_line, plain
from suit.show import algorithm_name
from suit.show_coswid import leaves
from suit.show_metadata import show_metadata
from suit.wait import decode_wait_info, show_wait_info

Place: TypeAlias = tuple[str, ...]

_LIMITS: Final = cbor.Limits(size=MAX_ENVELOPE, items=SEQUENCE_LIMITS.items)
_MAX_NESTING: Final = 16
_LONG: Final = 72
_SEQUENCES: Final = frozenset(
    {
        Manifest.VALIDATE,
        Manifest.LOAD,
        Manifest.INVOKE,
        Manifest.DEPENDENCY_RESOLUTION,
        Manifest.PAYLOAD_FETCH,
        Manifest.CANDIDATE_VERIFICATION,
        Manifest.INSTALL,
        Manifest.UNINSTALL,
    }
)
_SETTERS: Final = frozenset({Label.OVERRIDE_PARAMETERS, Label.SET_PARAMETERS})
_EVERY_COMPONENT: Final = "every component"
_SIGNATURE: Final = "signature"
_SEVERED: Final = "severed"
_SEVERABLE: Final = ("severable",)
_DIGEST: Final = ("digest",)
_MANIFEST_DIGEST: Final = (draft_name(Envelope.AUTHENTICATION_WRAPPER), *_DIGEST)


class Kind(Enum):
    """What happened to a statement."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        kind: Whether ``before``, ``after`` or both are there.
        place: Where, in the words of the drafts, from the outside in.
        before: The value in the first envelope.
        after: The value in the second one.
    """

    kind: Kind
    place: Place
    before: str | None
    after: str | None

    @property
    def line(self) -> str:
        """The change as people read it."""
        where = ": ".join(self.place)
        match self.kind:
            case Kind.ADDED:
                return f"+ {where} = {self.after}"
            case Kind.REMOVED:
                return f"- {where} = {self.before}"
            case Kind.CHANGED:
                return f"~ {where} = {self.before} -> {self.after}"


class _Statement(NamedTuple):
    place: Place
    value: str


def diff(before: bytes, after: bytes) -> list[Change]:
    """Return what changed, in the order of the envelope; nothing if and only if the bytes are the same.

    Args:
        before: An encoded envelope.
        after: Another one.

    Raises:
        MalformedError: One of them is not an envelope in deterministic CBOR.
    """
    if before == after:
        return []
    old = list(_statements(before, "the first envelope"))
    new = list(_statements(after, "the second envelope"))
    changes = list(_changes(old, new))
    if any(change.place == _MANIFEST_DIGEST for change in changes):
        # Another manifest has other signatures; that alone is not worth a line.
        changes = [change for change in changes if change.place[-1] != _SIGNATURE]
    # What was cut off cannot be compared but by its digest.
    severed = {one.place[0] for one in (*old, *new) if one.place[1:] == _SEVERABLE and one.value == _SEVERED}
    changes = [
        change
        for change in changes
        if change.place[0] not in severed or change.place[1:] in (_SEVERABLE, _DIGEST)
    ]
    return changes or [Change(Kind.CHANGED, ("envelope",), _bytes(before), _bytes(after))]


def _changes(old: list[_Statement], new: list[_Statement]) -> Iterator[Change]:
    matcher = difflib.SequenceMatcher(None, [one.place for one in old], [one.place for one in new])
    for what, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if what != "equal":
            yield from (Change(Kind.REMOVED, *one, None) for one in old[old_start:old_end])
            yield from (Change(Kind.ADDED, one.place, None, one.value) for one in new[new_start:new_end])
            continue
        for one, other in zip(old[old_start:old_end], new[new_start:new_end], strict=True):
            if one.value != other.value:
                yield Change(Kind.CHANGED, one.place, one.value, other.value)


def _statements(raw: bytes, where: str) -> Iterator[_Statement]:
    item = cbor.decode(raw, where=where, limits=_LIMITS)
    tag = item.tag if isinstance(item, cbor.Tagged) else None
    members = item.value if isinstance(item, cbor.Tagged) else item
    if tag not in (None, labels.CborTag.SUIT_ENVELOPE.value) or not isinstance(members, dict):
        raise MalformedError(where, "not an envelope")
    if tag is not None:
        yield _Statement(("envelope", "tag"), str(tag))
    yield from _Reader(members).envelope()


class _Reader:
    """Takes one envelope apart; the methods are named after the structures of the drafts."""

    def __init__(self, members: dict[Item, Item]) -> None:
        self.members = members
        self.components: list[str] = []

    def envelope(self) -> Iterator[_Statement]:
        manifest: Item = None
        for key, value in self.members.items():
            name = _name(Envelope, key)
            if key == Envelope.AUTHENTICATION_WRAPPER.value:
                yield from self.wrapper(_inside(value), (name,))
            elif key == Envelope.MANIFEST.value:
                manifest = _inside(value)
                yield from self.manifest(manifest)
            elif isinstance(key, str):
                yield _Statement(("integrated payload", name), _bytes(value))
        digests = manifest if isinstance(manifest, dict) else {}
        for key, value in self.members.items():
            known = isinstance(key, str) or key in {Envelope.MANIFEST.value, *digests}
            if not known and key != Envelope.AUTHENTICATION_WRAPPER.value:
                yield _Statement(("envelope", _name(Envelope, key), "without digest"), _value(value))

    def wrapper(self, item: Item, place: Place) -> Iterator[_Statement]:
        if not isinstance(item, list):
            yield _Statement(place, _value(item))
            return
        for index, part in enumerate(item):
            inner = _inside(part)
            if index == 0:
                yield _Statement((*place, *_DIGEST), _digest(inner))
            else:
                yield from _block(inner, (*place, f"authentication-block {index - 1}"))

    def manifest(self, item: Item) -> Iterator[_Statement]:
        if not isinstance(item, dict):
            yield _Statement(("manifest",), _value(item))
            return
        for key, value in item.items():
            label, place = _find(Manifest, key), (_name(Manifest, key),)
            if label is Manifest.COMMON:
                yield from self.common(_inside(value))
            elif label in _SEQUENCES or label in {Manifest.TEXT, Manifest.COSWID}:
                yield from self.member(label, value, place)
            else:
                yield _Statement(place, _value(_inside(value)))

    def common(self, item: Item) -> Iterator[_Statement]:
        if not isinstance(item, dict):
            yield _Statement(("common",), _value(item))
            return
        components = item.get(Common.COMPONENTS.value)
        self.components = [_component(one) for one in components] if isinstance(components, list) else []
        for key, value in item.items():
            label, name = _find(Common, key), _name(Common, key)
            if label is Common.COMPONENTS and isinstance(value, list):
                for index, one in enumerate(self.components):
                    yield _Statement(("component", one), f"index {index}")
            elif label is Common.SHARED_SEQUENCE:
                yield from self.sequence(_inside(value), (name,), self.named(0), _MAX_NESTING)
            elif label is Common.DEPENDENCIES and isinstance(value, dict):
                for index, one in value.items():
                    yield _Statement(("dependency", _value(index)), _value(one))
            else:
                yield _Statement(("common", name), _value(value))

    def member(self, label: Manifest, item: Item, place: Place) -> Iterator[_Statement]:
        """Read a member that the manifest may hold or only a digest of it."""
        content = item
        if isinstance(item, list):
            content = self.members.get(label.value)
            yield _Statement((*place, *_DIGEST), _digest(item))
            yield _Statement((*place, *_SEVERABLE), _SEVERED if content is None else "in the envelope")
        if content is None:
            return
        inner = _inside(content)
        if label is Manifest.TEXT:
            yield from _tree(inner, place, (None, labels.TextManifest, labels.TextComponent))
        elif label is Manifest.COSWID:
            yield from (_Statement(at, _value(leaf)) for at, leaf in leaves(inner, place))
        else:
            yield from self.sequence(inner, place, self.named(0), _MAX_NESTING)

    def sequence(self, item: Item, place: Place, selected: str, depth: int) -> Iterator[_Statement]:
        if not isinstance(item, list) or len(item) % 2 or depth == 0:
            yield _Statement(place, _value(item))
            return
        for number, argument in zip(item[::2], item[1::2], strict=True):
            label = _command(number)
            if label is Label.SET_COMPONENT_INDEX:
                selected = self.named(argument)
            elif label is Label.OVERRIDE_MULTIPLE and isinstance(argument, dict) and argument:
                selected = self.named(next(reversed(argument)))
            yield from self.command(label, _name(Label, number), argument, (*place, selected), depth)

    def command(
        self, label: Label | None, name: str, argument: Item, place: Place, depth: int
    ) -> Iterator[_Statement]:
        selected = place[-1]
        if label is Label.SET_COMPONENT_INDEX:
            yield _Statement((*place[:-1], name), selected)
        elif label in _SETTERS and isinstance(argument, dict):
            for key, value in argument.items():
                source = key == Parameter.SOURCE_COMPONENT.value
                shown = self.named(value) if source else _parameter(key, value)
                yield _Statement((*place, name, _name(Parameter, key)), shown)
        elif label is Label.RUN_SEQUENCE:
            yield from self.sequence(_inside(argument), (*place[:-1], name), selected, depth - 1)
        elif label is Label.TRY_EACH and isinstance(argument, list):
            for index, branch in enumerate(argument):
                inner = (*place[:-1], f"{name} {index}")
                yield from self.sequence(_inside(branch), inner, selected, depth - 1)
        else:
            yield _Statement((*place, name), _value(argument))

    def named(self, argument: Item) -> str:
        """Return the identifiers of the components that an index selects."""
        if argument is True:
            return _EVERY_COMPONENT
        chosen = argument if isinstance(argument, list) else [argument]
        return ", ".join(
            self.components[index]
            if type(index) is int and 0 <= index < len(self.components)
            else f"index {_value(index)}"
            for index in chosen
        )


def _block(item: Item, place: Place) -> Iterator[_Statement]:
    parts = item.value if isinstance(item, cbor.Tagged) else None
    if not isinstance(item, cbor.Tagged) or not isinstance(parts, list):
        yield _Statement(place, _value(item))
        return
    kind = _find(labels.CborTag, item.tag)
    yield _Statement((*place, "kind"), f"tag {item.tag}" if kind is None else draft_name(kind))
    for name, part in zip(("protected", "unprotected"), parts, strict=False):
        header = _inside(part)
        for key, value in header.items() if isinstance(header, dict) else ():
            named = algorithm_name(value) if key == labels.CoseHeader.ALG.value else ""
            yield _Statement((*place, name, _name(labels.CoseHeader, key)), named or _value(value))
    yield _Statement((*place, _SIGNATURE), _value(parts[3:]))


def _tree(item: Item, place: Place, tables: tuple[type[labels.Label] | None, ...]) -> Iterator[_Statement]:
    """Read nested maps, whose keys the tables name from the outside in; component ids name themselves."""
    if not isinstance(item, dict) or len(place) > _MAX_NESTING:
        yield _Statement(place, _value(item))
        return
    for key, value in item.items():
        inner = tables[1:] if type(key) is not int else ()
        yield from _tree(value, (*place, _name(tables[0] if tables else None, key)), inner)


def _parameter(key: Item, value: Item) -> str:
    if key == Parameter.COMPONENT_METADATA.value:
        return _shortened(one_line(show_metadata(_inside(value), None)), value)
    if key == Parameter.IMAGE_DIGEST.value:
        return _digest(_inside(value))
    if key == Parameter.WAIT_INFO.value:
        with suppress(HardsuitError):
            return show_wait_info(decode_wait_info(value, ""))
    if key in {Parameter.CONTENT.value, Parameter.INVOKE_ARGS.value, Parameter.FETCH_ARGUMENTS.value}:
        return _value(value)
    return _value(_inside(value))


def _digest(item: Item) -> str:
    if not isinstance(item, list) or len(item) != 2:  # noqa: PLR2004 - algorithm and value (M8.3)
        return _value(item)
    number, value = item
    return f"{algorithm_name(number) or _value(number)} {_value(value)}"


def _inside(item: Item) -> Item:
    """Return the content of a byte string if that is a CBOR container, else the item itself."""
    if not isinstance(item, bytes):
        return item
    try:
        inner = cbor.decode(item, where="", limits=_LIMITS, ordered=False)
    except HardsuitError:
        return item
    return inner if isinstance(inner, list | dict | cbor.Tagged) else item


def _command(number: Item) -> Label | None:
    return next((label for label in Label if label.value == number), None) if type(number) is int else None


def _find(table: type[labels.Label], number: Item) -> labels.Label | None:
    return next((label for label in table if label.value == number), None) if type(number) is int else None


def _name(table: type[labels.Label] | None, key: Item) -> str:
    if isinstance(key, tuple):
        return _component(key)
    label = None if table is None else _find(table, key)
    return _value(key) if label is None else draft_name(label)


def _component(item: Item) -> str:
    """Return a component identifier, its readable segments between single quotes."""
    if not isinstance(item, list | tuple) or not all(isinstance(part, bytes) for part in item):
        return _value(item)
    return f"[{', '.join(_segment(part) for part in item)}]"


def _segment(part: bytes) -> str:
    readable = len(part) > 1 and part.isascii() and (text := part.decode("ascii")).isprintable()
    return f"'{text}'" if readable and not set(text) & set("'\\") else f"h'{part.hex()}'"


def _bytes(item: Item) -> str:
    if not isinstance(item, bytes):
        return _value(item)
    return f"{len(item)} bytes, SHA-256 {digest.compute(CoseAlgorithm.SHA_256, item).hex()}"


def _value(item: Item) -> str:
    """Return an item on one line; a long one by its beginning and its hash, so that no difference hides."""
    return _shortened(one_line(plain(item)), item)


def _shortened(text: str, item: Item) -> str:
    if len(text) <= _LONG or (isinstance(item, bytes) and len(item) <= _LONG):
        return text
    hashed = digest.compute(CoseAlgorithm.SHA_256, text.encode()).hex()[:16]
    size = f"{len(item)} bytes" if isinstance(item, bytes) else f"{len(text)} characters"
    return f"{text[:_LONG]}... ({size}, {hashed})"
