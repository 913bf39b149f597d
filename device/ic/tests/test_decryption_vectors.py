"""Other people's wrapped keys, points and ciphertexts through the IC; what is left out is counted."""

import base64
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from device.ic.emulator.decryption import MAX_KEYS
from device.ic.errors import DecryptFailedError, IcError
from device.ic.interface import Bound, SecurityIC
from device.ic.tests.rig import Rig
from spec.labels import CoseAlgorithm, CoseCurve
from suit import cbor, ciphers
from suit.cose_encrypt import parse_encryption_info
from suit.digest import compute
from suit.encryption import EphemeralKey, Recipient
from suit.errors import HardsuitError, MalformedError
from suit.manifest import Digest
from suit.recipient_keys import RecipientKey
from suit.tests import vectors

Vector = tuple[dict[str, Any], dict[str, Any]]
KEK = RecipientKey(secret=bytes(range(16)))
GCM = {16: CoseAlgorithm.A128GCM, 24: CoseAlgorithm.A192GCM, 32: CoseAlgorithm.A256GCM}
BY_SIZE = {16: CoseAlgorithm.A128KW, 24: CoseAlgorithm.A192KW, 32: CoseAlgorithm.A256KW}
ENVELOPED = ("aes-wrap-examples", "ecdh-wrap-examples", "X25519-tests", "enveloped-tests", "aes-gcm-examples")
WHY = {
    "direct": "a content key that is shared directly never was in an IC",
    "ECDH-ES": "SUIT excludes key agreement without key wrap (E5.2)",
    "ECDH-SS": "SUIT excludes static keys (E5.2)",
    "ECDH-SS-A128KW": "SUIT excludes static keys (E5.2)",
    "ECDH-SS-A192KW": "SUIT excludes static keys (E5.2)",
    "ECDH-SS-A256KW": "SUIT excludes static keys (E5.2)",
    "P-521": "keys of recipients are on P-256 or X25519",
    "MAC": "it wraps a key for a MAC",
}


def read(name: str) -> Iterator[Vector]:
    for group in vectors.read_json(f"wycheproof/{name}.json")["testGroups"]:
        for test in group["tests"]:
            yield group, test


def raw(test: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(test[name])


def decrypted(
    ic: SecurityIC, algorithm: CoseAlgorithm, key: bytes, iv: bytes, aad: bytes, ciphertext: bytes
) -> bytes:
    recipient = Recipient(CoseAlgorithm.A128KW, None, ciphers.wrap(KEK.secret, key))
    handle = ic.unwrap(KEK.name, recipient, algorithm)
    stream = ic.decrypt_open(handle, iv=iv, aad=aad, bound=None)
    return stream.update(ciphertext) + stream.finish().rest


@pytest.mark.parametrize(
    ("name", "count"), [("aes_gcm", 316), ("chacha20_poly1305", 325)], ids=["gcm", "chacha"]
)
def test_authenticated_ciphertexts_are_judged_as_published(name: str, count: int) -> None:
    ic = Rig(openers=[KEK]).provision()
    outcomes = Counter[str]()
    for group, test in read(name):
        algorithm = (
            CoseAlgorithm.CHACHA20_POLY1305 if name.startswith("chacha") else GCM[group["keySize"] // 8]
        )
        if group["ivSize"] != 96:
            outcomes["COSE has IVs of 96 bits only"] += 1
            continue
        parts = raw(test, "key"), raw(test, "iv"), raw(test, "aad"), raw(test, "ct") + raw(test, "tag")
        if test["result"] == "valid":
            assert decrypted(ic, algorithm, *parts) == raw(test, "msg"), test
        else:
            with pytest.raises(DecryptFailedError):
                decrypted(ic, algorithm, *parts)
        outcomes[test["result"]] += 1
    assert outcomes.total() == count
    assert outcomes["valid"] > 100
    assert outcomes["invalid"] > 40


def test_wrapped_keys_are_judged_as_published() -> None:
    outcomes = Counter[str]()
    for batch in batches(list(read("aes_wrap"))):
        keys = [RecipientKey(secret=raw(test, "key")) for _, test in batch]
        with Rig(openers=keys).provision() as ic:
            for key, (_, test) in zip(keys, batch, strict=True):
                recipient = Recipient(BY_SIZE[len(key.secret)], None, raw(test, "ct"))
                outcomes[judged(ic, key, recipient, test)] += 1
    assert outcomes.total() == 165
    assert outcomes["opened"] >= 27
    assert outcomes["refused"] >= 120


def judged(ic: SecurityIC, key: RecipientKey, recipient: Recipient, test: dict[str, Any]) -> str:
    size = len(raw(test, "msg"))
    if test["result"] == "valid" and size in GCM:
        ic.unwrap(key.name, recipient, GCM[size])
        return "opened"
    for algorithm in GCM.values():  # invalid, or no content key that COSE has
        with pytest.raises(DecryptFailedError):
            ic.unwrap(key.name, recipient, algorithm)
    return "refused"


@pytest.mark.req("E5.2-2")
@pytest.mark.parametrize(
    ("name", "curve", "count"),
    [("ecdh_secp256r1_ecpoint", CoseCurve.P_256, 355), ("x25519", CoseCurve.X25519, 518)],
    ids=["p256", "x25519"],
)
def test_points_are_judged_as_published(name: str, curve: CoseCurve, count: int) -> None:
    """The agreed secret wraps a content key here: the IC opens it if it agrees on the same secret."""
    outcomes = Counter[str]()
    for batch in batches(list(read(name))):
        keys = [agreement_key(curve, raw(test, "private")) for _, test in batch]
        with Rig(openers=keys).provision() as ic:
            for key, (_, test) in zip(keys, batch, strict=True):
                secret = raw(test, "shared")
                usable = bool(secret) if curve is CoseCurve.P_256 else any(secret)
                good = usable and test["result"] in {"valid", "acceptable"}
                kek = ciphers.derive(secret or b"\0", b"", b"context", 16)
                recipient = Recipient(
                    CoseAlgorithm.ECDH_ES_A128KW,
                    None,
                    ciphers.wrap(kek, bytes(16)),
                    EphemeralKey(curve, raw(test, "public")),
                    context=b"context",
                )
                try:
                    ic.unwrap(key.name, recipient, CoseAlgorithm.A128GCM)
                except DecryptFailedError:
                    outcomes["refused"] += 1
                    assert not good, test
                else:
                    outcomes["agreed"] += 1
                    assert good, test
    assert outcomes.total() == count
    assert outcomes["refused"] >= 20
    assert outcomes["agreed"] >= 300


def agreement_key(curve: CoseCurve, private: bytes) -> RecipientKey:
    kty, d = (2, private.lstrip(b"\0").rjust(32, b"\0")) if curve is CoseCurve.P_256 else (1, private)
    return RecipientKey.from_cose(cbor.encode({1: kty, -1: curve.value, -4: d}))


def batches(tests: list[Vector]) -> list[list[Vector]]:
    """Return as many at once as an IC holds keys."""
    return [tests[start : start + MAX_KEYS] for start in range(0, len(tests), MAX_KEYS)]


def test_derived_keys_are_those_published() -> None:
    outcomes = Counter[str]()
    for _, test in read("hkdf_sha256"):
        if test["result"] != "valid":
            outcomes["more than HKDF gives"] += 1
            continue
        derived = ciphers.derive(raw(test, "ikm"), raw(test, "salt"), raw(test, "info"), test["size"])
        assert derived == raw(test, "okm"), test
        outcomes["valid"] += 1
    assert outcomes.total() == 86
    assert outcomes["valid"] >= 80


def of_jwk(key: dict[str, str], algorithm: CoseAlgorithm) -> RecipientKey:
    def value(name: str) -> bytes:
        return base64.urlsafe_b64decode(key[name] + "==")

    kid = key["kid"].encode()
    if key["kty"] == "oct":
        return RecipientKey(secret=value("k"), algorithm=algorithm, kid=kid)
    return RecipientKey(CoseCurve.P_256, value("x"), value("y"), value("d"), algorithm, kid)


def left_out(example: dict[str, Any]) -> str:
    """Return why an example is not for a SUIT recipient; nothing if it is for one."""
    given = example["input"].get("enveloped")
    if given is None:
        return "MAC"
    (recipient,) = given["recipients"]
    algorithm = (recipient.get("protected") or recipient.get("unprotected")).get("alg")
    algorithm = algorithm or recipient["unprotected"]["alg"]
    if algorithm in WHY:
        return str(algorithm)
    return "P-521" if recipient["key"].get("crv") == "P-521" else ""


def test_enveloped_examples_of_the_cose_working_group() -> None:
    """Their contexts have no words of SUIT, so the published context takes the place of ours."""
    outcomes = Counter[str]()
    for folder in ENVELOPED:
        for path in sorted(vectors.path(f"cose-wg/{folder}").glob("*.json")):
            example = vectors.read_json(f"cose-wg/{folder}/{path.name}")
            reason = left_out(example)
            if reason:
                assert WHY[reason]
                outcomes[reason] += 1
                refused_as_suit(example)
                continue
            assert opened(example) == example["input"]["plaintext"].encode(), path
            outcomes["opened"] += 1
    assert outcomes["opened"] == 12
    assert outcomes.total() == 2 + 9 + 15 + 36 + 10
    assert set(outcomes) <= {*WHY, "opened"}


def opened(example: dict[str, Any]) -> bytes:
    item = cbor.decode(bytes.fromhex(example["output"]["cbor"]), where="example", ordered=False)
    protected, unprotected, ciphertext, recipients = item.value
    info = parse_encryption_info(
        cbor.encode(cbor.Tagged(96, [protected, unprotected, None, recipients])), where="example"
    )
    (recipient,) = info.recipients
    context = bytes.fromhex(example["intermediates"]["recipients"][0].get("Context_hex", ""))
    key = of_jwk(example["input"]["enveloped"]["recipients"][0]["key"], recipient.algorithm)
    given = Recipient(
        recipient.algorithm, recipient.kid, recipient.wrapped, recipient.ephemeral, recipient.salt, context
    )
    with Rig(openers=[key]).provision() as ic:
        if recipient.ephemeral is not None:
            with pytest.raises(DecryptFailedError):  # with the context of SUIT it is another key
                ic.unwrap(key.name, recipient, info.algorithm)
        plain = example["input"]["plaintext"].encode()
        bound = Bound(Digest(CoseAlgorithm.SHA_256, compute(CoseAlgorithm.SHA_256, plain)))
        handle = ic.unwrap(key.name, given, info.algorithm)
        stream = ic.decrypt_open(handle, iv=info.iv, aad=info.aad, bound=bound)
        return stream.update(ciphertext) + stream.finish().rest


def refused_as_suit(example: dict[str, Any]) -> None:
    try:
        item = cbor.decode(bytes.fromhex(example["output"]["cbor"]), where="example", ordered=False)
    except MalformedError:
        return
    if not isinstance(item, cbor.Tagged) or item.tag != 96:
        return
    parts = item.value
    with pytest.raises(HardsuitError):
        parse_encryption_info(cbor.encode(cbor.Tagged(96, [parts[0], parts[1], None, parts[3]])), where="x")


def test_an_error_of_the_ic_is_one() -> None:
    with Rig(openers=[KEK]).provision() as ic, pytest.raises(IcError):
        decrypted(ic, CoseAlgorithm.A128GCM, bytes(16), bytes(12), b"", b"")
