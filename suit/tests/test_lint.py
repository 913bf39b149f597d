"""suit.lint: one broken rule after the other, and none in what the draft publishes."""

from collections.abc import Callable
from typing import Any

import pytest

from spec.labels import Command, CoseAlgorithm, FileType, Parameter
from spec.labels import Manifest as Member
from suit import cbor, lint_rules
from suit.attest import attest
from suit.cose_encrypt import encode_encryption_info, parse_encryption_info, recipient_item
from suit.decode import attach_severed, decode_manifest
from suit.encryption import SIZES, EncryptionInfo
from suit.envelope import open_envelope, seal, with_block
from suit.lint import Finding, lint
from suit.lint_rules import RULES, Level
from suit.manifest import Command as Step
from suit.manifest import (
    ComponentMetadata,
    Digest,
    Envelope,
    Manifest,
    Parameters,
    Sequence,
    Severable,
    Text,
    Texts,
)
from suit.signer import KeyType, generate

GOOD_UUID = bytes.fromhex("fa6b4a53d5ad5fdfbe9de663e4d41ffe")
IMAGE: Parameters = {
    Parameter.IMAGE_DIGEST: Digest(CoseAlgorithm.SHA_256, bytes(32)),
    Parameter.IMAGE_SIZE: 3,
}
FETCH, MATCH, COPY = Step(Command.FETCH, 2), Step(Command.IMAGE_MATCH, 15), Step(Command.COPY, 2)
SWAP, WRITE, ABORT = Step(Command.SWAP, 2), Step(Command.WRITE, 2), Step(Command.ABORT, 15)
LARGE: Severable[Texts] = Severable({"en": Text({}, {(b"\0",): {}})})


def override(parameters: Parameters | None = None, /, **more: Any) -> Step:
    values: Parameters = dict(parameters or {})
    values |= {Parameter[name.upper()]: value for name, value in more.items()}
    return Step(Command.OVERRIDE_PARAMETERS, values)


def index(component: object) -> Step:
    return Step(Command.SET_COMPONENT_INDEX, component)


def either(*branches: Sequence | None) -> Step:
    return Step(Command.TRY_EACH, branches)


def again(*steps: Step) -> Step:
    return Step(Command.RUN_SEQUENCE, steps)


URI = override(uri="http://a.example/f")
SHARED = (
    override(IMAGE, vendor_identifier=GOOD_UUID, class_identifier=GOOD_UUID),
    Step(Command.VENDOR_IDENTIFIER, 15),
    Step(Command.CLASS_IDENTIFIER, 15),
)
VALIDATE = (MATCH,)


def findings(
    install: Sequence | None = None,
    *,
    shared: Sequence | None = SHARED,
    fetch: Sequence | None = None,
    validate: Sequence | None = VALIDATE,
    load: Sequence | None = None,
    invoke: Sequence | None = None,
    components: int = 1,
    number: int = 1,
    payloads: dict[str, bytes] | None = None,
) -> list[Finding]:
    manifest = Manifest(
        number,
        tuple((bytes([each]),) for each in range(components)),
        shared_sequence=shared,
        payload_fetch=None if fetch is None else Severable(fetch),
        install=None if install is None else Severable(install),
        validate=validate,
        load=load,
        invoke=invoke,
    )
    return lint(with_block(seal(manifest, payloads=payloads), SIGNED), manifest)


SIGNED = attest(seal(Manifest(1, ((b"\0",),))), [generate(KeyType.P256)]).blocks[0]


def broken(found: list[Finding]) -> set[str]:
    return {finding.rule.id for finding in found}


def lines(found: list[Finding], rule: lint_rules.Rule) -> list[str]:
    return [finding.where for finding in found if finding.rule is rule]


@pytest.mark.req("I4.3.19")
def test_published_examples_break_no_rule_but_the_deprecated_algorithm(published: bytes) -> None:
    envelope = open_envelope(published)
    found = lint(envelope, attach_severed(decode_manifest(envelope.manifest), envelope))
    assert not [finding for finding in found if finding.rule.level is Level.ERROR]
    assert broken(found) <= {"L013", "L020", "L021", "L023"}
    assert ("L021" in broken(found)) is bool(envelope.blocks)
    assert ("L020" in broken(found)) is not bool(envelope.blocks)


def test_a_whole_update_breaks_no_rule() -> None:
    assert findings((URI, FETCH, MATCH), invoke=(Step(Command.INVOKE, 2),)) == []


def test_rules_have_stable_ids_and_reasons() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert len(RULES) >= 20
    assert all(rule.title.endswith(".") and rule.why.rstrip("`.") for rule in RULES)


def test_a_finding_is_one_line_that_names_the_place() -> None:
    (finding,) = findings((FETCH, MATCH))
    assert finding.line == "install.0: error L002: fetch uses uri of component 0, not set"


def test_errors_come_first() -> None:
    levels = [finding.rule.level for finding in findings((FETCH,), shared=None, validate=None)]
    assert levels == sorted(levels, key=list(Level).index)
    assert levels[0] is Level.ERROR


@pytest.mark.parametrize("write", [FETCH, COPY, WRITE, SWAP])
def test_what_is_written_is_matched(write: Step) -> None:
    setup = override(IMAGE, uri="u", content=b"abc", source_component=1)
    first = (index(0), setup, index(1), setup, index(0), write)
    rule = lint_rules.UNMATCHED_WRITE
    unmatched = findings(first, components=2, shared=None, validate=None)
    expected = ["install.5"] * (2 if write is SWAP else 1)
    assert lines(unmatched, rule) == expected
    both = Step(Command.SET_COMPONENT_INDEX, True)
    matched = findings((*first, both, MATCH), components=2, shared=None, validate=None)
    assert lines(matched, rule) == []
    later = findings(first, components=2, shared=None, validate=(both, MATCH))
    assert lines(later, rule) == []
    earlier = findings((*first[:-1], MATCH, write), components=2, shared=None, validate=None)
    assert lines(earlier, rule) == ["install.6"] * len(expected)


def test_a_match_in_one_alternative_only_is_no_match() -> None:
    rule = lint_rules.UNMATCHED_WRITE
    assert lines(findings((URI, FETCH, either((MATCH,), None)), validate=None), rule) == ["install.1"]
    assert lines(findings((URI, FETCH, either((MATCH,), (MATCH,))), validate=None), rule) == []
    assert lines(findings((URI, either((FETCH,), None), MATCH), validate=None), rule) == []
    assert lines(findings((URI, again(FETCH)), validate=None), rule) == ["install.1.run-sequence.0"]


def test_what_is_loaded_is_matched_too() -> None:
    setup = (index(1), override(IMAGE, source_component=0), COPY)
    found = findings(components=2, load=setup, shared=None, validate=None)
    assert lines(found, lint_rules.UNMATCHED_WRITE) == ["load.2"]


@pytest.mark.req("M7-2")
@pytest.mark.parametrize(
    ("command", "parameter", "value"),
    [
        (Command.VENDOR_IDENTIFIER, "vendor_identifier", GOOD_UUID),
        (Command.CLASS_IDENTIFIER, "class_identifier", GOOD_UUID),
        (Command.DEVICE_IDENTIFIER, "device_identifier", GOOD_UUID),
        (Command.IMAGE_MATCH, "image_digest", IMAGE[Parameter.IMAGE_DIGEST]),
        (Command.COMPONENT_SLOT, "component_slot", 1),
        (Command.CHECK_CONTENT, "content", b""),
        (Command.WRITE, "content", b""),
        (Command.FETCH, "uri", "u"),
        (Command.COPY, "source_component", 1),
        (Command.SWAP, "source_component", 1),
    ],
)
def test_every_parameter_that_a_command_uses_is_set_before(
    command: Command, parameter: str, value: object
) -> None:
    step, setup = Step(command, 2), override(**{parameter: value})
    rule = lint_rules.UNSET_PARAMETER

    def unset(*steps: Step) -> list[str]:
        return lines(findings(steps, shared=None, validate=None), rule)

    assert unset(step) == ["install.0"]
    assert unset(setup, step) == []
    assert unset(step, setup) == ["install.0"]
    assert unset(either((setup,), (setup,)), step) == []
    assert unset(either((setup,), None), step) == ["install.1"]
    assert unset(again(setup), step) == []
    assert unset(again(step)) == ["install.0.run-sequence.0"]


def test_a_parameter_set_in_some_alternatives_is_called_so() -> None:
    (finding,) = [
        finding
        for finding in findings((either((URI,), None), FETCH, MATCH))
        if finding.rule is lint_rules.UNSET_PARAMETER
    ]
    assert finding.message.endswith("not set by every alternative")


def test_parameters_belong_to_components() -> None:
    rule = lint_rules.UNSET_PARAMETER
    steps = (index(0), URI, index(1), FETCH)
    assert lines(findings(steps, components=2, shared=None, validate=None), rule) == ["install.3"]
    steps = (index((0, 1)), URI, index(True), FETCH)
    assert lines(findings(steps, components=2, shared=None, validate=None), rule) == []
    steps = (index(1), again(index(0), URI), URI, FETCH)
    assert lines(findings(steps, components=2, shared=None, validate=None), rule) == []


def test_parameters_are_kept_within_a_procedure_and_cleared_between_two() -> None:
    rule = lint_rules.UNSET_PARAMETER
    invoke = (override(IMAGE), Step(Command.INVOKE, 2))
    assert lines(findings((URI, FETCH, MATCH), fetch=(override(IMAGE),), shared=None), rule) == ["validate.0"]
    assert lines(findings((override(IMAGE),), shared=None, validate=None, invoke=invoke), rule) == []
    assert lines(findings((override(IMAGE),), shared=None, invoke=invoke), rule) == ["validate.0"]
    assert lines(findings((MATCH,), fetch=(override(IMAGE),), shared=None, validate=None), rule) == []


@pytest.mark.req("M6.2-5")
def test_with_several_components_every_sequence_begins_with_the_index() -> None:
    rule = lint_rules.NO_COMPONENT_INDEX
    found = findings((URI, FETCH), components=2, fetch=(index(0), URI), invoke=(Step(Command.INVOKE, 2),))
    assert set(lines(found, rule)) == {"shared-sequence.0", "install.0", "validate.0", "invoke.0"}
    assert lines(findings((URI, FETCH, MATCH)), rule) == []


def test_an_index_names_a_component() -> None:
    rule = lint_rules.INDEX_OUT_OF_RANGE
    steps = (index(2), index((0, 3)), override(source_component=4), URI)
    assert lines(findings(steps, components=2), rule) == ["install.0", "install.1", "install.2"]
    assert lines(findings((index(1), override(source_component=0)), components=2), rule) == []


def test_soft_failure_is_for_nested_sequences() -> None:
    rule = lint_rules.SOFT_FAILURE_OUTSIDE
    soft = override(soft_failure=True)
    assert lines(findings((soft,)), rule) == ["install.0"]
    assert lines(findings((again(soft), either((soft,), None))), rule) == []


@pytest.mark.req("M7-1")
def test_a_digest_is_set_with_override_parameters() -> None:
    rule = lint_rules.DIGEST_NOT_OVERRIDDEN
    manifest = Manifest(1, ((b"\0",),), validate=(Step(Command.SET_PARAMETERS, dict(IMAGE)), MATCH))
    envelope = Envelope(Digest(CoseAlgorithm.SHA_256, bytes(32)), b"", (), b"")
    assert lines(lint(envelope, manifest), rule) == ["validate.0"]
    assert lines(findings((override(IMAGE),)), rule) == []


def test_a_fragment_names_an_integrated_payload() -> None:
    rule = lint_rules.MISSING_PAYLOAD
    steps = (override(uri="#firmware"), FETCH, MATCH)
    assert lines(findings(steps), rule) == ["install.0"]
    assert findings(steps, payloads={"#firmware": b"abc"}) == []


def test_every_integrated_payload_is_fetched() -> None:
    found = findings((URI, FETCH, MATCH), payloads={"#firmware": b"", "http://a.example/f": b""})
    assert [finding.line for finding in found] == ["envelope: note L022: nothing fetches #firmware"]


def test_a_component_is_not_its_own_source() -> None:
    for step in (COPY, SWAP):
        found = findings((override(source_component=0), step, MATCH))
        assert lines(found, lint_rules.SOURCE_IS_TARGET) == ["install.1"]


@pytest.mark.req("M6.7-3")
def test_without_order_no_component_is_written_and_read() -> None:
    rule = lint_rules.RACE
    loose, strict = override(strict_order=False), override(strict_order=True)
    copy_to_1 = (index(1), override(source_component=0), COPY)
    fetch_0 = (index(0), URI, FETCH)
    assert lines(findings((index(0), loose, *fetch_0, *copy_to_1), components=2), rule) == ["install.7"]
    assert lines(findings((index(0), loose, *copy_to_1, *fetch_0), components=2), rule) == ["install.7"]
    assert lines(findings((index(0), loose, *fetch_0, strict, *copy_to_1), components=2), rule) == []
    assert lines(findings((index(0), *fetch_0, *copy_to_1), components=2), rule) == []


def test_the_shared_sequence_checks_vendor_and_class() -> None:
    rule = lint_rules.NO_IDENTITY_CHECK
    assert lines(findings(shared=None), rule) == ["shared-sequence"]
    assert lines(findings(shared=SHARED[:2]), rule) == ["shared-sequence"]
    nested = (SHARED[0], either((SHARED[1],), (ABORT,)), again(SHARED[2]))
    assert lines(findings(shared=nested), rule) == []


def test_the_shared_sequence_matches_no_image() -> None:
    assert lines(findings(shared=(*SHARED, MATCH)), lint_rules.MATCH_IN_SHARED) == ["shared-sequence.3"]


def test_there_is_a_validate_sequence() -> None:
    assert "L011" in broken(findings(validate=None))


@pytest.mark.req("M8.4.8.2-1")
def test_identifiers_are_uuids() -> None:
    rule = lint_rules.ODD_IDENTIFIER
    for bad in (bytes(16), b"\xff" * 16, GOOD_UUID[:6] + b"\x1f" + GOOD_UUID[7:]):
        assert lines(findings((override(device_identifier=bad),)), rule) == ["install.0"]
    assert lines(findings((override(device_identifier=GOOD_UUID),)), rule) == []


def test_a_digest_comes_with_a_size() -> None:
    rule = lint_rules.NO_IMAGE_SIZE
    alone = override(image_digest=IMAGE[Parameter.IMAGE_DIGEST])
    assert lines(findings((alone,), shared=None), rule) == ["install.0"]
    assert lines(findings((override(image_size=3), alone), shared=None), rule) == []


def test_the_sequence_number_leaves_room() -> None:
    assert broken(findings(number=1 << 63)) == {"L017"}
    assert broken(findings(number=(1 << 63) - 1)) == set()


@pytest.mark.req("M8.6-5", "M8.4-2")
def test_severable_members_are_larger_than_their_digest_and_text_is_one() -> None:
    step = override(uri="http://example.com/a/long/path/to/a/file")
    manifest = Manifest(
        1, ((b"\0",),), install=Severable((FETCH,)), payload_fetch=Severable((step,)), text=LARGE
    )
    envelope = seal(manifest, sever=(Member.INSTALL, Member.PAYLOAD_FETCH))
    full = attach_severed(decode_manifest(envelope.manifest), envelope)
    found = lint(envelope, full)
    assert lines(found, lint_rules.SMALL_SEVERABLE) == ["install"]
    assert lines(found, lint_rules.TEXT_NOT_SEVERABLE) == ["text"]
    envelope = seal(manifest, sever=(Member.TEXT,))
    found = lint(envelope, attach_severed(decode_manifest(envelope.manifest), envelope))
    assert lines(found, lint_rules.TEXT_NOT_SEVERABLE) == []


def test_what_was_severed_cannot_be_checked(example: Callable[[str], bytes]) -> None:
    envelope = open_envelope(example("example2.severed-signed.suit"))
    found = lint(envelope, decode_manifest(envelope.manifest))
    assert lines(found, lint_rules.SEVERED) == ["install"]


def test_deprecated_algorithms_are_named(example: Callable[[str], bytes]) -> None:
    envelope = open_envelope(example("example0.signed.suit"))
    found = lint(envelope, decode_manifest(envelope.manifest))
    assert [each.message for each in found] == ["ES256 instead of ESP256"]
    unknown = with_block(envelope, cbor.encode(cbor.Tagged(18, [cbor.encode({1: -999}), {}, None, b"x"])))
    assert lint(unknown, decode_manifest(envelope.manifest)) == found


def test_alternatives_after_one_without_a_condition_are_never_tried() -> None:
    found = findings((either((URI, FETCH), (MATCH,)), MATCH))
    assert lines(found, lint_rules.DEAD_ALTERNATIVE) == ["install.0.try-each.0"]
    good = (either((MATCH,), (again(MATCH),), (URI, FETCH, MATCH)), either((again(ABORT),), None))
    assert lines(findings(good), lint_rules.DEAD_ALTERNATIVE) == []


def test_what_is_invoked_was_matched() -> None:
    start = (Step(Command.INVOKE, 2),)
    assert lines(findings(invoke=start), lint_rules.UNMATCHED_INVOKE) == []
    assert lines(findings(invoke=start, validate=None), lint_rules.UNMATCHED_INVOKE) == ["invoke.0"]
    one_way = (either((MATCH,), (ABORT,), None),)
    assert lines(findings(invoke=start, validate=one_way), lint_rules.UNMATCHED_INVOKE) == ["invoke.0"]
    load = (override(content=b"new"), WRITE)
    assert lines(findings(invoke=start, load=load), lint_rules.UNMATCHED_INVOKE) == ["invoke.0"]


def test_every_parameter_that_is_set_is_used() -> None:
    found = findings((URI, MATCH))
    assert lines(found, lint_rules.UNUSED_PARAMETER) == ["install.0"]
    assert lines(findings((URI, FETCH, MATCH)), lint_rules.UNUSED_PARAMETER) == []


def test_a_parameter_for_several_components_is_used_if_one_of_them_uses_it() -> None:
    shared = (index(True), *SHARED)
    used = (index((0, 1)), URI, index(0), FETCH, MATCH)
    unused = (index(1), URI, index(0), URI, FETCH, MATCH)
    validate = (index(True), MATCH)
    for install, expected in ((used, []), (unused, ["install.1"])):
        found = findings(install, shared=shared, components=2, validate=validate)
        assert lines(found, lint_rules.UNUSED_PARAMETER) == expected


def test_what_a_severed_sequence_may_use_is_not_called_unused(example: Callable[[str], bytes]) -> None:
    envelope = open_envelope(example("example2.severed-signed.suit"))
    found = lint(envelope, attach_severed(decode_manifest(envelope.manifest), envelope))
    assert lines(found, lint_rules.UNUSED_PARAMETER) == []


def test_one_digest_has_one_size() -> None:
    found = findings((override(IMAGE), override(image_size=4), URI, FETCH, MATCH))
    assert lines(found, lint_rules.TWO_SIZES) == ["install.1"]
    other = Digest(CoseAlgorithm.SHA_256, bytes([1] * 32))
    both = override(image_digest=other, image_size=4)
    assert lines(findings((both, URI, FETCH, MATCH)), lint_rules.TWO_SIZES) == []


def test_the_shared_sequence_has_another_to_run_before() -> None:
    assert lines(findings(validate=None), lint_rules.UNRUN_CHECKS) == ["shared-sequence"]
    assert lines(findings(validate=VALIDATE), lint_rules.UNRUN_CHECKS) == []
    assert lines(findings((ABORT,), validate=None), lint_rules.UNRUN_CHECKS) == []


def test_override_multiple_and_copy_params_set_parameters_like_any_other() -> None:
    both = Step(
        Command.OVERRIDE_MULTIPLE,
        {0: {Parameter.CONTENT: b"a"}, 1: {Parameter.IMAGE_SIZE: 1, Parameter.URI: "u"}},
    )
    copy = Step(Command.COPY_PARAMS, {0: (Parameter.CONTENT,)})
    write = Step(Command.WRITE, 15)
    rule = lint_rules.UNSET_PARAMETER
    assert lines(findings((both, copy, write), components=2, shared=None, validate=None), rule) == []
    assert lines(findings((both, write), components=2, shared=None, validate=None), rule) == ["install.1"]
    missing = Step(Command.COPY_PARAMS, {0: (Parameter.URI,)})
    assert lines(findings((both, missing), components=2, shared=None, validate=None), rule) == ["install.1"]
    assert lint_rules.NO_COMPONENT_INDEX not in {
        finding.rule for finding in findings((both,), components=2, shared=None, validate=None)
    }
    outside = Step(Command.OVERRIDE_MULTIPLE, {2: {Parameter.URI: "u"}})
    found = findings((outside,), components=2, shared=None, validate=None)
    assert lines(found, lint_rules.INDEX_OUT_OF_RANGE) == ["install.0"]


TREE = (b"usr", b"bin", b"link"), (b"usr", b"bin", b"tool")
DIRECTORY, SYMLINK = (
    ComponentMetadata(file_type=FileType.DIRECTORY),
    ComponentMetadata(file_type=FileType.SYMLINK),
)


def of_tree(*install: Step) -> list[Finding]:
    manifest = Manifest(1, TREE, install=Severable((index(0), *install)), validate=(index(True), MATCH))
    return lint(with_block(seal(manifest), SIGNED), manifest)


def test_metadata_is_set_before_the_write() -> None:
    known = override(component_metadata=ComponentMetadata(5))
    content, rule = override(content=b"a"), lint_rules.LATE_METADATA
    assert lines(of_tree(known, content, WRITE), rule) == []
    assert lines(of_tree(content, WRITE, known), rule) == ["install.3"]
    assert lines(of_tree(content, WRITE, known, WRITE), rule) == []
    assert lines(of_tree(content, either((WRITE,), None), known), rule) == []
    assert lines(of_tree(content, either((WRITE, known), (ABORT,))), rule) == ["install.2.try-each.0.1"]
    assert lint_rules.UNUSED_PARAMETER in {finding.rule for finding in of_tree(known)}


def test_directories_and_links_are_made_by_write() -> None:
    rule = lint_rules.NOT_WRITTEN
    for kind in (DIRECTORY, SYMLINK):
        fetched = of_tree(override(component_metadata=kind), URI, FETCH)
        assert lines(fetched, rule) == ["install.3"]
    empty, full = override(content=b""), override(content=b"full")
    assert lines(of_tree(override(component_metadata=DIRECTORY), empty, WRITE), rule) == []
    assert lines(of_tree(override(component_metadata=DIRECTORY), full, WRITE), rule) == ["install.3"]


def test_a_link_leads_to_a_component() -> None:
    rule = lint_rules.LINK_TARGET
    for target, expected in (
        (b"tool", []),
        (b"/usr/bin/tool", []),
        (b"/etc", ["install.2"]),
        (b"../..", ["install.2"]),
    ):
        link = override(component_metadata=SYMLINK, content=target)
        assert lines(of_tree(link, WRITE), rule) == expected


def info(algorithm: CoseAlgorithm, number: int = 0) -> EncryptionInfo:
    row = recipient_item(CoseAlgorithm.A128KW, b"kek", bytes(24))
    iv = bytes([number] * SIZES[algorithm].iv)
    return parse_encryption_info(encode_encryption_info(algorithm, iv, [row]), where="info")


GCM, CTR = CoseAlgorithm.A128GCM, CoseAlgorithm.A128CTR


def test_encryption_info_serves_one_command() -> None:
    rule = lint_rules.DECRYPTED_TWICE
    first, content = override(encryption_info=info(GCM)), override(content=b"c")
    assert lines(of_tree(first, content, WRITE), rule) == []
    assert lines(of_tree(first, content, WRITE, WRITE), rule) == ["install.4"]
    other = override(encryption_info=info(GCM, 1))
    assert lines(of_tree(first, content, WRITE, other, WRITE), rule) == []
    assert lines(of_tree(first, content, either((WRITE,), None), WRITE), rule) == ["install.4"]


@pytest.mark.req("E8-1", "E4.3-1")
def test_a_digest_binds_what_is_decrypted() -> None:
    unbound, weak = lint_rules.UNBOUND_CIPHER, lint_rules.UNBOUND_PAYLOAD
    content = override(content=b"c")
    for algorithm, rule, broken in ((CTR, unbound, ["install.3"]), (GCM, weak, [])):
        given = override(encryption_info=info(algorithm))
        assert lines(of_tree(given, content, WRITE), rule) == broken
        assert lines(of_tree(given, override(IMAGE), content, WRITE), rule) == []
        fetched = of_tree(given, URI, FETCH)
        assert lines(fetched, rule) == ["install.3"]
        assert lines(of_tree(given, URI, override(IMAGE), FETCH), rule) == []


def test_a_matched_source_binds_a_copy() -> None:
    copied = (index(0), override(encryption_info=info(CTR), source_component=1), COPY)
    staged = (index(1), URI, override(IMAGE), FETCH)
    rule = lint_rules.UNBOUND_CIPHER
    assert lines(of_tree(*staged, MATCH, *copied), rule) == []
    assert lines(of_tree(*staged, *copied), rule) == ["install.7"]


def test_swap_and_a_copy_onto_itself_decrypt_nothing() -> None:
    rule = lint_rules.NOTHING_DECRYPTED
    given = override(encryption_info=info(GCM), source_component=1)
    assert lines(of_tree(index(0), given, SWAP), rule) == ["install.3"]
    assert lines(of_tree(index(1), given, COPY), rule) == ["install.3"]
    assert lines(of_tree(index(0), given, COPY), rule) == []
