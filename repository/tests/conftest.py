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


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the disk where processes are killed but the power stays on."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
