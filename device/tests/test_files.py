"""Files on a real file system: what they get, how they appear, and what no race and no power cut can do."""

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from device.files import FileRules, tree
from device.files.posix import Attributes, attributes
from device.files.tree import Entry, FileTree
from device.files.vouched import require_vouched, said_by
from spec.labels import Command, FileType, Parameter, Permission
from suit.errors import NotAuthenticError, StorageError, UnsupportedParameterError
from suit.manifest import Command as Step
from suit.manifest import ComponentId, ComponentMetadata, Manifest, Severable

BIN: ComponentId = (b"usr", b"bin")
TOOL: ComponentId = (*BIN, b"tool")
LINK: ComponentId = (b"usr", b"link")
ME, MY_GROUP = os.geteuid(), os.getegid()
RULES = FileRules(frozenset({BIN, TOOL, LINK}), {"app": ME, "me": ME, "other": ME + 1}, {"staff": MY_GROUP})
R, W, X = Permission.LIST_READ.value, Permission.CREATE_WRITE.value, Permission.TRAVERSE_EXEC.value
IN_DIRECTORY = W | Permission.CREATEDIR_APPEND.value | Permission.DELETE.value
DIRECTORY, SYMLINK = FileType.DIRECTORY, FileType.SYMLINK


def entry(path: ComponentId, content: bytes, given: Attributes, **more: Any) -> Entry:
    return Entry(path, given, hashlib.sha256(content).digest(), lambda: [content[:2], content[2:]], **more)


def directory(path: ComponentId = BIN, mode: int = 0o755) -> Entry:
    return entry(path, b"", Attributes(DIRECTORY, mode))


def file(content: bytes = b"tool", mode: int = 0o644, path: ComponentId = TOOL, **more: Any) -> Entry:
    return entry(path, content, Attributes(FileType.REGULAR, mode, **more))


def link(target: bytes = b"bin/tool", **more: Any) -> Entry:
    return entry(LINK, target, Attributes(SYMLINK, 0), **more)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# ---------------------------------------------------------------------------------------- permissions


@pytest.mark.req("U4.6-1")
@pytest.mark.parametrize(
    ("metadata", "mode"),
    [
        (ComponentMetadata(), 0o600),
        (ComponentMetadata(file_type=DIRECTORY), 0o700),
        (ComponentMetadata(default_permissions=R | X), 0o555),
        (ComponentMetadata(default_permissions=0), 0o000),
        (ComponentMetadata(R, user_permissions={"app": R | W | X}), 0o744),
        (ComponentMetadata(0, user_permissions={"app": R | W}, group_permissions={"staff": R}), 0o640),
        (ComponentMetadata(user_permissions={"app": R | Permission.CHANGE_PERM.value}), 0o400),
        (ComponentMetadata(R | Permission.READ_ATTR.value | Permission.SYNC.value), 0o444),
        (ComponentMetadata(R | X | IN_DIRECTORY, file_type=DIRECTORY), 0o777),
        (ComponentMetadata(file_type=SYMLINK), 0o600),
    ],
    ids=repr,
)
def test_permissions_become_mode_bits_and_never_more(metadata: ComponentMetadata, mode: int) -> None:
    found = attributes(metadata, RULES)
    assert found.mode == mode
    assert found.mode & ~0o777 == 0


@pytest.mark.req("U4.6-1")
@pytest.mark.parametrize(
    "metadata",
    [
        ComponentMetadata(role_permissions={"app": R}),
        ComponentMetadata(creation_time=1),
        ComponentMetadata(modification_time=1 << 33),
        ComponentMetadata(user_permissions={"app": R, "other": R}),
        ComponentMetadata(group_permissions={"staff": R, "other": R}),
        ComponentMetadata(creator="app", user_permissions={"other": R}),
        ComponentMetadata(default_permissions=Permission.CHANGE_PERM.value),
        ComponentMetadata(group_permissions={"staff": Permission.WRITE_ATTR.value}),
        ComponentMetadata(user_permissions={"app": Permission.CHANGE_OWNER.value}),
        ComponentMetadata(default_permissions=W, file_type=DIRECTORY),
        ComponentMetadata(default_permissions=Permission.DELETE.value),
        ComponentMetadata(default_permissions=R, file_type=SYMLINK),
        ComponentMetadata(user_permissions={"app": R}, file_type=SYMLINK),
    ],
    ids=repr,
)
def test_what_mode_bits_cannot_express_is_refused(metadata: ComponentMetadata) -> None:
    with pytest.raises(UnsupportedParameterError, match="file system"):
        attributes(metadata, RULES)


def test_owners_come_from_the_configuration() -> None:
    found = attributes(
        ComponentMetadata(creator="me", user_permissions={"app": R}, group_permissions={"staff": R}), RULES
    )
    assert (found.uid, found.gid) == (ME, MY_GROUP)
    assert attributes(ComponentMetadata(modification_time=7), RULES).modified == 7


# ----------------------------------------------------------------------------------------------- trees


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "files"
    for path in [tmp_path, *tmp_path.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)


@pytest.mark.req("U4.6-3")
def test_files_directories_and_links_appear_with_what_was_said_of_them(root: Path) -> None:
    tool = file(mode=0o750, modified=1_750_000_000, uid=ME, gid=MY_GROUP)
    FileTree(root).deploy([link(b"/usr/bin/tool"), tool, directory(mode=0o711)])
    current = root / "current"
    assert (current / "usr" / "bin" / "tool").read_bytes() == b"tool"
    assert mode_of(current / "usr" / "bin" / "tool") == 0o750
    assert (current / "usr" / "bin" / "tool").stat().st_mtime == 1_750_000_000
    assert mode_of(current / "usr" / "bin") == 0o711
    assert mode_of(current / "usr") == 0o755
    assert (current / "usr" / "link").is_symlink()
    assert (current / "usr" / "link").read_bytes() == b"tool"
    assert not (current / "usr" / "link").readlink().is_absolute()


def test_a_link_out_of_the_tree_keeps_its_target(root: Path) -> None:
    FileTree(root).deploy([link(b"/dev/null", outside=True)])
    assert (root / "current" / "usr" / "link").readlink() == Path("/dev/null")


def test_a_new_tree_takes_the_place_of_the_old_one(root: Path) -> None:
    files = FileTree(root)
    files.deploy([file(b"old"), link()])
    old = (root / "current").resolve()
    files.deploy([file(b"new")])
    assert (root / "current" / "usr" / "bin" / "tool").read_bytes() == b"new"
    assert not (root / "current" / "usr" / "link").is_symlink()
    assert not old.exists()
    assert sorted(each.name for each in root.iterdir()) == ["current", "trees"]


def test_a_content_that_changed_since_it_was_measured_is_noticed(root: Path) -> None:
    files = FileTree(root)
    files.deploy([file(b"old")])
    for kind in (FileType.REGULAR, SYMLINK, DIRECTORY):
        changed = Entry(TOOL, Attributes(kind, 0o600), hashlib.sha256(b"measured").digest(), lambda: [b"x"])
        with pytest.raises(StorageError, match="changed after it was measured"):
            files.deploy([changed])
    assert (root / "current" / "usr" / "bin" / "tool").read_bytes() == b"old"


@pytest.mark.req("U8-1")
def test_no_path_leads_through_a_link_or_a_file(root: Path, tmp_path: Path) -> None:
    """The rules let no such tree come up; the tree itself does not rely on them."""
    outside = tmp_path / "outside"
    outside.mkdir()
    files = FileTree(root)
    escape = entry(BIN, bytes(outside), Attributes(SYMLINK, 0), outside=True)
    for entries in ([escape, file()], [file(b"x", path=BIN), file()]):
        with pytest.raises(StorageError):
            files.deploy(entries)
    assert list(outside.iterdir()) == []
    assert not (root / "current").exists()


class Interrupted(BaseException):
    """Stands for a power cut: nothing catches it."""


CALLS = frozenset(
    ["open", "mkdir", "symlink", "rename", "unlink", "write", "fsync", "fchmod", "fchown", "utime", "close"]
)


def meddle(patch: pytest.MonkeyPatch, meddler: Callable[[int, str], None]) -> list[str]:
    """Let ``meddler`` know of each system call of the tree just before it is made."""
    made: list[str] = []

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def before(*arguments: Any, **options: Any) -> Any:
            made.append(name)
            meddler(len(made), name)
            return call(*arguments, **options)

        return before

    class Calls:
        def __getattr__(self, name: str) -> Any:
            found = getattr(os, name)
            return watched(name, found) if name in CALLS else found

    patch.setattr(tree, "os", Calls())
    return made


NEW = (directory(), file(b"new", uid=ME), link())


@pytest.mark.req("U8-1")
def test_whatever_is_swapped_for_a_link_at_any_time_nothing_is_written_outside(
    root: Path, tmp_path: Path
) -> None:
    """The race: a directory becomes a link between any check and its use."""
    outside = tmp_path / "outside"
    total = len(meddle_count(root))
    assert total > 20
    for moment in range(1, total + 1):
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(outside, ignore_errors=True)
        outside.mkdir()
        (outside / "bin").mkdir()
        (outside / "bin" / "tool").write_bytes(b"precious")
        before = snapshot(outside)

        def swap(now: int, _: str, moment: int = moment) -> None:
            if now == moment:
                for victim in sorted(root.glob("trees/*/usr/bin")) + sorted(root.glob("trees/*/usr")):
                    if victim.is_dir() and not victim.is_symlink():
                        victim.rename(victim.with_name(victim.name + ".away"))
                        victim.symlink_to(outside / "bin" if victim.name == "bin" else outside)

        with pytest.MonkeyPatch.context() as patch:
            meddle(patch, swap)
            with suppress(StorageError):
                FileTree(root).deploy(NEW)
        assert snapshot(outside) == before, moment


def meddle_count(root: Path) -> list[str]:
    """Count the calls of one deployment."""
    shutil.rmtree(root, ignore_errors=True)
    with pytest.MonkeyPatch.context() as patch:
        made = meddle(patch, lambda *_: None)
        FileTree(root).deploy(NEW)
    return made


def snapshot(directory_of: Path) -> dict[str, tuple[int, bytes | None]]:
    return {
        str(path.relative_to(directory_of)): (
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(directory_of.rglob("*"))
    }


def test_a_cut_at_any_call_leaves_all_files_of_before_or_all_new_ones(root: Path) -> None:
    total = len(meddle_count(root))
    for moment in range(1, total + 1):
        shutil.rmtree(root, ignore_errors=True)
        FileTree(root).deploy([file(b"old")])

        def cut(now: int, _: str, moment: int = moment) -> None:
            if now == moment:
                raise Interrupted

        with pytest.MonkeyPatch.context() as patch:
            meddle(patch, cut)
            with suppress(Interrupted):
                FileTree(root).deploy(NEW)
        current = root / "current" / "usr"
        content = (current / "bin" / "tool").read_bytes()
        assert content in (b"old", b"new"), moment
        assert (current / "link").is_symlink() == (content == b"new"), moment
        FileTree(root).deploy(NEW)
        assert (current / "link").read_bytes() == b"new", moment
        assert len(list((root / "trees").iterdir())) == 1, moment


@pytest.mark.req("M6.3.1-1")
def test_all_is_synced_before_the_switch(root: Path) -> None:
    calls = meddle_count(root)
    switch = calls.index("rename")
    # The root's two new directories, the tree's own name, usr, bin, the file, the top, and all trees.
    assert calls[:switch].count("fsync") >= 1 + 1 + 3 + 1 + 1
    assert "fsync" in calls[switch:]
    assert not {"write", "fchmod", "mkdir", "symlink"} & set(calls[switch:])


def test_what_failed_attempts_left_is_gone_before_the_next_one_needs_the_room(root: Path) -> None:
    files = FileTree(root)
    files.deploy([file(b"old")])
    held = []

    def full() -> Iterator[bytes]:
        held.append(len(list((root / "trees").iterdir())))
        raise StorageError("no room")

    broken = Entry(TOOL, Attributes(FileType.REGULAR, 0o644), bytes(32), full)
    for _ in range(3):
        with pytest.raises(StorageError):
            files.deploy([broken])
    assert held == [2, 2, 2]
    assert (root / "current/usr/bin/tool").read_bytes() == b"old"


def test_a_failing_medium_leaves_what_was_there(root: Path) -> None:
    FileTree(root).deploy([file(b"old")])
    total = len(meddle_count(root))
    shutil.rmtree(root)
    FileTree(root).deploy([file(b"old")])
    for moment in range(1, total):

        def fail(now: int, name: str, moment: int = moment) -> None:
            if now == moment and name != "close":
                raise OSError(28, "No space left on device")

        with pytest.MonkeyPatch.context() as patch:
            meddle(patch, fail)
            try:
                FileTree(root).deploy(NEW)
            except StorageError:
                assert (root / "current" / "usr" / "bin" / "tool").read_bytes() in (b"old", b"new")


# -------------------------------------------------------------------------------------------- vouching


ONE, TWO = ComponentMetadata(1), ComponentMetadata(2)


def setting(metadata: ComponentMetadata, label: Command = Command.OVERRIDE_PARAMETERS) -> Step:
    return Step(label, {Parameter.COMPONENT_METADATA: metadata})


def index(argument: object) -> Step:
    return Step(Command.SET_COMPONENT_INDEX, argument)


@pytest.mark.req("M4.2-1")
@pytest.mark.parametrize(
    ("steps", "tool", "other"),
    [
        ([setting(ONE)], [ONE], []),
        ([index(1), setting(ONE, Command.SET_PARAMETERS)], [], [ONE]),
        ([index(True), setting(ONE)], [ONE], [ONE]),
        ([index((1,)), setting(ONE), index(0), setting(TWO)], [TWO], [ONE]),
        ([Step(Command.RUN_SEQUENCE, (index(1), setting(ONE))), setting(TWO)], [TWO], [ONE]),
        ([Step(Command.TRY_EACH, ((setting(ONE),), (setting(TWO),), None))], [ONE, TWO], []),
        (
            [Step(Command.OVERRIDE_MULTIPLE, {1: {Parameter.COMPONENT_METADATA: ONE}}), setting(TWO)],
            [],
            [ONE, TWO],
        ),
        (
            [setting(ONE), index(1), Step(Command.COPY_PARAMS, {0: (Parameter.COMPONENT_METADATA,)})],
            [ONE],
            [ONE],
        ),
    ],
)
def test_a_manifest_vouches_for_what_its_commands_give(
    steps: list[Step], tool: list[ComponentMetadata], other: list[ComponentMetadata]
) -> None:
    manifest = Manifest(1, (TOOL, LINK), install=Severable(tuple(steps)))
    assert said_by(manifest) == {TOOL: tool, LINK: other}
    for component, said in ((TOOL, tool), (LINK, other)):
        for metadata in (ONE, TWO):
            if metadata in said:
                require_vouched(manifest, {component: metadata})
            else:
                with pytest.raises(NotAuthenticError, match="does not set"):
                    require_vouched(manifest, {component: metadata})
    with pytest.raises(NotAuthenticError):
        require_vouched(manifest, {BIN: ONE})
