"""``hardsuit device`` at the prompt: each step, and each bad input with its exit code and one line."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance.stage import PRODUCT, Stage, make_image
from device.cli import cli
from suit.cli import cli as suit_cli
from suit.errors import ExitCode
from suit.keys import CoseKey
from suit.report_cipher import ReportCipher
from suit.report_cli import cli as report_cli
from suit.report_seal import open_report


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A repository with release 1, served."""
    with Stage.open(tmp_path) as stage:
        stage.found()
        stage.publish(1)
        yield stage


@pytest.fixture
def key(stage: Stage, tmp_path: Path) -> Path:
    path = tmp_path / "author.cose"
    path.write_bytes(stage._author.public.to_cose())
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "device"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def init(stage: Stage, home: Path, *keys: Path, **changes: str) -> Result:
    options = {
        "url": stage._url,
        "root": str(home.parent / "repository" / "root.json"),
        "vendor": PRODUCT.vendor.hex(),
        "class": PRODUCT.class_id.hex(),
        "component": "00=16M",
        "ic": "inprocess",
    } | changes
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    trusts = [part for path in keys for part in ("--trust", path)]
    return run("init", home, *flags, *trusts)


def one_line(result: Result, code: ExitCode) -> str:
    assert result.exit_code == code.value, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert "Traceback" not in result.output
    return lines[0]


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["data"]


@pytest.mark.req("P8-1")
def test_a_device_signs_its_reports_and_gives_its_report_key(
    stage: Stage, home: Path, key: Path, tmp_path: Path
) -> None:
    assert init(stage, home, key).exit_code == 0
    assert one_line(run("report", home, "--of", "update"), ExitCode.NOTHING_TO_DO)
    assert run("update", home).exit_code == 0
    sealed, public = tmp_path / "report.cbor", tmp_path / "report-key.cose"
    assert run("report", home, "--nonce", "c0ffee", "-o", sealed).exit_code == 0
    assert run("report-key", home, "-o", public).exit_code == 0
    report = open_report(sealed.read_bytes(), [CoseKey.from_cose(public.read_bytes())])
    assert (report.nonce, report.failure, report.capabilities) == (b"\xc0\xff\xee", None, None)
    shown = told(run("report", home, "--of", "update", "--capabilities", "--json"))
    asked = open_report(bytes.fromhex(shown["report"]), [CoseKey.from_cose(public.read_bytes())])
    assert asked.capabilities is not None
    one_line(run("report", home, "--nonce", "coffee"), ExitCode.USAGE)
    one_line(run("report", home, "--nonce", "00" * 65), ExitCode.USAGE)


@pytest.mark.req("P8-2", "I4.3.16")
def test_a_device_with_a_report_cipher_sends_nothing_in_the_clear(
    stage: Stage, home: Path, key: Path, tmp_path: Path
) -> None:
    shared, other = tmp_path / "shared.cose", tmp_path / "other.cose"
    shared.write_bytes(ReportCipher.draw().to_cose())
    other.write_bytes(ReportCipher.draw().to_cose())
    one_line(init(stage, home, key, **{"report-cipher": str(key)}), ExitCode.KEY)
    assert not home.exists()
    assert init(stage, home, key, **{"report-cipher": str(shared)}).exit_code == 0
    assert run("update", home).exit_code == 0
    sealed, public, envelope = (tmp_path / name for name in ("report.cbor", "public.cose", "m.suit"))
    assert run("report", home, "--nonce", "c0ffee", "--capabilities", "-o", sealed).exit_code == 0
    assert run("report-key", home, "-o", public).exit_code == 0
    (stored,) = (home / "storage" / "envelopes").iterdir()
    shutil.copy(stored, envelope)
    assert b"\xc0\xff\xee" not in sealed.read_bytes()
    verbs = {
        "report-verify": ["report-verify", sealed, "--envelope", envelope],
        "supported": ["supported", envelope, "--report", sealed],
    }

    def verify(verb: str, *options: object) -> Result:
        words = [*verbs[verb], "--key", public, *options]
        return CliRunner().invoke(report_cli, [str(word) for word in words])

    for verb in verbs:
        assert verify(verb, "--decrypt-key", other, "--decrypt-key", shared).exit_code == 0
        assert "does not decrypt" in one_line(verify(verb, "--decrypt-key", other), ExitCode.REJECTED)
        assert "no key for A256GCM" in one_line(verify(verb), ExitCode.KEY)
        one_line(verify(verb, "--decrypt-key", public), ExitCode.KEY)
    config = home / "device.json"
    config.write_text(config.read_text("utf-8").replace('"encrypted"', '"signed"'), "utf-8")
    assert run("report", home, "--nonce", "c0ffee", "-o", sealed).exit_code == 0
    assert "not encrypted" in verify("report-verify", "--decrypt-key", shared).stderr
    config.write_text(config.read_text("utf-8").replace('"signed"', '"shredded"'), "utf-8")
    assert "device.json" in one_line(run("report", home, "--nonce", "00"), ExitCode.STORAGE)


def test_a_device_of_an_older_hardsuit_signs_its_reports(stage: Stage, home: Path, key: Path) -> None:
    assert init(stage, home, key).exit_code == 0
    config = home / "device.json"
    fields = json.loads(config.read_text("utf-8"))
    assert fields.pop("reports") == "signed"
    config.write_text(json.dumps(fields), "utf-8")
    assert run("status", home).exit_code == 0


@pytest.mark.req("H7-8", "H8-2")
def test_a_device_updates_boots_confirms_and_reports(stage: Stage, home: Path, key: Path) -> None:
    assert init(stage, home, key).exit_code == 0
    assert told(run("update", "--json", home))["sequence_number"] == 1
    booted = told(run("boot", "--json", home))
    assert booted["trial"] is True
    assert told(run("confirm", "--json", home))["sequence_number"] == 1
    status = told(run("status", "--json", home))
    assert (status["floor"], status["trial"]) == (1, None)
    assert status["confirmed"]["sequence_number"] == 1
    assert "sequence number 1" in run("status", home).stdout
    again = run("update", home)
    assert "already" in one_line(again, ExitCode.NOTHING_TO_DO)


@pytest.mark.parametrize("verb", ["update", "boot", "confirm", "status"])
def test_a_directory_that_is_no_device_is_said_to_be_none(tmp_path: Path, verb: str) -> None:
    assert "no device here" in one_line(run(verb, tmp_path), ExitCode.STORAGE)


def test_a_device_without_a_trust_anchor_is_not_made(stage: Stage, home: Path) -> None:
    one_line(init(stage, home), ExitCode.USAGE)
    assert not home.exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("vendor", "nobody"),
        ("class", "00"),
        ("component", "00"),
        ("component", "0g=1M"),
        ("url", "ftp://example.com"),
    ],
)
def test_a_wrong_option_makes_no_device(stage: Stage, home: Path, key: Path, option: str, value: str) -> None:
    one_line(init(stage, home, key, **{option: value}), ExitCode.USAGE)
    assert not home.exists()


def test_an_unreadable_key_makes_no_device(stage: Stage, home: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.cose"
    bad.write_bytes(b"no key")
    assert "bad.cose" in one_line(init(stage, home, bad), ExitCode.KEY)
    assert not home.exists()


@pytest.mark.req("H8-3")
def test_a_root_that_is_none_makes_no_device(stage: Stage, home: Path, key: Path, tmp_path: Path) -> None:
    root = tmp_path / "fake.json"
    root.write_text("{}")
    one_line(init(stage, home, key, root=str(root)), ExitCode.REJECTED)
    assert not home.exists()


def test_a_second_device_in_the_same_place_is_refused(stage: Stage, home: Path, key: Path) -> None:
    assert init(stage, home, key).exit_code == 0
    before = (home / "device.json").read_bytes()
    one_line(init(stage, home, key), ExitCode.USAGE)
    assert (home / "device.json").read_bytes() == before


def test_a_repository_that_does_not_answer_is_a_network_error(stage: Stage, home: Path, key: Path) -> None:
    assert init(stage, home, key, url="http://127.0.0.1:1").exit_code == 0
    one_line(run("update", home), ExitCode.NETWORK)


@pytest.mark.req("H7-9")
def test_a_missing_payload_is_a_network_error_and_installs_nothing(
    stage: Stage, home: Path, key: Path, tmp_path: Path
) -> None:
    assert init(stage, home, key).exit_code == 0
    for payload in (tmp_path / "repository" / "public" / "content").glob("*/*/*"):
        payload.unlink()
    one_line(run("update", home), ExitCode.NETWORK)
    assert told(run("status", "--json", home))["trial"] is None


def test_a_damaged_configuration_is_a_storage_error(stage: Stage, home: Path, key: Path) -> None:
    assert init(stage, home, key).exit_code == 0
    for text in ("", "{}", "[]", '{"url": 1}', "\x00"):
        (home / "device.json").write_text(text)
        assert "device.json" in one_line(run("status", home), ExitCode.STORAGE)


def test_a_lost_ic_state_is_tampering_not_a_new_device(stage: Stage, home: Path, key: Path) -> None:
    assert init(stage, home, key).exit_code == 0
    shutil.rmtree(home / "ic")
    one_line(run("update", home), ExitCode.STORAGE)


def test_the_trust_anchor_is_in_the_ic_and_no_private_key_is_on_the_device(
    stage: Stage, home: Path, key: Path
) -> None:
    assert init(stage, home, key).exit_code == 0
    secret = CoseKey.from_cose(key.read_bytes())
    private = stage._author.to_cose()[-32:]
    assert secret.name == stage._author.public.name
    for path in home.rglob("*"):
        if path.is_file():
            assert private not in path.read_bytes()


def test_what_boots_is_what_was_published(stage: Stage, home: Path, key: Path) -> None:
    assert init(stage, home, key).exit_code == 0
    assert run("update", home).exit_code == 0
    assert hashlib.sha256(make_image(1)).hexdigest() in run("boot", home).stdout


def test_options_that_could_never_work_make_no_device(stage: Stage, home: Path, key: Path) -> None:
    one_line(init(stage, home, key, channel="UP/../x"), ExitCode.USAGE)
    one_line(init(stage, home, key, component="00=0"), ExitCode.USAGE)
    twice = run(
        "init", home, "--url", stage._url, "--root", home.parent / "repository" / "root.json", "--trust", key,
        "--vendor", PRODUCT.vendor.hex(), "--class", PRODUCT.class_id.hex(),
        "--component", "00=1M", "--component", "00=2M",
    )  # fmt: skip
    assert "twice" in one_line(twice, ExitCode.USAGE)
    assert not home.exists()


def test_the_same_key_twice_is_one_trust_anchor(stage: Stage, home: Path, key: Path) -> None:
    assert "1 trust anchor(s)" in init(stage, home, key, key).stderr


def test_a_release_that_was_given_up_needs_a_request(stage: Stage, home: Path, key: Path) -> None:
    assert init(stage, home, key).exit_code == 0
    assert run("update", home).exit_code == 0
    assert run("boot", home).exit_code == 0
    one_line(run("boot", home), ExitCode.REFUSED)
    assert "given up" in one_line(run("update", home), ExitCode.NOTHING_TO_DO)
    assert run("update", "--retry", home).exit_code == 0


@pytest.mark.req("H6-12")
def test_a_device_lives_with_an_ic_in_its_own_process(stage: Stage, home: Path, key: Path) -> None:
    assert init(stage, home, key, ic="process", require="floor=adapter").exit_code == 0
    assert json.loads((home / "device.json").read_text())["ic"] == "process"
    assert run("update", home).exit_code == 0
    assert told(run("boot", "--json", home))["trial"] is True
    assert told(run("confirm", "--json", home))["sequence_number"] == 1
    shutil.rmtree(home / "ic")
    one_line(run("update", home), ExitCode.STORAGE)


@pytest.mark.req("H6-14")
def test_a_device_does_not_start_with_less_than_it_requires(stage: Stage, home: Path, key: Path) -> None:
    refused = one_line(init(stage, home, key, require="floor=chip"), ExitCode.REFUSED)
    assert "floor must be CHIP, is HOST" in refused
    assert not home.exists()
    assert init(stage, home, key).exit_code == 0
    text = (home / "device.json").read_text().replace('"require": {}', '"require": {"pcr": "adapter"}')
    (home / "device.json").write_text(text)
    for verb in ("update", "boot", "status"):
        assert "pcr must be ADAPTER" in one_line(run(verb, home), ExitCode.REFUSED)


@pytest.mark.parametrize(
    "change", [{"ic": "cloud"}, {"ic": "unix:"}, {"require": "floor"}, {"require": "floor=best"}]
)
def test_a_place_or_level_that_is_none_makes_no_device(
    stage: Stage, home: Path, key: Path, change: dict[str, str]
) -> None:
    one_line(init(stage, home, key, **change), ExitCode.USAGE)
    assert not home.exists()


@pytest.mark.req("H6-15")
def test_a_device_attests_to_what_it_booted(stage: Stage, home: Path, key: Path, tmp_path: Path) -> None:
    assert init(stage, home, key).exit_code == 0
    assert run("update", home).exit_code == 0
    quote, public, log = tmp_path / "quote.cbor", tmp_path / "attestation.cose", tmp_path / "log.json"
    assert run("attestation-key", home, "-o", public).exit_code == 0
    attested = run("attest", home, "--nonce", "00" * 16, "--boot", "--log", log, "-o", quote)
    assert attested.exit_code == 0, attested.output
    verify = ["quote-verify", str(quote), "--key", str(public), "--nonce", "00" * 16, "--log", str(log)]
    verified = CliRunner().invoke(suit_cli, verify)
    assert verified.exit_code == 0, verified.output
    assert "image of component" in verified.stdout
    one_line(CliRunner().invoke(suit_cli, [*verify[:5], "11" * 16]), ExitCode.REJECTED)
    log.write_text(log.read_text().replace('"pcr": 8', '"pcr": 7'))
    one_line(CliRunner().invoke(suit_cli, verify), ExitCode.REFUSED)
    later = tmp_path / "later.cbor"
    assert run("attest", home, "--nonce", "00" * 16, "-o", later).exit_code == 0
    for now, before, code in ((later, quote, ExitCode.OK), (quote, later, ExitCode.REFUSED)):
        compared = [str(now), "--key", str(public), "--nonce", "00" * 16, "--after", str(before)]
        assert CliRunner().invoke(suit_cli, ["quote-verify", *compared]).exit_code == code.value
    one_line(run("attest", home, "--nonce", "00"), ExitCode.INTERNAL)
    one_line(run("attest", home, "--nonce", "00" * 16, "--log", log), ExitCode.USAGE)


@pytest.mark.req("H7-11")
def test_a_fallback_within_one_boot_is_in_the_log_of_that_boot(stage: Stage, home: Path, key: Path) -> None:
    assert init(stage, home, key).exit_code == 0
    for verb in ("update", "boot", "confirm"):
        assert run(verb, home).exit_code == 0
    stage.publish(2)
    assert run("update", home).exit_code == 0
    newest = max((home / "storage" / "images").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(b"rotten" + newest.read_bytes()[6:])
    booted = told(run("boot", "--json", home))
    assert (booted["trial"], booted["system"]["sequence_number"]) == (False, 1)
    measured = [event["what"] for event in booted["log"] if event["pcr"] == 9]
    assert measured == ["manifest of sequence number 2", "manifest of sequence number 1"]


@pytest.mark.req("H6-4")
def test_a_device_takes_a_signed_update_of_its_trust_anchor(
    stage: Stage, home: Path, key: Path, tmp_path: Path
) -> None:
    assert init(stage, home, key).exit_code == 0
    old, new, update = tmp_path / "old.cose", tmp_path / "new.cose", tmp_path / "update.cose"
    old.write_bytes(stage._author.to_cose())
    old.chmod(0o600)
    new.write_bytes(stage._stranger.public.to_cose())
    signing = [
        "anchor-update",
        "--slot",
        "manifest-0",
        "--version",
        "1",
        "--new",
        str(new),
        "-o",
        str(update),
    ]
    made = CliRunner().invoke(suit_cli, [*signing, "--key", str(old)])
    assert made.exit_code == 0, made.output
    assert told(run("trust-update", "--json", home, update))["version"] == 1
    assert "signed the update" in one_line(run("trust-update", home, update), ExitCode.REJECTED)
    one_line(run("update", home), ExitCode.REJECTED)
    again = CliRunner().invoke(suit_cli, [*signing[:4], "2", *signing[5:], "--key", str(old)])
    assert again.exit_code == 0
    assert "signed the update" in one_line(run("trust-update", home, update), ExitCode.REJECTED)
