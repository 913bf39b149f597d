"""The reporting engine (P): listens to a procedure, and keeps what it has to tell on the storage port.

A report needs a manifest to refer to, so what fails before an envelope is open has none. One report is
kept for each kind of procedure; it gets its nonce and its signature when somebody asks for it
(:meth:`device.agent.Device.suit_report`). What storage lost or refuses to take is never a reason to stop an
update or a boot.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum
from types import TracebackType
from typing import Final, Self

from typing_extensions import override

from device.platform import Delegate, Platform
from device.processor import Record
from device.storage import NotFoundError, Storage, replace
from spec.labels import CONDITIONS, Command, Policy, ReportReason
from spec.labels import Manifest as Section
from suit import report
from suit.errors import ExitCode, HardsuitError, Place, StorageError
from suit.manifest import ComponentId, Envelope, Manifest, Sequence
from suit.report import Claims, Failure, Report

DIRECTORY: Final = "report"
MAX_ENTRIES: Final = 256
_MAX_KEPT: Final = report.MAX_REPORT - (1 << 14)
"""Leaves room for a nonce and the capabilities; what comes last is left out rather than how it ended."""
UNSUPPORTED: Final = frozenset(
    {
        ReportReason.COSE_UNSUPPORTED,
        ReportReason.ALG_UNSUPPORTED,
        ReportReason.COMMAND_UNSUPPORTED,
        ReportReason.COMPONENT_UNSUPPORTED,
        ReportReason.PARAMETER_UNSUPPORTED,
        ReportReason.SEVERING_UNSUPPORTED,
    }
)
"""The reasons after which a report says, unasked, what would have been supported (P4.2)."""

_RECORD: Final[Mapping[bool, int]] = {
    True: Policy.RECORD_ON_SUCCESS.value,
    False: Policy.RECORD_ON_FAILURE.value,
}
_CLAIMS: Final[Mapping[bool, int]] = {
    True: Policy.SYSINFO_SUCCESS.value,
    False: Policy.SYSINFO_FAILURE.value,
}


class Procedure(Enum):
    """What a report is about."""

    UPDATE = "update"
    TRIAL = "trial"
    """The last boot of a system that waited, or waits, for its confirmation."""
    BOOT = "boot"
    """The last boot of the confirmed system."""


class Reporter:
    """Listens to one procedure as the processor's observer; its ``with`` statement ends in a report.

    Args:
        storage: Where the report is kept.
        procedure: What kind of procedure it is.
        envelope: The root's.
        manifest: The root, as soon as it is decoded.
    """

    def __init__(
        self, storage: Storage, procedure: Procedure, envelope: Envelope, manifest: Manifest | None = None
    ) -> None:
        self._storage = storage
        self._procedure = procedure
        self._digest = envelope.digest
        self._uri = (manifest and manifest.reference_uri) or ""
        self._components: tuple[ComponentId, ...] = manifest.components if manifest else ()
        self._entries: list[report.Record | Claims] = []
        self._last = report.Record()
        self._handed_over = False
        self._invocations = _invocations((manifest and manifest.invoke) or ())

    def __call__(self, record: Record) -> None:
        """Take in what the processor tells of a command (M8.4.7)."""
        place = record.place
        self._last = self._at(place, record)
        # P3: who follows a try-each has to know the conditions that failed, whatever the policy says.
        crucial = not record.succeeded and place.command in CONDITIONS
        if crucial or record.policy & _RECORD[record.succeeded]:
            self._add(self._last)
        known = not place.manifest and self._last.component < len(self._components)
        if record.policy & _CLAIMS[record.succeeded] and record.measured and known:
            self._add(Claims(self._components[self._last.component], record.measured))

    def __enter__(self) -> Self:
        """Return the reporter."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the report of a success or a refusal; of a crash there is none."""
        if error is None:
            if not self._handed_over:  # what an invoked image does is not for the processor to say
                self._keep(None)
        elif isinstance(error, HardsuitError):
            self.failed(error)

    def failed(self, error: HardsuitError) -> None:
        """Keep the report of a failure."""
        self._keep(Failure(error.report, error.exit_code.value, self._record_of(error.place)))

    def handed_over(self, component: ComponentId) -> None:
        """Keep the report of a procedure that ends in an invocation, right before it (P4.2)."""
        self._handed_over = True
        self._keep(Failure(ReportReason.INVOKE_PENDING, ExitCode.OK.value, self._invocation(component)))

    def _invocation(self, component: ComponentId) -> report.Record:
        """Return the record of the root's invoke command, where there is no doubt which one it is."""
        if len(self._invocations) != 1 or component not in self._components:
            return report.Record()
        return report.Record(Section.INVOKE, self._invocations[0], self._components.index(component))

    def _record_of(self, place: Place | None) -> report.Record:
        if place is None:
            return report.Record()
        record = self._at(place)
        last = self._last
        same = (last.section, last.offset, last.component, last.manifest)
        return last if same == (record.section, record.offset, record.component, record.manifest) else record

    @staticmethod
    def _at(place: Place, record: Record | None = None) -> report.Record:
        measured = record.measured if record else {}
        return report.Record(place.section, place.offset, place.component or 0, measured, place.manifest)

    def _add(self, entry: report.Record | Claims) -> None:
        if len(self._entries) < MAX_ENTRIES:
            self._entries.append(entry)

    def _keep(self, failure: Failure | None) -> None:
        told = self._told(failure)
        while len(told) > _MAX_KEPT and self._entries:
            del self._entries[len(self._entries) * 3 // 4 :]
            told = self._told(failure)
        name = _name(self._procedure)
        with suppress(StorageError):
            if _stored(self._storage, name) != told:
                replace(self._storage, name, told)

    def _told(self, failure: Failure | None) -> bytes:
        return report.encode_report(Report(self._uri, self._digest, tuple(self._entries), failure))


@contextmanager
def refusals_reported(storage: Storage, procedure: Procedure, envelope: Envelope) -> Iterator[None]:
    """Keep a report of a manifest that is refused before it can be obeyed."""
    try:
        yield
    except HardsuitError as error:
        Reporter(storage, procedure, envelope).failed(error)
        raise


def kept_report(storage: Storage, procedure: Procedure) -> Report | None:
    """Return the report of the last such procedure; None when there is none, or it is damaged."""
    stored = _stored(storage, _name(procedure))
    if stored is None:
        return None
    try:
        return report.decode_report(stored)
    except HardsuitError:
        return None


class HandingOver(Delegate):
    """A platform that does what is left to do before it lets go of control.

    Args:
        platform: What does everything.
        before: Called with the component that is about to be invoked; raises to stop that.
    """

    def __init__(self, platform: Platform, before: Callable[[ComponentId], None]) -> None:
        super().__init__(platform)
        self._before = before

    @override
    def invoke(self, component: ComponentId, args: bytes | None) -> None:
        self._before(component)
        super().invoke(component, args)


def _invocations(sequence: Sequence) -> list[int]:
    found = []
    for step in sequence:
        if step.label is Command.INVOKE:
            found.append(step.offset)
        elif step.label is Command.RUN_SEQUENCE:
            found += _invocations(step.argument)
        elif step.label is Command.TRY_EACH:
            for branch in step.argument:
                found += _invocations(branch or ())
    return found


def _stored(storage: Storage, name: str) -> bytes | None:
    try:
        return storage.read(name)
    except NotFoundError:
        return None


def _name(procedure: Procedure) -> str:
    return f"{DIRECTORY}/{procedure.value}"
