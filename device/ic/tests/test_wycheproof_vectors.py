"""Other people's hostile signatures through the IC; every vector left out is counted with its reason."""

from collections import Counter
from typing import Any

import pytest

from device.ic.errors import BadSignatureError
from device.ic.interface import Purpose, SecurityIC
from device.ic.tests.rig import SECRET
from spec.labels import CoseAlgorithm, CoseKeyType
from suit.errors import MalformedError
from suit.keys import CoseKey
from suit.tests import vectors

SIGNATURE_FILES = {
    "ecdsa_secp256r1_sha256_p1363": (CoseAlgorithm.ESP256, 262),
    "ecdsa_secp384r1_sha384_p1363": (CoseAlgorithm.ESP384, 280),
    "ed25519": (CoseAlgorithm.ED25519, 151),
}


def read(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    groups = vectors.read_json(f"wycheproof/{name}.json")["testGroups"]
    return [(group, test) for group in groups for test in group["tests"]]


@pytest.mark.parametrize("name", SIGNATURE_FILES)
def test_signatures_are_judged_as_published(ic: SecurityIC, name: str) -> None:
    algorithm, count = SIGNATURE_FILES[name]
    seen = Counter[bool]()
    for group, test in read(name):
        key = CoseKey.from_pem(group["publicKeyPem"].encode(), algorithm=algorithm)
        message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
        valid = test["result"] == "valid"
        assert judged(ic, key, algorithm, message, signature) is valid, test
        seen[valid] += 1
    assert seen.total() == count
    assert min(seen.values()) > 60
    assert ic.info().failures == 0


def judged(ic: SecurityIC, key: CoseKey, algorithm: CoseAlgorithm, message: bytes, signature: bytes) -> bool:
    try:
        ic.verify_with(key, algorithm, message, signature)
    except BadSignatureError:
        return False
    return True


def test_macs_are_judged_as_published(ic: SecurityIC) -> None:
    outcomes = Counter[str]()
    with ic.authorize(SECRET) as change:
        for group, test in read("hmac_sha256"):
            message, tag = bytes.fromhex(test["msg"]), bytes.fromhex(test["tag"])
            try:
                key = CoseKey(CoseKeyType.SYMMETRIC, k=bytes.fromhex(test["key"]))
            except MalformedError:
                outcomes["the key is shorter than the 16 bytes that hardsuit demands"] += 1
                continue
            change.add_anchor(key, {Purpose.MANIFEST})
            # HMAC 256/256 has whole tags only: a truncated one is false here, even if published as valid.
            valid = test["result"] == "valid" and group["tagSize"] == 256
            assert tag_judged(ic, key, message, tag) is valid, test
            change.remove_anchor(key.name)
            outcomes["judged"] += 1
    assert outcomes.total() == 174
    assert outcomes["judged"] >= 160


def tag_judged(ic: SecurityIC, key: CoseKey, message: bytes, tag: bytes) -> bool:
    try:
        ic.verify(key.name, CoseAlgorithm.HMAC_256, message, tag, purpose=Purpose.MANIFEST)
    except BadSignatureError:
        return False
    return True
