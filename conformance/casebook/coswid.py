"""CoSWID in manifests (U3.2): carried by every device, needed by none, checked where it is."""

from collections.abc import Iterator
from typing import Any, Final

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    Case,
    Component,
    Device,
    accepted,
    parts_of,
    rejected,
    write,
)
from conformance.forge import check, digest_of, digest_of_wrapped, envelope
from conformance.forge_cbor import Item, Pairs, Raw, Tag, encode, endless, stretched
from spec.labels import (
    CborTag,
    Command,
    CoseAlgorithm,
    CoSwid,
    CoSwidRole,
    Envelope,
    Manifest,
    NamedHash,
    ReportReason,
)

TOPIC = "coswid"
_MALFORMED = ReportReason.CBOR_PARSE
_UNAUTHORISED = ReportReason.UNAUTHORISED
_ENTITY: Final[dict[Item, Item]] = {
    CoSwid.ENTITY_NAME: "Example",
    CoSwid.REG_ID: Tag(CborTag.URI.value, "https://example.com"),
    CoSwid.ROLE: [CoSwidRole.TAG_CREATOR, CoSwidRole.SOFTWARE_CREATOR],
}
SWID: Final[dict[Item, Item]] = {
    CoSwid.TAG_ID: bytes(range(16)),
    CoSwid.TAG_VERSION: 0,
    CoSwid.SOFTWARE_NAME: "firmware",
    CoSwid.SOFTWARE_VERSION: "2.0",
    CoSwid.ENTITY: _ENTITY,
    CoSwid.PAYLOAD: {
        CoSwid.FILE: {CoSwid.FS_NAME: "a.bin", CoSwid.SIZE: 3, CoSwid.HASH: [NamedHash.SHA_256, bytes(32)]},
        CoSwid.RESOURCE: [{CoSwid.TYPE: "library", "name": "one"}, {CoSwid.TYPE: "library", "name": "two"}],
    },
}
_DEEP = Raw(b"\x81" * 40 + b"\x00")
_FULL = [0] * 40_000


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _carried()
    yield from _well_formed()
    yield from _not_well_formed()
    yield from _wrongly_severed()


def _sealed(coswid: Item, members: dict[Item, Item] | None = None, **sequences: Any) -> bytes:  # noqa: ANN401 - as forge.manifest
    sequences = {"install": write(NEW)} | sequences
    body = parts_of(NEW, extra={Manifest.COSWID: coswid}, **sequences)
    return envelope(body, signers=[AUTHOR], members=members)


def _severable(raw: bytes) -> bytes:
    return _sealed(digest_of_wrapped(raw), {Envelope.COSWID: raw})


def _carried() -> Iterator[Case]:
    raw = encode(SWID)
    yield accepted(
        "coswid-inline",
        "U3.2-1",
        "A CoSWID in the manifest, on a device that does not use it.",
        _sealed(raw),
        after={MAIN: NEW},
    )
    yield accepted(
        "coswid-in-envelope",
        "U3.2-1 M8.4.12-1",
        "A severable CoSWID in the envelope, its digest in the manifest.",
        _severable(raw),
        after={MAIN: NEW},
    )
    yield accepted(
        "coswid-in-envelope-sha-512",
        "M8.4.12-1",
        "Its digest may be by another algorithm than the manifest's.",
        _sealed(digest_of_wrapped(raw, CoseAlgorithm.SHA_512), {Envelope.COSWID: raw}),
        after={MAIN: NEW},
    )
    yield accepted(
        "coswid-severed",
        "U3.2-1 M8.6-2 M8.6-3",
        "The CoSWID was cut off on the way: no device needs it.",
        _sealed(digest_of_wrapped(raw)),
        after={MAIN: NEW},
    )
    yield accepted(
        "coswid-invoke",
        "U3.2-1",
        "Nor is it needed to boot.",
        _sealed(digest_of_wrapped(raw), invoke=[check(Command.INVOKE)]),
        procedure="invoke",
        device=Device(components=(Component(content=NEW),)),
        invoked=[(MAIN, None)],
    )


def _well_formed() -> Iterator[Case]:
    for name, raw in (
        ("empty", encode({})),
        ("unordered", encode(Pairs(tuple(reversed(list(SWID.items())))))),
        ("indefinite-map", endless(SWID).data),
        ("indefinite-strings", encode({1: Raw(b"\x7f\x61a\x61b\xff"), 0: Raw(b"\x5f\x41a\xff")})),
        ("longer-head", encode({12: stretched(0, 8)})),
        ("float", encode({"mass": Raw(b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00")})),
        ("half-float", encode({"mass": Raw(b"\xf9\x3c\x00")})),
        ("simple-value", encode({"odd": Raw(b"\xf8\xff"), "undefined": Raw(b"\xf7")})),
        ("date", encode({CoSwid.EVIDENCE: {CoSwid.DATE: Tag(CborTag.EPOCH_TIME.value, 1)}})),
        ("unknown-tag", encode({"x": Tag(55799, None)})),
        ("private-members", encode({**SWID, -70000: 1, "note": ["a", "b"]})),
        ("duplicate-key", encode(Pairs(((1, "a"), (1, "b"))))),
        ("not-utf-8", encode({1: Raw(b"\x61\xff")})),
    ):
        for form, sealed in (("inline", _sealed), ("severable", _severable)):
            yield accepted(
                f"coswid-{name}-{form}",
                "U3.2-1",
                "Well-formed CBOR is never a reason to fail, whatever it says to whom it may concern.",
                sealed(raw),
                after={MAIN: NEW},
            )


def _not_well_formed() -> Iterator[Case]:
    for name, raw in (
        ("nothing", b""),
        ("break", b"\xff"),
        ("text", b"this is no CBOR"),
        ("cut-off", encode(SWID)[:-1]),
        ("trailing", encode(SWID) + b"\x00"),
        ("reserved-head", encode({1: Raw(b"\x1c")})),
        ("indefinite-number", encode({1: Raw(b"\x1f")})),
        ("endless-map", b"\xbf\x01\x00"),
        ("half-a-pair", b"\xbf\x01\xff"),
        ("mixed-chunks", encode({1: Raw(b"\x7f\x41a\xff")})),
        ("nested-chunks", encode({1: Raw(b"\x7f\x7f\xff\xff")})),
        ("long-simple-value", encode({1: Raw(b"\xf8\x18")})),
        ("tag-of-nothing", encode({1: Raw(b"\xc1\xff")})),
        ("huge-length", encode({1: Raw(b"\x5b" + b"\xff" * 8)})),
        ("huge-array", encode({1: Raw(b"\x9b" + b"\xff" * 8)})),
        ("array", encode([SWID])),
        ("number", encode(14)),
        ("tagged", encode(Tag(1398229316, SWID))),
        ("deep", encode({1: _DEEP})),
    ):
        for form, sealed in (("inline", _sealed), ("severable", _severable)):
            yield rejected(
                f"coswid-not-well-formed-{name}-{form}",
                "U3.2-1",
                "The author vouches for it, and still it is no concise-swid-tag.",
                sealed(raw),
                _MALFORMED,
            )
    yield rejected(
        "coswid-too-many-items",
        "U3.2-1",
        "Well-formed, and more than any device has to look through.",
        _severable(encode({1: _FULL})),
        _MALFORMED,
    )
    for name, value in (("text", "coswid"), ("map", SWID), ("nil", None), ("number", 14)):
        yield rejected(
            f"coswid-not-wrapped-{name}",
            "U3.2-1",
            "It stands in a byte string, or its digest in its place.",
            _sealed(value) if name != "nil" else _sealed(Raw(b"\xf6")),
            _MALFORMED,
        )


def _wrongly_severed() -> Iterator[Case]:
    raw = encode(SWID)
    other = encode({**SWID, CoSwid.SOFTWARE_NAME: "something else"})
    for name, given in (("exchanged", other), ("exchanged-and-malformed", b"\xff"), ("emptied", b"")):
        yield rejected(
            f"coswid-{name}",
            "M8.4.12-1 M8.4.12-2",
            "Another CoSWID than the signed digest names; the digest is checked first.",
            _sealed(digest_of_wrapped(raw), {Envelope.COSWID: given}),
            _UNAUTHORISED,
        )
    yield rejected(
        "coswid-digest-without-head",
        "M8.4.12-1",
        "The digest covers the byte string with its head.",
        _sealed(digest_of(raw), {Envelope.COSWID: raw}),
        _UNAUTHORISED,
    )
    yield rejected(
        "coswid-twice",
        "M8.4.12-3",
        "A CoSWID in the envelope beside the one in the manifest.",
        _sealed(raw, {Envelope.COSWID: raw}),
        _UNAUTHORISED,
    )
    yield rejected(
        "coswid-without-digest",
        "M8.4.12-3",
        "Somebody has added a CoSWID that the manifest does not know.",
        envelope(parts_of(NEW, install=write(NEW)), signers=[AUTHOR], members={Envelope.COSWID: raw}),
        _UNAUTHORISED,
    )
    yield rejected(
        "coswid-digest-too-short",
        "M8.4.12-1",
        "What stands in its place is no digest.",
        _sealed([CoseAlgorithm.SHA_256, bytes(31)]),
        _MALFORMED,
    )
    yield rejected(
        "coswid-digest-unknown-algorithm",
        "M8.4.12-1",
        "A digest by an algorithm that nobody knows.",
        _sealed([-17, bytes(8)]),
        ReportReason.ALG_UNSUPPORTED,
    )
    yield rejected(
        "coswid-member-not-bytes",
        "M8.2-1",
        "The envelope's member is a bare map.",
        _sealed(digest_of_wrapped(raw), {Envelope.COSWID: SWID}),
        _MALFORMED,
    )
