"""The forger: envelopes from raw bytes, valid ones and broken ones.

It shares no code with what it judges (import-linter checks that). Whatever a hostile or clumsy author
could do differently is a parameter, and what has no parameter can be written with
:class:`~conformance.forge_cbor.Raw`. Left alone, every function gives what the standard asks for::

    body = manifest(shared=[...], install=[(Command.FETCH, 15), (Command.IMAGE_MATCH, 15)])
    envelope(body, signers=[AUTHOR])
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from conformance.forge_cbor import BYTES, Item, Pairs, Tag, encode, head
from conformance.forge_cose import Key, mac0, sign1
from spec.labels import CborTag, Command, Common, CoseAlgorithm, Envelope, Manifest, Parameter

Step = tuple[Item, Item]
Steps = Sequence[Step]
Block = Callable[[bytes], bytes]

POLICY: Final = 15
EVERY: Final = True  # as a component index
_HASHES: Final[Mapping[CoseAlgorithm, Callable[[bytes], bytes]]] = {
    CoseAlgorithm.SHA_256: lambda data: hashlib.sha256(data).digest(),
    CoseAlgorithm.SHA_384: lambda data: hashlib.sha384(data).digest(),
    CoseAlgorithm.SHA_512: lambda data: hashlib.sha512(data).digest(),
    CoseAlgorithm.SHAKE128: lambda data: hashlib.shake_128(data).digest(32),
    CoseAlgorithm.SHAKE256: lambda data: hashlib.shake_256(data).digest(64),
}


def digest_of(content: bytes, algorithm: CoseAlgorithm = CoseAlgorithm.SHA_256) -> list[Item]:
    """Return the SUIT_Digest (M10) of a payload."""
    return [algorithm, _HASHES[algorithm](content)]


def digest_of_wrapped(content: bytes, algorithm: CoseAlgorithm = CoseAlgorithm.SHA_256) -> list[Item]:
    """Return the SUIT_Digest of a byte string, its head included: manifest, severable member (M8.3, 8.6)."""
    return digest_of(head(BYTES, len(content)) + content, algorithm)


# ------------------------------------------------------------------------------- command sequences


def sequence(steps: Steps) -> bytes:
    """Encode a command sequence (M8.4.6) from pairs of command and argument."""
    return encode([part for step in steps for part in step])


def check(condition: Command) -> Step:
    """Return a condition, or a directive without an argument, that reports everything."""
    return condition, POLICY


def at(index: Item) -> Step:
    """Return suit-directive-set-component-index."""
    return Command.SET_COMPONENT_INDEX, index


def override(parameters: Mapping[Item, Item]) -> Step:
    """Return suit-directive-override-parameters."""
    return Command.OVERRIDE_PARAMETERS, parameters


def try_each(*branches: Steps | None) -> Step:
    """Return suit-directive-try-each; ``None`` is the empty alternative nil."""
    alternatives = [None if branch is None else sequence(branch) for branch in branches]
    return Command.TRY_EACH, alternatives


def run(*steps: Step) -> Step:
    """Return suit-directive-run-sequence."""
    return Command.RUN_SEQUENCE, sequence(steps)


def image(content: bytes, algorithm: CoseAlgorithm = CoseAlgorithm.SHA_256) -> dict[Item, Item]:
    """Return the parameters that pin a component's content: its digest and its size."""
    return {
        Parameter.IMAGE_DIGEST: encode(digest_of(content, algorithm)),
        Parameter.IMAGE_SIZE: len(content),
    }


# ------------------------------------------------------------------------------ manifest, envelope


def manifest(
    *,
    sequence_number: Item = 1,
    components: Sequence[Item] = ((b"\x00",),),
    shared: Steps | bytes | None = None,
    version: Item = 1,
    dependencies: Item = None,
    extra: Mapping[Item, Item] | None = None,
    without: Sequence[Item] = (),
    **sequences: Steps | bytes | list[Item] | None,
) -> dict[Item, Item]:
    """Return the members of a manifest (M8.4), not encoded yet.

    Args:
        sequence_number: Its sequence number.
        components: The component identifiers.
        shared: The shared sequence.
        version: The version of the encoding.
        dependencies: The map of dependencies (T5.2.2).
        extra: Members to add or replace by label.
        without: Members to leave out again.
        sequences: ``payload_fetch``, ``install``, ``validate``, ``load``, ``invoke``, ``text``: steps,
            encoded bytes, or the digest of a severable member.
    """
    common: dict[Item, Item] = {Common.COMPONENTS: list(components)}
    if dependencies is not None:
        common[Common.DEPENDENCIES] = dependencies
    if shared is not None:
        common[Common.SHARED_SEQUENCE] = _content(shared)
    members: dict[Item, Item] = {
        Manifest.MANIFEST_VERSION: version,
        Manifest.MANIFEST_SEQUENCE_NUMBER: sequence_number,
        Manifest.COMMON: encode(common),
    }
    for name, content in sequences.items():
        if content is not None:
            members[Manifest[name.upper()]] = _content(content)
    members.update(extra or {})
    return {label: value for label, value in members.items() if label not in without}


def envelope(
    body: Mapping[Item, Item] | bytes,
    *,
    signers: Sequence[Key] = (),
    blocks: Sequence[Block] = (),
    digest: Item = None,
    algorithm: CoseAlgorithm = CoseAlgorithm.SHA_256,
    members: Mapping[Item, Item] | None = None,
    tag: int | None = CborTag.SUIT_ENVELOPE.value,
    ordered: bool = True,
) -> bytes:
    """Encode an envelope around a manifest (M8.2, 8.3).

    Args:
        body: The manifest, as members or encoded already.
        signers: Keys that sign or MAC the digest with a block of their own.
        blocks: More blocks, each made from the payload it shall cover.
        digest: The digest to claim, rightly that of the manifest.
        algorithm: The hash of the manifest.
        members: Severable members and integrated payloads to add.
        tag: The CBOR tag, or None for none.
        ordered: False writes the members in the order manifest, wrapper, others.
    """
    content = body if isinstance(body, bytes) else encode(body)
    payload = encode(digest_of_wrapped(content, algorithm) if digest is None else digest)
    made = [sign_with(key)(payload) for key in signers] + [block(payload) for block in blocks]
    inner: dict[Item, Item] = {
        Envelope.MANIFEST: content,
        Envelope.AUTHENTICATION_WRAPPER: encode([payload, *made]),
    }
    inner.update(members or {})
    item: Item = inner if ordered else Pairs(tuple(inner.items()))
    return encode(item if tag is None else Tag(tag, item))


def sign_with(key: Key) -> Block:
    """Return the maker of the usual block for a key: COSE_Mac0 for a MAC key, COSE_Sign1 for others."""
    if key.algorithm is CoseAlgorithm.HMAC_256:
        return lambda payload: mac0(payload, key)
    return lambda payload: sign1(payload, key)


def _content(content: Steps | bytes | list[Item]) -> Item:
    if isinstance(content, bytes):
        return content
    if content and not isinstance(content[0], tuple):
        return content  # a digest stands there as it is
    return sequence(content)
