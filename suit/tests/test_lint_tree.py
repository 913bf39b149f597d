"""suit.lint over trees of manifests: one broken rule of trust domains after the other."""

from dataclasses import replace
from typing import Any

import pytest

from spec.labels import Command, CoseAlgorithm, Parameter
from suit import lint_rules as rules
from suit.attest import attest
from suit.decode import attach_severed, decode_manifest
from suit.encode import encode_envelope
from suit.envelope import open_envelope, seal
from suit.lint import Finding, lint
from suit.lint_rules import Level, Rule
from suit.manifest import Command as Step
from suit.manifest import ComponentId, Dependency, Digest, Envelope, Manifest, Parameters, Sequence, Severable
from suit.signer import KeyType, generate
from suit.tests import vectors

KEY = generate(KeyType.P256)
UUID = bytes.fromhex("fa6b4a53d5ad5fdfbe9de663e4d41ffe")
FETCH, MATCH, WRITE = Step(Command.FETCH, 2), Step(Command.IMAGE_MATCH, 15), Step(Command.WRITE, 2)
INTEGRITY, PROCESS = Step(Command.DEPENDENCY_INTEGRITY, 15), Step(Command.PROCESS_DEPENDENCY, 2)
IS_DEPENDENCY, UNLINK = Step(Command.IS_DEPENDENCY, 15), Step(Command.UNLINK, 2)
IDS: Parameters = {Parameter.VENDOR_IDENTIFIER: UUID, Parameter.CLASS_IDENTIFIER: UUID}
IMAGE: Parameters = {
    Parameter.IMAGE_DIGEST: Digest(CoseAlgorithm.SHA_256, bytes(32)),
    Parameter.IMAGE_SIZE: 3,
}
CHECKS = (Step(Command.VENDOR_IDENTIFIER, 15), Step(Command.CLASS_IDENTIFIER, 15))
MAIN, LIBRARY, SECOND = (b"\x00",), (b"library",), (b"\x01",)
KEYED = "#library"


def override(parameters: Parameters | None = None, /, **more: Any) -> Step:
    values: Parameters = dict(parameters or {})
    values |= {Parameter[name.upper()]: value for name, value in more.items()}
    return Step(Command.OVERRIDE_PARAMETERS, values)


def at(component: object) -> Step:
    return Step(Command.SET_COMPONENT_INDEX, component)


def either(*branches: Sequence | None) -> Step:
    return Step(Command.TRY_EACH, branches)


def sealed(manifest: Manifest, payloads: dict[str, bytes] | None = None) -> Envelope:
    return attest(seal(manifest, payloads=payloads), [KEY])


def library(**members: Any) -> Envelope:
    parts: dict[str, Any] = {
        "components": (SECOND,),
        "shared_sequence": (override(IDS | IMAGE), *CHECKS),
        "install": Severable((override(content=b"abc"), WRITE)),
        "validate": (MATCH,),
    } | members
    return sealed(Manifest(1, **parts))


HONEST = library()
RESOLVE = (at(1), FETCH, INTEGRITY, PROCESS)
INSTALL = (at(1), PROCESS, at(0), override(content=b"abc"), WRITE, MATCH)
VALIDATE = (at(1), INTEGRITY, PROCESS, at(0), MATCH)


def pin(child: Envelope) -> Parameters:
    return {Parameter.IMAGE_DIGEST: child.digest, Parameter.IMAGE_SIZE: len(encode_envelope(child))}


def findings(
    child: Envelope = HONEST,
    *,
    embedded: bytes | None = None,
    components: tuple[ComponentId, ...] = (MAIN, LIBRARY),
    **members: Any,
) -> list[Finding]:
    """Lint an honest root over one dependency; ``members`` replace what is honest."""
    parts: dict[str, Any] = {
        "components": components,
        "dependencies": {1: Dependency()},
        "component_id": (b"root",),
        "shared_sequence": (
            *(at(0), override(IDS | IMAGE), *CHECKS),
            *(at(1), override(pin(child), uri=KEYED)),
        ),
        "dependency_resolution": Severable(RESOLVE),
        "install": Severable(INSTALL),
        "validate": VALIDATE,
    } | members
    payload = encode_envelope(child) if embedded is None else embedded
    envelope = sealed(Manifest(1, **parts), {KEYED: payload})
    return lint(envelope, attach_severed(decode_manifest(envelope.manifest), envelope))


def lines(found: list[Finding], rule: Rule) -> list[str]:
    return [finding.where for finding in found if finding.rule is rule]


def steps(*sequence: Step) -> Severable[Sequence]:
    return Severable(sequence)


@pytest.mark.req("I4.3.19")
def test_an_honest_tree_breaks_no_rule() -> None:
    assert findings() == []


def test_a_second_procedure_checks_dependencies_again() -> None:
    found = findings(validate=(VALIDATE[0], *VALIDATE[2:]))
    assert lines(found, rules.UNCHECKED_DEPENDENCY) == ["validate.1"]
    assert lines(found, rules.UNRESOLVED) == ["validate"]


@pytest.mark.req("T5.6.2-1")
def test_a_dependency_is_checked_before_it_runs() -> None:
    rule = rules.UNCHECKED_DEPENDENCY
    found = findings(dependency_resolution=steps(at(1), FETCH, MATCH, PROCESS))
    assert "dependency-resolution.3" in lines(found, rule)
    found = findings(install=steps(at(1), FETCH, *INSTALL[1:]))
    assert "install.2" in lines(found, rule)
    one_way = findings(dependency_resolution=steps(at(1), FETCH, either((INTEGRITY,), None), PROCESS))
    assert "dependency-resolution.3" in lines(one_way, rule)


@pytest.mark.req("T5.4-2", "T5.6.3-1")
def test_only_dependencies_are_checked_and_run() -> None:
    rule = rules.NO_DEPENDENCY
    assert "install.6" in lines(findings(install=steps(*INSTALL, PROCESS)), rule)
    assert "install.6" in lines(findings(install=steps(*INSTALL, INTEGRITY)), rule)
    for guarded in (
        (at(True), PROCESS, *INSTALL[2:]),
        (at(True), either((IS_DEPENDENCY, INTEGRITY, PROCESS), None), *INSTALL[2:]),
        (at(True), either((IS_DEPENDENCY, PROCESS), (override(content=b"abc"), WRITE, MATCH))),
    ):
        found = findings(install=steps(*guarded))
        assert not [each for each in found if each.where.startswith("install")]
    wrong = (at(True), either((PROCESS,), None), *INSTALL[2:])
    assert lines(findings(install=steps(*wrong)), rule) == ["install.1.try-each.0.0"]


@pytest.mark.req("T5.1-5")
def test_a_dependent_has_the_sequences_of_its_dependency() -> None:
    assert lines(findings(install=None), rules.UNPOPULATED) == ["dependency-resolution.2"]


@pytest.mark.req("T5.1-6", "T5.3-1")
def test_a_dependent_runs_the_sequences_of_its_dependency() -> None:
    found = findings(install=steps(*INSTALL[2:]))
    assert lines(found, rules.UNPROCESSED) == ["install"]
    plain = library(validate=None)
    assert lines(findings(plain, validate=(*VALIDATE[:2], *VALIDATE[3:])), rules.UNPROCESSED) == []


@pytest.mark.req("T3-1")
def test_payloads_wait_for_dependencies() -> None:
    first = (at(0), override(content=b"abc"), WRITE, MATCH, *RESOLVE)
    assert lines(findings(dependency_resolution=Severable(first)), rules.EARLY_PAYLOAD) == [
        "dependency-resolution.2"
    ]


@pytest.mark.req("T5.2.2-2")
def test_what_is_integrated_is_what_the_digest_says() -> None:
    rule = rules.OTHER_DEPENDENCY
    other = encode_envelope(library(validate=None))
    assert lines(findings(embedded=other), rule) == ["dependency-resolution.2"]
    assert lines(findings(embedded=b"an image"), rule) == ["dependency-resolution.2"]


def test_an_integrated_dependency_is_signed() -> None:
    unsigned = replace(HONEST, blocks=())
    assert lines(findings(unsigned), rules.UNSIGNED_DEPENDENCY) == ["dependency-resolution.2"]


@pytest.mark.req("M7-1")
def test_the_digest_of_a_dependency_is_set_by_override() -> None:
    given = Step(Command.SET_PARAMETERS, pin(HONEST))
    found = findings(dependency_resolution=steps(at(1), given, *RESOLVE[1:]))
    assert lines(found, rules.DIGEST_NOT_OVERRIDDEN) == ["dependency-resolution.1"]


def test_a_dependency_that_lies_in_its_own_dependency_is_a_loop() -> None:
    looped = library(
        components=(SECOND, LIBRARY),
        dependencies={1: Dependency()},
        shared_sequence=(at(0), override(IDS | IMAGE), *CHECKS),
        dependency_resolution=steps(at(1), INTEGRITY, PROCESS),
        install=steps(at(1), PROCESS, at(0), override(content=b"abc"), WRITE),
        validate=(at(0), MATCH),
    )
    assert lines(findings(looped), rules.LOOP) == ["dependency 1: dependency-resolution.1"]


def test_a_tree_has_its_limits() -> None:
    def nested(depth: int) -> list[Finding]:
        child = library()
        for level in range(depth - 1):
            parts: dict[str, Any] = {
                "dependencies": {0: Dependency()},
                "shared_sequence": (override(pin(child), uri=KEYED),),
                "dependency_resolution": steps(FETCH, INTEGRITY, PROCESS),
                "install": steps(PROCESS),
                "validate": (PROCESS,),
            }
            inner = Manifest(1, ((b"level", bytes([level])),), **parts)
            child = sealed(inner, {KEYED: encode_envelope(child)})
        return findings(child)

    assert lines(nested(4), rules.LARGE_TREE) == []
    assert lines(nested(5), rules.LARGE_TREE) == ["dependency 1.0.0.0: dependency-resolution.1"]


def test_what_a_dependent_sets_for_its_dependency_is_set() -> None:
    def parts(child: Envelope, *before: Step) -> list[Finding]:
        install = steps(at(2), *before, *INSTALL)
        return findings(child, components=(MAIN, LIBRARY, SECOND), install=install)

    rule = rules.UNSET_PARAMETER
    given = Step(Command.SET_PARAMETERS, {Parameter.URI: "http://a.example/near"})
    fetching = library(install=steps(FETCH))
    assert lines(parts(fetching), rule) == ["dependency 1: install.0"]
    found = parts(fetching, given)
    assert lines(found, rule) == []
    assert lines(found, rules.UNUSED_PARAMETER) == []
    assert lines(parts(library(), given), rules.UNUSED_PARAMETER) == ["install.1"]


def test_a_prefix_stands_before_the_components_of_a_dependency() -> None:
    fetching = library(install=steps(FETCH))
    install = steps(at(2), override(uri="u"), *INSTALL)
    rows = {1: Dependency((b"app",))}
    for third, expected in (((b"app", *SECOND), []), (SECOND, ["dependency 1: install.0"])):
        found = findings(fetching, components=(MAIN, LIBRARY, third), dependencies=rows, install=install)
        assert lines(found, rules.UNSET_PARAMETER) == expected


def test_what_a_dependency_that_is_not_here_uses_is_not_called_unused() -> None:
    extra = steps(at(2), override(uri="u"), *INSTALL)
    resolve = steps(at(1), override(uri="http://a.example/library.suit"), *RESOLVE[1:])
    for resolution, expected in ((Severable(RESOLVE), ["install.1"]), (resolve, [])):
        found = findings(components=(MAIN, LIBRARY, SECOND), install=extra, dependency_resolution=resolution)
        assert lines(found, rules.UNUSED_PARAMETER) == expected


@pytest.mark.req("T5.6.5-2")
def test_references_are_given_up_once_and_in_a_name() -> None:
    twice = (at(1), INTEGRITY, UNLINK, UNLINK)
    assert lines(findings(uninstall=twice), rules.UNLINKED_TWICE) == ["uninstall.3"]
    again = (at(0), UNLINK, override(content=b"x"), WRITE, UNLINK)
    assert lines(findings(uninstall=again), rules.UNLINKED_TWICE) == []
    nameless = findings(uninstall=twice[:3], component_id=None)
    assert lines(nameless, rules.NAMELESS_ROOT) == ["uninstall.2"]


def test_a_dependency_is_listed_among_the_components() -> None:
    rows = {1: Dependency(LIBRARY)}
    found = findings(components=(MAIN,), dependencies=rows)
    assert lines(found, rules.VIRTUAL_DEPENDENCY) == ["dependencies"]


def test_a_tree_that_multiplies_its_commands_is_not_followed_to_the_end() -> None:
    busy = library(install=Severable((override(content=b"abc"), WRITE, *CHECKS * 150)))
    below = (at(1), *[PROCESS] * 400)
    assert lines(findings(busy, install=Severable(below)), rules.TOO_LONG) == ["install"]
    assert not lines(findings(busy), rules.TOO_LONG)


def test_the_shared_sequence_checks_no_dependency() -> None:
    shared = (at(1), override(pin(HONEST)), INTEGRITY)
    assert "shared-sequence.2" in lines(findings(shared_sequence=shared), rules.MATCH_IN_SHARED)


@pytest.mark.parametrize("name", ["example1_process", "example2_integrated"])
def test_published_trust_domain_examples_break_the_rules_that_strict_refuses_them_for(name: str) -> None:
    envelope = open_envelope(vectors.path(f"ietf/trust-domains/{name}.suit").read_bytes())
    found = lint(envelope, attach_severed(decode_manifest(envelope.manifest), envelope))
    errors = {each.rule for each in found if each.rule.level is Level.ERROR}
    assert {rules.UNRESOLVED} <= errors
    assert lines(found, rules.VIRTUAL_DEPENDENCY) == ["dependencies"]
