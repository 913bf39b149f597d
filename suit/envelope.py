"""Open and put together envelopes (M8.2, 8.3, M5.4), without looking into the manifest."""

from dataclasses import replace
from typing import Any, Final

from spec.labels import CborTag, CoseAlgorithm
from spec.labels import Envelope as Member
from spec.labels import Manifest as ManifestMember
from suit import cbor, digest
from suit.decode_sequence import decode_encoded_digest
from suit.encode import encode_digest, encode_envelope, encode_manifest, encode_sequence, encode_texts
from suit.errors import LimitError, MalformedError, UsageError
from suit.manifest import SEVERABLE, Digest, Envelope, Manifest, Sequence, Texts, severable_member
from suit.narrow import MAX_URI, as_bytes, as_map, draft_name

MAX_ENVELOPE: Final = 1 << 20
MAX_BLOCKS: Final = 8

_LIMITS: Final = cbor.Limits(size=MAX_ENVELOPE, depth=3, items=256, text=MAX_URI)
_SEVERABLE_BY_NUMBER: Final = {member.value: member for member in SEVERABLE}
_WRAPPER: Final = "envelope.authentication-wrapper"
_TAG = CborTag.SUIT_ENVELOPE.value
_WRAPPER_KEY, _MANIFEST_KEY = Member.AUTHENTICATION_WRAPPER.value, Member.MANIFEST.value


def open_envelope(raw: bytes, *, embedded: bool = False) -> Envelope:
    """Read the envelope map and its authentication wrapper, nothing else (M6.2).

    Args:
        raw: The encoded envelope.
        embedded: Whether it came out of another envelope, where tag 107 may be missing (ADR 0005, 7.5).

    Raises:
        LimitError: Over 1 MiB, or too many members or blocks.
        MalformedError: Not a SUIT envelope in deterministic CBOR, or with a member that hardsuit does not
            implement: nobody vouches for such a member, so it is no :class:`RefusedError`.
        UnsupportedAlgorithmError: The manifest's digest is by an unknown algorithm.
    """
    item = cbor.decode(raw, where="envelope", limits=_LIMITS)
    tagged = isinstance(item, cbor.Tagged)
    if not tagged and not embedded:
        raise MalformedError("envelope", f"no tag {_TAG} in front")
    if tagged:
        if item.tag != _TAG:
            raise MalformedError("envelope", f"tag {item.tag} instead of {_TAG}")
        item = item.value
    members = as_map(item, "envelope")
    if _WRAPPER_KEY not in members or _MANIFEST_KEY not in members:
        missing = Member.MANIFEST if _WRAPPER_KEY in members else Member.AUTHENTICATION_WRAPPER
        raise MalformedError("envelope", f"{draft_name(missing)} is missing")
    digest_bytes, blocks = _wrapper(members.pop(_WRAPPER_KEY))
    manifest = as_bytes(members.pop(_MANIFEST_KEY), "envelope.manifest")
    severed, payloads = _sort_members(members) if members else ({}, {})
    return Envelope(
        digest=decode_encoded_digest(digest_bytes, _WRAPPER),
        digest_bytes=digest_bytes,
        blocks=blocks,
        manifest=manifest,
        severed=severed,
        payloads=payloads,
        tagged=tagged,
    )


def _wrapper(item: cbor.Item) -> tuple[bytes, tuple[bytes, ...]]:
    elements = cbor.decode(as_bytes(item, _WRAPPER), where=_WRAPPER, limits=_LIMITS)
    if not isinstance(elements, list) or not elements:
        raise MalformedError(_WRAPPER, "expected an array that begins with the digest")
    if len(elements) > MAX_BLOCKS + 1:
        raise LimitError(_WRAPPER, f"more than {MAX_BLOCKS} authentication blocks")
    for element in elements:
        as_bytes(element, _WRAPPER)
    return elements[0], tuple(elements[1:])


def _sort_members(
    members: dict[cbor.Item, cbor.Item],
) -> tuple[dict[ManifestMember, bytes], dict[str, bytes]]:
    severed: dict[ManifestMember, bytes] = {}
    payloads: dict[str, bytes] = {}
    for key, value in members.items():
        if isinstance(key, str):
            payloads[key] = as_bytes(value, "envelope integrated payload")
        elif key in _SEVERABLE_BY_NUMBER:
            severed[_SEVERABLE_BY_NUMBER[key]] = as_bytes(value, f"envelope member {key}")
        else:
            raise MalformedError("envelope", f"member {cbor.shown(key)} is not implemented")
    return severed, payloads


def manifest_digest(manifest: bytes, algorithm: CoseAlgorithm = CoseAlgorithm.SHA_256) -> Digest:
    """Compute the digest of a manifest: over its byte string, head included (M8.3)."""
    return _digest_of(manifest, algorithm)


def _digest_of(content: bytes, algorithm: CoseAlgorithm) -> Digest:
    stream = digest.new(algorithm)
    stream.update(cbor.byte_string_head(len(content)))
    stream.update(content)
    return Digest(algorithm, stream.digest())


def seal(
    manifest: Manifest,
    *,
    payloads: dict[str, bytes] | None = None,
    sever: tuple[ManifestMember, ...] = (),
    algorithm: CoseAlgorithm = CoseAlgorithm.SHA_256,
) -> Envelope:
    """Encode a manifest into an envelope that is not signed yet.

    Args:
        manifest: What to encode.
        payloads: Integrated payloads by URI (M7.5).
        sever: Members to move behind a digest (M5.4).
        algorithm: The hash of the manifest and of severed members.
    """
    severed = {}
    fields: dict[str, Any] = {}
    for member in sever:
        found = severable_member(manifest, member)
        if found is None:
            raise UsageError(f"{draft_name(member)} is never severable")
        name, present = found
        if present is None or present.value is None:
            raise UsageError(f"the manifest has no {draft_name(member)} to make severable")
        severed[member] = _encode_element(present.value)
        digest_of = _digest_of(severed[member], algorithm)
        fields[name] = replace(present, digest=digest_of)
    encoded = encode_manifest(replace(manifest, **fields))
    return rewrap(encoded, severed=severed, payloads=payloads or {}, algorithm=algorithm)


def rewrap(
    manifest: bytes,
    *,
    severed: dict[ManifestMember, bytes],
    payloads: dict[str, bytes],
    algorithm: CoseAlgorithm = CoseAlgorithm.SHA_256,
) -> Envelope:
    """Put an encoded manifest into an envelope without authentication blocks."""
    digest_of = manifest_digest(manifest, algorithm)
    return Envelope(
        digest=digest_of,
        digest_bytes=encode_digest(digest_of),
        blocks=(),
        manifest=manifest,
        severed=severed,
        payloads=payloads,
    )


def with_block(envelope: Envelope, block: bytes) -> Envelope:
    """Add an authentication block that was made over ``envelope.digest_bytes``."""
    return replace(envelope, blocks=(*envelope.blocks, block))


def sever(envelope: Envelope, members: tuple[ManifestMember, ...]) -> Envelope:
    """Cut severable elements off; digests and signatures stay valid (M5.4).

    Raises:
        UsageError: The envelope does not hold one of them.
    """
    missing = [draft_name(member) for member in members if member not in envelope.severed]
    if missing:
        raise UsageError(f"the envelope holds no severable {', '.join(missing)}")
    kept = {member: raw for member, raw in envelope.severed.items() if member not in members}
    return replace(envelope, severed=kept)


def _encode_element(value: Sequence | Texts | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    return encode_sequence(value) if isinstance(value, tuple) else encode_texts(value)


__all__ = [
    "MAX_ENVELOPE",
    "encode_envelope",
    "manifest_digest",
    "open_envelope",
    "rewrap",
    "seal",
    "sever",
    "with_block",
]
