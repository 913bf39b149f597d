"""The embedded back-end of the security IC.

``chip.py`` is the IC itself, ``store.py`` its sealed memory, ``state.py`` what is in there, ``sealing.py``
where the key of the seal comes from, ``session.py`` the changes that need authorization, ``rollback.py``
the optional witness outside.
"""

from device.ic.emulator.chip import Emulator
from device.ic.emulator.rollback import RollbackAnchor, StoredAnchor
from device.ic.emulator.sealing import KeyFile, MemoryKey, SealingKey

__all__ = ["Emulator", "KeyFile", "MemoryKey", "RollbackAnchor", "SealingKey", "StoredAnchor"]
