"""TUF keys in the IC: what is routed, what falls back to software, what never counts."""

from typing import Any

import pytest
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, GPGKey, Key, Signature, SSlibKey

from device.ic.emulator import MemoryKey
from device.ic.errors import IcFailedError
from device.ic.interface import Purpose, Where
from device.storage import MemoryStorage
from device.tests.probed_ic import ProbedIc
from device.tuf.keys import IcKey, UnusableKey, routed
from spec.labels import CoseAlgorithm

MESSAGE = b"signed metadata"
ROUTED = ["ecdsa", "ed25519"]


@pytest.fixture
def ic() -> ProbedIc:
    return ProbedIc.provision(MemoryStorage(), MemoryKey())


def make(kind: str) -> CryptoSigner:
    match kind:
        case "ecdsa":
            return CryptoSigner.generate_ecdsa()
        case "ed25519":
            return CryptoSigner.generate_ed25519()
        case _:
            return CryptoSigner.generate_rsa()


def parsed(signer: CryptoSigner, **changes: Any) -> Key:
    return Key.from_dict(signer.public_key.keyid, signer.public_key.to_dict() | changes)


@pytest.mark.parametrize("kind", ROUTED)
def test_signature_is_checked_by_the_ic_and_leaves_a_ticket(ic: ProbedIc, kind: str) -> None:
    signer = make(kind)
    with routed(ic) as route:
        key = parsed(signer)
        key.verify_signature(signer.sign(MESSAGE), MESSAGE)
    assert isinstance(key, IcKey)
    assert ic.verifications == 1
    assert [ticket.purpose for ticket in route.tickets] == [Purpose.PRESENTED]
    assert key.to_dict() == signer.public_key.to_dict()


def test_legacy_key_type_is_routed_too(ic: ProbedIc) -> None:
    signer = make("ecdsa")
    with routed(ic):
        parsed(signer, keytype="ecdsa-sha2-nistp256").verify_signature(signer.sign(MESSAGE), MESSAGE)
    assert ic.verifications == 1


@pytest.mark.parametrize("kind", ROUTED)
def test_false_signature_is_unverified(ic: ProbedIc, kind: str) -> None:
    signer = make(kind)
    with routed(ic) as route:
        key = parsed(signer)
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(signer.sign(b"other"), MESSAGE)
    assert route.tickets == []


@pytest.mark.parametrize("value", ["", "zz", "00", "30", "3006020100020100", "ff" * 72, "3045" + "00" * 69])
def test_malformed_signature_is_unverified_and_no_fault(ic: ProbedIc, value: str) -> None:
    signer = make("ecdsa")
    with routed(ic):
        key = parsed(signer)
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(Signature(key.keyid, value), MESSAGE)


def test_oversized_numbers_in_a_signature_are_unverified(ic: ProbedIc) -> None:
    signer = make("ecdsa")
    with routed(ic):
        key = parsed(signer)
        huge = "30280221" + "01" + "00" * 32 + "020301" + "0000"
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(Signature(key.keyid, huge), MESSAGE)


@pytest.mark.parametrize("public", ["", "no key", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"])
@pytest.mark.parametrize("kind", ROUTED)
def test_key_that_is_none_never_verifies(ic: ProbedIc, kind: str, public: str) -> None:
    signer = make(kind)
    with routed(ic):
        key = parsed(signer, keyval={"public": public})
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(signer.sign(MESSAGE), MESSAGE)


def test_key_of_another_curve_than_its_scheme_never_verifies(ic: ProbedIc) -> None:
    signer, edwards = make("ecdsa"), make("ed25519")
    with routed(ic):
        key = parsed(signer, scheme="ecdsa-sha2-nistp384")
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(signer.sign(MESSAGE), MESSAGE)
        other = parsed(edwards, keyval=signer.public_key.keyval)
        with pytest.raises(UnverifiedSignatureError):
            other.verify_signature(edwards.sign(MESSAGE), MESSAGE)


def test_signature_under_another_keyid_never_verifies(ic: ProbedIc) -> None:
    signer = make("ecdsa")
    with routed(ic):
        key = parsed(signer)
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(Signature("00", signer.sign(MESSAGE).signature), MESSAGE)
    assert ic.verifications == 0


def test_ic_fault_is_no_verdict(ic: ProbedIc) -> None:
    def fail(_: int) -> None:
        raise IcFailedError("the IC stopped")

    signer = make("ecdsa")
    ic.on_verify(fail)
    with routed(ic):
        key = parsed(signer)
        with pytest.raises(IcFailedError):
            key.verify_signature(signer.sign(MESSAGE), MESSAGE)


def test_rsa_which_no_cose_name_covers_is_verified_in_software(ic: ProbedIc) -> None:
    signer = make("rsa")
    with routed(ic) as route:
        key = parsed(signer)
        key.verify_signature(signer.sign(MESSAGE), MESSAGE)
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(signer.sign(b"other"), MESSAGE)
    assert ic.verifications == 0
    assert route.tickets == []


def test_algorithm_declared_absent_is_verified_in_software(ic: ProbedIc) -> None:
    ic.declared = {CoseAlgorithm.ESP256: Where.CHIP, CoseAlgorithm.ED25519: Where.ABSENT}
    for kind in ROUTED:
        signer = make(kind)
        with routed(ic):
            parsed(signer).verify_signature(signer.sign(MESSAGE), MESSAGE)
    assert ic.verifications == 1


def test_outside_of_a_route_keys_are_plain_software_keys(ic: ProbedIc) -> None:
    signer = make("ecdsa")
    key = parsed(signer)
    assert type(key) is SSlibKey
    with routed(ic):
        key.verify_signature(signer.sign(MESSAGE), MESSAGE)
    assert ic.verifications == 0


def test_key_keeps_the_ic_that_it_was_parsed_under(ic: ProbedIc) -> None:
    signer = make("ecdsa")
    with routed(ic):
        key = parsed(signer)
    key.verify_signature(signer.sign(MESSAGE), MESSAGE)
    assert ic.verifications == 1


def test_openpgp_keys_never_count_on_a_device(ic: ProbedIc) -> None:
    described = {"keytype": "rsa", "scheme": "pgp+rsa-pkcsv1.5", "keyval": {"public": {}}}
    assert type(Key.from_dict("aa", dict(described))) is GPGKey
    with routed(ic):
        key = Key.from_dict("aa", dict(described))
        assert isinstance(key, UnusableKey)
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(Signature("aa", "00"), MESSAGE)
