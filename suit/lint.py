"""Author's rules over a manifest: what stands in it, and a dry run of its two procedures."""

from typing import Final

from spec.labels import Command as Label
from spec.labels import Manifest as Member
from spec.labels import Parameter
from suit import lint_rules as rules
from suit.cose import parse_block
from suit.encode import encode_digest
from suit.envelope import manifest_digest
from suit.errors import NotAuthenticError
from suit.lint_rules import Finding, Level
from suit.lint_run import DryRun, Usage, walk
from suit.manifest import Envelope, Manifest, Sequence
from suit.narrow import draft_name
from suit.target import MAX_SEQUENCE_NUMBER

__all__ = ["Finding", "lint"]

_PROCEDURES: Final = (
    (Member.PAYLOAD_FETCH, Member.INSTALL, Member.VALIDATE),
    (Member.VALIDATE, Member.LOAD, Member.INVOKE),
)


def lint(envelope: Envelope, manifest: Manifest) -> list[Finding]:
    """Return what an author should know about an envelope; errors first, then in the order of the manifest.

    Args:
        envelope: The envelope, signed or not.
        manifest: What it holds, severable members attached.
    """
    findings: dict[Finding, None] = {}
    for finding in [
        *_of_envelope(envelope, manifest),
        *_of_members(envelope, manifest),
        *_of_procedures(envelope, manifest),
    ]:
        findings[finding] = None
    return sorted(findings, key=lambda finding: list(Level).index(finding.rule.level))


def _of_envelope(envelope: Envelope, manifest: Manifest) -> list[Finding]:
    findings = []
    if not envelope.blocks:
        findings.append(Finding(rules.UNSIGNED, "envelope", "there is no authentication block"))
    for number, raw in enumerate(envelope.blocks):
        where = f"authentication block {number}"
        try:
            block = parse_block(raw, envelope.digest_bytes, where=where)
        except NotAuthenticError:
            continue
        findings += [
            Finding(rules.DEPRECATED_ALGORITHM, where, f"{one.algorithm.name} instead of {instead.name}")
            for one in block.attestations
            if (instead := rules.DEPRECATED.get(one.algorithm))
        ]
    named = set(_uris(manifest))
    findings += [
        Finding(rules.UNUSED_PAYLOAD, "envelope", f"nothing fetches {uri}")
        for uri in envelope.payloads
        if uri not in named
    ]
    return findings


def _of_members(envelope: Envelope, manifest: Manifest) -> list[Finding]:
    findings = []
    if manifest.sequence_number > MAX_SEQUENCE_NUMBER:
        message = f"{manifest.sequence_number} is above {MAX_SEQUENCE_NUMBER}"
        findings.append(Finding(rules.LARGE_SEQUENCE_NUMBER, "manifest-sequence-number", message))
    if manifest.validate is None:
        findings.append(Finding(rules.NO_VALIDATE, "validate", "it is missing"))
    labels = {command.label for command, _ in walk(manifest.shared_sequence or (), "")}
    missing = [one for one in (Label.VENDOR_IDENTIFIER, Label.CLASS_IDENTIFIER) if one not in labels]
    if missing:
        names = " and ".join(draft_name(one) for one in missing)
        findings.append(Finding(rules.NO_IDENTITY_CHECK, "shared-sequence", f"it does not check {names}"))
    if manifest.text is not None and manifest.text.digest is None:
        findings.append(Finding(rules.TEXT_NOT_SEVERABLE, "text", "it cannot be severed"))
    smallest = len(encode_digest(manifest_digest(b"", envelope.digest.algorithm)))
    for member, element in envelope.severed.items():
        if len(element) <= smallest:
            message = f"{len(element)} bytes, its digest has {smallest}"
            findings.append(Finding(rules.SMALL_SEVERABLE, draft_name(member), message))
    return findings


def _of_procedures(envelope: Envelope, manifest: Manifest) -> list[Finding]:
    findings: list[Finding] = []
    sequences = _sequences(manifest)
    findings += [
        Finding(rules.SEVERED, draft_name(member), "it was severed and is not checked")
        for member, sequence in sequences.items()
        if sequence is None
    ]
    if manifest.shared_sequence is not None and not sequences:
        findings.append(Finding(rules.UNRUN_CHECKS, "shared-sequence", "there is no other sequence"))
    usage = Usage()
    for procedure in _PROCEDURES:
        run = DryRun(manifest.components, frozenset(envelope.payloads), findings, usage)
        for member in procedure:
            sequence = sequences.get(member)
            if sequence is None:
                continue
            if manifest.shared_sequence is not None:
                run.top_level(manifest.shared_sequence, "shared-sequence", shared=True)
            run.top_level(sequence, draft_name(member))
        run.end()
    # A severed sequence may use what seems unused.
    return findings if None in sequences.values() else findings + usage.findings()


def _sequences(manifest: Manifest) -> dict[Member, Sequence | None]:
    severable = {Member.PAYLOAD_FETCH: manifest.payload_fetch, Member.INSTALL: manifest.install}
    plain = {
        Member.VALIDATE: manifest.validate,
        Member.LOAD: manifest.load,
        Member.INVOKE: manifest.invoke,
    }
    return {member: one.value for member, one in severable.items() if one is not None} | {
        member: sequence for member, sequence in plain.items() if sequence is not None
    }


def _uris(manifest: Manifest) -> list[str]:
    everything = [manifest.shared_sequence, *_sequences(manifest).values()]
    return [
        str(parameters[Parameter.URI])
        for sequence in everything
        for command, _ in walk(sequence or (), "")
        if isinstance(command.argument, dict)
        for parameters in (command.argument, *command.argument.values())
        if isinstance(parameters, dict) and Parameter.URI in parameters
    ]
