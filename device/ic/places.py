"""Where a device finds its security IC: in a process of its own, behind a socket, or in its own process."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from device.ic.emulator import Emulator, KeyFile
from device.ic.interface import Provisioning, SecurityIC, Where
from device.ic.process.client import RemoteIC
from device.ic.process.spawn import spawned
from device.storage import DirectoryStorage
from suit.errors import UsageError

PROCESS: Final = "process"
IN_PROCESS: Final = "inprocess"
SOCKET: Final = "unix:"
"""Before the path of a socket where an IC listens that somebody else runs."""
STATE, KEY = "ic", "ic.key"


def require_place(place: str) -> None:
    """Refuse what names no place.

    Raises:
        UsageError: It does not.
    """
    if place not in {PROCESS, IN_PROCESS} and not (
        place.startswith(SOCKET) and Path(place.removeprefix(SOCKET)).is_absolute()
    ):
        raise UsageError(f"IC {place!r}: expected {PROCESS}, {IN_PROCESS} or {SOCKET}/PATH")


def provision_ic(
    place: str,
    directory: Path,
    plan: Provisioning,
    *,
    require: Mapping[str, Where],
    clock: Callable[[], float],
) -> None:
    """Set up the IC of a device that is being made.

    Args:
        place: One of this module's three.
        directory: The device's; an IC that nobody else runs keeps its state below it.
        plan: What the IC is told.
        require: The levels of enforcement that the device asks for.
        clock: For an IC in this process; another process has its own.

    Raises:
        IcError: It is provisioned already, does not serve, or enforces less than is required.
    """
    if place == IN_PROCESS:
        with (
            DirectoryStorage(directory / STATE) as storage,
            Emulator.provision(
                storage,
                KeyFile(directory / KEY),
                keys=plan.keys,
                decryption_keys=plan.decryption_keys,
                secret=plan.secret,
                anchor=plan.anchor,
                report_cipher=plan.report_cipher,
                updaters=plan.updaters,
                lifecycle=plan.lifecycle,
                clock=clock,
            ) as ic,
        ):
            ic.info().capabilities.require(require)
        return
    with _remote(place, directory) as remote:
        remote.provision(plan)
        remote.info().capabilities.require(require)


@contextmanager
def opened_ic(
    place: str, directory: Path, *, require: Mapping[str, Where], clock: Callable[[], float]
) -> Iterator[SecurityIC]:
    """Reach the IC of a device; one that nobody else runs starts and ends with the block.

    Raises:
        IcError: It does not serve, or enforces less than is required.
    """
    with ExitStack() as stack:
        ic: SecurityIC
        if place == IN_PROCESS:
            storage = stack.enter_context(DirectoryStorage(directory / STATE))
            ic = stack.enter_context(Emulator.open(storage, KeyFile(directory / KEY), clock=clock))
        else:
            ic = stack.enter_context(_remote(place, directory))
        ic.info().capabilities.require(require)
        yield ic


@contextmanager
def _remote(place: str, directory: Path) -> Iterator[RemoteIC]:
    with ExitStack() as stack:
        if place == PROCESS:
            path = stack.enter_context(spawned(directory / STATE, directory / KEY))
        else:
            path = Path(place.removeprefix(SOCKET))
        yield stack.enter_context(RemoteIC(path))


def parse_requirement(text: str) -> tuple[str, Where]:
    """Read ``FUNCTION=LEVEL``, such as ``floor=adapter``.

    Raises:
        UsageError: It is not of that form.
    """
    name, _, level = text.partition("=")
    try:
        return name, Where[level.upper()]
    except KeyError:
        levels = ", ".join(where.name.lower() for where in Where)
        raise UsageError(f"{text!r}: expected FUNCTION=LEVEL with one of {levels}") from None
