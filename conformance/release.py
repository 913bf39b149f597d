"""Releases for the demo and the tests of the whole chain: one image, one envelope around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from spec.labels import Command, CoseAlgorithm, Parameter, Policy
from suit import digest
from suit.cose import sign1
from suit.encode import encode_envelope
from suit.envelope import seal, with_block
from suit.manifest import Command as Step
from suit.manifest import Digest, Manifest, Parameters, Severable
from suit.signer import Signer

ALL: Final = (
    Policy.RECORD_ON_SUCCESS.value
    | Policy.RECORD_ON_FAILURE.value
    | Policy.SYSINFO_SUCCESS.value
    | Policy.SYSINFO_FAILURE.value
)
FAILURES: Final = Policy.RECORD_ON_FAILURE.value
FIRMWARE: Final = (b"\x00",)


@dataclass(frozen=True, slots=True)
class Product:
    """Who makes the device and what kind it is: UUIDs of 16 bytes."""

    vendor: bytes
    class_id: bytes


def release(
    number: int,
    image: bytes,
    product: Product,
    signers: Sequence[Signer],
    *,
    uri: str = "firmware.bin",
    before: Sequence[Step] = (),
) -> bytes:
    """Return a signed envelope: fetch the image, match it, and invoke it after a boot.

    Args:
        number: The sequence number.
        image: What the device shall run.
        product: For which devices.
        signers: Each adds an authentication block.
        uri: Where the image is; relative URIs are content-addressed in the repository.
        before: What the device does before it fetches, such as to wait.
    """
    identity: Parameters = {
        Parameter.VENDOR_IDENTIFIER: product.vendor,
        Parameter.CLASS_IDENTIFIER: product.class_id,
        Parameter.IMAGE_DIGEST: Digest(CoseAlgorithm.SHA_256, digest.compute(CoseAlgorithm.SHA_256, image)),
        Parameter.IMAGE_SIZE: len(image),
    }
    match = Step(Command.IMAGE_MATCH, ALL)
    manifest = Manifest(
        sequence_number=number,
        components=(FIRMWARE,),
        shared_sequence=(
            Step(Command.OVERRIDE_PARAMETERS, identity),
            Step(Command.VENDOR_IDENTIFIER, ALL),
            Step(Command.CLASS_IDENTIFIER, ALL),
        ),
        install=Severable(
            (
                *before,
                Step(Command.OVERRIDE_PARAMETERS, {Parameter.URI: uri}),
                Step(Command.FETCH, FAILURES),
                match,
            )
        ),
        validate=(match,),
        invoke=(Step(Command.INVOKE, FAILURES),),
    )
    envelope = seal(manifest)
    for signer in signers:
        envelope = with_block(envelope, sign1(envelope.digest_bytes, signer))
    return encode_envelope(envelope)
