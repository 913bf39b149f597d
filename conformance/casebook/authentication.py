"""Authentication: whose bytes a recipient believes (M6.2, 8.3, 10; RFC 9052)."""

from collections.abc import Iterator
from functools import partial

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    STRANGER,
    Case,
    accepted,
    parts_of,
    rejected,
    verify,
    write,
)
from conformance.forge import Block, digest_of, envelope, sign_with
from conformance.forge_cbor import encode
from conformance.forge_cose import Key, mac, mac0, sign, sign1
from spec.labels import CoseAlgorithm, CoseHeader, ReportReason

TOPIC = "authentication"
BODY = encode(parts_of(NEW, install=write(NEW)))
P384 = Key("author-384", CoseAlgorithm.ESP384, b"author-384")
P521 = Key("author-521", CoseAlgorithm.ESP512, b"author-521")
EDWARDS = Key("author-25519", CoseAlgorithm.ED25519, b"author-25519")
SHARED = Key("shared-secret", CoseAlgorithm.HMAC_256, b"shared")
OLD_STYLE = Key("author", CoseAlgorithm.ES256, b"author")
NAMELESS = Key("author", CoseAlgorithm.ESP256)
IMPOSTOR = Key("stranger", CoseAlgorithm.ESP256, b"author")


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _algorithms()
    yield from _mac_blocks()
    yield from _several_blocks()
    yield from _wrong_keys()


def sealed(*blocks: Block) -> bytes:
    """Return the usual update with these authentication blocks."""
    return envelope(BODY, blocks=blocks)


def _algorithms() -> Iterator[Case]:
    for key in (AUTHOR, P384, P521, EDWARDS):
        name = key.algorithm.name.lower()
        yield accepted(
            f"sign1-{name}",
            "M8.3-5 H3-6",
            f"A COSE_Sign1 block with {key.algorithm.name}.",
            envelope(BODY, signers=[key]),
            keys=verify(key),
            after={MAIN: NEW},
        )
        yield rejected(
            f"sign1-{name}-damaged",
            "M8.3-5 H3-5 I4.3.4",
            "One bit of the signature is wrong.",
            sealed(_damaged(key)),
            ReportReason.UNAUTHORISED,
            keys=verify(key),
        )
    yield accepted(
        "sign1-es256-bound",
        "H3-3",
        "The deprecated ES256 verifies with a key that says ES256.",
        envelope(BODY, signers=[OLD_STYLE]),
        keys=verify(OLD_STYLE),
        after={MAIN: NEW},
    )
    yield rejected(
        "sign1-es256-unbound",
        "H3-3",
        "ES256 does not verify with a key that names no algorithm.",
        envelope(BODY, signers=[OLD_STYLE]),
        keys=verify(OLD_STYLE, bind=False),
    )
    yield rejected(
        "sign1-es256-other-bound",
        "H3-3",
        "An algorithm in the key binds: an ESP256 key verifies no ES256 block.",
        envelope(BODY, signers=[OLD_STYLE]),
        keys=verify(AUTHOR),
    )
    yield accepted(
        "sign1-key-without-algorithm",
        "H3-3",
        "A P-256 key that names no algorithm verifies ESP256.",
        envelope(BODY, signers=[AUTHOR]),
        keys=verify(AUTHOR, bind=False),
        after={MAIN: NEW},
    )
    yield accepted(
        "sign1-without-kid",
        "M8.3-5",
        "A block that names no key is tried with the keys there are.",
        envelope(BODY, signers=[NAMELESS]),
        keys=verify(STRANGER, AUTHOR),
        after={MAIN: NEW},
    )
    yield accepted(
        "sign1-seventh-key",
        "M8.3-5",
        "The right key is one of seven.",
        envelope(BODY, signers=[AUTHOR]),
        keys=verify(P384, P521, EDWARDS, SHARED, STRANGER, Key("k6", AUTHOR.algorithm), AUTHOR),
        after={MAIN: NEW},
    )
    yield rejected(
        "sign1-algorithm-unknown",
        "M10-2",
        "A signature by an algorithm that nobody has registered vouches for nothing.",
        sealed(lambda payload: sign1(payload, AUTHOR, protected={CoseHeader.ALG: -65000})),
    )


def _mac_blocks() -> Iterator[Case]:
    forger = Key("x", SHARED.algorithm, SHARED.kid)
    for name, good, bad in (
        ("mac0", sealed(partial(mac0, key=SHARED)), sealed(partial(mac0, key=forger))),
        ("mac", sealed(partial(mac, key=SHARED)), sealed(partial(mac, key=forger))),
    ):
        yield accepted(
            f"{name}-hmac-256",
            "M8.3-5 H3-6",
            f"A COSE_{name.capitalize()} block with HMAC 256/256.",
            good,
            keys=verify(SHARED),
            after={MAIN: NEW},
        )
        yield rejected(
            f"{name}-wrong-secret",
            "M8.3-5 I4.3.4",
            "The tag was made with another secret.",
            bad,
            ReportReason.UNAUTHORISED,
            keys=verify(SHARED),
        )
    yield rejected(
        "mac0-with-public-key-as-secret",
        "H3-3",
        "A MAC made with the bytes of a public key, which everybody knows, proves nothing.",
        sealed(
            lambda payload: mac0(payload, Key("-", SHARED.algorithm, b"author"), secret=AUTHOR.public_point())
        ),
        keys=verify(AUTHOR),
    )
    yield rejected(
        "sign1-unknown-beside-mac-key",
        "H3-3 M8.3-5",
        "A COSE_Sign1 block that no signature key verifies is never tried with the MAC key.",
        envelope(BODY, signers=[Key("stranger", AUTHOR.algorithm)]),
        ReportReason.UNAUTHORISED,
        keys=verify(SHARED, AUTHOR),
    )


def _several_blocks() -> Iterator[Case]:
    yield accepted(
        "sign-two-signers",
        "M8.3-5 I4.5.5",
        "One COSE_Sign block, two signers, both known.",
        sealed(lambda payload: sign(payload, AUTHOR, EDWARDS)),
        keys=verify(AUTHOR, EDWARDS),
        after={MAIN: NEW},
    )
    yield accepted(
        "sign-one-known-signer",
        "M8.3-5 M8.3-7",
        "One COSE_Sign block, two signers, one of them unknown to the device.",
        sealed(lambda payload: sign(payload, STRANGER, AUTHOR)),
        after={MAIN: NEW},
    )
    yield rejected(
        "sign-damaged",
        "M8.3-5",
        "The only signature of a COSE_Sign block is wrong.",
        sealed(lambda payload: _flip(sign(payload, AUTHOR))),
        ReportReason.UNAUTHORISED,
    )
    yield accepted(
        "two-blocks-both-known",
        "M8.3-6 I4.5.5",
        "Two blocks over one digest, by different algorithms.",
        envelope(BODY, signers=[AUTHOR, EDWARDS]),
        keys=verify(AUTHOR, EDWARDS),
        after={MAIN: NEW},
    )
    yield accepted(
        "two-blocks-signature-and-mac",
        "M8.3-6",
        "A signature beside a MAC.",
        envelope(BODY, signers=[SHARED, AUTHOR]),
        keys=verify(AUTHOR, SHARED),
        after={MAIN: NEW},
    )
    yield accepted(
        "two-blocks-one-unknown",
        "M8.3-7",
        "A block by an unknown authority in front of a good one: that is how algorithms change over.",
        envelope(BODY, signers=[STRANGER, AUTHOR]),
        after={MAIN: NEW},
    )
    yield rejected(
        "two-blocks-one-damaged",
        "M8.3-7",
        "A block of a known key that does not verify contradicts the other.",
        sealed(sign_with(EDWARDS), lambda payload: _flip(sign1(payload, AUTHOR))),
        ReportReason.UNAUTHORISED,
        keys=verify(AUTHOR, EDWARDS),
    )
    yield rejected(
        "two-blocks-of-two-digests",
        "M8.3-6",
        "All blocks cover the same digest; a good signature over another one is not transferable.",
        sealed(sign_with(AUTHOR), lambda _: sign1(encode(digest_of(b"")), EDWARDS)),
        ReportReason.UNAUTHORISED,
        keys=verify(AUTHOR, EDWARDS),
    )


def _wrong_keys() -> Iterator[Case]:
    yield rejected(
        "unsigned",
        "M8.3-3",
        "The wrapper holds a right digest and no block.",
        envelope(BODY),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "key-unknown",
        "M8.3-7 I4.3.4",
        "Signed by somebody whom the device does not know.",
        envelope(BODY, signers=[STRANGER]),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "key-id-borrowed",
        "M8.3-7 I4.3.4",
        "Signed by a stranger under the author's key id.",
        envelope(BODY, signers=[IMPOSTOR]),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "keys-none",
        "H3-1",
        "A device without keys believes nobody.",
        envelope(BODY, signers=[AUTHOR]),
        ReportReason.UNAUTHORISED,
        keys=[],
    )
    yield rejected(
        "keys-only-mac",
        "H3-3",
        "A signed manifest on a device that has a MAC key alone.",
        envelope(BODY, signers=[AUTHOR]),
        keys=verify(SHARED),
    )


def _damaged(key: Key) -> Block:
    return lambda payload: _flip(sign1(payload, key))


def _flip(block: bytes) -> bytes:
    return block[:-1] + bytes([block[-1] ^ 1])
