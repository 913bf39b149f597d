"""What a procedure runs on, and what it tells about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from device.components import Components
from device.ic.interface import SecurityIC
from device.platform import Fetcher, Platform
from device.processor.rights import Rights
from device.processor.secondary import SecondaryProcessor
from device.references import References
from spec.labels import CoseAlgorithm, Parameter
from suit.errors import Place
from suit.manifest import ComponentId, ParameterValue


class Identifiers(Enum):
    """Whether the shared sequence has to check vendor and class (M6.2 says: it SHOULD be looked at)."""

    OPTIONAL = auto()
    REQUIRED = auto()


class Profile(Enum):
    """How the rules of the lockstep are taken (ADR 0007): the published examples break them."""

    STRICT = auto()
    COMPAT = auto()


@dataclass(frozen=True, slots=True)
class Policy:
    """What a device asks of manifests beyond the standard's MUST.

    Attributes:
        identifiers: Whether the shared sequence has to check vendor and class.
        profile: Whether a dependent has to process its dependencies in every section.
        rights: What keys may do, by their names; a key that is not here may do everything.
        digest_for: More ciphers that decrypt only what a digest binds: AES-CTR and AES-CBC always do (E8),
            an AEAD cipher may do without (ADR 0018).
    """

    identifiers: Identifiers = Identifiers.OPTIONAL
    profile: Profile = Profile.STRICT
    rights: Mapping[bytes, Rights] = field(default_factory=dict)
    digest_for: frozenset[CoseAlgorithm] = frozenset()


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
        warnings: Rules that the manifests broke and that profile compat lets pass.
        below: The components that dependencies name.
    """

    fetched: list[str] = field(default_factory=list)
    invoked: list[tuple[ComponentId, bytes | None]] = field(default_factory=list)
    written: set[ComponentId] = field(default_factory=set)
    verified: set[ComponentId] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    below: set[ComponentId] = field(default_factory=set)

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
        ic: Vouches for dependencies; without it there are none.
        references: Who needs which component; without it nobody but the manifest that runs does.
        clock: The trusted time in Unix seconds (:meth:`device.ic.interface.SecurityIC.now`); a device
            without one fails every use-before.
        secondaries: Other processors, by the component prefix that leads to them (T5.4.1).
        waiting_since: When the manifest that is to run first told this device to wait; None: it did not yet.
    """

    components: Components
    platform: Platform
    fetcher: Fetcher
    policy: Policy = field(default_factory=Policy)
    observer: Observer | None = None
    ic: SecurityIC | None = None
    references: References | None = None
    clock: Callable[[], int] | None = None
    secondaries: Mapping[ComponentId, SecondaryProcessor] = field(default_factory=dict)
    waiting_since: int | None = None
