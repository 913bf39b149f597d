"""Verbs of ``hardsuit suit`` for encrypted payloads: encrypt one, and say who may open it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from suit.command import Console, command
from suit.errors import UsageError
from suit.files import read_input, write_output

if TYPE_CHECKING:
    from suit.encryption import EncryptionInfo

# ruff: noqa: PLC0415 - a verb imports what it needs, so that --help and the other verbs do not wait
_CIPHERS: Final = (
    "a128gcm",
    "a192gcm",
    "a256gcm",
    "chacha20-poly1305",
    "a128ctr",
    "a192ctr",
    "a256ctr",
)
_PATH: Final = click.Path(path_type=Path)


@click.group()
def cli() -> None:
    """Verbs that :mod:`suit.cli` takes into its own group."""


@command(cli)
@click.argument("payload", type=_PATH)
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    required=True,
    type=_PATH,
    help="A key file; public is enough.",
)
@click.option("--alg", type=click.Choice(_CIPHERS), default="a128gcm", help="The content cipher.")
@click.option("-o", "--out", required=True, type=_PATH, help="Where the ciphertext goes.")
@click.option("--info", required=True, type=_PATH, help="Where the encryption info goes.")
def encrypt(
    console: Console, payload: Path, recipients: tuple[Path, ...], alg: str, out: Path, info: Path
) -> dict[str, Any]:
    """Encrypt PAYLOAD for each --recipient, under a content key that is drawn for it and kept by nobody.

    A description takes INFO as `encryption-info: {file: INFO}`, and the ciphertext as its payload.
    """
    from spec.labels import CoseAlgorithm
    from suit.encrypt import encrypt_file
    from suit.recipient_keys import load_recipient_key

    if len({payload.resolve(), out.resolve(), info.resolve()}) < 3:  # noqa: PLR2004 - the three files named
        raise UsageError("PAYLOAD, --out and --info are three files")
    keys = [load_recipient_key(path).public() for path in recipients]
    made = encrypt_file(payload, out, keys, CoseAlgorithm[alg.upper().replace("-", "_")])
    write_output(str(info), made.raw)
    console.say(f"wrote {out} and {info}, for {len(keys)} recipients")
    if alg.endswith("ctr"):
        console.say("note: devices decrypt AES-CTR only with the image digest in the manifest")
    return _described(made)


@command(cli)
@click.argument("info", type=click.Path())
@click.option("--key", "opener", type=_PATH, help="A recipient's key with its secret; --add needs it.")
@click.option("--add", "added", multiple=True, type=_PATH, help="Let this key open the payload too.")
@click.option("--drop", "dropped", multiple=True, help="Leave out the recipient of this kid.")
@click.option("-o", "--out", type=click.Path(), help="Where the changed encryption info goes.")
def recipients(
    console: Console,
    info: str,
    opener: Path | None,
    added: tuple[Path, ...],
    dropped: tuple[str, ...],
    out: str | None,
) -> dict[str, Any]:
    """List who may open a payload by its encryption INFO, or let others; the payload stays as it is.

    Who is dropped can open what was encrypted before: to shut somebody out, encrypt anew.
    """
    from suit.cose_encrypt import MAX_SIZE, parse_encryption_info
    from suit.encrypt import add_recipients, drop_recipients
    from suit.recipient_keys import load_recipient_key

    found = parse_encryption_info(read_input(info, MAX_SIZE), where=info)
    if dropped:
        found = drop_recipients(found.raw, [kid.encode() for kid in dropped])
    if added:
        if opener is None:
            raise UsageError("--add needs --key, a key that opens the payload already")
        keys = [load_recipient_key(path).public() for path in added]
        found = add_recipients(found.raw, load_recipient_key(opener), keys)
    if added or dropped:
        write_output(out, found.raw)
    else:
        for line in _described(found)["recipients"]:
            console.data(f"{line['algorithm']:<16} {line['kid'] or '(no kid)'}")
    return _described(found)


def _described(info: "EncryptionInfo") -> dict[str, Any]:
    from suit.key_cli import shown_kid

    return {
        "algorithm": info.algorithm.name,
        "recipients": [
            {"algorithm": one.algorithm.name, "kid": shown_kid(one.kid)} for one in info.recipients
        ],
    }
