"""The security IC in a process of its own: who serves it, and who asks.

``hardening.py`` shuts the process off, ``host.py`` holds the IC in it, ``service.py`` answers one connection,
``server.py`` listens; ``client.py`` is the other end, ``spawn.py`` starts a server for somebody who has none.
"""
