"""Parameters (M8.4.8): one set for each component."""

from collections.abc import Sequence
from typing import Final

from spec.labels import Parameter
from suit.encryption import EncryptionInfo
from suit.errors import AbortError
from suit.manifest import ComponentId, ComponentMetadata, Digest, Pen, VersionMatch, WaitInfo
from suit.narrow import draft_name


class ParameterSet:
    """What the manifest has set for one component so far; None is unset.

    strict-order and soft-failure are not here: they belong to the interpreter (M8.4.8).
    """

    # Defaults on the class: a set costs nothing until something is set.
    vendor_identifier: bytes | Pen | None = None
    class_identifier: bytes | None = None
    device_identifier: bytes | None = None
    image_digest: Digest | None = None
    image_size: int | None = None
    component_slot: int | None = None
    content: bytes | None = None
    uri: str | None = None
    fetch_arguments: bytes | None = None
    source_component: ComponentId | None = None  # an index means something in one manifest only
    invoke_args: bytes | None = None
    use_before: int | None = None
    minimum_battery: int | None = None
    update_priority: int | None = None
    version: VersionMatch | None = None
    component_metadata: ComponentMetadata | None = None
    wait_info: WaitInfo | None = None
    encryption_info: EncryptionInfo | None = None


FIELDS: Final = {Parameter[name.upper()]: name for name in ParameterSet.__annotations__}
"""The attribute of each parameter that belongs to a component."""


def copy_parameter(sets: Sequence[ParameterSet], label: Parameter, source: int, index: int) -> None:
    """Give the component at ``index`` what the one at ``source`` has for a parameter (U5.8).

    Raises:
        AbortError: There is no such component, or it has no such parameter.
    """
    name = FIELDS.get(label)
    if source >= len(sets):
        raise AbortError(f"there is no component {source}")
    if name is None:
        raise AbortError(f"{draft_name(label)} belongs to no component")
    value = getattr(sets[source], name)
    if value is None:
        raise AbortError(f"component {source} has no {draft_name(label)} to copy")
    setattr(sets[index], name, value)
