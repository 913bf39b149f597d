"""Whole processes: what a user waits for at the prompt, against the imports nobody can do without."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from conformance.bench.fixtures import VECTORS

Benchmark = Callable[..., Any]
ROUNDS: Final = 11
BARE: Final = (
    "import cbor2\n"
    "from cryptography.hazmat.primitives import serialization\n"
    "from cryptography.hazmat.primitives.asymmetric import ec\n"
)
# As for a user: the first run may write byte code, and the warm-up rounds are that first run.
ENVIRONMENT: Final = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
HARDSUIT: Final = str(Path(sys.executable).with_name("hardsuit"))


def run(benchmark: Benchmark, *arguments: str) -> None:
    """Time a process that has to succeed."""

    def once() -> None:
        subprocess.run(  # noqa: S603 - our own program
            arguments, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=2)  # type: ignore[attr-defined]


def bench_bare_imports(benchmark: Benchmark) -> None:
    run(benchmark, sys.executable, "-c", BARE)


def bench_help(benchmark: Benchmark) -> None:
    run(benchmark, HARDSUIT, "--help")


def bench_suit_verify(benchmark: Benchmark) -> None:
    folder = VECTORS / "ietf" / "manifest"
    key, envelope = folder / "private_key.pem", folder / "example0.signed.suit"
    run(benchmark, HARDSUIT, "suit", "verify", "--key", str(key), str(envelope))
