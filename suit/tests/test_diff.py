"""suit.diff: what changed between two envelopes, in the words of the drafts."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from spec.labels import CborTag, Envelope
from spec.labels import Manifest as Member
from suit import cbor, describe
from suit.diff import Kind, diff
from suit.encode import encode_envelope
from suit.envelope import open_envelope, sever
from suit.errors import HardsuitError, MalformedError

CASES = Path(__file__).parents[2] / "conformance" / "cases"
DESCRIPTION = """\
manifest-sequence-number: 7
components: {boot: [{text: boot}], app: [00]}
shared-sequence:
  - set-component-index: app
  - override-parameters: {image-size: 100, vendor-identifier: {dns: example.com}}
  - vendor-identifier
install:
  - set-component-index: app
  - try-each:
      - - override-parameters: {uri: "http://example.com/a", source-component: boot}
        - fetch
      - null
  - run-sequence:
      - image-match
text:
  en: {update-description: old, components: {app: {component-version: "1.0"}}}
integrated-payloads: {"#a": 00112233}
"""


def envelope(*changes: tuple[str, str]) -> bytes:
    text = DESCRIPTION
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return encode_envelope(describe.build(text, name="release.yaml", directory=Path()))


def lines(before: bytes, after: bytes) -> list[str]:
    return [change.line for change in diff(before, after)]


def without_digests(before: bytes, after: bytes) -> list[str]:
    return [change.line for change in diff(before, after) if change.place[-1] != "digest"]


def test_the_same_bytes_have_no_differences() -> None:
    assert diff(envelope(), envelope()) == []


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("number: 7", "number: 8", "~ manifest-sequence-number = 7 -> 8"),
        (
            "image-size: 100",
            "image-size: 200",
            "~ shared-sequence: [h'00']: override-parameters: image-size = 100 -> 200",
        ),
        (
            "  - vendor-identifier\n",
            "  - vendor-identifier\n  - class-identifier\n",
            "+ shared-sequence: [h'00']: class-identifier = 15",
        ),
        ("        - fetch\n", "", "- install: try-each 0: [h'00']: fetch = 2"),
        ("      - null\n", "      - [fetch]\n", "- install: try-each 1 = null"),
        (
            "source-component: boot",
            "source-component: app",
            "~ install: try-each 0: [h'00']: override-parameters: source-component = ['boot'] -> [h'00']",
        ),
        ("- image-match", "- image-match: 2", "~ install: run-sequence: [h'00']: image-match = 15 -> 2"),
        ("app: [00]}", "app: [02]}", "- component: [h'00'] = index 1"),
        ("install:\n  - set-component-index: app", "install:\n  - set-component-index: true",
         "~ install: set-component-index = [h'00'] -> every component"),
        ("update-description: old", "update-description: new",
         '~ text: "en": update-description = "old" -> "new"'),
        ('"1.0"', '"1.1"', '~ text: "en": [h\'00\']: component-version = "1.0" -> "1.1"'),
        ("install:", "reference-uri: https://example.com/\ninstall:",
         '+ reference-uri = "https://example.com/"'),
    ],
)  # fmt: skip
def test_a_change_is_told_in_the_words_of_the_drafts(old: str, new: str, line: str) -> None:
    assert line in lines(envelope(), envelope((old, new)))


def test_a_change_of_one_value_is_one_line_beside_the_digests() -> None:
    found = without_digests(envelope(), envelope(("image-size: 100", "image-size: 200")))
    assert found == ["~ shared-sequence: [h'00']: override-parameters: image-size = 100 -> 200"]


def test_renumbering_components_is_not_a_change_of_every_command() -> None:
    swapped = ("{boot: [{text: boot}], app: [00]}", "{app: [00], boot: [{text: boot}]}")
    found = without_digests(envelope(), envelope(swapped))
    assert found
    assert all(line[2:].startswith("component: ") for line in found)


def test_a_payload_is_compared_by_size_and_hash() -> None:
    changes = diff(envelope(), envelope(("00112233", "0011223344")))
    assert [change.place for change in changes] == [("integrated payload", '"#a"')]
    assert str(changes[0].before).startswith("4 bytes, SHA-256 ")
    assert str(changes[0].after).startswith("5 bytes, SHA-256 ")


def test_a_severed_member_is_one_change() -> None:
    full = open_envelope(envelope(("install:", "severable: [install, text]\ninstall:")))
    cut = sever(full, (Member.INSTALL,))
    assert lines(encode_envelope(full), encode_envelope(cut)) == [
        "~ install: severable = in the envelope -> severed"
    ]


def test_signing_is_a_change_and_signing_again_too(example: Callable[[str], bytes]) -> None:
    unsigned, signed = example("example0.unsigned.suit"), example("example0.signed.suit")
    kinds = {change.kind for change in diff(unsigned, signed)}
    assert kinds == {Kind.ADDED}
    opened = open_envelope(signed)
    other = opened.blocks[0][:-1] + bytes([opened.blocks[0][-1] ^ 1])
    (change,) = diff(signed, encode_envelope(replace(opened, blocks=(other,))))
    assert change.place == ("authentication-wrapper", "authentication-block 0", "signature")


def test_signatures_of_another_manifest_are_not_worth_a_line(example: Callable[[str], bytes]) -> None:
    changes = diff(example("example0.signed.suit"), example("example1.signed.suit"))
    assert changes
    assert not [change for change in changes if change.place[-1] == "signature"]


def test_both_directions_tell_the_same() -> None:
    new = envelope(("number: 7", "number: 8"), ("        - fetch\n", ""), ("{uri:", "{image-size: 9, uri:"))
    there, back = diff(envelope(), new), diff(new, envelope())
    opposite = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED, Kind.CHANGED: Kind.CHANGED}
    assert {(change.kind, change.place, change.before, change.after) for change in there} == {
        (opposite[change.kind], change.place, change.after, change.before) for change in back
    }


def test_labels_that_are_not_implemented_are_compared_as_well() -> None:
    def with_unknown(value: int) -> bytes:
        opened = open_envelope(envelope())
        manifest = cbor.decode(opened.manifest, where="manifest") | {-300: value}
        manifest[Member.INSTALL.value] = cbor.encode([-300, value])
        return encode_envelope(replace(opened, manifest=cbor.encode(manifest)))

    assert without_digests(with_unknown(1), with_unknown(2)) == [
        "~ install: ['boot']: -300 = 1 -> 2",
        "~ -300 = 1 -> 2",
    ]


def test_two_long_values_that_begin_alike_differ() -> None:
    long = "http://example.com/" + "x" * 200
    (one,) = without_digests(
        envelope(("http://example.com/a", long + "1")), envelope(("http://example.com/a", long + "2"))
    )
    assert one.count("characters, ") == 2


def test_any_two_case_envelopes_can_be_compared_or_are_refused() -> None:
    files = sorted(CASES.rglob("*.json"))
    contents = [json.loads(file.read_text()) for file in files]
    cases = [case for one in contents for case in (one if isinstance(one, list) else [one])]
    raws = [bytes.fromhex(case["envelope"]) for case in cases]
    compared = 0
    for before, after in itertools.pairwise(raws):
        try:
            changes = diff(before, after)
        except HardsuitError:
            continue
        assert bool(changes) == (before != after)
        assert all("\n" not in change.line for change in changes)
        compared += 1
    assert compared >= 300


@pytest.mark.parametrize(
    "raw", [b"", b"\xa0\x00", cbor.encode([1]), cbor.encode(cbor.Tagged(CborTag.SUIT_MANIFEST.value, {}))]
)
def test_what_is_no_envelope_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError, match="first envelope"):
        diff(raw, envelope())


@pytest.mark.parametrize("item", [0, {}, b"\x01", [b""], [[]], None])
@pytest.mark.parametrize("member", [Envelope.AUTHENTICATION_WRAPPER, Envelope.MANIFEST, Envelope.INSTALL])
def test_members_of_the_wrong_type_are_compared_as_they_are(member: Envelope, item: object) -> None:
    members = cbor.decode(envelope(), where="envelope").value | {member.value: item}
    odd = cbor.encode(cbor.Tagged(CborTag.SUIT_ENVELOPE.value, members))
    assert diff(envelope(), odd)
    assert diff(odd, odd) == []
