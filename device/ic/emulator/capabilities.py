"""What the emulator can do: everything, in whichever process it runs."""

from typing import Final

from device.ic.interface import Capabilities, Where
from spec.labels import HASHES, MACS, CoseAlgorithm
from suit.encryption import KEK_SIZES, SIZES, WRAPPED_BY

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
_UNWRAPPED: Final = (*KEK_SIZES, *WRAPPED_BY)
_ISOLATION: Final = {Where.HOST: "in-process", Where.ADAPTER: "process"}


def capabilities(where: Where, *, anchored: bool) -> Capabilities:
    """Return what the emulator declares.

    Args:
        where: ``HOST`` in the process that uses it, ``ADAPTER`` in one of its own.
        anchored: Whether something outside remembers the generation of its state.
    """
    return Capabilities(
        backend="emulator",
        isolation=_ISOLATION[where],
        verify=dict.fromkeys(_VERIFIED, where),
        hash=dict.fromkeys(HASHES, where),
        floor=where,
        anchor=where,
        pcr=where,
        authorization=where,
        report=where,
        clock=where,
        quote=where,
        lifecycle=where,
        tamper=where,
        survives_state_restore=anchored,
        unwrap=dict.fromkeys(_UNWRAPPED, where),
        decrypt=dict.fromkeys(SIZES, where),
    )
