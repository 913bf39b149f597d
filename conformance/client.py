"""Our own client for the case protocol: a device in memory, made for one case and thrown away after it.

Parts are those of a real device: authentication and every digest go through the emulated security IC, and
the processor is the one that updates real slots. A refusal is an error that the device raises on
purpose; anything else is a crash and leaves this module as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from typing_extensions import override

from device.authenticate import authenticate
from device.components import MemoryComponent, MemoryComponents
from device.files import FileRules
from device.ic.emulator import Emulator, MemoryKey
from device.ic.errors import IcError
from device.ic.interface import Floor, SecurityIC, sequence_slot
from device.platform import MemoryFetcher, MemoryPlatform
from device.processor import Machine, Policy, Profile, Rights, Trace, invoke, uninstall, update
from device.references import MemoryReferences
from device.reporter import HandingOver, Procedure, Reporter, kept_report, refusals_reported
from device.storage import MemoryStorage
from spec.labels import CoseAlgorithm
from suit import cbor
from suit.envelope import open_envelope
from suit.errors import (
    HardsuitError,
    MalformedError,
    NetworkError,
    RefusedError,
    RejectedError,
    StorageError,
    UnsupportedAlgorithmError,
    WaitingError,
)
from suit.keys import CoseKey
from suit.manifest import ComponentId, ComponentMetadata, Version
from suit.metadata import decode_actor, decode_component_metadata, metadata_map
from suit.recipient_keys import RecipientKey
from suit.report import encode_report

# What a device says no with. Any other error is no verdict on the update.
REFUSALS: Final = (RejectedError, RefusedError, WaitingError, NetworkError, StorageError)
_PROCEDURES: Final = {"update": update, "invoke": invoke, "uninstall": uninstall}
_PROFILES: Final = {"strict": Profile.STRICT, "compat": Profile.COMPAT}
_MANIFEST_KEYS: Final = frozenset({"verify", "mac"})
_DECRYPTION_KEYS: Final = frozenset({"unwrap", "agree"})


def answer(case: Mapping[str, Any]) -> dict[str, Any]:
    """Act out a case and tell what the device did.

    Args:
        case: The case as JSON; ``expect`` is not looked at.

    Raises:
        MalformedError: The question itself is no case.
    """
    try:
        device = _Device(case)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedError("case", f"not a conformance case ({type(error).__name__}: {error})") from error
    return device.act()


class _Device:
    """The device of one case."""

    def __init__(self, case: Mapping[str, Any]) -> None:
        self._procedure = _PROCEDURES[case["procedure"]]
        self._envelope = bytes.fromhex(case["envelope"])
        self._kept = MemoryStorage()
        described = case["device"]
        self._floors = {_id(row["id"]): int(row["sequence"]) for row in described.get("floors", ())}
        keys, openers = _keys(case["keys"]), _decryption_keys(case["keys"])
        clock = int(described.get("clock") or 0)
        self._ic = Emulator.provision(
            MemoryStorage(),
            MemoryKey(),
            keys=[key for key, _ in keys],
            decryption_keys=openers,
            clock=lambda: clock,
        )
        self._components = _Components(
            {_id(row["id"]): _component(row) for row in described["components"]}, self._ic, _rules(described)
        )
        self._platform = MemoryPlatform(
            vendors=[bytes.fromhex(value) for value in described["vendor_ids"]],
            classes=[bytes.fromhex(value) for value in described["class_ids"]],
            devices=[bytes.fromhex(value) for value in described["device_ids"]],
            battery=described.get("battery_mwh"),
            authorized=described.get("authorize") is True,
            power=described.get("power"),
            network=described.get("network"),
            others=_others(described.get("other_devices")),
            zone=ZoneInfo(described["timezone"]) if "timezone" in described else None,
            versions={
                _id(row["id"]): tuple(row["version"]) for row in described["components"] if "version" in row
            },
        )
        resources = {str(uri): bytes.fromhex(content) for uri, content in case["resources"].items()}
        owners = {_id(row["id"]): row.get("owners", ()) for row in described["components"]}
        self._machine = Machine(
            self._components,
            self._platform,
            MemoryFetcher(resources),
            Policy(
                profile=_PROFILES[case["profile"]],
                rights={key.name: rights for key, rights in keys if rights is not None},
            ),
            ic=self._ic,
            references=MemoryReferences(
                {component: frozenset([_id(each) for each in ids]) for component, ids in owners.items()}
            ),
            clock=None if described.get("clock") is None else self._ic.now,
        )

    def act(self) -> dict[str, Any]:
        """Run the procedure, and answer."""
        trace = Trace()
        try:
            self._run(trace)
        except IcError:
            raise  # an IC that fails has not refused anything
        except REFUSALS as error:
            return self._answer(trace, error)
        return self._answer(trace, None)

    def _run(self, trace: Trace) -> None:
        envelope = open_envelope(self._envelope)
        with refusals_reported(self._kept, Procedure.UPDATE, envelope):
            authentic = authenticate(envelope, self._ic)
        # The IC raises a floor only for a manifest that it has verified, and the case does not have that
        # older one, so the floor is given.
        root = authentic.manifest.component_id
        floor = Floor(sequence_slot(root), self._floors.get(root or (), 0))
        with Reporter(self._kept, Procedure.UPDATE, authentic.envelope, authentic.manifest) as reporter:
            platform = HandingOver(self._platform, reporter.handed_over)
            machine = replace(self._machine, platform=platform, observer=reporter)
            self._procedure(authentic, machine, floor=floor, trace=trace)

    def _answer(self, trace: Trace, error: HardsuitError | None) -> dict[str, Any]:
        report = kept_report(self._kept, Procedure.UPDATE)  # none of what is no envelope
        return {
            "outcome": "accepted" if error is None else "rejected",
            "reason": None if error is None else error.report.value,
            "components": [self._held(name) for name in self._components.ids],
            "fetched": list(trace.fetched),
            "invoked": [{"id": _shown(name), "args": _hex(args)} for name, args in self._platform.invoked],
            **({"report": encode_report(report).hex()} if report else {}),
        }

    def _held(self, name: ComponentId) -> dict[str, Any]:
        metadata = self._components.metadata(name)
        known = {} if metadata is None else {"metadata": cbor.encode(metadata_map(metadata)).hex()}
        return {"id": _shown(name), "content": _hex(self._components.content(name)), **known}


class _Components(MemoryComponents):
    """Components whose digests the security IC computes, where the case does not make them up.

    An image with a made-up digest has no size either that a manifest could be held to (DESIGN §9).
    """

    def __init__(
        self, components: dict[ComponentId, MemoryComponent], ic: SecurityIC, rules: FileRules
    ) -> None:
        super().__init__(components, rules=rules)
        self._described = components
        self._ic = ic

    @override
    def has_size(self, component: ComponentId, size: int) -> bool:
        return self._is_made_up(component) or super().has_size(component, size)

    @override
    def digest(self, component: ComponentId, algorithm: CoseAlgorithm) -> bytes | None:
        made_up = algorithm is CoseAlgorithm.SHA_256 and self._is_made_up(component)
        if made_up or self.size(component) is None:
            return super().digest(component, algorithm)
        stream = self._ic.hash_open(algorithm)
        for chunk in self.read(component):
            stream.update(chunk)
        return stream.finish().digest

    def _is_made_up(self, component: ComponentId) -> bool:
        return self._described[component].digest is not None


def _keys(rows: Sequence[Mapping[str, Any]]) -> list[tuple[CoseKey, Rights | None]]:
    """Return the keys that manifests are verified with, and what each may do; None is everything."""
    trusted = []
    for row in rows:
        if row["use"] in _MANIFEST_KEYS:
            try:
                key = CoseKey.from_cose(bytes.fromhex(row["cose_key"]))
            except UnsupportedAlgorithmError:
                continue  # no such key can be provisioned; what it signs will not be believed
            prefixes = row.get("rights")
            trusted.append((key, None if prefixes is None else Rights(tuple([_id(p) for p in prefixes]))))
    return trusted


def _rules(described: Mapping[str, Any]) -> FileRules:
    """Return what the device admits: a component with a ``metadata`` member is a file."""
    files = {_id(row["id"]): row for row in described["components"] if "metadata" in row}
    known = [
        decode_actor(cbor.decode(bytes.fromhex(raw), where="actor"), "actor")
        for raw in described.get("actors", ())
    ]
    actors = {actor: number for number, actor in enumerate(known)}
    links = {name: frozenset(map(bytes.fromhex, row.get("links", ()))) for name, row in files.items()}
    return FileRules(frozenset(files), actors, actors, actors, links)


def _others(rows: Sequence[Mapping[str, Any]] | None) -> Mapping[bytes, Version] | None:
    return None if rows is None else {bytes.fromhex(row["id"]): tuple(row["version"]) for row in rows}


def _decryption_keys(rows: Sequence[Mapping[str, Any]]) -> list[RecipientKey]:
    found = []
    for row in rows:
        if row["use"] in _DECRYPTION_KEYS:
            try:
                found.append(RecipientKey.from_cose(bytes.fromhex(row["cose_key"])))
            except UnsupportedAlgorithmError:
                continue  # as above
    return found


def _component(row: Mapping[str, Any]) -> MemoryComponent:
    return MemoryComponent(
        content=_bytes(row.get("content")),
        slot=int(row["slot"]),
        capacity=int(row["capacity"]),
        digest=_bytes(row.get("digest")),
        metadata=_metadata(row.get("metadata")),
    )


def _metadata(text: str | None) -> ComponentMetadata | None:
    return None if text is None else decode_component_metadata(bytes.fromhex(text), "case")


def _id(parts: Sequence[str]) -> ComponentId:
    return tuple([bytes.fromhex(part) for part in parts])


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _hex(content: bytes | None) -> str | None:
    return None if content is None else content.hex()


def _shown(name: ComponentId) -> list[str]:
    return [part.hex() for part in name]
