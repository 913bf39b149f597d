"""The whole description: a manifest and what its envelope carries beside it."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from suit.description.forms import (
    Also,
    FilePath,
    HashName,
    Model,
    Segment,
    SeverableName,
    Uint,
    Uri,
    VersionText,
    by_name,
)
from suit.description.steps import Sequence
from suit.description.values import BlobValue, Coswid, WordsValue

_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_.-]*$"


class ComponentText(Model):
    """Texts about one component (M8.4.4)."""

    vendor_name: WordsValue | None = None
    model_name: WordsValue | None = None
    vendor_domain: WordsValue | None = None
    model_info: WordsValue | None = None
    component_description: WordsValue | None = None
    component_version: WordsValue | None = None
    version_required: WordsValue | None = None
    current_version: WordsValue | None = None


class Text(Model):
    """Texts in one language (M8.4.4)."""

    manifest_description: WordsValue | None = None
    update_description: WordsValue | None = None
    manifest_json_source: WordsValue | None = None
    manifest_yaml_source: WordsValue | None = None
    components: dict[str, ComponentText] | None = None


class Dependency(Model):
    """What is said of a component that holds a dependency (T5.2.2).

    ``file`` is the dependency: an envelope, or a description, from which one is built. Digest, size and
    the integrated envelope are taken from there.
    """

    prefix: Annotated[list[Segment], Field(min_length=1)] | None = None
    file: FilePath | None = None


class Description(Model):
    """A manifest and what its envelope carries beside it."""

    manifest_version: Literal[1] = 1
    manifest_sequence_number: Uint
    reference_uri: Uri | None = None
    set_version: VersionText | None = None
    manifest_component_id: list[Segment] | None = None
    components: Annotated[
        dict[Annotated[str, Field(pattern=_NAME + r"|^[0-9]+$")], list[Segment]],
        Field(min_length=1),
        BeforeValidator(by_name),
        Also({"type": "array", "items": {"type": "array"}}),
    ]
    dependencies: Annotated[dict[str, Dependency], Field(min_length=1)] | None = None
    shared_sequence: Sequence | None = None
    dependency_resolution: Sequence | None = None
    payload_fetch: Sequence | None = None
    candidate_verification: Sequence | None = None
    install: Sequence | None = None
    validate_: Sequence | None = None
    load: Sequence | None = None
    invoke: Sequence | None = None
    uninstall: Sequence | None = None
    text: dict[str, Text] | None = None
    coswid: Coswid | None = None
    severable: list[SeverableName] | None = None
    digest_algorithm: HashName = "sha-256"
    integrated_payloads: dict[Uri, BlobValue] | None = None
    integrated_dependencies: dict[Uri, str] | None = None
