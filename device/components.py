"""Components as the manifest processor sees them: what it may read, write, swap and digest.

A component is named by its identifier (M8.4.5) and may be absent: then ``size`` and ``digest`` return
``None``. :class:`Components` is the interface, which the slots of a real device implement;
:class:`MemoryComponents` keeps contents in memory, for tests, the conformance client and dry runs.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from spec.labels import CoseAlgorithm, FileType
from suit import digest
from suit.errors import AbortError, ComponentError, StorageError, UnsupportedParameterError
from suit.manifest import ComponentId, ComponentMetadata

if TYPE_CHECKING:
    from device.files.rules import FileRules  # which imports this module

CHUNK: Final = 1 << 16
_SHOWN: Final = 40


class Components(ABC):
    """What the processor reads and writes. Methods raise :class:`StorageError` when the medium fails.

    Identifiers that are not in :attr:`ids` raise :class:`ComponentError`.
    """

    @property
    @abstractmethod
    def ids(self) -> tuple[ComponentId, ...]:
        """The components of this device, in a fixed order."""

    @abstractmethod
    def slot(self, component: ComponentId) -> int:
        """Return the index of the slot that an update of the component goes to (M8.4.9.4)."""

    @abstractmethod
    def capacity(self, component: ComponentId) -> int:
        """Return how many bytes the component can hold."""

    @abstractmethod
    def size(self, component: ComponentId) -> int | None:
        """Return how many bytes the component holds; None when it is absent."""

    def has_size(self, component: ComponentId, size: int) -> bool:
        """Tell whether the component holds an image of this size (M8.4.8.7)."""
        return self.size(component) == size

    @abstractmethod
    def read(self, component: ComponentId) -> Iterator[bytes]:
        """Yield the content of a component that is not absent, in chunks of bounded size."""

    @abstractmethod
    def write(self, component: ComponentId, chunks: Iterable[bytes]) -> None:
        """Replace the content by what ``chunks`` yields.

        When ``chunks`` raises, the error passes through and the component keeps its old content or
        becomes absent; it never holds a part that looks whole.
        """

    # What follows is for components that are files (U4.6). By default there are none.

    def require_metadata(self, component: ComponentId, metadata: ComponentMetadata) -> None:
        """Refuse metadata that cannot be applied to the component, before anything is fetched or changed.

        Raises:
            UnsupportedParameterError: The component takes none, or not this.
            AbortError: The component cannot become such a file.
        """
        del metadata
        raise UnsupportedParameterError(f"component {show_id(component)} takes no metadata")

    def destination(self, link: ComponentId, target: bytes) -> ComponentId | None:
        """Return the component that a symbolic link would lead to; None where local policy lets it lead out.

        Raises:
            ComponentUnauthorisedError: It may not lead there (U8).
            AbortError: The target is no path.
        """
        raise AbortError(f"component {show_id(link)} cannot be a link, to {target[:_SHOWN]!r} or elsewhere")

    def write_file(
        self, component: ComponentId, chunks: Iterable[bytes], metadata: ComponentMetadata
    ) -> None:
        """Replace the content as :meth:`write` does, and what is known of the component with it.

        Raises:
            UnsupportedParameterError, AbortError: As :meth:`require_metadata`.
        """
        del chunks
        self.require_metadata(component, metadata)
        raise AbortError(f"component {show_id(component)}: metadata cannot be applied")

    @abstractmethod
    def swap(self, one: ComponentId, other: ComponentId) -> None:
        """Exchange two contents, an absent one too; after a power cut it is finished or undone (M6.3.1)."""

    @abstractmethod
    def digest(self, component: ComponentId, algorithm: CoseAlgorithm) -> bytes | None:
        """Return the digest of the content, None when the component is absent.

        It may be one that was computed while the content was written, or by an earlier call within the
        same procedure, as long as the content did not change since.
        """

    def transaction(self) -> AbstractContextManager[None]:
        """Enclose a procedure: when the block raises, every component is as before.

        By default this does nothing: whoever writes aside and commits later has nothing to undo.
        """
        return nullcontext()


@dataclass(slots=True)
class MemoryComponent:
    """One component in memory.

    Attributes:
        content: What it holds; None when it is absent.
        slot: Its slot index.
        capacity: The most it can hold.
        digest: Stands in for the SHA-256 of whatever it holds, before and after it is written: the
            published examples use made-up digests (DESIGN §9).
        metadata: What is known of it as a file, None when nothing is.
    """

    content: bytes | None = None
    slot: int = 0
    capacity: int = 1 << 20
    digest: bytes | None = None
    metadata: ComponentMetadata | None = None


class MemoryComponents(Components):
    """Components in memory; a transaction that raises leaves every content as it was.

    Args:
        components: By identifier, in the device's order. They are changed in place.
        rules: Which of them are files; by default none are.
    """

    def __init__(
        self, components: dict[ComponentId, MemoryComponent], *, rules: "FileRules | None" = None
    ) -> None:
        self._components = components
        self._rules = rules

    @property
    @override
    def ids(self) -> tuple[ComponentId, ...]:
        return tuple(self._components)

    @override
    def slot(self, component: ComponentId) -> int:
        return self._of(component).slot

    @override
    def capacity(self, component: ComponentId) -> int:
        return self._of(component).capacity

    @override
    def size(self, component: ComponentId) -> int | None:
        content = self._of(component).content
        return None if content is None else len(content)

    @override
    def read(self, component: ComponentId) -> Iterator[bytes]:
        content = self._of(component).content
        if content is None:
            raise StorageError(f"component {show_id(component)} is absent")
        return (content[start : start + CHUNK] for start in range(0, len(content), CHUNK))

    @override
    def write(self, component: ComponentId, chunks: Iterable[bytes]) -> None:
        if self._rules is not None:
            self._rules.require_place(component, FileType.REGULAR)
        held = self._of(component)
        held.content = self._read_all(component, chunks)
        held.metadata = None

    @override
    def require_metadata(self, component: ComponentId, metadata: ComponentMetadata) -> None:
        if self._rules is None:
            super().require_metadata(component, metadata)
        else:
            self._rules.require(component, metadata)

    @override
    def destination(self, link: ComponentId, target: bytes) -> ComponentId | None:
        if self._rules is None:
            return super().destination(link, target)
        return self._rules.destination(link, target)

    @override
    def write_file(
        self, component: ComponentId, chunks: Iterable[bytes], metadata: ComponentMetadata
    ) -> None:
        self.require_metadata(component, metadata)
        held = self._of(component)
        held.content = self._read_all(component, chunks)
        held.metadata = metadata

    @override
    def swap(self, one: ComponentId, other: ComponentId) -> None:
        first, second = self._of(one), self._of(other)
        require_plain(one, first.metadata)
        require_plain(other, second.metadata)
        first.content, second.content = second.content, first.content

    @override
    def digest(self, component: ComponentId, algorithm: CoseAlgorithm) -> bytes | None:
        held = self._of(component)
        if held.content is None:
            return None
        if held.digest is not None and algorithm is CoseAlgorithm.SHA_256:
            return held.digest
        return digest.compute(algorithm, held.content)

    @override
    def transaction(self) -> AbstractContextManager[None]:
        return _Undo(self._components.values())

    def content(self, component: ComponentId) -> bytes | None:
        """Return what the component holds; None when it is absent."""
        return self._of(component).content

    def metadata(self, component: ComponentId) -> ComponentMetadata | None:
        """Return what is known of the component as a file; None when nothing is."""
        return self._of(component).metadata

    def _read_all(self, component: ComponentId, chunks: Iterable[bytes]) -> bytes:
        capacity = self._of(component).capacity
        content = bytearray()
        for chunk in chunks:
            content += chunk
            if len(content) > capacity:
                raise StorageError(f"component {show_id(component)} is full at {capacity} bytes")
        return bytes(content)

    def _of(self, component: ComponentId) -> MemoryComponent:
        try:
            return self._components[component]
        except KeyError:
            raise ComponentError(f"this device has no component {show_id(component)}") from None


class _Undo(AbstractContextManager[None]):
    """Gives components their content back when the block raises."""

    def __init__(self, components: Iterable[MemoryComponent]) -> None:
        self._before = [(held, held.content, held.metadata) for held in components]

    @override
    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for held, content, metadata in self._before:
                held.content, held.metadata = content, metadata


def require_plain(component: ComponentId, metadata: ComponentMetadata | None) -> None:
    """Let no swap move a file to another place than its metadata was made for (ADR 0012).

    Raises:
        AbortError: The component has metadata.
    """
    if metadata is not None:
        raise AbortError(f"component {show_id(component)} has metadata; files are not swapped")


def show_id(component: ComponentId) -> str:
    """Return a component identifier as people read it: ``[h'00', h'01']``."""
    parts = [f"h'{part.hex()}'" for part in component]
    return f"[{', '.join(parts)}]"
