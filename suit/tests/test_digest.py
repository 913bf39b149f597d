"""suit.digest against the published answers of FIPS 180-4 and FIPS 202."""

import pytest

from spec.labels import HASHES, CoseAlgorithm
from suit import digest
from suit.errors import UnsupportedAlgorithmError

ABC = {
    CoseAlgorithm.SHA_256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    CoseAlgorithm.SHA_384: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
    "8086072ba1e7cc2358baeca134c825a7",
    CoseAlgorithm.SHA_512: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    CoseAlgorithm.SHAKE128: "5881092dd818bf5cf8a3ddb793fbcba74097d5c526a6d35f97b83351940f2cc8",
    CoseAlgorithm.SHAKE256: "483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739"
    "d5a15bef186a5386c75744c0527e1faa9f8726e462a12a4feb06bd8801e751e4",
}


@pytest.mark.parametrize("algorithm", ABC, ids=str)
def test_digest_of_abc_is_the_published_one(algorithm: CoseAlgorithm) -> None:
    assert digest.compute(algorithm, b"abc").hex() == ABC[algorithm]
    assert digest.size(algorithm) == len(ABC[algorithm]) // 2


@pytest.mark.parametrize("algorithm", ABC, ids=str)
def test_a_stream_gives_the_digest_of_the_whole(algorithm: CoseAlgorithm) -> None:
    stream = digest.new(algorithm)
    for piece in (b"", b"a", memoryview(b"b"), bytearray(b"c")):
        stream.update(piece)
    assert stream.digest().hex() == ABC[algorithm]
    stream.update(b"d")
    assert stream.digest() == digest.compute(algorithm, b"abcd")


def test_every_hash_of_the_registry_is_implemented() -> None:
    assert set(ABC) == HASHES


@pytest.mark.parametrize("algorithm", [a for a in CoseAlgorithm if a not in HASHES])
def test_what_is_no_hash_is_an_unsupported_algorithm(algorithm: CoseAlgorithm) -> None:
    for use in (digest.new, digest.size, lambda a: digest.compute(a, b"")):
        with pytest.raises(UnsupportedAlgorithmError, match=algorithm.name):
            use(algorithm)
