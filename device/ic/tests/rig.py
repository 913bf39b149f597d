"""A security IC on a bench: with keys to sign for it, a clock to set and a plug to pull."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from device.ic.emulator import Emulator, MemoryKey
from device.ic.interface import (
    AnchorRecord,
    Floor,
    Lifecycle,
    Purpose,
    SecurityIC,
    VerifyTicket,
    Where,
    sequence_slot,
)
from device.storage import MemoryStorage, Storage
from spec.labels import CoseAlgorithm, CoseKeyType
from suit import cbor
from suit.crypto import PrivateKey, mac, signing
from suit.keys import CoseKey
from suit.recipient_keys import RecipientKey, RecipientKeyType, generate
from suit.report_cipher import ReportCipher

SECRET = b"owner's secret, never shown"
MAC_SECRET = b"a MAC key that must not be shown"
MESSAGE = b"what is signed"
NOW = 1_760_000_000
ROOT = AnchorRecord.pin(1, b"the first root", time_floor=NOW - 1000)


@dataclass(frozen=True)
class Signer:
    """A key that signs, and what the IC knows of it."""

    key: CoseKey
    algorithm: CoseAlgorithm
    sign: Callable[[bytes], bytes]


def asymmetric(private: PrivateKey, algorithm: CoseAlgorithm) -> Signer:
    key = CoseKey.from_public(private.public_key(), algorithm=algorithm, kid=algorithm.name.encode())
    return Signer(key, algorithm, signing(private).sign)


def _mac_signer() -> Signer:
    key = CoseKey(CoseKeyType.SYMMETRIC, k=MAC_SECRET, kid=b"mac")
    return Signer(key, CoseAlgorithm.HMAC_256, lambda message: mac(key, message))


AUTHOR = asymmetric(ec.derive_private_key(7, ec.SECP256R1()), CoseAlgorithm.ESP256)
SIGNERS = (
    AUTHOR,
    asymmetric(ec.derive_private_key(7, ec.SECP384R1()), CoseAlgorithm.ESP384),
    asymmetric(ec.derive_private_key(7, ec.SECP521R1()), CoseAlgorithm.ESP512),
    asymmetric(Ed25519PrivateKey.from_private_bytes(bytes(32)), CoseAlgorithm.ED25519),
    _mac_signer(),
)
UPDATER = asymmetric(ec.derive_private_key(9, ec.SECP256R1()), CoseAlgorithm.ESP256)
TRUSTED = (*SIGNERS, UPDATER)
OPENERS = tuple([generate(kind, kid=kind.name.encode()) for kind in RecipientKeyType])
STRANGER = asymmetric(ec.derive_private_key(8, ec.SECP256R1()), CoseAlgorithm.ESP256)


@dataclass
class Rig:
    """An emulator that can be restarted, on any storage."""

    level: ClassVar[Where] = Where.HOST
    storage: Storage = field(default_factory=MemoryStorage)
    sealing_key: MemoryKey = field(default_factory=MemoryKey)
    time: int = NOW
    signers: Sequence[Signer] = SIGNERS
    openers: Sequence[RecipientKey] = OPENERS

    def provision(
        self,
        anchor: AnchorRecord | None = ROOT,
        secret: bytes | None = SECRET,
        report_cipher: ReportCipher | None = None,
        *,
        lifecycle: Lifecycle = Lifecycle.INITIALIZATION,
    ) -> SecurityIC:
        return Emulator.provision(
            self.storage,
            self.sealing_key,
            keys=[signer.key for signer in self.signers],
            decryption_keys=self.openers,
            secret=secret,
            anchor=anchor,
            report_cipher=report_cipher,
            clock=self.clock,
            scrypt_cost=2,
            updaters=[UPDATER.key],
            lifecycle=lifecycle,
        )

    def restart(self) -> SecurityIC:
        return Emulator.open(self.storage, self.sealing_key, clock=self.clock)

    def clock(self) -> float:
        return self.time

    def close(self) -> None:
        """Nothing is left of it."""


def manifest_ticket(ic: SecurityIC, signer: Signer = AUTHOR) -> VerifyTicket:
    signature = signer.sign(MESSAGE)
    return ic.verify(signer.key.name, signer.algorithm, MESSAGE, signature, purpose=Purpose.MANIFEST)


def presented_ticket(ic: SecurityIC, signer: Signer = STRANGER) -> VerifyTicket:
    return ic.verify_with(signer.key, signer.algorithm, MESSAGE, signer.sign(MESSAGE))


def manifest(number: int, component: Sequence[bytes] | None = (b"\x00",), variant: int = 1) -> bytes:
    """Return what the IC reads of a manifest; the variant makes another one of the same number."""
    members: dict[int, Any] = {1: 1, 2: number, 3: bytes([variant])}
    return cbor.encode(members if component is None else members | {5: list(component)})


def structure(of: bytes) -> bytes:
    """Return the Sig_structure over a manifest."""
    digest = hashlib.sha256(cbor.encode(of)).digest()
    return cbor.encode(["Signature1", b"\xa1\x01\x28", b"", cbor.encode([-16, digest])])


def vouched(ic: SecurityIC, of: bytes, signer: Signer = AUTHOR) -> VerifyTicket:
    """Have the IC verify a manifest's signature."""
    signed = structure(of)
    name = signer.key.name
    return ic.verify(name, signer.algorithm, signed, signer.sign(signed), purpose=Purpose.MANIFEST)


def risen(
    ic: SecurityIC, number: int, variant: int = 1, component: Sequence[bytes] | None = (b"\x00",)
) -> Floor:
    """Have a sequence floor raised by a manifest."""
    of = manifest(number, component, variant)
    return ic.raise_sequence(structure(of), of, proof=[vouched(ic, of)])


def floor_of(number: int, variant: int = 1, component: Sequence[bytes] | None = (b"\x00",)) -> Floor:
    """Return the floor that a manifest raises."""
    of = manifest(number, component, variant)
    return Floor(sequence_slot(component), number, hashlib.sha256(cbor.encode(of)).digest())
