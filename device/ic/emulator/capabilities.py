"""What the emulator can do: everything, and nothing of it outside the process that uses it."""

from typing import Final

from device.ic.interface import Capabilities, Where
from spec.labels import HASHES, MACS, CoseAlgorithm

_VERIFIED: Final = (
    CoseAlgorithm.ESP256,
    CoseAlgorithm.ESP384,
    CoseAlgorithm.ESP512,
    CoseAlgorithm.ED25519,
    CoseAlgorithm.ES256,
    CoseAlgorithm.ES384,
    CoseAlgorithm.ES512,
    CoseAlgorithm.EDDSA,
    *MACS,
)
CAPABILITIES: Final = Capabilities(
    backend="emulator",
    isolation="in-process",
    verify=dict.fromkeys(_VERIFIED, Where.HOST),
    hash=dict.fromkeys(HASHES, Where.HOST),
    floor=Where.HOST,
    anchor=Where.HOST,
    pcr=Where.HOST,
    authorization=Where.HOST,
    report=Where.HOST,
    survives_state_restore=False,
)
