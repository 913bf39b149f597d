"""suit.wait: the events of suit-parameter-wait-info, as bytes, as an author writes them, and in words."""

from pathlib import Path

import pytest

from spec.labels import Command, Parameter, VersionComparison, WaitEvent
from suit import cbor, describe
from suit.decode import attach_severed, decode_manifest
from suit.diff import diff
from suit.encode import encode_envelope, encode_sequence
from suit.errors import MalformedError, UnsupportedParameterError, UsageError
from suit.lint import lint
from suit.manifest import Command as Step
from suit.manifest import Envelope, Manifest, OtherDevice, VersionMatch, WaitInfo
from suit.show import show
from suit.version import show_match, show_version
from suit.wait import (
    decode_wait_info,
    read_time_of_day,
    show_event,
    show_time_of_day,
    show_wait_info,
    wait_info_map,
)

AT_LEAST_1_2 = VersionMatch(VersionComparison.GREATER_EQUAL, (1, 2))
BELOW_2 = VersionMatch(VersionComparison.LESSER, (2,))
PUMP = OtherDevice(b"pump", (AT_LEAST_1_2, BELOW_2))
EVERY = WaitInfo(
    {
        WaitEvent.AUTHORIZATION: -1,
        WaitEvent.POWER: 2,
        WaitEvent.NETWORK: -3,
        WaitEvent.OTHER_DEVICE_VERSION: PUMP,
        WaitEvent.TIME: 1 << 40,
        WaitEvent.TIME_OF_DAY: 10800,
        WaitEvent.DAY_OF_WEEK: 0,
        WaitEvent.TIME_OF_DAY_UTC: 86399,
        WaitEvent.DAY_OF_WEEK_UTC: 6,
    }
)
TEXT = """\
manifest-sequence-number: 1
components: {firmware: [00]}
install:
  - override-parameters:
      wait-info: %s
  - wait
"""


def described(info: str) -> Envelope:
    return describe.build(TEXT % info, name="release.yaml", directory=Path())


def manifest_of(envelope: Envelope) -> Manifest:
    return attach_severed(decode_manifest(envelope.manifest), envelope)


def written(info: str) -> WaitInfo:
    install = manifest_of(described(info)).install
    assert install is not None
    assert install.value is not None
    (setting, waiting) = install.value
    assert waiting.label is Command.WAIT
    found = setting.argument[Parameter.WAIT_INFO]
    assert isinstance(found, WaitInfo)
    return found


@pytest.mark.req("U4.5-1")
def test_every_event_of_the_registry_is_written_and_read() -> None:
    assert set(EVERY.events) == set(WaitEvent)
    raw = cbor.encode(wait_info_map(EVERY))
    assert decode_wait_info(raw, "wait") == EVERY
    step = Step(Command.OVERRIDE_PARAMETERS, {Parameter.WAIT_INFO: EVERY})
    assert cbor.decode(encode_sequence((step,)), where="")[1] == {29: raw}


@pytest.mark.req("U5.6-1")
@pytest.mark.parametrize("number", [0, 10, 29, -1, -257, "time"])
def test_an_unknown_event_is_unsupported_even_beside_a_known_one(number: int | str) -> None:
    with pytest.raises(UnsupportedParameterError, match="wait event"):
        decode_wait_info(cbor.encode({5: 1, number: 1}), "wait")


def test_an_unknown_version_comparison_is_unsupported_here_too() -> None:
    with pytest.raises(UnsupportedParameterError, match="comparison 6"):
        decode_wait_info(cbor.encode({4: [b"pump", [[6, [1]]]]}), "wait")


@pytest.mark.parametrize(
    "item",
    [
        {},
        [],
        1,
        {1: "1"},
        {1: True},
        {2: None},
        {3: b""},
        {5: -1},
        {6: 86400},
        {7: 7},
        {8: -1},
        {8: "03:00"},
        {9: 7},
        {4: b"pump"},
        {4: [b"pump"]},
        {4: [b"pump", []]},
        {4: ["pump", [[2, [1]]]]},
        {4: [b"pump", [2, [1]]]},
        {4: [b"pump", [cbor.encode([2, [1]])]]},
        {4: [b"pump", [[2, [-1, 1]]]]},
        {4: [b"pump", [[2, [1]]] * 9]},
        {4: [b"pump", [[2, [1]]], 0]},
    ],
)
def test_what_no_event_can_be_is_malformed(item: cbor.Item) -> None:
    with pytest.raises(MalformedError):
        decode_wait_info(cbor.encode(item), "wait")


@pytest.mark.parametrize("item", [{5: 1}, cbor.encode({5: 1}) + b"\0", b"", b"\xff"])
def test_it_is_one_cbor_item_in_a_byte_string(item: cbor.Item) -> None:
    with pytest.raises(MalformedError):
        decode_wait_info(item, "wait")


def test_an_author_writes_every_event_in_words() -> None:
    found = written(
        "{authorization: -1, power: 2, network: -3, time: 1099511627776, time-of-day: 03:00, "
        "day-of-week: sunday, time-of-day-utc: '23:59:59', day-of-week-utc: 6, other-device-version: "
        "{device: {text: pump}, versions: ['>=1.2', '<2']}}"
    )
    assert found == EVERY
    assert list(found.events) == sorted(found.events, key=lambda event: event.value)


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        ("{}", "no event is named"),
        ("{tide: 1}", "unknown name"),
        ("{time-of-day: 24:00}", "no such time of day"),
        ("{time-of-day: 3 o'clock}", "written 03:00"),
        ("{time-of-day-utc: 86400}", "86400"),
        ("{day-of-week: 7}", "7"),
        ("{day-of-week: sunnyday}", "day-of-week"),
        ("{power: on}", "power"),
        ("{other-device-version: {device: 00, versions: []}}", "versions"),
        ("{other-device-version: {device: 00, versions: ['1.2']}}", "compared with"),
    ],
)
def test_what_cannot_be_waited_for_is_an_error_with_its_line(info: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        described(info)
    assert str(caught.value).startswith("release.yaml:5: ")


@pytest.mark.parametrize("text", ["00:00", "03:07", "23:59:59", "00:00:01"])
def test_a_time_of_day_is_read_as_it_is_written(text: str) -> None:
    assert show_time_of_day(read_time_of_day(text)).startswith(text)


def test_an_event_is_told_in_words() -> None:
    assert show_wait_info(EVERY) == (
        "authorization of priority -1, power state 2, network state -3, "
        "device 70756d70 at version >=1.2 and <2, second 1099511627776, 03:00:00 local time, "
        "Sunday local time, 23:59:59 UTC, Saturday UTC"
    )
    assert show_event(WaitEvent.TIME, 1800000000) == "2027-01-15T08:00:00Z"
    assert show_event(WaitEvent.OTHER_DEVICE_VERSION, OtherDevice(b"", (BELOW_2,))).startswith(
        "device (empty)"
    )


@pytest.mark.parametrize(
    ("version", "text"),
    [((1,), "1"), ((1, 2, 3), "1.2.3"), ((1, 2, -1, 3), "1.2-rc.3"), ((2, 0, 0, -3), "2.0.0-alpha")],
)
def test_a_version_is_told_as_an_author_writes_it(version: tuple[int, ...], text: str) -> None:
    assert show_version(version) == text
    assert show_match(VersionMatch(VersionComparison.LESSER_EQUAL, version)) == f"<={text}"


def test_show_names_the_events_and_says_what_they_mean() -> None:
    text = show(encode_envelope(described("{day-of-week-utc: sunday, power: 2}")))
    assert "/ power / 2: 2 / power state 2 /" in text
    assert "/ day-of-week-utc / 9: 0 / Sunday UTC /" in text


def test_show_takes_what_is_no_event_as_it_is() -> None:
    steps = [20, {29: cbor.encode({10: 1, 7: 9})}]
    manifest = cbor.encode({1: 1, 2: 1, 3: cbor.encode({2: [[b"\0"]]}), 20: cbor.encode(steps)})
    text = show(cbor.encode(cbor.Tagged(1070, cbor.decode(manifest, where=""))))
    assert "10: 1" in text
    assert "/ day-of-week / 7: 9" in text


def test_diff_says_in_words_what_is_waited_for() -> None:
    before, after = (encode_envelope(described(info)) for info in ("{power: 1}", "{day-of-week-utc: 0}"))
    (line,) = [change.line for change in diff(before, after) if "wait-info" in change.line]
    assert "power state 1" in line
    assert "Sunday UTC" in line


def broken(text: str) -> set[tuple[str, str]]:
    envelope = describe.build(text, name="release.yaml", directory=Path())
    return {(finding.rule.id, finding.where) for finding in lint(envelope, manifest_of(envelope))}


def test_lint_knows_that_wait_uses_wait_info() -> None:
    head = "manifest-sequence-number: 1\ncomponents: {firmware: [00]}\ninstall:\n"
    setting = "  - override-parameters: {wait-info: {power: 1}}\n"
    assert ("L002", "install.0") in broken(head + "  - wait\n")
    assert ("L024", "install.0") in broken(head + setting)
    assert not {"L002", "L024", "L027", "L028"} & {rule for rule, _ in broken(head + setting + "  - wait\n")}


@pytest.mark.req("U4.5-2")
def test_lint_warns_of_local_time() -> None:
    assert ("L027", "install.0") in broken(TEXT % "{time-of-day: 03:00}")
    assert ("L027", "install.0") not in broken(TEXT % "{time-of-day-utc: 03:00}")


@pytest.mark.parametrize("member", ["validate", "load", "invoke"])
def test_lint_refuses_to_let_a_boot_wait(member: str) -> None:
    assert ("L028", f"{member}.1") in broken((TEXT % "{power: 1}").replace("install", member))
