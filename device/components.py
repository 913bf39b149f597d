"""Components as the manifest processor sees them: what it may read, write, swap and digest.

A component is named by its identifier (M8.4.5) and may be absent: then ``size`` and ``digest`` return
``None``. :class:`Components` is the interface; :class:`DigestingComponents` adds the digest cache that
every implementation wants; :class:`MemoryComponents` keeps contents in memory, for tests, for the
conformance client and for dry runs. The slots of a real device implement the same interface.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from typing_extensions import override

from spec.labels import CoseAlgorithm
from suit import digest
from suit.errors import ComponentError, StorageError
from suit.manifest import ComponentId

CHUNK: Final = 1 << 16


class HashTicket(Protocol):
    """What a finished hash stream returns: at least the digest."""

    @property
    def digest(self) -> bytes:
        """The digest."""


class HashStream(Protocol):
    """A digest in the making; the security IC's hash stream is one."""

    def update(self, data: bytes, /) -> None:
        """Take in more of the content."""

    def finish(self) -> HashTicket:
        """Return the digest of all that was taken in."""


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

    @abstractmethod
    def read(self, component: ComponentId) -> Iterator[bytes]:
        """Yield the content, in chunks of bounded size.

        Raises:
            StorageError: The component is absent.
        """

    @abstractmethod
    def write(
        self,
        component: ComponentId,
        chunks: Iterable[bytes],
        *,
        algorithm: CoseAlgorithm | None = None,
    ) -> None:
        """Replace the content by what ``chunks`` yields.

        When ``chunks`` raises, the error passes through and the component keeps its old content or
        becomes absent; it never holds a part that looks whole.

        Args:
            component: What to write.
            chunks: The new content.
            algorithm: The digest that will be asked for next; computed while writing.
        """

    @abstractmethod
    def swap(self, one: ComponentId, other: ComponentId) -> None:
        """Exchange two contents, an absent one too; after a power cut it is finished or undone (M6.3.1)."""

    @abstractmethod
    def digest(self, component: ComponentId, algorithm: CoseAlgorithm) -> bytes | None:
        """Return the digest of the content, None when the component is absent.

        Within one procedure it may be one that was computed before, as long as the content did not change.
        """

    @abstractmethod
    def begin(self) -> None:
        """Forget every digest computed so far: a new procedure believes only what it reads itself."""

    @abstractmethod
    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """Enclose an update: when the block raises, nothing that boots has changed."""
        yield


class DigestingComponents(Components):
    """Components whose digests come from a hash stream, computed once per content and procedure.

    Implementations provide :meth:`replace_content` and :meth:`exchange` in place of ``write`` and
    ``swap``, so that no write can pass by the cache.

    Args:
        hash_open: Opens a hash stream: ``SecurityIC.hash_open`` on a device.
    """

    def __init__(self, hash_open: Callable[[CoseAlgorithm], HashStream]) -> None:
        self._hash_open = hash_open
        self._digests: dict[tuple[ComponentId, CoseAlgorithm], bytes] = {}

    @abstractmethod
    def replace_content(self, component: ComponentId, chunks: Iterable[bytes]) -> None:
        """As :meth:`Components.write`, without a digest."""

    @abstractmethod
    def exchange(self, one: ComponentId, other: ComponentId) -> None:
        """As :meth:`Components.swap`."""

    @override
    def write(
        self,
        component: ComponentId,
        chunks: Iterable[bytes],
        *,
        algorithm: CoseAlgorithm | None = None,
    ) -> None:
        self._forget(component)
        if algorithm is None:
            self.replace_content(component, chunks)
            return
        stream = self._hash_open(algorithm)
        self.replace_content(component, _hashed(chunks, stream))
        self._digests[component, algorithm] = stream.finish().digest

    @override
    def swap(self, one: ComponentId, other: ComponentId) -> None:
        self._forget(one)
        self._forget(other)
        self.exchange(one, other)

    @override
    def digest(self, component: ComponentId, algorithm: CoseAlgorithm) -> bytes | None:
        if self.size(component) is None:
            return None
        known = self._digests.get((component, algorithm))
        if known is None:
            stream = self._hash_open(algorithm)
            for chunk in self.read(component):
                stream.update(chunk)
            known = self._digests[component, algorithm] = stream.finish().digest
        return known

    @override
    def begin(self) -> None:
        self._digests.clear()

    def _forget(self, component: ComponentId) -> None:
        for key in [key for key in self._digests if key[0] == component]:
            del self._digests[key]


def _hashed(chunks: Iterable[bytes], stream: HashStream) -> Iterator[bytes]:
    for chunk in chunks:
        stream.update(chunk)
        yield chunk


@dataclass(frozen=True, slots=True)
class _SoftwareTicket:
    digest: bytes


class SoftwareHash:
    """A hash stream computed in this process, for use without a security IC."""

    def __init__(self, algorithm: CoseAlgorithm) -> None:
        self._hash = digest.new(algorithm)

    def update(self, data: bytes, /) -> None:
        """Take in more of the content."""
        self._hash.update(data)

    def finish(self) -> HashTicket:
        """Return the digest of all that was taken in."""
        return _SoftwareTicket(self._hash.digest())


@dataclass(slots=True)
class MemoryComponent:
    """One component in memory.

    Attributes:
        content: What it holds; None when it is absent.
        slot: Its slot index.
        capacity: The most it can hold.
        digest: Stands in for the SHA-256 of whatever it holds, before and after it is written: the
            published examples use made-up digests (DESIGN §9).
    """

    content: bytes | None = None
    slot: int = 0
    capacity: int = 1 << 20
    digest: bytes | None = None


class MemoryComponents(DigestingComponents):
    """Components in memory; a transaction that raises leaves every content as it was.

    Args:
        components: By identifier, in the device's order. They are changed in place.
        hash_open: Opens a hash stream; in software by default.
    """

    def __init__(
        self,
        components: dict[ComponentId, MemoryComponent],
        *,
        hash_open: Callable[[CoseAlgorithm], HashStream] = SoftwareHash,
    ) -> None:
        super().__init__(hash_open)
        self._components = components

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
        content = self.content(component)
        if content is None:
            raise StorageError(f"component {show_id(component)} is absent")
        return (content[start : start + CHUNK] for start in range(0, len(content), CHUNK))

    @override
    def digest(self, component: ComponentId, algorithm: CoseAlgorithm) -> bytes | None:
        held = self._of(component)
        if held.digest is not None and held.content is not None and algorithm is CoseAlgorithm.SHA_256:
            return held.digest
        return super().digest(component, algorithm)

    @override
    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        before = [(held, held.content) for held in self._components.values()]
        try:
            yield
        except BaseException:
            for held, content in before:
                held.content = content
            self.begin()
            raise

    @override
    def replace_content(self, component: ComponentId, chunks: Iterable[bytes]) -> None:
        held = self._of(component)
        content = bytearray()
        for chunk in chunks:
            content += chunk
            if len(content) > held.capacity:
                raise StorageError(f"component {show_id(component)} is full at {held.capacity} bytes")
        held.content = bytes(content)

    @override
    def exchange(self, one: ComponentId, other: ComponentId) -> None:
        first, second = self._of(one), self._of(other)
        first.content, second.content = second.content, first.content

    def content(self, component: ComponentId) -> bytes | None:
        """Return what the component holds; None when it is absent."""
        return self._of(component).content

    def _of(self, component: ComponentId) -> MemoryComponent:
        try:
            return self._components[component]
        except KeyError:
            raise ComponentError(f"this device has no component {show_id(component)}") from None


def show_id(component: ComponentId) -> str:
    """Return a component identifier as people read it: ``[h'00', h'01']``."""
    parts = [f"h'{part.hex()}'" for part in component]
    return f"[{', '.join(parts)}]"
