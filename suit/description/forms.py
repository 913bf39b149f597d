"""The words and numbers of the description language: how an author may write each kind of value."""

from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
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
from suit.commands import VALUES
from suit.manifest import SEVERABLE
from suit.narrow import MAX_URI, draft_name
from suit.version import read_version, read_version_match
from suit.wait import DAY, WEEKDAYS, read_time_of_day

MAX_UINT: Final = (1 << 64) - 1
_POLICY_BITS: Final = {draft_name(bit): bit.value for bit in labels.Policy}
_POLICY_NAMES: Final = tuple(_POLICY_BITS)  # which can be asked for what has no hash
_ALL_BITS: Final = sum(_POLICY_BITS.values())
_SEVERABLE: Final = tuple(draft_name(member) for member in SEVERABLE)
_FEW: Final = 4
_COPIED: Final = tuple(
    draft_name(parameter)
    for parameter in VALUES
    if parameter not in {labels.Parameter.STRICT_ORDER, labels.Parameter.SOFT_FAILURE}
)


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


def bare(name: str, *types: type) -> BeforeValidator:
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


def by_name(value: object) -> object:
    """Let a list stand for a map from its indices."""
    return {str(index): part for index, part in enumerate(value)} if isinstance(value, list) else value


def _policy(value: object) -> object:
    key, inner = _sole(value)
    policy = inner if key == "policy" else value
    if isinstance(policy, list) and policy and all(map(_POLICY_NAMES.__contains__, policy)):
        return sum({_POLICY_BITS[name] for name in policy})
    if policy is None or type(policy) is int:
        return policy
    raise ValueError(f"a policy is a number from 0 to {_ALL_BITS} or a list of {', '.join(_POLICY_BITS)}")


def _index(value: object) -> int | bool | str | list[int | str]:
    parts = value if isinstance(value, list) and value else [value]
    if value is True or all(type(part) in (int, str) for part in parts):
        return value  # type: ignore[return-value]  # checked in the line above
    raise ValueError("a component's name or index is needed, a list of them, or true for all")


def as_step(value: object) -> object:
    """Let a command's bare name stand for the command without an argument."""
    return {value: None} if isinstance(value, str) else value


_HEX: Final = Also({"type": "integer", "minimum": 0})
HEX_SCHEMA: Final = {"type": "string", "pattern": "^(0x)?([0-9a-fA-F]{2}[ \\n]*)*$"}


class _HexSchema:
    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return dict(HEX_SCHEMA)


Hex: TypeAlias = Annotated[bytes, _HexSchema(), BeforeValidator(_hexadecimal), _HEX]
Uint: TypeAlias = Annotated[
    int, Field(ge=0, le=MAX_UINT), BeforeValidator(_number), Also({"type": "string", "pattern": "^0x"})
]
Int: TypeAlias = Annotated[int, Field(ge=-MAX_UINT - 1, le=MAX_UINT)]
Uri: TypeAlias = Annotated[str, Field(max_length=MAX_URI)]
FilePath: TypeAlias = Annotated[str, Field(min_length=1)]
Name: TypeAlias = Annotated[str, Field(min_length=1)]
ComponentRef: TypeAlias = Annotated[int | str, Field(union_mode="left_to_right")]
HashName: TypeAlias = Literal["sha-256", "sha-384", "sha-512", "shake128", "shake256"]
SeverableName: TypeAlias = Literal[_SEVERABLE]  # type: ignore[valid-type]
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


def _version(text: str) -> str:
    read_version(text)
    return text


def _comparison(text: str) -> str:
    read_version_match(text)
    return text


def _time_of_day(value: object) -> object:
    return read_time_of_day(value) if isinstance(value, str) else value


def _weekday(value: object) -> object:
    return WEEKDAYS.index(value) if value in WEEKDAYS else value


TimeOfDay: TypeAlias = Annotated[
    int,
    Field(ge=0, lt=DAY),
    BeforeValidator(_time_of_day),
    Also({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?$"}),
]
Weekday: TypeAlias = Annotated[
    int, Field(ge=0, lt=len(WEEKDAYS)), BeforeValidator(_weekday), Also({"enum": list(WEEKDAYS)})
]
VersionText: TypeAlias = Annotated[str, AfterValidator(_version)]
ComparisonText: TypeAlias = Annotated[str, AfterValidator(_comparison)]
ParameterNames: TypeAlias = Annotated[list[Literal[_COPIED]], Field(min_length=1)]  # type: ignore[valid-type]
