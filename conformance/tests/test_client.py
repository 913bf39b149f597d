"""Our own client: it passes the suite, in process and through the process boundary, and crashes honestly."""

import json
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from conformance import client, runner
from conformance.casebook.case import NEW, update, write
from conformance.dut import BrokenClientError, ExternalClient, InProcessClient
from conformance.forge import override
from conformance.runner import Verdict
from device.ic.errors import IcFailedError
from spec.labels import Parameter, ReportReason
from suit.report import decode_report

SUITE = runner.load()
# One accepted and one refused case of every topic.
SAMPLE = list({(case.topic, case.expect.outcome): case for case in SUITE}.values())
COMMAND = f"{sys.executable} -m hardsuit conformance client"


def question(name: str) -> dict[str, Any]:
    return dict(next(case for case in SUITE if case.name == name).question)


@pytest.mark.parametrize("case", SUITE, ids=lambda case: f"{case.topic}/{case.name}")
def test_our_device_passes(case: runner.Case) -> None:
    result = runner.judge(case, InProcessClient(client.answer))
    assert result.verdict is Verdict.PASSED, result.problems


@pytest.mark.req("H9-3")
def test_the_process_boundary_changes_nothing() -> None:
    inside = runner.run(SAMPLE, InProcessClient(client.answer), workers=1)
    outside = runner.run(SAMPLE, ExternalClient(COMMAND, time_limit=120))
    assert [told(result) for result in outside] == [told(result) for result in inside]


def told(result: runner.Result) -> tuple[str, Verdict, tuple[str, ...]]:
    return result.case, result.verdict, result.problems


def ask(text: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "hardsuit", "conformance", "client"],
        input=text,
        capture_output=True,
        check=False,
        timeout=120,
    )


@pytest.mark.req("H9-1")
def test_the_answer_is_one_json_object_and_exit_0_even_for_a_refusal() -> None:
    done = ask(json.dumps(question("key-unknown")).encode())
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    failure = decode_report(bytes.fromhex(answer.pop("report"))).failure
    assert failure is not None
    assert failure.reason is ReportReason.UNAUTHORISED
    assert answer == {
        "outcome": "rejected",
        "reason": 4,
        "components": [{"id": ["00"], "content": b"what was installed before".hex()}],
        "fetched": [],
        "invoked": [],
    }


@pytest.mark.req("H9-2")
@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b"\xff", b'{"procedure": "update"}'])
def test_what_is_no_question_gets_no_answer(text: bytes) -> None:
    done = ask(text)
    assert done.returncode not in {0, 4}
    assert done.stdout == b""
    assert len(done.stderr.splitlines()) == 1


def hostile(envelope: bytes) -> Iterator[bytes]:
    """Yield every truncation of an envelope, and every envelope that differs in one bit of one byte."""
    yield from (envelope[:size] for size in range(len(envelope)))
    for place, byte in enumerate(envelope):
        yield envelope[:place] + bytes([byte ^ 1 << place % 8]) + envelope[place + 1 :]


@pytest.mark.req("H2-4", "H3-5")
@pytest.mark.parametrize("name", ["smallest-update", "mac0-hmac-256"])
def test_every_truncation_and_every_changed_byte_is_refused(name: str) -> None:
    asked = question(name)
    before = [{"id": part["id"], "content": part["content"]} for part in asked["device"]["components"]]
    assert client.answer(asked)["outcome"] == "accepted"
    for envelope in hostile(bytes.fromhex(asked["envelope"])):
        said = client.answer({**asked, "envelope": envelope.hex()})
        assert (said["outcome"], said["components"], said["fetched"]) == ("rejected", before, [])


@pytest.mark.req("M8.4.9.2-3")
def test_a_size_is_compared_unless_the_image_is_made_up() -> None:
    wrong = update(NEW, install=write(NEW), more=[override({Parameter.IMAGE_SIZE: len(NEW) + 1})])
    asked = {**question("write-stores"), "envelope": wrong.hex()}
    assert client.answer(asked)["outcome"] == "rejected"
    (component,) = asked["device"]["components"]
    made_up = {**component, "digest": sha256(NEW).hexdigest()}
    asked["device"] = {**asked["device"], "components": [made_up]}
    assert client.answer(asked)["outcome"] == "accepted"


def test_expect_is_not_looked_at() -> None:
    asked = question("key-unknown")
    assert client.answer({**asked, "expect": {"outcome": "accepted"}}) == client.answer(asked)


@pytest.mark.req("H9-2")
@pytest.mark.parametrize("error", [ZeroDivisionError("x"), IcFailedError("the chip is gone"), MemoryError()])
def test_an_internal_error_is_never_a_refusal(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(client, "authenticate", fail)
    with pytest.raises(type(error)):
        client.answer(question("key-unknown"))
    with pytest.raises(BrokenClientError, match=type(error).__name__):
        InProcessClient(client.answer).ask(question("key-unknown"))


def test_rights_are_not_silently_ignored() -> None:
    asked = question("smallest-update")
    asked["keys"] = [{**asked["keys"][0], "rights": [["07"]]}]
    assert client.answer(asked)["reason"] == ReportReason.COMPONENT_UNAUTHORISED.value


def test_keys_for_other_uses_verify_nothing() -> None:
    asked = question("smallest-update")
    asked["keys"] = [{**asked["keys"][0], "use": "unwrap"}]
    assert client.answer(asked)["outcome"] == "rejected"


def test_a_key_that_the_device_cannot_hold_is_no_reason_to_crash() -> None:
    asked = question("smallest-update")
    hss_lms = bytes.fromhex("a3010503382d2041ff").hex()
    asked["keys"] = [{"cose_key": hss_lms, "use": "verify"}, *asked["keys"]]
    assert client.answer(asked)["outcome"] == "accepted"
