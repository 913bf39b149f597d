"""What this device implements (P6): read off the tables that the codec, the processor and the IC work by."""

from collections.abc import Iterable

from device.ic.interface import SecurityIC, Where
from spec.labels import Capability, TextComponent, TextManifest
from spec.labels import Envelope as Member
from suit.commands import ARGUMENTS, VALUES
from suit.decode import COMMON_MEMBERS, MEMBERS
from suit.manifest import SEVERABLE, ComponentId
from suit.report import Capabilities, ComponentCapability


def capabilities_of(ic: SecurityIC, components: Iterable[ComponentId]) -> Capabilities:
    """Return the capability report of a device with this IC and these components."""
    told = ic.info().capabilities
    algorithms = {
        algorithm.value
        for algorithm, where in {**told.verify, **told.hash, **told.unwrap, **told.decrypt}.items()
        if where is not Where.ABSENT
    }
    envelope = {Member.AUTHENTICATION_WRAPPER, Member.MANIFEST}
    lists: dict[Capability, Iterable[int]] = {
        Capability.COMMAND_CAPABILITIES: {command.value for command in ARGUMENTS},
        Capability.PARAMETERS_CAPABILITIES: {parameter.value for parameter in VALUES},
        Capability.CRYPT_ALGO_CAPABILITIES: algorithms,
        Capability.ENVELOPE_CAPABILITIES: {member.value for member in (*envelope, *SEVERABLE)},
        Capability.MANIFEST_CAPABILITIES: MEMBERS,
        Capability.COMMON_CAPABILITIES: COMMON_MEMBERS,
        Capability.TEXT_CAPABILITIES: {label.value for label in TextManifest},
        Capability.TEXT_COMPONENT_CAPABILITIES: {label.value for label in TextComponent},
    }
    return Capabilities(
        tuple([ComponentCapability(component) for component in components]),
        {kind: tuple(sorted(numbers)) for kind, numbers in lists.items()},
    )
