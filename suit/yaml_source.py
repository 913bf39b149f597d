"""YAML with line numbers: data for a model to validate, and the line of whatever is wrong in it.

The plain scalars of YAML 1.2 are read so that hexadecimal digits need no quotes: ``true``, ``false``,
``null`` and decimal integers mean what they say, everything else (``00``, ``0x10``, ``1e5``) is text.
Aliases are expanded within a bound; duplicate keys, merge keys and tags are refused.
"""

import re
import warnings
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from suit.errors import UsageError

Path: TypeAlias = tuple[str | int, ...]

MAX_SIZE: Final = 1 << 20
_MAX_NODES: Final = 100_000
_MAX_DEPTH: Final = 64
_MAX_DIGITS: Final = 20  # of 2**64
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_CONSTANTS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}
_PLAIN_TAGS: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null"))
_TAGS: Final = _PLAIN_TAGS | {f"tag:yaml.org,2002:{kind}" for kind in ("str", "timestamp", "map", "seq")}


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML document: its name, its data, and where each part of the data stands.

    Attributes:
        name: What to call it in messages.
        data: Dictionaries (keys are text), lists, text, ``int``, ``bool`` and ``None``.
        root: The parsed tree, for line numbers.
    """

    name: str
    data: Any
    root: Node
    _parts: dict[Node, dict[str, tuple[Node, Node]]] = field(default_factory=dict, init=False, repr=False)

    def line(self, path: Path) -> int:
        """Return the line of the part that ``path`` leads to, or of the last part on the way to it."""
        node, line = self.root, self.root.start_mark.line
        for step in path:
            found = self._child(node, step)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line
        return int(line) + 1

    def error(self, path: Path, problem: str) -> UsageError:
        """Return an error that names the line and the place."""
        place = ".".join(map(str, path))
        return UsageError(f"{self.where(path)}: {place}: {problem}" if place else f"{self.name}: {problem}")

    def where(self, path: Path) -> str:
        """Return ``name:line`` of a part."""
        return f"{self.name}:{self.line(path)}"

    def _child(self, node: Node, step: str | int) -> tuple[Node, Node] | None:
        if isinstance(node, SequenceNode) and str(step).isdecimal() and int(step) < len(node.value):
            return node.value[int(step)], node.value[int(step)]
        if isinstance(node, MappingNode):
            if node not in self._parts:  # once: a large map may be wrong in every part
                self._parts[node] = {key.value: (key, value) for key, value in node.value}
            return self._parts[node].get(str(step))
        return None


def load(text: str, name: str) -> Source:
    """Parse one YAML document.

    Raises:
        UsageError: It is not YAML, or uses more of YAML than a description needs; with the line.
    """
    if len(text) > MAX_SIZE:
        raise UsageError(f"{name}: longer than {MAX_SIZE} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about anchors that are defined twice: the nearest one counts
            root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise UsageError(f"{name}{line}: {error.problem or error.context or 'not YAML'}") from error
    except (YAMLError, YAMLStreamError, ValueError) as error:
        raise UsageError(f"{name}: not YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise UsageError(f"{name}: nested too deeply") from error
    if root is None:
        raise UsageError(f"{name}: empty")
    return Source(name, _Converter(name).convert(root, _MAX_DEPTH), root)


class _Converter:
    """Turns nodes into data, and counts them: aliases may repeat a node any number of times."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.left = _MAX_NODES

    def convert(self, node: Node, depth: int) -> Any:  # noqa: ANN401 - whatever YAML holds
        self.left -= 1
        if self.left < 0 or depth == 0:
            raise self._error(node, "too many or too deeply nested parts")
        if node.tag not in _TAGS:
            raise self._error(node, f"the tag {node.tag} means nothing here")
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, SequenceNode):
            return [self.convert(part, depth - 1) for part in node.value]
        return self._mapping(node, depth)

    def _mapping(self, node: Node, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or key.tag not in _TAGS:
                raise self._error(key, "a key is a plain text")
            self._scalar(key)
            if key.value in result:
                raise self._error(key, f"{key.value!r} stands here twice")
            result[key.value] = self.convert(value, depth - 1)
        return result

    def _scalar(self, node: ScalarNode) -> str | int | bool | None:
        text = str(node.value)
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise self._error(node, "half of a surrogate pair is no text")
        if node.tag not in _PLAIN_TAGS:
            return text
        if text.lower() in _CONSTANTS:
            return _CONSTANTS[text.lower()]
        # Longer numbers than any field takes stay text: they are hexadecimal digits, and int() is quadratic.
        return int(text) if _DECIMAL.fullmatch(text) and len(text) <= _MAX_DIGITS else text

    def _error(self, node: Node, problem: str) -> UsageError:
        return UsageError(f"{self.name}:{node.start_mark.line + 1}: {problem}")
