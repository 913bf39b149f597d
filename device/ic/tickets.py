"""Tickets: what the IC proved, authenticated under a key that dies with the boot."""

import hashlib
import hmac
import secrets
import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from device.ic.errors import PolicyDeniedError
from device.ic.interface import VALUE_LIMIT, HashTicket, ImageTicket, Purpose, Ticket, VerifyTicket
from spec.labels import CoseAlgorithm

_PURPOSE_NUMBER: Final = {purpose: number for number, purpose in enumerate(Purpose)}
_pack_verify: Final = struct.Struct(">BqBQ").pack
_pack_hash: Final = struct.Struct(">BqQQ").pack
_pack_length: Final = struct.Struct(">I").pack

_VERIFY, _HASH, _IMAGE = 1, 2, 3


class TicketOffice:
    """Issues tickets and knows its own again."""

    __slots__ = ("_boot_count", "_keyed")

    def __init__(self, boot_count: int) -> None:
        """Draw the proof key of this boot."""
        self._boot_count = boot_count
        # Keyed BLAKE2b (RFC 7693) is a MAC by itself and costs a third of HMAC, once per verification.
        self._keyed = hashlib.blake2b(digest_size=32, key=secrets.token_bytes(32))

    def verified(
        self, algorithm: CoseAlgorithm, message: bytes, key: bytes, purpose: Purpose
    ) -> VerifyTicket:
        """Return the ticket for a good signature."""
        digest = hashlib.sha256(message).digest()
        proof = self._prove_verify(algorithm, digest, key, purpose, self._boot_count)
        return VerifyTicket(algorithm, digest, key, purpose, self._boot_count, proof)

    def hashed(self, algorithm: CoseAlgorithm, digest: bytes, size: int) -> HashTicket:
        """Return the ticket for a digest computed here."""
        ticket = HashTicket(algorithm, digest, size, self._boot_count, b"")
        return replace(ticket, proof=self._prove_hash(ticket))

    def decrypted(
        self, content: CoseAlgorithm, algorithm: CoseAlgorithm, digest: bytes, size: int
    ) -> ImageTicket:
        """Return the ticket for an image that was decrypted here."""
        ticket = ImageTicket(content, algorithm, digest, size, self._boot_count, b"")
        return replace(ticket, proof=self._prove_image(ticket))

    def require(
        self, proof: Iterable[Ticket], purpose: Purpose, what: str, message: bytes | None = None
    ) -> None:
        """Demand that all tickets are good and one is for a verification with ``purpose``.

        Args:
            proof: The tickets.
            purpose: What the key vouched for.
            what: What they are to allow, for the message.
            message: SHA-256 of the message that has to be the one that was verified; None for any.

        Raises:
            PolicyDeniedError: One is forged or of another boot, or none is for this purpose.
        """
        found = False
        for ticket in proof:
            self._require_own(ticket, what)
            found = found or (
                isinstance(ticket, VerifyTicket)
                and ticket.purpose is purpose
                and (message is None or ticket.digest == message)
            )
        if not found:
            raise PolicyDeniedError(f"{what}: needs a ticket of a {purpose.value} verification")

    def _require_own(self, ticket: Ticket, what: str) -> None:
        if ticket.boot_count != self._boot_count:
            raise PolicyDeniedError(f"{what}: the ticket is of another boot")
        if not hmac.compare_digest(self._expected(ticket), ticket.proof):
            raise PolicyDeniedError(f"{what}: the ticket is not of this IC")

    def _expected(self, ticket: Ticket) -> bytes:
        if isinstance(ticket, VerifyTicket):
            return self._prove_verify(
                ticket.algorithm, ticket.digest, ticket.key, ticket.purpose, ticket.boot_count
            )
        if not 0 <= ticket.size < VALUE_LIMIT:
            return b""  # nobody hashed that much
        return self._prove_hash(ticket) if isinstance(ticket, HashTicket) else self._prove_image(ticket)

    def _prove_verify(
        self, algorithm: CoseAlgorithm, digest: bytes, key: bytes, purpose: Purpose, boot_count: int
    ) -> bytes:
        head = _pack_verify(_VERIFY, algorithm.value, _PURPOSE_NUMBER[purpose], boot_count)
        return self._mac(head + _pack_length(len(digest)) + digest + key)

    def _prove_hash(self, ticket: HashTicket) -> bytes:
        head = _pack_hash(_HASH, ticket.algorithm.value, ticket.boot_count, ticket.size)
        return self._mac(head + ticket.digest)

    def _prove_image(self, ticket: ImageTicket) -> bytes:
        head = struct.pack(
            ">BqqQQ",
            _IMAGE,
            ticket.content.value,
            ticket.algorithm.value,
            ticket.boot_count,
            ticket.size,
        )
        return self._mac(head + ticket.digest)

    def _mac(self, data: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(data)
        return mac.digest()
