"""The directory store keeps its four promises."""

import os
from pathlib import Path

import pytest

from repository.store import DirectoryStore, write_private
from suit.errors import StorageError


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    for name in ("public", "staging"):
        (tmp_path / name).mkdir()
    return DirectoryStore(tmp_path / "public", tmp_path / "staging")


def test_first_writer_wins(store: DirectoryStore) -> None:
    assert store.put_immutable("content/a/b", [b"one", b" two"])
    assert not store.put_immutable("content/a/b", [b"three"])
    assert store.get("content/a/b") == b"one two"
    chunks = store.read("content/a/b")
    assert chunks is not None
    assert b"".join(chunks) == b"one two"


def test_absence_is_none(store: DirectoryStore) -> None:
    assert store.get("content/none") is None
    assert store.read("content/none") is None
    assert list(store.list("content")) == []


def test_files_are_listed_in_order(store: DirectoryStore) -> None:
    for name in ("content/b", "content/a/2", "content/a/1", "other/x"):
        store.put_immutable(name, [b""])
    assert list(store.list("content")) == ["content/a/1", "content/a/2", "content/b"]


def test_update_sees_the_present_and_may_keep_it(store: DirectoryStore) -> None:
    seen: list[bytes | None] = []

    def decide(current: bytes | None) -> bytes | None:
        seen.append(current)
        return None if current == b"2" else b"%d" % (int(current or b"0") + 1)

    (store._root / "metadata").mkdir()
    for _ in range(4):
        store.update("metadata/timestamp.json", decide)
    assert seen == [None, b"1", b"2", b"2"]
    assert store.get("metadata/timestamp.json") == b"2"


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/", "./a"])
def test_name_cannot_leave_the_root(store: DirectoryStore, name: str) -> None:
    with pytest.raises(StorageError, match="not a name in a store"):
        store.put_immutable(name, [b"x"])


def test_failing_source_leaves_nothing(store: DirectoryStore, tmp_path: Path) -> None:
    def chunks() -> list[bytes]:
        raise StorageError("the source is gone")

    with pytest.raises(StorageError, match="the source is gone"):
        store.put_immutable("content/x", (chunk for chunk in chunks()))
    assert list(tmp_path.rglob("*.part")) == []
    assert store.get("content/x") is None


def test_sweep_takes_orphans_and_spares_the_living(store: DirectoryStore, tmp_path: Path) -> None:
    orphan = tmp_path / "staging" / "0123.part"
    orphan.write_bytes(b"left behind")
    with store._staged([b"in the making"]) as living:
        assert store.sweep() == 1
        assert living.exists()
    assert not orphan.exists()


def test_file_is_readable_by_others_only_in_public(store: DirectoryStore, tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        store.put_immutable("content/x", [b"x"])
        write_private(tmp_path / "key.pem", b"secret", replace=False)
    finally:
        os.umask(umask)
    assert (tmp_path / "public" / "content" / "x").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_private_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, b"one", replace=False)
    write_private(path, b"two", replace=False)
    assert path.read_bytes() == b"one"
    write_private(path, b"three", replace=True)
    assert path.read_bytes() == b"three"
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208 - hidden files too


def test_folder_in_place_of_a_file_is_one_error(store: DirectoryStore, tmp_path: Path) -> None:
    (tmp_path / "public" / "content" / "x").mkdir(parents=True)
    with pytest.raises(StorageError, match="content/x: "):
        store.get("content/x")
