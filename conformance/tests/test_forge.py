"""The forger: canonical where it is left alone, broken exactly where it is told, and the same every time."""

from collections.abc import Callable
from types import ModuleType

import cbor2
import pytest

from conformance import generate
from conformance.casebook import limits, rollback
from conformance.casebook.case import AUTHOR, NEW, parts_of, update, write
from conformance.cddl import check_envelope
from conformance.forge import envelope
from conformance.forge_cbor import ARRAY, UINT, Pairs, Raw, Tag, encode, endless, head, stretched
from conformance.forge_cose import Key, mac, mac0, sign, sign1
from spec.labels import CoseAlgorithm
from suit.authenticate import KeyRing, authenticate
from suit.envelope import open_envelope
from suit.keys import CoseKey

KINDS = [
    Key("one", CoseAlgorithm.ESP256, b"k"),
    Key("one", CoseAlgorithm.ES256, b"k"),
    Key("two", CoseAlgorithm.ESP384),
    Key("three", CoseAlgorithm.ESP512, b"k"),
    Key("four", CoseAlgorithm.ED25519, b"k"),
    Key("five", CoseAlgorithm.HMAC_256, b"k"),
]


ITEMS = [
    0, 23, 24, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 64) - 1,
    -1, -24, -25, -256, -257, -(1 << 64),
    b"", b"x" * 23, b"x" * 24, b"x" * 300, "", "a", "größe", True, False, None,
    [], [1, [2, [3]]], {}, {1: 2}, {"b": 1, 10: 2, -1: 3, b"a": 4, 100: 5, "aa": 6},
]  # fmt: skip


@pytest.mark.parametrize("item", ITEMS, ids=repr)
def test_encoder_agrees_with_a_second_one(item: object) -> None:
    raw = encode(item)
    assert cbor2.loads(raw) == item
    assert len(raw) == len(cbor2.dumps(item))


def test_map_keys_are_in_bytewise_order() -> None:
    assert encode({"a": 0, 1000: 0, -1: 0, 5: 0}) == bytes.fromhex("a4 05 00 1903e8 00 20 00 6161 00")


def test_deviations_are_written_as_told() -> None:
    assert encode(Pairs(((2, 0), (1, 0), (1, 0)))) == bytes.fromhex("a3 0200 0100 0100")
    assert encode(stretched(1, 1)) == bytes.fromhex("1801")
    assert encode(stretched(-1, 8)) == bytes.fromhex("3b0000000000000000")
    assert encode(endless([1, 2])) == bytes.fromhex("9f0102ff")
    assert encode(endless({1: 2})) == bytes.fromhex("bf0102ff")
    assert encode(endless(b"ab")) == bytes.fromhex("5f426162ff")
    assert encode(Tag(107, Raw(b"\xa0"))) == bytes.fromhex("d86ba0")
    assert head(ARRAY, 3, width=4) == bytes.fromhex("9a00000003")
    assert head(UINT, 3) == b"\x03"


@pytest.mark.parametrize("encoder", [encode, endless])
def test_what_has_no_encoding_is_an_error(encoder: object) -> None:
    with pytest.raises(TypeError):
        encoder(object())  # type: ignore[operator]


@pytest.mark.parametrize("key", KINDS, ids=lambda key: key.algorithm.name)
def test_every_kind_of_key_is_believed_by_an_independent_verifier(key: Key) -> None:
    raw = envelope(parts_of(NEW, install=write(NEW)), signers=[key])
    ring = KeyRing([CoseKey.from_cose(key.cose_key())])
    assert len(authenticate(open_envelope(raw), ring)) == 1


SIGNING = [key for key in KINDS if key.algorithm is not CoseAlgorithm.HMAC_256]
BLOCKS = [(make, key) for key in SIGNING for make in (sign1, sign)] + [(mac0, KINDS[-1]), (mac, KINDS[-1])]


@pytest.mark.parametrize(("make", "key"), BLOCKS)
def test_every_kind_of_block_is_believed_by_an_independent_verifier(
    make: Callable[[bytes, Key], bytes], key: Key
) -> None:
    raw = envelope(parts_of(NEW), blocks=[lambda payload: make(payload, key)])
    ring = KeyRing([CoseKey.from_cose(key.cose_key())])
    assert len(authenticate(open_envelope(raw), ring)) == 1


def test_forging_is_deterministic() -> None:
    assert update(NEW, install=write(NEW)) == update(NEW, install=write(NEW))
    assert AUTHOR.sign(b"message") == AUTHOR.sign(b"message")


def test_public_key_shows_no_secret() -> None:
    assert AUTHOR.seed not in AUTHOR.cose_key()
    point = AUTHOR.public_point()
    key = cbor2.loads(AUTHOR.cose_key())
    assert point == b"\x04" + key[-2] + key[-3]


SHAPES = [module for module in generate.CASEBOOK if module not in {limits, rollback}]  # nothing new there


@pytest.mark.parametrize("module", SHAPES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_accepted_envelopes_are_what_our_grammar_says(module: ModuleType) -> None:
    for raw in {case.envelope for case in module.cases() if case.accepted}:
        check_envelope(raw, signed=True)
