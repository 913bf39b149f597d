"""Every number has one source, and a copy that differs is noticed."""

import doctest
import re
import shutil
from enum import Enum
from pathlib import Path

import pytest

from spec import generate, labels
from spec.errors import SpecError

SPEC = Path(generate.__file__).parent


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """Return a copy of what the generator reads and writes."""
    for path in [*SPEC.glob("*.toml"), *SPEC.glob("*.cddl"), *SPEC.glob("LABELS.md"), SPEC / "labels.py"]:
        shutil.copy(path, tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.req("H2-5")
def test_checked_in_files_are_what_the_registry_gives() -> None:
    assert generate.problems() == []


@pytest.mark.req("H2-5")
@pytest.mark.parametrize("name", ["labels.py", "LABELS.md"])
def test_edited_output_is_noticed_and_written_anew(
    room: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    original = (room / name).read_text("utf-8")
    edit(room / name, "IMAGE_MATCH", "IMAGE_MATCHES")
    assert generate.main(["--check", "--room", str(room)]) == 1
    assert capsys.readouterr().err.startswith(f"{name}: differs")
    assert generate.main(["--room", str(room)]) == 0
    assert capsys.readouterr().out == f"wrote {name}\n"
    assert (room / name).read_text("utf-8") == original


@pytest.mark.req("H2-5")
def test_missing_output_is_noticed(room: Path) -> None:
    (room / "labels.py").unlink()
    assert [p.partition(":")[0] for p in generate.problems(room)] == ["labels.py"]


def constants() -> list[str]:
    return re.findall(r"^[a-z0-9-]+ = -?\d+$", (SPEC / "manifest.cddl").read_text("utf-8"), re.MULTILINE)


@pytest.mark.req("H2-5")
@pytest.mark.parametrize("line", constants())
def test_one_digit_of_any_constant_in_the_grammar_is_noticed(room: Path, line: str) -> None:
    changed = line[:-1] + str((int(line[-1]) + 1) % 10)
    edit(room / "manifest.cddl", f"\n{line}\n", f"\n{changed}\n")
    found = generate.problems(room)
    assert len(found) == 1
    assert changed in found[0]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("#6.107", "#6.106", "tag 106"),
        ("suit-send-sysinfo-failure: 3", "suit-send-sysinfo-failure: 4", "suit-send-sysinfo-failure"),
        ("suit-common = 3", "suit-comon = 3", "suit-comon"),
    ],
)
def test_wrong_tag_bit_or_name_in_the_grammar_is_noticed(
    room: Path, old: str, new: str, problem: str
) -> None:
    edit(room / "manifest.cddl", old, new)
    assert problem in generate.problems(room)[0]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('value = 32, name = "suit-directive-run', 'value = 31, name = "suit-directive-run', "share 31"),
        ('value = 1, name = "suit-condition-vendor', 'value = 0, name = "suit-condition-vendor', "reserved"),
        ("suit-directive-unlink", "suit-directive-copy", "used twice"),
        ('status = "CONDITIONAL"', 'status = "PERHAPS"', "unknown status"),
        ('source = "RFC9054"', 'source = "RFC9999"', "unknown document"),
        ('kind = "wrapper", ', "", "wrong fields"),
    ],
)
def test_inconsistent_registry_is_refused(room: Path, old: str, new: str, problem: str) -> None:
    edit(room / "registry.toml", old, new)
    with pytest.raises(SpecError, match=problem):
        generate.load(room / "registry.toml")


def test_inconsistent_registry_is_one_line_and_exit_1(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(room / "registry.toml", 'status = "CONDITIONAL"', 'status = "PERHAPS"')
    assert generate.main(["--room", str(room)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("registry.toml: ")


def test_labels_are_plain_enums_whose_numbers_never_meet() -> None:
    match, digest = labels.Command.IMAGE_MATCH, labels.Parameter.IMAGE_DIGEST
    assert match.value == digest.value == 3
    values: list[object] = [match, digest, 3]
    assert len(set(values)) == 3


def test_every_table_of_the_registry_is_an_enum_with_every_row() -> None:
    for table in generate.load().tables:
        enum = getattr(labels, table.name)
        assert issubclass(enum, Enum)
        assert {(row.member, row.value) for row in table.rows} == {
            (name, member.value) for name, member in enum.__members__.items()
        }


def test_conditions_and_directives_divide_the_commands() -> None:
    assert set(labels.Command) == labels.CONDITIONS | labels.DIRECTIVES
    assert not labels.CONDITIONS & labels.DIRECTIVES
    assert labels.Command.ABORT in labels.CONDITIONS


def test_severable_members_have_the_same_label_in_envelope_and_manifest() -> None:
    assert {(m.name, m.value) for m in labels.SEVERABLE_MEMBERS} == {
        (m.name, m.value) for m in labels.SEVERABLE_CHOICES
    }


def test_profiles_name_known_algorithms_of_the_right_kind() -> None:
    kinds = [labels.HASHES, labels.SIGNATURES | labels.MACS,
             labels.KEY_WRAPS | labels.KEY_AGREEMENTS, labels.CONTENT_CIPHERS]  # fmt: skip
    for profile in labels.MtiProfile:
        for number, kind in zip(profile.value, kinds, strict=True):
            assert labels.CoseAlgorithm(number) in kind


def test_grammar_has_a_constant_for_every_row_of_the_base_document() -> None:
    written = {line.partition(" = ")[0] for line in constants()}
    tables = ("Envelope", "Manifest", "Common", "Command", "Parameter", "TextManifest", "TextComponent")
    rows = {row.name for name in tables for row in generate.load().table(name).rows if row.source == "M"}
    assert rows <= written


def test_examples_in_docstrings_are_true() -> None:
    assert doctest.testmod(generate).failed == 0
