"""``hardsuit demo``: the whole story in one directory, with every attack on it.

The stage (:mod:`conformance.stage`) holds repository and device; the script here moves them. An attack that
is not refused for the right reason, or that moves the device, fails the demo.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
from rich.console import Console as Screen
from rich.table import Table

from conformance.stage import Stage, UnexpectedError
from device.ic.places import IN_PROCESS, PROCESS
from suit.command import Console, command
from suit.errors import ConditionFailedError, ExpiredError, HardsuitError, NotAuthenticError, RollbackError

_WIDTH: Final = 150  # of a table that nobody watches, such as a log's


@dataclass(frozen=True, slots=True)
class Act:
    """One step of the script: what it is called, what should come of it, and how it is done."""

    title: str
    expected: str
    play: Callable[[Stage], str]


def _attack(title: str, error: type[HardsuitError], attempt: Callable[[Stage], object]) -> Act:
    return Act(title, f"refused: {error.reason}", lambda stage: stage.refused(error, attempt))


SCRIPT: Final = (
    Act("make keys, a repository and a vendor", "done", Stage.found),
    Act("publish release 1", "done", lambda stage: stage.publish(1)),
    Act("provision a device", "done", Stage.provision),
    Act("update to release 1", "installed", lambda stage: stage.update(1)),
    Act("boot and confirm", "release 1 runs", lambda stage: stage.boot_and_confirm(1)),
    Act("publish release 2", "done", lambda stage: stage.publish(2)),
    Act("update to release 2", "installed", lambda stage: stage.update(2)),
    Act("boot and confirm", "release 2 runs", lambda stage: stage.boot_and_confirm(2)),
    Act("publish release 3", "done", lambda stage: stage.publish(3)),
    _attack("payload changed on the server", ConditionFailedError, Stage.changed_payload),
    _attack("manifest changed on the server", NotAuthenticError, Stage.changed_target),
    _attack("manifest changed, listed by fresh TUF metadata", NotAuthenticError, Stage.changed_manifest),
    _attack("signature of an unknown key", NotAuthenticError, Stage.unknown_key),
    _attack("release 1 again, listed by fresh TUF metadata", RollbackError, Stage.lower_sequence),
    _attack("release for another class of devices", ConditionFailedError, Stage.wrong_class),
    _attack("TUF cache wiped, repository as it was at release 1", RollbackError, Stage.older_repository),
    _attack("metadata expired", ExpiredError, Stage.expired_metadata),
    Act("power cut in the middle of an install, then boot", "release 2 runs", Stage.power_cut),
    Act("update to release 3 after all that", "installed", lambda stage: stage.update(3)),
    Act("trial loses power before it is confirmed", "release 2 runs", Stage.unconfirmed_trial),
    Act("update to release 3 again, on request", "installed", lambda stage: stage.update(3, retry=True)),
    Act("boot and confirm", "release 3 runs", lambda stage: stage.boot_and_confirm(3)),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One line of the table: an act, what came of it, whether that is right, and how long it took."""

    title: str
    expected: str
    happened: str
    good: bool
    seconds: float


class DemoFailedError(HardsuitError):
    """A scene of the demo came out otherwise than it should."""

    reason = "demo-failed"


@click.group()
def _group() -> None:
    """Hold the one command; the front door mounts that."""


@command(_group)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to play, kept afterwards. By default a temporary one that is removed.",
)
@click.option(
    "--ic",
    type=click.Choice((PROCESS, IN_PROCESS)),
    default=PROCESS,
    show_default=True,
    help="Where the device's security IC runs.",
)
def demo(console: Console, directory: Path | None, ic: str) -> object:
    """Play the whole story in one directory, attacks included; exit 0 only if all came out right."""
    with _place(directory) as place:
        scenes = list(play(place, console, ic=ic))
    if not console.json:
        _print_table(scenes)
    bad = [scene.title for scene in scenes if not scene.good]
    if bad or len(scenes) != len(SCRIPT):
        raise DemoFailedError(f"{len(bad)} of {len(SCRIPT)} scenes came out wrong: {'; '.join(bad)}")
    return {"scenes": [asdict(scene) for scene in scenes]}


def play(directory: Path, console: Console, *, ic: str) -> Iterator[Scene]:
    """Play the script; after a scene that came out wrong the rest would mean nothing."""
    with Stage.open(directory, ic=ic) as stage:
        for act in SCRIPT:
            scene = _play(act, stage)
            console.say(f"{'✓' if scene.good else '✗'} {scene.title}: {scene.happened}")
            yield scene
            if not scene.good:
                return


def _play(act: Act, stage: Stage) -> Scene:
    began = time.perf_counter()
    try:
        happened, good = act.play(stage), True
    except UnexpectedError as error:
        happened, good = str(error), False
    except HardsuitError as error:
        happened, good = f"{error.reason}: {error}", False
    return Scene(act.title, act.expected, happened, good, round(time.perf_counter() - began, 3))


@contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="hardsuit-demo-") as temporary:
        yield Path(temporary)


def _print_table(scenes: list[Scene]) -> None:
    table = Table(title="hardsuit demo", show_lines=False)
    table.add_column("")
    table.add_column("scene")
    table.add_column("expected")
    table.add_column("happened", overflow="fold")
    table.add_column("s", justify="right")
    for scene in scenes:
        mark = "[green]✓" if scene.good else "[red]✗"
        table.add_row(mark, scene.title, scene.expected, scene.happened, f"{scene.seconds:.2f}")
    screen = Screen()
    if not screen.is_terminal:
        screen.width = _WIDTH
    screen.print(table)
