"""Descriptions of other authoring tools, to move from them: what they take becomes our description.

Two schemas are known: the tree of CDDL names in YAML or JSON (:mod:`suit.foreign_tree`) and the
component-centric JSON (:mod:`suit.foreign_components`). Facts about both are in no standard; they are
those of the tools as they were last published.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from suit.description import Description, alias
from suit.errors import UsageError
from suit.printable import printable
from suit.yaml_source import Source, load
from suit.yaml_text import to_yaml

_HASHES: Final = {
    name.replace("-", ""): name for name in ("sha-256", "sha-384", "sha-512", "shake128", "shake256")
}


@dataclass(slots=True)
class Imported:
    """A description in the making.

    Attributes:
        data: Its members.
        lost: What the description language cannot say, or not yet: places with what stood there.
        notes: What was left out because it is made anew, or guessed, as the tool would.
    """

    data: dict[str, Any] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lose(self, where: str, what: str = "") -> None:
        """Name something that cannot be carried over."""
        self.lost.append(f"{where}: {what}" if what else where)

    def text(self) -> str:
        """Return the description as YAML, with everything that is not in it named on top."""
        members = [alias(Description, name) for name in Description.model_fields]
        ordered: dict[str, Any] = {name: self.data[name] for name in members if name in self.data}
        remarks = [f"# NOT CARRIED OVER: {line}" for line in self.lost] + [f"# {line}" for line in self.notes]
        return "".join(f"{printable(line)}\n" for line in remarks) + to_yaml(ordered)


def from_foreign(text: str, *, name: str) -> Imported:
    """Make a description of the input of another tool.

    Args:
        text: The YAML or JSON.
        name: What to call it in messages.

    Raises:
        UsageError: It is neither YAML nor JSON, or follows neither schema.
    """
    from suit import foreign_components, foreign_tree  # noqa: PLC0415 - both build on this module

    source = load(text, name)
    if isinstance(source.data, dict):
        if foreign_tree.ROOT in source.data:
            return foreign_tree.read(source)
        if isinstance(source.data.get("components"), list):
            return foreign_components.read(source)
    raise UsageError(
        f"{name}: neither a tree below {foreign_tree.ROOT} nor a manifest with a list of components"
    )


def hash_name(value: object) -> str | None:
    """Return how our descriptions call a hash algorithm, or nothing for one that SUIT does not use."""
    text = str(value).lower().removeprefix("cose-alg-")
    return _HASHES.get(text.replace("-", ""))


def names_of(model: type[BaseModel]) -> set[str]:
    """Return the names that a part of a description may hold."""
    return {name.rstrip("_").replace("_", "-") for name in model.model_fields}


def as_int(value: object) -> int | None:
    """Return a number that YAML 1.1 would have read as one; hexadecimal ones are text to our reader."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            return None
    return None


def map_of(source: Source, item: object, *path: str | int) -> dict[str, Any]:
    """Return the item if it is a map.

    Raises:
        UsageError: It is none; with the line.
    """
    if not isinstance(item, dict):
        raise source.error(path, "a map is needed here")
    return item


def list_of(source: Source, item: object, *path: str | int) -> list[Any]:
    """Return the item if it is a list.

    Raises:
        UsageError: It is none; with the line.
    """
    if not isinstance(item, list):
        raise source.error(path, "a list is needed here")
    return item
