"""The component-centric JSON: what each component is and where it comes from; the sequences follow.

The sequences are those that the base document's templates give (M7): identity and digest in the shared
sequence, fetch and image-match, copy where a component is downloaded elsewhere or loaded, invoke for what
is bootable. Components with one ``install-id`` and different slots are alternatives of a try-each.
"""

import base64
import binascii
from typing import Any, Final

from suit.description import ComponentText, Text
from suit.foreign import Imported, as_int, hash_name, list_of, map_of, names_of
from suit.yaml_source import Source

_KNOWN: Final = frozenset(
    {"manifest-version", "manifest-sequence-number", "reference-uri", "components", "severable"}
    | {"description", "include-json"}
)
_KNOWN_OF_COMPONENT: Final = frozenset(
    {"install-id", "install-digest", "install-size", "file", "uri", "vendor-id", "class-id", "slot"}
    | {"bootable", "loadable", "load-id", "load-digest", "load-size", "download-id", "download-digest"}
    | {"install-on-download", "description"}
)
_TEXTS: Final = names_of(Text) - {"components"}
_COMPONENT_TEXTS: Final = names_of(ComponentText)

Steps = list[Any]


def read(source: Source) -> Imported:
    """Make a description of a component-centric manifest.

    Raises:
        UsageError: It is none; with the line.
    """
    reader = _Reader(source)
    for index, one in enumerate(list_of(source, source.data["components"], "components")):
        reader.add(map_of(source, one, "components", index), index)
    reader.manifest()
    return reader.found


class _Reader:
    """Reads one manifest; ``parts`` are its components as the JSON has them, in groups of one install-id."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found = Imported()
        self.ids: list[tuple[str, ...]] = []
        self.groups: dict[str, list[dict[str, Any]]] = {}

    def add(self, part: dict[str, Any], index: int) -> None:
        """Take in one component and declare the identifiers that it uses."""
        where = f"components.{index}"
        if "install-id" not in part:
            raise self.source.error(("components", index), "install-id is missing")
        for name, value in part.items():
            if name not in _KNOWN_OF_COMPONENT:
                self.found.lose(f"{where}.{name}", str(value))
        for field in ("install-id", "download-id", "load-id"):
            if field in part:
                self.declare(self.component_id(part[field], f"{where}.{field}"))
        self.groups.setdefault(self.name(part, "install-id"), []).append(part)

    def manifest(self) -> None:
        given, data = self.source.data, self.found.data
        for name, value in given.items():
            if name not in _KNOWN or (name == "manifest-version" and value != 1):
                self.found.lose(name, str(value))
        if given.get("include-json"):
            self.found.notes.append("include-json: put the source into text yourself: manifest-json-source")
        data["manifest-sequence-number"] = as_int(given.get("manifest-sequence-number"))
        data["components"] = {f"component-{index}": list(one) for index, one in enumerate(self.ids)}
        if "reference-uri" in given:
            data["reference-uri"] = given["reference-uri"]
        sequences = {
            "shared-sequence": self.shared(),
            "payload-fetch": self.payload_fetch(),
            "install": self.install(),
            "validate": [step for name in self.groups for step in (*self.select(name), "image-match")],
            "load": self.load(),
            "invoke": self.invoke(),
        }
        data |= {name: steps for name, steps in sequences.items() if steps}
        self.texts()
        names = ("payload-fetch", "install", "text") if given.get("severable") else ()
        data["severable"] = [name for name in names if name in data]

    def shared(self) -> Steps:
        steps: Steps = []
        for name, parts in self.groups.items():
            identity, first = self.identity(parts), self.image(parts[0], "install")
            slots = self.alternatives(parts, lambda part: self.image(part, "install"))
            own = identity if slots else identity | first
            steps += self.select(name)
            steps += [{"override-parameters": own}] if own else []
            steps += slots + [condition for condition in ("vendor-identifier", "class-identifier")
                              if condition in identity]  # fmt: skip
        return steps

    def payload_fetch(self) -> Steps:
        steps: Steps = []
        for parts in self.groups.values():
            for part in parts:
                if self.is_staged(part):
                    kind = "download" if "download-digest" in part else "install"
                    image = self.image(part, kind)
                    steps += self.select(self.name(part, "download-id"))
                    steps += [{"override-parameters": image | {"uri": part["uri"]}}, "fetch", "image-match"]
        return steps

    def install(self) -> Steps:
        steps: Steps = []
        for name, parts in self.groups.items():
            if self.is_staged(parts[0]):
                source = {"source-component": self.name(parts[0], "download-id")}
                steps += [*self.select(name), {"override-parameters": source}, "copy", "image-match"]
            elif "uri" in parts[0]:
                slots = self.alternatives(parts, lambda part: {"uri": part.get("uri", "")})
                steps += self.select(name) + (slots or [{"override-parameters": {"uri": parts[0]["uri"]}}])
                steps += ["fetch", "image-match"]
        return steps

    def load(self) -> Steps:
        steps: Steps = []
        for name, parts in self.groups.items():
            for part in parts:
                if part.get("loadable"):
                    image = self.image(part, "load" if "load-digest" in part else "install")
                    parameters = image | {"source-component": name}
                    steps += self.select(self.name(part, "load-id"))
                    steps += [{"override-parameters": parameters}, "copy", "image-match"]
        return steps

    def invoke(self) -> Steps:
        bootable = [
            self.name(part, "load-id" if part.get("loadable") else "install-id")
            for parts in self.groups.values()
            for part in parts[:1]
            if part.get("bootable")
        ]
        for name in bootable[1:]:
            self.found.lose(name, "bootable, as another component before it")
        return [*self.select(bootable[0]), "invoke"] if bootable else []

    def alternatives(self, parts: list[dict[str, Any]], parameters: Any) -> Steps:  # noqa: ANN401 - a function
        """Return a try-each over the slots, or nothing if there is one part without a slot."""
        if len(parts) == 1 and "slot" not in parts[0]:
            return []
        branches = [
            [
                {"override-parameters": {"component-slot": as_int(part.get("slot"))}},
                "component-slot",
                {"override-parameters": parameters(part)},
            ]
            for part in parts
        ]
        return [{"try-each": branches}] if len(branches) > 1 else branches[0]

    def identity(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        names = (("vendor-id", "vendor-identifier"), ("class-id", "class-identifier"))
        identity = {ours: str(parts[0][theirs]) for theirs, ours in names if theirs in parts[0]}
        for part in parts[1:]:
            if any(part.get(theirs, parts[0].get(theirs)) != parts[0].get(theirs) for theirs, _ in names):
                self.found.lose(self.name(part, "install-id"), "another vendor or class for another slot")
        return identity

    def image(self, part: dict[str, Any], kind: str) -> dict[str, Any]:
        """Return digest and size, as parameters."""
        if "file" in part and kind == "install":
            return {"image": {"file": part["file"]}}
        digest, size = part.get(f"{kind}-digest"), as_int(part.get(f"{kind}-size"))
        parameters: dict[str, Any] = {}
        if isinstance(digest, dict):
            algorithm = hash_name(digest.get("algorithm-id"))
            if algorithm is None:
                self.found.lose(f"{kind}-digest", f"by {digest.get('algorithm-id')}")
            else:
                parameters["image-digest"] = {algorithm: str(digest.get("digest-bytes"))}
        return parameters if size is None else parameters | {"image-size": size}

    def texts(self) -> None:
        languages: dict[str, Any] = {}
        for language, strings in (self.source.data.get("description") or {}).items():
            languages[language] = self.strings(strings, _TEXTS, f"description.{language}")
        for name, parts in self.groups.items():
            for language, strings in (parts[0].get("description") or {}).items():
                found = self.strings(strings, _COMPONENT_TEXTS, f"{name}.description.{language}")
                languages.setdefault(language, {}).setdefault("components", {})[name] = found
            if any(part.get("description") not in (None, parts[0].get("description")) for part in parts[1:]):
                self.found.lose(f"{name}.description", "of the second slot and on")
        if languages:
            self.found.data["text"] = languages

    def strings(self, strings: object, known: set[str], where: str) -> dict[str, str]:
        given = strings if isinstance(strings, dict) else {}
        for name in given:
            if name not in known:
                self.found.lose(f"{where}.{name}", str(given[name]))
        return {name: str(value) for name, value in given.items() if name in known}

    def is_staged(self, part: dict[str, Any]) -> bool:
        """Tell whether a payload goes to another component first."""
        return "uri" in part and "download-id" in part and not part.get("install-on-download", True)

    def select(self, name: str) -> Steps:
        return [{"set-component-index": name}] if len(self.ids) > 1 else []

    def declare(self, component: tuple[str, ...]) -> None:
        if component not in self.ids:
            self.ids.append(component)

    def name(self, part: dict[str, Any], field: str) -> str:
        """Return what our description calls the component that a field identifies."""
        if field not in part:
            raise self.source.error(("components",), f"{field} is missing")
        return f"component-{self.ids.index(self.component_id(part[field], field, note=False))}"

    def component_id(self, item: object, where: str, *, note: bool = True) -> tuple[str, ...]:
        """Return the segments in hexadecimal digits; text is read as digits, else base64, else as it is."""
        segments = []
        for part in list_of(self.source, item, "components", where):
            try:
                segments.append(bytes.fromhex(str(part)).hex())
                continue
            except ValueError:
                pass
            try:
                guess, how = base64.b64decode(str(part), validate=True), "base64"
            except (ValueError, binascii.Error):
                guess, how = str(part).encode(), "text"
            segments.append(guess.hex())
            if note:
                self.found.notes.append(f"{where}: {part!r} was read as {how}: {guess.hex()}")
        return tuple(segments)
