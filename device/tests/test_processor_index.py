"""set-component-index: one, some, all (M6.5)."""

import pytest

from device.tests.processor_rig import (
    FETCH,
    MATCH,
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
from suit.errors import AbortError, ConditionFailedError

OLD, NEW = b"old", b"new"


@pytest.mark.req("M6.5-1")
def test_an_integer_selects_one() -> None:
    rig = Rig(OLD, OLD, OLD)
    rig.install(at(1), *write(NEW))
    assert rig.contents == [OLD, NEW, OLD]


@pytest.mark.req("M6.5-2")
def test_true_selects_all_and_is_not_one() -> None:
    rig = Rig(OLD, OLD, OLD)
    rig.install(at(True), *write(NEW))
    assert rig.contents == [NEW, NEW, NEW]


@pytest.mark.req("M6.5-3")
def test_an_array_selects_those_it_lists() -> None:
    rig = Rig(OLD, OLD, OLD)
    rig.install(at([2, 0]), *write(NEW))
    assert rig.contents == [NEW, OLD, NEW]


@pytest.mark.req("M6.5-4", "M8.4.10.4-3")
@pytest.mark.parametrize(
    ("index", "order"), [(True, [URI, URI_2]), ([0, 1], [URI, URI_2]), ([1, 0], [URI_2, URI])]
)
def test_each_selected_component_takes_the_command_with_its_own_parameters(
    index: bool | list[int], order: list[str]
) -> None:
    rig = Rig(OLD, OLD, resources={URI: b"1", URI_2: b"2"})
    rig.install(at(0), override(uri=URI), at(1), override(uri=URI_2), at(index), FETCH)
    assert rig.trace.fetched == order
    assert rig.contents == [b"1", b"2"]


def test_a_condition_has_to_hold_for_every_selected_component() -> None:
    rig = Rig(OLD, NEW)
    with pytest.raises(ConditionFailedError) as caught:
        rig.install(at(True), override(image_digest=sha256(OLD)), MATCH, *write(b"x"))
    assert caught.value.place is not None
    assert caught.value.place.component == 1
    assert rig.contents == [OLD, NEW]


@pytest.mark.req("M6.5-5")
@pytest.mark.parametrize("index", [2, [0, 2], 1 << 40])
def test_an_index_beyond_the_components_aborts_before_the_first_command(index: int | list[int]) -> None:
    rig = Rig(OLD, OLD, resources={URI: NEW})
    for steps in ([at(index)], [run(at(index))], [try_each([at(index)], None)]):
        with pytest.raises(AbortError, match="there is no component"):
            rig.install(at(0), override(uri=URI), FETCH, *steps)
    assert not rig.fetcher.asked
    assert rig.contents == [OLD, OLD]


def test_an_index_beyond_the_components_aborts_wherever_it_stands() -> None:
    rig = Rig(OLD, OLD, resources={URI: NEW})
    for section in ("shared_sequence", "validate", "load", "invoke"):
        with pytest.raises(AbortError, match="there is no component"):
            rig.install(at(0), override(uri=URI), FETCH, **{section: [at(7)]})
    assert not rig.fetcher.asked


def test_the_index_is_zero_again_in_the_next_sequence() -> None:
    rig = Rig(OLD)
    rig.update(payload_fetch=[at(True)], install=write(NEW))
    assert rig.contents == [NEW]
    both = Rig(OLD, OLD)
    both.update(payload_fetch=[at(1), override(content=NEW)], install=[at([1]), WRITE])
    assert both.contents == [OLD, NEW]
