"""The security IC: the only part of the device that holds keys, verdicts and floors.

``interface/`` is what the device programs against, ``errors.py`` what it must handle, ``rules.py``
the rules every back-end enforces, ``emulator/`` the embedded back-end: the semantics of a chip in
software, with durable, sealed state. ``process/`` serves a back-end from a process of its own and reaches
it there, ``wire/`` is how the two talk, ``places.py`` where a device finds its IC. It is key isolation, not
hardware.
"""
