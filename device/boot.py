"""Boot: choose a system, prove it, measure it, start it; fall back when a trial does not hold.

Nothing that storage says is believed here. The boot record names a system; its envelope is authenticated
again, its sequence number held against the IC's floor, its images hashed by the IC (M4.2, M6.1).
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from device.authenticate import Authentic, authenticate, signed_structure
from device.components import show_id
from device.files.deployment import Files
from device.files.vouched import require_vouched
from device.ic.errors import IcError
from device.ic.interface import SecurityIC, sequence_slot
from device.platform import Fetcher, Platform
from device.processor import Machine, Policy, Trace, invoke
from device.processor.admission import check_sequence_number
from device.record import BootRecord, System, load_record, save_record
from device.reporter import HandingOver, Procedure, Reporter, refusals_reported
from device.slots import Installed
from device.storage import Storage
from device.storage import replace as replace_file
from device.versions import Versioned
from spec.labels import CoseAlgorithm
from suit.envelope import MAX_ENVELOPE, open_envelope
from suit.errors import HardsuitError, NotAuthenticError, RefusedError, StorageError
from suit.manifest import ComponentId, Envelope, Manifest
from suit.quote import MeasuredEvent

TRIAL_BOOTS: Final = 1
PCR_IMAGES: Final = 8
PCR_MANIFEST: Final = 9
LAST_BOOT: Final = "boot/last.json"
LAST_UPDATE: Final = "boot/update.json"
_MAX_NOTE: Final = 1 << 16
_POLICY: Final = Policy()


@dataclass(frozen=True, slots=True)
class Booted:
    """What was started, and how it was measured.

    Attributes:
        system: The system that runs.
        trial: Whether it still waits for confirmation.
        images: SHA-256 of each component with content, by the IC.
        pcrs: The PCRs that were extended with manifest and images.
        log: What they were extended with in this boot, in order; of a trial that was given up, too.
        failure: Why a trial was given up, now or before; empty when none was.
        warnings: Rules that the manifests broke and that profile compat lets pass.
    """

    system: System
    trial: bool
    images: Mapping[ComponentId, bytes]
    pcrs: Mapping[int, bytes]
    failure: str
    warnings: tuple[str, ...] = ()
    log: tuple[MeasuredEvent, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "system": self.system.to_dict(),
            "trial": self.trial,
            "images": [
                {"id": [part.hex() for part in component], "sha-256": digest.hex()}
                for component, digest in self.images.items()
            ],
            "pcrs": {str(index): value.hex() for index, value in self.pcrs.items()},
            "failure": self.failure,
            "warnings": list(self.warnings),
            "log": [
                {"pcr": event.pcr, "digest": event.digest.hex(), "what": event.what} for event in self.log
            ],
        }


class BootLoader:
    """The part of a device that runs before everything else."""

    def __init__(
        self,
        storage: Storage,
        ic: SecurityIC,
        platform: Platform,
        fetcher: Fetcher,
        capacities: Mapping[ComponentId, int],
        policy: Policy = _POLICY,
        files: Files | None = None,
    ) -> None:
        self._policy = policy
        self._files = files
        self._storage = storage
        self._ic = ic
        self._platform = platform
        self._fetcher = fetcher
        self._capacities = capacities
        self._log: list[MeasuredEvent] = []

    def boot(self) -> Booted:
        """Start the trial while it may be tried, the confirmed system otherwise.

        Raises:
            RefusedError: There is nothing that may be started.
            NotAuthenticError, RollbackError, ConditionFailedError, AbortError: The confirmed system
                does not hold.
            IcError: The IC does not serve; nothing is given up for that.
        """
        record = current_record(self._storage, self._ic)
        if record.trial is not None and record.boots >= TRIAL_BOOTS:
            unconfirmed = RefusedError("the trial was booted and not confirmed")
            record = give_up_trial(self._storage, record, unconfirmed)
        trial = record.trial
        if trial is not None:
            record = save_record(self._storage, replace(record, boots=record.boots + 1))
            try:
                return self._start(record, trial)
            except IcError as error:
                if not isinstance(error, NotAuthenticError | RefusedError):
                    save_record(self._storage, replace(record, boots=record.boots - 1))
                    raise
                record = give_up_trial(self._storage, record, error)
            except HardsuitError as error:
                record = give_up_trial(self._storage, record, error)
        if record.confirmed is None:
            raise RefusedError(f"nothing to boot{record.failure and f': {record.failure}'}")
        return self._start(record, record.confirmed)

    def _start(self, record: BootRecord, system: System) -> Booted:
        procedure = Procedure.TRIAL if system is record.trial else Procedure.BOOT
        envelope = stored_envelope(self._storage, system)
        with refusals_reported(self._storage, procedure, envelope):
            authentic = vouched(envelope, self._ic, system)
        with Reporter(self._storage, procedure, envelope, authentic.manifest) as reporter:
            return self._run(record, system, authentic, reporter)

    def _run(
        self, record: BootRecord, system: System, authentic: Authentic[Manifest], reporter: Reporter
    ) -> Booted:
        components = Installed(self._storage, self._ic, self._capacities, system)
        images = self._measure(system, components)
        trial = system is record.trial
        pcrs = self._ic.pcrs((PCR_IMAGES, PCR_MANIFEST))
        booted = Booted(system, trial, images, pcrs, record.failure, log=tuple(self._log))
        if not trial:
            raise_floor(self._ic, authentic)
        remember(self._storage, LAST_BOOT, booted.to_dict())
        trace = Trace()

        def warned() -> Booted:
            return replace(booted, warnings=tuple(dict.fromkeys(trace.warnings)))

        def let_go(component: ComponentId) -> None:
            require_covered(authentic.manifest, system.images, trace)
            if trace.warnings:
                remember(self._storage, LAST_BOOT, warned().to_dict())
            self._deploy(authentic.manifest, system, images)
            if trial:
                save_record(self._storage, replace(load_record(self._storage), started=True))
            reporter.handed_over(component)

        installed = Versioned(self._platform, system.images, lambda: authentic.manifest)
        platform = HandingOver(installed, let_go)
        machine = Machine(
            components,
            platform,
            self._fetcher,
            self._policy,
            observer=reporter,
            ic=self._ic,
            clock=self._ic.now,
        )
        floor = self._ic.floor(sequence_slot(authentic.manifest.component_id))
        invoke(authentic, machine, floor=floor, trace=trace)
        return warned()

    def _deploy(self, manifest: Manifest, system: System, images: Mapping[ComponentId, bytes]) -> None:
        """Let the system's files appear: all were matched, and each is hashed once more on its way."""
        if self._files is not None:
            require_vouched(manifest, system.metadata)
            installed = Installed(self._storage, self._ic, self._capacities, system)
            named = {component: digest for component, digest in images.items() if component in manifest.ids}
            self._files.deploy(installed, named, system.metadata)

    def _measure(self, system: System, components: Installed) -> dict[ComponentId, bytes]:
        """Extend the PCRs with what is about to run, before it runs (ADR 0022: and leave it there)."""
        images = {}
        for component in components.ids:
            digest = components.digest(component, CoseAlgorithm.SHA_256)
            if digest is not None:
                images[component] = digest
                self._extend(PCR_IMAGES, digest, f"image of component {show_id(component)}")
        self._extend(PCR_MANIFEST, system.digest, f"manifest of sequence number {system.sequence_number}")
        return images

    def _extend(self, pcr: int, digest: bytes, what: str) -> None:
        self._ic.extend(pcr, digest)
        self._log.append(MeasuredEvent(pcr, digest, what))


def require_covered(manifest: Manifest, images: Collection[ComponentId], trace: Trace) -> None:
    """Let nothing start whose image the manifests' own sequences did not match with a digest.

    Raises:
        RefusedError: A component of the manifest, or of a dependency, has content that no image-match covers.
    """
    named = dict.fromkeys((*manifest.ids, *sorted(trace.below)))
    loose = [component for component in named if component in images]
    names = ", ".join(show_id(component) for component in loose if component not in trace.verified)
    if names:
        raise RefusedError(f"no image-match of the validate sequence covers {names}")


def remember(storage: Storage, name: str, told: dict[str, Any]) -> None:
    """Keep a note for :meth:`Device.report`; one that is there already is not written again.

    Nothing may fail to boot, or to be installed, for a note.
    """
    if kept_note(storage, name) != told:
        with suppress(StorageError):
            replace_file(storage, name, json.dumps(told).encode())


def kept_note(storage: Storage, name: str) -> dict[str, Any] | None:
    """Return what :func:`remember` kept; None when there is nothing or the note is damaged."""
    try:
        told: dict[str, Any] = json.loads(storage.read(name, 0, _MAX_NOTE))
    except (StorageError, ValueError, RecursionError):
        return None
    return told


def current_record(storage: Storage, ic: SecurityIC) -> BootRecord:
    """Read the boot record; a trial that the IC's floor names was confirmed, whatever the record says."""
    record = load_record(storage)
    if record.trial is None:
        return record
    floor = ic.floor(sequence_slot(record.trial.root))
    if (floor.value, floor.digest) != (record.trial.sequence_number, record.trial.digest):
        return record
    return save_record(storage, BootRecord(record.generation, confirmed=record.trial))


def give_up_trial(storage: Storage, record: BootRecord, error: HardsuitError) -> BootRecord:
    """Fall back to the confirmed system and remember why."""
    return save_record(
        storage,
        BootRecord(
            record.generation,
            confirmed=record.confirmed,
            failure=f"{error.reason}: {error}"[:256],
            failed=record.trial.digest if record.trial else b"",
        ),
    )


def load_system(storage: Storage, ic: SecurityIC, system: System) -> Authentic[Manifest]:
    """Read a system's envelope and have it vouched for again; see :func:`vouched`."""
    return vouched(stored_envelope(storage, system), ic, system)


def stored_envelope(storage: Storage, system: System) -> Envelope:
    """Read a system's envelope, and not a byte more than an envelope may have."""
    return open_envelope(storage.read(system.envelope, 0, MAX_ENVELOPE + 1))


def vouched(envelope: Envelope, ic: SecurityIC, system: System) -> Authentic[Manifest]:
    """Have a system's envelope vouched for again.

    Raises:
        NotAuthenticError: No trust anchor vouches for it, or it is not what the record names.
        RollbackError, SequenceReusedError: The floor is above it, or names another manifest.
    """
    authentic = authenticate(envelope, ic)
    if authentic.envelope.digest.value != system.digest:
        raise NotAuthenticError(f"{system.envelope}: not the manifest that the boot record names")
    check_sequence_number(authentic, ic.floor(sequence_slot(authentic.manifest.component_id)))
    return authentic


def raise_floor(ic: SecurityIC, authentic: Authentic[Manifest]) -> None:
    """Let the IC's floor follow a confirmed system; nothing happens when it is there already."""
    ic.raise_sequence(signed_structure(authentic), authentic.envelope.manifest, proof=authentic.tickets)
