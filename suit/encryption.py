"""SUIT_Encryption_Info (E4): how a payload is encrypted, and who can decrypt it. The model alone.

:mod:`suit.cose_encrypt` reads and writes the COSE_Encrypt behind it, the security IC of a device does what
it says, :mod:`suit.encrypt` makes it.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from spec.labels import CONTENT_CIPHERS, CoseAlgorithm, CoseCurve

MAX_RECIPIENTS: Final = 64
WRAP_OVERHEAD: Final = 8
"""Bytes by which RFC 3394 makes a key longer."""


class Sizes(NamedTuple):
    """Sizes of a content cipher, in bytes.

    Attributes:
        key: Of the content key.
        iv: Of the initialisation vector.
        overhead: By how much a ciphertext may be longer than its plaintext.
    """

    key: int
    iv: int
    overhead: int


SIZES: Final = {
    CoseAlgorithm.A128GCM: Sizes(16, 12, 16),
    CoseAlgorithm.A192GCM: Sizes(24, 12, 16),
    CoseAlgorithm.A256GCM: Sizes(32, 12, 16),
    CoseAlgorithm.CHACHA20_POLY1305: Sizes(32, 12, 16),
    CoseAlgorithm.A128CTR: Sizes(16, 16, 0),
    CoseAlgorithm.A192CTR: Sizes(24, 16, 0),
    CoseAlgorithm.A256CTR: Sizes(32, 16, 0),
    CoseAlgorithm.A128CBC: Sizes(16, 16, 16),
    CoseAlgorithm.A192CBC: Sizes(24, 16, 16),
    CoseAlgorithm.A256CBC: Sizes(32, 16, 16),
}
CBC: Final = frozenset({CoseAlgorithm.A128CBC, CoseAlgorithm.A192CBC, CoseAlgorithm.A256CBC})
UNAUTHENTICATED: Final = CBC | {CoseAlgorithm.A128CTR, CoseAlgorithm.A192CTR, CoseAlgorithm.A256CTR}
"""Ciphers that anybody can change a ciphertext of: a digest has to bind it (E8, RFC 9459 §8)."""
AEADS: Final = CONTENT_CIPHERS - UNAUTHENTICATED
WRAPPED_BY: Final = {
    CoseAlgorithm.ECDH_ES_A128KW: CoseAlgorithm.A128KW,
    CoseAlgorithm.ECDH_ES_A192KW: CoseAlgorithm.A192KW,
    CoseAlgorithm.ECDH_ES_A256KW: CoseAlgorithm.A256KW,
}
"""The key wrap behind each key agreement."""
KEK_SIZES: Final = {CoseAlgorithm.A128KW: 16, CoseAlgorithm.A192KW: 24, CoseAlgorithm.A256KW: 32}


@dataclass(frozen=True, slots=True)
class EphemeralKey:
    """The sender's half of a key agreement, as received: whether it is a point is for the IC to find.

    Attributes:
        curve: P-256 or X25519.
        point: The point as SEC 1 writes it (compressed or not), or the X25519 public key.
    """

    curve: CoseCurve
    point: bytes


@dataclass(frozen=True, slots=True)
class Recipient:
    """One way to the content key (E5).

    Attributes:
        algorithm: A key wrap, or a key agreement with one.
        kid: The name that is given to the recipient's key, if any.
        wrapped: The content key under the key-encryption key (RFC 3394).
        ephemeral: The sender's key, for a key agreement.
        salt: For the key derivation; empty is none (RFC 5869 §2.2).
        context: The encoded COSE_KDF_Context of a key agreement (E5.2).
    """

    algorithm: CoseAlgorithm
    kid: bytes | None
    wrapped: bytes
    ephemeral: EphemeralKey | None = None
    salt: bytes = b""
    context: bytes = b""


@dataclass(frozen=True, slots=True)
class EncryptionInfo:
    """A SUIT_Encryption_Info whose ciphertext is elsewhere.

    Attributes:
        raw: The encoded COSE_Encrypt, tag included.
        algorithm: The content cipher.
        iv: Its initialisation vector, or initial counter block.
        aad: The encoded Enc_structure of an AEAD cipher; nothing for the others.
        recipients: Those whose algorithm hardsuit has, in the order received.
    """

    raw: bytes
    algorithm: CoseAlgorithm
    iv: bytes
    aad: bytes
    recipients: tuple[Recipient, ...]
