import pytest

from spec.labels import VersionComparison
from suit import cbor
from suit.decode import decode_manifest
from suit.encode import encode_manifest
from suit.errors import MalformedError, UnsupportedParameterError
from suit.manifest import Manifest, Version, VersionMatch
from suit.version import (
    decode_version,
    decode_version_match,
    holds,
    read_version,
    read_version_match,
    show_version,
)

GREATER, GREATER_EQUAL, EQUAL, LESSER_EQUAL, LESSER = VersionComparison


@pytest.mark.req("U4.4-1", "U5.5-1")
@pytest.mark.parametrize(
    ("wanted", "version", "held"),
    [
        ((1,), (1, 9, 9), {GREATER_EQUAL, EQUAL, LESSER_EQUAL}),
        ((1, 2), (1, 2, 5), {GREATER_EQUAL, EQUAL, LESSER_EQUAL}),
        ((1, 2), (1, 2, -1, 1), {GREATER_EQUAL, EQUAL, LESSER_EQUAL}),
        ((1, 10), (1, 9, 99), {LESSER_EQUAL, LESSER}),
        ((2, 0, 0), (2, 0, -1, 1), {LESSER_EQUAL, LESSER}),
        ((2, 0, -1, 1), (2, 0, 0), {GREATER_EQUAL, GREATER}),
        ((2, 0, -1), (2, 0, -2), {LESSER_EQUAL, LESSER}),
        ((2, 0, -3), (1, 9), {LESSER_EQUAL, LESSER}),
        ((1, 0, 0), (1,), {GREATER_EQUAL, EQUAL, LESSER_EQUAL}),
        ((1, 0, 1), (1,), {LESSER_EQUAL, LESSER}),
        ((1, 0, -1), (1,), {GREATER_EQUAL, GREATER}),
    ],
)
def test_numbers_are_compared_until_the_manifests_end_or_a_difference(
    wanted: Version, version: Version, held: set[VersionComparison]
) -> None:
    assert {one for one in VersionComparison if holds(VersionMatch(one, wanted), version)} == held


@pytest.mark.req("U4.4-2", "U3.1-1")
@pytest.mark.parametrize(
    "item",
    [[], [-1], [-1, 2], [1, 2, 3, 4], [1, -4], [1, -1, -2], [1, "2"], [1, None], [True], "1.2", 1, {}, None],
    ids=repr,
)
def test_what_is_no_version_is_refused(item: cbor.Item) -> None:
    with pytest.raises(MalformedError):
        decode_version(item, "version")


@pytest.mark.parametrize("item", [[], [3], [3, [1], 0], ["=", [1]], [True, [1]], {3: [1]}, [3, 1]], ids=repr)
def test_what_is_no_comparison_is_refused(item: cbor.Item) -> None:
    with pytest.raises(MalformedError):
        decode_version_match(cbor.encode(item), "version")


@pytest.mark.parametrize("number", [0, 6, -1])
def test_a_comparison_that_nobody_defined_is_not_supported(number: int) -> None:
    with pytest.raises(UnsupportedParameterError):
        decode_version_match(cbor.encode([number, [1]]), "version")


@pytest.mark.req("U3.1-1")
def test_set_version_is_wrapped_and_survives() -> None:
    manifest = Manifest(1, ((b"\0",),), set_version=(1, 2, -1, 3))
    raw = encode_manifest(manifest)
    assert b"\x06\x45\x84\x01\x02\x20\x03" in raw
    assert decode_manifest(raw).set_version == (1, 2, -1, 3)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1", (1,)),
        ("1.2.3", (1, 2, 3)),
        ("1.2-rc.3", (1, 2, -1, 3)),
        ("1.2-beta", (1, 2, -2)),
        ("1.2.3-alpha.4.0", (1, 2, 3, -3, 4, 0)),
    ],
)
def test_versions_are_read_as_people_write_them(text: str, version: Version) -> None:
    assert read_version(text) == version
    assert show_version(version) == text


@pytest.mark.parametrize(
    "text", ["", "v1", "1.", "1.2.3.4", "01", "1.2+7", "1-rc1", "1-gamma", "rc.1", "1.2-rc.", "1 .2", "-1"]
)
def test_a_version_that_numbers_cannot_express_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match="a version is written"):
        read_version(text)


@pytest.mark.parametrize(
    ("text", "comparison"),
    [
        (">1.2", GREATER),
        (">=1.2", GREATER_EQUAL),
        ("= 1.2", EQUAL),
        ("<=1.2", LESSER_EQUAL),
        ("<1.2", LESSER),
    ],
)
def test_comparisons_are_read_as_people_write_them(text: str, comparison: VersionComparison) -> None:
    assert read_version_match(text) == VersionMatch(comparison, (1, 2))


@pytest.mark.parametrize("text", ["1.2", "==1", "=>1", "~1", ""])
def test_other_signs_are_no_comparison(text: str) -> None:
    with pytest.raises(ValueError, match="is compared with one of"):
        read_version_match(text)
