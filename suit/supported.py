"""What an envelope uses that a device does not say it supports (U1).

An author learns from a capability report (P6) what a device implements. A kind of capability that the
report leaves out says nothing, so nothing of that kind is called missing.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Final

from spec.labels import Capability, CoseAlgorithm, Manifest, Parameter
from spec.labels import Envelope as Member
from suit import cbor, manifest
from suit.commands import ARGUMENTS, Argument
from suit.cose import parse_block
from suit.decode import attach_severed, decode_manifest
from suit.errors import RejectedError
from suit.manifest import Command, ComponentId, Digest, Envelope, Sequence, Severable
from suit.narrow import as_map, draft_name
from suit.report import Capabilities, ComponentCapability

_KINDS: Final = {
    Capability.COMMAND_CAPABILITIES: "command",
    Capability.PARAMETERS_CAPABILITIES: "parameter",
    Capability.MANIFEST_CAPABILITIES: "manifest member",
    Capability.ENVELOPE_CAPABILITIES: "envelope member",
    Capability.CRYPT_ALGO_CAPABILITIES: "algorithm",
}


def unsupported(envelope: Envelope, capabilities: Capabilities) -> list[str]:
    """Return, in words, what the envelope uses and the device does not list.

    Args:
        envelope: The envelope, with the members that the device will need.
        capabilities: What the device told.

    Raises:
        MalformedError, UnsupportedElementError, NotAuthenticError: There is no such manifest in it.
    """
    body = attach_severed(decode_manifest(envelope.manifest), envelope)
    missing = [
        f"{_KINDS[kind]} {draft_name(label)}"
        for kind, labels in _used(envelope, body).items()
        for label in sorted(labels, key=lambda label: int(label.value))
        if kind in capabilities.lists and label.value not in capabilities.lists[kind]
    ]
    missing += [f"signature by {one}" for one in _signatures(envelope, capabilities)]
    missing += [f"component {_shown(one)}" for one in body.ids if not _has(capabilities.components, one)]
    severed = [name for name, sequence in _sequences(body).items() if sequence is None]
    return [*missing, *[f"whatever {name} has: it was severed" for name in severed]]


def _used(envelope: Envelope, body: manifest.Manifest) -> Mapping[Capability, set[Enum]]:
    steps = [step for sequence in _sequences(body).values() for step in _steps(sequence or ())]
    parameters = [pair for step in steps for pair in _parameters(step)]
    digests = [value for _, value in parameters if isinstance(value, Digest)]
    members = as_map(cbor.decode(envelope.manifest, where="manifest"), "manifest")
    return {
        Capability.COMMAND_CAPABILITIES: {step.label for step in steps},
        Capability.PARAMETERS_CAPABILITIES: {parameter for parameter, _ in parameters},
        Capability.MANIFEST_CAPABILITIES: {Manifest(number) for number in members},
        Capability.ENVELOPE_CAPABILITIES: {Member(member.value) for member in envelope.severed},
        Capability.CRYPT_ALGO_CAPABILITIES: {digest.algorithm for digest in (envelope.digest, *digests)},
    }


def _sequences(body: manifest.Manifest) -> Mapping[str, Sequence | None]:
    """Return every sequence that there is; None for one that was severed."""
    members = {
        "shared-sequence": body.shared_sequence,
        "validate": body.validate,
        "load": body.load,
        "invoke": body.invoke,
        "dependency-resolution": body.dependency_resolution,
        "payload-fetch": body.payload_fetch,
        "candidate-verification": body.candidate_verification,
        "install": body.install,
        "uninstall": body.uninstall,
    }
    return {
        name: member.value if isinstance(member, Severable) else member
        for name, member in members.items()
        if member is not None
    }


def _steps(sequence: Sequence) -> Iterator[Command]:
    for step in sequence:
        yield step
        shape = ARGUMENTS[step.label]
        inner = step.argument if shape is Argument.BRANCHES else ()
        for branch in (step.argument,) if shape is Argument.SEQUENCE else inner:
            yield from _steps(branch or ())


def _parameters(step: Command) -> Iterator[tuple[Parameter, object]]:
    match ARGUMENTS[step.label]:
        case Argument.PARAMETERS:
            yield from step.argument.items()
        case Argument.PARAMETERS_BY_INDEX:
            for parameters in step.argument.values():
                yield from parameters.items()
        case _:
            return


def _signatures(envelope: Envelope, capabilities: Capabilities) -> list[str]:
    """Return the algorithms of the blocks, unless the device knows one of them: it needs no more."""
    listed = capabilities.lists[Capability.CRYPT_ALGO_CAPABILITIES]
    algorithms: set[CoseAlgorithm] = set()
    for number, raw in enumerate(envelope.blocks):
        try:
            block = parse_block(raw, envelope.digest_bytes, where=f"authentication block {number}")
        except RejectedError:
            continue
        algorithms |= {one.algorithm for one in block.attestations}
    if any(one.value in listed for one in algorithms):
        return []
    return sorted(draft_name(one) for one in algorithms)


def _has(components: Iterable[ComponentCapability], wanted: ComponentId) -> bool:
    return any(
        row.component == (wanted[: len(row.component)] if row.prefix else wanted) for row in components
    )


def _shown(component: ComponentId) -> str:
    return ".".join(part.hex() for part in component) or "(empty)"
