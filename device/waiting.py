"""The wait of an update (U5.6, ADR 0010): kept on the storage port, explained, ended by hand or by time.

What is kept here is a hint from untrusted storage. It saves a device from fetching everything again only to
find that it still has to wait; whether it may go on, the processor decides from the manifest itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from device.authenticate import Authentic
from device.platform import Platform
from device.processor.waiting import outstanding
from device.storage import NotFoundError, Storage
from device.storage import replace as replace_file
from spec.labels import WaitEvent
from suit import cbor
from suit.errors import HardsuitError, NothingToDoError, RefusedError, StorageError, WaitingError
from suit.manifest import Manifest, WaitInfo
from suit.narrow import as_bytes, as_uint
from suit.wait import decode_wait_info, show_event, show_wait_info, wait_info_map

_NAME: Final = "wait/update"
_MAX: Final = 1 << 16
CANCELLED: Final = "cancelled"
TIMED_OUT: Final = "timed out"


class WaitTimeoutError(RefusedError):
    """The device waited for an update as long as its configuration allows, in vain."""

    reason = "wait-timeout"


@dataclass(frozen=True, slots=True)
class Wait:
    """An update that waits, or waited until it was given up.

    Attributes:
        digest: Of its manifest.
        sequence_number: The same manifest's.
        since: When it first told this device to wait.
        info: What it waits for.
        ended: Why it is not waited for any longer; empty while it is.
    """

    digest: bytes
    sequence_number: int
    since: int
    info: WaitInfo
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Waits:
    """What a device does about waiting.

    Attributes:
        storage: Where the wait is kept.
        platform: What the events are asked from.
        clock: The trusted time.
        limit: After how many seconds a wait is given up; None: never.
    """

    storage: Storage
    platform: Platform
    clock: Callable[[], int]
    limit: int | None = None

    def load(self) -> Wait | None:
        """Return what is kept; None when there is nothing, or it is damaged."""
        try:
            return _decode(self.storage.read(_NAME, 0, _MAX))
        except NotFoundError:
            return None
        except StorageError:
            raise
        except HardsuitError:
            return None

    def of(self, digest: bytes) -> Wait | None:
        """Return the wait of this manifest, going on or ended."""
        wait = self.load()
        return wait if wait is not None and wait.digest == digest else None

    def since(self, digest: bytes) -> int | None:
        """Return when the wait of this manifest began, if it is still going on."""
        wait = self.of(digest)
        return None if wait is None or wait.ended else wait.since

    def require_over(self, digest: bytes, *, retry: bool) -> None:
        """Let an update go on to fetch something only if what it waited for the last time is so now.

        Args:
            digest: Of the manifest that is offered.
            retry: Begin again with a wait that was ended.

        Raises:
            WaitingError: Not yet.
            WaitTimeoutError: Not yet, and the device's patience is over.
            NothingToDoError: The wait was ended before.
        """
        wait = self.of(digest)
        if wait is None:
            return
        if wait.ended:
            if not retry:
                raise NothingToDoError(f"the newest release is not waited for any longer: {wait.ended}")
            self.forget()
            return
        missing = outstanding(wait.info, self.platform, wait.since, self.clock())
        if missing.events:
            self._require_patience(wait, missing)
            raise WaitingError(f"waiting for {show_wait_info(missing)}", wait.info)

    def began(self, authentic: Authentic[Manifest], error: WaitingError) -> None:
        """Keep what a manifest waits for; the moment when it began stays that of the first time."""
        digest = authentic.envelope.digest.value
        before = self.of(digest)
        since = self.clock() if before is None or before.ended else before.since
        wait = Wait(digest, authentic.manifest.sequence_number, since, error.info)
        if wait != before:
            self._save(wait)

    def cancel(self) -> Wait:
        """Give the wait up: the release is left alone until somebody asks for it, or a newer one comes.

        Raises:
            NothingToDoError: Nothing waits.
        """
        wait = self.load()
        if wait is None or wait.ended:
            raise NothingToDoError("no update waits")
        return self._save(replace(wait, ended=CANCELLED))

    def forget(self) -> None:
        """Remove what is kept: an update was installed, or begins anew."""
        if self.storage.size(_NAME) is not None:
            self.storage.unlink(_NAME)

    def explain(self, wait: Wait) -> list[tuple[str, bool | None]]:
        """Return each event in words and whether it holds now; None: nobody is asked just to show it."""
        now = self.clock()
        told: list[tuple[str, bool | None]] = []
        for event, value in wait.info.events.items():
            alone = WaitInfo({event: value})
            asked = event is not WaitEvent.AUTHORIZATION
            holds = not outstanding(alone, self.platform, wait.since, now).events if asked else None
            told.append((show_event(event, value), holds))
        return told

    def to_dict(self, wait: Wait) -> dict[str, Any]:
        """Return a wait for JSON."""
        return {
            "sequence_number": wait.sequence_number,
            "digest": wait.digest.hex(),
            "since": wait.since,
            "until": None if self.limit is None else wait.since + self.limit,
            "ended": wait.ended or None,
            "events": [{"event": event, "holds": holds} for event, holds in self.explain(wait)],
        }

    def _require_patience(self, wait: Wait, missing: WaitInfo) -> None:
        waited = self.clock() - wait.since
        if self.limit is not None and waited >= self.limit:
            self._save(replace(wait, ended=TIMED_OUT))
            raise WaitTimeoutError(f"waited {waited} s in vain for {show_wait_info(missing)}")

    def _save(self, wait: Wait) -> Wait:
        replace_file(self.storage, _NAME, _encode(wait))
        return wait


def _encode(wait: Wait) -> bytes:
    info = cbor.encode(wait_info_map(wait.info))
    return cbor.encode([wait.digest, wait.sequence_number, wait.since, info, wait.ended])


def _decode(raw: bytes) -> Wait | None:
    match cbor.decode(raw, where="wait"):
        case [digest, number, since, info, str() as ended]:
            return Wait(
                as_bytes(digest, "wait"),
                as_uint(number, "wait"),
                as_uint(since, "wait"),
                decode_wait_info(info, "wait"),
                ended,
            )
        case _:
            return None
