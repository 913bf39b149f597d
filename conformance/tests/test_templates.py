"""The templates of ``hardsuit suit new`` on a device: each does what it says, and on no other device."""

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.client import answer
from suit import describe, recipient_keys
from suit.attest import attest
from suit.encode import encode_envelope
from suit.encrypt import encrypt
from suit.manifest import Envelope
from suit.patterns import template, titles
from suit.signer import KeyType, generate

_NAMES = ("firmware.bin", "firmware-a.bin", "firmware-b.bin", "firmware-old.bin", "firmware.delta")
FILES = {name: name.encode() * 50 for name in (*_NAMES, "configuration.bin", "library.bin")}
VENDOR = uuid.uuid5(uuid.NAMESPACE_DNS, "vendor.example")
PRODUCT = uuid.uuid5(VENDOR, "product")
KEY = generate(KeyType.P256)
OPENER = recipient_keys.generate(recipient_keys.RecipientKeyType.P256_ECDH, kid=b"device")


def encrypted(plaintext: bytes) -> tuple[bytes, bytes]:
    out: list[bytes] = []
    info = encrypt([plaintext], out.append, [OPENER.public()])
    return b"".join(out), info.raw


FILES["firmware.enc"], INFO = encrypted(FILES["firmware.bin"])
INSTALLED = {
    "compatibility-check": {},
    "trusted-invocation": {"00": "firmware.bin"},
    "download": {"00": "firmware.bin"},
    "install": {"00": "firmware.bin", "01": "firmware.bin"},
    "integrated-payload": {"02": "configuration.bin"},
    "external-storage": {"00": "firmware.bin"},
    "ab-slots": {"00": "firmware-a.bin"},
    "dependency": {"01": "library.bin"},
    "dependent": {"00": "firmware.bin", "01": "library.bin", "02": "an envelope"},
    "delta-slot": {"00": "firmware-old.bin", "01": "firmware.delta"},
    "encrypted": {"00": "firmware.bin", "01": "firmware.enc"},
}
BEFORE = {
    "trusted-invocation": {"00": FILES["firmware.bin"]},
    "delta-slot": {"00": FILES["firmware-old.bin"]},
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "firmware.info").write_bytes(INFO)
    (tmp_path / "dependency.yaml").write_text(template("dependency"))
    return tmp_path


def signed(envelope: Envelope) -> Envelope:
    return attest(envelope, [KEY])


def outcome(
    name: str,
    directory: Path,
    procedure: str = "update",
    *,
    vendor: uuid.UUID = VENDOR,
    slot: int = 0,
    before: dict[str, bytes] | None = None,
    envelope: bytes | None = None,
) -> dict[str, Any]:
    sealed = describe.build(template(name), name=name, directory=directory, finish=signed)
    components = [
        {
            "id": [id_],
            "slot": slot,
            "capacity": 4096,
            "content": before[id_].hex() if before and id_ in before else None,
            "digest": None,
        }
        for id_ in ("00", "01", "02")
    ]
    device: dict[str, Any] = {
        "vendor_ids": [vendor.hex],
        "class_ids": [PRODUCT.hex],
        "device_ids": [],
        "floors": [],
    }
    device |= {"components": components, "clock": 1760000000, "battery_mwh": None, "authorize": True}
    return answer(
        {
            "case": name,
            "procedure": procedure,
            "profile": "strict",
            "envelope": (envelope or encode_envelope(signed(sealed))).hex(),
            "device": device,
            "keys": [
                {"cose_key": KEY.public.to_cose().hex(), "use": "verify"},
                {"cose_key": OPENER.to_cose().hex(), "use": "agree"},
            ],
            "resources": {file: content.hex() for file, content in FILES.items()},
        }
    )


def contents(found: dict[str, Any]) -> dict[str, str]:
    names = {content.hex(): name for name, content in FILES.items()}
    return {
        one["id"][0]: "an envelope" if one["content"].startswith("d86b") else names[one["content"]]
        for one in found["components"]
        if one["content"] is not None
    }


def test_every_template_is_tried() -> None:
    assert set(INSTALLED) == set(titles())


@pytest.mark.parametrize("name", sorted(INSTALLED))
def test_a_template_installs_what_it_says(name: str, directory: Path) -> None:
    found = outcome(name, directory, before=BEFORE.get(name))
    assert (found["outcome"], contents(found)) == ("accepted", INSTALLED[name])


@pytest.mark.parametrize("name", sorted(INSTALLED))
def test_a_template_is_refused_by_the_device_of_another_vendor(name: str, directory: Path) -> None:
    found = outcome(name, directory, vendor=uuid.uuid4())
    assert (found["outcome"], found["reason"]) == ("rejected", 10)
    assert (contents(found), found["fetched"]) == ({}, [])


def test_the_other_slot_gets_the_other_build(directory: Path) -> None:
    found = outcome("ab-slots", directory, slot=1)
    assert (contents(found), found["fetched"]) == ({"00": "firmware-b.bin"}, ["firmware-b.bin"])


@pytest.mark.parametrize(
    ("name", "invoked"), [("trusted-invocation", "00"), ("ab-slots", "00"), ("external-storage", "01")]
)
def test_a_template_that_invokes_starts_what_matches_and_nothing_else(
    name: str, invoked: str, directory: Path
) -> None:
    good = {"00": FILES[INSTALLED[name]["00"]]}
    found = outcome(name, directory, "invoke", before=good)
    assert [one["id"] for one in found["invoked"]] == [[invoked]]
    found = outcome(name, directory, "invoke", before={"00": b"changed"})
    assert (found["outcome"], found["invoked"]) == ("rejected", [])


@pytest.mark.req("I4.3.9")
def test_a_delta_is_not_fetched_for_another_image_than_it_was_made_for(directory: Path) -> None:
    for other in (b"another image", FILES["firmware.bin"]):
        found = outcome("delta-slot", directory, before={"00": other})
        assert (found["outcome"], found["reason"], found["fetched"]) == ("rejected", 10, [])
        assert [one["content"] for one in found["components"]] == [other.hex(), None, None]


@pytest.mark.req("I4.3.9")
@pytest.mark.parametrize(
    ("before", "starts"),
    [
        ({"00": "firmware-old.bin", "01": "firmware.delta"}, True),
        ({"00": "firmware.bin", "01": "firmware.delta"}, True),
        ({"00": "firmware.bin"}, True),
        ({"00": "firmware-old.bin"}, False),
        ({"00": "firmware-a.bin", "01": "firmware.delta"}, False),
        ({"00": "firmware-old.bin", "01": "firmware.bin"}, False),
    ],
)
def test_a_delta_slot_starts_the_old_image_with_its_delta_or_the_new_one(
    before: dict[str, str], starts: bool, directory: Path
) -> None:
    found = outcome(
        "delta-slot", directory, "invoke", before={name: FILES[file] for name, file in before.items()}
    )
    assert [one["id"] for one in found["invoked"]] == ([["00"]] if starts else [])


def test_a_dependent_installs_nothing_when_its_dependency_is_another(directory: Path) -> None:
    whole = describe.build(template("dependent"), name="dependent", directory=directory, finish=signed)
    other = signed(
        describe.build(
            template("dependency").replace("manifest-sequence-number: 1", "manifest-sequence-number: 2"),
            name="other",
            directory=directory,
        )
    )
    swapped = encode_envelope(replace(signed(whole), payloads={"#library": encode_envelope(other)}))
    found = outcome("dependent", directory, envelope=swapped)
    assert (found["outcome"], contents(found), found["fetched"]) == ("rejected", {}, [])
    assert found["reason"] == 11
