"""Reports of a whole device: what it tells of updates and boots, who can check it, what nobody believes."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

import device as device_room
import suit as suit_room
from conformance.cddl import check_report
from conformance.release import FIRMWARE
from conformance.tests.lab import Lab, image, install
from device.authenticate import authenticate
from device.platform import Delegate, Platform
from device.record import load_record
from device.reporter import Procedure, kept_report, refusals_reported
from device.storage import MemoryStorage, Storage
from spec.labels import Capability, Command, Parameter, ReportReason
from spec.labels import Manifest as Section
from suit.commands import ARGUMENTS, VALUES
from suit.decode import decode_manifest
from suit.envelope import open_envelope
from suit.errors import (
    ConditionFailedError,
    ExitCode,
    HardsuitError,
    NotAuthenticError,
    NothingToDoError,
    RollbackError,
    UnsupportedCommandError,
    UsageError,
)
from suit.manifest import Envelope, Manifest
from suit.replay import replay
from suit.report import Claims, Failure, Record, Report, encode_report
from suit.report_cli import cli as report_cli
from suit.report_seal import open_report, seal_report

NONCE: Final = b"asked now"


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def storage(lab: Lab) -> MemoryStorage:
    """A device that runs release 1."""
    storage = MemoryStorage()
    lab.provision(storage)
    lab.run(storage, 1)
    return storage


def told(
    lab: Lab, storage: Storage, procedure: Procedure = Procedure.UPDATE, *, capabilities: bool = False
) -> Report:
    """Ask the device, and believe it only as a stranger would."""
    with lab.device(storage) as device:
        sealed = device.suit_report(NONCE, procedure=procedure, capabilities=capabilities)
        check_report(sealed, sealed=True)
        return open_report(sealed, [device.ic.report_key()])


def kept(storage: Storage, procedure: Procedure = Procedure.UPDATE) -> Report:
    report = kept_report(storage, procedure)
    assert report is not None
    return report


def failure_of(report: Report) -> Failure:
    assert report.failure is not None
    return report.failure


@pytest.mark.req("P4-1", "P4.2-1", "P8-1")
def test_a_successful_update_is_reported_and_follows_its_envelope(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 2)
    report = told(lab, storage)
    envelope = open_envelope(lab.envelope(2))
    assert report.failure is None
    assert report.nonce == NONCE
    assert report.records
    events = replay(report, envelope, nonce=NONCE)
    assert events[-1].what == "success"


def trial_envelope(storage: Storage) -> str:
    trial = load_record(storage).trial
    assert trial is not None
    return trial.envelope


@pytest.mark.req("P3-1")
def test_records_and_claims_hold_what_the_device_measured(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 2)
    report = told(lab, storage)
    claims = [entry for entry in report.records if isinstance(entry, Claims)]
    assert {entry.component for entry in claims} == {FIRMWARE}
    sizes = {entry.measured.get(Parameter.IMAGE_SIZE) for entry in claims}
    assert len(image(2)) in sizes
    sections = {entry.section for entry in report.records if isinstance(entry, Record)}
    assert sections <= set(Section)
    assert sections


@pytest.mark.req("P4.2-1", "P3-1")
def test_a_payload_that_is_another_is_reported_with_its_digest(lab: Lab, storage: MemoryStorage) -> None:
    forged = bytes(len(image(2)))
    envelope = lab.envelope(2)
    with lab.device(storage, serves=forged) as device, pytest.raises(ConditionFailedError) as raised:
        install(device, envelope)
    report = told(lab, storage)
    failure = failure_of(report)
    assert failure.reason is ReportReason.CONDITION_FAILED
    assert failure.code == ExitCode.REFUSED.value
    assert raised.value.place is not None
    assert failure.record.offset == raised.value.place.offset
    measured = failure.record.measured[Parameter.IMAGE_DIGEST]
    manifest = decode_manifest(open_envelope(envelope).manifest)
    assert measured
    assert manifest.raw
    assert failure.record in report.records
    assert "image-match" in replay(report, open_envelope(envelope))[-1].what


@pytest.mark.req("P4.2-1")
def test_a_refusal_before_the_first_command_points_at_none(lab: Lab, storage: MemoryStorage) -> None:
    lab.run(storage, 2)
    with pytest.raises(RollbackError):
        lab.install(storage, 1)
    failure = failure_of(told(lab, storage))
    assert failure == Failure(ReportReason.UNAUTHORISED, ExitCode.REFUSED.value, Record())


@pytest.mark.req("P4-1")
def test_a_manifest_that_nobody_vouches_for_is_reported_by_its_digest(
    lab: Lab, storage: MemoryStorage
) -> None:
    raw = open_envelope(Lab().envelope(2))
    with (
        lab.device(storage) as device,
        pytest.raises(NotAuthenticError),
        refusals_reported(storage, Procedure.UPDATE, raw),
    ):
        authenticate(raw, device.ic)
    report = told(lab, storage)
    assert (report.uri, report.digest, report.records) == ("", raw.digest, ())
    assert failure_of(report).reason is ReportReason.UNAUTHORISED
    assert replay(report, raw)[-1].what == "unauthorised, at no single command"


@pytest.mark.req("P6-1")
def test_capabilities_are_told_when_asked_and_after_an_unsupported_feature(
    lab: Lab, storage: MemoryStorage
) -> None:
    lab.install(storage, 2)
    assert told(lab, storage).capabilities is None
    asked = told(lab, storage, capabilities=True).capabilities
    envelope = open_envelope(lab.envelope(3))
    with pytest.raises(UnsupportedCommandError), refusals_reported(storage, Procedure.UPDATE, envelope):
        raise UnsupportedCommandError("command 99 is not implemented")
    unasked = told(lab, storage).capabilities
    assert asked is not None
    assert asked == unasked
    assert [row.component for row in asked.components] == [FIRMWARE]
    assert asked.lists[Capability.COMMAND_CAPABILITIES] == tuple(sorted(one.value for one in ARGUMENTS))
    assert asked.lists[Capability.PARAMETERS_CAPABILITIES] == tuple(sorted(one.value for one in VALUES))
    assert {-16, -9, -19, 5} <= set(asked.lists[Capability.CRYPT_ALGO_CAPABILITIES])
    assert {2, 3} <= set(asked.lists[Capability.ENVELOPE_CAPABILITIES])


@pytest.mark.req("P4.2-1")
def test_a_boot_is_reported_before_control_is_handed_over(lab: Lab, storage: MemoryStorage) -> None:
    lab.install(storage, 2)
    with lab.device(storage) as device:
        device.boot()
    trial = kept(storage, Procedure.TRIAL)
    failure = failure_of(trial)
    assert failure.reason is ReportReason.INVOKE_PENDING
    assert failure.record.section is Section.INVOKE
    assert "invoke-pending: invoke at" in replay(trial, open_envelope(lab_envelope(storage)))[-1].what


def lab_envelope(storage: Storage) -> bytes:
    return storage.read(trial_envelope(storage))


def test_a_boot_that_fails_after_the_hand_over_says_so(
    lab: Lab, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise UsageError("it came back")

    monkeypatch.setattr(lab.platform, "invoke", crash)
    with lab.device(storage) as device, pytest.raises(UsageError):
        device.boot()
    failure = failure_of(kept(storage, Procedure.BOOT))
    assert failure.reason is ReportReason.OPERATION_FAILED


def test_an_unchanged_boot_writes_no_report(lab: Lab, storage: MemoryStorage) -> None:
    lab.boots(storage)
    before = storage.read("report/boot")
    with pytest.MonkeyPatch.context() as watched:
        written: list[str] = []
        watched.setattr("device.reporter.replace", lambda _storage, name, _data: written.append(name))
        lab.boots(storage)
    assert written == []
    assert storage.read("report/boot") == before


def test_a_damaged_or_missing_report_is_no_report(lab: Lab, storage: MemoryStorage) -> None:
    storage.write("report/update", 0, b"\xff")
    for procedure in (Procedure.UPDATE, Procedure.BOOT):
        with lab.device(storage) as device, pytest.raises(NothingToDoError):
            device.suit_report(procedure=procedure)


def test_a_nonce_that_is_too_long_is_refused(lab: Lab, storage: MemoryStorage) -> None:
    with lab.device(storage) as device, pytest.raises(UsageError, match="nonce"):
        device.suit_report(bytes(65))


def test_every_call_of_a_platform_is_handed_on() -> None:
    calls = {name for name in vars(Platform) if not name.startswith("_")}
    assert calls <= set(vars(Delegate))


SOME: Final = Record(Section.INSTALL, 1, 0)


class Published:
    """A report and its envelope, to be taken apart."""

    def __init__(self, lab: Lab, storage: MemoryStorage) -> None:
        lab.install(storage, 2)
        self.envelope: Envelope = open_envelope(lab_envelope(storage))
        self.manifest: Manifest = decode_manifest(self.envelope.manifest)
        self.report = kept(storage)
        assert self.manifest.install is not None
        assert self.manifest.install.value is not None
        self.steps = self.manifest.install.value


@pytest.fixture
def published(lab: Lab, storage: MemoryStorage) -> Published:
    return Published(lab, storage)


def test_a_report_that_does_not_fit_its_manifest_is_not_believed(lab: Lab, published: Published) -> None:
    report, steps = published.report, published.steps
    silent = next(step for step in steps if step.label is Command.OVERRIDE_PARAMETERS)
    unfit = {
        "another manifest": replace(report, digest=open_envelope(lab.envelope(3)).digest),
        "reference URI": replace(report, uri="https://example.com/other"),
        "no command at": replace(report, records=(replace(SOME, offset=steps[0].offset + 1),)),
        "no command at load": replace(report, records=(replace(SOME, section=Section.UNINSTALL),)),
        "has no component": replace(report, records=(replace(SOME, offset=steps[0].offset, component=9),)),
        "nothing asks": replace(report, records=(replace(SOME, offset=silent.offset),)),
        "1 is no manifest that is at hand": replace(report, records=(replace(SOME, manifest=(1,)),)),
        "no command at install": replace(
            report, failure=Failure(ReportReason.OPERATION_FAILED, 4, replace(SOME, offset=9999))
        ),
    }
    for why, wrong in unfit.items():
        with pytest.raises(NotAuthenticError, match=why.split(" at ", maxsplit=1)[0]):
            replay(wrong, published.envelope)
    with pytest.raises(NotAuthenticError, match="nonce"):
        replay(report, published.envelope, nonce=NONCE)
    with pytest.raises(NotAuthenticError, match="digest"):
        replay(report, replace(published.envelope, manifest=published.envelope.manifest + b"\0"))


def test_report_verify_at_the_prompt(lab: Lab, published: Published, tmp_path: Path) -> None:
    report = replace(published.report, nonce=NONCE)
    (tmp_path / "m.suit").write_bytes(lab.envelope(2))
    sealed = seal_report(encode_report(report), lab.author)
    (tmp_path / "r.cbor").write_bytes(sealed)
    (tmp_path / "key").write_bytes(lab.author.public.to_cose())
    base = ["report-verify", "r.cbor", "--envelope", "m.suit", "--key", "key"]

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.MonkeyPatch.context() as there:
            there.chdir(tmp_path)
            result = CliRunner().invoke(report_cli, [*base, *arguments])
        return result.exit_code, result.output

    code, output = run("--nonce", NONCE.hex())
    assert (code, output.splitlines()[-1]) == (0, "result: success")
    assert run("--nonce", "00")[0] == ExitCode.REJECTED.value
    assert run("--nonce", "zz")[0] == ExitCode.USAGE.value
    assert run("--json")[0] == 0
    (tmp_path / "r.cbor").write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    assert run()[0] == ExitCode.REJECTED.value


R = ReportReason
REASONS: Final = {
    "HardsuitError": R.OPERATION_FAILED,
    "RejectedError": R.CBOR_PARSE,
    "MalformedError": R.CBOR_PARSE,
    "LimitError": R.CBOR_PARSE,
    "NotAuthenticError": R.UNAUTHORISED,
    "NoTrustAnchorError": R.UNAUTHORISED,
    "UnsupportedAlgorithmError": R.ALG_UNSUPPORTED,
    "UnsupportedByIcError": R.ALG_UNSUPPORTED,
    "UnsupportedCoseError": R.COSE_UNSUPPORTED,
    "RefusedError": R.OPERATION_FAILED,
    "RollbackError": R.UNAUTHORISED,
    "SequenceReusedError": R.UNAUTHORISED,
    "UnsupportedCommandError": R.COMMAND_UNSUPPORTED,
    "UnsupportedParameterError": R.PARAMETER_UNSUPPORTED,
    "UnsupportedElementError": R.COMMAND_UNSUPPORTED,
    "ComponentError": R.COMPONENT_UNSUPPORTED,
    "ComponentUnauthorisedError": R.COMPONENT_UNAUTHORISED,
    "ConditionFailedError": R.CONDITION_FAILED,
    "BadSignatureError": R.UNAUTHORISED,
    "UnknownKeyError": R.UNAUTHORISED,
    "KeyUsageError": R.UNAUTHORISED,
    "IcRollbackError": R.UNAUTHORISED,
    "PolicyDeniedError": R.UNAUTHORISED,
    "DecryptFailedError": R.OPERATION_FAILED,
} | dict.fromkeys(
    (
        "UsageError", "AbortError", "DifferentError", "NothingToDoError", "ExpiredError", "NetworkError",
        "WaitingError", "WaitTimeoutError",
        "NotListedError", "SlowRetrievalError", "HttpStatusError", "UriRefusedError", "StorageError",
        "StorageFullError", "NotFoundError", "KeyUnavailableError", "IcError", "CapabilityError",
        "AuthFailedError", "LockedOutError", "NotProvisionedError", "IcUnavailableError", "IcFailedError",
        "StateCorruptError", "RollbackDetectedError", "TamperedError", "IcUsageError", "RecordLostError",
        "_GivenUpError",
    ),
    R.OPERATION_FAILED,
)  # fmt: skip


def tree(root: type[HardsuitError]) -> Iterator[type[HardsuitError]]:
    yield root
    for leaf in root.__subclasses__():
        yield from tree(leaf)


@pytest.mark.req("P4.2-2")
def test_every_error_of_format_and_device_has_its_reason_on_purpose() -> None:
    """A new class is missing here until somebody has thought about what a report says for it."""
    for room in (suit_room, device_room):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if ".tests" not in module.name:
                importlib.import_module(module.name)
    found = {
        error.__name__: error.report
        for error in tree(HardsuitError)
        if error.__module__.split(".")[0] in {"suit", "device"} and ".tests" not in error.__module__
    }
    assert {name: REASONS.get(name) for name in found} == found
    assert R.OK not in found.values()
