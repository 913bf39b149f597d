"""The vocabulary: which commands and parameters hardsuit implements, and the shape of each argument.

The codec, the interpreter, the linter and the authoring tool all read these two tables, so a label of the
registry that has no row here is refused everywhere with the same typed error, never guessed.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from spec.labels import Command, Parameter


class Argument(Enum):
    """What follows a command in its sequence (M8.4.9, 8.4.10)."""

    POLICY = auto()
    INDEX = auto()
    BRANCHES = auto()
    SEQUENCE = auto()
    PARAMETERS = auto()
    PARAMETERS_BY_INDEX = auto()
    LABELS_BY_INDEX = auto()


class Value(Enum):
    """The type of a parameter (M8.4.8)."""

    UUID = auto()
    VENDOR = auto()
    DIGEST = auto()
    UINT = auto()
    TEXT = auto()
    BYTES = auto()
    BOOL = auto()
    INT = auto()
    VERSION_MATCH = auto()
    METADATA = auto()
    WAIT_INFO = auto()
    ENCRYPTION_INFO = auto()


CONDITIONS: Final[frozenset[Command]] = frozenset(
    {
        Command.VENDOR_IDENTIFIER,
        Command.CLASS_IDENTIFIER,
        Command.DEVICE_IDENTIFIER,
        Command.IMAGE_MATCH,
        Command.IMAGE_NOT_MATCH,
        Command.COMPONENT_SLOT,
        Command.CHECK_CONTENT,
        Command.DEPENDENCY_INTEGRITY,
        Command.IS_DEPENDENCY,
        Command.ABORT,
        Command.USE_BEFORE,
        Command.MINIMUM_BATTERY,
        Command.UPDATE_AUTHORIZED,
        Command.VERSION,
    }
)

DIRECTIVES: Final[frozenset[Command]] = frozenset(
    {
        Command.PROCESS_DEPENDENCY,
        Command.SET_COMPONENT_INDEX,
        Command.TRY_EACH,
        Command.WRITE,
        Command.SET_PARAMETERS,
        Command.OVERRIDE_PARAMETERS,
        Command.FETCH,
        Command.COPY,
        Command.INVOKE,
        Command.SWAP,
        Command.RUN_SEQUENCE,
        Command.UNLINK,
        Command.OVERRIDE_MULTIPLE,
        Command.COPY_PARAMS,
        Command.WAIT,
    }
)

_STRUCTURED: Final[Mapping[Command, Argument]] = {
    Command.SET_COMPONENT_INDEX: Argument.INDEX,
    Command.TRY_EACH: Argument.BRANCHES,
    Command.RUN_SEQUENCE: Argument.SEQUENCE,
    Command.SET_PARAMETERS: Argument.PARAMETERS,
    Command.OVERRIDE_PARAMETERS: Argument.PARAMETERS,
    Command.OVERRIDE_MULTIPLE: Argument.PARAMETERS_BY_INDEX,
    Command.COPY_PARAMS: Argument.LABELS_BY_INDEX,
}

ARGUMENTS: Final[Mapping[Command, Argument]] = {
    command: _STRUCTURED.get(command, Argument.POLICY)
    for command in Command  # in the order of the registry, which a set does not have
    if command in CONDITIONS | DIRECTIVES
}

VALUES: Final[Mapping[Parameter, Value]] = {
    Parameter.VENDOR_IDENTIFIER: Value.VENDOR,
    Parameter.CLASS_IDENTIFIER: Value.UUID,
    Parameter.IMAGE_DIGEST: Value.DIGEST,
    Parameter.COMPONENT_SLOT: Value.UINT,
    Parameter.STRICT_ORDER: Value.BOOL,
    Parameter.SOFT_FAILURE: Value.BOOL,
    Parameter.IMAGE_SIZE: Value.UINT,
    Parameter.CONTENT: Value.BYTES,
    Parameter.URI: Value.TEXT,
    Parameter.SOURCE_COMPONENT: Value.UINT,
    Parameter.INVOKE_ARGS: Value.BYTES,
    Parameter.DEVICE_IDENTIFIER: Value.UUID,
    Parameter.FETCH_ARGUMENTS: Value.BYTES,
    Parameter.USE_BEFORE: Value.UINT,
    Parameter.MINIMUM_BATTERY: Value.UINT,
    Parameter.UPDATE_PRIORITY: Value.INT,
    Parameter.VERSION: Value.VERSION_MATCH,
    Parameter.COMPONENT_METADATA: Value.METADATA,
    Parameter.WAIT_INFO: Value.WAIT_INFO,
    Parameter.ENCRYPTION_INFO: Value.ENCRYPTION_INFO,
}

SHARED_SEQUENCE_COMMANDS: Final[frozenset[Command]] = CONDITIONS | {
    Command.SET_COMPONENT_INDEX,
    Command.TRY_EACH,
    Command.SET_PARAMETERS,
    Command.OVERRIDE_PARAMETERS,
    Command.RUN_SEQUENCE,
    Command.OVERRIDE_MULTIPLE,
    Command.COPY_PARAMS,
}
