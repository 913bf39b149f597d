"""CoSWID (RFC 9393) in a manifest: what is checked of it, and how it is read.

Devices carry it for those who ask what software they run; no device needs it to install (U3.2).
"""

from collections.abc import Mapping
from typing import Final

from spec.labels import CoSwid, CoSwidRole
from suit import cbor
from suit.cbor import Item
from suit.errors import HardsuitError, MalformedError
from suit.narrow import draft_name
from suit.wellformed import require_well_formed

COSWID_LIMITS: Final = cbor.Limits(size=1 << 18, depth=16, items=1 << 15)
_MAP = 5
_REQUIRED: Final = (CoSwid.TAG_ID, CoSwid.TAG_VERSION, CoSwid.SOFTWARE_NAME, CoSwid.ENTITY)
_UUID_SIZE: Final = 16


def check_coswid(raw: bytes, where: str) -> bytes:
    """Return a CoSWID if it is one well-formed CBOR map; that is all that a device asks (U3.2).

    Raises:
        MalformedError: It is not.
        LimitError: It is larger than a manifest's.
    """
    if not raw or raw[0] >> 5 != _MAP:
        raise MalformedError(where, "a concise-swid-tag is a CBOR map")
    require_well_formed(raw, where=where, limits=COSWID_LIMITS)
    return raw


def read_coswid(raw: bytes) -> Mapping[Item, Item] | None:
    """Return the members of a CoSWID; None if it is well-formed CBOR that hardsuit does not decode.

    Maps may be in any order here. Floats, indefinite lengths and longer heads than needed are not decoded.
    """
    try:
        item = cbor.decode(raw, where="coswid", limits=COSWID_LIMITS, ordered=False)
    except HardsuitError:
        return None
    return item if isinstance(item, dict) else None


def problems(tag: Mapping[Item, Item]) -> list[str]:
    """Return what makes a CoSWID less than RFC 9393 asks for; empty for a good one."""
    found = [f"it has no {draft_name(label)}" for label in _REQUIRED if label.value not in tag]
    tag_id = tag.get(CoSwid.TAG_ID.value)
    if isinstance(tag_id, bytes) and len(tag_id) != _UUID_SIZE:
        found.append("its tag-id is neither text nor a UUID of 16 bytes")
    if isinstance(tag_id, str) and "__" in tag_id:
        found.append("its tag-id holds two underscores in a row")
    if CoSwid.ENTITY.value in tag and not _has_tag_creator(tag[CoSwid.ENTITY.value]):
        found.append("no entity is its tag-creator")
    if tag.get(CoSwid.PATCH.value) is True and tag.get(CoSwid.SUPPLEMENTAL.value) is True:
        found.append("it is both a patch and supplemental")
    if CoSwid.PAYLOAD.value in tag and CoSwid.EVIDENCE.value in tag:
        found.append("it has both payload and evidence")
    return found


def _has_tag_creator(entities: Item) -> bool:
    creator = CoSwidRole.TAG_CREATOR.value
    for entity in entities if isinstance(entities, list) else [entities]:
        roles = entity.get(CoSwid.ROLE.value) if isinstance(entity, dict) else None
        if creator in (roles if isinstance(roles, list) else [roles]):
            return True
    return False
