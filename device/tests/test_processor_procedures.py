"""The procedures (M5.3.3), what lasts through them, and what they tell."""

from typing import cast

import pytest

from device.processor import Record, Trace
from device.processor.conditions import CONDITIONS
from device.processor.directives import DIRECTIVES
from device.processor.interpreter import COMMANDS_PER_COMPONENT, Interpreter
from device.processor.parameters import FIELDS
from device.processor.tree import Node, Tree
from device.tests.processor_rig import (
    ABORT,
    CLASS,
    COPY,
    FETCH,
    INVOKE,
    MATCH,
    OTHER,
    SOFT,
    URI,
    URI_2,
    VENDOR,
    WRITE,
    A,
    Rig,
    at,
    check,
    override,
    run,
    sha256,
    try_each,
    write,
)
from spec.labels import Command, Label, Parameter
from spec.labels import Manifest as Section
from suit import commands
from suit.errors import (
    AbortError,
    ConditionFailedError,
    HardsuitError,
    NetworkError,
    Place,
    StorageError,
    UnsupportedCommandError,
    UnsupportedParameterError,
)
from suit.manifest import Command as Step

OLD, NEW = b"old", b"new"


@pytest.mark.req("M5.3.3-1")
def test_update_is_payload_fetch_then_install_then_validate() -> None:
    rig = Rig(OLD, resources={"1": b"1", "2": b"2", "3": b"3"})
    rig.update(
        validate=[override(uri="3"), FETCH],
        install=[override(uri="2"), FETCH],
        payload_fetch=[override(uri="1"), FETCH],
        load=[ABORT],
        invoke=[ABORT],
    )
    assert rig.trace.fetched == ["1", "2", "3"]
    assert rig.contents == [b"3"]


@pytest.mark.req("M5.3.3-2", "M4.2-3")
def test_invocation_is_validate_then_load_then_invoke() -> None:
    rig = Rig(NEW, OLD)
    rig.invoke(
        payload_fetch=[at(0), ABORT],
        install=[at(0), ABORT],
        validate=[at(0), override(image_digest=sha256(NEW)), MATCH],
        load=[at(1), override(source_component=0, image_digest=sha256(NEW)), COPY, MATCH],
        invoke=[at(1), INVOKE],
    )
    assert rig.platform.invoked == [((b"\x01",), None)]
    assert rig.contents == [NEW, NEW]


@pytest.mark.req("I4.3.8", "M8.4.6-3")
def test_an_image_that_does_not_validate_is_neither_loaded_nor_invoked() -> None:
    rig = Rig(OLD, OLD)
    with pytest.raises(ConditionFailedError):
        rig.invoke(
            validate=[at(0), override(image_digest=sha256(NEW)), MATCH],
            load=[at(1), override(source_component=0), COPY],
            invoke=[at(1), INVOKE],
        )
    assert rig.contents == [OLD, OLD]
    assert not rig.platform.invoked


@pytest.mark.req("M6.3-2")
def test_an_invocation_that_invokes_nothing_is_an_error() -> None:
    with pytest.raises(AbortError, match="no invoke sequence"):
        Rig(OLD).invoke(validate=[override(uri=URI)])
    with pytest.raises(AbortError, match="invoked nothing"):
        Rig(OLD).invoke(invoke=[override(uri=URI)])


def test_an_invocation_that_fails_leaves_nothing_loaded() -> None:
    rig = Rig(NEW, OLD)
    with pytest.raises(ConditionFailedError):
        rig.invoke(load=[at(1), override(source_component=0), COPY], invoke=[at(1), ABORT, INVOKE])
    assert rig.contents == [NEW, OLD]


@pytest.mark.req("M8.4.5-1")
def test_the_shared_sequence_runs_before_every_sequence() -> None:
    rig = Rig(OLD, resources={URI: NEW, URI_2: OLD})
    rig.update(
        shared_sequence=[override(uri=URI)],
        payload_fetch=[override(uri=URI_2)],
        install=[FETCH, override(uri=URI_2)],
        validate=[FETCH],
    )
    assert rig.trace.fetched == [URI, URI]


@pytest.mark.req("M4.2-2")
def test_a_shared_condition_that_fails_comes_before_everything() -> None:
    rig = Rig(OLD, resources={URI: NEW})
    with pytest.raises(ConditionFailedError) as caught:
        rig.update(
            shared_sequence=[override(class_identifier=OTHER), check(Command.CLASS_IDENTIFIER)],
            payload_fetch=[override(uri=URI), FETCH],
        )
    assert not rig.fetcher.asked
    assert caught.value.place is not None
    assert caught.value.place.section is Section.COMMON


def test_parameters_last_through_a_procedure() -> None:
    rig = Rig(OLD)
    rig.update(payload_fetch=[override(content=NEW)], install=[WRITE])
    assert rig.contents == [NEW]


@pytest.mark.req("M6.1-12")
def test_parameters_do_not_last_into_the_next_procedure() -> None:
    rig = Rig(OLD)
    rig.install(*write(NEW))
    with pytest.raises(AbortError, match="no content is set"):
        rig.install(WRITE)


@pytest.mark.req("M6.3-1", "M6.3-3")
def test_a_failure_in_the_last_sequence_brings_everything_back() -> None:
    rig = Rig(OLD, OLD, resources={URI: NEW})
    with pytest.raises(ConditionFailedError):
        rig.update(
            payload_fetch=[at(0), override(uri=URI), FETCH],
            install=[at(1), override(source_component=0), COPY],
            validate=[at(0), override(image_digest=sha256(OLD)), MATCH],
        )
    assert rig.contents == [OLD, OLD]
    assert rig.trace.fetched == [URI]


def test_update_returns_its_trace() -> None:
    rig = Rig(OLD)
    assert rig.install(*write(NEW), override(image_digest=sha256(NEW)), MATCH) is rig.trace
    assert rig.trace == Trace(written={A}, verified={A})


@pytest.mark.req("H2-11")
def test_the_number_of_commands_is_bounded() -> None:
    many = at([0] * 100)
    rig = Rig(OLD)
    with pytest.raises(AbortError, match="too many commands"):
        rig.install(*write(NEW), many, run(many, run(many, override(content=b""))))
    assert rig.contents == [OLD]
    assert COMMANDS_PER_COMPONENT == 100_000


@pytest.mark.parametrize("error", [NetworkError("gone"), StorageError("full")])
def test_trouble_of_the_device_passes_through_with_its_place(error: HardsuitError) -> None:
    rig = Rig(OLD)

    def broken(*_: object, **__: object) -> None:
        raise error

    rig.fetcher.fetch = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(type(error), match=r"fetch at install\+\d+, component 0: (gone|full)") as caught:
        rig.install(try_each([override(uri=URI), FETCH], None))
    assert caught.value is error
    assert caught.value.place is not None
    assert caught.value.place.section is Section.INSTALL


def test_an_error_names_the_command_that_failed_in_nested_sequences() -> None:
    rig = Rig(OLD)
    with pytest.raises(ConditionFailedError) as caught:
        rig.install(run(run(override(content=NEW), ABORT)))
    # 82 1820 44 82 1820 47 | the nested array begins behind two heads of run-sequence
    assert caught.value.place == Place(Section.INSTALL, 16, 0, Command.ABORT)
    assert str(caught.value) == "abort at install+16, component 0: the manifest says so"


@pytest.mark.req("M8.4.9-1", "M8.4.10-1", "M8.4.7-1")
def test_the_observer_learns_of_each_command_for_each_component() -> None:
    records: list[Record] = []
    rig = Rig(OLD, NEW, slots=(3, 4), observer=records.append)
    with pytest.raises(ConditionFailedError):
        rig.install(
            at(True),
            override(image_digest=sha256(OLD), component_slot=3, content=b"x"),
            check(Command.WRITE, 0),
            check(Command.COMPONENT_SLOT, 5),
        )
    seen = [(r.place.command, r.place.component, r.policy, r.succeeded) for r in records]
    assert seen == [
        (Command.WRITE, 0, 0, True),
        (Command.WRITE, 1, 0, True),
        (Command.COMPONENT_SLOT, 0, 5, True),
        (Command.COMPONENT_SLOT, 1, 5, False),
    ]
    assert [dict(r.measured) for r in records[2:]] == [
        {Parameter.COMPONENT_SLOT: 3},
        {Parameter.COMPONENT_SLOT: 4},
    ]


def test_the_observer_learns_what_was_measured_and_not_what_was_expected() -> None:
    records: list[Record] = []
    rig = Rig(NEW, observer=records.append)
    rig.install(
        override(image_digest=sha256(OLD), vendor_identifier=OTHER, class_identifier=CLASS),
        try_each([MATCH], [check(Command.VENDOR_IDENTIFIER)], [check(Command.DEVICE_IDENTIFIER)], None),
        check(Command.CLASS_IDENTIFIER),
    )
    measured = [dict(record.measured) for record in records]
    assert measured[0] == {Parameter.IMAGE_DIGEST: sha256(NEW), Parameter.IMAGE_SIZE: len(NEW)}
    assert measured[1] == {Parameter.VENDOR_IDENTIFIER: VENDOR}
    assert measured[3] == {Parameter.CLASS_IDENTIFIER: CLASS}


def test_the_observer_learns_of_a_directive_that_fails() -> None:
    records: list[Record] = []
    rig = Rig(None, observer=records.append)
    with pytest.raises(AbortError):
        rig.install(run(SOFT, COPY))
    assert [(r.place.command, r.succeeded, dict(r.measured)) for r in records] == [(Command.COPY, False, {})]


def test_nothing_is_measured_of_what_is_not_there() -> None:
    records: list[Record] = []
    rig = Rig(None, observer=records.append)
    rig.platform.devices = []
    rig.install(try_each([MATCH], [check(Command.DEVICE_IDENTIFIER)], None))
    assert [dict(record.measured) for record in records] == [{}, {}]


class Unheard(Label):
    """A label that nobody has given a meaning."""

    OF = 99


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([at(1)], AbortError),
        ([SOFT], AbortError),
        ([override(source_component=1), COPY], AbortError),
        ([check(cast("Command", Unheard.OF))], UnsupportedCommandError),
        ([Step(Command.OVERRIDE_PARAMETERS, {Unheard.OF: 1})], UnsupportedParameterError),
        ([check(Command.WAIT)], AbortError),
        ([Step(Command.OVERRIDE_MULTIPLE, {1: {Parameter.URI: "#a"}})], AbortError),
        ([Step(Command.COPY_PARAMS, {1: (Parameter.URI,)})], AbortError),
        ([Step(Command.COPY_PARAMS, {0: (Parameter.SOFT_FAILURE,)})], AbortError),
    ],
    ids=["index", "soft-failure", "source", "command", "parameter", "wait", "multiple", "copy", "copy-flag"],
)
def test_the_interpreter_keeps_the_rules_without_admission_too(
    steps: list[Step], error: type[HardsuitError]
) -> None:
    rig = Rig(OLD)
    interpreter = Interpreter(Node(Tree(rig.machine, rig.trace), (A,)), None, {})
    with pytest.raises(error) as caught:
        interpreter.run(Section.INSTALL, tuple(steps))
    assert caught.value.place is not None
    assert caught.value.place.section is Section.INSTALL
    assert rig.contents == [OLD]


def test_every_command_and_parameter_of_the_vocabulary_is_implemented() -> None:
    flow = {
        Command.SET_COMPONENT_INDEX,
        Command.SET_PARAMETERS,
        Command.OVERRIDE_PARAMETERS,
        Command.TRY_EACH,
        Command.RUN_SEQUENCE,
        Command.PROCESS_DEPENDENCY,
        Command.UNLINK,
        Command.OVERRIDE_MULTIPLE,
        Command.COPY_PARAMS,
    }
    assert set(CONDITIONS) == commands.CONDITIONS
    assert set(DIRECTIVES) | flow == commands.DIRECTIVES
    assert set(FIELDS) | {Parameter.STRICT_ORDER, Parameter.SOFT_FAILURE} == set(commands.VALUES)
