"""suit.signer: keys that sign, and what they keep to themselves."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from spec.labels import CoseAlgorithm, CoseCurve, CoseKeyOperation
from suit import cbor, crypto
from suit.errors import HardsuitError, KeyUnavailableError, MalformedError, UsageError
from suit.keys import CoseKey, algorithms_of, load_key
from suit.signer import KeyType, LocalSigner, RemoteSigner, generate, load_signer, signer_from_uri

MESSAGE = b"a message"
D, OPS = -4, 4


def verifies(signer: LocalSigner | RemoteSigner, message: bytes = MESSAGE) -> bool:
    return crypto.verify_signature(signer.public, signer.algorithm, message, signer.sign(message))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def changed(signer: LocalSigner, **members: Any) -> bytes:
    labels = {"kty": 1, "kid": 2, "alg": 3, "ops": 4, "x": -2, "y": -3, "d": -4}
    item = cbor.decode(signer.to_cose(), where="key")
    return cbor.encode(item | {labels[name]: value for name, value in members.items()})


@pytest.mark.parametrize("kind", KeyType)
def test_a_new_key_signs_and_is_bound_to_its_algorithm(kind: KeyType) -> None:
    for algorithm in algorithms_of(kind.value):
        signer = generate(kind, algorithm=algorithm, kid=b"k")
        assert (signer.algorithm, signer.kid) == (algorithm, b"k")
        assert signer.public.admitted == {algorithm}
        assert verifies(signer)
    assert generate(kind).algorithm is algorithms_of(kind.value)[0]
    assert generate(kind).public.name != generate(kind).public.name
    with pytest.raises(UsageError, match="does not fit"):
        generate(kind, algorithm=CoseAlgorithm.A128KW)


@pytest.mark.parametrize("kind", KeyType)
def test_a_key_file_gives_the_same_signer_back(kind: KeyType, tmp_path: Path) -> None:
    signer = generate(kind, kid=b"k")
    assert load_signer(write(tmp_path / "k.cose", signer.to_cose())) == signer
    if kind is KeyType.HMAC:
        with pytest.raises(UsageError, match="MAC keys"):
            signer.to_pem()
    else:
        again = load_signer(write(tmp_path / "k.pem", signer.to_pem()))
        assert (again.d, again.public.name, again.kid) == (signer.d, signer.public.name, None)
        assert again.algorithm is signer.algorithm


@pytest.mark.parametrize("kind", KeyType)
def test_signatures_are_raw_and_reproducible(kind: KeyType) -> None:
    signer = generate(kind)
    sizes = {KeyType.P256: 64, KeyType.P384: 96, KeyType.P521: 132, KeyType.ED25519: 64, KeyType.HMAC: 32}
    assert len(signer.sign(MESSAGE)) == sizes[kind]
    assert signer.sign(MESSAGE) == signer.sign(MESSAGE)


def test_p256_signatures_are_those_of_rfc_6979() -> None:
    """The example of its appendix A.2.5 with SHA-256 and the message "sample"."""
    d = bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
    key = CoseKey.from_cose(cbor.encode({1: 2, -1: 1, D: d}))
    signature = LocalSigner(key, CoseAlgorithm.ESP256, d).sign(b"sample")
    assert signature.hex() == (
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    )


def test_der_and_raw_are_two_forms_of_one_signature() -> None:
    for kind in (KeyType.P256, KeyType.P384, KeyType.P521):
        assert kind.value is not None
        size = crypto.CURVES[kind.value].size
        for r, s in ((1, 1), (1 << 8 * size - 10, 127), (255, 1 << 250)):
            raw = r.to_bytes(size, "big") + s.to_bytes(size, "big")
            assert crypto.der_to_raw(crypto.raw_to_der(raw), kind.value) == raw
    too_long = crypto.raw_to_der((1 << 300).to_bytes(48, "big") * 2)
    for bad in (too_long, b"", b"\x30\x00", bytes(64)):
        with pytest.raises(ValueError, match=r"range|[Pp]ars"):
            crypto.der_to_raw(bad, CoseCurve.P_256)


@pytest.mark.parametrize("kind", [KeyType.P256, KeyType.P384, KeyType.P521, KeyType.ED25519])
def test_signatures_of_any_other_length_verify_nothing(kind: KeyType) -> None:
    signer = generate(kind)
    good = signer.sign(MESSAGE)
    for bad in (b"", good[:-1], good + b"\0", b"\0" + good, good[:32], good * 2, bytes(len(good))):
        assert not crypto.verify_signature(signer.public, signer.algorithm, MESSAGE, bad)


# Files ----------------------------------------------------------------------------------------------


def test_a_pem_key_signs_with_what_its_user_chooses(tmp_path: Path) -> None:
    path = write(tmp_path / "k.pem", generate(KeyType.P256).to_pem())
    assert load_signer(path).algorithm is CoseAlgorithm.ESP256
    chosen = load_signer(path, algorithm=CoseAlgorithm.ES256, kid=b"me")
    assert (chosen.algorithm, chosen.kid) == (CoseAlgorithm.ES256, b"me")
    assert verifies(chosen)
    with pytest.raises(HardsuitError, match="ESP384"):
        load_signer(path, algorithm=CoseAlgorithm.ESP384)


def test_a_key_that_is_bound_cannot_be_used_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path / "k.cose", generate(KeyType.P256, algorithm=CoseAlgorithm.ES256).to_cose())
    assert load_signer(path, algorithm=CoseAlgorithm.ES256).algorithm is CoseAlgorithm.ES256
    with pytest.raises(UsageError, match="bound to ES256"):
        load_signer(path, algorithm=CoseAlgorithm.ESP256)


def files_that_do_not_sign() -> dict[str, tuple[bytes, str]]:
    p256, other, ed, mac = (
        generate(KeyType.P256),
        generate(KeyType.P256),
        generate(KeyType.ED25519),
        generate(KeyType.HMAC),
    )
    encrypted = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    return {
        "public PEM": (p256.public.to_pem(), "no private part"),
        "public COSE_Key": (p256.public.to_cose(), "no private part"),
        "encrypted PEM": (encrypted, "encrypted"),
        "no key": (b"no key", "not a key"),
        "empty": (b"", "not a key"),
        "d of another key": (changed(p256, d=other.d), "different keys"),
        "Ed25519 d of another key": (changed(ed, d=generate(KeyType.ED25519).d), "different keys"),
        "d out of range": (changed(p256, d=b"\xff" * 32), "not a key"),
        "d zero": (changed(p256, d=bytes(32)), "not a key"),
        "d short": (changed(p256, d=p256.d[1:]), "not a key"),
        "d text": (changed(p256, d="secret"), "not a key"),
        "point of another key": (changed(p256, x=other.public.x, y=other.public.y), "different keys"),
        "for verifying only": (changed(p256, ops=[2, 3]), "sign"),
        "for key agreement": (changed(p256, alg=CoseAlgorithm.ECDH_ES_A128KW.value), "sign"),
        "MAC for verifying only": (changed(mac, ops=[CoseKeyOperation.MAC_VERIFY.value]), "MAC"),
        "for wrapping keys": (changed(mac, alg=CoseAlgorithm.A256KW.value), "A256KW"),
    }


@pytest.mark.req("H2-8")
@pytest.mark.parametrize("name", files_that_do_not_sign())
def test_a_file_that_does_not_sign_is_named_and_keeps_its_secret(name: str, tmp_path: Path) -> None:
    content, why = files_that_do_not_sign()[name]
    path = write(tmp_path / "the.key", content)
    with pytest.raises(KeyUnavailableError, match=why) as caught:
        load_signer(path)
    shown = str(caught.value)
    assert shown.startswith(f"{path}: ")
    assert "\n" not in shown
    if content and not content.startswith(b"-----") and name != "no key":
        secret = cbor.decode(content, where="key", ordered=False).get(D, b"")
        assert not isinstance(secret, bytes) or not secret or repr(secret)[2:-1] not in shown
        assert not isinstance(secret, bytes) or not secret or secret.hex() not in shown


def test_key_ops_that_allow_signing_are_honoured(tmp_path: Path) -> None:
    p256, mac = generate(KeyType.P256), generate(KeyType.HMAC)
    for signer, ops in ((p256, [1]), (p256, [1, 2]), (mac, [9, 10])):
        loaded = load_signer(write(tmp_path / "k", changed(signer, ops=ops)))
        assert verifies(loaded)
    only_makes = load_signer(write(tmp_path / "k", changed(mac, ops=[9])))
    assert only_makes.sign(MESSAGE) == mac.sign(MESSAGE)
    assert not only_makes.public.admitted


# URIs -----------------------------------------------------------------------------------------------


def test_a_path_and_a_file_uri_name_the_same_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "my key.pem", generate(KeyType.P256).to_pem())
    monkeypatch.chdir(tmp_path)
    expected = load_signer(path)
    for uri in (str(path), f"file:{path}", f"file://{path}", "my key.pem", "file:my key.pem"):
        assert signer_from_uri(uri) == expected
    assert signer_from_uri(str(path), kid=b"me").kid == b"me"


@pytest.mark.parametrize("kind", [KeyType.P256, KeyType.P384, KeyType.P521, KeyType.ED25519])
def test_a_signer_of_securesystemslib_gives_raw_signatures(kind: KeyType, tmp_path: Path) -> None:
    key = generate(kind, kid=b"k")
    path = write(tmp_path / "k.pem", key.to_pem())
    signer = signer_from_uri(f"file2:{path}", public=key.public)
    assert isinstance(signer, RemoteSigner)
    assert (signer.kid, signer.algorithm) == (b"k", key.algorithm)
    for _ in range(20):  # r and s of all lengths
        assert verifies(signer)
    assert "signer" not in repr(signer).replace("Signer", "")


def test_a_remote_signer_can_be_told_algorithm_and_kid(tmp_path: Path) -> None:
    path = write(tmp_path / "k.pem", generate(KeyType.P256).to_pem())
    public = CoseKey.from_pem(load_key(path).to_pem())
    signer = signer_from_uri(f"file2:{path}", public=public, algorithm=CoseAlgorithm.ES256, kid=b"me")
    assert (signer.algorithm, signer.kid) == (CoseAlgorithm.ES256, b"me")
    assert signer.public.admitted == {CoseAlgorithm.ES256}


def test_a_remote_key_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    key, other = generate(KeyType.P256), generate(KeyType.P256)
    path = write(tmp_path / "k.pem", key.to_pem())
    with pytest.raises(UsageError, match="public key"):
        signer_from_uri(f"file2:{path}")
    with pytest.raises(UsageError, match="no public part"):
        signer_from_uri(f"file2:{path}", public=generate(KeyType.HMAC).public)
    for uri, public in (
        (f"file2:{path}", other.public),
        (f"file2:{tmp_path}/none.pem", key.public),
        ("nosuchscheme:x", key.public),
    ):
        with pytest.raises(KeyUnavailableError, match=uri.split(":")[0]):
            signer_from_uri(uri, public=public)


class _Token:
    """A signer of securesystemslib that misbehaves."""

    def __init__(self, outcome: str | Exception) -> None:
        self.outcome = outcome

    def sign(self, payload: bytes) -> Any:
        del payload
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return type("Signature", (), {"signature": self.outcome})


def test_a_token_that_fails_or_signs_with_another_key_is_not_believed() -> None:
    key, other = generate(KeyType.P256), generate(KeyType.P256)
    wrong = crypto.raw_to_der(other.sign(MESSAGE)).hex()
    for outcome, why in (
        (wrong, "its signature is not"),
        ("zz", "ValueError"),
        (OSError("PIN 1234"), "OSError"),
    ):
        signer = RemoteSigner(key.public, key.algorithm, _Token(outcome), "hsm:2")
        with pytest.raises(KeyUnavailableError, match=f"hsm:2: .*{why}") as caught:
            signer.sign(MESSAGE)
        assert "1234" not in str(caught.value)


# Secrets --------------------------------------------------------------------------------------------


@pytest.mark.req("H2-8")
@pytest.mark.parametrize("kind", KeyType)
def test_no_signer_shows_its_secret(kind: KeyType) -> None:
    signer = generate(kind)
    secret = signer.d or signer.public.k
    assert len(secret) >= 32
    private = crypto.private_key(signer.public.curve, signer.d) if signer.public.curve else None
    for shown in (repr(signer), str(signer), repr(signer.public), repr(signer._primitive), repr(private)):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    assert secret not in CoseKey.from_cose(signer.to_cose()).to_cose() or kind is KeyType.HMAC


def test_a_signer_has_to_fit_its_key() -> None:
    p256 = generate(KeyType.P256)
    with pytest.raises(UsageError, match="does not fit"):
        LocalSigner(p256.public, CoseAlgorithm.ESP384, p256.d)
    with pytest.raises(MalformedError):
        replace(p256, d=b"")


def test_ed25519_signatures_are_the_librarys() -> None:
    seed = bytes(range(32))
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    signer = LocalSigner(CoseKey.from_public(key.public_key()), CoseAlgorithm.ED25519, seed)
    assert signer.sign(MESSAGE) == key.sign(MESSAGE)
