"""Contract: the report key signs reports, and nothing else."""

from copy import deepcopy
from dataclasses import replace

import pytest

from device.ic.errors import (
    IcError,
    IcUnavailableError,
    IcUsageError,
    NotProvisionedError,
    PolicyDeniedError,
    UnknownKeyError,
)
from device.ic.interface import Purpose, SecurityIC, Where
from device.ic.tests.rig import MESSAGE, SECRET, STRANGER, Rig
from spec.labels import CoseAlgorithm, Parameter
from suit import cbor, cose
from suit.encode import encode_digest
from suit.errors import NotAuthenticError
from suit.keys import CoseKey
from suit.manifest import Digest
from suit.report import MAX_NONCE, MAX_REPORT, Claims, Report, encode_report
from suit.report_cipher import ReportCipher
from suit.report_seal import open_report

DIGEST = Digest(CoseAlgorithm.SHA_256, bytes(32))
REPORT = Report("", DIGEST, nonce=b"fresh")
CIPHER = ReportCipher.draw(b"owner")


@pytest.mark.req("P8-1")
def test_a_signed_report_is_verified_with_the_exported_key(ic: SecurityIC) -> None:
    assert open_report(ic.sign_report(encode_report(REPORT)), [ic.report_key()]) == REPORT
    assert ic.info().capabilities.levels()["report"] > Where.ABSENT


def test_the_largest_report_is_sealed_as_well(rig: Rig) -> None:
    ic = rig.provision(report_cipher=CIPHER)
    claims = Claims((bytes(MAX_REPORT - 200),), {Parameter.IMAGE_SIZE: 1})
    report = Report("", DIGEST, (claims,))
    report = replace(report, nonce=bytes(MAX_NONCE))
    encoded = encode_report(report)
    assert MAX_REPORT - 200 < len(encoded) <= MAX_REPORT
    assert open_report(ic.sign_report(encoded), [ic.report_key()]) == report
    assert open_report(ic.encrypt_report(encoded), [ic.report_key()], ciphers=[CIPHER]) == report


@pytest.mark.req("H6-6")
@pytest.mark.parametrize(
    "message",
    [
        b"",
        MESSAGE,
        bytes(32),
        encode_digest(DIGEST),
        encode_report(REPORT) + b"\0",
        encode_report(REPORT)[:-1],
    ],
    ids=["nothing", "a message", "zeros", "what authentication blocks sign", "more than a report", "less"],
)
def test_nothing_but_a_report_is_signed(ic: SecurityIC, message: bytes) -> None:
    with pytest.raises(IcUsageError, match="reports only"):
        ic.sign_report(message)


def test_the_report_key_is_bound_to_one_algorithm_and_named_by_its_thumbprint(ic: SecurityIC) -> None:
    key = ic.report_key()
    assert key.admitted == {CoseAlgorithm.ESP256}
    assert key.kid == key.name


@pytest.mark.req("H6-7")
def test_the_report_key_is_no_trust_anchor(ic: SecurityIC) -> None:
    key = ic.report_key()
    assert key.name not in [anchor.name for anchor in (*ic.keys(),)]
    for purpose in Purpose:
        with pytest.raises(UnknownKeyError):
            ic.verify(key.name, CoseAlgorithm.ESP256, MESSAGE, bytes(64), purpose=purpose)


@pytest.mark.req("H6-7")
def test_no_trust_anchor_is_for_reports(ic: SecurityIC) -> None:
    before = ic.keys()
    with ic.authorize(SECRET) as session:
        for purposes in ({Purpose.REPORT}, {Purpose.REPORT, Purpose.MANIFEST}):
            with pytest.raises(IcUsageError):
                session.add_anchor(STRANGER.key, purposes)
    assert ic.keys() == before


def test_the_report_key_stays_over_restarts_and_differs_between_devices() -> None:
    rig = Rig()
    key = rig.provision().report_key()
    again = rig.restart()
    assert again.report_key() == key
    assert open_report(again.sign_report(encode_report(REPORT)), [key]) == REPORT
    assert Rig().provision().report_key().name != key.name


def test_a_closed_ic_signs_nothing(ic: SecurityIC) -> None:
    ic.close()
    with pytest.raises(IcUnavailableError):
        ic.sign_report(encode_report(REPORT))
    with pytest.raises(IcUnavailableError):
        ic.report_key()


def test_an_ic_of_an_older_hardsuit_serves_but_signs_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    with monkeypatch.context() as older:
        older.setattr("device.ic.emulator.reporting.draw", lambda: None)
        rig.provision()
    ic = rig.restart()
    assert ic.keys()
    for call in (ic.report_key, lambda: ic.sign_report(encode_report(REPORT))):
        with pytest.raises(NotProvisionedError, match="report key"):
            call()


def test_a_signed_report_vouches_for_no_manifest(ic: SecurityIC) -> None:
    """The structures differ already: what a block covers is an array, a report is a map."""
    sealed = ic.sign_report(encode_report(REPORT))
    (attestation,) = cose.parse_block(
        sealed.replace(b"X" + bytes([len(encode_report(REPORT))]) + encode_report(REPORT), b"\xf6"),
        encode_digest(DIGEST),
        where="block",
    ).attestations
    with pytest.raises(IcError):
        ic.verify_with(ic.report_key(), attestation.algorithm, attestation.structure, attestation.value)


def iv_of(sealed: bytes) -> bytes:
    (_, header, _) = cbor.decode(cbor.decode(sealed, where="", ordered=False).value[2], where="")
    return bytes(header[5])


@pytest.mark.req("P8-1", "P8-2", "I4.3.16")
def test_an_encrypted_report_takes_both_keys_to_read(rig: Rig) -> None:
    ic = rig.provision(report_cipher=CIPHER)
    sealed = ic.encrypt_report(encode_report(REPORT))
    assert b"fresh" not in sealed
    assert open_report(sealed, [ic.report_key()], ciphers=[CIPHER]) == REPORT
    with pytest.raises(NotAuthenticError):
        open_report(sealed, [ic.report_key()], ciphers=[ReportCipher.draw()])
    with pytest.raises(NotAuthenticError):
        open_report(sealed, [STRANGER.key], ciphers=[CIPHER])


@pytest.mark.req("P8-2")
def test_no_iv_comes_twice_in_a_boot_or_over_restarts(rig: Rig) -> None:
    ivs = []
    ic = rig.provision(report_cipher=CIPHER)
    for _ in range(3):
        ivs += [iv_of(ic.encrypt_report(encode_report(REPORT))) for _ in range(10)]
        ic = rig.restart()
    assert len({iv[:6] for iv in ivs}) == len(ivs)  # by counting alone
    assert len({iv[6:] for iv in ivs}) == len(ivs)  # and by chance, should the state ever be an old copy


@pytest.mark.req("P8-2")
def test_a_state_that_was_brought_back_repeats_no_iv() -> None:
    rig = Rig()
    rig.provision(report_cipher=CIPHER).close()
    before = deepcopy(rig.storage)
    first = iv_of(rig.restart().encrypt_report(encode_report(REPORT)))
    rig.storage = before
    second = iv_of(rig.restart().encrypt_report(encode_report(REPORT)))
    assert first[:6] == second[:6]
    assert first != second


@pytest.mark.req("P8-2")
def test_when_the_ivs_of_a_boot_are_used_up_nothing_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, report = Rig(), encode_report(REPORT)
    ic = rig.provision(report_cipher=CIPHER)
    monkeypatch.setattr("device.ic.emulator.reporting._REPORTS", 2)
    for _ in range(2):
        ic.encrypt_report(report)
    with pytest.raises(PolicyDeniedError, match="no IV"):
        ic.encrypt_report(report)
    assert ic.sign_report(report)
    assert rig.restart().encrypt_report(report)
    monkeypatch.setattr("device.ic.emulator.reporting._BOOTS", 2)
    with pytest.raises(PolicyDeniedError, match="no IV"):
        rig.restart().encrypt_report(report)


@pytest.mark.req("H6-6", "P8-2")
def test_nothing_but_a_report_is_encrypted_and_the_key_does_nothing_else(rig: Rig) -> None:
    ic = rig.provision(report_cipher=CIPHER)
    for message in (b"", MESSAGE, encode_report(REPORT) + b"\0"):
        with pytest.raises(IcUsageError, match="reports only"):
            ic.encrypt_report(message)
    secret = CoseKey.from_cose(CIPHER.to_cose())
    assert secret.name not in [anchor.name for anchor in (*ic.keys(),)]
    for purpose in Purpose:
        with pytest.raises(UnknownKeyError):
            ic.verify(secret.name, CoseAlgorithm.HMAC_256, MESSAGE, bytes(32), purpose=purpose)


@pytest.mark.req("P8-2")
def test_without_a_key_nothing_leaves_in_the_clear_instead(ic: SecurityIC) -> None:
    with pytest.raises(NotProvisionedError, match="encrypt"):
        ic.encrypt_report(encode_report(REPORT))
    ic.close()
    with pytest.raises(IcUnavailableError):
        ic.encrypt_report(encode_report(REPORT))
