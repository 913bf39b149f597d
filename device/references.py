"""Reference counts (T5.3, T5.6.5): which root manifests still need a component.

A count is the size of a set of owners, each the component identifier of a root manifest, so one manifest
can neither be counted twice nor lower the count twice.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from device.storage import NotFoundError, Storage, replace
from suit import cbor
from suit.errors import HardsuitError, StorageError
from suit.manifest import ComponentId

REFERENCES: Final = "boot/references"
_MAX_SIZE: Final = 1 << 20
_LIMITS: Final = cbor.Limits(size=_MAX_SIZE, depth=4)


class References(ABC):
    """The owners of every component."""

    @abstractmethod
    def owners(self, component: ComponentId) -> frozenset[ComponentId]:
        """Return the roots that hold a reference to the component."""

    @abstractmethod
    def change(
        self, owner: ComponentId, *, held: frozenset[ComponentId], given_up: frozenset[ComponentId]
    ) -> None:
        """Add and remove an owner's references, all or none of them, durably."""


class MemoryReferences(References):
    """References in memory, for tests, the conformance client and dry runs."""

    def __init__(self, owners: Mapping[ComponentId, frozenset[ComponentId]] | None = None) -> None:
        self._owners = dict(owners or {})

    @override
    def owners(self, component: ComponentId) -> frozenset[ComponentId]:
        return self._owners.get(component, frozenset())

    @override
    def change(
        self, owner: ComponentId, *, held: frozenset[ComponentId], given_up: frozenset[ComponentId]
    ) -> None:
        self._owners = _changed(self._owners, owner, held, given_up)


class StoredReferences(References):
    """References in one file of the storage port, replaced as a whole."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @override
    def owners(self, component: ComponentId) -> frozenset[ComponentId]:
        return self._load().get(component, frozenset())

    @override
    def change(
        self, owner: ComponentId, *, held: frozenset[ComponentId], given_up: frozenset[ComponentId]
    ) -> None:
        before = self._load()
        after = _changed(before, owner, held, given_up)
        if after != before:
            table: dict[cbor.Item, cbor.Item] = {
                component: [list(each) for each in sorted(owners)] for component, owners in after.items()
            }
            raw = cbor.encode(table)
            _decoded(raw)  # a table that nobody can read again would stop every later update
            replace(self._storage, REFERENCES, raw)

    def _load(self) -> dict[ComponentId, frozenset[ComponentId]]:
        try:
            raw = self._storage.read(REFERENCES, 0, _MAX_SIZE)
        except NotFoundError:
            return {}
        return _decoded(raw)


def _decoded(raw: bytes) -> dict[ComponentId, frozenset[ComponentId]]:
    try:
        table = cbor.decode(raw, where="references", limits=_LIMITS)
        if not isinstance(table, dict):
            raise StorageError("references: not a table")
        return {
            _identifier(component): frozenset([_identifier(owner) for owner in _list(owners)])
            for component, owners in table.items()
        }
    except HardsuitError as error:
        # A damaged table must not set components free that somebody still needs.
        raise StorageError(f"references: damaged, or too large ({error})") from error


def _list(item: cbor.Item) -> list[cbor.Item]:
    if not isinstance(item, list):
        raise StorageError("references: no list of owners")
    return item


def _identifier(item: cbor.Item) -> ComponentId:
    if not isinstance(item, list | tuple) or not all(isinstance(part, bytes) for part in item):
        raise StorageError("references: no component identifier")
    return tuple(item)


def _changed(
    owners: Mapping[ComponentId, frozenset[ComponentId]],
    owner: ComponentId,
    held: frozenset[ComponentId],
    given_up: frozenset[ComponentId],
) -> dict[ComponentId, frozenset[ComponentId]]:
    changed = dict(owners)
    for component in given_up:
        changed[component] = changed.get(component, frozenset()) - {owner}
    for component in held:
        changed[component] = changed.get(component, frozenset()) | {owner}
    return {component: rest for component, rest in changed.items() if rest}
