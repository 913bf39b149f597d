"""Component metadata: files, directories, links, who may use them, and where they may be (U4.6, U8)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from conformance.casebook.case import (
    AUTHOR,
    NEW,
    OLD,
    URI,
    Case,
    Component,
    ComponentId,
    Device,
    accepted,
    rejected,
    update,
    verify,
    write,
)
from conformance.forge import Step, at, check, override
from conformance.forge_cbor import Item, Pairs, Tag, encode
from spec.labels import CborTag, Command, FileType, Parameter, ReportReason
from spec.labels import ComponentMetadata as Meta

TOPIC = "metadata"
BIN: Final[ComponentId] = (b"usr", b"local", b"bin")
FILE: Final[ComponentId] = (*BIN, b"example3")
LINK: Final[ComponentId] = (b"usr", b"bin", b"example")
PLAIN: Final[ComponentId] = (b"firmware",)
UUID: Final = Tag(CborTag.UUID.value, bytes(range(16)))
ACTORS: Final[tuple[Item, ...]] = ("app", 1000, -1, b"\x01\x02", UUID)
_MALFORMED = ReportReason.CBOR_PARSE
_UNSUPPORTED = ReportReason.PARAMETER_UNSUPPORTED
_ABORTED = ReportReason.OPERATION_FAILED
_RIGHT = ReportReason.COMPONENT_UNAUTHORISED
_DEFAULT = Meta.DEFAULT_PERMISSIONS
_RX, _ALL_BITS = 0b101, (1 << 14) - 1
_NOON = Tag(CborTag.EPOCH_TIME.value, 1_750_000_000)
_DIRECTORY = {Meta.FILE_TYPE: FileType.DIRECTORY}
_SYMLINK = {Meta.FILE_TYPE: FileType.SYMLINK}
_TARGET = b"/usr/local/bin/example3"

_ONE = Device(components=(Component(id=FILE, content=OLD, file=True),), actors=ACTORS)


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _members()
    yield from _when()
    yield from _directories_and_links()
    yield from _link_targets()
    yield from _authority()
    yield from _malformed()
    yield from _not_implemented()


def metadata(members: Mapping[Item, Item]) -> dict[Item, Item]:
    """Return the parameter component-metadata."""
    return {Parameter.COMPONENT_METADATA: encode(members)}


def _written(members: Mapping[Item, Item], content: bytes = NEW) -> list[Step]:
    return [override(metadata(members)), *write(content)]


def _applied(name: str, summary: str, members: Mapping[Item, Item], **parts: Any) -> Case:  # noqa: ANN401 - fields of Case
    return accepted(
        f"metadata-{name}",
        "U4.6-3",
        summary,
        update(NEW, components=[FILE], install=_written(members)),
        **{"device": _ONE, "after": {FILE: NEW}, "known": {FILE: encode(members)}} | parts,
    )


def _members() -> Iterator[Case]:
    for name, members in (
        ("default-permissions", {_DEFAULT: _RX}),
        ("default-permissions-none", {_DEFAULT: 0}),
        ("default-permissions-all", {_DEFAULT: _ALL_BITS}),
        ("user-permissions", {Meta.USER_PERMISSIONS: {"app": 7, 1000: _RX}}),
        ("group-permissions", {Meta.GROUP_PERMISSIONS: {b"\x01\x02": 4}}),
        ("role-permissions", {Meta.ROLE_PERMISSIONS: {UUID: 1, -1: 2}}),
        ("file-type-regular", {Meta.FILE_TYPE: FileType.REGULAR}),
        ("modification-time", {Meta.MODIFICATION_TIME: _NOON}),
        ("creation-time", {Meta.CREATION_TIME: Tag(1, 0)}),
        ("creator-text", {Meta.CREATOR: "app"}),
        ("creator-number", {Meta.CREATOR: 1000}),
        ("creator-bytes", {Meta.CREATOR: b"\x01\x02"}),
        ("creator-uuid", {Meta.CREATOR: UUID}),
        ("nothing", {}),
        (
            "everything",
            {
                _DEFAULT: 4,
                Meta.USER_PERMISSIONS: {"app": 7},
                Meta.GROUP_PERMISSIONS: {"app": _RX},
                Meta.ROLE_PERMISSIONS: {"app": 4},
                Meta.FILE_TYPE: FileType.REGULAR,
                Meta.MODIFICATION_TIME: _NOON,
                Meta.CREATION_TIME: _NOON,
                Meta.CREATOR: "app",
            },
        ),
    ):
        yield _applied(name, "Metadata is applied with the content that write stores.", members)
    for kind in ("user", "group", "role"):
        label = Meta[f"{kind.upper()}_PERMISSIONS"]
        yield _refused(
            f"unknown-{kind}", "U4.6-1", f"Nobody on this device is this {kind}.", {label: {"root": 7}}
        )
    yield _refused("unknown-creator", "U4.6-1", "Nobody on this device is this creator.", {Meta.CREATOR: 0})
    yield _refused(
        "actor-of-another-type",
        "U4.6-1",
        "The number 1000 is somebody; the text is nobody.",
        {Meta.CREATOR: "1000"},
    )


def _refused(
    name: str,
    requirement: str,
    summary: str,
    members: Item,
    reason: ReportReason | None = None,
    **parts: Any,  # noqa: ANN401 - fields of Case
) -> Case:
    return rejected(
        f"metadata-{name}",
        requirement,
        summary,
        update(NEW, components=[FILE], install=_written(members)),
        reason,
        **{"device": _ONE} | parts,
    )


def _when() -> Iterator[Case]:
    members = {_DEFAULT: _RX, Meta.CREATOR: "app"}
    known = {FILE: encode(members)}
    setting = override(metadata(members))
    fetch = [override({Parameter.URI: URI}), check(Command.FETCH)]
    yield accepted(
        "metadata-fetch",
        "U4.6-3",
        "Metadata is applied with the content that fetch stores.",
        update(NEW, components=[FILE], install=[setting, *fetch]),
        device=_ONE,
        resources={URI: NEW},
        fetched=[URI],
        after={FILE: NEW},
        known=known,
    )
    both = Device(components=(*_ONE.components, Component(id=PLAIN, content=NEW)), actors=ACTORS)
    copy = [override({Parameter.SOURCE_COMPONENT: 1}), check(Command.COPY)]
    yield accepted(
        "metadata-copy",
        "U4.6-3",
        "Metadata is applied with the content that copy stores.",
        update(NEW, NEW, components=[FILE, PLAIN], install=[at(0), setting, *copy]),
        device=both,
        after={FILE: NEW},
        known=known,
    )
    before = Component(id=FILE, content=OLD, file=True, metadata=encode({_DEFAULT: 7}))
    yield accepted(
        "metadata-set-too-late",
        "U4.6-3",
        "What is set after the write is not applied to it.",
        update(NEW, components=[FILE], install=[*write(NEW), setting]),
        device=Device(components=(before,), actors=ACTORS),
        after={FILE: NEW},
        known={FILE: None},
    )
    yield accepted(
        "metadata-replaced",
        "U4.6-3",
        "New metadata comes in the place of all that was known before.",
        update(NEW, components=[FILE], install=[setting, *write(NEW)]),
        device=Device(components=(before,), actors=ACTORS),
        after={FILE: NEW},
        known=known,
    )
    yield rejected(
        "metadata-undone",
        "U4.6-1 M6.3-1",
        "A later command fails: content and metadata are as before.",
        update(NEW, components=[FILE], install=[setting, *write(NEW), check(Command.ABORT)]),
        device=Device(components=(before,), actors=ACTORS),
    )
    yield rejected(
        "metadata-no-file",
        "U4.6-1",
        "A component that is no file takes no metadata; permissions that nobody applies are not ignored.",
        update(NEW, components=[PLAIN], install=[setting, *write(NEW)]),
        _UNSUPPORTED,
        device=Device(components=(Component(id=PLAIN, content=OLD),), actors=ACTORS),
    )
    yield rejected(
        "metadata-fetch-not-started",
        "U4.6-1",
        "What cannot be applied is refused before anything is fetched.",
        update(NEW, components=[FILE], install=[override(metadata({Meta.CREATOR: "nobody"})), *fetch]),
        device=_ONE,
        resources={URI: NEW},
    )
    swap = [override({Parameter.SOURCE_COMPONENT: 1}), check(Command.SWAP)]
    yield rejected(
        "metadata-swap",
        "U4.6-1",
        "A swap would give the content of one file the permissions of another.",
        update(NEW, OLD, components=[FILE, PLAIN], install=[at(0), *swap]),
        device=Device(components=(before, Component(id=PLAIN, content=NEW)), actors=ACTORS),
    )


_TREE: Final = Device(
    components=(
        Component(id=LINK, file=True),
        Component(id=BIN, file=True),
        Component(id=FILE, content=OLD, file=True),
        Component(id=PLAIN, content=OLD),
    ),
    actors=ACTORS,
)


def _tree(target: bytes, *, kind: Mapping[Item, Item] = _SYMLINK, content: bytes | None = None) -> bytes:
    """Return an update as in the draft: a directory, a file in it, a link to that file (U4.6.5)."""
    return update(
        target,
        b"",
        NEW,
        components=[LINK, BIN, FILE],
        payload_fetch=[
            at(1),
            *_written(_DIRECTORY, b""),
            at(2),
            override({Parameter.URI: URI}),
            check(Command.FETCH),
            check(Command.IMAGE_MATCH),
        ],
        install=[at(0), *_written(kind, target if content is None else content)],
    )


def _directories_and_links() -> Iterator[Case]:
    yield accepted(
        "metadata-directory-file-and-link",
        "U4.6-3 U8-1",
        "The example of the draft: a directory, a file in it, and a link to the file.",
        _tree(_TARGET),
        device=_TREE,
        resources={URI: NEW},
        fetched=[URI],
        after={LINK: _TARGET, BIN: b"", FILE: NEW},
        known={LINK: encode(_SYMLINK), BIN: encode(_DIRECTORY)},
    )
    yield rejected(
        "metadata-directory-with-content",
        "U4.6-3",
        "A directory is made of no content.",
        update(NEW, components=[BIN], install=_written(_DIRECTORY)),
        _ABORTED,
        device=_TREE,
    )
    yield rejected(
        "metadata-directory-fetched",
        "U4.6-3",
        "A directory is made by write alone.",
        update(
            b"",
            components=[BIN],
            install=[override({**metadata(_DIRECTORY), Parameter.URI: URI}), check(Command.FETCH)],
        ),
        _ABORTED,
        device=_TREE,
        resources={URI: b""},
    )
    yield rejected(
        "metadata-link-fetched",
        "U8-2",
        "A link is made by write alone: what comes from elsewhere is not signed as its target.",
        update(
            _TARGET,
            components=[LINK],
            install=[override({**metadata(_SYMLINK), Parameter.URI: URI}), check(Command.FETCH)],
        ),
        _ABORTED,
        device=_TREE,
        resources={URI: _TARGET},
    )
    for name, kind in (("link", _SYMLINK), ("file", {_DEFAULT: _RX})):
        yield rejected(
            f"metadata-{name}-above-others",
            "U8-1",
            "Other components lie below this path: through a link they would be elsewhere.",
            update(_TARGET, components=[BIN], install=_written(kind, _TARGET)),
            _ABORTED,
            device=_TREE,
        )
    yield rejected(
        "metadata-plain-file-above-others",
        "U8-1",
        "Without metadata it would be a regular file, and others lie below.",
        update(NEW, components=[BIN], install=write(NEW)),
        _ABORTED,
        device=_TREE,
    )


def _link(target: bytes, device: Device = _TREE, **parts: Any) -> tuple[bytes, dict[str, Any]]:  # noqa: ANN401 - fields of Case
    return update(target, components=[LINK], install=_written(_SYMLINK, target)), {"device": device, **parts}


def _link_targets() -> Iterator[Case]:
    for name, target in (
        ("absolute", _TARGET),
        ("relative", b"../local/bin/example3"),
        ("directory", b"/usr/local/bin/"),
        ("roundabout", b".././../usr//local/bin/./example3"),
        ("plain-sibling", b"example"),
    ):
        raw, parts = _link(target)
        yield accepted(
            f"metadata-link-{name}",
            "U8-2",
            "The target is a component of this device.",
            raw,
            after={LINK: target},
            known={LINK: encode(_SYMLINK)},
            **parts,
        )
    for name, target, reason in (
        ("elsewhere", b"/etc/shadow", _RIGHT),
        ("root", b"/", _RIGHT),
        ("above-the-root", b"../../../usr/local/bin/example3", _RIGHT),
        ("above-the-root-absolute", b"/../usr/local/bin/example3", _RIGHT),
        ("down-and-up", b"/usr/bin/../local/bin/example3", _RIGHT),
        ("down-and-up-and-out", b"x/../../../../etc/shadow", _RIGHT),
        ("no-file", b"/firmware", _RIGHT),
        ("below-a-component", b"/usr/local/bin/example3/x", _RIGHT),
        ("empty", b"", _ABORTED),
        ("nul", b"/usr/local/bin/example3\x00", _ABORTED),
        ("control-character", b"/usr/local/bin/\x1b[2J", _ABORTED),
        ("not-utf-8", b"/usr/local/bin/\xff", _ABORTED),
        ("long", b"/" * 4096, _ABORTED),
    ):
        raw, parts = _link(target)
        yield rejected(
            f"metadata-link-{name}",
            "U8-1 U8-2",
            "The target is nothing that a link may lead to.",
            raw,
            reason,
            **parts,
        )
    allowed = Device(components=(Component(id=LINK, file=True, links=(b"/dev/null",)),))
    raw, parts = _link(b"/dev/null", allowed)
    yield accepted(
        "metadata-link-allowed",
        "U8-2",
        "Local policy lets this link lead to this place.",
        raw,
        after={LINK: b"/dev/null"},
        known={LINK: encode(_SYMLINK)},
        **parts,
    )
    raw, parts = _link(b"/dev/zero", allowed)
    yield rejected("metadata-link-other-than-allowed", "U8-2", "And to no other.", raw, _RIGHT, **parts)


def _authority() -> Iterator[Case]:
    rights = [[[part.hex() for part in LINK[:2]]], [[part.hex() for part in BIN]]]
    both = [{**row, "rights": rights[0] + rights[1]} for row in verify(AUTHOR)]
    alone = [{**row, "rights": rights[0]} for row in verify(AUTHOR)]
    raw, parts = _link(_TARGET)
    yield accepted(
        "metadata-link-within-rights",
        "U8-2 M9-1",
        "The signer may change the link and what it leads to.",
        raw,
        keys=both,
        after={LINK: _TARGET},
        known={LINK: encode(_SYMLINK)},
        **parts,
    )
    yield rejected(
        "metadata-link-beyond-rights",
        "U8-2 M9-1",
        "The signer may change the link, but not what it leads to.",
        raw,
        _RIGHT,
        keys=alone,
        **parts,
    )
    for name, component in (
        ("dot-dot", (b"usr", b"..", b"etc", b"shadow")),
        ("slash", (b"usr", b"local/bin")),
        ("absolute", (b"/etc/shadow",)),
        ("nul", (*BIN, b"example3\x00")),
        ("empty-segment", (b"", *FILE)),
        ("nothing", ()),
    ):
        yield rejected(
            f"metadata-path-{name}",
            "U8-1",
            "No such path is a component of the device.",
            update(NEW, components=[component], install=_written({_DEFAULT: _RX})),
            ReportReason.COMPONENT_UNSUPPORTED,
            device=_TREE,
            keys=[{**row, "rights": [[]]} for row in verify(AUTHOR)],
        )


def _malformed() -> Iterator[Case]:
    for name, value in (
        ("unwrapped", {_DEFAULT: 4}),
        ("no-map", encode([5, 1])),
        ("not-cbor", b"\xff"),
        ("trailing", encode({}) + b"\x00"),
        ("unordered", encode(Pairs(((Meta.FILE_TYPE, 1), (_DEFAULT, 4))))),
        ("twice", encode(Pairs(((_DEFAULT, 4), (_DEFAULT, 4))))),
        ("permissions-negative", encode({_DEFAULT: -1})),
        ("permissions-text", encode({_DEFAULT: "rwx"})),
        ("permissions-nil", encode({_DEFAULT: None})),
        ("permission-map-empty", encode({Meta.USER_PERMISSIONS: {}})),
        ("permission-map-array", encode({Meta.GROUP_PERMISSIONS: ["app", 7]})),
        ("permission-map-true", encode({Meta.ROLE_PERMISSIONS: {"app": True}})),
        ("file-type-text", encode({Meta.FILE_TYPE: "directory"})),
        ("modification-time-untagged", encode({Meta.MODIFICATION_TIME: 1})),
        ("creation-time-untagged", encode({Meta.CREATION_TIME: 1})),
        ("time-other-tag", encode({Meta.MODIFICATION_TIME: Tag(0, "2026-01-01T00:00:00Z")})),
        ("time-negative", encode({Meta.MODIFICATION_TIME: Tag(1, -1)})),
        ("time-twice-tagged", encode({Meta.MODIFICATION_TIME: Tag(1, Tag(1, 1))})),
        ("creator-tag", encode({Meta.CREATOR: Tag(1, 1)})),
        ("creator-short-uuid", encode({Meta.CREATOR: Tag(37, bytes(15))})),
        ("creator-uuid-text", encode({Meta.CREATOR: Tag(37, "0" * 16)})),
        ("creator-empty", encode({Meta.CREATOR: ""})),
        ("creator-empty-bytes", encode({Meta.CREATOR: b""})),
        ("creator-list", encode({Meta.CREATOR: ["app"]})),
        ("creator-long", encode({Meta.CREATOR: "a" * 256})),
        ("key-tag", encode({Meta.USER_PERMISSIONS: {Tag(1, 1): 7}})),
        ("large", encode({Meta.USER_PERMISSIONS: {f"user{number:03}": 7 for number in range(500)}})),
    ):
        yield _wrong(f"metadata-{name}", "U4.6-1", value, _MALFORMED)
    for name, text in (
        ("control", "app\x1b[2J"),
        ("newline", "app\nroot"),
        ("direction", "app\u202egpj"),
        ("zero-width", "ap\u200bp"),
        ("line-separator", "app\u2028root"),
        ("private-use", "app\ue000"),
        ("unassigned", "app\u0378"),
    ):
        yield _wrong(f"metadata-text-{name}", "U4.6-2", encode({Meta.CREATOR: text}), _MALFORMED)
        yield _wrong(
            f"metadata-user-{name}", "U4.6-2", encode({Meta.USER_PERMISSIONS: {text: 7}}), _MALFORMED
        )
    names = ("Zo\u00eb", "ab cd", "a-b_c.d", "\u6570\u636e", "e\u0301", "a$+<>|")
    yield accepted(
        "metadata-text-of-every-admitted-category",
        "U4.6-2",
        "Letters, marks, numbers, punctuation, symbols and plain spaces are fine.",
        update(NEW, components=[FILE], install=_written({Meta.USER_PERMISSIONS: dict.fromkeys(names, 7)})),
        device=Device(components=_ONE.components, actors=names),
        after={FILE: NEW},
        known={FILE: encode({Meta.USER_PERMISSIONS: dict.fromkeys(names, 7)})},
    )


def _not_implemented() -> Iterator[Case]:
    for name, members in (
        ("member", {9: 1}),
        ("private-member", {-257: 1}),
        ("text-member", {"acl": 1}),
        ("permission", {_DEFAULT: 1 << 14}),
        ("user-permission", {Meta.USER_PERMISSIONS: {"app": 1 << 32}}),
        ("file-type", {Meta.FILE_TYPE: 4}),
        ("file-type-zero", {Meta.FILE_TYPE: 0}),
    ):
        yield _wrong(f"metadata-unknown-{name}", "U4.6-1 U1-1", encode(members), _UNSUPPORTED)


def _wrong(name: str, requirement: str, value: Item, reason: ReportReason) -> Case:
    """Return the refusal of a value that the decoder does not take, wherever the command may be."""
    return rejected(
        f"parameter-component-{name}",
        requirement,
        "A value that component-metadata cannot have; the manifest is refused before anything runs.",
        update(
            NEW, components=[FILE], install=[override({Parameter.COMPONENT_METADATA: value}), *write(NEW)]
        ),
        reason,
        device=_ONE,
    )
