"""The model: what an envelope and its manifest say, as immutable values.

Values keep the bytes they came from where something is verified over them. Names are those of
draft-ietf-suit-manifest (M); command arguments and parameter values are plain Python types:

==========================================  =====================================================
argument of                                 Python value
==========================================  =====================================================
conditions, and directives with a policy    ``int`` (bits of :class:`spec.labels.Policy`)
set-component-index                         ``int``, ``True`` or ``tuple[int, ...]``
try-each                                    ``tuple[Sequence | None, ...]`` (``None`` is nil)
run-sequence                                ``Sequence``
set-parameters, override-parameters         ``dict[Parameter, ParameterValue]``
override-multiple                           ``dict[int, dict[Parameter, ParameterValue]]``
copy-params                                 ``dict[int, tuple[Parameter, ...]]``
==========================================  =====================================================
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from spec import labels
from suit.encryption import EncryptionInfo

ComponentId: TypeAlias = tuple[bytes, ...]
Version: TypeAlias = tuple[int, ...]


class Digest(NamedTuple):
    """SUIT_Digest (M8.3, 10): the algorithm and the bytes it gave."""

    algorithm: labels.CoseAlgorithm
    value: bytes


@dataclass(frozen=True, slots=True)
class Pen:
    """A vendor named by Private Enterprise Number: the bytes under CBOR tag 112 (RFC 9090)."""

    oid: bytes


@dataclass(frozen=True, slots=True)
class VersionMatch:
    """SUIT_Parameter_Version_Match (U4.4): how a component's version shall compare with this one."""

    comparison: labels.VersionComparison
    version: Version


@dataclass(frozen=True, slots=True)
class Uuid:
    """An actor that is named by a UUID (CBOR tag 37)."""

    value: bytes


ActorId: TypeAlias = int | str | bytes | Uuid


@dataclass(frozen=True, slots=True)
class ComponentMetadata:
    """SUIT_Component_Metadata (U4.6): what a file system shall know of a component; None is not said.

    Permissions are bits of :class:`spec.labels.Permission`, times seconds since 1970.
    """

    default_permissions: int | None = None
    user_permissions: Mapping[ActorId, int] | None = None
    group_permissions: Mapping[ActorId, int] | None = None
    role_permissions: Mapping[ActorId, int] | None = None
    file_type: labels.FileType | None = None
    modification_time: int | None = None
    creation_time: int | None = None
    creator: ActorId | None = None

    @property
    def kind(self) -> labels.FileType:
        """The file type; a regular file where nothing is said (U4.6.5)."""
        return self.file_type or labels.FileType.REGULAR


@dataclass(frozen=True, slots=True)
class OtherDevice:
    """What suit-wait-event-other-device-version asks for (U4.5): all of the matches have to hold.

    Attributes:
        identifier: Whose version; what it means is for the deployment to say.
        versions: How that version shall compare.
    """

    identifier: bytes
    versions: tuple[VersionMatch, ...]


WaitValue: TypeAlias = int | OtherDevice


@dataclass(frozen=True, slots=True)
class WaitInfo:
    """suit-parameter-wait-info (U4.5): the events that wait waits for, all of them."""

    events: Mapping[labels.WaitEvent, WaitValue]


ParameterValue: TypeAlias = (
    int | bool | str | bytes | Digest | Pen | VersionMatch | ComponentMetadata | WaitInfo | EncryptionInfo
)
Parameters: TypeAlias = dict[labels.Parameter, ParameterValue]


class Command(NamedTuple):
    """One command of a sequence (M8.4.9, 8.4.10).

    ``offset`` counts bytes from the start of the top-level sequence, where a SUIT report points.
    """

    label: labels.Command
    argument: Any
    offset: int = 0


Sequence: TypeAlias = tuple[Command, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Severable(Generic[T]):
    """A member that may live in the envelope instead of the manifest (M5.4, 8.6).

    Inline: ``value`` alone. Severable: the manifest holds ``digest``; ``value`` is there as soon as
    the envelope's element was found to match it, and ``None`` when the element was cut off.
    """

    value: T | None
    digest: Digest | None = None


TextOfComponent: TypeAlias = Mapping[labels.TextComponent, str]


@dataclass(frozen=True, slots=True)
class Text:
    """Texts for people in one language (M8.4.4). They never drive a decision."""

    manifest: Mapping[labels.TextManifest, str] = field(default_factory=dict)
    components: Mapping[ComponentId, TextOfComponent] = field(default_factory=dict)


Texts: TypeAlias = Mapping[str, Text]


@dataclass(frozen=True, slots=True)
class Dependency:
    """SUIT_Dependency_Metadata (T5.2.2): what is said about a component that holds a manifest."""

    prefix: ComponentId | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """SUIT_Manifest (M8.4). ``raw`` is the encoded map, without the byte string around it.

    Attributes:
        dependencies: The components that hold envelopes of dependencies, by index (T5.2.2). An index past
            the end of ``components`` has a prefix, which is then the identifier (ADR 0007).
        component_id: Where a root manifest is stored (T5.2.1); it keys the sequence number's floor.
        coswid: The encoded concise-swid-tag (U3.2), which nothing on a device looks into.
    """

    sequence_number: int
    components: tuple[ComponentId, ...]
    shared_sequence: Sequence | None = None
    reference_uri: str | None = None
    payload_fetch: Severable[Sequence] | None = None
    install: Severable[Sequence] | None = None
    validate: Sequence | None = None
    load: Sequence | None = None
    invoke: Sequence | None = None
    dependency_resolution: Severable[Sequence] | None = None
    candidate_verification: Severable[Sequence] | None = None
    uninstall: Sequence | None = None
    dependencies: Mapping[int, Dependency] = field(default_factory=dict)
    component_id: ComponentId | None = None
    text: Severable[Texts] | None = None
    coswid: Severable[bytes] | None = None
    set_version: Version | None = None
    version: int = 1
    raw: bytes = b""

    @property
    def ids(self) -> tuple[ComponentId, ...]:
        """Every component that an index may name: the declared ones, then those of virtual dependencies."""
        if not self.dependencies:
            return self.components
        count = len(self.components)
        virtual = [self.dependencies[index].prefix for index in sorted(self.dependencies) if index >= count]
        return (*self.components, *[prefix for prefix in virtual if prefix is not None])


@dataclass(frozen=True, slots=True)
class Envelope:
    """SUIT_Envelope (M8.2, 8.3), opened but not believed: nothing inside the manifest is decoded.

    Attributes:
        digest: Element 0 of SUIT_Authentication, what it claims the manifest's digest to be.
        digest_bytes: The same, encoded: the payload that every authentication block covers.
        blocks: The encoded COSE blocks, tag included.
        manifest: The encoded manifest map (without its byte-string head).
        severed: Encoded severable elements by their label (without their byte-string head).
        payloads: Integrated payloads by URI (M7.5); outside every digest but that of image-match.
        tagged: Whether tag 107 stands in front.
    """

    digest: Digest
    digest_bytes: bytes
    blocks: tuple[bytes, ...]
    manifest: bytes
    severed: Mapping[labels.Manifest, bytes] = field(default_factory=dict)
    payloads: Mapping[str, bytes] = field(default_factory=dict)
    tagged: bool = True


SEVERABLE: Final = (
    labels.Manifest.DEPENDENCY_RESOLUTION,
    labels.Manifest.PAYLOAD_FETCH,
    labels.Manifest.CANDIDATE_VERIFICATION,
    labels.Manifest.INSTALL,
    labels.Manifest.TEXT,
    labels.Manifest.COSWID,
)
"""The members that may lie in the envelope (M8.6)."""


def severable_member(manifest: Manifest, member: labels.Manifest) -> tuple[str, Severable[Any] | None] | None:
    """Return the field of a severable member (M8.6) and what it holds; None for one that never is severed."""
    if member not in SEVERABLE:
        return None
    name = member.name.lower()
    return name, getattr(manifest, name)
