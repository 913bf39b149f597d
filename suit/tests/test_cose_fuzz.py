"""Whatever bytes come in, suit.cose, suit.keys and suit.authenticate answer in our words (H2-4).

``HARDSUIT_FUZZ`` is the number of mutants per seed; a failure prints the mutant.
"""

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from spec.labels import CoseAlgorithm
from suit import cbor, cose, crypto
from suit.authenticate import KeyRing, authenticate
from suit.envelope import rewrap, with_block
from suit.errors import HardsuitError, RejectedError
from suit.keys import CoseKey
from suit.signer import KeyType, LocalSigner, generate

MUTANTS = int(os.environ.get("HARDSUIT_FUZZ", "1500"))
BARE = rewrap(b"\xa1\x01\x01", severed={}, payloads={})
PAYLOAD = BARE.digest_bytes
SIGNERS = {kind: generate(kind, kid=kind.name.encode()) for kind in KeyType}
RING = KeyRing([signer.public for signer in SIGNERS.values()])
HEADER = {1: CoseAlgorithm.ESP256.value, 2: [1, 99], 3: "text/plain", 4: b"P256", 99: [{1: b"x"}, None, True]}


def blocks() -> dict[str, bytes]:
    mac, signers = SIGNERS[KeyType.HMAC], [SIGNERS[kind] for kind in KeyType if kind is not KeyType.HMAC]
    rich = [cbor.encode(HEADER), {5: b"iv", -1: {1: 2, -1: 1}, 33: [b"cert"]}, None, bytes(64)]
    return {
        "sign1": cose.sign1(PAYLOAD, signers[0]),
        "sign1 ed25519": cose.sign1(PAYLOAD, SIGNERS[KeyType.ED25519]),
        "sign": cose.sign(PAYLOAD, signers),
        "mac0": cose.mac0(PAYLOAD, mac),
        "mac": cose.mac(PAYLOAD, mac),
        "rich sign1": cbor.encode(cbor.Tagged(18, rich)),
        "rich sign": cbor.encode(cbor.Tagged(98, [*rich[:3], [[*rich[:2], rich[3]]]])),
    }


BLOCKS = blocks()


def mutants(seed: bytes, count: int, label: str) -> Iterator[bytes]:
    """Bytes near ``seed``: flipped, replaced, cut out, doubled, moved, spliced with others."""
    chance = random.Random(label)  # noqa: S311 - reproducible on purpose
    others = list(BLOCKS.values())
    edits: list[Callable[[bytearray, int], None]] = [
        lambda raw, at: raw.__setitem__(at, raw[at] ^ 1 << chance.randrange(8)),
        lambda raw, at: raw.__setitem__(at, chance.randrange(256)),
        lambda raw, at: raw.__setitem__(
            at, chance.choice(b"\x00\x17\x18\x40\x5b\x5f\x80\x9b\xa0\xbf\xc0\xf6\xff")
        ),
        lambda raw, at: raw.__delitem__(slice(at, at + chance.randrange(1, 9))),
        lambda raw, at: raw.__setitem__(slice(at, at), raw[at : at + chance.randrange(1, 9)]),
        lambda raw, at: raw.__setitem__(slice(at, at), chance.randbytes(chance.randrange(1, 5))),
        lambda raw, at: raw.__setitem__(slice(at, len(raw)), chance.choice(others)[at:]),
    ]
    for _ in range(count):
        raw = bytearray(seed)
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            if raw:
                chance.choice(edits)(raw, chance.randrange(len(raw)))
        yield bytes(raw)


def items(seed: Any, count: int, label: str) -> Iterator[Any]:
    """Well-formed CBOR near ``seed``: one node of the tree replaced by another value."""
    chance = random.Random(label)  # noqa: S311 - reproducible on purpose
    atoms = [
        0,
        -1,
        18,
        1 << 40,
        -(1 << 40),
        b"",
        b"\xa0",
        b"\xa1\x01\x28",
        bytes(70),
        "",
        "x",
        None,
        True,
        False,
    ]
    values = [
        *atoms,
        [],
        {},
        [[]],
        {1: -9},
        {1: -9, 2: [1]},
        {2: []},
        {-1: 7},
        [b"", {}, b""],
        [[b"", {1: -6}, b""]],
    ]

    def changed(item: Any) -> Any:
        if chance.random() < 0.2 or not isinstance(item, list | dict | cbor.Tagged) or not item:
            return chance.choice(values)
        if isinstance(item, cbor.Tagged):
            return cbor.Tagged(chance.choice((item.tag,) * 8 + (16, 17, 18, 96, 97, 98)), changed(item.value))
        if isinstance(item, dict):
            label = chance.choice([*item, 1, 2, 4, 99, "x"])
            return item | {label: changed(item.get(label, 0))}
        at = chance.randrange(len(item))
        return [*item[:at], *([changed(item[at])] * chance.choice((0, 1, 1, 1, 1, 2))), *item[at + 1 :]]

    for _ in range(count):
        yield changed(seed)


def judge(block: bytes) -> bool:
    """Whether a block is accepted; any error but ours escapes."""
    try:
        authenticate(with_block(BARE, block), RING)
    except RejectedError as error:
        assert "\n" not in str(error)  # noqa: PT017 - acceptance is judged by the caller
        assert len(str(error)) < 300  # noqa: PT017 - as above
        return False
    return True


def proofs(block: bytes) -> set[tuple[bytes, bytes]]:
    attestations = cose.parse_block(block, PAYLOAD, where="block").attestations
    return {(one.structure, one.value) for one in attestations}


def check(mutant: bytes) -> None:
    """A mutant may be accepted only for a proof that a seed holds: kid and the like are not signed."""
    if judge(mutant):
        genuine = set().union(*(proofs(block) for name, block in BLOCKS.items() if "rich" not in name))
        assert proofs(mutant) & genuine, mutant.hex()


@pytest.mark.req("H2-4", "H3-5")
@pytest.mark.parametrize("name", BLOCKS)
def test_mutated_bytes_of_a_block_are_refused_in_our_words(name: str) -> None:
    assert judge(BLOCKS[name]) == ("rich" not in name)
    for mutant in mutants(BLOCKS[name], MUTANTS, name):
        check(mutant)


@pytest.mark.req("H2-4")
@pytest.mark.parametrize("name", BLOCKS)
def test_mutated_structures_of_a_block_are_refused_in_our_words(name: str) -> None:
    item = cbor.decode(BLOCKS[name], where="seed", ordered=False)
    for mutant in items(item, MUTANTS, name):
        check(cbor.encode(mutant))


@pytest.mark.req("H2-4")
@pytest.mark.parametrize("name", ["sign1", "sign", "mac0", "mac"])
def test_mutated_headers_are_refused_in_our_words(name: str) -> None:
    """Inside the protected byte string, where a mutation of the whole block seldom stays well-formed."""
    item = cbor.decode(BLOCKS[name], where="seed", ordered=False)
    for header in items(HEADER | {1: 5 if "mac" in name else -9}, MUTANTS, name):
        parts = list(item.value)
        if name == "sign":
            parts[3] = [[cbor.encode(header), {}, bytes(64)], *parts[3]]
        else:
            parts[0] = cbor.encode(header)
        check(cbor.encode(cbor.Tagged(item.tag, parts)))


def key_seeds() -> dict[str, bytes]:
    return {kind.name: signer.to_cose() for kind, signer in SIGNERS.items()}


@pytest.mark.req("H2-4")
@pytest.mark.parametrize("name", key_seeds())
def test_mutated_keys_are_refused_in_our_words(name: str) -> None:
    seed = key_seeds()[name]
    item = cbor.decode(seed, where="seed")
    candidates = [*mutants(seed, MUTANTS, name)]
    candidates += [cbor.encode(mutant) for mutant in items(item, MUTANTS, name)]
    for candidate in candidates:
        try:
            key = CoseKey.from_cose(candidate)
        except HardsuitError as error:
            assert "\n" not in str(error)  # noqa: PT017 - some mutants are keys
        else:
            assert CoseKey.from_cose(key.to_cose()) == key
            for algorithm in key.admitted:
                assert not crypto.verify_signature(key, algorithm, b"", bytes(64))


@pytest.mark.req("H2-4")
@pytest.mark.parametrize("kind", [kind for kind in KeyType if kind is not KeyType.HMAC])
def test_mutated_pem_keys_are_refused_in_our_words(kind: KeyType) -> None:
    signer: LocalSigner = SIGNERS[kind]
    for seed in (signer.to_pem(), signer.public.to_pem()):
        for mutant in mutants(seed, MUTANTS // 5, kind.name):
            try:
                key = CoseKey.from_pem(mutant)
            except HardsuitError as error:
                assert "\n" not in str(error)  # noqa: PT017 - some mutants are keys
            else:
                assert key.admitted
