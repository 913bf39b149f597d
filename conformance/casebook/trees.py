"""Trees of manifests for the topic trust-domains: a root, a library it depends on, and their device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from conformance.casebook.case import (
    AUTHOR,
    CLASS,
    MAIN,
    NEW,
    OLD,
    SECOND,
    VENDOR,
    Component,
    ComponentId,
    Device,
    write,
)
from conformance.forge import Steps, at, check, digest_of_wrapped, envelope, image, manifest, override
from conformance.forge_cbor import Item, encode
from conformance.forge_cose import Key
from spec.labels import CborTag, Command, CoseAlgorithm, Manifest, Parameter

LIBRARY: Final[ComponentId] = (b"library",)
ROOT: Final[ComponentId] = (b"root",)
LIBRARY_IMAGE: Final = b"the image of the library"
KEY: Final = "#library"
LIBRARIAN: Final = Key("librarian", CoseAlgorithm.ESP256, b"librarian")

INTEGRITY: Final = check(Command.DEPENDENCY_INTEGRITY)
PROCESS: Final = check(Command.PROCESS_DEPENDENCY)
IS_DEPENDENCY: Final = check(Command.IS_DEPENDENCY)
UNLINK: Final = check(Command.UNLINK)
MATCH: Final = check(Command.IMAGE_MATCH)
FETCH: Final = check(Command.FETCH)
RESOLVE: Final = (at(1), override({Parameter.URI: KEY}), FETCH, INTEGRITY, PROCESS)
"""The dependency-resolution sequence of an honest root."""
_IDS: Final[Mapping[Item, Item]] = {
    Parameter.VENDOR_IDENTIFIER: VENDOR,
    Parameter.CLASS_IDENTIFIER: CLASS,
}
_CHECKS: Final = (check(Command.VENDOR_IDENTIFIER), check(Command.CLASS_IDENTIFIER))


@dataclass(frozen=True, slots=True)
class Signed:
    """A manifest and its envelope."""

    body: bytes
    raw: bytes

    @property
    def digest(self) -> dict[Item, Item]:
        """Return the parameter that pins this manifest."""
        return {Parameter.IMAGE_DIGEST: encode(digest_of_wrapped(self.body))}


def sealed(
    body: Mapping[Item, Item],
    signers: Sequence[Key] = (AUTHOR,),
    tag: int | None = CborTag.SUIT_ENVELOPE.value,
    **members: Item,
) -> Signed:
    """Sign a manifest; ``members`` are integrated payloads."""
    return Signed(encode(body), envelope(body, signers=signers, members=members, tag=tag))


def library(
    content: bytes = LIBRARY_IMAGE,
    *,
    components: Sequence[ComponentId] = (SECOND,),
    signers: Sequence[Key] = (AUTHOR,),
    tag: int | None = CborTag.SUIT_ENVELOPE.value,
    **members: Any,  # noqa: ANN401 - as forge.manifest
) -> Signed:
    """Return an honest dependency of one component, which it writes, pins and validates."""
    parts: dict[str, Any] = {
        "components": components,
        "shared": [override({**_IDS, **image(content)}), *_CHECKS],
        "install": write(content),
        "validate": [MATCH],
    }
    return sealed(manifest(**(parts | members)), signers, tag)


def root(
    child: Signed,
    *,
    content: bytes | None = NEW,
    embedded: bytes | None = None,
    signers: Sequence[Key] = (AUTHOR,),
    more: Steps = (),
    payloads: Mapping[Item, Item] | None = None,
    **members: Any,  # noqa: ANN401 - as forge.manifest
) -> bytes:
    """Return the envelope of an honest root over one integrated dependency.

    Args:
        child: The dependency.
        content: What the root writes into its own component; None: nothing, it has no install of its own.
        embedded: What stands in the envelope instead of the dependency.
        signers: Who signs the root.
        more: Steps at the end of the shared sequence.
        payloads: Integrated payloads instead of the dependency.
        members: As :func:`conformance.forge.manifest` takes them; they replace what is set here.
    """
    pinned = {} if content is None else image(content)
    own_write = [] if content is None else [at(0), *write(content)]
    own_check = [] if content is None else [at(0), MATCH]
    parts: dict[str, Any] = {
        "components": (MAIN, LIBRARY),
        "dependencies": {1: {}},
        "shared": [
            at(0),
            override({**_IDS, **pinned}),
            *_CHECKS,
            at(1),
            override(child.digest),
            *more,
        ],
        "dependency_resolution": RESOLVE,
        "install": [at(1), PROCESS, *own_write],
        "validate": [at(1), PROCESS, *own_check],
        "extra": {Manifest.MANIFEST_COMPONENT_ID: ROOT},
    }
    if payloads is None:
        payloads = {KEY: child.raw if embedded is None else embedded}
    return envelope(manifest(**(parts | members)), signers=signers, members=payloads)


def device(
    *more: Component,
    main: Component | None = None,
    stored: bytes | None = None,
    floors: Mapping[ComponentId, int] | None = None,
) -> Device:
    """Return a device with a component for the root, one for the library, and one for its envelope."""
    own = main or Component(content=OLD)
    return Device(
        components=(own, Component(id=SECOND), Component(id=LIBRARY, content=stored), *more),
        floors=floors or {},
    )


def installed(child: Signed, content: bytes = NEW) -> dict[ComponentId, bytes | None]:
    """Return what the device holds after an honest root."""
    return {MAIN: content, SECOND: LIBRARY_IMAGE, LIBRARY: child.raw}
