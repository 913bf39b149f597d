"""``hardsuit suit quote-verify`` and ``anchor-update``: believe an IC, and sign changes of what it trusts."""

from pathlib import Path
from typing import Any

import click

from suit.command import Console, command

# ruff: noqa: PLC0415 - a verb imports what it needs, so that --help and the other verbs do not wait


@click.group()
def cli() -> None:
    """Verbs that :mod:`suit.cli` takes into its own group."""


@command(cli)
@click.argument("quote", type=click.Path())
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="The device's attestation key; repeatable.",
)
@click.option("--nonce", required=True, help="What the device was asked with, in hex.")
@click.option(
    "--after", type=click.Path(), help="An earlier quote of the device: nothing may have gone back."
)
@click.option(
    "--log", type=click.Path(path_type=Path), help="Its measurement log, to be explained by the PCRs."
)
def quote_verify(
    console: Console, quote: str, keys: tuple[Path, ...], nonce: str, after: str | None, log: Path | None
) -> dict[str, Any]:
    """Verify QUOTE and tell what it says; exit code 4 when the IC's state was put back since --after."""
    from suit.embedded import opened
    from suit.files import read_input
    from suit.keys import load_key
    from suit.quote import MAX_QUOTE, decode_quote, open_quote, read_log, require_explained
    from suit.report_cli import parse_nonce

    trusted = [load_key(key) for key in keys]
    earlier = None
    if after is not None:
        raw = read_input(after, 2 * MAX_QUOTE)
        earlier = decode_quote(opened(raw, trusted, where="earlier quote", limit=MAX_QUOTE))
    told = open_quote(
        read_input(quote, 2 * MAX_QUOTE), trusted, nonce=parse_nonce(nonce) or b"", after=earlier
    )
    if log is not None:
        events = read_log(read_input(str(log), MAX_QUOTE))
        require_explained(told, events)
        for event in events:
            console.data(f"PCR {event.pcr:<2} {event.digest.hex()} {event.what}")
    console.data(f"IC {told.uid.hex()}, boot {told.boot_count}, up {told.uptime} s, state {told.generation}")
    for slot, (value, digest) in told.floors.items():
        console.data(f"floor {slot}: {value} {digest.hex()}")
    return told.to_dict()


@command(cli)
@click.option("--slot", required=True, help="Where the trust anchor is, such as manifest-0.")
@click.option(
    "--version", "number", required=True, type=click.IntRange(1), help="Higher than the present one."
)
@click.option(
    "--new", type=click.Path(path_type=Path), help="The new public key; without it the anchor goes."
)
@click.option("--ic", "uid", help="The identity of the one IC that it is for, in hex. Default: any.")
@click.option(
    "--key", required=True, help="The private key that is there now, or an update key: file or URI."
)
@click.option("-o", "--out", type=click.Path(), help="Where it goes; standard output if left out.")
def anchor_update(
    console: Console, slot: str, number: int, new: Path | None, uid: str | None, key: str, out: str | None
) -> dict[str, Any]:
    """Sign the change of a trust anchor, for `device trust-update`."""
    from suit.anchor_update import AnchorUpdate
    from suit.files import write_output
    from suit.keys import load_key
    from suit.report_cli import parse_nonce
    from suit.signer import load_signer

    update = AnchorUpdate(slot, number, load_key(new) if new else None, parse_nonce(uid))
    sealed = update.seal(load_signer(Path(key)))
    if out or not console.json:
        write_output(out, sealed)
    return {"update": sealed.hex()}
