"""The emulator's account of itself: PCRs, the clock, and quotes of both."""

import hashlib
import time
from collections.abc import Collection, Mapping

from typing_extensions import override

from device.ic.emulator.capabilities import capabilities
from device.ic.emulator.core import PCR_SIZE, Core
from device.ic.errors import IcUsageError, NotProvisionedError
from device.ic.interface import PCR_COUNT, ClockReading
from suit.embedded import embed
from suit.keys import CoseKey
from suit.quote import MAX_NONCE, MIN_NONCE, Quote
from suit.signer import LocalSigner


class Measuring(Core):
    """What the IC knows by itself, and vouches for."""

    @override
    def clock(self) -> ClockReading:
        return ClockReading(self.now(), int(time.monotonic() - self._started), self._state.boot_count)

    @override
    def extend(self, pcr: int, digest: bytes) -> bytes:
        self._require_service()
        _require_pcr(pcr)
        if not PCR_SIZE <= len(digest) <= 2 * PCR_SIZE:
            raise IcUsageError(f"PCR {pcr}: extended with a digest of 32 to 64 bytes")
        with self._lock:
            self._pcrs[pcr] = hashlib.sha256(self._pcrs[pcr] + digest).digest()
            return self._pcrs[pcr]

    @override
    def pcrs(self, selection: Collection[int] = range(PCR_COUNT)) -> Mapping[int, bytes]:
        self._require_service()
        for pcr in selection:
            _require_pcr(pcr)
        return {pcr: self._pcrs[pcr] for pcr in selection}

    @override
    def attestation_key(self) -> CoseKey:
        return self._attester().public

    @override
    def quote(self, nonce: bytes, selection: Collection[int] = range(PCR_COUNT)) -> bytes:
        if not MIN_NONCE <= len(nonce) <= MAX_NONCE:
            raise IcUsageError(f"a nonce has {MIN_NONCE} to {MAX_NONCE} bytes")
        with self._lock:  # one moment, not several
            key, reading, state = self._attester(), self.clock(), self._state
            tuf = state.tuf
            levels = capabilities(self._where, anchored=self._rollback_anchor is not None).levels()
            quoted = Quote(
                nonce,
                state.uid,
                reading.now,
                state.boot_count,
                reading.uptime,
                self._generation,
                self.pcrs(selection),
                {floor.slot: (floor.value, floor.digest) for floor in state.floors.values()},
                (tuf.root_version, *tuf.timestamp, *tuf.snapshot, tuf.time_floor),
                {name: level.value for name, level in levels.items()},
            )
        return embed(quoted.encode(), key)

    def _attester(self) -> LocalSigner:
        self._require_service()
        if self._state.attestation_key is None:
            raise NotProvisionedError("this IC was provisioned without an attestation key")
        return self._state.attestation_key


def _require_pcr(pcr: int) -> None:
    if pcr not in range(PCR_COUNT):
        raise IcUsageError(f"PCR {pcr}: there are {PCR_COUNT}")
