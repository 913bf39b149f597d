"""M8.4.10: each directive where it works, and each of its preconditions broken."""

import pytest

from device.tests.processor_rig import (
    COPY,
    FETCH,
    INVOKE,
    MATCH,
    SWAP,
    URI,
    URI_2,
    WRITE,
    A,
    B,
    Rig,
    at,
    check,
    override,
    sha256,
    write,
)
from spec.labels import Command
from suit.errors import AbortError, ConditionFailedError, HardsuitError, NetworkError
from suit.manifest import Command as Step

OLD, NEW, BIG = b"old", b"the new image", bytes(65)


def aborts(rig: Rig, *steps: Step, error: type[HardsuitError] = AbortError) -> HardsuitError:
    before = rig.contents
    with pytest.raises(error) as caught:
        rig.install(*steps)
    assert rig.contents == before
    assert caught.value.place is not None
    return caught.value


@pytest.mark.req("M8.4.10.3-1")
def test_override_replaces_what_is_named_and_keeps_the_rest() -> None:
    rig = Rig(OLD, resources={URI: NEW})
    rig.install(override(uri=URI_2, content=OLD), override(uri=URI), FETCH)
    assert rig.contents == [NEW]


@pytest.mark.req("M8.4.10.4-2")
def test_fetch_stores_what_the_uri_names() -> None:
    rig = Rig(OLD, resources={URI: NEW, URI_2: OLD})
    rig.install(override(uri=URI), FETCH)
    assert rig.contents == [NEW]
    assert rig.trace.fetched == [URI]


def test_fetch_tells_the_fetcher_what_it_expects() -> None:
    rig = Rig(OLD, resources={URI: NEW})
    rig.install(override(uri=URI), FETCH, override(image_digest=sha256(NEW), image_size=len(NEW)), FETCH)
    assert rig.fetcher.asked == [(URI, None, None), (URI, sha256(NEW), len(NEW))]


@pytest.mark.req("M8.4.10.4-1", "M6.1-10")
def test_fetch_without_uri_aborts() -> None:
    rig = Rig(OLD, resources={URI: NEW})
    aborts(rig, FETCH)
    assert not rig.fetcher.asked


@pytest.mark.req("M6.1-8", "M8.4.10-2")
def test_fetch_of_a_missing_payload_stops_everything_and_brings_back_what_was() -> None:
    rig = Rig(OLD, OLD, resources={URI: NEW})
    steps = (at(0), override(uri=URI), FETCH, at(1), override(uri=URI_2), FETCH, *write(NEW))
    error = aborts(rig, *steps, error=NetworkError)
    assert "fetch at install" in str(error)
    assert rig.trace.fetched == [URI]


@pytest.mark.req("H4-6")
def test_fetch_stops_as_soon_as_the_image_size_is_passed() -> None:
    rig = Rig(OLD, resources={URI: NEW + b"!"})
    aborts(rig, override(uri=URI, image_size=len(NEW)), FETCH)
    assert rig.trace.fetched == [URI]


@pytest.mark.req("H7-10")
def test_fetch_stops_at_the_capacity() -> None:
    aborts(Rig(OLD, resources={URI: BIG}), override(uri=URI), FETCH)


@pytest.mark.req("H7-10")
def test_an_image_larger_than_its_component_is_not_even_asked_for() -> None:
    rig = Rig(OLD, resources={URI: BIG})
    aborts(rig, override(uri=URI, image_size=len(BIG)), FETCH)
    assert not rig.fetcher.asked


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
def test_a_payload_of_no_bytes_came_from_the_fetcher_all_the_same(chunks: list[bytes]) -> None:
    rig = Rig(OLD)
    rig.fetcher.fetch = lambda *_, **__: iter(chunks)  # type: ignore[method-assign]
    rig.install(override(uri=URI), FETCH)
    assert rig.contents == [b""]
    assert rig.trace.fetched == [URI]


@pytest.mark.req("H4-6")
def test_a_payload_in_pieces_is_stopped_at_the_piece_that_is_too_much() -> None:
    rig = Rig(OLD)
    pieces = iter([b"12", b"34", b"56", b"78"])
    rig.fetcher.fetch = lambda *_, **__: pieces  # type: ignore[method-assign]
    aborts(rig, override(uri=URI, image_size=5), FETCH)
    assert list(pieces) == [b"78"]


def test_an_empty_payload_is_a_payload() -> None:
    rig = Rig(OLD, resources={URI: b""})
    rig.install(override(uri=URI, image_size=0, image_digest=sha256(b"")), FETCH, MATCH)
    assert rig.contents == [b""]
    assert rig.trace.fetched == [URI]


@pytest.mark.req("M8.4.10.4-5")
def test_fetch_arguments_are_a_hint_that_this_device_does_not_need() -> None:
    rig = Rig(OLD, resources={URI: NEW})
    rig.install(override(uri=URI, fetch_arguments=b"\xa0"), FETCH)
    assert rig.contents == [NEW]


@pytest.mark.req("M7.5-3")
@pytest.mark.parametrize("uri", ["#image", URI, "relative/name"])
def test_the_envelope_satisfies_any_uri_it_holds(uri: str) -> None:
    rig = Rig(OLD, resources={uri: OLD})
    rig.install(override(uri=uri), FETCH, payloads={uri: NEW})
    assert rig.contents == [NEW]
    assert not rig.fetcher.asked
    assert not rig.trace.fetched


@pytest.mark.req("M7.5-5")
def test_a_fragment_that_the_envelope_lacks_is_never_asked_for_outside() -> None:
    rig = Rig(OLD, resources={"#image": NEW, "image": NEW})
    aborts(rig, override(uri="#image"), FETCH)
    assert not rig.fetcher.asked


@pytest.mark.req("M7.5-4")
def test_an_integrated_payload_counts_only_after_a_digest_of_the_manifest_confirmed_it() -> None:
    steps = (override(uri="#image", image_digest=sha256(NEW)), FETCH, MATCH)
    rig = Rig(OLD)
    rig.install(*steps, payloads={"#image": NEW})
    assert rig.trace.verified == {A}
    changed = Rig(OLD)
    with pytest.raises(ConditionFailedError):
        changed.install(*steps, payloads={"#image": NEW[:-1] + b"?"})
    assert changed.contents == [OLD]


@pytest.mark.req("H7-10")
def test_an_integrated_payload_is_bounded_like_any_other() -> None:
    sections = {"payloads": {"#image": BIG}}
    for parameters in ({}, {"image_size": 3}):
        rig = Rig(OLD)
        with pytest.raises(AbortError):
            rig.install(override(uri="#image", **parameters), FETCH, **sections)
        assert rig.contents == [OLD]


@pytest.mark.req("M8.4.10.6-1")
def test_write_stores_the_content_parameter() -> None:
    rig = Rig(OLD)
    rig.install(*write(NEW))
    assert rig.contents == [NEW]
    aborts(Rig(OLD), WRITE)


@pytest.mark.req("H7-10")
def test_write_stops_at_the_capacity() -> None:
    aborts(Rig(OLD), *write(BIG))


@pytest.mark.req("M8.4.10.5-2")
def test_copy_leaves_the_source_and_changes_the_current_component() -> None:
    rig = Rig(OLD, NEW)
    rig.install(at(0), override(source_component=1), COPY)
    assert rig.contents == [NEW, NEW]


@pytest.mark.req("M8.4.10.9-2")
def test_swap_exchanges() -> None:
    rig = Rig(OLD, NEW)
    rig.install(at(0), override(source_component=1), SWAP)
    assert rig.contents == [NEW, OLD]
    assert rig.trace.written == {A, B}


def test_swap_with_an_absent_destination_moves() -> None:
    rig = Rig(None, NEW)
    rig.install(at(0), override(source_component=1), SWAP)
    assert rig.contents == [NEW, None]


@pytest.mark.req("M8.4.10.5-1", "M8.4.10.9-1", "M6.1-10")
@pytest.mark.parametrize("directive", [COPY, SWAP])
def test_copy_and_swap_need_a_source_that_holds_something(directive: Step) -> None:
    aborts(Rig(OLD, NEW), at(0), directive)
    aborts(Rig(OLD, None), at(0), override(source_component=1), directive)
    aborts(Rig(OLD, NEW), at(0), override(source_component=2), directive)


@pytest.mark.req("H7-10")
@pytest.mark.parametrize("directive", [COPY, SWAP])
def test_copy_and_swap_need_room(directive: Step) -> None:
    rig = Rig(OLD, NEW)
    rig.parts[A].capacity = len(NEW) - 1
    aborts(rig, at(0), override(source_component=1), directive)


@pytest.mark.req("H7-10")
def test_swap_needs_room_on_the_other_side_too() -> None:
    rig = Rig(NEW, OLD)
    rig.parts[B].capacity = len(OLD)
    aborts(rig, at(0), override(source_component=1), SWAP)


@pytest.mark.parametrize("directive", [COPY, SWAP])
def test_a_component_taken_onto_itself_stays_what_it_is(directive: Step) -> None:
    rig = Rig(OLD)
    rig.install(override(source_component=0), directive)
    assert rig.contents == [OLD]
    assert not rig.trace.written


@pytest.mark.req("M8.4.10.7-1")
@pytest.mark.parametrize("arguments", [None, b"", b"console=ttyS0"])
def test_invoke_hands_over_the_arguments(arguments: bytes | None) -> None:
    rig = Rig(OLD)
    steps = [] if arguments is None else [override(invoke_args=arguments)]
    rig.invoke(invoke=[*steps, INVOKE])
    assert rig.platform.invoked == rig.trace.invoked == [(A, arguments)]


@pytest.mark.req("M6.3-2")
def test_invoke_of_an_absent_component_aborts() -> None:
    rig = Rig(None)
    with pytest.raises(AbortError, match="absent"):
        rig.invoke(invoke=[INVOKE])
    assert not rig.platform.invoked


@pytest.mark.req("M8.4.8-1")
def test_parameters_belong_to_one_component() -> None:
    aborts(Rig(OLD, OLD), at(0), override(content=NEW), at(1), WRITE)


@pytest.mark.parametrize("directive", [FETCH, WRITE, COPY, SWAP])
def test_a_directive_whose_parameter_is_missing_says_where(directive: Step) -> None:
    error = aborts(Rig(OLD), check(Command.WRITE) if directive is WRITE else directive)
    assert error.place is not None
    assert (error.place.offset, error.place.component) == (1, 0)
