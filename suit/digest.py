"""Digest algorithms of SUIT (M10): SHA-2 and SHAKE as RFC 9054 registers them for COSE."""

import hashlib
from collections.abc import Callable
from typing import Final, Protocol

from spec.labels import CoseAlgorithm
from suit.errors import UnsupportedAlgorithmError
from suit.manifest import Digest


class Hash(Protocol):
    """A digest in the making."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take in more of the content."""

    def digest(self) -> bytes:
        """Return the digest of all that was taken in; more may follow."""


class _Shake:
    """An extendable-output function, cut where RFC 9054 §2.4 says."""

    __slots__ = ("_size", "_stream")

    def __init__(self, name: str, size: int) -> None:
        self._stream = hashlib.new(name)
        self._size = size

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self._stream.update(data)

    def digest(self) -> bytes:
        return self._stream.digest(self._size)  # type: ignore[call-arg]  # SHAKE alone takes a length


_SIZES: Final = {
    CoseAlgorithm.SHA_256: 32,
    CoseAlgorithm.SHAKE128: 32,
    CoseAlgorithm.SHA_384: 48,
    CoseAlgorithm.SHA_512: 64,
    CoseAlgorithm.SHAKE256: 64,
}
_MAKERS: Final[dict[CoseAlgorithm, Callable[[], Hash]]] = {
    CoseAlgorithm.SHA_256: hashlib.sha256,
    CoseAlgorithm.SHAKE128: lambda: _Shake("shake_128", _SIZES[CoseAlgorithm.SHAKE128]),
    CoseAlgorithm.SHA_384: hashlib.sha384,
    CoseAlgorithm.SHA_512: hashlib.sha512,
    CoseAlgorithm.SHAKE256: lambda: _Shake("shake_256", _SIZES[CoseAlgorithm.SHAKE256]),
}


def new(algorithm: CoseAlgorithm) -> Hash:
    """Begin a digest.

    Raises:
        UnsupportedAlgorithmError: ``algorithm`` is no digest algorithm (M10: reject).
    """
    try:
        make = _MAKERS[algorithm]
    except KeyError:
        raise _unsupported(algorithm) from None
    return make()


def compute(algorithm: CoseAlgorithm, data: bytes | bytearray | memoryview) -> bytes:
    """Return the digest of ``data``.

    Raises:
        UnsupportedAlgorithmError: ``algorithm`` is no digest algorithm.
    """
    stream = new(algorithm)
    stream.update(data)
    return stream.digest()


def matches(expected: Digest, *parts: bytes | bytearray | memoryview) -> bool:
    """Tell whether the parts, one after the other, have the expected digest.

    Raises:
        UnsupportedAlgorithmError: ``expected`` names no digest algorithm.
    """
    stream = new(expected.algorithm)
    for part in parts:
        stream.update(part)
    return stream.digest() == expected.value


def size(algorithm: CoseAlgorithm) -> int:
    """Return how many bytes a digest has.

    Raises:
        UnsupportedAlgorithmError: ``algorithm`` is no digest algorithm.
    """
    try:
        return _SIZES[algorithm]
    except KeyError:
        raise _unsupported(algorithm) from None


def _unsupported(algorithm: CoseAlgorithm) -> UnsupportedAlgorithmError:
    return UnsupportedAlgorithmError(f"{algorithm.name} is not a digest algorithm that SUIT uses")
