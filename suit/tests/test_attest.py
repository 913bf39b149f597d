"""suit.attest: blocks of every kind, by keys at hand and by signatures made elsewhere."""

from dataclasses import replace

import pytest

from spec.labels import CborTag, CoseAlgorithm
from suit import crypto
from suit.attest import BlockKind, attach, attest, to_be_signed
from suit.authenticate import KeyRing, authenticate
from suit.cose import parse_block
from suit.encode import encode_envelope
from suit.envelope import open_envelope, seal
from suit.errors import NotAuthenticError, UsageError
from suit.manifest import Digest, Envelope, Manifest
from suit.signer import KeyType, LocalSigner, generate

AUTHOR, OTHER, MAC = generate(KeyType.P256), generate(KeyType.ED25519, kid=b"other"), generate(KeyType.HMAC)


def unsigned() -> Envelope:
    return seal(Manifest(1, ((b"\0",),)))


def kinds(envelope: Envelope) -> list[CborTag]:
    return [parse_block(raw, envelope.digest_bytes, where="block").kind for raw in envelope.blocks]


@pytest.mark.req("I4.5.5", "M8.3-6")
def test_each_key_adds_its_block_by_its_kind() -> None:
    envelope = attest(unsigned(), [AUTHOR, OTHER, MAC])
    assert kinds(envelope) == [CborTag.COSE_SIGN1, CborTag.COSE_SIGN1, CborTag.COSE_MAC0]
    opened = open_envelope(encode_envelope(envelope))
    for signer in (AUTHOR, OTHER, MAC):
        assert authenticate(opened, KeyRing([signer.public])) == (signer.public.name,)


def test_several_keys_share_one_cose_sign() -> None:
    envelope = attest(unsigned(), [AUTHOR, OTHER], BlockKind.SIGN)
    assert kinds(envelope) == [CborTag.COSE_SIGN]
    names = authenticate(envelope, KeyRing([AUTHOR.public, OTHER.public]))
    assert set(names) == {AUTHOR.public.name, OTHER.public.name}


@pytest.mark.parametrize(
    ("kind", "signer"),
    [(BlockKind.SIGN1, AUTHOR), (BlockKind.SIGN, AUTHOR), (BlockKind.MAC0, MAC), (BlockKind.MAC, MAC)],
)
def test_every_structure_is_made(kind: BlockKind, signer: LocalSigner) -> None:
    envelope = attest(unsigned(), [signer], kind)
    assert kinds(envelope) == [kind.value]
    assert authenticate(envelope, KeyRing([signer.public])) == (signer.public.name,)


@pytest.mark.parametrize(
    ("kind", "signer"),
    [(BlockKind.SIGN1, MAC), (BlockKind.SIGN, MAC), (BlockKind.MAC0, AUTHOR), (BlockKind.MAC, AUTHOR)],
)
def test_a_key_that_does_not_fit_is_refused(kind: BlockKind, signer: LocalSigner) -> None:
    with pytest.raises(UsageError, match="does not fit"):
        attest(unsigned(), [signer], kind)


def test_a_key_signs_once() -> None:
    envelope = attest(unsigned(), [AUTHOR])
    with pytest.raises(UsageError, match="already"):
        attest(envelope, [AUTHOR])
    assert len(attest(envelope, [OTHER]).blocks) == 2


def test_there_are_at_most_eight_blocks() -> None:
    envelope = attest(unsigned(), [generate(KeyType.ED25519) for _ in range(8)])
    with pytest.raises(UsageError, match="at most 8"):
        attest(envelope, [AUTHOR])


@pytest.mark.req("M8.3-8")
def test_a_signer_computes_the_digest_anew() -> None:
    envelope = replace(unsigned(), digest=Digest(CoseAlgorithm.SHA_256, bytes(32)))
    with pytest.raises(NotAuthenticError):
        attest(envelope, [AUTHOR])
    with pytest.raises(NotAuthenticError):
        to_be_signed(envelope, AUTHOR.public)


@pytest.mark.req("I4.3.17")
@pytest.mark.parametrize("kind", [KeyType.P256, KeyType.P384, KeyType.P521, KeyType.ED25519])
def test_a_signature_may_be_made_where_the_key_is(kind: KeyType) -> None:
    signer = generate(kind, kid=b"offline")
    exported = to_be_signed(unsigned(), signer.public)
    signature = signer.sign(exported)
    envelope = attach(unsigned(), signer.public, signature)
    assert authenticate(envelope, KeyRing([signer.public])) == (signer.public.name,)
    assert envelope == attest(unsigned(), [signer])
    if signer.public.curve in crypto.CURVES:
        assert attach(unsigned(), signer.public, crypto.raw_to_der(signature)) == envelope


@pytest.mark.parametrize("signature", [b"", b"x", bytes(64), b"\x30\x06\x02\x01\x01\x02\x01\x01"])
def test_a_signature_of_something_else_is_not_attached(signature: bytes) -> None:
    for signer in (AUTHOR, OTHER):
        with pytest.raises(NotAuthenticError, match="signature"):
            attach(unsigned(), signer.public, signature)
    with pytest.raises(NotAuthenticError):
        attach(unsigned(), OTHER.public, AUTHOR.sign(to_be_signed(unsigned(), AUTHOR.public)))


def test_a_mac_is_not_made_elsewhere() -> None:
    with pytest.raises(UsageError):
        to_be_signed(unsigned(), MAC.public)
