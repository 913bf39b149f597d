"""Contract: verdicts and tickets."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from device.ic.errors import (
    BadSignatureError,
    IcUsageError,
    KeyUsageError,
    PolicyDeniedError,
    UnknownKeyError,
    UnsupportedByIcError,
)
from device.ic.interface import (
    Floor,
    HashTicket,
    Purpose,
    SecurityIC,
    Ticket,
    VerifyTicket,
    Where,
    sequence_slot,
)
from device.ic.tests.rig import (
    AUTHOR,
    MAC_SECRET,
    MESSAGE,
    SECRET,
    SIGNERS,
    STRANGER,
    TRUSTED,
    Rig,
    Signer,
    manifest,
    manifest_ticket,
    presented_ticket,
    structure,
)
from spec.labels import CoseAlgorithm
from suit.errors import NotAuthenticError
from suit.keys import CoseKey

SLOT = sequence_slot(None)
ONE = manifest(1, None)

by_algorithm = pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: str(signer.algorithm.name))


@by_algorithm
def test_a_good_signature_of_a_trust_anchor_gives_a_ticket(ic: SecurityIC, signer: Signer) -> None:
    ticket = manifest_ticket(ic, signer)
    assert ticket.key == signer.key.name
    assert ticket.algorithm is signer.algorithm
    assert ticket.purpose is Purpose.MANIFEST
    assert ticket.boot_count == ic.info().boot_count


@pytest.mark.req("H6-1")
@by_algorithm
def test_any_flipped_bit_of_signature_or_message_is_refused(ic: SecurityIC, signer: Signer) -> None:
    signature = signer.sign(MESSAGE)

    def refused(message: bytes, value: bytes) -> bool:
        with pytest.raises(BadSignatureError):
            ic.verify(signer.key.name, signer.algorithm, message, value, purpose=Purpose.MANIFEST)
        return True

    assert all(refused(MESSAGE, flipped(signature, bit)) for bit in range(0, 8 * len(signature), 5))
    assert all(refused(flipped(MESSAGE, bit), signature) for bit in range(8 * len(MESSAGE)))


@by_algorithm
@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s[:0],
        lambda s: s[:-1],
        lambda s: s + b"\0",
        lambda s: bytes(len(s)),
        lambda s: b"\xff" * len(s),
    ],
    ids=["empty", "short", "long", "zeros", "ones"],
)
def test_a_signature_of_wrong_shape_is_refused(
    ic: SecurityIC, signer: Signer, spoil: Callable[[bytes], bytes]
) -> None:
    value = spoil(signer.sign(MESSAGE))
    with pytest.raises(BadSignatureError):
        ic.verify(signer.key.name, signer.algorithm, MESSAGE, value, purpose=Purpose.MANIFEST)


def test_an_unknown_key_is_named_as_unknown(ic: SecurityIC) -> None:
    with pytest.raises(UnknownKeyError, match=STRANGER.key.name.hex()[:16]):
        manifest_ticket(ic, STRANGER)


@pytest.mark.req("H6-7")
def test_a_trust_anchor_serves_its_purposes_only(ic: SecurityIC) -> None:
    with pytest.raises(KeyUsageError, match="not for presented"):
        ic.verify(AUTHOR.key.name, AUTHOR.algorithm, MESSAGE, b"", purpose=Purpose.PRESENTED)


@pytest.mark.parametrize(
    "algorithm",
    [CoseAlgorithm.ES256, CoseAlgorithm.ESP384, CoseAlgorithm.ED25519, CoseAlgorithm.HMAC_256,
     CoseAlgorithm.A128KW, CoseAlgorithm.SHA_256],
)  # fmt: skip
def test_an_algorithm_that_the_key_does_not_admit_is_refused(
    ic: SecurityIC, algorithm: CoseAlgorithm
) -> None:
    signature = AUTHOR.sign(MESSAGE)
    with pytest.raises(UnsupportedByIcError):
        ic.verify(AUTHOR.key.name, algorithm, MESSAGE, signature, purpose=Purpose.MANIFEST)
    with pytest.raises(UnsupportedByIcError):
        ic.verify_with(AUTHOR.key, algorithm, MESSAGE, signature)


def test_an_empty_trust_store_verifies_nothing(rig: Rig) -> None:
    ic = rig.provision()
    trusted = ic.keys()
    with ic.authorize(SECRET) as change:
        for info in trusted:
            change.remove_anchor(info.name)
    assert ic.keys() == ()
    for signer in SIGNERS:
        with pytest.raises(NotAuthenticError):
            manifest_ticket(ic, signer)


def test_a_presented_key_proves_its_signature_and_no_more(ic: SecurityIC) -> None:
    ticket = presented_ticket(ic)
    assert ticket.purpose is Purpose.PRESENTED
    assert ticket.key == STRANGER.key.name
    with pytest.raises(PolicyDeniedError, match="manifest verification"):
        ic.raise_sequence(structure(ONE), ONE, proof=[ticket])
    assert ic.floor(SLOT) == Floor(SLOT)


def test_a_presented_key_with_a_false_signature_is_refused(ic: SecurityIC) -> None:
    with pytest.raises(BadSignatureError):
        ic.verify_with(STRANGER.key, STRANGER.algorithm, MESSAGE, AUTHOR.sign(MESSAGE))


def test_a_secret_key_cannot_be_presented(ic: SecurityIC) -> None:
    signer = SIGNERS[-1]
    with pytest.raises(KeyUsageError):
        ic.verify_with(signer.key, signer.algorithm, MESSAGE, signer.sign(MESSAGE))


def test_a_key_keeps_what_it_admits_over_a_restart(rig: Rig) -> None:
    pem = CoseKey.from_pem(AUTHOR.key.to_pem())
    with rig.provision().authorize(SECRET) as change:
        change.add_anchor(pem, {Purpose.MANIFEST})
    ic = rig.restart()
    signature = AUTHOR.sign(MESSAGE)
    for algorithm in (CoseAlgorithm.ESP256, CoseAlgorithm.ES256):
        ticket = ic.verify(pem.name, algorithm, MESSAGE, signature, purpose=Purpose.MANIFEST)
        assert ticket.algorithm is algorithm


def test_keys_are_shown_without_their_secrets(ic: SecurityIC) -> None:
    infos = ic.keys()
    shown = {info.name: info for info in infos}
    assert shown.keys() == {signer.key.name for signer in TRUSTED}
    assert shown[AUTHOR.key.name].kid == b"ESP256"
    assert shown[AUTHOR.key.name].algorithms == (CoseAlgorithm.ESP256,)
    assert shown[AUTHOR.key.name].purposes == {Purpose.MANIFEST}
    assert MAC_SECRET not in repr(shown).encode()


@pytest.mark.req("H6-11")
@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": CoseAlgorithm.ES256},
        {"digest": bytes(32)},
        {"key": STRANGER.key.name},
        {"proof": bytes(32)},
        {"proof": b""},
    ],
    ids=["algorithm", "digest", "key", "proof", "no-proof"],
)
def test_a_forged_ticket_raises_nothing(ic: SecurityIC, change: dict[str, object]) -> None:
    forged = replace(manifest_ticket(ic), **change)  # type: ignore[arg-type]  # one field at a time
    with pytest.raises(PolicyDeniedError, match="not of this IC"):
        ic.raise_sequence(structure(ONE), ONE, proof=[forged])
    assert ic.floor(SLOT) == Floor(SLOT)


@pytest.mark.req("H6-11")
def test_a_ticket_cannot_be_turned_to_another_purpose_or_kind(ic: SecurityIC) -> None:
    presented = presented_ticket(ic)
    stream = ic.hash_open(CoseAlgorithm.SHA_256)
    hashed = stream.finish()
    as_manifest = replace(presented, purpose=Purpose.MANIFEST)
    as_verify = VerifyTicket(
        hashed.algorithm, hashed.digest, b"", Purpose.MANIFEST, hashed.boot_count, hashed.proof
    )
    for forged in (as_manifest, as_verify):
        with pytest.raises(PolicyDeniedError, match="not of this IC"):
            ic.raise_sequence(structure(ONE), ONE, proof=[forged])
    with pytest.raises(PolicyDeniedError, match="needs a ticket"):
        ic.raise_sequence(structure(ONE), ONE, proof=[hashed])


@pytest.mark.req("H6-11")
def test_one_bad_ticket_spoils_the_proof(ic: SecurityIC) -> None:
    good = manifest_ticket(ic)
    bad: Ticket = HashTicket(CoseAlgorithm.SHA_256, bytes(32), 0, good.boot_count, bytes(32))
    with pytest.raises(PolicyDeniedError):
        ic.raise_sequence(structure(ONE), ONE, proof=[good, bad])


@pytest.mark.req("H6-11")
def test_tickets_die_with_the_boot(rig: Rig) -> None:
    before = rig.provision()
    old = manifest_ticket(before)
    after = rig.restart()
    with pytest.raises(PolicyDeniedError, match="another boot"):
        after.raise_sequence(structure(ONE), ONE, proof=[old])
    relabelled = replace(old, boot_count=after.info().boot_count)
    with pytest.raises(PolicyDeniedError, match="not of this IC"):
        after.raise_sequence(structure(ONE), ONE, proof=[relabelled])
    assert after.floor(SLOT) == Floor(SLOT)


@pytest.mark.req("H6-11")
def test_a_ticket_of_another_ic_is_worthless(ic: SecurityIC) -> None:
    other = Rig().provision()
    assert other.info().boot_count == ic.info().boot_count
    with pytest.raises(PolicyDeniedError, match="not of this IC"):
        ic.raise_sequence(structure(ONE), ONE, proof=[manifest_ticket(other)])


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        (CoseAlgorithm.SHA_256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (CoseAlgorithm.SHAKE128, "5881092dd818bf5cf8a3ddb793fbcba74097d5c526a6d35f97b83351940f2cc8"),
    ],
    ids=["sha256", "shake128"],
)
@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_a_digest_is_the_same_in_any_chunks(
    ic: SecurityIC, algorithm: CoseAlgorithm, digest: str, chunk: int
) -> None:
    stream = ic.hash_open(algorithm)
    for start in range(0, 3, chunk):
        stream.update(memoryview(b"abc")[start : start + chunk])
    ticket = stream.finish()
    assert ticket.digest.hex() == digest
    assert (ticket.algorithm, ticket.size) == (algorithm, 3)


def test_every_declared_hash_works_and_others_are_refused(ic: SecurityIC) -> None:
    declared = {a for a, where in ic.info().capabilities.hash.items() if where is not Where.ABSENT}
    for algorithm in CoseAlgorithm:
        if algorithm in declared:
            assert ic.hash_open(algorithm).finish().size == 0
        else:
            with pytest.raises(UnsupportedByIcError):
                ic.hash_open(algorithm)


def test_a_finished_stream_takes_and_gives_nothing_more(ic: SecurityIC) -> None:
    stream = ic.hash_open(CoseAlgorithm.SHA_256)
    stream.finish()
    with pytest.raises(IcUsageError):
        stream.update(b"more")
    with pytest.raises(IcUsageError):
        stream.finish()


def test_two_streams_do_not_mix(ic: SecurityIC) -> None:
    one, other = ic.hash_open(CoseAlgorithm.SHA_256), ic.hash_open(CoseAlgorithm.SHA_256)
    one.update(b"a")
    other.update(b"ab")
    one.update(b"b")
    assert one.finish().digest == other.finish().digest


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
