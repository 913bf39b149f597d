"""The dependencies that a description names: envelopes, or descriptions that one is built from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from suit import description, yaml_source
from suit.dependencies import MAX_DEPTH
from suit.describe.files import Files
from suit.encode import encode_envelope
from suit.envelope import MAX_ENVELOPE, open_envelope
from suit.errors import HardsuitError, UsageError
from suit.manifest import Envelope

_TAG: Final = 0xD8  # the first byte of every tagged envelope, and of no YAML document

Build: TypeAlias = Callable[[str, Path, tuple[Path, ...]], Envelope]
"""Makes the envelope of a description: its text, its path, and the descriptions that led to it."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The envelopes of the dependencies of one description, by the name of their component.

    Attributes:
        files: The files that it names.
        described: What it says of its dependencies.
        build: Makes an envelope of another description.
        trail: The descriptions that led to this one, and this one.
    """

    files: Files
    described: Mapping[str, description.Dependency]
    build: Build
    trail: tuple[Path, ...] = ()
    known: dict[str, tuple[Envelope, bytes]] = field(default_factory=dict)

    def get(self, name: str, path: yaml_source.Path) -> tuple[Envelope, bytes]:
        """Return a dependency's envelope and its bytes.

        Args:
            name: The component that holds it.
            path: Where it is asked for, for errors.

        Raises:
            UsageError: There is no such dependency, or no file of it, or the file is neither an envelope
                nor a description that can be built.
            StorageError: The file cannot be read.
        """
        if name not in self.known:
            row = self.described.get(name)
            if row is None:
                known = ", ".join(self.described) or "none"
                raise self.files.fail(path, f"there is no dependency {name}; there are {known}")
            if row.file is None:
                raise self.files.fail(path, f"the dependency {name} has no file")
            raw = self._load(row.file, ("dependencies", name, "file"))
            self.known[name] = open_envelope(raw, embedded=True), raw
        return self.known[name]

    def _load(self, name: str, path: yaml_source.Path) -> bytes:
        content = self.files.read(name, path)
        try:
            if content[:1] == bytes([_TAG]):
                open_envelope(content)
                return content
            file = self.files.directory / name
            self._require_end(file, name, path)
            raw = encode_envelope(self.build(content.decode("utf-8-sig"), file, self.trail))
        except UnicodeDecodeError:
            raise self.files.fail(path, f"{name} is neither an envelope nor a description") from None
        except HardsuitError as error:
            if isinstance(error, UsageError):
                raise  # it names the line in the file that is wrong
            raise self.files.fail(path, f"{name} is no envelope: {error}") from error
        if len(raw) > MAX_ENVELOPE:
            raise self.files.fail(path, f"{name} is larger than an envelope may be ({MAX_ENVELOPE} bytes)")
        return raw

    def _require_end(self, file: Path, name: str, path: yaml_source.Path) -> None:
        if file.resolve() in self.trail:
            raise self.files.fail(path, f"{name} depends on itself")
        if len(self.trail) > MAX_DEPTH:
            raise self.files.fail(path, f"dependencies are nested deeper than {MAX_DEPTH} levels")
