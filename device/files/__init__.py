"""Components that are files: which paths, owners and links a device admits, and how they appear.

- :mod:`device.files.rules` decides what a manifest may ask for; it touches no file system.
"""

from device.files.rules import FileRules

__all__ = ["FileRules"]
