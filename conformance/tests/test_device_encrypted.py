"""An encrypted release, from the author's prompt to a device that boots it."""

import hashlib
import json
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hardsuit import main
from repository.repository import Repository
from repository.serve import serving
from repository.updates import read_update
from suit.authenticate import KeyRing
from suit.keys import load_key
from suit.recipient_keys import load_recipient_key

VENDOR = uuid.uuid5(uuid.NAMESPACE_DNS, "vendor.example")
PRODUCT = uuid.uuid5(VENDOR, "product")
FIRMWARE = hashlib.shake_128(b"firmware").digest(3 << 20)


def run(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Where an author has encrypted a release for a device, built and signed it."""
    (tmp_path / "firmware.bin").write_bytes(FIRMWARE)
    author, opener = tmp_path / "author.cose", tmp_path / "device.cose"
    run("key", "new", "--out", author)
    for name in ("device", "other"):
        run("key", "new", "--type", "x25519", "--kid", "device", "--out", tmp_path / f"{name}.cose")
    recipient, out = ("--recipient", f"{opener}.pub"), ("-o", tmp_path / "firmware.enc")
    info = ("--info", tmp_path / "firmware.info")
    run("suit", "encrypt", tmp_path / "firmware.bin", *recipient, *out, *info, "--alg", "chacha20-poly1305")
    description = tmp_path / "release.yaml"
    run("suit", "new", "encrypted", "-o", description)
    run("suit", "lint", description)
    run("suit", "build", description, "--key", author, "-o", tmp_path / "release.suit")
    return tmp_path


def published(release: Path) -> Repository:
    repository = Repository.create(release / "repository")
    repository.add_vendor(VENDOR.bytes, name="Example")
    verifier = KeyRing([load_key(release / "author.cose.pub")])
    raw = (release / "release.suit").read_bytes()
    repository.publish(read_update(raw, files=[release / "firmware.enc"], verifier=verifier))
    return repository


def init(release: Path, url: str, ic: str, key: str) -> Path:
    home = release / "device"
    names = ("--vendor", VENDOR.hex, "--class", PRODUCT.hex, "--url", url, "--ic", ic)
    keys = ("--trust", release / "author.cose.pub", "--open-key", release / key)
    parts = ("--component", "00=16M", "--component", "01=16M")
    run("device", "init", home, *names, *keys, *parts, "--root", release / "repository" / "root.json")
    return home


@pytest.mark.req("H6-20", "I4.3.12", "E4.2-1")
@pytest.mark.parametrize("ic", ["process", "inprocess"])
def test_an_encrypted_release_is_installed_and_boots(release: Path, ic: str) -> None:
    published(release)
    assert FIRMWARE[:64] not in (release / "firmware.enc").read_bytes()
    with serving(release / "repository") as url:
        home = init(release, url, ic, "device.cose")
        run("device", "update", home)
    booted = json.loads(run("device", "boot", home, "--json").stdout)["data"]
    run("device", "confirm", home)
    assert hashlib.sha256(FIRMWARE).hexdigest() in json.dumps(booted)
    secret = load_recipient_key(release / "device.cose").secret
    for path in home.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes()


@pytest.mark.req("H6-21", "E5.1-1")
def test_a_device_with_another_key_installs_nothing(release: Path) -> None:
    published(release)
    with serving(release / "repository") as url:
        home = init(release, url, "inprocess", "other.cose")
        refused = run("device", "update", home, code=4)
    assert "no key of this device" in refused.output
    assert not [path for path in (home / "storage").rglob("*") if FIRMWARE[:64] in _content(path)]
    told = json.loads(run("device", "status", home, "--json").stdout)["data"]
    assert told["confirmed"] is None
    assert told["trial"] is None


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
