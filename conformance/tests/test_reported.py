"""Reports in answers: ours fit every case, and a report that is wrong in one way is noticed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import cbor2
import pytest

from conformance import client, runner
from conformance.cddl import check_report
from conformance.dut import Answer, BrokenClientError, InProcessClient
from conformance.reported import report_problems
from conformance.runner import Verdict
from spec.labels import Envelope, Parameter, ReportReason
from spec.labels import Manifest as Section
from suit.envelope import open_envelope
from suit.errors import HardsuitError
from suit.manifest import SEVERABLE, Digest
from suit.report import Claims, Failure, Record, Report, decode_report, encode_report

SUITE: Final = runner.load()
UPDATE, REFUSAL, INVOCATION = "fetch-two-in-order", "image-match-other-payload", "invoke-helper-and-image"
UNOPENED, EARLY, TREE = "empty-input", "key-unknown", "process-dependency-condition-fails"
UNREACHABLE: Final = {
    ReportReason.OK: "success is true, never a reason",
    ReportReason.SEVERING_UNSUPPORTED: "hardsuit takes every member severed that may be (ADR 0017)",
    ReportReason.INVOKE_PENDING: "it announces an invocation and refuses nothing",
}
"""The reasons that no refusal can have."""
EMPTY: Final = {"outcome": "accepted", "components": [], "fetched": [], "invoked": []}
Change = Callable[[Report], Report]


def case(name: str) -> runner.Case:
    return next(one for one in SUITE if one.name == name)


def answered(name: str) -> Answer:
    return InProcessClient(client.answer).ask(case(name).question)


def opens(question: Any) -> bool:
    try:
        open_envelope(bytes.fromhex(question["envelope"]))
    except HardsuitError:
        return False
    return True


@pytest.mark.req("P3-1", "P4-1", "P4.2-1")
def test_our_report_of_every_case_follows_grammar_and_envelope() -> None:
    """There is one wherever an envelope can be referred to; the runner holds it against the case."""
    reasons: dict[str, set[int | None]] = {"accepted": set(), "rejected": set()}
    asked = InProcessClient(client.answer)
    for one in SUITE:
        answer = asked.ask(one.question)
        assert (answer.report is not None) == opens(one.question), one.name
        assert list(report_problems(one.question, one.expect, answer)) == [], one.name
        if answer.report is not None:
            check_report(answer.report)
            failure = decode_report(answer.report).failure
            reasons[answer.outcome].add(failure.reason.value if failure else None)
    pending = ReportReason.INVOKE_PENDING.value
    assert reasons["accepted"] == {None, pending}
    assert reasons["rejected"] == {row.value for row in ReportReason if row not in UNREACHABLE}


def test_every_reason_is_expected_of_some_case_or_said_to_be_out_of_reach() -> None:
    expected = {one.expect.reason for one in SUITE if one.expect.outcome == "rejected"} - {None}
    assert expected == {row.value for row in ReportReason if row not in UNREACHABLE}


@pytest.mark.parametrize("outcome", ["accepted", "rejected"])
def test_every_member_of_an_envelope_occurs(outcome: str) -> None:
    present: set[object] = set()
    for one in SUITE:
        if one.expect.outcome == outcome and opens(one.question):
            envelope = cbor2.loads(bytes.fromhex(one.question["envelope"]))
            present |= set(getattr(envelope, "value", envelope))
    implemented = {Envelope.AUTHENTICATION_WRAPPER, Envelope.MANIFEST}
    implemented |= {Envelope(member.value) for member in SEVERABLE}
    assert set(Envelope) - implemented <= {Envelope.COSWID}
    assert {member.value for member in implemented} <= present
    assert any(isinstance(key, str) for key in present)


def told(name: str, change: Change | None = None, **changes: Any) -> str:
    """Answer rightly, but for the report or what is given; return what the runner says."""
    answer = replace(answered(name), **changes)
    if change is not None:
        assert answer.report is not None
        answer = replace(answer, report=encode_report(change(decode_report(answer.report))))

    class Liar:
        def ask(self, _: object) -> Answer:
            return answer

    result = runner.judge(case(name), Liar())
    assert (result.verdict is Verdict.PASSED) == (not result.problems)
    return "\n".join(result.problems)


def failing(reason: ReportReason) -> Change:
    return lambda report: replace(report, failure=Failure(reason, 0, Record()))


def moved(report: Report) -> Report:
    """Put the failing record, and the records, one byte further."""
    assert report.failure is not None
    record = report.failure.record
    return replace(report, failure=replace(report.failure, record=replace(record, offset=record.offset + 1)))


def succeeding(report: Report) -> Report:
    return replace(report, failure=None)


def with_record(report: Report) -> Report:
    return replace(report, records=(Record(Section.INSTALL, 1),))


def test_reports_are_optional_and_right_ones_pass() -> None:
    for name in (UPDATE, REFUSAL, INVOCATION, UNOPENED, EARLY, TREE):
        assert told(name) == ""
        assert told(name, report=None) == ""
    assert answered(UNOPENED).report is None


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        (UPDATE, failing(ReportReason.CONDITION_FAILED), "reason 10 for a procedure that ran"),
        (UPDATE, failing(ReportReason.INVOKE_PENDING), "reason 12 for a procedure that ran"),
        (REFUSAL, succeeding, "success, for a rejection"),
        (REFUSAL, failing(ReportReason.INVOKE_PENDING), "an invocation, for a rejection"),
        (REFUSAL, failing(ReportReason.OPERATION_FAILED), "the report has reason 11, not 10"),
        (EARLY, failing(ReportReason.CBOR_PARSE), "the report has reason 1, not 4"),
        (REFUSAL, moved, "there is no command at install"),
        (TREE, moved, "does not fit"),
        (UPDATE, with_record, "does not fit"),
        (EARLY, with_record, "does not fit"),
        (UPDATE, lambda report: replace(report, uri="https://example.com/"), "reference URI"),
        (
            UPDATE,
            lambda report: replace(report, digest=Digest(report.digest.algorithm, bytes(32))),
            "about another manifest",
        ),
    ],
)
def test_a_report_that_is_wrong_in_one_way_is_noticed(name: str, change: Change, why: str) -> None:
    assert why in told(name, change)


def test_a_pending_invocation_passes_where_something_was_invoked() -> None:
    assert told(INVOCATION, failing(ReportReason.INVOKE_PENDING)) == ""
    assert told(INVOCATION, succeeding) == ""
    assert "reason 12" in told(INVOCATION, failing(ReportReason.INVOKE_PENDING), invoked=())


def test_what_is_no_report_is_a_wrong_answer_and_what_is_no_hex_is_a_broken_client() -> None:
    assert "the report is none" in told(UPDATE, report=b"")
    assert "the report is none" in told(UPDATE, report=b"\xa0")
    right = answered(UPDATE).report or b""
    assert "the report is none" in told(UPDATE, report=right + b"\0")
    wrong: tuple[object, ...] = ("0", "zz", "AB", 1, [])
    for item in wrong:
        with pytest.raises(BrokenClientError, match="report"):
            Answer.from_json({**EMPTY, "report": item})


def test_nothing_can_be_recorded_of_what_is_no_envelope() -> None:
    digest = Digest(decode_report(answered(UPDATE).report or b"").digest.algorithm, bytes(32))
    early = Report("", digest, failure=Failure(ReportReason.CBOR_PARSE, 3, Record()))
    assert told(UNOPENED, report=encode_report(early)) == ""
    entries = (Record(Section.INSTALL, 1), Claims((b"\x00",), {Parameter.IMAGE_SIZE: 1}))
    for entry in entries:
        report = encode_report(replace(early, records=(entry,)))
        assert "cannot be reached" in told(UNOPENED, report=report)
