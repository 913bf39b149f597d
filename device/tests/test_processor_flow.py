"""try-each, run-sequence and soft failure (M6.4, M8.4.8.15, M8.4.10.2, M8.4.10.8)."""

import pytest

from device.tests.processor_rig import (
    ABORT,
    COPY,
    FETCH,
    HARD,
    MATCH,
    SOFT,
    SWAP,
    URI,
    URI_2,
    WRITE,
    Rig,
    at,
    override,
    run,
    sha256,
    try_each,
    write,
)
from suit.errors import AbortError, ConditionFailedError, HardsuitError, NetworkError
from suit.manifest import Command as Step

OLD, NEW, WRONG = b"old", b"new", b"wrong"


def refused(error: type[HardsuitError], *steps: Step) -> HardsuitError:
    rig = Rig(OLD, resources={URI: NEW})
    with pytest.raises(error) as caught:
        rig.install(*steps)
    assert rig.contents == [OLD]
    return caught.value


def results_in(content: bytes, *steps: Step) -> Rig:
    rig = Rig(OLD, resources={URI: NEW, URI_2: WRONG})
    rig.install(*steps)
    assert rig.contents == [content]
    return rig


@pytest.mark.req("M8.4.10.2-2")
def test_no_branch_runs_after_the_first_that_succeeds() -> None:
    rig = results_in(NEW, try_each([override(uri=URI), FETCH], [override(uri=URI_2), FETCH], write(WRONG)))
    assert rig.trace.fetched == [URI]


@pytest.mark.req("M8.4.10.2-1", "M8.4.10.2-3")
def test_a_failed_condition_leads_to_the_next_branch_in_order() -> None:
    results_in(NEW, try_each([ABORT, *write(WRONG)], [ABORT], write(NEW), write(WRONG)))


def test_what_a_failed_branch_has_written_is_there_for_the_next() -> None:
    results_in(b"half", try_each([*write(b"half"), ABORT], [override(image_digest=sha256(b"half")), MATCH]))


@pytest.mark.req("M8.4.10.2-5")
def test_nil_as_the_last_branch_succeeds() -> None:
    results_in(NEW, try_each([ABORT], [ABORT], None), *write(NEW))


@pytest.mark.req("M8.4.10.2-6")
def test_try_each_fails_when_no_branch_succeeds() -> None:
    refused(ConditionFailedError, *write(NEW), try_each([ABORT], [ABORT]))


@pytest.mark.req("M6.4-2", "M8.4.10-2")
@pytest.mark.parametrize("broken", [FETCH, WRITE, COPY, SWAP])
@pytest.mark.parametrize("after", [None, write(NEW)])
def test_a_failed_directive_is_no_reason_to_try_the_next_branch(
    broken: Step, after: list[Step] | None
) -> None:
    refused(AbortError, try_each([broken], after if after is not None else [ABORT], None))


@pytest.mark.req("M6.4-2")
def test_nor_is_a_payload_that_cannot_be_had() -> None:
    refused(NetworkError, try_each([override(uri=URI_2), FETCH], [override(uri=URI), FETCH]))


@pytest.mark.req("M8.4.10.2-4", "M8.4.8.15-1")
def test_a_branch_that_is_hard_fails_try_each_with_the_condition() -> None:
    refused(ConditionFailedError, try_each([HARD, ABORT], write(NEW)))


@pytest.mark.req("M8.4.8.15-1")
def test_every_branch_begins_soft() -> None:
    results_in(NEW, try_each([HARD, SOFT, ABORT], [ABORT], write(NEW)))


@pytest.mark.req("M8.4.8.15-4")
def test_soft_failure_ends_with_its_sequence() -> None:
    refused(ConditionFailedError, try_each([SOFT, *write(NEW)], None), ABORT)
    refused(ConditionFailedError, run(SOFT), ABORT)
    results_in(NEW, try_each([run(HARD), ABORT], write(NEW)))


@pytest.mark.req("M8.4.8.15-3")
def test_a_nested_sequence_does_not_inherit_soft_failure() -> None:
    # Inside the soft run-sequence the nested one is hard: it fails and stops the one around it.
    results_in(OLD, run(SOFT, run(ABORT), *write(NEW)))
    # Inside a hard branch a nested try-each is soft again.
    results_in(NEW, try_each([HARD, try_each([ABORT], write(NEW))], write(WRONG)))


@pytest.mark.req("M8.4.8.15-5", "M8.4.8.15-2")
@pytest.mark.parametrize("value", [SOFT, HARD])
def test_soft_failure_at_the_top_aborts_before_the_first_command(value: Step) -> None:
    refused(AbortError, *write(NEW), value)
    rig = Rig(OLD, resources={URI: NEW})
    with pytest.raises(AbortError):
        rig.update(shared_sequence=[value], install=[override(uri=URI), FETCH])
    assert not rig.fetcher.asked


@pytest.mark.req("M8.4.10.8-3", "M8.4.8.15-2")
def test_run_sequence_fails_with_its_condition_unless_it_is_soft() -> None:
    refused(ConditionFailedError, *write(NEW), run(ABORT))


@pytest.mark.req("M8.4.10.8-1", "M8.4.10.8-2")
def test_a_soft_run_sequence_stops_and_processing_goes_on() -> None:
    results_in(NEW, run(SOFT, ABORT, *write(WRONG)), *write(NEW))
    results_in(OLD, run(SOFT, ABORT, *write(WRONG)))


@pytest.mark.req("M8.4.10.8-4")
def test_a_soft_run_sequence_does_not_soften_directives() -> None:
    refused(AbortError, run(SOFT, COPY), *write(NEW))


@pytest.mark.req("M8.4.10.8-5")
def test_parameters_of_a_stopped_sequence_stay_set() -> None:
    results_in(NEW, run(SOFT, override(content=NEW), ABORT), WRITE)
    results_in(NEW, override(content=OLD), try_each([override(content=NEW), ABORT], None), WRITE)


def test_what_is_soft_is_decided_when_the_condition_fails() -> None:
    results_in(NEW, run(SOFT, HARD, SOFT, ABORT), *write(NEW))
    refused(ConditionFailedError, run(SOFT, HARD, ABORT), *write(NEW))


@pytest.mark.req("M8.4.9.5-1")
def test_nested_failures_are_forwarded_as_conditions() -> None:
    results_in(NEW, try_each([try_each([ABORT], [ABORT])], write(NEW)))
    results_in(NEW, try_each([try_each([HARD, ABORT], write(WRONG)), *write(WRONG)], write(NEW)))
    results_in(NEW, try_each([run(run(ABORT))], write(NEW)))


def test_nested_aborts_are_not() -> None:
    refused(AbortError, try_each([try_each([COPY], None)], None))


@pytest.mark.req("M2-1")
def test_after_an_abort_nothing_runs() -> None:
    rig = Rig(OLD, resources={URI: NEW})
    with pytest.raises(AbortError):
        rig.update(
            payload_fetch=[COPY],
            install=[override(uri=URI), FETCH],
            validate=[override(uri=URI), FETCH],
        )
    assert not rig.fetcher.asked
    assert rig.contents == [OLD]


@pytest.mark.req("M6.5-6", "M6.5-4")
def test_flow_runs_whole_for_one_component_and_then_for_the_next() -> None:
    rig = Rig(OLD, OLD, resources={URI: b"1", URI_2: b"2"})
    rig.install(
        at(0), override(uri=URI, content=b"A"),
        at(1), override(uri=URI_2, content=b"B"),
        at(True), run(FETCH, WRITE, FETCH),
    )  # fmt: skip
    assert rig.trace.fetched == [URI, URI, URI_2, URI_2]


@pytest.mark.req("M6.5-6")
def test_each_component_takes_its_own_branch() -> None:
    rig = Rig(OLD, NEW)
    rig.install(
        at(True), override(image_digest=sha256(OLD)),
        try_each([MATCH, override(content=b"was old")], [override(content=b"was new")]), WRITE,
    )  # fmt: skip
    assert rig.contents == [b"was old", b"was new"]


def test_one_component_without_success_fails_try_each_for_all() -> None:
    rig = Rig(OLD, NEW)
    with pytest.raises(ConditionFailedError) as caught:
        rig.install(
            at(True), override(image_digest=sha256(OLD), content=b"x"), try_each([MATCH, WRITE], [MATCH])
        )
    assert caught.value.place is not None
    assert caught.value.place.component == 1
    assert rig.contents == [OLD, NEW]


@pytest.mark.parametrize("nested", [run(at(1)), try_each([at(1)], None)], ids=["run-sequence", "try-each"])
def test_an_index_set_inside_does_not_leak_out(nested: Step) -> None:
    rig = Rig(OLD, OLD)
    rig.install(at(0), override(content=NEW), nested, WRITE)
    assert rig.contents == [NEW, OLD]
