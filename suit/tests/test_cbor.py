"""suit.cbor: deterministic CBOR and nothing else, in bounded memory."""

import tracemalloc
from collections.abc import Iterator

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suit import cbor
from suit.errors import LimitError, MalformedError

KIB = 1 << 10
MIB = 1 << 20


def h(text: str) -> bytes:
    return bytes.fromhex(text.replace(" ", ""))


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("190100", 256),
        ("1a00010000", 65536),
        ("1b0000000100000000", 1 << 32),
        ("1bffffffffffffffff", (1 << 64) - 1),
        ("20", -1),
        ("3818", -25),
        ("3bffffffffffffffff", -(1 << 64)),
        ("40", b""),
        ("43010203", b"\x01\x02\x03"),
        ("60", ""),
        ("62c3bc", "ü"),
        ("80", []),
        ("83010243ffffff", [1, 2, b"\xff\xff\xff"]),
        ("a0", {}),
        ("a201020304", {1: 2, 3: 4}),
        ("a2014041ff20", {1: b"", b"\xff": -1}),
        ("a181410001", {(b"\x00",): 1}),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("d86b00", cbor.Tagged(107, 0)),
        ("d9042ea0", cbor.Tagged(1070, {})),
    ],
)
def test_deterministic_items_are_read_and_written(encoded: str, value: object) -> None:
    assert cbor.decode(h(encoded), where="item") == value
    assert cbor.encode(value) == h(encoded)


def test_booleans_and_numbers_stay_apart() -> None:
    value = cbor.decode(h("83f50100"), where="item")
    assert [type(part) for part in value] == [bool, int, int]


@pytest.mark.req("M8.1-2")
@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        ("", "ends too early"),
        ("18", "ends too early"),
        ("1901", "ends too early"),
        ("1a010203", "ends too early"),
        ("1b01020304050607", "ends too early"),
        ("4201", "ends too early"),
        ("5820", "ends too early"),
        ("58", "ends too early"),
        ("6261", "ends too early"),
        ("8201", "ends too early"),
        ("a1", "ends too early"),
        ("a101", "ends too early"),
        ("c1", "ends too early"),
        ("d8", "ends too early"),
        ("0000", "1 bytes follow"),
        ("a000", "1 bytes follow"),
        ("1800", "shortest"),
        ("1817", "shortest"),
        ("1900ff", "shortest"),
        ("1a0000ffff", "shortest"),
        ("1b00000000ffffffff", "shortest"),
        ("3800", "shortest"),
        ("580100", "shortest"),
        ("5900ff", "shortest"),
        ("780161", "shortest"),
        ("980100", "shortest"),
        ("b8010101", "shortest"),
        ("d81101", "shortest"),
        ("1c", "reserved"),
        ("1d", "reserved"),
        ("3e", "reserved"),
        ("5f4101ff", "indefinite"),
        ("7f6161ff", "indefinite"),
        ("9f01ff", "indefinite"),
        ("bf0101ff", "indefinite"),
        ("df01", "indefinite"),
        ("a201010102", "repeated"),
        ("a202010101", "bytewise order"),
        ("a22000181800", "bytewise order"),
        ("a2616100016200", "bytewise order"),
        ("a262616100616200", "bytewise order"),
        ("61ff", "UTF-8"),
        ("62c328", "UTF-8"),
        ("63eda080", "UTF-8"),
        ("f7", "simple"),
        ("e0", "simple"),
        ("f3", "simple"),
        ("f814", "simple"),
        ("f8ff", "simple"),
        ("f93c00", "floats"),
        ("fa3f800000", "floats"),
        ("fb3ff0000000000000", "floats"),
        ("ff", "floats, undefined and unassigned"),
        ("fc", "floats, undefined and unassigned"),
        ("a1f501", "map key"),
        ("a1f601", "map key"),
        ("a1a001", "map key"),
        ("a1810101", "map key"),
        ("a1d86b0001", "map key"),
    ],
)
def test_anything_else_is_malformed(encoded: str, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem) as caught:
        cbor.decode(h(encoded), where="the place")
    assert str(caught.value).startswith("the place: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        ("81" * 17 + "00", "nested"),
        ("a100" * 17 + "00", "nested"),
        ("c1" * 17 + "00", "nested"),
        ("9a00100000", "too many"),
        ("9bffffffffffffffff", "too many"),
        ("ba00100000", "too many"),
        ("bbffffffffffffffff", "too many"),
        ("d86b9bffffffffffffffff", "too many"),
        ("7a00010001", "text of 65537 bytes"),
        ("7bffffffffffffffff", "text of 18446744073709551615 bytes"),
    ],
)
def test_limits_hold_before_anything_is_allocated(encoded: str, problem: str) -> None:
    with pytest.raises(LimitError, match=problem):
        cbor.decode(h(encoded), where="item")


def test_a_byte_string_longer_than_the_input_is_malformed() -> None:
    for head in ("5a7fffffff", "5bffffffffffffffff"):
        with pytest.raises(MalformedError, match="ends too early"):
            cbor.decode(h(head), where="item")


def test_depth_counts_containers_and_tags() -> None:
    assert cbor.decode(h("81" * 16 + "00"), where="item")
    limits = cbor.Limits(depth=2)
    assert cbor.decode(h("818100"), where="item", limits=limits) == [[0]]
    with pytest.raises(LimitError):
        cbor.decode(h("d86b818100"), where="item", limits=limits)


def test_size_limit_holds_before_decoding() -> None:
    with pytest.raises(LimitError, match="11 bytes are over the limit of 10"):
        cbor.decode(b"\xff" * 11, where="item", limits=cbor.Limits(size=10))


def test_one_budget_is_shared_by_several_calls() -> None:
    budget = cbor.Limits(items=6).budget(10)
    cbor.decode(h("83010203"), where="first", budget=budget)
    cbor.decode_pairs(h("820102"), where="second", budget=budget)
    with pytest.raises(LimitError):
        cbor.decode(h("820102"), where="third", budget=budget)


def test_unordered_maps_are_for_headers_only_and_still_have_no_duplicates() -> None:
    raw = h("a2 182004 0126")
    with pytest.raises(MalformedError):
        cbor.decode(raw, where="header")
    assert cbor.decode(raw, where="header", ordered=False) == {32: 4, 1: -7}
    with pytest.raises(MalformedError, match="repeated"):
        cbor.decode(h("a201260127"), where="header", ordered=False)
    with pytest.raises(MalformedError, match="map key"):
        cbor.decode(h("a1f401"), where="header", ordered=False)


def test_pairs_come_with_their_offsets() -> None:
    raw = h("86 03 0f 1818 02 14 a10e00")
    pairs = cbor.decode_pairs(raw, where="sequence", budget=cbor.DEFAULT_LIMITS.budget(100))
    assert pairs == [(1, 3, 2, 15), (3, 24, 5, 2), (6, 20, 7, {14: 0})]


@pytest.mark.req("M8.4.6-1")
@pytest.mark.parametrize("encoded", ["", "a0", "00", "40", "8103", "83030f03", "82030f00", "9f030fff"])
def test_pairs_are_one_array_of_even_length(encoded: str) -> None:
    with pytest.raises(MalformedError):
        cbor.decode_pairs(h(encoded), where="sequence", budget=cbor.DEFAULT_LIMITS.budget(100))


def test_byte_string_head_is_that_of_the_encoder() -> None:
    for length in (0, 1, 23, 24, 255, 256, 65535, 65536, 1 << 20):
        head = cbor.byte_string_head(length)
        assert head == cbor2.dumps(b"\0" * length)[: len(head)]
        assert len(head) == cbor.head_size(length)
    assert cbor.head_size(1 << 32) == 9
    assert cbor.tag_head(107) == h("d86b")


@pytest.mark.req("M8.1-1")
def test_map_keys_are_written_in_bytewise_order() -> None:
    # RFC 7049 would put -1 (one byte) before 24 (two bytes); RFC 8949 §4.2.1 does not.
    assert cbor.encode({-1: 0, 24: 0, "a": 0, b"z": 0, 1: 0}) == h("a5 0100 181800 2000 417a00 616100")
    assert cbor.encode([{2: {4: 1, 3: 1}, 1: 0}]) == h("81a2010002a203010401")


def test_what_an_outsider_chose_is_shown_short() -> None:
    assert len(cbor.shown("x" * MIB)) < 100
    assert len(cbor.shown(b"x" * MIB)) < 100
    assert cbor.shown(7) == "7"
    assert cbor.shown((b"x" * MIB,)) == "a tuple"


_LEAVES = (
    st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=40)
    | st.text(max_size=20)
    | st.booleans()
    | st.none()
)
_KEYS = (
    st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=8)
    | st.text(max_size=8)
    | st.lists(st.binary(max_size=4), max_size=3).map(tuple)
)
_ITEMS = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(_KEYS, inner, max_size=5)
        | st.builds(cbor.Tagged, st.integers(1000, 1 << 40), inner)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(_ITEMS)
def test_what_is_written_is_read_back(item: cbor.Item) -> None:
    assert cbor.decode(cbor.encode(item), where="item") == item


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_what_is_read_is_written_back_to_the_same_bytes(raw: bytes) -> None:
    try:
        item = cbor.decode(raw, where="item")
    except MalformedError:
        return
    assert cbor.encode(item) == raw


def bombs() -> Iterator[tuple[str, bytes]]:
    yield "array that claims 2^32 items", h("9b0000000100000000") + b"\0" * MIB
    yield "map that claims 2^32 pairs", h("bb0000000100000000") + b"\0" * MIB
    yield "array of a million numbers", h("9a000fffff") + b"\0" * (MIB - 16)
    yield "arrays in arrays", b"\x81" * MIB
    yield "maps in maps", b"\xa1\x00" * (MIB // 2)
    yield "tags on tags", b"\xc1" * MIB
    yield "empty arrays", h("990fff") + b"\x80" * 4095
    yield "empty maps", h("990fff") + b"\xa0" * 4095
    yield "one giant byte string", b"\x5a" + (MIB - 5).to_bytes(4, "big") + b"\0" * (MIB - 5)
    yield "one giant text", b"\x7a" + (MIB - 5).to_bytes(4, "big") + b"a" * (MIB - 5)


BOMBS = dict(bombs())


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_input_costs_little_memory(name: str) -> None:
    raw = BOMBS[name]
    tracemalloc.start()
    try:
        cbor.decode(raw, where="bomb")
    except MalformedError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak <= 2 * MIB
