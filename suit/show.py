"""Envelope to annotated diagnostic notation: every number beside the name that the drafts give it.

It reads whatever is deterministic CBOR, extension labels and unsigned, severed or bare manifests included;
what it cannot take apart it shows as bytes. It believes nothing: digests are compared, the result noted.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from spec import labels
from suit import cbor, digest
from suit.cbor import Item
from suit.decode_sequence import SEQUENCE_LIMITS, decode_digest
from suit.envelope import MAX_ENVELOPE
from suit.errors import HardsuitError, MalformedError
from suit.manifest import Digest
from suit.narrow import draft_name
from suit.notation import (
    Block,
    Row,
    Value,
    array,
    byte_string,
    embedded,
    mapping,
    one_line,
    plain,
    render,
    tagged,
    wrap,
)
from suit.show_coswid import show_coswid
from suit.show_metadata import show_metadata
from suit.wait import decode_wait_info, show_wait_info

_BRIEF: Final = 32
_MAX_WRAPPED: Final = 16
_LIMITS: Final = cbor.Limits(size=MAX_ENVELOPE, items=SEQUENCE_LIMITS.items)
_UUID_SIZE: Final = 16
_SEQUENCES: Final = frozenset(
    {
        labels.Manifest.VALIDATE,
        labels.Manifest.LOAD,
        labels.Manifest.INVOKE,
        labels.Manifest.DEPENDENCY_RESOLUTION,
        labels.Manifest.PAYLOAD_FETCH,
        labels.Manifest.CANDIDATE_VERIFICATION,
        labels.Manifest.INSTALL,
        labels.Manifest.UNINSTALL,
    }
)
_UUIDS: Final = frozenset(
    {
        labels.Parameter.VENDOR_IDENTIFIER,
        labels.Parameter.CLASS_IDENTIFIER,
        labels.Parameter.DEVICE_IDENTIFIER,
    }
)
_COSE: Final[Mapping[labels.CborTag, tuple[str, ...]]] = {
    labels.CborTag.COSE_SIGN1: ("protected", "unprotected", "payload", "signature"),
    labels.CborTag.COSE_SIGN: ("protected", "unprotected", "payload", "signatures"),
    labels.CborTag.COSE_MAC0: ("protected", "unprotected", "payload", "tag"),
    labels.CborTag.COSE_MAC: ("protected", "unprotected", "payload", "tag", "recipients"),
    labels.CborTag.COSE_ENCRYPT: ("protected", "unprotected", "ciphertext", "recipients"),
}


def show(raw: bytes, *, brief: bool = False) -> str:
    """Return the annotated diagnostic notation of an envelope or of a bare manifest (tag 1070).

    Args:
        raw: The encoded envelope or manifest.
        brief: Cut byte strings after 32 bytes and texts after 32 characters.

    Raises:
        MalformedError: It is not deterministic CBOR, or neither of the two.
    """
    item = cbor.decode(raw, where="input", limits=_LIMITS)
    tag = item.tag if isinstance(item, cbor.Tagged) else None
    shower = _Shower(_BRIEF if brief else None)
    if tag == labels.CborTag.SUIT_MANIFEST.value:
        return render(tagged(tag, shower.manifest(item.value)))
    members = item if tag is None else item.value
    if tag not in (None, labels.CborTag.SUIT_ENVELOPE.value) or not isinstance(members, dict):
        raise MalformedError("input", "neither an envelope nor a manifest")
    envelope = shower.envelope(members)
    return render(envelope if tag is None else tagged(tag, envelope))


def algorithm_name(number: Item) -> str:
    """Return the name of a COSE algorithm as its registry spells it, or nothing."""
    label = _find(labels.CoseAlgorithm, number)
    return "" if label is None else str(label.name).replace("_", "-")


def _find(table: type[labels.Label], number: Item) -> Any:  # noqa: ANN401 - a member of the table, or None
    return next((label for label in table if label.value == number), None) if type(number) is int else None


def _name(table: type[labels.Label] | None, number: Item) -> str:
    label = None if table is None else _find(table, number)
    return "" if label is None else draft_name(label)


def _digest(item: Item) -> Digest | None:
    try:
        array_of = cbor.decode(item, where="digest") if isinstance(item, bytes) else item
        return decode_digest(array_of, "digest")
    except HardsuitError:
        return None


def _verdict(expected: Digest | None, content: Item) -> str:
    if expected is None or not isinstance(content, bytes):
        return "cannot be compared"
    matches = digest.matches(expected, cbor.byte_string_head(len(content)), content)
    return "the digest matches" if matches else "THE DIGEST DOES NOT MATCH"


def _event(number: Item, value: Item) -> str:
    try:
        info = decode_wait_info(cbor.encode({number: value}), "")
    except HardsuitError:
        return ""
    return show_wait_info(info)


def _digests_in(manifest: Item) -> dict[Item, Digest]:
    try:
        encoded = manifest if isinstance(manifest, bytes) else b""
        members = cbor.decode(encoded, where="manifest", limits=_LIMITS)
    except HardsuitError:
        return {}
    pairs = members.items() if isinstance(members, dict) else ()
    return {key: known for key, value in pairs if (known := _digest(value)) and not isinstance(value, bytes)}


def _readable(component: Item) -> str:
    segments = component if isinstance(component, list) else []
    words = [part.decode("latin-1") for part in segments if isinstance(part, bytes) and len(part) > 1]
    readable = all(word.isascii() and word.isprintable() for word in words)
    return " ".join(words) if readable else ""


class _Shower:
    """Shows the parts of one input; the methods are named after the structures of the drafts."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.depth = 0
        self.digests: dict[Item, Digest] = {}
        self.present: frozenset[Item] | None = None

    def envelope(self, members: dict[Item, Item]) -> Block:
        manifest = members.get(labels.Envelope.MANIFEST.value)
        self.digests = _digests_in(manifest)
        self.present = frozenset(members)
        rows = []
        for key, value in members.items():
            match _find(labels.Envelope, key):
                case labels.Envelope.AUTHENTICATION_WRAPPER:
                    shown, note = self.inside(value, lambda item: self.wrapper(item, manifest)), ""
                case labels.Envelope.MANIFEST:
                    shown, note = self.inside(value, self.manifest), ""
                case None:
                    note = "integrated payload" if isinstance(key, str) else "unknown member"
                    shown = plain(value, self.limit)
                case label:
                    shown, note = self.member(labels.Manifest[label.name], value), self.severed(key, value)
            rows.append(self.row(key, shown, labels.Envelope, note))
        return mapping(rows)

    def wrapper(self, item: Item, manifest: Item) -> Value:
        if not isinstance(item, list):
            return plain(item, self.limit)
        rows = [
            Row(self.inside(part, self.digest), name="digest", note=_verdict(_digest(part), manifest))
            if index == 0
            else Row(self.inside(part, self.block), name="authentication-block")
            for index, part in enumerate(item)
        ]
        return array(rows)

    def block(self, item: Item) -> Value:
        kind = _find(labels.CborTag, item.tag) if isinstance(item, cbor.Tagged) else None
        if kind is None or kind not in _COSE or not isinstance(item.value, list):
            return plain(item, self.limit)
        shown = self.parts(_COSE[kind], item.value)
        return wrap(f"/ {kind.name} / ", tagged(item.tag, shown), "")

    def parts(self, names: tuple[str, ...], items: list[Item]) -> Value:
        named = [Row(self.cose_part(name, part), name=name) for name, part in zip(names, items, strict=False)]
        return array([*named, *(Row(plain(part, self.limit)) for part in items[len(names) :])])

    def cose_part(self, name: str, item: Item) -> Value:
        if name == "protected":
            return self.inside(item, self.header) if item else plain(item)
        if name == "unprotected":
            return self.header(item)
        if name in {"signatures", "recipients"} and isinstance(item, list):
            names = ("protected", "unprotected", "signature" if name == "signatures" else "ciphertext")
            return array(
                Row(self.parts(names, part) if isinstance(part, list) else plain(part)) for part in item
            )
        return plain(item, self.limit)

    def header(self, item: Item) -> Value:
        if not isinstance(item, dict):
            return plain(item, self.limit)
        algorithm = labels.CoseHeader.ALG.value
        return mapping(
            self.row(
                key,
                self.key(value) if key == labels.CoseHeader.EPHEMERAL_KEY.value else plain(value, self.limit),
                labels.CoseHeader,
                algorithm_name(value) if key == algorithm else "",
            )
            for key, value in item.items()
        )

    def key(self, item: Item) -> Value:
        if not isinstance(item, dict):
            return plain(item, self.limit)
        return mapping(
            self.row(key, plain(value, self.limit), labels.CoseKeyParameter) for key, value in item.items()
        )

    def manifest(self, item: Item) -> Value:
        if not isinstance(item, dict):
            return plain(item, self.limit)
        rows = []
        for key, value in item.items():
            label = _find(labels.Manifest, key)
            shown = plain(value, self.limit) if label is None else self.member(label, value)
            rows.append(self.row(key, shown, labels.Manifest, self.whereabouts(key, value, label)))
        return mapping(rows)

    def whereabouts(self, key: Item, value: Item, label: labels.Manifest | None) -> str:
        if label is None:
            return "unknown member"
        if self.present is None or not isinstance(value, list) or _digest(value) is None:
            return ""
        return "severable, in this envelope" if key in self.present else "severed, not in this envelope"

    def member(self, label: labels.Manifest, value: Item) -> Value:
        if isinstance(value, list) and _digest(value):
            return self.digest(value)
        if label is labels.Manifest.COMMON:
            return self.inside(value, self.common)
        if label is labels.Manifest.TEXT:
            return self.inside(value, self.texts)
        if label is labels.Manifest.COSWID:
            return self.inside(value, lambda item: show_coswid(item, self.limit))
        if label in _SEQUENCES:
            return self.inside(value, self.sequence)
        return plain(value, self.limit)

    def severed(self, key: int, value: Item) -> str:
        known = self.digests.get(key)
        return "the manifest has no digest of it" if known is None else _verdict(known, value)

    def common(self, item: Item) -> Value:
        if not isinstance(item, dict):
            return plain(item, self.limit)
        rows = []
        for key, value in item.items():
            label = _find(labels.Common, key)
            if label is labels.Common.SHARED_SEQUENCE:
                shown = self.inside(value, self.sequence)
            elif label is labels.Common.COMPONENTS and isinstance(value, list):
                shown = array(
                    Row(plain(part), name=str(index), note=_readable(part))
                    for index, part in enumerate(value)
                )
            else:
                shown = plain(value, self.limit)
            rows.append(self.row(key, shown, labels.Common))
        return mapping(rows)

    def sequence(self, item: Item) -> Value:
        if not isinstance(item, list) or len(item) % 2:
            return plain(item, self.limit)
        rows = []
        for number, argument in zip(item[::2], item[1::2], strict=True):
            name = _name(labels.Command, number) or "unknown command"
            pair = wrap(f"{one_line(plain(number))}, ", self.argument(number, argument), "")
            rows.append(Row(pair, name=name))
        return array(rows)

    def argument(self, number: Item, item: Item) -> Value:
        command = _find(labels.Command, number)
        if command in {labels.Command.OVERRIDE_PARAMETERS, labels.Command.SET_PARAMETERS}:
            return self.parameters(item)
        if command is labels.Command.RUN_SEQUENCE:
            return self.inside(item, self.sequence)
        if command is labels.Command.TRY_EACH and isinstance(item, list):
            return array(Row(self.inside(part, self.sequence)) for part in item)
        return plain(item, self.limit)

    def parameters(self, item: Item) -> Value:
        if not isinstance(item, dict):
            return plain(item, self.limit)
        rows = []
        for key, value in item.items():
            label, note = _find(labels.Parameter, key), ""
            inner = self.embedded(label)
            shown = plain(value, self.limit) if inner is None else self.inside(value, inner)
            if label in _UUIDS and isinstance(value, bytes) and len(value) == _UUID_SIZE:
                note = str(uuid.UUID(bytes=value))
            rows.append(self.row(key, shown, labels.Parameter, note))
        return mapping(rows)

    def embedded(self, label: labels.Parameter | None) -> Callable[[Item], Value] | None:
        """Return what shows the CBOR inside a parameter's byte string; None where there is none."""
        match label:
            case labels.Parameter.IMAGE_DIGEST:
                return self.digest
            case labels.Parameter.COMPONENT_METADATA:
                return lambda inner: show_metadata(inner, self.limit)
            case labels.Parameter.WAIT_INFO:
                return self.wait_info
            case labels.Parameter.ENCRYPTION_INFO:
                return self.block
            case labels.Parameter.VERSION:
                return lambda inner: plain(inner, self.limit)
            case _:
                return None

    def wait_info(self, item: Item) -> Value:
        if not isinstance(item, dict):
            return plain(item, self.limit)
        return mapping(
            self.row(key, plain(value, self.limit), labels.WaitEvent, _event(key, value))
            for key, value in item.items()
        )

    def digest(self, item: Item) -> Value:
        if not _digest(item):
            return plain(item, self.limit)
        number, value = item
        return array([Row(str(number), name=algorithm_name(number)), Row(byte_string(value, None))])

    def texts(self, item: Item) -> Value:
        if not isinstance(item, dict):
            return plain(item, self.limit)
        return mapping(
            self.row(language, self.strings(text, labels.TextManifest), None)
            for language, text in item.items()
        )

    def strings(self, item: Item, table: type[labels.Label]) -> Value:
        if not isinstance(item, dict):
            return plain(item, self.limit)
        return mapping(
            self.row(key, self.strings(value, labels.TextComponent), None)
            if isinstance(key, tuple)
            else self.row(key, plain(value, self.limit), table)
            for key, value in item.items()
        )

    def inside(self, item: Item, read: Callable[[Item], Value]) -> Value:
        """Show the content of a byte string if it is CBOR, else the byte string."""
        if not isinstance(item, bytes):
            return plain(item, self.limit)
        if self.depth == _MAX_WRAPPED:
            return plain(item, self.limit)
        self.depth += 1
        try:
            return embedded(read(cbor.decode(item, where="", limits=_LIMITS, ordered=False)))
        except MalformedError:
            return plain(item, self.limit)
        finally:
            self.depth -= 1

    def row(self, key: Item, value: Value, table: type[labels.Label] | None, note: str = "") -> Row:
        return Row(value, key=one_line(plain(key)), name=_name(table, key), note=note)
