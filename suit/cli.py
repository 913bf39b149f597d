"""``hardsuit suit``: build, sign, verify and look at envelopes.

ENVELOPE and DESCRIPTION may be ``-`` for standard input; without ``--out`` the result goes to stdout.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from suit import authoring_cli, encrypt_cli, quote_cli, report_cli
from suit.authoring_cli import assembled, decoded, shown_digest
from suit.command import Console, command
from suit.errors import RefusedError, UsageError
from suit.files import STANDARD, read_input, write_output

if TYPE_CHECKING:
    from suit.keys import CoseKey
    from suit.lint import Finding
    from suit.manifest import Envelope, Manifest

_KINDS: Final = ("sign1", "sign", "mac0", "mac")
_MEMBERS: Final = (
    *("dependency-resolution", "payload-fetch", "candidate-verification", "install", "text"),
    "coswid",
)
_ENVELOPE_TAG: Final = 0xD8  # the first byte of every tagged envelope, and of no YAML document


@click.group()
def cli() -> None:
    """Build, sign, verify and look at envelopes."""


for _room in (authoring_cli, encrypt_cli, report_cli, quote_cli):
    cli.commands |= _room.cli.commands

_envelope = click.argument("envelope", type=click.Path())
_out = click.option(
    "-o", "--out", type=click.Path(), help="Where the envelope goes; standard output if left out."
)
_key = click.option(
    "--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A key file, PEM or COSE_Key."
)


@command(cli)
@click.argument("description", type=click.Path(), required=False)
@_out
@_key
@click.option("--schema", is_flag=True, help="Print the JSON Schema of descriptions instead.")
def build(
    console: Console, description: str | None, out: str | None, keys: tuple[Path, ...], *, schema: bool
) -> dict[str, Any]:
    """Make an envelope of a DESCRIPTION, and sign it with each --key.

    DESCRIPTION is YAML, or diagnostic notation as `suit show` prints it, which becomes the same bytes again.
    Dependencies that it names by their description are built, and signed with the same keys.
    """
    from suit import describe, edn

    if schema:
        found = describe.json_schema()
        console.data(json.dumps(found, indent=2))
        return found
    if description is None:
        raise UsageError("a DESCRIPTION is needed, or --schema")
    shown = "description" if description == STANDARD else description
    text = decoded(read_input(description, edn.MAX_SIZE), shown)
    if edn.is_notation(text):
        return _assemble(console, assembled(console, text, shown), keys, out)
    envelope = _described(text, description, keys)
    return _deliver(console, _signed(envelope, keys) if keys else envelope, out)


@command(cli)
@_envelope
@_key
@click.option("--alg", help="Sign with this algorithm, for example ES256, if the key does not say otherwise.")
@click.option("--kid", help="The name to give to the key in the block.")
@click.option(
    "--block", "kind", type=click.Choice(_KINDS), help="The COSE structure; by default the key's own."
)
@click.option("--multi", is_flag=True, help="One COSE_Sign block of all keys: --block sign.")
@click.option(
    "--export", is_flag=True, help="Write the bytes to be signed elsewhere; --key is the public key."
)
@click.option(
    "--attach", type=click.Path(), help="Add this signature, made elsewhere; --key is the public key."
)
@_out
def sign(
    console: Console,
    envelope: str,
    keys: tuple[Path, ...],
    alg: str | None,
    kid: str | None,
    kind: str | None,
    attach: str | None,
    out: str | None,
    *,
    multi: bool,
    export: bool,
) -> dict[str, Any]:
    """Add an authentication block to ENVELOPE for each --key."""
    opened = _open(envelope)
    if export or attach:
        return _elsewhere(console, opened, keys, alg, kid, attach, out)
    if not keys:
        raise UsageError("a --key is needed")
    return _deliver(console, _signed(opened, keys, alg, kid, "sign" if multi else kind), out)


@command(cli)
@_envelope
@_key
def verify(console: Console, envelope: str, keys: tuple[Path, ...]) -> dict[str, Any]:
    """Verify that one of the keys vouches for ENVELOPE, and check what its manifest says of the rest."""
    from suit.authenticate import KeyRing, authenticate
    from suit.decode import attach_severed, decode_manifest
    from suit.keys import load_key

    trusted = [load_key(path) for path in keys]
    opened = _open(envelope)
    names = authenticate(opened, KeyRing(trusted))
    for note in _deprecations(opened):
        console.say(note)
    vouching = {key.name: f"{key.title} ({path})" for path, key in zip(keys, trusted, strict=True)}
    for name in names:
        console.data(f"{'vouched for by':<17} {vouching[name]}")
    manifest = attach_severed(decode_manifest(opened.manifest), opened)
    if manifest.dependencies:
        _say_lockstep(console, opened, manifest)
    console.data(f"{'sequence number':<17} {manifest.sequence_number}")
    console.data(f"{'manifest digest':<17} {shown_digest(opened)}")
    return _summary(opened) | {
        "sequence-number": manifest.sequence_number,
        "vouched-for-by": [name.hex() for name in names],
    }


@command(cli)
@_envelope
@click.option("--brief", is_flag=True, help="Cut byte strings and texts after 32.")
def show(console: Console, envelope: str, *, brief: bool) -> dict[str, Any]:
    """Print ENVELOPE (or a bare manifest) in annotated diagnostic notation; nothing is verified."""
    from suit.envelope import MAX_ENVELOPE
    from suit.show import show as shown

    text = shown(read_input(envelope, MAX_ENVELOPE), brief=brief)
    console.data(text)
    return {"diagnostic": text}


@command(cli)
@click.argument("file", type=click.Path(), required=False)
@click.option("--rules", is_flag=True, help="Print all rules and their reasons instead.")
@click.option("--explain", metavar="ID", help="Print one rule and its reason instead, for example L001.")
def lint(console: Console, file: str | None, *, rules: bool, explain: str | None) -> list[dict[str, str]]:
    """Check FILE, an envelope or a description, against the rules for authors; exit 4 if it breaks one."""
    from suit.lint_rules import RULES, Level

    if rules or explain is not None:
        chosen = [rule for rule in RULES if rules or rule.id == str(explain).upper()]
        if not chosen:
            raise UsageError(f"there is no rule {explain}; --rules lists them")
        for rule in chosen:
            console.data(f"{rule.id} {rule.level.value}: {rule.title}\n    {rule.why}")
        return [
            {"id": rule.id, "level": rule.level.value, "title": rule.title, "why": rule.why}
            for rule in chosen
        ]
    if file is None:
        raise UsageError("a FILE is needed, or --rules")
    findings = _findings(file)
    for finding in findings:
        console.data(finding.line + (f"\n    {finding.rule.why}" if console.verbose else ""))
    shown = [
        {
            "id": one.rule.id,
            "level": one.rule.level.value,
            "where": one.where,
            "message": one.message,
        }
        for one in findings
    ]
    errors = sum(finding.rule.level is Level.ERROR for finding in findings)
    if errors:
        console.found["findings"] = shown
        raise RefusedError(f"{file}: {errors} {'rule is' if errors == 1 else 'rules are'} broken")
    console.say(f"{file}: no errors, {len(findings)} {'remark' if len(findings) == 1 else 'remarks'}")
    return shown


@command(cli)
@_envelope
@click.option(
    "--member", "members", multiple=True, type=click.Choice(_MEMBERS), help="Cut this one; all if left out."
)
@_out
def sever(console: Console, envelope: str, members: tuple[str, ...], out: str | None) -> dict[str, Any]:
    """Cut severable members off ENVELOPE; its signatures stay valid."""
    from spec.labels import Manifest as Member
    from suit.envelope import sever as cut

    opened = _open(envelope)
    chosen = [Member[name.upper().replace("-", "_")] for name in members]
    return _deliver(console, cut(opened, tuple(chosen or opened.severed)), out)


def _say_lockstep(console: Console, envelope: "Envelope", manifest: "Manifest") -> None:
    from suit.lint import lint as check
    from suit.lint_rules import LOCKSTEP

    for finding in check(envelope, manifest):
        if finding.rule in LOCKSTEP:
            console.say(f"warning: profile strict refuses this: {finding.where}: {finding.message}")


def _open(name: str) -> "Envelope":
    from suit.envelope import MAX_ENVELOPE, open_envelope

    return open_envelope(read_input(name, MAX_ENVELOPE))


def _assemble(console: Console, raw: bytes, keys: tuple[Path, ...], out: str | None) -> dict[str, Any]:
    from suit.envelope import open_envelope

    if keys:
        return _deliver(console, _signed(open_envelope(raw), keys), out)
    if out is None and console.json:
        return {"size": len(raw), "envelope": raw.hex()}
    write_output(out, raw)
    return {"size": len(raw)}


def _described(text: str, name: str, keys: tuple[Path, ...] = ()) -> "Envelope":
    from suit import describe

    shown = "description" if name == STANDARD else name
    return describe.build(
        text,
        name=shown,
        directory=Path() if name == STANDARD else Path(name).parent,
        finish=(lambda dependency: _signed(dependency, keys)) if keys else None,
    )


def _findings(name: str) -> "list[Finding]":
    from suit.authenticate import check_digest
    from suit.decode import attach_severed, decode_manifest
    from suit.envelope import MAX_ENVELOPE, open_envelope
    from suit.lint import lint as check

    raw = read_input(name, MAX_ENVELOPE)
    if raw[:1] == bytes([_ENVELOPE_TAG]):
        envelope = open_envelope(raw)
        check_digest(envelope)
    else:
        envelope = _described(decoded(raw, name), name)
    manifest: Manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
    return check(envelope, manifest)


def _signed(
    envelope: "Envelope",
    keys: tuple[Path, ...],
    alg: str | None = None,
    kid: str | None = None,
    kind: str | None = None,
) -> "Envelope":
    from suit.attest import BlockKind, attest
    from suit.signer import load_signer

    if kid and len(keys) > 1:
        raise UsageError("--kid names one key; sign with one key at a time")
    name = kid.encode() if kid else None
    signers = [load_signer(path, algorithm=_algorithm(alg), kid=name) for path in keys]
    return attest(envelope, signers, BlockKind[kind.upper()] if kind else None)


def _elsewhere(
    console: Console,
    envelope: "Envelope",
    keys: tuple[Path, ...],
    alg: str | None,
    kid: str | None,
    attach: str | None,
    out: str | None,
) -> dict[str, Any]:
    from dataclasses import replace

    from suit import attest
    from suit.keys import load_key

    if len(keys) != 1:
        raise UsageError("exactly one --key is needed, the public key")
    key: CoseKey = load_key(keys[0])
    key = replace(key, algorithm=_algorithm(alg) or key.algorithm, kid=kid.encode() if kid else key.kid)
    if attach is None:
        message = attest.to_be_signed(envelope, key)
        if out is None and console.json:
            return {"to-be-signed": message.hex()}
        write_output(out, message)
        return {"size": len(message)}
    signature = read_input(attach, 1 << 12)
    return _deliver(console, attest.attach(envelope, key, signature), out)


def _algorithm(name: str | None) -> Any:  # noqa: ANN401 - a CoseAlgorithm or None; imported late
    from spec.labels import CoseAlgorithm

    if name is None:
        return None
    try:
        return CoseAlgorithm[name.upper().replace("-", "_")]
    except KeyError:
        raise UsageError(f"--alg {name}: no algorithm of that name") from None


def _deliver(console: Console, envelope: "Envelope", out: str | None) -> dict[str, Any]:
    from suit.encode import encode_envelope
    from suit.envelope import MAX_ENVELOPE

    raw = encode_envelope(envelope)
    if len(raw) > MAX_ENVELOPE:
        raise UsageError(f"the envelope would have {len(raw)} bytes; recipients take {MAX_ENVELOPE}")
    summary = _summary(envelope) | {"size": len(raw)}
    if out is None and console.json:
        return summary | {"envelope": raw.hex()}
    write_output(out, raw)
    if out not in (None, STANDARD):
        console.say(f"wrote {out}: {len(raw)} bytes, manifest digest {shown_digest(envelope)}")
    return summary


def _summary(envelope: "Envelope") -> dict[str, Any]:
    from suit.narrow import draft_name

    return {
        "manifest-digest": {
            "algorithm": draft_name(envelope.digest.algorithm),
            "value": envelope.digest.value.hex(),
        },
        "authentication-blocks": len(envelope.blocks),
        "severable-members": [draft_name(member) for member in envelope.severed],
        "integrated-payloads": {name: len(content) for name, content in envelope.payloads.items()},
    }


def _deprecations(envelope: "Envelope") -> list[str]:
    from suit.cose import parse_block
    from suit.errors import NotAuthenticError
    from suit.lint_rules import DEPRECATED

    found = []
    for number, raw in enumerate(envelope.blocks):
        where = f"authentication block {number}"
        try:
            attestations = parse_block(raw, envelope.digest_bytes, where=where).attestations
        except NotAuthenticError:
            continue
        found += [
            f"note: {where}: {one.algorithm.name} is deprecated; {instead.name} replaces it (RFC 9864)"
            for one in attestations
            if (instead := DEPRECATED.get(one.algorithm))
        ]
    return found
