"""The emulator with a counter, a fault line and a smaller vocabulary on demand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from typing_extensions import override

from device.ic.emulator import Emulator
from device.ic.interface import AnchorRecord, IcInfo, VerifyTicket, Where
from spec.labels import CoseAlgorithm
from suit.keys import CoseKey


class ProbedIc(Emulator):
    """An emulator that a test can watch and disturb."""

    verifications: int = 0
    commits: tuple[AnchorRecord, ...] = ()
    declared: Mapping[CoseAlgorithm, Where] | None = None

    hook: Callable[[int], None] | None = None

    def on_verify(self, hook: Callable[[int], None] | None = None) -> None:
        """Count from zero, and call ``hook`` with the count before every check."""
        self.verifications, self.hook = 0, hook

    @override
    def info(self) -> IcInfo:
        told = super().info()
        if self.declared is None:
            return told
        return replace(told, capabilities=replace(told.capabilities, verify=self.declared))

    @override
    def verify_with(
        self, key: CoseKey, algorithm: CoseAlgorithm, message: bytes, signature: bytes
    ) -> VerifyTicket:
        self.verifications += 1
        if self.hook is not None:
            self.hook(self.verifications)
        return super().verify_with(key, algorithm, message, signature)

    @override
    def advance_anchor(self, new: AnchorRecord, *, proof: Sequence[VerifyTicket] = ()) -> AnchorRecord:
        self.commits += (new,)
        return super().advance_anchor(new, proof=proof)
