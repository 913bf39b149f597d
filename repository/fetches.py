"""Which payloads a manifest may fetch: a walk over its commands without running them.

A device fetches by URI and checks by digest, both parameters that commands set before the fetch. The walk
keeps, for every component, all values that the parameters may have at a point: each branch of a try-each
starts from what held before it, and after it any branch may have been the one. So an A/B manifest whose
branches name two images needs both in the repository.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from spec.labels import Command, Parameter
from suit.errors import LimitError, RefusedError
from suit.manifest import Digest, Manifest, Parameters, Sequence

_MAX_ALTERNATIVES: Final = 64


class Fetch(NamedTuple):
    """One fetch that a manifest may do.

    Attributes:
        uri: The URI reference, as the manifest has it.
        digest: What the component must hold afterwards; None when the manifest does not say.
        size: Its size; None when the manifest does not say.
    """

    uri: str
    digest: Digest | None
    size: int | None


@dataclass(frozen=True, slots=True)
class Identity:
    """The vendor and class ids that a manifest asks its device for."""

    vendors: frozenset[bytes]
    classes: frozenset[bytes]


def possible_fetches(manifest: Manifest) -> list[Fetch]:
    """List the fetches of all procedures, in the order of the manifest.

    Raises:
        RefusedError: A sequence was cut off the envelope, so that no device could run it.
        LimitError: The branches multiply beyond any honest manifest.
    """
    flow = _Flow(len(manifest.components))
    for sequence in _sections(manifest):
        flow.run(manifest.shared_sequence or (), (0,))
        flow.run(sequence, (0,))
    return list(flow.found)


def identity(manifest: Manifest) -> Identity:
    """Collect the vendor and class ids that the shared sequence sets (M8.4.2)."""
    vendors: set[bytes] = set()
    classes: set[bytes] = set()
    for parameters in _overrides(manifest.shared_sequence or ()):
        for found, label in (
            (vendors, Parameter.VENDOR_IDENTIFIER),
            (classes, Parameter.CLASS_IDENTIFIER),
        ):
            value = parameters.get(label)
            if isinstance(value, bytes):
                found.add(value)
    return Identity(frozenset(vendors), frozenset(classes))


def _sections(manifest: Manifest) -> Iterable[Sequence]:
    for name, member in (("payload-fetch", manifest.payload_fetch), ("install", manifest.install)):
        if member is not None and member.value is None:
            raise RefusedError(f"the envelope lacks its severed {name} sequence: no device could run it")
        if member is not None and member.value is not None:
            yield member.value
    yield from (part for part in (manifest.validate, manifest.load, manifest.invoke) if part)


def _overrides(sequence: Sequence) -> Iterable[Parameters]:
    for command in sequence:
        match command.label:
            case Command.OVERRIDE_PARAMETERS:
                yield command.argument
            case Command.RUN_SEQUENCE:
                yield from _overrides(command.argument)
            case Command.TRY_EACH:
                for branch in command.argument:
                    yield from _overrides(branch or ())
            case _:
                pass


@dataclass(frozen=True, slots=True)
class _Known:
    """What the parameters of one component may be at one point."""

    uri: str | None = None
    digest: Digest | None = None
    size: int | None = None

    def override(self, parameters: Parameters) -> "_Known":
        changes: dict[str, object] = {}
        for name, label in _TRACKED:
            if label in parameters:
                changes[name] = parameters[label]
        return replace(self, **changes) if changes else self  # type: ignore[arg-type]  # suit.decode checked the types


_TRACKED: Final = (
    ("uri", Parameter.URI),
    ("digest", Parameter.IMAGE_DIGEST),
    ("size", Parameter.IMAGE_SIZE),
)


class _Flow:
    """All possible states of all components, moved along by commands."""

    def __init__(self, components: int) -> None:
        self._states = [frozenset({_Known()}) for _ in range(components)]
        self.found: dict[Fetch, None] = {}

    def run(self, sequence: Sequence, selected: tuple[int, ...]) -> None:
        """Walk one sequence; a component index that it sets does not leak out (M6.5)."""
        for command in sequence:
            match command.label:
                case Command.SET_COMPONENT_INDEX:
                    selected = self._select(command.argument)
                case Command.OVERRIDE_PARAMETERS:
                    self._override(command.argument, selected)
                case Command.FETCH:
                    self._fetch(selected)
                case Command.RUN_SEQUENCE:
                    self.run(command.argument, selected)
                case Command.TRY_EACH:
                    self._try_each(command.argument, selected)
                case _:
                    pass

    def _select(self, index: int | bool | tuple[int, ...]) -> tuple[int, ...]:  # noqa: FBT001 - True is an index (M8.4.10.1)
        if index is True:
            return tuple(range(len(self._states)))
        return index if isinstance(index, tuple) else (int(index),)

    def _chosen(self, selected: tuple[int, ...]) -> list[int]:
        return [index for index in selected if index < len(self._states)]

    def _override(self, parameters: Parameters, selected: tuple[int, ...]) -> None:
        for index in self._chosen(selected):
            states = self._states[index]
            self._states[index] = frozenset(known.override(parameters) for known in states)

    def _fetch(self, selected: tuple[int, ...]) -> None:
        for index in self._chosen(selected):
            for known in sorted(self._states[index], key=repr):
                if known.uri is not None:
                    self.found[Fetch(known.uri, known.digest, known.size)] = None

    def _try_each(self, branches: tuple[Sequence | None, ...], selected: tuple[int, ...]) -> None:
        before = list(self._states)
        after: list[frozenset[_Known]] = [frozenset() for _ in before]
        for branch in branches:
            self._states = list(before)
            self.run(branch or (), selected)
            after = [old | new for old, new in zip(after, self._states, strict=True)]
            if any(len(states) > _MAX_ALTERNATIVES for states in after):
                raise LimitError("manifest", "its branches allow too many combinations of parameters")
        self._states = after
