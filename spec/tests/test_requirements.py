"""Every MUST has a proof or a waiver, and a proof of nothing is an error."""

import json
from pathlib import Path

import pytest

from spec import requirements
from spec.errors import SpecError

ROOT = Path(requirements.__file__).parents[1]
MATRIX = """
due = 1
[document]
M = "the manifest"
I = "the threats"
H = "ours"
[requirement]
"M8.3-1" = { level = "MUST", room = "suit", issue = 1, text = "first" }
"M8.3-2" = { level = "MUST", room = "suit", issue = 1, text = "second" }
"M9-1" = { level = "MUST", room = "device", issue = 2, text = "later" }
"M9-2" = { level = "SHOULD", room = "device", issue = 1, text = "good to have" }
"I4.2.1" = { level = "MUST", room = "suit", issue = 1, by = ["M8.3-1", "H2-1"], text = "a threat" }
"H2-1" = { level = "MUST", room = "suit", issue = 1, waiver = "cannot be shown", text = "waived" }
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a small source tree with a matrix and nothing that proves it."""
    for folder in ("spec", "suit/tests", "device/tests/deep", "conformance/cases/topic"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "spec" / "requirements.toml").write_text(MATRIX, "utf-8")
    return tmp_path


def put(root: Path, text: str, name: str = "suit/tests/test_it.py") -> None:
    """Write a file of the small tree."""
    (root / name).write_text(text, "utf-8")


def unproved(root: Path) -> list[str]:
    return [row.id for row in requirements.matrix(root).unproved()]


@pytest.mark.req("H2-6")
def test_must_rows_without_proof_or_waiver_are_unproved(root: Path) -> None:
    assert unproved(root) == ["M8.3-1", "M8.3-2", "M9-1", "I4.2.1"]


@pytest.mark.req("H2-6")
def test_marker_on_a_test_proves_its_rows(root: Path) -> None:
    put(root, '@pytest.mark.req("M8.3-1", "M9-1")\ndef test_a(): ...\n')
    assert unproved(root) == ["M8.3-2"]
    assert requirements.matrix(root).proofs["M9-1"] == ("suit/tests/test_it.py::test_a",)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('@pytest.mark.req("M8.3-1")\nclass TestA: ...\n', "::TestA"),
        ('class TestA:\n @pytest.mark.req("M8.3-1")\n async def test_b(self): ...\n', "::TestA::test_b"),
        ('pytestmark = [pytest.mark.slow, pytest.mark.req("M8.3-1")]\n', ""),
        ('P = pytest.param(1, marks=pytest.mark.req("M8.3-1"))\n', ""),
    ],
)  # fmt: skip
def test_marker_counts_wherever_it_stands(root: Path, text: str, place: str) -> None:
    put(root, text, "device/tests/deep/test_x.py")
    proofs = requirements.matrix(root).proofs
    assert proofs["M8.3-1"] == (f"device/tests/deep/test_x.py{place}",)


@pytest.mark.req("H2-6")
def test_case_proves_its_rows(root: Path) -> None:
    cases = [{"case": "one", "requirement": ["M8.3-1"]}, {"case": "two", "requirement": ["M8.3-2"]}]
    (root / "conformance/cases/topic/list.json").write_text(json.dumps(cases), "utf-8")
    (root / "conformance/cases/single.json").write_text(
        json.dumps({"case": "three", "requirement": ["M8.3-1"]}), "utf-8"
    )
    assert unproved(root) == ["M9-1"]
    assert set(requirements.matrix(root).proofs["M8.3-1"]) == {"case one", "case three"}


@pytest.mark.req("H2-6")
@pytest.mark.parametrize("flags", [[], ["--check"], ["--unproved"]])
def test_unknown_id_is_an_error_in_every_mode(
    root: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, '@pytest.mark.req("M8.3-9")\ndef test_a(): ...\n')
    assert requirements.main([*flags, "--root", str(root)]) == 1
    assert capsys.readouterr().err == (
        "suit/tests/test_it.py::test_a: no requirement M8.3-9 to prove in requirements.toml\n"
    )
    assert not (root / "spec" / "REQUIREMENTS.md").exists()


def test_computed_id_is_an_error(root: Path) -> None:
    put(root, "@pytest.mark.req(NAME)\ndef test_a(): ...\n")
    with pytest.raises(SpecError, match=r"suit/tests/test_it\.py:1: .* plain strings"):
        requirements.matrix(root)


@pytest.mark.parametrize("text", ["def test_a(:\n", "[]", '{"case": "x"}', "{", '[["a"]]'])
def test_unreadable_test_or_case_is_named(root: Path, text: str) -> None:
    name = "suit/tests/test_it.py" if "def" in text else "conformance/cases/bad.json"
    put(root, text, name)
    if text == "[]":
        assert unproved(root) == ["M8.3-1", "M8.3-2", "M9-1", "I4.2.1"]
        return
    with pytest.raises(SpecError, match=name):
        requirements.matrix(root)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"M8.3-2"', '"M8.3-1"'),
        ('"M8.3-2"', '"X8.3-2"'),
        ('"M8.3-2"', '"M8.3-two"'),
        ('level = "SHOULD"', 'level = "should"'),
        ('room = "device"', 'room = "kitchen"'),
        ("issue = 2, ", ""),
        ('waiver = "cannot be shown"', 'waiver = ""'),
        ('by = ["M8.3-1", "H2-1"]', 'by = ["M8.3-9"]'),
        ('by = ["M8.3-1", "H2-1"]', 'by = ["I4.2.1"]'),
        ("due = 1", ""),
        ("due = 1", 'due = "1"'),
    ],
)
def test_inconsistent_matrix_is_refused(root: Path, old: str, new: str) -> None:
    assert old in MATRIX
    (root / "spec" / "requirements.toml").write_text(MATRIX.replace(old, new), "utf-8")
    with pytest.raises(SpecError, match=r"requirements\.toml"):
        requirements.matrix(root)


def test_unproved_lists_rows_and_count_and_fails_only_when_strict(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, '@pytest.mark.req("M8.3-1")\ndef test_a(): ...\n')
    arguments = ["--unproved", "--issue", "1", "--root", str(root)]
    assert requirements.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["M8.3-2", "1"]
    assert requirements.main([*arguments, "--strict"]) == 1
    put(root, '@pytest.mark.req("M8.3-1", "M8.3-2")\ndef test_a(): ...\n')
    assert requirements.main([*arguments, "--strict"]) == 0


@pytest.mark.req("H2-6")
def test_only_what_is_due_fails_and_what_comes_later_is_said_to(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, '@pytest.mark.req("M8.3-1", "M8.3-2")\ndef test_a(): ...\n')
    arguments = ["--unproved", "--strict", "--root", str(root)]
    assert requirements.main(arguments) == 0
    later, count = capsys.readouterr().out.splitlines()
    assert later.startswith("M9-1 ")
    assert "stage 2, due later" in later
    assert count == "0 MUST of stages 1 to 1 without proof or waiver, 1 of later ones"
    toml = root / "spec" / "requirements.toml"
    toml.write_text(toml.read_text("utf-8").replace("due = 1", "due = 2"), "utf-8")
    assert requirements.main(arguments) == 1


@pytest.mark.req("H2-6")
def test_a_threat_is_answered_when_all_that_meets_it_is_proved(root: Path) -> None:
    put(root, '@pytest.mark.req("M8.3-2", "M9-1")\ndef test_a(): ...\n')
    assert unproved(root) == ["M8.3-1", "I4.2.1"]
    put(root, '@pytest.mark.req("M8.3-1", "M8.3-2", "M9-1")\ndef test_a(): ...\n')
    assert unproved(root) == []
    put(root, '@pytest.mark.req("I4.2.1")\ndef test_a(): ...\n')
    with pytest.raises(SpecError, match=r"no requirement I4\.2\.1 to prove"):
        requirements.matrix(root)


def test_page_is_written_and_an_old_one_is_noticed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert requirements.main(["--check", "--root", str(root)]) == 1
    assert requirements.main(["--root", str(root)]) == 0
    assert requirements.main(["--check", "--root", str(root)]) == 0
    page = (root / "spec" / "REQUIREMENTS.md").read_text("utf-8")
    assert "| 1 | 4 | 0 | 1 | 3 |" in page
    assert "| 2, due later | 1 | 0 | 0 | 1 |" in page
    assert "| M8.3-1 | MUST | suit | 1 | first | **open** |" in page
    assert "| M9-1 | MUST | device | 2 | later | due with stage 2 |" in page
    assert "| M9-2 | SHOULD | device | 1 | good to have | - |" in page
    assert "| I4.2.1 | MUST | suit | 1 | a threat | through M8.3-1, H2-1 |" in page
    assert "waived: cannot be shown" in page
    put(root, '@pytest.mark.req("M8.3-1")\ndef test_a(): ...\n')
    capsys.readouterr()
    for more in ([], ["--unproved"]):
        assert requirements.main(["--check", *more, "--root", str(root)]) == 1
        assert capsys.readouterr().err.startswith("REQUIREMENTS.md: not up to date")


@pytest.mark.req("H2-6")
def test_our_own_matrix_is_consistent_and_every_proof_names_a_row() -> None:
    matrix = requirements.matrix(ROOT)
    assert matrix.proofs
    assert len({row.text for row in matrix.rows}) == len(matrix.rows)


@pytest.mark.req("H2-6")
def test_no_item_of_the_checklist_and_no_threat_or_need_of_rfc_9124_is_forgotten() -> None:
    rows = requirements.matrix(ROOT).rows
    assert {row.item for row in rows} - {None} == set(range(1, 85))
    for section, count in {"4.2": 18, "4.3": 21, "4.5": 14}.items():
        own = [row for row in rows if row.id.startswith(f"I{section}.")]
        assert [row.id for row in own] == [f"I{section}.{number}" for number in range(1, count + 1)]
        assert {row.level for row in own} == {"MUST"}
        assert all(bool(row.by) == (section == "4.2") for row in own)
