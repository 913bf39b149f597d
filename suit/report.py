"""SUIT reports (draft-ietf-suit-report, P): the model, bytes to model and back.

A report says which manifest a device processed, how that ended, and what the device had measured on the
way. Whoever holds the manifest can follow the processor with it (:mod:`suit.replay`); how a report is
protected on its way stands in :mod:`suit.report_seal`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from spec.labels import Capability, Parameter, ReportReason, SystemClaim
from spec.labels import Manifest as Section
from spec.labels import Report as Label
from suit import cbor
from suit.decode import decode_component_id
from suit.decode_sequence import decode_digest, decode_parameters
from suit.encode import digest_array, parameter_map
from suit.errors import MalformedError, UnsupportedElementError
from suit.manifest import ComponentId, Digest, ParameterValue
from suit.narrow import as_bytes, as_map, as_text, as_uint, draft_name

SECTIONS: Final = (
    Section.COMMON,
    Section.VALIDATE,
    Section.LOAD,
    Section.INVOKE,
    Section.DEPENDENCY_RESOLUTION,
    Section.PAYLOAD_FETCH,
    Section.CANDIDATE_VERIFICATION,
    Section.INSTALL,
    Section.UNINSTALL,
)
"""What a record may point into; ``COMMON`` stands for the shared sequence (ADR 0008)."""
MAX_REPORT: Final = 1 << 18
MAX_NONCE: Final = 64

_LIMITS: Final = cbor.Limits(size=MAX_REPORT, depth=8, items=1 << 15)
_BY_NUMBER: Final = {section.value: section for section in SECTIONS}
_EARLY: Final = 0
_RESULT: Final = frozenset({Label.RESULT_CODE, Label.RESULT_RECORD, Label.RESULT_REASON})
_REQUIRED_CAPABILITIES: Final = (
    Capability.COMPONENT_CAPABILITIES,
    Capability.COMMAND_CAPABILITIES,
    Capability.PARAMETERS_CAPABILITIES,
    Capability.CRYPT_ALGO_CAPABILITIES,
)
_CLAIM_ID: Final = SystemClaim.COMPONENT_ID.value
_RECORD_SIZE: Final = 5

Measured: TypeAlias = Mapping[Parameter, ParameterValue]


@dataclass(frozen=True, slots=True)
class Record:
    """SUIT_Record (P3): a command that was executed, and what the device had for its parameters.

    Attributes:
        section: The top-level sequence; None when no command had been reached.
        offset: Bytes from the start of that sequence to the command.
        component: The index of the component that it was executed for.
        measured: The device's own values, not the expected ones.
        manifest: The way from the root to the manifest, by component index; empty for the root.
    """

    section: Section | None = None
    offset: int = 0
    component: int = 0
    measured: Measured = field(default_factory=dict)
    manifest: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Claims:
    """system-property-claims (P4.1): what was measured of one component, at least one value."""

    component: ComponentId
    measured: Measured


@dataclass(frozen=True, slots=True)
class Failure:
    """The result of a procedure that did not end well (P4.2).

    Attributes:
        reason: Why, for every implementation to understand.
        code: Why, in numbers of the device's own; hardsuit's are the exit codes of its commands.
        record: Where it stopped.
    """

    reason: ReportReason
    code: int
    record: Record


class ComponentCapability(NamedTuple):
    """A component that the device has; with ``prefix`` every one that begins like it (P6)."""

    component: ComponentId
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Capabilities:
    """SUIT_Capability_Report (P6).

    Attributes:
        components: What can be updated, at least one.
        lists: The numbers that are understood, by kind; the kinds that P6 requires are there.
    """

    components: tuple[ComponentCapability, ...]
    lists: Mapping[Capability, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Report:
    """SUIT_Report (P4).

    Attributes:
        uri: The root manifest's reference URI; empty when it has none or was never decoded.
        digest: The first element of the root's SUIT_Authentication.
        records: What happened, in order.
        failure: How it ended; None for success.
        nonce: What the asker sent, against replays.
        capabilities: What the device implements, where that was wanted.
    """

    uri: str
    digest: Digest
    records: tuple[Record | Claims, ...] = ()
    failure: Failure | None = None
    nonce: bytes | None = None
    capabilities: Capabilities | None = None


def encode_report(report: Report) -> bytes:
    """Encode a SUIT_Report."""
    members: dict[int, cbor.Item] = {
        Label.REFERENCE.value: [report.uri, digest_array(report.digest)],
        Label.RECORDS.value: [_entry(entry) for entry in report.records],
        Label.RESULT.value: True if report.failure is None else _failure(report.failure),
    }
    if report.nonce is not None:
        members[Label.NONCE.value] = report.nonce
    if report.capabilities is not None:
        members[Label.CAPABILITY_REPORT.value] = _capabilities(report.capabilities)
    return cbor.encode(members)


def decode_report(raw: bytes, *, where: str = "report") -> Report:
    """Decode a SUIT_Report.

    Raises:
        LimitError: It is over 256 KiB, too deep or has too many items.
        MalformedError: It is not deterministic CBOR, or not a report.
        UnsupportedElementError, UnsupportedParameterError, UnsupportedAlgorithmError: An extension.
    """
    members = _members(cbor.decode(raw, where=where, limits=_LIMITS), set(Label) - _RESULT, where)
    for label in (Label.REFERENCE, Label.RECORDS, Label.RESULT):
        _require(label in members, where, f"{draft_name(label)} is missing")
    reference = _list(members[Label.REFERENCE], f"{where}.reference")
    _require(len(reference) == 2, where, "a reference is a URI and a digest")  # noqa: PLR2004 - named beside it
    nonce, capabilities = members.get(Label.NONCE), members.get(Label.CAPABILITY_REPORT)
    result = members[Label.RESULT]
    return Report(
        uri=as_text(reference[0], f"{where}.reference"),
        digest=decode_digest(reference[1], f"{where}.reference"),
        records=tuple(
            [_read_entry(entry, f"{where}.records") for entry in _list(members[Label.RECORDS], where)]
        ),
        failure=None if result is True else _read_failure(result, f"{where}.result"),
        nonce=_read_nonce(nonce, f"{where}.nonce") if Label.NONCE in members else None,
        capabilities=(
            _read_capabilities(capabilities, f"{where}.capability-report")
            if Label.CAPABILITY_REPORT in members
            else None
        ),
    )


def _entry(entry: Record | Claims) -> cbor.Item:
    if isinstance(entry, Record):
        return _record(entry)
    return {_CLAIM_ID: list(entry.component)} | parameter_map(entry.measured)


def _record(record: Record) -> cbor.Item:
    section = _EARLY if record.section is None else record.section.value
    return [
        list(record.manifest), section, record.offset, record.component, parameter_map(record.measured),
    ]  # fmt: skip


def _failure(failure: Failure) -> cbor.Item:
    return {
        Label.RESULT_CODE.value: failure.code,
        Label.RESULT_RECORD.value: _record(failure.record),
        Label.RESULT_REASON.value: failure.reason.value,
    }


def _capabilities(capabilities: Capabilities) -> cbor.Item:
    components = [
        [*row.component, True] if row.prefix else list(row.component) for row in capabilities.components
    ]
    lists = {kind.value: list(numbers) for kind, numbers in capabilities.lists.items()}
    return {Capability.COMPONENT_CAPABILITIES.value: components} | lists


def _read_entry(item: cbor.Item, where: str) -> Record | Claims:
    """Read a record or claims: P4.1 tells them apart by their CBOR type."""
    if not isinstance(item, dict):
        record = _read_record(item, where)
        _require(record.section is not None, where, "a record without a section")
        return record
    _require(_CLAIM_ID in item, where, "claims without a component")
    component = decode_component_id(item.pop(_CLAIM_ID), where)
    measured = decode_parameters(item, where)
    _require(bool(measured), where, "claims without a value")
    return Claims(component, measured)


def _read_record(item: cbor.Item, where: str) -> Record:
    parts = _list(item, where)
    _require(len(parts) == _RECORD_SIZE, where, f"a record has {_RECORD_SIZE} elements")
    manifest, section, offset, component, measured = parts
    record = Record(
        _read_section(section, where),
        as_uint(offset, where),
        as_uint(component, where),
        decode_parameters(measured, where),
        tuple([as_uint(index, where) for index in _list(manifest, where)]),
    )
    early = record.section is None and record != Record(manifest=record.manifest)
    _require(not early, where, "a record without a section says nothing else either")
    return record


def _read_section(item: cbor.Item, where: str) -> Section | None:
    _require(type(item) is int, where, "a section is an integer")
    if item == _EARLY:
        return None
    if item not in _BY_NUMBER:
        raise UnsupportedElementError(f"{where}: section {item} is not implemented")
    return _BY_NUMBER[item]


def _read_failure(item: cbor.Item, where: str) -> Failure:
    members = _members(item, _RESULT, where)
    _require(len(members) == len(_RESULT), where, "a failure has code, record and reason")
    code, reason = members[Label.RESULT_CODE], members[Label.RESULT_REASON]
    _require(type(code) is int and type(reason) is int, where, "code and reason are integers")
    known = next((row for row in ReportReason if row.value == reason), None)
    if known is None:
        raise UnsupportedElementError(f"{where}: reason {reason} is not implemented")
    _require(known is not ReportReason.OK, where, "a failure whose reason is ok")
    return Failure(known, code, _read_record(members[Label.RESULT_RECORD], where))


def _read_nonce(item: cbor.Item, where: str) -> bytes:
    nonce = as_bytes(item, where)
    _require(len(nonce) <= MAX_NONCE, where, f"a nonce of more than {MAX_NONCE} bytes")
    return nonce


def _read_capabilities(item: cbor.Item, where: str) -> Capabilities:
    kinds = _labelled(as_map(item, where), {kind.value: kind for kind in Capability}, where)
    for kind in _REQUIRED_CAPABILITIES:
        _require(kind in kinds, where, f"{draft_name(kind)} is missing")
    components = _list(kinds.pop(Capability.COMPONENT_CAPABILITIES), where)
    _require(bool(components), where, "no component")
    return Capabilities(
        tuple([_read_component(row, where) for row in components]),
        {kind: _numbers(value, where) for kind, value in kinds.items()},
    )


def _read_component(item: cbor.Item, where: str) -> ComponentCapability:
    parts = list(_list(item, where))
    prefix = bool(parts) and parts[-1] is True
    return ComponentCapability(decode_component_id(parts[:-1] if prefix else parts, where), prefix)


def _numbers(item: cbor.Item, where: str) -> tuple[int, ...]:
    numbers = _list(item, where)
    fine = bool(numbers) and all(type(number) is int for number in numbers)
    _require(fine, where, "expected a list of integers, not an empty one")
    return tuple(numbers)


def _members(item: cbor.Item, known: frozenset[Label] | set[Label], where: str) -> dict[Label, cbor.Item]:
    return _labelled(as_map(item, where), {label.value: label for label in known}, where)


def _labelled(
    members: Mapping[cbor.Item, cbor.Item], labels: Mapping[int, cbor.Item], where: str
) -> dict[cbor.Item, cbor.Item]:
    for number in members:
        if type(number) is not int or number not in labels:
            raise UnsupportedElementError(f"{where}: member {cbor.shown(number)} is not implemented")
    return {labels[number]: value for number, value in members.items()}


def _list(item: cbor.Item, where: str) -> list[cbor.Item]:
    if not isinstance(item, list):
        raise MalformedError(where, "expected an array")
    return item


def _require(fine: bool, where: str, problem: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not fine:
        raise MalformedError(where, problem)
