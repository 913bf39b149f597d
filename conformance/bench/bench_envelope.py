"""Envelopes in process: decode, authenticate, process, build and sign, against bare P-256."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.bench.fixtures import Example, example_device, publisher
from conformance.release import Product, release
from device.authenticate import authenticate
from device.processor import update
from suit.decode import decode_manifest
from suit.envelope import open_envelope

Benchmark = Callable[..., Any]
P256 = ec.ECDSA(hashes.SHA256())
PRODUCT = Product(bytes(16), bytes(16))


@pytest.fixture(scope="module")
def example() -> Example:
    return example_device()


def bench_bare_verify(benchmark: Benchmark, example: Example) -> None:
    key, signature, message = example.bare
    benchmark(key.verify, signature, message, P256)


def bench_decode(benchmark: Benchmark, example: Example) -> None:
    benchmark(lambda: decode_manifest(open_envelope(example.raw).manifest))


def bench_authenticate(benchmark: Benchmark, example: Example) -> None:
    benchmark(lambda: authenticate(open_envelope(example.raw), example.ic))


def bench_process(benchmark: Benchmark, example: Example) -> None:
    authentic = authenticate(open_envelope(example.raw), example.ic)
    benchmark(update, authentic, example.machine)


def bench_authenticate_parse_process(benchmark: Benchmark, example: Example) -> None:
    benchmark(lambda: update(authenticate(open_envelope(example.raw), example.ic), example.machine))


def bench_bare_sign(benchmark: Benchmark) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    benchmark(key.sign, b"message", P256)


def bench_build_and_sign(benchmark: Benchmark) -> None:
    image, signers = bytes(64), [publisher()]
    benchmark(release, 1, image, PRODUCT, signers)
