"""Join the requirement matrix with its proofs.

::

    python -m spec.requirements             # write REQUIREMENTS.md
    python -m spec.requirements --check     # exit 1 if REQUIREMENTS.md is not what would be written
    python -m spec.requirements --unproved  # list every MUST without proof or waiver, and the count
    python -m spec.requirements --unproved --issue 1 --strict   # exit 1 if there is any

A proof is a test that carries ``@pytest.mark.req("M8.4.2-1")``, or a conformance case that names the
row in its ``requirement`` list. Tests are read as syntax trees and never imported. A proof of a row
that does not exist is an error in every mode.
"""

import argparse
import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spec.errors import SpecError

ROOM = Path(__file__).parent
ROOMS = ("spec", "suit", "repository", "device", "conformance")
LEVELS = ("MUST", "SHOULD", "MAY", "REC")
IDENTIFIER = re.compile(r"([A-Z])(\d+(?:\.\d+)*)(?:-\d+)?")
FIELDS = frozenset(["level", "room", "issue", "text"])
OPTIONAL_FIELDS = frozenset(["item", "waiver"])


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row of the matrix."""

    id: str
    level: str
    room: str
    issue: int
    text: str
    item: int | None = None
    waiver: str | None = None

    @property
    def document(self) -> str:
        """The key of the document it comes from."""
        return self.id[0]

    @property
    def section(self) -> str:
        """The section of that document."""
        return self.id[1:].partition("-")[0]


@dataclass(frozen=True, slots=True)
class Proof:
    """A test or a case that claims to prove a row."""

    id: str
    where: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """All rows, with what proves each."""

    documents: Mapping[str, str]
    rows: tuple[Requirement, ...]
    proofs: Mapping[str, tuple[str, ...]]

    def unproved(self, *, issue: int | None = None) -> list[Requirement]:
        """The MUST rows, due by ``issue``, that have neither proof nor waiver."""
        return [
            row
            for row in self.rows
            if row.level == "MUST"
            and row.waiver is None
            and row.id not in self.proofs
            and (issue is None or row.issue <= issue)
        ]


def load(path: Path) -> tuple[dict[str, str], tuple[Requirement, ...]]:
    """Read and check the matrix: its documents and its rows.

    Raises:
        SpecError: the file is not TOML (a repeated id is an error there), or a row is incomplete.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path.name}: {error}") from error
    documents: dict[str, str] = data["document"]
    return documents, tuple(
        _row(path.name, name, fields, documents) for name, fields in data["requirement"].items()
    )


def _row(file: str, name: str, fields: dict[str, Any], documents: Mapping[str, str]) -> Requirement:
    where = f"{file}: {name}"
    match = IDENTIFIER.fullmatch(name)
    if match is None or match[1] not in documents:
        raise SpecError(f"{where}: no id of a known document")
    if not set(fields) - OPTIONAL_FIELDS == FIELDS:
        raise SpecError(f"{where}: wrong fields {sorted(set(fields) ^ FIELDS)}")
    if fields["level"] not in LEVELS or fields["room"] not in ROOMS:
        raise SpecError(f"{where}: unknown level or room")
    if fields.get("waiver") == "":
        raise SpecError(f"{where}: a waiver needs its reason")
    return Requirement(id=name, **fields)


def _markers(node: ast.AST, place: tuple[str, ...]) -> Iterator[Proof]:
    """Every ``pytest.mark.req(...)`` below ``node``, with the file, class and test around it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        place = (*place, node.name)
    elif isinstance(node, ast.Call) and _is_marker(node.func):
        for argument in node.args:
            if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                raise SpecError(f"{place[0]}:{node.lineno}: req() takes ids as plain strings")
            yield Proof(argument.value, "::".join(place))
    for child in ast.iter_child_nodes(node):
        yield from _markers(child, place)


def _is_marker(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "req"
        and isinstance(function.value, ast.Attribute)
        and function.value.attr == "mark"
    )


def test_proofs(root: Path) -> Iterator[Proof]:
    """All proofs that tests of the five rooms claim."""
    for room in ROOMS:
        for path in sorted((root / room).glob("**/tests/**/*.py")):
            file = path.relative_to(root).as_posix()
            try:
                tree = ast.parse(path.read_bytes(), file)
            except SyntaxError as error:
                raise SpecError(f"{file}:{error.lineno}: {error.msg}") from error
            yield from _markers(tree, (file,))


def case_proofs(root: Path) -> Iterator[Proof]:
    """All proofs that conformance cases claim; a file holds one case or a list."""
    for path in sorted((root / "conformance" / "cases").rglob("*.json")):
        file = path.relative_to(root).as_posix()
        try:
            data = json.loads(path.read_bytes())
            cases = data if isinstance(data, list) else [data]
            for case in cases:
                for name in case["requirement"]:
                    yield Proof(name, f"case {case['case']}")
        except (ValueError, TypeError, KeyError) as error:
            raise SpecError(f"{file}: not a case or a list of cases ({error!r})") from error


def join(documents: Mapping[str, str], rows: Iterable[Requirement], proofs: Iterable[Proof]) -> Matrix:
    """Put each proof beside its row.

    Raises:
        SpecError: a proof names a row that does not exist.
    """
    rows = tuple(rows)
    known = {row.id for row in rows}
    joined: dict[str, list[str]] = {}
    for proof in proofs:
        if proof.id not in known:
            raise SpecError(f"{proof.where}: no requirement {proof.id} in requirements.toml")
        places = joined.setdefault(proof.id, [])
        if proof.where not in places:
            places.append(proof.where)
    return Matrix(documents, rows, {name: tuple(places) for name, places in joined.items()})


def matrix(root: Path) -> Matrix:
    """The matrix of a source tree with all its proofs."""
    documents, rows = load(root / "spec" / "requirements.toml")
    return join(documents, rows, [*test_proofs(root), *case_proofs(root)])


def render(matrix: Matrix) -> str:
    """The text of ``REQUIREMENTS.md``."""
    unproved = {row.id for row in matrix.unproved()}
    lines = [
        "# Requirements and their proofs",
        "",
        "Generated from requirements.toml, the tests and the cases by",
        "`python -m spec.requirements`; do not edit.",
        "",
        "| issue | MUST | proved | waived | open |",
        "|---|---|---|---|---|",
    ]
    lines += [_summary(matrix, issue, unproved) for issue in sorted({r.issue for r in matrix.rows})]
    for key, name in matrix.documents.items():
        lines += ["", f"## {key}: {name}", ""]
        lines += ["| id | level | room | issue | what | proof |", "|---|---|---|---|---|---|"]
        lines += [_line(row, matrix) for row in matrix.rows if row.document == key]
    return "\n".join(lines) + "\n"


def _summary(matrix: Matrix, issue: int, unproved: set[str]) -> str:
    must = [row for row in matrix.rows if row.issue == issue and row.level == "MUST"]
    proved = sum(row.id in matrix.proofs for row in must)
    waived = sum(row.waiver is not None and row.id not in matrix.proofs for row in must)
    left = sum(row.id in unproved for row in must)
    return f"| {issue} | {len(must)} | {proved} | {waived} | {left} |"


def _line(row: Requirement, matrix: Matrix) -> str:
    places = list(matrix.proofs.get(row.id, ()))
    if row.waiver is not None:
        places.append(f"waived: {row.waiver}")
    proof = "<br>".join(places) or "-"
    return f"| {row.id} | {row.level} | {row.room} | {row.issue} | {row.text} | {proof} |"


def _list_unproved(matrix: Matrix, issue: int | None) -> int:
    rows = matrix.unproved(issue=issue)
    for row in rows:
        sys.stdout.write(f"{row.id:14} {row.room:12} issue {row.issue}  {row.text}\n")
    due = "" if issue is None else f" due by issue {issue}"
    sys.stdout.write(f"{len(rows)} MUST without proof or waiver{due}\n")
    return len(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m spec.requirements", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare REQUIREMENTS.md only")
    parser.add_argument("--unproved", action="store_true", help="list MUST rows without proof")
    parser.add_argument("--issue", type=int, help="with --unproved: rows due by this issue")
    parser.add_argument("--strict", action="store_true", help="exit 1 on an unproved MUST")
    parser.add_argument("--root", type=Path, default=ROOM.parent, help="folder of the five rooms")
    options = parser.parse_args(arguments)
    try:
        joined = matrix(options.root)
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.unproved:
        left = _list_unproved(joined, options.issue)
        return 1 if left and options.strict else 0
    page = options.root / "spec" / "REQUIREMENTS.md"
    if options.check:
        return _compare(page, render(joined))
    page.write_text(render(joined), "utf-8")
    return 0


def _compare(page: Path, text: str) -> int:
    if page.is_file() and page.read_text("utf-8") == text:
        return 0
    sys.stderr.write(f"{page.name}: not up to date (run python -m spec.requirements)\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
