"""suit.patterns: every template builds, breaks no rule, and does what its first line says."""

from pathlib import Path

import jsonschema
import pytest

from spec.labels import Command
from suit import describe, edn, recipient_keys, yaml_source
from suit.attest import attest
from suit.decode import attach_severed, decode_manifest
from suit.encode import encode_envelope
from suit.encrypt import encrypt_file
from suit.envelope import open_envelope
from suit.errors import UsageError
from suit.lint import lint
from suit.lint_rules import UNSIGNED
from suit.manifest import Envelope, Manifest
from suit.patterns import template, titles
from suit.show import show
from suit.signer import KeyType, generate

NAMES = sorted(titles())
KEY = generate(KeyType.P256)
OPENER = recipient_keys.generate(recipient_keys.RecipientKeyType.X25519)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    names = ("firmware.bin", "firmware-a.bin", "firmware-b.bin", "firmware-old.bin", "firmware.delta")
    for name in (*names, "configuration.bin", "library.bin"):
        (tmp_path / name).write_bytes(name.encode() * 50)
    info = encrypt_file(tmp_path / "firmware.bin", tmp_path / "firmware.enc", [OPENER])
    (tmp_path / "firmware.info").write_bytes(info.raw)
    (tmp_path / "dependency.yaml").write_text(template("dependency"))
    return tmp_path


def built(name: str, directory: Path) -> tuple[Envelope, Manifest]:
    made = describe.build(
        template(name), name=name, directory=directory, finish=lambda one: attest(one, [KEY])
    )
    raw = encode_envelope(made)
    envelope = open_envelope(raw)
    return envelope, attach_severed(decode_manifest(envelope.manifest), envelope)


PATTERNS = {
    "compatibility": "compatibility-check",
    "trusted invocation": "trusted-invocation",
    "download": "download",
    "install": "install",
    "integrated": "integrated-payload",
    "load from external storage": "external-storage",
    "A/B": "ab-slots",
    "dependency": "dependency",
    "dependent": "dependent",
    "delta slot": "delta-slot",
    "encrypted": "encrypted",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_there_is_a_template_for_each_pattern_of_the_drafts(pattern: str) -> None:
    assert PATTERNS[pattern] in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_template_says_what_it_is_for(name: str) -> None:
    assert titles()[name][0].isupper()
    assert ": " in titles()[name]
    assert template(name).count("\n#") >= 3


@pytest.mark.parametrize("name", NAMES)
def test_a_template_fits_the_json_schema(name: str) -> None:
    jsonschema.validate(yaml_source.load(template(name), name).data, describe.json_schema())


@pytest.mark.parametrize("name", NAMES)
def test_a_template_breaks_no_rule(name: str, directory: Path) -> None:
    envelope, manifest = built(name, directory)
    findings = lint(envelope, manifest)
    assert {finding.rule for finding in findings} == {UNSIGNED}


@pytest.mark.parametrize("name", NAMES)
def test_a_template_comes_back_from_diagnostic_notation(name: str, directory: Path) -> None:
    raw = encode_envelope(built(name, directory)[0])
    assert edn.read(show(raw), name=name) == raw


@pytest.mark.parametrize("name", NAMES)
def test_every_template_checks_vendor_and_class_first(name: str, directory: Path) -> None:
    _, manifest = built(name, directory)
    labels = {command.label for command in manifest.shared_sequence or ()}
    assert {Command.VENDOR_IDENTIFIER, Command.CLASS_IDENTIFIER} <= labels


def test_an_unknown_template_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no template firmware; there are ab-slots, "):
        template("firmware")
    with pytest.raises(UsageError):
        template("../templates/download")
