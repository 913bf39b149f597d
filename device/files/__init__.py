"""Components that are files: which paths, owners and links a device admits, and how they appear.

- :mod:`device.files.rules` decides what a manifest may ask for; it touches no file system.
- :mod:`device.files.posix` says what that means in owners and permission bits.
- :mod:`device.files.tree` makes all files of a system appear at once, in a directory.
- :mod:`device.files.vouched` believes of a boot record only what the manifest says too.
- :mod:`device.files.deployment` ties them to what is installed.
- :mod:`device.files.settings` is how a device is told about them.
"""

from device.files.rules import FileRules

__all__ = ["FileRules"]
