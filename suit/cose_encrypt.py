"""The door for COSE_Encrypt (RFC 9052 §5.1): what SUIT_Encryption_Info says, and how it is written (E4-E6).

Read without pycose, which wants ``alg`` protected for every cipher and so has no place for AES-CTR
(RFC 9459 §4), and which builds the context of a key derivation from its own encoding of a header instead
of the received one.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from spec.labels import (
    KEY_AGREEMENTS,
    KEY_WRAPS,
    CborTag,
    CoseAlgorithm,
    CoseCurve,
    CoseKeyType,
)
from spec.labels import CoseHeader as Label
from spec.labels import CoseKeyParameter as Param
from suit import cbor
from suit.cose_header import Header, named_algorithm, read_header
from suit.encryption import (
    AEADS,
    KEK_SIZES,
    MAX_RECIPIENTS,
    SIZES,
    UNAUTHENTICATED,
    WRAP_OVERHEAD,
    WRAPPED_BY,
    EncryptionInfo,
    EphemeralKey,
    Recipient,
)
from suit.errors import (
    LimitError,
    MalformedError,
    NotAuthenticError,
    UnsupportedAlgorithmError,
    UnsupportedCoseError,
)

MAX_SIZE: Final = 1 << 16
_LIMITS: Final = cbor.Limits(size=MAX_SIZE, depth=8, items=4096)
_PARTS: Final = 4
_RECIPIENT_PARTS: Final = 3
_COORDINATE: Final = 32
_EVEN, _ODD, _UNCOMPRESSED = b"\x02", b"\x03", b"\x04"  # what SEC 1 puts in front of a point
_NO_PARTY: Final = (None, None, None)
_PURPOSE: Final = b"SUIT Payload Encryption"
# What would enter the key derivation, or take part in it, in ways that E5.2 does not have.
_NOT_IN_SUIT: Final = (
    Label.STATIC_KEY,
    Label.STATIC_KEY_ID,
    Label.PARTY_U_IDENTITY,
    Label.PARTY_U_NONCE,
    Label.PARTY_U_OTHER,
    Label.PARTY_V_IDENTITY,
    Label.PARTY_V_NONCE,
    Label.PARTY_V_OTHER,
)


def parse_encryption_info(raw: bytes, *, where: str) -> EncryptionInfo:
    """Read a SUIT_Encryption_Info.

    Recipients that hardsuit does not understand are passed over, since they are meant for others.

    Args:
        raw: The encoded COSE_Encrypt, tag included.
        where: What it is called in messages.

    Raises:
        LimitError: It is over a limit.
        MalformedError: It is not deterministic CBOR, not a COSE_Encrypt, or against RFC 9052, 9053 or 9459.
        UnsupportedAlgorithmError: A cipher that hardsuit does not have, or no recipient that it understands.
        UnsupportedCoseError: COSE that hardsuit does not understand.
    """
    header, unprotected, rows = _parts(raw, where)
    algorithm = _algorithm(header, AEADS, UNAUTHENTICATED, where)
    labels = _labels(header, unprotected, where)
    if Label.PARTIAL_IV.value in labels:
        raise UnsupportedCoseError(f"{where}: a partial IV")
    if Label.IV.value not in labels:
        raise UnsupportedCoseError(f"{where}: the header has no IV")
    iv = _sized(labels[Label.IV.value], SIZES[algorithm].iv, f"the IV of {algorithm.name}", where)
    aad = cbor.encode(["Encrypt", header.protected, b""]) if algorithm in AEADS else b""
    return EncryptionInfo(raw, algorithm, iv, aad, _recipients(rows, SIZES[algorithm].key, where))


def kdf_context(algorithm: CoseAlgorithm, protected: bytes) -> bytes:
    """Return the encoded COSE_KDF_Context of a key agreement (E5.2).

    Args:
        algorithm: The key agreement. The context names the key wrap behind it.
        protected: The protected header of the recipient, as received.
    """
    wrap = WRAPPED_BY[algorithm]
    public = [KEK_SIZES[wrap] * 8, protected, _PURPOSE]
    return cbor.encode([wrap.value, list(_NO_PARTY), list(_NO_PARTY), public])


def encode_encryption_info(algorithm: CoseAlgorithm, iv: bytes, recipients: Sequence[cbor.Item]) -> bytes:
    """Encode a COSE_Encrypt with detached ciphertext.

    Args:
        algorithm: The content cipher.
        iv: Its initialisation vector.
        recipients: Items from :func:`recipient_item`, or from :func:`recipient_items` of another one.
    """
    protected, unprotected = content_header(algorithm)
    parts = [protected, {**unprotected, Label.IV.value: iv}, None, list(recipients)]
    return cbor.encode(cbor.Tagged(CborTag.COSE_ENCRYPT.value, parts))


def content_header(algorithm: CoseAlgorithm) -> tuple[bytes, dict[int, int]]:
    """Return the protected bucket of a cipher, encoded, and the start of the other one (E6, RFC 9459 §4)."""
    alg = {Label.ALG.value: algorithm.value}
    return (cbor.encode(alg), {}) if algorithm in AEADS else (b"", alg)


def recipient_item(
    algorithm: CoseAlgorithm,
    kid: bytes | None,
    wrapped: bytes,
    *,
    ephemeral: EphemeralKey | None = None,
) -> cbor.Item:
    """Return a COSE_recipient as the item to encode (E5); the point of an ephemeral key is not compressed."""
    alg = {Label.ALG.value: algorithm.value}
    named: dict[int, cbor.Item] = {} if kid is None else {Label.KID.value: kid}
    if ephemeral is None:
        return [b"", {**alg, **named}, wrapped]
    elliptic = ephemeral.curve is CoseCurve.P_256
    coordinates = ephemeral.point[1:] if elliptic else ephemeral.point
    members: dict[int, cbor.Item] = {
        Param.KTY.value: (CoseKeyType.EC2 if elliptic else CoseKeyType.OKP).value,
        Param.CRV.value: ephemeral.curve.value,
        Param.X.value: coordinates[:_COORDINATE],
    }
    if elliptic:
        members[Param.Y.value] = coordinates[_COORDINATE:]
    return [cbor.encode(alg), {Label.EPHEMERAL_KEY.value: members, **named}, wrapped]


def recipient_items(raw: bytes, *, where: str) -> list[tuple[bytes | None, cbor.Item]]:
    """Return every recipient of an encoded SUIT_Encryption_Info with its kid, understood or not.

    Raises:
        MalformedError, UnsupportedCoseError: As :func:`parse_encryption_info`.
    """
    found = []
    for number, row in enumerate(_parts(raw, where)[2]):
        place = f"{where} recipient {number}"
        if type(row) is not list or len(row) < _RECIPIENT_PARTS:
            raise MalformedError(place, "a recipient is a structure of 3 elements")
        found.append((read_header(row[0], row[1], place).kid, row))
    return found


def _parts(raw: bytes, where: str) -> tuple[Header, Mapping[cbor.Item, cbor.Item], list[cbor.Item]]:
    item = cbor.decode(raw, where=where, limits=_LIMITS, ordered=False)
    if not isinstance(item, cbor.Tagged) or item.tag != CborTag.COSE_ENCRYPT.value:
        raise MalformedError(where, f"a COSE_Encrypt with tag {CborTag.COSE_ENCRYPT.value} was expected")
    parts = item.value
    if type(parts) is not list or len(parts) != _PARTS:
        raise MalformedError(where, f"a structure of {_PARTS} elements was expected")
    header = read_header(parts[0], parts[1], where)
    if parts[2] is not None:
        raise UnsupportedCoseError(f"{where}: the ciphertext is not detached")
    if type(parts[3]) is not list or not parts[3]:
        raise MalformedError(where, "COSE_Encrypt without recipients")
    if len(parts[3]) > MAX_RECIPIENTS:
        raise LimitError(where, f"more than {MAX_RECIPIENTS} recipients")
    return header, parts[1], parts[3]


def _algorithm(
    header: Header, sealed: frozenset[CoseAlgorithm], bare: frozenset[CoseAlgorithm], where: str
) -> CoseAlgorithm:
    """Return the algorithm, which has to stand where its kind wants it.

    Args:
        header: Both buckets.
        sealed: Algorithms that are protected.
        bare: Algorithms that protect nothing, themselves neither: their protected header is empty.
        where: What the structure is called in messages.
    """
    if header.algorithm is not None:
        algorithm = named_algorithm(header.algorithm, sealed | bare, where)
        if algorithm in bare:
            raise MalformedError(where, f"the protected header of {algorithm.name} has to be empty")
        return algorithm
    if header.open_algorithm is None:
        raise UnsupportedCoseError(f"{where}: the header has no alg")
    algorithm = named_algorithm(header.open_algorithm, sealed | bare, where)
    if algorithm in sealed:
        raise UnsupportedCoseError(f"{where}: alg {algorithm.name} is not protected")
    if header.protected:
        raise MalformedError(where, f"the protected header of {algorithm.name} has to be empty")
    return algorithm


def _labels(
    header: Header, unprotected: Mapping[cbor.Item, cbor.Item], where: str
) -> Mapping[cbor.Item, cbor.Item]:
    """Return both buckets in one; no label stands in both."""
    if not header.protected:
        return unprotected
    sealed: Mapping[cbor.Item, cbor.Item] = cbor.decode(header.protected, where=where, ordered=False)
    return {**sealed, **unprotected}


def _recipients(rows: list[cbor.Item], key_size: int, where: str) -> tuple[Recipient, ...]:
    known, unsupported = [], []
    for number, row in enumerate(rows):
        try:
            known.append(_recipient(row, key_size, f"{where} recipient {number}"))
        except NotAuthenticError as error:  # this one is for somebody else
            unsupported.append(error)
    if not known:
        raise unsupported[0]
    return tuple(known)


def _recipient(row: cbor.Item, key_size: int, where: str) -> Recipient:
    if type(row) is not list or len(row) not in (_RECIPIENT_PARTS, _PARTS):
        raise MalformedError(where, "a recipient is a structure of 3 or 4 elements")
    header = read_header(row[0], row[1], where)
    if len(row) == _PARTS:
        raise UnsupportedCoseError(f"{where}: a recipient with recipients of its own")
    algorithm = _algorithm(header, KEY_AGREEMENTS, KEY_WRAPS, where)
    wrapped = _sized(row[2], key_size + WRAP_OVERHEAD, "the wrapped content key", where)
    if algorithm in KEY_WRAPS:
        return Recipient(algorithm, header.kid, wrapped)
    labels = _labels(header, row[1], where)
    for label in _NOT_IN_SUIT:
        if label.value in labels:
            raise UnsupportedCoseError(f"{where}: header {label.name} is not used by SUIT")
    salt = labels.get(Label.SALT.value, b"")
    if type(salt) is not bytes:
        raise MalformedError(where, "salt has to be a byte string")
    ephemeral = _ephemeral(labels.get(Label.EPHEMERAL_KEY.value), where)
    context = kdf_context(algorithm, header.protected)
    return Recipient(algorithm, header.kid, wrapped, ephemeral, salt, context)


def _ephemeral(item: cbor.Item, where: str) -> EphemeralKey:
    if type(item) is not dict:
        raise MalformedError(where, "a key agreement needs an ephemeral key, a COSE_Key")
    if Param.D.value in item:
        raise MalformedError(where, "the ephemeral key comes with its private part")
    kty, crv = item.get(Param.KTY.value), item.get(Param.CRV.value)
    if type(kty) is not int or type(crv) is not int:
        raise UnsupportedAlgorithmError(f"{where}: an ephemeral key without kty and crv in numbers")
    x = item.get(Param.X.value)
    if (kty, crv) == (CoseKeyType.OKP.value, CoseCurve.X25519.value):
        return EphemeralKey(CoseCurve.X25519, _sized(x, _COORDINATE, "x of the ephemeral key", where))
    if (kty, crv) != (CoseKeyType.EC2.value, CoseCurve.P_256.value):
        raise UnsupportedAlgorithmError(f"{where}: an ephemeral key of kty {kty} and crv {crv}")
    x, y = _sized(x, _COORDINATE, "x of the ephemeral key", where), item.get(Param.Y.value)
    if isinstance(y, bool):
        return EphemeralKey(CoseCurve.P_256, (_ODD if y else _EVEN) + x)
    y = _sized(y, _COORDINATE, "y of the ephemeral key", where)
    return EphemeralKey(CoseCurve.P_256, _UNCOMPRESSED + x + y)


def _sized(item: cbor.Item, size: int, what: str, where: str) -> bytes:
    if type(item) is not bytes or len(item) != size:
        raise MalformedError(where, f"{what} has to be a byte string of {size} bytes")
    return item
