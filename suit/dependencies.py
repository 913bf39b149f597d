"""What is known of dependencies without a device: the limits, and the envelopes that one envelope holds."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from spec.labels import Command as Label
from spec.labels import Parameter
from suit.envelope import open_envelope
from suit.errors import HardsuitError
from suit.manifest import Digest, Envelope, Manifest, Sequence, Severable

MAX_DEPTH: Final = 4
MAX_DEPENDENCIES: Final = 16
"""The limits of a tree of manifests (ADR 0007): levels below the root, and manifests in all."""


def integrated(envelope: Envelope) -> dict[str, Envelope]:
    """Return the integrated payloads that are envelopes, by URI; none of them is verified."""
    found = {}
    for uri, content in envelope.payloads.items():
        try:
            found[uri] = open_envelope(content, embedded=True)
        except HardsuitError:
            continue
    return found


def pinned(manifest: Manifest, index: int) -> frozenset[Digest]:
    """Return every digest that a manifest sets for one of its components, in whichever sequence."""
    digests: set[Digest] = set()
    for sequence in _sequences(manifest):
        _collect(sequence, (0,), index, len(manifest.ids), digests)
    return frozenset(digests)


def children(manifest: Manifest, index: int, among: Iterable[Envelope]) -> list[Envelope]:
    """Return the envelopes that a dependency index may stand for: those whose digest is set for it."""
    digests = pinned(manifest, index)
    return [envelope for envelope in among if envelope.digest in digests]


def _sequences(manifest: Manifest) -> Iterator[Sequence]:
    members = (
        *(manifest.shared_sequence, manifest.dependency_resolution, manifest.payload_fetch),
        *(manifest.candidate_verification, manifest.install, manifest.validate, manifest.load),
        *(manifest.invoke, manifest.uninstall),
    )
    for member in members:
        sequence = member.value if isinstance(member, Severable) else member
        if sequence is not None:
            yield sequence


def _collect(
    sequence: Sequence, selected: tuple[int, ...], index: int, count: int, digests: set[Digest]
) -> None:
    for step in sequence:
        argument = step.argument
        if step.label is Label.SET_COMPONENT_INDEX:
            every = tuple(range(count))
            chosen = argument if isinstance(argument, tuple) else (argument,)
            selected = every if argument is True else chosen
        elif step.label in (Label.OVERRIDE_PARAMETERS, Label.SET_PARAMETERS):
            _take(argument if index in selected else {}, digests)
        elif step.label is Label.OVERRIDE_MULTIPLE:
            _take(argument.get(index, {}), digests)
            selected = (max(argument),)
        elif step.label is Label.RUN_SEQUENCE:
            _collect(argument, selected, index, count, digests)
        elif step.label is Label.TRY_EACH:
            for branch in argument:
                _collect(branch or (), selected, index, count, digests)


def _take(parameters: Mapping[Parameter, object], digests: set[Digest]) -> None:
    digest = parameters.get(Parameter.IMAGE_DIGEST)
    if isinstance(digest, Digest):
        digests.add(digest)
