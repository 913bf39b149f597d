"""The author's side: encrypt once, for many; let recipients come and go."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from conformance.cddl import check
from spec.labels import CoseAlgorithm, CoseCurve
from suit import ciphers
from suit.cose_encrypt import parse_encryption_info
from suit.encrypt import MAX_PAYLOAD, _content_key, add_recipients, drop_recipients, encrypt
from suit.encryption import CBC, MAX_RECIPIENTS, SIZES, EncryptionInfo
from suit.errors import KeyUnavailableError, UsageError
from suit.recipient_keys import RecipientKey, RecipientKeyType, generate

KEYS = [generate(kind, kid=kind.name.encode()) for kind in RecipientKeyType]
STRANGER = generate(RecipientKeyType.X25519, kid=b"stranger")
PAYLOAD = [b"a payload ", b"", b"in pieces" * 100]


def encrypted(
    keys: list[RecipientKey], algorithm: CoseAlgorithm = CoseAlgorithm.A128GCM
) -> tuple[EncryptionInfo, bytes]:
    out: list[bytes] = []
    info = encrypt(PAYLOAD, out.append, [key.public() for key in keys], algorithm)
    return info, b"".join(out)


def opened(info: EncryptionInfo, ciphertext: bytes, key: RecipientKey, piece: int = 37) -> bytes:
    cipher = ciphers.decryptor(info.algorithm, _content_key(info, key), info.iv, info.aad)
    pieces = [ciphertext[start : start + piece] for start in range(0, len(ciphertext), piece)]
    return b"".join([*[cipher.update(one) for one in pieces], cipher.finish()])


@pytest.mark.req("A3-1", "I4.3.12")
@pytest.mark.parametrize("algorithm", [one for one in SIZES if one not in CBC])
def test_every_recipient_opens_what_was_encrypted(algorithm: CoseAlgorithm) -> None:
    info, ciphertext = encrypted(KEYS, algorithm)
    check(info.raw, "encryption-info")
    for key in KEYS:
        assert opened(info, ciphertext, key) == b"".join(PAYLOAD)
    with pytest.raises(KeyUnavailableError):
        opened(info, ciphertext, STRANGER)


@pytest.mark.req("E6-1", "E5.2-3")
def test_nothing_is_drawn_twice() -> None:
    runs = [encrypted(KEYS) for _ in range(20)]
    assert len({info.iv for info, _ in runs}) == 20
    assert len({_content_key(info, KEYS[0]) for info, _ in runs}) == 20
    assert len({ciphertext for _, ciphertext in runs}) == 20
    points = [one.ephemeral.point for info, _ in runs for one in info.recipients if one.ephemeral]
    assert len(set(points)) == len(points) == 40


@pytest.mark.req("E6-1")
def test_no_call_takes_a_content_key_or_an_iv() -> None:
    names = set(encrypt.__code__.co_varnames[: encrypt.__code__.co_argcount])
    assert names == {"plaintext", "write", "recipients", "algorithm"}


def test_recipients_come_and_go_without_the_payload() -> None:
    info, ciphertext = encrypted(KEYS[:1])
    more = add_recipients(info.raw, KEYS[0], [STRANGER.public(), KEYS[4].public()])
    assert (more.iv, more.algorithm) == (info.iv, info.algorithm)
    for key in (KEYS[0], STRANGER, KEYS[4]):
        assert opened(more, ciphertext, key) == b"".join(PAYLOAD)
    fewer = drop_recipients(more.raw, [b"stranger"])
    assert [one.kid for one in fewer.recipients] == [KEYS[0].kid, KEYS[4].kid]
    assert opened(fewer, ciphertext, KEYS[4]) == b"".join(PAYLOAD)
    with pytest.raises(KeyUnavailableError):
        opened(fewer, ciphertext, STRANGER)


def test_a_new_key_of_an_old_name_replaces_it() -> None:
    info, ciphertext = encrypted([KEYS[0], STRANGER])
    successor = generate(RecipientKeyType.P256_ECDH, kid=b"stranger")
    renewed = add_recipients(info.raw, KEYS[0], [successor.public()])
    assert [one.kid for one in renewed.recipients] == [KEYS[0].kid, b"stranger"]
    assert opened(renewed, ciphertext, successor) == b"".join(PAYLOAD)


def test_who_is_no_recipient_adds_none() -> None:
    info, _ = encrypted(KEYS[:1])
    for opener in (STRANGER, KEYS[0].public() if KEYS[0].curve else KEYS[4].public()):
        with pytest.raises(KeyUnavailableError):
            add_recipients(info.raw, opener, [STRANGER])


def test_recipients_that_make_no_sense_are_refused() -> None:
    info, _ = encrypted(KEYS[:1])
    with pytest.raises(UsageError, match="at least one"):
        encrypted([])
    with pytest.raises(UsageError, match="twice"):
        encrypted([STRANGER, STRANGER])
    with pytest.raises(UsageError, match="64"):
        encrypted([generate(RecipientKeyType.A128KW) for _ in range(MAX_RECIPIENTS + 1)])
    with pytest.raises(UsageError, match="64"):
        add_recipients(info.raw, KEYS[0], [generate(RecipientKeyType.A128KW) for _ in range(MAX_RECIPIENTS)])
    with pytest.raises(UsageError, match="no recipient"):
        drop_recipients(info.raw, [b"nobody"])
    with pytest.raises(UsageError, match="last"):
        drop_recipients(info.raw, [b"A128KW"])


@pytest.mark.req("E5.2-2")
def test_a_key_that_nobody_can_agree_with_is_refused() -> None:
    with pytest.raises(UsageError, match="nobody can agree"):
        encrypted([RecipientKey(CoseCurve.X25519, bytes(32))])


@pytest.mark.parametrize("algorithm", [*sorted(CBC, key=str), CoseAlgorithm.ESP256])
def test_nobody_encrypts_with_what_is_for_reading(algorithm: CoseAlgorithm) -> None:
    with pytest.raises(UsageError, match="not a cipher"):
        encrypted(KEYS[:1], algorithm)


def test_a_payload_has_an_end() -> None:
    class Endless(bytes):
        @override
        def __len__(self) -> int:
            return MAX_PAYLOAD + 1

    with pytest.raises(UsageError, match="too large"):
        encrypt(itertools.repeat(Endless()), lambda _: None, KEYS[:1])


@given(
    st.lists(st.binary(max_size=40), max_size=6),
    st.integers(1, 50),
    st.sampled_from([one for one in SIZES if one not in CBC]),
)
def test_pieces_of_any_size_give_the_same(parts: list[bytes], piece: int, algorithm: CoseAlgorithm) -> None:
    out: list[bytes] = []
    info = encrypt(parts, out.append, [KEYS[0]], algorithm)
    assert opened(parse_encryption_info(info.raw, where=""), b"".join(out), KEYS[0], piece) == b"".join(parts)
