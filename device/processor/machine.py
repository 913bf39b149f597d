"""What a procedure runs on, and what it tells about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from device.components import Components
from device.platform import Fetcher, Platform
from spec.labels import Parameter
from suit.errors import Place
from suit.manifest import ComponentId, ParameterValue


class Identifiers(Enum):
    """Whether the shared sequence has to check vendor and class (M6.2 says: it SHOULD be looked at)."""

    OPTIONAL = auto()
    REQUIRED = auto()


@dataclass(frozen=True, slots=True)
class Policy:
    """What a device asks of manifests beyond the standard's MUST."""

    identifiers: Identifiers = Identifiers.OPTIONAL


class Record(NamedTuple):
    """What the reporting engine learns of one condition or directive, for one component (M8.4.7).

    Attributes:
        place: The command: section, offset, component index.
        policy: The reporting policy of the manifest; a hint.
        succeeded: The result.
        measured: What the device itself has for the parameters that the command consumed.
    """

    place: Place
    policy: int
    succeeded: bool
    measured: Mapping[Parameter, ParameterValue]


Observer: TypeAlias = Callable[[Record], None]


@dataclass(slots=True)
class Trace:
    """What a procedure did so far; it tells as much of one that failed.

    Attributes:
        fetched: The URIs, in order, whose bytes came from the fetcher.
        invoked: Component and arguments of every invocation.
        written: The components whose content was replaced.
        verified: The components whose present content matched its digest.
    """

    fetched: list[str] = field(default_factory=list)
    invoked: list[tuple[ComponentId, bytes | None]] = field(default_factory=list)
    written: set[ComponentId] = field(default_factory=set)
    verified: set[ComponentId] = field(default_factory=set)

    def wrote(self, component: ComponentId) -> None:
        """Note new content, which nothing has verified yet."""
        self.written.add(component)
        self.verified.discard(component)


@dataclass(frozen=True, slots=True)
class Machine:
    """The device as the processor sees it.

    Attributes:
        components: What can be read and written.
        platform: Identifiers, and how to invoke.
        fetcher: Where payloads come from that the envelope does not hold.
        policy: What is asked beyond the standard.
        observer: Told of each condition and directive, if there is one.
    """

    components: Components
    platform: Platform
    fetcher: Fetcher
    policy: Policy = field(default_factory=Policy)
    observer: Observer | None = None
