"""Contract: quotes, the clock, and what a verifier learns from them."""

from dataclasses import replace

import pytest

from device.ic.errors import IcUsageError, UnknownKeyError
from device.ic.interface import Purpose, SecurityIC, sequence_slot
from device.ic.tests.rig import MESSAGE, NOW, ROOT, Rig, floor_of, risen
from spec.labels import Claim, CoseAlgorithm
from suit import cbor
from suit.embedded import embed
from suit.errors import DifferentError, HardsuitError, MalformedError, NotAuthenticError, RollbackError
from suit.quote import MeasuredEvent, Quote, decode_quote, open_quote, read_log, require_explained
from suit.signer import KeyType, generate

NONCE = b"fresh, and long"
SLOT = sequence_slot([b"\x00"])


def quoted(ic: SecurityIC, nonce: bytes = NONCE) -> Quote:
    return open_quote(ic.quote(nonce), [ic.attestation_key()], nonce=nonce)


@pytest.mark.req("H6-15")
def test_a_quote_says_what_the_ic_knows(rig: Rig) -> None:
    ic = rig.provision()
    risen(ic, 7)
    value = ic.extend(8, bytes(32))
    told = quoted(ic)
    info = ic.info()
    assert (told.uid, told.boot_count, told.generation) == (info.uid, 1, info.generation)
    assert told.pcrs == ic.pcrs()
    assert told.pcrs[8] == value
    assert told.floors == {SLOT: (7, floor_of(7).digest)}
    assert told.repository == (1, 0, 0, 0, 0, ROOT.time_floor)
    assert told.issued == NOW
    assert told.levels["floor"] == rig.level


def test_only_the_pcrs_that_were_asked_for_are_in_it(ic: SecurityIC) -> None:
    told = open_quote(ic.quote(NONCE, [8, 9]), [ic.attestation_key()], nonce=NONCE)
    assert set(told.pcrs) == {8, 9}
    with pytest.raises(IcUsageError):
        ic.quote(NONCE, [24])


@pytest.mark.parametrize("size", [0, 7, 65, 1000])
def test_a_nonce_has_8_to_64_bytes(ic: SecurityIC, size: int) -> None:
    with pytest.raises(IcUsageError, match="nonce"):
        ic.quote(bytes(size))


@pytest.mark.req("H6-15")
def test_a_quote_answers_its_own_question_only(ic: SecurityIC) -> None:
    with pytest.raises(NotAuthenticError, match="another question"):
        open_quote(ic.quote(NONCE), [ic.attestation_key()], nonce=b"another one")


@pytest.mark.req("H6-15")
def test_a_quote_of_a_stranger_is_refused(ic: SecurityIC) -> None:
    with pytest.raises(NotAuthenticError, match="no trusted key"):
        open_quote(ic.quote(NONCE), [Rig().provision().attestation_key(), ic.report_key()], nonce=NONCE)


@pytest.mark.req("H6-7")
def test_the_attestation_key_is_for_quotes_alone(ic: SecurityIC) -> None:
    key = ic.attestation_key()
    assert key.name not in {ic.report_key().name, *[anchor.name for anchor in (*ic.keys(),)]}
    for purpose in Purpose:
        with pytest.raises(UnknownKeyError):
            ic.verify(key.name, CoseAlgorithm.ESP256, MESSAGE, bytes(64), purpose=purpose)


def test_the_attestation_key_stays_over_restarts(rig: Rig) -> None:
    key = rig.provision().attestation_key()
    assert rig.restart().attestation_key() == key


@pytest.mark.req("H6-15")
def test_a_state_that_was_put_back_shows_in_the_next_quote(ic: SecurityIC) -> None:
    risen(ic, 7)
    told = quoted(ic)
    for change in ({"generation": 99}, {"boot_count": 99}, {"floors": {SLOT: (8, b"")}}):
        with pytest.raises(RollbackError):
            open_quote(
                ic.quote(NONCE),
                [ic.attestation_key()],
                nonce=NONCE,
                after=replace(told, **change),  # one field each
            )
    with pytest.raises(DifferentError):
        open_quote(ic.quote(NONCE), [ic.attestation_key()], nonce=NONCE, after=replace(told, uid=bytes(16)))
    assert open_quote(ic.quote(NONCE), [ic.attestation_key()], nonce=NONCE, after=told).uid == told.uid


def test_a_log_has_to_explain_the_pcrs(ic: SecurityIC) -> None:
    events = [MeasuredEvent(8, bytes([number]) * 32, "image") for number in range(3)]
    for event in events:
        ic.extend(event.pcr, event.digest)
    told = quoted(ic)
    require_explained(told, events)
    for wrong in (
        events[:2],
        events[::-1],
        [],
        [*events, events[0]],
        [*events, MeasuredEvent(9, bytes(32), "")],
    ):
        with pytest.raises(DifferentError, match="does not explain"):
            require_explained(told, wrong)


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[1]", b'[{"pcr": 8}]', b'[{"pcr": 8, "digest": "x", "what": ""}]']
)
def test_a_log_that_is_none_is_refused(raw: bytes) -> None:
    if raw == b"{}":
        assert read_log(raw) == ()
        return
    with pytest.raises(MalformedError, match="measurement log"):
        read_log(raw)


CLAIMS = Quote(NONCE, bytes(16), 1, 2, 3, 4, {8: bytes(32)}, {"x": (1, b"")}, (1, 2), {"floor": 2})


def test_a_quote_is_read_as_it_was_written() -> None:
    assert decode_quote(CLAIMS.encode()) == CLAIMS


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        (Claim.NONCE, "text"),
        (Claim.UEID, bytes(17)),
        (Claim.UEID, b"\x01"),
        (Claim.IAT, -1),
        (Claim.IAT, True),
        (Claim.EAT_PROFILE, "another"),
        (Claim.PCRS, {8: bytes(31)}),
        (Claim.PCRS, {"8": bytes(32)}),
        (Claim.FLOORS, {"x": [1]}),
        (Claim.FLOORS, {1: [1, b""]}),
        (Claim.REPOSITORY, [b""]),
        (Claim.LEVELS, {"floor": "best"}),
        (Claim.LEVELS, []),
        (None, 1),
    ],
)
def test_claims_that_are_no_quote_are_refused(claim: Claim | None, value: object) -> None:
    claims = cbor.decode(CLAIMS.encode(), where="test")
    claims[claim.value if claim else 4711] = value
    with pytest.raises(MalformedError):
        decode_quote(cbor.encode(claims))


def test_what_is_no_signed_quote_is_refused(ic: SecurityIC) -> None:
    raw = ic.quote(NONCE)
    stranger = generate(KeyType.P256)
    for wrong in (b"", raw[:-1], raw + b"\0", raw[1:], embed(CLAIMS.encode(), stranger), CLAIMS.encode()):
        with pytest.raises(HardsuitError):
            open_quote(wrong, [ic.attestation_key()], nonce=NONCE)


@pytest.mark.req("H6-15")
def test_the_clock_counts_its_resets(rig: Rig) -> None:
    reading = rig.provision().clock()
    assert (reading.now, reading.resets) == (NOW, 1)
    assert reading.uptime >= 0
    rig.time = 0
    again = rig.restart().clock()
    assert (again.now, again.resets) == (ROOT.time_floor, 2)
