"""The contract of every back-end."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Self

from device.ic.interface.decryption import Bound, ContentKey, DecryptionKey, DecryptStream
from device.ic.interface.handles import AuthSession, HashStream
from device.ic.interface.objects import ObjectInfo
from device.ic.interface.values import (
    PCR_COUNT,
    AnchorRecord,
    ClockReading,
    Floor,
    IcInfo,
    KeyInfo,
    Purpose,
    Ticket,
    VerifyTicket,
)
from spec.labels import CoseAlgorithm
from suit.encryption import Recipient
from suit.keys import CoseKey


class SecurityIC(ABC):
    """The security IC. Every call fails closed with an :class:`device.ic.errors.IcError`."""

    @abstractmethod
    def info(self) -> IcInfo:
        """Return identity, counters and capabilities."""

    @abstractmethod
    def keys(self) -> Sequence[KeyInfo]:
        """Return the trust anchors; none is an IC that verifies nothing."""

    @abstractmethod
    def verify(
        self,
        name: bytes,
        algorithm: CoseAlgorithm,
        message: bytes,
        signature: bytes,
        *,
        purpose: Purpose,
    ) -> VerifyTicket:
        """Verify a signature or MAC with a trust anchor.

        Raises:
            UnknownKeyError: No trust anchor has this name.
            KeyUsageError: The anchor is not for this purpose.
            UnsupportedByIcError: The anchor does not admit the algorithm.
            BadSignatureError: The signature is false.
        """

    @abstractmethod
    def verify_with(
        self, key: CoseKey, algorithm: CoseAlgorithm, message: bytes, signature: bytes
    ) -> VerifyTicket:
        """Verify with a public key that the caller brings, as TUF metadata does.

        Raises:
            KeyUsageError: The key is a secret one.
            UnsupportedByIcError: The key does not admit the algorithm.
            BadSignatureError: The signature is false.
        """

    @abstractmethod
    def hash_open(self, algorithm: CoseAlgorithm) -> HashStream:
        """Begin a digest.

        Raises:
            UnsupportedByIcError: Not a hash that this IC has.
        """

    @abstractmethod
    def decryption_keys(self) -> Sequence[DecryptionKey]:
        """Return what content keys can be unwrapped with; none is an IC that decrypts nothing."""

    @abstractmethod
    def unwrap(self, name: bytes, recipient: Recipient, content: CoseAlgorithm) -> ContentKey:
        """Unwrap a content key, which stays in the IC (E5).

        Args:
            name: The decryption key.
            recipient: The wrapped content key, and what the key agreement needs.
            content: The cipher that it is for.

        Raises:
            UnknownKeyError: No decryption key has this name.
            KeyUsageError: The key is for the other use.
            UnsupportedByIcError: The key does not admit the algorithm, or the IC does not have the cipher.
            DecryptFailedError: It is the wrong key, or the ephemeral key is no point of its curve.
        """

    @abstractmethod
    def decrypt_open(self, key: ContentKey, *, iv: bytes, aad: bytes, bound: Bound | None) -> DecryptStream:
        """Begin to decrypt and to hash with a content key, which is used up by this.

        Args:
            key: From :meth:`unwrap`, of this session.
            iv: The initialisation vector, or the initial counter block.
            aad: Additional data of an AEAD cipher.
            bound: The digest that plaintext or ciphertext has to have.

        Raises:
            IcUsageError: The key was used, the IV has the wrong size, or the cipher does not authenticate and
                there is no digest (E8).
            UnsupportedByIcError: The digest is by a hash that this IC does not have.
        """

    @abstractmethod
    def floor(self, slot: str) -> Floor:
        """Return a floor; 0 with an empty digest when it was never raised."""

    @abstractmethod
    def raise_floor(
        self, slot: str, value: int, *, digest: bytes = b"", proof: Sequence[Ticket] = ()
    ) -> Floor:
        """Raise a floor; equal value and digest change nothing.

        Slots ``seq/…`` (see :func:`sequence_slot`) rise by :meth:`raise_sequence` alone.

        Raises:
            IcRollbackError: The value is below the floor.
            PolicyDeniedError: The value is the same for another digest, or the slot rises otherwise.
        """

    @abstractmethod
    def raise_sequence(self, structure: bytes, manifest: bytes, *, proof: Sequence[Ticket]) -> Floor:
        """Raise a sequence floor to what a manifest states, which the IC reads itself (M8.4.2).

        A ticket binds what it proves: it is for a signature over this structure, whose payload is the digest
        of this manifest, which names component and number. An equal floor is no change and needs no proof.

        Args:
            structure: What was verified: the Sig_structure or MAC_structure.
            manifest: The manifest.
            proof: The ticket of that verification, of this boot and for :attr:`Purpose.MANIFEST`.

        Raises:
            IcUsageError: The structure is not about this manifest, or it is none.
            IcRollbackError: Its number is below the floor.
            PolicyDeniedError: The proof is missing, stale or for something else, or another manifest has this
                number.
        """

    @abstractmethod
    def anchor(self) -> AnchorRecord:
        """Return what is remembered of the TUF repository."""

    @abstractmethod
    def advance_anchor(self, new: AnchorRecord, *, proof: Sequence[VerifyTicket] = ()) -> AnchorRecord:
        """Move the TUF anchor forward, all of it in one commit, and return what now stands.

        An unchanged record is no change and needs no proof; any other needs at least one ticket of this
        boot, from :meth:`verify_with`. A time floor that leaps further than the IC allows is raised by as
        much as it allows.

        Raises:
            IcRollbackError: Root version, a role's (epoch, version) or the time floor would fall.
            PolicyDeniedError: The proof is missing or stale, a version is 2**63 or more, or the root of
                this version has another hash.
            NotProvisionedError: No repository is pinned.
        """

    @abstractmethod
    def now(self) -> int:
        """Return the trusted time: the IC's clock, never before the time floor."""

    @abstractmethod
    def clock(self) -> ClockReading:
        """Return the trusted time with what it is worth."""

    @abstractmethod
    def extend(self, pcr: int, digest: bytes) -> bytes:
        """Extend a PCR with a 32-byte digest and return its new value: SHA-256(old || digest)."""

    @abstractmethod
    def pcrs(self, selection: Collection[int] = range(PCR_COUNT)) -> Mapping[int, bytes]:
        """Return PCR values; all are zero when the IC starts."""

    @abstractmethod
    def report_key(self) -> CoseKey:
        """Return the public part of the key that signs reports; its private part never leaves.

        Raises:
            NotProvisionedError: The IC has none.
        """

    @abstractmethod
    def sign_report(self, report: bytes) -> bytes:
        """Return a SUIT_Report inside COSE_Sign1, signed with the report key (P8).

        The IC vouches for who reports, not for what is reported. It reads the report first: there is no call
        that has it sign anything else.

        Raises:
            IcUsageError: It is no SUIT_Report.
            NotProvisionedError: The IC has no report key.
        """

    @abstractmethod
    def encrypt_report(self, report: bytes) -> bytes:
        """Return a SUIT_Report inside COSE_Encrypt0, and that inside COSE_Sign1 (P8).

        The key that encrypts was provisioned, belongs to this IC and its owner, and never leaves. The IC
        draws the IV: no call takes one, and none comes twice.

        Raises:
            IcUsageError: It is no SUIT_Report.
            NotProvisionedError: The IC has no report key, or none that encrypts.
            PolicyDeniedError: No IV is left.
        """

    @abstractmethod
    def attestation_key(self) -> CoseKey:
        """Return the public part of the key that signs quotes, and nothing else; the rest never leaves.

        Raises:
            NotProvisionedError: The IC has none.
        """

    @abstractmethod
    def quote(self, nonce: bytes, selection: Collection[int] = range(PCR_COUNT)) -> bytes:
        """Return a signed account of PCRs, floors, time, boots and generation (:mod:`suit.quote`).

        All of it is the IC's own knowledge; the caller brings a nonce of 8 to 64 bytes.

        Raises:
            IcUsageError: The nonce is shorter or longer, or there is no such PCR.
            NotProvisionedError: The IC has no attestation key.
        """

    @abstractmethod
    def objects(self) -> Sequence[ObjectInfo]:
        """Return what the IC holds, how far each object is, and what it takes to change or use it."""

    @abstractmethod
    def update_anchor(self, update: bytes) -> KeyInfo | None:
        """Change a trust anchor by a signed update (:mod:`suit.anchor_update`); None when that removed it.

        The key that it replaces signs it, or a trust anchor of :attr:`Purpose.UPDATE`; the version only
        rises. A new key has the purposes and access rules of the old one.

        Raises:
            BadSignatureError: No key that may change this anchor signed it. Nothing is counted for that.
            IcRollbackError: The version is not higher.
            PolicyDeniedError: It is for another IC, there is no such slot, or no update may change it.
            IcUsageError: It is no such update.
        """

    @abstractmethod
    def tamper(self) -> None:
        """Pull the tamper line: erase every secret for good, and serve nothing but :meth:`info` from then on.

        Raises:
            StorageError: The erasure could not be made durable; nothing is served all the same.
        """

    @abstractmethod
    def authorize(self, secret: bytes) -> AuthSession:
        """Open a session for changes; a wrong secret is counted before the answer is given.

        Raises:
            AuthFailedError: The secret is wrong.
            LockedOutError: Too many were wrong; only this call is affected.
            PolicyDeniedError: The IC was provisioned without a secret: its anchors are fixed for good.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the IC; every further call raises."""

    def __enter__(self) -> Self:
        """Return the IC itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
