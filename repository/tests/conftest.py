import os
from pathlib import Path

import pytest

from repository.repository import Repository
from repository.tests.making import FakeClock, make_repository


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def repository(tmp_path: Path, clock: FakeClock) -> Repository:
    return make_repository(tmp_path / "repo", clock)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the disk: processes are killed here, but the power stays on. Who tests syncs counts the calls."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
