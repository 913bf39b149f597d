"""Component metadata in the processor: applied with the content, or refused before anything happens."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override as override_method

from device.components import Components, MemoryComponent, MemoryComponents
from device.files import FileRules
from device.processor import Policy, Rights
from device.tests.processor_rig import (
    AUTHOR,
    COPY,
    FETCH,
    MATCH,
    SWAP,
    URI,
    WRITE,
    A,
    B,
    Rig,
    at,
    override,
    sha256,
)
from spec.labels import FileType
from suit.errors import AbortError, ComponentUnauthorisedError, UnsupportedParameterError, UsageError
from suit.manifest import ComponentId, ComponentMetadata, Uuid

BIN: ComponentId = (b"usr", b"bin")
TOOL: ComponentId = (*BIN, b"tool")
LINK: ComponentId = (*BIN, b"link")
EXECUTABLE = ComponentMetadata(default_permissions=5, creator="app")
DIRECTORY = ComponentMetadata(file_type=FileType.DIRECTORY)
SYMLINK = ComponentMetadata(file_type=FileType.SYMLINK)


class FileRig(Rig):
    """A device with files: a directory, a tool and a link in it, and one component that is no file."""

    def __init__(self, policy: Policy | None = None) -> None:
        super().__init__(resources={URI: b"new"})
        self.parts = {
            BIN: MemoryComponent(),
            TOOL: MemoryComponent(b"old"),
            LINK: MemoryComponent(),
            A: MemoryComponent(b"plain"),
        }
        rules = FileRules(
            frozenset({BIN, TOOL, LINK}),
            {"app": 1, Uuid(bytes(16)): 2},
            {"staff": 3},
            {},
            {LINK: frozenset({b"/dev/null"})},
        )
        components: Components = MemoryComponents(self.parts, rules=rules)
        self.machine = replace(self.machine, components=components, policy=policy or Policy())

    def known(self) -> list[ComponentMetadata | None]:
        return [part.metadata for part in self.parts.values()]


def written(metadata: ComponentMetadata, content: bytes) -> list[Any]:
    return [override(component_metadata=metadata, content=content), WRITE]


@pytest.mark.req("U4.6-3")
def test_metadata_is_applied_by_write_fetch_and_copy() -> None:
    for steps in (
        [override(content=b"new"), WRITE],
        [override(uri=URI), FETCH],
        [override(source_component=3), COPY],
    ):
        rig = FileRig()
        rig.install(at(1), override(component_metadata=EXECUTABLE), *steps)
        assert rig.known() == [None, EXECUTABLE, None, None]


def test_a_copy_onto_itself_applies_metadata() -> None:
    rig = FileRig()
    rig.install(at(1), override(component_metadata=EXECUTABLE, source_component=1), COPY)
    assert rig.parts[TOOL] == MemoryComponent(b"old", metadata=EXECUTABLE)


@pytest.mark.req("U4.6-1")
@pytest.mark.parametrize(
    "metadata",
    [
        ComponentMetadata(creator="root"),
        ComponentMetadata(creator=0),
        ComponentMetadata(creator=Uuid(bytes(15) + b"\1")),
        ComponentMetadata(user_permissions={"app": 7, "root": 7}),
        ComponentMetadata(group_permissions={"app": 7}),
        ComponentMetadata(role_permissions={"app": 7}),
    ],
    ids=repr,
)
def test_an_unknown_actor_is_refused_before_anything_is_fetched(metadata: ComponentMetadata) -> None:
    rig = FileRig()
    with pytest.raises(UnsupportedParameterError):
        rig.install(at(1), override(component_metadata=metadata, uri=URI), FETCH)
    assert rig.fetcher.asked == []
    assert rig.trace.written == set()
    assert rig.parts[TOOL] == MemoryComponent(b"old")


@pytest.mark.req("U4.6-1")
def test_a_component_that_is_no_file_takes_no_metadata() -> None:
    rig = FileRig()
    with pytest.raises(UnsupportedParameterError, match="takes no metadata"):
        rig.install(at(3), *written(EXECUTABLE, b"new"))
    plain = Rig(b"old", b"other")
    with pytest.raises(UnsupportedParameterError, match="takes no metadata"):
        plain.install(at(0), *written(EXECUTABLE, b"new"))
    assert plain.contents == [b"old", b"other"]


def test_components_apply_nothing_unless_they_say_so() -> None:
    class Careless(MemoryComponents):
        @override_method
        def require_metadata(self, component: ComponentId, metadata: ComponentMetadata) -> None:
            del component, metadata

    careless = Careless({A: MemoryComponent()})
    with pytest.raises(AbortError, match="cannot be applied"):
        Components.write_file(careless, A, [b"new"], EXECUTABLE)
    with pytest.raises(AbortError, match="cannot be a link"):
        careless.destination(A, b"/etc")


@pytest.mark.req("U8-1")
def test_nothing_but_a_directory_may_have_others_below() -> None:
    for metadata in (EXECUTABLE, SYMLINK, None):
        rig = FileRig()
        steps = [] if metadata is None else [override(component_metadata=metadata)]
        with pytest.raises(AbortError, match="only be a directory"):
            rig.install(at(0), *steps, override(content=b"/usr/bin/tool"), WRITE)
    rig = FileRig()
    rig.install(at(0), *written(DIRECTORY, b""))
    assert rig.known()[0] == DIRECTORY


@pytest.mark.req("U8-2")
def test_a_link_crosses_a_border_of_authority_only_with_both_rights() -> None:
    target = b"tool"
    with pytest.raises(ComponentUnauthorisedError):
        FileRig(rights_of(LINK)).install(at(2), *written(SYMLINK, target))
    rig = FileRig(rights_of(LINK, TOOL))
    rig.install(at(2), *written(SYMLINK, target))
    assert rig.parts[LINK] == MemoryComponent(target, metadata=SYMLINK)
    allowed = FileRig(rights_of(LINK))
    allowed.install(at(2), *written(SYMLINK, b"/dev/null"))
    assert allowed.parts[LINK].content == b"/dev/null"


def rights_of(*prefixes: ComponentId) -> Policy:
    return Policy(rights={AUTHOR.public.name: Rights(prefixes)})


@pytest.mark.req("U8-1", "U8-2")
@pytest.mark.parametrize("target", [b"/etc", b"../../../etc", b"tool/../tool", b"/00", b"/dev/zero", b"/"])
def test_a_link_leads_to_a_file_of_the_device(target: bytes) -> None:
    rig = FileRig()
    with pytest.raises(ComponentUnauthorisedError):
        rig.install(at(2), *written(SYMLINK, target))
    assert rig.known() == [None] * 4


def test_directories_and_links_come_from_no_source() -> None:
    for metadata in (DIRECTORY, SYMLINK):
        for steps in ([override(uri=URI), FETCH], [override(source_component=3), COPY]):
            with pytest.raises(AbortError, match="made by write"):
                FileRig().install(at(2), override(component_metadata=metadata), *steps)
    with pytest.raises(AbortError, match="no content"):
        FileRig().install(at(0), *written(DIRECTORY, b"x"))


def test_a_swap_moves_no_file_with_metadata() -> None:
    rig = FileRig()
    rig.parts[TOOL].metadata = EXECUTABLE
    for index, source in ((1, 3), (3, 1)):
        with pytest.raises(AbortError, match="not swapped"):
            rig.install(at(index), override(source_component=source), SWAP)
    assert rig.parts[TOOL] == MemoryComponent(b"old", metadata=EXECUTABLE)


@pytest.mark.req("U4.6-1")
def test_a_failure_takes_metadata_back() -> None:
    rig = FileRig()
    rig.parts[TOOL].metadata = DIRECTORY
    with pytest.raises(AbortError):
        rig.install(at(1), *written(EXECUTABLE, b"new"), at(3), WRITE)
    assert rig.parts[TOOL] == MemoryComponent(b"old", metadata=DIRECTORY)


def bad_paths() -> Iterator[ComponentId]:
    yield ()
    for name in (b"", b".", b"..", b"a/b", b"/etc", b"a\0", b"\xff", b"\x1b", b"a" * 256):
        yield (name,)
        yield (b"usr", name)
    yield (b"a",) * 17


@pytest.mark.req("U8-1")
@pytest.mark.parametrize("component", list(bad_paths()), ids=repr)
def test_what_is_no_path_is_no_file(component: ComponentId) -> None:
    with pytest.raises(UsageError, match="no path"):
        FileRules(frozenset({component}))


def test_match_compares_the_target_of_a_link() -> None:
    rig = FileRig()
    rig.install(at(2), override(image_digest=sha256(b"tool")), *written(SYMLINK, b"tool"), MATCH)
    assert rig.trace.verified == {LINK}
    assert B not in rig.parts
