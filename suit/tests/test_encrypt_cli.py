"""hardsuit suit encrypt and recipients, and the keys for them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hardsuit import main
from suit.cose_encrypt import parse_encryption_info
from suit.recipient_keys import load_recipient_key
from suit.tests.test_encrypt import opened


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def found(*arguments: str | Path) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "firmware.bin").write_bytes(b"firmware" * 200_000)
    for kind, kid in (("p256-ecdh", "device"), ("x25519", "other"), ("a256kw", "kek")):
        made = run("key", "new", "--type", kind, "--kid", kid, "--out", tmp_path / f"{kid}.cose")
        assert made.exit_code == 0, made.output
    return tmp_path


def encrypt(place: Path, *recipients: str, alg: str = "a128gcm") -> Result:
    given = [part for one in recipients for part in ("--recipient", place / one)]
    out = ("-o", place / "firmware.enc", "--info", place / "firmware.info", "--alg", alg)
    return run("suit", "encrypt", place / "firmware.bin", *given, *out)


def plaintext(place: Path, key: str, info: str = "firmware.info") -> bytes:
    parsed = parse_encryption_info((place / info).read_bytes(), where=info)
    ciphertext = (place / "firmware.enc").read_bytes()
    return opened(parsed, ciphertext, load_recipient_key(place / key), piece=1 << 16)


@pytest.mark.req("H6-6")
def test_secrets_go_to_their_owner_and_public_keys_beside_them(place: Path) -> None:
    assert (place / "device.cose").stat().st_mode & 0o077 == 0
    assert load_recipient_key(place / "device.cose.pub").secret == b""
    assert not (place / "kek.cose.pub").exists()
    secret = load_recipient_key(place / "device.cose").secret
    shown = run("key", "show", place / "device.cose").output + run("key", "list", place).output
    assert secret.hex() not in shown
    again = run("key", "new", "--type", "x25519", "--out", place / "other.cose")
    assert (again.exit_code, "--force" in again.output) == (2, True)
    assert run("key", "new", "--type", "x25519", "--out", place / "k.pem").exit_code == 2


@pytest.mark.parametrize("alg", ["a128gcm", "chacha20-poly1305", "a256ctr"])
def test_every_recipient_opens_the_payload(place: Path, alg: str) -> None:
    made = encrypt(place, "device.cose.pub", "other.cose.pub", "kek.cose", alg=alg)
    assert made.exit_code == 0, made.output
    assert ("AES-CTR" in made.output) is alg.endswith("ctr")
    for key in ("device.cose", "other.cose", "kek.cose"):
        assert plaintext(place, key) == (place / "firmware.bin").read_bytes()


@pytest.mark.req("E6-1")
def test_no_option_takes_a_content_key_or_an_iv(place: Path) -> None:
    words = run("suit", "encrypt", "--help").output.lower()
    assert "--iv" not in words
    assert "--cek" not in words
    assert encrypt(place, "kek.cose").exit_code == 0
    first = (place / "firmware.enc").read_bytes()
    assert encrypt(place, "kek.cose").exit_code == 0
    assert (place / "firmware.enc").read_bytes() != first


def test_recipients_come_and_go(place: Path) -> None:
    assert encrypt(place, "device.cose.pub").exit_code == 0
    before = (place / "firmware.enc").read_bytes()
    info, more, fewer = place / "firmware.info", place / "more.info", place / "fewer.info"
    added = run(
        "suit", "recipients", info, "--key", place / "device.cose", "--add", place / "kek.cose", "-o", more
    )
    assert added.exit_code == 0, added.output
    assert plaintext(place, "kek.cose", "more.info") == (place / "firmware.bin").read_bytes()
    assert run("suit", "recipients", more, "--drop", "device", "-o", fewer).exit_code == 0
    assert [one["kid"] for one in found("suit", "recipients", fewer)["data"]["recipients"]] == ["kek"]
    assert "A256KW" in run("suit", "recipients", fewer).stdout
    assert (place / "firmware.enc").read_bytes() == before


def test_what_makes_no_sense_leaves_nothing(place: Path) -> None:
    assert encrypt(place, "kek.cose", "kek.cose").exit_code == 2
    assert encrypt(place, "firmware.bin").exit_code == 9
    assert not list(place.glob("*firmware.enc*"))
    same = run("suit", "encrypt", place / "firmware.bin", "--recipient", place / "kek.cose",
               "-o", place / "firmware.bin", "--info", place / "i")  # fmt: skip
    assert same.exit_code == 2
    assert (place / "firmware.bin").stat().st_size == 1_600_000
    assert encrypt(place, "kek.cose").exit_code == 0
    info = place / "firmware.info"
    assert run("suit", "recipients", info, "--add", place / "kek.cose").exit_code == 2
    assert run("suit", "recipients", info, "--drop", "kek").exit_code == 2
    stranger = run(
        "suit", "recipients", info, "--key", place / "other.cose", "--add", place / "device.cose.pub"
    )
    assert stranger.exit_code == 9
    assert run("suit", "recipients", place / "firmware.enc").exit_code == 3
