"""Where a function of the IC is enforced, and what a device may require."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from device.ic.errors import CapabilityError
from spec.labels import CoseAlgorithm


class Where(IntEnum):
    """Who computes or enforces a function, weakest first."""

    ABSENT = 0
    HOST = 1
    """The process of the device itself."""
    ADAPTER = 2
    """The IC's own process, outside the chip."""
    CHIP = 3


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a back-end can do, and where each function is enforced."""

    backend: str
    isolation: str
    verify: Mapping[CoseAlgorithm, Where]
    hash: Mapping[CoseAlgorithm, Where]
    floor: Where
    anchor: Where
    pcr: Where
    authorization: Where
    report: Where
    clock: Where
    quote: Where
    lifecycle: Where
    tamper: Where
    survives_state_restore: bool
    """True when an older copy of the whole state is noticed."""
    unwrap: Mapping[CoseAlgorithm, Where] = field(default_factory=dict)
    """Where content keys are unwrapped, and kept from there on."""
    decrypt: Mapping[CoseAlgorithm, Where] = field(default_factory=dict)
    """Where payloads are decrypted and their plaintext is hashed, as one function."""

    def levels(self) -> dict[str, Where]:
        """Return every function with its level, by name: ``verify.ESP256``, ``floor``."""
        levels = {f"verify.{algorithm.name}": where for algorithm, where in self.verify.items()}
        levels |= {f"hash.{algorithm.name}": where for algorithm, where in self.hash.items()}
        levels |= {f"unwrap.{algorithm.name}": where for algorithm, where in self.unwrap.items()}
        levels |= {f"decrypt.{algorithm.name}": where for algorithm, where in self.decrypt.items()}
        names = ("floor", "anchor", "pcr", "authorization", "report", "clock", "quote", "lifecycle", "tamper")
        return levels | {name: getattr(self, name) for name in names}

    def require(self, wanted: Mapping[str, Where]) -> None:
        """Refuse to start with less than a device's configuration asks for.

        Raises:
            CapabilityError: A function is absent or enforced at a lower level; all gaps are named.
        """
        have = self.levels()
        gaps = [
            f"{name} must be {level.name}, is {have.get(name, Where.ABSENT).name}"
            for name, level in sorted(wanted.items())
            if have.get(name, Where.ABSENT) < level
        ]
        if gaps:
            raise CapabilityError(f"IC {self.backend}: {'; '.join(gaps)}")
