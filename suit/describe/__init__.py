"""Description to envelope: an author's YAML, checked and with line numbers, becomes an unsigned envelope.

The description is checked as a whole (:mod:`suit.description`); then its
:mod:`~suit.describe.steps` and :mod:`~suit.describe.values` become those of the model, with
:mod:`~suit.describe.files` and :mod:`~suit.describe.dependencies` that it names.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from spec.labels import CoseAlgorithm, TextComponent, TextManifest
from spec.labels import Manifest as Member
from suit import description, digest, yaml_source
from suit.cyclonedx import MAX_SBOM, coswid_of
from suit.decode import attach_severed, decode_manifest
from suit.describe.dependencies import Dependencies
from suit.describe.files import Files
from suit.describe.steps import Steps
from suit.describe.values import HASHES, Values
from suit.description import Coswid, Description, Parameters, alias
from suit.encode import encode_digest, encode_envelope, encode_texts
from suit.envelope import open_envelope, seal
from suit.errors import HardsuitError, UsageError
from suit.manifest import ComponentId, Dependency, Digest, Envelope, Manifest, Sequence, Severable, Text
from suit.narrow import draft_name
from suit.version import read_version

Finish: TypeAlias = Callable[[Envelope], Envelope]

_SEVERABLE: Final = ("dependency_resolution", "payload_fetch", "candidate_verification", "install")
_PLAIN: Final = ("shared_sequence", "validate_", "load", "invoke", "uninstall")
_MESSAGES: Final = {
    "missing": "it is missing",
    "extra_forbidden": "an unknown name",
    "literal_error": "expected {expected}",
    "model_type": "a map is needed here",
    "dict_type": "a map is needed here",
    "list_type": "a list is needed here",
    "too_short": "at least one is needed here",
}


def build(text: str, *, name: str, directory: Path, finish: Finish | None = None) -> Envelope:
    """Make an unsigned envelope from a description.

    Args:
        text: The YAML.
        name: What to call it in messages.
        directory: Where the files that it names are.
        finish: Signs the dependencies that are built on the way; left out, they stay unsigned.

    Raises:
        UsageError: The description is wrong; the message begins with file and line.
        StorageError: A file that it names cannot be read.
    """
    return _build(text, name, directory, finish or _as_it_is, (_place(directory / name),))


def _build(text: str, name: str, directory: Path, finish: Finish, trail: tuple[Path, ...]) -> Envelope:
    source = yaml_source.load(text, name)
    try:
        described = Description.model_validate(source.data)
    except ValidationError as error:
        raise _first_error(source, error) from None

    def build_dependency(text: str, file: Path, trail: tuple[Path, ...]) -> Envelope:
        return finish(_build(text, str(file), file.parent, finish, (*trail, _place(file))))

    files = Files(source, directory)
    dependencies = Dependencies(files, described.dependencies or {}, build_dependency, trail)
    values = Values(files, described.digest_algorithm, dependencies)
    return _Builder(described, files, values, Steps(values, list(described.components))).envelope()


def _as_it_is(envelope: Envelope) -> Envelope:
    return envelope


def _place(file: Path) -> Path:
    try:
        return file.resolve()
    except (OSError, ValueError):  # not the name of a file
        return file


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
    models = (
        *(Description, description.Dependency, description.Command, Parameters, description.Metadata),
        *(description.Text, description.ComponentText),
    )
    return [alias(model, name) for model in models for name in model.model_fields]


@dataclass(frozen=True, slots=True)
class _Builder:
    """Turns the members of a description into those of the model."""

    described: Description
    files: Files
    values: Values
    steps: Steps

    def envelope(self) -> Envelope:
        described = self.described
        payloads = self.values.payloads
        for uri, blob in (described.integrated_payloads or {}).items():
            payloads[uri] = self.values.blob(blob, ("integrated-payloads", uri))
        manifest = self._manifest()
        algorithm = HASHES[described.digest_algorithm]
        sealed = seal(
            manifest,
            payloads=payloads | self._integrated_dependencies(),
            sever=self._severable(manifest, algorithm),
            algorithm=algorithm,
        )
        try:  # whatever our own decoder would refuse does not leave the house
            opened = open_envelope(encode_envelope(sealed))
            attach_severed(decode_manifest(opened.manifest), opened)
        except HardsuitError as error:
            raise self.files.fail((), f"recipients would refuse the envelope: {error}") from error
        return sealed

    def _integrated_dependencies(self) -> dict[str, bytes]:
        found = {}
        for uri, name in (self.described.integrated_dependencies or {}).items():
            path = ("integrated-dependencies", uri)
            if uri in self.values.payloads:
                raise self.files.fail(path, "an integrated payload has this URI too")
            found[uri] = self.values.dependencies.get(name, path)[1]
        return found

    def _manifest(self) -> Manifest:
        described, dependencies = self.described, self._dependencies()
        sequences = {
            name: self.steps.sequence(steps, (alias(described, name),))
            for name in (*_SEVERABLE, *_PLAIN)
            if (steps := getattr(described, name)) is not None
        }
        own = described.manifest_component_id
        return Manifest(
            sequence_number=described.manifest_sequence_number,
            components=self._components(),
            dependencies=dependencies,
            reference_uri=described.reference_uri,
            set_version=None if described.set_version is None else read_version(described.set_version),
            component_id=None if own is None else tuple(own),
            text=None if described.text is None else Severable(self._texts(described.text)),
            coswid=None if described.coswid is None else Severable(self._coswid(described.coswid)),
            **_members(sequences),
        )

    def _dependencies(self) -> dict[int, Dependency]:
        rows = {}
        for name, row in (self.described.dependencies or {}).items():
            index = self.steps.component(name, ("dependencies", name))
            rows[index] = Dependency(None if row.prefix is None else tuple(row.prefix))
        return dict(sorted(rows.items()))

    def _severable(self, manifest: Manifest, algorithm: CoseAlgorithm) -> tuple[Member, ...]:
        names = self.described.severable
        if names is not None:
            members = tuple([Member[name.upper().replace("-", "_")] for name in dict.fromkeys(names)])
            for index, member in enumerate(members):
                if getattr(manifest, member.name.lower()) is None:
                    raise self.files.fail(("severable", index), f"there is no {draft_name(member)}")
            return members
        # M8.4, U3.2: text and CoSWID SHOULD be severable, unless (M8.6) they are no larger than their digest.
        smallest = len(encode_digest(Digest(algorithm, bytes(digest.size(algorithm)))))
        text = manifest.text and manifest.text.value
        coswid = manifest.coswid and manifest.coswid.value
        sizes = {
            Member.TEXT: len(encode_texts(text)) if text else 0,
            Member.COSWID: len(coswid) if coswid else 0,
        }
        return tuple([member for member, size in sizes.items() if size > smallest])

    def _coswid(self, given: Coswid) -> bytes:
        if given.hex is not None:
            return given.hex
        if given.file is not None:
            return self.files.read(given.file, ("coswid", "file"))
        path = ("coswid", "cyclonedx")
        try:
            return coswid_of(self.files.read_some(str(given.cyclonedx), path, MAX_SBOM))
        except UsageError as error:
            raise self.files.fail(path, f"{given.cyclonedx}: {error}") from error

    def _components(self) -> tuple[ComponentId, ...]:
        components: dict[ComponentId, str] = {}
        for name, segments in self.described.components.items():
            component = tuple(segments)
            if component in components:
                raise self.files.fail(("components", name), f"the same identifier as {components[component]}")
            components[component] = name
        return tuple(components)

    def _texts(self, languages: Mapping[str, description.Text]) -> dict[str, Text]:
        return {language: self._text(text, ("text", language)) for language, text in languages.items()}

    def _text(self, given: description.Text, path: yaml_source.Path) -> Text:
        components = list(self._components())
        by_component = {
            components[self.steps.component(name, (*path, "components", name))]: {
                TextComponent[each.upper()]: self.values.words(
                    getattr(text, each), (*path, "components", name)
                )
                for each in text.given()
            }
            for name, text in (given.components or {}).items()
        }
        manifest = {
            TextManifest[name.upper()]: self.values.words(getattr(given, name), (*path, alias(given, name)))
            for name in given.given()
            if name != "components"
        }
        return Text(manifest, by_component)


def _members(sequences: Mapping[str, Sequence]) -> dict[str, Any]:
    """Return sequences as the fields of a manifest."""
    return {
        name.rstrip("_"): Severable(sequence) if name in _SEVERABLE else sequence
        for name, sequence in sequences.items()
    }
