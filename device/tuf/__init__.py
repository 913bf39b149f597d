"""python-tuf's client, held to what the security IC remembers.

``keys`` routes every signature check to the IC, ``anchored`` adds the floors to ngclient's trusted
set, ``cache`` keeps its directory tidy and ``roots`` the newest root on the storage port. The front
door is ``device.trust``.
"""
