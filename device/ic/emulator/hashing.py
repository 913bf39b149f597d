"""The emulator's hash streams."""

from typing_extensions import override

from device.ic.errors import IcUsageError
from device.ic.interface import Buffer, HashStream, HashTicket
from device.ic.tickets import TicketOffice
from spec.labels import CoseAlgorithm
from suit import digest as digests


class EmulatorHash(HashStream):
    """One digest; it ends with a ticket."""

    def __init__(self, algorithm: CoseAlgorithm, tickets: TicketOffice) -> None:
        self._algorithm = algorithm
        self._tickets = tickets
        self._hash: digests.Hash | None = digests.new(algorithm)
        self._size = 0

    @override
    def update(self, data: Buffer) -> None:
        if self._hash is None:
            raise IcUsageError("the hash stream is finished")
        self._hash.update(data)
        self._size += len(data)

    @override
    def finish(self) -> HashTicket:
        if self._hash is None:
            raise IcUsageError("the hash stream is finished")
        digest, self._hash = self._hash.digest(), None
        return self._tickets.hashed(self._algorithm, digest, self._size)
