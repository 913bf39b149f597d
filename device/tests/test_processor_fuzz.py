"""Random well-formed programs: whatever they say, they end in a result or in an error of our tree."""

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from device.authenticate import _MAKER, Authentic
from device.processor import invoke, update
from device.tests.processor_rig import CLASS, OTHER, URI, URI_2, VENDOR, A, B, C, Rig, at, override, sha256
from spec.labels import Command, Parameter
from suit.commands import CONDITIONS, SHARED_SEQUENCE_COMMANDS
from suit.decode import attach_severed, decode_manifest
from suit.envelope import seal
from suit.errors import HardsuitError
from suit.manifest import Command as Step
from suit.manifest import Manifest, Severable

CAPACITY = 8
CONTENTS = [b"", b"1", b"22", b"4444", b"88888888", bytes(9)]
RESOURCES = {URI: b"4444", URI_2: bytes(9)}
PAYLOADS = {"#in": b"22"}
INDEX = st.one_of(
    st.integers(0, 2), st.just(value=True), st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple)
)
PARAMETERS: dict[Parameter, st.SearchStrategy[Any]] = {
    Parameter.VENDOR_IDENTIFIER: st.sampled_from([VENDOR, OTHER]),
    Parameter.CLASS_IDENTIFIER: st.sampled_from([CLASS, OTHER]),
    Parameter.IMAGE_DIGEST: st.sampled_from(CONTENTS).map(sha256),
    Parameter.IMAGE_SIZE: st.sampled_from([0, 1, 4, 9]),
    Parameter.COMPONENT_SLOT: st.integers(0, 1),
    Parameter.CONTENT: st.sampled_from(CONTENTS),
    Parameter.URI: st.sampled_from([URI, URI_2, "#in", "#out"]),
    Parameter.SOURCE_COMPONENT: st.integers(0, 2),
    Parameter.STRICT_ORDER: st.booleans(),
    Parameter.INVOKE_ARGS: st.just(b"-v"),
}
NESTED_PARAMETERS = PARAMETERS | {Parameter.SOFT_FAILURE: st.booleans()}
PLAIN = sorted(
    CONDITIONS | {Command.WRITE, Command.FETCH, Command.COPY, Command.SWAP, Command.INVOKE}, key=str
)


def steps(
    parameters: dict[Parameter, st.SearchStrategy[Any]], plain: list[Command]
) -> st.SearchStrategy[Step]:
    return st.one_of(
        st.builds(Step, st.sampled_from(plain), st.just(15)),
        st.builds(
            Step,
            st.just(Command.OVERRIDE_PARAMETERS),
            st.sampled_from(sorted(parameters, key=str)).flatmap(
                lambda label: parameters[label].map(lambda value: {label: value})
            ),
        ),
        st.builds(Step, st.just(Command.SET_COMPONENT_INDEX), INDEX),
    )


def flow(inner: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
    sequence = st.lists(inner, min_size=1, max_size=4).map(tuple)
    branches = st.lists(sequence, min_size=2, max_size=3).map(tuple)
    with_nil = st.lists(sequence, min_size=1, max_size=2).map(lambda made: (*made, None))
    return st.one_of(
        inner,
        st.builds(Step, st.just(Command.RUN_SEQUENCE), sequence),
        st.builds(Step, st.just(Command.TRY_EACH), st.one_of(branches, with_nil)),
    )


def sequences(plain: list[Command]) -> st.SearchStrategy[tuple[Step, ...]]:
    nested = flow(flow(steps(NESTED_PARAMETERS, plain)))
    sequence = st.lists(nested, min_size=1, max_size=3).map(tuple)
    run = st.builds(Step, st.just(Command.RUN_SEQUENCE), sequence)
    branch = st.builds(Step, st.just(Command.TRY_EACH), sequence.map(lambda made: (made, None)))
    top = st.one_of(
        steps(PARAMETERS, [label for label in plain if label not in CONDITIONS] or plain), run, branch
    )
    begun = st.builds(Step, st.just(Command.SET_COMPONENT_INDEX), INDEX)
    return st.builds(lambda first, rest: (first, *rest), begun, st.lists(top, min_size=1, max_size=6))


SEQUENCE = sequences(PLAIN)
SHARED = sequences(sorted(CONDITIONS & SHARED_SEQUENCE_COMMANDS, key=str))
PREPARED = (
    at(True),
    override(
        vendor_identifier=VENDOR,
        class_identifier=CLASS,
        image_digest=sha256(b"4444"),
        component_slot=0,
        content=b"4444",
        uri=URI,
        source_component=0,
    ),
)
MANIFESTS = st.builds(
    Manifest,
    sequence_number=st.just(1),
    components=st.just((A, B, C)),
    shared_sequence=st.one_of(st.just(PREPARED), st.just(PREPARED), SHARED),
    payload_fetch=st.one_of(st.none(), SEQUENCE.map(Severable)),
    install=SEQUENCE.map(Severable),
    validate=st.one_of(st.none(), SEQUENCE),
    load=st.one_of(st.none(), SEQUENCE),
    invoke=SEQUENCE,
)


def pretend_authentic(manifest: Manifest) -> Authentic[Manifest]:
    """Encode and decode, without the cost of a signature."""
    envelope = seal(manifest, payloads=PAYLOADS)
    decoded = attach_severed(decode_manifest(envelope.manifest), envelope)
    return Authentic(decoded, envelope, (), (), _MAKER)


@given(MANIFESTS, st.lists(st.sampled_from([None, b"", b"1", b"4444"]), min_size=3, max_size=3))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_program_ends_in_a_result_or_in_an_error_and_keeps_to_its_limits(
    manifest: Manifest, contents: list[bytes | None]
) -> None:
    authentic = pretend_authentic(manifest)
    for procedure in (update, invoke):
        rig = Rig(*contents, capacity=CAPACITY, slots=(0, 1, 0), resources=RESOURCES)
        try:
            procedure(authentic, rig.machine, trace=rig.trace)
        except HardsuitError:
            event("refused")
            assert rig.contents == contents
        else:
            event("accepted" if rig.trace.written else "accepted without a write")
        assert all(content is None or len(content) <= CAPACITY for content in rig.contents)
        assert set(rig.trace.fetched) <= set(RESOURCES)
        assert {uri for uri, _, _ in rig.fetcher.asked} <= set(RESOURCES)
        assert rig.platform.invoked == rig.trace.invoked


@given(MANIFESTS)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_the_same_program_gives_the_same_state_twice(manifest: Manifest) -> None:
    authentic = pretend_authentic(manifest)
    ends = []
    for _ in range(2):
        rig = Rig(None, b"1", b"4444", capacity=CAPACITY, resources=RESOURCES)
        try:
            update(authentic, rig.machine, trace=rig.trace)
        except HardsuitError as error:
            ends.append((str(error), rig.contents, rig.trace))
        else:
            ends.append(("", rig.contents, rig.trace))
    assert ends[0] == ends[1]
