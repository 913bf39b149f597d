"""The process boundary: whatever an executable does, it answers or is broken."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from conformance.dut import Answer, BrokenClientError, ExternalClient
from suit.errors import UsageError

QUESTION = {"case": "x", "procedure": "update"}
GOOD = {"outcome": "rejected", "reason": 4, "components": [], "fetched": [], "invoked": []}


def client(folder: Path, code: str, *, time_limit: float = 30, output_limit: int = 1 << 20) -> ExternalClient:
    script = folder / "a client.py"
    script.write_text(f"import json, os, sys, time\nGOOD = {GOOD!r}\n{code}\n", "utf-8")
    return ExternalClient(f"{sys.executable} '{script}'", time_limit=time_limit, output_limit=output_limit)


def test_an_answer_comes_through(tmp_path: Path) -> None:
    asked = client(tmp_path, "question = json.load(sys.stdin); print(json.dumps(GOOD))").ask(QUESTION)
    assert asked == Answer.from_json(GOOD)


def test_the_client_gets_the_question_and_nothing_else(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    client(tmp_path, f"open({str(seen)!r}, 'w').write(sys.stdin.read()); print(json.dumps(GOOD))").ask(
        QUESTION
    )
    assert json.loads(seen.read_text("utf-8")) == QUESTION


def test_a_client_may_ignore_its_input(tmp_path: Path) -> None:
    question = {**QUESTION, "envelope": "00" * (1 << 20)}
    assert client(tmp_path, "sys.stdin.close(); print(json.dumps(GOOD))").ask(question).reason == 4


BROKEN = {
    "exit 1 after a good answer": ("print(json.dumps(GOOD)); sys.exit(1)", "exit code 1"),
    "exit with a refusal's code": ("sys.exit(4)", "exit code 4"),
    "uncaught exception": ("raise ValueError('no idea')", "exit code 1: ValueError: no idea"),
    "segmentation fault": ("os.kill(os.getpid(), 11)", "exit code -11"),
    "no output": ("pass", "no JSON"),
    "words": ("print('rejected')", "no JSON"),
    "two objects": ("print(json.dumps(GOOD) * 2)", "no JSON"),
    "words before": ("print('hello'); print(json.dumps(GOOD))", "no JSON"),
    "not text": ("sys.stdout.buffer.write(bytes([255, 254, 0]))", "no JSON"),
    "nested without end": ("print('[' * 200000)", "no JSON"),
    "a list": ("print(json.dumps([GOOD]))", "no JSON object"),
    "an extra member": ("print(json.dumps({**GOOD, 'extra': 1}))", "extra"),
    "no outcome": ("del GOOD['outcome']; print(json.dumps(GOOD))", "outcome"),
}


@pytest.mark.req("H9-2")
@pytest.mark.parametrize(("code", "words"), BROKEN.values(), ids=BROKEN)
def test_anything_but_an_answer_is_broken(tmp_path: Path, code: str, words: str) -> None:
    with pytest.raises(BrokenClientError, match=words):
        client(tmp_path, code).ask(QUESTION)


@pytest.mark.req("H9-2")
def test_too_much_output_is_broken(tmp_path: Path) -> None:
    with pytest.raises(BrokenClientError, match="more than 1048576 bytes"):
        client(tmp_path, "while True: print('x' * 65536)").ask(QUESTION)


def test_many_words_on_standard_error_do_no_harm(tmp_path: Path) -> None:
    code = "for _ in range(200): print('x' * 65536, file=sys.stderr)\nprint(json.dumps(GOOD))"
    assert client(tmp_path, code).ask(QUESTION).outcome == "rejected"


@pytest.mark.req("H9-2")
@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(600)",
        "print(json.dumps(GOOD), flush=True); time.sleep(600)",
        "sys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2); time.sleep(600)",
        "os.system('sleep 600')",
    ],
    ids=["silent", "after the answer", "outputs closed", "in a child"],
)
def test_a_client_that_hangs_is_broken_and_ended(tmp_path: Path, code: str) -> None:
    pid = tmp_path / "pid"
    hanging = client(tmp_path, f"open({str(pid)!r}, 'w').write(str(os.getpid()))\n{code}", time_limit=1)
    with pytest.raises(BrokenClientError, match="time limit"):
        hanging.ask(QUESTION)
    assert group_is_gone(int(pid.read_text("utf-8")))


def group_is_gone(number: int) -> bool:
    for _ in range(200):
        try:
            os.killpg(number, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("command", ["", "no-such-client-anywhere --run", "'unclosed"])
def test_what_cannot_be_run_is_the_callers_mistake(command: str) -> None:
    with pytest.raises(UsageError, match="client"):
        ExternalClient(command)


def test_an_executable_that_is_none_is_broken(tmp_path: Path) -> None:
    script = tmp_path / "client"
    script.write_bytes(b"\x00not a program")
    script.chmod(0o755)
    with pytest.raises(BrokenClientError, match="does not start"):
        ExternalClient(str(script)).ask(QUESTION)
