"""The grammar of the base manifest accepts what it should and refuses one fault at a time."""

from typing import Any

import pytest
from cddl_verifier.cbor import CBORTag, encode

from conformance.cddl import check_envelope, check_manifest

UUID = bytes(16)
DIGEST = encode([-16, bytes(32)])
SIGN1 = CBORTag(18, [encode({1: -9}), {}, None, bytes(64)])


def common(**changes: Any) -> dict[Any, Any]:
    """Return a common map of one component, with members replaced."""
    return {2: [[b"\x00"]], 4: encode([20, {1: UUID, 2: UUID, 3: DIGEST}, 1, 15, 2, 15])} | {
        int(key[1:]): value for key, value in changes.items()
    }


def manifest(members: dict[Any, Any] | None = None, **common_members: Any) -> bytes:
    """Return an encoded manifest with members replaced; None leaves one out."""
    whole = {1: 1, 2: 3, 3: encode(common(**common_members), canonical=True)} | (members or {})
    present = {key: value for key, value in whole.items() if value is not None}
    return bytes(encode(present, canonical=True))


def sequence(*commands: Any) -> bytes:
    return manifest({7: encode(list(commands))})


def envelope(body: bytes | None = None, *, blocks: tuple[Any, ...] = (SIGN1,), **more: Any) -> bytes:
    """Return a tagged envelope."""
    wrapper = encode([DIGEST, *[encode(block) for block in blocks]])
    members: dict[Any, Any] = {2: wrapper, 3: body or manifest()}
    return bytes(encode(CBORTag(107, members | more.get("members", {})), canonical=True))


GOOD = {
    "plain": manifest(),
    "every member": manifest({4: "https://example.com/m.suit", 7: encode([3, 15]), 8: encode([22, 2]),
                              9: encode([23, 2]), 16: encode([21, 2]), 20: [-16, bytes(32)]}),
    "index true": sequence(12, True, 3, 15),
    "index list": sequence(12, [0, 1], 3, 15),
    "try each with nil": sequence(15, [encode([14, 15]), None]),
    "try each of two": sequence(15, [encode([14, 15]), encode([3, 0])]),
    "run sequence": sequence(32, encode([20, {13: True}, 3, 2])),
    "vendor by enterprise number": sequence(20, {1: CBORTag(112, b"\x01")}),
    "private command and parameter": sequence(-257, None, 20, {-300: "x"}),
    "every base parameter": sequence(20, {1: UUID, 2: UUID, 3: DIGEST, 5: 0, 12: False, 13: True, 14: 9,
                                          18: b"c", 21: "#a", 22: 1, 23: b"", 24: UUID, 25: b"f"}),
    "text": manifest({23: encode({"en": {1: "what", (b"\x00",): {6: "1.0"}}}, canonical=True)}),
    "version": manifest({6: encode([1, 2, -1, 3])}),
    "every parameter of update management": sequence(
        20, {4: 1 << 33, 26: 5, 27: -1, 28: encode([2, [1, 2, -3]])}, 4, 15, 25, 15, 26, 15, 27, 15, 28, 15),
    "component metadata": sequence(20, {30: encode(
        {1: 5, 2: {"app": 7, 1000: 1}, 3: {CBORTag(37, UUID): 4}, 4: {b"r": 0}, 5: 3,
         6: CBORTag(1, 7), 7: CBORTag(1, 0), 8: CBORTag(37, UUID)}, canonical=True)}),
    "empty metadata": sequence(20, {30: encode({})}),
    "every wait event": sequence(
        20, {29: encode({1: -1, 2: 3, 3: -4, 4: [b"d", [[2, [1]], [5, [2]]]], 5: 1 << 40, 6: 86399, 7: 6,
                         8: 0, 9: 0})}, 29, 2),
    "override multiple and copy": sequence(34, {0: {14: 9}, 1: {18: b"c", 21: "#a"}}, 35, {1: [18, 21]}),
    "SHA-512 severed": manifest({20: [-44, bytes(64)]}),
    "CoSWID inside": manifest({14: encode({0: "id"})}),
    "CoSWID severed": manifest({14: [-16, bytes(32)]}),
}  # fmt: skip

BAD = {
    "version 2": manifest({1: 2}),
    "no version": manifest({1: None}),
    "no sequence number": manifest({2: None}),
    "negative sequence number": manifest({2: -1}),
    "no common": manifest({3: None}),
    "tagged reference": manifest({4: CBORTag(32, "https://example.com")}),
    "unknown member": manifest({10: b""}),
    "label 0": manifest({0: b""}),
    "version with an operator": manifest({6: encode([2, [1, 0]])}),
    "version that begins with a marker": manifest({6: encode([-1, 0])}),
    "version of four numbers": sequence(20, {28: encode([1, [1, 2, 3, 4]])}),
    "unknown version comparison": sequence(20, {28: encode([6, [1]])}),
    "metadata unwrapped": sequence(20, {30: {1: 5}}),
    "unknown metadata": sequence(20, {30: encode({9: 1})}),
    "permission of bit 14": sequence(20, {30: encode({1: 1 << 14})}),
    "permissions of nobody": sequence(20, {30: encode({2: {}})}),
    "file type 4": sequence(20, {30: encode({5: 4})}),
    "time without its tag": sequence(20, {30: encode({6: 1})}),
    "creator with another tag": sequence(20, {30: encode({8: CBORTag(1, 1)})}),
    "creator without a name": sequence(20, {30: encode({8: ""})}),
    "priority as text": sequence(20, {27: "high"}),
    "override multiple of nothing": sequence(34, {}),
    "override multiple without parameters": sequence(34, {0: {}}),
    "fault inside override multiple": sequence(34, {0: {14: "9"}}),
    "copy of nothing": sequence(35, {0: []}),
    "copy of a flag": sequence(35, {0: [12]}),
    "wait for nothing": sequence(20, {29: encode({})}),
    "wait for an unknown event": sequence(20, {29: encode({10: 1})}),
    "wait-info unwrapped": sequence(20, {29: {5: 1}}),
    "wait for a time of day that there is not": sequence(20, {29: encode({8: 86400})}),
    "wait for a day that there is not": sequence(20, {29: encode({7: 7})}),
    "wait for another device without a version": sequence(20, {29: encode({4: [b"d", []]})}),
    "wait with an argument": sequence(29, None),
    "wait in the shared sequence": manifest(_4=encode([29, 2])),
    "uninstall severed": manifest({24: [-16, bytes(32)]}),
    "manifest component id of text": manifest({5: ["root"]}),
    "validate severed": manifest({7: [-16, bytes(32)]}),
    "short digest": manifest({20: [-16, bytes(31)]}),
    "unknown digest algorithm": manifest({20: [-17, bytes(32)]}),
    "sequence not wrapped": manifest({7: [3, 15]}),
    "empty sequence": sequence(),
    "odd sequence": sequence(3),
    "half a pair at the end": sequence(3, 15, 21),
    "text command": sequence("3", 15),
    "unknown command": sequence(99, 0),
    "command of an extension": sequence(36, 0),
    "unlink without policy": sequence(33, None),
    "set-parameters without parameters": sequence(19, {}),
    "reserved negative command": sequence(-256, None),
    "policy over 15": sequence(3, 16),
    "negative policy": sequence(3, -1),
    "index false": sequence(12, False),
    "index empty list": sequence(12, []),
    "negative index": sequence(12, -1),
    "try each of one": sequence(15, [encode([3, 15])]),
    "try each of nothing": sequence(15, [None]),
    "nil before the end": sequence(15, [None, encode([3, 15]), encode([3, 15])]),
    "fault inside a branch": sequence(15, [encode([3]), encode([3, 15])]),
    "run sequence unwrapped": sequence(32, [3, 15]),
    "no parameters": sequence(20, {}),
    "unknown parameter": sequence(20, {99: 1}),
    "reserved negative parameter": sequence(20, {-256: 1}),
    "short class id": sequence(20, {2: bytes(15)}),
    "digest not wrapped": sequence(20, {3: [-16, bytes(32)]}),
    "size as text": sequence(20, {14: "9"}),
    "soft failure as number": sequence(20, {13: 1}),
    "no components": manifest(_2=[]),
    "component of text": manifest(_2=[["a"]]),
    "fetch in the shared sequence": manifest(_4=encode([21, 2])),
    "private command in the shared sequence": manifest(_4=encode([-300, None])),
    "private parameter in the shared sequence": manifest(_4=encode([20, {-300: 1}])),
    "write in a shared branch": manifest(_4=encode([15, [encode([18, 0]), encode([14, 15])]])),
    "no dependencies": manifest(_1={}),
    "dependency below zero": manifest(_1={-1: {}}),
    "dependency with a prefix of text": manifest(_1={0: {1: "app"}}),
    "process-dependency in the shared sequence": manifest(_4=encode([11, 0])),
    "language tag": manifest({23: encode({"en_US!": {1: "x"}})}),
    "text that is no text": manifest({23: encode({"en": {1: 1}})}),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good_manifest_follows_the_grammar(name: str) -> None:
    check_manifest(GOOD[name])
    check_envelope(envelope(GOOD[name]), signed=True)


@pytest.mark.parametrize("name", BAD)
def test_manifest_with_one_fault_is_noticed(name: str) -> None:
    with pytest.raises(AssertionError):
        check_envelope(envelope(BAD[name]))


BLOCKS = {
    "sign": CBORTag(98, [b"", {}, None, [[encode({1: -9}), {4: b"k"}, bytes(64)]]]),
    "mac0": CBORTag(17, [encode({1: 5}), {}, None, bytes(32)]),
    "mac": CBORTag(97, [encode({1: 5}), {}, None, bytes(32), [[b"", {1: -6, 4: b"k"}, b""]]]),
}
BAD_BLOCKS = {
    "untagged": [encode({1: -9}), {}, None, bytes(64)],
    "encrypted": CBORTag(16, [encode({1: 1}), {}, None]),
    "payload attached": CBORTag(18, [encode({1: -9}), {}, DIGEST, bytes(64)]),
    "algorithm unprotected": CBORTag(18, [b"", {1: -9}, None, bytes(64)]),
    "no signer": CBORTag(98, [b"", {}, None, []]),
    "kid that is text": CBORTag(18, [encode({1: -9}), {4: "kid"}, None, bytes(64)]),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_every_kind_of_block_follows_the_grammar(name: str) -> None:
    check_envelope(envelope(blocks=(SIGN1, BLOCKS[name])), signed=True)


@pytest.mark.parametrize("name", BAD_BLOCKS)
def test_block_with_one_fault_is_noticed(name: str) -> None:
    with pytest.raises(AssertionError):
        check_envelope(envelope(blocks=(BAD_BLOCKS[name],)))


def test_payload_under_a_text_key_is_integrated() -> None:
    check_envelope(envelope(members={"#a.bin": b"payload", 20: encode([3, 15])}))


@pytest.mark.parametrize(
    "member", [{"#a.bin": "text"}, {99: b""}, {1: b""}, {20: encode([3])}, {7: encode([3, 15])}]
)
def test_foreign_envelope_member_is_noticed(member: dict[Any, Any]) -> None:
    with pytest.raises(AssertionError):
        check_envelope(envelope(members=member))


REVERSED = {
    "manifest": b"\xa3" + encode(3) + encode(encode(common(), canonical=True)) + b"\x02\x03\x01\x01",
    "common": manifest({3: b"\xa2" + encode(4) + encode(encode([3, 15])) + encode(2) + encode([[b"a"]])}),
    "parameters": manifest({7: b"\x82\x14\xa2\x0e\x01\x05\x00"}),
    "parameters in a branch": sequence(15, [b"\x82\x14\xa2\x0e\x01\x05\x00", None]),
    "endless sequence": manifest({7: b"\x9f\x03\x0f\xff"}),
}  # fmt: skip


@pytest.mark.parametrize("name", REVERSED)
def test_encoding_that_is_not_deterministic_is_noticed_in_every_layer(name: str) -> None:
    with pytest.raises(AssertionError, match="deterministic"):
        check_envelope(envelope(REVERSED[name]))


def test_tag_may_be_missing_only_inside_another_envelope() -> None:
    untagged = envelope()[2:]
    check_envelope(untagged, embedded=True)
    with pytest.raises(AssertionError):
        check_envelope(untagged)


def test_trailing_bytes_are_noticed() -> None:
    with pytest.raises(AssertionError):
        check_envelope(envelope() + b"\x00")
