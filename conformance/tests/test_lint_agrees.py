"""Lint and the device agree about trees: an error for what strict refuses, none for what it carries out."""

import pytest

from conformance.casebook import trust_domains, trust_lockstep, trust_published, trust_rights, trust_structure
from conformance.casebook.case import Case
from spec.labels import ReportReason
from suit.decode import attach_severed, decode_manifest
from suit.envelope import open_envelope
from suit.errors import HardsuitError
from suit.lint import Finding, lint
from suit.lint_rules import UNCHECKED_DEPENDENCY, UNRESOLVED, Level

BOOKS = (trust_domains, trust_lockstep, trust_published, trust_rights, trust_structure)
CASES = [case for book in BOOKS for case in book.cases() if case.profile == "strict"]


def errors(case: Case) -> list[Finding] | None:
    """Return what lint says of a case; None if nothing can be said, as it is malformed or severed."""
    try:
        envelope = open_envelope(case.envelope)
        manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
    except HardsuitError:
        return None
    found = [finding for finding in lint(envelope, manifest) if finding.rule.level is Level.ERROR]
    severed = any(
        member is not None and member.value is None
        for member in (manifest.dependency_resolution, manifest.candidate_verification, manifest.install)
    )
    # These cases never boot: that they check nothing when validate runs alone is what lint is right about.
    alone = {UNCHECKED_DEPENDENCY, UNRESOLVED}
    known = [one for one in found if not (one.rule in alone and one.where.startswith("validate"))]
    return None if severed else known


@pytest.mark.req("I4.3.19")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_strict_carries_out_has_no_error_of_trust_domains(case: Case) -> None:
    found = errors(case)
    if not case.accepted or found is None:
        return
    ids = {finding.rule.id for finding in found}
    assert {one for one in ids if one >= "L040"} == set()


REFUSED = [
    case
    for case in CASES
    if not case.accepted
    and case.reason is ReportReason.OPERATION_FAILED
    and case.name.startswith(("lockstep-", "process-dependency-", "dependency-", "unlink-twice"))
    and case.name != "dependency-integrity-absent"  # a device may hold what nobody fetches
]


@pytest.mark.req("I4.3.19")
@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_what_strict_aborts_for_is_an_error(case: Case) -> None:
    found = errors(case)
    assert found, case.summary
