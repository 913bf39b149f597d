"""Encrypted payloads that do not open, or not as what they should be (E4.3, E5, E8)."""

from collections.abc import Iterator
from typing import Any

from conformance.casebook.case import (
    MAIN,
    NEW,
    OLD,
    SECOND,
    URI,
    Case,
    Component,
    Device,
    accepted,
    rejected,
    update,
)
from conformance.casebook.encryption import (
    A128CTR,
    FAILED,
    GCM,
    KEK,
    KEK_256,
    MATCH,
    OPENERS,
    P256,
    TWO,
    UNPINNED,
    WRITE,
    X25519,
    holding,
    named,
    set_info,
    written,
)
from conformance.forge import at, check, image, override
from conformance.forge_cbor import encode
from conformance.forge_encrypt import CBC, CTR, Opener, content_key, encrypt
from spec.labels import Command, CoseAlgorithm, CoseCurve, CoseHeader, Parameter

TOPIC = "encryption"


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _digests()
    yield from _integrity()
    yield from _keys()


def _digests() -> Iterator[Case]:
    own: dict[str, Any] = {"keys": holding(KEK)}
    for cipher in (*CTR, *CBC):
        payload = encrypt(NEW, cipher, KEK)
        yield rejected(
            f"encryption-{named(cipher)}-without-digest",
            "E8-1",
            "A ciphertext without tag can be changed by anybody: no digest, no decryption.",
            written(payload, None),
            FAILED,
            **own,
        )
    payload = encrypt(NEW, A128CTR, KEK)
    short = payload.ciphertext[:-1]
    for name, changed in (("changed", short + b"\0"), ("truncated", short)):
        yield rejected(
            f"encryption-a128ctr-{name}",
            "E8-1",
            "The plaintext has another digest than the manifest says.",
            written(payload._replace(ciphertext=changed)),
            FAILED,
            **own,
        )
    fetch = [at(1), override({Parameter.URI: URI, **image(payload.ciphertext)}), check(Command.FETCH), MATCH]
    copy = [at(0), set_info(payload, source_component=1), check(Command.COPY)]
    more: dict[str, Any] = {**own, "device": TWO, "resources": {URI: payload.ciphertext}, "fetched": [URI]}
    after = {MAIN: NEW, SECOND: payload.ciphertext}
    yield accepted(
        "encryption-a128ctr-digest-of-ciphertext",
        "E4.3-1 E8-1",
        "The digest of the ciphertext, matched before, binds the payload as well.",
        update(None, None, install=[*fetch, *copy], **UNPINNED),
        after=after,
        **more,
    )
    yield rejected(
        "encryption-a128ctr-ciphertext-not-matched",
        "E4.3-1 E8-1",
        "A digest that was not compared binds nothing.",
        update(None, None, install=[*fetch[:-1], *copy], **UNPINNED),
        FAILED,
        **more,
    )
    yield rejected(
        "encryption-a128ctr-ciphertext-changed-after-match",
        "E4.3-1 E8-1",
        "Nor does one that was compared with what the component held before.",
        update(
            None,
            None,
            install=[*fetch, override({Parameter.CONTENT: OLD}), WRITE, *copy],
            **UNPINNED,
        ),
        FAILED,
        **more,
    )
    yield accepted(
        "encryption-a128gcm-without-digest",
        "E4.1-1",
        "The tag of an AEAD cipher may do without (E7.2).",
        written(encrypt(NEW, GCM, KEK), None),
        after={MAIN: NEW},
        **own,
    )
    yield rejected(
        "encryption-a128gcm-other-digest",
        "E4.3-1",
        "A right tag does not make it the right image.",
        written(encrypt(OLD, GCM, KEK)),
        FAILED,
        **own,
    )


def _integrity() -> Iterator[Case]:
    own: dict[str, Any] = {"keys": holding(KEK)}
    for cipher in (GCM, CoseAlgorithm.CHACHA20_POLY1305):
        payload = encrypt(NEW, cipher, KEK)
        tag = payload.ciphertext[-1] ^ 1
        for name, changed in (
            ("wrong-tag", payload.ciphertext[:-1] + bytes([tag])),
            ("changed", bytes([payload.ciphertext[0] ^ 1]) + payload.ciphertext[1:]),
            ("truncated", payload.ciphertext[:-1]),
            ("without-tag", payload.ciphertext[:-16]),
            ("shorter-than-tag", payload.ciphertext[-15:]),
            ("empty", b""),
            ("longer", payload.ciphertext + b"\0"),
        ):
            for pinned in (NEW, None):
                digest = "" if pinned else "-no-digest"
                yield rejected(
                    f"encryption-{named(cipher)}-{name}{digest}",
                    "E4.1-1 H6-21",
                    "What does not have the right tag is not written.",
                    written(payload._replace(ciphertext=changed), pinned),
                    FAILED,
                    **own,
                )
    payload = encrypt(NEW, CoseAlgorithm.A128CBC, KEK)
    for name, changed in (
        ("padding", payload.ciphertext[:-1] + bytes([payload.ciphertext[-1] ^ 1])),
        ("half-a-block", payload.ciphertext[:-8]),
        ("empty", b""),
    ):
        yield rejected(
            f"encryption-a128cbc-{name}",
            "E4.1-1 E8-1",
            "A ciphertext whose last block is not whole.",
            written(payload._replace(ciphertext=changed)),
            FAILED,
            **own,
        )
    yield rejected(
        "encryption-gcm-other-header",
        "E4.1-1",
        "The tag covers the protected header.",
        written(
            encrypt(NEW, GCM, KEK)._replace(
                info=encrypt(NEW, GCM, KEK, protected=encode({CoseHeader.ALG: GCM, -70000: 1})).info
            )
        ),
        FAILED,
        **own,
    )
    capacity = len(NEW)
    yield accepted(
        "encryption-fills-component",
        "E4.1-1",
        "The tag takes no room in the component.",
        written(encrypt(NEW, GCM, KEK)),
        device=Device(components=(Component(content=OLD, capacity=capacity),)),
        after={MAIN: NEW},
        **own,
    )
    yield rejected(
        "encryption-larger-than-component",
        "H7-10",
        "A plaintext that is larger than the component by one byte.",
        written(encrypt(NEW, GCM, KEK), None),
        device=Device(components=(Component(content=OLD, capacity=capacity - 1),)),
        **own,
    )


def _keys() -> Iterator[Case]:
    other = Opener("another kek", CoseAlgorithm.A128KW, kid=b"kek")
    for name, payload, openers, summary in (
        ("wrong-kek", encrypt(NEW, GCM, KEK), (other,), "The kid is right and the key is not."),
        ("wrong-kid", encrypt(NEW, GCM, other), (KEK_256,), "No key of the device has this kid."),
        ("no-key", encrypt(NEW, GCM, KEK), (), "A device without decryption keys."),
        (
            "wrong-agreement-key",
            encrypt(NEW, GCM, P256),
            (Opener("another", P256.algorithm, CoseCurve.P_256, b"p256"),),
            "The kid is right and the private key is not.",
        ),
        (
            "kid-of-other-use",
            encrypt(NEW, GCM, KEK),
            (Opener("agree", P256.algorithm, CoseCurve.P_256, b"kek"),),
            "The kid names a key for another algorithm.",
        ),
    ):
        yield rejected(
            f"encryption-{name}",
            "E5.1-1 H6-22",
            summary,
            written(payload),
            FAILED,
            keys=holding(*openers),
        )
    yield accepted(
        "encryption-kid-collision",
        "E5.1-1",
        "Two keys have one kid: the one that opens the content key is the right one.",
        written(encrypt(NEW, GCM, KEK)),
        keys=holding(other, KEK),
        after={MAIN: NEW},
    )
    plain = Opener("kek", CoseAlgorithm.A128KW)
    yield accepted(
        "encryption-without-kid",
        "E5.1-1",
        "Without a kid every key that fits is tried.",
        written(encrypt(NEW, GCM, plain)),
        keys=holding(KEK_256, other, KEK, P256),
        after={MAIN: NEW},
    )
    yield accepted(
        "encryption-several-recipients",
        "E5.1-1 E5.2-1",
        "One content key for many: each opens it with a key of its own.",
        written(encrypt(NEW, GCM, *OPENERS)),
        keys=holding(X25519),
        after={MAIN: NEW},
    )
    mixed = [
        other.recipient(content_key(GCM, NEW)),
        KEK.recipient(content_key(GCM, NEW)),
    ]
    yield accepted(
        "encryption-first-recipient-fails",
        "E5.1-1",
        "A recipient whose key does not open it is passed over (RFC 3394).",
        written(encrypt(NEW, GCM, recipients=mixed)),
        keys=holding(KEK),
        after={MAIN: NEW},
    )
    yield accepted(
        "encryption-unbound-key",
        "E5.2-1",
        "A key that names no algorithm opens what its kind can.",
        written(encrypt(NEW, GCM, P256)),
        keys=holding(P256, bind=False),
        after={MAIN: NEW},
    )
    yield rejected(
        "encryption-key-bound-to-other-algorithm",
        "E5.2-1",
        "A key that is bound to another key wrap does not open it.",
        written(encrypt(NEW, GCM, P256)),
        FAILED,
        keys=holding(Opener("p256", CoseAlgorithm.ECDH_ES_A256KW, CoseCurve.P_256, b"p256")),
    )
