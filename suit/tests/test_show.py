"""suit.show: any envelope in annotated notation, harmless for a terminal, believing nothing."""

import re
from collections.abc import Callable

import pytest

from suit import cbor, notation
from suit.encode import encode_bare_manifest, encode_envelope
from suit.envelope import open_envelope, rewrap, sever
from suit.errors import HardsuitError, MalformedError
from suit.manifest import Manifest
from suit.show import show
from suit.tests import vectors

MIB = 1 << 20
CLEAR = "\x1b[2J"
OVERRIDE = "\u202e"


_EXTENDED = [
    path
    for folder in ("trust-domains", "firmware-encryption")
    for path in sorted(vectors.path(f"ietf/{folder}").glob("*.suit") if vectors.ROOT else ())
]


@pytest.fixture(params=_EXTENDED, ids=lambda path: str(path.stem))
def extended(request: pytest.FixtureRequest, example: Callable[[str], bytes]) -> bytes:
    """Each published envelope of an extension document."""
    assert example("example0.signed.suit")
    return bytes(request.param.read_bytes())


def strip(text: str) -> str:
    """Leave the comments out."""
    return re.sub(r"/ [^/]*/", "", text)


@pytest.mark.req("I4.5.2")
def test_published_examples_are_shown_with_the_names_of_the_draft(published: bytes) -> None:
    text = show(published)
    for name in (
        "authentication-wrapper",
        "manifest-sequence-number",
        "shared-sequence",
        "vendor-identifier",
    ):
        assert f"/ {name} /" in text
    assert "the digest matches" in text
    assert "DOES NOT" not in text
    assert "unknown" not in text
    assert text.startswith("107({")


def test_what_is_signed_and_how_is_shown(example: Callable[[str], bytes]) -> None:
    text = show(example("example0.signed.suit"))
    assert "/ COSE_SIGN1 / 18([" in text
    assert "/ alg / 1: -7 / ES256 /" in text
    assert "COSE" not in show(example("example0.unsigned.suit"))


def test_uuids_are_shown_as_people_write_them(example: Callable[[str], bytes]) -> None:
    assert "/ fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe /" in show(example("example0.signed.suit"))


def test_severed_members_are_told_from_those_that_are_there(example: Callable[[str], bytes]) -> None:
    text = show(example("example2.signed.suit"))
    assert text.count("severable, in this envelope") == 2
    assert text.count("the digest matches") == 3
    text = show(example("example2.severed-signed.suit"))
    assert text.count("severed, not in this envelope") == 2


def test_extension_documents_are_shown_too(extended: bytes) -> None:
    text = show(extended)
    assert "unknown command" not in text
    assert "unknown member" not in text
    assert "the digest matches" in text


def test_a_wrong_digest_is_noted_and_no_error(example: Callable[[str], bytes]) -> None:
    raw = example("example2.signed.suit")
    envelope = open_envelope(raw)
    wrong = raw.replace(envelope.digest.value, bytes(32))
    assert show(wrong).count("THE DIGEST DOES NOT MATCH") == 1
    element = next(iter(envelope.severed.values()))
    wrong = raw.replace(element, element[:-1] + bytes([element[-1] ^ 1]))
    assert show(wrong).count("THE DIGEST DOES NOT MATCH") == 1


def test_a_bare_manifest_and_an_untagged_envelope_are_shown(example: Callable[[str], bytes]) -> None:
    text = show(encode_bare_manifest(Manifest(7, ((b"\0",), (b"MAIN", b"app")))))
    assert text.startswith("1070({")
    assert "/ manifest-sequence-number / 2: 7" in text
    assert "/ 1 / [h'4d41494e', h'617070'] / MAIN app /" in text
    raw = example("example0.signed.suit")
    assert show(raw[2:]) == show(raw)[4:-1]


def test_every_cose_structure_is_taken_apart() -> None:
    header = cbor.encode({1: -9})
    sign = cbor.encode(cbor.Tagged(98, [b"", {}, None, [[header, {4: b"kid"}, b"\1"]]]))
    mac = cbor.encode(cbor.Tagged(97, [cbor.encode({1: 5}), {}, None, b"\2", [[b"", {1: -6}, b""]]]))
    odd = [cbor.encode(cbor.Tagged(18, [b"\xff", 1, [], {}, "more"])), cbor.encode(17), b"\xff", b""]
    odd += [cbor.encode(cbor.Tagged(98, [b"", {}, None, ["x", b""]])), cbor.encode(cbor.Tagged(98, {}))]
    digest = cbor.encode([-16, bytes(32)])
    raw = cbor.encode(cbor.Tagged(107, {2: cbor.encode([digest, sign, mac, *odd]), 3: b"\xa0"}))
    text = show(raw)
    for words in ("COSE_SIGN / 98", "ESP256", "/ kid / 4: h'6b6964'", "COSE_MAC / 97", "HMAC-256", "DIRECT"):
        assert words in text


@pytest.mark.parametrize(
    "members",
    [
        {},
        {2: 1, 3: 2},
        {2: b"", 3: b""},
        {2: cbor.encode({}), 3: cbor.encode([])},
        {2: cbor.encode([1]), 3: cbor.encode({3: 1, 7: b"\xff", 20: [1], 23: [], 16: {}, 9: [-16, b""]})},
        {3: cbor.encode({3: cbor.encode(1)})},
        {3: cbor.encode({3: cbor.encode({2: 1, 4: cbor.encode([1])})})},
        {3: cbor.encode({7: cbor.encode([20, 1, 15, 1, 32, 1, 999, None, "x", True])})},
        {3: cbor.encode({7: cbor.encode([20, {3: 1, 1: b"", 99: 1, -3: 2}, 15, [None, 1, b""]])})},
        {3: cbor.encode({23: cbor.encode({1: {}, "en": 1, "de": {1: 2, 99: "x", (b"\0",): {1: "v"}}})})},
        {20: 1, 23: b"\xff", 14: b"", 99: {}, "x": 1, b"y": [cbor.Tagged(37, b"")]},
    ],
    ids=repr,
)
def test_whatever_is_deterministic_cbor_is_shown(members: dict[cbor.Item, cbor.Item]) -> None:
    raw = cbor.encode(cbor.Tagged(107, members))
    assert show(raw).startswith("107({")
    assert show(raw, brief=True)


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"\x00", b"\x80", b"\xd8\x6b\x00", b"\xd8\x12\xa0", b"\xa0\x00"]
)
def test_anything_else_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        show(raw)


@pytest.mark.req("U8-3")
@pytest.mark.parametrize(
    "evil", [CLEAR, OVERRIDE, "\x00", "\n", "\r", "\x7f", "\x9b2J", "\u2028", "\U000e0041"]
)
def test_no_text_reaches_the_terminal_unescaped(evil: str) -> None:
    text = cbor.encode({f"en{evil}": {1: evil, (b"\0",): {1: f'"{evil}'}}})
    sequence = cbor.encode([20, {21: evil}, evil, evil])
    manifest = cbor.encode(
        {3: cbor.encode({2: [[evil.encode()]]}), 4: evil, 7: sequence, 23: text, evil: evil}
    )
    raw = cbor.encode(cbor.Tagged(107, {2: cbor.encode([evil]), 3: manifest, f"#{evil}": evil}))
    shown = show(raw) + show(raw, brief=True)
    assert all(char.isprintable() or char == "\n" for char in shown)
    if evil != "\n":
        assert evil not in shown


def test_a_comment_cannot_be_ended_from_inside() -> None:
    raw = encode_bare_manifest(Manifest(1, ((b"a / 666, / b",),)))
    assert "666" not in strip(show(raw))


def test_escapes_are_those_of_json() -> None:
    assert notation.text('a"\\\n\t\u202e\U000e0041') == '"a\\"\\\\\\n\\t\\u202e\\udb40\\udc41"'


def test_brief_cuts_what_is_long(example: Callable[[str], bytes]) -> None:
    raw = example("example2.signed.suit")
    envelope = rewrap(b"\xa0", severed={}, payloads={"#p": bytes(5000)})
    assert len(show(raw, brief=True)) < len(show(raw))
    assert "characters /" in show(raw, brief=True)
    assert "...' / 5000 bytes /" in show(encode_envelope(envelope), brief=True)
    assert "00" * 5000 in show(encode_envelope(envelope))


def test_sequences_wrapped_without_end_are_shown_as_bytes() -> None:
    nested = cbor.encode([3, 15])
    while len(nested) < 3000:
        nested = cbor.encode([32, nested])
    raw = cbor.encode(cbor.Tagged(107, {3: cbor.encode({7: nested})}))
    assert show(raw).count("run-sequence") == 15


def test_one_number_of_every_kind() -> None:
    value = cbor.decode(cbor.encode([1, -1, True, False, None, "t", b"b", {1: [2]}]), where="x")
    assert notation.one_line(notation.plain(value)) == "[1, -1, true, false, null, \"t\", h'62', {1: [2]}]"
    assert notation.one_line(notation.plain(cbor.Tagged(1, (b"",)))) == "1([h''])"


@pytest.mark.req("H2-4")
def test_changed_envelopes_give_text_or_an_error_of_ours(example: Callable[[str], bytes]) -> None:
    raw = example("example3.signed.suit")
    for position in range(len(raw)):
        for value in (0, 0x5F, 0x9F, 0xFF, raw[position] ^ 1, raw[position] ^ 0x20):
            changed = bytearray(raw)
            changed[position] = value
            try:
                show(bytes(changed), brief=True)
            except HardsuitError:
                continue


def test_a_cut_envelope_shows_what_is_left(example: Callable[[str], bytes]) -> None:
    envelope = open_envelope(example("example2.signed.suit"))
    text = show(encode_envelope(sever(envelope, tuple(envelope.severed))))
    assert text == show(example("example2.severed-signed.suit"))
