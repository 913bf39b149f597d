"""The contract of the storage port, over every back-end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.powercut import PowerCutStorage
from device.storage import DirectoryStorage, MemoryStorage, NotFoundError, Storage, replace
from suit.errors import StorageError

BACK_ENDS: dict[str, Callable[[Path], Storage]] = {
    "directory": DirectoryStorage,
    "memory": lambda _: MemoryStorage(),
    "powercut": lambda _: PowerCutStorage(),
}


@pytest.fixture(params=BACK_ENDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    with BACK_ENDS[request.param](tmp_path / "store") as opened:
        yield opened


def test_what_is_written_is_read(storage: Storage) -> None:
    storage.write("a/b/c", 0, b"hello")
    assert storage.read("a/b/c") == b"hello"
    assert storage.read("a/b/c", 1, 3) == b"ell"
    assert storage.read("a/b/c", 3) == b"lo"
    assert storage.read("a/b/c", 3, 100) == b"lo"
    assert storage.read("a/b/c", 100) == b""
    assert storage.read("a/b/c", 100, 4) == b""
    assert storage.size("a/b/c") == 5


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer_is_written(storage: Storage, wrap: Callable[[bytes], bytes]) -> None:
    storage.write("x", 0, wrap(b"one"))
    storage.append("x", wrap(b"two"))
    assert storage.read("x") == b"onetwo"


def test_a_gap_reads_as_zeros(storage: Storage) -> None:
    storage.write("x", 4, b"end")
    assert storage.read("x") == b"\0\0\0\0end"


def test_a_write_overwrites_in_place(storage: Storage) -> None:
    storage.write("x", 0, b"0123456789")
    storage.write("x", 3, b"abc")
    storage.write("x", 9, b"zz")
    assert storage.read("x") == b"012abc678zz"


def test_an_empty_write_makes_the_file(storage: Storage) -> None:
    storage.write("x", 0, b"")
    assert storage.size("x") == 0
    assert storage.read("x") == b""


def test_append_begins_and_continues_a_file(storage: Storage) -> None:
    storage.append("log", b"a")
    storage.append("log", b"bc")
    assert storage.read("log") == b"abc"


def test_truncate_cuts_and_extends(storage: Storage) -> None:
    storage.write("x", 0, b"abcdef")
    storage.truncate("x", 2)
    assert storage.read("x") == b"ab"
    storage.truncate("x", 4)
    assert storage.read("x") == b"ab\0\0"


def test_rename_replaces_and_keeps_writing_to_the_right_file(storage: Storage) -> None:
    storage.write("old", 0, b"new content")
    storage.write("name", 0, b"old content")
    storage.rename("old", "name")
    assert storage.read("name") == b"new content"
    assert storage.size("old") is None
    storage.write("old", 0, b"another")
    storage.write("name", 0, b"N")
    assert storage.read("name") == b"New content"
    assert storage.read("old") == b"another"


def test_rename_moves_between_directories(storage: Storage) -> None:
    storage.write("a/x", 0, b"1")
    storage.rename("a/x", "b/c/y")
    assert storage.read("b/c/y") == b"1"
    assert storage.list("a") == []


def test_unlink_removes(storage: Storage) -> None:
    storage.write("a/x", 0, b"1")
    storage.unlink("a/x")
    assert storage.size("a/x") is None
    storage.write("a/x", 0, b"")
    assert storage.read("a/x") == b""


def test_list_names_the_files_of_one_directory(storage: Storage) -> None:
    for name in ("b", "a", "d/x", "d/y", "d/e/z"):
        storage.write(name, 0, b"")
    assert storage.list() == ["a", "b"]
    assert storage.list("d") == ["x", "y"]
    assert storage.list("d/e") == ["z"]
    assert storage.list("nowhere") == []


def test_sync_and_sync_dir_change_nothing_that_is_seen(storage: Storage) -> None:
    storage.write("d/x", 0, b"1")
    storage.sync("d/x")
    storage.sync_dir("d")
    storage.sync_dir()
    assert storage.read("d/x") == b"1"


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.read("none"),
        lambda s: s.truncate("none", 0),
        lambda s: s.rename("none", "other"),
        lambda s: s.unlink("none"),
        lambda s: s.sync("none"),
        lambda s: s.read("no/such/directory"),
    ],
    ids=["read", "truncate", "rename", "unlink", "sync", "read-below"],
)
def test_a_missing_file_is_named(storage: Storage, act: Callable[[Storage], object]) -> None:
    with pytest.raises(NotFoundError, match="no"):
        act(storage)
    assert storage.list() == []
    assert storage.size("none") is None


@pytest.mark.req("H7-7")
@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "..", "../x", "a/../../x", "a/..", ".", "a//b", "a/", "a\0b", "x" * 256, "\ud800"],
)
@pytest.mark.parametrize(
    "act",
    [
        lambda s, n: s.read(n),
        lambda s, n: s.size(n),
        lambda s, n: s.write(n, 0, b"x"),
        lambda s, n: s.append(n, b"x"),
        lambda s, n: s.truncate(n, 0),
        lambda s, n: s.rename(n, "other"),
        lambda s, n: s.rename("present", n),
        lambda s, n: s.unlink(n),
        lambda s, n: s.sync(n),
    ],
    ids=["read", "size", "write", "append", "truncate", "rename", "rename-to", "unlink", "sync"],
)
def test_a_name_outside_is_refused(
    storage: Storage, name: str, act: Callable[[Storage, str], object]
) -> None:
    storage.write("present", 0, b"1")
    with pytest.raises(StorageError, match="not a name inside"):
        act(storage, name)
    assert storage.list() == ["present"]


@pytest.mark.req("H7-7")
@pytest.mark.parametrize("directory", ["..", "/", "/tmp", "a/../.."])  # noqa: S108 - refused
def test_a_directory_outside_is_refused(storage: Storage, directory: str) -> None:
    with pytest.raises(StorageError, match="not a name inside"):
        storage.list(directory)
    with pytest.raises(StorageError, match="not a name inside"):
        storage.sync_dir(directory)


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.read("x", -1),
        lambda s: s.read("x", 0, -1),
        lambda s: s.write("x", -1, b"y"),
        lambda s: s.truncate("x", -1),
    ],
    ids=["read-offset", "read-size", "write", "truncate"],
)
def test_negative_positions_are_refused(storage: Storage, act: Callable[[Storage], object]) -> None:
    storage.write("x", 0, b"1")
    with pytest.raises(StorageError, match="negative"):
        act(storage)
    assert storage.read("x") == b"1"


def test_replace_leaves_old_or_new_and_no_litter(storage: Storage) -> None:
    storage.write("d/x.new", 0, b"left over from a power cut, and longer")
    replace(storage, "d/x", b"first")
    replace(storage, "d/x", b"2nd")
    assert storage.read("d/x") == b"2nd"
    assert storage.list("d") == ["x"]


NAMES = st.sampled_from(["a", "b", "d/a", "d/b"])
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), NAMES, st.integers(0, 9), st.binary(max_size=9)),
        st.tuples(st.just("append"), NAMES, st.binary(max_size=9)),
        st.tuples(st.just("truncate"), NAMES, st.integers(0, 9)),
        st.tuples(st.just("rename"), NAMES, NAMES),
        st.tuples(st.just("unlink"), NAMES),
        st.tuples(st.just("sync"), NAMES),
    ),
    max_size=20,
)


@given(OPERATIONS)
def test_all_back_ends_agree(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[object, ...]]
) -> None:
    with DirectoryStorage(tmp_path_factory.mktemp("store")) as directory:
        storages = [directory, MemoryStorage(), PowerCutStorage()]
        for operation, *arguments in operations:
            outcomes = [outcome(storage, str(operation), arguments) for storage in storages]
            assert outcomes[0] == outcomes[1] == outcomes[2]
        trees = [
            {f"{d}/{n}": s.read(f"{d}/{n}".lstrip("/")) for d in ("", "d") for n in s.list(d)}
            for s in storages
        ]
        assert trees[0] == trees[1] == trees[2]


def outcome(storage: Storage, operation: str, arguments: list[object]) -> str:
    try:
        getattr(storage, operation)(*arguments)
    except StorageError as error:
        return type(error).__name__
    return "ok"
