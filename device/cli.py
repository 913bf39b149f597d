"""``hardsuit device``: a device in a directory, one verb for each step of its life."""

from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from device import attest_cli
from suit.command import Console, command
from suit.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from device.platform import Watch
    from device.record import System

_SHOWN = 40  # characters of a URI beside its progress bar
_DIRECTORY = click.argument("directory", type=click.Path(path_type=Path))


@click.group()
def cli() -> None:
    """Be a device: update, boot, confirm."""


for _name, _verb in attest_cli.cli.commands.items():
    cli.add_command(_verb, _name)


@command(cli)
@_DIRECTORY
@click.option("--url", required=True, help="Base URL of the repository.")
@click.option(
    "--root",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The repository's root.json, brought by a trusted hand.",
)
@click.option(
    "--trust",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A key that manifests are verified with (COSE_Key or PEM); repeatable.",
)
@click.option("--vendor", required=True, help="Vendor identifier, a UUID.")
@click.option("--class", "class_id", required=True, help="Class identifier, a UUID.")
@click.option("--device-id", default="", help="Device identifier, a UUID.")
@click.option("--channel", default="stable", show_default=True)
@click.option(
    "--component",
    "components",
    multiple=True,
    default=["00=64M"],
    show_default=True,
    help="HEX[.HEX…]=CAPACITY; repeatable.",
)
@click.option(
    "--file", "files", multiple=True, help="PATH=CAPACITY of a component that is a file; repeatable."
)
@click.option("--user", "users", multiple=True, help="NAME=UID that metadata of files may name; repeatable.")
@click.option(
    "--group", "groups", multiple=True, help="NAME=GID that metadata of files may name; repeatable."
)
@click.option("--link", "links", multiple=True, help="PATH=TARGET of a link that may lead out; repeatable.")
@click.option("--allow-origin", "origins", multiple=True, help="scheme://host[:port] of absolute URIs.")
@click.option(
    "--ic",
    default="process",
    show_default=True,
    help="Its security IC: process (its own), inprocess, or unix:PATH of one that runs.",
)
@click.option(
    "--require",
    multiple=True,
    help="FUNCTION=LEVEL (host, adapter, chip) that the IC must reach, such as floor=adapter; repeatable.",
)
@click.option(
    "--profile",
    type=click.Choice(("strict", "compat")),
    default="strict",
    show_default=True,
    help="compat carries out trees of manifests that leave out checks of their dependencies, and says so.",
)
@click.option(
    "--timezone", default="", help="Where it stands, such as Europe/Berlin: for waits in local time."
)
@click.option("--wait-seconds", type=int, help="How long a manifest may make it wait; without: no end.")
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Authorizes later changes of trust anchors; without it they are fixed.",
)
@click.option(
    "--open-key",
    "open_keys",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A key that opens encrypted payloads, with its secret: it goes into the IC.",
)
@click.option(
    "--report-cipher",
    type=click.Path(path_type=Path),
    help="A symmetric COSE_Key for this device alone: its SUIT reports leave encrypted, or not at all.",
)
def init(
    console: Console,
    directory: Path,
    url: str,
    root: Path,
    trust: Sequence[Path],
    vendor: str,
    class_id: str,
    device_id: str,
    channel: str,
    components: Sequence[str],
    files: Sequence[str],
    users: Sequence[str],
    groups: Sequence[str],
    links: Sequence[str],
    origins: Sequence[str],
    ic: str,
    require: Sequence[str],
    profile: str,
    timezone: str,
    wait_seconds: int | None,
    secret_file: Path | None,
    report_cipher: Path | None,
    open_keys: Sequence[Path],
) -> object:
    """Provision a device in DIRECTORY."""
    from device.config import Config, parse_components, parse_files, parse_uuid
    from device.files.settings import FileSettings, parse_links, parse_numbers, path_of
    from device.home import create
    from device.ic.places import parse_requirement
    from device.processor import Profile
    from suit.keys import load_key
    from suit.recipient_keys import load_recipient_key
    from suit.report_cipher import ReportCipher

    paths = parse_files(files)
    settings = FileSettings(tuple(paths), parse_numbers(users), parse_numbers(groups), parse_links(links))
    config = Config(
        url=url,
        vendor=parse_uuid(vendor),
        class_id=parse_uuid(class_id),
        device_id=parse_uuid(device_id) if device_id else b"",
        channel=channel,
        capacities=parse_components(components)
        | {path_of(path): capacity for path, capacity in paths.items()},
        files=settings if files else None,
        origins=frozenset(origins),
        ic=ic,
        require=dict(map(parse_requirement, require)),
        encrypt_reports=report_cipher is not None,
        profile=Profile[profile.upper()],
        timezone=timezone,
        wait_seconds=wait_seconds,
    )
    keys = {key.name: key for key in map(load_key, trust)}
    create(
        directory,
        config,
        root_file=root.read_bytes(),
        keys=keys.values(),
        secret=secret_file.read_bytes() if secret_file else None,
        report_cipher=ReportCipher.of(load_key(report_cipher)) if report_cipher else None,
        decryption_keys=[load_recipient_key(path) for path in open_keys],
    )
    console.say(f"{directory}: provisioned with {len(keys)} trust anchor(s), channel {channel}")
    return {"directory": str(directory), "trust_anchors": len(keys)}


@command(cli)
@_DIRECTORY
@click.option("--retry", is_flag=True, help="Install a release even if its last trial or wait was given up.")
def update(console: Console, directory: Path, retry: bool) -> object:  # noqa: FBT001 - click passes a flag
    """Install the newest release; it runs from the next boot, on trial."""
    from device.home import opened

    with _watching(console) as watch, opened(directory, watch=watch) as device:
        system = device.update(retry=retry)
        _warn(console, device.warnings)
    console.say(f"installed sequence number {system.sequence_number}; boot to try it")
    return system.to_dict() | {"warnings": list(device.warnings)}


@command(cli)
@_DIRECTORY
def cancel(console: Console, directory: Path) -> object:
    """Give up the update that waits, until `update --retry` or a newer release."""
    from device.home import opened

    with opened(directory) as device:
        wait = device.cancel()
    console.say(f"sequence number {wait.sequence_number} is not waited for any longer")
    return {"sequence_number": wait.sequence_number, "digest": wait.digest.hex()}


@command(cli)
@_DIRECTORY
def boot(console: Console, directory: Path) -> object:
    """Start what is installed; fall back when a trial does not hold."""
    from device.components import show_id
    from device.home import opened

    with opened(directory) as device:
        booted = device.boot()
        _warn(console, device.warnings)
    state = "on trial" if booted.trial else "confirmed"
    if booted.failure:
        console.say(f"fell back: {booted.failure}")
    console.say(f"booted sequence number {booted.system.sequence_number}, {state}")
    for component, digest in booted.images.items():
        console.data(f"{show_id(component)} sha-256 {digest.hex()}")
    return booted.to_dict()


@command(cli)
@_DIRECTORY
def confirm(console: Console, directory: Path) -> object:
    """Declare that the trial works; nothing older will install or boot again."""
    from device.home import opened

    with opened(directory) as device:
        system = device.confirm()
    console.say(f"confirmed sequence number {system.sequence_number}")
    return system.to_dict()


@command(cli)
@_DIRECTORY
def status(console: Console, directory: Path) -> object:
    """Show what is installed, on trial, what an update waits for, and the floor."""
    from device.home import opened
    from suit.version import show_version

    with opened(directory) as device:
        record, floor, version = device.record(), device.floor(), device.version()
        waiting = device.waiting()
    shown = show_version(version) if version else None
    console.data(f"confirmed  {_describe(record.confirmed)}" + (f", version {shown}" if shown else ""))
    console.data(f"trial      {_describe(record.trial)}")
    console.data(f"floor      sequence number {floor}")
    if record.failure:
        console.data(f"fell back  {record.failure}")
    for line in _waiting(waiting):
        console.data(line)
    return record.to_dict() | {"floor": floor, "version": shown, "waiting": waiting}


@command(cli)
@_DIRECTORY
@click.option(
    "--of",
    "procedure",
    type=click.Choice(("update", "trial", "boot")),
    help="Write the signed SUIT report of the last such procedure.",
)
@click.option("--nonce", help="In hex; it comes back in the report, which is then no old one.")
@click.option("--capabilities", is_flag=True, help="Let the report say what the device implements.")
@click.option("-o", "--out", type=click.Path(), help="Where the report goes; standard output if left out.")
def report(
    console: Console,
    directory: Path,
    procedure: str | None,
    nonce: str | None,
    out: str | None,
    *,
    capabilities: bool,
) -> object:
    """Print, as JSON, what the device knows of itself; with --of, -o or --nonce write its SUIT report.

    The SUIT report is signed by the security IC, and encrypted if the device was made with a key for that;
    without --of it is the last update's.
    """
    import json

    from device.home import opened
    from device.reporter import Procedure
    from suit.files import write_output
    from suit.report_cli import parse_nonce

    with opened(directory) as device:
        if (procedure, nonce, out, capabilities) == (None, None, None, False):
            told = device.report()
            console.data(json.dumps(told, indent=2))
            return told
        wanted = Procedure(procedure or "update")
        sealed = device.suit_report(parse_nonce(nonce), procedure=wanted, capabilities=capabilities)
    if out or not console.json:
        write_output(out, sealed)
    return {"procedure": wanted.value, "report": sealed.hex()}


@command(cli)
@_DIRECTORY
@click.option("-o", "--out", type=click.Path(), help="Where the COSE_Key goes; standard output if left out.")
def report_key(console: Console, directory: Path, out: str | None) -> object:
    """Write the public key that verifies this device's SUIT reports, as a COSE_Key."""
    from device.home import opened
    from suit.files import write_output

    with opened(directory) as device:
        key = device.ic.report_key()
    if out or not console.json:
        write_output(out, key.to_cose())
    return {"name": key.name.hex(), "cose_key": key.to_cose().hex()}


def _warn(console: Console, warnings: Sequence[str]) -> None:
    for words in warnings:
        console.say(f"warning: profile strict would refuse this: {words}")


def _describe(system: "System | None") -> str:
    if system is None:
        return "nothing"
    return f"sequence number {system.sequence_number} in slot {system.slot}, {system.digest.hex()[:16]}…"


def _waiting(told: dict[str, Any] | None) -> list[str]:
    """Say what an update waits for, and what of it is so."""
    if told is None:
        return []
    number, until = told["sequence_number"], told["until"]
    if told["ended"]:
        return [
            f"waiting    no longer for sequence number {number}: {told['ended']}; go on by `update --retry`"
        ]
    limit = "" if until is None else f", until {_moment(until)} at most"
    words = {True: "holds", False: "not yet", None: "asked when all else holds"}
    return [
        f"waiting    sequence number {number} since {_moment(told['since'])}{limit}, for",
        *[f"           {row['event']}: {words[row['holds']]}" for row in told["events"]],
    ]


def _moment(seconds: int) -> str:
    from spec.labels import WaitEvent
    from suit.wait import show_event

    return show_event(WaitEvent.TIME, seconds)


@contextmanager
def _watching(console: Console) -> "Iterator[Watch | None]":
    """Show a progress bar for each download while people look."""
    if not console.interactive:
        yield None
        return
    from rich.console import Console as Screen
    from rich.markup import escape
    from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

    with Progress(
        *Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn(), console=Screen(stderr=True)
    ) as progress:
        tasks: dict[str, TaskID] = {}

        def watch(uri: str, arrived: int, size: int | None) -> None:
            if uri not in tasks:
                tasks[uri] = progress.add_task(escape(printable(uri)[-_SHOWN:]), total=size)
            progress.update(tasks[uri], completed=arrived)

        yield watch
