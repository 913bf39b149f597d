"""Encrypt payloads for recipients (E4 to E6): the author's side.

Every call draws a content key and an initialisation vector of its own, and no call takes one: they cannot be
used twice (E6, RFC 9459 §8). Recipients come and go by wrapping the same content key again; the payload stays
as it is. Who was a recipient once keeps what it could read: to shut somebody out, encrypt again.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from spec.labels import CoseAlgorithm
from suit import cbor, ciphers
from suit.cose_encrypt import (
    content_header,
    encode_encryption_info,
    kdf_context,
    parse_encryption_info,
    recipient_item,
    recipient_items,
)
from suit.encryption import CBC, KEK_SIZES, MAX_RECIPIENTS, SIZES, WRAPPED_BY, EncryptionInfo
from suit.errors import KeyUnavailableError, UsageError
from suit.recipient_keys import RecipientKey, RecipientKeyType, generate

MAX_PAYLOAD: Final = (1 << 36) - 32
"""Bytes that one content key encrypts with AES-GCM (NIST SP 800-38D §5.2.1.1); no other cipher takes more."""
_WHERE: Final = "encryption info"
_CHUNK: Final = 1 << 20
_KINDS: Final = {kind.value: kind for kind in RecipientKeyType}


def encrypt(
    plaintext: Iterable[bytes],
    write: Callable[[bytes], object],
    recipients: Sequence[RecipientKey],
    algorithm: CoseAlgorithm = CoseAlgorithm.A128GCM,
) -> EncryptionInfo:
    """Encrypt a payload of any length.

    Args:
        plaintext: The payload, in chunks.
        write: Takes the ciphertext, in chunks; the tag of an AEAD cipher is its end.
        recipients: Whom for; public keys are enough.
        algorithm: The content cipher.

    Returns:
        The encryption info, for ``suit-parameter-encryption-info``.

    Raises:
        UsageError: No recipient, one of them twice or too many, a cipher that is for reading only, or a
            payload that is too large for one content key.
    """
    if algorithm in CBC or algorithm not in SIZES:
        raise UsageError(f"{algorithm.name}: not a cipher to encrypt with")
    _require_recipients([key.name for key in recipients])
    sizes = SIZES[algorithm]
    content_key, iv = secrets.token_bytes(sizes.key), secrets.token_bytes(sizes.iv)
    protected, _ = content_header(algorithm)
    aad = cbor.encode(["Encrypt", protected, b""])
    cipher, size = ciphers.encryptor(algorithm, content_key, iv, aad), 0
    for chunk in plaintext:
        size += len(chunk)
        if size > MAX_PAYLOAD:
            raise UsageError(f"a payload of more than {MAX_PAYLOAD} bytes is too large for one content key")
        write(cipher.update(chunk))
    write(cipher.finish())
    rows = [_wrapped(key, content_key) for key in recipients]
    return parse_encryption_info(encode_encryption_info(algorithm, iv, rows), where=_WHERE)


def encrypt_file(
    payload: Path,
    out: Path,
    recipients: Sequence[RecipientKey],
    algorithm: CoseAlgorithm = CoseAlgorithm.A128GCM,
) -> EncryptionInfo:
    """Encrypt a file into another one, which is there whole or not at all. Args are those of :func:`encrypt`.

    Raises:
        OSError: A file cannot be read or written.
        UsageError: See :func:`encrypt`.
    """
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with payload.open("rb") as source, draft.open("xb") as target:
            info = encrypt(iter(lambda: source.read(_CHUNK), b""), target.write, recipients, algorithm)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return info


def add_recipients(raw: bytes, opener: RecipientKey, added: Sequence[RecipientKey]) -> EncryptionInfo:
    """Let others decrypt a payload as well; it is not encrypted again.

    Args:
        raw: The encoded encryption info.
        opener: A recipient's key, with its secret.
        added: The new recipients; one whose kid is there already replaces it.

    Raises:
        KeyUnavailableError: ``opener`` opens none of the recipients.
        RejectedError: It is no encryption info that hardsuit understands.
        UsageError: A key stands twice, or there would be too many.
    """
    info = parse_encryption_info(raw, where=_WHERE)
    content_key = _content_key(info, opener)
    _require_recipients([key.name for key in added])
    replaced = {key.kid for key in added if key.kid is not None}
    kept = [row for kid, row in recipient_items(raw, where=_WHERE) if kid is None or kid not in replaced]
    return _with_recipients(info, [*kept, *[_wrapped(key, content_key) for key in added]])


def drop_recipients(raw: bytes, kids: Iterable[bytes]) -> EncryptionInfo:
    """Leave recipients out. They keep what they could read already.

    Raises:
        RejectedError: It is no encryption info that hardsuit understands.
        UsageError: There is no recipient of that name, or none would be left.
    """
    info, dropped = parse_encryption_info(raw, where=_WHERE), set(kids)
    rows = recipient_items(raw, where=_WHERE)
    missing = dropped - {kid for kid, _ in rows}
    if missing:
        raise UsageError(f"there is no recipient {min(missing)!r}")
    return _with_recipients(info, [row for kid, row in rows if kid not in dropped])


def _with_recipients(info: EncryptionInfo, rows: list[cbor.Item]) -> EncryptionInfo:
    if not rows:
        raise UsageError("the last recipient cannot be dropped: nobody could decrypt the payload")
    if len(rows) > MAX_RECIPIENTS:
        raise UsageError(f"{len(rows)} recipients; an encryption info has {MAX_RECIPIENTS} at most")
    return parse_encryption_info(encode_encryption_info(info.algorithm, info.iv, rows), where=_WHERE)


def _require_recipients(names: list[bytes]) -> None:
    if not names:
        raise UsageError("at least one recipient is needed")
    if len(set(names)) < len(names):
        raise UsageError("a recipient is given twice")
    if len(names) > MAX_RECIPIENTS:
        raise UsageError(f"{len(names)} recipients; an encryption info has {MAX_RECIPIENTS} at most")


def _wrapped(key: RecipientKey, content_key: bytes) -> cbor.Item:
    algorithm = key.default_algorithm
    if key.curve is None:
        return recipient_item(algorithm, key.kid, ciphers.wrap(key.secret, content_key))
    sender = generate(_KINDS[key.curve], algorithm=algorithm)  # fresh for each recipient (E5.2)
    row = recipient_item(algorithm, key.kid, b"", ephemeral=sender.point)
    kek = _agreed(sender, key, algorithm, kdf_context(algorithm, row[0]))
    return [*row[:2], ciphers.wrap(kek, content_key)]


def _agreed(own: RecipientKey, other: RecipientKey, algorithm: CoseAlgorithm, context: bytes) -> bytes:
    try:
        secret = ciphers.agree(own.agreement_key(), other.point)
    except ValueError:
        raise UsageError(f"{other.title}: nobody can agree with this key") from None
    return ciphers.derive(secret, b"", context, KEK_SIZES[WRAPPED_BY[algorithm]])


def _content_key(info: EncryptionInfo, key: RecipientKey) -> bytes:
    """Open the content key; on a device this happens in the security IC alone."""
    for recipient in info.recipients:
        if recipient.algorithm not in key.admitted or (recipient.kid and recipient.kid != key.kid):
            continue
        try:
            kek = key.secret
            if recipient.ephemeral is not None:
                agreed = ciphers.agree(key.agreement_key(), recipient.ephemeral)
                size = KEK_SIZES[WRAPPED_BY[recipient.algorithm]]
                kek = ciphers.derive(agreed, recipient.salt, recipient.context, size)
            return ciphers.unwrap(kek, recipient.wrapped)
        except ValueError:
            continue
    raise KeyUnavailableError(f"{key.title} opens none of the recipients")
