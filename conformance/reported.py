"""The report in a client's answer, judged: is it one, does it say what the case expects, does it fit?

A report is optional. One that is there has to be true: a verifier follows the processor with it, and what
it cannot follow is worth less than no report (P5).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conformance.dut import Answer
from spec.labels import ReportReason
from suit.envelope import open_envelope
from suit.errors import HardsuitError
from suit.manifest import Envelope
from suit.replay import replay
from suit.report import Report, decode_report


def report_problems(question: Mapping[str, Any], expect: Answer, answer: Answer) -> Iterator[str]:
    """Tell what is wrong with the report of an answer.

    Args:
        question: The case as the client got it.
        expect: The right answer.
        answer: What the client said.
    """
    if answer.report is None:
        return
    try:
        report = decode_report(answer.report)
    except HardsuitError as error:
        yield f"the report is none: {error}"
        return
    yield from _other_result(report, expect, answer)
    yield from _misfits(report, question, expect)


def _other_result(report: Report, expect: Answer, answer: Answer) -> Iterator[str]:
    failure = report.failure
    if answer.outcome == "accepted":
        # P4.2: before an invocation that may not return, this is all that can be said.
        pending = failure is not None and failure.reason is ReportReason.INVOKE_PENDING and answer.invoked
        if failure is not None and not pending:
            yield f"the report has reason {failure.reason.value} for a procedure that ran to its end"
    elif failure is None:
        yield "the report tells of a success, for a rejection"
    elif failure.reason is ReportReason.INVOKE_PENDING:
        yield "the report tells of an invocation, for a rejection"
    else:
        told = {expect.reason if expect.outcome == "rejected" else None, answer.reason} - {None}
        for reason in sorted(told - {failure.reason.value}, key=str):
            yield f"the report has reason {failure.reason.value}, not {reason}"


def _misfits(report: Report, question: Mapping[str, Any], expect: Answer) -> Iterator[str]:
    """Tell what a verifier with the envelopes of the case would object to."""
    try:
        envelope = open_envelope(bytes.fromhex(question["envelope"]))
    except HardsuitError:
        if report.records:
            yield "the report has records, of a manifest that cannot be reached"
        return
    try:
        replay(report, envelope, dependencies=tuple(_envelopes(question, expect)))
    except HardsuitError as error:
        yield f"the report does not fit: {error}"


def _envelopes(question: Mapping[str, Any], expect: Answer) -> Iterator[Envelope]:
    """Return every envelope that the device of a case could have had from elsewhere, or have decrypted."""
    before = [row.get("content") for row in question["device"]["components"]]
    held: Iterable[str | None] = [*before, *expect.components.values()]
    for content in (*question["resources"].values(), *held):
        try:
            yield open_envelope(bytes.fromhex(content or ""), embedded=True)
        except HardsuitError:
            continue
