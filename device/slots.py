"""A/B slots on files: an update writes new files beside those that run, and shares nothing with them.

An image file is written once, under a name that no system refers to, and never changes after the boot
record names it. A :class:`Transaction` is what the processor sees during an update, an
:class:`Installed` what it sees at boot. Until the boot record names the new set, nothing has happened.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final, TypeVar

from typing_extensions import override

from device.components import Components, require_plain, show_id
from device.files.posix import attributes
from device.files.rules import FileRules
from device.files.vouched import require_vouched
from device.ic.interface import SecurityIC
from device.record import SLOTS, BootRecord, System
from device.storage import Storage, replace
from spec.labels import CoseAlgorithm, FileType
from suit.errors import AbortError, ComponentError, StorageError
from suit.manifest import ComponentId, ComponentMetadata, Manifest

IMAGES: Final = "images"
ENVELOPES: Final = "envelopes"
LOADED: Final = "loaded"
CHUNK: Final = 1 << 20

T = TypeVar("T")


def component_name(component: ComponentId) -> str:
    """Return a component identifier as a file name: hex parts with dots between."""
    return ".".join(part.hex() or "-" for part in component) or "root"


class _Files(Components):
    """Components whose content lies in files of the storage port, hashed by the IC alone."""

    def __init__(
        self,
        storage: Storage,
        ic: SecurityIC,
        capacities: Mapping[ComponentId, int],
        images: Mapping[ComponentId, str],
        slot: int,
    ) -> None:
        self._storage = storage
        self._ic = ic
        self._capacities = capacities
        self._images = dict(images)
        self._slot = slot

    @property
    def images(self) -> Mapping[ComponentId, str]:
        """The stored file of each component that has content."""
        return self._images

    @property
    @override
    def ids(self) -> tuple[ComponentId, ...]:
        return tuple(self._capacities)

    @override
    def slot(self, component: ComponentId) -> int:
        self.capacity(component)
        return self._slot

    @override
    def capacity(self, component: ComponentId) -> int:
        try:
            return self._capacities[component]
        except KeyError:
            raise ComponentError(f"this device has no component {show_id(component)}") from None

    @override
    def size(self, component: ComponentId) -> int | None:
        name = self._images.get(component)
        return None if name is None else self._storage.size(name)

    @override
    def read(self, component: ComponentId) -> Iterator[bytes]:
        name = self._images.get(component)
        if name is None:
            raise StorageError(f"component {show_id(component)} is absent")
        return _chunks(self._storage, name)

    @override
    def digest(self, component: ComponentId, algorithm: CoseAlgorithm) -> bytes | None:
        if self._images.get(component) is None:
            return None
        stream = self._ic.hash_open(algorithm)
        for chunk in self.read(component):
            stream.update(chunk)
        return stream.finish().digest

    def _store(
        self,
        name: str,
        component: ComponentId,
        chunks: Iterable[bytes],
        seen: Callable[[bytes], None],
    ) -> None:
        """Write a new file and let the component name it once all of it is durable."""
        capacity = self.capacity(component)
        if self._storage.size(name) is not None:
            self._storage.unlink(name)
        self._storage.write(name, 0, b"")
        offset = 0
        try:
            for chunk in _bounded(chunks, capacity, component):
                self._storage.write(name, offset, chunk)
                seen(chunk)
                offset += len(chunk)
            self._storage.sync(name)
        except Exception:
            with suppress(StorageError):  # what is wrong already is what people have to know
                self._storage.unlink(name)  # it may be plaintext that failed its check (E4.3)
            raise
        self._images[component] = name


class Transaction(_Files):
    """The inactive half during one update."""

    def __init__(
        self,
        storage: Storage,
        ic: SecurityIC,
        capacities: Mapping[ComponentId, int],
        record: BootRecord,
        rules: FileRules | None = None,
    ) -> None:
        running = record.confirmed
        super().__init__(
            storage,
            ic,
            capacities,
            running.images if running else {},
            (running.slot + 1) % SLOTS if running else 0,
        )
        self._rules = rules or FileRules(frozenset())
        self._metadata = dict(running.metadata) if running else {}
        self._generation = record.generation + 1
        self._written: dict[ComponentId, dict[CoseAlgorithm, bytes]] = {}
        self._count = 0

    @override
    def write(self, component: ComponentId, chunks: Iterable[bytes]) -> None:
        self._rules.require_place(component, FileType.REGULAR)
        self._replace(component, chunks)
        self._metadata.pop(component, None)

    @override
    def require_metadata(self, component: ComponentId, metadata: ComponentMetadata) -> None:
        self._rules.require(component, metadata)
        attributes(metadata, self._rules)

    @override
    def destination(self, link: ComponentId, target: bytes) -> ComponentId | None:
        return self._rules.destination(link, target)

    @override
    def write_file(
        self, component: ComponentId, chunks: Iterable[bytes], metadata: ComponentMetadata
    ) -> None:
        self.require_metadata(component, metadata)
        self._replace(component, chunks)
        self._metadata[component] = metadata

    def _replace(self, component: ComponentId, chunks: Iterable[bytes]) -> None:
        self._count += 1
        name = f"{IMAGES}/{component_name(component)}.{self._generation}.{self._count}"
        stream = self._ic.hash_open(CoseAlgorithm.SHA_256)
        self._store(name, component, chunks, stream.update)
        self._written[component] = {CoseAlgorithm.SHA_256: stream.finish().digest}

    @override
    def swap(self, one: ComponentId, other: ComponentId) -> None:
        for component in (one, other):
            require_plain(component, self._metadata.get(component))
        # Files never change once they are named, so exchanging two names exchanges two contents.
        _exchange(self._images, one, other)
        _exchange(self._written, one, other)
        for component in (one, other):
            self._written.setdefault(component, {})

    @override
    def digest(self, component: ComponentId, algorithm: CoseAlgorithm) -> bytes | None:
        known = self._written.get(component, {}).get(algorithm)
        return known if known is not None else super().digest(component, algorithm)

    def vouch(self, manifest: Manifest) -> None:
        """Forget metadata of components that nobody names any more, and hold the rest against the manifest.

        Raises:
            NotAuthenticError: A component has metadata that the manifest does not give to it; nothing could
                vouch for that at boot.
        """
        named = {*manifest.ids, *self._written}
        self._metadata = {name: known for name, known in self._metadata.items() if name in named}
        require_vouched(manifest, self._metadata)

    def seal(
        self, envelope: bytes, sequence_number: int, manifest_digest: bytes, root: ComponentId
    ) -> System:
        """Read every written image back through the IC, make all of it durable, and name the result.

        Raises:
            StorageError: What the storage holds is not what was written.
        """
        for component in self._written:
            hashed = self._written[component].get(CoseAlgorithm.SHA_256)
            if hashed is not None and super().digest(component, CoseAlgorithm.SHA_256) != hashed:
                raise StorageError(f"component {component_name(component)}: was stored differently")
        name = f"{ENVELOPES}/{manifest_digest.hex()}.{self._generation}.suit"
        replace(self._storage, name, envelope)
        self._storage.sync_dir(IMAGES)
        images = dict(self._images)
        return System(self._slot, name, sequence_number, manifest_digest, images, root, dict(self._metadata))


class Installed(_Files):
    """An installed set at boot; load sequences write to files that no update knows."""

    def __init__(
        self,
        storage: Storage,
        ic: SecurityIC,
        capacities: Mapping[ComponentId, int],
        system: System,
    ) -> None:
        super().__init__(storage, ic, capacities, system.images, system.slot)

    @override
    def write(self, component: ComponentId, chunks: Iterable[bytes]) -> None:
        self._store(f"{LOADED}/{component_name(component)}", component, chunks, lambda _: None)

    @override
    def swap(self, one: ComponentId, other: ComponentId) -> None:
        raise AbortError("swap: an installed set is never changed at boot")


def sweep(storage: Storage, record: BootRecord, *, keep: Iterable[str] = ()) -> None:
    """Remove files that no system names: what an interrupted or superseded update left behind."""
    kept = set(keep)
    for system in (record.confirmed, record.trial):
        if system is not None:
            kept |= {system.envelope, *system.images.values()}
    for directory in (IMAGES, ENVELOPES):
        for name in storage.list(directory):
            path = f"{directory}/{name}"
            if path not in kept:
                storage.unlink(path)


def _chunks(storage: Storage, name: str) -> Iterator[bytes]:
    offset = 0
    while chunk := storage.read(name, offset, CHUNK):
        yield chunk
        offset += len(chunk)


def _bounded(chunks: Iterable[bytes], capacity: int, component: ComponentId) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > capacity:
            raise StorageError(f"component {show_id(component)} is full at {capacity} bytes")
        yield chunk


def _exchange(values: dict[ComponentId, T], one: ComponentId, other: ComponentId) -> None:
    first, second = values.pop(one, None), values.pop(other, None)
    if second is not None:
        values[one] = second
    if first is not None:
        values[other] = first
