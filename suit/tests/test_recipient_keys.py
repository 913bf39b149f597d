"""Keys of recipients: read, written, and never shown."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from spec.labels import CoseAlgorithm, CoseCurve
from suit import cbor
from suit.errors import HardsuitError, KeyUnavailableError, MalformedError, UnsupportedAlgorithmError
from suit.recipient_keys import RecipientKey, RecipientKeyType, generate, load_recipient_key

P256 = generate(RecipientKeyType.P256_ECDH, kid=b"p256")
X25519 = generate(RecipientKeyType.X25519)


def pem(key: ec.EllipticCurvePrivateKey | X25519PrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize("kind", RecipientKeyType)
def test_a_key_is_read_as_it_was_written(kind: RecipientKeyType) -> None:
    key = generate(kind, kid=b"a kid")
    assert RecipientKey.from_cose(key.to_cose()) == key
    assert key.admitted == {key.default_algorithm}
    public = RecipientKey.from_cose(key.public().to_cose())
    assert public.name == key.name
    assert public.public() == key.public()


@pytest.mark.req("H6-6")
@pytest.mark.parametrize("kind", RecipientKeyType)
def test_a_secret_is_not_shown(kind: RecipientKeyType) -> None:
    key = generate(kind)
    shown = f"{key!r} {key} {key.title}"
    assert key.secret.hex() not in shown
    assert repr(key.secret)[2:-1] not in shown
    if key.curve is not None:
        assert key.secret not in key.public().to_cose()


def test_two_keys_are_two_keys() -> None:
    assert len({generate(kind).name for kind in RecipientKeyType for _ in range(3)}) == 15


def test_a_key_without_alg_admits_what_its_kind_can() -> None:
    assert RecipientKey(secret=bytes(24)).admitted == {CoseAlgorithm.A192KW}
    bare = RecipientKey(CoseCurve.X25519, X25519.x)
    assert len(bare.admitted) == 3
    assert bare.default_algorithm is CoseAlgorithm.ECDH_ES_A128KW


def test_pem_of_both_curves_is_read() -> None:
    for private in (ec.generate_private_key(ec.SECP256R1()), X25519PrivateKey.generate()):
        key = RecipientKey.from_pem(pem(private))
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        assert RecipientKey.from_pem(public) == key.public()
        assert key.secret


def test_a_private_key_without_coordinates_and_a_compressed_point_are_read() -> None:
    assert RecipientKey.from_cose(cbor.encode({1: 2, -1: 1, -4: P256.secret})).x == P256.x
    odd = bool(P256.y[-1] & 1)
    assert RecipientKey.from_cose(cbor.encode({1: 2, -1: 1, -2: P256.x, -3: odd})).y == P256.y


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({1: 4, -1: bytes(17)}, MalformedError),
        ({1: 4}, MalformedError),
        ({1: 4, -1: bytes(16), 3: CoseAlgorithm.A256KW.value}, UnsupportedAlgorithmError),
        ({1: 4, -1: bytes(32), 3: CoseAlgorithm.HMAC_256.value}, UnsupportedAlgorithmError),
        ({1: 4, -1: bytes(16), 4: [9]}, UnsupportedAlgorithmError),
        ({1: 4, -1: bytes(16), 4: []}, MalformedError),
        ({1: 4, -1: "text"}, MalformedError),
        ({1: 2, -1: 1, -2: bytes(32), -3: bytes(32)}, MalformedError),
        ({1: 2, -1: 1, -2: P256.x, -3: P256.x}, MalformedError),
        ({1: 2, -1: 1, -2: P256.x, -3: 7}, MalformedError),
        ({1: 2, -1: 1, -2: P256.x, -3: P256.y, -4: bytes(31) + b"\1"}, MalformedError),
        ({1: 2, -1: 1, -4: bytes(32)}, MalformedError),
        ({1: 2, -1: 2, -2: bytes(48), -3: bytes(48)}, UnsupportedAlgorithmError),
        ({1: 1, -1: 6, -2: bytes(32)}, UnsupportedAlgorithmError),
        ({1: 1, -1: 4, -2: bytes(31)}, MalformedError),
        ({1: 1, -1: 4, -2: X25519.x, -4: bytes(32)}, MalformedError),
        ({1: 1, -1: 4, -2: X25519.x, 3: CoseAlgorithm.A128KW.value}, UnsupportedAlgorithmError),
        ({-1: bytes(16)}, UnsupportedAlgorithmError),
    ],
)  # fmt: skip
def test_what_is_no_key_of_a_recipient_is_refused(
    members: dict[int, object], error: type[HardsuitError]
) -> None:
    with pytest.raises(error):
        RecipientKey.from_cose(cbor.encode(members))


@pytest.mark.parametrize("raw", [b"", b"\xff", cbor.encode([]), P256.to_cose()[:-1]])
def test_what_is_no_cose_key_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        RecipientKey.from_cose(raw)


def test_other_pem_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        RecipientKey.from_pem(pem(Ed25519PrivateKey.generate()))
    with pytest.raises(UnsupportedAlgorithmError):
        RecipientKey.from_pem(pem(ec.generate_private_key(ec.SECP384R1())))
    encrypted = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    for data, words in ((encrypted, "encrypted"), (b"-----BEGIN PUBLIC KEY-----\n", "not a key")):
        path = tmp_path / "key.pem"
        path.write_bytes(data)
        with pytest.raises(KeyUnavailableError, match=words):
            load_recipient_key(path)


def test_a_public_key_agrees_on_nothing() -> None:
    for key in (P256.public(), RecipientKey(secret=bytes(16))):
        with pytest.raises(KeyUnavailableError):
            key.agreement_key()
