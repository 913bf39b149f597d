"""Tickets are the IC's own or nothing: whatever a caller makes of one is refused, by name."""

from dataclasses import replace

import pytest

from device.ic.errors import PolicyDeniedError
from device.ic.interface import Purpose, Ticket
from device.ic.tickets import TicketOffice
from spec.labels import CoseAlgorithm

OFFICE = TicketOffice(3)
VERIFIED = OFFICE.verified(CoseAlgorithm.ESP256, b"message", bytes(range(32)), Purpose.MANIFEST)
HASHED = OFFICE.hashed(CoseAlgorithm.SHA_256, bytes(32), 7)


def test_a_good_ticket_is_believed() -> None:
    OFFICE.require([VERIFIED, HASHED], Purpose.MANIFEST, "floor")


@pytest.mark.req("H6-11")
@pytest.mark.parametrize(
    "ticket",
    [
        replace(HASHED, size=8),
        replace(HASHED, size=-1),
        replace(HASHED, size=1 << 64),
        replace(HASHED, boot_count=-1),
        replace(VERIFIED, boot_count=1 << 64),
        replace(VERIFIED, digest=VERIFIED.digest + VERIFIED.key[:8], key=VERIFIED.key[8:]),
        replace(VERIFIED, digest=VERIFIED.digest[:-8], key=VERIFIED.digest[-8:] + VERIFIED.key),
    ],
    ids=["size", "no size", "large size", "no boot", "late boot", "longer digest", "shorter digest"],
)
def test_a_ticket_that_was_changed_is_not_of_this_ic(ticket: Ticket) -> None:
    with pytest.raises(PolicyDeniedError):
        OFFICE.require([VERIFIED, ticket], Purpose.MANIFEST, "floor")
