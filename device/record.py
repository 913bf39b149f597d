"""What the device has installed: the boot record, the one small write that makes an update real.

Two copies are kept under ``boot/0`` and ``boot/1`` and written in turn, each with a length and a
SHA-256 of its own, so a write that is cut short leaves the other copy as it was (DESIGN §2.7).
The record is a hint from untrusted storage: what it names is authenticated again at every boot.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from device.storage import NotFoundError, Storage
from suit import cbor
from suit.decode import decode_component_id
from suit.errors import HardsuitError, StorageError
from suit.manifest import ComponentId, ComponentMetadata
from suit.metadata import decode_component_metadata, metadata_map
from suit.narrow import as_bytes, as_map, as_uint

SLOTS: Final = 2
_DIRECTORY: Final = "boot"
_COPIES: Final = (f"{_DIRECTORY}/0", f"{_DIRECTORY}/1")
_HEAD: Final = 4 + 32
_MAX_RECORD: Final = 1 << 16


class RecordLostError(StorageError):
    """Both copies of the boot record could be read, and neither is one."""

    reason = "boot-record-lost"


@dataclass(frozen=True, slots=True)
class System:
    """One installed set: an envelope and the images that belong to it.

    Attributes:
        slot: Which half of the A/B pair it occupies: what suit-condition-component-slot compares.
        envelope: Name of the stored envelope.
        sequence_number: Of its manifest.
        digest: Of its manifest.
        images: The stored file of each component that has content.
        root: The manifest's own component identifier, empty when it names none: it keys the floor (T5.2.1).
        metadata: What is known of the components that are files (U4.6).
    """

    slot: int
    envelope: str
    sequence_number: int
    digest: bytes
    images: Mapping[ComponentId, str]
    root: ComponentId = ()
    metadata: Mapping[ComponentId, ComponentMetadata] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "slot": self.slot,
            "sequence_number": self.sequence_number,
            "digest": self.digest.hex(),
            "components": [[part.hex() for part in component] for component in self.images],
        }


@dataclass(frozen=True, slots=True)
class BootRecord:
    """The state of the A/B pair.

    Attributes:
        generation: Rises with every write; the higher valid copy counts.
        confirmed: The system that is known to work, None before the first update.
        trial: An installed system that has not been confirmed.
        boots: How often the trial was to be started.
        started: Whether the trial ever took over; without that, nobody can confirm it.
        failure: Why the last trial was given up; kept until the next one is confirmed.
        failed: The manifest digest of that trial.
    """

    generation: int = 0
    confirmed: System | None = None
    trial: System | None = None
    boots: int = 0
    started: bool = False
    failure: str = ""
    failed: bytes = b""

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "confirmed": self.confirmed.to_dict() if self.confirmed else None,
            "trial": self.trial.to_dict() if self.trial else None,
            "boots": self.boots,
            "failure": self.failure,
        }


def load_record(storage: Storage) -> BootRecord:
    """Return the newest valid copy; an empty record on a device that never installed anything.

    Raises:
        RecordLostError: Two copies exist and none is valid. (One alone may be the first write, cut short.)
    """
    copies = [_read_copy(storage, name) for name in _COPIES]
    valid = [copy for copy in copies if isinstance(copy, BootRecord)]
    if valid:
        return max(valid, key=lambda record: record.generation)
    if any(copy is not None for copy in copies) and _was_ever_complete(storage):
        raise RecordLostError("boot record: both copies are damaged")
    return BootRecord()


def save_record(storage: Storage, record: BootRecord) -> BootRecord:
    """Write the record over the older copy, durably; return it with its new generation."""
    saved = replace(record, generation=record.generation + 1)
    encoded = _encode(saved)
    if len(encoded) + _HEAD > _MAX_RECORD:
        raise StorageError(f"boot record: {len(encoded)} bytes are more than one copy holds")
    name = _COPIES[saved.generation % len(_COPIES)]
    created = storage.size(name) is None
    head = len(encoded).to_bytes(4, "big") + hashlib.sha256(encoded).digest()
    storage.write(name, 0, head + encoded)
    storage.sync(name)
    if created:
        storage.sync_dir(_DIRECTORY)
    return saved


def _was_ever_complete(storage: Storage) -> bool:
    # The very first write touches one copy only: if it was cut short, nothing had been installed yet.
    return all(storage.size(name) is not None for name in _COPIES)


def _read_copy(storage: Storage, name: str) -> BootRecord | str | None:
    """Return the record, why it is invalid, or None when there is no file."""
    try:
        raw = storage.read(name, 0, _MAX_RECORD)
    except NotFoundError:
        return None
    encoded = raw[_HEAD : _HEAD + int.from_bytes(raw[:4], "big")]
    if not hmac.compare_digest(hashlib.sha256(encoded).digest(), raw[4:_HEAD]):
        return "checksum"
    try:
        return _decode(encoded)
    except HardsuitError as error:
        return str(error)


def _encode(record: BootRecord) -> bytes:
    return cbor.encode(
        [
            record.generation,
            _encode_system(record.confirmed),
            _encode_system(record.trial),
            record.boots,
            record.started,
            record.failure,
            record.failed,
        ]
    )


def _encode_system(system: System | None) -> cbor.Item:
    if system is None:
        return None
    images = dict(system.images)
    return [
        system.slot,
        system.envelope,
        system.sequence_number,
        system.digest,
        images,
        list(system.root),
        {component: cbor.encode(metadata_map(known)) for component, known in system.metadata.items()},
    ]


def _decode(raw: bytes) -> BootRecord:
    match cbor.decode(raw, where="boot record"):
        case [generation, confirmed, trial, boots, bool() as started, str() as failure, bytes() as failed]:
            return BootRecord(
                as_uint(generation, "boot record"),
                _decode_system(confirmed),
                _decode_system(trial),
                as_uint(boots, "boot record"),
                started,
                failure,
                failed,
            )
        case _:
            raise StorageError("boot record: not a record")


def _decode_system(item: cbor.Item) -> System | None:
    match item:
        case None:
            return None
        case [slot, str() as envelope, number, digest, images, root, *rest] if len(rest) <= 1:
            return System(
                as_uint(slot, "boot record"),
                envelope,
                as_uint(number, "boot record"),
                as_bytes(digest, "boot record"),
                {key: str(name) for key, name in as_map(images, "boot record").items()},
                decode_component_id(root, "boot record"),
                # A record from before there was metadata has none.
                {
                    component: decode_component_metadata(known, "boot record")
                    for known_of in rest
                    for component, known in as_map(known_of, "boot record").items()
                },
            )
        case _:
            raise StorageError("boot record: not a system")
