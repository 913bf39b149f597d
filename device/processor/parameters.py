"""Parameters (M8.4.8): one set for each component."""

from typing import Final

from spec.labels import Parameter
from suit.manifest import ComponentId, Digest, Pen


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


FIELDS: Final = {Parameter[name.upper()]: name for name in ParameterSet.__annotations__}
"""The attribute of each parameter that belongs to a component."""
