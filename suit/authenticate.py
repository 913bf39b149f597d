"""Who vouches for an envelope (M6.2, 8.3): pure rules over a verifier, be it software or a security IC.

1. The manifest's digest is recomputed over its byte string, head included, before any block is read.
2. There is at least one block, and there are at most :data:`MAX_BLOCKS`.
3. A block that is malformed rejects the envelope. One that offers only what no trusted key admits, or what
   hardsuit does not understand, vouches for nothing and is passed over.
4. A block that names a trusted key by kid and is not verified by it contradicts that key: rejected.
   The same holds for each known signer of a COSE_Sign.
5. A block that names no key is tried with every trusted key, one that names an unknown key with the trusted
   keys that carry no kid, a bounded number in all; if none verifies it, it is passed over.
6. At least one block has to be verified.
"""

import hmac
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from spec.labels import CoseAlgorithm
from suit import cbor, crypto, digest
from suit.cose import Attestation, parse_block
from suit.errors import (
    NotAuthenticError,
    NoTrustAnchorError,
    UnsupportedAlgorithmError,
    UnsupportedCoseError,
)
from suit.keys import CoseKey
from suit.manifest import Envelope

MAX_BLOCKS: Final = 8
MAX_TRIES: Final = 64
UNNAMED: Final = b""


class Verifier(Protocol):
    """Holds the trusted keys and judges with them; keys are known by :attr:`CoseKey.name`."""

    def candidates(self, kid: bytes | None, algorithm: CoseAlgorithm) -> Sequence[bytes]:
        """Return the names of the keys that admit ``algorithm`` and carry this kid.

        Args:
            kid: None asks for every key, :data:`UNNAMED` for those that carry no kid.
            algorithm: What the key has to admit.

        Raises:
            NoTrustAnchorError: There is no key at all: an empty trust store verifies nothing.
        """

    def verify(self, name: bytes, algorithm: CoseAlgorithm, structure: bytes, value: bytes) -> bool:
        """Tell whether ``value`` over ``structure`` was made with the key ``name``."""


class KeyRing:
    """A verifier in software, over keys that its owner trusts."""

    def __init__(self, keys: Iterable[CoseKey]) -> None:
        self._keys = tuple(keys)

    def candidates(self, kid: bytes | None, algorithm: CoseAlgorithm) -> Sequence[bytes]:
        """Return the names of the keys that admit ``algorithm`` and carry ``kid`` (:class:`Verifier`)."""
        if not self._keys:
            raise NoTrustAnchorError("there is no key to verify with")
        return [
            key.name
            for key in self._keys
            if key.admits(algorithm) and (kid is None or (key.kid or UNNAMED) == kid)
        ]

    def verify(self, name: bytes, algorithm: CoseAlgorithm, structure: bytes, value: bytes) -> bool:
        """Tell whether ``value`` over ``structure`` was made with the key ``name``."""
        return any(
            crypto.verify_signature(key, algorithm, structure, value)
            for key in self._keys
            if key.name == name and key.admits(algorithm)
        )


def authenticate(envelope: Envelope, verifier: Verifier) -> tuple[bytes, ...]:
    """Return the names of the keys that vouch for the manifest: at least one.

    Raises:
        MalformedError: A block is not what the standard says.
        NoTrustAnchorError: There is no key to verify with.
        NotAuthenticError: The digest is wrong, a trusted key is contradicted, or no trusted key vouches.
        UnsupportedAlgorithmError: Nobody vouches, and a block has an algorithm that no trusted key admits.
        UnsupportedCoseError: Nobody vouches, and a block is COSE that hardsuit does not understand.
    """
    check_digest(envelope)
    if not envelope.blocks:
        raise NotAuthenticError("envelope: no authentication block")
    if len(envelope.blocks) > MAX_BLOCKS:
        raise NotAuthenticError(f"envelope: more than {MAX_BLOCKS} authentication blocks")
    judge = _Judge(verifier)
    for number, raw in enumerate(envelope.blocks):
        where = f"authentication block {number}"
        try:
            block = parse_block(raw, envelope.digest_bytes, where=where)
        except (UnsupportedAlgorithmError, UnsupportedCoseError) as error:
            judge.passed_over.append(error)
            continue
        for attestation in block.attestations:
            judge.hear(attestation, where)
    return judge.verdict()


def check_digest(envelope: Envelope) -> None:
    """Recompute the digest of the manifest: over its byte string, head included (M8.3).

    Raises:
        NotAuthenticError: It is not the digest that the blocks sign.
        UnsupportedAlgorithmError: Its algorithm is no digest algorithm (M10).
    """
    stream = digest.new(envelope.digest.algorithm)
    stream.update(cbor.byte_string_head(len(envelope.manifest)))
    stream.update(envelope.manifest)
    if not hmac.compare_digest(stream.digest(), envelope.digest.value):
        raise NotAuthenticError("envelope: the manifest does not have the digest that is signed")


class _Judge:
    """Hears one attestation after the other and remembers who vouches and why others do not."""

    def __init__(self, verifier: Verifier) -> None:
        self.passed_over: list[NotAuthenticError] = []
        self._verifier = verifier
        self._vouching: dict[bytes, None] = {}
        self._tries = MAX_TRIES

    def hear(self, attestation: Attestation, where: str) -> None:
        """Find the key that verifies an attestation (rules 3 to 5)."""
        named = self._candidates(attestation, attestation.kid) if attestation.kid else ()
        for name in named or self._candidates(attestation, UNNAMED if attestation.kid else None):
            self._tries -= 1
            if self._tries < 0:
                raise NotAuthenticError(f"{where}: more than {MAX_TRIES} keys would have to be tried")
            if self._verifier.verify(name, attestation.algorithm, attestation.structure, attestation.value):
                self._vouching[name] = None
                return
        if named:
            raise NotAuthenticError(f"{where}: the trusted key that it names does not verify it")
        self.passed_over.append(self._reason(attestation, where))

    def verdict(self) -> tuple[bytes, ...]:
        """Return who vouches, or raise the most specific reason why nobody does (rule 6)."""
        if self._vouching:
            return tuple(self._vouching)
        for kind in (UnsupportedAlgorithmError, UnsupportedCoseError):
            for error in self.passed_over:
                if isinstance(error, kind):
                    raise error
        raise self.passed_over[0]

    def _candidates(self, attestation: Attestation, kid: bytes | None) -> Sequence[bytes]:
        return self._verifier.candidates(kid, attestation.algorithm)

    def _reason(self, attestation: Attestation, where: str) -> NotAuthenticError:
        if not self._candidates(attestation, None):
            return UnsupportedAlgorithmError(f"{where}: no trusted key admits {attestation.algorithm.name}")
        if attestation.kid:
            return NotAuthenticError(f"{where}: no trusted key has the kid {_shown(attestation.kid)}")
        return NotAuthenticError(f"{where}: no trusted key verifies it")


def _shown(kid: bytes) -> str:
    text = kid[:32].decode("ascii", "replace")
    return repr(text) if text.isprintable() and "\ufffd" not in text else f"h'{kid[:32].hex()}'"
