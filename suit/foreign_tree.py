"""The tree of CDDL names: ``SUIT_Envelope_Tagged`` with the members of the drafts below it.

Commands are maps of one key, reporting policies are lists of the names of their bits, and byte strings
are hexadecimal digits. A segment of a component identifier is one character, or a number or longer text
whose *encoded CBOR* is the segment, or ``{raw: …}`` or ``{RFC4122_UUID: …}``.
"""

import uuid
from typing import Any, Final

from suit import cbor
from suit.description import Command, ComponentText, Parameters, Text
from suit.foreign import Imported, as_int, hash_name, list_of, map_of, names_of
from suit.manifest import SEVERABLE
from suit.narrow import draft_name
from suit.yaml_source import Source, load

ROOT: Final = "SUIT_Envelope_Tagged"
_SEVERABLE: Final = tuple(draft_name(member) for member in SEVERABLE)
_SEQUENCES: Final = frozenset({"validate", "load", "invoke", "uninstall", *_SEVERABLE}) - {"text", "coswid"}
_PAYLOADS: Final = ("suit-integrated-payloads", "suit-integrated-dependencies")
_IDENTIFIERS: Final = ("vendor-identifier", "class-identifier", "device-identifier")
_REMADE: Final = {"suit-authentication-wrapper": "digest and signatures are made anew: hardsuit suit sign"}
# Commands and parameters of update management that have another form there are lost, and said to be.
_COMMANDS: Final = names_of(Command) - {"override-multiple", "copy-params"}
_PARAMETERS: Final = names_of(Parameters) - {"image", "version", "wait-info", "encryption-info"}
_TEXTS: Final = names_of(Text) - {"components"}
_COMPONENT_TEXTS: Final = names_of(ComponentText)
_MAX_DEPTH: Final = 16


def read(source: Source) -> Imported:
    """Make a description of a tree.

    Raises:
        UsageError: It is not such a tree; with the line.
    """
    reader = _Reader(source)
    reader.envelope(map_of(source, source.data[ROOT], ROOT))
    for name in source.data:
        if name != ROOT:
            reader.found.lose(name, "other manifests; import each from a file of its own")
    return reader.found


class _Reader:
    """Reads one tree; ``where`` says in its own words where something stands."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found = Imported()
        self.ids: list[list[str]] = []

    def envelope(self, members: dict[str, Any]) -> None:
        manifest = map_of(self.source, members.get("suit-manifest"), ROOT, "suit-manifest")
        self.manifest(manifest, members)
        for name in _PAYLOADS:
            if members.get(name) is not None:
                self.payloads(name, map_of(self.source, members[name], ROOT, name))
        for name in members:
            if name in _REMADE:
                self.found.notes.append(f"{name}: {_REMADE[name]}")
            elif name not in {"suit-manifest", *_PAYLOADS}:
                member = name.removeprefix("suit-")
                if member not in _SEVERABLE or not _is_digest(manifest.get(name)):
                    self.found.lose(name, "a member of the envelope")

    def payloads(self, name: str, files: dict[str, Any]) -> None:
        for uri, file in files.items():
            if isinstance(file, str):
                self.found.data.setdefault("integrated-payloads", {})[uri] = {"file": file}
            else:
                self.found.lose(f"{name}.{uri}", "an envelope in place; import it from a file of its own")

    def manifest(self, members: dict[str, Any], envelope: dict[str, Any]) -> None:
        data = self.found.data
        self.common(map_of(self.source, members.get("suit-common"), ROOT, "suit-manifest", "suit-common"))
        data["manifest-sequence-number"] = as_int(members.get("suit-manifest-sequence-number"))
        # A text that is not named here would become severable; one that was not stays inside.
        data["severable"] = []
        for name, value in members.items():
            member = name.removeprefix("suit-")
            if member == "reference-uri":
                data[member] = value
            elif member == "manifest-component-id":
                data[member] = self.component(list_of(self.source, value, ROOT, "suit-manifest", name))
            elif member in _SEQUENCES or member == "text":
                self.severable(member, value, envelope.get(name))
            elif member == "manifest-version" and as_int(value) != 1:
                self.found.lose(name, str(value))
            elif member not in {"manifest-version", "manifest-sequence-number", "common"}:
                self.found.lose(name, "a member of the manifest")

    def severable(self, member: str, inline: object, outside: object) -> None:
        content = inline
        if isinstance(inline, dict) and _is_digest(inline):
            content = outside
            algorithm = hash_name(inline["suit-digest-algorithm-id"])
            if algorithm not in {None, "sha-256"}:
                self.found.data["digest-algorithm"] = algorithm
        if content is None:
            self.found.lose(f"suit-{member}", "it was severed, only its digest is there")
            return
        self.found.data[member] = self.member(member, content)
        if content is not inline:
            self.found.data["severable"].append(member)

    def member(self, member: str, content: object) -> object:
        if member == "text":
            return self.texts(map_of(self.source, content, ROOT, "suit-text"))
        return self.sequence(content, f"suit-{member}", _MAX_DEPTH)

    def common(self, members: dict[str, Any]) -> None:
        place = (ROOT, "suit-manifest", "suit-common")
        for name, value in members.items():
            if name == "suit-components":
                ids = list_of(self.source, value, *place, name)
                self.ids = [self.component(list_of(self.source, one, *place, name)) for one in ids]
                self.found.data["components"] = {
                    f"component-{index}": one for index, one in enumerate(self.ids)
                }
            elif name == "suit-shared-sequence":
                self.found.data["shared-sequence"] = self.sequence(value, name, _MAX_DEPTH)
            elif name == "suit-dependencies":
                self.dependencies(map_of(self.source, value, *place, name), place)
            else:
                self.found.lose(name, "a member of the common section")

    def dependencies(self, rows: dict[str, Any], place: tuple[str, ...]) -> None:
        found = {}
        for index, row in rows.items():
            metadata = map_of(self.source, row, *place, "suit-dependencies", index)
            prefix = metadata.get("suit-dependency-prefix")
            parts = [] if prefix is None else list_of(self.source, prefix, *place, "suit-dependencies", index)
            found[f"component-{index}"] = {"prefix": self.component(parts)} if parts else {}
        self.found.data["dependencies"] = found

    def component(self, parts: list[Any]) -> list[str]:
        return [self.segment(part) for part in parts]

    def segment(self, part: object) -> str:
        number = as_int(part)
        if number is not None:
            return cbor.encode(number).hex()
        if isinstance(part, str):
            return part.encode().hex() if len(part) == 1 else cbor.encode(part).hex()
        identifier = self.identifier(part)
        if "uuid" in identifier:
            return str(identifier["uuid"])
        namespace, name = identifier.get("namespace", {}).get("dns"), identifier.get("name")
        if namespace is None:
            return uuid.uuid5(uuid.NAMESPACE_DNS, str(identifier["dns"])).hex
        return uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, str(namespace)), str(name)).hex

    def identifier(self, item: object) -> dict[str, Any]:
        value = item.get("RFC4122_UUID") if isinstance(item, dict) else None
        if isinstance(item, dict) and "raw" in item:
            return {"uuid": str(item["raw"])}
        if isinstance(value, str):
            return {"dns": value}
        if isinstance(value, dict) and "name" in value:
            if "namespace" not in value:
                return {"dns": value["name"]}
            return {"namespace": {"dns": value["namespace"]}, "name": value["name"]}
        raise self.source.error((ROOT,), f"{item!r} is no identifier: raw or RFC4122_UUID is needed")

    def sequence(self, item: object, where: str, depth: int) -> list[object]:
        commands: list[object] = []
        for index, step in enumerate(list_of(self.source, item, ROOT, where)):
            place = f"{where}.{index}"
            if not isinstance(step, dict) or len(step) != 1 or depth == 0:
                raise self.source.error((ROOT,), f"{place}: a command is a map of one key")
            (name, argument), *_ = step.items()
            command = name.removeprefix("suit-").removeprefix("condition-").removeprefix("directive-")
            if command not in _COMMANDS:
                self.found.lose(place, name)
            else:
                commands.append({command: self.argument(command, argument, place, depth)})
        return commands

    def argument(self, command: str, item: object, where: str, depth: int) -> object:
        if command in {"override-parameters", "set-parameters"}:
            return self.parameters(map_of(self.source, item, ROOT, where), where)
        if command == "run-sequence":
            return self.sequence(item, f"{where}.{command}", depth - 1)
        if command == "try-each":
            branches = list_of(self.source, item, ROOT, where)
            return [
                None if one is None else self.sequence(one, f"{where}.{command}.{index}", depth - 1)
                for index, one in enumerate(branches)
            ]
        if command == "set-component-index":
            return item
        if isinstance(item, list):
            return [str(bit).removeprefix("suit-send-").replace("record-", "record-on-") for bit in item] or 0
        return item

    def parameters(self, given: dict[str, Any], where: str) -> dict[str, object]:
        parameters = {}
        for name, value in given.items():
            parameter = name.removeprefix("suit-parameter-")
            shown = self.parameter(parameter, value) if parameter in _PARAMETERS else None
            if shown is None:
                self.found.lose(f"{where}.{name}")
            else:
                parameters[parameter] = shown
        digest, size = parameters.get("image-digest"), parameters.get("image-size")
        if isinstance(size, dict):
            if not isinstance(digest, dict) or digest.get("file") != size["file"]:
                self.found.lose(f"{where}.suit-parameter-image-size", f"of {size['file']} without its digest")
                del parameters["image-size"]
            else:
                del parameters["image-digest"], parameters["image-size"]
                parameters = {"image": digest} | parameters
        return parameters

    def parameter(self, name: str, value: object) -> object:
        """Return a parameter as our descriptions write it, or None if they cannot."""
        if name in _IDENTIFIERS:
            return self.identifier(value)
        if name == "image-digest":
            return self.digest(value)
        if name == "image-size":
            if isinstance(value, dict):
                return {"file": value["file"]} if "file" in value else as_int(value.get("raw"))
            return as_int(value)
        if name in {"content", "invoke-args", "fetch-arguments"}:
            return value if isinstance(value, str) else None
        return value

    def digest(self, value: object) -> object:
        algorithm = hash_name(value.get("suit-digest-algorithm-id")) if isinstance(value, dict) else None
        content = value.get("suit-digest-bytes") if isinstance(value, dict) else None
        if algorithm is None:
            return None
        if isinstance(content, dict):
            if "file" in content:
                chosen = {} if algorithm == "sha-256" else {"algorithm": algorithm}
                return {"file": content["file"]} | chosen
            content = content.get("raw")
        return {algorithm: content} if isinstance(content, str) else None

    def texts(self, languages: dict[str, Any]) -> dict[str, object]:
        found: dict[str, object] = {}
        for language, content in languages.items():
            where = f"suit-text.{language}"
            text: dict[str, Any] = {}
            for key, value in map_of(self.source, content, ROOT, "suit-text", language).items():
                name = key.removeprefix("suit-text-")
                if isinstance(value, dict):
                    self.component_text(key, value, text, where)
                elif name in _TEXTS and isinstance(value, str):
                    text[name] = value
                else:
                    self.found.lose(f"{where}.{key}")
            found[language] = text
        return found

    def component_text(self, key: str, strings: dict[str, Any], text: dict[str, Any], where: str) -> None:
        parts = load(key, f"{where}.{key}").data
        component = self.component(parts) if isinstance(parts, list) else None
        if component not in self.ids:
            self.found.lose(f"{where}.{key}", "no component of the manifest")
            return
        named: dict[str, Any] = {}
        for name, value in strings.items():
            short = name.removeprefix("suit-text-")
            if short in _COMPONENT_TEXTS and isinstance(value, str):
                named[short] = value
            else:
                self.found.lose(f"{where}.{key}.{name}")
        text.setdefault("components", {})[f"component-{self.ids.index(component)}"] = named


def _is_digest(item: object) -> bool:
    return isinstance(item, dict) and "suit-digest-algorithm-id" in item
