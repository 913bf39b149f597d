"""The templates of ``hardsuit suit new`` on a device: each does what it says, and on no other device."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from conformance.client import answer
from suit import describe
from suit.attest import attest
from suit.encode import encode_envelope
from suit.patterns import template, titles
from suit.signer import KeyType, generate

FILES = {
    name: name.encode() * 50
    for name in ("firmware.bin", "firmware-a.bin", "firmware-b.bin", "configuration.bin")
}
VENDOR = uuid.uuid5(uuid.NAMESPACE_DNS, "vendor.example")
PRODUCT = uuid.uuid5(VENDOR, "product")
KEY = generate(KeyType.P256)
INSTALLED = {
    "compatibility-check": {},
    "trusted-invocation": {"00": "firmware.bin"},
    "download": {"00": "firmware.bin"},
    "install": {"00": "firmware.bin", "01": "firmware.bin"},
    "integrated-payload": {"02": "configuration.bin"},
    "external-storage": {"00": "firmware.bin"},
    "ab-slots": {"00": "firmware-a.bin"},
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def outcome(
    name: str,
    directory: Path,
    procedure: str = "update",
    *,
    vendor: uuid.UUID = VENDOR,
    slot: int = 0,
    before: dict[str, bytes] | None = None,
) -> dict[str, Any]:
    sealed = describe.build(template(name), name=name, directory=directory)
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
            "envelope": encode_envelope(attest(sealed, [KEY])).hex(),
            "device": device,
            "keys": [{"cose_key": KEY.public.to_cose().hex(), "use": "verify"}],
            "resources": {file: content.hex() for file, content in FILES.items()},
        }
    )


def contents(found: dict[str, Any]) -> dict[str, str]:
    names = {content.hex(): name for name, content in FILES.items()}
    return {one["id"][0]: names[one["content"]] for one in found["components"] if one["content"] is not None}


def test_every_template_is_tried() -> None:
    assert set(INSTALLED) == set(titles())


@pytest.mark.parametrize("name", sorted(INSTALLED))
def test_a_template_installs_what_it_says(name: str, directory: Path) -> None:
    before = {"00": FILES["firmware.bin"]} if name == "trusted-invocation" else None
    found = outcome(name, directory, before=before)
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
