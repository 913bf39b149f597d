"""hardsuit key: what it writes, what it shows, and what it keeps to itself."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spec.labels import CoseAlgorithm
from suit import cbor, crypto
from suit.errors import ExitCode, StorageError, UsageError
from suit.key_cli import cli
from suit.key_files import write_key_file
from suit.keys import load_key
from suit.signer import load_signer

KINDS = {"p256": "ESP256", "p384": "ESP384", "p521": "ESP512", "ed25519": "ED25519", "hmac": "HMAC_256"}


def run(*arguments: str | Path, code: ExitCode = ExitCode.OK) -> Result:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == code.value, result.output
    return result


def run_json(*arguments: str | Path) -> Any:
    answer = json.loads(run(*arguments, "--json", "-q").stdout)
    assert (answer["ok"], answer["code"], answer["reason"]) == (True, 0, "ok")
    return answer["data"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".cose", ".pem"])
def test_new_writes_a_secret_for_its_owner_and_a_public_key_beside_it(
    kind: str, suffix: str, tmp_path: Path
) -> None:
    out = tmp_path / f"key{suffix}"
    if (kind, suffix) == ("hmac", ".pem"):
        run("new", "--type", kind, "--out", out, code=ExitCode.USAGE)
        assert list(tmp_path.iterdir()) == []
        return
    result = run("new", "--type", kind, "--out", out)
    signer = load_signer(out)
    assert result.stdout.strip() == signer.public.name.hex()
    assert signer.algorithm.name == KINDS[kind]
    assert mode(out) == 0o600
    public = tmp_path / f"key{suffix}.pub"
    if kind == "hmac":
        assert not public.exists()
    else:
        key = load_key(public)
        assert crypto.verify_signature(key, signer.algorithm, b"m", signer.sign(b"m"))
        assert signer.d not in public.read_bytes()
        assert b"PRIVATE" not in public.read_bytes()
        assert mode(public) == 0o644
    assert sorted(tmp_path.iterdir()) == sorted({out, public} if kind != "hmac" else {out})


def test_new_puts_kid_and_algorithm_into_both_files(tmp_path: Path) -> None:
    out = tmp_path / "key.cose"
    data = run_json("new", "--kid", "vendor 1", "--alg", "es256", "--out", out)
    for path in (out, tmp_path / "key.cose.pub"):
        key = load_key(path)
        assert key.kid == b"vendor 1"
        assert key.admitted == {CoseAlgorithm.ES256}
        assert key.name.hex() == data["thumbprint"]
    assert data["path"] == str(out)
    assert data["public"] == f"{out}.pub"


def test_secrets_are_not_readable_by_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        run("new", "--out", tmp_path / "a.cose")
        run("new", "--out", tmp_path / "a.cose", "--force")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a.cose") == 0o600


def test_new_overwrites_only_by_force(tmp_path: Path) -> None:
    out = tmp_path / "key.cose"
    run("new", "--out", out)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = run("new", "--out", out, code=ExitCode.USAGE)
    assert "--force" in result.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    out.rename(tmp_path / "moved")
    run("new", "--out", out, code=ExitCode.USAGE)  # the public key of the moved one is still there
    assert not out.exists()
    (tmp_path / "moved").rename(out)
    out.chmod(0o644)
    run("new", "--out", out, "--force")
    assert {path.name for path in tmp_path.iterdir()} == {"key.cose", "key.cose.pub"}
    assert out.read_bytes() != before[out]
    assert load_key(tmp_path / "key.cose.pub").name == load_signer(out).public.name
    assert mode(out) == 0o600


@pytest.mark.parametrize(
    "arguments",
    [
        ["--out", "key.txt"],
        ["--out", "key"],
        ["--out", "key.pem", "--kid", "x"],
        ["--out", "key.pem", "--alg", "ES256"],
        ["--out", "key.cose", "--alg", "nonsense\n"],
        ["--out", "key.cose", "--alg", "ESP384"],
        ["--out", "key.cose", "--type", "rsa"],
        ["--type", "p256"],
    ],
)
def test_new_refuses_what_makes_no_sense_and_writes_nothing(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("new", *arguments, code=ExitCode.USAGE)
    assert list(tmp_path.iterdir()) == []


def test_new_says_which_file_cannot_be_written(tmp_path: Path) -> None:
    out = tmp_path / "none" / "key.cose"
    result = run("new", "--out", out, code=ExitCode.STORAGE)
    assert str(out) in result.stderr


def test_show_tells_the_public_part(tmp_path: Path) -> None:
    out = tmp_path / "key.cose"
    run("new", "--out", out, "--kid", "me")
    key = load_key(out)
    expected = {
        "thumbprint": key.name.hex(),
        "type": "P_256",
        "algorithms": ["ESP256"],
        "kid": "me",
        "x": key.x.hex(),
        "y": key.y.hex(),
    }
    assert run_json("show", out) == expected
    assert run_json("show", f"{out}.pub") == expected
    lines = dict(line.split(None, 1) for line in run("show", out).stdout.splitlines())
    assert lines == expected | {"algorithms": "ESP256"}


def test_a_pem_key_is_shown_with_all_that_it_admits(tmp_path: Path) -> None:
    run("new", "--out", tmp_path / "key.pem")
    assert run_json("show", tmp_path / "key.pem")["algorithms"] == ["ES256", "ESP256"]


@pytest.mark.req("H2-8")
@pytest.mark.parametrize("kind", KINDS)
def test_no_command_shows_a_secret(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "key.cose"
    results = [
        run("new", "--type", kind, "--out", out, "-v"),
        run("new", "--type", kind, "--out", out, code=ExitCode.USAGE),
        run("new", "--type", kind, "--out", out, "--force", "--json"),
        run("show", out, "-v"),
        run("show", out, "--json"),
        run("list", tmp_path),
        run("list", tmp_path, "--json"),
    ]
    signer = load_signer(out)
    secret = signer.d or signer.public.k
    for result in results:
        assert secret.hex() not in result.output
        assert repr(secret)[2:-1] not in result.output


def test_list_names_the_keys_and_counts_the_rest(tmp_path: Path) -> None:
    run("new", "--out", tmp_path / "a.cose", "--kid", "A")
    run("new", "--out", tmp_path / "b.pem")
    (tmp_path / "c.txt").write_text("no key")
    (tmp_path / "d").mkdir()
    result = run("list", tmp_path)
    shown = result.stdout.splitlines()
    assert [line.split()[2] for line in shown] == ["a.cose", "a.cose.pub", "b.pem", "b.pem.pub"]
    assert shown[0].endswith("kid A")
    assert "2 other" in result.stderr
    data = run_json("list", tmp_path)
    assert [Path(row["path"]).name for row in data] == ["a.cose", "a.cose.pub", "b.pem", "b.pem.pub"]
    assert data[0]["thumbprint"] == data[1]["thumbprint"] == load_key(tmp_path / "a.cose").name.hex()


def test_list_of_what_is_no_directory_is_a_usage_error(tmp_path: Path) -> None:
    run("list", tmp_path / "none", code=ExitCode.USAGE)


def test_show_of_what_is_no_key_is_exit_code_9(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello")
    for path in (tmp_path / "x", tmp_path / "none", tmp_path):
        result = run("show", path, code=ExitCode.KEY)
        assert str(path) in result.stderr
        assert result.stdout == ""


def test_hostile_kids_do_not_reach_the_terminal(tmp_path: Path) -> None:
    run("new", "--out", tmp_path / "k.cose")
    item = cbor.decode((tmp_path / "k.cose").read_bytes(), where="key")
    for kid, shown in ((b"\x1b[31m", "\\u001b[31m"), (b"\xff\xfe", "h'fffe'")):
        (tmp_path / "k.cose").write_bytes(cbor.encode(item | {2: kid}))
        assert run_json("show", tmp_path / "k.cose")["kid"] == shown
        assert "\x1b" not in run("list", tmp_path).output


def test_a_key_file_is_written_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key.cose"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for target, overwrite in ((path, True), (tmp_path / "new.cose", False)):
        with pytest.raises(StorageError, match="No space left"):
            write_key_file(target, b"new", secret=True, overwrite=overwrite)
    monkeypatch.undo()
    (tmp_path / "directory").mkdir()
    with pytest.raises(StorageError, match="directory"):
        write_key_file(tmp_path / "directory", b"new", secret=True, overwrite=True)
    (tmp_path / "directory").rmdir()
    with pytest.raises(UsageError, match="exists"):
        write_key_file(path, b"new", secret=True)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
