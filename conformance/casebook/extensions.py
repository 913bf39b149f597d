"""Labels of the extension documents, which a processor of the base document refuses (M6.1, U1).

Drop the file of a topic's cases from here when the extension is implemented.
"""

from collections.abc import Iterator

from conformance.casebook.case import AUTHOR, NEW, Case, parts_of, rejected, update, write
from conformance.forge import check, digest_of_wrapped, envelope, override, sequence
from conformance.forge_cbor import Item, encode
from spec.labels import Command, Envelope, Manifest, Parameter, ReportReason

TOPIC = "extensions"
_COMMAND = ReportReason.COMMAND_UNSUPPORTED
_ARGUMENTS: dict[Command, Item] = {}
_COMMANDS: tuple[Command, ...] = ()
_PARAMETERS: dict[Parameter, Item] = {
    Parameter.ENCRYPTION_INFO: encode([]),
}
_SEQUENCE = sequence([check(Command.VENDOR_IDENTIFIER)])
_MEMBERS: dict[Manifest, Item] = {
    Manifest.COSWID: encode({}),
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
    for member, value in _MEMBERS.items():
        yield rejected(
            f"extension-member-{_name(member)}",
            "U1-1",
            "A manifest member of an extension that the processor does not implement.",
            update(NEW, install=write(NEW), extra={member: value}),
            _COMMAND,
        )
    yield from _severable()


def _severable() -> Iterator[Case]:
    for member in (Envelope.COSWID,):
        body = parts_of(
            NEW,
            install=write(NEW),
            extra={Manifest[member.name]: digest_of_wrapped(_SEQUENCE)},
        )
        yield rejected(
            f"extension-severed-{_name(member)}",
            "U1-1",
            "The same in the envelope.",
            envelope(body, signers=[AUTHOR], members={member: _SEQUENCE}),
        )


def _name(label: Command | Parameter | Manifest | Envelope) -> str:
    return label.name.lower().replace("_", "-")
