"""The same for CoSWID: a device that asks too much or too little of one fails at least one case."""

from typing import Any

import pytest

from conformance.tests.test_teeth import Mistake, caught
from suit import cbor, coswid, decode, digest
from suit.errors import MalformedError
from suit.wellformed import require_well_formed

MISTAKES: dict[str, Mistake] = {}


def mistake(make: Mistake) -> Mistake:
    MISTAKES[make.__name__.replace("_", " ")] = make
    return make


def replace_check(patch: pytest.MonkeyPatch, check: Any) -> None:
    patch.setattr(decode, "check_coswid", check)


@mistake
def anything_is_a_coswid(patch: pytest.MonkeyPatch) -> None:
    replace_check(patch, lambda raw, _: raw)


@mistake
def a_coswid_is_decoded_as_strictly_as_a_manifest(patch: pytest.MonkeyPatch) -> None:
    def strict(raw: bytes, where: str) -> bytes:
        cbor.decode(raw, where=where)
        return raw

    replace_check(patch, strict)


@mistake
def a_coswid_needs_what_rfc_9393_asks_for(patch: pytest.MonkeyPatch) -> None:
    def complete(raw: bytes, where: str) -> bytes:
        if coswid.problems(coswid.read_coswid(coswid.check_coswid(raw, where)) or {}):
            raise MalformedError(where, "incomplete")
        return raw

    replace_check(patch, complete)


@mistake
def any_item_is_a_coswid(patch: pytest.MonkeyPatch) -> None:
    def well_formed(raw: bytes, where: str) -> bytes:
        require_well_formed(raw, where=where, limits=coswid.COSWID_LIMITS)
        return raw

    replace_check(patch, well_formed)


@mistake
def a_severed_member_needs_no_digest(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(digest, "matches", lambda *_: True)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_caught(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    MISTAKES[name](monkeypatch)
    assert caught(), f"no case notices that {name}"
