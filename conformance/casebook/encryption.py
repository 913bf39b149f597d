"""Encrypted payloads (E): every algorithm where it works, and all that keeps a payload from being opened.

A refused case leaves no byte of the plaintext: the component holds what it held before.
"""

from collections.abc import Iterator
from typing import Any, Final

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    OLD,
    SECOND,
    URI,
    Case,
    Component,
    Device,
    accepted,
    parts_of,
    rejected,
    update,
    verify,
)
from conformance.forge import at, check, envelope, image, override
from conformance.forge_cbor import Item
from conformance.forge_encrypt import AEAD, CBC, CTR, Encrypted, Opener, encrypt
from spec.labels import Command, CoseAlgorithm, CoseCurve, Parameter, ReportReason

TOPIC = "encryption"
KEK: Final = Opener("kek", CoseAlgorithm.A128KW, kid=b"kek")
KEK_192: Final = Opener("kek-192", CoseAlgorithm.A192KW, kid=b"kek-192")
KEK_256: Final = Opener("kek-256", CoseAlgorithm.A256KW, kid=b"kek-256")
P256: Final = Opener("p256", CoseAlgorithm.ECDH_ES_A128KW, CoseCurve.P_256, b"p256")
X25519: Final = Opener("x25519", CoseAlgorithm.ECDH_ES_A128KW, CoseCurve.X25519, b"x25519")
OPENERS: Final = (
    KEK,
    KEK_192,
    KEK_256,
    P256,
    X25519,
    Opener("p256-192", CoseAlgorithm.ECDH_ES_A192KW, CoseCurve.P_256, b"p256-192"),
    Opener("p256-256", CoseAlgorithm.ECDH_ES_A256KW, CoseCurve.P_256, b"p256-256"),
    Opener("x25519-192", CoseAlgorithm.ECDH_ES_A192KW, CoseCurve.X25519, b"x25519-192"),
    Opener("x25519-256", CoseAlgorithm.ECDH_ES_A256KW, CoseCurve.X25519, b"x25519-256"),
)
GCM: Final = CoseAlgorithm.A128GCM
A128CTR: Final = CoseAlgorithm.A128CTR
FAILED: Final = ReportReason.OPERATION_FAILED
TWO: Final = Device(components=(Component(content=OLD), Component(id=SECOND, content=OLD)))
WRITE: Final = check(Command.WRITE)
MATCH: Final = check(Command.IMAGE_MATCH)


UNPINNED: Final[dict[str, Any]] = {"validate": None}
"""Leave out a validate sequence that has nothing to match."""


def holding(*openers: Opener, bind: bool = True) -> list[dict[str, str]]:
    """List the author's key and these openers as the device has them."""
    opening = [{"cose_key": one.cose_key(bind=bind).hex(), "use": one.use} for one in openers]
    return [*verify(AUTHOR), *opening]


def set_info(encrypted: Encrypted | bytes, **more: Item) -> tuple[Item, Item]:
    """Return the override of encryption info, and of content or what else is named."""
    info = encrypted if isinstance(encrypted, bytes) else encrypted.info
    parameters = {Parameter[name.upper()]: value for name, value in more.items()}
    return override({Parameter.ENCRYPTION_INFO: info, **parameters})


def written(encrypted: Encrypted, plaintext: bytes | None = NEW, **members: Any) -> bytes:  # noqa: ANN401 - as update
    """Return an envelope whose content parameter is the ciphertext; the image is pinned by its plaintext."""
    install = [set_info(encrypted, content=encrypted.ciphertext), WRITE]
    return update(plaintext, install=install, **(members if plaintext is not None else UNPINNED | members))


def named(algorithm: CoseAlgorithm) -> str:
    """Return an algorithm as names of cases have it."""
    return algorithm.name.lower().replace("_", "-")


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _algorithms()
    yield from _directives()


def _algorithms() -> Iterator[Case]:
    for cipher in (*AEAD, *CTR, *CBC):
        yield accepted(
            f"encryption-{named(cipher)}",
            "E4.1-1 E6.2-1" if cipher in CTR else "E4.1-1",
            f"{cipher.name}, its content key under AES key wrap.",
            written(encrypt(NEW, cipher, KEK)),
            keys=holding(KEK),
            after={MAIN: NEW},
        )
    for opener in OPENERS[1:]:
        yield accepted(
            f"encryption-{opener.name}",
            "E5.2-1" if opener.curve else "E5.1-1",
            f"A content key by {opener.name}: {opener.algorithm.name}.",
            written(encrypt(NEW, GCM, opener)),
            keys=holding(opener),
            after={MAIN: NEW},
        )
    yield accepted(
        "encryption-chacha-behind-128-bit-wrap",
        "E5.2-1",
        "A content key may be longer than the key that wraps it, as the mandatory profile has it.",
        written(encrypt(NEW, CoseAlgorithm.CHACHA20_POLY1305, X25519)),
        keys=holding(X25519),
        after={MAIN: NEW},
    )
    for cipher in (GCM, A128CTR):
        yield accepted(
            f"encryption-nothing-{named(cipher)}",
            "E4.1-1",
            "A payload of no bytes.",
            written(encrypt(b"", cipher, KEK), b""),
            keys=holding(KEK),
            after={MAIN: b""},
        )


def _directives() -> Iterator[Case]:
    payload = encrypt(NEW, GCM, KEK)
    own: dict[str, Any] = {"keys": holding(KEK)}
    yield accepted(
        "encryption-set-parameters",
        "E4-1",
        "Encryption info by set-parameters.",
        update(
            NEW,
            install=[
                (
                    Command.SET_PARAMETERS,
                    {Parameter.CONTENT: payload.ciphertext, Parameter.ENCRYPTION_INFO: payload.info},
                ),
                WRITE,
            ],
        ),
        after={MAIN: NEW},
        **own,
    )
    yield accepted(
        "encryption-set-parameters-too-late",
        "E4-1",
        "set-parameters does not replace encryption info that is there.",
        update(
            NEW,
            install=[
                set_info(payload, content=payload.ciphertext),
                (Command.SET_PARAMETERS, {Parameter.ENCRYPTION_INFO: encrypt(OLD, GCM, KEK).info}),
                WRITE,
            ],
        ),
        after={MAIN: NEW},
        **own,
    )
    fetch = [at(1), override({Parameter.URI: URI, **image(payload.ciphertext)}), check(Command.FETCH)]
    copy = [at(0), set_info(payload, source_component=1), check(Command.COPY), MATCH]
    yield accepted(
        "encryption-copy",
        "E4.2-1 E4.3-1 I4.5.7",
        "The ciphertext is fetched, matched, and decrypted while it is copied.",
        update(NEW, None, install=[*fetch, MATCH, *copy]),
        device=TWO,
        resources={URI: payload.ciphertext},
        fetched=[URI],
        after={MAIN: NEW, SECOND: payload.ciphertext},
        **own,
    )
    yield rejected(
        "encryption-copy-other-ciphertext",
        "E4.2-1 E4.3-1",
        "The ciphertext has another digest than the manifest says: it is not decrypted at all.",
        update(NEW, None, install=[*fetch, MATCH, *copy]),
        ReportReason.CONDITION_FAILED,
        device=TWO,
        resources={URI: encrypt(OLD, GCM, KEK).ciphertext[: len(payload.ciphertext)].ljust(45, b"x")},
        fetched=[URI],
        **own,
    )
    yield rejected(
        "encryption-copy-absent-source",
        "E4.2-1",
        "There is nothing to decrypt.",
        update(NEW, None, install=copy),
        FAILED,
        device=Device(components=(Component(content=OLD), Component(id=SECOND))),
        **own,
    )
    yield rejected(
        "encryption-copy-onto-itself",
        "E4.2-1",
        "A component cannot be decrypted into itself.",
        update(NEW, install=[set_info(payload, source_component=0), check(Command.COPY)]),
        FAILED,
        device=Device(components=(Component(content=payload.ciphertext),)),
        **own,
    )
    yield rejected(
        "encryption-swap",
        "E4.2-1",
        "swap moves content as it is: with encryption info it aborts.",
        update(NEW, None, install=[at(0), set_info(payload, source_component=1), check(Command.SWAP)]),
        FAILED,
        device=Device(components=(Component(content=OLD), Component(id=SECOND, content=payload.ciphertext))),
        **own,
    )
    yield from _fetches(payload)


def _fetches(payload: Encrypted) -> Iterator[Case]:
    own: dict[str, Any] = {"keys": holding(KEK), "resources": {URI: payload.ciphertext}}
    fetch = [set_info(payload, uri=URI), check(Command.FETCH)]
    yield accepted(
        "encryption-fetch",
        "H3-20",
        "A payload is decrypted while it is fetched.",
        update(NEW, install=[*fetch, MATCH]),
        after={MAIN: NEW},
        fetched=[URI],
        **own,
    )
    yield accepted(
        "encryption-fetch-by-digest-of-ciphertext",
        "H3-20",
        "The same where the image digest is that of the ciphertext until it has arrived.",
        update(
            NEW,
            install=[override(image(payload.ciphertext)), *fetch, override(image(NEW)), MATCH],
        ),
        after={MAIN: NEW},
        fetched=[URI],
        **own,
    )
    yield accepted(
        "encryption-fetch-integrated",
        "H3-20",
        "The same out of the envelope.",
        envelope(
            parts_of(NEW, install=[set_info(payload, uri="#payload"), check(Command.FETCH)]),
            signers=[AUTHOR],
            members={"#payload": payload.ciphertext},
        ),
        after={MAIN: NEW},
        keys=holding(KEK),
    )
    yield rejected(
        "encryption-fetch-truncated",
        "H3-20",
        "The download ends early.",
        update(NEW, install=fetch),
        FAILED,
        fetched=[URI],
        **{**own, "resources": {URI: payload.ciphertext[:-1]}},
    )
    yield rejected(
        "encryption-fetch-too-long",
        "H3-20 M8.4.10.4-2",
        "The download is longer than image and tag.",
        update(NEW, install=fetch),
        FAILED,
        fetched=[URI],
        **{**own, "resources": {URI: payload.ciphertext + b"x"}},
    )
    yield rejected(
        "encryption-fetch-for-others",
        "H3-20 E5.1-1",
        "Nothing is fetched when no key of the device opens the payload.",
        update(NEW, install=fetch),
        FAILED,
        **{**own, "keys": holding(P256)},
    )
