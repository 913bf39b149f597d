"""The built-in suite: derived from its definitions, valid, and covering what the base document has."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from jsonschema import Draft202012Validator

from conformance import generate, runner
from spec.labels import Command, Common, Envelope, Manifest, Parameter, WaitEvent
from suit.commands import CONDITIONS, DIRECTIVES, VALUES

SPEC = Path(__file__).parents[2] / "spec"
SEQUENCES = {
    Manifest.VALIDATE,
    Manifest.LOAD,
    Manifest.INVOKE,
    Manifest.DEPENDENCY_RESOLUTION,
    Manifest.PAYLOAD_FETCH,
    Manifest.CANDIDATE_VERIFICATION,
    Manifest.INSTALL,
    Manifest.UNINSTALL,
}
NUMBERS = {member.value for member in SEQUENCES}


def documents() -> list[dict[str, Any]]:
    return [
        case
        for path in sorted(runner.CASES.rglob("*.json"))
        for item in [json.loads(path.read_text("utf-8"))]
        for case in (item if isinstance(item, list) else [item])
    ]


DOCUMENTS = documents()


def test_case_files_are_what_the_casebook_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"]) == 0, capsys.readouterr().err


def test_check_names_files_that_are_missing_changed_or_superfluous(tmp_path: Path) -> None:
    wanted = {"a/one.json": "1\n", "a/two.json": "2\n"}
    generate.write(tmp_path, wanted)
    assert generate.check(tmp_path, wanted) == []
    (tmp_path / "a" / "one.json").unlink()
    (tmp_path / "a" / "two.json").write_text("3\n", "utf-8")
    (tmp_path / "a" / "three.json").write_text("3\n", "utf-8")
    assert generate.check(tmp_path, wanted) == ["a/one.json", "a/three.json", "a/two.json"]
    generate.write(tmp_path, wanted)
    assert generate.check(tmp_path, wanted) == []


@pytest.mark.req("H9-1")
def test_every_case_follows_the_schema() -> None:
    validator = Draft202012Validator(json.loads((SPEC / "case.schema.json").read_text("utf-8")))
    for case in DOCUMENTS:
        validator.validate(case)


def test_names_and_envelopes_are_unique() -> None:
    names = [case["case"] for case in DOCUMENTS]
    assert len(set(names)) == len(names)
    stories = {json.dumps({**case, "case": "", "summary": "", "requirement": []}) for case in DOCUMENTS}
    assert len(stories) >= len(names) - 6  # a few say the same for two requirements


def test_every_requirement_exists() -> None:
    with (SPEC / "requirements.toml").open("rb") as file:
        known = tomllib.load(file)["requirement"].keys()
    assert {row for case in DOCUMENTS for row in case["requirement"]} <= known


def test_a_refused_case_expects_the_state_from_before() -> None:
    for case in DOCUMENTS:
        if case["expect"]["outcome"] == "rejected":
            before = [
                {key: part[key] for key in ("id", "content", "metadata") if key in part}
                for part in case["device"]["components"]
            ]
            assert case["expect"]["components"] == before, case["case"]


def test_every_case_expects_the_state_of_every_component() -> None:
    for case in DOCUMENTS:
        own = [part["id"] for part in case["device"]["components"]]
        assert [part["id"] for part in case["expect"]["components"]] == own
        assert own
        assert "fetched" in case["expect"]
        assert "invoked" in case["expect"]


def test_a_payload_is_expected_to_be_fetched_only_where_there_is_one() -> None:
    for case in DOCUMENTS:
        assert set(case["expect"]["fetched"]) <= case["resources"].keys()


def test_the_suite_has_at_least_sixty_cases_and_both_outcomes() -> None:
    outcomes = [case["expect"]["outcome"] for case in DOCUMENTS]
    assert outcomes.count("accepted") >= 60
    assert outcomes.count("rejected") >= 60


@pytest.mark.parametrize("outcome", ["accepted", "rejected"])
def test_every_command_of_the_base_document_occurs(outcome: str) -> None:
    used = {number for case in DOCUMENTS if case["expect"]["outcome"] == outcome for number, _ in steps(case)}
    assert {command.value for command in CONDITIONS | DIRECTIVES} <= used


def test_every_command_of_the_registry_is_implemented_and_so_counted_here() -> None:
    assert set(Command) == CONDITIONS | DIRECTIVES
    assert set(Parameter) - set(VALUES) <= {Parameter.ENCRYPTION_INFO}


@pytest.mark.req("U4.5-1")
@pytest.mark.parametrize("outcome", ["accepted", "rejected"])
def test_every_wait_event_occurs(outcome: str) -> None:
    used = {
        number
        for case in DOCUMENTS
        if case["expect"]["outcome"] == outcome
        for command, argument in steps(case)
        if command == Command.OVERRIDE_PARAMETERS.value and isinstance(argument, dict)
        for info in [argument.get(Parameter.WAIT_INFO.value)]
        if isinstance(info, bytes) and isinstance(cbor2.loads(info), dict)
        for number in cbor2.loads(info)
    }
    assert {event.value for event in WaitEvent} <= used


@pytest.mark.parametrize("outcome", ["accepted", "rejected"])
def test_every_parameter_of_the_base_document_occurs(outcome: str) -> None:
    used = {
        number
        for case in DOCUMENTS
        if case["expect"]["outcome"] == outcome
        for command, argument in steps(case)
        if command == Command.OVERRIDE_PARAMETERS.value and isinstance(argument, dict)
        for number in argument
    }
    assert {parameter.value for parameter in VALUES} <= used


@pytest.mark.req("M8.4.8.16-2")
def test_no_accepted_case_needs_a_custom_parameter() -> None:
    """Together with the two tests above: every standard command is accepted, and none of them with one."""
    used = {
        number
        for case in DOCUMENTS
        if case["expect"]["outcome"] == "accepted"
        for _, argument in steps(case)
        if isinstance(argument, dict)
        for number in argument
    }
    assert used
    assert min(used) >= 0


@pytest.mark.parametrize("command", [one for one in Command if one in CONDITIONS | DIRECTIVES])
def test_every_command_has_cases_of_its_own_that_are_refused(command: Command) -> None:
    name = command.name.lower().replace("_", "-")
    own = [case for case in DOCUMENTS if case["case"].startswith(name)]
    assert "rejected" in {case["expect"]["outcome"] for case in own}
    # abort never holds; it is accepted where a try-each goes around it.
    assert command is Command.ABORT or "accepted" in {case["expect"]["outcome"] for case in own}


@pytest.mark.parametrize("parameter", [one for one in Parameter if one in VALUES])
def test_every_parameter_has_a_case_with_a_wrong_value(parameter: Parameter) -> None:
    name = f"parameter-{parameter.name.lower().replace('_', '-')}"
    assert any(case["case"].startswith(name) for case in DOCUMENTS if "reason" in case["expect"])


def steps(case: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield every command of a case that a second decoder can find, nested ones too."""
    try:
        envelope = cbor2.loads(bytes.fromhex(case["envelope"])).value
        manifest = cbor2.loads(envelope[Envelope.MANIFEST.value])
        common = cbor2.loads(manifest[Manifest.COMMON.value])
        wrapped = [manifest.get(number) for number in NUMBERS] + [envelope.get(number) for number in NUMBERS]
        for raw in [common.get(Common.SHARED_SEQUENCE.value), *wrapped]:
            if isinstance(raw, bytes):
                yield from nested(raw)
    except (cbor2.CBORError, AttributeError, LookupError, TypeError, ValueError):
        return


def nested(raw: bytes) -> Iterator[tuple[Any, Any]]:
    items = cbor2.loads(raw)
    for command, argument in zip(items[::2], items[1::2], strict=True):
        yield command, argument
        if command == Command.RUN_SEQUENCE.value:
            yield from nested(argument)
        if command == Command.TRY_EACH.value:
            for branch in argument:
                if branch is not None:
                    yield from nested(branch)
