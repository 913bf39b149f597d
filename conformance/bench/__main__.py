"""Run the benchmarks and print their ratios; exit 1 when a target is missed."""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console
from rich.table import Table

_WIDTH: Final = 120


@dataclass(frozen=True, slots=True)
class Ratio:
    """A target: the time of one benchmark as a multiple of another's, or in seconds.

    Attributes:
        what: For people.
        benchmark: The benchmark that is judged.
        base: What it is divided by; empty for seconds.
        limit: The most it may be; None to report it only.
        beyond: A benchmark whose time is taken off first; empty for none.
    """

    what: str
    benchmark: str
    base: str
    limit: float | None
    beyond: str = ""


MILLISECOND: Final = 1e-3 / 65e-6
"""A millisecond, on the machine where the bare verification takes 65 µs."""

RATIOS: Final = (
    Ratio("decode example 0", "bench_decode", "bench_bare_verify", None),
    Ratio("authenticate (decode included)", "bench_authenticate", "bench_bare_verify", None),
    Ratio("process", "bench_process", "bench_bare_verify", None),
    Ratio("authenticate + parse + process", "bench_authenticate_parse_process", "bench_bare_verify", 2.5),
    Ratio("process 16 components, 4 dependencies*", "bench_process_tree", "bench_bare_verify", MILLISECOND),
    Ratio("authenticate + process the same*", "bench_authenticate_process_tree", "bench_bare_verify", None),
    Ratio("IC: verify in process", "bench_ic_verify", "bench_ic_bare", 1.3),
    Ratio(
        "IC: verify through the socket, beyond that**",
        "bench_ic_verify_socket",
        "bench_ic_bare",
        0.3 * MILLISECOND,
        beyond="bench_ic_verify",
    ),
    Ratio("IC: SHA-256 through the socket", "bench_ic_hash_socket", "bench_ic_bare_hash", None),
    Ratio("build + sign", "bench_build_and_sign", "bench_bare_sign", 10),
    Ratio("hardsuit --help, seconds", "bench_help", "", 0.15),
    Ratio("hardsuit suit verify / bare imports", "bench_suit_verify", "bench_bare_imports", 3),
    Ratio("install 64 MiB / bare loop (60 % = 1.67)", "bench_install", "bench_bare_read_hash_write", 1 / 0.6),
)


def main() -> int:
    """Run, print, judge."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        status = pytest.main(
            [
                str(Path(__file__).parent),
                "-q",
                "-p",
                "no:cacheprovider",
                "--benchmark-only",
                "--benchmark-enable",
                "--benchmark-disable-gc",
                "--benchmark-quiet",
                f"--benchmark-json={results}",
                "-o",
                "python_files=bench_*.py",
                "-o",
                "python_functions=bench_*",
            ]
        )
        if status != pytest.ExitCode.OK:
            return 1
        medians = _medians(json.loads(results.read_text(encoding="utf-8")))
    return _print(medians)


def _medians(results: dict[str, list[dict[str, dict[str, float]]]]) -> dict[str, float]:
    return {str(entry["name"]): entry["stats"]["median"] for entry in results["benchmarks"]}


def _print(medians: dict[str, float]) -> int:
    table = Table(title="hardsuit bench (medians of one run)")
    for column in ("what", "time", "ratio", "target", ""):
        table.add_column(column, justify="left" if column in {"what", ""} else "right")
    missed = 0
    for ratio in RATIOS:
        beyond = medians[ratio.beyond] if ratio.beyond else 0
        value = (medians[ratio.benchmark] - beyond) / (medians[ratio.base] if ratio.base else 1)
        good = ratio.limit is None or value <= ratio.limit
        missed += not good
        limit = "" if ratio.limit is None else f"≤ {ratio.limit:.2f}"
        mark = "" if ratio.limit is None else "met" if good else "MISSED"
        table.add_row(ratio.what, _seconds(medians[ratio.benchmark]), f"{value:.2f}", limit, mark)
    screen = Console()
    if not screen.is_terminal:
        screen.width = _WIDTH
    screen.print(table)
    screen.print("* beyond the signature checks; the target is 1 ms where a bare verification takes 65 µs")
    screen.print("** the target is 0.3 ms where a bare verification takes 65 µs")
    return 1 if missed else 0


def _seconds(value: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.1f} {unit}"
    return f"{value * 1e9:.0f} ns"


if __name__ == "__main__":
    sys.exit(main())
