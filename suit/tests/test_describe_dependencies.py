"""suit.describe: trust-domain members, and dependencies that come from files."""

from pathlib import Path

import pytest

from spec.labels import Command, Parameter
from spec.labels import Manifest as Member
from suit.attest import attest
from suit.decode import attach_severed, decode_manifest
from suit.describe import build
from suit.encode import encode_envelope
from suit.envelope import open_envelope
from suit.errors import StorageError, UsageError
from suit.manifest import Dependency, Envelope, Manifest
from suit.signer import KeyType, generate

KEY = generate(KeyType.P256)
LIBRARY = """\
manifest-sequence-number: 3
components: {library: [01]}
install:
  - override-parameters: {content: {text: the library}}
  - write
"""
ROOT = """\
manifest-sequence-number: 1
manifest-component-id: [{text: root}]
components: {firmware: [00], below: [{text: library}]}
dependencies:
  below: {file: library.yaml}
integrated-dependencies: {"#library": below}
shared-sequence:
  - set-component-index: below
  - override-parameters: {image: {dependency: below}, uri: "#library"}
dependency-resolution:
  - set-component-index: below
  - fetch
  - dependency-integrity
  - process-dependency
install:
  - set-component-index: below
  - process-dependency
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "library.yaml").write_text(LIBRARY)
    return tmp_path


def made(text: str, directory: Path) -> tuple[Envelope, Manifest]:
    envelope = open_envelope(encode_envelope(build(text, name="root.yaml", directory=directory)))
    return envelope, attach_severed(decode_manifest(envelope.manifest), envelope)


def problem(text: str, directory: Path) -> str:
    with pytest.raises(UsageError) as caught:
        made(text, directory)
    return str(caught.value)


def test_every_member_of_trust_domains_is_expressed(directory: Path) -> None:
    text = ROOT.replace("below: {file", "below: {prefix: [{text: app}, 01], file")
    text += """\
candidate-verification:
  - set-component-index: below
  - is-dependency
uninstall:
  - set-component-index: [below]
  - set-parameters: {uri: elsewhere}
  - unlink
severable: [dependency-resolution, candidate-verification]
"""
    envelope, manifest = made(text, directory)
    assert manifest.component_id == (b"root",)
    assert manifest.dependencies == {1: Dependency((b"app", b"\x01"))}
    labels = [step.label for step in manifest.uninstall or ()]
    assert labels == [Command.SET_COMPONENT_INDEX, Command.SET_PARAMETERS, Command.UNLINK]
    assert set(envelope.severed) == {Member.DEPENDENCY_RESOLUTION, Member.CANDIDATE_VERIFICATION}
    for member in (manifest.dependency_resolution, manifest.candidate_verification):
        assert member is not None
        assert member.digest is not None
        assert member.value


@pytest.mark.req("T5.2.2-2", "T8.1.1-1")
@pytest.mark.parametrize("name", ["library.yaml", "library.suit"])
def test_digest_size_and_payload_of_a_dependency_come_from_its_file(name: str, directory: Path) -> None:
    library = attest(build(LIBRARY, name="library.yaml", directory=directory), [KEY])
    (directory / "library.suit").write_bytes(encode_envelope(library))
    envelope, manifest = made(ROOT.replace("library.yaml", name), directory)
    inner = open_envelope(envelope.payloads["#library"])
    assert inner.manifest == library.manifest
    assert manifest.shared_sequence is not None
    parameters = manifest.shared_sequence[1].argument
    assert parameters[Parameter.IMAGE_DIGEST] == library.digest
    assert parameters[Parameter.IMAGE_SIZE] == len(envelope.payloads["#library"])
    assert bool(inner.blocks) is (name == "library.suit")


def test_a_digest_alone_may_be_that_of_a_dependency(directory: Path) -> None:
    text = ROOT.replace("image: {dep", "image-digest: {dep")
    _, manifest = made(text, directory)
    assert manifest.shared_sequence is not None
    digest = manifest.shared_sequence[1].argument[Parameter.IMAGE_DIGEST]
    assert digest == build(LIBRARY, name="x", directory=directory).digest


def test_dependencies_that_are_built_on_the_way_are_signed_with_the_root(directory: Path) -> None:
    root = build(ROOT, name="root.yaml", directory=directory, finish=lambda one: attest(one, [KEY]))
    assert not root.blocks
    assert len(open_envelope(root.payloads["#library"]).blocks) == 1


@pytest.mark.parametrize(
    ("line", "change", "words"),
    [
        (5, ("below: {file", "beyond: {file"), "there is no component 'beyond'"),
        (5, ("file: library.yaml", "file: nothing.bin"), "neither an envelope nor a description"),
        (5, ("file: library.yaml", "file: broken.suit"), "broken.suit is no envelope: envelope"),
        (5, ("file: library.yaml", "prefix: []"), "at least one"),
        (5, ("file: library.yaml", "prefx: [00]"), "perhaps prefix is meant"),
        (6, ('"#library": below', '"#library": firmware'), "no dependency firmware; there are below"),
        (9, ("dependency: below", "dependency: other"), "no dependency other"),
        (9, ("dependency: below", "dependency: below, algorithm: sha-384"), "goes with file or payload"),
        (9, ("dependency: below", 'payload: "#library"'), "there is no integrated payload #library"),
    ],
)
def test_a_wrong_dependency_is_refused_with_its_line(
    line: int, change: tuple[str, str], words: str, directory: Path
) -> None:
    (directory / "nothing.bin").write_bytes(b"\xff\xfe\xfd")
    (directory / "broken.suit").write_bytes(b"\xd8\x6b\xa0")
    message = problem(ROOT.replace(*change), directory)
    assert message.startswith(f"root.yaml:{line}: ")
    assert words in message


def test_a_dependency_needs_its_file_where_something_is_taken_from_it(directory: Path) -> None:
    message = problem(ROOT.replace("{file: library.yaml}", "{}"), directory)
    assert message.startswith("root.yaml:9: ")
    assert "the dependency below has no file" in message


def test_an_error_in_the_description_of_a_dependency_names_its_own_line(directory: Path) -> None:
    (directory / "library.yaml").write_text(LIBRARY.replace("- write", "- wirte"))
    message = problem(ROOT, directory)
    assert message.startswith(f"{directory}/library.yaml:5: ")


def test_a_missing_file_is_named_with_the_line(directory: Path) -> None:
    (directory / "library.yaml").unlink()
    with pytest.raises(StorageError, match=r"root\.yaml:5: library\.yaml: No such file"):
        made(ROOT, directory)


def test_one_uri_names_one_thing(directory: Path) -> None:
    both = ROOT + 'integrated-payloads: {"#library": {text: other}}\n'
    assert "an integrated payload has this URI too" in problem(both, directory)


def test_a_description_that_depends_on_itself_is_refused(directory: Path) -> None:
    (directory / "root.yaml").write_text(ROOT.replace("library.yaml", "root.yaml"))
    message = problem((directory / "root.yaml").read_text(), directory)
    assert "root.yaml depends on itself" in message


def test_descriptions_are_nested_four_deep_at_most(directory: Path) -> None:
    for level in range(5):
        (directory / f"{level}.yaml").write_text(ROOT.replace("library.yaml", f"{level + 1}.yaml"))
    (directory / "4.yaml").write_text(LIBRARY)
    made((directory / "0.yaml").read_text(), directory)
    (directory / "4.yaml").write_text(ROOT.replace("library.yaml", "5.yaml"))
    (directory / "5.yaml").write_text(LIBRARY)
    assert "nested deeper than 4 levels" in problem((directory / "0.yaml").read_text(), directory)
