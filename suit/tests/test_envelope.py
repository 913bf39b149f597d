"""suit.envelope: what may be read before authentication, and what it may cost."""

import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from spec.labels import Command, CoseAlgorithm
from spec.labels import Manifest as Member
from suit import cbor
from suit.decode import attach_severed, decode_manifest
from suit.encode import encode_envelope
from suit.envelope import manifest_digest, open_envelope, rewrap, seal, sever, with_block
from suit.errors import (
    HardsuitError,
    LimitError,
    MalformedError,
    UnsupportedAlgorithmError,
    UsageError,
)
from suit.manifest import Command as Step
from suit.manifest import Digest, Manifest, Severable, Text

KIB = 1 << 10
MIB = 1 << 20
SHA = bytes(32)
DIGEST = cbor.encode([-16, SHA])
WRAPPER = cbor.encode([DIGEST])


def envelope(members: dict[cbor.Item, cbor.Item] | None = None, tag: int | None = 107) -> bytes:
    whole: dict[cbor.Item, cbor.Item] = {2: WRAPPER, 3: b"\xa0"}
    whole |= members or {}
    item: cbor.Item = {key: value for key, value in whole.items() if value != "absent"}
    return cbor.encode(item if tag is None else cbor.Tagged(tag, item))


@pytest.mark.req("M6.2-1")
def test_the_manifest_is_not_looked_into() -> None:
    opened = open_envelope(envelope({3: b"\xff\xff"}))
    assert opened.manifest == b"\xff\xff"


@pytest.mark.req("M11-1")
def test_tag_107_is_kept_and_optional_in_embedded_envelopes_only() -> None:
    for tag in (107, None):
        raw = envelope(tag=tag)
        opened = open_envelope(raw, embedded=True)
        assert opened.tagged is (tag is not None)
        assert encode_envelope(opened) == raw
    with pytest.raises(MalformedError, match="no tag 107"):
        open_envelope(envelope(tag=None))


@pytest.mark.req("M11-1")
@pytest.mark.parametrize("tag", [0, 18, 106, 108, 1070, 55799])
def test_another_tag_is_malformed(tag: int) -> None:
    with pytest.raises(MalformedError, match=f"tag {tag} "):
        open_envelope(envelope(tag=tag))


def test_a_tag_on_a_tag_is_malformed() -> None:
    with pytest.raises(MalformedError):
        open_envelope(cbor.tag_head(107) + envelope())


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\x00", b"\x40", b"\xf6", b"\xd8\x6b\x80"], ids=repr)
def test_an_envelope_is_a_map(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        open_envelope(raw)


@pytest.mark.parametrize(("key", "name"), [(2, "authentication-wrapper"), (3, "manifest")])
def test_wrapper_and_manifest_must_be_there(key: int, name: str) -> None:
    with pytest.raises(MalformedError, match=f"{name} is missing"):
        open_envelope(envelope({key: "absent"}))


@pytest.mark.req("M8.2-1", "M7.5-2")
@pytest.mark.parametrize("key", [2, 3, 16, 20, 23, "#payload"])
@pytest.mark.parametrize("value", [0, "text", [], {}, None, True, cbor.Tagged(24, b"")], ids=repr)
def test_every_element_is_a_byte_string(key: cbor.Item, value: cbor.Item) -> None:
    with pytest.raises(MalformedError):
        open_envelope(envelope({key: value}))


@pytest.mark.req("M7.5-1")
@pytest.mark.parametrize("key", [b"#payload", 0, 1, 4, 7, 13, 24, 255, -1], ids=repr)
def test_an_element_that_is_not_implemented_is_refused(key: cbor.Item) -> None:
    with pytest.raises(MalformedError, match="not implemented"):
        open_envelope(envelope({key: b""}))


@pytest.mark.req("M8.3-1", "M8.1-2")
def test_the_manifest_before_the_wrapper_is_malformed() -> None:
    raw = b"\xa2\x03\x41\xa0\x02" + cbor.encode(WRAPPER)
    with pytest.raises(MalformedError, match="order"):
        open_envelope(raw)


@pytest.mark.req("M8.3-2")
@pytest.mark.parametrize(
    "wrapper",
    [
        b"",
        cbor.encode([]),
        cbor.encode({0: DIGEST}),
        cbor.encode(DIGEST),
        cbor.encode([[-16, SHA]]),
        cbor.encode([DIGEST, [1]]),
        cbor.encode([DIGEST, None]),
        cbor.encode([b""]),
        cbor.encode([b"\xff"]),
        cbor.encode([DIGEST + b"\0"]),
        cbor.encode([cbor.encode([-16, SHA[1:]])]),
        cbor.encode([cbor.encode([-16, SHA, SHA])]),
        WRAPPER + b"\0",
    ],
    ids=repr,
)
def test_the_wrapper_begins_with_a_digest_and_holds_byte_strings(wrapper: bytes) -> None:
    with pytest.raises(MalformedError):
        open_envelope(envelope({2: wrapper}))


@pytest.mark.req("M10-2")
def test_a_digest_by_an_unknown_algorithm_is_unsupported() -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        open_envelope(envelope({2: cbor.encode([cbor.encode([-15, SHA])])}))


@pytest.mark.req("H2-9")
def test_limits_of_the_envelope() -> None:
    assert len(open_envelope(envelope({2: cbor.encode([DIGEST, *[b"x"] * 8])})).blocks) == 8
    with pytest.raises(LimitError, match="more than 8"):
        open_envelope(envelope({2: cbor.encode([DIGEST, *[b"x"] * 9])}))
    fits = envelope({"#p": b""})
    assert len(open_envelope(envelope({"#p": bytes(MIB - len(fits) - 4)})).payloads["#p"]) > MIB - 200
    with pytest.raises(LimitError):
        open_envelope(envelope({"#p": bytes(MIB - len(fits) - 3)}))
    with pytest.raises(LimitError):
        open_envelope(envelope({"#" * 2049: b""}))
    with pytest.raises(LimitError):
        open_envelope(envelope({f"#{index}": b"" for index in range(200)}))


def manifest() -> Manifest:
    return Manifest(
        7,
        ((b"\0",),),
        validate=(Step(Command.IMAGE_MATCH, 15),),
        install=Severable((Step(Command.FETCH, 2),)),
        text=Severable({"en": Text()}),
    )


@pytest.mark.req("M8.4.12-1", "M8.6-3", "I4.5.12")
def test_sealed_severed_opened_is_the_same_manifest() -> None:
    sealed = seal(manifest(), payloads={"#p": b"payload"}, sever=(Member.INSTALL, Member.TEXT))
    assert sealed.digest == manifest_digest(sealed.manifest)
    opened = open_envelope(encode_envelope(sealed))
    assert opened == sealed
    assert opened.payloads == {"#p": b"payload"}
    cut = sever(opened, (Member.INSTALL,))
    assert cut.manifest == opened.manifest
    assert cut.digest_bytes == opened.digest_bytes
    assert set(cut.severed) == {Member.TEXT}
    bare = decode_manifest(cut.manifest)
    full = attach_severed(bare, opened)
    assert full.install is not None
    assert full.install.value == ((Command.FETCH, 2, 1),)
    half = attach_severed(bare, cut)
    assert half.install == bare.install


def test_only_what_is_there_can_be_severed() -> None:
    with pytest.raises(UsageError, match="payload-fetch"):
        seal(manifest(), sever=(Member.PAYLOAD_FETCH,))
    with pytest.raises(UsageError, match="never severable"):
        seal(manifest(), sever=(Member.VALIDATE,))
    with pytest.raises(UsageError, match="no severable install"):
        sever(seal(manifest()), (Member.INSTALL,))


@pytest.mark.req("M10-1", "M10-3", "H3-6")
@pytest.mark.parametrize(
    "algorithm",
    [
        CoseAlgorithm.SHA_256,
        CoseAlgorithm.SHA_384,
        CoseAlgorithm.SHA_512,
        CoseAlgorithm.SHAKE128,
        CoseAlgorithm.SHAKE256,
    ],
)
def test_every_digest_algorithm_seals(algorithm: CoseAlgorithm) -> None:
    sealed = seal(manifest(), sever=(Member.INSTALL,), algorithm=algorithm)
    opened = open_envelope(encode_envelope(sealed))
    assert opened.digest == manifest_digest(opened.manifest, algorithm)
    full = attach_severed(decode_manifest(opened.manifest), opened)
    assert full.install is not None
    assert full.install.digest is not None
    assert full.install.digest.algorithm is algorithm


def test_blocks_are_added_in_order() -> None:
    sealed = with_block(with_block(seal(manifest()), b"one"), b"two")
    opened = open_envelope(encode_envelope(sealed))
    assert opened.blocks == (b"one", b"two")


def padded(members: dict[cbor.Item, cbor.Item], key: cbor.Item) -> bytes:
    """Fill the byte string under ``key`` until the envelope has 1 MiB."""
    room = MIB - len(envelope(members | {key: b""})) - 4
    return envelope(members | {key: bytes(room)})


def with_manifest(
    raw: bytes, severed: dict[int, bytes] | None = None, payloads: dict[str, bytes] | None = None
) -> bytes:
    members = {Member(number): element for number, element in (severed or {}).items()}
    return encode_envelope(rewrap(raw, severed=members, payloads=payloads or {}))


def manifest_of(members: dict[int, cbor.Item]) -> bytes:
    return cbor.encode({1: 1, 2: 1, 3: cbor.encode({2: [[b"\0"]]})} | members)


def digest_item(element: bytes) -> cbor.Item:
    return [-16, manifest_digest(element).value]


def sequence_of(command: bytes, count: int) -> bytes:
    """Repeat an encoded command and its argument."""
    return b"\x99" + (2 * count).to_bytes(2, "big") + command * count


def bombs() -> Iterator[tuple[str, bytes]]:
    astral = "a" * 2000 + "\U0001f4a3"
    parameters = bytes.fromhex("14a10cf5")
    nested = b"\x82\x03\x0f"
    while len(nested) < 60 * KIB:
        nested = cbor.encode([32, nested])
    wide = cbor.encode([3, 15])
    for _ in range(8):
        wide = cbor.encode([15, [wide] * 3])
    install = sequence_of(parameters, 1000)
    text = cbor.encode({f"x-{index}": {1: astral * 20} for index in range(6)})
    long_text = cbor.encode({"en": {1: "\U0001f4a3" + "a" * 65000, 2: "\U0001f4a3" + "b" * 65000}})
    yield "map that claims 2^64 members", b"\xd8\x6b\xbb" + b"\xff" * 8 + bytes(MIB - 11)
    yield "array that claims 2^64 items", b"\xd8\x6b\x9b" + b"\xff" * 8 + bytes(MIB - 11)
    yield "map of a million numbers", b"\xba\x00\x07\xff\xff" + bytes(MIB - 5)
    yield "arrays in arrays", b"\x81" * MIB
    yield "maps in maps", b"\xa1\x00" * (MIB // 2)
    yield "tags on tags", b"\xd8\x6b" * (MIB // 2)
    yield "one giant payload", padded({}, "#p")
    yield "one giant manifest", padded({}, 3)
    yield "one giant wrapper", padded({}, 2)
    yield "a giant digest", envelope({2: cbor.encode([bytes(MIB - 100)])})
    yield "giant blocks", envelope({2: cbor.encode([DIGEST, *[bytes(130 * KIB)] * 8])})
    yield "a wrapper that claims 2^32 blocks", envelope({2: b"\x9b\0\0\0\1\0\0\0\0" + bytes(MIB - 100)})
    yield "many tiny payloads", envelope({f"#{index}": b"" for index in range(60000)})
    yield "payload names as wide as can be", envelope({f"{index}{astral}": b"" for index in range(120)})
    yield "a giant payload name", envelope({"x" * (MIB - 100): b""})
    yield "a giant name of bytes", envelope({bytes(MIB - 100): b""})
    yield "an unknown giant member", padded({}, 99)
    yield "a giant severed install", padded({}, 20)
    yield "a giant severed text", padded({}, 23)
    yield "a manifest of empty maps", with_manifest(b"\x99\x1f\xff" + b"\xa0" * 8191)
    yield "a manifest of numbers", with_manifest(b"\x99\x1f\xff" + b"\x19\x01\x00" * 8191)
    yield "as many commands as fit", with_manifest(manifest_of({7: sequence_of(b"\x03\x0f", 4000)}))
    yield "as many parameter maps as fit", with_manifest(manifest_of({7: sequence_of(parameters, 2000)}))
    yield "run-sequence in run-sequence", with_manifest(manifest_of({7: nested}))
    yield "try-each in try-each", with_manifest(manifest_of({7: wide}))
    yield (
        "every severed member as large as can be",
        with_manifest(
            manifest_of({16: digest_item(install), 20: digest_item(install), 23: digest_item(text)}),
            {16: install, 20: install, 23: text},
            {"#p": bytes(600 * KIB)},
        ),
    )
    yield (
        "long text that a decoder widens",
        with_manifest(manifest_of({23: digest_item(long_text)}), {23: long_text}, {"#p": bytes(800 * KIB)}),
    )
    yield (
        "a giant content parameter",
        with_manifest(manifest_of({7: cbor.encode([20, {18: bytes(60 * KIB)}])})),
    )
    yield "component index lists", with_manifest(manifest_of({7: sequence_of(b"\x0c\x81\x00", 2500)}))


BOMBS = dict(bombs())


def read_all(raw: bytes) -> object:
    opened = open_envelope(raw, embedded=True)
    return opened, attach_severed(decode_manifest(opened.manifest), opened)


@pytest.mark.req("H2-10", "I4.5.13")
@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_envelope_costs_at_most_4_mib(name: str) -> None:
    raw = BOMBS[name]
    tracemalloc.start()
    kept: object = None
    try:
        kept = read_all(raw)
    except HardsuitError as error:
        kept = str(error)
        assert len(kept) < 300
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert kept
    assert peak <= 4 * MIB


def test_there_are_bombs_that_go_off_late(example: Callable[[str], bytes]) -> None:
    assert len(BOMBS) >= 20
    read_all(BOMBS["every severed member as large as can be"])
    read_all(BOMBS["as many parameter maps as fit"])
    assert Digest(CoseAlgorithm.SHA_256, SHA) != open_envelope(example("example0.signed.suit")).digest
