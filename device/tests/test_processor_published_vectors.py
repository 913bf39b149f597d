"""The published examples 0 to 5, with components whose digests are the made-up ones (M, appendix B)."""

from dataclasses import replace

import pytest

from device.authenticate import Authentic, authenticate
from device.components import MemoryComponent, MemoryComponents
from device.ic.emulator import Emulator, MemoryKey
from device.platform import MemoryFetcher, MemoryPlatform
from device.processor import Machine, Trace, invoke, update
from device.storage import MemoryStorage
from device.tests.processor_rig import CLASS, VENDOR, A, B, C
from spec.labels import CoseAlgorithm
from suit.envelope import open_envelope
from suit.errors import AbortError, ConditionFailedError, NotAuthenticError
from suit.manifest import ComponentId, Manifest
from suit.signer import load_signer
from suit.tests import vectors

ONE = bytes.fromhex("00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210")
TWO = bytes.fromhex("0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff")
IMAGE_1, IMAGE_2 = b"1" * 34768, b"2" * 76834
FILE, LONG = "http://example.com/file.bin", "http://example.com/very/long/path/to/file/file.bin"
FILE_1, FILE_2 = "http://example.com/file1.bin", "http://example.com/file2.bin"
RESOURCES = {FILE: IMAGE_1, LONG: IMAGE_1, FILE_1: IMAGE_1, FILE_2: IMAGE_2}


@pytest.fixture(scope="module")
def ic() -> Emulator:
    public = load_signer(vectors.path("ietf/manifest/private_key.pem")).public
    bound = replace(public, algorithm=CoseAlgorithm.ES256)  # the examples sign with the deprecated one
    return Emulator.provision(MemoryStorage(), MemoryKey(), keys=[bound])


def example(name: str, ic: Emulator) -> Authentic[Manifest]:
    return authenticate(open_envelope(vectors.path(f"ietf/manifest/{name}.suit").read_bytes()), ic)


class Device:
    def __init__(self, *digests: bytes, contents: tuple[bytes | None, ...] = (), slot: int = 0) -> None:
        held = [*contents, *[None] * len(digests)]
        self.parts: dict[ComponentId, MemoryComponent] = {
            name: MemoryComponent(content, slot, 1 << 17, digest)
            for name, digest, content in zip((A, B, C), digests, held, strict=False)
        }
        self.platform = MemoryPlatform([VENDOR], [CLASS])
        components = MemoryComponents(self.parts)
        self.machine = Machine(components, self.platform, MemoryFetcher(RESOURCES))
        self.trace = Trace()

    @property
    def contents(self) -> list[bytes | None]:
        return [part.content for part in self.parts.values()]


@pytest.mark.req("H3-7")
def test_example_0_is_a_secure_boot(ic: Emulator) -> None:
    device = Device(ONE, contents=(IMAGE_1,))
    invoke(example("example0.signed", ic), device.machine)
    assert device.platform.invoked == [(A, None)]
    other = Device(TWO, contents=(IMAGE_1,))
    with pytest.raises(ConditionFailedError):
        invoke(example("example0.signed", ic), other.machine)
    assert not other.platform.invoked


@pytest.mark.req("H3-7")
@pytest.mark.parametrize(
    ("name", "uri"), [("example1.signed", FILE), ("example2.signed", LONG)], ids=["1", "2"]
)
def test_examples_1_and_2_install(name: str, uri: str, ic: Emulator) -> None:
    device = Device(ONE)
    trace = update(example(name, ic), device.machine)
    assert device.contents == [IMAGE_1]
    assert trace.fetched == [uri]


@pytest.mark.req("M8.6-2")
def test_example_2_with_its_members_cut_off_boots_but_does_not_update(ic: Emulator) -> None:
    device = Device(ONE, contents=(IMAGE_1,))
    severed = example("example2.severed-signed", ic)
    with pytest.raises(AbortError, match="install was severed"):
        update(severed, device.machine)
    invoke(severed, device.machine)
    assert device.platform.invoked == [(A, None)]


@pytest.mark.req("H3-7", "I4.5.9")
@pytest.mark.parametrize(("slot", "digest", "uri"), [(0, ONE, FILE_1), (1, TWO, FILE_2)], ids=["a", "b"])
def test_example_3_chooses_by_slot(slot: int, digest: bytes, uri: str, ic: Emulator) -> None:
    device = Device(digest, slot=slot)
    trace = update(example("example3.signed", ic), device.machine)
    assert device.contents == [RESOURCES[uri]]
    assert trace.fetched == [uri]


@pytest.mark.req("M8.4.10.2-6")
def test_example_3_has_nothing_for_a_third_slot(ic: Emulator) -> None:
    device = Device(ONE, slot=2)
    with pytest.raises(ConditionFailedError):
        update(example("example3.signed", ic), device.machine)
    assert device.contents == [None]


@pytest.mark.req("H3-7")
def test_example_4_fetches_into_one_component_and_copies_into_another(ic: Emulator) -> None:
    device = Device(ONE, TWO, ONE)
    trace = update(example("example4.signed", ic), device.machine)
    assert device.contents == [IMAGE_1, None, IMAGE_1]
    assert trace.verified == {A, C}


def test_example_4_cannot_boot_as_it_unpacks_nothing(ic: Emulator) -> None:
    # It loads 34768 bytes and wants 76834 of them: a plain copy is all that the document defines.
    device = Device(ONE, TWO, ONE, contents=(IMAGE_1, None, IMAGE_1))
    with pytest.raises(ConditionFailedError, match="34768 bytes instead of 76834"):
        invoke(example("example4.signed", ic), device.machine)
    assert device.contents == [IMAGE_1, None, IMAGE_1]


@pytest.mark.req("H3-7")
def test_example_5_installs_and_boots_two_images(ic: Emulator) -> None:
    device = Device(ONE, TWO)
    trace = update(example("example5.signed", ic), device.machine)
    assert device.contents == [IMAGE_1, IMAGE_2]
    assert trace.fetched == [FILE_1, FILE_2]
    invoke(example("example5.signed", ic), device.machine)
    assert device.platform.invoked == [(A, None)]


@pytest.mark.parametrize("number", range(6))
def test_unsigned_examples_are_not_authentic(number: int, ic: Emulator) -> None:
    with pytest.raises(NotAuthenticError):
        example(f"example{number}.unsigned", ic)
