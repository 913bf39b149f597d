"""A report held against the manifest that it is about (P5).

A report can only be followed with its manifest, and one that does not fit it was not made by a processor
that can be trusted: another digest, a section that is not there, an offset between two commands, a
record that nothing in the manifest gives a reason for.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from spec.labels import CONDITIONS, Policy
from spec.labels import Manifest as Section
from suit.authenticate import check_digest
from suit.commands import ARGUMENTS, Argument
from suit.decode import attach_severed, decode_manifest
from suit.dependencies import MAX_DEPTH, children, integrated
from suit.errors import NotAuthenticError
from suit.manifest import (
    Command,
    ComponentMetadata,
    Digest,
    Envelope,
    Manifest,
    ParameterValue,
    Pen,
    Sequence,
    Severable,
    VersionMatch,
    WaitInfo,
)
from suit.metadata import metadata_map
from suit.narrow import draft_name
from suit.notation import one_line
from suit.report import Claims, Measured, Record, Report
from suit.show_metadata import show_metadata
from suit.version import show_match
from suit.wait import show_wait_info

_ASKED: Final = sum(bit.value for bit in Policy)


class Event(NamedTuple):
    """One thing that a report tells, in words.

    Attributes:
        where: The command, or the component.
        what: The measured values, or how it ended.
    """

    where: str
    what: str


def replay(
    report: Report,
    envelope: Envelope,
    *,
    nonce: bytes | None = None,
    dependencies: tuple[Envelope, ...] = (),
) -> list[Event]:
    """Follow a report through its manifest and return what happened, the result last.

    Args:
        report: The report, from :func:`suit.report_seal.open_report`.
        envelope: The manifest's envelope; severed sequences that the report speaks of have to be in it.
        nonce: What was sent with the question.
        dependencies: Envelopes of dependencies that the envelope does not hold. Their digests stand in the
            manifest, so it does not matter who brings them.

    Raises:
        NotAuthenticError: The report is about another manifest, answers another question, or does not fit.
        MalformedError, RefusedError: The manifest cannot be read.
    """
    if nonce is not None and report.nonce != nonce:
        raise NotAuthenticError("report: not the nonce that was asked with")
    if report.digest != envelope.digest:
        raise NotAuthenticError("report: it is about another manifest")
    failure = report.failure
    if not report.records and failure is not None and failure.record.section is None:
        return [_outcome(report, None)]  # nothing was reached: the manifest may be unreadable, or another
    check_digest(envelope)
    manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
    places = _Places(manifest, envelope, dependencies)
    if report.uri != (manifest.reference_uri or ""):
        raise NotAuthenticError("report: its URI is not the manifest's reference URI")
    events = [
        Event(places.find(entry, reported=True).where, _values(entry.measured))
        if isinstance(entry, Record)
        else _claimed(entry)
        for entry in report.records
    ]
    return [*events, _outcome(report, places)]


class _Found(NamedTuple):
    where: str
    step: Command


class _Places:
    """The commands of a manifest and of those that it depends on, by section and offset.

    Args:
        manifest: The manifest, severed members attached.
        envelope: What it came in.
        others: Envelopes of dependencies that it does not hold.
    """

    def __init__(self, manifest: Manifest, envelope: Envelope, others: tuple[Envelope, ...]) -> None:
        self._manifest = manifest
        self._envelope = envelope
        self._others = others
        self._count = len(manifest.ids)
        self._steps: dict[Section, dict[int, Command]] = {}
        for section, sequence in _sequences(manifest).items():
            if sequence is not None:
                _collect(sequence, self._steps.setdefault(section, {}))

    def find(self, record: Record, *, reported: bool) -> _Found:
        """Return the command that a record points at.

        Args:
            record: The record.
            reported: It stands among the records, where the manifest has to give a reason for it.
        """
        if record.section is None:
            raise NotAuthenticError("report: a record of no section")
        at = f"{_path(record)}{draft_name(record.section)}+{record.offset}"
        step = None
        for place in self._below(record):
            step = place.command(record)
            if step is not None:
                break
        else:
            raise NotAuthenticError(f"report: there is no command at {at}")
        if record.component >= place._count:  # noqa: SLF001 - the same class
            raise NotAuthenticError(f"report: {at} has no component {record.component}")
        asked = ARGUMENTS[step.label] is Argument.POLICY and step.argument & _ASKED
        if reported and not asked and step.label not in CONDITIONS:
            raise NotAuthenticError(f"report: nothing asks for a record at {at}")
        return _Found(f"{draft_name(step.label)} at {at}, component {record.component}", step)

    def command(self, record: Record) -> Command | None:
        """Return the command at a section and offset of this manifest."""
        return None if record.section is None else self._steps.get(record.section, {}).get(record.offset)

    def _below(self, record: Record) -> list["_Places"]:
        """Return the manifests that the way to a record may lead to: digests decide, and may be several."""
        found = [self]
        for depth, index in enumerate(record.manifest):
            found = [child for place in found for child in place._children(index)]  # noqa: SLF001 - the same class
            if not found or depth >= MAX_DEPTH:
                name = ".".join(map(str, record.manifest[: depth + 1]))
                raise NotAuthenticError(f"report: {name} is no manifest that is at hand")
        return found

    def _children(self, index: int) -> list["_Places"]:
        if index not in self._manifest.dependencies:
            return []
        at_hand = [*integrated(self._envelope).values(), *self._others]
        return [_places(child, self._others) for child in children(self._manifest, index, at_hand)]


def _places(envelope: Envelope, others: tuple[Envelope, ...]) -> _Places:
    check_digest(envelope)
    manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
    return _Places(manifest, envelope, others)


def _sequences(manifest: Manifest) -> Mapping[Section, Sequence | None]:
    return {
        Section.COMMON: manifest.shared_sequence,
        Section.DEPENDENCY_RESOLUTION: _present(manifest.dependency_resolution),
        Section.PAYLOAD_FETCH: _present(manifest.payload_fetch),
        Section.CANDIDATE_VERIFICATION: _present(manifest.candidate_verification),
        Section.INSTALL: _present(manifest.install),
        Section.VALIDATE: manifest.validate,
        Section.LOAD: manifest.load,
        Section.INVOKE: manifest.invoke,
        Section.UNINSTALL: manifest.uninstall,
    }


def _present(member: Severable[Sequence] | None) -> Sequence | None:
    return None if member is None else member.value


def _collect(sequence: Sequence, steps: dict[int, Command]) -> None:
    for step in sequence:
        steps[step.offset] = step
        shape = ARGUMENTS[step.label]
        if shape is Argument.SEQUENCE:
            _collect(step.argument, steps)
        elif shape is Argument.BRANCHES:
            for branch in step.argument:
                if branch is not None:
                    _collect(branch, steps)


def _outcome(report: Report, places: _Places | None) -> Event:
    failure = report.failure
    if failure is None:
        return Event("result", "success")
    reason = draft_name(failure.reason)
    record = failure.record
    if record.section is None or places is None:
        return Event("result", f"{reason}, at no single command")
    values = _values(record.measured)
    found = places.find(record, reported=False)
    return Event("result", f"{reason}: {found.where}" + (f" ({values})" if record.measured else ""))


def _claimed(claims: Claims) -> Event:
    name = ".".join(part.hex() for part in claims.component)
    return Event(f"component {name or '(empty)'}", _values(claims.measured))


def _values(measured: Measured) -> str:
    shown = [f"{draft_name(parameter)} {_value(value)}" for parameter, value in measured.items()]
    return ", ".join(shown) or "nothing measured"


def _value(value: ParameterValue) -> str:
    match value:
        case Digest():
            return f"{draft_name(value.algorithm)} {value.value.hex()}"
        case Pen():
            return f"pen {value.oid.hex()}"
        case bytes():
            return value.hex()
        case ComponentMetadata():
            return one_line(show_metadata(metadata_map(value), None))
        case VersionMatch() | WaitInfo():
            return show_match(value) if isinstance(value, VersionMatch) else f"({show_wait_info(value)})"
        case _:
            return str(value)


def _path(record: Record) -> str:
    return f"dependency {'.'.join(map(str, record.manifest))}: " if record.manifest else ""
