"""A tree for the benchmarks: a root of 16 components, 4 of which hold its dependencies."""

from collections.abc import Mapping
from typing import Any, Final, cast

from conformance.bench.fixtures import CLASS, VENDOR
from conformance.casebook.case import AUTHOR
from conformance.casebook.trees import FETCH, INTEGRITY, MATCH, PROCESS, Signed, sealed
from conformance.forge import EVERY, at, check, image, manifest, override
from conformance.forge_cbor import Item
from device.components import MemoryComponent, MemoryComponents
from device.ic.emulator import Emulator, MemoryKey
from device.ic.interface import SecurityIC, VerifyTicket
from device.platform import MemoryFetcher, MemoryPlatform
from device.processor import Machine
from device.storage import MemoryStorage
from spec.labels import Command, Manifest, Parameter
from suit.keys import CoseKey

DEPENDENCIES: Final = 4
IMAGES_EACH: Final = 3
_IDS: Final[Mapping[Item, Item]] = {
    Parameter.VENDOR_IDENTIFIER: VENDOR,
    Parameter.CLASS_IDENTIFIER: CLASS,
}
_CHECKS: Final = (check(Command.VENDOR_IDENTIFIER), check(Command.CLASS_IDENTIFIER))
_ALL: Final = list(range(DEPENDENCIES))
_IMAGES: Final = [bytes([number]) * 64 for number in range(DEPENDENCIES * IMAGES_EACH)]
_HOLDERS: Final = [(b"dependency", bytes([number])) for number in _ALL]
_NAMES: Final = [(b"image", bytes([number])) for number in range(len(_IMAGES))]


class Remembering:
    """A security IC that has verified everything before: what is left of the time is not its signatures."""

    def __init__(self, ic: SecurityIC) -> None:
        self._ic = ic
        self._tickets: dict[object, VerifyTicket] = {}

    def verify(self, name: bytes, *arguments: Any, **more: Any) -> VerifyTicket:  # noqa: ANN401 - handed on
        """Return the ticket of the first time (see :class:`SecurityIC`)."""
        if (name, *arguments) not in self._tickets:
            self._tickets[name, *arguments] = self._ic.verify(name, *arguments, **more)
        return self._tickets[name, *arguments]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - every other call is the IC's own
        return getattr(self._ic, name)


def tree_device() -> tuple[bytes, Machine, SecurityIC]:
    """Return the signed root, a device that installs it, and an IC that need not verify again."""
    emulator = Emulator.provision(
        MemoryStorage(), MemoryKey(), keys=[CoseKey.from_cose(AUTHOR.cose_key())], directory="ic"
    )
    ic = cast("SecurityIC", Remembering(emulator))
    components = MemoryComponents({name: MemoryComponent() for name in (*_HOLDERS, *_NAMES)})
    fetcher = MemoryFetcher({_uri(number): content for number, content in enumerate(_IMAGES)})
    return _root(), Machine(components, MemoryPlatform([VENDOR], [CLASS]), fetcher, ic=ic), ic


def _dependency(number: int) -> Signed:
    """Return a dependency that fetches and matches three images."""
    first = number * IMAGES_EACH
    shared: list[tuple[Item, Item]] = [at(0), override(_IDS), *_CHECKS]
    install: list[tuple[Item, Item]] = []
    for index in range(IMAGES_EACH):
        shared += [at(index), override(image(_IMAGES[first + index]))]
        install += [at(index), override({Parameter.URI: _uri(first + index)}), FETCH, MATCH]
    return sealed(
        manifest(
            sequence_number=number,
            components=_NAMES[first : first + IMAGES_EACH],
            shared=shared,
            install=install,
            validate=[at(EVERY), MATCH],
        )
    )


def _root() -> bytes:
    children = [_dependency(number) for number in _ALL]
    shared: list[tuple[Item, Item]] = [at(DEPENDENCIES), override(_IDS), *_CHECKS]
    for number, child in enumerate(children):
        where: dict[Item, Item] = {Parameter.URI: f"#{number}", Parameter.IMAGE_SIZE: len(child.raw)}
        shared += [at(number), override(child.digest | where)]
    body = manifest(
        components=[*_HOLDERS, *_NAMES],
        dependencies={number: {} for number in _ALL},
        shared=shared,
        dependency_resolution=[at(_ALL), FETCH, INTEGRITY, PROCESS],
        install=[at(_ALL), PROCESS],
        validate=[at(_ALL), PROCESS],
        extra={Manifest.MANIFEST_COMPONENT_ID: [b"root"]},
    )
    payloads: dict[str, Any] = {f"#{number}": child.raw for number, child in enumerate(children)}
    return sealed(body, **payloads).raw


def _uri(number: int) -> str:
    return f"http://example.com/{number}"
