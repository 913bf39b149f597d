"""The update agent: :meth:`Device.update` reads like the picture in DESIGN §1.

TUF vouches for the bytes, COSE for the author, the IC for both and for the order; the processor installs
into the inactive half; one write of the boot record makes it real; a confirmed boot raises the floor.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from device.authenticate import Authentic, authenticate
from device.boot import (
    LAST_BOOT,
    LAST_UPDATE,
    Booted,
    BootLoader,
    current_record,
    kept_note,
    load_system,
    raise_floor,
    remember,
    require_covered,
)
from device.capability import capabilities_of
from device.components import show_id
from device.files.deployment import Files
from device.ic.interface import Floor, SecurityIC, sequence_slot
from device.platform import Fetcher, Platform
from device.processor import Machine, Profile, Trace, update, validate
from device.processor import Policy as Rules
from device.processor.admission import check_sequence_number
from device.record import BootRecord, RecordLostError, System, load_record, save_record
from device.reporter import UNSUPPORTED, Procedure, Reporter, kept_report, refusals_reported
from device.slots import Transaction, sweep
from device.storage import Storage
from device.trust import Trust
from device.versions import Versioned
from device.waiting import Wait, Waits
from suit.envelope import encode_envelope, open_envelope
from suit.errors import (
    ComponentUnauthorisedError,
    NothingToDoError,
    RefusedError,
    RejectedError,
    RollbackError,
    StorageError,
    UsageError,
    WaitingError,
)
from suit.manifest import ComponentId, Manifest, Version
from suit.report import MAX_NONCE, encode_report
from suit.target import TargetInfo, target_path


@dataclass(frozen=True, slots=True)
class Policy:
    """What this device is and accepts.

    Attributes:
        vendor: Vendor identifier (16 bytes): the first segment of its TUF target.
        class_id: Class identifier (16 bytes): the second one.
        channel: The third one.
        capacities: Its components and how many bytes each may hold.
        encrypt_reports: SUIT reports leave encrypted or not at all.
        profile: How it takes the rules for trees of manifests (ADR 0007).
        wait_seconds: How long it waits for what a manifest tells it to wait for; None: without end.
        files: Which of them are files and where they appear; None if none are.
    """

    vendor: bytes
    class_id: bytes
    channel: str
    capacities: Mapping[ComponentId, int]
    encrypt_reports: bool = False
    profile: Profile = Profile.STRICT
    wait_seconds: int | None = None
    files: Files | None = None


class Device:
    """One device: everything it touches comes in as an argument.

    Attributes:
        ic: The security IC.
        warnings: Rules that the manifests of the last update or boot broke and that profile compat lets pass.

    Args:
        storage: The storage port, for images, envelopes and the boot record.
        ic: The security IC.
        trust: The repository as TUF and the IC's anchor see it.
        fetcher: Where payloads come from.
        platform: What the integrator implements.
        policy: What the device is.
    """

    def __init__(
        self,
        storage: Storage,
        ic: SecurityIC,
        trust: Trust,
        fetcher: Fetcher,
        platform: Platform,
        policy: Policy,
    ) -> None:
        self._storage = storage
        self.ic = ic
        self._trust = trust
        self._fetcher = fetcher
        self._platform = platform
        self._policy = policy
        self._rules = Rules(profile=policy.profile)
        self.warnings: tuple[str, ...] = ()
        self._waits = Waits(storage, platform, ic.now, policy.wait_seconds)

    def update(self, *, retry: bool = False) -> System:
        """Install the newest release for this device; it runs from the next boot, on trial.

        Args:
            retry: Install it even if its last trial, or the wait for it, was given up.

        Raises:
            NothingToDoError: It is installed already, or its last trial, or the wait for it, was given up.
            WaitingError: It says to wait. What for is kept, and nothing is fetched before that is so.
            ExpiredError, RollbackError, NotAuthenticError, NetworkError: The repository is not to be
                believed, or not to be had; the device is as before.
            RefusedError: The manifest is not for this device, or breaks a rule.
            StorageError: There is no room, or the medium failed.
        """
        path = target_path(self._policy.vendor, self._policy.class_id, self._policy.channel)
        self._trust.refresh()
        listed = self._trust.listing(path)
        self._require_news(listed, retry=retry)
        self._waits.require_over(bytes.fromhex(listed.digest), retry=retry)
        offered = self._trust.envelope(path)
        envelope = open_envelope(offered.raw)
        with refusals_reported(self._storage, Procedure.UPDATE, envelope):
            authentic = authenticate(envelope, self.ic)
            offered.info.require_equal(authentic.envelope, authentic.manifest)
            require_not_below_minimum(authentic, offered.info)
        return self.install(authentic)

    def install(self, authentic: Authentic[Manifest]) -> System:
        """Install an authentic manifest into the inactive half and put it on trial.

        Raises:
            RollbackError: It is below the floor, or below what runs.
            WaitingError: It says to wait.
            RefusedError, StorageError, NetworkError: As :meth:`update`.
        """
        with Reporter(self._storage, Procedure.UPDATE, authentic.envelope, authentic.manifest) as reporter:
            try:
                return self._install(authentic, reporter)
            except WaitingError as error:
                self._waits.began(authentic, error)
                raise

    def _install(self, authentic: Authentic[Manifest], reporter: Reporter) -> System:
        record = self._record_or_none()
        root = authentic.manifest.component_id or ()
        require_same_root(record, root)
        floor = floor_of(record, self.ic, root)
        check_sequence_number(authentic, floor)
        record = self._make_room(record)
        files = self._policy.files
        rules = None if files is None else files.rules
        components = Transaction(self._storage, self.ic, self._policy.capacities, record, rules)
        machine = Machine(
            components,
            self._aware_of(record.confirmed),
            self._fetcher,
            self._rules,
            observer=reporter,
            ic=self.ic,
            clock=self.ic.now,
            waiting_since=self._waits.since(authentic.envelope.digest.value),
        )
        installing, validating = Trace(), Trace()
        try:
            update(authentic, machine, floor=floor, trace=installing)
            validate(authentic, machine, floor=floor, trace=validating)
        finally:
            self._warn(authentic, installing, validating)
        require_covered(authentic.manifest, components.images, validating)
        components.vouch(authentic.manifest)
        system = components.seal(
            encode_envelope(authentic.envelope),
            authentic.manifest.sequence_number,
            authentic.envelope.digest.value,
            root,
        )
        save_record(self._storage, BootRecord(record.generation, confirmed=record.confirmed, trial=system))
        self._waits.forget()
        return system

    def boot(self) -> Booted:
        """Start what is installed: the trial once, the confirmed system otherwise (:mod:`device.boot`)."""
        loader = BootLoader(
            self._storage,
            self.ic,
            self._platform,
            self._fetcher,
            self._policy.capacities,
            self._rules,
            self._policy.files,
        )
        booted = loader.boot()
        self.warnings = booted.warnings
        return booted

    def confirm(self) -> System:
        """Declare that the trial works: it is what boots from now on, and nothing older ever will.

        The record is written before the floor rises. The other order would leave, after a power cut
        between the two, a device whose confirmed system is below the floor.

        Raises:
            NothingToDoError: There is no trial.
            RefusedError: The trial has not been booted.
        """
        record = load_record(self._storage)
        trial = record.trial
        if trial is None:
            raise NothingToDoError("there is no trial to confirm")
        if not record.started:
            raise RefusedError("the trial has not been booted")
        authentic = load_system(self._storage, self.ic, trial)
        record = save_record(self._storage, BootRecord(record.generation, confirmed=trial))
        raise_floor(self.ic, authentic)
        sweep(self._storage, record)
        return trial

    def cancel(self) -> Wait:
        """Give up the update that waits, until it is asked for with ``retry`` or a newer release comes.

        Raises:
            NothingToDoError: Nothing waits.
        """
        return self._waits.cancel()

    def waiting(self) -> dict[str, Any] | None:
        """Return what the newest release waits for, and which of it is so now; None when nothing waits."""
        wait, record = self._waits.load(), self.record()
        installed = {system.digest for system in (record.confirmed, record.trial) if system is not None}
        return None if wait is None or wait.digest in installed else self._waits.to_dict(wait)

    def record(self) -> BootRecord:
        """Return what is installed."""
        return load_record(self._storage)

    def version(self) -> Version | None:
        """Return the version that the confirmed system's manifest gives itself (U3.1).

        It is None when there is none, or when nobody vouches for that manifest any more.
        """
        confirmed = self.record().confirmed
        if confirmed is not None:
            with suppress(RejectedError, RefusedError, StorageError):
                return load_system(self._storage, self.ic, confirmed).manifest.set_version
        return None

    def floor(self) -> int:
        """Return the sequence number below which nothing installs or boots."""
        confirmed = self.record().confirmed
        return self.ic.floor(sequence_slot(confirmed.root if confirmed else None)).value

    def report(self) -> dict[str, Any]:
        """Return what the device knows of itself: systems, floors, anchor, last boot. For JSON."""
        anchor = self.ic.anchor()
        return self.record().to_dict() | {
            "floor": self.floor(),
            "waiting": self.waiting(),
            "repository": {
                "root": anchor.root_version,
                "timestamp": list(anchor.timestamp),
                "snapshot": list(anchor.snapshot),
                "time_floor": anchor.time_floor,
            },
            "last_boot": kept_note(self._storage, LAST_BOOT),
            "last_update": kept_note(self._storage, LAST_UPDATE),
        }

    def suit_report(
        self,
        nonce: bytes | None = None,
        *,
        procedure: Procedure = Procedure.UPDATE,
        capabilities: bool = False,
    ) -> bytes:
        """Return the SUIT_Report of the last update or boot, sealed by the IC as policy wants it (P8).

        Args:
            nonce: What the asker sent, so that the answer is no old one.
            procedure: Which report is wanted.
            capabilities: Say also what this device implements (P6); after a failure for want of a feature it
                does so by itself.

        Raises:
            NothingToDoError: There is no such report.
            UsageError: The nonce is too long.
            IcError: The IC does not sign, or cannot encrypt.
        """
        if nonce is not None and len(nonce) > MAX_NONCE:
            raise UsageError(f"a nonce has at most {MAX_NONCE} bytes")
        report = kept_report(self._storage, procedure)
        if report is None:
            raise NothingToDoError(f"there is no report of {procedure.value}")
        failure = report.failure
        if capabilities or (failure is not None and failure.reason in UNSUPPORTED):
            report = replace(report, capabilities=capabilities_of(self.ic, self._policy.capacities))
        seal = self.ic.encrypt_report if self._policy.encrypt_reports else self.ic.sign_report
        return seal(encode_report(replace(report, nonce=nonce)))

    def _aware_of(self, running: System | None) -> Platform:
        """Return the platform, with the versions of what runs."""
        if running is None:
            return self._platform
        return Versioned(
            self._platform, running.images, lambda: load_system(self._storage, self.ic, running).manifest
        )

    def _warn(self, authentic: Authentic[Manifest], *traces: Trace) -> None:
        """Keep what profile compat let pass in an update; a device that was never warned writes nothing."""
        self.warnings = tuple(dict.fromkeys([words for trace in traces for words in trace.warnings]))
        if self.warnings or kept_note(self._storage, LAST_UPDATE) is not None:
            number = authentic.manifest.sequence_number
            told = {"sequence_number": number, "warnings": list(self.warnings)}
            remember(self._storage, LAST_UPDATE, told)

    def _require_news(self, listed: TargetInfo, *, retry: bool) -> None:
        record = self._record_or_none()
        for state, system in (("installed", record.confirmed), ("waiting for its trial", record.trial)):
            if system is not None and system.digest.hex() == listed.digest:
                raise NothingToDoError(f"sequence number {listed.sequence_number} is {state} already")
        if record.failed.hex() == listed.digest and not retry:
            raise NothingToDoError(f"the newest release was tried and given up: {record.failure}")

    def _record_or_none(self) -> BootRecord:
        """Return what is installed; nothing, if the boot record is lost: an update is what heals that.

        A record that merely cannot be read now is not lost, and what it names must not be swept away.
        """
        try:
            return current_record(self._storage, self.ic)
        except RecordLostError:
            return BootRecord()

    def _make_room(self, record: BootRecord) -> BootRecord:
        """Give the inactive half free: forget a trial that was never started, remove what nobody names."""
        if record.boots > 0:
            raise RefusedError("a trial is running: confirm it, or boot to fall back, before the next update")
        if record.trial is not None:
            record = save_record(self._storage, replace(record, trial=None))
        sweep(self._storage, record)
        return record


def require_same_root(record: BootRecord, root: ComponentId) -> None:
    """Let one root follow another only under its own name: a new name would begin with a floor of its own.

    Raises:
        ComponentUnauthorisedError: The confirmed system's manifest has another component identifier.
    """
    running = record.confirmed
    if running is not None and running.root != root:
        raise ComponentUnauthorisedError(
            f"root {show_id(root)} does not replace root {show_id(running.root)}"
        )


def floor_of(record: BootRecord, ic: SecurityIC, root: ComponentId) -> Floor:
    """Return the IC's floor, or what runs if that is above it: a confirmation may be incomplete."""
    floor = ic.floor(sequence_slot(root))
    running = record.confirmed
    if running is None or running.sequence_number < floor.value:
        return floor
    return Floor(floor.slot, running.sequence_number, running.digest)


def require_not_below_minimum(authentic: Authentic[Manifest], info: TargetInfo) -> None:
    """Hold a manifest against the minimum that the repository signs.

    Raises:
        RollbackError: It is below.
    """
    number = authentic.manifest.sequence_number
    if info.minimum is not None and number < info.minimum:
        raise RollbackError("sequence number", offered=number, stored=info.minimum)
