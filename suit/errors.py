"""The error tree of hardsuit, one stable ``reason`` per leaf.

::

    HardsuitError
     ├─ UsageError                 the caller asked for something that makes no sense
     ├─ RejectedError              bytes that are malformed or not authentic
     │   ├─ MalformedError
     │   │   └─ LimitError
     │   └─ NotAuthenticError
     │       └─ UnsupportedAlgorithmError, UnsupportedCoseError, NoTrustAnchorError
     ├─ RefusedError               authentic, but policy, device or rules say no
     │   ├─ RollbackError, SequenceReusedError
     │   ├─ UnsupportedCommandError, UnsupportedParameterError, UnsupportedElementError
     │   ├─ ComponentError, ComponentUnauthorisedError
     │   ├─ ConditionFailedError
     │   └─ AbortError
     ├─ DifferentError             two things that were compared are not the same
     ├─ NothingToDoError
     ├─ WaitingError               the manifest says to wait, and what it waits for is not so yet
     ├─ ExpiredError
     ├─ NetworkError
     ├─ StorageError
     └─ KeyUnavailableError

Every class carries the exit code of the command line and the number a SUIT report gives
(draft-ietf-suit-report, SUIT_Report_Reasons); people read the message, programs the ``reason``.
"""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from spec.labels import Command, Manifest, ReportReason

if TYPE_CHECKING:
    from typing_extensions import override

    from suit.manifest import WaitInfo
else:

    def override(method: Callable[..., Any]) -> Callable[..., Any]:
        """Stand in for typing_extensions, whose import every command would wait for."""
        return method


class ExitCode(Enum):
    """What a hardsuit command returns to the shell (DESIGN §8)."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    REJECTED = 3
    REFUSED = 4
    NOTHING_TO_DO = 5
    EXPIRED = 6
    NETWORK = 7
    STORAGE = 8
    KEY = 9


class Place(NamedTuple):
    """Which command of a manifest failed: what the record of a SUIT report points at.

    Attributes:
        section: The top-level sequence; ``COMMON`` is the shared sequence.
        offset: Bytes from the start of that sequence to the command.
        component: The index of the component it was executed for; None when it was not executed.
        command: The command.
        manifest: The dependency indices that lead to the manifest; empty for the root.
    """

    section: Manifest
    offset: int
    component: int | None
    command: Command
    manifest: tuple[int, ...] = ()

    @override
    def __str__(self) -> str:
        section, command = (label.name.lower().replace("_", "-") for label in (self.section, self.command))
        at = f"{command} at {section}+{self.offset}"
        if self.manifest:
            at = f"dependency {'.'.join(map(str, self.manifest))}: {at}"
        return at if self.component is None else f"{at}, component {self.component}"


class HardsuitError(Exception):
    """Root of every error that hardsuit raises on purpose.

    Attributes:
        place: Where the manifest processor was when the error came up, if it was running.
    """

    reason: ClassVar[str] = "error"
    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL
    report: ClassVar[ReportReason] = ReportReason.OPERATION_FAILED
    place: Place | None = None

    @override
    def __str__(self) -> str:
        message = super().__str__()
        return message if self.place is None else f"{self.place}: {message}"


class UsageError(HardsuitError):
    """The request itself makes no sense: an option, a description, a file that is none."""

    reason = "usage"
    exit_code = ExitCode.USAGE


class RejectedError(HardsuitError):
    """The bytes are malformed or not authentic; nothing they say was believed."""

    reason = "rejected"
    exit_code = ExitCode.REJECTED
    report = ReportReason.CBOR_PARSE


class MalformedError(RejectedError):
    """The bytes are not what the standard says they must be."""

    reason = "malformed"

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class LimitError(MalformedError):
    """A size, depth or count is over the limit for hostile input."""

    reason = "limit"


class NotAuthenticError(RejectedError):
    """No trusted authority vouches for these bytes, or a known one is contradicted by them."""

    reason = "not-authentic"
    report = ReportReason.UNAUTHORISED


class UnsupportedAlgorithmError(NotAuthenticError):
    """The algorithm is not implemented, or not allowed for this key."""

    reason = "algorithm-unsupported"
    report = ReportReason.ALG_UNSUPPORTED


class UnsupportedCoseError(NotAuthenticError):
    """The COSE structure or header is well-formed but outside what hardsuit understands."""

    reason = "cose-unsupported"
    report = ReportReason.COSE_UNSUPPORTED


class NoTrustAnchorError(NotAuthenticError):
    """There is no key to verify with: an empty trust store verifies nothing."""

    reason = "no-trust-anchor"


class RefusedError(HardsuitError):
    """Authentic, but the device, its policy or a rule of the standard says no."""

    reason = "refused"
    exit_code = ExitCode.REFUSED


class RollbackError(RefusedError):
    """A version or sequence number is below what the device already accepted."""

    reason = "rollback"
    report = ReportReason.UNAUTHORISED

    def __init__(self, what: str, *, offered: int, stored: int) -> None:
        super().__init__(f"{what}: {offered} is below {stored}")
        self.what, self.offered, self.stored = what, offered, stored


class SequenceReusedError(RefusedError):
    """The sequence number is that of another manifest, which the device already accepted."""

    reason = "sequence-reused"
    report = ReportReason.UNAUTHORISED


class UnsupportedCommandError(RefusedError):
    """A command that this recipient does not implement (M6.1: the manifest MUST be rejected)."""

    reason = "command-unsupported"
    report = ReportReason.COMMAND_UNSUPPORTED


class UnsupportedParameterError(RefusedError):
    """A parameter that this recipient does not implement."""

    reason = "parameter-unsupported"
    report = ReportReason.PARAMETER_UNSUPPORTED


class UnsupportedElementError(RefusedError):
    """A manifest or envelope member that this recipient does not implement."""

    reason = "element-unsupported"
    report = ReportReason.COMMAND_UNSUPPORTED


class ComponentError(RefusedError):
    """A component that this device does not have, or cannot handle so many of."""

    reason = "component-unsupported"
    report = ReportReason.COMPONENT_UNSUPPORTED


class ComponentUnauthorisedError(RefusedError):
    """The signer has no right to this component."""

    reason = "component-unauthorised"
    report = ReportReason.COMPONENT_UNAUTHORISED


class ConditionFailedError(RefusedError):
    """A condition of the manifest does not hold on this device."""

    reason = "condition-failed"
    report = ReportReason.CONDITION_FAILED


class AbortError(RefusedError):
    """A directive failed or a rule was broken: the procedure stopped at once (M2, Abort)."""

    reason = "operation-failed"
    report = ReportReason.OPERATION_FAILED


class DifferentError(HardsuitError):
    """Two things that were compared are not the same: the answer of a comparison, not a failure."""

    reason = "different"
    exit_code = ExitCode.REFUSED


class NothingToDoError(HardsuitError):
    """All is up to date already."""

    reason = "nothing-to-do"
    exit_code = ExitCode.NOTHING_TO_DO


class WaitingError(HardsuitError):
    """The manifest says to wait (U5.6), and not all of what it waits for is so yet; nothing has changed.

    Attributes:
        info: What it waits for.
    """

    reason = "waiting"
    exit_code = ExitCode.NOTHING_TO_DO

    def __init__(self, message: str, info: "WaitInfo") -> None:
        super().__init__(message)
        self.info = info


class ExpiredError(HardsuitError):
    """Metadata or a key is past its expiry, seen from the device's trusted time."""

    reason = "expired"
    exit_code = ExitCode.EXPIRED


class NetworkError(HardsuitError):
    """The other side could not be reached or broke off; a retry may help."""

    reason = "network"
    exit_code = ExitCode.NETWORK


class StorageError(HardsuitError):
    """Local storage failed: full, unreadable, damaged, or not what it should be."""

    reason = "storage"
    exit_code = ExitCode.STORAGE


class KeyUnavailableError(HardsuitError):
    """A key or token cannot be read or used."""

    reason = "key-unavailable"
    exit_code = ExitCode.KEY
