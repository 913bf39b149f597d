"""The published examples 0 to 5 of the manifest document, built again from what they say.

The signatures are the published ones (they are not deterministic), so every envelope is the published
one byte for byte; a test compares. The image digests are made up, so a case gives them to the device's
components, and the payloads have the sizes that the manifests give.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from conformance.casebook.case import (
    CLASS,
    MAIN,
    OLD,
    SECOND,
    THIRD,
    URI,
    VENDOR,
    Case,
    Component,
    Device,
    accepted,
    rejected,
)
from conformance.casebook.published_bytes import SIGNATURES, TEXT_2
from conformance.forge import at, check, envelope, manifest, override, sequence, try_each
from conformance.forge import digest_of_wrapped as severed_digest
from conformance.forge_cbor import Item, Tag, encode
from conformance.forge_cose import ec2_key
from spec.labels import (
    CborTag,
    Command,
    CoseAlgorithm,
    CoseCurve,
    CoseHeader,
    CoseKeyParameter,
    Envelope,
    Manifest,
    Parameter,
    ReportReason,
)

TOPIC = "published"
DIGEST_1: Final = bytes.fromhex("00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210")
DIGEST_2: Final = bytes.fromhex("0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff")
SIZE_1: Final = 34768
SIZE_2: Final = 76834
PAYLOAD_1: Final = b"\x11" * SIZE_1
PAYLOAD_2: Final = b"\x22" * SIZE_2
URI_1: Final = "http://example.com/file1.bin"
URI_2: Final = "http://example.com/file2.bin"
LONG_URI: Final = "http://example.com/very/long/path/to/file/file.bin"
_POINT: Final = ec2_key(
    CoseCurve.P_256,
    bytes.fromhex("8496811aae0baaabd26157189eecda26beaa8bf11b6f3fe6e2b5659c85dbc0ad"),
    bytes.fromhex("3b1f2a4b6c098131c0a36dacd1d78bd381dcdfb09c052db33991db7338b4a896"),
)
KEY: Final = [
    {
        "cose_key": encode({**_POINT, CoseKeyParameter.ALG: CoseAlgorithm.ES256}).hex(),
        "use": "verify",
    }
]
UNBOUND: Final = [{"cose_key": encode(_POINT).hex(), "use": "verify"}]
_IDS: Final[Mapping[Item, Item]] = {
    Parameter.VENDOR_IDENTIFIER: VENDOR,
    Parameter.CLASS_IDENTIFIER: CLASS,
}
_CHECKS: Final = [check(Command.VENDOR_IDENTIFIER), check(Command.CLASS_IDENTIFIER)]
_MATCH: Final = check(Command.IMAGE_MATCH)
# In the examples, directives that may fail for outside reasons record failures only.
_FETCH, _COPY, _INVOKE = [(command, 2) for command in (Command.FETCH, Command.COPY, Command.INVOKE)]


def _digest(value: bytes) -> dict[Item, Item]:
    return {Parameter.IMAGE_DIGEST: encode([CoseAlgorithm.SHA_256, value])}


def _image(digest: bytes, size: int) -> dict[Item, Item]:
    return {**_digest(digest), Parameter.IMAGE_SIZE: size}


_IMAGE_1: Final = _image(DIGEST_1, SIZE_1)
_IMAGE_2: Final = _image(DIGEST_2, SIZE_2)
_SHARED: Final = [override({**_IDS, **_IMAGE_1}), *_CHECKS]


def _fetched(uri: str) -> list[tuple[Item, Item]]:
    return [override({Parameter.URI: uri}), _FETCH, _MATCH]


def _by_slot(*steps: list[tuple[Item, Item]]) -> tuple[Item, Item]:
    return try_each(
        *(
            [override({Parameter.COMPONENT_SLOT: slot}), (Command.COMPONENT_SLOT, 5), *own]
            for slot, own in enumerate(steps)
        )
    )


INSTALL_2: Final = sequence(_fetched(LONG_URI))
MANIFESTS: Final[tuple[Mapping[Item, Item], ...]] = (
    manifest(sequence_number=0, shared=_SHARED, validate=[_MATCH], invoke=[_INVOKE]),
    manifest(sequence_number=1, shared=_SHARED, validate=[_MATCH], install=_fetched(URI)),
    manifest(
        sequence_number=2,
        shared=_SHARED,
        validate=[_MATCH],
        invoke=[_INVOKE],
        install=severed_digest(INSTALL_2),
        text=severed_digest(TEXT_2),
        extra={Manifest.REFERENCE_URI: "https://git.io/JJYoj"},
    ),
    manifest(
        sequence_number=3,
        shared=[
            override(_IDS),
            _by_slot([override(_IMAGE_1)], [override(_IMAGE_2)]),
            *_CHECKS,
        ],
        validate=[_MATCH],
        install=[
            _by_slot([override({Parameter.URI: URI_1})], [override({Parameter.URI: URI_2})]),
            _FETCH,
            _MATCH,
        ],
    ),
    manifest(
        sequence_number=4,
        components=[MAIN, THIRD, SECOND],
        shared=[at(0), *_SHARED],
        validate=[at(0), _MATCH],
        load=[at(2), override({**_IMAGE_2, Parameter.SOURCE_COMPONENT: 0}), _COPY, _MATCH],
        invoke=[at(2), _INVOKE],
        payload_fetch=[at(1), override({**_digest(DIGEST_1), Parameter.URI: URI}), _FETCH, _MATCH],
        install=[at(0), override({Parameter.SOURCE_COMPONENT: 1}), _COPY, _MATCH],
    ),
    manifest(
        sequence_number=5,
        components=[MAIN, SECOND],
        shared=[at(0), *_SHARED, at(1), override(_IMAGE_2)],
        validate=[at(0), _MATCH, at(1), _MATCH],
        invoke=[at(0), _INVOKE],
        install=[at(0), *_fetched(URI_1), at(1), *_fetched(URI_2)],
    ),
)


def signed(number: int, **members: Item) -> bytes:
    """Return published example ``number``, with its published signature."""
    labelled = {Envelope[name.upper()]: value for name, value in members.items()}
    return envelope(MANIFESTS[number], blocks=[_published(number)], members=labelled)


def unsigned(number: int) -> bytes:
    """Return published example ``number`` without authentication block."""
    return envelope(MANIFESTS[number])


def _published(number: int) -> Callable[[bytes], bytes]:
    header = encode({CoseHeader.ALG: CoseAlgorithm.ES256})
    block = Tag(CborTag.COSE_SIGN1.value, [header, {}, None, SIGNATURES[number]])
    return lambda _: encode(block)


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _updates()
    yield from _invocations()
    yield from _refused()


def _empty(digest: bytes, **parts: Item) -> Component:
    return Component(capacity=1 << 17, digest=digest, **parts)


_ONE: Final = Device(components=(_empty(DIGEST_1),))
_FOUR: Final = Device(
    components=(
        _empty(DIGEST_1),
        _empty(DIGEST_2, id=SECOND),
        _empty(DIGEST_1, id=THIRD),
    )
)


def _updates() -> Iterator[Case]:
    one = {"resources": {URI: PAYLOAD_1}, "after": {MAIN: PAYLOAD_1}, "fetched": [URI]}
    yield _accepted("example1-update", "Example 1: download.", signed(1), device=_ONE, **one)
    long = {**one, "resources": {LONG_URI: PAYLOAD_1}, "fetched": [LONG_URI]}
    yield _accepted(
        "example2-update",
        "Example 2 as published: install and text stand in the envelope.",
        signed(2, install=INSTALL_2, text=TEXT_2),
        device=_ONE,
        **long,
    )
    yield _accepted(
        "example2-update-without-text",
        "Example 2 with its text cut off on the way.",
        signed(2, install=INSTALL_2),
        device=_ONE,
        **long,
    )
    for slot, uri, payload, digest in ((0, URI_1, PAYLOAD_1, DIGEST_1), (1, URI_2, PAYLOAD_2, DIGEST_2)):
        yield _accepted(
            f"example3-update-slot-{slot}",
            f"Example 3, A/B images, on a device whose component sits in slot {slot}.",
            signed(3),
            device=Device(components=(_empty(digest, slot=slot),)),
            resources={URI_1: PAYLOAD_1, URI_2: PAYLOAD_2},
            after={MAIN: payload},
            fetched=[uri],
        )
    yield _accepted(
        "example4-update",
        "Example 4: fetched into one component, copied into another.",
        signed(4),
        device=_FOUR,
        resources={URI: PAYLOAD_1},
        after={MAIN: PAYLOAD_1, THIRD: PAYLOAD_1},
        fetched=[URI],
    )
    yield _accepted(
        "example5-update",
        "Example 5: two images.",
        signed(5),
        device=Device(components=_FOUR.components[:2]),
        resources={URI_1: PAYLOAD_1, URI_2: PAYLOAD_2},
        after={MAIN: PAYLOAD_1, SECOND: PAYLOAD_2},
        fetched=[URI_1, URI_2],
    )


def _invocations() -> Iterator[Case]:
    held = Device(components=(_empty(DIGEST_1, content=PAYLOAD_1),))
    started = {"procedure": "invoke", "invoked": [(MAIN, None)]}
    yield _accepted("example0-invoke", "Example 0: secure boot.", signed(0), device=held, **started)
    yield _accepted(
        "example2-invoke-severed",
        "Example 2 with install and text cut off: they were needed for the update alone.",
        signed(2),
        device=held,
        **started,
    )
    two = (held.components[0], _empty(DIGEST_2, id=SECOND, content=PAYLOAD_2))
    yield _accepted(
        "example5-invoke",
        "Example 5: both images are validated, the first is started.",
        signed(5),
        device=Device(components=two),
        **started,
    )
    four = (held.components[0], _empty(DIGEST_2, id=SECOND), _empty(DIGEST_1, id=THIRD))
    yield _accepted(
        "example4-invoke",
        "Example 4: the image is copied to where it runs, and started there.",
        signed(4),
        device=Device(components=four),
        procedure="invoke",
        after={SECOND: PAYLOAD_1},
        invoked=[(SECOND, None)],
    )
    yield rejected(
        "example0-invoke-other-image",
        "H3-7 M8.4.9.2-1",
        "Example 0 on a device whose image has another digest.",
        signed(0),
        ReportReason.CONDITION_FAILED,
        keys=KEY,
        procedure="invoke",
        device=Device(components=(_empty(DIGEST_2, content=PAYLOAD_1),)),
    )


def _refused() -> Iterator[Case]:
    for number in range(len(MANIFESTS)):
        yield rejected(
            f"example{number}-unsigned",
            "M8.3-3 H3-7",
            f"Example {number} as published without signature.",
            unsigned(number),
            ReportReason.UNAUTHORISED,
            keys=KEY,
            device=_holding(number),
            resources={URI: OLD} if number == 1 else {},
        )
    yield rejected(
        "example0-key-unbound",
        "H3-3",
        "Example 0 is signed with the deprecated ES256, which the key does not name.",
        signed(0),
        keys=UNBOUND,
        procedure="invoke",
        device=_holding(0),
    )
    yield rejected(
        "example1-payload-missing",
        "M6.1-8",
        "Example 1 without its payload.",
        signed(1),
        ReportReason.OPERATION_FAILED,
        keys=KEY,
        device=_holding(1),
    )
    yield rejected(
        "example2-severed-update",
        "M8.6-2",
        "Example 2 with install cut off cannot update, not even a device that is up to date.",
        signed(2),
        keys=KEY,
        device=Device(components=(_empty(DIGEST_1, content=PAYLOAD_1),)),
        resources={LONG_URI: OLD},
    )
    yield rejected(
        "example2-text-changed",
        "M8.4.12-1",
        "Example 2 with another text.",
        signed(2, install=INSTALL_2, text=TEXT_2.replace(b"demonstration", b"demonstratioN")),
        ReportReason.UNAUTHORISED,
        keys=KEY,
        device=_ONE,
        resources={LONG_URI: OLD},
    )
    yield rejected(
        "example3-slot-2",
        "M8.4.10.2-6",
        "Example 3 on a device whose component sits in a slot that the manifest does not know.",
        signed(3),
        keys=KEY,
        device=Device(components=(_empty(DIGEST_1, slot=2, content=OLD),)),
    )
    yield rejected(
        "example5-second-missing",
        "M6.1-8 M6.3-1",
        "Example 5 without its second payload: the first component goes back to what it held.",
        signed(5),
        ReportReason.OPERATION_FAILED,
        keys=KEY,
        device=Device(components=_FOUR.components[:2]),
        resources={URI_1: PAYLOAD_1},
        fetched=[URI_1],
    )
    yield rejected(
        "example5-older-than-device",
        "M8.4.2-1",
        "Example 5 on a device that has accepted 6.",
        signed(5),
        ReportReason.UNAUTHORISED,
        keys=KEY,
        device=Device(components=_FOUR.components[:2], floors={(): 6}),
    )
    yield rejected(
        "example4-one-component-short",
        "M6.2-2",
        "Example 4 on a device of two components.",
        signed(4),
        ReportReason.COMPONENT_UNSUPPORTED,
        keys=KEY,
        device=Device(components=_FOUR.components[:2]),
    )


def _holding(number: int) -> Device:
    components = {4: _FOUR.components, 5: _FOUR.components[:2]}
    return Device(components=components.get(number, _ONE.components))


def _accepted(name: str, summary: str, raw: bytes, **parts: Item) -> Case:
    return accepted(name, "H3-7", summary, raw, keys=KEY, **parts)
