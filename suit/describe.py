"""Description to envelope: an author's YAML, checked and with line numbers, becomes an unsigned envelope."""

import difflib
import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from spec.labels import CborTag, CoseAlgorithm, Parameter, TextComponent, TextManifest
from spec.labels import Command as CommandLabel
from spec.labels import Manifest as Member
from suit import cbor, description, digest, yaml_source
from suit.commands import CONDITIONS
from suit.decode import attach_severed, decode_manifest
from suit.description import Blob, Description, Identifier, Image, Parameters, Words
from suit.description_values import alias
from suit.encode import encode_digest, encode_envelope, encode_texts
from suit.envelope import MAX_ENVELOPE, open_envelope, seal
from suit.errors import HardsuitError, StorageError, UsageError
from suit.manifest import (
    Command,
    ComponentId,
    Digest,
    Envelope,
    Manifest,
    ParameterValue,
    Pen,
    Sequence,
    Severable,
    Text,
)
from suit.narrow import draft_name
from suit.version import read_version, read_version_match

_CHUNK: Final = 1 << 20
_ALL, _ON_FAILURE, _SUCCESS_AND_SYSINFO = 15, 2, 5
# What the published examples use; an author may say otherwise at every command.
_POLICIES: Final = {
    command: _SUCCESS_AND_SYSINFO if command is CommandLabel.COMPONENT_SLOT else _ALL
    for command in CONDITIONS
}
_HASHES: Final = {draft_name(algorithm): algorithm for algorithm in CoseAlgorithm}
_PEN_NAMESPACE: Final = uuid.UUID("47fbdabb-f2e4-55f0-bb39-3620c2f6df4e")  # M8.4.8.2, for UUIDs from a PEN
_MESSAGES: Final = {
    "missing": "it is missing",
    "extra_forbidden": "an unknown name",
    "literal_error": "expected {expected}",
    "model_type": "a map is needed here",
    "dict_type": "a map is needed here",
    "list_type": "a list is needed here",
    "too_short": "at least one is needed here",
}


def build(text: str, *, name: str, directory: Path) -> Envelope:
    """Make an unsigned envelope from a description.

    Args:
        text: The YAML.
        name: What to call it in messages.
        directory: Where the files that it names are.

    Raises:
        UsageError: The description is wrong; the message begins with file and line.
        StorageError: A file that it names cannot be read.
    """
    source = yaml_source.load(text, name)
    try:
        described = Description.model_validate(source.data)
    except ValidationError as error:
        raise _first_error(source, error) from None
    return _Builder(source, described, directory).envelope()


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of descriptions."""
    return Description.model_json_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def _first_error(source: yaml_source.Source, error: ValidationError) -> UsageError:
    found = [(source.line(item["loc"]), index, item) for index, item in enumerate(error.errors())]
    _, _, item = min(found, key=lambda each: each[:2])
    more = len({line for line, _, _ in found}) - 1
    return source.error(item["loc"], _problem(item) + (f" (and {more} more)" if more else ""))


def _problem(item: ErrorDetails) -> str:
    if item["type"] == "value_error":
        return item["msg"].removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(item["loc"][-1]), _known_names(), 1)
        return _MESSAGES["extra_forbidden"] + (f", perhaps {close[0]} is meant" if close else "")
    text = _MESSAGES.get(item["type"], item["msg"].removeprefix("Input "))
    return text.format(**item.get("ctx", {})) if item["type"] in _MESSAGES else text


def _known_names() -> list[str]:
    models = (Description, description.Command, Parameters, description.Text, description.ComponentText)
    return [alias(model, name) for model in models for name in model.model_fields]


@dataclass(frozen=True, slots=True)
class _Builder:
    """Turns a valid description into the model; ``path`` is where in the description it is, for errors."""

    source: yaml_source.Source
    described: Description
    directory: Path
    payloads: dict[str, bytes] = field(default_factory=dict)
    digests: dict[tuple[str, CoseAlgorithm], tuple[bytes, int]] = field(default_factory=dict)

    def envelope(self) -> Envelope:
        described = self.described
        for uri, blob in (described.integrated_payloads or {}).items():
            self.payloads[uri] = self.blob(blob, ("integrated-payloads", uri))
        manifest = self.manifest()
        algorithm = _HASHES[described.digest_algorithm]
        sealed = seal(
            manifest, payloads=self.payloads, sever=self.severable(manifest, algorithm), algorithm=algorithm
        )
        try:  # whatever our own decoder would refuse does not leave the house
            opened = open_envelope(encode_envelope(sealed))
            attach_severed(decode_manifest(opened.manifest), opened)
        except HardsuitError as error:
            raise self.source.error((), f"recipients would refuse the envelope: {error}") from error
        return sealed

    def manifest(self) -> Manifest:
        described = self.described
        sequences = {
            name: self.sequence(steps, (alias(described, name),))
            for name in ("shared_sequence", "payload_fetch", "install", "validate_", "load", "invoke")
            if (steps := getattr(described, name)) is not None
        }
        return Manifest(
            sequence_number=described.manifest_sequence_number,
            components=self.components(),
            shared_sequence=sequences.get("shared_sequence"),
            reference_uri=described.reference_uri,
            set_version=None if described.set_version is None else read_version(described.set_version),
            payload_fetch=_severable(sequences.get("payload_fetch")),
            install=_severable(sequences.get("install")),
            validate=sequences.get("validate_"),
            load=sequences.get("load"),
            invoke=sequences.get("invoke"),
            text=None if described.text is None else Severable(self.texts(described.text)),
        )

    def severable(self, manifest: Manifest, algorithm: CoseAlgorithm) -> tuple[Member, ...]:
        names = self.described.severable
        if names is not None:
            members = tuple([Member[name.upper().replace("-", "_")] for name in dict.fromkeys(names)])
            for index, member in enumerate(members):
                if getattr(manifest, member.name.lower()) is None:
                    raise self.fail(("severable", index), f"there is no {draft_name(member)}")
            return members
        # M8.4: text SHOULD be severable, unless (M8.6) it is no larger than its digest.
        smallest = len(encode_digest(Digest(algorithm, bytes(digest.size(algorithm)))))
        text = manifest.text and manifest.text.value
        return (Member.TEXT,) if text and len(encode_texts(text)) > smallest else ()

    def components(self) -> tuple[ComponentId, ...]:
        components: dict[ComponentId, str] = {}
        for name, segments in self.described.components.items():
            component = tuple(segments)
            if component in components:
                raise self.fail(("components", name), f"the same identifier as {components[component]}")
            components[component] = name
        return tuple(components)

    def sequence(self, steps: list[description.Step], path: yaml_source.Path) -> Sequence:
        return tuple([self.command(step, (*path, index)) for index, step in enumerate(steps)])

    def command(self, step: description.Command, path: yaml_source.Path) -> Command:
        (name,) = step.given()
        label = CommandLabel[name.rstrip("_").upper()]
        path = (*path, alias(step, name))
        value = getattr(step, name)
        if name in step.may_be_bare:
            return Command(label, _POLICIES.get(label, _ON_FAILURE) if value is None else value)
        read: Mapping[CommandLabel, Callable[[Any, yaml_source.Path], Any]] = {
            CommandLabel.OVERRIDE_PARAMETERS: self.parameters,
            CommandLabel.SET_PARAMETERS: self.parameters,
            CommandLabel.SET_COMPONENT_INDEX: self.index,
            CommandLabel.RUN_SEQUENCE: self.sequence,
            CommandLabel.TRY_EACH: self.branches,
            CommandLabel.OVERRIDE_MULTIPLE: lambda rows, path: self.by_index(rows, path, self.parameters),
            CommandLabel.COPY_PARAMS: lambda rows, path: self.by_index(rows, path, _labels),
        }
        return Command(label, read[label](value, path))

    def branches(
        self, branches: list[list[description.Step] | None], path: yaml_source.Path
    ) -> tuple[Sequence | None, ...]:
        return tuple(
            [
                None if branch is None else self.sequence(branch, (*path, index))
                for index, branch in enumerate(branches)
            ]
        )

    def by_index(
        self, rows: Mapping[str, Any], path: yaml_source.Path, read: Callable[[Any, yaml_source.Path], Any]
    ) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for reference, row in rows.items():
            index = self.component(reference, (*path, reference))
            found[index] = read(row, (*path, reference))
        if not found:
            raise self.fail(path, "at least one component is needed")
        return dict(sorted(found.items()))

    def index(self, value: object, path: yaml_source.Path) -> int | bool | tuple[int, ...]:
        if value is True:
            return True
        if isinstance(value, list):
            return tuple([self.component(part, (*path, index)) for index, part in enumerate(value)])
        return self.component(value, path)

    def component(self, reference: object, path: yaml_source.Path) -> int:
        names = list(self.described.components)
        if isinstance(reference, str) and reference in names:
            return names.index(reference)
        if isinstance(reference, int) and 0 <= reference < len(names):
            return reference
        raise self.fail(path, f"there is no component {reference!r}; there are {', '.join(names)}")

    def parameters(self, given: Parameters, path: yaml_source.Path) -> dict[Parameter, ParameterValue]:
        parameters: dict[Parameter, ParameterValue] = {}
        for name in given.given():
            value, place = getattr(given, name), (*path, alias(given, name))
            if name == "image":
                image = self.image(value, place)
                parameters[Parameter.IMAGE_DIGEST], parameters[Parameter.IMAGE_SIZE] = image
            else:
                parameters[Parameter[name.upper()]] = self.parameter(name, value, place)
        return parameters

    def parameter(self, name: str, value: object, path: yaml_source.Path) -> ParameterValue:
        match value:
            case Identifier():
                return self.identifier(value, path, vendor=name == "vendor_identifier")
            case description.Digest():
                return self.digest(value, path)
            case Blob():
                return self.blob(value, path)
            case str() if name == "version":
                return read_version_match(value)
            case _ if name == "source_component":
                return self.component(value, path)
            case _:
                return cast("ParameterValue", value)

    def identifier(self, given: Identifier, path: yaml_source.Path, *, vendor: bool) -> bytes | Pen:
        if given.pen is not None and vendor:
            return _pen(given.pen)
        if given.pen is not None:
            raise self.fail(path, "only a vendor has a PEN; a namespace may be one")
        return self.uuid(given, path).bytes

    def uuid(self, given: Identifier, path: yaml_source.Path) -> uuid.UUID:
        if given.dns is not None:
            return uuid.uuid5(uuid.NAMESPACE_DNS, given.dns)
        if given.url is not None:
            return uuid.uuid5(uuid.NAMESPACE_URL, given.url)
        if given.namespace is not None:
            return uuid.uuid5(self.uuid(given.namespace, (*path, "namespace")), str(given.name))
        if given.pen is not None:
            # The name is the encoded PEN, tag included (ADR 0005, 7.38).
            return _uuid5(_PEN_NAMESPACE, cbor.encode(cbor.Tagged(CborTag.PEN.value, _pen(given.pen).oid)))
        try:
            return uuid.UUID(given.uuid)
        except ValueError:
            raise self.fail(
                path, "a UUID of 32 hexadecimal digits is needed, or dns: or namespace:"
            ) from None

    def image(self, image: Image, path: yaml_source.Path) -> tuple[Digest, int]:
        algorithm = _HASHES[image.algorithm or self.described.digest_algorithm]
        if image.payload is not None:
            content = self.payload(image.payload, path)
            return Digest(algorithm, digest.compute(algorithm, content)), len(content)
        value, size = self.hash_file(str(image.file), algorithm, path)
        return Digest(algorithm, value), size

    def digest(self, given: description.Digest, path: yaml_source.Path) -> Digest:
        if given.file is not None or given.payload is not None:
            image = Image.model_construct(file=given.file, payload=given.payload, algorithm=given.algorithm)
            return self.image(image, path)[0]
        (name,) = given.given()
        algorithm, value = _HASHES[alias(given, name)], getattr(given, name)
        if len(value) != digest.size(algorithm):
            raise self.fail(
                path, f"{alias(given, name)} has {digest.size(algorithm)} bytes, not {len(value)}"
            )
        return Digest(algorithm, value)

    def payload(self, uri: str, path: yaml_source.Path) -> bytes:
        if uri not in self.payloads:
            raise self.fail(path, f"there is no integrated payload {uri}")
        return self.payloads[uri]

    def blob(self, blob: Blob, path: yaml_source.Path) -> bytes:
        if blob.hex is not None:
            return blob.hex
        return blob.text.encode() if blob.text is not None else self.read(str(blob.file), path)

    def words(self, words: Words, path: yaml_source.Path) -> str:
        if words.text is not None:
            return words.text
        try:
            return self.read(str(words.file), path).decode()
        except UnicodeDecodeError:
            raise self.fail(path, f"{words.file} is not UTF-8") from None

    def texts(self, languages: Mapping[str, description.Text]) -> dict[str, Text]:
        return {language: self.text(text, ("text", language)) for language, text in languages.items()}

    def text(self, given: description.Text, path: yaml_source.Path) -> Text:
        components = list(self.components())
        by_component = {
            components[self.component(name, (*path, "components", name))]: {
                TextComponent[each.upper()]: self.words(getattr(text, each), (*path, "components", name))
                for each in text.given()
            }
            for name, text in (given.components or {}).items()
        }
        manifest = {
            TextManifest[name.upper()]: self.words(getattr(given, name), (*path, alias(given, name)))
            for name in given.given()
            if name != "components"
        }
        return Text(manifest, by_component)

    def read(self, name: str, path: yaml_source.Path) -> bytes:
        content = self.open(name, path, lambda file: file.read(MAX_ENVELOPE + 1))
        if len(content) > MAX_ENVELOPE:
            raise self.fail(path, f"{name} is larger than an envelope may be ({MAX_ENVELOPE} bytes)")
        return bytes(content)

    def hash_file(self, name: str, algorithm: CoseAlgorithm, path: yaml_source.Path) -> tuple[bytes, int]:
        def hash_all(file: Any) -> tuple[bytes, int]:  # noqa: ANN401 - a binary file
            stream, size = digest.new(algorithm), 0
            while chunk := file.read(_CHUNK):
                stream.update(chunk)
                size += len(chunk)
            return stream.digest(), size

        key = (name, algorithm)
        if key not in self.digests:
            self.digests[key] = self.open(name, path, hash_all)
        return self.digests[key]

    def open(self, name: str, path: yaml_source.Path, use: Callable[[Any], Any]) -> Any:  # noqa: ANN401
        try:
            with (self.directory / name).open("rb") as file:
                return use(file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise StorageError(f"{self.source.where(path)}: {name}: {reason}") from error

    def fail(self, path: yaml_source.Path, problem: str) -> UsageError:
        return self.source.error(path, problem)


def _labels(names: list[str], _path: yaml_source.Path) -> tuple[Parameter, ...]:
    return tuple([Parameter[name.upper().replace("-", "_")] for name in names])


def _severable(sequence: Sequence | None) -> Severable[Sequence] | None:
    return None if sequence is None else Severable(sequence)


def _pen(number: int) -> Pen:
    """Encode a PEN as an object identifier relative to 1.3.6.1.4.1 (RFC 9090 §4, tag 112)."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return Pen(bytes(reversed(digits)))


def _uuid5(namespace: uuid.UUID, name: bytes) -> uuid.UUID:
    hashed = hashlib.sha1(namespace.bytes + name, usedforsecurity=False).digest()
    return uuid.UUID(bytes=hashed[:16], version=5)
