"""The description language: what an author writes in YAML to have an envelope built.

The words are those of draft-ietf-suit-manifest, without ``suit-`` and the kind in front. Bytes are
hexadecimal digits unless ``text:`` or ``file:`` says otherwise. The JSON Schema of the language is
``hardsuit suit build --schema``; :mod:`suit.describe` makes the model of :mod:`suit.manifest` from it.
"""

from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from spec import labels
from suit.narrow import MAX_URI, draft_name

MAX_UINT: Final = (1 << 64) - 1
_POLICY_BITS: Final = {draft_name(bit): bit.value for bit in labels.Policy}
_ALL_BITS: Final = sum(_POLICY_BITS.values())
_FEW: Final = 4
_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_.-]*$"


class Also:
    """Says in the JSON Schema that an author may write something in other forms as well."""

    def __init__(self, *schemas: JsonSchemaValue) -> None:
        self.schemas = schemas

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema with the other forms beside the model's own."""
        return {"anyOf": [*self.schemas, handler(core_schema)]}


class Model(BaseModel):
    """What every part has in common: strict types, no unknown names, hyphens in names."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=lambda name: name.rstrip("_").replace("_", "-"),
    )

    may_be_bare: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _no_gaps(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in cls.may_be_bare:
            raise ValueError("it has no value")
        return value

    def given(self) -> list[str]:
        """Return the fields that the author wrote, in the order of the model."""
        return [name for name in type(self).model_fields if name in self.model_fields_set]


class Choice(Model):
    """Exactly one of several."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _one(self) -> "Choice":
        if len(self.model_fields_set) != 1:
            names = [str(field.alias) for field in type(self).model_fields.values()]
            what = (
                f"one of {', '.join(names)}" if len(names) <= _FEW else f"one {type(self).__name__.lower()}"
            )
            raise ValueError(f"exactly {what} is needed")
        return self


def alias(model: type[BaseModel] | BaseModel, field: str) -> str:
    """Return how an author spells a field."""
    kind = model if isinstance(model, type) else type(model)
    return str(kind.model_fields[field].alias)


def _hexadecimal(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    digits = value.removeprefix("0x").replace(" ", "").replace("\n", "")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ValueError(
            "hexadecimal digits in pairs are needed (00, 0a1b; text: or file: for others)"
        ) from None


def _number(value: object) -> object:
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            return value
    return value


def _bare(name: str, *types: type) -> BeforeValidator:
    """Let a bare value of these types stand for ``{name: value}``."""

    def wrap(value: object) -> object:
        return {name: value} if type(value) in types else value

    return BeforeValidator(wrap)


def _sole(value: object) -> tuple[object, object]:
    if isinstance(value, dict) and len(value) == 1:
        pair: tuple[object, object] = next(iter(value.items()))
        return pair
    return None, value


def _segment(value: object) -> object:
    key, inner = _sole(value)
    return inner.encode() if key == "text" and isinstance(inner, str) else _hexadecimal(value)


def _by_name(value: object) -> object:
    return {str(index): part for index, part in enumerate(value)} if isinstance(value, list) else value


def _policy(value: object) -> object:
    key, inner = _sole(value)
    policy = inner if key == "policy" else value
    if isinstance(policy, list) and policy and all(name in _POLICY_BITS for name in policy):
        return sum({_POLICY_BITS[name] for name in policy})
    if policy is None or type(policy) is int:
        return policy
    raise ValueError(f"a policy is a number from 0 to {_ALL_BITS} or a list of {', '.join(_POLICY_BITS)}")


def _index(value: object) -> int | bool | str | list[int | str]:
    parts = value if isinstance(value, list) and value else [value]
    if value is True or all(type(part) in (int, str) for part in parts):
        return value  # type: ignore[return-value]  # checked in the line above
    raise ValueError("a component's name or index is needed, a list of them, or true for all")


def _step(value: object) -> object:
    return {value: None} if isinstance(value, str) else value


_HEX: Final = Also({"type": "integer", "minimum": 0})
_HEX_SCHEMA: Final = {"type": "string", "pattern": "^(0x)?([0-9a-fA-F]{2}[ \\n]*)*$"}


class _HexSchema:
    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return dict(_HEX_SCHEMA)


Hex: TypeAlias = Annotated[bytes, _HexSchema(), BeforeValidator(_hexadecimal), _HEX]
Uint: TypeAlias = Annotated[
    int, Field(ge=0, le=MAX_UINT), BeforeValidator(_number), Also({"type": "string", "pattern": "^0x"})
]
Uri: TypeAlias = Annotated[str, Field(max_length=MAX_URI)]
FilePath: TypeAlias = Annotated[str, Field(min_length=1)]
Name: TypeAlias = Annotated[str, Field(min_length=1)]
ComponentRef: TypeAlias = Annotated[int | str, Field(union_mode="left_to_right")]
HashName: TypeAlias = Literal["sha-256", "sha-384", "sha-512", "shake128", "shake256"]
SeverableName: TypeAlias = Literal["payload-fetch", "install", "text"]
Segment: TypeAlias = Annotated[
    bytes,
    _HexSchema(),
    BeforeValidator(_segment),
    Also(
        {"type": "integer", "minimum": 0},
        {"type": "object", "properties": {"text": {"type": "string"}}, "additionalProperties": False},
    ),
]
Policy: TypeAlias = Annotated[
    int | None,
    Field(ge=0, le=_ALL_BITS),
    BeforeValidator(_policy),
    Also(
        {"type": "array", "items": {"enum": list(_POLICY_BITS)}},
        {
            "type": "object",
            "required": ["policy"],
            "properties": {"policy": {}},
            "additionalProperties": False,
        },
    ),
]
Index: TypeAlias = Annotated[Any, BeforeValidator(_index)]


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
    Blob, _bare("hex", str, int), Also({"type": "integer", "minimum": 0}, _HEX_SCHEMA)
]
WordsValue: TypeAlias = Annotated[Words, _bare("text", str), _TEXT_SCHEMA]
IdentifierValue: TypeAlias = Annotated[Identifier, _bare("uuid", str, int), _TEXT_SCHEMA]
DigestValue: TypeAlias = Annotated[Digest, _bare("sha-256", str, int), Also(_HEX_SCHEMA)]


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
    )

    vendor_identifier: Policy = None
    class_identifier: Policy = None
    device_identifier: Policy = None
    image_match: Policy = None
    component_slot: Policy = None
    check_content: Policy = None
    dependency_integrity: Policy = None
    is_dependency: Policy = None
    abort: Policy = None
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


BARE_COMMANDS: Final = tuple(
    alias(Command, name) for name in Command.model_fields if name in Command.may_be_bare
)
Step: TypeAlias = Annotated[Command, BeforeValidator(_step), Also({"enum": list(BARE_COMMANDS)})]
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
    components: Annotated[
        dict[Annotated[str, Field(pattern=_NAME + r"|^[0-9]+$")], list[Segment]],
        Field(min_length=1),
        BeforeValidator(_by_name),
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
