"""Authentication, the structures: what is signed, and how COSE says so (M8.3; RFC 9052)."""

from collections.abc import Iterator

from conformance.casebook.authentication import BODY, sealed
from conformance.casebook.case import AUTHOR, MAIN, NEW, STRANGER, Case, accepted, rejected
from conformance.forge import digest_of, digest_of_wrapped, envelope
from conformance.forge_cbor import Raw, Tag, encode
from conformance.forge_cose import Key, sign1
from spec.labels import CborTag, CoseAlgorithm, CoseHeader, Envelope, ReportReason

TOPIC = "authentication"
_FLIPPED = 20


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _digest()
    yield from _wrong_coverage()
    yield from _cose_headers()
    yield from _wrapper_structure()


def _digest() -> Iterator[Case]:
    for algorithm in (
        CoseAlgorithm.SHA_384,
        CoseAlgorithm.SHA_512,
        CoseAlgorithm.SHAKE128,
        CoseAlgorithm.SHAKE256,
    ):
        yield accepted(
            f"manifest-digest-{algorithm.name.lower().replace('_', '-')}",
            "M10-3 H3-6",
            f"The manifest is hashed with {algorithm.name}.",
            envelope(BODY, signers=[AUTHOR], algorithm=algorithm),
            after={MAIN: NEW},
        )
    yield rejected(
        "manifest-digest-unsupported",
        "M10-2",
        "The digest names the truncated SHA-256/64, which SUIT does not use.",
        envelope(BODY, signers=[AUTHOR], digest=[-15, digest_of_wrapped(BODY)[1][:8]]),
        ReportReason.ALG_UNSUPPORTED,
    )
    yield rejected(
        "manifest-digest-wrong",
        "M8.3-2",
        "A good signature over the digest of another manifest.",
        envelope(BODY, signers=[AUTHOR], digest=digest_of_wrapped(BODY + b"\x00")),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "manifest-digest-without-head",
        "M8.3-2",
        "The digest covers the byte string with its head, not its content alone.",
        envelope(BODY, signers=[AUTHOR], digest=digest_of(BODY)),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "manifest-digest-truncated",
        "M8.3-2",
        "Half a digest is no digest.",
        envelope(BODY, signers=[AUTHOR], digest=[-16, digest_of_wrapped(BODY)[1][:16]]),
    )
    good = envelope(BODY, signers=[AUTHOR])
    place = good.index(BODY) + len(BODY) - _FLIPPED
    changed = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
    yield rejected(
        "manifest-changed-after-signing",
        "M8.3-2 H3-5 I4.3.21",
        "One bit of the manifest is not what was signed.",
        changed,
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "manifest-malformed-and-unauthentic",
        "M6.2-1",
        "What nobody signed is not even parsed: the refusal is about the signature, not the CBOR.",
        envelope(b"\xff\xff\xff", signers=[STRANGER]),
        ReportReason.UNAUTHORISED,
    )


def _wrong_coverage() -> Iterator[Case]:
    yield rejected(
        "signature-over-manifest",
        "M8.3-4",
        "The signature covers the manifest instead of its digest.",
        sealed(lambda _: sign1(BODY, AUTHOR)),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "signature-over-wrapped-digest",
        "M8.3-4",
        "The signature covers the digest with a byte-string head, which the payload does not have.",
        sealed(lambda payload: sign1(encode(payload), AUTHOR)),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "signature-with-external-data",
        "M8.3-4",
        "External data is empty in SUIT.",
        sealed(lambda payload: sign1(payload, AUTHOR, aad=b"other protocol")),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "signature-of-other-structure",
        "M8.3-5",
        "A COSE_Sign signature moved into a COSE_Sign1 block is out of context.",
        sealed(_signature_moved),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "payload-embedded",
        "M8.3-4",
        "The payload is detached; a block that brings its own is not a SUIT_Authentication_Block.",
        sealed(lambda payload: sign1(payload, AUTHOR, embedded=payload)),
    )
    yield rejected(
        "signature-in-asn1",
        "M8.3-5",
        "COSE has raw ECDSA signatures, not ASN.1.",
        sealed(_signature_in_asn1),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "signature-empty",
        "M8.3-5",
        "A signature of no bytes.",
        sealed(lambda payload: sign1(payload, AUTHOR, signature=b"")),
    )
    yield rejected(
        "signature-zero",
        "M8.3-5",
        "r and s are zero: the oldest way around a careless ECDSA.",
        sealed(lambda payload: sign1(payload, AUTHOR, signature=bytes(64))),
        ReportReason.UNAUTHORISED,
    )


def _cose_headers() -> Iterator[Case]:
    yield rejected(
        "algorithm-unprotected",
        "H3-2",
        "The algorithm stands in the unprotected header, where anybody can change it.",
        sealed(
            lambda payload: sign1(
                payload,
                AUTHOR,
                protected={},
                unprotected={CoseHeader.ALG: AUTHOR.algorithm, CoseHeader.KID: AUTHOR.kid},
            )
        ),
    )
    yield rejected(
        "algorithm-missing",
        "H3-2",
        "No algorithm at all.",
        sealed(lambda payload: sign1(payload, AUTHOR, protected={})),
    )
    critical = {CoseHeader.ALG: AUTHOR.algorithm, CoseHeader.CRIT: [-70001], -70001: b""}
    yield rejected(
        "critical-header-unknown",
        "H3-2",
        "A header parameter that the author calls critical and the device does not know.",
        sealed(lambda payload: sign1(payload, AUTHOR, protected=critical)),
        ReportReason.COSE_UNSUPPORTED,
    )
    yield rejected(
        "header-in-both-buckets",
        "H3-2",
        "One label in the protected and the unprotected header (RFC 9052 §3).",
        sealed(
            lambda payload: sign1(
                payload,
                AUTHOR,
                unprotected={CoseHeader.ALG: AUTHOR.algorithm, CoseHeader.KID: AUTHOR.kid},
            )
        ),
    )


def _wrapper_structure() -> Iterator[Case]:
    signed = sign1(encode(digest_of_wrapped(BODY)), AUTHOR)
    payload = encode(digest_of_wrapped(BODY))
    wrapper_alone = {Envelope.AUTHENTICATION_WRAPPER: encode([payload, signed])}
    for name, wrapper in (
        ("empty", encode([])),
        ("digest-not-wrapped", encode([digest_of_wrapped(BODY), signed])),
        ("block-not-wrapped", encode([payload, Raw(signed)])),
        ("digest-last", encode([signed, payload])),
        ("not-array", encode({1: payload, 2: signed})),
    ):
        yield rejected(
            f"wrapper-{name}",
            "M8.3-2 M8.3-5",
            "The wrapper is an array: first the digest, then blocks, each in a byte string.",
            envelope(BODY, members={Envelope.AUTHENTICATION_WRAPPER: wrapper}),
            ReportReason.CBOR_PARSE,
        )
    yield rejected(
        "block-untagged",
        "M8.3-5",
        "Without its tag a block does not say what it is.",
        sealed(lambda payload: sign1(payload, AUTHOR, tag=None)),
    )
    yield rejected(
        "block-encrypt",
        "M8.3-5",
        "COSE_Encrypt0 authenticates no author.",
        sealed(lambda _: encode(Tag(CborTag.COSE_ENCRYPT0.value, [encode({CoseHeader.ALG: 1}), {}, None]))),
    )
    yield rejected(
        "envelope-without-wrapper",
        "M8.3-2",
        "There is a manifest and nothing to authenticate it with.",
        encode(Tag(CborTag.SUIT_ENVELOPE.value, {Envelope.MANIFEST: BODY})),
        ReportReason.CBOR_PARSE,
    )
    yield rejected(
        "envelope-without-manifest",
        "M8.3-2",
        "There is a wrapper and no manifest.",
        encode(Tag(CborTag.SUIT_ENVELOPE.value, wrapper_alone)),
        ReportReason.CBOR_PARSE,
    )
    yield accepted(
        "block-order-free",
        "M8.3-7",
        "The good block is the last of three.",
        envelope(BODY, signers=[STRANGER, Key("another", CoseAlgorithm.ED25519, b"z"), AUTHOR]),
        after={MAIN: NEW},
    )


def _signature_moved(payload: bytes) -> bytes:
    header = encode({CoseHeader.ALG: AUTHOR.algorithm})
    signature = AUTHOR.sign(encode(["Signature", b"", header, b"", payload]))
    return sign1(payload, AUTHOR, signature=signature)


def _signature_in_asn1(payload: bytes) -> bytes:
    header = encode({CoseHeader.ALG: AUTHOR.algorithm})
    structure = encode(["Signature1", header, b"", payload])
    return sign1(payload, AUTHOR, signature=AUTHOR.sign_der(structure))
