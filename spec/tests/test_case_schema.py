"""The case format: its schema takes what the design shows and refuses one fault at a time."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "spec" / "case.schema.json").read_text("utf-8"))
CASES = sorted((ROOT / "conformance" / "cases").rglob("*.json"))
IDENTIFIER = "fa6b4a53d5ad5fdfbe9de663e4d41ffe"
CASE: dict[str, Any] = {
    "case": "seqno-below-floor",
    "requirement": ["M8.4.2-1"],
    "summary": "A sequence number below the floor is refused.",
    "procedure": "update",
    "profile": "strict",
    "envelope": "d86ba0",
    "device": {
        "vendor_ids": [IDENTIFIER],
        "class_ids": [IDENTIFIER],
        "device_ids": [],
        "components": [
            {"id": ["00"], "slot": 0, "capacity": 65536, "content": None, "digest": None},
            {"id": [], "slot": 1, "capacity": 0, "content": "", "digest": "00" * 32, "version": [1]},
        ],
        "floors": [{"id": ["00"], "sequence": 3}, {"id": [], "sequence": 0}],
        "clock": 1760000000,
        "battery_mwh": None,
        "authorize": True,
    },
    "keys": [{"cose_key": "a5", "use": "verify"}, {"cose_key": "a5", "use": "mac", "rights": [["00"]]}],
    "resources": {"http://example.com/file.bin": "00"},
    "expect": {
        "outcome": "rejected",
        "reason": 4,
        "components": [{"id": ["00"], "content": None}],
        "fetched": [],
        "invoked": [],
    },
}
ANSWER: dict[str, Any] = {
    "outcome": "accepted",
    "reason": None,
    "components": [{"id": ["00"], "content": "0a"}],
    "fetched": ["http://example.com/file.bin"],
    "invoked": [{"id": ["00"], "args": None}],
    "report": "a0",
}
FAULTS = [
    ("case", "Not A Name"),
    ("requirement", []),
    ("requirement", ["somewhere"]),
    ("summary", ""),
    ("procedure", "boot"),
    ("profile", "lenient"),
    ("envelope", "D86B"),
    ("envelope", "d86"),
    ("envelope", None),
    ("device.vendor_ids", ["fa6b"]),
    ("device.components.0.slot", -1),
    ("device.components.0.content", "0"),
    ("device.components.0.digest", "00"),
    ("device.components.0.id", "00"),
    ("device.components.0.colour", "red"),
    ("device.clock", "now"),
    ("device.authorize", None),
    ("device.floors.0.sequence", -1),
    ("keys.0.use", "sign"),
    ("resources", {"http://example.com": None}),
    ("expect.outcome", "crashed"),
    ("expect.outcome", "accepted"),
    ("expect.reason", 0),
    ("expect.reason", 13),
    ("expect.components.0.content", "zz"),
    ("colour", "red"),
]


def validator(name: str | None = None) -> Draft202012Validator:
    """Return a validator for the whole schema or for one of its definitions."""
    if name is None:
        return Draft202012Validator(SCHEMA)
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


def changed(document: dict[str, Any], place: str, value: object) -> dict[str, Any]:
    """Return a copy with one member replaced; the place is a dotted path."""
    copied = copy.deepcopy(document)
    *path, last = place.split(".")
    target: Any = copied
    for step in path:
        target = target[int(step)] if step.isdigit() else target[step]
    target[last] = value
    return copied


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.req("H9-1")
@pytest.mark.parametrize("document", [CASE, [CASE, CASE]], ids=["one", "list"])
def test_example_of_the_design_follows_the_schema(document: object) -> None:
    validator().validate(document)


@pytest.mark.req("H9-1")
@pytest.mark.parametrize(("place", "value"), FAULTS, ids=lambda value: str(value)[:30])
def test_case_with_one_fault_is_noticed(place: str, value: object) -> None:
    assert not validator().is_valid(changed(CASE, place, value))


@pytest.mark.parametrize("member", [name for name in CASE if name != "expect"])
def test_case_without_a_member_is_noticed(member: str) -> None:
    assert not validator().is_valid({name: CASE[name] for name in CASE if name != member})


@pytest.mark.req("H9-1")
def test_question_is_a_case_without_the_answer() -> None:
    question = {name: value for name, value in CASE.items() if name != "expect"}
    validator("question").validate(question)
    assert not validator("question").is_valid(CASE)
    assert not validator().is_valid(question)


@pytest.mark.req("H9-1")
def test_answer_follows_the_schema() -> None:
    validator("answer").validate(ANSWER)
    validator("answer").validate(
        {name: value for name, value in ANSWER.items() if name not in {"reason", "report"}}
    )


@pytest.mark.parametrize(
    ("place", "value"),
    [("outcome", "ok"), ("reason", 99), ("components", None), ("fetched", [1]), ("note", "hello"),
     ("invoked.0.args", "x")],
)  # fmt: skip
def test_answer_with_one_fault_is_noticed(place: str, value: object) -> None:
    assert not validator("answer").is_valid(changed(ANSWER, place, value))


@pytest.mark.req("H9-1")
def test_every_case_of_the_suite_follows_the_schema_under_a_name_of_its_own() -> None:
    names: list[str] = []
    for path in CASES:
        document = json.loads(path.read_bytes())
        validator().validate(document)
        names += [case["case"] for case in (document if isinstance(document, list) else [document])]
    assert len(names) == len(set(names))
