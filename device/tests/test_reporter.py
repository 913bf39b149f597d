"""The reporting engine against a manifest that has more to tell than a report holds."""

import pytest

from device.processor import Record
from device.reporter import Procedure, Reporter, kept_report
from device.storage import MemoryStorage
from spec.labels import Command, CoseAlgorithm, Parameter, Policy
from spec.labels import Manifest as Section
from suit.errors import Place, RefusedError
from suit.manifest import Digest, Envelope
from suit.report import MAX_REPORT, encode_report

ENVELOPE = Envelope(Digest(CoseAlgorithm.SHA_256, bytes(32)), b"", (), b"")


@pytest.mark.req("P4.2-1")
def test_a_report_that_grows_too_large_keeps_its_result() -> None:
    storage = MemoryStorage()
    place = Place(Section.INSTALL, 1, 0, Command.WRITE)
    large = {Parameter.CONTENT: bytes(4096)}
    reporter = Reporter(storage, Procedure.UPDATE, ENVELOPE)
    for _ in range(100):
        reporter(Record(place, Policy.RECORD_ON_SUCCESS.value, True, large))
    reporter.failed(RefusedError("not this one"))
    report = kept_report(storage, Procedure.UPDATE)
    assert report is not None
    assert report.failure is not None
    assert report.failure.reason is RefusedError.report
    assert 30 < len(report.records) < 100
    assert len(encode_report(report)) < MAX_REPORT
