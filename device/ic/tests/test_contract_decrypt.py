"""Contract: content keys stay in the IC, and plaintext counts only after every check."""

import copy
import hashlib
import pickle
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from device.ic.errors import (
    DecryptFailedError,
    IcError,
    IcUnavailableError,
    IcUsageError,
    KeyUsageError,
    PolicyDeniedError,
    UnknownKeyError,
    UnsupportedByIcError,
)
from device.ic.interface import (
    Bound,
    ContentKey,
    DecryptStream,
    ImageTicket,
    KeyUse,
    Purpose,
    SecurityIC,
    Side,
    Where,
)
from device.ic.tests.rig import OPENERS, ROOT, SECRET, SIGNERS, Rig, manifest, structure
from spec.labels import CONTENT_CIPHERS, KEY_AGREEMENTS, KEY_WRAPS, CoseAlgorithm, CoseCurve, CoseKeyType
from suit.encrypt import encrypt
from suit.encryption import CBC, SIZES, UNAUTHENTICATED, EncryptionInfo, EphemeralKey, Recipient
from suit.keys import CoseKey
from suit.manifest import Digest
from suit.recipient_keys import RecipientKey, RecipientKeyType, generate

PLAINTEXT = b"the firmware, as it shall run" * 50
DIGEST = Digest(CoseAlgorithm.SHA_256, hashlib.sha256(PLAINTEXT).digest())
WRONG = Digest(CoseAlgorithm.SHA_256, bytes(32))
GCM, CTR, CHACHA = CoseAlgorithm.A128GCM, CoseAlgorithm.A128CTR, CoseAlgorithm.CHACHA20_POLY1305
KEK = next(key for key in OPENERS if key.admitted == {CoseAlgorithm.A128KW})
P256 = next(key for key in OPENERS if key.curve is CoseCurve.P_256)
MONTGOMERY = next(key for key in OPENERS if key.curve is CoseCurve.X25519)
WRITTEN = [one for one in SIZES if one not in CBC]
BARE = [one for one in SIZES if one in UNAUTHENTICATED]


def encrypted(
    *keys: RecipientKey, algorithm: CoseAlgorithm = GCM, plaintext: bytes = PLAINTEXT
) -> tuple[EncryptionInfo, bytes]:
    out: list[bytes] = []
    info = encrypt([plaintext], out.append, [key.public() for key in keys or (KEK,)], algorithm)
    return info, b"".join(out)


def unwrapped(ic: SecurityIC, info: EncryptionInfo, key: RecipientKey = KEK) -> ContentKey:
    return ic.unwrap(key.name, info.recipients[0], info.algorithm)


def stream_of(
    ic: SecurityIC, info: EncryptionInfo, bound: Bound | None = None, key: RecipientKey = KEK
) -> DecryptStream:
    return ic.decrypt_open(unwrapped(ic, info, key), iv=info.iv, aad=info.aad, bound=bound)


def run(stream: DecryptStream, ciphertext: bytes, piece: int = 1 << 16) -> tuple[bytes, ImageTicket]:
    plain = [stream.update(ciphertext[start : start + piece]) for start in range(0, len(ciphertext), piece)]
    rest, ticket = stream.finish()
    return b"".join([*plain, rest]), ticket


def bounds(algorithm: CoseAlgorithm) -> Sequence[Bound | None]:
    return [Bound(DIGEST)] if algorithm in UNAUTHENTICATED else [Bound(DIGEST), None]


def test_the_ic_shows_its_decryption_keys_and_not_their_secrets(ic: SecurityIC) -> None:
    shown = {key.name: key for key in ic.decryption_keys()}
    assert shown.keys() == {key.name for key in OPENERS}
    for key in OPENERS:
        seen = shown[key.name]
        assert seen.kid == key.kid
        assert set(seen.algorithms) == key.admitted
        assert seen.use is (KeyUse.AGREE if key.curve else KeyUse.UNWRAP)
        assert key.secret not in seen.public
        assert seen.public == (key.public().to_cose() if key.curve else b"")


@pytest.mark.req("E5.1-1", "E5.2-1", "A5.2-1")
@pytest.mark.parametrize("key", OPENERS, ids=lambda key: str(key.kid))
@pytest.mark.parametrize("algorithm", WRITTEN, ids=lambda one: one.name)
def test_every_recipient_and_every_cipher_decrypts(
    ic: SecurityIC, key: RecipientKey, algorithm: CoseAlgorithm
) -> None:
    info, ciphertext = encrypted(key, algorithm=algorithm)
    for bound in bounds(algorithm):
        plain, ticket = run(stream_of(ic, info, bound, key), ciphertext)
        assert plain == PLAINTEXT
        assert (ticket.content, ticket.algorithm) == (algorithm, CoseAlgorithm.SHA_256)
        assert (ticket.digest, ticket.size) == (DIGEST.value, len(PLAINTEXT))


def test_it_says_where_it_decrypts(ic: SecurityIC) -> None:
    told = ic.info().capabilities
    assert set(told.unwrap) == KEY_WRAPS | KEY_AGREEMENTS
    assert set(told.decrypt) == CONTENT_CIPHERS
    assert told.levels()["decrypt.A128GCM"] > Where.ABSENT
    assert told.levels()["unwrap.ECDH_ES_A128KW"] > Where.ABSENT


@pytest.mark.parametrize("algorithm", WRITTEN, ids=lambda one: one.name)
@pytest.mark.parametrize("piece", [1, 15, 16, 17, 31, 1000, 65536])
def test_pieces_of_any_size_give_the_same(ic: SecurityIC, algorithm: CoseAlgorithm, piece: int) -> None:
    info, ciphertext = encrypted(algorithm=algorithm, plaintext=PLAINTEXT[:100])
    digest = Digest(CoseAlgorithm.SHA_256, hashlib.sha256(PLAINTEXT[:100]).digest())
    assert run(stream_of(ic, info, Bound(digest)), ciphertext, piece)[0] == PLAINTEXT[:100]


def test_a_payload_of_no_bytes_decrypts(ic: SecurityIC) -> None:
    for algorithm in (GCM, CHACHA, CTR):
        info, ciphertext = encrypted(algorithm=algorithm, plaintext=b"")
        bound = Bound(Digest(CoseAlgorithm.SHA_256, hashlib.sha256(b"").digest()))
        plain, ticket = run(stream_of(ic, info, bound), ciphertext)
        assert (plain, ticket.size) == (b"", 0)


@pytest.mark.req("H6-21")
@pytest.mark.parametrize("algorithm", [GCM, CHACHA], ids=lambda one: one.name)
def test_a_wrong_tag_is_refused(ic: SecurityIC, algorithm: CoseAlgorithm) -> None:
    info, ciphertext = encrypted(algorithm=algorithm)
    for changed in (
        ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]),
        bytes([ciphertext[0] ^ 1]) + ciphertext[1:],
        ciphertext[:-1],
        ciphertext[-15:],
        ciphertext + b"\0",
        b"",
    ):
        for bound in (None, Bound(DIGEST)):
            with pytest.raises(DecryptFailedError):
                run(stream_of(ic, info, bound), changed)


@pytest.mark.req("H6-21", "E4.3-1")
@pytest.mark.parametrize("algorithm", WRITTEN, ids=lambda one: one.name)
def test_another_digest_is_refused(ic: SecurityIC, algorithm: CoseAlgorithm) -> None:
    info, ciphertext = encrypted(algorithm=algorithm)
    for side in Side:
        with pytest.raises(DecryptFailedError):
            run(stream_of(ic, info, Bound(WRONG, side)), ciphertext)


@pytest.mark.req("E4.3-1")
def test_a_digest_binds_the_side_that_it_is_of(ic: SecurityIC) -> None:
    info, ciphertext = encrypted(algorithm=CTR)
    of_ciphertext = Digest(CoseAlgorithm.SHA_512, hashlib.sha512(ciphertext).digest())
    for good in (
        Bound(of_ciphertext, Side.CIPHERTEXT),
        Bound(of_ciphertext, Side.EITHER),
        Bound(DIGEST, Side.EITHER),
    ):
        plain, ticket = run(stream_of(ic, info, good), ciphertext)
        assert plain == PLAINTEXT
        assert ticket.digest == hashlib.new(ticket.algorithm.name.replace("_", ""), PLAINTEXT).digest()
    for bad in (Bound(of_ciphertext), Bound(DIGEST, Side.CIPHERTEXT)):
        with pytest.raises(DecryptFailedError):
            run(stream_of(ic, info, bad), ciphertext)


@pytest.mark.req("E8-1")
@pytest.mark.parametrize("algorithm", BARE, ids=lambda one: one.name)
def test_a_cipher_without_tag_needs_a_digest(ic: SecurityIC, algorithm: CoseAlgorithm) -> None:
    size = SIZES[algorithm].key
    helper = next(
        one for one in (GCM, CoseAlgorithm.A192GCM, CoseAlgorithm.A256GCM) if SIZES[one].key == size
    )
    info, _ = encrypted(algorithm=helper)
    key = ic.unwrap(KEK.name, info.recipients[0], algorithm)
    with pytest.raises(IcUsageError, match="digest"):
        ic.decrypt_open(key, iv=bytes(16), aad=b"", bound=None)
    with pytest.raises(IcUsageError, match="used"):  # and the key is gone
        ic.decrypt_open(key, iv=bytes(16), aad=b"", bound=Bound(DIGEST))


@pytest.mark.req("H6-20")
def test_a_content_key_is_good_for_one_stream(ic: SecurityIC) -> None:
    info, ciphertext = encrypted()
    key = unwrapped(ic, info)
    assert run(ic.decrypt_open(key, iv=info.iv, aad=info.aad, bound=None), ciphertext)[0] == PLAINTEXT
    with pytest.raises(IcError):
        ic.decrypt_open(key, iv=info.iv, aad=info.aad, bound=None)
    discarded = unwrapped(ic, info)
    discarded.discard()
    discarded.discard()
    with pytest.raises(IcError):
        ic.decrypt_open(discarded, iv=info.iv, aad=info.aad, bound=None)


@pytest.mark.req("H6-20")
def test_a_content_key_belongs_to_its_session(rig: Rig) -> None:
    info, _ = encrypted()
    with rig.provision() as ic:
        key = unwrapped(ic, info)
    with rig.restart() as again, pytest.raises(IcError):
        again.decrypt_open(key, iv=info.iv, aad=info.aad, bound=None)


def test_decryption_keys_stay_over_restarts(rig: Rig) -> None:
    info, ciphertext = encrypted(P256)
    with rig.provision() as ic:
        shown = ic.decryption_keys()
    with rig.restart() as again:
        assert again.decryption_keys() == shown
        assert run(stream_of(again, info, key=P256), ciphertext)[0] == PLAINTEXT


def test_a_stream_is_used_up_by_its_end(ic: SecurityIC) -> None:
    info, ciphertext = encrypted()
    finished, aborted, failed = stream_of(ic, info), stream_of(ic, info), stream_of(ic, info)
    run(finished, ciphertext)
    aborted.update(ciphertext)
    aborted.abort()
    with pytest.raises(DecryptFailedError):
        failed.finish()
    for stream in (finished, aborted, failed):
        with pytest.raises(IcUsageError):
            stream.update(b"more")
        with pytest.raises(IcUsageError):
            stream.finish()
        stream.abort()


def test_two_streams_do_not_touch_each_other(ic: SecurityIC) -> None:
    one, other = encrypted(), encrypted(P256, algorithm=CHACHA, plaintext=b"another")
    first, second = stream_of(ic, one[0]), stream_of(ic, other[0], key=P256)
    head = first.update(one[1][:50])
    assert second.update(other[1]) == b"another"
    assert second.finish().ticket.size == 7
    rest = first.update(one[1][50:])
    assert head + rest + first.finish().rest == PLAINTEXT


@pytest.mark.req("H6-22")
def test_a_key_has_one_use(ic: SecurityIC) -> None:
    wrapped, _ = encrypted(KEK)
    agreed, _ = encrypted(P256)
    with pytest.raises(KeyUsageError):
        ic.unwrap(P256.name, wrapped.recipients[0], GCM)
    with pytest.raises(KeyUsageError):
        ic.unwrap(KEK.name, agreed.recipients[0], GCM)
    for anchor in (*ic.keys(),):
        with pytest.raises(UnknownKeyError):
            ic.unwrap(anchor.name, wrapped.recipients[0], GCM)
    for key in OPENERS:
        for purpose in Purpose:
            with pytest.raises(UnknownKeyError):
                ic.verify(key.name, CoseAlgorithm.HMAC_256, b"", bytes(32), purpose=purpose)


@pytest.mark.req("H6-22")
def test_a_decryption_key_becomes_no_trust_anchor_and_none_becomes_one(rig: Rig) -> None:
    with rig.provision() as ic, ic.authorize(SECRET) as change:
        before = ic.keys()
        with pytest.raises(PolicyDeniedError, match="one use"):
            change.add_anchor(CoseKey(CoseKeyType.SYMMETRIC, k=KEK.secret), {Purpose.MANIFEST})
        assert ic.keys() == before
    mac_key = SIGNERS[-1].key
    shared = Rig(openers=[RecipientKey(secret=mac_key.k)])
    with pytest.raises(IcUsageError, match="one key has one use"):
        shared.provision(ROOT)


def test_what_cannot_decrypt_is_not_provisioned() -> None:
    with pytest.raises(IcUsageError, match="public key"):
        Rig(openers=[P256.public()]).provision()
    with pytest.raises(IcUsageError, match="holds 16"):
        Rig(openers=[generate(RecipientKeyType.A128KW) for _ in range(17)]).provision()


@pytest.mark.req("E5.1-1")
def test_the_wrong_key_looks_like_any_failure(ic: SecurityIC) -> None:
    other = generate(RecipientKeyType.A128KW)
    messages = set()
    wrapped = encrypted(KEK)[0].recipients[0]
    agreed = encrypted(P256)[0].recipients[0]
    off = EphemeralKey(CoseCurve.P_256, b"\x04" + bytes(63) + b"\1")
    for name, recipient in (
        (KEK.name, encrypted(other)[0].recipients[0]),
        (KEK.name, replace(wrapped, wrapped=wrapped.wrapped[:-1] + b"\0")),
        (KEK.name, replace(wrapped, wrapped=wrapped.wrapped[:-8])),
        (KEK.name, replace(wrapped, wrapped=b"")),
        (P256.name, replace(agreed, ephemeral=off)),
        (P256.name, replace(agreed, ephemeral=None)),
        (P256.name, replace(agreed, salt=b"salt")),
        (P256.name, replace(agreed, context=b"")),
    ):
        with pytest.raises(DecryptFailedError) as raised:
            ic.unwrap(name, recipient, GCM)
        messages.add(str(raised.value))
    with pytest.raises(DecryptFailedError) as raised:
        run(stream_of(ic, encrypted()[0]), bytes(40))
    assert messages | {str(raised.value)} == {str(raised.value)}
    assert ic.info().failures == 0


@pytest.mark.req("E5.2-2")
@pytest.mark.parametrize(
    ("key", "curve", "point"),
    [
        (P256, CoseCurve.P_256, b"\x04" + bytes(64)),
        (P256, CoseCurve.P_256, b"\x04" + b"\xff" * 64),
        (P256, CoseCurve.P_256, b"\x02" + bytes(31) + b"\1"),
        (P256, CoseCurve.P_256, b"\0"),
        (P256, CoseCurve.P_256, b""),
        (P256, CoseCurve.X25519, bytes(31) + b"\t"),
        (MONTGOMERY, CoseCurve.X25519, bytes(32)),
        (MONTGOMERY, CoseCurve.X25519, b"\1" + bytes(31)),
        (MONTGOMERY, CoseCurve.X25519, b"\xec" + b"\xff" * 30 + b"\x7f"),
        (MONTGOMERY, CoseCurve.X25519, bytes(31)),
        (MONTGOMERY, CoseCurve.P_256, b"\x04" + bytes(64)),
    ],
)
def test_points_that_are_none_are_refused(
    ic: SecurityIC, key: RecipientKey, curve: CoseCurve, point: bytes
) -> None:
    recipient = replace(encrypted(key)[0].recipients[0], ephemeral=EphemeralKey(curve, point))
    with pytest.raises(DecryptFailedError):
        ic.unwrap(key.name, recipient, GCM)


def test_a_content_key_of_another_size_is_refused(ic: SecurityIC) -> None:
    info, _ = encrypted()
    with pytest.raises(DecryptFailedError):
        ic.unwrap(KEK.name, info.recipients[0], CoseAlgorithm.A256GCM)


def test_what_the_ic_does_not_have_is_unsupported(ic: SecurityIC) -> None:
    info, _ = encrypted()
    recipient = info.recipients[0]
    with pytest.raises(UnsupportedByIcError):
        ic.unwrap(KEK.name, recipient, CoseAlgorithm.ESP256)
    with pytest.raises(UnsupportedByIcError):
        ic.unwrap(KEK.name, Recipient(CoseAlgorithm.DIRECT, None, b""), GCM)
    with pytest.raises(UnsupportedByIcError):
        ic.unwrap(KEK.name, replace(recipient, algorithm=CoseAlgorithm.A256KW), GCM)
    with pytest.raises(UnknownKeyError):
        ic.unwrap(bytes(32), recipient, GCM)
    with pytest.raises(UnsupportedByIcError):
        stream_of(ic, info, Bound(Digest(CoseAlgorithm.ESP256, bytes(32))))


@pytest.mark.parametrize("iv", [b"", bytes(11), bytes(16)])
def test_an_iv_of_the_wrong_size_is_the_callers_fault(ic: SecurityIC, iv: bytes) -> None:
    info, _ = encrypted()
    with pytest.raises(IcUsageError):
        ic.decrypt_open(unwrapped(ic, info), iv=iv, aad=info.aad, bound=None)


def test_a_closed_ic_decrypts_nothing(ic: SecurityIC) -> None:
    info, _ = encrypted()
    key = unwrapped(ic, info)
    ic.close()
    for call in (
        ic.decryption_keys,
        lambda: unwrapped(ic, info),
        lambda: ic.decrypt_open(key, iv=info.iv, aad=info.aad, bound=None),
    ):
        with pytest.raises(IcUnavailableError):
            call()


@pytest.mark.req("H6-11")
def test_a_ticket_of_an_image_vouches_for_no_manifest(ic: SecurityIC) -> None:
    info, ciphertext = encrypted()
    _, ticket = run(stream_of(ic, info), ciphertext)
    of = manifest(1)
    with pytest.raises(PolicyDeniedError, match="needs a ticket"):
        ic.raise_sequence(structure(of), of, proof=[ticket])
    for forged in (replace(ticket, digest=bytes(32)), replace(ticket, size=1), replace(ticket, content=CTR)):
        with pytest.raises(PolicyDeniedError, match="not of this IC"):
            ic.raise_sequence(structure(of), of, proof=[forged])


@pytest.mark.req("H6-6", "H6-20")
def test_no_content_key_is_shown_or_copied(ic: SecurityIC) -> None:
    info, ciphertext = encrypted(plaintext=b"")
    key = unwrapped(ic, info)
    stream = stream_of(ic, info)
    for thing in (key, stream):
        assert not re.search("[0-9a-f]{32}|x[0-9a-f]{2}.x", repr(thing))
        with pytest.raises((IcUsageError, TypeError)):
            pickle.dumps(thing)
        with pytest.raises((IcUsageError, TypeError)):
            copy.copy(key)
    assert stream.update(ciphertext) == b""
    with pytest.raises(IcError) as raised:
        ic.unwrap(KEK.name, replace(info.recipients[0], wrapped=bytes(24)), GCM)
    assert KEK.secret.hex() not in str(raised.value)
