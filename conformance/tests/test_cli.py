"""``hardsuit conformance``: exit codes, words and JSON."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance.cli import cli
from conformance.runner import CASES

ACCEPTED = CASES / "admission" / "smallest-update.json"
REFUSED = CASES / "authentication" / "key-unknown.json"
SAYS_NO = (
    "import json, sys; case = json.load(sys.stdin);"
    "parts = [{'id': part['id'], 'content': part['content']} for part in case['device']['components']];"
    "print(json.dumps({'outcome': 'rejected', 'components': parts, 'fetched': [], 'invoked': []}))"
)


def invoke(*arguments: str | Path, **options: Any) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], **options)


@pytest.fixture
def refusing(tmp_path: Path) -> str:
    script = tmp_path / "refusing.py"
    script.write_text(SAYS_NO, "utf-8")
    return f"{sys.executable} {script}"


def test_all_passed_is_exit_0() -> None:
    done = invoke("run", ACCEPTED, REFUSED)
    assert done.exit_code == 0
    assert "admission" in done.stdout
    assert done.stderr == ""


def test_a_folder_of_cases_runs() -> None:
    done = invoke("run", CASES / "rollback", "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["ok"]
    assert found["data"]["passed"] == found["data"]["cases"] == len(list((CASES / "rollback").iterdir()))


@pytest.mark.req("H9-2")
def test_a_client_that_refuses_everything_fails(refusing: str) -> None:
    done = invoke("run", ACCEPTED, REFUSED, "--client", refusing)
    assert done.exit_code == 3
    assert "outcome is rejected, not accepted" in done.stdout
    assert "2 of 2 cases did not pass" in done.stderr  # it does not tell the reason either


def test_the_results_of_a_failed_run_are_in_the_json(refusing: str) -> None:
    done = invoke("run", ACCEPTED, REFUSED, "--client", refusing, "--json")
    found = json.loads(done.stdout)
    assert (found["ok"], found["code"], found["reason"]) == (False, 3, "not-conformant")
    assert [result["verdict"] for result in found["data"]["results"]] == ["failed", "failed"]
    assert found["data"]["failed"] == 2


@pytest.mark.req("H8-1")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "no/such/path"], 2, "no/such/path: no such file"),
        (["run", "--client", "no-such-client"], 2, "no such executable"),
        (["run", "--workers", "0"], 2, "workers"),
        (["list", "no/such/path"], 2, "no such file"),
    ],
)
def test_mistakes_have_a_line_and_an_exit_code(arguments: list[str], code: int, words: str) -> None:
    done = invoke(*arguments)
    assert done.exit_code == code
    assert words in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_no_case_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}", "utf-8")
    done = invoke("run", tmp_path)
    assert done.exit_code == 3
    assert "bad.json" in done.stderr


def test_list_tells_what_each_case_is_about() -> None:
    done = invoke("list", ACCEPTED)
    assert done.stdout == (
        "admission/smallest-update: accepted: One component, fetched and checked: "
        "the plainest update there is.\n"
    )


def test_list_by_requirement() -> None:
    done = invoke("list", "--requirement", "M8.4.2-1", "--json")
    listed = json.loads(done.stdout)["data"]
    assert len(listed) > 5
    assert all("M8.4.2-1" in case["requirement"] for case in listed)
    assert json.loads(invoke("list", "--requirement", "M99-1", "--json").stdout)["data"] == []


def test_a_changed_case_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "case.json"
    shutil.copy(ACCEPTED, copy)
    case = json.loads(copy.read_text("utf-8"))
    case["expect"]["components"][0]["content"] = "00"
    copy.write_text(json.dumps(case), "utf-8")
    done = invoke("run", copy)
    assert done.exit_code == 3
    assert "component 00 holds" in done.stdout
