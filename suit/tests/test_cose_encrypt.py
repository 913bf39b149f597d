"""SUIT_Encryption_Info: what is read, what is refused, and with which error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.cddl import check
from spec.labels import CoseAlgorithm, CoseCurve
from suit import cbor
from suit.cose_encrypt import encode_encryption_info, kdf_context, parse_encryption_info, recipient_item
from suit.encryption import AEADS, MAX_RECIPIENTS, SIZES, EphemeralKey
from suit.errors import (
    HardsuitError,
    LimitError,
    MalformedError,
    UnsupportedAlgorithmError,
    UnsupportedCoseError,
)

GCM, CTR = CoseAlgorithm.A128GCM, CoseAlgorithm.A128CTR
KEK = recipient_item(CoseAlgorithm.A128KW, b"kek", bytes(24))
POINT = EphemeralKey(CoseCurve.P_256, b"\x04" + bytes(64))
AGREED = recipient_item(CoseAlgorithm.ECDH_ES_A128KW, b"p256", bytes(24), ephemeral=POINT)
MONTGOMERY = recipient_item(
    CoseAlgorithm.ECDH_ES_A256KW, None, bytes(24), ephemeral=EphemeralKey(CoseCurve.X25519, bytes(32))
)
DIRECT = [b"", {1: -6}, b""]
LONG = [b"", {1: -3}, bytes(32)]
GOOD = encode_encryption_info(GCM, bytes(12), [KEK, AGREED, MONTGOMERY])


def parse(raw: bytes) -> Any:
    return parse_encryption_info(raw, where="info")


def made(*parts: Any, tag: int = 96) -> bytes:
    return cbor.encode(cbor.Tagged(tag, list(parts)))


@pytest.mark.req("E5.2-1")
def test_the_context_is_that_of_the_document() -> None:
    assert kdf_context(CoseAlgorithm.ECDH_ES_A128KW, bytes.fromhex("a101381c")).hex() == (
        "842283f6f6f683f6f6f683188044a101381c5753554954205061796c6f616420456e6372797074696f6e"
    )


@pytest.mark.parametrize("algorithm", SIZES)
def test_what_is_written_is_read_again(algorithm: CoseAlgorithm) -> None:
    sizes = SIZES[algorithm]
    row = recipient_item(CoseAlgorithm.A256KW, b"kid", bytes(sizes.key + 8))
    raw = encode_encryption_info(algorithm, bytes(sizes.iv), [row])
    check(raw, "encryption-info")
    info = parse(raw)
    assert (info.raw, info.algorithm, info.iv) == (raw, algorithm, bytes(sizes.iv))
    assert bool(info.aad) is (algorithm in AEADS)
    assert [one.kid for one in info.recipients] == [b"kid"]


def test_recipients_are_read_in_order() -> None:
    check(GOOD, "encryption-info")
    wrap, elliptic, montgomery = parse(GOOD).recipients
    assert (wrap.algorithm, wrap.kid, wrap.ephemeral) == (CoseAlgorithm.A128KW, b"kek", None)
    assert (elliptic.ephemeral, elliptic.context) == (POINT, kdf_context(elliptic.algorithm, AGREED[0]))
    assert (montgomery.kid, montgomery.ephemeral.point) == (None, bytes(32))


@pytest.mark.req("E6-1")
def test_the_associated_data_is_the_enc_structure() -> None:
    assert parse(GOOD).aad.hex() == "8367456e637279707443a1010140"


@pytest.mark.parametrize(
    ("raw", "error", "words"),
    [
        (GOOD[1:], MalformedError, "info"),
        (made(b"", {}, None, [KEK], tag=16), MalformedError, "tag 96"),
        (made(b"", {1: GCM.value, 5: bytes(12)}, None, [KEK]), UnsupportedCoseError, "not protected"),
        (made(b"\xa1\x01\x01", {1: 1, 5: bytes(12)}, None, [KEK]), MalformedError, "both buckets"),
        (made(cbor.encode({1: CTR.value}), {5: bytes(16)}, None, [KEK]), MalformedError, "empty"),
        (made(cbor.encode({4: b"x"}), {1: CTR.value, 5: bytes(16)}, None, [KEK]), MalformedError, "empty"),
        (made(b"\xa1\x01\x01", {5: bytes(16)}, None, [KEK]), MalformedError, "12 bytes"),
        (made(b"\xa1\x01\x01", {}, None, [KEK]), UnsupportedCoseError, "no IV"),
        (made(b"\xa1\x01\x01", {5: bytes(12)}, b"", [KEK]), UnsupportedCoseError, "detached"),
        (made(b"\xa1\x01\x01", {5: bytes(12)}, None, []), MalformedError, "without recipients"),
        (made(b"\xa1\x01\x01", {5: bytes(12)}, None, [KEK] * 65), LimitError, "64"),
        (made(b"\xa1\x01\x0a", {5: bytes(12)}, None, [KEK]), UnsupportedAlgorithmError, "10"),
        (made(b"\xa1\x01\x01", {5: bytes(12)}, None, [DIRECT]), UnsupportedAlgorithmError, "DIRECT"),
        (made(b"\xa1\x01\x01", {5: bytes(12)}, None, [LONG]), MalformedError, "24 bytes"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_refused(raw: bytes, error: type[HardsuitError], words: str) -> None:
    with pytest.raises(error, match=words):
        parse(raw)


def test_a_recipient_for_somebody_else_is_passed_over() -> None:
    raw = encode_encryption_info(GCM, bytes(12), [[b"", {1: -40}, bytes(256)], KEK])
    assert [one.kid for one in parse(raw).recipients] == [b"kek"]


def test_the_limit_of_recipients_is_that_of_the_tool() -> None:
    full = encode_encryption_info(GCM, bytes(12), [KEK] * MAX_RECIPIENTS)
    assert len(parse(full).recipients) == MAX_RECIPIENTS


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_never_leads_to_a_foreign_error(place: int, difference: int) -> None:
    changed = bytearray(GOOD)
    changed[place] ^= difference
    try:
        info = parse(bytes(changed))
    except HardsuitError:
        return
    assert info.raw == bytes(changed)
    assert len(info.iv) == SIZES[info.algorithm].iv


@given(st.integers(0, len(GOOD) - 1))
def test_a_cut_structure_is_malformed(end: int) -> None:
    with pytest.raises(MalformedError):
        parse(GOOD[:end])
