"""Join the requirement matrix with its proofs.

::

    python -m spec.requirements             # write REQUIREMENTS.md
    python -m spec.requirements --check     # exit 1 if REQUIREMENTS.md is not what would be written
    python -m spec.requirements --unproved  # list every MUST without proof or waiver, and the count
    python -m spec.requirements --unproved --strict             # exit 1 if one of them is due
    python -m spec.requirements --unproved --issue 1 --strict   # the same for the rows of stage 1 alone

A proof is a test that carries ``@pytest.mark.req("M8.4.2-1")``, or a conformance case that names the
row in its ``requirement`` list. A threat has none of its own: it is answered when every row named in its
``by`` is. Tests are read as syntax trees and never imported. A proof of a row that does not exist is an
error in every mode.
"""

import argparse
import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spec.errors import SpecError

ROOM = Path(__file__).parent
ROOMS = ("spec", "suit", "repository", "device", "conformance")
LEVELS = ("MUST", "SHOULD", "MAY", "REC")
IDENTIFIER = re.compile(r"([A-Z])(\d+(?:\.\d+)*)(?:-\d+)?")
FIELDS = frozenset(["level", "room", "issue", "text"])
OPTIONAL_FIELDS = frozenset(["item", "waiver", "by"])


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
    by: tuple[str, ...] = ()

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
    """All rows, with what proves each.

    Attributes:
        due: The stage that has been reached: rows of later ones may wait for their proof.
    """

    due: int
    documents: Mapping[str, str]
    rows: tuple[Requirement, ...]
    proofs: Mapping[str, tuple[str, ...]]

    def unproved(self, *, issue: int | None = None) -> list[Requirement]:
        """The MUST rows, due by ``issue``, that have neither proof nor waiver."""
        met = {row.id for row in self.rows if row.waiver is not None or row.id in self.proofs}
        return [
            row
            for row in self.rows
            if row.level == "MUST"
            and row.id not in met
            and not (row.by and met.issuperset(row.by))
            and (issue is None or row.issue <= issue)
        ]


def load(path: Path) -> Matrix:
    """Read and check the matrix, without any proof.

    Raises:
        SpecError: the file is not TOML (a repeated id is an error there), or a row is incomplete.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path.name}: {error}") from error
    documents: dict[str, str] = data["document"]
    if type(data.get("due")) is not int:
        raise SpecError(f"{path.name}: due names no stage")
    rows = tuple(_row(path.name, name, fields, documents) for name, fields in data["requirement"].items())
    known = {row.id for row in rows if not row.by}
    for row in rows:
        if not known.issuperset(row.by):
            raise SpecError(f"{path.name}: {row.id}: by names no row that is proved itself")
    return Matrix(data["due"], documents, rows, {})


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
    return Requirement(id=name, **fields | {"by": tuple(fields.get("by", ()))})


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


def join(empty: Matrix, proofs: Iterable[Proof]) -> Matrix:
    """Put each proof beside its row.

    Raises:
        SpecError: a proof names a row that does not exist, or one that is proved through others.
    """
    known = {row.id for row in empty.rows if not row.by}
    joined: dict[str, list[str]] = {}
    for proof in proofs:
        if proof.id not in known:
            raise SpecError(f"{proof.where}: no requirement {proof.id} to prove in requirements.toml")
        places = joined.setdefault(proof.id, [])
        if proof.where not in places:
            places.append(proof.where)
    return replace(empty, proofs={name: tuple(places) for name, places in joined.items()})


def matrix(root: Path) -> Matrix:
    """The matrix of a source tree with all its proofs."""
    empty = load(root / "spec" / "requirements.toml")
    return join(empty, [*test_proofs(root), *case_proofs(root)])


def render(matrix: Matrix) -> str:
    """The text of ``REQUIREMENTS.md``."""
    unproved = {row.id for row in matrix.unproved()}
    lines = [
        "# Requirements and their proofs",
        "",
        "Generated from requirements.toml, the tests and the cases by",
        "`python -m spec.requirements`; do not edit. A MUST of a stage that is due and neither proved nor",
        "waived fails `make lint`.",
        "",
        "| stage | MUST | proved | waived | open |",
        "|---|---|---|---|---|",
    ]
    lines += [_summary(matrix, issue, unproved) for issue in sorted({r.issue for r in matrix.rows})]
    for key, name in matrix.documents.items():
        lines += ["", f"## {key}: {name}", ""]
        lines += ["| id | level | room | stage | what | proof |", "|---|---|---|---|---|---|"]
        lines += [_line(row, matrix) for row in matrix.rows if row.document == key]
    return "\n".join(lines) + "\n"


def _summary(matrix: Matrix, issue: int, unproved: set[str]) -> str:
    must = [row for row in matrix.rows if row.issue == issue and row.level == "MUST"]
    waived = sum(row.waiver is not None and row.id not in matrix.proofs for row in must)
    left = sum(row.id in unproved for row in must)
    stage = str(issue) if issue <= matrix.due else f"{issue}, due later"
    return f"| {stage} | {len(must)} | {len(must) - waived - left} | {waived} | {left} |"


def _line(row: Requirement, matrix: Matrix) -> str:
    places = list(matrix.proofs.get(row.id, ()))
    if row.waiver is not None:
        places.append(f"waived: {row.waiver}")
    if row.by:
        places.append(f"through {', '.join(row.by)}")
    if not places and row.level == "MUST":
        places.append("**open**" if row.issue <= matrix.due else f"due with stage {row.issue}")
    proof = "<br>".join(places) or "-"
    return f"| {row.id} | {row.level} | {row.room} | {row.issue} | {row.text} | {proof} |"


def _list_unproved(matrix: Matrix, issue: int | None) -> int:
    """List what is unproved, and return how many rows of it are due."""
    rows = matrix.unproved(issue=issue)
    due = [row for row in rows if issue is not None or row.issue <= matrix.due]
    for row in rows:
        later = "" if row in due else ", due later"
        sys.stdout.write(f"{row.id:14} {row.room:12} stage {row.issue}{later}  {row.text}\n")
    reached = matrix.due if issue is None else issue
    sys.stdout.write(f"{len(due)} MUST of stages 1 to {reached} without proof or waiver")
    sys.stdout.write(f", {len(rows) - len(due)} of later ones\n")
    return len(due)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m spec.requirements", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare REQUIREMENTS.md only")
    parser.add_argument("--unproved", action="store_true", help="list MUST rows without proof")
    parser.add_argument("--issue", type=int, help="with --unproved: only rows due by this stage")
    parser.add_argument("--strict", action="store_true", help="exit 1 on an unproved MUST that is due")
    parser.add_argument("--root", type=Path, default=ROOM.parent, help="folder of the five rooms")
    options = parser.parse_args(arguments)
    try:
        joined = matrix(options.root)
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    page = options.root / "spec" / "REQUIREMENTS.md"
    if not (options.check or options.unproved):
        page.write_text(render(joined), "utf-8")
        return 0
    bad = options.check and not _is_current(page, render(joined))
    left = _list_unproved(joined, options.issue) if options.unproved else 0
    return 1 if bad or (left and options.strict) else 0


def _is_current(page: Path, text: str) -> bool:
    if page.is_file() and page.read_text("utf-8") == text:
        return True
    sys.stderr.write(f"{page.name}: not up to date (run python -m spec.requirements)\n")
    return False


if __name__ == "__main__":
    sys.exit(main())
