"""Storage in memory."""

from typing_extensions import override

from device.storage.port import (
    Data,
    Names,
    NotFoundError,
    Storage,
    parent,
    require_range,
    split_directory,
    split_name,
)


class MemoryStorage(Storage):
    """Storage in a dict: for tests and for devices that forget."""

    def __init__(self) -> None:
        self._files: dict[str, bytearray] = {}

    @override
    def read(self, name: str, offset: int = 0, size: int | None = None) -> bytes:
        content = self._content(name)
        require_range(name, offset, size or 0)
        return bytes(content[offset : None if size is None else offset + size])

    @override
    def size(self, name: str) -> int | None:
        split_name(name)
        content = self._files.get(name)
        return None if content is None else len(content)

    @override
    def write(self, name: str, offset: int, data: Data) -> None:
        split_name(name)
        require_range(name, offset)
        splice(self._files.setdefault(name, bytearray()), offset, data)

    @override
    def append(self, name: str, data: Data) -> None:
        split_name(name)
        self._files.setdefault(name, bytearray()).extend(data)

    @override
    def truncate(self, name: str, size: int) -> None:
        require_range(name, size)
        resize(self._content(name), size)

    @override
    def rename(self, old: str, new: str) -> None:
        split_name(new)
        self._content(old)
        self._files[new] = self._files.pop(old)

    @override
    def unlink(self, name: str) -> None:
        self._content(name)
        del self._files[name]

    @override
    def list(self, directory: str = "") -> Names:
        split_directory(directory)
        return sorted(name.rpartition("/")[2] for name in self._files if parent(name) == directory)

    @override
    def sync(self, name: str) -> None:
        self._content(name)

    @override
    def sync_dir(self, directory: str = "") -> None:
        split_directory(directory)

    @override
    def close(self) -> None:
        """Keep all: the same object can be opened again by a device that restarts."""

    def _content(self, name: str) -> bytearray:
        split_name(name)
        try:
            return self._files[name]
        except KeyError:
            raise NotFoundError(f"{name!r}: no such file") from None


def splice(content: bytearray, offset: int, data: Data) -> None:
    """Write ``data`` into ``content`` at ``offset`` as a file does."""
    if data and offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def resize(content: bytearray, size: int) -> None:
    """Cut ``content`` or extend it with zeros."""
    del content[size:]
    content.extend(bytes(size - len(content)))
