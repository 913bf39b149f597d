"""A signed change of one trust anchor of a security IC: the old key, or an update key, signs the new one.

The payload is an array that begins with a text, so that no signature over it can pass for one over a
manifest's digest, whose payload is another array, or the other way round.
"""

from dataclasses import dataclass
from typing import Final

from suit import cbor
from suit.embedded import embed
from suit.errors import MalformedError
from suit.keys import CoseKey
from suit.signer import Signer

MAX_UPDATE: Final = 1 << 13
WHERE: Final = "anchor update"
_CONTEXT: Final = "hardsuit anchor update 1"
_LIMITS: Final = cbor.Limits(size=MAX_UPDATE, depth=4, items=64)
_MAX_VERSION: Final = 1 << 63
_ID_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class AnchorUpdate:
    """What is to become of a trust anchor.

    Attributes:
        slot: Where the anchor is.
        version: Higher than that of what is there.
        key: The new key; None removes the anchor for good, until a higher version brings another.
        uid: The one IC that it is for; None for any that trusts the signer.
    """

    slot: str
    version: int
    key: CoseKey | None
    uid: bytes | None = None

    def seal(self, signer: Signer) -> bytes:
        """Sign it, as the key that is there now or as an update key."""
        key = None if self.key is None else self.key.to_cose()
        return embed(cbor.encode([_CONTEXT, self.slot, self.version, key, self.uid]), signer)


def decode_update(payload: bytes) -> AnchorUpdate:
    """Read what :meth:`AnchorUpdate.seal` signed.

    Raises:
        MalformedError: It is something else.
        UnsupportedAlgorithmError: The key is of a kind that hardsuit does not use.
    """
    match cbor.decode(payload, where=WHERE, limits=_LIMITS):
        case [str(context), str(slot), int(version), key, uid] if context == _CONTEXT:
            pass
        case _:
            raise MalformedError(WHERE, "not an update of a trust anchor")
    if type(version) is not int or not 0 < version < _MAX_VERSION:
        raise MalformedError(WHERE, "a version is a positive number")
    if uid is not None and (type(uid) is not bytes or len(uid) != _ID_SIZE):
        raise MalformedError(WHERE, "an IC's identity has 16 bytes")
    if key is not None and type(key) is not bytes:
        raise MalformedError(WHERE, "the key is no byte string")
    return AnchorUpdate(slot, version, None if key is None else CoseKey.from_cose(key), uid)
