"""SUIT_Encryption_Info (E4 to E6) that breaks a rule of COSE, one at a time."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from conformance.casebook.case import (
    NEW,
    Case,
    rejected,
    update,
    write,
)
from conformance.casebook.encryption import (
    A128CTR,
    GCM,
    KEK,
    OPENERS,
    P256,
    WRITE,
    holding,
    written,
)
from conformance.forge import override
from conformance.forge_cbor import Item, Tag, encode
from conformance.forge_encrypt import content_key, encrypt
from spec.labels import (
    CborTag,
    CoseAlgorithm,
    CoseCurve,
    CoseHeader,
    CoseKeyParameter,
    CoseKeyType,
    Parameter,
    ReportReason,
)

TOPIC = "encryption"
_CBOR: Final = ReportReason.CBOR_PARSE
_COSE: Final = ReportReason.COSE_UNSUPPORTED
_ALGORITHM: Final = ReportReason.ALG_UNSUPPORTED
_CEK: Final = content_key(GCM, NEW)
_UNKNOWN: Final = -70000
_Info = tuple[str, bytes, ReportReason, str]


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    good = encrypt(NEW, GCM, KEK)
    for name, info, reason, summary in (*_structures(), *_headers(), *_wraps(), *_agreements()):
        yield rejected(
            f"parameter-encryption-info-{name}",
            "E4-1",
            summary,
            written(good._replace(info=info)),
            reason,
            keys=holding(*OPENERS),
        )
    yield rejected(
        "parameter-encryption-info-text",
        "E4-1",
        "A text where a byte string belongs.",
        update(NEW, install=[override({Parameter.ENCRYPTION_INFO: "d860"}), *write(NEW)]),
        _CBOR,
        keys=holding(*OPENERS),
    )
    yield rejected(
        "parameter-encryption-info-not-executed",
        "E4-1 M6.1-6",
        "It is refused where it stands, in a sequence that this procedure does not run.",
        update(NEW, install=write(NEW), load=[override({Parameter.ENCRYPTION_INFO: encode([])}), WRITE]),
        _CBOR,
        keys=holding(*OPENERS),
    )


def _structures() -> Iterator[_Info]:
    yield "untagged", encrypt(NEW, GCM, KEK, tag=None).info, _CBOR, "COSE_Encrypt without its tag."
    yield "encrypt0", encrypt(NEW, GCM, KEK, tag=16).info, _CBOR, "COSE_Encrypt0 has no recipients."
    yield "array", encode([]), _CBOR, "No COSE at all."
    yield "not-cbor", b"\xff", _CBOR, "Not CBOR."
    yield "trailing", encrypt(NEW, GCM, KEK).info + b"\0", _CBOR, "Bytes behind the structure."
    yield "empty", b"", _CBOR, "Nothing at all."
    yield "no-recipients", encrypt(NEW, GCM).info, _CBOR, "A list of recipients with none."
    many = [KEK.recipient(_CEK)] * 65
    yield "65-recipients", encrypt(NEW, GCM, recipients=many).info, _CBOR, "More than 64 recipients."
    three = encode(Tag(CborTag.COSE_ENCRYPT.value, [encode({1: GCM}), {CoseHeader.IV: bytes(12)}, None]))
    yield "three-elements", three, _CBOR, "A structure of three elements."
    yield "attached", encrypt(NEW, GCM, KEK, detached=b"").info, _COSE, "The ciphertext is not detached."


def _headers() -> Iterator[_Info]:
    alg = CoseHeader.ALG
    yield (
        "alg-in-both-buckets",
        encrypt(NEW, GCM, KEK, unprotected={alg: GCM}).info,
        _CBOR,
        "alg stands in both buckets.",
    )
    yield (
        "gcm-unprotected",
        encrypt(NEW, GCM, KEK, protected=b"", unprotected={alg: GCM}).info,
        _COSE,
        ("An AEAD cipher that is not protected could be exchanged for another."),
    )
    sealed = encode({alg: A128CTR})
    yield (
        "ctr-protected",
        encrypt(NEW, A128CTR, KEK, protected=sealed, without=[alg]).info,
        _CBOR,
        ("AES-CTR protects nothing, so its protected header has to be empty (RFC 9459)."),
    )
    kid = encode({CoseHeader.KID: b"x"})
    yield (
        "ctr-protected-kid",
        encrypt(NEW, A128CTR, KEK, protected=kid).info,
        _CBOR,
        "The same with a kid.",
    )
    yield "no-alg", encrypt(NEW, GCM, KEK, protected=b"").info, _COSE, "No cipher is named."
    for name, number in (("ccm", 10), ("hmac", 5), ("unknown", 4711)):
        info = encrypt(NEW, GCM, KEK, protected=encode({alg: number})).info
        yield f"alg-{name}", info, _ALGORITHM, "A cipher that SUIT does not use."
    crit = encode({alg: GCM, CoseHeader.CRIT: [_UNKNOWN], _UNKNOWN: 1})
    yield (
        "crit-unknown",
        encrypt(NEW, GCM, KEK, protected=crit).info,
        _COSE,
        ("A critical header that is not understood."),
    )
    yield (
        "crit-unprotected",
        encrypt(NEW, GCM, KEK, unprotected={CoseHeader.CRIT: [alg]}).info,
        _CBOR,
        ("crit that is not protected."),
    )
    iv = CoseHeader.IV
    yield (
        "no-iv",
        encrypt(NEW, GCM, KEK, without=[iv]).info,
        _COSE,
        "No IV; none is taken from elsewhere.",
    )
    yield (
        "partial-iv",
        encrypt(NEW, GCM, KEK, unprotected={CoseHeader.PARTIAL_IV: b"\1"}).info,
        _COSE,
        ("A partial IV needs a context that SUIT does not have."),
    )
    yield "iv-short", encrypt(NEW, GCM, KEK, unprotected={iv: bytes(11)}).info, _CBOR, "An IV of 11 bytes."
    yield (
        "iv-long",
        encrypt(NEW, GCM, KEK, unprotected={iv: bytes(16)}).info,
        _CBOR,
        ("An IV of 16 bytes for AES-GCM, as the draft's text once showed it."),
    )
    yield (
        "ctr-iv-short",
        encrypt(NEW, A128CTR, KEK, unprotected={iv: bytes(12)}).info,
        _CBOR,
        ("An initial counter block of 12 bytes."),
    )
    yield "iv-text", encrypt(NEW, GCM, KEK, unprotected={iv: "0" * 12}).info, _CBOR, "An IV in text."


def _wraps() -> Iterator[_Info]:
    alg = CoseHeader.ALG
    for name, wrapped in (
        ("short", bytes(16)),
        ("long", bytes(32)),
        ("odd", bytes(23)),
        ("empty", b""),
        ("nil", None),
    ):
        rows = [[b"", {alg: CoseAlgorithm.A128KW}, wrapped]]
        yield (
            f"wrapped-{name}",
            encrypt(NEW, GCM, recipients=rows).info,
            _CBOR,
            ("A wrapped content key of the wrong size for its cipher."),
        )
    sealed = encode({alg: CoseAlgorithm.A128KW})
    rows = [KEK.recipient(_CEK, protected=sealed, without=[alg])]
    yield (
        "wrap-protected",
        encrypt(NEW, GCM, recipients=rows).info,
        _CBOR,
        ("AES key wrap has no room for a protected header."),
    )
    rows = [KEK.recipient(_CEK, protected=encode({CoseHeader.KID: b"kek"}), without=[CoseHeader.KID])]
    yield "wrap-protected-kid", encrypt(NEW, GCM, recipients=rows).info, _CBOR, "The same with a kid in it."
    for name, number in (("direct", -6), ("ecdh-direct", -25), ("ecdh-static", -32), ("rsa", -40)):
        bare: list[Item] = [b"", {alg: number}, b""]
        yield (
            f"recipient-{name}",
            encrypt(NEW, GCM, recipients=[bare]).info,
            _ALGORITHM,
            "The only recipient has an algorithm that SUIT excludes.",
        )
    rows = [KEK.recipient(_CEK, more={CoseHeader.KID: 7})]
    yield "kid-number", encrypt(NEW, GCM, recipients=rows).info, _CBOR, "A kid that is a number."
    nested: list[Item] = [*KEK.recipient(_CEK), [KEK.recipient(_CEK)]]
    yield (
        "nested-recipients",
        encrypt(NEW, GCM, recipients=[nested]).info,
        _COSE,
        "A recipient with recipients.",
    )
    rows = [KEK.recipient(_CEK)[:2]]
    yield "recipient-two-elements", encrypt(NEW, GCM, recipients=rows).info, _CBOR, "Two elements."


def _agreements() -> Iterator[_Info]:
    ephemeral = CoseHeader.EPHEMERAL_KEY

    def info(opener: Any = P256, **parts: Any) -> bytes:  # noqa: ANN401 - as Opener.recipient
        return encrypt(NEW, GCM, recipients=[opener.recipient(_CEK, **parts)]).info

    for label in (
        CoseHeader.STATIC_KEY,
        CoseHeader.STATIC_KEY_ID,
        CoseHeader.PARTY_U_IDENTITY,
        CoseHeader.PARTY_V_NONCE,
    ):
        name = label.name.lower().replace("_", "-")
        yield (
            f"agreement-{name}",
            info(more={label: b"x"}),
            _COSE,
            "A header that SUIT does not have.",
        )
    yield (
        "agreement-unprotected",
        info(protected=b"", more={CoseHeader.ALG: P256.algorithm}),
        _COSE,
        ("The algorithm of a key agreement is not protected."),
    )
    yield "agreement-without-key", info(without=[ephemeral]), _CBOR, "No ephemeral key."
    yield (
        "agreement-crit",
        info(protected=encode({CoseHeader.ALG: P256.algorithm, CoseHeader.CRIT: [_UNKNOWN], _UNKNOWN: 1})),
        _COSE,
        "A critical header of the only recipient is not understood.",
    )
    yield "salt-text", info(more={CoseHeader.SALT: "salt"}), _CBOR, "A salt in text."
    kty, crv, x, y = (
        CoseKeyParameter.KTY,
        CoseKeyParameter.CRV,
        CoseKeyParameter.X,
        CoseKeyParameter.Y,
    )
    point: Mapping[Item, Item] = {
        kty: CoseKeyType.EC2,
        crv: CoseCurve.P_256,
        x: bytes(32),
        y: bytes(32),
    }
    for name, changed, reason in (
        ("short-x", {x: bytes(31)}, _CBOR),
        ("short-y", {y: bytes(31)}, _CBOR),
        ("no-y", {y: None}, _CBOR),
        ("private", {CoseKeyParameter.D: bytes(32)}, _CBOR),
        ("p384", {crv: CoseCurve.P_384}, _ALGORITHM),
        ("ed25519", {kty: CoseKeyType.OKP, crv: CoseCurve.ED25519}, _ALGORITHM),
    ):
        key = {label: value for label, value in {**point, **changed}.items() if value is not None}
        yield f"ephemeral-{name}", info(more={ephemeral: key}), reason, "An ephemeral key that is none."
