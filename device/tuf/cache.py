"""The directory where ngclient keeps what it downloaded: a hint, never evidence.

ngclient renames without fsync, leaks temporary files when it is killed, and trips over a directory
where it expects a file (notes on TUF, §1.6). None of that may stop a device, and nothing in here may
convince it either: what the IC remembers decides.
"""

import re
import shutil
import stat
from pathlib import Path
from typing import Final

from device.storage import sync_path

_TEMPORARY: Final = re.compile(r"tmp[a-z0-9_]{8}")
_VERSIONED_ROOT: Final = re.compile(r"([1-9][0-9]{0,18})\.root\.json")
_HISTORY: Final = "root_history"
_LINK: Final = "root.json"
_MAX_FILE: Final = 16 << 20
_PRIVATE: Final = 0o700


def sweep(directory: Path, *, oldest_root: int) -> None:
    """Make the directory usable: remove what ngclient left behind or could not replace.

    Only names of ngclient's own are touched, so a wrong path costs nobody their files.

    Args:
        directory: ngclient's metadata directory; made when missing.
        oldest_root: Root versions below this one are of no more use.
    """
    _require_directory(directory)
    _require_directory(directory / _HISTORY)
    for entry in list(directory.iterdir()):
        if _TEMPORARY.fullmatch(entry.name) or (
            entry.suffix == ".json" and not _usable(entry, link=entry.name == _LINK)
        ):
            _remove(entry)
    for entry in list((directory / _HISTORY).iterdir()):
        version = _VERSIONED_ROOT.fullmatch(entry.name)
        if version and (int(version[1]) < oldest_root or not _usable(entry)):
            _remove(entry)


def sync(directory: Path) -> None:
    """Return once the files and names in the directory are durable."""
    for folder in (directory / _HISTORY, directory):
        for entry in folder.glob("*.json"):
            if not entry.is_symlink():
                sync_path(entry)
        sync_path(folder)


def _require_directory(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)


def _usable(entry: Path, *, link: bool = False) -> bool:
    status = entry.lstat()
    if stat.S_ISLNK(status.st_mode):
        return link
    return stat.S_ISREG(status.st_mode) and status.st_size <= _MAX_FILE


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()
