"""suit.crypto against Project Wycheproof: every vector is judged, and judged right."""

from typing import Any

import pytest

from spec.labels import CoseAlgorithm, CoseCurve, CoseKeyType
from suit import crypto
from suit.keys import CoseKey
from suit.tests.vectors import read_json

P256 = "wycheproof/ecdsa_secp256r1_sha256_p1363.json"
P384 = "wycheproof/ecdsa_secp384r1_sha384_p1363.json"
ED25519 = "wycheproof/ed25519.json"
HMAC = "wycheproof/hmac_sha256.json"


def ec_key(group: dict[str, Any], curve: CoseCurve) -> CoseKey:
    point = bytes.fromhex(group["publicKey"]["uncompressed"])
    half = len(point) // 2
    return CoseKey(CoseKeyType.EC2, curve, point[1 : half + 1], point[half + 1 :])


def ed_key(group: dict[str, Any]) -> CoseKey:
    return CoseKey(CoseKeyType.OKP, CoseCurve.ED25519, bytes.fromhex(group["publicKey"]["pk"]))


def signatures(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(group, test) for group in read_json(name)["testGroups"] for test in group["tests"]]


@pytest.mark.parametrize(
    ("name", "curve", "algorithm", "count"),
    [
        (P256, CoseCurve.P_256, CoseAlgorithm.ESP256, 262),
        (P384, CoseCurve.P_384, CoseAlgorithm.ESP384, 280),
        (ED25519, CoseCurve.ED25519, CoseAlgorithm.ED25519, 151),
    ],
)
def test_every_signature_is_judged_right(
    name: str, curve: CoseCurve, algorithm: CoseAlgorithm, count: int
) -> None:
    tests = signatures(name)
    assert len(tests) == count
    for group, test in tests:
        key = ed_key(group) if curve is CoseCurve.ED25519 else ec_key(group, curve)
        verdict = crypto.verify_signature(
            key, algorithm, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
        )
        assert test["result"] in ("valid", "invalid")
        assert verdict == (test["result"] == "valid"), (name, test["tcId"], test["comment"])


def test_every_hmac_is_judged_right() -> None:
    """Left out on purpose: tags cut to 128 bits, which no SUIT algorithm makes. All of them are refused."""
    judged = refused = 0
    for group, test in signatures(HMAC):
        key = CoseKey(CoseKeyType.SYMMETRIC, k=bytes.fromhex(test["key"]))
        message, tag = bytes.fromhex(test["msg"]), bytes.fromhex(test["tag"])
        verdict = crypto.verify_signature(key, CoseAlgorithm.HMAC_256, message, tag)
        if group["tagSize"] == 256:
            assert verdict == (test["result"] == "valid"), (test["tcId"], test["comment"])
            assert verdict == (crypto.mac(key, message) == tag)
            judged += 1
        else:
            assert not verdict
            refused += 1
    assert (judged, refused) == (87, 87)
