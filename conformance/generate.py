"""Write the case files from the casebook.

::

    python -m conformance.generate            # write conformance/cases
    python -m conformance.generate --check    # exit 1 and name every file that is not what would be written

A case has a file of its own, ``cases/TOPIC/NAME.json``. Topics in :data:`IN_ONE_FILE` have one for all of
them: they are many, and say the same of many values.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from conformance.casebook import (
    admission,
    authentication,
    cbor,
    commands,
    component_index,
    conditions,
    cose,
    coswid,
    directives,
    encryption,
    encryption_info,
    encryption_integrity,
    encryption_published,
    encryption_recipients,
    identity,
    information_model,
    integrated,
    invoke,
    limits,
    metadata,
    parameters,
    published,
    rollback,
    run_sequence,
    severable,
    strict_order,
    trust_domains,
    trust_lockstep,
    trust_published,
    trust_rights,
    trust_structure,
    try_each,
    update_management,
    wait,
)

CASES: Final = Path(__file__).parent / "cases"
CASEBOOK: Final[tuple[ModuleType, ...]] = (
    admission,
    authentication,
    cbor,
    commands,
    component_index,
    conditions,
    cose,
    coswid,
    directives,
    encryption,
    encryption_info,
    encryption_integrity,
    encryption_published,
    encryption_recipients,
    identity,
    information_model,
    integrated,
    invoke,
    limits,
    metadata,
    parameters,
    published,
    rollback,
    run_sequence,
    severable,
    strict_order,
    trust_domains,
    trust_lockstep,
    trust_published,
    trust_rights,
    trust_structure,
    try_each,
    update_management,
    wait,
)
IN_ONE_FILE: Final = frozenset({metadata.TOPIC, coswid.TOPIC})


def main(arguments: list[str] | None = None) -> int:
    """Write or check the case files; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m conformance.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; say what differs")
    options = parser.parse_args(arguments)
    wanted = files()
    if options.check:
        differing = check(CASES, wanted)
        for name in differing:
            sys.stderr.write(f"{name}: not what the casebook makes; run python -m conformance.generate\n")
        return 1 if differing else 0
    write(CASES, wanted)
    return 0


def files() -> dict[str, str]:
    """Return the text of every case file by its path below the cases' folder.

    Raises:
        ValueError: Two cases have the same name.
    """
    seen: set[str] = set()
    texts: dict[str, str] = {}
    for module in CASEBOOK:
        cases = [case.to_json() for case in module.cases()]
        for case in cases:
            if case["case"] in seen:
                raise ValueError(f"two cases are named {case['case']}")
            seen.add(case["case"])
        texts |= _texts(module.TOPIC, cases)
    return texts


def check(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Return the names of files that are missing, superfluous or different."""
    present = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.json")}
    differing = [
        name
        for name, text in wanted.items()
        if name not in present or present[name].read_text("utf-8") != text
    ]
    return sorted([*differing, *(present.keys() - wanted.keys())])


def write(folder: Path, wanted: Mapping[str, str]) -> None:
    """Make the folder hold exactly these files."""
    for name in check(folder, wanted):
        path = folder / name
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], "utf-8")


def _texts(topic: str, cases: Iterable[dict[str, Any]]) -> dict[str, str]:
    if topic in IN_ONE_FILE:
        return {f"{topic}/{topic}.json": _dump(list(cases))}
    return {f"{topic}/{case['case']}.json": _dump(case) for case in cases}


def _dump(item: object) -> str:
    return json.dumps(item, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
