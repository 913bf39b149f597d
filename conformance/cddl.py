"""Our CDDL as a judge in tests: is this envelope what ``spec/manifest.cddl`` says?

The grammar and its interpreter (``cddl-verifier``, which decodes CBOR on its own) share nothing
with ``suit``, so they are a second opinion on what our encoder writes. Only tests import this
module: the verifier is no dependency of the installed program.
"""

from functools import cache
from pathlib import Path

from cddl_verifier import Validator
from cddl_verifier.cbor import decode, encode

from spec.labels import CborTag, Common, Envelope, Manifest

SCHEMA = Path(__file__).parent.parent / "spec" / "manifest.cddl"


@cache
def _validator() -> Validator:
    return Validator(SCHEMA)


def check(raw: bytes, rule: str) -> None:
    """Compare one CBOR item with one rule of the grammar, down into every wrapped item.

    Raises:
        AssertionError: with the place and the problem.
    """
    result = _validator().validate(raw, rule, require_deterministic=True)
    if not result.valid:
        first = result.diagnostics[0]
        raise AssertionError(f"{rule}, byte {first.offset}, {first.path_text}: {first.message}")


def check_envelope(raw: bytes, *, signed: bool = False) -> None:
    """Check an envelope, tagged or not; maps in deterministic order in all its layers.

    Args:
        raw: the encoded envelope.
        signed: also demand at least one authentication block.

    Raises:
        AssertionError: with the place and the problem.
    """
    tagged = raw.startswith(bytes([0xD8, CborTag.SUIT_ENVELOPE.value]))
    kind = "signed-envelope" if signed else "envelope"
    check(raw, f"tagged-{kind}" if tagged else kind)
    item = decode(raw)
    envelope = item.value if tagged else item
    _check_order(envelope[Envelope.MANIFEST.value], "manifest")


def check_manifest(raw: bytes) -> None:
    """Check the content of a manifest byte string.

    Raises:
        AssertionError: with the place and the problem.
    """
    check(raw, "manifest")
    _check_order(raw, "manifest")


def _check_order(raw: bytes, where: str) -> None:
    manifest = decode(raw)
    for part, name in ((raw, where), (manifest[Manifest.COMMON.value], f"{where}.common")):
        if encode(decode(part), canonical=True) != part:
            raise AssertionError(f"{name}: not in deterministic encoding")
    sequence = decode(manifest[Manifest.COMMON.value]).get(Common.SHARED_SEQUENCE.value)
    if sequence is not None and encode(decode(sequence), canonical=True) != sequence:
        raise AssertionError(f"{where}.common.shared-sequence: not in deterministic encoding")
