"""What a security IC answers instead of a verdict (notes on the IC, §5).

Every class derives from :class:`IcError` and, where hardsuit's own tree already has the meaning, from
that leaf too, so that exit codes and report reasons come out right. None derives from an error of tuf
or securesystemslib: those count a failed check as "unsigned", and a broken IC must never look unsigned.

::

    IcError
     ├─ BadSignatureError, UnknownKeyError, KeyUsageError       not authentic
     ├─ UnsupportedByIcError                                    not authentic: algorithm
     ├─ CapabilityError                                         a required level is missing
     ├─ IcRollbackError, PolicyDeniedError                      refused
     ├─ DecryptFailedError                                      refused, without saying why
     ├─ AuthFailedError, LockedOutError                         authorization for changes
     ├─ NotProvisionedError, IcUnavailableError, IcFailedError  the IC cannot serve
     ├─ StateCorruptError
     │   └─ RollbackDetectedError
     ├─ TamperedError                                           it erased its secrets
     └─ IcUsageError                                            a bug of the caller
"""

from typing import ClassVar

from spec.labels import ReportReason
from suit.errors import (
    ExitCode,
    HardsuitError,
    NotAuthenticError,
    RefusedError,
    RollbackError,
    UnsupportedAlgorithmError,
)


class IcError(HardsuitError):
    """Root of everything a security IC raises."""

    reason = "ic"
    exit_code = ExitCode.STORAGE
    retryable: ClassVar[bool] = False
    """The same call may succeed later."""
    security_event: ClassVar[bool] = False
    """Worth a line in a report even when the update goes on."""


class BadSignatureError(IcError, NotAuthenticError):
    """A known key is contradicted by the signature, the tag or the ticket."""

    reason = "bad-signature"
    exit_code = ExitCode.REJECTED
    report = ReportReason.UNAUTHORISED


class UnknownKeyError(IcError, NotAuthenticError):
    """The IC holds no trust anchor of this name."""

    reason = "unknown-key"
    exit_code = ExitCode.REJECTED
    report = ReportReason.UNAUTHORISED


class KeyUsageError(IcError, NotAuthenticError):
    """The key exists, but not for this purpose."""

    reason = "key-usage"
    exit_code = ExitCode.REJECTED
    report = ReportReason.UNAUTHORISED


class UnsupportedByIcError(IcError, UnsupportedAlgorithmError):
    """This back-end does not have the algorithm, or the key does not admit it."""

    reason = "ic-algorithm-unsupported"
    exit_code = ExitCode.REJECTED
    report = ReportReason.ALG_UNSUPPORTED


class CapabilityError(IcError):
    """The device requires a function at a level that this IC does not reach."""

    reason = "ic-capability"
    exit_code = ExitCode.REFUSED


class IcRollbackError(IcError, RollbackError):
    """The value is below the floor, and floors only rise."""

    reason = "rollback"
    exit_code = ExitCode.REFUSED
    report = ReportReason.UNAUTHORISED
    security_event = True


class PolicyDeniedError(IcError, RefusedError):
    """The proof is missing, stale or of another kind, or the IC's own rule forbids the change."""

    reason = "ic-policy"
    exit_code = ExitCode.REFUSED
    report = ReportReason.UNAUTHORISED


class DecryptFailedError(IcError, RefusedError):
    """Key, tag, padding or digest is wrong. One answer for all of them: more would help to guess."""

    reason = "ic-decrypt"
    exit_code = ExitCode.REFUSED
    report = ReportReason.OPERATION_FAILED
    security_event = True


class AuthFailedError(IcError):
    """The authorization secret is wrong; the try has been counted."""

    reason = "ic-auth-failed"
    exit_code = ExitCode.KEY
    security_event = True

    def __init__(self, *, tries_left: int) -> None:
        super().__init__(f"wrong authorization secret, {tries_left} tries left")
        self.tries_left = tries_left


class LockedOutError(IcError):
    """Too many wrong authorizations; even the right secret must wait. Verification goes on."""

    reason = "ic-locked-out"
    exit_code = ExitCode.KEY
    retryable = True

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(f"locked out after wrong authorizations, next try in {retry_after} s")
        self.retry_after = retry_after


class NotProvisionedError(IcError):
    """The IC, or this part of it, was never set up."""

    reason = "ic-not-provisioned"


class IcUnavailableError(IcError):
    """The IC, or the key that seals its state, cannot be reached. Never a reason to do without."""

    reason = "ic-unavailable"
    exit_code = ExitCode.KEY
    retryable = True


class IcFailedError(IcError):
    """The IC stopped after a fault of its own and refuses everything until it is opened again."""

    reason = "ic-failed"


class TamperedError(IcError):
    """The tamper line was pulled, or its life ended: the IC has erased its secrets and serves nothing."""

    reason = "ic-tampered"
    security_event = True


class StateCorruptError(IcError):
    """The IC's state is missing, damaged or not its own. It is never reset by itself."""

    reason = "ic-state-corrupt"
    security_event = True


class RollbackDetectedError(StateCorruptError):
    """The IC's state is authentic but older than something outside of it remembers."""

    reason = "ic-state-rollback"


class IcUsageError(IcError):
    """The caller broke the protocol of the interface: a size, a range, a stream used twice."""

    reason = "ic-usage"
    exit_code = ExitCode.INTERNAL
