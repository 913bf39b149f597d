"""What a case is made of: the device, the keys, the envelope and what shall come out (DESIGN §9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from conformance.forge import at, check, envelope, image, manifest, override
from conformance.forge_cbor import Item, encode
from conformance.forge_cose import Key
from spec.labels import Command, CoseAlgorithm, Parameter, ReportReason

VENDOR: Final = bytes.fromhex("fa6b4a53d5ad5fdfbe9de663e4d41ffe")
CLASS: Final = bytes.fromhex("1492af1425695e48bf429b2d51f2ab45")
DEVICE: Final = bytes.fromhex("6f1d2c3b4a594877968594a3b2c1d0e0")
OTHER: Final = bytes.fromhex("0b0e4ac53fe2464a92a2a9c3b1f0d1e7")
URI: Final = "http://example.com/file.bin"
URI_2: Final = "http://example.com/file2.bin"
OLD: Final = b"what was installed before"
NEW: Final = b"the new image, as it shall be"
NEW_2: Final = b"a second image for a second component"

AUTHOR: Final = Key("author", CoseAlgorithm.ESP256, b"author")
STRANGER: Final = Key("stranger", CoseAlgorithm.ESP256, b"stranger")

ComponentId = tuple[bytes, ...]
MAIN: Final[ComponentId] = (b"\x00",)
SECOND: Final[ComponentId] = (b"\x01",)
THIRD: Final[ComponentId] = (b"\x02",)
NOW: Final = 1760000000


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component of the device, and what it holds before the run."""

    id: ComponentId = MAIN
    slot: int = 0
    capacity: int = 65536
    content: bytes | None = None
    digest: bytes | None = None
    version: tuple[int, ...] | None = None
    owners: tuple[ComponentId, ...] = ()
    file: bool = False
    metadata: bytes | None = None
    links: tuple[bytes, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the object of the case format."""
        known = {} if self.version is None else {"version": list(self.version)}
        owners = {"owners": [_id(owner) for owner in self.owners]} if self.owners else {}
        return {
            "id": _id(self.id),
            "slot": self.slot,
            "capacity": self.capacity,
            "content": _hex(self.content),
            "digest": _hex(self.digest),
            **known,
            **owners,
            **({"metadata": _hex(self.metadata)} if self.file else {}),
            **({"links": [target.hex() for target in self.links]} if self.links else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The device under test."""

    components: tuple[Component, ...] = (Component(content=OLD),)
    vendor_ids: tuple[bytes, ...] = (VENDOR,)
    class_ids: tuple[bytes, ...] = (CLASS,)
    device_ids: tuple[bytes, ...] = (DEVICE,)
    floors: Mapping[ComponentId, int] = field(default_factory=dict)
    clock: int | None = NOW
    battery_mwh: int | None = None
    authorize: bool = True
    actors: tuple[Item, ...] = ()
    power: int | None = None
    network: int | None = None
    other_devices: Mapping[bytes, tuple[int, ...]] | None = None
    timezone: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the object of the case format."""
        return {
            "vendor_ids": [value.hex() for value in self.vendor_ids],
            "class_ids": [value.hex() for value in self.class_ids],
            "device_ids": [value.hex() for value in self.device_ids],
            "components": [component.to_json() for component in self.components],
            "floors": [{"id": _id(name), "sequence": low} for name, low in self.floors.items()],
            "clock": self.clock,
            "battery_mwh": self.battery_mwh,
            "authorize": self.authorize,
            **({"actors": [encode(actor).hex() for actor in self.actors]} if self.actors else {}),
            **self._surroundings(),
        }

    def _surroundings(self) -> dict[str, Any]:
        devices = None
        if self.other_devices is not None:
            devices = [{"id": name.hex(), "version": list(own)} for name, own in self.other_devices.items()]
        members = {
            "power": self.power,
            "network": self.network,
            "other_devices": devices,
            "timezone": self.timezone,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: what the client gets, and what it shall answer.

    Attributes:
        reason: The report reason of a refusal; None where the standard leaves it open.
        after: Content of components after the run, where it is not what it was before.
        known: Encoded metadata of components that are files after the run, where it is another than before.
    """

    name: str
    requirement: tuple[str, ...]
    summary: str
    envelope: bytes
    accepted: bool
    reason: ReportReason | None = None
    device: Device = field(default_factory=Device)
    keys: Sequence[Mapping[str, str]] = ()
    resources: Mapping[str, bytes] = field(default_factory=dict)
    procedure: str = "update"
    profile: str = "strict"
    after: Mapping[ComponentId, bytes | None] = field(default_factory=dict)
    known: Mapping[ComponentId, bytes | None] = field(default_factory=dict)
    fetched: Sequence[str] = ()
    invoked: Sequence[tuple[ComponentId, bytes | None]] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the object of the case format (DESIGN §9)."""
        return {
            "case": self.name,
            "requirement": list(self.requirement),
            "summary": self.summary,
            "procedure": self.procedure,
            "profile": self.profile,
            "envelope": self.envelope.hex(),
            "device": self.device.to_json(),
            "keys": list(self.keys),
            "resources": {uri: content.hex() for uri, content in self.resources.items()},
            "expect": self._expect(),
        }

    def _expect(self) -> dict[str, Any]:
        expect: dict[str, Any] = {"outcome": "accepted" if self.accepted else "rejected"}
        if self.reason is not None:
            expect["reason"] = self.reason.value
        expect["components"] = [self._held(part) for part in self.device.components]
        expect["fetched"] = list(self.fetched)
        expect["invoked"] = [{"id": _id(name), "args": _hex(args)} for name, args in self.invoked]
        return expect

    def _held(self, part: Component) -> dict[str, Any]:
        held = {"id": _id(part.id), "content": _hex(self.after.get(part.id, part.content))}
        return held | ({"metadata": _hex(self.known.get(part.id, part.metadata))} if part.file else {})


def accepted(name: str, requirement: str, summary: str, raw: bytes, **parts: Any) -> Case:  # noqa: ANN401 - fields of Case
    """Define a case that the client shall carry out to its end."""
    return _case(name, requirement, summary, raw, accepted=True, **parts)


def rejected(
    name: str,
    requirement: str,
    summary: str,
    raw: bytes,
    reason: ReportReason | None = None,
    **parts: Any,  # noqa: ANN401 - fields of Case
) -> Case:
    """Define a case that the client shall refuse, changing nothing."""
    return _case(name, requirement, summary, raw, accepted=False, reason=reason, **parts)


def verify(*keys: Key, bind: bool = True) -> list[dict[str, str]]:
    """List keys for the device as the case format has them."""
    return [
        {
            "cose_key": key.cose_key(bind=bind).hex(),
            "use": "mac" if key.algorithm is CoseAlgorithm.HMAC_256 else "verify",
        }
        for key in keys
    ]


def parts_of(
    *finals: bytes | None,
    components: Sequence[ComponentId] = (MAIN, SECOND, THIRD),
    more: Sequence[tuple[Item, Item]] = (),
    **members: Any,  # noqa: ANN401 - as forge.manifest
) -> dict[Item, Item]:
    """Return an honest manifest that pins what its components shall hold in the end.

    The shared sequence checks vendor and class and sets digest and size per component; the validate
    sequence checks every image.

    Args:
        finals: The content of each component after the procedure; None pins nothing.
        components: Their identifiers; as many as finals are declared.
        more: Steps at the end of the shared sequence.
        members: As :func:`conformance.forge.manifest` takes them; they replace what is set here.
    """
    several = len(finals) > 1
    shared, validate = [], []
    for index, content in enumerate(finals):
        pinned = image(content) if content is not None else {}
        ids = {Parameter.VENDOR_IDENTIFIER: VENDOR, Parameter.CLASS_IDENTIFIER: CLASS}
        shared += [at(index)] if several else []
        shared += [override(ids | pinned)]
        shared += [check(Command.VENDOR_IDENTIFIER), check(Command.CLASS_IDENTIFIER)]
        if content is not None:
            validate += [at(index)] if several else []
            validate += [check(Command.IMAGE_MATCH)]
    members = {
        "components": components[: len(finals)],
        "shared": [*shared, *more],
        "validate": validate,
    } | members
    return manifest(**members)


def update(*finals: bytes | None, **members: Any) -> bytes:  # noqa: ANN401 - as parts_of
    """Return an envelope, signed by the author, around :func:`parts_of` with these arguments."""
    return envelope(parts_of(*finals, **members), signers=[AUTHOR])


def fetch_from(uri: str) -> list[tuple[Item, Item]]:
    """Return the steps that fetch from a URI into the current component and check the image."""
    return [
        override({Parameter.URI: uri}),
        check(Command.FETCH),
        check(Command.IMAGE_MATCH),
    ]


def write(content: bytes) -> list[tuple[Item, Item]]:
    """Return the steps that write content into the current component."""
    return [override({Parameter.CONTENT: content}), check(Command.WRITE)]


def _case(name: str, requirement: str, summary: str, raw: bytes, **parts: Any) -> Case:  # noqa: ANN401 - fields of Case
    parts.setdefault("keys", verify(AUTHOR))
    return Case(
        name=name,
        requirement=tuple(requirement.split()),
        summary=summary,
        envelope=raw,
        **parts,
    )


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _id(name: ComponentId) -> list[str]:
    return [part.hex() for part in name]
