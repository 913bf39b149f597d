"""Command sequences of a description to those of the model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from spec.labels import Command as CommandLabel
from spec.labels import Parameter
from suit import description, yaml_source
from suit.commands import CONDITIONS
from suit.describe.values import Values
from suit.description import Parameters, alias
from suit.manifest import Command, ParameterValue, Sequence

_ALL, _ON_FAILURE, _SUCCESS_AND_SYSINFO = 15, 2, 5
# What the published examples use; an author may say otherwise at every command.
_POLICIES: Final = {
    command: _SUCCESS_AND_SYSINFO if command is CommandLabel.COMPONENT_SLOT else _ALL
    for command in CONDITIONS
}


@dataclass(frozen=True, slots=True)
class Steps:
    """Turns sequences into those of the model; ``path`` is where they stand, for errors.

    Attributes:
        values: Turns what the parameters are set to.
        names: What the author calls the components, by index.
    """

    values: Values
    names: list[str]

    def sequence(self, steps: list[description.Step], path: yaml_source.Path) -> Sequence:
        """Return a sequence."""
        return tuple([self._command(step, (*path, index)) for index, step in enumerate(steps)])

    def component(self, reference: object, path: yaml_source.Path) -> int:
        """Return the index of a component that is named or numbered."""
        names = self.names
        if isinstance(reference, str) and reference in names:
            return names.index(reference)
        if isinstance(reference, int) and 0 <= reference < len(names):
            return reference
        raise self.values.files.fail(
            path, f"there is no component {reference!r}; there are {', '.join(names)}"
        )

    def _command(self, step: description.Command, path: yaml_source.Path) -> Command:
        (name,) = step.given()
        label = CommandLabel[name.rstrip("_").upper()]
        path = (*path, alias(step, name))
        value = getattr(step, name)
        if name in step.may_be_bare:
            return Command(label, _POLICIES.get(label, _ON_FAILURE) if value is None else value)
        read: Mapping[CommandLabel, Callable[[Any, yaml_source.Path], Any]] = {
            CommandLabel.OVERRIDE_PARAMETERS: self._parameters,
            CommandLabel.SET_PARAMETERS: self._parameters,
            CommandLabel.SET_COMPONENT_INDEX: self._index,
            CommandLabel.RUN_SEQUENCE: self.sequence,
            CommandLabel.TRY_EACH: self._branches,
            CommandLabel.OVERRIDE_MULTIPLE: lambda rows, path: self._by_index(rows, path, self._parameters),
            CommandLabel.COPY_PARAMS: lambda rows, path: self._by_index(rows, path, _labels),
        }
        return Command(label, read[label](value, path))

    def _branches(
        self, branches: list[list[description.Step] | None], path: yaml_source.Path
    ) -> tuple[Sequence | None, ...]:
        return tuple(
            [
                None if branch is None else self.sequence(branch, (*path, index))
                for index, branch in enumerate(branches)
            ]
        )

    def _by_index(
        self, rows: Mapping[str, Any], path: yaml_source.Path, read: Callable[[Any, yaml_source.Path], Any]
    ) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for reference, row in rows.items():
            index = self.component(reference, (*path, reference))
            found[index] = read(row, (*path, reference))
        if not found:
            raise self.values.files.fail(path, "at least one component is needed")
        return dict(sorted(found.items()))

    def _index(self, value: object, path: yaml_source.Path) -> int | bool | tuple[int, ...]:
        if value is True:
            return True
        if isinstance(value, list):
            return tuple([self.component(part, (*path, index)) for index, part in enumerate(value)])
        return self.component(value, path)

    def _parameters(self, given: Parameters, path: yaml_source.Path) -> dict[Parameter, ParameterValue]:
        parameters: dict[Parameter, ParameterValue] = {}
        for name in given.given():
            value, place = getattr(given, name), (*path, alias(given, name))
            if name == "image":
                image = self.values.image(value, place)
                parameters[Parameter.IMAGE_DIGEST], parameters[Parameter.IMAGE_SIZE] = image
            elif name == "source_component":
                parameters[Parameter.SOURCE_COMPONENT] = self.component(value, place)
            else:
                parameters[Parameter[name.upper()]] = self.values.parameter(name, value, place)
        return parameters


def _labels(names: list[str], _path: yaml_source.Path) -> tuple[Parameter, ...]:
    return tuple([Parameter[name.upper().replace("-", "_")] for name in names])
