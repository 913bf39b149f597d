"""suit.edn: what suit.show prints becomes the same bytes again, and nothing else becomes anything."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suit import cbor
from suit.edn import MAX_SIZE, is_notation, read
from suit.envelope import open_envelope
from suit.errors import HardsuitError, UsageError
from suit.notation import embedded, plain, render
from suit.show import show
from suit.tests import vectors

CASES = Path(__file__).parents[2] / "conformance" / "cases"
ENVELOPES = sorted(vectors.path("ietf").glob("*/*.suit")) if vectors.ROOT else []
DIAGNOSTICS = sorted(vectors.path("ietf").glob("*/suit-*.diag")) if vectors.ROOT else []
DIAGNOSTICS += sorted(vectors.path("ietf").glob("trust-domains/*.diag")) if vectors.ROOT else []

ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=40)
    | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-50, 300) | st.text(max_size=5), inner, max_size=4)
        | st.builds(cbor.Tagged, st.integers(0, 70000), inner)
    ),
    max_leaves=20,
)


def encoded(text: str) -> str:
    return read(text, name="input").hex()


@pytest.mark.parametrize("path", ENVELOPES, ids=lambda path: str(path.stem))
def test_every_published_envelope_comes_back_byte_for_byte(path: Path) -> None:
    raw = path.read_bytes()
    shown = show(raw)
    assert is_notation(shown)
    assert read(shown, name=path.name) == raw


@pytest.mark.skipif(vectors.ROOT is None, reason="needs the published vectors")
def test_all_published_envelopes_are_there() -> None:
    assert len(ENVELOPES) >= 13 + 3 + 5


@pytest.mark.parametrize("path", DIAGNOSTICS, ids=lambda path: str(path.stem))
def test_the_published_notation_makes_the_published_bytes(path: Path) -> None:
    binary = next(found for suffix in (".suit", ".cbor") if (found := path.with_suffix(suffix)).exists())
    assert read(path.read_text(), name=path.name) == binary.read_bytes()


def every_case() -> list[tuple[str, bytes]]:
    cases: list[Any] = []
    for file in sorted(CASES.rglob("*.json")):
        content = json.loads(file.read_text())
        cases += content if isinstance(content, list) else [content]
    return [(case["case"], bytes.fromhex(case["envelope"])) for case in cases]


def test_every_well_formed_case_envelope_comes_back_byte_for_byte() -> None:
    same = 0
    for name, raw in every_case():
        try:
            shown = show(raw)
        except HardsuitError:  # what show refuses, the strict decoder of envelopes refuses as well
            assert not is_envelope(raw), name
            continue
        assert is_notation(shown), name
        assert read(shown, name=name) == raw, name
        same += 1
    assert same >= 400


def is_envelope(raw: bytes) -> bool:
    try:
        open_envelope(raw)
    except HardsuitError:
        return False
    return True


@given(ITEMS)
def test_any_item_comes_back(item: Any) -> None:
    raw = cbor.encode(item)
    decoded = cbor.decode(raw, where="item", limits=cbor.Limits(depth=32))
    assert read(render(plain(decoded)), name="input") == raw
    inside = cbor.byte_string_head(len(raw)) + raw
    assert read(render(embedded(plain(decoded))), name="input") == inside


@given(st.text(alphabet=" \n/'\"\\<>{}[]()h0a1:,-.#tfn", max_size=60))
def test_any_text_is_read_or_refused_with_its_line(text: str) -> None:
    try:
        raw = read(text, name="input")
    except UsageError as error:
        refusal = str(error)
    else:
        cbor.decode(raw, where="output", ordered=False)
        return
    assert refusal.startswith("input:")


def test_keys_keep_the_order_in_which_they_are_written() -> None:
    assert encoded("{2: 0, 1: 0}") == "a202000100"


def test_comments_stand_anywhere_between_values() -> None:
    text = "/ a / 107({ # to the end of the line\n / b /1/ c /:/ d /<</ e /[/ f /]/ g />>/ h /})/ i /"
    assert encoded(text) == "d86ba1014180"


def test_byte_strings_may_be_spread_over_lines_and_quoted() -> None:
    assert encoded("h'00 11\n / 2 /22'") == "43001122"
    assert encoded(r"'it\'s'") == "4469742773"
    assert encoded("h''") == encoded("''") == "40"


def test_escapes_of_texts_are_those_of_json() -> None:
    assert encoded(r'"\u00e9\ud83d\ude00\n\""') == cbor.encode('é😀\n"').hex()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "input:1: a value is missing"),
        ("\n\n[1 2]", "input:3: a comma or ] is missing"),
        ("[1,", "input:1: a value is missing"),
        ("[1,]", "input:1: a value is missing"),
        ("{1: 2,\n1: 3}", "input:2: a key stands here twice"),
        ("{1 2}", "input:1: : is missing"),
        ("107(1", "input:1: ) is missing"),
        ("<< 1", "input:1: >> is missing"),
        ("h'0'", "input:1: an odd number of hexadecimal digits"),
        ("h'00...' / 33 bytes /", "input:1: not a byte string in full; suit show --brief cuts them"),
        ('"abc"... / 40 characters /', "input:1: not a text in full; suit show --brief cuts them"),
        ('"abc', "input:1: not a text string"),
        (r'"\x"', "input:1: not a text string"),
        (r'"\ud800"', "input:1: half of a surrogate pair"),
        ("1 2", "input:1: something follows the value"),
        ("18446744073709551616", "input:1: a number of more than 64 bits"),
        ("9" * 5000, "input:1: a number of more than 64 bits"),
        ("1.5", "input:1: a value is missing"),
        ("0x10", "input:1: a value is missing"),
        ("-1(2)", "input:1: something follows the value"),
        ("undefined", "input:1: undefined means nothing here"),
        ("/ never closed", "input:1: a value is missing"),
    ],
)
def test_other_text_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text, name="input")
    assert str(caught.value) == problem


@pytest.mark.parametrize("opening", ["[", "{1:", "<<", "1("])
def test_nesting_has_a_limit(opening: str) -> None:
    with pytest.raises(UsageError, match="too deeply nested"):
        read(opening * 100_000, name="input")


def test_size_and_number_of_values_have_limits() -> None:
    with pytest.raises(UsageError, match="longer than"):
        read(" " * (MAX_SIZE + 1), name="input")
    with pytest.raises(UsageError, match="too many"):
        read("[" + "0," * 100_001 + "0]", name="input")


@pytest.mark.parametrize("text", ["107({", "{ / x / 2: <<", " / c / 1070({", "{3:", "# c\n107("])
def test_notation_is_recognised(text: str) -> None:
    assert is_notation(text)


@pytest.mark.parametrize(
    "text",
    ["manifest-sequence-number: 1\n", '{"manifest-sequence-number": 1}', "", "107", "[1]", "# 107({\n"],
)
def test_yaml_is_not_taken_for_notation(text: str) -> None:
    assert not is_notation(text)
