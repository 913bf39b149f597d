"""Commands and the parameters that they set, as an author writes them."""

from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from suit.description.events import WaitInfo
from suit.description.forms import (
    Also,
    Choice,
    ComparisonText,
    ComponentRef,
    Index,
    Int,
    Model,
    ParameterNames,
    Policy,
    Uint,
    Uri,
    alias,
    as_step,
)
from suit.description.metadata import Metadata
from suit.description.values import BlobValue, DigestValue, IdentifierValue, Image


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
    component_metadata: Metadata | None = None
    wait_info: WaitInfo | None = None
    encryption_info: BlobValue | None = None

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
        | {"use_before", "image_not_match", "minimum_battery", "update_authorized", "version", "wait"}
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
    wait: Policy = None


BARE_COMMANDS: Final = tuple(
    alias(Command, name) for name in Command.model_fields if name in Command.may_be_bare
)
Step: TypeAlias = Annotated[Command, BeforeValidator(as_step), Also({"enum": list(BARE_COMMANDS)})]
Sequence: TypeAlias = Annotated[list[Step], Field(min_length=1)]
