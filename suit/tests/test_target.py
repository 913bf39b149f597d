"""suit.target: names and custom fields that repository and device agree on."""

import hashlib

import pytest

from spec.labels import CoseAlgorithm
from suit.errors import MalformedError, NotAuthenticError
from suit.manifest import Digest, Envelope, Manifest
from suit.target import (
    MAX_SEQUENCE_NUMBER,
    TargetInfo,
    bin_prefix,
    content_path,
    target_path,
    vendor_role,
)

VENDOR = bytes.fromhex("fa6b4a53d5ad5fdfbe9de663e4d41ffe")
CLASS = bytes.fromhex("1492af1425695e48bf429b2d51f2ab45")
HEX = "66" * 32


def test_a_target_path_has_three_segments() -> None:
    assert target_path(VENDOR, CLASS, "stable") == f"{VENDOR.hex()}/{CLASS.hex()}/stable.suit"
    assert vendor_role(VENDOR) == f"v-{VENDOR.hex()}"
    assert bin_prefix(VENDOR) == f"v-{VENDOR.hex()}-bin"


@pytest.mark.parametrize(
    "channel", ["", "Stable", "a/b", "..", "-beta", "a.b", "x" * 33, "stable\n", "stäble"]
)
def test_a_channel_cannot_leave_its_segment(channel: str) -> None:
    with pytest.raises(MalformedError, match="channel"):
        target_path(VENDOR, CLASS, channel)


def test_content_is_named_by_its_digest() -> None:
    value = hashlib.sha256(b"firmware").digest()
    path = content_path(Digest(CoseAlgorithm.SHA_256, value))
    assert path == f"content/sha-256/{value.hex()[:2]}/{value.hex()}"
    assert content_path(Digest(CoseAlgorithm.SHAKE128, value)).startswith("content/shake128/")


@pytest.mark.parametrize(
    "info",
    [
        TargetInfo(0, HEX),
        TargetInfo(7, HEX, version="1.2.3"),
        TargetInfo(MAX_SEQUENCE_NUMBER, "0f" * 64, version="", minimum=3),
    ],
)
def test_custom_fields_are_read_back(info: TargetInfo) -> None:
    assert TargetInfo.from_custom(info.to_custom(), where="target") == info


def test_custom_fields_have_the_names_of_the_binding() -> None:
    assert TargetInfo(7, HEX, "1.2", 3).to_custom() == {"seq": 7, "dig": HEX, "ver": "1.2", "min": 3}
    assert TargetInfo(7, HEX).to_custom() == {"seq": 7, "dig": HEX}


@pytest.mark.parametrize(
    "custom",
    [
        None,
        [],
        "seq",
        {},
        {"seq": 1},
        {"dig": HEX},
        {"seq": "1", "dig": HEX},
        {"seq": True, "dig": HEX},
        {"seq": -1, "dig": HEX},
        {"seq": MAX_SEQUENCE_NUMBER + 1, "dig": HEX},
        {"seq": 1.0, "dig": HEX},
        {"seq": 1, "dig": HEX.upper() + "AB"},
        {"seq": 1, "dig": "66" * 31},
        {"seq": 1, "dig": HEX + "\n"},
        {"seq": 1, "dig": 7},
        {"seq": 1, "dig": HEX, "ver": 1},
        {"seq": 1, "dig": HEX, "min": "1"},
        {"seq": 1, "dig": HEX, "min": False},
        {"seq": 1, "dig": HEX, "min": -1},
        {"seq": 1, "dig": HEX, "more": 1},
    ],
    ids=repr,
)
def test_other_custom_fields_are_malformed(custom: object) -> None:
    with pytest.raises(MalformedError, match="target: ") as caught:
        TargetInfo.from_custom(custom, where="target")
    assert "custom.suit" in str(caught.value)


def test_listing_and_manifest_must_agree() -> None:
    digest = Digest(CoseAlgorithm.SHA_256, bytes.fromhex(HEX))
    envelope = Envelope(digest, b"", (), b"")
    manifest = Manifest(7, ((b"\0",),))
    TargetInfo(7, HEX).require_equal(envelope, manifest)
    with pytest.raises(NotAuthenticError, match="digest"):
        TargetInfo(7, "67" * 32).require_equal(envelope, manifest)
    for number in (6, 8):
        with pytest.raises(NotAuthenticError, match="sequence number"):
            TargetInfo(number, HEX).require_equal(envelope, manifest)
