"""Our CDDL as a judge in tests: is this envelope, or this report, what ``spec/*.cddl`` say?

The grammar and its interpreter (``cddl-verifier``, which decodes CBOR on its own) share nothing
with ``suit``, so they are a second opinion on what our encoder writes. Only tests import this
module: the verifier is no dependency of the installed program.
"""

from collections.abc import Iterable
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final

from cddl_verifier import Validator
from cddl_verifier.cbor import decode, encode

from spec.labels import (
    SEVERABLE_CHOICES,
    SEVERABLE_MEMBERS,
    UNSEVERABLE_SEQUENCES,
    CborTag,
    Command,
    Common,
    Envelope,
    Manifest,
)

_SPEC: Final = Path(__file__).parent.parent / "spec"
SCHEMAS: Final = tuple(
    _SPEC / f"{name}.cddl" for name in ("manifest", "report", "update-management", "coswid", "encryption")
)
_SMALLEST: Final = bytes.fromhex("a3010102000346a10281814100")
_TAG: Final = bytes([0xD8, CborTag.SUIT_ENVELOPE.value])


@cache
def _validator() -> Validator:
    return Validator("\n".join(path.read_text("utf-8") for path in SCHEMAS))


def check(raw: bytes, rule: str) -> None:
    """Compare one CBOR item with one rule of the grammar, down into every wrapped item.

    Raises:
        AssertionError: with the place and the problem.
    """
    result = _validator().validate(raw, rule, require_deterministic=True)
    if not result.valid:
        first = result.diagnostics[0]
        raise AssertionError(f"{rule}, byte {first.offset}, {first.path_text}: {first.message}")


def check_envelope(raw: bytes, *, signed: bool = False, embedded: bool = False) -> None:
    """Check an envelope, with maps in deterministic order in all its layers.

    Args:
        raw: the encoded envelope.
        signed: also demand at least one authentication block.
        embedded: it came out of another envelope, where tag 107 may be missing.

    Raises:
        AssertionError: with the place and the problem.
    """
    tagged = not embedded or raw.startswith(_TAG)
    kind = "signed-envelope" if signed else "envelope"
    check(raw, f"tagged-{kind}" if tagged else kind)
    envelope = decode(raw).value if tagged else decode(raw)
    _check_manifest_order(envelope[Envelope.MANIFEST.value])
    _check_sequences(envelope, SEVERABLE_MEMBERS - {Envelope.TEXT, Envelope.COSWID}, "envelope")


def without_manifest(raw: bytes) -> tuple[bytes, bytes]:
    """Return an envelope with the smallest of all manifests in it, and the manifest that it had.

    The grammar does not know digests, so what is left is as right or wrong as it was.
    """
    item = decode(raw)
    members = item.value if raw.startswith(_TAG) else item
    manifest = members[Envelope.MANIFEST.value]
    members[Envelope.MANIFEST.value] = _SMALLEST
    return encode(item), manifest


def check_manifest(raw: bytes) -> None:
    """Check the content of a manifest byte string.

    Raises:
        AssertionError: with the place and the problem.
    """
    check(raw, "manifest")
    _check_manifest_order(raw)


def check_coswid(raw: bytes) -> None:
    """Check a concise-swid-tag of our own making.

    Raises:
        AssertionError: with the place and the problem.
    """
    check(raw, "concise-swid-tag")
    _ordered(raw, "concise-swid-tag")


def check_report(raw: bytes, *, sealed: bool = False) -> None:
    """Check a SUIT_Report, or the COSE structure around one.

    Args:
        raw: the encoded report.
        sealed: it is inside COSE_Sign1 or COSE_Mac0.

    Raises:
        AssertionError: with the place and the problem.
    """
    check(raw, "protected-report" if sealed else "report")
    inner = decode(raw).value[2] if sealed else raw
    if isinstance(decode(inner), dict):  # what is encrypted is checked by whoever can decrypt it
        _ordered(inner, "report")


def _check_manifest_order(raw: bytes) -> None:
    manifest = _ordered(raw, "manifest")
    common = _ordered(manifest[Manifest.COMMON.value], "manifest.common")
    _check_sequences(common, {Common.SHARED_SEQUENCE}, "manifest.common")
    sequences = UNSEVERABLE_SEQUENCES | SEVERABLE_CHOICES - {Manifest.TEXT, Manifest.COSWID}
    _check_sequences(manifest, sequences, "manifest")


def _check_sequences(members: Any, labels: Iterable[Enum], where: str) -> None:  # noqa: ANN401 - decoded CBOR
    for label in labels:
        if isinstance(members.get(label.value), bytes):
            _check_sequence(members[label.value], f"{where}.{label.name}")


def _check_sequence(raw: bytes, where: str) -> None:
    items = _ordered(raw, where)
    for command, argument in zip(items[::2], items[1::2], strict=True):
        if command == Command.RUN_SEQUENCE.value:
            _check_sequence(argument, where)
        elif command == Command.TRY_EACH.value:
            for branch in argument:
                if branch is not None:
                    _check_sequence(branch, where)


def _ordered(raw: bytes, where: str) -> Any:  # noqa: ANN401 - decoded CBOR
    item = decode(raw)
    if encode(item, canonical=True) != raw:
        raise AssertionError(f"{where}: not in deterministic encoding")
    return item
