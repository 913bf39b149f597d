"""What cases cannot show: references on storage, rights by command and parameter, places below the root."""

import pytest

from conformance.casebook.case import AUTHOR, CLASS, MAIN, NEW, SECOND, VENDOR
from conformance.casebook.trees import LIBRARY, library, root
from conformance.forge import check
from device.authenticate import authenticate
from device.components import MemoryComponent, MemoryComponents
from device.ic.emulator import Emulator, MemoryKey
from device.platform import MemoryFetcher, MemoryPlatform
from device.processor import Machine, Policy, Rights, Trace, update
from device.references import REFERENCES, StoredReferences
from device.storage import MemoryStorage
from spec.labels import Command, Parameter
from suit.commands import CONDITIONS, DIRECTIVES, VALUES
from suit.envelope import open_envelope
from suit.errors import AbortError, ComponentUnauthorisedError, ConditionFailedError, StorageError
from suit.keys import CoseKey

KEY = CoseKey.from_cose(AUTHOR.cose_key())
IC = Emulator.provision(MemoryStorage(), MemoryKey(), keys=[KEY])
ROOT = (b"root",)
EVERY = CONDITIONS | DIRECTIVES


def run(raw: bytes, *, rights: Rights | None = None, storage: MemoryStorage | None = None) -> Trace:
    components = MemoryComponents({name: MemoryComponent() for name in (MAIN, SECOND, LIBRARY)})
    machine = Machine(
        components,
        MemoryPlatform([VENDOR], [CLASS]),
        MemoryFetcher({}),
        Policy(rights={} if rights is None else {KEY.name: rights}),
        ic=IC,
        references=None if storage is None else StoredReferences(storage),
    )
    return update(authenticate(open_envelope(raw), IC), machine)


@pytest.mark.req("M9-1", "I4.3.13")
def test_a_signer_needs_a_right_to_every_command_and_parameter() -> None:
    raw = root(library())
    run(raw, rights=Rights(commands=EVERY, parameters=frozenset(VALUES)))
    for rights in (
        Rights(commands=EVERY - {Command.WRITE}),
        Rights(commands=EVERY - {Command.PROCESS_DEPENDENCY}),
        Rights(parameters=frozenset(VALUES) - {Parameter.CONTENT}),
    ):
        with pytest.raises(ComponentUnauthorisedError, match="no right to"):
            run(raw, rights=rights)


@pytest.mark.req("T5.6.5-2", "T5.3-2")
def test_references_survive_a_restart() -> None:
    storage = MemoryStorage()
    run(root(library()), storage=storage)
    assert StoredReferences(storage).owners(SECOND) == {ROOT}
    before = storage.read(REFERENCES)
    run(root(library()), storage=storage)
    assert storage.read(REFERENCES) == before
    StoredReferences(storage).change(ROOT, held=frozenset(), given_up=frozenset({SECOND}))
    assert StoredReferences(storage).owners(SECOND) == frozenset()
    assert StoredReferences(storage).owners(MAIN) == {ROOT}


@pytest.mark.parametrize(
    ("owner", "components"), [(bytes(40_000), 32), (b"", 4096)], ids=["too long", "too many"]
)
def test_references_that_could_not_be_read_again_are_never_written(owner: bytes, components: int) -> None:
    storage = MemoryStorage()
    references = StoredReferences(storage)
    references.change(ROOT, held=frozenset({MAIN}), given_up=frozenset())
    held = frozenset((number.to_bytes(2, "big"),) for number in range(components))
    with pytest.raises(StorageError, match="references"):
        references.change((owner,), held=held, given_up=frozenset())
    assert StoredReferences(storage).owners(MAIN) == {ROOT}


@pytest.mark.parametrize("damage", [b"", b"\x80", b"\xa1\x81\x41a\x01", b"\xa1\x01\x80"])
def test_damaged_references_set_nothing_free(damage: bytes) -> None:
    storage = MemoryStorage()
    storage.write(REFERENCES, 0, damage)
    with pytest.raises(StorageError, match="references"):
        StoredReferences(storage).owners(MAIN)


@pytest.mark.req("T5.6.2-3")
def test_an_error_in_a_dependency_names_the_dependency() -> None:
    with pytest.raises(ConditionFailedError, match="dependency 1: abort at install") as caught:
        run(root(library(install=[check(Command.ABORT)]), content=NEW))
    assert caught.value.place is not None
    assert caught.value.place.manifest == (1,)


@pytest.mark.req("T5.1-1")
def test_a_processor_that_cannot_verify_dependencies_aborts() -> None:
    parts = {name: MemoryComponent() for name in (MAIN, SECOND, LIBRARY)}
    machine = Machine(MemoryComponents(parts), MemoryPlatform([VENDOR], [CLASS]), MemoryFetcher({}))
    for raw in (root(library()), root(library(), dependency_resolution=None)):
        with pytest.raises(AbortError):
            update(authenticate(open_envelope(raw), IC), machine)
        assert {part.content for part in parts.values()} == {None}
