"""suit.keys: what is a key, what it admits, and that it tells no secret."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from spec.labels import CoseAlgorithm, CoseCurve, CoseKeyOperation, CoseKeyType
from suit import cbor, crypto, keys
from suit.errors import (
    HardsuitError,
    KeyUnavailableError,
    MalformedError,
    RejectedError,
    UnsupportedAlgorithmError,
    UsageError,
)
from suit.keys import CoseKey, load_key

SECRET = bytes(range(100, 132))
KTY, KID, ALG, OPS, CRV, X, Y, D = 1, 2, 3, 4, -1, -2, -3, -4
# The example of RFC 9679 §6, and the thumbprint it gives.
RFC_9679 = {
    KTY: 2,
    CRV: 1,
    X: bytes.fromhex("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"),
    Y: bytes.fromhex("1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"),
}
RFC_9679_NAME = "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec"
CURVES = {
    CoseCurve.P_256: ec.SECP256R1(),
    CoseCurve.P_384: ec.SECP384R1(),
    CoseCurve.P_521: ec.SECP521R1(),
}


def private(curve: CoseCurve) -> crypto.PrivateKey:
    if curve is CoseCurve.ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(SECRET)
    return ec.derive_private_key(int.from_bytes(SECRET, "big"), CURVES[curve])


def members(curve: CoseCurve, **more: Any) -> dict[int, Any]:
    _, x, y = crypto.coordinates(private(curve).public_key())
    base = {KTY: 1, CRV: curve.value, X: x} if not y else {KTY: 2, CRV: curve.value, X: x, Y: y}
    return base | {
        {"kid": KID, "alg": ALG, "ops": OPS, "d": D, "x": X, "y": Y}[k]: v for k, v in more.items()
    }


def pem(
    key: Any,
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
    protection: serialization.KeySerializationEncryption | None = None,
) -> bytes:
    protection = protection or serialization.NoEncryption()
    encoded: bytes = key.private_bytes(serialization.Encoding.PEM, form, protection)
    return encoded


def public_pem(key: Any) -> bytes:
    encoded: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


ALL_CURVES = [*CURVES, CoseCurve.ED25519]


def test_name_is_the_thumbprint_of_rfc_9679() -> None:
    key = CoseKey.from_cose(cbor.encode(RFC_9679 | {KID: b"meriadoc.brandybuck@rsa.example"}))
    assert key.name.hex() == RFC_9679_NAME
    assert key.kid == b"meriadoc.brandybuck@rsa.example"


def test_name_of_a_symmetric_key_covers_kty_and_k_only() -> None:
    key = CoseKey.from_cose(cbor.encode({KTY: 4, -1: SECRET, KID: b"x", ALG: 5}))
    assert key.name == hashlib.sha256(b"\xa2\x01\x04\x20\x58\x20" + SECRET).digest()


@pytest.mark.parametrize("curve", ALL_CURVES)
def test_every_form_of_a_key_gives_the_same_key(curve: CoseCurve) -> None:
    secret = private(curve)
    expected = CoseKey.from_cose(cbor.encode(members(curve)))
    forms = [pem(secret), public_pem(secret)]
    if curve is not CoseCurve.ED25519:
        forms.append(pem(secret, serialization.PrivateFormat.TraditionalOpenSSL))
    for form in forms:
        key = CoseKey.from_pem(form)
        assert key.name == expected.name
        assert CoseKey.from_cose(key.to_cose()) == expected
        assert key.to_pem() == public_pem(secret)


@pytest.mark.parametrize("curve", ALL_CURVES)
def test_a_private_cose_key_gives_its_public_part(curve: CoseCurve) -> None:
    secret = private(curve)
    if isinstance(secret, ed25519.Ed25519PrivateKey):
        d = secret.private_bytes_raw()
    else:
        d = secret.private_numbers().private_value.to_bytes(crypto.CURVES[curve].size, "big")
    full = members(curve, d=d)
    key, read = keys.read_cose_key(cbor.encode(full))
    assert read == d
    assert key == CoseKey.from_cose(cbor.encode(members(curve)))
    assert d not in key.to_cose()
    bare = {label: value for label, value in full.items() if label not in (X, Y)}
    assert CoseKey.from_cose(cbor.encode(bare)) == key


@pytest.mark.parametrize("curve", CURVES)
def test_a_compressed_point_is_the_same_key(curve: CoseCurve) -> None:
    full = members(curve)
    odd = bool(full[Y][-1] & 1)
    key = CoseKey.from_cose(cbor.encode(members(curve, y=odd)))
    assert key == CoseKey.from_cose(cbor.encode(full))
    other = CoseKey.from_cose(cbor.encode(members(curve, y=not odd)))
    assert other.name != key.name


def test_members_may_stand_in_any_order() -> None:
    encoded = cbor.encode(RFC_9679)
    assert encoded[:5] == b"\xa4\x01\x02\x20\x01"
    shuffled = b"\xa4\x20\x01\x01\x02" + encoded[5:]
    assert CoseKey.from_cose(shuffled).name.hex() == RFC_9679_NAME


def replaced(**change: Any) -> dict[int, Any]:
    return members(CoseCurve.P_256, **change)


def without(label: int, curve: CoseCurve = CoseCurve.P_256) -> dict[int, Any]:
    return {key: value for key, value in members(curve).items() if key != label}


MALFORMED = {
    "not a map": [1, 2],
    "empty": {},
    "kty missing": without(KTY),
    "kty text": without(KTY) | {KTY: "EC2"},
    "kty true": without(KTY) | {KTY: True},
    "crv missing": without(CRV),
    "crv text": without(CRV) | {CRV: "P-256"},
    "x missing": without(X),
    "x short": replaced(x=bytes(31)),
    "x long": replaced(x=b"\0" + members(CoseCurve.P_256)[X]),
    "x text": replaced(x="x"),
    "y missing": without(Y),
    "y short": replaced(y=members(CoseCurve.P_256)[Y][:-1]),
    "y integer": replaced(y=1),
    "y off the curve": replaced(y=bytes(31) + b"\1"),
    "coordinates of the field prime": replaced(x=b"\xff" * 32),
    "point of another curve": members(CoseCurve.P_384) | {CRV: 1},
    "infinity": replaced(x=bytes(32), y=bytes(32)),
    "compressed x without point": replaced(x=b"\0" * 31 + b"\1", y=True),
    "kid text": replaced(kid="me"),
    "d text": replaced(d="d"),
    "d alone out of range": {KTY: 2, CRV: 1, D: bytes(32)},
    "d alone short": {KTY: 2, CRV: 1, D: b"\1"},
    "key_ops no list": replaced(ops=2),
    "key_ops empty": replaced(ops=[]),
    "key_ops of bytes": replaced(ops=[b"verify"]),
    "Ed25519 x short": members(CoseCurve.ED25519, x=bytes(31)),
    "Ed25519 x missing": without(X, CoseCurve.ED25519),
    "k missing": {KTY: 4},
    "k short": {KTY: 4, -1: bytes(15)},
    "k far too long": {KTY: 4, -1: bytes(2000)},
    "k text": {KTY: 4, -1: "secretsecretsecret"},
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_broken_key_is_malformed(fault: str) -> None:
    with pytest.raises(MalformedError, match="COSE_Key"):
        CoseKey.from_cose(cbor.encode(MALFORMED[fault]))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xa1",
        cbor.encode(RFC_9679) + b"\0",
        b"\xa5\x01\x02" + cbor.encode(RFC_9679)[1:],
        b"\xbf" + cbor.encode(RFC_9679)[1:] + b"\xff",
        cbor.encode(cbor.Tagged(18, RFC_9679)),
        cbor.encode({KTY: 4, -1: bytes(1 << 14)}),
    ],
    ids=["empty", "cut", "trailing", "duplicate", "indefinite", "tagged", "oversized"],
)
def test_a_key_is_decoded_strictly(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        CoseKey.from_cose(raw)


UNSUPPORTED = {
    "unknown kty": without(KTY) | {KTY: 3},
    "HSS": {KTY: 5, -1: bytes(60)},
    "unknown curve": without(CRV) | {CRV: 8},
    "X25519": {KTY: 1, CRV: 4, X: bytes(32)},
    "Ed448": {KTY: 1, CRV: 7, X: bytes(57)},
    "EC2 with an OKP curve": without(CRV) | {CRV: 6},
    "alg unknown": replaced(alg=-999),
    "alg text": replaced(alg="ES256"),
    "alg of another curve": replaced(alg=CoseAlgorithm.ESP384.value),
    "ES512 with P-256": replaced(alg=CoseAlgorithm.ES512.value),
    "MAC with a curve": replaced(alg=CoseAlgorithm.HMAC_256.value),
    "signature with a secret": {KTY: 4, -1: SECRET, ALG: CoseAlgorithm.ES256.value},
    "key_ops unknown": replaced(ops=[99]),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_what_hardsuit_does_not_verify_with_is_unsupported(case: str) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        CoseKey.from_cose(cbor.encode(UNSUPPORTED[case]))


WITHOUT_ALG = {
    CoseCurve.P_256: CoseAlgorithm.ESP256,
    CoseCurve.P_384: CoseAlgorithm.ESP384,
    CoseCurve.P_521: CoseAlgorithm.ESP512,
    CoseCurve.ED25519: CoseAlgorithm.ED25519,
}


@pytest.mark.req("H3-3")
@pytest.mark.parametrize("curve", ALL_CURVES)
def test_a_key_without_alg_admits_the_fully_specified_one_only(curve: CoseCurve) -> None:
    key = CoseKey.from_cose(cbor.encode(members(curve)))
    assert [a for a in CoseAlgorithm if key.admits(a)] == [WITHOUT_ALG[curve]]
    assert key.default_algorithm is WITHOUT_ALG[curve]


@pytest.mark.req("H3-3")
def test_a_symmetric_key_without_alg_admits_hmac_256_only() -> None:
    key = CoseKey.from_cose(cbor.encode({KTY: 4, -1: SECRET}))
    assert [a for a in CoseAlgorithm if key.admits(a)] == [CoseAlgorithm.HMAC_256]


@pytest.mark.req("H3-3")
@pytest.mark.parametrize(
    ("curve", "algorithm"),
    [(curve, one) for curve in ALL_CURVES for one in keys.algorithms_of(curve)],
)
def test_alg_in_the_key_binds(curve: CoseCurve, algorithm: CoseAlgorithm) -> None:
    key = CoseKey.from_cose(cbor.encode(members(curve, alg=algorithm.value)))
    assert [a for a in CoseAlgorithm if key.admits(a)] == [algorithm]
    assert CoseKey.from_cose(key.to_cose()) == key


@pytest.mark.req("H3-3")
def test_a_pem_key_admits_the_deprecated_name_of_its_curve_unless_it_is_bound() -> None:
    data = public_pem(private(CoseCurve.P_256))
    assert CoseKey.from_pem(data).admitted == {CoseAlgorithm.ESP256, CoseAlgorithm.ES256}
    assert CoseKey.from_pem(data, algorithm=CoseAlgorithm.ESP256).admitted == {CoseAlgorithm.ESP256}
    bound = CoseKey.from_pem(data, algorithm=CoseAlgorithm.ES256, kid=b"k")
    assert bound.admitted == {CoseAlgorithm.ES256}
    assert bound.kid == b"k"
    # what a device is provisioned with is a COSE_Key, and that is strict again
    assert CoseKey.from_cose(CoseKey.from_pem(data).to_cose()).admitted == {CoseAlgorithm.ESP256}


def test_a_key_for_another_purpose_verifies_nothing() -> None:
    wrapping = CoseKey.from_cose(cbor.encode({KTY: 4, -1: SECRET, ALG: CoseAlgorithm.A256KW.value}))
    agreeing = CoseKey.from_cose(cbor.encode(replaced(alg=CoseAlgorithm.ECDH_ES_A128KW.value)))
    signing_only = CoseKey.from_cose(cbor.encode(replaced(ops=[CoseKeyOperation.SIGN.value])))
    for key in (wrapping, agreeing, signing_only):
        assert not key.admitted
        with pytest.raises(UnsupportedAlgorithmError):
            crypto.verify_signature(key, CoseAlgorithm.ESP256, b"", b"")
        with pytest.raises(UnsupportedAlgorithmError):
            crypto.mac(key, b"")


def test_key_ops_are_kept() -> None:
    key = CoseKey.from_cose(cbor.encode(replaced(ops=[CoseKeyOperation.VERIFY.value, "mine", 99])))
    assert key.operations == {CoseKeyOperation.VERIFY}
    assert CoseKey.from_cose(key.to_cose()) == key


@pytest.mark.req("H2-8")
def test_no_secret_in_repr_or_errors() -> None:
    key = CoseKey.from_cose(cbor.encode({KTY: 4, -1: SECRET}))
    shown = [repr(key), str(key), key.title, f"{key}", repr(key.primitive)]
    for call in (key.to_pem, lambda: crypto.verify_signature(key, CoseAlgorithm.ES256, b"", b"")):
        with pytest.raises(HardsuitError) as caught:
            call()
        shown += [str(caught.value), repr(caught.value)]
    for text in shown:
        assert SECRET.hex() not in text
        assert repr(SECRET)[2:-1] not in text


def test_a_symmetric_key_has_no_public_part() -> None:
    key = CoseKey(CoseKeyType.SYMMETRIC, k=SECRET)
    with pytest.raises(UsageError, match="no public part"):
        key.to_pem()


def test_keys_are_values() -> None:
    one, two = (CoseKey.from_cose(cbor.encode(RFC_9679)) for _ in range(2))
    assert one == two
    assert len({one, two}) == 1
    with pytest.raises(AttributeError):
        one.kid = b"other"  # type: ignore[misc]  # that is the claim


# Key files ---------------------------------------------------------------------------------------


def test_load_key_tells_pem_from_cose(tmp_path: Path) -> None:
    secret = private(CoseCurve.P_256)
    expected = CoseKey.from_cose(cbor.encode(members(CoseCurve.P_256))).name
    contents = {
        "spki": public_pem(secret),
        "pkcs8": pem(secret),
        "with text before": b"Key of the vendor\n\n" + pem(secret),
        "cose": cbor.encode(members(CoseCurve.P_256)),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert load_key(tmp_path / name).name == expected


def test_load_key_reads_what_openssl_ecparam_writes(tmp_path: Path) -> None:
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    secret = private(CoseCurve.P_256)
    path = tmp_path / "key.pem"
    path.write_bytes(parameters + pem(secret, serialization.PrivateFormat.TraditionalOpenSSL))
    assert load_key(path) == CoseKey.from_pem(pem(secret))


def unusable_files() -> dict[str, tuple[bytes, str]]:
    p256 = private(CoseCurve.P_256)
    encrypted = pem(p256, protection=serialization.BestAvailableEncryption(b"pass"))
    traditional = pem(
        p256, serialization.PrivateFormat.TraditionalOpenSSL, serialization.BestAvailableEncryption(b"pass")
    )
    p256_oid, unknown_oid = b"KoZIzj0DAQc", b"KoZIzj0DAQA"
    unknown_curve = public_pem(p256).replace(p256_oid, unknown_oid)
    assert unknown_oid in unknown_curve
    rsa_key = rsa.generate_private_key(65537, 2048)
    ed25519_oid, x448_oid = b"BQYDK2Vw", b"BQYDK2Vv"  # where base64 holds them in PKCS #8
    short_x448 = pem(private(CoseCurve.ED25519)).replace(ed25519_oid, x448_oid)
    assert x448_oid in short_x448
    return {
        "empty": (b"", "not a key"),
        "text": (b"hello, world\n", "not a key"),
        "huge": (bytes(1 << 17), "not a key"),
        "cut": (pem(p256)[:100], "not a key"),
        "encrypted": (encrypted, "encrypted"),
        "encrypted SEC 1": (traditional, "encrypted"),
        "certificate": (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a key"),
        "RSA": (pem(rsa_key), "not used"),
        "public RSA": (public_pem(rsa_key), "not used"),
        "X448 too short": (short_x448, "not a key"),
        "Ed448": (public_pem(ed448.Ed448PrivateKey.generate()), "not used"),
        "unknown curve": (unknown_curve, "not used"),
        "secp256k1": (public_pem(ec.generate_private_key(ec.SECP256K1())), "not used"),
        "secp224r1": (pem(ec.generate_private_key(ec.SECP224R1())), "not used"),
        "broken COSE_Key": (cbor.encode({KTY: 2}), "not a key"),
    }


@pytest.mark.parametrize("name", unusable_files())
def test_an_unusable_key_file_is_named(name: str, tmp_path: Path) -> None:
    content, why = unusable_files()[name]
    path = tmp_path / "the.key"
    path.write_bytes(content)
    with pytest.raises(KeyUnavailableError, match=why) as caught:
        load_key(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(KeyUnavailableError, match=why) as caught:
            load_key(path)
        assert str(path) in str(caught.value)


def test_from_pem_of_bytes_that_are_no_key() -> None:
    for data in (b"", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----"):
        with pytest.raises(RejectedError):
            CoseKey.from_pem(data)
