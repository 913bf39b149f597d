"""Turn ``registry.toml`` into ``labels.py`` and ``LABELS.md``, and compare the CDDL with it.

::

    python -m spec.generate           # write both files
    python -m spec.generate --check   # change nothing; exit 1 and name every difference

Either way every numeric constant, reporting bit and tag of ``spec/*.cddl`` is compared with the
registry: each number lives in one place, and its copies are proved to be copies.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spec.errors import SpecError

ROOM = Path(__file__).parent
STATUSES = frozenset(
    [
        "REQUIRED",
        "REQUIRED-BOOTLOADER",
        "REQUIRED-UPDATER",
        "REQUIRED-MULTI",
        "CONDITIONAL",
        "RECOMMENDED",
        "OPTIONAL",
        "DEPRECATED",
    ]
)
FIELDS = frozenset(["value", "name", "member", "kind", "argument", "source", "section", "status", "since"])
CONSTANT = re.compile(r"^([A-Za-z][\w.-]*)\s*=\s*(-?\d+)\s*$")
BIT = re.compile(r"^([A-Za-z][\w.-]*)\s*:\s*(\d+)\s*,?\s*$")
TAG = re.compile(r"#6\.(\d+)")


@dataclass(frozen=True, slots=True)
class Row:
    """One number and what the standards say about it."""

    value: int | tuple[int, ...]
    name: str
    member: str
    kind: str
    argument: str
    source: str
    section: str
    status: str
    since: str

    @property
    def literal(self) -> str:
        """The value as Python source."""
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Table:
    """One number space; it becomes one Enum."""

    name: str
    summary: str
    rows: tuple[Row, ...]
    groups: Mapping[str, str]
    reserved: Mapping[int, str]
    cddl: str | None

    def constant(self, row: Row) -> str:
        """The name that a CDDL file of ours gives to this row's number."""
        if self.cddl is None:
            return row.name
        return self.cddl + re.sub(r"[^a-z0-9]+", "-", row.name.lower())


@dataclass(frozen=True, slots=True)
class Document:
    """A pinned source."""

    name: str
    revision: str


@dataclass(frozen=True, slots=True)
class Registry:
    """All tables, and the documents they were read from."""

    documents: Mapping[str, Document]
    tables: tuple[Table, ...]

    def constants(self) -> dict[str, set[int]]:
        """Every CDDL constant name with the number (rarely numbers) it may have."""
        found: dict[str, set[int]] = {}
        for table in self.tables:
            for row in table.rows:
                if isinstance(row.value, int):
                    found.setdefault(table.constant(row), set()).add(row.value)
        return found

    def table(self, name: str) -> Table:
        """The table of that name."""
        for table in self.tables:
            if table.name == name:
                return table
        raise SpecError(f"registry.toml: no table {name}")


def member_name(name: str, prefixes: Sequence[str]) -> str:
    """The Enum member for a document's name: prefix off, upper case, underscores.

    >>> member_name("suit-condition-image-match", ["suit-condition-", "suit-directive-"])
    'IMAGE_MATCH'
    >>> member_name("ECDH-ES + A128KW", [])
    'ECDH_ES_A128KW'
    """
    for prefix in prefixes:
        if name.startswith(prefix):
            name = name.removeprefix(prefix)
            break
    return re.sub(r"[^A-Z0-9]+", "_", name.upper())


def load(path: Path = ROOM / "registry.toml") -> Registry:
    """Read and check the registry.

    Raises:
        SpecError: a row is incomplete, or two rows claim the same number or name.
    """
    data = tomllib.loads(path.read_text("utf-8"))
    documents = {key: Document(**entry) for key, entry in data["document"].items()}
    tables = tuple(_table(name, entry, since=data["since"]) for name, entry in data["table"].items())
    for table in tables:
        _check_table(table, documents)
    return Registry(documents, tables)


def _table(name: str, entry: dict[str, Any], *, since: str) -> Table:
    defaults = {"since": since, **entry.get("defaults", {})}
    prefixes = entry.get("prefix", [])
    table = Table(
        name=name,
        summary=entry["summary"],
        rows=tuple(_row(name, {**defaults, **row}, prefixes) for row in entry["rows"]),
        groups=entry.get("groups", {}),
        reserved={int(number): why for number, why in entry.get("reserved", {}).items()},
        cddl=entry.get("cddl"),
    )
    if not entry.get("aliases", False):
        _check_unique(table)
    return table


def _row(table: str, fields: dict[str, Any], prefixes: Sequence[str]) -> Row:
    where = f"registry.toml: {table}.{fields.get('name')}"
    fields = {"member": member_name(fields["name"], prefixes), **fields}
    if set(fields) != FIELDS:
        raise SpecError(f"{where}: wrong fields {sorted(set(fields) ^ FIELDS)}")
    value = fields.pop("value")
    if isinstance(value, list):
        value = tuple(value)
    if not fields["member"].isidentifier():
        raise SpecError(f"{where}: {fields['member']} is no member name")
    return Row(value=value, **fields)


def _check_unique(table: Table) -> None:
    seen: dict[object, str] = {}
    for row in table.rows:
        if row.value in seen:
            raise SpecError(
                f"registry.toml: {table.name}: {row.name} and {seen[row.value]} share {row.value}"
            )
        seen[row.value] = row.name


def _check_table(table: Table, documents: Mapping[str, Document]) -> None:
    members = [row.member for row in table.rows]
    for row in table.rows:
        where = f"registry.toml: {table.name}.{row.name}"
        if members.count(row.member) > 1:
            raise SpecError(f"{where}: member {row.member} is used twice")
        if row.status not in STATUSES:
            raise SpecError(f"{where}: unknown status {row.status}")
        if row.source not in documents:
            raise SpecError(f"{where}: unknown document {row.source}")
        if isinstance(row.value, int) and row.value in table.reserved:
            raise SpecError(f"{where}: {row.value} is reserved")


def render_labels(registry: Registry) -> str:
    """The text of ``labels.py``."""
    groups = [(group, table, kind) for table in registry.tables for kind, group in table.groups.items()]
    names = sorted(["Label"] + [table.name for table in registry.tables] + [group for group, _, _ in groups])
    lines = [
        '"""Every label of the SUIT documents and every COSE number that hardsuit uses, as Enums.',
        "",
        "Generated from registry.toml by `python -m spec.generate`; do not edit. LABELS.md has the",
        "types and the source of each. Plain Enum, so that equal numbers of two tables never meet.",
        '"""',
        "",
        "from enum import Enum",
        "from operator import attrgetter",
        "from typing import TYPE_CHECKING",
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in names),
        "]",
        "",
        "",
        "class Label(Enum):",
        '    """What every table is: members are singletons, so identity hashes them (and fast)."""',
        "",
        "    __hash__ = object.__hash__",
        "",
        "    if not TYPE_CHECKING:  # Enum's own property runs Python for each look-up",
        '        value = property(attrgetter("_value_"))',
    ]
    for table in registry.tables:
        lines += ["", "", f"class {table.name}(Label):", f'    """{table.summary}"""', ""]
        lines += [f"    {row.member} = {row.literal}" for row in table.rows]
    for group, table, kind in groups:
        lines += ["", "", f"{group}: frozenset[{table.name}] = frozenset(", "    {"]
        lines += [f"        {table.name}.{r.member}," for r in table.rows if r.kind == kind]
        lines += ["    }", ")"]
    return "\n".join(lines) + "\n"


def render_markdown(registry: Registry) -> str:
    """The text of ``LABELS.md``."""
    lines = [
        "# Labels",
        "",
        "Generated from registry.toml by `python -m spec.generate`; do not edit.",
        "",
        "| key | document | revision |",
        "|---|---|---|",
    ]
    lines += [f"| {key} | {d.name} | {d.revision} |" for key, d in registry.documents.items()]
    for table in registry.tables:
        lines += ["", f"## {table.name}", "", table.summary, ""]
        lines += ["| value | name | member | kind | argument | source | status | since |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        lines += [f"| {n} | - | - | reserved: {why} | | | | |" for n, why in table.reserved.items()]
        lines += [_markdown_row(row) for row in table.rows]
    return "\n".join(lines) + "\n"


def _markdown_row(row: Row) -> str:
    argument = row.argument if row.argument == "-" else f"`{row.argument}`"
    cells = (
        row.literal,
        row.name,
        f"`{row.member}`",
        row.kind,
        argument,
        f"{row.source} {row.section}",
        row.status,
        row.since,
    )
    return "| " + " | ".join(cells) + " |"


def cddl_problems(registry: Registry, name: str, text: str) -> Iterator[str]:
    """Every number of a CDDL file that the registry does not confirm, as a message."""
    constants = registry.constants()
    policy = {row.name: row.value for row in registry.table("Policy").rows}
    tags = {row.value for row in registry.table("CborTag").rows}
    for number, line in enumerate(text.splitlines(), start=1):
        code = line.partition(";")[0].strip()
        where = f"{name}:{number}"
        if match := CONSTANT.match(code):
            if int(match[2]) not in constants.get(match[1], ()):
                yield f"{where}: {match[1]} = {match[2]} is not in registry.toml"
        elif (match := BIT.match(code)) and policy.get(match[1]) != 1 << int(match[2]):
            yield f"{where}: bit {match[1]} : {match[2]} is not in registry.toml"
        for tag in TAG.findall(code):
            if int(tag) not in tags:
                yield f"{where}: tag {tag} is not in registry.toml"


def problems(room: Path = ROOM) -> list[str]:
    """All differences between the registry, the generated files and the CDDL."""
    registry = load(room / "registry.toml")
    found = [
        f"{name}: differs from registry.toml (run python -m spec.generate)"
        for name, text in outputs(registry).items()
        if not (room / name).is_file() or (room / name).read_text("utf-8") != text
    ]
    return found + _all_cddl_problems(registry, room)


def outputs(registry: Registry) -> dict[str, str]:
    """File name and text of everything that is generated."""
    return {"labels.py": render_labels(registry), "LABELS.md": render_markdown(registry)}


def _all_cddl_problems(registry: Registry, room: Path) -> list[str]:
    return [
        problem
        for path in sorted(room.glob("*.cddl"))
        for problem in cddl_problems(registry, path.name, path.read_text("utf-8"))
    ]


def write(room: Path = ROOM) -> list[str]:
    """Write the generated files; return the names of those that changed."""
    changed = []
    for name, text in outputs(load(room / "registry.toml")).items():
        path = room / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            changed.append(name)
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m spec.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, report differences")
    parser.add_argument("--room", type=Path, default=ROOM, help="folder of registry.toml")
    options = parser.parse_args(arguments)
    try:
        if not options.check:
            for name in write(options.room):
                sys.stdout.write(f"wrote {name}\n")
        found = problems(options.room)
    except SpecError as error:
        found = [str(error)]
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
