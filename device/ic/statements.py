"""What an authenticated manifest states, read inside the IC: no caller says for it what it authorises."""

import hashlib
from typing import Any, Final

from device.ic.errors import IcUsageError
from device.ic.interface import VALUE_LIMIT, Floor, sequence_slot
from spec.labels import HASHES, CoseAlgorithm, Manifest
from suit import cbor, digest
from suit.errors import HardsuitError

_STRUCTURES: Final = {"Signature1": 4, "Signature": 5, "MAC0": 4, "MAC": 4}
"""What a signature or MAC is made over (RFC 9052 §4.4, §6.3), and of how many parts it is."""
_LIMITS: Final = cbor.Limits(size=1 << 16)
_HASHES: Final = {algorithm.value: algorithm for algorithm in HASHES}


def stated_floor(structure: bytes, manifest: bytes) -> Floor:
    """Return the floor that a manifest asks for: its sequence number, under its component, with its digest.

    Args:
        structure: The Sig_structure or MAC_structure that a trust anchor vouched for.
        manifest: The manifest, whose digest is the structure's payload.

    Raises:
        IcUsageError: The structure is not about this manifest, or it is no manifest.
    """
    try:
        algorithm, value = _signed_digest(structure)
        stream = digest.new(algorithm)
        stream.update(cbor.byte_string_head(len(manifest)))
        stream.update(manifest)
        if stream.digest() != value:
            raise IcUsageError("the signature is about another manifest")
        return _floor(cbor.decode(manifest, where="manifest", limits=_LIMITS), value)
    except (LookupError, TypeError, ValueError) as error:
        raise IcUsageError("neither a signed digest nor a manifest") from error
    except HardsuitError as error:
        raise IcUsageError(str(error)) from error


def message_digest(structure: bytes) -> bytes:
    """Return what a ticket says of the message that was verified."""
    return hashlib.sha256(structure).digest()


def _signed_digest(structure: bytes) -> tuple[CoseAlgorithm, bytes]:
    parts = cbor.decode(structure, where="signed structure", limits=_LIMITS)
    if type(parts) is not list or _STRUCTURES.get(parts[0]) != len(parts) or parts[-2] != b"":
        raise IcUsageError("not what a manifest's signature is made over")
    algorithm, value = cbor.decode(parts[-1], where="signed digest", limits=_LIMITS)
    return _HASHES[algorithm], value


def _floor(members: dict[int, Any], value: bytes) -> Floor:
    number = members[Manifest.MANIFEST_SEQUENCE_NUMBER.value]
    component = members.get(Manifest.MANIFEST_COMPONENT_ID.value)
    if type(number) is not int or not 0 <= number < VALUE_LIMIT:
        raise IcUsageError("a sequence number is a 64-bit number")
    if component is not None and (
        type(component) is not list or not all(type(part) is bytes for part in component)
    ):
        raise IcUsageError("a component identifier is a list of byte strings")
    return Floor(sequence_slot(component), number, value)
