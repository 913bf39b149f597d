"""Command sequences: bytes to model (M8.4.8 to 8.4.10).

Labels without a row in :mod:`suit.commands` are refused with a typed error (M6.1).
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from spec.labels import HASHES, CborTag, Parameter
from suit import cbor, digest
from suit.commands import ARGUMENTS, SHARED_SEQUENCE_COMMANDS, VALUES, Argument, Value
from suit.encryption import EncryptionInfo
from suit.errors import (
    LimitError,
    MalformedError,
    UnsupportedAlgorithmError,
    UnsupportedCommandError,
    UnsupportedParameterError,
)
from suit.manifest import Command as Step
from suit.manifest import Digest, Parameters, ParameterValue, Pen, Sequence
from suit.metadata import decode_component_metadata
from suit.narrow import as_bool, as_bytes, as_int, as_map, as_text, as_uint, draft_name
from suit.version import decode_version_match
from suit.wait import decode_wait_info

SEQUENCE_LIMITS: Final = cbor.Limits(size=1 << 16, items=8192)
MAX_NESTING: Final = 8
MAX_BRANCHES: Final = 16

_HASHES: Final = {algorithm.value: (algorithm, digest.size(algorithm)) for algorithm in HASHES}
_COMMON_SIZE, _COMMON_HEAD = 36, 4  # bytes of an encoded digest by SHA-256 or SHAKE128, and of its head
_COMMON_HEADS: Final = {
    cbor.encode([algorithm.value, bytes(size)])[:_COMMON_HEAD]: algorithm
    for algorithm, size in _HASHES.values()
    if len(cbor.encode([algorithm.value, bytes(size)])) == _COMMON_SIZE
}
_UUID_SIZE = 16
_TINY = 4  # bytes
_new: Final = tuple.__new__  # makes a NamedTuple without running Python, where it is made for every command
_POLICY_BITS = 15


def decode_sequence(
    raw: bytes, *, where: str, budget: cbor.Budget | None = None, shared: bool = False
) -> Sequence:
    """Decode a SUIT_Command_Sequence from the content of its byte string.

    Args:
        raw: The encoded array.
        where: The name of the sequence in error messages.
        budget: Items left for the manifest that it is part of.
        shared: Whether it is the shared sequence, which knows fewer commands (M8.4.5).

    Raises:
        MalformedError: The encoding or the structure is wrong.
        UnsupportedCommandError, UnsupportedParameterError: A label that hardsuit does not implement.
    """
    if len(raw) <= _TINY and not shared:
        return _tiny_sequence(raw, where)
    return _Reader(where, budget or SEQUENCE_LIMITS.budget(len(raw)), shared).sequence(raw, 0, MAX_NESTING)


@functools.lru_cache(maxsize=64)
def _tiny_sequence(raw: bytes, where: str) -> Sequence:
    """Decode a sequence of one command and its policy: most validate and invoke sequences are the same."""
    return _Reader(where, SEQUENCE_LIMITS.budget(len(raw)), shared=False).sequence(raw, 0, MAX_NESTING)


def decode_digest(item: cbor.Item, where: str) -> Digest:
    """Decode a SUIT_Digest array (M8.3).

    Raises:
        MalformedError: Not a digest of the right length.
        UnsupportedAlgorithmError: A hash algorithm that hardsuit does not know (M10).
    """
    if type(item) is not list or len(item) != 2:  # noqa: PLR2004 - the two parts named in the error
        raise MalformedError(where, "expected [algorithm, bytes]")
    number, value = item
    if type(number) is not int or type(value) is not bytes:
        raise MalformedError(where, "expected [algorithm, bytes]")
    if number not in _HASHES:
        raise UnsupportedAlgorithmError(f"{where}: digest algorithm {number}")
    algorithm, size = _HASHES[number]
    if len(value) != size:
        raise MalformedError(where, f"a {draft_name(algorithm)} digest of {len(value)} bytes")
    return Digest(algorithm, value)


def decode_encoded_digest(raw: bytes, where: str) -> Digest:
    """Decode a SUIT_Digest from its encoding.

    Deterministic CBOR leaves each digest one encoding, so a known head is all there is to look at.

    Raises:
        MalformedError, UnsupportedAlgorithmError: As :func:`decode_digest`.
    """
    if len(raw) == _COMMON_SIZE:
        algorithm = _COMMON_HEADS.get(raw[:_COMMON_HEAD])
        if algorithm is not None:
            return _new(Digest, (algorithm, raw[_COMMON_HEAD:]))
    return decode_digest(cbor.decode(raw, where=where), where)


def decode_parameters(item: cbor.Item, where: str) -> Parameters:
    """Decode a parameter map (M8.4.8), which may be empty; SUIT reports have the same.

    Raises:
        MalformedError: Not a map, or a value of another type than its parameter has.
        UnsupportedParameterError: A parameter that hardsuit does not implement.
    """
    parameters: Parameters = {}
    for number, value in as_map(item, where).items():
        row = _PARAMETERS.get(number) if type(number) is int else None
        if row is None:
            raise UnsupportedParameterError(f"{where}: parameter {cbor.shown(number)} is not implemented")
        label, read = row
        parameters[label] = read(value, where)
    return parameters


class _Reader:
    """Reads one top-level sequence and those nested in it."""

    __slots__ = ("budget", "shared", "where")

    def __init__(self, where: str, budget: cbor.Budget, shared: bool) -> None:  # noqa: FBT001 - made here
        self.where = where
        self.budget = budget
        self.shared = shared

    def sequence(self, raw: bytes, base: int, depth: int) -> Sequence:
        if depth == 0:
            raise LimitError(self.where, f"sequences are nested deeper than {MAX_NESTING} levels")
        pairs = cbor.decode_pairs(raw, where=self.where, budget=self.budget)
        if not pairs:
            raise MalformedError(self.where, "an empty sequence")
        known = _SHARED_COMMANDS if self.shared else _COMMANDS
        steps = []
        for offset, number, start, argument in pairs:
            row = known.get(number) if type(number) is int else None
            if row is None:
                self._refuse(number)
            label, read = row
            if read is not None:
                argument = read(self, argument, base + start, depth - 1)  # noqa: PLW2901 - read now
            elif type(argument) is not int or not 0 <= argument <= _POLICY_BITS:
                raise MalformedError(self.where, "a reporting policy is a number of four bits")
            steps.append(_new(Step, (label, argument, base + offset)))
        return tuple(steps)

    def index(self, item: cbor.Item, start: int, depth: int) -> int | bool | tuple[int, ...]:
        del start, depth
        if item is True:
            return True
        if type(item) is int and item >= 0:
            return item
        if isinstance(item, list) and item and all(type(part) is int and part >= 0 for part in item):
            return tuple(item)
        raise MalformedError(self.where, "set-component-index takes an index, true or a list of indices")

    def parameters(self, item: cbor.Item, start: int, depth: int) -> Parameters:
        del start, depth
        parameters = decode_parameters(item, self.where)
        if not parameters:
            raise MalformedError(self.where, "an empty parameter map")
        return parameters

    def parameters_by_index(self, item: cbor.Item, start: int, depth: int) -> dict[int, Parameters]:
        rows = self.by_index(item)
        return {index: self.parameters(row, start, depth) for index, row in rows.items()}

    def labels_by_index(self, item: cbor.Item, start: int, depth: int) -> dict[int, tuple[Parameter, ...]]:
        del start, depth
        return {index: self.labels(row) for index, row in self.by_index(item).items()}

    def by_index(self, item: cbor.Item) -> dict[int, cbor.Item]:
        rows = as_map(item, self.where)
        if not rows:
            raise MalformedError(self.where, "an empty map of components")
        return {as_uint(index, self.where): row for index, row in rows.items()}

    def labels(self, item: cbor.Item) -> tuple[Parameter, ...]:
        if not isinstance(item, list) or not item or any(type(number) is not int for number in item):
            raise MalformedError(self.where, "copy-params takes a list of parameters for each component")
        for number in item:
            if number not in _PARAMETERS:
                raise UnsupportedParameterError(f"{self.where}: parameter {number} is not implemented")
        return tuple([_PARAMETERS[number][0] for number in item])

    def nested(self, item: cbor.Item, start: int, depth: int) -> Sequence:
        raw = as_bytes(item, self.where)
        return self.sequence(raw, start + cbor.head_size(len(raw)), depth)

    def branches(self, item: cbor.Item, start: int, depth: int) -> tuple[Sequence | None, ...]:
        if not isinstance(item, list):
            raise MalformedError(self.where, "try-each takes an array of sequences")
        if len(item) > MAX_BRANCHES:
            raise LimitError(self.where, f"try-each with more than {MAX_BRANCHES} branches")
        start += cbor.head_size(len(item))
        branches: list[Sequence | None] = []
        for branch in item:
            if branch is None:
                branches.append(None)
            else:
                branches.append(self.nested(branch, start, depth))
                start += cbor.head_size(len(branch)) + len(branch)
        # ADR 0005 (7.19): one sequence is enough if nil follows it; nil stands only at the end.
        if len(branches) < 2 or None in branches[:-1]:  # noqa: PLR2004 - two alternatives make a choice
            raise MalformedError(self.where, "try-each takes at least two alternatives, nil only as the last")
        return tuple(branches)

    def _refuse(self, number: cbor.Item) -> NoReturn:
        if type(number) is not int:
            raise MalformedError(self.where, "a command is an integer")
        if number in _COMMANDS:
            name = draft_name(_COMMANDS[number][0])
            raise MalformedError(self.where, f"{name} is not allowed in the shared sequence")
        raise UnsupportedCommandError(f"{self.where}: command {number} is not implemented")


def _vendor(item: cbor.Item, where: str) -> bytes | Pen:
    if isinstance(item, cbor.Tagged) and item.tag == CborTag.PEN.value:
        return Pen(as_bytes(item.value, where))
    return _uuid(item, where)


def _uuid(item: cbor.Item, where: str) -> bytes:
    if not isinstance(item, bytes) or len(item) != _UUID_SIZE:
        raise MalformedError(where, "an identifier is a UUID of 16 bytes")
    return item


def _wrapped_digest(item: cbor.Item, where: str) -> Digest:
    return decode_encoded_digest(as_bytes(item, where), where)


def _encryption_info(item: cbor.Item, where: str) -> EncryptionInfo:
    # The door for COSE is opened by manifests that go through it, and not before (1 ms).
    from suit.cose_encrypt import parse_encryption_info  # noqa: PLC0415

    return parse_encryption_info(as_bytes(item, where), where=f"{where}: encryption-info")


_ArgumentReader = Callable[[_Reader, cbor.Item, int, int], Any]
_ARGUMENT_READERS: Final[Mapping[Argument, _ArgumentReader | None]] = {
    Argument.POLICY: None,  # checked in place: most commands have nothing else
    Argument.INDEX: _Reader.index,
    Argument.BRANCHES: _Reader.branches,
    Argument.SEQUENCE: _Reader.nested,
    Argument.PARAMETERS: _Reader.parameters,
    Argument.PARAMETERS_BY_INDEX: _Reader.parameters_by_index,
    Argument.LABELS_BY_INDEX: _Reader.labels_by_index,
}
_VALUE_READERS: Final[Mapping[Value, Callable[[cbor.Item, str], ParameterValue]]] = {
    Value.UUID: _uuid,
    Value.VENDOR: _vendor,
    Value.DIGEST: _wrapped_digest,
    Value.UINT: as_uint,
    Value.TEXT: as_text,
    Value.BYTES: as_bytes,
    Value.BOOL: as_bool,
    Value.INT: as_int,
    Value.VERSION_MATCH: decode_version_match,
    Value.METADATA: decode_component_metadata,
    Value.WAIT_INFO: decode_wait_info,
    Value.ENCRYPTION_INFO: _encryption_info,
}
# Keyed by number, because a lookup by enum member costs more than the rest of a step.
_COMMANDS: Final = {label.value: (label, _ARGUMENT_READERS[shape]) for label, shape in ARGUMENTS.items()}
_SHARED_COMMANDS: Final = {
    number: row for number, row in _COMMANDS.items() if row[0] in SHARED_SEQUENCE_COMMANDS
}
_PARAMETERS: Final = {label.value: (label, _VALUE_READERS[value]) for label, value in VALUES.items()}
