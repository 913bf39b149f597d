"""The verbs for authors: new, import, diff, and build from diagnostic notation."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hardsuit import main
from suit import cbor
from suit.edn import read
from suit.encrypt import encrypt_file
from suit.envelope import open_envelope
from suit.patterns import titles
from suit.recipient_keys import RecipientKeyType, generate
from suit.show import show
from suit.tests import vectors

ENVELOPES = sorted(vectors.path("ietf").glob("*/*.suit")) if vectors.ROOT else []


def run(*arguments: str | Path, given: str | bytes = b"") -> Result:
    return CliRunner().invoke(main, ["suit", *map(str, arguments)], input=given)


@pytest.fixture
def description(tmp_path: Path) -> Path:
    (tmp_path / "firmware.bin").write_bytes(b"firmware" * 100)
    path = tmp_path / "description.yaml"
    assert run("new", "download", "-o", path).exit_code == 0
    return path


@pytest.fixture
def envelope(description: Path) -> Path:
    out = description.with_name("release.suit")
    assert run("build", description, "-o", out).exit_code == 0
    return out


@pytest.mark.parametrize("path", ENVELOPES, ids=lambda path: str(path.stem))
def test_show_and_build_reproduce_a_published_envelope(path: Path) -> None:
    shown = run("show", path)
    built = run("build", "-", given=shown.stdout)
    assert (shown.exit_code, built.exit_code) == (0, 0)
    assert built.stdout_bytes == path.read_bytes()


def test_a_bare_manifest_comes_back_as_well(envelope: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.cbor"
    manifest.write_bytes(b"\xd9\x04\x2e" + open_envelope(envelope.read_bytes()).manifest)
    built = run("build", "-", given=run("show", manifest).stdout)
    assert built.stdout_bytes == manifest.read_bytes()


def test_edited_notation_is_built_and_said_not_to_have_its_digest(envelope: Path) -> None:
    edited = run("show", envelope).stdout.replace("-sequence-number / 2: 1", "-sequence-number / 2: 2")
    result = run("build", "-", given=edited)
    assert result.exit_code == 0
    assert "does not have the digest" in result.stderr
    assert len(result.stdout_bytes) == envelope.stat().st_size


def test_notation_of_what_recipients_refuse_is_built_and_said_to_be_refused(envelope: Path) -> None:
    members = cbor.decode(envelope.read_bytes(), where="envelope").value | {7: b""}
    odd = cbor.encode(cbor.Tagged(107, members))
    result = run("build", "-", given=show(odd))
    assert result.stdout_bytes == odd
    assert "would refuse it" in result.stderr
    assert run("build", "-", "--key", "none.pem", given=show(odd)).exit_code == 3


def test_notation_can_be_signed(envelope: Path, tmp_path: Path) -> None:
    key = tmp_path / "author.pem"
    assert CliRunner().invoke(main, ["key", "new", "--out", str(key)]).exit_code == 0
    signed = run("build", "-", "--key", key, given=show(envelope.read_bytes()))
    (tmp_path / "signed.suit").write_bytes(signed.stdout_bytes)
    assert run("verify", tmp_path / "signed.suit", "--key", f"{key}.pub").exit_code == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("107({", "description:1: a value is missing"),
        ("107([])", "neither an envelope nor a manifest"),
        ("107({3: h'', 2: h''})", "not in bytewise order"),
        ("18([])", "neither an envelope nor a manifest"),
    ],
)
def test_other_notation_is_refused(text: str, problem: str) -> None:
    result = run("build", "-", given=text)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert result.stdout_bytes == b""


def test_notation_as_json_data(envelope: Path) -> None:
    shown = json.loads(run("show", "--json", envelope).stdout)["data"]["diagnostic"]
    built = json.loads(run("build", "--json", "-", given=shown).stdout)
    assert built["data"]["envelope"] == envelope.read_bytes().hex()


@pytest.mark.parametrize("name", sorted(titles()))
def test_every_template_is_listed_written_and_builds(name: str, tmp_path: Path) -> None:
    images = ("firmware.bin", "firmware-a.bin", "firmware-b.bin", "firmware-old.bin", "firmware.delta")
    for file in (*images, "configuration.bin", "library.bin"):
        (tmp_path / file).write_bytes(file.encode())
    opener = generate(RecipientKeyType.A128KW)
    info = encrypt_file(tmp_path / "firmware.bin", tmp_path / "firmware.enc", [opener])
    (tmp_path / "firmware.info").write_bytes(info.raw)
    (tmp_path / "dependency.yaml").write_text(run("new", "dependency").stdout)
    assert name in run("new", "--list").stdout
    path = tmp_path / "description.yaml"
    assert run("new", name, "-o", path).exit_code == 0
    assert run("new", name).stdout == path.read_text()
    assert run("lint", path).exit_code == 0
    built = run("build", path)
    assert built.exit_code == 0
    assert read(show(built.stdout_bytes), name="shown") == built.stdout_bytes


def test_a_description_is_not_overwritten_without_force(description: Path) -> None:
    description.write_text("mine")
    refused = run("new", "install", "-o", description)
    assert (refused.exit_code, description.read_text()) == (2, "mine")
    assert run("new", "install", "-o", description, "--force").exit_code == 0
    assert description.read_text().startswith("# Install: ")


def test_new_needs_a_template_that_exists() -> None:
    assert run("new").exit_code == 2
    assert "there is no template x; there are ab-slots" in run("new", "x").stderr


def test_diff_of_the_same_is_empty_and_succeeds(envelope: Path) -> None:
    result = run("diff", envelope, envelope)
    assert (result.exit_code, result.stdout) == (0, "")


def test_diff_prints_the_changes_and_exits_with_4(envelope: Path, description: Path) -> None:
    other = envelope.with_name("other.suit")
    description.write_text(description.read_text().replace("sequence-number: 1", "sequence-number: 2"))
    assert run("build", description, "-o", other).exit_code == 0
    result = run("diff", envelope, other)
    assert result.exit_code == 4
    assert "~ manifest-sequence-number = 1 -> 2" in result.stdout.splitlines()
    assert "2 differences" in result.stderr
    found = json.loads(run("diff", "--json", envelope, other).stdout)
    assert (found["ok"], found["code"], found["reason"]) == (False, 4, "different")
    assert {
        "kind": "changed",
        "place": ["manifest-sequence-number"],
        "before": "1",
        "after": "2",
    } in found["data"]["changes"]


def test_diff_of_something_else_is_malformed(envelope: Path, description: Path) -> None:
    assert run("diff", envelope, description).exit_code == 3


def test_import_writes_a_description_that_builds(tmp_path: Path) -> None:
    part = {"install-id": ["00"], "install-digest": {"algorithm-id": "sha256", "digest-bytes": "11" * 32}}
    given = {"manifest-version": 1, "manifest-sequence-number": 3, "components": [part]}
    (tmp_path / "input.json").write_text(json.dumps(given))
    path = tmp_path / "description.yaml"
    assert run("import", tmp_path / "input.json", "-o", path).exit_code == 0
    assert run("build", path).exit_code == 0


def test_import_refuses_to_lose_anything_unless_it_may(tmp_path: Path) -> None:
    text = "components: [{install-id: [00], offset: 4}]\nmanifest-sequence-number: 1\n"
    path = tmp_path / "description.yaml"
    refused = run("import", "-", "-o", path, given=text)
    assert refused.exit_code == 4
    assert "not carried over: components.0.offset: 4" in refused.stderr
    assert not path.exists()
    assert run("import", "-", "-o", path, "--partial", given=text).exit_code == 0
    assert path.read_text().startswith("# NOT CARRIED OVER: components.0.offset: 4\n")
    found = json.loads(run("import", "--json", "-", given=text).stdout)
    assert found["data"]["not-carried-over"] == ["components.0.offset: 4"]


def test_import_of_something_else_is_a_usage_error(example: Callable[[str], bytes]) -> None:
    assert run("import", "-", given="a: 1").exit_code == 2
    assert run("import", "-", given=example("example0.signed.suit")).exit_code == 2
