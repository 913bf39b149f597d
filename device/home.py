"""A device in a directory: ``storage/`` is its flash, ``tuf/`` a cache, ``ic/`` its security IC's alone.

This is the file-backed default that ``hardsuit device`` and the demo use; an integrator puts the same
parts together with a storage, an IC and a platform of their own.
"""

import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace as changed
from pathlib import Path
from typing import Final

from device.agent import Device, Policy
from device.clock import Clock, SystemClock
from device.config import Config
from device.fetch import MetadataFetcher, PayloadFetcher, PayloadPolicy
from device.file_platform import STATES, FilePlatform
from device.files.deployment import Files
from device.files.tree import FileTree
from device.http import HttpClient
from device.ic.interface import Provisioning
from device.ic.places import opened_ic, provision_ic
from device.platform import Watch, WatchedFetcher
from device.storage import DirectoryStorage, Storage, replace, sync_path
from device.trust import Sources, Trust, provision
from suit.errors import StorageError, UsageError
from suit.keys import CoseKey
from suit.recipient_keys import RecipientKey
from suit.report_cipher import ReportCipher

CONFIG: Final = "device.json"
FILES: Final = "files"
_SYSTEM_CLOCK: Final = SystemClock()


def create(
    directory: Path,
    config: Config,
    *,
    root_file: bytes,
    keys: Iterable[CoseKey],
    secret: bytes | None = None,
    report_cipher: ReportCipher | None = None,
    decryption_keys: Iterable[RecipientKey] = (),
    clock: Clock = _SYSTEM_CLOCK,
) -> None:
    """Provision a device. It is built beside ``directory`` and renamed at the end: there is no half one.

    Args:
        directory: Where it shall live; anything but an empty directory is refused.
        config: What it is told.
        root_file: The repository's ``root.json``, from a trusted hand.
        keys: The keys that manifests are verified with.
        secret: Authorizes changes of trust anchors later; without one they are fixed for good.
        report_cipher: What its reports are encrypted with; a key of this device alone.
        decryption_keys: What opens encrypted payloads; they go into the security IC and never out again.
        clock: When it is made: the first trusted time.

    Raises:
        UsageError: The directory is in use, no key is given, or none for reports that must be encrypted.
        NotAuthenticError: This is no root metadata.
        StorageError: The directory cannot be written.
    """
    trusted = tuple(keys)
    if not trusted:
        raise UsageError("a device without a trust anchor would refuse every update: give a key")
    if config.encrypt_reports and report_cipher is None:
        raise UsageError("a device that encrypts its reports needs a key to do it with")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory}: exists and is not an empty directory")
    place = directory.absolute()
    place.parent.mkdir(parents=True, exist_ok=True)
    building = place.with_name(f".{place.name}.{secrets.token_hex(4)}.new")
    try:
        openers = tuple(decryption_keys)
        plan = Provisioning(trusted, secret, report_cipher=report_cipher, decryption_keys=openers)
        _build(building, config, root_file, plan, clock)
        building.replace(place)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    sync_path(place.parent)


def _build(
    directory: Path,
    config: Config,
    root_file: bytes,
    plan: Provisioning,
    clock: Clock,
) -> None:
    directory.mkdir(mode=0o700)
    with DirectoryStorage(directory / "storage") as storage:
        anchor = provision(storage, root_file, time_floor=clock.now())
    with DirectoryStorage(directory) as home:
        replace(home, CONFIG, config.to_json().encode())
    whole = changed(plan, anchor=anchor)
    provision_ic(config.ic, directory, whole, require=config.require, clock=clock.now)


@contextmanager
def opened(
    directory: Path,
    *,
    clock: Clock = _SYSTEM_CLOCK,
    storage: Storage | None = None,
    channel: str = "",
    url: str = "",
    watch: Watch | None = None,
) -> Iterator[Device]:
    """Start a device from its directory: its security IC boots with it.

    Args:
        directory: Where :func:`create` put it.
        clock: What time it seems to be.
        storage: Another storage than the directory's, to break it on purpose.
        channel: Another channel than the configured one.
        url: Another repository URL than the configured one, such as a mirror.
        watch: Told how far each download is.

    Raises:
        StorageError: There is no device, or it is damaged.
        IcError: Its IC does not start.
    """
    config = read_config(directory)
    with ExitStack() as stack:
        flash = storage or stack.enter_context(DirectoryStorage(directory / "storage"))
        ic = stack.enter_context(opened_ic(config.ic, directory, require=config.require, clock=clock.now))
        client = HttpClient()
        stack.callback(client.close)
        base = (url or config.url).rstrip("/")
        trust = Trust(
            Sources(f"{base}/metadata/", f"{base}/targets/"),
            directory=directory / "tuf",
            storage=flash,
            ic=ic,
            fetcher=MetadataFetcher(client),
            clock=clock,
        )
        fetcher = PayloadFetcher(client, base, PayloadPolicy(origins=config.origins))
        yield Device(
            flash,
            ic,
            trust,
            fetcher if watch is None else WatchedFetcher(fetcher, watch),
            FilePlatform(config, directory / STATES),
            Policy(
                config.vendor,
                config.class_id,
                channel or config.channel,
                config.capacities,
                config.encrypt_reports,
                profile=config.profile,
                wait_seconds=config.wait_seconds,
                files=_files(config, directory),
            ),
        )


def _files(config: Config, directory: Path) -> Files | None:
    if config.files is None:
        return None
    return Files(config.files.rules(), FileTree(directory / FILES))


def read_config(directory: Path) -> Config:
    """Read ``device.json``.

    Raises:
        StorageError: There is none, or it is damaged.
    """
    try:
        text = (directory / CONFIG).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StorageError(f"{directory}: no device here ({CONFIG} is missing)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{directory / CONFIG}: {error}") from error
    return Config.from_json(text)
