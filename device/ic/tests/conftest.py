"""The contract suite runs over every back-end: the emulator in process, and in a process of its own."""

from collections.abc import Iterator

import pytest

from device.ic.interface import SecurityIC
from device.ic.tests.bench_process import ProcessRig
from device.ic.tests.rig import Rig
from suit.tests import vectors

BACK_ENDS = {"inprocess": Rig, "process": ProcessRig}

collect_ignore_glob = [] if vectors.ROOT else ["test_*_vectors.py"]


@pytest.fixture(params=BACK_ENDS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig | ProcessRig]:
    """A bench of each back-end, before provisioning."""
    bench = BACK_ENDS[request.param]()
    yield bench
    bench.close()


@pytest.fixture
def ic(rig: Rig | ProcessRig) -> Iterator[SecurityIC]:
    """A provisioned IC of each back-end."""
    with rig.provision() as opened:
        yield opened
