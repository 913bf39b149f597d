"""The demo is a test of its own; here: it plays to the end, and it notices when something is wrong."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance import demo
from conformance.demo import SCRIPT, Act
from conformance.stage import Stage, UnexpectedError
from suit.errors import NotAuthenticError, RollbackError


@pytest.mark.req("H8-4")
def test_every_scene_comes_out_right(tmp_path: Path) -> None:
    result = CliRunner().invoke(demo.demo, ["--json", "--directory", str(tmp_path)])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [scene["title"] for scene in told["data"]["scenes"]] == [act.title for act in SCRIPT]
    assert all(scene["good"] for scene in told["data"]["scenes"])
    assert (tmp_path / "device" / "device.json").exists()


def test_a_directory_in_use_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "something").touch()
    result = CliRunner().invoke(demo.demo, ["--directory", str(tmp_path)])
    assert result.exit_code != 0
    assert "Traceback" not in result.output


def test_a_scene_that_comes_out_wrong_fails_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        demo, "SCRIPT", (SCRIPT[0], Act("update", "installed", lambda stage: stage.update(1)))
    )
    result = CliRunner().invoke(demo.demo, ["--json", "--directory", str(tmp_path)])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["reason"] == "demo-failed"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    with Stage.open(tmp_path) as stage:
        monkeypatch.setattr(stage, "_state", dict)
        return stage


def test_an_attack_that_succeeds_is_noticed(stage: Stage) -> None:
    with pytest.raises(UnexpectedError, match="accepted"):
        stage.refused(RollbackError, lambda _: None)


def test_an_attack_refused_for_another_reason_is_noticed(stage: Stage) -> None:
    def attempt(_: Stage) -> None:
        raise NotAuthenticError("another reason")

    with pytest.raises(UnexpectedError, match="another reason"):
        stage.refused(RollbackError, attempt)


def test_a_refused_attack_that_moved_the_device_is_noticed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def attempt(_: Stage) -> None:
        monkeypatch.setattr(stage, "_state", lambda: {"floor": 7})
        raise NotAuthenticError("too late")

    with pytest.raises(UnexpectedError, match="the device changed"):
        stage.refused(NotAuthenticError, attempt)
