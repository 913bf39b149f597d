"""What the manifest itself says of files: the boot record, which remembers it, is not to be believed (M4.2).

A boot record lies in storage that anybody may have written to. So a device takes metadata from it only if a
command of the authentic manifest gives just this metadata to just this component.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from device.components import show_id
from device.processor.sections import present
from spec.labels import Command, Parameter
from suit.errors import NotAuthenticError
from suit.manifest import Command as Step
from suit.manifest import ComponentId, ComponentMetadata, Manifest, Parameters, Sequence

Said: TypeAlias = dict[ComponentId, list[ComponentMetadata]]
_METADATA: Final = Parameter.COMPONENT_METADATA
_SETTERS: Final = frozenset({Command.OVERRIDE_PARAMETERS, Command.SET_PARAMETERS})


def said_by(manifest: Manifest) -> Said:
    """Return all metadata that sequences of a manifest may set, by component."""
    reader = _Reader(manifest.ids)
    for _, sequence in present(manifest):
        reader.read(sequence, (0,))
    return reader.said


def require_vouched(manifest: Manifest, metadata: Mapping[ComponentId, ComponentMetadata]) -> None:
    """Refuse metadata that the manifest does not give to the component.

    Raises:
        NotAuthenticError: There is some.
    """
    said = said_by(manifest)
    for component, known in metadata.items():
        if known not in said.get(component, ()):
            raise NotAuthenticError(f"component {show_id(component)}: the manifest does not set its metadata")


class _Reader:
    """Looks through sequences and follows the component index as the processor does."""

    def __init__(self, ids: tuple[ComponentId, ...]) -> None:
        self._ids = ids
        self.said: Said = {component: [] for component in ids}

    def read(self, sequence: Sequence, selected: tuple[int, ...]) -> None:
        for step in sequence:
            if step.label in _SETTERS:
                self._note(step.argument, selected)
            elif step.label is Command.SET_COMPONENT_INDEX:
                selected = self._selection(step.argument)
            elif step.label is Command.OVERRIDE_MULTIPLE:
                selected = self._note_all(step.argument)
            elif step.label is Command.COPY_PARAMS:
                self._copy(step.argument, selected)
            for nested in _nested(step):
                self.read(nested, selected)

    def _selection(self, argument: object) -> tuple[int, ...]:
        if argument is True:
            return tuple(range(len(self._ids)))
        return argument if isinstance(argument, tuple) else (int(str(argument)),)

    def _note(self, parameters: Parameters, selected: tuple[int, ...]) -> None:
        metadata = parameters.get(_METADATA)
        if isinstance(metadata, ComponentMetadata):
            for index in selected:
                self.said[self._ids[index]].append(metadata)

    def _note_all(self, rows: Mapping[int, Parameters]) -> tuple[int, ...]:
        for index, parameters in rows.items():
            self._note(parameters, (index,))
        return (max(rows),)

    def _copy(self, copies: Mapping[int, tuple[Parameter, ...]], selected: tuple[int, ...]) -> None:
        for source, labels in copies.items():
            known = tuple(self.said[self._ids[source]]) if _METADATA in labels else ()
            for metadata in known:
                self._note({_METADATA: metadata}, selected)


def _nested(step: Step) -> Iterable[Sequence]:
    if step.label is Command.RUN_SEQUENCE:
        return (step.argument,)
    if step.label is Command.TRY_EACH:
        return [branch for branch in step.argument if branch is not None]
    return ()
