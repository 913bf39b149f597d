"""The description language: what an author writes in YAML to have an envelope built.

The words are those of draft-ietf-suit-manifest, without ``suit-`` and the kind in front. Bytes are
hexadecimal digits unless ``text:`` or ``file:`` says otherwise. The JSON Schema of the language is
``hardsuit suit build --schema``; :mod:`suit.describe` makes the model of :mod:`suit.manifest` from it.
"""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from suit.description_values import (
    HEX_SCHEMA,
    Also,
    Choice,
    ComparisonText,
    ComponentRef,
    FilePath,
    HashName,
    Hex,
    Index,
    Int,
    Model,
    Name,
    ParameterNames,
    Policy,
    Segment,
    SeverableName,
    Uint,
    Uri,
    VersionText,
    alias,
    as_step,
    bare,
    by_name,
)

_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_.-]*$"


class Blob(Choice):
    """Bytes: hexadecimal digits, the UTF-8 of a text, or the content of a file."""

    hex: Hex | None = None
    text: str | None = None
    file: FilePath | None = None


class Words(Choice):
    """A text for people, or the file that holds it."""

    text: str | None = None
    file: FilePath | None = None


class Digest(Model):
    """A digest by its algorithm and value, or that of a file or of an integrated payload."""

    sha_256: Hex | None = None
    sha_384: Hex | None = None
    sha_512: Hex | None = None
    shake128: Hex | None = None
    shake256: Hex | None = None
    file: FilePath | None = None
    payload: str | None = None
    algorithm: HashName | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Digest":
        sources = self.model_fields_set - {"algorithm"}
        if len(sources) != 1:
            raise ValueError("exactly one of a digest by its algorithm, file and payload is needed")
        if self.algorithm is not None and not sources <= {"file", "payload"}:
            raise ValueError("algorithm goes with file or payload")
        return self


class Image(Model):
    """A file or an integrated payload, whose digest and size become image-digest and image-size."""

    file: FilePath | None = None
    payload: str | None = None
    algorithm: HashName | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Image":
        if len(self.model_fields_set - {"algorithm"}) != 1:
            raise ValueError("exactly one of file and payload is needed")
        return self


class Identifier(Model):
    """A UUID, made from a name (RFC 9562, version 5) or written out; for vendors also a PEN.

    ``{dns: example.com}``, ``{url: …}``, ``{namespace: …, name: …}``, ``{pen: 32473}``, ``{uuid: …}``.
    """

    uuid: str | None = None
    dns: Name | None = None
    url: Name | None = None
    namespace: "IdentifierValue | None" = None
    name: str | None = None
    pen: Annotated[int, Field(ge=0, le=(1 << 32) - 1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Identifier":
        if ("namespace" in self.model_fields_set) != ("name" in self.model_fields_set):
            raise ValueError("namespace and name go together")
        if len(self.model_fields_set - {"name"}) != 1:
            raise ValueError("exactly one of uuid, dns, url, pen and namespace with name is needed")
        return self


_TEXT_SCHEMA: Final = Also({"type": "string"})
BlobValue: TypeAlias = Annotated[
    Blob, bare("hex", str, int), Also({"type": "integer", "minimum": 0}, HEX_SCHEMA)
]
WordsValue: TypeAlias = Annotated[Words, bare("text", str), _TEXT_SCHEMA]
IdentifierValue: TypeAlias = Annotated[Identifier, bare("uuid", str, int), _TEXT_SCHEMA]
DigestValue: TypeAlias = Annotated[Digest, bare("sha-256", str, int), Also(HEX_SCHEMA)]


class Parameters(Model):
    """What override-parameters sets (M8.4.8); ``image`` sets image-digest and image-size."""

    vendor_identifier: IdentifierValue | None = None
    class_identifier: IdentifierValue | None = None
    device_identifier: IdentifierValue | None = None
    image: Image | None = None
    image_digest: DigestValue | None = None
    image_size: Uint | None = None
    component_slot: Uint | None = None
    strict_order: bool | None = None
    soft_failure: bool | None = None
    content: BlobValue | None = None
    uri: Uri | None = None
    source_component: ComponentRef | None = None
    invoke_args: BlobValue | None = None
    fetch_arguments: BlobValue | None = None
    use_before: Uint | None = None
    minimum_battery: Uint | None = None
    update_priority: Int | None = None
    version: ComparisonText | None = None

    @model_validator(mode="after")
    def _something(self) -> "Parameters":
        if not self.model_fields_set:
            raise ValueError("no parameter is set")
        if "image" in self.model_fields_set and self.model_fields_set & {"image_digest", "image_size"}:
            raise ValueError("image stands for image-digest and image-size")
        return self


class Command(Choice):
    """One command and its argument; one with a reporting policy may stand alone (M8.4.9, 8.4.10)."""

    may_be_bare = frozenset(
        {"vendor_identifier", "class_identifier", "device_identifier", "image_match", "component_slot"}
        | {"check_content", "abort", "fetch", "copy_", "write", "swap", "invoke", "unlink"}
        | {"dependency_integrity", "is_dependency", "process_dependency"}
        | {"use_before", "image_not_match", "minimum_battery", "update_authorized", "version"}
    )

    vendor_identifier: Policy = None
    class_identifier: Policy = None
    device_identifier: Policy = None
    image_match: Policy = None
    component_slot: Policy = None
    check_content: Policy = None
    abort: Policy = None
    dependency_integrity: Policy = None
    is_dependency: Policy = None
    set_component_index: Index = None
    set_parameters: Parameters | None = None
    override_parameters: Parameters | None = None
    try_each: list["Sequence | None"] | None = None
    run_sequence: "Sequence | None" = None
    fetch: Policy = None
    copy_: Policy = None
    write: Policy = None
    swap: Policy = None
    invoke: Policy = None
    process_dependency: Policy = None
    unlink: Policy = None
    use_before: Policy = None
    image_not_match: Policy = None
    minimum_battery: Policy = None
    update_authorized: Policy = None
    version: Policy = None
    override_multiple: dict[str, Parameters] | None = None
    copy_params: dict[str, ParameterNames] | None = None


BARE_COMMANDS: Final = tuple(
    alias(Command, name) for name in Command.model_fields if name in Command.may_be_bare
)
Step: TypeAlias = Annotated[Command, BeforeValidator(as_step), Also({"enum": list(BARE_COMMANDS)})]
Sequence: TypeAlias = Annotated[list[Step], Field(min_length=1)]


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


class Description(Model):
    """A manifest and what its envelope carries beside it."""

    manifest_version: Literal[1] = 1
    manifest_sequence_number: Uint
    reference_uri: Uri | None = None
    set_version: VersionText | None = None
    components: Annotated[
        dict[Annotated[str, Field(pattern=_NAME + r"|^[0-9]+$")], list[Segment]],
        Field(min_length=1),
        BeforeValidator(by_name),
        Also({"type": "array", "items": {"type": "array"}}),
    ]
    shared_sequence: Sequence | None = None
    payload_fetch: Sequence | None = None
    install: Sequence | None = None
    validate_: Sequence | None = None
    load: Sequence | None = None
    invoke: Sequence | None = None
    text: dict[str, Text] | None = None
    severable: list[SeverableName] | None = None
    digest_algorithm: HashName = "sha-256"
    integrated_payloads: dict[Uri, BlobValue] | None = None
