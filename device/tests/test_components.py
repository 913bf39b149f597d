from collections.abc import Iterator

import pytest

from device.components import CHUNK, MemoryComponent, MemoryComponents, show_id
from device.platform import MemoryFetcher, MemoryPlatform
from device.tests.processor_rig import A, B, C
from spec.labels import CoseAlgorithm
from suit import digest
from suit.errors import ComponentError, NetworkError, StorageError


def made() -> MemoryComponents:
    return MemoryComponents({A: MemoryComponent(b"old", capacity=8), B: MemoryComponent(digest=b"made up")})


def test_contents_are_written_and_read() -> None:
    components = made()
    components.write(A, [b"ab", b"", b"cd"])
    assert (components.content(A), components.size(A)) == (b"abcd", 4)
    assert b"".join(components.read(A)) == b"abcd"


def test_reading_is_chunked() -> None:
    components = MemoryComponents({A: MemoryComponent(bytes(CHUNK + 1))})
    assert [len(chunk) for chunk in components.read(A)] == [CHUNK, 1]


def test_an_absent_component_has_neither_size_nor_digest_nor_content() -> None:
    components = made()
    assert components.size(B) is None
    assert components.digest(B, CoseAlgorithm.SHA_256) is None
    with pytest.raises(StorageError):
        components.read(B)


@pytest.mark.req("H7-10")
def test_a_write_past_the_capacity_changes_nothing() -> None:
    components = made()
    with pytest.raises(StorageError, match="full at 8 bytes"):
        components.write(A, [bytes(8), b"!"])
    assert components.content(A) == b"old"


def test_a_write_that_breaks_off_changes_nothing() -> None:
    def breaking() -> Iterator[bytes]:
        yield b"new"
        raise NetworkError("gone")

    components = made()
    with pytest.raises(NetworkError):
        components.write(A, breaking())
    assert components.content(A) == b"old"


def test_the_digest_is_that_of_the_content_until_another_is_made_up() -> None:
    components = made()
    expected = digest.compute(CoseAlgorithm.SHA_256, b"old")
    assert components.digest(A, CoseAlgorithm.SHA_256) == expected
    components.write(B, [b"anything"])
    assert components.digest(B, CoseAlgorithm.SHA_256) == b"made up"
    assert components.digest(B, CoseAlgorithm.SHA_512) == digest.compute(CoseAlgorithm.SHA_512, b"anything")


def test_a_transaction_that_raises_undoes_and_one_that_ends_keeps() -> None:
    components = made()
    with pytest.raises(KeyError), components.transaction():
        _write_swap_and_raise(components)
    assert (components.content(A), components.content(B)) == (b"old", None)
    with components.transaction():
        components.swap(A, B)
    assert (components.content(A), components.content(B)) == (None, b"old")


def _write_swap_and_raise(components: MemoryComponents) -> None:
    components.write(A, [b"new"])
    components.swap(A, B)
    raise KeyError


def test_an_unknown_component_is_named() -> None:
    with pytest.raises(ComponentError, match=r"\[h'02'\]"):
        made().slot(C)
    assert show_id((b"\x00", b"\xab\xcd")) == "[h'00', h'abcd']"


def test_the_memory_platform_remembers() -> None:
    platform = MemoryPlatform(vendors=[b"v"])
    platform.invoke(A, b"-x")
    platform.reboot()
    assert (platform.invoked, platform.reboots) == ([(A, b"-x")], 1)


def test_the_memory_fetcher_says_what_it_does_not_have() -> None:
    with pytest.raises(NetworkError, match="nowhere"):
        list(MemoryFetcher({}).fetch("nowhere", digest=None, size=None))
