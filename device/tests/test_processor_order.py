"""Strict order false: executed in order here, and aborted where another processor would race (M6.7)."""

import pytest

from device.tests.processor_rig import (
    COPY,
    FETCH,
    LOOSE,
    MATCH,
    STRICT,
    SWAP,
    URI,
    WRITE,
    Rig,
    at,
    override,
    run,
    sha256,
    try_each,
    write,
)
from suit.errors import AbortError
from suit.manifest import Command as Step

OLD, NEW, SPARE = b"old", b"new", b"spare"
PREPARED = (at(0), override(source_component=1), at(True), override(content=NEW))
WRITE_1, COPY_0 = (at(1), WRITE), (at(0), COPY)


def aborts(*steps: Step) -> str:
    rig = Rig(OLD, SPARE, OLD)
    with pytest.raises(AbortError) as caught:
        rig.install(*steps)
    assert rig.contents == [OLD, SPARE, OLD]
    return str(caught.value)


def results_in(contents: list[bytes], *steps: Step) -> None:
    rig = Rig(OLD, SPARE, OLD)
    rig.install(*steps)
    assert rig.contents == contents


@pytest.mark.req("M8.4.8.14-1")
def test_order_is_strict_unless_a_manifest_says_otherwise() -> None:
    results_in([NEW, NEW, OLD], *PREPARED, *WRITE_1, *COPY_0)


@pytest.mark.req("M6.7-1")
def test_independent_commands_may_go_without_order() -> None:
    results_in([NEW, NEW, NEW], *PREPARED, LOOSE, WRITE)


@pytest.mark.req("M6.7-3")
@pytest.mark.parametrize("order", [(*WRITE_1, *COPY_0), (*COPY_0, *WRITE_1)])
def test_source_and_target_without_order_is_a_race(order: tuple[Step, ...]) -> None:
    assert "component 1 is source and target" in aborts(*PREPARED, LOOSE, *order)


@pytest.mark.req("M6.7-3")
def test_a_swap_makes_both_components_source_and_target() -> None:
    aborts(*PREPARED, LOOSE, at(0), SWAP)
    results_in([SPARE, OLD, OLD], *PREPARED, at(0), SWAP)


def test_one_source_may_serve_two_targets() -> None:
    results_in([SPARE, SPARE, SPARE], at(0), LOOSE, at([0, 2]), override(source_component=1), COPY)


@pytest.mark.req("M6.7-3")
@pytest.mark.parametrize("uri", ["#in", URI])
def test_a_fetched_component_is_a_target_too(uri: str) -> None:
    rig = Rig(OLD, SPARE, resources={URI: NEW})
    with pytest.raises(AbortError, match="source and target"):
        rig.install(*PREPARED, override(uri=uri), LOOSE, at(1), FETCH, *COPY_0, payloads={"#in": NEW})
    assert rig.contents == [OLD, SPARE]


def test_a_component_may_be_written_twice() -> None:
    results_in([OLD, b"2", OLD], at(1), LOOSE, *write(b"1"), *write(b"2"))


@pytest.mark.req("M8.4.8.14-3", "M6.7-2")
def test_strict_order_that_returns_ends_the_race() -> None:
    results_in([NEW, NEW, OLD], *PREPARED, LOOSE, *WRITE_1, STRICT, *COPY_0)


@pytest.mark.req("M8.4.8.14-2")
def test_the_end_of_a_sequence_ends_the_race() -> None:
    rig = Rig(OLD, SPARE)
    rig.update(payload_fetch=[*PREPARED, LOOSE, *WRITE_1], install=[*COPY_0])
    assert rig.contents == [NEW, NEW]


def test_strict_order_lasts_into_the_next_sequence_of_the_procedure() -> None:
    rig = Rig(OLD, SPARE)
    with pytest.raises(AbortError, match="source and target"):
        rig.update(payload_fetch=[*PREPARED, LOOSE], install=[*WRITE_1, *COPY_0])


@pytest.mark.req("M6.1-12")
def test_but_not_into_the_next_procedure() -> None:
    rig = Rig(OLD, SPARE)
    rig.install(*PREPARED, LOOSE)
    rig.install(*PREPARED, *WRITE_1, *COPY_0)
    assert rig.contents == [NEW, NEW]


def test_a_race_inside_try_each_is_a_race() -> None:
    aborts(*PREPARED, LOOSE, at(0), try_each([*WRITE_1, *COPY_0], None))


@pytest.mark.req("M6.7-4")
def test_without_order_a_run_sequence_names_its_component_first() -> None:
    assert "begin with set-component-index" in aborts(at(0), LOOSE, run(*write(NEW)))
    results_in([OLD, NEW, OLD], at(0), LOOSE, run(at(1), *write(NEW)))
    results_in([NEW, SPARE, OLD], at(0), run(*write(NEW)))


@pytest.mark.req("M6.7-5")
@pytest.mark.parametrize("further", [at(1), at(0), run(at(1)), try_each([override(content=NEW)], [at(1)])])
def test_and_keeps_to_it_down_to_every_nested_sequence(further: Step) -> None:
    assert "further set-component-index" in aborts(at(0), LOOSE, run(at(0), *write(NEW), further))


@pytest.mark.req("M6.7-6", "M6.7-5")
def test_under_true_or_an_array_the_index_is_preset() -> None:
    results_in([NEW, NEW, NEW], at(True), LOOSE, run(*write(NEW)))
    results_in([NEW, SPARE, NEW], at([0, 2]), LOOSE, run(*write(NEW)))
    aborts(at(True), LOOSE, run(at(0), *write(NEW)))


@pytest.mark.req("M6.7-6")
def test_inside_a_run_sequence_order_is_strict() -> None:
    taken = run(at(0), override(source_component=1), SWAP, SWAP, SWAP)
    results_in([SPARE, OLD, OLD], at(0), LOOSE, taken)


@pytest.mark.req("M6.7-3")
def test_two_run_sequences_race_with_each_other() -> None:
    aborts(*PREPARED, LOOSE, at(0), run(at(1), WRITE), run(at(0), COPY))
    aborts(*PREPARED, LOOSE, at(0), run(at(0), COPY), run(at(1), WRITE))
    results_in([NEW, NEW, OLD], *PREPARED, at(0), run(at(1), WRITE), run(at(0), COPY))


def test_a_run_sequence_may_be_without_order_inside() -> None:
    aborts(*PREPARED, at(0), run(LOOSE, *WRITE_1, *COPY_0))
    inner = run(at(True), LOOSE, WRITE)
    aborts(*PREPARED, LOOSE, at(0), inner, *COPY_0)
    results_in([NEW, NEW, NEW], *PREPARED, LOOSE, at(0), inner)


def test_a_run_sequence_ends_what_it_began_and_order_is_again_what_it_was() -> None:
    aborts(*PREPARED, LOOSE, at(0), run(at(1), STRICT, WRITE), *COPY_0)
    results_in(
        [NEW, NEW, OLD],
        *PREPARED,
        LOOSE,
        at(0),
        run(at(1), WRITE),
        STRICT,
        override(image_digest=sha256(OLD)),
        MATCH,
        *COPY_0,
    )
