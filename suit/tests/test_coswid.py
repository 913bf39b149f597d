"""CoSWID: made of an SBOM, carried, checked, shown, compared, cut off and taken out again."""

import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.cddl import check_coswid as check_grammar
from conformance.cddl import check_envelope
from spec.labels import CoSwid, CoSwidRole, CoSwidVersionScheme
from spec.labels import Manifest as Member
from suit import cbor, describe, lint_rules
from suit.cli import cli
from suit.coswid import check_coswid, problems, read_coswid
from suit.cyclonedx import coswid_of
from suit.decode import attach_severed, decode_manifest
from suit.diff import diff
from suit.edn import read
from suit.encode import encode_envelope, encode_manifest
from suit.envelope import open_envelope, sever
from suit.errors import HardsuitError, LimitError, MalformedError, NotAuthenticError, UsageError
from suit.lint import lint
from suit.manifest import Envelope
from suit.show import show
from suit.show_coswid import leaves, show_coswid
from suit.wellformed import require_well_formed

SBOM: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "version": 3,
    "metadata": {
        "timestamp": "2026-01-01T00:00:00Z",
        "supplier": {"name": "Example Ltd", "url": ["https://example.com"]},
        "tools": {"components": [{"type": "application", "name": "scanner"}]},
        "component": {
            "type": "firmware",
            "name": "thermostat",
            "version": "2.1.0",
            "bom-ref": "root",
            "publisher": "Chip Maker",
            "description": "Keeps warm",
        },
    },
    "components": [
        {
            "type": "library",
            "name": "zlib",
            "version": "1.3.1",
            "bom-ref": "zlib",
            "purl": "pkg:generic/zlib@1.3.1",
            "licenses": [{"license": {"id": "Zlib"}}, {"expression": "MIT OR BSD-3-Clause"}],
            "hashes": [{"alg": "MD5", "content": "00"}],
            "components": [{"type": "library", "name": "inner"}],
        },
        {
            "type": "file",
            "name": "boot.bin",
            "version": "7",
            "hashes": [{"alg": "SHA-512", "content": "AB" * 64}, {"alg": "SHA-256", "content": "cd" * 32}],
        },
    ],
    "dependencies": [{"ref": "root", "dependsOn": ["zlib"]}, {"ref": "zlib"}],
}
DESCRIPTION = """\
manifest-sequence-number: 1
components: {firmware: [00]}
coswid: {cyclonedx: sbom.json}
"""


def tag_of(sbom: Any) -> Any:
    raw = coswid_of(json.dumps(sbom).encode())
    check_grammar(raw)
    assert problems(read_coswid(raw) or {}) == []
    return cbor2.loads(raw)


def changed(**members: Any) -> dict[str, Any]:
    return {key: value for key, value in (SBOM | members).items() if value is not None}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "sbom.json").write_text(json.dumps(SBOM))
    return tmp_path


def made(directory: Path, more: str = "") -> Envelope:
    return describe.build(DESCRIPTION + more, name="release.yaml", directory=directory)


def test_an_sbom_becomes_a_tag() -> None:
    assert tag_of(SBOM) == {
        0: bytes.fromhex("3e671687395b41f5a30fa58921a69b79"),
        1: "thermostat",
        2: [{31: "Example Ltd", 33: 1}, {31: "Chip Maker", 33: 2}],
        5: {46: "Keeps warm", "bom-ref": "root", "depends-on": "zlib", "supplier": "Chip Maker"},
        6: {
            17: {24: "boot.bin", 21: "7", 7: [1, b"\xcd" * 32]},
            19: [
                {
                    29: "library",
                    "name": "zlib",
                    "version": "1.3.1",
                    "hash": "md5:00",
                    "bom-ref": "zlib",
                    "purl": "pkg:generic/zlib@1.3.1",
                    "license": ["Zlib", "MIT OR BSD-3-Clause"],
                },
                {29: "library", "name": "inner"},
            ],
        },
        12: 2,
        13: "2.1.0",
        14: CoSwidVersionScheme.SEMVER.value,
    }


def test_the_same_sbom_gives_the_same_tag_and_another_one_another_id() -> None:
    raw = json.dumps(changed(serialNumber=None)).encode()
    assert coswid_of(raw) == coswid_of(raw)
    other = json.dumps(changed(serialNumber=None, version=4)).encode()
    ids = {cbor2.loads(coswid_of(each))[0] for each in (raw, other)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("version", "scheme"),
    [
        ("1.2.3-rc.1+5", "SEMVER"),
        ("1.2", "MULTIPARTNUMERIC"),
        ("2024b", "ALPHANUMERIC"),
        ("01.2.3", "MULTIPARTNUMERIC"),
    ],
)
def test_versions_have_a_scheme(version: str, scheme: str) -> None:
    metadata = {**SBOM["metadata"], "component": {**SBOM["metadata"]["component"], "version": version}}
    assert tag_of(changed(metadata=metadata))[14] == CoSwidVersionScheme[scheme].value


@pytest.mark.parametrize(
    ("metadata", "entities"),
    [
        ({"supplier": {"name": "A"}}, {31: "A", 33: [1, 2]}),
        ({"authors": [{"name": "A"}]}, {31: "A", 33: 1}),
        ({"manufacturer": {"name": "A"}, "supplier": {"name": "B"}}, [{31: "A", 33: 1}, {31: "B", 33: 2}]),
        ({"tools": [{"vendor": "V", "name": "T"}]}, {31: "T", 33: 1}),
        ({"tools": {"components": [{"type": "application", "name": "T"}]}}, {31: "T", 33: 1}),
    ],
)
def test_some_entity_is_the_tag_creator(metadata: dict[str, Any], entities: Any) -> None:
    metadata = {**metadata, "component": {"type": "firmware", "name": "f"}}
    assert tag_of(changed(metadata=metadata))[CoSwid.ENTITY.value] == entities


NAMED: dict[str, Any] = {"type": "firmware", "name": "f"}


@pytest.mark.parametrize(
    ("sbom", "problem"),
    [
        (b"{", "no CycloneDX SBOM"),
        (b"[]", "no CycloneDX SBOM: document"),
        (b'{"bomFormat": "CycloneDX", "bomFormat": "CycloneDX"}', "one member twice"),
        (b"[" * 100_000, "no CycloneDX SBOM"),
        (changed(bomFormat="SPDX"), "bomFormat"),
        (changed(specVersion="1.4"), "specVersion"),
        (changed(serialNumber="urn:uuid:1"), "serialNumber"),
        (changed(version="3"), "version"),
        (changed(version=0), "version"),
        (changed(metadata=None), "metadata.component is missing"),
        (changed(metadata={"component": NAMED}), "who made the SBOM"),
        (changed(metadata={"component": {"type": "firmware"}}), "metadata.component.name"),
        (changed(components=[{"type": "library", "name": ""}]), "components.0.name"),
        (changed(components=[{**NAMED, "hashes": [{"alg": "SHA-256", "content": "0"}]}]), "hashes.0.content"),
        (changed(components=[{**NAMED, "hashes": [{"alg": "SHA-256", "content": "00"}]}]), "32 bytes"),
        (changed(components=[NAMED] * 4097), "4097 components"),
        (changed(dependencies=[{"dependsOn": []}]), "dependencies.0.ref"),
    ],
    ids=range(17),
)
def test_what_is_no_sbom_is_refused_with_the_place(sbom: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        coswid_of(sbom if isinstance(sbom, bytes) else json.dumps(sbom).encode())


@pytest.mark.req("U3.2-1")
def test_a_built_envelope_carries_it_severably(directory: Path) -> None:
    envelope = made(directory)
    raw = encode_envelope(envelope)
    check_envelope(raw)
    assert list(envelope.severed) == [Member.COSWID]
    manifest = decode_manifest(envelope.manifest)
    attached = attach_severed(manifest, open_envelope(raw))
    assert attached.coswid is not None
    assert attached.coswid.value == coswid_of(json.dumps(SBOM).encode())
    assert encode_manifest(attached) == envelope.manifest
    cut = sever(envelope, (Member.COSWID,))
    assert attach_severed(decode_manifest(cut.manifest), cut).coswid == manifest.coswid
    with pytest.raises(NotAuthenticError):
        attach_severed(manifest, open_envelope(raw.replace(b"thermostat", b"thermoSTAT")))


def test_an_author_may_put_it_inside_or_bring_one_along(directory: Path) -> None:
    inside = made(directory, "severable: []\n")
    assert inside.severed == {}
    assert decode_manifest(inside.manifest).coswid is not None
    check_envelope(encode_envelope(inside))
    ready = describe.build(
        DESCRIPTION.replace("{cyclonedx: sbom.json}", "{hex: a10101}"), name="a", directory=directory
    )
    coswid = decode_manifest(ready.manifest).coswid
    assert coswid is not None
    assert coswid.value == b"\xa1\x01\x01"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("sbom.json", "other.json", "release.yaml:3: other.json: "),
        ("cyclonedx: sbom.json", "spdx: sbom.json", "release.yaml:3: .*unknown name"),
        (
            "cyclonedx: sbom.json",
            "file: sbom.json",
            "recipients would refuse .*coswid: a concise-swid-tag is",
        ),
        ("{cyclonedx: sbom.json}", "{hex: 0a}", "recipients would refuse"),
    ],
)
def test_a_mistake_is_named_with_its_line(directory: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(HardsuitError, match=problem):
        describe.build(DESCRIPTION.replace(old, new), name="release.yaml", directory=directory)


def test_a_broken_sbom_is_named_with_line_and_place(directory: Path) -> None:
    (directory / "sbom.json").write_text(json.dumps(changed(specVersion="1.4")))
    with pytest.raises(UsageError, match=r"release.yaml:3: .*sbom.json: no CycloneDX SBOM: specVersion"):
        made(directory)


@pytest.mark.parametrize("more", ["", "severable: []\n"])
def test_shown_tags_name_everything_and_are_read_back(directory: Path, more: str) -> None:
    raw = encode_envelope(made(directory, more))
    text = show(raw)
    for words in (
        "/ coswid / 14: <<",
        '/ software-name / 1: "thermostat",',
        "/ 3e671687-395b-41f5-a30f-a58921a69b79 /",
        "33: 1 / tag-creator /",
        "/ semver /",
        '"license": ["Zlib", "MIT OR BSD-3-Clause"]',
        "/ sha-256 /",
    ):
        assert words in text
    assert read(text, name="shown") == raw


def test_diff_names_what_changed_in_the_software(directory: Path) -> None:
    before = encode_envelope(made(directory))
    newer = json.dumps(SBOM).replace('"1.3.1"', '"1.3.2"')
    (directory / "sbom.json").write_text(newer)
    lines = [change.line for change in diff(before, encode_envelope(made(directory)))]
    assert '~ coswid: payload: resource: zlib: version = "1.3.1" -> "1.3.2"' in lines
    assert not any("thermostat" in line for line in lines)


def test_lint_asks_for_a_severable_and_complete_tag(directory: Path) -> None:
    def rules_of(envelope: Envelope) -> set[lint_rules.Rule]:
        manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
        return {finding.rule for finding in lint(envelope, manifest)}

    both = {lint_rules.COSWID_NOT_SEVERABLE, lint_rules.BAD_COSWID}
    assert rules_of(made(directory)) & both == set()
    assert rules_of(made(directory, "severable: []\n")) & both == {lint_rules.COSWID_NOT_SEVERABLE}
    assert rules_of(sever(made(directory), (Member.COSWID,))) & both == set()
    for content in ("a0", "bfff"):
        text = DESCRIPTION.replace("{cyclonedx: sbom.json}", f"{{hex: {content}}}")
        assert rules_of(describe.build(text, name="a", directory=directory)) & both == both


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({CoSwid.TAG_ID: "a__b"}, "underscores"),
        ({CoSwid.TAG_ID: b"short"}, "UUID of 16"),
        ({CoSwid.ENTITY: {31: "A", 33: CoSwidRole.LICENSOR.value}}, "tag-creator"),
        ({CoSwid.PATCH: True, CoSwid.SUPPLEMENTAL: True}, "both a patch"),
        ({CoSwid.EVIDENCE: {}, CoSwid.PAYLOAD: {}}, "both payload and evidence"),
    ],
)
def test_what_makes_a_tag_bad_is_said(members: dict[CoSwid, Any], problem: str) -> None:
    good = {0: "id", 1: "name", 2: [{31: "A", 33: [2, 1]}], 12: 0}
    assert problems(good) == []
    (found,) = problems(good | {label.value: value for label, value in members.items()})
    assert problem in found


def test_the_command_line_makes_shows_extracts_and_severs_it(directory: Path) -> None:
    (directory / "release.yaml").write_text(DESCRIPTION)
    out, cut, swid = (str(directory / name) for name in ("a.suit", "b.suit", "swid"))
    runner = CliRunner()

    def run(*words: str, code: int = 0) -> str:
        result = runner.invoke(cli, list(words))
        assert result.exit_code == code, result.output
        return result.output

    run("build", str(directory / "release.yaml"), "-o", out)
    run("extract", out, "--coswid", "-o", swid)
    assert Path(swid).read_bytes() == coswid_of(json.dumps(SBOM).encode())
    run("sever", out, "--member", "coswid", "-o", cut)
    assert "was severed" in run("extract", cut, "--coswid", code=2)
    assert "takes no URI" in run("extract", cut, "#a", "--coswid", code=2)
    assert "severed, not in this envelope" in run("show", cut)
    assert json.loads(run("extract", out, "--coswid", "--json"))["data"]["size"] == len(
        Path(swid).read_bytes()
    )


# ------------------------------------------------------------------------------------ well-formedness


_SCALARS = (
    st.integers(-(1 << 64), (1 << 64) - 1) | st.floats() | st.binary() | st.text() | st.booleans() | st.none()
)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines differ
ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(max_size=9), inner),
    max_leaves=5,
)


@pytest.mark.req("U3.2-1")
@UNHURRIED
@given(st.dictionaries(st.integers() | st.text(max_size=9), ANYTHING, max_size=3), st.data())
def test_whatever_another_encoder_writes_is_well_formed(item: dict[Any, Any], data: st.DataObject) -> None:
    raw = cbor2.dumps(item)
    assert check_coswid(raw, "here") == raw
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(MalformedError):
        check_coswid(raw[:cut], "here")


@UNHURRIED
@given(st.binary(max_size=40))
def test_any_bytes_are_well_formed_or_refused_with_a_name(raw: bytes) -> None:
    try:
        check_coswid(b"\xa1\x01" + raw, "here")
    except MalformedError:
        return
    assert raw


def test_limits_hold_without_decoding() -> None:
    with pytest.raises(LimitError, match="262145 bytes"):
        check_coswid(b"\xa0" + bytes(1 << 18), "here")
    with pytest.raises(LimitError, match="levels"):
        check_coswid(b"\xa1\x01" + b"\x81" * 16 + b"\x00", "here")
    check_coswid(b"\xa1\x01" + b"\x81" * 15 + b"\x00", "here")
    with pytest.raises(LimitError, match="items"):
        require_well_formed(b"\x83\x00\x00\x00", where="here", limits=cbor.Limits(items=3))
    with pytest.raises(MalformedError, match="too early"):
        check_coswid(b"\xbb" + b"\xff" * 8, "here")


@UNHURRIED
@given(ANYTHING)
def test_anything_can_be_shown_and_told_in_pieces(item: Any) -> None:
    try:
        decoded = cbor.decode(cbor2.dumps(item), where="here", ordered=False)
    except MalformedError:
        return
    assert show_coswid(decoded, 32)
    assert list(leaves(decoded, ("coswid",)))


def test_what_is_not_deterministic_is_shown_as_bytes() -> None:
    text = DESCRIPTION.replace("{cyclonedx: sbom.json}", "{hex: bf01617aff}")
    raw = encode_envelope(describe.build(text, name="a", directory=Path()))
    assert "/ coswid / 14: h'bf01617aff'" in show(raw)
    assert read(show(raw), name="shown") == raw
