"""What time it is, as far as a device can know: Unix seconds, never below the trusted floor.

A clock is an argument, never a global: tests and cases fix it, a device without a battery-backed
clock starts at 1970 and lives on the floor that its security IC keeps (DESIGN §5).
"""

import time
from dataclasses import dataclass
from typing import Final, Protocol

from typing_extensions import override

LATEST: Final = 253_402_300_799
"""The last second of the year 9999: what a calendar can say."""


class Clock(Protocol):
    """Tells the time in Unix seconds."""

    def now(self) -> int:
        """Return the present time."""


@dataclass(frozen=True, slots=True)
class SystemClock(Clock):
    """The operating system's clock: whoever controls the network often controls this too."""

    @override
    def now(self) -> int:
        return int(time.time())


@dataclass(frozen=True, slots=True)
class FixedClock(Clock):
    """A clock that stands still, for tests and conformance cases."""

    seconds: int

    @override
    def now(self) -> int:
        return self.seconds


def trusted_time(clock: Clock, floor: int) -> int:
    """Return the time to judge expiry by.

    A clock that is behind, wrongly set or set back by an attacker cannot make metadata young
    again: the last trusted moment holds (notes: freeze with the clock set back).
    """
    return min(max(clock.now(), floor), LATEST)
