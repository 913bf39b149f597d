"""Add authentication blocks to an envelope, by keys at hand or by signatures made elsewhere (M8.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from spec.labels import MACS, CborTag, CoseAlgorithm
from suit import cose, crypto
from suit.authenticate import KeyRing, authenticate, check_digest
from suit.envelope import MAX_BLOCKS, with_block
from suit.errors import NotAuthenticError, UsageError
from suit.keys import CoseKey
from suit.manifest import Envelope
from suit.signer import Signer


class BlockKind(Enum):
    """The COSE structures that an authentication block can be."""

    SIGN1 = CborTag.COSE_SIGN1
    SIGN = CborTag.COSE_SIGN
    MAC0 = CborTag.COSE_MAC0
    MAC = CborTag.COSE_MAC


_ONE_KEY: Final = {
    BlockKind.SIGN1: cose.sign1,
    BlockKind.MAC0: cose.mac0,
    BlockKind.MAC: cose.mac,
}


def attest(envelope: Envelope, signers: Sequence[Signer], kind: BlockKind | None = None) -> Envelope:
    """Add a block for each signer, or one COSE_Sign of all of them.

    Args:
        envelope: What to sign; its manifest digest is computed anew first.
        signers: The keys, each of which vouches for nothing here yet.
        kind: The structure; by default COSE_Sign1 or COSE_Mac0, as the key is.

    Raises:
        NotAuthenticError: The envelope's digest is not that of its manifest, or a new block does not verify.
        UsageError: A key has signed already, does not fit the structure, or there are too many blocks.
    """
    check_digest(envelope)
    for signer in signers:
        if _vouches(envelope, signer.public):
            raise UsageError(f"the envelope is signed by this key already ({signer.public.title})")
    payload = envelope.digest_bytes
    if kind is BlockKind.SIGN:
        blocks = [cose.sign(payload, signers)]
    else:
        blocks = [_ONE_KEY[kind or _default(signer)](payload, signer) for signer in signers]
    for block in blocks:
        envelope = with_block(envelope, block)
    if len(envelope.blocks) > MAX_BLOCKS:
        raise UsageError(f"an envelope holds at most {MAX_BLOCKS} authentication blocks")
    for signer in signers:
        authenticate(envelope, KeyRing([signer.public]))
    return envelope


def to_be_signed(envelope: Envelope, public: CoseKey) -> bytes:
    """Return the bytes that the owner of a private key has to sign for a COSE_Sign1 block.

    Raises:
        NotAuthenticError: The envelope's digest is not that of its manifest.
        UsageError: The key makes no signatures.
    """
    check_digest(envelope)
    elsewhere = _Elsewhere(public, b"")
    block = cose.parse_block(
        cose.sign1(envelope.digest_bytes, elsewhere), envelope.digest_bytes, where="authentication block"
    )
    return block.attestations[0].structure


def attach(envelope: Envelope, public: CoseKey, signature: bytes) -> Envelope:
    """Add a COSE_Sign1 block with a signature that was made elsewhere over :func:`to_be_signed`.

    Args:
        envelope: The same envelope.
        public: The public key; the signature is checked with it.
        signature: As COSE wants it (r || s) or, for ECDSA, as X.509 does (DER).

    Raises:
        NotAuthenticError: It is no signature of that key over these bytes.
        UsageError: The key makes no signatures, or has signed already.
    """
    if not public.primitive.verify(to_be_signed(envelope, public), _raw(signature, public)):
        raise NotAuthenticError(f"the signature is none of the {public.title} over this envelope")
    return attest(envelope, [_Elsewhere(public, _raw(signature, public))])


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """A signer whose one signature was, or will be, made somewhere else."""

    public: CoseKey
    signature: bytes

    @property
    def algorithm(self) -> CoseAlgorithm:
        return self.public.default_algorithm

    @property
    def kid(self) -> bytes | None:
        return self.public.kid

    def sign(self, message: bytes) -> bytes:
        del message
        return self.signature or b"\0"


def _default(signer: Signer) -> BlockKind:
    return BlockKind.MAC0 if signer.algorithm in MACS else BlockKind.SIGN1


def _vouches(envelope: Envelope, key: CoseKey) -> bool:
    if not envelope.blocks:
        return False
    try:
        return bool(authenticate(envelope, KeyRing([key])))
    except NotAuthenticError:
        return False


def _raw(signature: bytes, public: CoseKey) -> bytes:
    curve = public.curve
    if curve not in crypto.CURVES or len(signature) == 2 * crypto.CURVES[curve].size:
        return signature
    try:
        return crypto.der_to_raw(signature, curve)
    except ValueError:
        return signature  # it will not verify
