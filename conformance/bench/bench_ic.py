"""The security IC's verdict, in process and through its socket, against bare P-256; and a digest."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from device.ic.emulator import Emulator, MemoryKey
from device.ic.interface import Provisioning, Purpose, SecurityIC
from device.ic.process.client import RemoteIC
from device.ic.process.spawn import spawned
from device.storage import MemoryStorage
from spec.labels import CoseAlgorithm
from suit.signer import KeyType, LocalSigner, generate

Benchmark = Callable[..., Any]
MESSAGE: Final = bytes(100)
SIZE: Final = 32 << 20
PIECE: Final = 1 << 20


@pytest.fixture(scope="module")
def author() -> LocalSigner:
    return generate(KeyType.P256)


@pytest.fixture(scope="module")
def served(author: LocalSigner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecurityIC]:
    place: Path = tmp_path_factory.mktemp("ic")
    with spawned(place / "ic", place / "ic.key") as path, RemoteIC(path) as ic:
        ic.provision(Provisioning((author.public,)))
        yield ic


def _verify(benchmark: Benchmark, ic: SecurityIC, author: LocalSigner) -> None:
    name, algorithm, signature = author.public.name, author.algorithm, author.sign(MESSAGE)
    benchmark(ic.verify, name, algorithm, MESSAGE, signature, purpose=Purpose.MANIFEST)


def bench_ic_bare(benchmark: Benchmark) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signature = key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    benchmark(key.public_key().verify, signature, MESSAGE, ec.ECDSA(hashes.SHA256()))


def bench_ic_verify(benchmark: Benchmark, author: LocalSigner) -> None:
    with Emulator.provision(MemoryStorage(), MemoryKey(), keys=[author.public]) as ic:
        _verify(benchmark, ic, author)


def bench_ic_verify_socket(benchmark: Benchmark, served: SecurityIC, author: LocalSigner) -> None:
    _verify(benchmark, served, author)


def bench_ic_bare_hash(benchmark: Benchmark) -> None:
    data = bytes(PIECE)

    def once() -> None:
        stream = hashlib.sha256()
        for _ in range(SIZE // PIECE):
            stream.update(data)

    benchmark.pedantic(once, rounds=5, warmup_rounds=1)  # type: ignore[attr-defined]


def bench_ic_hash_socket(benchmark: Benchmark, served: SecurityIC) -> None:
    data = bytes(PIECE)

    def once() -> None:
        stream = served.hash_open(CoseAlgorithm.SHA_256)
        for _ in range(SIZE // PIECE):
            stream.update(data)
        assert stream.finish().size == SIZE  # noqa: S101 - a benchmark of something else would be worthless

    benchmark.pedantic(once, rounds=5, warmup_rounds=1)  # type: ignore[attr-defined]
