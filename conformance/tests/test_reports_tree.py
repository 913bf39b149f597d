"""Reports of trees of manifests: whatever a case does, its report follows the manifests it is about."""

from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from conformance.casebook import trust_domains, trust_lockstep, trust_rights, trust_structure
from conformance.casebook.case import AUTHOR, Case, verify
from conformance.casebook.trees import INTEGRITY, KEY, PROCESS, device, library, root
from conformance.cddl import check_report
from conformance.client import answer
from conformance.forge import at
from hardsuit import main
from spec.labels import Command, ReportReason
from spec.labels import Manifest as Section
from suit.envelope import open_envelope
from suit.errors import HardsuitError, NotAuthenticError
from suit.manifest import Envelope
from suit.replay import replay
from suit.report import Failure, Record, Report, decode_report, encode_report
from suit.report_seal import seal_report
from suit.signer import KeyType, generate

CASES = [
    case for book in (trust_domains, trust_lockstep, trust_rights, trust_structure) for case in book.cases()
]


def reported(case: Case) -> Report | None:
    """Act out a case and return its report; None if there is no envelope to refer to."""
    told = answer({**case.to_json(), "expect": None}).get("report")
    if told is None:
        return None
    check_report(bytes.fromhex(told))
    return decode_report(bytes.fromhex(told))


def stored(case: Case) -> tuple[Envelope, ...]:
    """Return the envelopes that the device holds or gets, and the root does not."""
    found = []
    for content in (*case.resources.values(), *[part.content for part in case.device.components]):
        try:
            found.append(open_envelope(content or b"", embedded=True))
        except HardsuitError:
            continue
    return tuple(found)


@pytest.mark.req("P3-1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_report_follows_the_tree_that_it_is_about(case: Case) -> None:
    report = reported(case)
    if report is None:
        assert not case.accepted
        return
    events = replay(report, open_envelope(case.envelope), dependencies=stored(case))
    assert events[-1].what.startswith(("success", "invoke-pending")) is case.accepted
    if case.reason is not None:
        assert report.failure is not None
        assert report.failure.reason is case.reason


def test_the_cases_leave_records_in_every_section_and_below_the_root() -> None:
    records = [
        entry
        for report in map(reported, CASES)
        for entry in (report.records if report else ())
        if isinstance(entry, Record)
    ]
    sections = {record.section for record in records}
    assert {Section.DEPENDENCY_RESOLUTION, Section.CANDIDATE_VERIFICATION, Section.UNINSTALL} <= sections
    assert {len(record.manifest) for record in records} >= {0, 1, 2}


HONEST = Case(
    name="honest",
    requirement=(),
    summary="",
    envelope=root(library()),
    accepted=True,
    keys=verify(AUTHOR),
    device=device(),
)


def below(report: Report) -> Record:
    return next(entry for entry in report.records if isinstance(entry, Record) and entry.manifest)


def test_a_record_of_a_dependency_that_does_not_fit_it_is_not_believed() -> None:
    report = reported(HONEST)
    assert report is not None
    record = below(report)
    envelope = open_envelope(HONEST.envelope)
    assert record.manifest == (1,)
    wrong: dict[str, dict[str, Any]] = {
        "no command at dependency 1: ": {"offset": record.offset + 999},
        "0 is no manifest": {"manifest": (0,)},
        "1.1 is no manifest": {"manifest": (1, 1)},
        "has no component": {"component": 7},
    }
    for why, change in wrong.items():
        with pytest.raises(NotAuthenticError, match=why):
            replay(replace(report, records=(replace(record, **change),)), envelope)
    bare = replace(envelope, payloads={})
    with pytest.raises(NotAuthenticError, match="1 is no manifest that is at hand"):
        replay(report, bare)
    other = open_envelope(library(validate=None).raw)
    with pytest.raises(NotAuthenticError, match="1 is no manifest that is at hand"):
        replay(report, bare, dependencies=(other,))
    own = open_envelope(envelope.payloads[KEY])
    assert replay(report, bare, dependencies=(other, own)) == replay(report, envelope)
    forged = replace(own, manifest=open_envelope(library(validate=None).raw).manifest)
    with pytest.raises(NotAuthenticError):
        replay(report, bare, dependencies=(forged,))


def test_a_failure_below_is_shown_with_the_way_to_it() -> None:
    failing = library(install=[(Command.ABORT, 15)])
    case = replace(HONEST, envelope=root(failing), accepted=False, reason=ReportReason.CONDITION_FAILED)
    report = reported(case)
    assert report is not None
    assert isinstance(report.failure, Failure)
    last = replay(report, open_envelope(case.envelope))[-1]
    assert last.what.startswith("condition-failed: abort at dependency 1: install+1, component 0")


def test_report_verify_takes_dependencies_from_files(tmp_path: Any) -> None:
    child = library()
    held = device(stored=child.raw)
    bare = root(child, payloads={}, dependency_resolution=[at(1), INTEGRITY, PROCESS])
    report = reported(replace(HONEST, envelope=bare, device=held))
    assert report is not None
    signer = generate(KeyType.P256)
    (tmp_path / "root.suit").write_bytes(bare)
    (tmp_path / "library.suit").write_bytes(child.raw)
    (tmp_path / "key").write_bytes(signer.public.to_cose())
    (tmp_path / "report").write_bytes(seal_report(encode_report(report), signer))
    base = ["suit", "report-verify", "report", "--envelope", "root.suit", "--key", "key"]
    with pytest.MonkeyPatch.context() as there:
        there.chdir(tmp_path)
        full = CliRunner().invoke(main, [*base, "--dependency", "library.suit"])
        without = CliRunner().invoke(main, base)
    assert full.exit_code == 0, full.output
    assert "result: success" in full.output.splitlines()
    assert (without.exit_code, "at hand" in without.output) == (3, True)
