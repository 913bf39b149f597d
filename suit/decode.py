"""Bytes to model, for what stands inside the manifest. Call it only on an authenticated manifest.

Each function mirrors one of :mod:`suit.encode`, in the same order. Labels without a row in
:mod:`suit.commands` are refused with a typed error.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from spec.labels import CborTag, Common, TextComponent, TextManifest
from spec.labels import Dependency as Metadata
from spec.labels import Manifest as Member
from suit import cbor, digest
from suit.coswid import check_coswid
from suit.decode_sequence import SEQUENCE_LIMITS, decode_digest, decode_sequence
from suit.errors import LimitError, MalformedError, NotAuthenticError, UnsupportedElementError
from suit.manifest import (
    ComponentId,
    Dependency,
    Envelope,
    Manifest,
    Sequence,
    Severable,
    Text,
    Texts,
    Version,
    severable_member,
)
from suit.narrow import as_bytes, as_map, as_text, as_uint, draft_name
from suit.version import decode_wrapped_version

MAX_COMPONENTS: Final = 64
MANIFEST_VERSION: Final = 1

_TEXT_LIMITS: Final = cbor.Limits(size=1 << 18)
_VERSION, _COMMON, _TEXT = Member.MANIFEST_VERSION.value, Member.COMMON.value, Member.TEXT.value
_COMPONENTS, _SHARED_SEQUENCE = Common.COMPONENTS.value, Common.SHARED_SEQUENCE.value
_DEPENDENCIES, _PREFIX = Common.DEPENDENCIES.value, Metadata.PREFIX.value
_KNOWN_COMMON: Final = frozenset({_COMPONENTS, _SHARED_SEQUENCE, _DEPENDENCIES})
COMMON_MEMBERS: Final = _KNOWN_COMMON
_SUIT_MANIFEST = CborTag.SUIT_MANIFEST.value
_LANGUAGE_TAG: Final = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")

_NONE: Final[Mapping[int, Dependency]] = {}

T = TypeVar("T")


def decode_manifest(raw: bytes, *, where: str = "manifest") -> Manifest:
    """Decode a SUIT_Manifest (M8.4).

    Args:
        raw: The encoded map, without the byte string around it.
        where: The name of the manifest in error messages.

    Raises:
        MalformedError: The encoding or the structure is wrong.
        UnsupportedElementError, UnsupportedCommandError, UnsupportedParameterError: A label that
            hardsuit does not implement (M6.1).
    """
    budget = SEQUENCE_LIMITS.budget(len(raw))
    members = cbor.decode(raw, where=where, limits=SEQUENCE_LIMITS, budget=budget)
    if type(members) is not dict:
        raise MalformedError(where, "expected a map")
    if not members.keys() >= _REQUIRED.keys():
        missing = next(name for number, name in _REQUIRED.items() if number not in members)
        raise MalformedError(where, f"{missing} is missing")
    if None in members.values():
        raise MalformedError(where, "a member is nil")
    _check_version(members.pop(_VERSION), where)
    components, dependencies, shared = _common(members.pop(_COMMON), budget, f"{where}.common")
    text = members.pop(_TEXT, None)
    fields: dict[str, Any] = {}
    for number, item in members.items():
        member = _MEMBERS.get(number)
        if member is None:
            raise UnsupportedElementError(f"{where}: member {cbor.shown(number)} is not implemented")
        name, spelled, read = member
        fields[name] = read(item, budget, f"{where}.{spelled}")
    if text is not None:
        fields["text"] = _text_member(text, budget, components, f"{where}.text")
    return Manifest(
        components=components, dependencies=dependencies, shared_sequence=shared, raw=raw, **fields
    )


def decode_bare_manifest(raw: bytes, *, where: str = "manifest") -> Manifest:
    """Decode a SUIT_Manifest that stands alone, behind tag 1070 (M8.4).

    Raises:
        MalformedError: No such tag; and as :func:`decode_manifest`.
    """
    head = cbor.tag_head(_SUIT_MANIFEST)
    if not raw.startswith(head):
        raise MalformedError(where, f"no tag {_SUIT_MANIFEST} in front")
    return decode_manifest(raw[len(head) :], where=where)


def attach_severed(manifest: Manifest, envelope: Envelope) -> Manifest:
    """Fill severable members from the envelope, each checked against its digest before it is decoded.

    Raises:
        NotAuthenticError: An element does not match its digest, or the manifest knows none for it (M8.6).
        MalformedError, UnsupportedCommandError, UnsupportedParameterError: As :func:`decode_manifest`.
    """
    if not envelope.severed:
        return manifest
    filled: dict[str, Any] = {}
    budget = SEQUENCE_LIMITS.budget(sum(map(len, envelope.severed.values())))
    for member, element in envelope.severed.items():
        found = severable_member(manifest, member)
        if found is None:
            raise UnsupportedElementError(f"envelope: {draft_name(member)} is not severable")
        field, known = found
        if known is None or known.digest is None:
            raise NotAuthenticError(f"envelope: element {draft_name(member)} has no digest in the manifest")
        where = f"envelope.{draft_name(member)}"
        if not digest.matches(known.digest, cbor.byte_string_head(len(element)), element):
            raise NotAuthenticError(f"{where}: the digest in the manifest is another")
        if member is Member.TEXT:
            value: Any = decode_texts(element, where=where, components=manifest.components)
        elif member is Member.COSWID:
            value = check_coswid(element, where)
        else:
            value = decode_sequence(element, where=where, budget=budget)
        filled[field] = replace(known, value=value)
    return replace(manifest, **filled)


def decode_component_id(item: cbor.Item, where: str) -> ComponentId:
    """Decode a component identifier (M8.4.5): an array of byte strings."""
    if type(item) is list or type(item) is tuple:
        for part in item:
            if type(part) is not bytes:
                break
        else:
            return tuple(item)
    raise MalformedError(where, "a component identifier is an array of byte strings")


def decode_texts(
    raw: bytes,
    *,
    where: str,
    components: tuple[ComponentId, ...],
    budget: cbor.Budget | None = None,
) -> Texts:
    """Decode a text map (M8.4.4); component texts may name declared components only.

    Raises:
        MalformedError: The encoding or the structure is wrong.
        UnsupportedElementError: A text label that hardsuit does not implement.
    """
    languages = as_map(cbor.decode(raw, where=where, limits=_TEXT_LIMITS, budget=budget), where)
    return {
        _language(language, where): _text(value, components, where) for language, value in languages.items()
    }


def _check_version(version: cbor.Item, where: str) -> None:
    if type(version) is not int or version != MANIFEST_VERSION:
        raise MalformedError(where, f"manifest version {cbor.shown(version)} instead of {MANIFEST_VERSION}")


def _common(
    item: cbor.Item, budget: cbor.Budget, where: str
) -> tuple[tuple[ComponentId, ...], Mapping[int, Dependency], Sequence | None]:
    common = as_map(cbor.decode(as_bytes(item, where), where=where, budget=budget), where)
    for number in common:
        if number not in _KNOWN_COMMON:
            raise UnsupportedElementError(f"{where}: member {cbor.shown(number)} is not implemented")
    components = _components(common.get(_COMPONENTS), f"{where}.components")
    dependencies = _NONE
    if _DEPENDENCIES in common:
        dependencies = _dependencies(common[_DEPENDENCIES], components, f"{where}.dependencies")
    if _SHARED_SEQUENCE not in common:
        return components, dependencies, None
    where = f"{where}.shared-sequence"
    shared = as_bytes(common[_SHARED_SEQUENCE], where)
    return components, dependencies, decode_sequence(shared, where=where, budget=budget, shared=True)


def _dependencies(
    item: cbor.Item, components: tuple[ComponentId, ...], where: str
) -> Mapping[int, Dependency]:
    """Read SUIT_Dependencies (T5.2.2); what lies past the components is named by its prefix (ADR 0007)."""
    rows = as_map(item, where)
    if not rows:
        raise MalformedError(where, "an empty map of dependencies")
    dependencies = {as_uint(index, where): _dependency(row, where) for index, row in rows.items()}
    known = set(components)
    following = len(components)
    for index in sorted(dependencies):
        prefix = dependencies[index].prefix
        if index < len(components):
            continue
        if index != following or not prefix or prefix in known:
            raise MalformedError(where, f"dependency {index} is no component, and no prefix names one")
        known.add(prefix)
        following += 1
    if following > MAX_COMPONENTS:
        raise LimitError(where, f"{following} components are over the limit of {MAX_COMPONENTS}")
    return dependencies


def _dependency(item: cbor.Item, where: str) -> Dependency:
    metadata = as_map(item, where)
    for number in metadata.keys() - {_PREFIX}:
        raise UnsupportedElementError(f"{where}: member {cbor.shown(number)} is not implemented")
    return Dependency(decode_component_id(metadata[_PREFIX], where) if metadata else None)


def _components(item: cbor.Item, where: str) -> tuple[ComponentId, ...]:
    if not isinstance(item, list) or not item:
        raise MalformedError(where, "expected at least one component identifier")
    if len(item) > MAX_COMPONENTS:
        raise LimitError(where, f"{len(item)} components are over the limit of {MAX_COMPONENTS}")
    components = tuple([decode_component_id(part, where) for part in item])
    if len(set(components)) != len(components):
        raise MalformedError(where, "a component is declared twice")
    return components


def _sequence_number(item: cbor.Item, _budget: cbor.Budget, where: str) -> int:
    return as_uint(item, where)


def _reference_uri(item: cbor.Item, _budget: cbor.Budget, where: str) -> str:
    return as_text(item, where)


def _component_id(item: cbor.Item, _budget: cbor.Budget, where: str) -> ComponentId:
    return decode_component_id(item, where)


def _set_version(item: cbor.Item, _budget: cbor.Budget, where: str) -> Version:
    return decode_wrapped_version(item, where)


def _sequence(item: cbor.Item, budget: cbor.Budget, where: str) -> Sequence:
    return decode_sequence(as_bytes(item, where), where=where, budget=budget)


def _severable_sequence(item: cbor.Item, budget: cbor.Budget, where: str) -> Severable[Sequence]:
    if isinstance(item, list):
        return Severable(None, decode_digest(item, where))
    return Severable(_sequence(item, budget, where))


def _text_member(
    item: cbor.Item, budget: cbor.Budget, components: tuple[ComponentId, ...], where: str
) -> Severable[Texts]:
    if isinstance(item, list):
        return Severable(None, decode_digest(item, where))
    return Severable(decode_texts(as_bytes(item, where), where=where, components=components, budget=budget))


def _coswid_member(item: cbor.Item, budget: cbor.Budget, where: str) -> Severable[bytes]:
    del budget  # it is scanned, not decoded
    if isinstance(item, list):
        return Severable(None, decode_digest(item, where))
    return Severable(check_coswid(as_bytes(item, where), where))


def _language(item: cbor.Item, where: str) -> str:
    if not isinstance(item, str) or not _LANGUAGE_TAG.fullmatch(item):
        raise MalformedError(where, "a language is a tag such as en-US")
    return item


def _text(item: cbor.Item, components: tuple[ComponentId, ...], where: str) -> Text:
    manifest: dict[TextManifest, str] = {}
    by_component: dict[ComponentId, dict[TextComponent, str]] = {}
    for key, value in as_map(item, where).items():
        if isinstance(key, tuple):
            if key not in components:
                raise MalformedError(where, "a text names an undeclared component")
            by_component[key] = _strings(value, TextComponent, where)
        else:
            manifest.update(_strings({key: value}, TextManifest, where))
    return Text(manifest, by_component)


def _strings(item: cbor.Item, table: Callable[[int], T], where: str) -> dict[T, str]:
    strings = {}
    for key, value in as_map(item, where).items():
        if not isinstance(value, str):
            raise MalformedError(where, "a text is a string")
        try:
            strings[table(key)] = value
        except ValueError:
            raise UnsupportedElementError(f"{where}: text {cbor.shown(key)} is not implemented") from None
    return strings


_READERS: Final[Mapping[Member, Callable[[cbor.Item, cbor.Budget, str], Any]]] = {
    Member.MANIFEST_SEQUENCE_NUMBER: _sequence_number,
    Member.REFERENCE_URI: _reference_uri,
    Member.SET_VERSION: _set_version,
    Member.VALIDATE: _sequence,
    Member.LOAD: _sequence,
    Member.INVOKE: _sequence,
    Member.DEPENDENCY_RESOLUTION: _severable_sequence,
    Member.PAYLOAD_FETCH: _severable_sequence,
    Member.CANDIDATE_VERIFICATION: _severable_sequence,
    Member.INSTALL: _severable_sequence,
    Member.UNINSTALL: _sequence,
    Member.MANIFEST_COMPONENT_ID: _component_id,
    Member.COSWID: _coswid_member,
}
# By number: the field of the model, the drafts' name, the reader.
_MEMBERS: Final = {
    member.value: (member.name.lower().removeprefix("manifest_"), draft_name(member), read)
    for member, read in _READERS.items()
}
_REQUIRED: Final = {
    member.value: draft_name(member)
    for member in (Member.MANIFEST_VERSION, Member.MANIFEST_SEQUENCE_NUMBER, Member.COMMON)
}
MEMBERS: Final = frozenset({_VERSION, _COMMON, _TEXT, *_MEMBERS})
"""The members of a manifest that hardsuit implements, by number."""
