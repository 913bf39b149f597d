"""The README's tours run as printed; only the port differs."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
TOUR = re.compile(r"<!-- tour: (\w+) -->\n```(\w+)\n(.*?)```", re.DOTALL)
TOURS = {name: text for name, _, text in TOUR.findall(README)}
LONGEST_PROGRAM = 25


def shell(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory,
        env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the maintainer's tour was taken."""
    directory = tmp_path_factory.mktemp("tour")
    done = shell(TOURS["maintainer"], directory)
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="module")
def url(workshop: Path) -> Iterator[str]:
    server = subprocess.Popen(
        [str(BIN / "hardsuit"), "repo", "serve", "repository", "--port", "0"],
        cwd=workshop,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=30) == 0
    server.stdout.close()


def program(url: str) -> str:
    assert "http://127.0.0.1:8080" in TOURS["integrator"]
    text: str = TOURS["integrator"]
    return text.replace("http://127.0.0.1:8080", url)


def test_the_maintainers_tour_ends_with_a_published_release(workshop: Path) -> None:
    assert len(list((workshop / "repository" / "public" / "targets").glob("*/*/*.stable.suit"))) == 1


def test_the_integrators_program_updates_boots_and_confirms(workshop: Path, url: str) -> None:
    outputs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program(url)],
            cwd=workshop,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout.splitlines())
    assert outputs[0] == ["installed 1", "runs 1 on trial"]
    assert outputs[1][-1] == "runs 1 confirmed"


def test_the_device_of_the_tour_proves_what_it_did(workshop: Path, url: str) -> None:
    made = subprocess.run([sys.executable, "-c", program(url)], cwd=workshop, timeout=60, check=False)
    assert made.returncode == 0
    done = shell(TOURS["reporter"], workshop)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("result: invoke-pending: invoke at invoke+")


@pytest.mark.req("H6-15")
def test_the_ic_of_the_tour_attests_to_what_was_booted(workshop: Path, url: str) -> None:
    made = subprocess.run([sys.executable, "-c", program(url)], cwd=workshop, timeout=60, check=False)
    assert made.returncode == 0
    done = shell(TOURS["attester"], workshop)
    assert done.returncode == 0, done.stderr
    assert "manifest of sequence number 1" in done.stdout


def test_the_integrators_program_is_short() -> None:
    assert len(TOURS["integrator"].splitlines()) <= LONGEST_PROGRAM


def test_the_testers_tour_judges_a_client_that_refuses_everything(tmp_path: Path) -> None:
    done = shell(TOURS["tester"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the suite noticed: exit 3" in done.stdout


def test_every_folder_that_the_readme_names_exists() -> None:
    for room in re.findall(r"\]\((\w[\w./-]*)\)", README):
        assert (ROOT / room).exists(), room
