"""suit.report_cipher: reports that only their addressee reads, and everything that is none."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from conformance.cddl import check, check_report
from spec.labels import CborTag, CoseAlgorithm, CoseKeyOperation, CoseKeyType
from suit import cbor
from suit.errors import (
    ExitCode,
    HardsuitError,
    KeyUnavailableError,
    MalformedError,
    NotAuthenticError,
    UnsupportedAlgorithmError,
    UnsupportedCoseError,
)
from suit.key_cli import cli as key_cli
from suit.keys import CoseKey, load_key
from suit.manifest import Digest
from suit.report import Report, encode_report
from suit.report_cipher import ReportCipher, decrypt_report, is_encrypted
from suit.report_seal import open_report, seal_report, travels_encrypted
from suit.signer import KeyType, generate

SIGNER: Final = generate(KeyType.P256)
REPORT: Final = Report("", Digest(CoseAlgorithm.SHA_256, bytes(32)), nonce=b"fresh")
RAW: Final = encode_report(REPORT)
IV: Final = bytes(range(12))
CIPHERS: Final = {
    algorithm.name: ReportCipher(algorithm, bytes(range(size)), b"kid")
    for algorithm, size in (
        (CoseAlgorithm.A128GCM, 16),
        (CoseAlgorithm.A192GCM, 24),
        (CoseAlgorithm.A256GCM, 32),
        (CoseAlgorithm.CHACHA20_POLY1305, 32),
    )
}
CIPHER: Final = CIPHERS["A256GCM"]


def sealed(payload: bytes) -> bytes:
    return seal_report(payload, SIGNER)


@pytest.mark.req("P8-2", "I4.3.16")
@pytest.mark.parametrize("cipher", CIPHERS.values(), ids=CIPHERS.keys())
@pytest.mark.parametrize("kind", [KeyType.P256, KeyType.HMAC])
def test_an_encrypted_report_opens_with_both_keys_and_follows_the_grammar(
    cipher: ReportCipher, kind: KeyType
) -> None:
    signer = generate(kind)
    payload = cipher.encrypt(RAW, IV)
    raw = seal_report(payload, signer)
    check_report(raw, sealed=True)
    check(payload, "encrypted-report")
    assert RAW not in raw
    assert REPORT.nonce not in raw  # type: ignore[operator]
    assert travels_encrypted(raw)
    others = [replace(one, key=bytes(len(one.key))) for one in CIPHERS.values()]
    assert open_report(raw, [signer.public], ciphers=[*others, cipher]) == REPORT


def test_what_is_encrypted_is_a_byte_string_that_holds_the_report() -> None:
    """Decrypted by another hand: P8 wants a wrapped report, RFC 9052 §5.3 the Enc_structure."""
    protected, unprotected, text = cbor.decode(CIPHER.encrypt(RAW, IV), where="")
    assert (cbor.decode(protected, where=""), unprotected) == ({1: 3}, {4: b"kid", 5: IV})
    aad = b"\x83\x68Encrypt0" + cbor.encode(protected) + b"\x40"
    plain = AESGCM(CIPHER.key).decrypt(IV, text, aad)
    check(plain, "plaintext-report")
    assert plain == cbor.encode(RAW)


def test_a_plain_report_is_told_from_an_encrypted_one() -> None:
    assert not travels_encrypted(sealed(RAW))
    assert [is_encrypted(one) for one in (b"", RAW, b"\x80", b"\x9f", b"\x7f", b"\xa0")] == [
        False, False, True, True, False, False,
    ]  # fmt: skip
    assert open_report(sealed(RAW), [SIGNER.public], ciphers=[CIPHER]) == REPORT


def encrypted(**changes: object) -> bytes:
    protected, unprotected, text = cbor.decode(CIPHER.encrypt(RAW, IV), where="")
    parts = {"protected": protected, "unprotected": unprotected, "text": text} | changes
    return cbor.encode(list(parts.values()))


TEXT: Final = cbor.decode(CIPHER.encrypt(RAW, IV), where="")[2]
ALG: Final = {name: cbor.encode({1: number}) for name, number in {"gcm": 3, "ctr": -65534, "128": 1}.items()}


@pytest.mark.req("P8-2")
@pytest.mark.parametrize(
    ("payload", "error", "why"),
    [
        (encrypted(text=TEXT[:-1]), NotAuthenticError, "does not decrypt"),
        (encrypted(text=TEXT[:8]), NotAuthenticError, "does not decrypt"),
        (encrypted(text=b""), NotAuthenticError, "does not decrypt"),
        (encrypted(text=TEXT[:-1] + bytes([TEXT[-1] ^ 1])), NotAuthenticError, "does not decrypt"),
        (encrypted(text=bytes([TEXT[0] ^ 1]) + TEXT[1:]), NotAuthenticError, "does not decrypt"),
        (encrypted(unprotected={5: bytes(12)}), NotAuthenticError, "does not decrypt"),
        (encrypted(protected=cbor.encode({1: 3, 4: b"kid"}), unprotected={5: IV}), NotAuthenticError, "does"),
        (encrypted(protected=ALG["ctr"]), UnsupportedAlgorithmError, "A128CTR"),
        (encrypted(protected=ALG["128"]), KeyUnavailableError, "no key for A128GCM"),
        (encrypted(protected=b"", unprotected={1: 3, 5: IV}), UnsupportedCoseError, "no alg"),
        (encrypted(unprotected={}), UnsupportedCoseError, "no IV"),
        (encrypted(unprotected={5: bytes(13)}), MalformedError, "12 bytes"),
        (encrypted(unprotected={5: 1}), MalformedError, "byte string"),
        (encrypted(unprotected=[]), MalformedError, "header"),
        (encrypted(text=None), MalformedError, "byte string"),
        (encrypted(more=b""), MalformedError, "two headers"),
        (b"\x80", MalformedError, "two headers"),
        (CIPHER.encrypt(RAW, IV)[:-1], MalformedError, "encrypted report"),
        (encrypted() + b"\0", MalformedError, "follow"),
    ],
)
def test_what_is_no_encrypted_report_is_refused_by_name(
    payload: bytes, error: type[HardsuitError], why: str
) -> None:
    with pytest.raises(error, match=why):
        open_report(sealed(payload), [SIGNER.public], ciphers=[CIPHER])


@pytest.mark.req("P8-2")
def test_the_wrong_key_and_no_key_are_told_apart() -> None:
    raw = sealed(CIPHER.encrypt(RAW, IV))
    with pytest.raises(NotAuthenticError, match="does not decrypt"):
        open_report(raw, [SIGNER.public], ciphers=[replace(CIPHER, key=bytes(32))])
    with pytest.raises(KeyUnavailableError, match="no key for A256GCM"):
        open_report(raw, [SIGNER.public])
    with pytest.raises(KeyUnavailableError):
        open_report(raw, [SIGNER.public], ciphers=[CIPHERS["CHACHA20_POLY1305"]])


@pytest.mark.req("P8-1")
@pytest.mark.parametrize("tag", [None, 16, CborTag.COSE_SIGN1.value])
def test_encryption_does_not_stand_in_for_the_signature(tag: int | None) -> None:
    parts = cbor.decode(CIPHER.encrypt(RAW, IV), where="")
    bare = cbor.encode(parts if tag is None else cbor.Tagged(tag, parts))
    with pytest.raises(MalformedError, match=r"neither COSE_Sign1|two headers"):
        open_report(bare, [SIGNER.public], ciphers=[CIPHER])


@pytest.mark.req("P8-1", "P8-2")
def test_the_signature_is_judged_before_anything_is_decrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = bytearray(sealed(CIPHER.encrypt(RAW, IV)))
    raw[-1] ^= 1
    monkeypatch.setattr("suit.report_seal.decrypt_report", lambda *_: pytest.fail("too early"))
    with pytest.raises(NotAuthenticError, match="no trusted key"):
        open_report(bytes(raw), [SIGNER.public], ciphers=[CIPHER])


@pytest.mark.parametrize("plain", [RAW, cbor.encode(None), b"", cbor.encode(RAW) + b"\0"])
def test_what_decrypts_and_is_no_wrapped_report_is_malformed(plain: bytes) -> None:
    protected = ALG["gcm"]
    text = AESGCM(CIPHER.key).encrypt(IV, plain, cbor.encode(["Encrypt0", protected, b""]))
    with pytest.raises(MalformedError):
        decrypt_report(cbor.encode([protected, {5: IV}, text]), [CIPHER])


@given(st.binary(max_size=80) | st.integers(0, 80).map(lambda cut: CIPHER.encrypt(RAW, IV)[:cut]))
def test_any_bytes_are_a_report_or_an_error_of_ours(payload: bytes) -> None:
    with pytest.raises(HardsuitError):
        decrypt_report(payload, [CIPHER])


def symmetric(algorithm: CoseAlgorithm | None, size: int, *uses: CoseKeyOperation) -> CoseKey:
    return CoseKey(CoseKeyType.SYMMETRIC, k=bytes(size), algorithm=algorithm, operations=frozenset(uses))


def test_a_key_says_which_cipher_it_is_for() -> None:
    assert ReportCipher.of(CoseKey.from_cose(CIPHER.to_cose())) == CIPHER
    assert ReportCipher.of(symmetric(CoseAlgorithm.A128GCM, 16, CoseKeyOperation.DECRYPT))
    for key, why in (
        (symmetric(None, 32), "no cipher"),
        (symmetric(CoseAlgorithm.HMAC_256, 32), "does not authenticate|no cipher"),
        (symmetric(CoseAlgorithm.A128CTR, 16), "A128CTR does not authenticate"),
        (symmetric(CoseAlgorithm.A256GCM, 16), "has 32 bytes"),
        (symmetric(CoseAlgorithm.A256GCM, 32, CoseKeyOperation.WRAP_KEY), "key_ops"),
        (SIGNER.public, "no cipher"),
    ):
        with pytest.raises(KeyUnavailableError, match=why):
            ReportCipher.of(key)


@pytest.mark.req("H2-8")
def test_a_cipher_shows_no_secret() -> None:
    assert CIPHER.key.hex() not in repr(CIPHER)
    assert str(CIPHER.key) not in repr(CIPHER)


def test_a_cipher_at_the_prompt(tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(key_cli, ["new", "--type", "a256gcm", "--json", *arguments])
        return result.exit_code, result.output

    path = tmp_path / "report.cose"
    code, output = run("--out", str(path), "--kid", "here")
    cipher = ReportCipher.of(load_key(path))
    assert (code, cipher.algorithm, cipher.kid) == (0, CoseAlgorithm.A256GCM, b"here")
    assert cipher.key.hex() not in output
    assert path.stat().st_mode & 0o77 == 0
    assert json.loads(output[output.index("{") :])["data"]["public"] is None
    assert ReportCipher.draw().key != ReportCipher.draw().key
    for name, *alg in (("a.pem",), ("b.cose", "--alg", "A128GCM")):
        assert run("--out", str(tmp_path / name), *alg)[0] == ExitCode.USAGE.value
