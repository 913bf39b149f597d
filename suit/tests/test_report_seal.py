"""suit.report_seal: a report inside COSE_Sign1 or COSE_Mac0, and every way it is not believed."""

import pytest

from conformance.cddl import check_report
from spec.labels import CborTag, CoseAlgorithm
from suit import cbor
from suit.errors import (
    HardsuitError,
    MalformedError,
    NotAuthenticError,
    UnsupportedAlgorithmError,
    UnsupportedCoseError,
)
from suit.manifest import Digest
from suit.report import Report, encode_report
from suit.report_seal import open_report, seal_report
from suit.signer import KeyType, LocalSigner, generate

REPORT = Report("", Digest(CoseAlgorithm.SHA_256, bytes(32)), nonce=b"fresh")
RAW = encode_report(REPORT)
KINDS = (KeyType.P256, KeyType.ED25519, KeyType.HMAC)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: str(kind.name))
def signer(request: pytest.FixtureRequest) -> LocalSigner:
    return generate(request.param, kid=b"device 7")


@pytest.mark.req("P8-1")
def test_a_sealed_report_opens_with_its_key(signer: LocalSigner) -> None:
    sealed = seal_report(RAW, signer)
    check_report(sealed, sealed=True)
    assert open_report(sealed, [generate(KeyType.P256).public, signer.public]) == REPORT


@pytest.mark.req("P8-1")
def test_a_sealed_report_opens_with_no_other_key(signer: LocalSigner) -> None:
    sealed = seal_report(RAW, signer)
    for keys in ([], [generate(kind).public for kind in KINDS]):
        with pytest.raises(NotAuthenticError):
            open_report(sealed, keys)


@pytest.mark.req("P8-1")
def test_any_changed_byte_is_noticed(signer: LocalSigner) -> None:
    sealed = seal_report(RAW, signer)
    believed = []
    for position in range(len(sealed)):
        spoiled = bytearray(sealed)
        spoiled[position] ^= 1
        try:
            believed.append(open_report(bytes(spoiled), [signer.public]))
        except HardsuitError:
            continue
    # The label and the value of kid are not protected: they only say which key to try.
    assert all(report == REPORT for report in believed)
    assert len(believed) <= 1 + len(b"device 7")


def test_what_is_signed_and_no_report_is_refused(signer: LocalSigner) -> None:
    with pytest.raises(MalformedError):
        open_report(seal_report(b"\xa0", signer), [signer.public])


P256 = generate(KeyType.P256)


def retagged(tag: int) -> bytes:
    item = cbor.decode(seal_report(RAW, P256), where="", ordered=False)
    return cbor.encode(cbor.Tagged(tag, item.value))


def with_part(index: int, part: cbor.Item) -> bytes:
    item = cbor.decode(seal_report(RAW, P256), where="", ordered=False)
    item.value[index] = part
    return cbor.encode(item)


BAD = {
    "no tag": (RAW, MalformedError),
    "not CBOR": (b"\xff", MalformedError),
    "encrypted": (retagged(CborTag.COSE_ENCRYPT0.value), MalformedError),
    "as a MAC": (retagged(CborTag.COSE_MAC0.value), UnsupportedAlgorithmError),
    "as COSE_Sign": (retagged(CborTag.COSE_SIGN.value), MalformedError),
    "payload detached": (with_part(2, None), MalformedError),
    "payload not wrapped": (with_part(2, {}), MalformedError),
    "no signature": (with_part(3, b""), MalformedError),
    "algorithm unprotected": (with_part(0, b""), UnsupportedCoseError),
    "unknown algorithm": (with_part(0, cbor.encode({1: -999})), UnsupportedAlgorithmError),
}


@pytest.mark.parametrize(("raw", "error"), BAD.values(), ids=BAD.keys())
def test_other_structures_are_refused_with_a_name(raw: bytes, error: type[HardsuitError]) -> None:
    with pytest.raises(error):
        open_report(raw, [P256.public])
