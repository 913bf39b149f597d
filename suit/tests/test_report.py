"""suit.report: every member of a report, there and back, and what is none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.cddl import check_report
from spec.labels import Capability, CoseAlgorithm, Parameter, ReportReason
from spec.labels import Manifest as Section
from suit import cbor
from suit.errors import (
    HardsuitError,
    LimitError,
    MalformedError,
    UnsupportedAlgorithmError,
    UnsupportedElementError,
    UnsupportedParameterError,
)
from suit.manifest import Digest, Pen
from suit.report import (
    MAX_REPORT,
    SECTIONS,
    Capabilities,
    Claims,
    ComponentCapability,
    Failure,
    Measured,
    Record,
    Report,
    decode_report,
    encode_report,
)

DIGEST = Digest(CoseAlgorithm.SHA_256, bytes(range(32)))
UUID = bytes(16)
MEASURED: Measured = {Parameter.IMAGE_DIGEST: DIGEST, Parameter.IMAGE_SIZE: 9}
FULL = Report(
    uri="https://example.com/m.suit",
    digest=DIGEST,
    records=(
        Record(Section.COMMON, 1, 0, {Parameter.VENDOR_IDENTIFIER: Pen(b"\x01")}),
        Claims((b"\x00", b""), MEASURED),
        Record(Section.INSTALL, 300, 2, {Parameter.CLASS_IDENTIFIER: UUID}, (1, 0)),
    ),
    failure=Failure(ReportReason.CONDITION_FAILED, -4, Record(Section.VALIDATE, 7, 1, MEASURED)),
    nonce=b"fresh",
    capabilities=Capabilities(
        (ComponentCapability((b"\x00",)), ComponentCapability((b"fs",), prefix=True)),
        {
            Capability.COMMAND_CAPABILITIES: (1, 3),
            Capability.PARAMETERS_CAPABILITIES: (3,),
            Capability.CRYPT_ALGO_CAPABILITIES: (-9, -16),
            Capability.MANIFEST_CAPABILITIES: (1, 2, 3),
        },
    ),
)
GOOD = {
    "success": Report("", DIGEST),
    "full": FULL,
    "before the first command": Report("", DIGEST, failure=Failure(ReportReason.UNAUTHORISED, 3, Record())),
    "an empty nonce": Report("", DIGEST, nonce=b""),
    "every section": Report("", DIGEST, tuple(Record(section, 1) for section in SECTIONS)),
} | {
    f"reason {reason.name}": Report("", DIGEST, failure=Failure(reason, 0, Record()))
    for reason in ReportReason
    if reason is not ReportReason.OK
}


@pytest.mark.req("P4-1")
@pytest.mark.parametrize("report", GOOD.values(), ids=GOOD.keys())
def test_a_report_survives_its_encoding_and_follows_the_grammar(report: Report) -> None:
    raw = encode_report(report)
    check_report(raw)
    assert decode_report(raw) == report
    assert encode_report(decode_report(raw)) == raw


def members(**changes: Any) -> bytes:
    """Return an encoded report with members replaced; ``absent`` leaves one out."""
    whole: dict[int, Any] = {99: ["", [-16, bytes(32)]], 3: [], 4: True}
    whole |= {int(key[1:]): value for key, value in changes.items()}
    return cbor.encode({key: value for key, value in whole.items() if value != "absent"})


def failing(**changes: Any) -> bytes:
    result: dict[int, Any] = {5: 4, 6: [[], 0, 0, 0, {}], 7: 10}
    result |= {int(key[1:]): value for key, value in changes.items()}
    return members(_4={key: value for key, value in result.items() if value != "absent"})


CAPABLE = {1: [[b"\x00"]], 2: [1], 3: [1], 4: [-9]}
BAD = {
    "no map": (cbor.encode([]), MalformedError),
    "no reference": (members(_99="absent"), MalformedError),
    "no records": (members(_3="absent"), MalformedError),
    "no result": (members(_4="absent"), MalformedError),
    "result false": (members(_4=False), MalformedError),
    "result nil": (members(_4=None), MalformedError),
    "a member nobody knows": (members(_9=1), UnsupportedElementError),
    "a result member outside the result": (members(_5=1), UnsupportedElementError),
    "reference without digest": (members(_99=[""]), MalformedError),
    "reference with a bare digest": (members(_99=["", bytes(32)]), MalformedError),
    "an unknown digest": (members(_99=["", [-10, bytes(32)]]), UnsupportedAlgorithmError),
    "nonce nil": (members(_2=None), MalformedError),
    "a nonce as text": (members(_2="fresh"), MalformedError),
    "a nonce too long": (members(_2=bytes(65)), MalformedError),
    "records in a map": (members(_3={}), MalformedError),
    "a record too short": (members(_3=[[[], 7, 1, 0]]), MalformedError),
    "a record too long": (members(_3=[[[], 7, 1, 0, {}, 1]]), MalformedError),
    "a record without section": (members(_3=[[[], 0, 0, 0, {}]]), MalformedError),
    "a record in text": (members(_3=[[[], 23, 1, 0, {}]]), UnsupportedElementError),
    "a section that is true": (members(_3=[[[], True, 1, 0, {}]]), MalformedError),
    "a negative offset": (members(_3=[[[], 7, -1, 0, {}]]), MalformedError),
    "a negative index": (members(_3=[[[], 7, 1, -1, {}]]), MalformedError),
    "a negative dependency": (members(_3=[[[-1], 7, 1, 0, {}]]), MalformedError),
    "properties in a list": (members(_3=[[[], 7, 1, 0, []]]), MalformedError),
    "a parameter nobody knows": (members(_3=[[[], 7, 1, 0, {200: 1}]]), UnsupportedParameterError),
    "a parameter of another type": (members(_3=[[[], 7, 1, 0, {14: b""}]]), MalformedError),
    "claims without component": (members(_3=[{14: 1}]), MalformedError),
    "claims without a value": (members(_3=[{0: [b""]}]), MalformedError),
    "claims of an odd component": (members(_3=[{0: b"", 14: 1}]), MalformedError),
    "a failure that is empty": (members(_4={}), MalformedError),
    "a failure without reason": (failing(_7="absent"), MalformedError),
    "a failure that is ok": (failing(_7=0), MalformedError),
    "a reason nobody knows": (failing(_7=13), UnsupportedElementError),
    "a reason in words": (failing(_7="no"), MalformedError),
    "a code in words": (failing(_5="no"), MalformedError),
    "a code that is true": (failing(_5=True), MalformedError),
    "an early record that says more": (failing(_6=[[], 0, 1, 0, {}]), MalformedError),
    "capabilities without commands": (members(_8=CAPABLE | {2: None}), MalformedError),
    "capabilities without components": (members(_8=CAPABLE | {1: []}), MalformedError),
    "capabilities without algorithms": (members(_8={1: [[]], 2: [1], 3: [1]}), MalformedError),
    "an empty list of capabilities": (members(_8=CAPABLE | {5: []}), MalformedError),
    "a capability in words": (members(_8=CAPABLE | {5: ["x"]}), MalformedError),
    "a kind of capability nobody knows": (members(_8=CAPABLE | {11: [1]}), UnsupportedElementError),
    "a wild card in the middle": (members(_8=CAPABLE | {1: [[True, b""]]}), MalformedError),
    "a trailing byte": (members() + b"\x00", MalformedError),
    "a tag": (b"\xd2" + members(), MalformedError),
    "too large": (bytes(MAX_REPORT + 1), LimitError),
}


@pytest.mark.req("P3-1")
@pytest.mark.parametrize(("raw", "error"), BAD.values(), ids=BAD.keys())
def test_what_is_no_report_is_refused_with_a_name(raw: bytes, error: type[HardsuitError]) -> None:
    with pytest.raises(error):
        decode_report(raw)


GRAMMATICAL = {"a nonce too long", "a trailing byte", "a tag", "too large"}


@pytest.mark.parametrize("name", sorted(BAD.keys() - GRAMMATICAL))
def test_the_grammar_refuses_it_too(name: str) -> None:
    with pytest.raises(AssertionError):
        check_report(BAD[name][0])


@given(st.data())
def test_a_changed_byte_is_refused_or_another_report(data: st.DataObject) -> None:
    raw = bytearray(encode_report(FULL))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    try:
        report = decode_report(bytes(raw))
    except HardsuitError:
        return
    assert report != FULL
    assert encode_report(report) == bytes(raw)
