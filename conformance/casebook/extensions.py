"""Labels of the extension documents, which a processor of the base document refuses (M6.1, U1).

Drop the file of a topic's cases from here when the extension is implemented.
"""

from collections.abc import Iterator

from conformance.casebook.case import NEW, Case, rejected, update, write
from conformance.forge import override
from conformance.forge_cbor import Item, encode
from spec.labels import Command, Parameter, ReportReason

TOPIC = "extensions"
_COMMAND = ReportReason.COMMAND_UNSUPPORTED
_ARGUMENTS: dict[Command, Item] = {}
_COMMANDS: tuple[Command, ...] = ()
_PARAMETERS: dict[Parameter, Item] = {
    Parameter.ENCRYPTION_INFO: encode([]),
}
UNASSIGNED = (9, 10, 13, 16, 17, 30)


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    for command in _COMMANDS:
        argument = _ARGUMENTS.get(command, 15)
        yield rejected(
            f"extension-command-{_name(command)}",
            "U1-1 M6.1-5",
            "A command of an extension that the processor does not implement.",
            update(NEW, install=[(command, argument), *write(NEW)]),
            _COMMAND,
        )
    for parameter, value in _PARAMETERS.items():
        yield rejected(
            f"extension-parameter-{_name(parameter)}",
            "U1-1 M6.1-6",
            "A parameter of an extension that the processor does not implement.",
            update(NEW, install=[override({parameter: value}), *write(NEW)]),
            ReportReason.PARAMETER_UNSUPPORTED,
        )


def _name(label: Command | Parameter) -> str:
    return label.name.lower().replace("_", "-")
