"""suit.foreign: what other tools take becomes our description, and what cannot is named."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.labels import Command, Parameter
from suit import describe, yaml_source
from suit.decode import attach_severed, decode_manifest
from suit.encode import encode_envelope
from suit.envelope import open_envelope
from suit.errors import HardsuitError, UsageError
from suit.foreign import Imported, from_foreign
from suit.manifest import Dependency, Manifest
from suit.yaml_text import to_yaml

TREE = """\
SUIT_Envelope_Tagged:
  suit-authentication-wrapper:
    SuitDigest: {suit-digest-algorithm-id: cose-alg-sha-256}
  suit-manifest:
    suit-manifest-version: 1
    suit-manifest-sequence-number: 0x2A
    suit-reference-uri: https://vendor.example/release
    suit-common:
      suit-components:
      - [B, 1, 0x10000, boot, {RFC4122_UUID: {namespace: vendor.example, name: app}}, {raw: 0a0b}]
      - - 0
      suit-shared-sequence:
      - suit-directive-set-component-index: 1
      - suit-directive-override-parameters:
          suit-parameter-vendor-identifier: {RFC4122_UUID: vendor.example}
          suit-parameter-class-identifier: {RFC4122_UUID: {namespace: vendor.example, name: product}}
          suit-parameter-device-identifier: {raw: 00112233445566778899aabbccddeeff}
          suit-parameter-image-digest:
            suit-digest-algorithm-id: cose-alg-sha-256
            suit-digest-bytes: {file: app.bin}
          suit-parameter-image-size: {file: app.bin}
      - suit-condition-vendor-identifier:
        - suit-send-record-success
        - suit-send-sysinfo-failure
      - suit-condition-class-identifier: []
    suit-install:
      suit-digest-algorithm-id: cose-alg-sha-256
      suit-digest-bytes: ""
    suit-validate:
    - suit-directive-set-component-index: [0, 1]
    - suit-directive-try-each:
      - - suit-directive-override-parameters:
            suit-parameter-image-digest:
              suit-digest-algorithm-id: cose-alg-sha-512
              suit-digest-bytes: {raw: "%s"}
            suit-parameter-image-size: {raw: 100}
            suit-parameter-content: c0ffee
        - suit-condition-image-match: [suit-send-record-failure]
      - - suit-directive-run-sequence:
          - suit-condition-abort: []
  suit-install:
  - suit-directive-set-component-index: 1
  - suit-directive-override-parameters: {suit-parameter-uri: '#app'}
  - suit-directive-fetch: [suit-send-record-failure]
  suit-integrated-payloads: {'#app': app.bin}
""" % ("5a" * 64)

COMPONENTS: dict[str, Any] = {
    "manifest-version": 1,
    "manifest-sequence-number": 9,
    "reference-uri": "https://vendor.example/release",
    "components": [
        {
            "install-id": ["00"],
            "install-digest": {"algorithm-id": "sha256", "digest-bytes": "11" * 32},
            "install-size": 100,
            "vendor-id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            "class-id": "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
            "uri": "http://vendor.example/app",
            "download-id": ["01"],
            "install-on-download": False,
            "bootable": True,
            "loadable": True,
            "load-id": ["02"],
            "load-digest": {"algorithm-id": "sha384", "digest-bytes": "22" * 48},
            "load-size": 200,
            "description": {"en": {"component-version": "1.2"}},
        }
    ],
    "description": {"en": {"update-description": "New."}},
    "severable": True,
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "app.bin").write_bytes(b"application" * 100)
    return tmp_path


def tree(*changes: tuple[str, str]) -> Imported:
    text = TREE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return from_foreign(text, name="tree.yaml")


def components(**changes: Any) -> Imported:
    (part,) = COMPONENTS["components"]
    changed = {key: value for key, value in (part | changes).items() if value is not None}
    return from_foreign(json.dumps(COMPONENTS | {"components": [changed]}), name="input.json")


def built(imported: Imported, directory: Path) -> Manifest:
    sealed = describe.build(imported.text(), name="imported", directory=directory)
    envelope = open_envelope(encode_envelope(sealed))
    return attach_severed(decode_manifest(envelope.manifest), envelope)


def labels(sequence: Any) -> list[Command]:
    return [command.label for command in sequence]


def test_a_tree_becomes_a_description_that_builds(directory: Path) -> None:
    imported = tree()
    manifest = built(imported, directory)
    assert imported.lost == []
    assert manifest.sequence_number == 42
    assert manifest.reference_uri == "https://vendor.example/release"
    assert manifest.install is not None
    assert manifest.install.digest is not None
    assert labels(manifest.install.value) == [
        Command.SET_COMPONENT_INDEX,
        Command.OVERRIDE_PARAMETERS,
        Command.FETCH,
    ]
    assert labels(manifest.validate) == [Command.SET_COMPONENT_INDEX, Command.TRY_EACH]


def test_segments_of_a_tree_are_characters_or_encoded_cbor(directory: Path) -> None:
    first, second = built(tree(), directory).components
    assert first[:4] == (b"B", b"\x01", bytes.fromhex("1a00010000"), b"\x64boot")
    assert len(first[4]) == 16
    assert first[5] == b"\x0a\x0b"
    assert second == (b"\x00",)


def test_identifiers_digests_and_policies_of_a_tree_keep_their_meaning(directory: Path) -> None:
    shared = built(tree(), directory).shared_sequence or ()
    parameters = shared[1].argument
    vendor = uuid.uuid5(uuid.NAMESPACE_DNS, "vendor.example")
    assert parameters[Parameter.VENDOR_IDENTIFIER] == vendor.bytes
    assert parameters[Parameter.CLASS_IDENTIFIER] == uuid.uuid5(vendor, "product").bytes
    assert parameters[Parameter.DEVICE_IDENTIFIER].hex() == "00112233445566778899aabbccddeeff"
    assert parameters[Parameter.IMAGE_SIZE] == 1100
    assert [shared[2].argument, shared[3].argument] == [0b1001, 0]


def test_a_signature_is_noted_because_it_is_made_anew() -> None:
    assert tree().notes == [
        "suit-authentication-wrapper: digest and signatures are made anew: hardsuit suit sign"
    ]


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("suit-condition-abort: []", "suit-directive-override-multiple: {0: {}}",
         "suit-validate.1.try-each.1.0.run-sequence.0: suit-directive-override-multiple"),
        ("suit-parameter-content: c0ffee", "suit-parameter-wait-info: {suit-wait-event-time: 1}",
         "suit-validate.1.try-each.0.0.suit-parameter-wait-info"),
        ("suit-condition-abort: []", "suit-directive-copy-params: {0: [uri]}",
         "suit-validate.1.try-each.1.0.run-sequence.0: suit-directive-copy-params"),
        ("suit-parameter-content: c0ffee", "suit-parameter-version: {comparison: equal}",
         "suit-validate.1.try-each.0.0.suit-parameter-version"),
        ("suit-reference-uri:", "suit-current-version:", "suit-current-version: a member of the manifest"),
        ("suit-parameter-content: c0ffee", "suit-parameter-encryption-info: {raw: 00}",
         "suit-validate.1.try-each.0.0.suit-parameter-encryption-info"),
        ("suit-parameter-content: c0ffee", "suit-parameter-invoke-args: {suit-timeout: 1}",
         "suit-validate.1.try-each.0.0.suit-parameter-invoke-args"),
        ("suit-parameter-image-size: {raw: 100}", "suit-parameter-image-size: {envelope: {}}",
         "suit-validate.1.try-each.0.0.suit-parameter-image-size"),
        ("suit-integrated-payloads: {'#app': app.bin}", "suit-integrated-dependencies: {'#app': {a: b}}",
         "suit-integrated-dependencies.#app: an envelope in place; import it from a file of its own"),
        ("      suit-shared-sequence:", "      suit-unheard-of: {}\n      suit-shared-sequence:",
         "suit-unheard-of: a member of the common section"),
        ("SUIT_Envelope_Tagged:", "SUIT_Dependent_Manifests: {}\nSUIT_Envelope_Tagged:",
         "SUIT_Dependent_Manifests: other manifests; import each from a file of its own"),
        ("  suit-install:\n  - ", "  suit-text:\n  - ",
         "suit-install: it was severed, only its digest is there"),
        ("suit-manifest-version: 1", "suit-manifest-version: 2", "suit-manifest-version: 2"),
    ],
)  # fmt: skip
def test_what_a_tree_says_and_we_cannot_is_named(old: str, new: str, lost: str) -> None:
    imported = tree((old, new))
    assert lost in imported.lost
    assert f"# NOT CARRIED OVER: {lost}\n" in imported.text()


def test_trust_domains_of_a_tree_are_carried_over(directory: Path) -> None:
    more = """\
    suit-manifest-component-id: [R, 7]
    suit-uninstall:
    - suit-directive-set-component-index: 1
    - suit-directive-set-parameters: {suit-parameter-uri: '#app'}
    - suit-directive-unlink: []
    suit-dependency-resolution:
    - suit-directive-set-component-index: 1
    - suit-condition-is-dependency: []
    suit-validate:
"""
    imported = tree(
        ("    suit-validate:\n", more),
        (
            "      suit-shared-sequence:\n",
            (
                "      suit-dependencies:\n        '0': {suit-dependency-prefix: [P]}\n"
                "        '1': {}\n      suit-shared-sequence:\n"
            ),
        ),
        ("suit-integrated-payloads:", "suit-integrated-dependencies:"),
    )
    assert imported.lost == []
    manifest = built(imported, directory)
    assert manifest.component_id == (b"R", b"\x07")
    assert manifest.dependencies == {0: Dependency((b"P",)), 1: Dependency()}
    assert labels(manifest.uninstall)[1:] == [Command.SET_PARAMETERS, Command.UNLINK]
    assert manifest.dependency_resolution is not None
    assert labels(manifest.dependency_resolution.value)[1:] == [Command.IS_DEPENDENCY]


def test_texts_of_a_tree_name_their_component(directory: Path) -> None:
    texts = """\
    suit-text:
      en:
        suit-text-update-description: New.
        suit-text-unheard-of: "?"
        '[0]': {suit-text-vendor-name: Vendor, suit-text-colour: red}
        '[1]': {suit-text-vendor-name: Vendor}
    suit-validate:
"""
    imported = tree(("    suit-validate:\n", texts))
    assert imported.lost == [
        "suit-text.en.suit-text-unheard-of",
        "suit-text.en.[0].suit-text-colour",
        "suit-text.en.[1]: no component of the manifest",
    ]
    manifest = built(imported, directory)
    assert manifest.text is not None
    assert manifest.text.digest is None
    assert manifest.text.value is not None
    assert list(manifest.text.value["en"].components) == [(b"\x00",)]


def test_a_component_centric_manifest_becomes_the_templates_of_the_draft(directory: Path) -> None:
    imported = components()
    manifest = built(imported, directory)
    assert imported.lost == imported.notes == []
    assert manifest.components == ((b"\x00",), (b"\x01",), (b"\x02",))
    fetch_and_match = [
        Command.SET_COMPONENT_INDEX,
        Command.OVERRIDE_PARAMETERS,
        Command.FETCH,
        Command.IMAGE_MATCH,
    ]
    copy_and_match = [*fetch_and_match[:2], Command.COPY, Command.IMAGE_MATCH]
    assert manifest.payload_fetch is not None
    assert manifest.install is not None
    assert labels(manifest.payload_fetch.value) == fetch_and_match
    assert labels(manifest.install.value) == labels(manifest.load) == copy_and_match
    assert labels(manifest.invoke) == [Command.SET_COMPONENT_INDEX, Command.INVOKE]
    assert manifest.text is not None
    assert manifest.text.digest is not None


def test_components_with_one_id_and_two_slots_are_alternatives(directory: Path) -> None:
    part = {"install-id": ["00"], "install-digest": {"algorithm-id": "sha256", "digest-bytes": "11" * 32}}
    parts = [part | {"slot": slot, "uri": f"http://vendor.example/{slot}"} for slot in (0, 1)]
    text = json.dumps(COMPONENTS | {"components": parts})
    manifest = built(from_foreign(text, name="input.json"), directory)
    assert manifest.components == ((b"\x00",),)
    assert labels(manifest.shared_sequence) == [Command.TRY_EACH]
    assert manifest.install is not None
    assert labels(manifest.install.value) == [Command.TRY_EACH, Command.FETCH, Command.IMAGE_MATCH]


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"compression-info": {"algorithm": "gzip"}}, "components.0.compression-info: {'algorithm': 'gzip'}"),
        ({"choices": []}, "components.0.choices: []"),
        ({"offset": 4}, "components.0.offset: 4"),
        (
            {"install-digest": {"algorithm-id": "sha224", "digest-bytes": "00" * 28}},
            "install-digest: by sha224",
        ),
        (
            {"description": {"en": {"colour": "red"}}},
            "component-0.description.en.colour: red",
        ),
    ],
)
def test_what_a_component_says_and_we_cannot_is_named(changes: dict[str, Any], lost: str) -> None:
    assert lost in components(**changes).lost


def test_a_file_gives_digest_and_size(directory: Path) -> None:
    manifest = built(components(file="app.bin", **{"install-digest": None}), directory)
    assert (manifest.shared_sequence or ())[1].argument[Parameter.IMAGE_SIZE] == 1100


def test_an_identifier_that_had_to_be_guessed_is_noted() -> None:
    imported = components(**{"install-id": ["00", "firm", "app!"]})
    assert imported.notes == [
        "components.0.install-id: 'firm' was read as base64: 7e2ae6",
        "components.0.install-id: 'app!' was read as text: 61707021",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "input: neither a tree"),
        ("[1]", "input: neither a tree"),
        ("a: b: c", "input:1: "),
        ("SUIT_Envelope_Tagged: 1", "a map is needed here"),
        ("SUIT_Envelope_Tagged: {}", "a map is needed here"),
        ("components: [1]", "a map is needed here"),
        ("components: [{uri: x}]", "install-id is missing"),
        ("components: [{install-id: 7}]", "a list is needed here"),
    ],
)
def test_other_input_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        from_foreign(text, name="input")


NAMES = [
    "suit-manifest",
    "suit-common",
    "suit-components",
    "suit-shared-sequence",
    "suit-install",
    "suit-text",
    "suit-directive-override-parameters",
    "suit-parameter-image-size",
    "RFC4122_UUID",
    "raw",
    "file",
    "install-id",
    "install-digest",
    "slot",
    "uri",
    "description",
    "en",
]
PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("suit-manifest"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(st.sampled_from(["SUIT_Envelope_Tagged", "components"]), PARTS)
def test_whatever_stands_there_is_imported_or_refused(root: str, part: Any) -> None:
    for content in (part, [part], {"suit-manifest": {"suit-common": part, "suit-install": part}}):
        try:
            from_foreign(json.dumps({root: content}), name="input").text()
        except HardsuitError:
            continue


DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(st.text(max_size=8), DATA, min_size=1, max_size=4))
def test_yaml_text_reads_back_as_the_same_data(data: dict[str, Any]) -> None:
    assert yaml_source.load(to_yaml(data), "output").data == data
