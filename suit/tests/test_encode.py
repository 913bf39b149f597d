"""suit.encode: the model to bytes, the mirror of suit.decode."""

import functools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spec.labels import (
    HASHES,
    Command,
    CoseAlgorithm,
    FileType,
    Parameter,
    TextComponent,
    TextManifest,
    VersionComparison,
    WaitEvent,
)
from spec.labels import Manifest as Member
from suit import digest
from suit.commands import ARGUMENTS, VALUES, Argument, Value
from suit.cose_encrypt import encode_encryption_info, parse_encryption_info, recipient_item
from suit.decode import attach_severed, decode_bare_manifest, decode_manifest
from suit.encode import encode_bare_manifest, encode_envelope, encode_manifest
from suit.envelope import open_envelope, seal
from suit.manifest import Command as Step
from suit.manifest import (
    ComponentId,
    ComponentMetadata,
    Digest,
    Manifest,
    OtherDevice,
    Parameters,
    Pen,
    Sequence,
    Severable,
    Text,
    Uuid,
    VersionMatch,
    WaitInfo,
)


@pytest.mark.req("H2-1", "H3-7", "M8.1-1")
def test_published_examples_are_written_back_unchanged_from_the_model(published: bytes) -> None:
    envelope = open_envelope(published)
    manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
    encoded = encode_manifest(replace(manifest, raw=b""))
    assert encoded == envelope.manifest
    assert encode_envelope(replace(envelope, manifest=encoded)) == published


def test_severed_members_of_the_published_example_are_written_from_the_model(published: bytes) -> None:
    envelope = open_envelope(published)
    manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
    if not envelope.severed:
        return
    again = seal(manifest, sever=tuple(envelope.severed))
    assert again.severed == envelope.severed
    assert again.digest == envelope.digest


def test_a_bare_manifest_is_written_behind_its_tag() -> None:
    manifest = Manifest(1, ((b"\0",),))
    raw = encode_bare_manifest(manifest)
    assert raw.startswith(bytes.fromhex("d9042e"))
    assert replace(decode_bare_manifest(raw), raw=b"") == manifest


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines differ
ALGORITHMS = sorted(HASHES, key=lambda each: each.value)
_POLICIES = st.integers(0, 15)
_DIGESTS = st.sampled_from(ALGORITHMS).flatmap(
    lambda algorithm: st.builds(
        Digest,
        st.just(algorithm),
        st.binary(min_size=digest.size(algorithm), max_size=digest.size(algorithm)),
    )
)
_UINTS = st.integers(0, (1 << 64) - 1)
_UUIDS = st.binary(min_size=16, max_size=16)
_RELEASES = st.lists(_UINTS, min_size=1, max_size=3)
VERSIONS = st.builds(
    lambda release, marker, more: tuple([*release, marker, *more] if marker else release),
    _RELEASES,
    st.sampled_from([0, -1, -2, -3]),
    st.lists(_UINTS, max_size=2),
)
_ACTORS = st.one_of(
    st.integers(-(1 << 64), (1 << 64) - 1),
    st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"]), min_size=1, max_size=9),
    st.binary(min_size=1, max_size=9),
    st.builds(Uuid, _UUIDS),
)
_PERMISSIONS = st.integers(0, (1 << 14) - 1)
_PERMISSION_MAPS = st.none() | st.dictionaries(_ACTORS, _PERMISSIONS, min_size=1, max_size=3)
METADATA = st.builds(
    ComponentMetadata,
    st.none() | _PERMISSIONS,
    _PERMISSION_MAPS,
    _PERMISSION_MAPS,
    _PERMISSION_MAPS,
    st.none() | st.sampled_from(FileType),
    st.none() | _UINTS,
    st.none() | _UINTS,
    st.none() | _ACTORS,
)
_INTS = st.integers(-(1 << 64), (1 << 64) - 1)
_MATCHES = st.builds(VersionMatch, st.sampled_from(VersionComparison), VERSIONS)
_EVENTS = {
    WaitEvent.AUTHORIZATION: _INTS,
    WaitEvent.POWER: _INTS,
    WaitEvent.NETWORK: _INTS,
    WaitEvent.OTHER_DEVICE_VERSION: st.builds(
        OtherDevice, st.binary(max_size=9), st.lists(_MATCHES, min_size=1, max_size=8).map(tuple)
    ),
    WaitEvent.TIME: _UINTS,
    WaitEvent.TIME_OF_DAY: st.integers(0, 86399),
    WaitEvent.DAY_OF_WEEK: st.integers(0, 6),
    WaitEvent.TIME_OF_DAY_UTC: st.integers(0, 86399),
    WaitEvent.DAY_OF_WEEK_UTC: st.integers(0, 6),
}
_WAITS = st.lists(st.sampled_from(WaitEvent), min_size=1, unique=True).flatmap(
    lambda events: st.builds(
        WaitInfo,
        st.fixed_dictionaries(
            {event: _EVENTS[event] for event in sorted(events, key=lambda event: event.value)}
        ),
    )
)
_VALUES = {
    Value.UUID: _UUIDS,
    Value.VENDOR: _UUIDS | st.builds(Pen, st.binary(max_size=6)),
    Value.DIGEST: _DIGESTS,
    Value.UINT: _UINTS,
    Value.TEXT: st.text(max_size=30),
    Value.BYTES: st.binary(max_size=30),
    Value.BOOL: st.booleans(),
    Value.INT: _INTS,
    Value.ENCRYPTION_INFO: st.builds(
        lambda iv, kid: parse_encryption_info(
            encode_encryption_info(
                CoseAlgorithm.A128GCM, iv, [recipient_item(CoseAlgorithm.A128KW, kid, bytes(24))]
            ),
            where="info",
        ),
        st.binary(min_size=12, max_size=12),
        st.binary(min_size=1, max_size=8),
    ),
    Value.VERSION_MATCH: _MATCHES,
    Value.METADATA: METADATA,
    Value.WAIT_INFO: _WAITS,
}


@functools.cache
def parameters() -> st.SearchStrategy[Parameters]:
    one = st.sampled_from(sorted(VALUES, key=lambda label: label.value)).flatmap(
        lambda label: st.tuples(st.just(label), _VALUES[VALUES[label]])
    )
    return st.lists(one, min_size=1, max_size=4, unique_by=lambda pair: pair[0]).map(
        lambda pairs: dict(sorted(pairs, key=lambda pair: pair[0].value))
    )


@functools.cache
def sequences(depth: int = 1) -> st.SearchStrategy[Sequence]:
    plain = [command for command, shape in ARGUMENTS.items() if shape is Argument.POLICY]
    steps = (
        st.builds(Step, st.sampled_from(sorted(plain, key=lambda label: label.value)), _POLICIES)
        | st.builds(
            Step,
            st.just(Command.SET_COMPONENT_INDEX),
            st.integers(0, 3) | st.just(True) | st.lists(st.integers(0, 3), min_size=1).map(tuple),
        )
        | st.builds(Step, st.just(Command.OVERRIDE_PARAMETERS), parameters())
        | st.builds(
            Step,
            st.just(Command.OVERRIDE_MULTIPLE),
            st.dictionaries(st.integers(0, 3), parameters(), min_size=1, max_size=2),
        )
        | st.builds(
            Step,
            st.just(Command.COPY_PARAMS),
            st.dictionaries(
                st.integers(0, 3),
                st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=3).map(tuple),
                min_size=1,
                max_size=2,
            ),
        )
    )
    if depth:
        inner = sequences(depth - 1)
        nil = st.just((None,)) | st.just(())
        steps |= st.builds(Step, st.just(Command.RUN_SEQUENCE), inner)
        steps |= st.builds(
            Step,
            st.just(Command.TRY_EACH),
            st.builds(lambda branches, last: branches + last, st.tuples(inner, inner), nil),
        )
    return st.lists(steps, min_size=1, max_size=3).map(tuple)


def texts(components: tuple[ComponentId, ...]) -> st.SearchStrategy[Text]:
    return st.builds(
        Text,
        st.dictionaries(st.sampled_from(TextManifest), st.text(max_size=20)),
        st.dictionaries(
            st.sampled_from(components),
            st.dictionaries(st.sampled_from(TextComponent), st.text(max_size=20)),
        ),
    )


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    components = tuple(
        draw(st.lists(st.lists(st.binary(max_size=4), max_size=3).map(tuple), min_size=1, unique=True))
    )
    pool = draw(st.lists(sequences(), min_size=1, max_size=2))
    sequence = st.none() | st.sampled_from(pool)
    severable = st.none() | st.sampled_from([Severable(one) for one in pool])
    return Manifest(
        sequence_number=draw(_UINTS),
        components=components[:4],
        reference_uri=draw(st.none() | st.text(max_size=20)),
        set_version=draw(st.none() | VERSIONS),
        payload_fetch=draw(severable),
        install=draw(severable),
        validate=draw(sequence),
        load=draw(sequence),
        invoke=draw(sequence),
        text=draw(
            st.none()
            | st.builds(
                Severable,
                st.dictionaries(st.sampled_from(["en", "en-US", "de"]), texts(components[:4]), min_size=1),
            )
        ),
    )


def without_offsets(value: object) -> object:
    match value:
        case Step(label, argument, _):
            return (label, without_offsets(argument))
        case tuple():
            return tuple([without_offsets(part) for part in value])
        case Severable(inner, digest_of):
            return (without_offsets(inner), digest_of)
        case _:
            return value


def parts(manifest: Manifest) -> list[object]:
    return [without_offsets(getattr(manifest, name)) for name in Manifest.__slots__ if name != "raw"]


@UNHURRIED
@given(manifests())
def test_any_manifest_of_the_model_is_read_back(manifest: Manifest) -> None:
    raw = encode_manifest(manifest)
    decoded = decode_manifest(raw)
    assert parts(decoded) == parts(manifest)
    assert encode_manifest(decoded) == raw


@UNHURRIED
@given(manifests())
def test_any_severed_manifest_is_read_back(manifest: Manifest) -> None:
    members: dict[Member, Severable[Any] | None] = {
        Member.PAYLOAD_FETCH: manifest.payload_fetch,
        Member.INSTALL: manifest.install,
        Member.TEXT: manifest.text,
    }
    sever = tuple([member for member, value in members.items() if value is not None])
    raw = encode_envelope(seal(manifest, sever=sever, payloads={"#a": b"payload"}))
    envelope = open_envelope(raw)
    assert set(envelope.severed) == set(sever)
    full = attach_severed(decode_manifest(envelope.manifest), envelope)
    for member, value in members.items():
        found = getattr(full, member.name.lower())
        if value is not None:
            assert without_offsets(found.value) == without_offsets(value.value)
            assert found.digest is not None
    assert encode_envelope(replace(envelope, manifest=encode_manifest(full))) == raw


@pytest.mark.req("M8.4.8.6-1")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_digest_algorithm_goes_through(algorithm: CoseAlgorithm) -> None:
    value = Digest(algorithm, digest.compute(algorithm, b"firmware"))
    sequence = (Step(Command.OVERRIDE_PARAMETERS, {Parameter.IMAGE_DIGEST: value}),)
    raw = encode_manifest(Manifest(0, ((b"\0",),), validate=sequence))
    decoded = decode_manifest(raw).validate
    assert decoded is not None
    assert decoded[0].argument == {Parameter.IMAGE_DIGEST: value}
