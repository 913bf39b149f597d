"""Trust domains in the codec: the published examples, and every new member through bytes and back."""

from dataclasses import replace

import pytest

from spec.labels import Command
from spec.labels import Manifest as Member
from suit.decode import attach_severed, decode_manifest
from suit.encode import encode_envelope, encode_manifest
from suit.envelope import open_envelope, seal
from suit.manifest import Command as Step
from suit.manifest import Dependency, Manifest, Severable
from suit.tests import vectors

EXAMPLES = ("example0_dependent", "example1_process", "example2_integrated")
STEPS = (Step(Command.SET_COMPONENT_INDEX, 0, 1), Step(Command.IS_DEPENDENCY, 15, 3))


@pytest.mark.req("H2-1", "H3-7")
@pytest.mark.parametrize("name", EXAMPLES)
def test_published_examples_are_written_back_unchanged_from_the_model(name: str) -> None:
    raw = vectors.path(f"ietf/trust-domains/{name}.suit").read_bytes()
    envelope = open_envelope(raw)
    encoded = encode_manifest(replace(decode_manifest(envelope.manifest), raw=b""))
    assert encoded == envelope.manifest
    assert encode_envelope(replace(envelope, manifest=encoded)) == raw


@pytest.mark.req("T5.2.2-1")
def test_every_member_comes_back_from_its_bytes() -> None:
    manifest = Manifest(
        1,
        ((b"a",), (b"b",)),
        dependencies={0: Dependency(), 1: Dependency((b"p", b"")), 2: Dependency((b"c",))},
        component_id=(b"root",),
        dependency_resolution=Severable(STEPS),
        candidate_verification=Severable(STEPS),
        uninstall=STEPS,
    )
    assert replace(decode_manifest(encode_manifest(manifest)), raw=b"") == manifest
    assert manifest.ids == ((b"a",), (b"b",), (b"c",))


@pytest.mark.req("M8.4-2")
@pytest.mark.parametrize("member", [Member.DEPENDENCY_RESOLUTION, Member.CANDIDATE_VERIFICATION])
def test_the_new_sequences_may_lie_in_the_envelope(member: Member) -> None:
    name = member.name.lower()
    manifest = Manifest(1, ((b"a",),), **{name: Severable(STEPS)})  # type: ignore[arg-type]  # one of two fields
    envelope = open_envelope(encode_envelope(seal(manifest, sever=(member,))))
    inside = decode_manifest(envelope.manifest)
    assert getattr(inside, name).value is None
    assert getattr(attach_severed(inside, envelope), name).value == STEPS
