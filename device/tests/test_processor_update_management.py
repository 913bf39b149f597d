"""Update management: conditions about the device, and the two short ways to set parameters (U4, U5)."""

from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override as override_method

from device.platform import Platform
from device.processor import Record, Rights
from device.processor.rights import require_labels
from device.tests.processor_rig import (
    LOOSE,
    MATCH,
    WRITE,
    A,
    B,
    C,
    Rig,
    at,
    check,
    override,
    run,
    sha256,
    try_each,
    write,
)
from spec.labels import Command, Parameter, VersionComparison
from suit.errors import AbortError, ComponentUnauthorisedError, ConditionFailedError, StorageError
from suit.manifest import Command as Step
from suit.manifest import ComponentId, VersionMatch

NOW = 1_760_000_000
OLD, NEW = b"old", b"new"
NOT_MATCH = check(Command.IMAGE_NOT_MATCH)
AUTHORIZED = check(Command.UPDATE_AUTHORIZED)
CONDITIONS: dict[Command, dict[str, Any]] = {
    Command.USE_BEFORE: {"use_before": NOW + 1},
    Command.MINIMUM_BATTERY: {"minimum_battery": 500},
    Command.UPDATE_AUTHORIZED: {"update_priority": 3},
    Command.VERSION: {"version": VersionMatch(VersionComparison.EQUAL, (1,))},
    Command.IMAGE_NOT_MATCH: {"image_digest": sha256(NEW)},
}


def ready(*contents: bytes | None, **options: Any) -> Rig:
    """A device for which every condition above holds."""
    rig = Rig(*(contents or (OLD,)), **options)
    rig.machine = replace(rig.machine, clock=lambda: NOW)
    rig.platform.battery, rig.platform.authorized = 500, True
    rig.platform.versions = dict.fromkeys(rig.parts, (1, 2))
    return rig


def multiple(rows: dict[int, dict[str, Any]]) -> Step:
    return Step(
        Command.OVERRIDE_MULTIPLE,
        {
            index: {Parameter[name.upper()]: value for name, value in row.items()}
            for index, row in rows.items()
        },
    )


def copies(rows: dict[int, list[Parameter]]) -> Step:
    return Step(Command.COPY_PARAMS, {index: tuple(labels) for index, labels in rows.items()})


@pytest.mark.req("U5.1-1", "U5.2-2", "U5.3-1", "U5.4-1", "U5.5-1")
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_that_holds_lets_the_update_pass(condition: Command) -> None:
    rig = ready()
    rig.install(override(**CONDITIONS[condition]), check(condition), *write(NEW))
    assert rig.contents == [NEW]


@pytest.mark.req("M8.4.9-2", "U5.2-1")
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_without_its_parameter_fails(condition: Command) -> None:
    rig = ready()
    with pytest.raises(ConditionFailedError, match=r"is set$"):
        rig.install(check(condition), *write(NEW))
    assert rig.contents == [OLD]


@pytest.mark.req("U5.1-2", "U5.3-1", "U5.4-1", "U5.5-1")
@pytest.mark.parametrize("condition", [one for one in CONDITIONS if one is not Command.IMAGE_NOT_MATCH])
def test_what_a_device_cannot_tell_does_not_hold(condition: Command) -> None:
    rig = Rig(OLD)
    with pytest.raises(ConditionFailedError):
        rig.install(override(**CONDITIONS[condition]), check(condition), *write(NEW))
    assert rig.contents == [OLD]


class Plain(Platform):
    """What an integrator has to implement, and no more."""

    @override_method
    def vendor_ids(self, component: ComponentId) -> list[Any]:
        return []

    class_ids = device_ids = vendor_ids

    @override_method
    def invoke(self, component: ComponentId, args: bytes | None) -> None:
        raise AssertionError

    @override_method
    def reboot(self) -> None:
        raise AssertionError


def test_a_platform_that_says_nothing_about_update_management_authorizes_nothing() -> None:
    plain = Plain()
    assert plain.battery_mwh() is None
    assert plain.authorize(-1000) is False
    assert plain.version(A) is None


@pytest.mark.req("U5.1-1")
@pytest.mark.parametrize(("limit", "now"), [(NOW, NOW), (0, 0), (1 << 32, 1 << 33), (5, (1 << 32) + 4)])
def test_use_before_is_over_at_its_second(limit: int, now: int) -> None:
    rig = ready()
    rig.machine = replace(rig.machine, clock=lambda: now)
    with pytest.raises(ConditionFailedError, match="to be used before"):
        rig.install(override(use_before=limit), check(Command.USE_BEFORE))


@pytest.mark.req("U5.2-2")
def test_image_not_match_compares_digests_alone() -> None:
    for content, size, holds in ((OLD, 3, True), (None, 3, True), (NEW, 3, False), (NEW, 99, False)):
        rig = ready(content)
        steps = [override(image_digest=sha256(NEW), image_size=size), NOT_MATCH, *write(b"!")]
        if holds:
            rig.install(*steps)
        else:
            with pytest.raises(ConditionFailedError, match="this very digest"):
                rig.install(*steps)
        assert rig.contents == [b"!" if holds else content]


def test_image_not_match_does_not_take_a_component_that_cannot_be_read_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = ready(NEW)

    def broken(*_: object) -> bytes:
        raise StorageError("the medium failed")

    monkeypatch.setattr(type(rig.machine.components), "digest", broken)
    with pytest.raises(StorageError):
        rig.install(override(image_digest=sha256(NEW)), try_each([NOT_MATCH, *write(b"!")], None))
    assert rig.contents == [NEW]


@pytest.mark.req("U4.3-1", "U5.4-1")
def test_the_application_is_asked_with_the_priority_and_decides() -> None:
    rig = ready()
    rig.install(override(update_priority=-5), AUTHORIZED, override(update_priority=70), AUTHORIZED)
    assert rig.platform.priorities == [-5, 70]
    rig.platform.authorized = False
    with pytest.raises(ConditionFailedError, match="refuses an update of priority -100"):
        rig.install(override(update_priority=-100), AUTHORIZED, *write(NEW))
    assert rig.contents == [OLD]


@pytest.mark.req("U5.5-1")
def test_versions_belong_to_components() -> None:
    rig = ready(OLD, OLD)
    rig.platform.versions = {A: (1, 0), B: (2, 0)}
    two = override(version=VersionMatch(VersionComparison.GREATER_EQUAL, (2,)))
    rig.install(at(True), two, at(1), check(Command.VERSION), *write(NEW))
    with pytest.raises(ConditionFailedError, match=r"version \[1, 0\]"):
        rig.install(at(True), two, check(Command.VERSION))
    assert rig.contents == [OLD, NEW]


def test_a_report_has_what_the_device_measured() -> None:
    records: list[Record] = []
    rig = ready(observer=records.append)
    for condition, parameters in CONDITIONS.items():
        rig.install(override(**parameters), check(condition))
    assert [dict(record.measured) for record in records] == [
        {Parameter.USE_BEFORE: NOW},
        {Parameter.MINIMUM_BATTERY: 500},
        {},
        {Parameter.VERSION: VersionMatch(VersionComparison.EQUAL, (1, 2))},
        {Parameter.IMAGE_DIGEST: sha256(OLD), Parameter.IMAGE_SIZE: 3},
    ]


def test_a_report_is_silent_about_what_the_device_cannot_tell() -> None:
    records: list[Record] = []
    rig = Rig(OLD, observer=records.append)
    for condition in (Command.USE_BEFORE, Command.MINIMUM_BATTERY, Command.VERSION):
        rig.install(try_each([override(**CONDITIONS[condition]), check(condition)], None))
    assert [(record.succeeded, dict(record.measured)) for record in records] == [(False, {})] * 3


@pytest.mark.req("U5.7-1")
def test_override_multiple_sets_each_and_ends_at_the_last() -> None:
    rig = ready(OLD, OLD, OLD)
    rig.install(multiple({0: {"content": b"a"}, 2: {"content": b"c"}}), WRITE)
    assert rig.contents == [OLD, OLD, b"c"]
    rig.install(at(1), multiple({0: {"content": b"a"}, 1: {"content": b"b"}}), at([0, 1]), WRITE)
    assert rig.contents == [b"a", b"b", b"c"]


@pytest.mark.req("U5.7-1", "M6.2-5")
def test_override_multiple_may_begin_a_sequence() -> None:
    rig = ready(OLD, OLD)
    rig.install(multiple({1: {"content": NEW}}), WRITE)
    assert rig.contents == [OLD, NEW]


@pytest.mark.against_grammar("parameters that belong to no component are copied")
@pytest.mark.req("U5.7-1", "M8.4.8.15-2")
@pytest.mark.parametrize(
    "step",
    [
        multiple({1: {"content": NEW}}),
        multiple({0: {"source_component": 1}}),
        multiple({0: {"soft_failure": True}}),
        copies({1: [Parameter.URI]}),
        copies({0: [Parameter.SOFT_FAILURE]}),
        copies({0: [Parameter.URI, Parameter.STRICT_ORDER]}),
    ],
    ids=["index", "source", "soft-failure", "copy-index", "copy-soft-failure", "copy-strict-order"],
)
def test_a_manifest_that_breaks_their_rules_is_refused_before_its_first_command(step: Step) -> None:
    rig = ready()
    with pytest.raises(AbortError) as caught:
        rig.install(*write(NEW), MATCH, step)
    assert caught.value.place is not None
    assert caught.value.place.command is step.label
    assert rig.trace.written == set()


@pytest.mark.req("U5.7-1")
def test_soft_failure_may_stand_in_a_nested_override_multiple() -> None:
    rig = ready()
    rig.install(run(multiple({0: {"soft_failure": True}}), check(Command.ABORT)), *write(NEW))
    assert rig.contents == [NEW]


@pytest.mark.req("U5.7-1", "M6.7-5")
def test_a_sequence_in_parallel_sets_its_index_once_and_override_multiple_would_again() -> None:
    rig = ready(OLD, OLD)
    again = run(at(0), multiple({1: {"content": NEW}}), WRITE)
    with pytest.raises(AbortError, match="further set-component-index"):
        rig.install(at(0), LOOSE, again)
    assert rig.contents == [OLD, OLD]


@pytest.mark.req("U5.8-1")
def test_copy_params_overrides_in_the_current_component_alone() -> None:
    rig = ready(OLD, OLD, OLD)
    rig.install(
        multiple({0: {"content": b"a"}, 1: {"content": b"b", "uri": "#b"}, 2: {"content": b"c"}}),
        copies({1: [Parameter.CONTENT, Parameter.URI]}),
        at(True),
        WRITE,
    )
    assert rig.contents == [b"a", b"b", b"b"]


@pytest.mark.req("U5.8-1")
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({0: [Parameter.CONTENT], 1: [Parameter.CONTENT]}, [b"a", b"b", b"b"]),
        ({1: [Parameter.CONTENT], 2: [Parameter.CONTENT]}, [b"a", b"b", b"b"]),
        ({2: [Parameter.CONTENT]}, [b"a", b"b", b"c"]),
    ],
)
def test_copy_params_takes_its_sources_by_ascending_index(
    rows: dict[int, list[Parameter]], expected: list[bytes]
) -> None:
    rig = ready(OLD, OLD, OLD)
    everything = multiple({index: {"content": own} for index, own in enumerate((b"a", b"b", b"c"))})
    rig.install(everything, copies(rows), at(True), WRITE)
    assert rig.contents == expected


@pytest.mark.req("U5.8-1", "M6.4-2")
def test_a_parameter_that_the_source_does_not_have_aborts_no_matter_how_soft() -> None:
    rig = ready(OLD, OLD)
    copy = copies({1: [Parameter.URI]})
    with pytest.raises(AbortError, match="component 1 has no uri to copy"):
        rig.install(at(0), *write(NEW), try_each([copy], None))
    assert rig.contents == [OLD, OLD]
    assert C not in rig.parts


@pytest.mark.req("U5.7-1", "U5.8-1")
@pytest.mark.parametrize("step", [multiple({0: {"uri": "#a"}}), copies({0: [Parameter.URI]})])
def test_a_parameter_that_a_signer_may_not_set_cannot_be_set_in_passing(step: Step) -> None:
    everything = frozenset(Parameter)
    for wrapped in (step, run(step), try_each([step], None)):
        require_labels((Rights(parameters=everything),), [(wrapped,)])
        with pytest.raises(ComponentUnauthorisedError, match="no right to set URI"):
            require_labels((Rights(parameters=everything - {Parameter.URI}),), [(wrapped,)])
