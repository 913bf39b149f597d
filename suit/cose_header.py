"""The COSE header policy of hardsuit (RFC 9052 §3, 3.1), applied before anything else sees a header.

What is against the RFC is malformed. What the RFC allows but hardsuit does not understand is unsupported:
such a block vouches for nothing, and another one may still do.
"""

import functools
from collections.abc import Mapping
from typing import Final, NamedTuple

from spec.labels import CoseAlgorithm
from spec.labels import CoseHeader as Label
from suit import cbor
from suit.errors import MalformedError, UnsupportedAlgorithmError, UnsupportedCoseError

_UNDERSTOOD: Final = frozenset({Label.ALG.value, Label.CRIT.value, Label.KID.value})
_ALGORITHMS: Final = {algorithm.value: algorithm for algorithm in CoseAlgorithm}
_LIMITS: Final = cbor.Limits(size=1 << 13, depth=6, items=128)
_ALG, _CRIT, _KID = Label.ALG.value, Label.CRIT.value, Label.KID.value
_SHORT, _REMEMBERED = 16, 64


class Header(NamedTuple):
    """What a pair of header buckets says.

    Attributes:
        protected: The protected bucket as it enters a structure: an empty map as no bytes (RFC 9052 §4.4).
        algorithm: The value of ``alg`` in the protected bucket; None when it is not there.
        open_algorithm: The same of the unprotected bucket.
        kid: The key identifier of either bucket; None when absent or empty.
    """

    protected: bytes
    algorithm: cbor.Item
    open_algorithm: cbor.Item
    kid: bytes | None


def read_header(protected: cbor.Item, unprotected: cbor.Item, where: str) -> Header:
    """Read both buckets.

    Raises:
        MalformedError: They break a rule of RFC 9052.
        UnsupportedCoseError: A critical label is not understood.
    """
    if type(protected) is not bytes or type(unprotected) is not dict:
        raise MalformedError(where, "a COSE header is a byte string and a map")
    sealed = (_read_short if len(protected) <= _SHORT else _read_protected)(protected, where)
    if unprotected:
        _check_unprotected(sealed, unprotected, where)
    kid = sealed.get(_KID, unprotected.get(_KID, b""))
    if type(kid) is not bytes:
        raise MalformedError(where, "kid has to be a byte string")
    return Header(protected if sealed else b"", sealed.get(_ALG), unprotected.get(_ALG), kid or None)


def protected_algorithm(header: Header, allowed: frozenset[CoseAlgorithm], where: str) -> CoseAlgorithm:
    """Return the algorithm that the protected bucket names.

    Raises:
        MalformedError: ``alg`` is neither integer nor text.
        UnsupportedAlgorithmError: It is not one of ``allowed``.
        UnsupportedCoseError: It is not protected, so nothing vouches for it.
    """
    if header.algorithm is None:
        raise UnsupportedCoseError(f"{where}: the protected header has no alg")
    return named_algorithm(header.algorithm, allowed, where)


def named_algorithm(value: cbor.Item, allowed: frozenset[CoseAlgorithm], where: str) -> CoseAlgorithm:
    """Return the algorithm that a value of ``alg`` names, if it is one of ``allowed``.

    Raises:
        MalformedError: ``value`` is neither integer nor text.
        UnsupportedAlgorithmError: It is not one of ``allowed``.
    """
    if type(value) is int:
        algorithm = _ALGORITHMS.get(value)
        if algorithm in allowed:
            return algorithm
        shown = algorithm.name if algorithm else str(value)
        raise UnsupportedAlgorithmError(f"{where}: algorithm {shown} is not supported here")
    if type(value) is str:
        raise UnsupportedAlgorithmError(f"{where}: algorithms are named by number")
    raise MalformedError(where, "alg is neither integer nor text")


def _read_protected(protected: bytes, where: str) -> Mapping[cbor.Item, cbor.Item]:
    sealed = cbor.decode(protected, where=where, limits=_LIMITS, ordered=False) if protected else {}
    if type(sealed) is not dict:
        raise MalformedError(where, "the protected header is not a map")
    _check_labels(sealed, where)
    if _CRIT in sealed:
        _check_critical(sealed, where)
    return sealed


# Nearly all headers protect an algorithm and nothing else: a handful of byte strings, met again and again.
_read_short = functools.lru_cache(_REMEMBERED)(_read_protected)


def _check_unprotected(
    sealed: Mapping[cbor.Item, cbor.Item], unprotected: dict[cbor.Item, cbor.Item], where: str
) -> None:
    _check_labels(unprotected, where)
    if not sealed.keys().isdisjoint(unprotected):
        raise MalformedError(where, "a header label stands in both buckets")
    if _CRIT in unprotected:
        raise MalformedError(where, "crit is not protected")


def _check_labels(bucket: dict[cbor.Item, cbor.Item], where: str) -> None:
    for label in bucket:
        if type(label) is not int and type(label) is not str:
            raise MalformedError(where, "a header label is neither integer nor text")


def _check_critical(sealed: dict[cbor.Item, cbor.Item], where: str) -> None:
    critical = sealed[_CRIT]
    if type(critical) is not list or not critical:
        raise MalformedError(where, "crit has to be a list of labels, not an empty one")
    for label in critical:
        if type(label) is not int and type(label) is not str:
            raise MalformedError(where, "crit names something that is no label")
        if label not in sealed:
            raise MalformedError(where, f"crit names label {label!r}, which is not protected")
        if label not in _UNDERSTOOD:
            raise UnsupportedCoseError(f"{where}: critical header {label!r} is not understood")
