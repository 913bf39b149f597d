"""``hardsuit device attest``, ``attestation-key``, ``trust-update``: what a device's IC vouches for."""

from pathlib import Path

import click

from suit.command import Console, command

# ruff: noqa: PLC0415 - a verb imports what it needs, so that --help and the other verbs do not wait

_DIRECTORY = click.argument("directory", type=click.Path(path_type=Path))


@click.group()
def cli() -> None:
    """Verbs that :mod:`device.cli` takes into its own group."""


@command(cli)
@_DIRECTORY
@click.option("--nonce", required=True, help="In hex, 8 to 64 bytes; it comes back in the quote.")
@click.option("--boot", "booting", is_flag=True, help="Boot first, and attest to what that measured.")
@click.option("--log", type=click.Path(path_type=Path), help="Where the measurement log of --boot goes.")
@click.option("-o", "--out", type=click.Path(), help="Where the quote goes; standard output if left out.")
def attest(
    console: Console, directory: Path, nonce: str, log: Path | None, out: str | None, *, booting: bool
) -> object:
    """Write the security IC's quote: PCRs, floors, boots and generation, signed with a key that never leaves.

    An IC that runs only as long as a command does has measured nothing yet: --boot makes this command a boot.
    """
    import json

    from device.home import opened
    from suit.errors import UsageError
    from suit.files import write_output
    from suit.report_cli import parse_nonce

    asked = parse_nonce(nonce) or b""
    if log is not None and not booting:
        raise UsageError("--log is for --boot: nothing else measures")
    with opened(directory) as device:
        events = device.boot().to_dict()["log"] if booting else []
        quoted = device.ic.quote(asked)
    if log is not None:
        log.write_text(json.dumps(events, indent=2) + "\n", encoding="utf-8")
    if out or not console.json:
        write_output(out, quoted)
    return {"quote": quoted.hex(), "log": events}


@command(cli)
@_DIRECTORY
@click.argument("update", type=click.Path())
def trust_update(console: Console, directory: Path, update: str) -> object:
    """Give the signed UPDATE of a trust anchor to the security IC (`suit anchor-update` makes one)."""
    from device.home import opened
    from suit.anchor_update import MAX_UPDATE
    from suit.files import read_input

    with opened(directory) as device:
        info = device.ic.update_anchor(read_input(update, 2 * MAX_UPDATE))
    if info is None:
        console.say("the trust anchor is gone")
        return {"key": None}
    console.say(f"{info.slot} is version {info.version}, key {info.name.hex()[:16]}")
    return {"key": info.name.hex(), "slot": info.slot, "version": info.version}


@command(cli)
@_DIRECTORY
@click.option("-o", "--out", type=click.Path(), help="Where the COSE_Key goes; standard output if left out.")
def attestation_key(console: Console, directory: Path, out: str | None) -> object:
    """Write the public key that verifies this device's quotes, as a COSE_Key."""
    from device.home import opened
    from suit.files import write_output

    with opened(directory) as device:
        key = device.ic.attestation_key()
    if out or not console.json:
        write_output(out, key.to_cose())
    return {"name": key.name.hex(), "cose_key": key.to_cose().hex()}
