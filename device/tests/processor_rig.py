"""A bench for the manifest processor: programs as model values, signed, authenticated by an IC, executed.

Every program passes encoder, signature, IC and decoder, so a test sees what a device would.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from typing_extensions import override as override_method

from device.authenticate import Authentic, authenticate
from device.components import MemoryComponent, MemoryComponents
from device.ic.emulator import Emulator, MemoryKey
from device.ic.interface import Floor
from device.platform import MemoryFetcher, MemoryPlatform
from device.processor import Machine, Observer, Policy, Trace, invoke, update
from device.storage import MemoryStorage
from spec.labels import Command, CoseAlgorithm, Parameter
from spec.labels import Manifest as Member
from suit import cose, digest
from suit.encode import encode_envelope
from suit.envelope import open_envelope, seal, with_block
from suit.manifest import Command as Step
from suit.manifest import ComponentId, Digest, Manifest, Severable
from suit.signer import KeyType, generate

A: ComponentId = (b"\x00",)
B: ComponentId = (b"\x01",)
C: ComponentId = (b"\x02",)
VENDOR = bytes.fromhex("fa6b4a53d5ad5fdfbe9de663e4d41ffe")
CLASS = bytes.fromhex("1492af1425695e48bf429b2d51f2ab45")
DEVICE = bytes.fromhex("6f1d2c3b4a594877968594a3b2c1d0e0")
OTHER = bytes.fromhex("0b0e4ac53fe2464a92a2a9c3b1f0d1e7")
URI = "http://example.com/one"
URI_2 = "http://example.com/two"

AUTHOR = generate(KeyType.P256)
STRANGER = generate(KeyType.P256)
IC = Emulator.provision(MemoryStorage(), MemoryKey(), keys=[AUTHOR.public])


def check(command: Command, policy: int = 15) -> Step:
    """A condition, or a directive without argument."""
    return Step(command, policy)


def at(index: int | bool | list[int]) -> Step:
    return Step(Command.SET_COMPONENT_INDEX, tuple(index) if isinstance(index, list) else index)


def override(**parameters: Any) -> Step:
    return Step(
        Command.OVERRIDE_PARAMETERS,
        {Parameter[name.upper()]: value for name, value in parameters.items()},
    )


def try_each(*branches: list[Step] | None) -> Step:
    return Step(Command.TRY_EACH, tuple(None if branch is None else tuple(branch) for branch in branches))


def run(*steps: Step) -> Step:
    return Step(Command.RUN_SEQUENCE, tuple(steps))


def write(content: bytes) -> list[Step]:
    return [override(content=content), check(Command.WRITE)]


def sha256(content: bytes) -> Digest:
    return Digest(CoseAlgorithm.SHA_256, digest.compute(CoseAlgorithm.SHA_256, content))


ABORT = check(Command.ABORT)
MATCH = check(Command.IMAGE_MATCH)
FETCH = check(Command.FETCH)
COPY = check(Command.COPY)
SWAP = check(Command.SWAP)
WRITE = check(Command.WRITE)
INVOKE = check(Command.INVOKE)
SOFT = override(soft_failure=True)
HARD = override(soft_failure=False)
LOOSE = override(strict_order=False)
STRICT = override(strict_order=True)


def program(
    *,
    components: tuple[ComponentId, ...] = (A,),
    sequence_number: int = 1,
    payloads: dict[str, bytes] | None = None,
    sever: tuple[Member, ...] = (),
    drop: tuple[Member, ...] = (),
    **sections: list[Step],
) -> bytes:
    """Encode and sign a manifest; ``drop`` cuts severable members off afterwards."""
    inline: dict[str, Any] = {name: tuple(steps) for name, steps in sections.items()}
    for name in ("payload_fetch", "install"):
        if name in inline:
            inline[name] = Severable(inline[name])
    manifest = Manifest(sequence_number=sequence_number, components=components, **inline)
    envelope = seal(manifest, payloads=payloads, sever=sever)
    envelope = with_block(envelope, cose.sign1(envelope.digest_bytes, AUTHOR))
    kept = {member: raw for member, raw in envelope.severed.items() if member not in drop}
    return encode_envelope(replace(envelope, severed=kept))


def authentic(raw: bytes) -> Authentic[Manifest]:
    return authenticate(open_envelope(raw), IC)


class LoggingFetcher(MemoryFetcher):
    """Remembers what it was asked for."""

    def __init__(self, resources: Mapping[str, bytes]) -> None:
        super().__init__(resources)
        self.asked: list[tuple[str, Digest | None, int | None]] = []

    @override_method
    def fetch(self, uri: str, *, digest: Digest | None, size: int | None) -> Iterator[bytes]:
        self.asked.append((uri, digest, size))
        return super().fetch(uri, digest=digest, size=size)


class Rig:
    """A device of components, named in the order A, B, C, and what happened on it."""

    def __init__(
        self,
        *contents: bytes | None,
        slots: tuple[int, ...] = (),
        capacity: int = 64,
        resources: Mapping[str, bytes] | None = None,
        policy: Policy | None = None,
        observer: Observer | None = None,
    ) -> None:
        ids = (A, B, C)[: len(contents) or 1]
        held = contents or (None,)
        self.parts = {
            name: MemoryComponent(content, capacity=capacity) for name, content in zip(ids, held, strict=True)
        }
        for part, slot in zip(self.parts.values(), slots, strict=False):
            part.slot = slot
        self.fetcher = LoggingFetcher(resources or {})
        self.platform = MemoryPlatform([VENDOR], [CLASS], [DEVICE])
        self.trace = Trace()
        self.machine = Machine(
            MemoryComponents(self.parts), self.platform, self.fetcher, policy or Policy(), observer
        )

    @property
    def contents(self) -> list[bytes | None]:
        return [part.content for part in self.parts.values()]

    def update(self, *, floor: int = 0, floor_digest: bytes = b"", **sections: Any) -> Trace:
        """Run the update procedure of a program; see :func:`program`."""
        sections.setdefault("components", tuple(self.parts))
        manifest = authentic(program(**sections))
        return update(manifest, self.machine, floor=Floor("", floor, floor_digest), trace=self.trace)

    def install(self, *steps: Step, **sections: Any) -> Trace:
        """Run a program that has these steps in install."""
        return self.update(install=list(steps), **sections)

    def invoke(self, *, floor: int = 0, **sections: Any) -> Trace:
        sections.setdefault("components", tuple(self.parts))
        return invoke(authentic(program(**sections)), self.machine, floor=Floor("", floor), trace=self.trace)
