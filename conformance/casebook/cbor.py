"""CBOR: what is no deterministic encoding of an envelope or a manifest (M8.1; RFC 8949 §4.2.1)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    Case,
    accepted,
    parts_of,
    rejected,
    update,
    write,
)
from conformance.forge import check, envelope, manifest, override, sequence
from conformance.forge_cbor import ARRAY, BYTES, Pairs, Raw, Tag, encode, endless, head, stretched
from spec.labels import CborTag, Command, Common, Envelope, Manifest, Parameter, ReportReason

TOPIC = "cbor"
GOOD = update(NEW, install=write(NEW))
BODY = parts_of(NEW, install=write(NEW))
_HUGE = 1 << 40
_DEEP = 2000


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _cut()
    yield from _tags()
    yield from _envelope_map()
    yield from _inside_the_manifest()
    yield from _sequences()


def _malformed(name: str, summary: str, raw: bytes) -> Case:
    return rejected(name, "M8.1-2", summary, raw, ReportReason.CBOR_PARSE)


def _sealed_map(*pairs: tuple[object, object]) -> bytes:
    return encode(Tag(CborTag.SUIT_ENVELOPE.value, Pairs(pairs)))


def _cut() -> Iterator[Case]:
    yield _malformed("empty-input", "No byte at all.", b"")
    for name, size in (
        ("after-tag", 2),
        ("after-map-head", 3),
        ("inside-wrapper", 40),
        ("before-manifest", GOOD.index(encode(BODY)) - 3),
        ("inside-manifest", GOOD.index(encode(BODY)) + 30),
        ("last-byte-missing", len(GOOD) - 1),
    ):
        yield _malformed(f"cut-{name}", f"The envelope ends after {size} bytes.", GOOD[:size])
    yield _malformed("trailing-byte", "A byte follows the envelope.", GOOD + b"\x00")
    yield _malformed("two-envelopes", "An envelope follows the envelope.", GOOD + GOOD)
    yield _malformed("noise", "Bytes that are nothing.", bytes(range(128, 255)))
    yield _malformed("empty-map", "An envelope without members.", bytes.fromhex("d86ba0"))
    yield _malformed(
        "not-a-map", "An envelope that is an array.", encode(Tag(CborTag.SUIT_ENVELOPE.value, [1, 2]))
    )


def _tags() -> Iterator[Case]:
    yield _malformed(
        "tag-148",
        "A wrong tag in front of a right map.",
        envelope(BODY, signers=[AUTHOR], tag=148),
    )
    yield rejected(
        "tag-missing",
        "M8.1-2",
        "A root envelope carries tag 107.",
        envelope(BODY, signers=[AUTHOR], tag=None),
        ReportReason.CBOR_PARSE,
    )
    yield _malformed("tag-twice", "Tag 107 in tag 107.", encode(Tag(CborTag.SUIT_ENVELOPE.value, Raw(GOOD))))
    yield _malformed(
        "tag-not-shortest",
        "Tag 107 in three bytes instead of two.",
        b"\xd9\x00\x6b" + GOOD[2:],
    )


def _envelope_map() -> Iterator[Case]:
    content = encode(BODY)
    inner = GOOD[3:]
    wrapper = inner[1 : inner.index(content) - 3]  # the value after key 2, before key 3 and its head
    yield rejected(
        "envelope-keys-unordered",
        "M8.3-1 M8.1-2",
        "The manifest stands before the authentication wrapper.",
        envelope(BODY, signers=[AUTHOR], ordered=False),
        ReportReason.CBOR_PARSE,
    )
    for name, order in (
        ("manifest", ((2, Raw(wrapper)), (3, content), (3, content))),
        ("wrapper", ((2, Raw(wrapper)), (2, Raw(wrapper)), (3, content))),
    ):
        yield _malformed(f"envelope-{name}-twice", f"Two members {name}.", _sealed_map(*order))
    yield _malformed(
        "envelope-map-endless",
        "The envelope map has an indefinite length.",
        b"\xd8\x6b\xbf" + inner + b"\xff",
    )
    yield _malformed(
        "envelope-bytes-endless",
        "The manifest is a byte string in chunks.",
        _sealed_map((2, Raw(wrapper)), (3, endless(content))),
    )
    yield _malformed(
        "envelope-key-stretched",
        "A key takes two bytes where one is enough.",
        _sealed_map((2, Raw(wrapper)), (stretched(3, 1), content)),
    )
    yield _malformed(
        "envelope-length-stretched",
        "A length takes four bytes where two are enough.",
        _sealed_map((2, Raw(wrapper)), (3, Raw(head(BYTES, len(content), width=4) + content))),
    )
    yield _malformed(
        "envelope-manifest-not-wrapped",
        "The manifest is a map, not a byte string around one.",
        _sealed_map((2, Raw(wrapper)), (3, BODY)),
    )
    yield _malformed(
        "envelope-length-a-terabyte",
        "A byte string claims more bytes than there are in the world of the device.",
        _sealed_map((2, Raw(wrapper)), (3, Raw(head(BYTES, _HUGE)))),
    )
    yield _malformed(
        "envelope-array-a-terabyte",
        "An array claims more items than could follow.",
        _sealed_map((2, Raw(wrapper)), (3, Raw(head(ARRAY, _HUGE)))),
    )
    yield _malformed(
        "envelope-nested-deeply",
        "Two thousand arrays in one another.",
        _sealed_map((2, Raw(wrapper)), (3, Raw(b"\x81" * _DEEP + b"\x00"))),
    )
    yield rejected(
        "envelope-member-unknown",
        "H2-3",
        "A member with a number that no document assigns.",
        envelope(BODY, signers=[AUTHOR], members={99: b"\x80"}),
    )
    yield rejected(
        "envelope-member-zero",
        "M8.1-2",
        "The label 0 is what a forgotten initialisation looks like.",
        envelope(BODY, signers=[AUTHOR], members={0: b"\x80"}),
    )
    yield _malformed(
        "envelope-key-not-utf8",
        "A payload's key is a text that is not UTF-8.",
        envelope(BODY, signers=[AUTHOR], members={Raw(b"\x62\xc3\x28"): b""}),
    )
    yield accepted(
        "canonical",
        "M8.1-1 M10-1",
        "The envelope that the others are made from.",
        GOOD,
        after={MAIN: NEW},
    )


def _signed(content: bytes) -> bytes:
    return envelope(content, signers=[AUTHOR])


def _inside_the_manifest() -> Iterator[Case]:
    pairs = [(key, BODY[key]) for key in sorted(BODY, key=lambda label: int(label.value))]
    first, second, *rest = pairs
    deep = {Common.COMPONENTS: Raw(b"\x81" * 100 + b"\x40")}
    for name, summary, content in (
        ("unordered", "The members stand in another order.", Pairs((second, first, *rest))),
        ("member-twice", "The sequence number stands there twice.", Pairs((first, second, second, *rest))),
        ("endless", "The map has an indefinite length.", endless(dict(pairs))),
        ("number-stretched", "The version takes two bytes.", {**BODY, first[0]: stretched(1, 1)}),
        ("number-float", "The sequence number is a float.", {**BODY, second[0]: Raw(b"\xf9\x3c\x00")}),
        ("number-bignum", "The sequence number is a bignum.", {**BODY, second[0]: Tag(2, b"\x01")}),
        ("not-a-map", "The manifest is an array.", [1, 2]),
        ("key-text", "A member has a text for a key.", {**BODY, "note": "x"}),
        ("undefined", "A member is undefined.", {**BODY, Manifest.REFERENCE_URI: Raw(b"\xf7")}),
        ("nested-deeply", "Arrays are nested a hundred levels.", {**BODY, Manifest.COMMON: encode(deep)}),
    ):  # fmt: skip
        reason = None if name == "key-text" else ReportReason.CBOR_PARSE
        yield rejected(f"manifest-{name}", "M8.1-2", summary, _signed(encode(content)), reason)
    yield _malformed(
        "manifest-trailing-byte",
        "A byte follows the manifest inside its byte string.",
        _signed(encode(BODY) + b"\x00"),
    )
    yield _malformed(
        "manifest-cut", "The manifest ends too early, and its author signed that.", _signed(encode(BODY)[:-1])
    )
    yield _malformed("manifest-empty", "The manifest's byte string is empty.", _signed(b""))
    yield _malformed(
        "common-trailing-byte",
        "A byte follows the common map inside its byte string.",
        _signed(encode({**BODY, Manifest.COMMON: BODY[Manifest.COMMON] + b"\x00"})),
    )
    yield _malformed(
        "common-unordered",
        "The common map has its members in another order.",
        _signed(encode({**BODY, Manifest.COMMON: encode(_reversed_common())})),
    )


def _reversed_common() -> Pairs:
    shared = sequence([check(Command.VENDOR_IDENTIFIER)])
    return Pairs(((Common.SHARED_SEQUENCE, shared), (Common.COMPONENTS, [MAIN])))


def _sequences() -> Iterator[Case]:
    step = encode(Command.ABORT) + encode(15)
    content = (Parameter.CONTENT, b"x")
    for name, summary, install in (
        ("odd", "A command without its argument.", encode([Command.WRITE])),
        ("empty", "A sequence of nothing.", encode([])),
        ("not-array", "A sequence that is a map.", encode({Command.WRITE: 15})),
        ("wrapped-twice", "A byte string around a sequence.", encode(encode([Command.WRITE, 15]))),
        ("endless", "A sequence of indefinite length.", encode(endless([Command.WRITE, 15]))),
        ("trailing-byte", "A byte follows the sequence.", encode([Command.WRITE, 15]) + b"\x00"),
        ("cut", "The sequence claims more than it holds.", head(ARRAY, 4) + step),
        ("command-text", "A command is a text.", encode(["write", 15])),
        ("command-true", "A command is true, which some languages take for 1.", encode([True, 15])),
        ("policy-text", "A reporting policy is a text.", encode([Command.WRITE, "all"])),
        ("policy-nil", "A reporting policy is nil.", encode([Command.WRITE, None])),
        ("policy-negative", "A reporting policy is negative.", encode([Command.WRITE, -1])),
        ("policy-fifth-bit", "A policy has a bit that no document names.", encode([Command.WRITE, 16])),
        ("parameters-unordered", "Parameters in another order.", _parameters(Pairs(((21, "#a"), content)))),
        ("parameter-twice", "One parameter with two values.", _parameters(Pairs((content, content)))),
        ("parameters-empty", "A parameter map with nothing in it.", _parameters({})),
        ("parameters-array", "Parameters in an array.", _parameters([18, b"x"])),
        ("parameter-true", "A parameter's label is true.", _parameters({True: b"x"})),
    ):  # fmt: skip
        reason = None if name == "parameter-true" else ReportReason.CBOR_PARSE
        requirement = "M8.4.7-2" if name.startswith("policy") else "M8.4.6-1"
        yield rejected(f"sequence-{name}", requirement, summary, update(NEW, install=install), reason)
    direct = manifest(install=None, extra={Manifest.INSTALL: Raw(encode({1: 2}))})
    yield _malformed(
        "sequence-not-bytes", "A sequence that is neither byte string nor digest.", _signed(encode(direct))
    )
    yield _malformed(
        "digest-parameter-not-wrapped",
        "The image digest is an array inside a byte string.",
        update(NEW, install=[override({Parameter.IMAGE_DIGEST: [-16, bytes(32)]}), *write(NEW)]),
    )


def _parameters(item: object) -> bytes:
    return encode([Command.OVERRIDE_PARAMETERS, item])


__all__ = ["TOPIC", "Envelope", "cases"]
