"""suit.authenticate: every rule of who vouches for an envelope."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from spec.labels import CoseAlgorithm, ReportReason
from suit import cbor, cose
from suit.authenticate import MAX_BLOCKS, MAX_TRIES, KeyRing, authenticate, check_digest
from suit.encode import encode_digest
from suit.envelope import manifest_digest, rewrap, with_block
from suit.errors import (
    HardsuitError,
    MalformedError,
    NotAuthenticError,
    NoTrustAnchorError,
    UnsupportedAlgorithmError,
    UnsupportedCoseError,
)
from suit.keys import CoseKey
from suit.manifest import Digest, Envelope
from suit.signer import KeyType, LocalSigner, generate

BARE = rewrap(b"\xa1\x01\x01", severed={}, payloads={})
P256, OTHER, P384, ED25519 = (
    generate(kind, kid=kid)
    for kind, kid in (
        (KeyType.P256, b"p256"),
        (KeyType.P256, b"other"),
        (KeyType.P384, b"p384"),
        (KeyType.ED25519, b"ed"),
    )
)
HMAC = generate(KeyType.HMAC, kid=b"mac")
STRANGER = generate(KeyType.P256, kid=b"stranger")
NAMELESS = generate(KeyType.P256)


def ring(*signers: LocalSigner) -> KeyRing:
    return KeyRing([signer.public for signer in signers])


def nameless(signer: LocalSigner) -> LocalSigner:
    return replace(signer, public=replace(signer.public, kid=None))


def signed(*blocks: bytes) -> Envelope:
    envelope = BARE
    for block in blocks:
        envelope = with_block(envelope, block)
    return envelope


def sign1(signer: LocalSigner, payload: bytes = BARE.digest_bytes) -> bytes:
    return cose.sign1(payload, signer)


def spoiled(block: bytes) -> bytes:
    return block[:-1] + bytes((block[-1] ^ 1,))


def with_header(header: dict[Any, Any], kid: bytes | None = None) -> bytes:
    unprotected = {4: kid} if kid else {}
    return cbor.encode(cbor.Tagged(18, [cbor.encode(header), unprotected, None, bytes(64)]))


UNKNOWN_ALGORITHM = with_header({1: CoseAlgorithm.ML_DSA_65.value})
UNKNOWN_CRITICAL = with_header({1: CoseAlgorithm.ESP256.value, 2: [99], 99: 1})


def refusal(envelope: Envelope, keys: KeyRing) -> HardsuitError:
    with pytest.raises(HardsuitError) as caught:
        authenticate(envelope, keys)
    return caught.value


# The digest, the number of blocks, the trust store ----------------------------------------------------


@pytest.mark.req("M8.3-2")
def test_a_digest_that_is_not_the_manifests_is_refused_before_any_block_is_read() -> None:
    garbage = replace(signed(b"\xff"), manifest=b"\xa1\x01\x02")
    error = refusal(garbage, ring(P256))
    assert type(error) is NotAuthenticError
    assert "digest" in str(error)
    # the digest of the map without its byte string is not it either
    from suit import digest  # noqa: PLC0415 - for this one line

    bare = Digest(CoseAlgorithm.SHA_256, digest.compute(CoseAlgorithm.SHA_256, BARE.manifest))
    wrong = replace(BARE, digest=bare, digest_bytes=encode_digest(bare))
    assert "digest" in str(refusal(with_block(wrong, sign1(P256, wrong.digest_bytes)), ring(P256)))


@pytest.mark.req("M10-3")
@pytest.mark.parametrize("algorithm", ["SHA_256", "SHA_384", "SHA_512", "SHAKE128", "SHAKE256"])
def test_every_digest_algorithm_is_recomputed(algorithm: str) -> None:
    envelope = rewrap(b"\xa0", severed={}, payloads={}, algorithm=CoseAlgorithm[algorithm])
    envelope = with_block(envelope, sign1(P256, envelope.digest_bytes))
    assert authenticate(envelope, ring(P256)) == (P256.public.name,)
    changed = envelope.digest._replace(value=envelope.digest.value[:-1] + b"\0")
    assert "digest" in str(refusal(replace(envelope, digest=changed), ring(P256)))
    cut = envelope.digest._replace(value=envelope.digest.value[:-1])
    assert "digest" in str(refusal(replace(envelope, digest=cut), ring(P256)))


@pytest.mark.req("M10-2")
def test_a_digest_algorithm_that_is_none_is_unsupported() -> None:
    envelope = replace(BARE, digest=Digest(CoseAlgorithm.ESP256, bytes(32)))
    error = refusal(envelope, ring(P256))
    assert type(error) is UnsupportedAlgorithmError
    assert error.report is ReportReason.ALG_UNSUPPORTED


def test_check_digest_serves_those_who_sign() -> None:
    check_digest(BARE)
    with pytest.raises(NotAuthenticError):
        check_digest(replace(BARE, manifest=b"\xa0"))


@pytest.mark.req("M8.3-3")
def test_an_envelope_without_blocks_is_not_authentic() -> None:
    error = refusal(BARE, ring(P256))
    assert type(error) is NotAuthenticError
    assert error.report is ReportReason.UNAUTHORISED


@pytest.mark.req("H2-9")
def test_there_are_at_most_eight_blocks() -> None:
    assert authenticate(signed(*[sign1(P256)] * MAX_BLOCKS), ring(P256)) == (P256.public.name,)
    error = refusal(signed(*[sign1(P256)] * (MAX_BLOCKS + 1)), ring(P256))
    assert type(error) is NotAuthenticError


@pytest.mark.req("H3-1")
def test_an_empty_trust_store_verifies_nothing() -> None:
    for block in (sign1(P256), sign1(nameless(P256)), cose.mac0(BARE.digest_bytes, HMAC)):
        error = refusal(signed(block), ring())
        assert type(error) is NoTrustAnchorError
        assert error.reason == "no-trust-anchor"


# One block ----------------------------------------------------------------------------------------------


@pytest.mark.req("M8.3-5", "H3-6")
@pytest.mark.parametrize("signer", [P256, P384, ED25519, NAMELESS, nameless(P384)])
def test_a_trusted_key_vouches(signer: LocalSigner) -> None:
    trusted = ring(P256, P384, ED25519, NAMELESS, HMAC)
    for block in (sign1(signer), cose.sign(BARE.digest_bytes, [signer])):
        assert authenticate(signed(block), trusted) == (signer.public.name,)
        assert type(refusal(signed(spoiled(block)), trusted)) is NotAuthenticError


@pytest.mark.req("M8.3-5", "H3-6")
@pytest.mark.parametrize("signer", [HMAC, nameless(HMAC)])
def test_a_trusted_mac_key_vouches(signer: LocalSigner) -> None:
    for make in (cose.mac0, cose.mac):
        block = make(BARE.digest_bytes, signer)
        trusted = ring(P256, HMAC)
        assert authenticate(signed(block), trusted) == (HMAC.public.name,)
        changed = with_other_tag(block)
        assert type(refusal(signed(changed), trusted)) is NotAuthenticError


def with_other_tag(block: bytes) -> bytes:
    item = cbor.decode(block, where="block", ordered=False)
    item.value[3] = bytes(32)
    return cbor.encode(item)


@pytest.mark.req("M8.3-4")
def test_a_block_over_something_else_does_not_vouch() -> None:
    other = encode_digest(manifest_digest(b"\xa0"))
    for payload in (other, cbor.encode(BARE.digest_bytes), BARE.digest.value, b""):
        assert type(refusal(signed(sign1(P256, payload)), ring(P256))) is NotAuthenticError


@pytest.mark.req("M8.3-7")
def test_an_unknown_key_does_not_vouch() -> None:
    for signer in (STRANGER, nameless(STRANGER)):
        error = refusal(signed(sign1(signer)), ring(P256, P384, NAMELESS))
        assert type(error) is NotAuthenticError
        assert error.report is ReportReason.UNAUTHORISED
    assert "'stranger'" in str(refusal(signed(sign1(STRANGER)), ring(P256)))


def test_a_kid_of_unprintable_bytes_is_shown_in_hex_and_short() -> None:
    signer = replace(STRANGER, public=replace(STRANGER.public, kid=b"\x1b[31m" * 40))
    message = str(refusal(signed(sign1(signer)), ring(P256)))
    assert "h'1b5b33316d" in message
    assert len(message) < 160


def test_a_stranger_under_a_trusted_kid_is_refused() -> None:
    impostor = replace(STRANGER, public=replace(STRANGER.public, kid=b"p256"))
    error = refusal(signed(sign1(impostor)), ring(P256))
    assert "does not verify it" in str(error)


def test_a_trusted_key_that_carries_no_kid_may_be_meant_by_any_kid() -> None:
    named = replace(NAMELESS, public=replace(NAMELESS.public, kid=b"whatever"))
    assert authenticate(signed(sign1(named)), ring(P256, NAMELESS)) == (NAMELESS.public.name,)


def test_a_trusted_key_is_not_meant_by_the_kid_of_another() -> None:
    renamed = replace(P256, public=replace(P256.public, kid=b"unheard of"))
    assert type(refusal(signed(sign1(renamed)), ring(P256))) is NotAuthenticError


def test_keys_that_share_a_kid_are_all_tried() -> None:
    twin = replace(OTHER, public=replace(OTHER.public, kid=b"p256"))
    trusted = ring(P256, twin)
    assert authenticate(signed(sign1(P256)), trusted) == (P256.public.name,)
    assert authenticate(signed(sign1(twin)), trusted) == (OTHER.public.name,)


@pytest.mark.req("H3-3")
def test_an_algorithm_that_no_trusted_key_admits_is_reason_3() -> None:
    es256 = generate(KeyType.P256, algorithm=CoseAlgorithm.ES256, kid=b"p256")
    for trusted in (ring(P256), ring(HMAC), ring(P384, ED25519)):
        error = refusal(signed(sign1(es256)), trusted)
        assert type(error) is UnsupportedAlgorithmError
        assert error.report is ReportReason.ALG_UNSUPPORTED


@pytest.mark.req("H3-3")
def test_the_same_key_under_the_deprecated_name_does_not_vouch() -> None:
    strict = P256.public
    es256 = LocalSigner(replace(strict, algorithm=CoseAlgorithm.ES256), CoseAlgorithm.ES256, P256.d)
    assert type(refusal(signed(sign1(es256)), KeyRing([strict]))) is UnsupportedAlgorithmError
    assert authenticate(signed(sign1(es256)), KeyRing([strict, es256.public])) == (strict.name,)


@pytest.mark.req("M10-2")
def test_an_algorithm_that_is_not_implemented_is_reason_3() -> None:
    error = refusal(signed(UNKNOWN_ALGORITHM), ring(P256))
    assert type(error) is UnsupportedAlgorithmError


@pytest.mark.req("H3-2")
def test_a_critical_header_that_is_not_understood_is_reason_2() -> None:
    error = refusal(signed(UNKNOWN_CRITICAL), ring(P256))
    assert type(error) is UnsupportedCoseError
    assert error.report is ReportReason.COSE_UNSUPPORTED


# Several blocks -----------------------------------------------------------------------------------------


@pytest.mark.req("M8.3-6", "H3-6")
def test_every_block_names_who_vouches_once_and_in_order() -> None:
    mac = cose.mac0(BARE.digest_bytes, HMAC)
    envelope = signed(sign1(P384), mac, sign1(P256), sign1(P384))
    names = (P384.public.name, HMAC.public.name, P256.public.name)
    assert authenticate(envelope, ring(P256, P384, HMAC)) == names


PASSED_OVER = {
    "unknown kid": sign1(STRANGER),
    "no kid, unknown key": sign1(nameless(STRANGER)),
    "unknown algorithm": UNKNOWN_ALGORITHM,
    "algorithm of no trusted key": sign1(ED25519),
    "unknown critical header": UNKNOWN_CRITICAL,
    "attached payload": cbor.encode(cbor.Tagged(18, [b"\xa1\x01\x28", {}, b"", bytes(64)])),
    "another COSE structure": cbor.encode(cbor.Tagged(16, [b"", {}, None])),
    "wrapped key": cbor.encode(
        cbor.Tagged(97, [b"\xa1\x01\x05", {}, None, bytes(32), [[b"", {1: -3}, bytes(40)]]])
    ),
}


@pytest.mark.req("M8.3-7")
@pytest.mark.parametrize("case", PASSED_OVER)
def test_a_block_that_cannot_be_judged_is_passed_over(case: str) -> None:
    for blocks in ((PASSED_OVER[case], sign1(P256)), (sign1(P256), PASSED_OVER[case])):
        assert authenticate(signed(*blocks), ring(P256)) == (P256.public.name,)
    assert isinstance(refusal(signed(PASSED_OVER[case]), ring(P256)), NotAuthenticError)


@pytest.mark.req("M8.3-7")
def test_a_known_key_with_a_bad_signature_refuses_the_whole_envelope() -> None:
    for blocks in ((spoiled(sign1(P256)), sign1(P384)), (sign1(P384), spoiled(sign1(P256)))):
        error = refusal(signed(*blocks), ring(P256, P384))
        assert type(error) is NotAuthenticError
        assert "does not verify it" in str(error)


@pytest.mark.parametrize(
    "bad",
    [b"", b"\xff", b"\xa0", sign1(P256)[1:], sign1(P256) + b"\0"],
    ids=[
        "empty",
        "break",
        "map",
        "untagged",
        "trailing",
    ],  # of new keys: bytes would name the test differently each time
)
def test_a_malformed_block_refuses_the_whole_envelope(bad: bytes) -> None:
    for blocks in ((bad, sign1(P256)), (sign1(P256), bad)):
        with pytest.raises(MalformedError, match="authentication block"):
            authenticate(signed(*blocks), ring(P256))


def test_the_most_specific_reason_is_given_when_all_are_passed_over() -> None:
    stranger, algorithm, critical = sign1(STRANGER), UNKNOWN_ALGORITHM, UNKNOWN_CRITICAL
    expected = (
        ((stranger, critical, algorithm), UnsupportedAlgorithmError),
        ((stranger, critical), UnsupportedCoseError),
        ((stranger, stranger), NotAuthenticError),
    )
    for blocks, kind in expected:
        assert type(refusal(signed(*blocks), ring(P256))) is kind


def test_every_known_signer_of_cose_sign_has_to_verify() -> None:
    trusted = ring(P256, P384)
    block = cose.sign(BARE.digest_bytes, [P256, STRANGER, P384])
    assert authenticate(signed(block), trusted) == (P256.public.name, P384.public.name)
    assert type(refusal(signed(block), ring(ED25519, HMAC))) is UnsupportedAlgorithmError
    item = cbor.decode(block, where="block", ordered=False)
    signatures = item.value[3]
    for known, verdict in ((0, None), (1, 2), (2, None)):
        changed = list(signatures)
        changed[known] = [*signatures[known][:2], bytes(len(signatures[known][2]))]
        envelope = signed(cbor.encode(cbor.Tagged(98, [*item.value[:3], changed])))
        if verdict is None:
            assert "does not verify it" in str(refusal(envelope, trusted))
        else:
            assert len(authenticate(envelope, trusted)) == verdict


# Bounds ---------------------------------------------------------------------------------------------------


class Counting:
    """A verifier with very many keys that counts how often it is asked to verify."""

    def __init__(self, names: int) -> None:
        self.names, self.asked = [bytes((number,)) for number in range(names)], 0

    def candidates(self, kid: bytes | None, algorithm: CoseAlgorithm) -> Sequence[bytes]:
        del algorithm
        return self.names if kid is None else ()

    def verify(self, name: bytes, algorithm: CoseAlgorithm, structure: bytes, value: bytes) -> bool:
        del name, algorithm, structure, value
        self.asked += 1
        return False


def test_the_number_of_keys_tried_is_bounded() -> None:
    verifier = Counting(200)
    with pytest.raises(NotAuthenticError, match="would have to be tried"):
        authenticate(signed(sign1(nameless(P256))), verifier)
    assert verifier.asked == MAX_TRIES
    eight = cose.sign(BARE.digest_bytes, [nameless(P256)] * 8)
    verifier = Counting(3)
    with pytest.raises(NotAuthenticError, match="would have to be tried"):
        authenticate(signed(*[eight] * 8), verifier)
    assert verifier.asked == MAX_TRIES


def test_unknown_kids_cost_no_verification() -> None:
    verifier = Counting(3)
    with pytest.raises(NotAuthenticError):
        authenticate(signed(*[cose.sign(BARE.digest_bytes, [P256] * 8)] * 8), verifier)
    assert verifier.asked == 0


# The key ring ---------------------------------------------------------------------------------------------


def test_a_key_ring_knows_its_keys_by_name_kid_and_algorithm() -> None:
    keys = ring(P256, NAMELESS, HMAC)
    esp256 = CoseAlgorithm.ESP256
    assert keys.candidates(b"p256", esp256) == [P256.public.name]
    assert keys.candidates(None, esp256) == [P256.public.name, NAMELESS.public.name]
    assert keys.candidates(b"", esp256) == [NAMELESS.public.name]
    assert keys.candidates(b"mac", esp256) == []
    assert keys.candidates(None, CoseAlgorithm.HMAC_256) == [HMAC.public.name]
    signature = P256.sign(b"x")
    assert keys.verify(P256.public.name, esp256, b"x", signature)
    assert not keys.verify(NAMELESS.public.name, esp256, b"x", signature)
    assert not keys.verify(P256.public.name, CoseAlgorithm.ES256, b"x", signature)
    assert not keys.verify(bytes(32), esp256, b"x", signature)


@pytest.mark.req("H2-8")
def test_a_key_ring_shows_no_secret() -> None:
    assert repr(HMAC.public.k)[2:-1] not in repr(ring(HMAC))
    assert CoseKey.from_cose(HMAC.to_cose()) == HMAC.public
