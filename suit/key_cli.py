"""``hardsuit key``: make keys and look at their public parts. Secrets go to files, never to the screen."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from spec.labels import CoseAlgorithm
from suit.command import Console, command
from suit.errors import KeyUnavailableError, UsageError
from suit.printable import printable

if TYPE_CHECKING:
    from suit.keys import CoseKey

# ruff: noqa: PLC0415 - a verb imports what it needs, so that --help and the other verbs do not wait
_RECIPIENTS: Final = ("a128kw", "a192kw", "a256kw", "x25519", "p256-ecdh")
_TYPES: Final = ("p256", "p384", "p521", "ed25519", "hmac", "a256gcm", *_RECIPIENTS)
_PUBLIC_SUFFIX: Final = ".pub"
_PATH: Final = click.Path(path_type=Path)


@click.group()
def cli() -> None:
    """Make and look at keys."""


@command(cli)
@click.option("--type", "kind", type=click.Choice(_TYPES), default="p256", help="The kind of key.")
@click.option("--alg", help="Bind the key to this algorithm, for example ES256; by default the kind's own.")
@click.option("--kid", help="The name that signatures give to the key.")
@click.option("--out", required=True, type=_PATH, help="Where: a name that ends in .cose or .pem.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def new(
    console: Console, kind: str, alg: str | None, kid: str | None, out: Path, *, force: bool
) -> dict[str, Any]:
    """Make a key: the secret for its owner only, the public key beside it in OUT.pub.

    a256gcm encrypts the reports of one device, and reads them. a128kw, a192kw, a256kw (shared secrets),
    x25519 and p256-ecdh (key pairs) open encrypted payloads.
    """
    from suit.key_files import write_key_file
    from suit.signer import KeyType, generate

    pem = _is_pem(out)
    if kind == "a256gcm":
        return _new_report_cipher(console, alg, kid, out, overwrite=force)
    if kind in _RECIPIENTS:
        return _new_recipient_key(console, kind, alg, kid, out, overwrite=force)
    if pem and (alg or kid or kind == "hmac"):
        raise UsageError(f"{out}: PEM holds no --alg, no --kid and no MAC key; use a name that ends in .cose")
    public = None if kind == "hmac" else out.with_name(out.name + _PUBLIC_SUFFIX)
    if public and public.exists() and not force:
        raise UsageError(f"{public} exists; --force overwrites it")
    signer = generate(KeyType[kind.upper()], algorithm=_algorithm(alg), kid=kid.encode() if kid else None)
    write_key_file(out, signer.to_pem() if pem else signer.to_cose(), secret=True, overwrite=force)
    console.say(f"wrote {out}, readable by you alone")
    if public:
        encoded = signer.public.to_pem() if pem else signer.public.to_cose()
        write_key_file(public, encoded, secret=False, overwrite=force)
        console.say(f"wrote {public}")
    console.data(signer.public.name.hex())
    return {**_described(signer.public), "path": str(out), "public": str(public) if public else None}


def _new_report_cipher(
    console: Console, alg: str | None, kid: str | None, out: Path, *, overwrite: bool
) -> dict[str, Any]:
    from suit.key_files import write_key_file
    from suit.keys import CoseKey
    from suit.report_cipher import ReportCipher

    if alg or _is_pem(out):
        raise UsageError(f"{out}: this kind of key has one algorithm, and needs a name that ends in .cose")
    encoded = ReportCipher.draw(kid.encode() if kid else None).to_cose()
    write_key_file(out, encoded, secret=True, overwrite=overwrite)
    console.say(f"wrote {out}, readable by you alone")
    key = CoseKey.from_cose(encoded)
    console.data(key.name.hex())
    return {**_described(key), "path": str(out), "public": None}


def _new_recipient_key(
    console: Console, kind: str, alg: str | None, kid: str | None, out: Path, *, overwrite: bool
) -> dict[str, Any]:
    from suit.key_files import write_key_file
    from suit.recipient_keys import RecipientKeyType, generate

    if out.suffix != ".cose":
        raise UsageError(f"{out}: a key for payloads goes to a name that ends in .cose")
    kind_of = RecipientKeyType[kind.upper().replace("-", "_")]
    key = generate(kind_of, algorithm=_algorithm(alg), kid=kid.encode() if kid else None)
    public = out.with_name(out.name + _PUBLIC_SUFFIX) if key.curve else None
    if public and public.exists() and not overwrite:
        raise UsageError(f"{public} exists; --force overwrites it")
    write_key_file(out, key.to_cose(), secret=True, overwrite=overwrite)
    console.say(f"wrote {out}, readable by you alone")
    if public:
        write_key_file(public, key.public().to_cose(), secret=False, overwrite=overwrite)
        console.say(f"wrote {public}")
    console.data(key.name.hex())
    return {
        "thumbprint": key.name.hex(),
        "type": kind,
        "algorithms": sorted(one.name for one in key.admitted),
        "kid": kid,
        "path": str(out),
        "public": str(public) if public else None,
    }


@command(cli)
@click.argument("path", type=_PATH)
def show(console: Console, path: Path) -> dict[str, Any]:
    """Show the public part of a key file; of a MAC key, what is not secret."""
    from suit.keys import load_key

    described = _described(load_key(path))
    for name, value in described.items():
        if value is not None:
            console.data(f"{name:<11} {', '.join(value) if isinstance(value, list) else value}")
    return described


@command(cli, "list")
@click.argument("directory", type=_PATH)
def list_(console: Console, directory: Path) -> list[dict[str, Any]]:
    """List the keys in a directory; files that are none are passed over."""
    from suit.keys import load_key

    if not directory.is_dir():
        raise UsageError(f"{directory}: not a directory")
    found, others = [], 0
    for path in sorted(directory.iterdir()):
        try:
            key = load_key(path)
        except KeyUnavailableError:
            others += 1
            continue
        described = _described(key)
        found.append({"path": str(path), **described})
        kid = f"  kid {described['kid']}" if described["kid"] else ""
        console.data(f"{described['thumbprint'][:16]}  {described['type']:<9}  {printable(path.name)}{kid}")
    if others:
        console.say(f"{others} other {'entry is' if others == 1 else 'entries are'} no key that can be read")
    return found


def _is_pem(path: Path) -> bool:
    if path.suffix not in (".pem", ".cose"):
        raise UsageError(f"{path}: the name has to end in .cose or .pem")
    return path.suffix == ".pem"


def _algorithm(name: str | None) -> CoseAlgorithm | None:
    if name is None:
        return None
    try:
        return CoseAlgorithm[name.upper().replace("-", "_")]
    except KeyError:
        raise UsageError(f"--alg {printable(name)}: no algorithm of that name") from None


def _described(key: "CoseKey") -> dict[str, Any]:
    """Return what may be shown of a key, by name."""
    return {
        "thumbprint": key.name.hex(),
        "type": key.curve.name if key.curve else key.kty.name,
        "algorithms": sorted(algorithm.name for algorithm in key.admitted),
        "kid": shown_kid(key.kid),
        "x": key.x.hex() or None,
        "y": key.y.hex() or None,
    }


def shown_kid(kid: bytes | None) -> str | None:
    """Return a kid as people read it."""
    if kid is None:
        return None
    try:
        return printable(kid.decode())
    except UnicodeDecodeError:
        return f"h'{kid.hex()}'"
