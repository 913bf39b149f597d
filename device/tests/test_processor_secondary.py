"""Secondary processors (T5.4.1): a prefix leads to them, and nothing but the three calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override as override_method

from conformance.casebook.case import (
    AUTHOR,
    CLASS,
    MAIN,
    NEW,
    NEW_2,
    OLD,
    SECOND,
    STRANGER,
    URI,
    VENDOR,
    write,
)
from conformance.casebook.trees import (
    FETCH,
    INTEGRITY,
    KEY,
    LIBRARIAN,
    LIBRARY,
    LIBRARY_IMAGE,
    MATCH,
    PROCESS,
    RESOLVE,
    ROOT,
    Signed,
    library,
    root,
)
from conformance.forge import Steps, at, check, override, sequence
from conformance.forge_cose import Key
from device.authenticate import authenticate
from device.components import MemoryComponent, MemoryComponents
from device.ic.emulator import Emulator, MemoryKey
from device.platform import MemoryFetcher, MemoryPlatform
from device.processor import Machine, Policy, Trace, invoke, update
from device.processor.in_process import SETTABLE, InProcess
from device.processor.rights import Rights
from device.processor.secondary import SecondaryProcessor, Session
from device.references import MemoryReferences
from device.storage import MemoryStorage
from spec.labels import Command, Parameter
from spec.labels import Manifest as Section
from suit.envelope import open_envelope
from suit.errors import (
    AbortError,
    ComponentError,
    ComponentUnauthorisedError,
    ConditionFailedError,
    HardsuitError,
    NotAuthenticError,
    RefusedError,
)
from suit.keys import CoseKey
from suit.manifest import ComponentId

RADIO: ComponentId = (b"radio",)
BELOW: ComponentId = (*RADIO, *SECOND)
HONEST = library(signers=(LIBRARIAN,))
ROWS = {1: {1: list(RADIO)}}
THREE: dict[str, Any] = {"components": (MAIN, LIBRARY, BELOW)}


def ic(*keys: Key) -> Emulator:
    trusted = [CoseKey.from_cose(key.cose_key()) for key in keys]
    return Emulator.provision(MemoryStorage(), MemoryKey(), keys=trusted)


class Pair:
    """A device of two processors, each with components and keys of its own."""

    def __init__(
        self, *keys: Key, settable: frozenset[Parameter] = SETTABLE, policy: Policy | None = None
    ) -> None:
        self.main = {name: MemoryComponent() for name in (MAIN, LIBRARY)}
        self.main[MAIN].content = OLD
        self.radio = {SECOND: MemoryComponent(content=OLD)}
        self.platform = MemoryPlatform([VENDOR], [CLASS])
        resources = MemoryFetcher({URI: LIBRARY_IMAGE})
        self.secondary = InProcess(
            Machine(
                MemoryComponents(self.radio),
                MemoryPlatform([VENDOR], [CLASS]),
                resources,
                policy or Policy(),
                ic=ic(*(keys or (LIBRARIAN,))),
            ),
            settable=settable,
        )
        self.machine = Machine(
            MemoryComponents(self.main),
            self.platform,
            resources,
            ic=ic(AUTHOR, LIBRARIAN),
            secondaries={RADIO: self.secondary},
        )

    def update(self, raw: bytes) -> Trace:
        assert self.machine.ic is not None
        return update(authenticate(open_envelope(raw), self.machine.ic), self.machine)

    @property
    def contents(self) -> tuple[bytes | None, bytes | None]:
        return self.main[MAIN].content, self.radio[SECOND].content


def tree(child: Signed = HONEST, **members: Any) -> bytes:
    return root(child, **({"dependencies": ROWS} | members))


def refused(pair: Pair, raw: bytes, error: type[HardsuitError], match: str = "") -> HardsuitError:
    """Expect a refusal that changes neither processor's components."""
    with pytest.raises(error) as caught:
        pair.update(raw)
    assert match in str(caught.value)
    assert pair.contents == (OLD, OLD)
    return caught.value


@pytest.mark.req("T5.4.1-1", "T5.2.2-3", "I4.5.4")
def test_a_prefix_leads_to_the_secondary_processor() -> None:
    pair = Pair()
    trace = pair.update(tree())
    assert pair.contents == (NEW, LIBRARY_IMAGE)
    assert trace.written == {MAIN, LIBRARY}
    assert pair.secondary.trace.written == {SECOND}


@pytest.mark.req("T5.4.1-1")
def test_a_secondary_processor_verifies_by_its_own_keys_before_anything_runs() -> None:
    error = refused(Pair(STRANGER), tree(), NotAuthenticError)
    assert "dependency-integrity at dependency-resolution" in str(error)


@pytest.mark.req("T5.4.1-1", "T5.1-4")
def test_the_primary_verifies_as_well() -> None:
    stranger = library(signers=(STRANGER,))
    refused(Pair(STRANGER, LIBRARIAN), tree(stranger), NotAuthenticError)


@pytest.mark.req("T5.4.1-1")
def test_a_secondary_processor_has_all_calls_that_there_are() -> None:
    calls = {name for name in vars(Session) if not name.startswith("_")}
    assert calls == {"insert_envelope", "set_parameter", "run_section"}
    assert {name for name in vars(SecondaryProcessor) if not name.startswith("_")} == {"session"}


@pytest.mark.req("T5.4.1-1")
def test_parameters_reach_the_secondary_processor_if_it_lets_them() -> None:
    fetching = library(
        signers=(LIBRARIAN,),
        install=[(Command.SET_PARAMETERS, {Parameter.URI: "http://example.com/far"}), FETCH],
    )
    near: Steps = [at(2), override({Parameter.URI: URI}), at(1), PROCESS, at(0), *write(NEW)]
    raw = tree(fetching, **THREE, install=near)
    pair = Pair()
    pair.update(raw)
    assert pair.contents == (NEW, LIBRARY_IMAGE)
    assert pair.secondary.trace.fetched == [URI]
    closed = Pair(settable=SETTABLE - {Parameter.URI})
    refused(closed, raw, ComponentUnauthorisedError, "lets nobody set URI")


@pytest.mark.req("T5.4.1-1")
@pytest.mark.parametrize("parameter", [Parameter.CLASS_IDENTIFIER, Parameter.VENDOR_IDENTIFIER])
def test_what_decides_about_an_image_is_not_for_the_primary_to_say(parameter: Parameter) -> None:
    install = [at(2), override({parameter: bytes(16)}), at(1), PROCESS, at(0), *write(NEW)]
    refused(Pair(), tree(HONEST, **THREE, install=install), ComponentUnauthorisedError)


def test_a_source_component_is_one_of_the_same_processor() -> None:
    def raw(source: int) -> bytes:
        steps = [at(2), override({Parameter.SOURCE_COMPONENT: source}), at(1), PROCESS, at(0), *write(NEW)]
        return tree(HONEST, **THREE, install=steps)

    refused(Pair(), raw(0), AbortError, "not one of the secondary processor")
    Pair().update(raw(2))


@pytest.mark.req("T5.4.1-1")
@pytest.mark.parametrize(
    "steps",
    [write(NEW_2), [check(Command.IMAGE_MATCH)], [check(Command.INVOKE)]],
    ids=["write", "image-match", "invoke"],
)
def test_the_primary_has_no_other_way_to_the_components(steps: Steps) -> None:
    image = override({Parameter.IMAGE_DIGEST: HONEST.digest[Parameter.IMAGE_DIGEST]})
    install = [at(1), PROCESS, at(0), *write(NEW), at(2), image]
    open_to_all = frozenset(Parameter)
    Pair(settable=open_to_all).update(tree(HONEST, **THREE, install=install))
    refused(Pair(settable=open_to_all), tree(HONEST, **THREE, install=[*install, *steps]), ComponentError)


@pytest.mark.parametrize("name", [(*RADIO, b"\x07"), (b"other",)])
def test_a_component_that_no_processor_has_is_refused(name: ComponentId) -> None:
    steps = [at(2), override({Parameter.URI: URI}), at(1), PROCESS, at(0), *write(NEW)]
    refused(Pair(), tree(HONEST, components=(MAIN, LIBRARY, name), install=steps), ComponentError)


@pytest.mark.req("T5.4.1-1")
def test_a_failure_of_either_processor_leaves_both_as_they_were() -> None:
    refused(Pair(), tree(install=[at(1), PROCESS, at(0), *write(NEW_2)]), ConditionFailedError)
    failing = library(signers=(LIBRARIAN,), install=[*write(LIBRARY_IMAGE), check(Command.ABORT)])
    error = refused(Pair(), tree(failing), ConditionFailedError)
    assert error.place is not None
    assert (error.place.manifest, error.place.section) == ((1,), Section.INSTALL)


@pytest.mark.req("T5.4.1-1", "T5.6.2-3")
def test_a_dependent_may_be_soft_about_a_condition_of_the_secondary_processor() -> None:
    failing = library(signers=(LIBRARIAN,), install=[check(Command.ABORT)], validate=None)
    soft = [at(1), (Command.TRY_EACH, [sequence([PROCESS]), None]), at(0), *write(NEW)]
    pair = Pair()
    pair.update(tree(failing, install=soft, validate=[at(1), PROCESS, at(0), check(Command.IMAGE_MATCH)]))
    assert pair.contents == (NEW, OLD)
    broken = library(signers=(LIBRARIAN,), install=[FETCH], validate=None)
    refused(Pair(), tree(broken, install=soft), AbortError)


@pytest.mark.req("T5.4.1-1")
def test_the_secondary_processor_boots_with_the_primary() -> None:
    start = check(Command.INVOKE)
    child = library(signers=(LIBRARIAN,), invoke=[start])
    raw = root(
        child,
        dependencies=ROWS,
        validate=[at(1), INTEGRITY, PROCESS, at(0), MATCH],
        invoke=[at(1), PROCESS, at(0), start],
    )
    pair = Pair()
    pair.update(raw)
    assert pair.machine.ic is not None
    invoke(authenticate(open_envelope(raw), pair.machine.ic), pair.machine)
    assert pair.platform.invoked == [(MAIN, None)]
    assert pair.secondary.trace.invoked == [(SECOND, None)]


class Remembering(SecondaryProcessor):
    """A secondary processor that takes everything and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @override_method
    @contextmanager
    def session(self, sections: tuple[Section, ...]) -> Iterator[Session]:
        assert Section.INSTALL in sections
        self.calls.append("begin")
        yield _Remembering(self.calls)
        self.calls.append("end")


class _Remembering(Session):
    def __init__(self, calls: list[str]) -> None:
        self.calls = calls

    @override_method
    def insert_envelope(self, raw: bytes) -> None:
        self.calls.append(f"insert {len(raw)}")

    @override_method
    def set_parameter(self, component: ComponentId, parameter: Parameter, value: object) -> None:
        self.calls.append(f"set {component} {parameter.name} {value}")

    @override_method
    def run_section(self, section: Section) -> None:
        self.calls.append(f"run {section.name}")


@pytest.mark.req("T5.4.1-1")
def test_an_integrator_sees_one_session_for_each_procedure_and_every_value_once() -> None:
    steps = [at(2), override({Parameter.URI: URI}), at(1), PROCESS, at(0), *write(NEW)]
    pair, radio = Pair(), Remembering()
    pair.machine = Machine(
        pair.machine.components,
        pair.platform,
        pair.machine.fetcher,
        ic=pair.machine.ic,
        secondaries={RADIO: radio},
    )
    pair.update(tree(HONEST, **THREE, install=steps))
    assert radio.calls == [
        "begin",
        f"insert {len(HONEST.raw)}",
        f"set {SECOND} URI {URI}",
        "run INSTALL",
        "run VALIDATE",
        "end",
    ]


def test_the_primary_counts_no_references_to_what_is_not_its_own() -> None:
    pair = Pair()
    references = MemoryReferences()
    pair.machine = replace(pair.machine, references=references)
    pair.update(tree())
    assert references.owners(MAIN) == references.owners(LIBRARY) == {ROOT}
    assert references.owners(BELOW) == frozenset()


def test_the_primary_counts_no_references_to_parameters_that_it_hands_over() -> None:
    pair = Pair()
    references = MemoryReferences()
    pair.machine = replace(pair.machine, references=references)
    steps = [at(2), override({Parameter.URI: URI}), at(1), PROCESS, at(0), *write(NEW)]
    pair.update(tree(HONEST, **THREE, install=steps))
    assert references.owners(MAIN) == {ROOT}
    assert references.owners(BELOW) == frozenset()


OTHER_LIBRARY: ComponentId = (b"other library",)
THIRD: ComponentId = (b"\x03",)
OTHER = library(b"another image", components=(THIRD,), signers=(LIBRARIAN,))


def two_below(one: Signed, other: Signed) -> bytes:
    """Return a root with two dependencies that the same prefix leads away."""
    process = [at(1), PROCESS, at(2), PROCESS, at(0)]
    return tree(
        one,
        components=(MAIN, LIBRARY, OTHER_LIBRARY),
        dependencies={1: {1: list(RADIO)}, 2: {1: list(RADIO)}},
        more=[at(2), override(other.digest)],
        dependency_resolution=[*RESOLVE[:-1], at(2), override({Parameter.URI: "#other"}), FETCH, INTEGRITY],
        install=[*process, *write(NEW)],
        validate=[*process, MATCH],
        payloads={KEY: one.raw, "#other": other.raw},
    )


def with_room_for_two() -> Pair:
    pair = Pair()
    pair.main[OTHER_LIBRARY] = MemoryComponent()
    pair.radio[THIRD] = MemoryComponent()
    return pair


@pytest.mark.req("T5.4.1-1", "T5.6.2-3")
def test_two_dependencies_of_one_secondary_processor_each_run_their_own_sections() -> None:
    pair = with_room_for_two()
    pair.update(two_below(HONEST, OTHER))
    assert pair.contents == (NEW, LIBRARY_IMAGE)
    assert pair.radio[THIRD].content == b"another image"


@pytest.mark.req("T5.4.1-1")
def test_a_manifest_over_there_does_not_choose_the_image_of_another_one() -> None:
    name = CoseKey.from_cose(LIBRARIAN.cose_key()).name
    pair = Pair(policy=Policy(rights={name: Rights(components=(SECOND,))}))
    pair.radio[THIRD] = MemoryComponent()
    meddling = library(
        components=(SECOND, THIRD),
        signers=(LIBRARIAN,),
        shared=[at(1), override(OTHER.digest)],
        install=[at(0), *write(LIBRARY_IMAGE)],
        validate=None,
    )
    with pytest.raises(ComponentUnauthorisedError):
        pair.update(tree(meddling))
    assert pair.contents == (OLD, OLD)


@pytest.mark.req("T5.4.1-1")
def test_a_secondary_processor_keeps_nothing_that_no_sequence_matched() -> None:
    careless = library(signers=(LIBRARIAN,), validate=None)
    refused(Pair(), tree(careless, validate=[at(0), MATCH]), RefusedError, "no image-match")
