"""The published examples of the trust-domains document, built again from what they say.

They leave out process-dependency in places and dependency-integrity in one: ``compat`` carries them out,
``strict`` refuses both roots (ADR 0007). The signatures are the published ones; a test compares the bytes.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from conformance.casebook.case import Case, Component, ComponentId, Device, accepted, rejected
from conformance.casebook.published import UNBOUND
from conformance.casebook.trees import INTEGRITY
from conformance.forge import at, check, digest_of_wrapped, envelope, manifest, override
from conformance.forge_cbor import Item, Tag, encode
from spec.labels import CborTag, Command, CoseAlgorithm, CoseHeader, Manifest, Parameter, ReportReason

TOPIC = "trust-domains"
URI: Final = "http://example.com/dependent.suit"
KEY: Final = "#dependent.suit"
BELOW: Final[ComponentId] = (b"00",)
ABOVE: Final[ComponentId] = (b"10",)
DEPENDENT: Final[ComponentId] = (b"dependent.suit",)
HELLO: Final = b"hello world"
GOODBYE: Final = b" in multiple trust domains"
_SIGNATURES: Final = tuple(
    bytes.fromhex(value)
    for value in (
        (
            "a25f337126369d2e0b451c01dbd8cdb84a77e7f6c39e789db3d227753494000c"
            "9d250001fddca39b4b4e3755a7278c11998171905f56c394cfbb907105da804f"
        ),
        (
            "3f3e9a2ca98208feaeaeeadf7e1a0323c97896abfb79f91e8d0c1509b0a533cd"
            "0b96bfc876a8f3b8ace712fff8ef7ea945e62a61e0ba5bd9929e4a1b47ec6475"
        ),
        (
            "074a361f7bbfa2acf4ec3cfdaf4fdd8738414bad672caea4f43607be6031ea90"
            "cb0c283a03c728608b0509c6fd2afed40cfb0c3d341340830a00905e6a729890"
        ),
    )
)
_INVOKE: Final = check(Command.INVOKE)
_WRITE: Final = check(Command.WRITE)
_PROCESS: Final = (Command.PROCESS_DEPENDENCY, 0)
_OWN: Final = (at(0), override({Parameter.CONTENT: GOODBYE}), _WRITE)
_DEPENDENCY: Final = manifest(
    sequence_number=0,
    components=(BELOW,),
    install=[override({Parameter.CONTENT: HELLO}), _WRITE],
    invoke=[override({Parameter.INVOKE_ARGS: b"cat 00"}), _INVOKE],
    extra={Manifest.MANIFEST_COMPONENT_ID: DEPENDENT},
)
_DIGEST: Final[dict[Item, Item]] = {Parameter.IMAGE_DIGEST: encode(digest_of_wrapped(encode(_DEPENDENCY)))}


def _root(uri: str, install: list[tuple[Item, Item]]) -> dict[Item, Item]:
    found = {**_DIGEST, Parameter.IMAGE_SIZE: 190, Parameter.URI: uri}
    return manifest(
        sequence_number=0,
        components=(ABOVE,),
        dependencies={1: {1: DEPENDENT}},
        dependency_resolution=[at(1), override(found), (Command.FETCH, 2), check(Command.IMAGE_MATCH)],
        install=[*install, *_OWN],
        invoke=[at(0), override({Parameter.INVOKE_ARGS: b"cat 00 10"}), _INVOKE],
        extra={Manifest.MANIFEST_COMPONENT_ID: [b"depending.suit"]},
    )


def _published(number: int) -> Callable[[bytes], bytes]:
    header = encode({CoseHeader.ALG: CoseAlgorithm.ESP256})
    block = Tag(CborTag.COSE_SIGN1.value, [header, {}, None, _SIGNATURES[number]])
    return lambda _: encode(block)


LOWER: Final = envelope(_DEPENDENCY, blocks=[_published(0)])
EXAMPLES: Final = {
    "example0_dependent": LOWER,
    "example1_process": envelope(
        _root(URI, [at(1), override(_DIGEST), INTEGRITY, _PROCESS]), blocks=[_published(1)]
    ),
    "example2_integrated": envelope(
        _root(KEY, [at(1), _PROCESS]), blocks=[_published(2)], members={KEY: LOWER}
    ),
}


def cases() -> Iterator[Case]:
    """Yield the cases of this topic that are published examples."""
    empty = Device(components=tuple(Component(id=name) for name in (BELOW, ABOVE, DEPENDENT)))
    full = {BELOW: HELLO, ABOVE: GOODBYE, DEPENDENT: LOWER}
    run = Device(components=tuple(Component(id=name, content=content) for name, content in full.items()))
    own: dict[str, Any] = {"keys": UNBOUND, "device": empty}
    yield accepted(
        "published-dependency",
        "T5.1-4",
        "The published dependency alone: it writes its component.",
        EXAMPLES["example0_dependent"],
        after={BELOW: HELLO},
        **own,
    )
    yield accepted(
        "published-dependency-invoke",
        "T5.1-4",
        "The published dependency alone: it starts its component.",
        EXAMPLES["example0_dependent"],
        **{**own, "device": run},
        procedure="invoke",
        invoked=[(BELOW, b"cat 00")],
    )
    for name, resources in (("example1_process", {URI: LOWER}), ("example2_integrated", {})):
        title = f"published-{name.replace('_', '-')}"
        more: dict[str, Any] = {**own, "resources": resources, "profile": "compat"}
        fetched = list(resources)
        yield accepted(
            title,
            "T5.6.2-3 T5.2.2-2 T5.2.2-3",
            "A published root, in compat.",
            EXAMPLES[name],
            after=full,
            fetched=fetched,
            **more,
        )
        yield accepted(
            f"{title}-invoke",
            "T5.4-1",
            "A published root is started, in compat.",
            EXAMPLES[name],
            **{**more, "device": run},
            procedure="invoke",
            invoked=[(ABOVE, b"cat 00 10")],
        )
        strict = {**more, "profile": "strict"}
        reason = ReportReason.OPERATION_FAILED
        yield rejected(
            f"{title}-strict",
            "T5.1-6 T3-1",
            "Its dependency-resolution leaves the dependency unchecked.",
            EXAMPLES[name],
            reason,
            fetched=fetched,
            **strict,
        )
        yield rejected(
            f"{title}-strict-invoke",
            "T5.1-6 T3-2",
            "Its invoke does not look at the dependency.",
            EXAMPLES[name],
            reason,
            **{**strict, "device": run},
            procedure="invoke",
        )
