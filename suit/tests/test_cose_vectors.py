"""suit.cose and suit.authenticate against the examples of the COSE working group and of the SUIT drafts.

The working group's messages carry their payload; SUIT's are detached. So the payload is taken out of each
message before it is judged. What hardsuit refuses on purpose although COSE allows it stands in ``STRICTER``.
"""

import base64
from dataclasses import replace
from typing import Any

import pytest

from spec.labels import CoseAlgorithm, CoseCurve, CoseKeyType
from suit import cbor
from suit.authenticate import KeyRing, authenticate
from suit.cose import parse_block
from suit.envelope import manifest_digest, open_envelope
from suit.errors import (
    MalformedError,
    NotAuthenticError,
    RejectedError,
    UnsupportedAlgorithmError,
    UnsupportedCoseError,
)
from suit.keys import CoseKey, load_key
from suit.manifest import Envelope
from suit.tests.vectors import ROOT, path, read_json

FOLDERS = {
    "sign1-tests": 9,
    "sign-tests": 10,
    "mac0-tests": 10,
    "mac-tests": 10,
    "ecdsa-examples": 8,
    "eddsa-examples": 4,
    "hmac-examples": 10,
}
EXTERNAL = (NotAuthenticError, "covers external data; SUIT has none (M8.3)")
OPEN_ALG = (UnsupportedCoseError, "alg is not protected")
UNTAGGED = (MalformedError, "M8.3 wants the tag")
ED448 = (UnsupportedAlgorithmError, "Ed448 is not implemented")
CURVE = (UnsupportedAlgorithmError, "ES512 with P-256: an algorithm is bound to its curve (RFC 9864)")
CUT = (UnsupportedAlgorithmError, "MACs of 64 bits are not used")
STRICTER = {
    "sign1-tests/sign-pass-01": OPEN_ALG,
    "sign1-tests/sign-pass-02": EXTERNAL,
    "sign1-tests/sign-pass-03": UNTAGGED,
    "sign-tests/sign-pass-02": EXTERNAL,
    "sign-tests/sign-pass-03": UNTAGGED,
    "mac0-tests/mac-pass-01": OPEN_ALG,
    "mac0-tests/mac-pass-02": OPEN_ALG,
    "mac0-tests/mac-pass-03": UNTAGGED,
    "mac-tests/mac-pass-01": OPEN_ALG,
    "mac-tests/mac-pass-02": OPEN_ALG,
    "mac-tests/mac-pass-03": UNTAGGED,
    "ecdsa-examples/ecdsa-04": CURVE,
    "ecdsa-examples/ecdsa-sig-04": CURVE,
    "eddsa-examples/eddsa-02": ED448,
    "eddsa-examples/eddsa-sig-02": ED448,
    "hmac-examples/HMac-05": CUT,
    "hmac-examples/HMac-enc-05": CUT,
}
ALGORITHMS = {
    "ES256": CoseAlgorithm.ES256,
    "ES384": CoseAlgorithm.ES384,
    "ES512": CoseAlgorithm.ES512,
    "EdDSA": CoseAlgorithm.EDDSA,
    "HS256": CoseAlgorithm.HMAC_256,
    "HS384": CoseAlgorithm.HMAC_384,
    "HS512": CoseAlgorithm.HMAC_512,
    "HS256/64": None,
}
CURVES = {
    "P-256": CoseCurve.P_256,
    "P-384": CoseCurve.P_384,
    "P-521": CoseCurve.P_521,
    "Ed25519": CoseCurve.ED25519,
    "Ed448": CoseCurve.ED448,
}


def names() -> list[str]:
    if ROOT is None:
        return []
    found = [file for folder in FOLDERS for file in (ROOT / "cose-wg" / folder).glob("*.json")]
    return sorted(f"{file.parent.name}/{file.stem}" for file in found)


def test_no_vector_is_missing() -> None:
    counts = {folder: sum(name.startswith(folder + "/") for name in names()) for folder in FOLDERS}
    assert counts == FOLDERS
    assert set(STRICTER) <= set(names())


def member(key: dict[str, str], name: str) -> bytes:
    if f"{name}_hex" in key:
        return bytes.fromhex(key[f"{name}_hex"])
    text = key.get(name, "")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cose_key(key: dict[str, str], algorithm: str) -> CoseKey:
    shared: dict[str, Any] = {"algorithm": ALGORITHMS[algorithm], "kid": key["kid"].encode()}
    if key["kty"] == "oct":
        return CoseKey(CoseKeyType.SYMMETRIC, k=member(key, "k"), **shared)
    curve = CURVES[key["crv"]]
    if curve is CoseCurve.ED448:
        raise UnsupportedAlgorithmError("no key of ours")
    kty = CoseKeyType.OKP if key["kty"] == "OKP" else CoseKeyType.EC2
    return CoseKey(kty, curve, member(key, "x"), member(key, "y"), **shared)


def keys_of(vector: dict[str, Any]) -> list[CoseKey]:
    (body,) = (vector["input"][kind] for kind in ("sign", "sign0", "mac", "mac0") if kind in vector["input"])
    if "key" in body:
        return [cose_key(body["key"], body["alg"])]
    parties = body.get("signers") or body["recipients"]
    return [cose_key(party["key"], body.get("alg") or party["protected"]["alg"]) for party in parties]


def detached(vector: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the message without its payload, and the payload."""
    item = cbor.decode(bytes.fromhex(vector["output"]["cbor"]), where="vector", ordered=False)
    parts = item.value if isinstance(item, cbor.Tagged) else item
    payload, parts[2] = parts[2], None
    return cbor.encode(item), payload


def judge(block: bytes, payload: bytes, keys: list[CoseKey]) -> tuple[bytes, ...]:
    manifest = b"\xa0"
    envelope = Envelope(
        digest=manifest_digest(manifest),
        digest_bytes=payload,
        blocks=(block,),
        manifest=manifest,
        severed={},
        payloads={},
    )
    return authenticate(envelope, KeyRing(keys))


def verdict(vector: dict[str, Any]) -> tuple[bytes, ...]:
    """Judge as a program would: keys first, then the block."""
    keys = keys_of(vector)
    return judge(*detached(vector), keys)


@pytest.mark.req("M8.3-5", "H3-6")
@pytest.mark.parametrize("name", [one for one in names() if one not in STRICTER])
def test_messages_of_the_working_group_are_judged_right(name: str) -> None:
    vector = read_json(f"cose-wg/{name}.json")
    if vector.get("fail"):
        with pytest.raises(RejectedError):
            verdict(vector)
    else:
        assert verdict(vector) == tuple(key.name for key in keys_of(vector))


@pytest.mark.parametrize("name", STRICTER)
def test_what_hardsuit_refuses_on_purpose_gets_its_own_error(name: str) -> None:
    vector = read_json(f"cose-wg/{name}.json")
    assert not vector.get("fail")
    error, _reason = STRICTER[name]
    with pytest.raises(error) as caught:
        verdict(vector)
    assert type(caught.value) is error


@pytest.mark.req("M8.3-4")
@pytest.mark.parametrize(
    "name", [one for one in names() if STRICTER.get(one, EXTERNAL) is EXTERNAL and "fail" not in one]
)
def test_structures_are_those_that_the_working_group_signed(name: str) -> None:
    vector = read_json(f"cose-wg/{name}.json")
    block = parse_block(*detached(vector), where="vector")
    steps = vector["intermediates"]
    expected = [
        step[field]
        for step in [steps, *steps.get("signers", [])]
        for field in ("ToBeSign_hex", "ToMac_hex")
        if field in step
    ]
    ours = [attestation.structure.hex().upper() for attestation in block.attestations]
    assert (ours == expected) == (name not in STRICTER)


K1 = "ietf/manifest/private_key.pem"
SIGNED_BY_K1 = (
    *(f"manifest/example{number}.signed" for number in range(6)),
    "manifest/example2.severed-signed",
    "trust-domains/example0_dependent",
    "trust-domains/example1_process",
    "trust-domains/example2_integrated",
    "firmware-encryption/suit-manifest-es-ecdh-content",
)
MACED = ("aes-kw-content", "aes-kw-slot", "aes-kw")
KM = CoseKey(CoseKeyType.SYMMETRIC, k=b"a" * 32)


def published(name: str) -> Envelope:
    return open_envelope(path(f"ietf/{name}.suit").read_bytes())


@pytest.mark.req("H3-7", "M8.3-2", "M10-1")
@pytest.mark.parametrize("name", SIGNED_BY_K1)
def test_published_signatures_verify(name: str) -> None:
    key = load_key(path(K1))
    assert authenticate(published(name), KeyRing([key])) == (key.name,)


@pytest.mark.req("H3-7")
@pytest.mark.parametrize("name", MACED)
def test_published_macs_verify(name: str) -> None:
    envelope = published(f"firmware-encryption/suit-manifest-{name}")
    assert authenticate(envelope, KeyRing([KM])) == (KM.name,)
    other = replace(KM, k=b"b" * 32)
    with pytest.raises(NotAuthenticError):
        authenticate(envelope, KeyRing([other]))


def test_published_dependency_example_is_signed_by_its_second_key() -> None:
    d = bytes.fromhex("841aebb7b9ea6f0260be7355a24588b977d23d2ac5bf2b6b2d8379432a1fea98")
    second = CoseKey.from_cose(cbor.encode({1: 2, -1: 1, -4: d}))
    envelope = published("firmware-encryption/suit-manifest-es-ecdh-dependency")
    assert authenticate(envelope, KeyRing([second])) == (second.name,)
    with pytest.raises(NotAuthenticError):
        authenticate(envelope, KeyRing([load_key(path(K1))]))


@pytest.mark.req("H3-3")
def test_published_es256_needs_a_key_that_says_es256() -> None:
    envelope = published("manifest/example0.signed")
    strict = CoseKey.from_cose(load_key(path(K1)).to_cose())
    with pytest.raises(UnsupportedAlgorithmError, match="no trusted key admits ES256"):
        authenticate(envelope, KeyRing([strict]))
    saying = replace(strict, algorithm=CoseAlgorithm.ES256)
    assert authenticate(envelope, KeyRing([saying])) == (saying.name,)


@pytest.mark.req("H3-5")
@pytest.mark.parametrize("name", ["manifest/example0.signed", "firmware-encryption/suit-manifest-aes-kw"])
def test_any_change_of_one_byte_is_refused(name: str) -> None:
    raw = path(f"ietf/{name}.suit").read_bytes()
    ring = KeyRing([load_key(path(K1)), KM])
    assert authenticate(open_envelope(raw), ring)
    for position, byte in enumerate(raw):
        for change in (byte ^ 1, byte ^ 0x80, byte ^ 0xFF, (byte + 1) & 0xFF):
            changed = raw[:position] + bytes((change,)) + raw[position + 1 :]
            with pytest.raises((RejectedError, NotAuthenticError)):
                authenticate(open_envelope(changed), ring)
