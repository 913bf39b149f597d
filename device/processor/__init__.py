"""The manifest processor (M6): what an authentic manifest does to a device.

::

    authentic = authenticate(open_envelope(raw), ic)             # device.authenticate
    machine = Machine(components, platform, fetcher)
    trace = update(authentic, machine, floor=ic.floor(slot))     # resolve, fetch, verify, install, validate
    invoke(authentic, machine, floor=ic.floor(slot))             # validate, load, invoke

Both return when the procedure ran to its end and raise otherwise: ``ConditionFailedError`` for a
condition that does not hold, ``AbortError`` for a rule that is broken or a directive that fails,
``NetworkError`` and ``StorageError`` as fetcher and components raise them, ``RollbackError`` and
``ComponentError`` before the first command. An error that came up at a command names it in ``place``.
A caller who wants to know what was fetched even then passes a :class:`Trace` of its own.
"""

from device.processor.machine import Identifiers, Machine, Observer, Policy, Profile, Record, Trace
from device.processor.procedures import invoke, uninstall, update, validate
from device.processor.rights import Rights

__all__ = [
    "Identifiers",
    "Machine",
    "Observer",
    "Policy",
    "Profile",
    "Record",
    "Rights",
    "Trace",
    "invoke",
    "uninstall",
    "update",
    "validate",
]
