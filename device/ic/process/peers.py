"""Who is at the other end of a socket, as the kernel says, and whether he has any business there."""

import os
import socket
import stat
import struct
from pathlib import Path
from typing import Final

from device.ic.errors import IcUnavailableError

_CREDENTIALS: Final = struct.Struct("3i")
_ROOT: Final = 0
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def user_of(connection: socket.socket) -> int:
    """Return the user id of the process at the other end: who connected, or who listened."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[1])


def require_rightful(user: int, path: Path) -> None:
    """Believe an IC of another user only where nobody but he, this user and root could have put a socket.

    Whoever listens there in its stead can find every signature good.

    Raises:
        IcUnavailableError: Somebody else could have.
    """
    own = os.geteuid()
    if user in {_ROOT, own}:
        return  # they need no socket to change what this process believes
    place = path.absolute().parent
    if place != place.resolve():
        raise IcUnavailableError(f"{path}: user {user} listens there; name that place without links")
    for directory in (place, *place.parents):
        status = directory.stat()
        owners = {_ROOT, own, user} if directory == place else {_ROOT, own}
        if status.st_uid not in owners or status.st_mode & _OTHERS_WRITE:
            raise IcUnavailableError(f"{path}: user {user} listens there, but {directory} is open to others")
