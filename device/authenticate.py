"""From an opened envelope to a manifest that may be obeyed (M6.2): the security IC says who vouches.

The manifest's bytes are verified first and decoded afterwards. :class:`Authentic` values come from
:func:`authenticate` alone; the manifest processor takes nothing else, so a manifest that nobody verified
does not type-check, and one that somebody tries to pass off does not get past the constructor.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import InitVar, dataclass
from typing import Final, Generic, TypeVar

from device.ic.errors import BadSignatureError
from device.ic.interface import KeyInfo, Purpose, SecurityIC, VerifyTicket
from spec.labels import CoseAlgorithm
from suit import authenticate as rules
from suit.cose import parse_block
from suit.decode import attach_severed, decode_manifest
from suit.errors import NotAuthenticError, NoTrustAnchorError, UsageError
from suit.manifest import Envelope, Manifest

T = TypeVar("T")
_MAKER: Final = object()


@dataclass(frozen=True, slots=True)
class Authentic(Generic[T]):
    """A document that trusted keys vouch for, decoded after they did.

    Attributes:
        manifest: The document.
        envelope: What it came in; integrated payloads are outside the signatures (M7.5).
        keys: The names of the keys that vouch, at least one.
        tickets: The IC's word for each of them.
    """

    manifest: T
    envelope: Envelope
    keys: tuple[bytes, ...]
    tickets: tuple[VerifyTicket, ...]
    maker: InitVar[object]

    def __post_init__(self, maker: object) -> None:
        if maker is not _MAKER:
            raise UsageError("only device.authenticate says what is authentic")


def authenticate(envelope: Envelope, ic: SecurityIC) -> Authentic[Manifest]:
    """Have the IC verify an envelope, then decode its manifest.

    Severable members that the envelope holds are compared with their digests and attached; the rules for
    signatures and MACs are those of :mod:`suit.authenticate`.

    Raises:
        NotAuthenticError: No trusted key vouches, one is contradicted, or a severable member is another.
        MalformedError, RefusedError: Authentic, but not a manifest that hardsuit implements.
        IcError: The IC does not serve; nothing is said about the envelope.
    """
    verifier = _IcVerifier(ic)
    keys = rules.authenticate(envelope, verifier)
    manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
    tickets = tuple(map(verifier.tickets.__getitem__, keys))
    return Authentic(manifest, envelope, keys, tickets, _MAKER)


def signed_structure(authentic: Authentic[Manifest]) -> bytes:
    """Return what the first ticket is about: the Sig_structure or MAC_structure over the manifest's digest.

    Raises:
        NotAuthenticError: No block of the envelope is what was verified.
    """
    envelope, (ticket, *_) = authentic.envelope, authentic.tickets
    for number, raw in enumerate(envelope.blocks):
        with suppress(NotAuthenticError):  # a block that was passed over when the others vouched
            block = parse_block(raw, envelope.digest_bytes, where=f"authentication block {number}")
            for attestation in block.attestations:
                if hashlib.sha256(attestation.structure).digest() == ticket.digest:
                    return attestation.structure
    raise NotAuthenticError("envelope: no authentication block is what was verified")


class _IcVerifier:
    """The trust anchors of the IC, as :class:`suit.authenticate.Verifier`."""

    def __init__(self, ic: SecurityIC) -> None:
        self._ic = ic
        anchors = ic.keys()
        self._keys = [anchor for anchor in anchors if Purpose.MANIFEST in anchor.purposes]
        self.tickets: dict[bytes, VerifyTicket] = {}

    def candidates(self, kid: bytes | None, algorithm: CoseAlgorithm) -> Sequence[bytes]:
        if not self._keys:
            raise NoTrustAnchorError("the security IC holds no key that manifests are verified with")
        return [key.name for key in self._keys if _is_meant(key, kid, algorithm)]

    def verify(self, name: bytes, algorithm: CoseAlgorithm, structure: bytes, value: bytes) -> bool:
        try:
            self.tickets[name] = self._ic.verify(name, algorithm, structure, value, purpose=Purpose.MANIFEST)
        except BadSignatureError:
            return False  # the one verdict; any other trouble of the IC is not for the rules to weigh
        return True


def _is_meant(key: KeyInfo, kid: bytes | None, algorithm: CoseAlgorithm) -> bool:
    return algorithm in key.algorithms and (kid is None or (key.kid or rules.UNNAMED) == kid)
