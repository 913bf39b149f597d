"""The security IC: the only part of the device that holds keys, verdicts and floors.

``interface/`` is what the device programs against, ``errors.py`` what it must handle, ``rules.py``
the rules every back-end enforces, ``emulator/`` the embedded back-end: the semantics of a chip in
software, with durable, sealed state. It is key isolation by discipline, not hardware.
"""
