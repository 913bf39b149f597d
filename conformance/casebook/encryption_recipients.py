"""Recipients of encrypted payloads: many, others, hostile ones (E5); and the two-layer model (E3)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    OLD,
    Case,
    Component,
    Device,
    accepted,
    rejected,
    verify,
)
from conformance.casebook.encryption import (
    A128CTR,
    FAILED,
    GCM,
    KEK,
    P256,
    WRITE,
    X25519,
    holding,
    written,
)
from conformance.casebook.trees import INTEGRITY, KEY, LIBRARIAN, LIBRARY, PROCESS, Signed, library
from conformance.forge import at, check, envelope, manifest, override
from conformance.forge_cbor import Item, encode
from conformance.forge_encrypt import content_key, encrypt, okp_key
from spec.labels import (
    Command,
    CoseAlgorithm,
    CoseHeader,
    CoseKeyParameter,
    Manifest,
    Parameter,
)

TOPIC = "encryption"
_CEK: Final = content_key(GCM, NEW)
_UNKNOWN: Final = -70000


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _passed_over()
    yield from _points()
    yield from _salts()
    yield from _two_layers()


def _passed_over() -> Iterator[Case]:
    """Recipients that are for somebody else do not stand in the way."""
    alg = CoseHeader.ALG
    others: tuple[tuple[str, Item], ...] = (
        ("algorithm", [b"", {alg: -40}, bytes(64)]),
        ("structure", [*KEK.recipient(_CEK), [KEK.recipient(_CEK)]]),
        (
            "crit",
            KEK.recipient(_CEK, protected=encode({CoseHeader.CRIT: [_UNKNOWN], _UNKNOWN: 1})),
        ),
    )
    for name, row in others:
        good = encrypt(NEW, GCM, recipients=[row, KEK.recipient(_CEK)])
        yield accepted(
            f"encryption-other-recipient-{name}",
            "E5.1-1",
            "A recipient that this device does not understand is meant for another one.",
            written(good),
            keys=holding(KEK),
            after={MAIN: NEW},
        )
    sixty_four = [P256.recipient(_CEK)] * 63 + [KEK.recipient(_CEK)]
    yield accepted(
        "encryption-64-recipients",
        "E5.1-1",
        "The last of 64 recipients.",
        written(encrypt(NEW, GCM, recipients=sixty_four)),
        keys=holding(KEK),
        after={MAIN: NEW},
    )
    for name, cipher in (("gcm", GCM), ("ctr", A128CTR)):
        row = KEK.recipient(content_key(cipher, NEW), protected=encode({}))
        body = encode({}) if cipher is A128CTR else None
        yield accepted(
            f"encryption-empty-map-{name}",
            "E5.1-1 E6.2-1",
            "An empty protected header may be an empty map in a byte string (RFC 9052).",
            written(encrypt(NEW, cipher, recipients=[row], protected=body)),
            keys=holding(KEK),
            after={MAIN: NEW},
        )


def _points() -> Iterator[Case]:
    ephemeral = CoseHeader.EPHEMERAL_KEY
    x, y = CoseKeyParameter.X, CoseKeyParameter.Y
    honest = P256.recipient(_CEK)
    key = honest[1][ephemeral]
    compressed = {**key, y: bool(key[y][-1] & 1)}
    yield accepted(
        "encryption-compressed-point",
        "E5.2-2",
        "A compressed ephemeral point.",
        written(encrypt(NEW, GCM, recipients=[P256.recipient(_CEK, more={ephemeral: compressed})])),
        keys=holding(P256),
        after={MAIN: NEW},
    )
    low = bytes(32)
    for name, opener, changed in (
        ("off-curve", P256, {**key, y: bytes([key[y][0] ^ 1]) + key[y][1:]}),
        ("zero", P256, {**key, x: bytes(32), y: bytes(32)}),
        ("beyond-field", P256, {**key, x: b"\xff" * 32}),
        ("no-such-x", P256, {**key, x: bytes(31) + b"\1", y: True}),
        ("other-curve", P256, X25519.recipient(_CEK)[1][ephemeral]),
        ("x25519-zero", X25519, okp_key(low)),
        ("x25519-one", X25519, okp_key(b"\1" + low[1:])),
        ("x25519-other-curve", X25519, key),
    ):
        row = opener.recipient(_CEK, more={ephemeral: changed})
        yield rejected(
            f"encryption-point-{name}",
            "E5.2-2",
            "An ephemeral key that nobody can have agreed with.",
            written(encrypt(NEW, GCM, recipients=[row])),
            FAILED,
            keys=holding(opener),
        )


def _salts() -> Iterator[Case]:
    salt = {CoseHeader.SALT: b"salt"}
    own: dict[str, Any] = {"keys": holding(P256)}

    def said(**parts: Any) -> bytes:  # noqa: ANN401 - as Opener.recipient
        return written(encrypt(NEW, GCM, recipients=[P256.recipient(_CEK, **parts)]))

    yield accepted(
        "encryption-salt",
        "E5.2-1",
        "A salt is used.",
        said(more=salt, salt=b"salt"),
        after={MAIN: NEW},
        **own,
    )
    yield accepted(
        "encryption-more-protected",
        "E5.2-1",
        "The context holds the protected header as it was received.",
        said(protected=encode({CoseHeader.ALG: P256.algorithm, _UNKNOWN: b"more"})),
        after={MAIN: NEW},
        **own,
    )
    wrong: tuple[tuple[str, Mapping[str, Any], str], ...] = (
        ("salt-not-used", {"more": salt}, "The sender did not use the salt that it names."),
        ("salt-not-said", {"salt": b"salt"}, "The sender used a salt that it does not name."),
        (
            "context-agreement",
            {"context": _context(P256.algorithm)},
            "The context names the agreement, not the wrap.",
        ),
        (
            "context-text",
            {"context": _context(CoseAlgorithm.A128KW, other="SUIT Payload Encryption")},
            "The context's other information is a text instead of bytes.",
        ),
        (
            "context-bits",
            {"context": _context(CoseAlgorithm.A128KW, bits=16)},
            "The context gives the size of the key in bytes.",
        ),
        (
            "context-bare",
            {"context": _context(CoseAlgorithm.A128KW, other=None)},
            "The context of plain COSE, without the words of SUIT.",
        ),
    )
    for name, parts, summary in wrong:
        yield rejected(f"encryption-{name}", "E5.2-1", summary, said(**parts), FAILED, **own)


def _context(
    algorithm: CoseAlgorithm, bits: int = 128, other: Item = b"SUIT Payload Encryption"
) -> Callable[[bytes], Item]:
    party = [None, None, None]
    return lambda protected: [
        algorithm,
        party,
        party,
        [bits, protected] if other is None else [bits, protected, other],
    ]


def _two_layers() -> Iterator[Case]:
    """The distributor encrypts, the author's manifest stays as it was signed (E3)."""
    lower = library(
        NEW,
        components=(MAIN,),
        install=[WRITE, check(Command.IMAGE_MATCH)],
        signers=[LIBRARIAN],
    )
    own: dict[str, Any] = {
        "keys": [*holding(KEK), *verify(LIBRARIAN)],
        "device": Device(components=(Component(content=OLD), Component(id=LIBRARY))),
    }
    for name, cipher in (("gcm", GCM), ("ctr", A128CTR)):
        payload = encrypt(NEW, cipher, KEK)
        given = {Parameter.CONTENT: payload.ciphertext}
        yield accepted(
            f"encryption-two-layers-{name}",
            "E4-1 E4.1-1",
            "A dependent brings ciphertext and encryption info for what its dependency writes.",
            _around(lower, {**given, Parameter.ENCRYPTION_INFO: payload.info}),
            after={MAIN: NEW, LIBRARY: lower.raw},
            **own,
        )
    payload = encrypt(OLD, GCM, KEK)
    given = {Parameter.CONTENT: payload.ciphertext, Parameter.ENCRYPTION_INFO: payload.info}
    yield rejected(
        "encryption-two-layers-other-image",
        "E4-1",
        "It cannot bring another image than the author's.",
        _around(lower, given),
        FAILED,
        **own,
    )
    secret = encrypt(lower.raw, GCM, KEK)
    yield accepted(
        "encryption-of-a-dependency",
        "I4.3.14 H3-20",
        "A manifest is kept secret: the dependency is decrypted while it is fetched.",
        _around(
            lower,
            {Parameter.CONTENT: NEW},
            fetch={Parameter.ENCRYPTION_INFO: secret.info},
            around=secret.ciphertext,
        ),
        after={MAIN: NEW, LIBRARY: lower.raw},
        **own,
    )
    yield rejected(
        "encryption-of-a-dependency-ctr",
        "E8-1",
        "The digest of a dependency is that of its manifest, so it does not bind an encrypted envelope.",
        _around(
            lower,
            {Parameter.CONTENT: NEW},
            fetch={Parameter.ENCRYPTION_INFO: encrypt(lower.raw, A128CTR, KEK).info},
            around=encrypt(lower.raw, A128CTR, KEK).ciphertext,
        ),
        FAILED,
        **own,
    )


def _around(
    lower: Signed,
    given: Mapping[Item, Item],
    *,
    fetch: Mapping[Item, Item] | None = None,
    around: bytes | None = None,
) -> bytes:
    """Return a root that fetches the dependency and sets parameters of its component."""
    found = override({Parameter.URI: KEY, **(fetch or {})})
    resolve = [at(1), found, check(Command.FETCH), INTEGRITY, PROCESS]
    steps = [at(1), INTEGRITY, PROCESS]
    body = manifest(
        components=(MAIN, LIBRARY),
        dependencies={1: {}},
        shared=[at(1), override(lower.digest)],
        dependency_resolution=resolve,
        install=[at(0), override(given), *steps],
        validate=steps,
        extra={Manifest.MANIFEST_COMPONENT_ID: [b"root"]},
    )
    payloads = {KEY: lower.raw if around is None else around}
    return envelope(body, signers=[AUTHOR], members=payloads)
