from dataclasses import replace

import pytest

from device.authenticate import Authentic, authenticate, signed_structure
from device.ic.emulator import Emulator, MemoryKey
from device.ic.errors import IcUnavailableError
from device.ic.interface import Purpose
from device.storage import MemoryStorage
from device.tests.processor_rig import ABORT, AUTHOR, IC, STRANGER, authentic, program, write
from spec.labels import Manifest as Member
from suit import cose
from suit.encode import encode_envelope
from suit.envelope import open_envelope, rewrap, seal, with_block
from suit.errors import MalformedError, NotAuthenticError, NoTrustAnchorError, UsageError
from suit.keys import CoseKey
from suit.manifest import Manifest


def ic_with(*keys: CoseKey) -> Emulator:
    return Emulator.provision(MemoryStorage(), MemoryKey(), keys=keys)


@pytest.mark.req("H6-1", "M8.3-5")
def test_a_trusted_signature_makes_an_authentic_manifest() -> None:
    made = authentic(program(install=write(b"new"), sequence_number=7))
    assert made.manifest.sequence_number == 7
    assert made.keys == (AUTHOR.public.name,)
    assert [ticket.key for ticket in made.tickets] == [AUTHOR.public.name]


@pytest.mark.req("H6-11")
def test_its_tickets_let_the_floor_rise() -> None:
    ic = ic_with(AUTHOR.public)
    made = authenticate(open_envelope(program(install=write(b"new"), sequence_number=7)), ic)
    assert ic.raise_sequence(signed_structure(made), made.envelope.manifest, proof=made.tickets).value == 7


@pytest.mark.req("H2-2")
def test_nobody_else_can_make_one() -> None:
    made = authentic(program(install=write(b"new")))
    with pytest.raises(UsageError):
        Authentic(made.manifest, made.envelope, made.keys, made.tickets, object())


@pytest.mark.req("H2-2")
def test_nobody_can_change_one() -> None:
    made = authentic(program(install=write(b"new")))
    with pytest.raises(UsageError):
        replace(made, keys=(), maker=object())
    with pytest.raises((UsageError, ValueError)):
        replace(made, keys=())  # type: ignore[call-arg]  # the point of the test


def test_a_stranger_does_not_vouch() -> None:
    with pytest.raises(NotAuthenticError):
        authenticate(open_envelope(program(install=write(b"new"))), ic_with(STRANGER.public))


@pytest.mark.req("H3-1")
def test_an_ic_without_keys_says_so() -> None:
    with pytest.raises(NoTrustAnchorError, match="no key"):
        authenticate(open_envelope(program(install=write(b"new"))), ic_with())


@pytest.mark.req("M8.3-7", "H6-1")
def test_two_blocks_give_two_keys_and_two_tickets() -> None:
    envelope = open_envelope(program(install=write(b"new")))
    envelope = with_block(envelope, cose.sign1(envelope.digest_bytes, STRANGER))
    made = authenticate(open_envelope(encode_envelope(envelope)), ic_with(AUTHOR.public, STRANGER.public))
    assert set(made.keys) == {AUTHOR.public.name, STRANGER.public.name}
    assert [ticket.key for ticket in made.tickets] == list(made.keys)


@pytest.mark.req("M6.2-1")
def test_what_nobody_vouches_for_is_not_decoded() -> None:
    envelope = seal(Manifest(sequence_number=1, components=((b"",),)))
    garbage = replace(envelope, manifest=b"\xff\xff")
    with pytest.raises(NotAuthenticError):
        authenticate(garbage, IC)


@pytest.mark.req("H5-7")
def test_an_ic_that_does_not_serve_is_not_taken_for_a_bad_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ic = ic_with(AUTHOR.public)

    def broken(*_: object, **__: object) -> None:
        raise IcUnavailableError("the bus is stuck")

    monkeypatch.setattr(ic, "verify", broken)
    with pytest.raises(IcUnavailableError):
        authenticate(open_envelope(program(install=write(b"new"))), ic)


@pytest.mark.req("H6-7")
def test_a_key_for_another_purpose_does_not_vouch(monkeypatch: pytest.MonkeyPatch) -> None:
    ic = ic_with(AUTHOR.public)
    anchors = ic.keys()
    anchors = [replace(anchor, purposes=frozenset({Purpose.PRESENTED})) for anchor in anchors]
    monkeypatch.setattr(ic, "keys", lambda: anchors)
    with pytest.raises(NoTrustAnchorError):
        authenticate(open_envelope(program(install=write(b"new"))), ic)


@pytest.mark.req("M8.4.12-1", "M8.4-1")
def test_a_severed_member_is_attached() -> None:
    made = authentic(program(install=write(b"new"), sever=(Member.INSTALL,)))
    assert made.manifest.install is not None
    assert made.manifest.install.value is not None


@pytest.mark.req("M8.4.12-2")
def test_a_severed_member_with_another_digest_is_refused_before_it_is_decoded() -> None:
    envelope = open_envelope(program(install=write(b"new"), sever=(Member.INSTALL,)))
    changed = replace(envelope, severed={Member.INSTALL: b"\xff"})
    with pytest.raises(NotAuthenticError, match="install"):
        authenticate(changed, IC)


def test_a_severed_member_without_digest_is_refused() -> None:
    envelope = open_envelope(program(validate=[ABORT]))
    with pytest.raises(NotAuthenticError, match="no digest"):
        authenticate(replace(envelope, severed={Member.INSTALL: b"\x82\x0e\x00"}), IC)


def test_authentic_bytes_may_still_be_malformed() -> None:
    envelope = rewrap(b"\xa0", severed={}, payloads={})
    signed = with_block(envelope, cose.sign1(envelope.digest_bytes, AUTHOR))
    with pytest.raises(MalformedError):
        authenticate(signed, IC)
