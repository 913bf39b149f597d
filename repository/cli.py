"""``hardsuit repo``: keep a TUF repository of update sets."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from typing_extensions import override

from suit.command import Console, command
from suit.errors import ExpiredError, KeyUnavailableError, StorageError

if TYPE_CHECKING:
    from repository.updates import UpdateSet

_KINDS = ("root", "targets", "snapshot", "timestamp", "vendor", "bin")
_DIRECTORY = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))


class _Duration(click.ParamType[timedelta]):
    """A duration such as ``5d`` or ``12h``."""

    name = "duration"

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read the duration."""
        from repository.policy import parse_duration

        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Expiry(click.ParamType[tuple[str, timedelta]]):
    """A role and how long its signatures are good: ``timestamp=7d``."""

    name = "role=duration"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, timedelta]:
        """Read role and duration."""
        role, _, duration = str(value).partition("=")
        if role not in _KINDS:
            self.fail(f"{role!r} is none of {', '.join(_KINDS)}", param, ctx)
        return role, _Duration().convert(duration, param, ctx)


@click.group()
def cli() -> None:
    """Keep a TUF repository of update sets."""


@command(cli)
@_DIRECTORY
@click.option(
    "--root-keys", type=click.IntRange(1, 32), default=1, show_default=True, help="Root keys to make."
)
@click.option(
    "--root-threshold",
    type=click.IntRange(1, 32),
    default=1,
    show_default=True,
    help="Root keys that must sign.",
)
@click.option(
    "--key-type",
    type=click.Choice(["ecdsa", "ed25519"]),
    default="ecdsa",
    show_default=True,
    help="The type of new keys.",
)
@click.option(
    "--expires",
    type=_Expiry(),
    multiple=True,
    metavar="ROLE=DURATION",
    help=f"How long signatures of a role are good ({', '.join(_KINDS)}); repeatable.",
)
def init(
    console: Console,
    directory: Path,
    root_keys: int,
    root_threshold: int,
    key_type: str,
    expires: tuple[tuple[str, timedelta], ...],
) -> object:
    """Make a repository in DIR: keys, policy, and the four top-level roles.

    DIR/public is what may be served, DIR/root.json what devices are provisioned with; everything else is
    private. Take the root and targets keys out of DIR/keys once the repository works.
    """
    from dataclasses import replace

    from repository.policy import Policy, Roles
    from repository.repository import Repository
    from repository.signers import KeyType

    roles = Roles()
    chosen = {kind: getattr(roles, kind) for kind in _KINDS}
    chosen["root"] = replace(chosen["root"], keys=root_keys, threshold=root_threshold)
    for kind, duration in expires:
        chosen[kind] = replace(chosen[kind], expires=duration)
    policy = Policy(key=KeyType(key_type), roles=Roles(**chosen))
    policy.require_sound()
    for warning in policy.warnings():
        console.say(f"warning: {warning}")
    repository = Repository.create(directory, policy)
    console.data(str(repository.root_file))
    console.say(f"made a repository in {directory}; devices are provisioned with {repository.root_file}")
    return {"root": str(repository.root_file), "public": str(repository.public)}


@command(cli)
@_DIRECTORY
@click.option("--vendor", required=True, metavar="UUID", help="The vendor id, as in its manifests.")
@click.option("--name", default="", help="A name for people.")
@click.option(
    "--bins",
    type=int,
    default=16,
    show_default=True,
    help="Hash bins for its targets: a power of two, fixed for ever.",
)
def vendor(console: Console, directory: Path, vendor: str, name: str, bins: int) -> object:
    """Add a vendor: its own key for its paths, an online key for the bins below."""
    from repository.repository import Repository
    from repository.updates import parse_identifier
    from suit.target import vendor_role

    identifier = parse_identifier(vendor)
    committed = Repository.open(directory).add_vendor(identifier, name=name, bins=bins)
    role = vendor_role(identifier)
    console.data(role)
    console.say(f"added vendor {identifier.hex()} with {bins} bins (timestamp {committed.timestamp})")
    return {"vendor": identifier.hex(), "role": role, "bins": bins, "timestamp": committed.timestamp}


@command(cli)
@_DIRECTORY
@click.argument("envelope", type=click.Path(path_type=Path))
@click.option(
    "--payload",
    "payloads",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A payload file; recognised by its digest. Repeatable.",
)
@click.option("--channel", default="stable", show_default=True, help="The channel that devices follow.")
@click.option("--vendor", metavar="UUID", help="The vendor id, if the manifest leaves it open.")
@click.option("--class", "class_id", metavar="UUID", help="The class id, if the manifest leaves it open.")
@click.option(
    "--key",
    "keys",
    type=click.Path(path_type=Path),
    multiple=True,
    help="An author's key; then one of them must have signed. Repeatable.",
)
@click.option("--version", help="A version for people.")
@click.option("--minimum", type=int, help="A sequence number below which devices shall not go back.")
def publish(
    console: Console,
    /,
    directory: Path,
    envelope: Path,
    payloads: tuple[Path, ...],
    keys: tuple[Path, ...],
    **options: Any,  # noqa: ANN401 - click hands over what _update reads
) -> object:
    """Publish ENVELOPE and its payloads.

    The sequence number must be higher than the published one. Every payload that the manifest names by a
    relative URI must be given or be in the repository already.
    """
    from repository.repository import Repository

    repository = Repository.open(directory)
    update = _update(envelope, payloads, keys, options)
    if update.authors is None:
        console.say("checked form and digest; no --key was given, so no author's signature was verified")
    else:
        console.say(f"signed by {', '.join(author.hex()[:16] for author in update.authors)}")
    for uri in update.elsewhere:
        console.say(f"note: devices fetch {uri} from its own server, not from this repository")
    done = repository.publish(update)
    console.data(done.path)
    console.say(
        f"published sequence number {done.info.sequence_number} in {done.role} (timestamp {done.timestamp})"
    )
    return {
        "path": done.path,
        "suit": done.info.to_custom(),
        "replaced": done.replaced,
        "role": done.role,
        "payloads": list(done.payloads),
        "elsewhere": list(update.elsewhere),
        "authors": None if update.authors is None else [author.hex() for author in update.authors],
        "timestamp": done.timestamp,
    }


@command(cli)
@_DIRECTORY
@click.option(
    "--due",
    type=_Duration(),
    help="Renew what expires within this time. Default: 5d, or half of a role's life.",
)
def bump(console: Console, directory: Path, due: timedelta | None) -> object:
    """Sign anew what expires soon; for a nightly job. Exit code 5 when nothing is due.

    Roles whose keys are not here are named: exit code 9, or 6 when one has expired already.
    """
    from repository.repository import Repository

    done = Repository.open(directory).bump(due)
    for role in done.signed:
        console.data(role)
    if done.overdue:
        signed = ", ".join(done.signed) or "nothing"
        waiting = "; ".join(f"{role} ({problem})" for role, problem in done.overdue.items())
        message = f"signed {signed}; due but not signed: {waiting}"
        raise ExpiredError(message) if done.expired else KeyUnavailableError(message)
    console.say(f"signed {len(done.signed)} roles anew")
    return {"signed": list(done.signed)}


@command(cli)
@_DIRECTORY
def status(console: Console, directory: Path) -> object:
    """Show roles, keys, expiry, vendors and targets."""
    import shutil

    from repository import view
    from repository.repository import Repository

    survey = Repository.open(directory).status()
    if sys.stdout.isatty():
        console.data(view.rich_text(survey, shutil.get_terminal_size().columns))
    else:
        console.data(view.plain(survey))
    return survey.to_json()


@command(cli)
@_DIRECTORY
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one."
)
def serve(console: Console, directory: Path, host: str, port: int) -> object:
    """Serve DIR/public over HTTP until interrupted; print the URL first.

    A busy port is exit code 7: trying again later, or another port, may help.
    """
    import json
    import logging

    from repository.repository import Repository
    from repository.serve import serving, stop_signals

    if console.verbose:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
    repository = Repository.open(directory)
    with stop_signals() as wait, serving(repository.directory, host, port) as url:
        if console.json:
            opened = {"ok": True, "code": 0, "reason": "ok", "data": {"url": url}}
            click.echo(json.dumps(opened))
        console.data(url)
        console.say(f"serving {repository.public} at {url}; Ctrl-C stops")
        wait()
    raise SystemExit(0)  # the object of --json is printed already


def _update(
    envelope: Path, payloads: tuple[Path, ...], keys: tuple[Path, ...], options: dict[str, Any]
) -> "UpdateSet":
    from repository.updates import Destination, parse_identifier, read_update
    from suit.authenticate import KeyRing
    from suit.keys import load_key

    vendor, class_id = (
        None if text is None else parse_identifier(text) for text in (options["vendor"], options["class_id"])
    )
    return read_update(
        read_envelope(envelope),
        files=payloads,
        destination=Destination(options["channel"], vendor, class_id),
        verifier=KeyRing([load_key(key) for key in keys]) if keys else None,
        version=options["version"],
        minimum=options["minimum"],
    )


def read_envelope(path: Path) -> bytes:
    """Read an envelope file, no more of it than an envelope may have."""
    from suit.envelope import MAX_ENVELOPE

    try:
        with path.open("rb") as file:
            return file.read(MAX_ENVELOPE + 1)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
