"""Model to bytes: the mirror of :mod:`suit.decode` and :mod:`suit.decode_sequence`, in the same order."""

from collections.abc import Mapping
from typing import Any, assert_never

from spec.labels import CborTag, Common, Dependency, Parameter
from spec.labels import Envelope as EnvelopeMember
from spec.labels import Manifest as Member
from suit import cbor
from suit.commands import ARGUMENTS, Argument
from suit.encryption import EncryptionInfo
from suit.manifest import (
    ComponentMetadata,
    Digest,
    Envelope,
    Manifest,
    Parameters,
    ParameterValue,
    Pen,
    Sequence,
    Severable,
    Texts,
    VersionMatch,
    WaitInfo,
)
from suit.metadata import metadata_map
from suit.version import version_match_array
from suit.wait import wait_info_map


def encode_manifest(manifest: Manifest) -> bytes:
    """Encode a SUIT_Manifest map (M8.4), without the byte string around it."""
    members: dict[int, cbor.Item] = {
        Member.MANIFEST_VERSION.value: manifest.version,
        Member.MANIFEST_SEQUENCE_NUMBER.value: manifest.sequence_number,
        Member.COMMON.value: cbor.encode(_common(manifest)),
    }
    optional = {
        Member.REFERENCE_URI: manifest.reference_uri,
        Member.MANIFEST_COMPONENT_ID: None if manifest.component_id is None else list(manifest.component_id),
        Member.DEPENDENCY_RESOLUTION: _severable_sequence(manifest.dependency_resolution),
        Member.SET_VERSION: None if manifest.set_version is None else cbor.encode(list(manifest.set_version)),
        Member.PAYLOAD_FETCH: _severable_sequence(manifest.payload_fetch),
        Member.CANDIDATE_VERIFICATION: _severable_sequence(manifest.candidate_verification),
        Member.INSTALL: _severable_sequence(manifest.install),
        Member.VALIDATE: _sequence_member(manifest.validate),
        Member.LOAD: _sequence_member(manifest.load),
        Member.INVOKE: _sequence_member(manifest.invoke),
        Member.UNINSTALL: _sequence_member(manifest.uninstall),
        Member.TEXT: _severable_texts(manifest.text),
        Member.COSWID: _severable_coswid(manifest.coswid),
    }
    members.update({member.value: item for member, item in optional.items() if item is not None})
    return cbor.encode(members)


def encode_bare_manifest(manifest: Manifest) -> bytes:
    """Encode a SUIT_Manifest that stands alone, behind tag 1070 (M8.4)."""
    return cbor.tag_head(CborTag.SUIT_MANIFEST.value) + encode_manifest(manifest)


def encode_envelope(envelope: Envelope) -> bytes:
    """Encode a SUIT_Envelope (M8.2): authentication wrapper, manifest, severed members, payloads."""
    wrapper = cbor.encode([envelope.digest_bytes, *envelope.blocks])
    members: dict[int | str, cbor.Item] = {
        EnvelopeMember.AUTHENTICATION_WRAPPER.value: wrapper,
        EnvelopeMember.MANIFEST.value: envelope.manifest,
    }
    members.update({member.value: element for member, element in envelope.severed.items()})
    members.update(envelope.payloads)
    item: cbor.Item = members
    return cbor.encode(cbor.Tagged(CborTag.SUIT_ENVELOPE.value, item) if envelope.tagged else item)


def encode_sequence(sequence: Sequence) -> bytes:
    """Encode a SUIT_Command_Sequence (M8.4.9, 8.4.10), without the byte string around it."""
    items: list[cbor.Item] = []
    for command in sequence:
        items += [command.label.value, _argument(ARGUMENTS[command.label], command.argument)]
    return cbor.encode(items)


def parameter_map(parameters: Mapping[Parameter, ParameterValue]) -> cbor.Item:
    """Return a parameter map (M8.4.8) as the item to encode; SUIT reports have the same."""
    return {label.value: _value(value) for label, value in parameters.items()}


def digest_array(digest: Digest) -> cbor.Item:
    """Return a SUIT_Digest array (M8.3) as the item to encode."""
    return [digest.algorithm.value, digest.value]


def encode_digest(digest: Digest) -> bytes:
    """Encode a SUIT_Digest array (M8.3): inside a byte string, what authentication blocks sign."""
    return cbor.encode(digest_array(digest))


def encode_texts(texts: Texts) -> bytes:
    """Encode a text map (M8.4.4), without the byte string around it."""
    return cbor.encode(
        {
            language: {label.value: string for label, string in text.manifest.items()}
            | {
                component: {label.value: string for label, string in strings.items()}
                for component, strings in text.components.items()
            }
            for language, text in texts.items()
        }
    )


def _common(manifest: Manifest) -> cbor.Item:
    common: dict[int, cbor.Item] = {
        Common.COMPONENTS.value: [list(component) for component in manifest.components]
    }
    if manifest.dependencies:
        common[Common.DEPENDENCIES.value] = {
            index: {} if row.prefix is None else {Dependency.PREFIX.value: list(row.prefix)}
            for index, row in manifest.dependencies.items()
        }
    if manifest.shared_sequence is not None:
        common[Common.SHARED_SEQUENCE.value] = encode_sequence(manifest.shared_sequence)
    return common


def _sequence_member(sequence: Sequence | None) -> bytes | None:
    return None if sequence is None else encode_sequence(sequence)


def _severable_sequence(member: Severable[Sequence] | None) -> cbor.Item:
    if member is None or member.digest is not None:
        return None if member is None else _digest(member.digest)
    return _sequence_member(member.value)


def _severable_texts(member: Severable[Texts] | None) -> cbor.Item:
    if member is None or member.value is None or member.digest is not None:
        return None if member is None else _digest(member.digest)
    return encode_texts(member.value)


def _severable_coswid(member: Severable[bytes] | None) -> cbor.Item:
    if member is None or member.digest is not None:
        return None if member is None else _digest(member.digest)
    return member.value


def _argument(shape: Argument, argument: Any) -> cbor.Item:  # noqa: ANN401 - the table in suit.manifest
    match shape:
        case Argument.POLICY:
            return argument
        case Argument.INDEX:
            return list(argument) if isinstance(argument, tuple) else argument
        case Argument.PARAMETERS:
            return parameter_map(argument)
        case Argument.PARAMETERS_BY_INDEX | Argument.LABELS_BY_INDEX:
            return {index: _row(row) for index, row in argument.items()}
        case Argument.SEQUENCE:
            return encode_sequence(argument)
        case Argument.BRANCHES:
            return [_sequence_member(branch) for branch in argument]
        case _ as never:
            assert_never(never)


def _row(row: Parameters | tuple[Parameter, ...]) -> cbor.Item:
    return parameter_map(row) if isinstance(row, dict) else [label.value for label in row]


def _value(value: ParameterValue) -> cbor.Item:
    item: cbor.Item = value
    match value:
        case Digest():
            item = encode_digest(value)
        case EncryptionInfo():
            item = value.raw
        case VersionMatch():
            item = cbor.encode(version_match_array(value))
        case ComponentMetadata():
            item = cbor.encode(metadata_map(value))
        case WaitInfo():
            item = cbor.encode(wait_info_map(value))
        case Pen():
            item = cbor.Tagged(CborTag.PEN.value, value.oid)
        case _:
            pass
    return item


def _digest(digest: Digest | None) -> cbor.Item:
    return None if digest is None else digest_array(digest)
