"""Decryption on a device: streamed, bound, and nothing left of what was not good."""

import hashlib
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest

from device.components import MemoryComponent, MemoryComponents
from device.ic.emulator import Emulator, MemoryKey
from device.platform import MemoryFetcher, MemoryPlatform
from device.processor import Machine, Policy, Trace, update
from device.record import BootRecord
from device.slots import IMAGES, Installed, Transaction
from device.storage import MemoryStorage
from device.tests.processor_rig import (
    AUTHOR,
    COPY,
    FETCH,
    MATCH,
    WRITE,
    A,
    B,
    at,
    authentic,
    override,
    program,
    sha256,
)
from spec.labels import CoseAlgorithm
from suit.encrypt import encrypt
from suit.encryption import EncryptionInfo
from suit.errors import AbortError, StorageError
from suit.manifest import Digest
from suit.recipient_keys import RecipientKeyType, generate

KEK = generate(RecipientKeyType.A128KW, kid=b"kek")
PLAINTEXT = b"the image, as it shall run" * 5000
SHORT = PLAINTEXT[:1000]
URI = "http://example.com/encrypted"
GCM, CTR = CoseAlgorithm.A128GCM, CoseAlgorithm.A128CTR


def encrypted(plaintext: bytes = PLAINTEXT, algorithm: CoseAlgorithm = GCM) -> tuple[EncryptionInfo, bytes]:
    out: list[bytes] = []
    info = encrypt([plaintext], out.append, [KEK], algorithm)
    return info, b"".join(out)


@pytest.fixture
def ic() -> Emulator:
    return Emulator.provision(MemoryStorage(), MemoryKey(), keys=[AUTHOR.public], decryption_keys=[KEK])


class Device:
    """Slots on a storage, as the agent has them."""

    def __init__(self, ic: Emulator, resources: dict[str, bytes], policy: Policy | None = None) -> None:
        self.storage = MemoryStorage()
        self.transaction = Transaction(self.storage, ic, {A: 1 << 20, B: 1 << 20}, BootRecord())
        self.machine = Machine(
            self.transaction, MemoryPlatform([], []), MemoryFetcher(resources), policy or Policy(), ic=ic
        )
        self.trace = Trace()

    def install(self, *steps: object) -> None:
        raw = program(components=(A, B), install=[at(0), *steps])  # type: ignore[list-item]
        update(authentic(raw), self.machine, trace=self.trace)

    def content(self, component: tuple[bytes, ...] = A) -> bytes:
        return b"".join(self.transaction.read(component))

    def stored(self) -> list[bytes]:
        return [self.storage.read(f"{IMAGES}/{name}") for name in self.storage.list(IMAGES)]


@pytest.mark.req("E4.1-1", "E4.2-1")
@pytest.mark.parametrize("algorithm", [GCM, CTR, CoseAlgorithm.CHACHA20_POLY1305, CoseAlgorithm.A256CTR])
def test_a_payload_is_decrypted_on_its_way(ic: Emulator, algorithm: CoseAlgorithm) -> None:
    info, ciphertext = encrypted(algorithm=algorithm)
    device = Device(ic, {URI: ciphertext})
    pinned = override(image_digest=sha256(PLAINTEXT), image_size=len(PLAINTEXT))
    staged = [at(1), override(uri=URI, image_digest=sha256(ciphertext)), FETCH, MATCH]
    copied = [at(0), pinned, override(encryption_info=info, source_component=1), COPY, MATCH]
    device.install(*staged, *copied)
    assert device.content() == PLAINTEXT
    assert device.trace.verified == {A, B}
    assert device.trace.fetched == [URI]


@pytest.mark.req("H6-21", "E4.3-1")
@pytest.mark.parametrize("algorithm", [GCM, CTR])
def test_nothing_of_a_plaintext_stays_that_fails_its_check(ic: Emulator, algorithm: CoseAlgorithm) -> None:
    info, ciphertext = encrypted(algorithm=algorithm)
    changed = ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])
    device = Device(ic, {URI: changed})
    pinned = override(image_digest=sha256(PLAINTEXT), uri=URI, encryption_info=info)
    with pytest.raises(AbortError, match="does not decrypt"):
        device.install(pinned, FETCH)
    assert device.stored() == []
    assert device.transaction.size(A) is None
    assert device.trace.verified == set()


@pytest.mark.req("H6-21")
def test_what_breaks_off_is_removed_as_well(ic: Emulator) -> None:
    device = Device(ic, {})

    def breaking() -> Iterator[bytes]:
        yield PLAINTEXT
        raise StorageError("the medium failed")

    with pytest.raises(StorageError):
        device.transaction.write(A, breaking())
    assert device.stored() == []
    record = BootRecord()
    device.transaction.write(A, [PLAINTEXT])
    system = device.transaction.seal(b"envelope", 1, bytes(32), ())
    installed = Installed(device.storage, ic, {A: 1 << 20, B: 1 << 20}, system)
    installed.write(B, [b"loaded before"])
    with pytest.raises(StorageError):
        installed.write(B, breaking())
    assert installed.size(B) is None
    assert b"".join(installed.read(A)) == PLAINTEXT
    assert record.confirmed is None


@pytest.mark.req("E8-1")
def test_policy_may_want_a_digest_for_authenticated_ciphers_too(ic: Emulator) -> None:
    info, ciphertext = encrypted(SHORT)
    device = Device(ic, {}, Policy(digest_for=frozenset({GCM})))
    given = override(content=ciphertext, encryption_info=info)
    with pytest.raises(AbortError, match="E8"):
        device.install(given, WRITE)
    device.install(given, override(image_digest=sha256(SHORT)), WRITE)
    assert device.content() == SHORT


@pytest.mark.req("E8-1")
def test_no_policy_lets_a_cipher_without_tag_go_without_digest(ic: Emulator) -> None:
    info, ciphertext = encrypted(SHORT, CTR)
    device = Device(ic, {}, Policy(digest_for=frozenset()))
    with pytest.raises(AbortError, match="E8"):
        device.install(override(content=ciphertext, encryption_info=info), WRITE)
    assert device.stored() == []


def test_without_an_ic_nothing_is_decrypted() -> None:
    info, ciphertext = encrypted(SHORT)
    parts = {A: MemoryComponent(b"old"), B: MemoryComponent()}
    machine = Machine(MemoryComponents(parts), MemoryPlatform([], []), MemoryFetcher({}))
    raw = program(
        components=(A, B), install=[at(0), override(content=ciphertext, encryption_info=info), WRITE]
    )
    with pytest.raises(AbortError, match="no security IC"):
        update(authentic(raw), machine)
    assert parts[A].content == b"old"


def test_the_fetcher_is_asked_for_no_size_of_a_plaintext(ic: Emulator) -> None:
    """What arrives is longer than what is stored; the digest still says what it is bound to."""
    info, ciphertext = encrypted()
    asked = []

    class Fetcher(MemoryFetcher):
        def fetch(self, uri: str, *, digest: Digest | None, size: int | None) -> Iterator[bytes]:  # type: ignore[explicit-override]
            asked.append((digest, size))
            return super().fetch(uri, digest=digest, size=size)

    device = Device(ic, {})
    machine = Machine(device.transaction, MemoryPlatform([], []), Fetcher({URI: ciphertext}), ic=ic)
    digest = sha256(PLAINTEXT)
    pinned = override(image_digest=digest, image_size=len(PLAINTEXT), uri=URI, encryption_info=info)
    update(authentic(program(components=(A, B), install=[at(0), pinned, FETCH, MATCH])), machine)
    assert asked == [(digest, None)]
    assert device.content() == PLAINTEXT


def test_a_large_payload_takes_little_memory(ic: Emulator) -> None:
    """64 MiB through IC and components that keep nothing."""
    size, piece = 64 << 20, bytes(1 << 20)
    hashed = hashlib.sha256()
    out = hashlib.sha256()
    count = size // len(piece)
    for _ in range(count):
        hashed.update(piece)

    class Sink(MemoryComponents):
        def write(self, component: tuple[bytes, ...], chunks: Iterable[bytes]) -> None:  # type: ignore[explicit-override]
            del component
            for chunk in chunks:
                out.update(chunk)

    class Fetcher(MemoryFetcher):
        def fetch(self, uri: str, *, digest: Digest | None, size: int | None) -> Iterator[bytes]:  # type: ignore[explicit-override]
            del uri, digest, size
            return iter(pieces)

    pieces: list[bytes] = []
    info = encrypt((piece for _ in range(count)), pieces.append, [KEK], CTR)
    parts = {A: MemoryComponent(capacity=size), B: MemoryComponent()}
    machine = Machine(Sink(parts), MemoryPlatform([], []), Fetcher({}), ic=ic)
    digest = Digest(CoseAlgorithm.SHA_256, hashed.digest())
    raw = program(
        components=(A, B),
        install=[at(0), override(image_digest=digest, uri=URI, encryption_info=info), FETCH],
    )
    manifest = authentic(raw)
    tracemalloc.start()
    try:
        update(manifest, machine)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert out.digest() == hashed.digest()
    assert peak < 4 << 20
