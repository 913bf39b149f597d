"""The contract suite runs over every back-end; today that is the emulator in process."""

from collections.abc import Iterator

import pytest

from device.ic.interface import SecurityIC
from device.ic.tests.rig import Rig
from suit.tests import vectors

BACK_ENDS = {"emulator": Rig}

collect_ignore_glob = [] if vectors.ROOT else ["test_*_vectors.py"]


@pytest.fixture(params=BACK_ENDS)
def rig(request: pytest.FixtureRequest) -> Rig:
    """A bench of each back-end, before provisioning."""
    return BACK_ENDS[request.param]()


@pytest.fixture
def ic(rig: Rig) -> Iterator[SecurityIC]:
    """A provisioned IC of each back-end."""
    with rig.provision() as opened:
        yield opened
