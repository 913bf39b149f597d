"""The client that tuf-conformance drives: ``conformance/tuf-client``, after its CLIENT-CLI.md.

``HARDSUIT_TUF_CLIENT`` chooses what is put to the test:

* ``plain``   python-tuf's ngclient and our HTTP fetcher;
* ``ic``      the same with every signature checked by the security IC;
* ``anchor``  :class:`device.trust.Trust`, as a device uses it: IC, anchor and time floor. The default.

What a device would keep on its own storage, the IC's state included, lies beside the metadata
directory, so that every test has a device of its own.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import TargetFile
from tuf.ngclient import Updater
from typing_extensions import override

from device.clock import SystemClock
from device.fetch import MetadataFetcher
from device.http import HttpClient
from device.ic.emulator import Emulator, KeyFile, SealingKey
from device.ic.interface import SecurityIC
from device.storage import DirectoryStorage, Storage, replace
from device.trust import NotListedError, Sources, Trust, provision, translated
from device.tuf.keys import routed
from suit.errors import HardsuitError, UsageError

_VARIABLE: Final = "HARDSUIT_TUF_CLIENT"
_FIRST_ROOT: Final = "first.root.json"


class Mode(Enum):
    """How much of hardsuit stands between the repository and the device."""

    PLAIN = "plain"
    IC = "ic"
    ANCHOR = "anchor"


class Client(Protocol):
    """What the protocol's two online commands need."""

    def refresh(self) -> None:
        """Bring the metadata up to date."""

    def download(self, name: str, directory: Path) -> None:
        """Download one target, unless ``directory`` has it already."""


class NgClient(Client):
    """Modes ``plain`` and ``ic``: python-tuf alone; whose keys it gets is decided outside."""

    def __init__(self, first_root: bytes, arguments: argparse.Namespace) -> None:
        self._updater = Updater(
            str(arguments.metadata_dir),
            arguments.metadata_url,
            target_base_url=arguments.target_base_url,
            fetcher=MetadataFetcher(HttpClient()),
            bootstrap=first_root,
        )

    @override
    def refresh(self) -> None:
        self._updater.refresh()

    @override
    def download(self, name: str, directory: Path) -> None:
        target = _require_listed(name, self._updater.get_targetinfo(name))
        path = _local(name, directory)
        if self._updater.find_cached_target(target, str(path)) is None:
            self._updater.download_target(target, str(path))


class AnchorClient(Client):
    """Mode ``anchor``: what a device does."""

    def __init__(self, storage: Storage, ic: SecurityIC, arguments: argparse.Namespace) -> None:
        self._trust = Trust(
            Sources(arguments.metadata_url, arguments.target_base_url or arguments.metadata_url),
            directory=arguments.metadata_dir,
            storage=storage,
            ic=ic,
            fetcher=MetadataFetcher(HttpClient()),
            clock=SystemClock(),
        )

    @override
    def refresh(self) -> None:
        self._trust.refresh()

    @override
    def download(self, name: str, directory: Path) -> None:
        target = _require_listed(name, self._trust.lookup(name))
        path = _local(name, directory)
        if not _is_current(target, path):
            path.write_bytes(self._trust.read(target))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of the protocol; 0 if all of it succeeded, 1 if anything did not."""
    arguments = _parse(argv)
    try:
        with translated():
            _run(arguments, _mode(), arguments.metadata_dir)
    except HardsuitError as error:
        sys.stderr.write(f"tuf-client: {type(error).__name__}: {error}\n")
        return 1
    return 0


def _run(arguments: argparse.Namespace, mode: Mode, metadata: Path) -> None:
    beside = metadata.parent
    key = KeyFile(beside / "ic.key")
    with DirectoryStorage(beside / "device") as storage:
        if arguments.command == "init":
            _initialise(storage, key, arguments.trusted_root.read_bytes(), metadata)
            return
        with _client(storage, key, arguments, mode) as client:
            if arguments.command == "refresh":
                client.refresh()
            for name in arguments.target_name:
                client.download(name, arguments.target_dir)


def _initialise(storage: Storage, key: SealingKey, root: bytes, metadata: Path) -> None:
    """Make a device; a root that is none is refused here already."""
    Emulator.provision(storage, key, anchor=provision(storage, root)).close()
    replace(storage, _FIRST_ROOT, root)
    (metadata / "root.json").write_bytes(root)


@contextmanager
def _client(storage: Storage, key: SealingKey, arguments: argparse.Namespace, mode: Mode) -> Iterator[Client]:
    if mode is Mode.PLAIN:
        yield NgClient(storage.read(_FIRST_ROOT), arguments)
        return
    with Emulator.open(storage, key) as ic:
        if mode is Mode.ANCHOR:
            yield AnchorClient(storage, ic, arguments)
            return
        with routed(ic):
            yield NgClient(storage.read(_FIRST_ROOT), arguments)


def _require_listed(name: str, target: TargetFile | None) -> TargetFile:
    if target is None:
        raise NotListedError(f"{name}: the repository lists no such target")
    return target


def _local(name: str, directory: Path) -> Path:
    return directory / quote(name, safe="")


def _is_current(target: TargetFile, path: Path) -> bool:
    try:
        with path.open("rb") as file:
            target.verify_length_and_hashes(file)
    except (OSError, LengthOrHashMismatchError):
        return False
    return True


def _mode() -> Mode:
    chosen = os.environ.get(_VARIABLE, Mode.ANCHOR.value)
    try:
        return Mode(chosen)
    except ValueError:
        known = ", ".join(mode.value for mode in Mode)
        raise UsageError(f"{_VARIABLE}={chosen}: not one of {known}") from None


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tuf-client", description="tuf-conformance's client under test")
    parser.add_argument("--metadata-dir", type=Path, required=True)
    parser.add_argument("--metadata-url")
    parser.add_argument("--target-name", action="append", default=[])
    parser.add_argument("--target-dir", type=Path)
    parser.add_argument("--target-base-url")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init").add_argument("trusted_root", type=Path)
    commands.add_parser("refresh")
    commands.add_parser("download")
    arguments = parser.parse_args(argv)
    if arguments.command != "init" and arguments.metadata_url is None:
        parser.error("--metadata-url is needed")
    if arguments.command == "download" and not (arguments.target_name and arguments.target_dir):
        parser.error("--target-name and --target-dir are needed")
    return arguments
