"""What goes wrong in this room: a file that contradicts itself or another one."""


class SpecError(Exception):
    """A file of this room is inconsistent; the message names the file, the place and the fault."""
