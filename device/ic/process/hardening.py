"""What a process does before it touches a key: nobody may look into its memory, and it dumps no core."""

import ctypes
import os
import resource
from typing import Final

from device.ic.errors import IcUnavailableError

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_PRIVATE: Final = 0o077


def harden() -> None:
    """Make this process undumpable: no other process of the same user can trace it or read its memory.

    Root still can. No core file is written, no program that it starts gains rights, no file that it makes is
    open to others.

    Raises:
        IcUnavailableError: This system cannot do that, and an IC that anyone may read is none.
    """
    os.umask(_PRIVATE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _prctl(option: int, value: int) -> None:
    try:
        failed = ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
    except AttributeError as error:
        raise IcUnavailableError("the IC's own process needs Linux") from error
    if failed:
        raise IcUnavailableError(f"the process cannot be hardened: {os.strerror(ctypes.get_errno())}")
