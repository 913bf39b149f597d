"""Verbs of ``hardsuit suit`` for authors: start from a template or another tool's input, compare, extract."""

from typing import TYPE_CHECKING, Any

import click

from suit.command import Console, command
from suit.errors import DifferentError, HardsuitError, RefusedError, UsageError
from suit.files import read_input, write_output

if TYPE_CHECKING:
    from suit.manifest import Envelope

# ruff: noqa: PLC0415 - a verb imports what it needs, so that --help and the other verbs do not wait


@click.group()
def cli() -> None:
    """Verbs that :mod:`suit.cli` takes into its own group."""


_out = click.option(
    "-o", "--out", type=click.Path(), help="Where the description goes; standard output if left out."
)


@command(cli)
@click.argument("before", type=click.Path())
@click.argument("after", type=click.Path())
def diff(console: Console, before: str, after: str) -> list[dict[str, Any]]:
    """Say what changed from envelope BEFORE to AFTER; exit 0 if nothing did, 4 if they differ.

    Nothing is verified. Signatures are compared only between envelopes of the same manifest.
    """
    from suit.diff import diff as compare
    from suit.envelope import MAX_ENVELOPE

    changes = compare(read_input(before, MAX_ENVELOPE), read_input(after, MAX_ENVELOPE))
    for change in changes:
        console.data(change.line)
    if changes:
        console.found["changes"] = [
            {
                "kind": change.kind.value,
                "place": list(change.place),
                "before": change.before,
                "after": change.after,
            }
            for change in changes
        ]
        count = "1 difference" if len(changes) == 1 else f"{len(changes)} differences"
        raise DifferentError(f"{before} and {after}: {count}")
    return []


@command(cli)
@click.argument("template", required=False)
@_out
@click.option("--list", "listing", is_flag=True, help="List the templates instead.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def new(
    console: Console, template: str | None, out: str | None, *, listing: bool, force: bool
) -> dict[str, Any]:
    """Write a commented description of a pattern of the standard, to start from."""
    from suit.patterns import template as find
    from suit.patterns import titles

    if listing:
        known = titles()
        for name, title in known.items():
            console.data(f"{name:<20} {title}")
        return {"templates": known}
    if template is None:
        raise UsageError("a TEMPLATE is needed, or --list")
    text = find(template)
    _write(console, text, out, force=force)
    return {"template": template, "description": text}


@command(cli, "import")
@click.argument("file", type=click.Path())
@_out
@click.option("--partial", is_flag=True, help="Write what can be carried over even if not all can.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def import_(console: Console, file: str, out: str | None, *, partial: bool, force: bool) -> dict[str, Any]:
    """Make a description of FILE, the input of another tool; exit 4 if it cannot say all of it.

    Two schemas are read: the YAML or JSON tree of CDDL names, and the JSON with a list of components.
    """
    from suit import yaml_source
    from suit.foreign import from_foreign

    text = decoded(read_input(file, yaml_source.MAX_SIZE), file)
    imported = from_foreign(text, name=file)
    for note in imported.notes:
        console.say(f"note: {note}")
    for lost in imported.lost:
        console.say(f"not carried over: {lost}")
    summary = {"not-carried-over": imported.lost, "notes": imported.notes}
    if imported.lost and not partial:
        console.found |= summary
        count = len(imported.lost)
        raise RefusedError(
            f"{file}: {count} {'part' if count == 1 else 'parts'} cannot be carried over;"
            " --partial writes the rest, with what is missing named on top"
        )
    _write(console, imported.text(), out, force=force)
    return {"description": imported.text()} | summary


@command(cli)
@click.argument("envelope", type=click.Path())
@click.argument("uri", required=False)
@click.option("--coswid", is_flag=True, help="Write the CoSWID (RFC 9393) instead of a payload.")
@click.option("-o", "--out", type=click.Path(), help="Where it goes; standard output if left out.")
def extract(
    console: Console, envelope: str, uri: str | None, out: str | None, *, coswid: bool
) -> dict[str, Any]:
    """Write the integrated payload or dependency URI of ENVELOPE, or list all of them. None is verified."""
    from suit.dependencies import integrated
    from suit.envelope import MAX_ENVELOPE, open_envelope
    from suit.printable import printable

    opened = open_envelope(read_input(envelope, MAX_ENVELOPE))
    if coswid:
        return _extract_coswid(console, opened, uri, out)
    sizes = {name: len(content) for name, content in opened.payloads.items()}
    if uri is None:
        dependencies = integrated(opened)
        for name, size in sizes.items():
            kind = f"  dependency {shown_digest(dependencies[name])}" if name in dependencies else ""
            console.data(f"{size:>8} {printable(name)}{kind}")
        return {
            "payloads": sizes,
            "dependencies": {name: shown_digest(one) for name, one in dependencies.items()},
        }
    if uri not in opened.payloads:
        raise UsageError(f"the envelope holds no payload {uri}")
    content = opened.payloads[uri]
    if out is None and console.json:
        return {"uri": uri, "size": len(content), "content": content.hex()}
    write_output(out, content)
    return {"uri": uri, "size": len(content)}


def shown_digest(envelope: "Envelope") -> str:
    """Return the digest of an envelope's manifest as people read it."""
    from suit.narrow import draft_name

    return f"{draft_name(envelope.digest.algorithm)} {envelope.digest.value.hex()}"


def assembled(console: Console, text: str, name: str) -> bytes:
    """Return the bytes that diagnostic notation describes, an envelope or a bare manifest.

    Raises:
        UsageError: It is not the notation of ``suit show``, or of something else than these two.
    """
    from suit import edn
    from suit.envelope import manifest_digest, open_envelope
    from suit.show import show

    raw = edn.read(text, name=name)
    try:
        show(raw)
    except HardsuitError as error:
        raise UsageError(f"{name}: {error}") from error
    if raw.startswith(_MANIFEST_HEAD):
        return raw
    try:
        envelope = open_envelope(raw)
    except HardsuitError as error:
        console.say(f"note: recipients like hardsuit would refuse it: {error}")
    else:
        if manifest_digest(envelope.manifest, envelope.digest.algorithm) != envelope.digest:
            console.say("note: the manifest does not have the digest in the authentication wrapper")
    return raw


def decoded(raw: bytes, name: str) -> str:
    """Return a file's content as text.

    Raises:
        UsageError: It is not UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8") from error


def _extract_coswid(
    console: Console, envelope: "Envelope", uri: str | None, out: str | None
) -> dict[str, Any]:
    from suit.authenticate import check_digest
    from suit.decode import attach_severed, decode_manifest

    if uri is not None:
        raise UsageError("--coswid takes no URI")
    check_digest(envelope)
    found = attach_severed(decode_manifest(envelope.manifest), envelope).coswid
    if found is None or found.value is None:
        raise UsageError("the CoSWID was severed" if found else "the manifest has no CoSWID")
    if out is None and console.json:
        return {"coswid": found.value.hex(), "size": len(found.value)}
    write_output(out, found.value)
    return {"size": len(found.value)}


def _write(console: Console, text: str, out: str | None, *, force: bool) -> None:
    from pathlib import Path

    if out in (None, "-"):
        console.data(text.removesuffix("\n"))
        return
    if Path(str(out)).exists() and not force:
        raise UsageError(f"{out} exists; --force overwrites it")
    write_output(out, text.encode())
    console.say(f"wrote {out}; hardsuit suit lint {out} checks it, hardsuit suit build {out} builds it")


_MANIFEST_HEAD = b"\xd9\x04\x2e"  # tag 1070
