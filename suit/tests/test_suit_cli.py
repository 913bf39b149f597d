"""hardsuit suit: every verb, its exit codes, and what it leaves behind."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hardsuit import main
from spec.labels import Command, TextManifest
from spec.labels import Manifest as Member
from suit.authenticate import KeyRing, authenticate
from suit.decode import attach_severed, decode_manifest
from suit.encode import encode_envelope
from suit.envelope import open_envelope, seal
from suit.errors import HardsuitError
from suit.files import read_input, write_output
from suit.keys import load_key
from suit.manifest import SEVERABLE, Manifest, Severable, Text, Texts, severable_member
from suit.manifest import Command as Step
from suit.narrow import draft_name
from suit.signer import KeyType, generate
from suit.tests import vectors

ROOT = Path(__file__).parents[2]
DESCRIPTION = """\
manifest-sequence-number: 3
components: {firmware: [00]}
shared-sequence:
  - override-parameters:
      vendor-identifier: &vendor {dns: example.com}
      class-identifier: {namespace: *vendor, name: thermostat}
      image: {file: firmware.bin}
  - vendor-identifier
  - class-identifier
install:
  - override-parameters: {uri: "#firmware"}
  - fetch
  - image-match
validate:
  - image-match
text: {en: {update-description: "A description that is long enough to be worth severing from the rest"}}
integrated-payloads: {"#firmware": {file: firmware.bin}}
"""


def suit(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["suit", *map(str, arguments)], input=stdin)


def run(
    *arguments: object, stdin: bytes = b"", cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "hardsuit", "suit", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def told(result: Result) -> str:
    """Return the one line that an error is."""
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a description, its payload and two keys."""
    monkeypatch.chdir(tmp_path)
    Path("release.yaml").write_text(DESCRIPTION)
    Path("firmware.bin").write_bytes(b"firmware")
    for kind, name in (("p256", "author.pem"), ("ed25519", "other.cose"), ("hmac", "mac.cose")):
        made = CliRunner().invoke(main, ["key", "new", "--type", kind, "--out", name])
        assert made.exit_code == 0
    return tmp_path


@pytest.fixture
def signed(desk: Path) -> Path:
    assert suit("build", "release.yaml", "--key", "author.pem", "-o", "release.suit").exit_code == 0
    return desk / "release.suit"


@pytest.fixture
def published_key(example: Callable[[str], bytes]) -> Path:
    """The key that signed the published examples."""
    assert example("example0.signed.suit")
    return vectors.path("ietf/manifest/private_key.pem")


@pytest.fixture
def example0(example: Callable[[str], bytes], published_key: Path, tmp_path: Path) -> tuple[Path, Path]:
    path = tmp_path / "example0.suit"
    path.write_bytes(example("example0.signed.suit"))
    return path, published_key


def test_build_and_sign_and_verify(signed: Path) -> None:
    result = suit("verify", "--key", "author.pem.pub", signed)
    assert result.exit_code == 0
    assert "sequence number   3" in result.stdout
    envelope = open_envelope(signed.read_bytes())
    assert envelope.digest.value.hex() in result.stdout
    assert envelope.payloads == {"#firmware": b"firmware"}


def test_build_writes_to_standard_output_what_it_writes_to_a_file(desk: Path) -> None:
    assert suit("build", "release.yaml", "-o", "a.suit").exit_code == 0
    to_stdout = run("build", "release.yaml", cwd=desk)
    from_stdin = run("build", "-", "-o", "-", stdin=DESCRIPTION.encode(), cwd=desk)
    assert to_stdout.stdout == from_stdin.stdout == (desk / "a.suit").read_bytes()
    assert to_stdout.stderr == b""


def test_build_finds_files_beside_the_description(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk / "elsewhere").mkdir()
    monkeypatch.chdir(desk / "elsewhere")
    assert suit("build", "../release.yaml", "-o", "a.suit").exit_code == 0
    result = run("build", "-", stdin=DESCRIPTION.encode(), cwd=desk / "elsewhere")
    assert result.returncode == 8
    assert result.stderr.startswith(b"hardsuit: description:17: firmware.bin: ")


@pytest.mark.usefixtures("desk")
def test_build_errors_name_the_line() -> None:
    Path("bad.yaml").write_text(DESCRIPTION.replace("fetch", "fetsch"))
    result = suit("build", "bad.yaml", "-o", "bad.suit")
    assert result.exit_code == 2
    assert told(result).startswith("hardsuit: bad.yaml:12: install.1.fetsch: ")
    Path("latin.yaml").write_bytes(b"\xfc")
    assert suit("build", "latin.yaml").exit_code == 2
    assert suit("build", "gone.yaml").exit_code == 8
    assert suit("build", ".").exit_code == 8
    assert suit("build").exit_code == 2
    assert suit("build", "release.yaml", "--key", "gone.pem", "-o", "bad.suit").exit_code == 9
    assert not Path("bad.suit").exists()


def test_build_prints_the_schema() -> None:
    schema = json.loads(suit("build", "--schema").stdout)
    assert schema["title"] == "Description"
    assert json.loads(suit("build", "--schema", "--json").stdout)["data"] == schema


@pytest.mark.usefixtures("desk")
def test_json_holds_the_envelope_when_it_goes_to_no_file() -> None:
    data = json.loads(suit("build", "release.yaml", "--json").stdout)["data"]
    envelope = open_envelope(bytes.fromhex(data["envelope"]))
    assert data["manifest-digest"] == {"algorithm": "sha-256", "value": envelope.digest.value.hex()}
    assert data["integrated-payloads"] == {"#firmware": 8}
    assert data["severable-members"] == ["text"]
    assert data["authentication-blocks"] == 0
    data = json.loads(suit("build", "release.yaml", "--json", "-o", "a.suit").stdout)["data"]
    assert "envelope" not in data
    assert data["size"] == Path("a.suit").stat().st_size


def test_sign_adds_blocks(signed: Path) -> None:
    result = suit("sign", signed, "--key", "other.cose", "--key", "mac.cose", "-o", "b.suit")
    assert result.exit_code == 0
    for key in ("author.pem.pub", "other.cose.pub", "mac.cose"):
        assert suit("verify", "b.suit", "--key", key).exit_code == 0
    result = suit("verify", "b.suit", *(f"--key={key}" for key in ("author.pem.pub", "mac.cose")))
    assert result.stdout.count("vouched for by") == 2
    again = suit("sign", "b.suit", "--key", "other.cose", "-o", "c.suit")
    assert again.exit_code == 2
    assert "already" in told(again)
    assert not Path("c.suit").exists()


def test_sign_in_place(signed: Path) -> None:
    before = signed.read_bytes()
    assert suit("sign", signed, "--key", "other.cose", "-o", signed).exit_code == 0
    assert len(open_envelope(signed.read_bytes()).blocks) == 2
    assert open_envelope(signed.read_bytes()).manifest == open_envelope(before).manifest
    assert not [path for path in signed.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("options", [["--multi"], ["--block", "sign"]])
def test_several_keys_in_one_cose_sign(options: list[str]) -> None:
    assert suit("build", "release.yaml", "-o", "a.suit").exit_code == 0
    keys = ["--key", "author.pem", "--key", "other.cose"]
    assert suit("sign", "a.suit", *keys, *options, "-o", "b.suit").exit_code == 0
    assert len(open_envelope(Path("b.suit").read_bytes()).blocks) == 1
    for key in ("author.pem.pub", "other.cose.pub"):
        assert suit("verify", "b.suit", "--key", key).exit_code == 0


@pytest.mark.usefixtures("desk")
def test_a_mac_with_a_recipient() -> None:
    assert suit("build", "release.yaml", "-o", "a.suit").exit_code == 0
    assert suit("sign", "a.suit", "--key", "mac.cose", "--block", "mac", "-o", "b.suit").exit_code == 0
    assert suit("verify", "b.suit", "--key", "mac.cose").exit_code == 0
    assert suit("verify", "b.suit", "--key", "author.pem.pub").exit_code == 3


@pytest.mark.req("I4.3.17")
def test_a_signature_made_elsewhere_is_attached(desk: Path) -> None:
    openssl = "from cryptography.hazmat.primitives import hashes, serialization as s\nimport sys\n"
    openssl += "from cryptography.hazmat.primitives.asymmetric import ec\n"
    openssl += "key = s.load_pem_private_key(open('author.pem', 'rb').read(), None)\n"
    openssl += "open('sig.der', 'wb').write(key.sign(open('tbs', 'rb').read(), ec.ECDSA(hashes.SHA256())))\n"
    assert suit("build", "release.yaml", "-o", "a.suit").exit_code == 0
    assert suit("sign", "a.suit", "--key", "author.pem.pub", "--export", "-o", "tbs").exit_code == 0
    subprocess.run([sys.executable, "-c", openssl], check=True, cwd=desk)
    attached = suit("sign", "a.suit", "--key", "author.pem.pub", "--attach", "sig.der", "-o", "b.suit")
    assert attached.exit_code == 0
    assert suit("verify", "b.suit", "--key", "author.pem.pub").exit_code == 0
    Path("sig.der").write_bytes(b"x" * 64)
    bad = suit("sign", "a.suit", "--key", "author.pem.pub", "--attach", "sig.der", "-o", "c.suit")
    assert bad.exit_code == 3
    assert not Path("c.suit").exists()
    shown = json.loads(suit("sign", "a.suit", "--key", "author.pem.pub", "--export", "--json").stdout)
    assert bytes.fromhex(shown["data"]["to-be-signed"]) == Path("tbs").read_bytes()
    assert suit("sign", "a.suit", "--export").exit_code == 2


def test_sign_options_are_checked(signed: Path) -> None:
    assert suit("sign", signed).exit_code == 2
    two = ["--key", "other.cose", "--key", "mac.cose"]
    assert suit("sign", signed, *two, "--kid", "x", "-o", "x").exit_code == 2
    assert suit("sign", signed, "--key", "other.cose", "--alg", "nothing", "-o", "x").exit_code == 2
    assert suit("sign", signed, "--key", "other.cose", "--alg", "ES256", "-o", "x").exit_code == 2
    assert suit("sign", signed, "--key", "other.cose", "--block", "mac0", "-o", "x").exit_code == 2
    assert suit("sign", signed, "--key", "author.pem.pub", "-o", "x").exit_code == 9
    assert suit("sign", signed, "--key", "release.yaml", "-o", "x").exit_code == 9
    assert suit("sign", "release.yaml", "--key", "other.cose", "-o", "x").exit_code == 3
    assert not Path("x").exists()


def test_a_kid_is_put_into_the_block(signed: Path) -> None:
    assert suit("sign", signed, "--key", "other.cose", "--kid", "line-7", "-o", "b.suit").exit_code == 0
    assert b"line-7" in Path("b.suit").read_bytes()
    assert suit("verify", "b.suit", "--key", "other.cose.pub").exit_code == 0


@pytest.mark.req("H3-7")
def test_the_published_example_is_verified_and_its_algorithm_noted(example0: tuple[Path, Path]) -> None:
    path, key = example0
    result = suit("verify", "--key", key, path)
    assert result.exit_code == 0
    assert "ES256 is deprecated" in result.stderr
    assert suit("verify", "-q", "--key", key, path).stderr == ""


def test_all_published_examples_are_verified(
    example: Callable[[str], bytes], published_key: Path, tmp_path: Path
) -> None:
    for number in range(6):
        path = tmp_path / "e.suit"
        path.write_bytes(example(f"example{number}.signed.suit"))
        assert suit("verify", "--key", published_key, path).exit_code == 0
        path.write_bytes(example(f"example{number}.unsigned.suit"))
        assert suit("verify", "--key", published_key, path).exit_code == 3


@pytest.mark.req("H3-5")
def test_after_any_single_byte_is_changed_it_is_rejected(example0: tuple[Path, Path]) -> None:
    path, key = example0
    raw = path.read_bytes()
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        result = suit("verify", "--key", key, path)
        assert result.exit_code == 3, position
        assert result.stdout == ""


@pytest.mark.req("H3-5")
def test_no_value_of_any_byte_goes_through(example: Callable[[str], bytes], published_key: Path) -> None:
    raw, ring = example("example0.signed.suit"), KeyRing([load_key(published_key)])
    for position in range(len(raw)):
        for value in range(256):
            if value == raw[position]:
                continue
            changed = raw[:position] + bytes([value]) + raw[position + 1 :]
            with pytest.raises(HardsuitError) as caught:
                verify_all(changed, ring)
            assert caught.value.exit_code.value == 3, (position, value)


def verify_all(raw: bytes, ring: KeyRing) -> None:
    envelope = open_envelope(raw)
    authenticate(envelope, ring)
    attach_severed(decode_manifest(envelope.manifest), envelope)


def test_verify_errors(signed: Path) -> None:
    for arguments, code, words in (
        (["--key", "other.cose.pub", signed], 3, "block 0"),
        ([signed], 3, "no key to verify with"),
        (["--key", "gone.pem", signed], 9, "gone.pem: No such file"),
        (["--key", ".", signed], 9, "."),
        (["--key", "release.yaml", signed], 9, "release.yaml: not a key"),
        (["--key", "author.pem.pub", "gone.suit"], 8, "gone.suit: No such file"),
        (["--key", "author.pem.pub", "."], 8, "Is a directory"),
        (["--key", "author.pem.pub", "release.yaml"], 3, "envelope: "),
        (["--key", "author.pem.pub", "/dev/null"], 3, "envelope: "),
        (["--key", "author.pem.pub", "/dev/zero"], 3, "longer than 1048576 bytes"),
    ):
        result = suit("verify", *arguments)
        assert result.exit_code == code
        assert words in told(result)
        assert result.stdout == ""


@pytest.mark.req("M8.4.12-1")
def test_verify_checks_severed_members(signed: Path) -> None:
    raw = signed.read_bytes()
    signed.write_bytes(raw.replace(b"A description", b"B description"))
    result = suit("verify", "--key", "author.pem.pub", signed)
    assert result.exit_code == 3
    assert "envelope.text" in result.stderr
    signed.write_bytes(raw.replace(b"Hfirmware", b"HFIRMWARE"))
    assert suit("verify", "--key", "author.pem.pub", signed).exit_code == 0  # the device's image-match


def test_verify_reads_standard_input(signed: Path) -> None:
    result = run("verify", "-", "--key", "author.pem.pub", stdin=signed.read_bytes(), cwd=signed.parent)
    assert result.returncode == 0
    assert run("verify", "-", "--key", "author.pem.pub", cwd=signed.parent).returncode == 3


def test_verify_in_json(signed: Path) -> None:
    found = json.loads(suit("verify", "--json", "--key", "author.pem.pub", signed).stdout)
    assert found["data"]["sequence-number"] == 3
    assert found["data"]["vouched-for-by"] == [load_key(Path("author.pem.pub")).name.hex()]
    found = json.loads(suit("verify", "--json", "--key", "other.cose.pub", signed).stdout)
    assert (found["ok"], found["code"]) == (False, 3)


def test_show_prints_and_verifies_nothing(signed: Path) -> None:
    result = suit("show", signed)
    assert result.exit_code == 0
    assert "/ manifest-sequence-number / 2: 3" in result.stdout
    assert json.loads(suit("show", signed, "--json").stdout)["data"]["diagnostic"] == result.stdout[:-1]
    assert len(suit("show", signed, "--brief").stdout) < len(result.stdout)
    assert suit("show", "release.yaml").exit_code == 3


@pytest.mark.req("M8.6-3")
def test_sever_keeps_the_signature(signed: Path) -> None:
    assert suit("sever", signed, "-o", "cut.suit").exit_code == 0
    assert not open_envelope(Path("cut.suit").read_bytes()).severed
    assert suit("verify", "--key", "author.pem.pub", "cut.suit").exit_code == 0
    assert suit("sever", signed, "--member", "text", "-o", "cut.suit").exit_code == 0
    result = suit("sever", signed, "--member", "install", "-o", "none.suit")
    assert result.exit_code == 2
    assert "no severable install" in told(result)
    assert not Path("none.suit").exists()


def test_sever_gives_the_published_severed_example(example: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / "e2.suit"
    path.write_bytes(example("example2.signed.suit"))
    assert run("sever", path).stdout == example("example2.severed-signed.suit")


def test_extract_lists_and_writes_payloads(signed: Path) -> None:
    listing = suit("extract", signed)
    assert listing.stdout == "       8 #firmware\n"
    listed = json.loads(suit("extract", signed, "--json").stdout)["data"]
    assert listed == {"payloads": {"#firmware": 8}, "dependencies": {}}
    assert suit("extract", signed, "#firmware", "-o", "out.bin").exit_code == 0
    assert Path("out.bin").read_bytes() == b"firmware"
    assert run("extract", signed, "#firmware").stdout == b"firmware"
    content = json.loads(suit("extract", signed, "#firmware", "--json").stdout)["data"]["content"]
    assert bytes.fromhex(content) == b"firmware"
    assert suit("extract", signed, "#gone", "-o", "none").exit_code == 2
    assert not Path("none").exists()


def test_lint_reads_envelopes_and_descriptions(signed: Path) -> None:
    assert suit("lint", signed).exit_code == 0
    result = suit("lint", "release.yaml")
    assert result.exit_code == 0
    assert result.stdout.startswith("envelope: warning L020: ")
    assert "The envelope" not in result.stdout
    assert "No device accepts it" in suit("lint", "-v", "release.yaml").stdout
    shown = json.loads(suit("lint", "--json", "release.yaml").stdout)
    assert [finding["id"] for finding in shown["data"]] == ["L020"]


@pytest.mark.usefixtures("desk")
def test_lint_exits_4_when_a_rule_is_broken() -> None:
    Path("bad.yaml").write_text(DESCRIPTION.replace("  - image-match\n", "  - fetch\n", 2))
    result = suit("lint", "bad.yaml")
    assert result.exit_code == 4
    assert "error L001" in result.stdout
    assert result.stderr == "hardsuit: bad.yaml: 2 rules are broken\n"
    shown = json.loads(suit("lint", "--json", "bad.yaml").stdout)
    assert shown["code"] == 4
    assert shown["data"]["findings"][0]["id"] == "L001"


def test_lint_explains_its_rules() -> None:
    text = suit("lint", "--rules").stdout
    assert "L001 error: " in text
    assert len(json.loads(suit("lint", "--rules", "--json").stdout)["data"]) >= 20
    assert suit("lint").exit_code == 2
    assert suit("lint", "gone").exit_code == 8


def test_lint_explains_one_rule() -> None:
    assert suit("lint", "--explain", "l019").stdout.startswith("L019 warning: What is invoked was matched")
    (rule,) = json.loads(suit("lint", "--explain", "L001", "--json").stdout)["data"]
    assert rule["id"] == "L001"
    assert suit("lint", "--explain", "L999").exit_code == 2


def test_output_replaces_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"before")

    def full(descriptor: int) -> None:
        del descriptor
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_output(str(path), b"after")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_output_keeps_links_and_devices(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"before")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_output(str(tmp_path / "link"), b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"after"
    write_output("/dev/null", b"nothing")
    assert not Path("/dev/null").is_file()
    with pytest.raises(OSError, match="No such file"):
        write_output(str(tmp_path / "gone" / "out"), b"x")
    assert read_input(str(tmp_path / "link"), 5) == b"after"


@pytest.mark.usefixtures("desk")
def test_an_output_that_cannot_be_written_is_a_storage_error() -> None:
    result = suit("build", "release.yaml", "-o", "gone/release.suit")
    assert result.exit_code == 8
    assert told(result) == "hardsuit: gone/release.suit: No such file or directory\n"
    assert suit("build", "release.yaml", "-o", ".").exit_code == 8


def test_binary_data_does_not_go_to_a_terminal(signed: Path) -> None:
    main_end, side = os.openpty()
    script = [sys.executable, "-m", "hardsuit", "suit", "sever", str(signed)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        script, stdout=side, stderr=subprocess.PIPE, check=False, cwd=signed.parent, env=environment
    )
    os.close(side)
    os.close(main_end)
    assert process.returncode == 2
    assert b"terminal" in process.stderr


def test_verify_imports_what_it_needs_and_no_more(example0: tuple[Path, Path]) -> None:
    path, key = example0
    script = f"""
import sys
from hardsuit import main
try:
    main(["suit", "verify", "-q", "--key", {str(key)!r}, {str(path)!r}])
except SystemExit as end:
    assert end.code == 0
heavy = ("pydantic", "ruamel", "rich", "pycose", "tuf", "securesystemslib", "requests", "urllib3", "ecdsa")
print([name for name in heavy if name in sys.modules])
"""
    process = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("member", SEVERABLE)
def test_every_severable_member_can_be_severed_by_its_name(member: Member, tmp_path: Path) -> None:
    name, step = draft_name(member), Step(Command.IMAGE_MATCH, 15)
    texts: Texts = {"en": Text({TextManifest.UPDATE_DESCRIPTION: "what is new"})}
    value: Any = texts if member is Member.TEXT else (step,)
    manifest = Manifest(1, ((b"a",),), **{member.name.lower(): Severable(value)})  # type: ignore[arg-type]  # one of five fields
    (tmp_path / "full.suit").write_bytes(encode_envelope(seal(manifest, sever=(member,))))
    result = suit("sever", tmp_path / "full.suit", "--member", name, "-o", tmp_path / "cut.suit")
    assert result.exit_code == 0, result.output
    cut = open_envelope((tmp_path / "cut.suit").read_bytes())
    assert cut.severed == {}
    found = severable_member(decode_manifest(cut.manifest), member)
    assert found is not None
    assert found[1] is not None
    assert found[1].digest is not None


def test_a_root_and_its_dependency_are_built_and_signed_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "library.yaml").write_text(
        "manifest-sequence-number: 1\ncomponents: {library: [01]}\nvalidate: [vendor-identifier]\n"
    )
    (tmp_path / "root.yaml").write_text(
        """\
manifest-sequence-number: 1
components: {below: [{text: library}]}
dependencies: {below: {file: library.yaml}}
integrated-dependencies: {"#library": below}
dependency-resolution:
  - override-parameters: {image: {dependency: below}, uri: "#library"}
  - fetch
  - dependency-integrity
"""
    )
    key = generate(KeyType.P256)
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    out = tmp_path / "root.suit"
    built = suit("build", tmp_path / "root.yaml", "--key", tmp_path / "key.pem", "-o", out)
    assert built.exit_code == 0, built.output
    root = open_envelope(out.read_bytes())
    for envelope in (root, open_envelope(root.payloads["#library"])):
        authenticate(envelope, KeyRing([key.public]))
    listed = json.loads(suit("extract", out, "--json").output)["data"]
    below = open_envelope(root.payloads["#library"]).digest.value.hex()
    assert listed["dependencies"] == {"#library": f"sha-256 {below}"}
    assert f"#library  dependency sha-256 {below}" in suit("extract", out).output
