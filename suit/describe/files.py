"""The files that a description names, read and hashed within bounds; errors name the line."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from spec.labels import CoseAlgorithm
from suit import digest, yaml_source
from suit.envelope import MAX_ENVELOPE
from suit.errors import StorageError, UsageError

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Files:
    """The files beside a description; ``path`` is where in the description something is, for errors.

    Attributes:
        source: The description.
        directory: Where the files are.
    """

    source: yaml_source.Source
    directory: Path
    digests: dict[tuple[str, CoseAlgorithm], tuple[bytes, int]] = field(default_factory=dict)

    def read(self, name: str, path: yaml_source.Path) -> bytes:
        """Return what a file holds, if an envelope could hold it."""
        content = self.read_some(name, path, MAX_ENVELOPE)
        if len(content) > MAX_ENVELOPE:
            raise self.fail(path, f"{name} is larger than an envelope may be ({MAX_ENVELOPE} bytes)")
        return content

    def read_some(self, name: str, path: yaml_source.Path, limit: int) -> bytes:
        """Return what a file holds, and one byte too many of what is over the limit."""
        return bytes(self._open(name, path, lambda file: file.read(limit + 1)))

    def hash(self, name: str, algorithm: CoseAlgorithm, path: yaml_source.Path) -> tuple[bytes, int]:
        """Return digest and size of a file of any size."""

        def hash_all(file: Any) -> tuple[bytes, int]:  # noqa: ANN401 - a binary file
            stream, size = digest.new(algorithm), 0
            while chunk := file.read(_CHUNK):
                stream.update(chunk)
                size += len(chunk)
            return stream.digest(), size

        key = (name, algorithm)
        if key not in self.digests:
            self.digests[key] = self._open(name, path, hash_all)
        return self.digests[key]

    def fail(self, path: yaml_source.Path, problem: str) -> UsageError:
        """Return an error at a place of the description."""
        return self.source.error(path, problem)

    def _open(self, name: str, path: yaml_source.Path, use: Callable[[Any], Any]) -> Any:  # noqa: ANN401
        try:
            with (self.directory / name).open("rb") as file:
                return use(file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise StorageError(f"{self.source.where(path)}: {name}: {reason}") from error
