"""Decryption in the security IC: a content key goes in wrapped, plaintext comes out, the key never does.

::

    key = ic.unwrap(name, recipient, info.algorithm)             # one use, dies with the session
    stream = ic.decrypt_open(key, iv=info.iv, aad=info.aad, bound=Bound(expected))
    plain = stream.update(ciphertext)                             # unverified: not for a place that is in use
    rest, ticket = stream.finish()                                # or an error, and none of it counts

Decrypting and hashing are one function: nobody can have the plaintext without the digest that tells
which plaintext it was, or a ticket for bytes that the IC did not decrypt.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from device.ic.interface.values import Buffer, ImageTicket
from spec.labels import CoseAlgorithm
from suit.manifest import Digest


class KeyUse(Enum):
    """What a decryption key does. It never does the other, and neither vouches for anything."""

    UNWRAP = "unwrap"
    """A key-encryption key: AES key wrap (RFC 3394)."""
    AGREE = "agree"
    """A private key of a key agreement: ECDH-ES, HKDF, then AES key wrap."""


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """A decryption key as the IC shows it: never its secret.

    Attributes:
        name: SHA-256 thumbprint of the COSE_Key (RFC 9679).
        kid: The name that COSE headers give it.
        algorithms: What it may be used with.
        use: Which of the two it is for.
        public: The encoded COSE_Key of its public half, for senders; empty for a key-encryption key.
    """

    name: bytes
    kid: bytes | None
    algorithms: tuple[CoseAlgorithm, ...]
    use: KeyUse
    public: bytes = b""


class ContentKey(ABC):
    """A content key in the IC: good for one stream of the session that unwrapped it, and shown to nobody."""

    @abstractmethod
    def discard(self) -> None:
        """Give it up; does nothing to one that was used."""


class Side(Enum):
    """What a digest is the digest of."""

    PLAINTEXT = auto()
    CIPHERTEXT = auto()
    EITHER = auto()


class Bound(NamedTuple):
    """What the manifest says of a payload (E4.3): the digest that one of its two forms has to have."""

    digest: Digest
    side: Side = Side.PLAINTEXT


class Decrypted(NamedTuple):
    """The end of a stream: the last plaintext, and the word that all of it is good."""

    rest: bytes
    ticket: ImageTicket


class DecryptStream(ABC):
    """One decryption inside the IC. It ends by :meth:`finish` or :meth:`abort`, and is used up then."""

    @abstractmethod
    def update(self, data: Buffer) -> bytes:
        """Take ciphertext and return the plaintext that is ready: unverified, for a place that can be erased.

        Raises:
            IcUsageError: The stream is used up.
            DecryptFailedError: There is more ciphertext than the cipher may process.
        """

    @abstractmethod
    def finish(self) -> Decrypted:
        """Check tag, padding and digest; only then was the plaintext any good.

        Raises:
            DecryptFailedError: One of them is wrong. What :meth:`update` returned has to be erased.
            IcUsageError: The stream is used up.
        """

    @abstractmethod
    def abort(self) -> None:
        """Give up; the content key is gone. Does nothing to a stream that has ended."""
