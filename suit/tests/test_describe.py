"""suit.describe: what an author writes becomes an envelope, or an error with its line."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from typing_extensions import override

from spec.labels import (
    Command,
    CoseAlgorithm,
    Parameter,
    Policy,
    TextComponent,
    TextManifest,
    VersionComparison,
    WaitEvent,
)
from spec.labels import Manifest as Member
from suit import describe, description, yaml_source
from suit.commands import ARGUMENTS, CONDITIONS, VALUES, Argument
from suit.decode import attach_severed, decode_manifest
from suit.describe import build, json_schema
from suit.encode import encode_envelope
from suit.envelope import manifest_digest, open_envelope, sever
from suit.errors import StorageError, UsageError
from suit.manifest import Digest, Envelope, Manifest, Pen, VersionMatch, WaitInfo

DESCRIPTIONS = Path(__file__).parent / "descriptions"
MINIMAL = """\
manifest-sequence-number: 1
components: {firmware: [00]}
"""
SET = MINIMAL + "install:\n  - override-parameters:\n      "
FIRMWARE = b"firmware" * 1000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "firmware.bin").write_bytes(FIRMWARE)
    return tmp_path


def made(text: str, directory: Path = DESCRIPTIONS) -> Envelope:
    return build(text, name="release.yaml", directory=directory)


def manifest_of(text: str, directory: Path = DESCRIPTIONS) -> Manifest:
    envelope = open_envelope(encode_envelope(made(text, directory)))
    return attach_severed(decode_manifest(envelope.manifest), envelope)


def first(text: str, directory: Path = DESCRIPTIONS) -> object:
    """Return the argument of the first command of install."""
    install = manifest_of(MINIMAL + "install:\n" + text, directory).install
    assert install is not None
    assert install.value is not None
    return install.value[0].argument


def problem(text: str, directory: Path = DESCRIPTIONS) -> str:
    with pytest.raises(UsageError) as caught:
        made(text, directory)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def published_texts(tmp_path: Path, example: Callable[[str], bytes]) -> Path:
    """Our descriptions, and beside them the published texts of example 2."""
    envelope = open_envelope(example("example2.signed.suit"))
    full = attach_severed(decode_manifest(envelope.manifest), envelope)
    assert full.text is not None
    assert full.text.value is not None
    text = full.text.value["en-US"]
    words = text.manifest[TextManifest.MANIFEST_DESCRIPTION]
    (tmp_path / "manifest-description.txt").write_bytes(words.encode())
    words = text.components[(b"\0",)][TextComponent.COMPONENT_DESCRIPTION]
    (tmp_path / "component-description.txt").write_bytes(words.encode())
    shutil.copytree(DESCRIPTIONS, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.req("H3-7")
@pytest.mark.parametrize("number", range(6))
def test_our_descriptions_give_the_published_examples(
    number: int,
    published_texts: Path,
    published_digests: dict[str, str],
    example: Callable[[str], bytes],
) -> None:
    text = (published_texts / f"example{number}.yaml").read_text()
    envelope = made(text, published_texts)
    name = f"example{number}.unsigned.suit"
    assert envelope.digest.value.hex() == published_digests[name]
    bare = sever(envelope, tuple(envelope.severed))
    assert encode_envelope(bare) == example(name)


def test_severed_members_of_example_2_are_the_published_ones(
    published_texts: Path, example: Callable[[str], bytes]
) -> None:
    envelope = made((published_texts / "example2.yaml").read_text(), published_texts)
    signed = open_envelope(example("example2.signed.suit"))
    assert encode_envelope(replace(envelope, blocks=signed.blocks)) == example("example2.signed.suit")


def test_the_language_has_every_command_and_parameter_that_the_codec_has() -> None:
    commands = {Command[name.rstrip("_").upper()] for name in description.Command.model_fields}
    assert commands == set(ARGUMENTS)
    parameters = {Parameter[name.upper()] for name in description.Parameters.model_fields if name != "image"}
    assert parameters == set(VALUES)
    bare = {command for command, shape in ARGUMENTS.items() if shape is Argument.POLICY}
    assert {Command[name.rstrip("_").upper()] for name in description.Command.may_be_bare} == bare
    assert set(description.Text.model_fields) - {"components"} == {one.name.lower() for one in TextManifest}
    assert set(description.ComponentText.model_fields) == {one.name.lower() for one in TextComponent}


def test_a_minimal_description_is_enough() -> None:
    manifest = manifest_of(MINIMAL)
    assert manifest.sequence_number == 1
    assert manifest.components == ((b"\0",),)


def test_every_member_is_expressed(directory: Path) -> None:
    text = """\
manifest-version: 1
manifest-sequence-number: 0x10
reference-uri: https://example.com/release.suit
components:
  boot: [00, {text: boot}]
  app: [ff00, cafe]
digest-algorithm: sha-384
shared-sequence:
  - set-component-index: boot
  - class-identifier: 7
payload-fetch:
  - set-component-index: [app, boot]
  - fetch: {policy: [record-on-failure, sysinfo-failure]}
install:
  - set-component-index: true
  - run-sequence:
      - set-component-index: 1
      - swap
  - try-each:
      - [abort]
      - null
validate:
  - set-component-index: app
  - image-match
load:
  - set-component-index: app
  - copy
invoke:
  - set-component-index: app
  - invoke
text:
  en:
    update-description: why
    components:
      app: {model-name: {file: firmware.bin}}
severable: [payload-fetch]
integrated-payloads:
  "#app": {file: firmware.bin}
  "#key": 00ff
"""
    envelope = made(text, directory)
    manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
    assert manifest.sequence_number == 16
    assert manifest.components == ((b"\0", b"boot"), (b"\xff\0", b"\xca\xfe"))
    assert envelope.digest.algorithm is CoseAlgorithm.SHA_384
    assert envelope.payloads == {"#app": FIRMWARE, "#key": b"\0\xff"}
    assert set(envelope.severed) == {Member.PAYLOAD_FETCH}
    assert manifest.payload_fetch is not None
    assert manifest.payload_fetch.digest is not None
    assert manifest.payload_fetch.digest.algorithm is CoseAlgorithm.SHA_384
    assert manifest.payload_fetch.value is not None
    assert [step[:2] for step in manifest.payload_fetch.value] == [
        (Command.SET_COMPONENT_INDEX, (1, 0)),
        (Command.FETCH, Policy.RECORD_ON_FAILURE.value + Policy.SYSINFO_FAILURE.value),
    ]
    assert manifest.install is not None
    assert manifest.install.value is not None
    assert manifest.install.value[0].argument is True
    assert manifest.install.value[2].argument[1] is None
    assert manifest.shared_sequence is not None
    assert manifest.shared_sequence[1].argument == 7
    assert manifest.text is not None
    assert manifest.text.value is not None
    assert manifest.text.value["en"].manifest == {TextManifest.UPDATE_DESCRIPTION: "why"}
    app = manifest.text.value["en"].components[(b"\xff\0", b"\xca\xfe")]
    assert app == {TextComponent.MODEL_NAME: FIRMWARE.decode()}


def test_an_image_gives_digest_and_size(directory: Path) -> None:
    value = Digest(CoseAlgorithm.SHA_256, hashlib.sha256(FIRMWARE).digest())
    step = "  - override-parameters: {image: {file: firmware.bin}}"
    assert first(step, directory) == {Parameter.IMAGE_DIGEST: value, Parameter.IMAGE_SIZE: len(FIRMWARE)}
    step = "  - override-parameters: {image-digest: {file: firmware.bin, algorithm: sha-512}}"
    value = Digest(CoseAlgorithm.SHA_512, hashlib.sha512(FIRMWARE).digest())
    assert first(step, directory) == {Parameter.IMAGE_DIGEST: value}
    text = "  - override-parameters: {image: {payload: '#p'}}\nintegrated-payloads: {'#p': {text: abc}}"
    value = Digest(CoseAlgorithm.SHA_256, hashlib.sha256(b"abc").digest())
    assert first(text) == {Parameter.IMAGE_DIGEST: value, Parameter.IMAGE_SIZE: 3}


def test_a_digest_may_be_written_out() -> None:
    for algorithm, size in (("shake128", 32), ("shake256", 64), ("sha-384", 48)):
        step = f"  - override-parameters: {{image-digest: {{{algorithm}: {'07' * size}}}}}"
        value = Digest(CoseAlgorithm[algorithm.upper().replace("-", "_")], b"\7" * size)
        assert first(step) == {Parameter.IMAGE_DIGEST: value}


@pytest.mark.req("M8.4.8.2-1")
@pytest.mark.parametrize(
    ("identifier", "value"),
    [
        ("{dns: arm.com}", uuid.uuid5(uuid.NAMESPACE_DNS, "arm.com")),
        ("{url: 'https://a.example'}", uuid.uuid5(uuid.NAMESPACE_URL, "https://a.example")),
        (
            "{namespace: {dns: arm.com}, name: suit}",
            uuid.UUID("1492af14-2569-5e48-bf42-9b2d51f2ab45"),
        ),
        (
            "{namespace: fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe, name: suit}",
            uuid.UUID("1492af14-2569-5e48-bf42-9b2d51f2ab45"),
        ),
        ("1492af1425695e48bf429b2d51f2ab45", uuid.UUID("1492af14-2569-5e48-bf42-9b2d51f2ab45")),
        ("{uuid: 1492af14-2569-5e48-bf42-9b2d51f2ab45}", uuid.UUID("1492af14-2569-5e48-bf42-9b2d51f2ab45")),
        (
            "{namespace: {pen: 0}, name: x}",
            uuid.uuid5(
                uuid.UUID(
                    bytes=hashlib.sha1(
                        uuid.UUID("47fbdabb-f2e4-55f0-bb39-3620c2f6df4e").bytes + bytes.fromhex("d8704100"),
                        usedforsecurity=False,
                    ).digest()[:16],
                    version=5,
                ),
                "x",
            ),
        ),
    ],
)
def test_identifiers(identifier: str, value: uuid.UUID) -> None:
    step = f"  - override-parameters: {{class-identifier: {identifier}, vendor-identifier: {identifier}}}"
    expected = {Parameter.VENDOR_IDENTIFIER: value.bytes, Parameter.CLASS_IDENTIFIER: value.bytes}
    assert first(step) == expected
    assert value.version == 5


@pytest.mark.req("M8.4.8.3-1")
@pytest.mark.parametrize(("number", "oid"), [(0, "00"), (127, "7f"), (128, "8100"), (32473, "81fd59")])
def test_a_vendor_may_be_a_pen(number: int, oid: str) -> None:
    step = f"  - override-parameters: {{vendor-identifier: {{pen: {number}}}}}"
    assert first(step) == {Parameter.VENDOR_IDENTIFIER: Pen(bytes.fromhex(oid))}
    message = problem(f"{MINIMAL}install:\n  - override-parameters: {{class-identifier: {{pen: {number}}}}}")
    assert message.startswith("release.yaml:4: install.0.override-parameters.class-identifier: ")


def test_all_other_parameters(directory: Path) -> None:
    step = """\
  - override-parameters:
      device-identifier: {dns: a.example}
      image-size: 0x100
      component-slot: 1
      strict-order: false
      content: {text: "ü"}
      uri: "#p"
      source-component: firmware
      invoke-args: 0x00 01 02
      fetch-arguments: {file: firmware.bin}
      use-before: 2000000000
      minimum-battery: 100
      update-priority: -1
      version: ">=1.2-rc.3"
      wait-info: {time: 1800000000, power: -1}
"""
    assert first(step, directory) == {
        Parameter.DEVICE_IDENTIFIER: uuid.uuid5(uuid.NAMESPACE_DNS, "a.example").bytes,
        Parameter.IMAGE_SIZE: 256,
        Parameter.COMPONENT_SLOT: 1,
        Parameter.STRICT_ORDER: False,
        Parameter.CONTENT: "ü".encode(),
        Parameter.URI: "#p",
        Parameter.SOURCE_COMPONENT: 0,
        Parameter.INVOKE_ARGS: b"\0\1\2",
        Parameter.FETCH_ARGUMENTS: FIRMWARE,
        Parameter.USE_BEFORE: 2000000000,
        Parameter.MINIMUM_BATTERY: 100,
        Parameter.UPDATE_PRIORITY: -1,
        Parameter.VERSION: VersionMatch(VersionComparison.GREATER_EQUAL, (1, 2, -1, 3)),
        Parameter.WAIT_INFO: WaitInfo({WaitEvent.POWER: -1, WaitEvent.TIME: 1800000000}),
    }


def test_parameters_of_several_components_at_once() -> None:
    text = """manifest-sequence-number: 1
set-version: 2.0.0-alpha
components: {one: [00], two: [01]}
install:
  - override-multiple:
      two: {image-size: 2}
      one: {image-size: 1, uri: "#a"}
  - copy-params:
      one: [uri, image-size]
"""
    manifest = manifest_of(text)
    assert manifest.set_version == (2, 0, 0, -3)
    assert manifest.install is not None
    assert [step.argument for step in manifest.install.value or ()] == [
        {0: {Parameter.IMAGE_SIZE: 1, Parameter.URI: "#a"}, 1: {Parameter.IMAGE_SIZE: 2}},
        {0: (Parameter.URI, Parameter.IMAGE_SIZE)},
    ]


def test_policies_default_to_those_of_the_published_examples() -> None:
    for command in sorted(description.BARE_COMMANDS):
        label = Command[command.upper().replace("-", "_")]
        expected = 5 if command == "component-slot" else 15 if label in CONDITIONS else 2
        assert first(f"  - {command}") == expected
        assert first(f"  - {command}:") == expected
        assert first(f"  - {command}: 0") == 0
        assert first(f"  - {command}: {{policy: 3}}") == 3
        assert first(f"  - {command}: [record-on-success, record-on-success]") == 1


def test_hexadecimal_digits_need_no_quotes() -> None:
    text = "manifest-sequence-number: 1\ncomponents: [[00], [10], [1e55], [0x0a], [12345678901234567890]]"
    assert manifest_of(text).components == (
        (b"\0",),
        (b"\x10",),
        (b"\x1e\x55",),
        (b"\x0a",),
        (bytes.fromhex("12345678901234567890"),),
    )


@pytest.mark.req("M8.4-2", "M8.6-4")
def test_text_is_severable_unless_it_is_small_or_the_author_says_otherwise() -> None:
    text = MINIMAL + "text: {en: {manifest-description: '%s'}}\n"
    assert set(made(text % ("x" * 100)).severed) == {Member.TEXT}
    assert not made(text % "x").severed
    assert not made(text % ("x" * 100) + "severable: []").severed
    assert set(made(text % "x" + "severable: [text, text]").severed) == {Member.TEXT}


@pytest.mark.parametrize(
    ("line", "text", "words"),
    [
        (1, "- 1", "a map is needed"),
        (1, "manifest-sequence-number: 1", "components: it is missing"),
        (1, "components: {a: [00]}", "manifest-sequence-number: it is missing"),
        (3, MINIMAL + "instal: []", "perhaps install is meant"),
        (3, MINIMAL + "qqqq: 1", "an unknown name"),
        (3, MINIMAL + "install:", "install: it has no value"),
        (3, MINIMAL + "install: []", "at least one"),
        (3, MINIMAL + "install: fetch", "a list is needed"),
        (4, MINIMAL + "install:\n  - fetsch", "perhaps fetch is meant"),
        (5, MINIMAL + "install:\n  - fetch\n  - fetch: 16", "less than or equal to 15"),
        (4, MINIMAL + "install:\n  - fetch: [nothing]", "a policy is a number"),
        (4, MINIMAL + "install:\n  - fetch: {policy: {policy: 1}}", "a policy is a number"),
        (4, MINIMAL + "install:\n  - fetch: true", "a policy is a number"),
        (4, MINIMAL + "install:\n  - fetch: [[nothing]]", "a policy is a number"),
        (4, MINIMAL + "install:\n  - fetch: [{record-on-success: 1}]", "a policy is a number"),
        (5, SET + "component-metadata: {default-permissions: [[x]]}", "permissions are a number"),
        (4, MINIMAL + "install:\n  - {fetch: 1, copy: 1}", "exactly one command"),
        (4, MINIMAL + "install:\n  - {}", "exactly one command"),
        (4, MINIMAL + "install:\n  - 21", "a map is needed"),
        (4, MINIMAL + "install:\n  - override-parameters", "it has no value"),
        (4, MINIMAL + "install:\n  - override-parameters: {}", "no parameter is set"),
        (4, MINIMAL + "install:\n  - set-parameter: {uri: a}", "an unknown name"),
        (5, SET + "uri:", "uri: it has no value"),
        (5, SET + "image-size: 1.5", "valid integer"),
        (5, SET + "image-size: 0xzz", "valid integer"),
        (5, SET + "image-size: -1", "greater than or equal to 0"),
        (5, SET + "soft-failure: 1", "valid boolean"),
        (5, SET + f"uri: {'u' * 2049}", "at most 2048"),
        (5, SET + "content: {}", "exactly one of hex, text, file"),
        (5, SET + "content: 123", "hexadecimal digits in pairs"),
        (5, SET + "image-digest: {}", "exactly one of a digest"),
        (5, SET + "image-digest: 00", "sha-256 has 32 bytes, not 1"),
        (
            5,
            SET + "image-digest: {algorithm: sha-256, sha-256: 00}",
            "algorithm goes with file or payload",
        ),
        (5, SET + "image: {}", "exactly one of file, payload and dependency"),
        (5, SET + "image: {payload: p}", "no integrated payload p"),
        (
            4,
            MINIMAL + "install:\n  - override-parameters: {image: {file: x}, image-size: 1}",
            "image stands for",
        ),
        (5, SET + "class-identifier: x", "a UUID of 32"),
        (5, SET + "class-identifier: {name: x}", "go together"),
        (
            5,
            SET + "class-identifier: {dns: a, url: b}",
            "exactly one of uuid",
        ),
        (
            5,
            SET + "class-identifier: {namespace: x, name: y}",
            "class-identifier.namespace: a UUID",
        ),
        (5, SET + "source-component: app", "no component 'app'"),
        (5, SET + "source-component: 1", "no component 1"),
        (4, MINIMAL + "install:\n  - set-component-index: app", "no component 'app'; there are firmware"),
        (4, MINIMAL + "install:\n  - set-component-index: [0, 1]", "no component 1"),
        (4, MINIMAL + "install:\n  - set-component-index: -1", "no component -1"),
        (4, MINIMAL + "install:\n  - set-component-index: false", "a component's name"),
        (4, MINIMAL + "install:\n  - set-component-index: []", "a component's name"),
        (
            6,
            MINIMAL
            + "install:\n  - run-sequence:\n      - try-each:\n          - [fetsch]\n          - null",
            "fetch",
        ),
        (2, "manifest-sequence-number: 1\ncomponents: {}", "at least one"),
        (2, "manifest-sequence-number: 1\ncomponents: []", "at least one"),
        (2, "manifest-sequence-number: 1\ncomponents: {a b: [00]}", "pattern"),
        (2, "manifest-sequence-number: 1\ncomponents: {a: [x]}", "hexadecimal"),
        (2, "manifest-sequence-number: 1\ncomponents: {a: [true]}", "valid bytes"),
        (4, "manifest-sequence-number: 1\ncomponents:\n  a: [00]\n  b: [00]", "the same identifier as a"),
        (1, "manifest-sequence-number: 18446744073709551616\ncomponents: {a: [00]}", "less than or equal"),
        (1, "manifest-sequence-number: one\ncomponents: {a: [00]}", "valid integer"),
        (3, MINIMAL + "manifest-version: 2", "expected 1"),
        (3, MINIMAL + "digest-algorithm: md5", "expected 'sha-256'"),
        (3, MINIMAL + "severable: [validate]", "expected 'dependency-resolution'"),
        (3, MINIMAL + "severable: [install]", "there is no install"),
        (4, MINIMAL + "text:\n  en: {components: {app: {model-name: x}}}", "no component 'app'"),
        (4, MINIMAL + "text:\n  en: {manifest-descripton: x}", "perhaps manifest-description is meant"),
        (3, MINIMAL + "validate: [fetch, {x: 1}, {y: 2}]", "unknown name"),
    ],
)
def test_a_wrong_description_is_refused_with_its_line(line: int, text: str, words: str) -> None:
    message = problem(text)
    assert message.startswith(f"release.yaml:{line}: ") or (
        line == 1 and message.startswith("release.yaml: ")
    )
    assert words in message


def test_several_errors_are_counted_and_the_first_is_shown() -> None:
    message = problem(MINIMAL + "install:\n  - fetsch\n  - kopy\nloda: 1")
    assert message.startswith("release.yaml:4: install.0.fetsch: ")
    assert message.endswith("(and 2 more)")


def test_the_lines_of_many_errors_are_found_in_one_pass() -> None:
    source = yaml_source.load("".join(f"k{number}: 1\n" for number in range(100)), "release.yaml")
    passes = []

    class Watched(list[object]):
        @override
        def __iter__(self) -> Iterator[object]:
            passes.append(1)
            return super().__iter__()

    source.root.value = Watched(source.root.value)
    assert [source.line((f"k{number}",)) for number in range(100)] == list(range(1, 101))
    assert len(passes) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "release.yaml: empty"),
        ("# nothing", "release.yaml: empty"),
        ("a: [", "release.yaml:1: "),
        ("a: 1\na: 2", "release.yaml:2: 'a' stands here twice"),
        ("a: 1\nb:\n  c: 1\n  c: 2", "release.yaml:4: 'c' stands here twice"),
        ("a: 1\n---\nb: 2", "release.yaml:2: "),
        ("a: !!binary aGk=", "release.yaml:1: the tag"),
        ("a: !!python/object:os.system x", "release.yaml:1: the tag"),
        ("x: &x {a: 1}\ny:\n  <<: *x", "release.yaml:3: "),
        ("? [a]\n: 1", "release.yaml:1: a key is a plain text"),
        ("a: *nowhere", "release.yaml:1: "),
        ("a: &a [*a]", "release.yaml:1: too many or too deeply"),
        ("[" * 5000, "release.yaml: nested too deeply"),
        ("a: \x00", "release.yaml: not YAML"),
        ("a: '\x1b[31m'", "release.yaml: not YAML"),
        ("\ta: 1", "release.yaml:1: "),
        ("a" * (1 << 20 | 1), "release.yaml: longer than"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_plain_yaml_is_refused(text: str, words: str) -> None:
    assert problem(text).startswith(words)


def test_aliases_cannot_explode() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "too many" in problem("\n".join(lines))


def test_yaml_keeps_what_is_not_a_plain_number_as_text() -> None:
    text = "{a: 00, b: 1e5, c: 0x10, d: 12, e: -3, f: true, g: ~, h: 'true', i: 2020-01-01, j: 1_0, k: no}"
    assert yaml_source.load(text, "x").data == {
        "a": "00",
        "b": "1e5",
        "c": "0x10",
        "d": 12,
        "e": -3,
        "f": True,
        "g": None,
        "h": "true",
        "i": "2020-01-01",
        "j": "1_0",
        "k": "no",
    }


@pytest.mark.parametrize(
    "part",
    [
        "integrated-payloads: {'#p': {file: gone.bin}}",
        "install: [{override-parameters: {image: {file: gone.bin}}}]",
        "install: [{override-parameters: {content: {file: gone.bin}}}]",
        "text: {en: {manifest-description: {file: gone.bin}}}",
        "install: [{override-parameters: {image: {file: .}}}]",
        'install: [{override-parameters: {image: {file: "a\\0b"}}}]',
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_line(part: str, directory: Path) -> None:
    with pytest.raises(StorageError, match=r"^release\.yaml:3: "):
        made(MINIMAL + part, directory)


def test_a_file_too_large_for_an_envelope_is_refused(directory: Path) -> None:
    (directory / "large").write_bytes(bytes(1 << 20 | 1))
    part = "integrated-payloads: {'#p': {file: large}}"
    assert "larger than an envelope may be" in problem(MINIMAL + part, directory)
    (directory / "large").write_bytes(bytes(1 << 20))
    assert "recipients would refuse the envelope" in problem(MINIMAL + part, directory)


def test_text_from_a_file_is_utf8(directory: Path) -> None:
    (directory / "latin").write_bytes(b"\xfc")
    part = "text: {en: {manifest-description: {file: latin}}}"
    assert problem(MINIMAL + part, directory).endswith("latin is not UTF-8")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("shared-sequence: [fetch]", "not allowed in the shared sequence"),
        ("text: {en_US: {manifest-description: x}}", "a language is a tag"),
        ("install: [{try-each: [[fetch]]}]", "two alternatives"),
        (f"install: {'[{run-sequence: ' * 9}[fetch]{'}]' * 9}", "nested deeper"),
        (f"install: [{', '.join(['fetch'] * 5000)}]", "too many"),
        ("install: [{override-parameters: {content: '" + "00" * 70000 + "'}}]", "over the limit"),
    ],
)
def test_what_recipients_would_refuse_is_not_built(part: str, words: str) -> None:
    message = problem(MINIMAL + part)
    assert "recipients would refuse the envelope" in message
    assert words in message


def test_a_lone_surrogate_is_no_text() -> None:
    assert "release.yaml" in problem(MINIMAL + 'install: [{override-parameters: {uri: "\\ud800"}}]')
    assert "release.yaml" in problem(
        MINIMAL + 'install: [{override-parameters: {content: {text: "\\ud800"}}}]'
    )


@pytest.mark.parametrize("number", range(6))
def test_our_descriptions_fit_the_json_schema(number: int) -> None:
    text = (DESCRIPTIONS / f"example{number}.yaml").read_text()
    data = yaml_source.load(text, "x").data
    jsonschema.validate(data, json_schema())
    for broken in (data | {"instal": []}, data | {"validate": ["fetsch"]}, data | {"components": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, json_schema())


def test_the_json_schema_knows_the_language() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["required"] == ["manifest-sequence-number", "components"]
    assert set(schema["properties"]) >= {"install", "validate", "payload-fetch", "severable"}
    command = json.dumps(schema["$defs"]["Command"])
    assert all(f'"{name}"' in command for name in ("copy", "try-each", "override-parameters"))
    assert schema["additionalProperties"] is False
    assert '"enum": ["vendor-identifier"' in json.dumps(schema)


def test_the_digest_is_that_of_the_manifest(directory: Path) -> None:
    envelope = made(MINIMAL + "digest-algorithm: shake256", directory)
    assert envelope.digest == manifest_digest(envelope.manifest, CoseAlgorithm.SHAKE256)
    assert describe.build(MINIMAL, name="x", directory=directory) == made(MINIMAL)


def test_text_in_several_languages_keeps_each_to_itself() -> None:
    text = MINIMAL + (
        "validate: [vendor-identifier]\n"
        "text:\n"
        "  en: {update-description: new, components: {firmware: {vendor-name: A}}}\n"
        "  de-AT: {update-description: neu}\n"
        "  ja: {update-description: 新しい}\n"
    )
    member = manifest_of(text).text
    assert member is not None
    assert member.value is not None
    what = {tag: one.manifest[TextManifest.UPDATE_DESCRIPTION] for tag, one in member.value.items()}
    assert what == {"en": "new", "de-AT": "neu", "ja": "新しい"}
    assert [len(one.components) for one in member.value.values()].count(1) == 1
    assert "perhaps update-description is meant" in problem(
        MINIMAL + "text: {en: {}, fr: {update-descripton: nouveau}}\n"
    )
