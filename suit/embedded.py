"""COSE structures with their payload inside: reports, quotes, anchor updates.

The structures that are signed are those of detached payloads, which :mod:`suit.cose` makes and reads; all
that happens here is that the payload is put in its place.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from spec.labels import CborTag
from suit import cbor, cose
from suit.crypto import verify_signature
from suit.errors import MalformedError, NotAuthenticError
from suit.keys import CoseKey
from suit.signer import Signer

SIGNED: Final = {CborTag.COSE_SIGN1.value: "COSE_Sign1"}
SIGNED_OR_MAC: Final = SIGNED | {CborTag.COSE_MAC0.value: "COSE_Mac0"}
OVERHEAD: Final = 1 << 12
"""What a structure may have in bytes beside its payload."""
_PAYLOAD: Final = 2
_PARTS: Final = 4


class Embedded(NamedTuple):
    """A payload, and the one signature or tag over it, which nobody has verified yet."""

    payload: bytes
    attestation: cose.Attestation


def embed(payload: bytes, signer: Signer, *, make: Callable[[bytes, Signer], bytes] = cose.sign1) -> bytes:
    """Sign a payload and put it into the tagged structure; ``make`` is :func:`cose.sign1` or ``mac0``."""
    block = cbor.decode(make(payload, signer), where="COSE structure", ordered=False)
    return cbor.encode(cbor.Tagged(block.tag, [*block.value[:_PAYLOAD], payload, block.value[-1]]))


def take_apart(raw: bytes, *, where: str, limit: int, kinds: Mapping[int, str] = SIGNED) -> Embedded:
    """Read the structure of :func:`embed`.

    Args:
        raw: The structure, tag included.
        where: What it is called in messages.
        limit: The most bytes that the payload may have.
        kinds: The structures that are taken, by tag.

    Raises:
        MalformedError: It is another one.
        UnsupportedAlgorithmError, UnsupportedCoseError: COSE that hardsuit does not use.
    """
    item = cbor.decode(raw, where=where, limits=cbor.Limits(size=limit + OVERHEAD, depth=8), ordered=False)
    if not isinstance(item, cbor.Tagged) or item.tag not in kinds:
        names = " nor ".join(kinds.values())
        raise MalformedError(where, f"neither {names}" if len(kinds) > 1 else f"no {names}")
    parts = item.value
    if type(parts) is not list or len(parts) != _PARTS or type(parts[_PAYLOAD]) is not bytes:
        raise MalformedError(where, "expected two headers, the payload and a proof")
    payload = parts[_PAYLOAD]
    parts[_PAYLOAD] = None
    (attestation,) = cose.parse_block(cbor.encode(item), payload, where=where).attestations
    return Embedded(payload, attestation)


def opened(
    raw: bytes, keys: Iterable[CoseKey], *, where: str, limit: int, kinds: Mapping[int, str] = SIGNED
) -> bytes:
    """Return the payload that one of these keys vouches for. Args are those of :func:`take_apart`.

    Raises:
        NotAuthenticError: None did.
        MalformedError, UnsupportedAlgorithmError, UnsupportedCoseError: As :func:`take_apart`.
    """
    payload, attestation = take_apart(raw, where=where, limit=limit, kinds=kinds)
    for key in keys:
        if key.admits(attestation.algorithm) and verify_signature(
            key, attestation.algorithm, attestation.structure, attestation.value
        ):
            return payload
    raise NotAuthenticError(f"{where}: no trusted key verifies it")
