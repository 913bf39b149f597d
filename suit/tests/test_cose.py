"""suit.cose, reading: the header policy and the structures."""

from typing import Any

import pytest

from spec.labels import CborTag, CoseAlgorithm
from suit import cbor
from suit.cose import Block, parse_block
from suit.errors import (
    LimitError,
    MalformedError,
    NotAuthenticError,
    UnsupportedAlgorithmError,
    UnsupportedCoseError,
)
from suit.keys import IMPLEMENTED

PAYLOAD = b"\x82\x2f\x58\x20" + bytes(range(32))
ALG, CRIT, CONTENT_TYPE, KID = 1, 2, 3, 4
ESP256 = CoseAlgorithm.ESP256.value
HMAC = CoseAlgorithm.HMAC_256.value
DIRECT = CoseAlgorithm.DIRECT.value
SIGN1, SIGN, MAC0, MAC = 18, 98, 17, 97
SIGNATURE, TAG = bytes(range(64)), bytes(range(32))


def read(raw: bytes) -> Block:
    return parse_block(raw, PAYLOAD, where="block")


def sealed(header: Any) -> bytes:
    return header if isinstance(header, bytes) else cbor.encode(header)


def block(
    kind: int,
    protected: Any = None,
    unprotected: Any = None,
    *,
    payload: Any = None,
    rest: list[Any] | None = None,
) -> bytes:
    """A well-formed block of ``kind``, but for what is given."""
    if protected is None:
        protected = {SIGN1: {ALG: ESP256}, SIGN: b""}.get(kind, {ALG: HMAC})
    recipients = [[b"", {ALG: DIRECT, KID: b"me"}, b""]]
    signatures = [[sealed({ALG: ESP256}), {KID: b"me"}, SIGNATURE]]
    usual: dict[int, list[Any]] = {
        SIGN1: [SIGNATURE],
        SIGN: [signatures],
        MAC0: [TAG],
        MAC: [TAG, recipients],
    }
    last = usual[kind] if rest is None else rest
    parts = [sealed(protected), {} if unprotected is None else unprotected, payload, *last]
    return cbor.encode(cbor.Tagged(kind, parts))


KINDS = (SIGN1, SIGN, MAC0, MAC)


@pytest.mark.req("M8.3-5")
@pytest.mark.parametrize("kind", KINDS)
def test_all_four_kinds_are_read(kind: int) -> None:
    read_block = read(block(kind))
    assert read_block.kind is CborTag(kind)
    (proof,) = read_block.attestations
    assert proof.kid == (b"me" if kind in (SIGN, MAC) else None)
    assert proof.algorithm.value == (ESP256 if kind in (SIGN1, SIGN) else HMAC)
    assert proof.value == (SIGNATURE if kind in (SIGN1, SIGN) else TAG)


@pytest.mark.req("M8.3-4")
def test_structures_are_those_of_rfc_9052() -> None:
    """The contexts, the empty external data, and the payload without a byte string of its own around it."""
    signature, hmac_header = sealed({ALG: ESP256}), sealed({ALG: HMAC})
    expected = {
        SIGN1: ["Signature1", signature, b"", PAYLOAD],
        SIGN: ["Signature", b"", signature, b"", PAYLOAD],
        MAC0: ["MAC0", hmac_header, b"", PAYLOAD],
        MAC: ["MAC", hmac_header, b"", PAYLOAD],
    }
    for kind, structure in expected.items():
        assert read(block(kind)).attestations[0].structure == cbor.encode(structure)


@pytest.mark.parametrize("length", [0, 1, 23, 24, 255, 256, 65535, 65536])
def test_structures_hold_payloads_of_any_length(length: int) -> None:
    payload = bytes(length)
    proof = parse_block(block(SIGN1), payload, where="block").attestations[0]
    assert proof.structure == cbor.encode(["Signature1", sealed({ALG: ESP256}), b"", payload])


def test_our_sign1_structure_is_the_one_of_pycose() -> None:
    from pycose.messages.sign1message import Sign1Message  # noqa: PLC0415 - the oracle of this test

    header = {ALG: ESP256, CONTENT_TYPE: 60, 99: [1, "x"]}
    message = Sign1Message.from_cose_obj([sealed(header), {}, None, SIGNATURE], allow_unknown_attributes=True)
    theirs = message._create_sig_structure(PAYLOAD)
    assert read(block(SIGN1, header)).attestations[0].structure == theirs


def test_the_protected_header_is_signed_as_received() -> None:
    """Header maps may stand in any order; re-encoding them would break the signature."""
    unordered = b"\xa2\x04\x42me\x01\x28"
    (proof,) = read(block(SIGN1, unordered)).attestations
    assert (proof.kid, proof.algorithm) == (b"me", CoseAlgorithm.ESP256)
    assert unordered in proof.structure


def test_an_empty_protected_map_of_cose_sign_enters_the_structure_as_nothing() -> None:
    as_map, as_nothing = (read(block(SIGN, body)).attestations[0].structure for body in (b"\xa0", b""))
    assert as_map == as_nothing


def test_kid_may_stand_in_either_bucket_and_empty_is_none() -> None:
    for kind in (SIGN1, MAC0):
        alg = {ALG: ESP256 if kind == SIGN1 else HMAC}
        assert read(block(kind, alg, {KID: b"me"})).attestations[0].kid == b"me"
        assert read(block(kind, alg | {KID: b"me"})).attestations[0].kid == b"me"
        assert read(block(kind, alg, {KID: b""})).attestations[0].kid is None


def test_kid_of_cose_mac_is_that_of_the_recipient_or_else_of_the_body() -> None:
    nameless = [TAG, [[b"", {ALG: DIRECT}, b""]]]
    assert read(block(MAC, None, {KID: b"body"})).attestations[0].kid == b"me"
    assert read(block(MAC, None, {KID: b"body"}, rest=nameless)).attestations[0].kid == b"body"
    assert read(block(MAC, rest=nameless)).attestations[0].kid is None


def test_headers_that_are_not_critical_are_ignored() -> None:
    for kind in KINDS:
        for extra in ({CONTENT_TYPE: "text/plain"}, {33: [b"cert"]}, {"vendor": {1: [2]}}, {-70000: None}):
            assert read(block(kind, None, extra)).attestations


def test_critical_headers_that_are_understood_pass() -> None:
    for critical in ([ALG], [CRIT], [ALG, KID]):
        header = {ALG: ESP256, CRIT: critical, KID: b"me"}
        assert read(block(SIGN1, header)).attestations[0].kid == b"me"


MALFORMED_HEADERS: dict[str, tuple[Any, Any]] = {
    "protected is a map": ({ALG: ESP256}, {}),
    "protected is text": ("", {}),
    "protected is an array": (cbor.encode([ALG, ESP256]), {}),
    "protected is cut": (b"\xa1\x01", {}),
    "protected has trailing bytes": (cbor.encode({ALG: ESP256}) + b"\0", {}),
    "protected repeats a label": (b"\xa2\x01\x28\x01\x26", {}),
    "protected is indefinite": (b"\xbf\x01\x28\xff", {}),
    "protected label is no label": (cbor.encode({b"alg": 1, ALG: ESP256}), {}),
    "unprotected is an array": (cbor.encode({ALG: ESP256}), []),
    "unprotected is nothing": (cbor.encode({ALG: ESP256}), None),
    "unprotected label is no label": (cbor.encode({ALG: ESP256}), {b"kid": b"me"}),
    "alg in both buckets": (cbor.encode({ALG: ESP256}), {ALG: ESP256}),
    "kid in both buckets": (cbor.encode({ALG: ESP256, KID: b"me"}), {KID: b"me"}),
    "unknown label in both buckets": (cbor.encode({ALG: ESP256, 99: 1}), {99: 1}),
    "kid is text": (cbor.encode({ALG: ESP256}), {KID: "me"}),
    "kid is null": (cbor.encode({ALG: ESP256, KID: None}), {}),
    "alg is bytes": (cbor.encode({ALG: b"ES256"}), {}),
    "alg is true": (cbor.encode({ALG: True}), {}),
    "alg is a list": (cbor.encode({ALG: [ESP256]}), {}),
    "crit is not protected": (cbor.encode({ALG: ESP256}), {CRIT: [ALG]}),
    "crit is empty": (cbor.encode({ALG: ESP256, CRIT: []}), {}),
    "crit is no list": (cbor.encode({ALG: ESP256, CRIT: ALG}), {}),
    "crit holds no label": (cbor.encode({ALG: ESP256, CRIT: [b"x"]}), {}),
    "crit holds true": (cbor.encode({ALG: ESP256, CRIT: [True]}), {}),
    "crit names what is absent": (cbor.encode({ALG: ESP256, CRIT: [KID]}), {}),
    "crit names what is unprotected": (cbor.encode({ALG: ESP256, CRIT: [KID]}), {KID: b"me"}),
}


@pytest.mark.req("H3-2")
@pytest.mark.parametrize("fault", MALFORMED_HEADERS)
def test_headers_against_rfc_9052_are_malformed(fault: str) -> None:
    protected, unprotected = MALFORMED_HEADERS[fault]
    one = [protected, unprotected, None, SIGNATURE]
    several: list[Any] = [b"", {}, None, [[protected, unprotected, SIGNATURE]]]
    for kind, parts in ((SIGN1, one), (SIGN, several)):
        with pytest.raises(MalformedError, match="block"):
            read(cbor.encode(cbor.Tagged(kind, parts)))


def refused_by_header(kind: int, protected: Any, unprotected: Any = None) -> NotAuthenticError:
    with pytest.raises(NotAuthenticError) as caught:
        read(block(kind, protected, unprotected))
    return caught.value


@pytest.mark.req("H3-2")
@pytest.mark.parametrize("kind", [SIGN1, MAC0, MAC])
def test_the_algorithm_has_to_be_protected(kind: int) -> None:
    alg = ESP256 if kind == SIGN1 else HMAC
    for protected, unprotected in ((b"", {ALG: alg}), (b"\xa0", {ALG: alg}), (b"", {}), ({KID: b""}, {})):
        assert type(refused_by_header(kind, protected, unprotected)) is UnsupportedCoseError


@pytest.mark.req("H3-2")
@pytest.mark.parametrize("label", [CONTENT_TYPE, 99, -70000, "vendor"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_critical_header_is_unsupported(kind: int, label: int | str) -> None:
    header: dict[int | str, Any] = {ALG: HMAC if kind in (MAC0, MAC) else ESP256}
    header |= {CRIT: [ALG, label], label: 1}
    error = refused_by_header(kind, header)
    assert type(error) is UnsupportedCoseError
    assert repr(label) in str(error)


@pytest.mark.req("M10-2")
@pytest.mark.parametrize("kind", [SIGN1, MAC0, MAC])
def test_only_implemented_algorithms_of_the_right_kind_are_read(kind: int) -> None:
    kinds = {True: "signature", False: "mac"}
    for algorithm in CoseAlgorithm:
        fits = algorithm in IMPLEMENTED and kinds[algorithm.value < 0] == kinds[kind == SIGN1]
        if fits:
            assert read(block(kind, {ALG: algorithm.value})).attestations[0].algorithm is algorithm
        else:
            error = refused_by_header(kind, {ALG: algorithm.value})
            assert type(error) is UnsupportedAlgorithmError
            assert algorithm.name in str(error)
    for unknown in (0, -999, 1 << 40, "ES256"):
        assert type(refused_by_header(kind, {ALG: unknown})) is UnsupportedAlgorithmError


MALFORMED_BLOCKS = {
    "nothing": b"",
    "not tagged": block(SIGN1)[1:],
    "cut": block(SIGN1)[:-1],
    "trailing byte": block(SIGN1) + b"\0",
    "indefinite array": b"\xd2\x9f" + block(SIGN1)[2:] + b"\xff",
    "tag not in its shortest form": b"\xd8\x12" + block(SIGN1)[1:],
    "tag inside a tag": b"\xd2" + block(SIGN1),
    "map": cbor.encode(cbor.Tagged(SIGN1, {})),
    "byte string": cbor.encode(cbor.Tagged(SIGN1, b"")),
    "null": cbor.encode(cbor.Tagged(SIGN1, None)),
    "three elements": cbor.encode(cbor.Tagged(SIGN1, [b"", {}, None])),
    "five elements": block(SIGN1, rest=[SIGNATURE, SIGNATURE]),
    "signature is text": block(SIGN1, rest=["signature"]),
    "signature is null": block(SIGN1, rest=[None]),
    "signature is empty": block(SIGN1, rest=[b""]),
    "COSE_Sign read as COSE_Sign1": b"\xd2" + block(SIGN, {ALG: ESP256})[2:],
    "no signatures": block(SIGN, rest=[[]]),
    "signatures are bytes": block(SIGN, rest=[b"x"]),
    "signature without value": block(SIGN, rest=[[[sealed({ALG: ESP256}), {}]]]),
    "signature with payload": block(SIGN, rest=[[[sealed({ALG: ESP256}), {}, None, SIGNATURE]]]),
    "signature value is text": block(SIGN, rest=[[[sealed({ALG: ESP256}), {}, "x"]]]),
    "one of two signatures malformed": block(
        SIGN, rest=[[[sealed({ALG: ESP256}), {}, SIGNATURE], [b"\xff", {}, SIGNATURE]]]
    ),
    "tag is text": block(MAC0, rest=["tag"]),
    "tag is empty": block(MAC0, rest=[b""]),
    "COSE_Mac read as COSE_Mac0": b"\xd1" + block(MAC)[2:],
    "COSE_Mac0 read as COSE_Mac": b"\xd8\x61" + block(MAC0)[1:],
    "no recipients": block(MAC, rest=[TAG, []]),
    "recipients are null": block(MAC, rest=[TAG, None]),
    "recipient is bytes": block(MAC, rest=[TAG, [b""]]),
    "recipient is short": block(MAC, rest=[TAG, [[b"", {ALG: DIRECT}]]]),
    "recipient without alg": block(MAC, rest=[TAG, [[b"", {}, b""]]]),
    "direct recipient with content": block(MAC, rest=[TAG, [[b"", {ALG: DIRECT}, b"key"]]]),
    "direct recipient with null": block(MAC, rest=[TAG, [[b"", {ALG: DIRECT}, None]]]),
    "direct recipient with protected header": block(
        MAC, rest=[TAG, [[sealed({ALG: DIRECT}), {}, b""]]]
    ),
    "direct recipient with recipients": block(
        MAC, rest=[TAG, [[b"", {ALG: DIRECT}, b"", [[b"", {ALG: DIRECT}, b""]]]]]
    ),
    "two direct recipients": block(MAC, rest=[TAG, [[b"", {ALG: DIRECT}, b""]] * 2]),
}  # fmt: skip


@pytest.mark.req("H3-2")
@pytest.mark.parametrize("fault", MALFORMED_BLOCKS)
def test_a_broken_block_is_malformed(fault: str) -> None:
    with pytest.raises(MalformedError, match="block"):
        read(MALFORMED_BLOCKS[fault])


@pytest.mark.parametrize("kind", KINDS)
def test_an_attached_payload_is_unsupported(kind: int) -> None:
    for payload in (PAYLOAD, b""):
        with pytest.raises(UnsupportedCoseError, match="detached"):
            read(block(kind, payload=payload))


@pytest.mark.parametrize("tag", [16, 96, 107, 998])
def test_another_tag_is_unsupported(tag: int) -> None:
    parts = cbor.decode(block(SIGN1), where="x", ordered=False).value
    with pytest.raises(UnsupportedCoseError, match=str(tag)):
        read(cbor.encode(cbor.Tagged(tag, parts)))


@pytest.mark.parametrize(
    "algorithm", [CoseAlgorithm.A128KW, CoseAlgorithm.A256KW, CoseAlgorithm.ECDH_ES_A128KW]
)
def test_a_key_that_travels_wrapped_is_unsupported(algorithm: CoseAlgorithm) -> None:
    for recipients in (
        [[b"", {ALG: algorithm.value, KID: b"me"}, bytes(40)]],
        [[sealed({ALG: algorithm.value}), {KID: b"me"}, bytes(40)]],
        [[b"", {ALG: algorithm.value}, bytes(40)]] * 3,
    ):
        with pytest.raises(UnsupportedAlgorithmError, match=algorithm.name):
            read(block(MAC, rest=[TAG, recipients]))


def test_signatures_that_are_not_understood_are_left_out_of_cose_sign() -> None:
    good = [sealed({ALG: ESP256}), {KID: b"me"}, SIGNATURE]
    unknown = [sealed({ALG: CoseAlgorithm.ML_DSA_44.value}), {}, bytes(2420)]
    critical = [sealed({ALG: ESP256, CRIT: [99], 99: 1}), {}, SIGNATURE]
    (proof,) = read(block(SIGN, rest=[[unknown, good, critical]])).attestations
    assert proof.kid == b"me"
    with pytest.raises(UnsupportedAlgorithmError, match="ML_DSA_44"):
        read(block(SIGN, rest=[[unknown]]))
    with pytest.raises(UnsupportedCoseError, match="99"):
        read(block(SIGN, rest=[[critical]]))


def test_blocks_are_bounded() -> None:
    signature = [sealed({ALG: ESP256}), {}, SIGNATURE]
    assert len(read(block(SIGN, rest=[[signature] * 8])).attestations) == 8
    with pytest.raises(LimitError, match="8 signatures"):
        read(block(SIGN, rest=[[signature] * 9]))
    with pytest.raises(LimitError):
        read(block(SIGN1, rest=[bytes(1 << 16)]))
    with pytest.raises(LimitError):
        read(block(SIGN1, None, dict.fromkeys(range(100, 400), 0)))
    nested: Any = 1
    for _ in range(20):
        nested = [nested]
    for buckets in ((None, {99: nested}), ({ALG: ESP256, 99: nested}, None)):
        with pytest.raises(LimitError, match="deeper"):
            read(block(SIGN1, *buckets))
