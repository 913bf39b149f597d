"""A manifest with 16 components and 4 dependencies, without its signature checks, against bare P-256."""

from collections.abc import Callable
from typing import Any

import pytest

from conformance.bench.tree import DEPENDENCIES, IMAGES_EACH, tree_device
from device.authenticate import authenticate
from device.ic.interface import SecurityIC
from device.processor import Machine, update
from suit.envelope import open_envelope

Benchmark = Callable[..., Any]


@pytest.fixture(scope="module")
def tree() -> tuple[bytes, Machine, SecurityIC]:
    raw, machine, ic = tree_device()
    trace = update(authenticate(open_envelope(raw), ic), machine)
    if len(trace.verified) != DEPENDENCIES * (IMAGES_EACH + 1):
        pytest.fail("the tree is not what the target is about")
    return raw, machine, ic


def bench_process_tree(benchmark: Benchmark, tree: tuple[bytes, Machine, SecurityIC]) -> None:
    raw, machine, ic = tree
    authentic = authenticate(open_envelope(raw), ic)
    benchmark(update, authentic, machine)


def bench_authenticate_process_tree(benchmark: Benchmark, tree: tuple[bytes, Machine, SecurityIC]) -> None:
    raw, machine, ic = tree
    benchmark(lambda: update(authenticate(open_envelope(raw), ic), machine))
