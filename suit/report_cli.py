"""``hardsuit suit report-verify``: believe a device's report, and read it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suit.command import Console, command
from suit.errors import UsageError
from suit.files import read_input

if TYPE_CHECKING:
    from suit.report import Report

# ruff: noqa: PLC0415 - a verb imports what it needs, so that --help and the other verbs do not wait


_KEYS = click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="The device's report key, PEM or COSE_Key; repeatable.",
)
_DECRYPT = click.option(
    "--decrypt-key",
    "decrypt_keys",
    multiple=True,
    type=click.Path(path_type=Path),
    help="What encrypted reports are opened with, a symmetric COSE_Key; repeatable.",
)


@click.group()
def cli() -> None:
    """Verbs that :mod:`suit.cli` takes into its own group."""


@command(cli)
@click.argument("report", type=click.Path())
@click.option("--envelope", required=True, type=click.Path(), help="The envelope that the report is about.")
@_KEYS
@click.option(
    "--dependency",
    "dependencies",
    multiple=True,
    type=click.Path(),
    help="The envelope of a dependency that the other one does not hold; repeatable.",
)
@_DECRYPT
@click.option("--nonce", help="What the device was asked with, in hex; an old report is refused then.")
def report_verify(
    console: Console,
    report: str,
    envelope: str,
    keys: tuple[Path, ...],
    dependencies: tuple[str, ...],
    decrypt_keys: tuple[Path, ...],
    nonce: str | None,
) -> dict[str, Any]:
    """Verify REPORT, hold it against its envelope, and tell what happened on the device.

    The envelope itself is not authenticated here: that the report's digest is its digest is what counts.
    """
    from suit.envelope import MAX_ENVELOPE, open_envelope
    from suit.narrow import draft_name
    from suit.replay import replay

    expected = parse_nonce(nonce)
    opened = _opened(console, report, keys, decrypt_keys)
    events = replay(
        opened,
        open_envelope(read_input(envelope, MAX_ENVELOPE)),
        nonce=expected,
        dependencies=tuple([open_envelope(read_input(one, MAX_ENVELOPE)) for one in dependencies]),
    )
    for event in events:
        console.data(f"{event.where}: {event.what}")
    if expected is None:
        console.say("no --nonce: this may be an old report")
    failure = opened.failure
    return {
        "result": draft_name(failure.reason) if failure else "ok",
        "code": failure.code if failure else 0,
        "events": [{"where": event.where, "what": event.what} for event in events],
    }


def _opened(console: Console, name: str, keys: tuple[Path, ...], decrypt_keys: tuple[Path, ...]) -> "Report":
    from suit.keys import load_key
    from suit.report_cipher import ReportCipher
    from suit.report_seal import MAX_SEALED, open_report, travels_encrypted

    raw = read_input(name, MAX_SEALED)
    ciphers = [ReportCipher.of(load_key(key)) for key in decrypt_keys]
    report = open_report(raw, [load_key(key) for key in keys], ciphers=ciphers)
    if ciphers and not travels_encrypted(raw):
        console.say(f"{name}: authentic, but whoever saw it could read it: it is not encrypted")
    return report


def parse_nonce(text: str | None) -> bytes | None:
    """Read a nonce in hex.

    Raises:
        UsageError: It is none.
    """
    if text is None:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UsageError(f"--nonce {text}: not hex") from None


@command(cli)
@click.argument("envelope", type=click.Path())
@click.option("--report", required=True, type=click.Path(), help="A report with the device's capabilities.")
@_KEYS
@_DECRYPT
def supported(
    console: Console, envelope: str, report: str, keys: tuple[Path, ...], decrypt_keys: tuple[Path, ...]
) -> dict[str, Any]:
    """Tell whether a device has said that it supports all that ENVELOPE uses; exit 4 if it has not.

    `hardsuit device report --capabilities` asks a device for such a report.
    """
    from suit.envelope import MAX_ENVELOPE, open_envelope
    from suit.errors import RefusedError
    from suit.supported import unsupported

    told = _opened(console, report, keys, decrypt_keys)
    if told.capabilities is None:
        raise UsageError(f"{report}: this report tells no capabilities")
    missing = unsupported(open_envelope(read_input(envelope, MAX_ENVELOPE)), told.capabilities)
    for name in missing:
        console.data(name)
    if missing:
        console.found["unsupported"] = missing
        raise RefusedError(f"{envelope}: the device does not support {missing[0]}")
    console.say(f"{envelope}: the device supports all of it")
    return {"unsupported": missing}
