"""COSE_Sign1 with its payload inside, for what is neither manifest nor report: quotes, anchor updates."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from spec.labels import CborTag
from suit import cbor, cose
from suit.crypto import verify_signature
from suit.errors import MalformedError, NotAuthenticError
from suit.keys import CoseKey
from suit.signer import Signer

_OVERHEAD: Final = 1 << 12
_PAYLOAD: Final = 2
_PARTS: Final = 4


class Embedded(NamedTuple):
    """A payload, and the one signature over it, which nobody has verified yet."""

    payload: bytes
    attestation: cose.Attestation


def embed(payload: bytes, signer: Signer) -> bytes:
    """Sign a payload and put it into the tagged structure."""
    block = cbor.decode(cose.sign1(payload, signer), where="COSE_Sign1", ordered=False)
    return cbor.encode(cbor.Tagged(block.tag, [*block.value[:_PAYLOAD], payload, block.value[-1]]))


def take_apart(raw: bytes, *, where: str, limit: int) -> Embedded:
    """Read the structure of :func:`embed`; ``limit`` bounds the payload.

    Raises:
        MalformedError: It is another one.
        UnsupportedAlgorithmError, UnsupportedCoseError: COSE that hardsuit does not use.
    """
    item = cbor.decode(raw, where=where, limits=cbor.Limits(size=limit + _OVERHEAD, depth=8), ordered=False)
    if not isinstance(item, cbor.Tagged) or item.tag != CborTag.COSE_SIGN1.value:
        raise MalformedError(where, "no COSE_Sign1")
    parts = item.value
    if type(parts) is not list or len(parts) != _PARTS or type(parts[_PAYLOAD]) is not bytes:
        raise MalformedError(where, "expected two headers, the payload and a signature")
    payload = parts[_PAYLOAD]
    parts[_PAYLOAD] = None
    (attestation,) = cose.parse_block(cbor.encode(item), payload, where=where).attestations
    return Embedded(payload, attestation)


def opened(raw: bytes, keys: Iterable[CoseKey], *, where: str, limit: int) -> bytes:
    """Return the payload that one of these keys signed.

    Raises:
        NotAuthenticError: None did.
        MalformedError, UnsupportedAlgorithmError, UnsupportedCoseError: As :func:`take_apart`.
    """
    payload, attestation = take_apart(raw, where=where, limit=limit)
    for key in keys:
        if key.admits(attestation.algorithm) and verify_signature(
            key, attestation.algorithm, attestation.structure, attestation.value
        ):
            return payload
    raise NotAuthenticError(f"{where}: no trusted key verifies it")
