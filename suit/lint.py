"""Author's rules over a manifest: what stands in it, and a dry run of its procedures."""

from collections.abc import Mapping
from typing import Final

from spec.labels import Command as Label
from spec.labels import Manifest as Member
from spec.labels import Parameter
from suit import lint_rules as rules
from suit.cose import parse_block
from suit.coswid import problems, read_coswid
from suit.encode import encode_digest
from suit.envelope import manifest_digest
from suit.errors import NotAuthenticError
from suit.lint_rules import Finding, Level
from suit.lint_run import USERS, DryRun
from suit.lint_state import MAX_COMMANDS, Procedure, State, TooLongError, Usage, walk
from suit.lint_tree import section_of
from suit.manifest import ComponentId, Envelope, Manifest, Sequence, Severable
from suit.narrow import draft_name
from suit.target import MAX_SEQUENCE_NUMBER

__all__ = ["Finding", "lint"]

_UPDATE: Final = (
    Member.DEPENDENCY_RESOLUTION,
    Member.PAYLOAD_FETCH,
    Member.CANDIDATE_VERIFICATION,
    Member.INSTALL,
    Member.VALIDATE,
)
_REMOVAL: Final = (Member.UNINSTALL,)
_PROCEDURES: Final = (_UPDATE, (Member.VALIDATE, Member.LOAD, Member.INVOKE), _REMOVAL)


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
        *_of_dependencies(manifest),
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
    if manifest.coswid is not None:
        findings += _of_coswid(manifest.coswid)
    smallest = len(encode_digest(manifest_digest(b"", envelope.digest.algorithm)))
    for member, element in envelope.severed.items():
        if len(element) <= smallest:
            message = f"{len(element)} bytes, its digest has {smallest}"
            findings.append(Finding(rules.SMALL_SEVERABLE, draft_name(member), message))
    return findings


def _of_dependencies(manifest: Manifest) -> list[Finding]:
    return [
        Finding(rules.VIRTUAL_DEPENDENCY, "dependencies", f"{index} is no index of a component")
        for index in manifest.dependencies
        if index >= len(manifest.components)
    ]


def _of_coswid(member: Severable[bytes]) -> list[Finding]:
    findings = []
    if member.digest is None:
        findings.append(Finding(rules.COSWID_NOT_SEVERABLE, "coswid", "it cannot be severed"))
    if member.value is not None:
        tag = read_coswid(member.value)
        said = ["it is not in deterministic encoding"] if tag is None else problems(tag)
        findings += [Finding(rules.BAD_COSWID, "coswid", problem) for problem in said]
    return findings


def _of_procedures(envelope: Envelope, manifest: Manifest) -> list[Finding]:
    findings: list[Finding] = []
    sequences = _sequences(manifest)
    findings += [
        Finding(rules.SEVERED, draft_name(member), "it was severed and is not checked")
        for member, sequence in sequences.items()
        if sequence is None
    ]
    findings += _waits_at_boot(sequences)
    if manifest.shared_sequence is not None and not sequences:
        findings.append(Finding(rules.UNRUN_CHECKS, "shared-sequence", "there is no other sequence"))
    usage = Usage()
    holds: dict[ComponentId, bytes] = {}
    for sections in _PROCEDURES:
        procedure = Procedure(sections, findings, usage, State(holds=dict(holds)))
        run = DryRun(manifest, envelope, procedure)
        for member in sections:
            sequence = sequences.get(member)
            if sequence is not None:
                try:
                    run.run(member, sequence)
                except TooLongError:
                    message = f"more than {MAX_COMMANDS} commands"
                    return [*findings, Finding(rules.TOO_LONG, draft_name(member), message)]
        if sections is not _REMOVAL:  # what is removed need not match anything
            procedure.end()
        if sections is _UPDATE:  # what it left is what the others begin with
            holds = procedure.state.holds
    # A severed sequence may use what seems unused.
    return findings if None in sequences.values() else findings + usage.findings(USERS)


def _waits_at_boot(sequences: Mapping[Member, Sequence | None]) -> list[Finding]:
    return [
        Finding(rules.WAIT_AT_BOOT, where, f"{draft_name(member)} waits")
        for member in (Member.VALIDATE, Member.LOAD, Member.INVOKE)
        for command, where in walk(sequences.get(member) or (), draft_name(member))
        if command.label is Label.WAIT
    ]


def _sequences(manifest: Manifest) -> dict[Member, Sequence | None]:
    found: dict[Member, Sequence | None] = {}
    for member in dict.fromkeys([member for sections in _PROCEDURES for member in sections]):
        content = section_of(manifest, member)
        if content is not None:
            found[member] = content.value if isinstance(content, Severable) else content
    return found


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
