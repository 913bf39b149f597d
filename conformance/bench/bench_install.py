"""An install of 64 MiB from loopback, against a bare loop that reads, hashes and writes the same bytes."""

import hashlib
import os
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from conformance.release import FIRMWARE, Product, release
from device.agent import Device
from device.authenticate import authenticate
from device.config import Config
from device.home import create, opened
from device.ic.places import IN_PROCESS
from repository.repository import Repository
from repository.serve import serving
from repository.updates import read_update
from spec.labels import CoseAlgorithm
from suit.envelope import open_envelope
from suit.manifest import Digest
from suit.signer import KeyType, generate
from suit.target import content_path

Benchmark = Callable[..., Any]
SIZE: Final = 64 << 20
CHUNK: Final = 1 << 20
ROUNDS: Final = 5
PRODUCT: Final = Product(bytes(range(16)), bytes(range(16, 32)))


@dataclass(frozen=True, slots=True)
class Chain:
    """A device, a release it may install, and where its payload is served."""

    device: Device
    envelope: bytes
    payload: str
    directory: Path


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    directory = tmp_path_factory.mktemp("chain")
    author = generate(KeyType.P256)
    image = directory / "firmware.bin"
    image.write_bytes(hashlib.shake_128(b"bench").digest(SIZE))
    envelope = release(1, image.read_bytes(), PRODUCT, [author])
    repository = Repository.create(directory / "repository")
    repository.add_vendor(PRODUCT.vendor)
    repository.publish(read_update(envelope, files=[image]))
    digest = Digest(CoseAlgorithm.SHA_256, hashlib.sha256(image.read_bytes()).digest())
    with ExitStack() as stack:
        url = stack.enter_context(serving(directory / "repository"))
        config = Config(
            url=url,
            vendor=PRODUCT.vendor,
            class_id=PRODUCT.class_id,
            capacities={FIRMWARE: SIZE},
            ic=IN_PROCESS,
        )
        home = directory / "device"
        create(home, config, root_file=repository.root_file.read_bytes(), keys=[author.public])
        device = stack.enter_context(opened(home))
        yield Chain(device, envelope, f"{url}/{content_path(digest)}", directory)


def bench_bare_read_hash_write(benchmark: Benchmark, chain: Chain) -> None:
    target = chain.directory / "bare.bin"

    def once() -> None:
        stream = hashlib.sha256()
        with urllib.request.urlopen(chain.payload) as response, target.open("wb") as file:  # noqa: S310
            while chunk := response.read(CHUNK):
                stream.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[attr-defined]


def bench_install(benchmark: Benchmark, chain: Chain) -> None:
    device = chain.device

    def once() -> None:
        device.install(authenticate(open_envelope(chain.envelope), device.ic))

    benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[attr-defined]
