"""Templates for the patterns of the drafts: a commented description to start from (M7)."""

from pathlib import Path
from typing import Final

from suit.errors import UsageError

_DIRECTORY: Final = Path(__file__).with_name("templates")
_SUFFIX: Final = ".yaml"


def titles() -> dict[str, str]:
    """Return the name of every template and, from its first line, what it is for."""
    return {
        path.stem: path.read_text("utf-8").partition("\n")[0].removeprefix("# ")
        for path in sorted(_DIRECTORY.glob("*" + _SUFFIX))
    }


def template(name: str) -> str:
    """Return a template.

    Raises:
        UsageError: There is none of that name.
    """
    known = titles()
    if name not in known:
        raise UsageError(f"there is no template {name}; there are {', '.join(known)}")
    return (_DIRECTORY / f"{name}{_SUFFIX}").read_text("utf-8")
