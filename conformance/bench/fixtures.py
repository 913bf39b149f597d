"""What the benchmarks run on: a published example where there is one, and a device that takes it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from device.components import MemoryComponent, MemoryComponents
from device.ic.emulator import Emulator, MemoryKey
from device.ic.interface import SecurityIC
from device.platform import MemoryFetcher, MemoryPlatform
from device.processor import Machine
from device.storage import MemoryStorage
from spec.labels import CoseAlgorithm
from suit.keys import CoseKey
from suit.signer import KeyType, LocalSigner, generate

VECTORS: Final = Path(
    os.environ.get("HARDSUIT_VECTORS", Path(__file__).resolve().parents[3] / "shared" / "vectors")
)
VENDOR: Final = bytes.fromhex("fa6b4a53d5ad5fdfbe9de663e4d41ffe")
CLASS: Final = bytes.fromhex("1492af1425695e48bf429b2d51f2ab45")
MADE_UP_DIGEST: Final = bytes.fromhex("00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210")


@dataclass(frozen=True, slots=True)
class Example:
    """The published example 0, a device for it, and the bare verification it is compared with.

    Attributes:
        raw: The signed envelope.
        ic: A security IC that trusts its author.
        machine: A device that it fits.
        bare: Key, DER signature and message of one plain P-256 verification.
    """

    raw: bytes
    ic: SecurityIC
    machine: Machine
    bare: tuple[ec.EllipticCurvePublicKey, bytes, bytes]


def example_device() -> Example:
    """Set up example 0 of the manifest draft."""
    folder = VECTORS / "ietf" / "manifest"
    raw = (folder / "example0.signed.suit").read_bytes()
    author = CoseKey.from_pem((folder / "private_key.pem").read_bytes(), algorithm=CoseAlgorithm.ES256)
    ic = Emulator.provision(MemoryStorage(), MemoryKey(), keys=[author])
    component = MemoryComponent(content=bytes(34768), digest=MADE_UP_DIGEST)
    machine = Machine(
        MemoryComponents({(b"\x00",): component}),
        MemoryPlatform(vendors=[VENDOR], classes=[CLASS]),
        MemoryFetcher({}),
    )
    own = ec.generate_private_key(ec.SECP256R1())
    message = bytes(100)
    return Example(
        raw, ic, machine, (own.public_key(), own.sign(message, ec.ECDSA(hashes.SHA256())), message)
    )


def publisher() -> LocalSigner:
    """Return somebody who signs releases."""
    return generate(KeyType.P256)
