"""The published examples of the encryption document, built again from what they say.

``compat`` carries all of them out. ``strict`` refuses the one with a dependency, whose dependent has no
validate (ADR 0007). Signatures and tags are the published ones; a test compares the bytes.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    Case,
    Component,
    ComponentId,
    Device,
    accepted,
    rejected,
    update,
    verify,
)
from conformance.casebook.published import UNBOUND
from conformance.casebook.trees import INTEGRITY, PROCESS
from conformance.forge import at, check, digest_of, digest_of_wrapped, envelope, manifest, override
from conformance.forge_cbor import Item, Pairs, Tag, encode
from conformance.forge_cose import ec2_key
from spec.labels import (
    CborTag,
    Command,
    CoseAlgorithm,
    CoseCurve,
    CoseHeader,
    CoseKeyParameter,
    CoseKeyType,
    Manifest,
    Parameter,
    ReportReason,
)

TOPIC = "encryption"
URI: Final = "coaps://example.com/encrypted-firmware"
KEY: Final = "#dependency-manifest"
PLAINTEXT: Final = b"This is a real firmware image."
CIPHERTEXT: Final = bytes.fromhex(
    "758c4b7bbae2c4c1d462423e0f0dc3164ffa7b85bb94d4bd6d7ed26ab32feb063385d4d3465927ec82cb5e198a59"
)
CTR_CIPHERTEXT: Final = bytes.fromhex("2bb8db522ae978246cc775c3b0241bd4b0333ffdd2db70c7ee7a4966e3b7")
_IV: Final = bytes.fromhex("f14aab9d81d51f7ad943fe87")
_COUNTER: Final = bytes.fromhex("dae613b2e0dc55f4322be38bdba9dc68")
_EPHEMERAL: Final = ec2_key(
    CoseCurve.P_256,
    bytes.fromhex("73024f415aa51529a66ccefd88f3f62a734492ff45f6ad37fd2888e73eaf19da"),
    bytes.fromhex("4005b48a6fd091aa6abfe3cfbeede88b347e521d43405fdbd7d2cff0ebc21b26"),
)
_CTR_EPHEMERAL: Final = ec2_key(
    CoseCurve.P_256,
    bytes.fromhex("ee0718f6b019c29cc611c18cede2214066ddcedc2f0dbef873cb224c715c1174"),
    bytes.fromhex("279f2a88e4ab9e2ed30c0fcb69515b31b5d36725bfdb9ae02032ed4d5ab52cb8"),
)


def _wrapped(key: str) -> list[Item]:
    return [b"", {CoseHeader.ALG: CoseAlgorithm.A128KW, CoseHeader.KID: b"kid-1"}, bytes.fromhex(key)]


def _agreed(ephemeral: Mapping[Item, Item], key: str, kid: bytes | None = b"kid-2") -> list[Item]:
    named: tuple[tuple[Item, Item], ...] = () if kid is None else ((CoseHeader.KID, kid),)
    sealed = encode({CoseHeader.ALG: CoseAlgorithm.ECDH_ES_A128KW})
    # The published header is not in deterministic order.
    return [sealed, Pairs(((CoseHeader.EPHEMERAL_KEY, ephemeral), *named)), bytes.fromhex(key)]


def _info(recipient: list[Item], *, gcm: bool = True) -> bytes:
    alg: dict[Item, Item] = {CoseHeader.ALG: CoseAlgorithm.A128GCM if gcm else CoseAlgorithm.A128CTR}
    header = [encode(alg), {CoseHeader.IV: _IV}] if gcm else [b"", {**alg, CoseHeader.IV: _COUNTER}]
    return encode(Tag(CborTag.COSE_ENCRYPT.value, [*header, None, [recipient]]))


_AES_KW: Final = _info(_wrapped("75603ffc9518d794713c8ca8a115a7fb32565a6d59534d62"))
_ES_ECDH: Final = _info(_agreed(_EPHEMERAL, "a06b8e6550f308712b1df044b21b7d11d9b22792f1de0997"))
INFOS: Final = {
    "aes-kw-aes-gcm": (_AES_KW, CIPHERTEXT),
    "aes-kw-aes-ctr": (
        _info(_wrapped("ce34035ce5c2e2666e46d4c131fc561dd190a6d26cfa1990"), gcm=False),
        CTR_CIPHERTEXT,
    ),
    "es-ecdh-aes-gcm": (
        _info(_agreed(_EPHEMERAL, "a06b8e6550f308712b1df044b21b7d11d9b22792f1de0997", None)),
        CIPHERTEXT,
    ),
    "es-ecdh-aes-ctr": (
        _info(_agreed(_CTR_EPHEMERAL, "e28b4502e4f5151884a995405579006e9465c3e94e3e0808", None), gcm=False),
        CTR_CIPHERTEXT,
    ),
}
"""The pairs of encryption info and payload that are published without a manifest."""


def _block(kind: CborTag, algorithm: CoseAlgorithm, value: str) -> Any:  # noqa: ANN401 - a block of the forge
    parts: list[Item] = [encode({CoseHeader.ALG: algorithm}), {}, None, bytes.fromhex(value)]
    return lambda _: encode(Tag(kind.value, parts))


def _mac0(value: str) -> Any:  # noqa: ANN401 - as above
    return _block(CborTag.COSE_MAC0, CoseAlgorithm.HMAC_256, value)


def _sign1(value: str) -> Any:  # noqa: ANN401 - as above
    return _block(CborTag.COSE_SIGN1, CoseAlgorithm.ESP256, value)


_WRITE: Final = check(Command.WRITE)
_CONTENT: Final[dict[Item, Item]] = {Parameter.CONTENT: CIPHERTEXT}
_FETCHED: Final[dict[Item, Item]] = {Parameter.IMAGE_SIZE: len(CIPHERTEXT), Parameter.URI: URI}
_FETCH_AND_COPY: Final = [
    at(1),
    override(_FETCHED),
    check(Command.FETCH),
    at(0),
    override({Parameter.ENCRYPTION_INFO: _AES_KW, Parameter.SOURCE_COMPONENT: 1}),
    check(Command.COPY),
]
_PLAIN: Final[ComponentId] = (b"plaintext-firmware",)
_ENCRYPTED: Final[ComponentId] = (b"encrypted-firmware",)
_DECRYPTED: Final[ComponentId] = (b"decrypted-firmware",)
_DEPENDENCY: Final[ComponentId] = (b"dependency-manifest.suit",)
_LOWER_BODY: Final = manifest(
    components=(_DECRYPTED,),
    shared=[
        at(0),
        override(
            {
                Parameter.IMAGE_DIGEST: encode(digest_of(PLAINTEXT)),
                Parameter.IMAGE_SIZE: len(PLAINTEXT),
            }
        ),
    ],
    validate=[check(Command.IMAGE_MATCH)],
    install=[at(0), _WRITE, check(Command.IMAGE_MATCH)],
    extra={Manifest.MANIFEST_COMPONENT_ID: _DEPENDENCY},
)
LOWER: Final = envelope(
    _LOWER_BODY,
    blocks=[
        _sign1(
            "bf95c29295b45470ef819e7f4e3c9084f4534e26469c0a0f2b8b9664881a5359"
            "d500f81bd3a6436a025c3e92e51cd7148f83df47d29ff253f8d41b4d350a2b75"
        )
    ],
)
EXAMPLES: Final = {
    "aes-kw-content": envelope(
        manifest(
            components=(_PLAIN,),
            install=[override({**_CONTENT, Parameter.ENCRYPTION_INFO: _AES_KW}), _WRITE],
        ),
        blocks=[_mac0("8d92599011c451a4c5fb69709fa6ca6c0f846d692bdbb3f624ec91f82f9f620a")],
    ),
    "aes-kw": envelope(
        manifest(components=(_PLAIN, _ENCRYPTED), install=_FETCH_AND_COPY),
        blocks=[_mac0("46cb34181a04b967023d4c9e136dc5dc591d8a9be9365de4d282c9d6168c01fb")],
    ),
    "aes-kw-slot": envelope(
        manifest(components=((b"\x00",), (b"\x01",)), install=_FETCH_AND_COPY),
        blocks=[_mac0("e6837a54a9b5813f8d5edad48ab96d5d7388d9d1c89ab29ec55ae964f67e01ed")],
    ),
    "es-ecdh-content": envelope(
        manifest(
            components=(_DECRYPTED,),
            install=[at(0), override({**_CONTENT, Parameter.ENCRYPTION_INFO: _ES_ECDH}), _WRITE],
        ),
        blocks=[
            _sign1(
                "2b20a797ac7dbebc53147592bb110aec43a2489ac19a169bb59ff6bd429300a9"
                "719feb7df277e4b8d1d821c816854229f266ac62afd9db52114f608ee66b187b"
            )
        ],
    ),
    "es-ecdh-dependency": envelope(
        manifest(
            components=(_DECRYPTED,),
            dependencies={1: {1: _DEPENDENCY}},
            install=[
                at(0),
                override({**_CONTENT, Parameter.ENCRYPTION_INFO: _ES_ECDH}),
                at(1),
                override(
                    {
                        Parameter.IMAGE_DIGEST: encode(digest_of_wrapped(encode(_LOWER_BODY))),
                        Parameter.IMAGE_SIZE: len(LOWER),
                        Parameter.URI: KEY,
                    }
                ),
                check(Command.FETCH),
                INTEGRITY,
                PROCESS,
            ],
            extra={Manifest.MANIFEST_COMPONENT_ID: [b"dependent-manifest.suit"]},
        ),
        blocks=[
            _sign1(
                "3000301b7c54b3383cc4723c4b7be667c6760c504213a105dd38401bed5eef8e"
                "b915f8313420104f59467d76790a0ea220b6021b4ed87051b3b4a8d05f7e0254"
            )
        ],
        members={KEY: LOWER},
    ),
}
_KEYS: Final = [
    *UNBOUND,
    {
        "cose_key": encode(
            ec2_key(
                CoseCurve.P_256,
                bytes.fromhex("0e908aa8f066db1f084e0c3652c63952bd99f2a5bdb22f9e01367aad03aba68b"),
                bytes.fromhex("77da1bd8ac4f0cb490ba210648bf79ab164d49ad3551d71d314b2749ee42d29a"),
            )
        ).hex(),
        "use": "verify",
    },
    {
        "cose_key": encode(
            {CoseKeyParameter.KTY: CoseKeyType.SYMMETRIC, CoseKeyParameter.K: b"a" * 32}
        ).hex(),
        "use": "mac",
    },
    {
        "cose_key": encode(
            {
                CoseKeyParameter.KTY: CoseKeyType.SYMMETRIC,
                CoseKeyParameter.KID: b"kid-1",
                CoseKeyParameter.ALG: CoseAlgorithm.A128KW,
                CoseKeyParameter.K: b"a" * 16,
            }
        ).hex(),
        "use": "unwrap",
    },
    {
        "cose_key": encode(
            {
                **ec2_key(
                    CoseCurve.P_256,
                    bytes.fromhex("5886cd61dd875862e5aaa820e7a15274c968a9bc96048ddcace32f50c3651ba3"),
                    bytes.fromhex("9eed8125e932cd60c0ead3650d0a485cf726d378d1b016ed4298b2961e258f1b"),
                ),
                CoseKeyParameter.KID: b"kid-2",
                CoseKeyParameter.ALG: CoseAlgorithm.ECDH_ES_A128KW,
                CoseKeyParameter.D: bytes.fromhex(
                    "60fe6dd6d85d5740a5349b6f91267eeac5ba81b8cb53ee249e4b4eb102c476b3"
                ),
            }
        ).hex(),
        "use": "agree",
    },
]
_SOURCES: Final[Mapping[str, tuple[ComponentId, ...]]] = {
    "aes-kw-content": (_PLAIN,),
    "aes-kw": (_PLAIN, _ENCRYPTED),
    "aes-kw-slot": ((b"\x00",), (b"\x01",)),
    "es-ecdh-content": (_DECRYPTED,),
    "es-ecdh-dependency": (_DECRYPTED, _DEPENDENCY),
}


def cases() -> Iterator[Case]:
    """Yield the cases of this topic that are published examples."""
    for name, raw in EXAMPLES.items():
        ids = _SOURCES[name]
        device = Device(components=tuple([Component(id=each) for each in ids]))
        second = LOWER if name == "es-ecdh-dependency" else CIPHERTEXT
        after = dict(zip(ids, (PLAINTEXT, second), strict=False))
        fetches = [URI] if second is CIPHERTEXT and len(ids) > 1 else []
        own: dict[str, Any] = {
            "keys": _KEYS,
            "device": device,
            "resources": dict.fromkeys(fetches, CIPHERTEXT),
        }
        for profile in ("compat", "strict"):
            title = f"published-{name}" + ("" if profile == "compat" else "-strict")
            if profile == "strict" and name == "es-ecdh-dependency":
                yield rejected(
                    title,
                    "T5.1-6 H3-7",
                    "Its dependency has a validate sequence and the dependent has none.",
                    raw,
                    ReportReason.OPERATION_FAILED,
                    profile=profile,
                    **own,
                )
                continue
            yield accepted(
                title,
                "H3-7 E4.2-1" if fetches else "H3-7 E4.1-1",
                f"A published encryption example, in {profile}.",
                raw,
                profile=profile,
                after=after,
                fetched=fetches,
                **own,
            )
        yield rejected(
            f"published-{name}-without-key",
            "E5.1-1",
            "The same on a device that has no key for it.",
            raw,
            ReportReason.OPERATION_FAILED,
            profile="compat",
            fetched=fetches,
            **{**own, "keys": [key for key in _KEYS if key["use"] in {"verify", "mac"}]},
        )
    yield from _pairs()


def _pairs() -> Iterator[Case]:
    """The pairs, in a manifest of our own."""
    for name, (info, ciphertext) in INFOS.items():
        given = {Parameter.CONTENT: ciphertext, Parameter.ENCRYPTION_INFO: info}
        yield accepted(
            f"published-{name}",
            "H3-7 E4.1-1",
            "A published pair of encryption info and payload.",
            update(PLAINTEXT, install=[override(given), _WRITE]),
            keys=[*_KEYS, *verify(AUTHOR)],
            after={MAIN: PLAINTEXT},
        )
