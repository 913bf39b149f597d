"""suit.supported: an envelope held against a device's capability report."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from spec.labels import Capability, Command, CoseAlgorithm, Manifest, Parameter, VersionComparison
from suit.commands import ARGUMENTS, VALUES
from suit.cose import sign1
from suit.decode import MEMBERS
from suit.encode import encode_envelope
from suit.envelope import seal, sever, with_block
from suit.errors import ExitCode
from suit.manifest import SEVERABLE, Digest, Envelope, Severable, VersionMatch
from suit.manifest import Command as Step
from suit.manifest import Manifest as Body
from suit.report import Capabilities, ComponentCapability, Report, encode_report
from suit.report_cli import cli
from suit.report_seal import seal_report
from suit.signer import KeyType, generate
from suit.supported import unsupported

AUTHOR: Final = generate(KeyType.P256)
DIGEST: Final = Digest(CoseAlgorithm.SHA_384, bytes(48))
BODY: Final = Body(
    sequence_number=1,
    components=((b"fs", b"app"), (b"\x00",)),
    shared_sequence=(
        Step(Command.SET_COMPONENT_INDEX, 0),
        Step(Command.OVERRIDE_MULTIPLE, {0: {Parameter.IMAGE_DIGEST: DIGEST}}),
    ),
    install=Severable(
        (
            Step(Command.SET_COMPONENT_INDEX, 0),
            Step(
                Command.RUN_SEQUENCE,
                (
                    Step(
                        Command.TRY_EACH,
                        (
                            (
                                Step(
                                    Command.OVERRIDE_PARAMETERS,
                                    {Parameter.VERSION: VersionMatch(VersionComparison.EQUAL, (1,))},
                                ),
                                Step(Command.VERSION, 15),
                            ),
                            None,
                        ),
                    ),
                ),
            ),
        ),
        digest=None,
    ),
)
ALL: Final = Capabilities(
    (ComponentCapability((b"fs",), prefix=True), ComponentCapability((b"\x00",))),
    {
        Capability.COMMAND_CAPABILITIES: tuple(one.value for one in ARGUMENTS),
        Capability.PARAMETERS_CAPABILITIES: tuple(one.value for one in VALUES),
        Capability.CRYPT_ALGO_CAPABILITIES: tuple(one.value for one in CoseAlgorithm),
        Capability.MANIFEST_CAPABILITIES: tuple(MEMBERS),
        Capability.ENVELOPE_CAPABILITIES: tuple(one.value for one in SEVERABLE),
    },
)


@pytest.fixture(scope="module")
def envelope() -> Envelope:
    sealed = seal(BODY, sever=(Manifest.INSTALL,))
    return with_block(sealed, sign1(sealed.digest_bytes, AUTHOR))


def without(kind: Capability, *numbers: int) -> Capabilities:
    kept = tuple(number for number in ALL.lists[kind] if number not in numbers)
    return replace(ALL, lists={**ALL.lists, kind: kept})


@pytest.mark.req("U1-2")
@pytest.mark.parametrize(
    ("told", "missing"),
    [
        (ALL, []),
        (without(Capability.COMMAND_CAPABILITIES, Command.VERSION.value), ["command version"]),
        (
            without(Capability.COMMAND_CAPABILITIES, Command.OVERRIDE_MULTIPLE.value),
            ["command override-multiple"],
        ),
        (without(Capability.PARAMETERS_CAPABILITIES, Parameter.VERSION.value), ["parameter version"]),
        (
            without(Capability.PARAMETERS_CAPABILITIES, Parameter.IMAGE_DIGEST.value),
            ["parameter image-digest"],
        ),
        (without(Capability.CRYPT_ALGO_CAPABILITIES, CoseAlgorithm.SHA_384.value), ["algorithm sha-384"]),
        (without(Capability.CRYPT_ALGO_CAPABILITIES, CoseAlgorithm.ESP256.value), ["signature by esp256"]),
        (without(Capability.MANIFEST_CAPABILITIES, Manifest.INSTALL.value), ["manifest member install"]),
        (without(Capability.ENVELOPE_CAPABILITIES, Manifest.INSTALL.value), ["envelope member install"]),
        (replace(ALL, components=ALL.components[:1]), ["component 00"]),
        (
            replace(ALL, components=(ComponentCapability((b"fs",)), *ALL.components[1:])),
            ["component 6673.617070"],
        ),
        (
            replace(ALL, lists={kind: row for kind, row in ALL.lists.items() if kind.value <= 4}),
            [],
        ),
    ],
)
def test_what_a_device_does_not_list_is_named(
    envelope: Envelope, told: Capabilities, missing: list[str]
) -> None:
    assert unsupported(envelope, told) == missing


def test_one_signature_that_the_device_knows_is_enough(envelope: Envelope) -> None:
    second = generate(KeyType.ED25519)
    both = with_block(envelope, sign1(envelope.digest_bytes, second))
    both = replace(both, blocks=(*both.blocks, b"\xd2\x80"))
    assert unsupported(both, without(Capability.CRYPT_ALGO_CAPABILITIES, CoseAlgorithm.ESP256.value)) == []


def test_what_was_severed_is_not_called_supported(envelope: Envelope) -> None:
    assert unsupported(sever(envelope, (Manifest.INSTALL,)), ALL) == ["whatever install has: it was severed"]


@pytest.mark.req("U1-2")
def test_supported_at_the_prompt(envelope: Envelope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.suit").write_bytes(encode_envelope(envelope))
    Path("key").write_bytes(AUTHOR.public.to_cose())

    def run(told: Capabilities | None, *options: str) -> tuple[int, str]:
        report = Report("", DIGEST, capabilities=told)
        Path("r.cbor").write_bytes(seal_report(encode_report(report), AUTHOR))
        base = ["supported", "m.suit", "--report", "r.cbor", "--key", "key"]
        result = CliRunner().invoke(cli, [*base, *options])
        return result.exit_code, result.output

    assert run(ALL)[0] == 0
    code, output = run(without(Capability.COMMAND_CAPABILITIES, Command.VERSION.value))
    assert (code, output.splitlines()[0]) == (ExitCode.REFUSED.value, "command version")
    told = json.loads(run(replace(ALL, components=ALL.components[:1]), "--json")[1].splitlines()[0])
    assert (told["ok"], told["data"]["unsupported"]) == (False, ["component 00"])
    assert run(None)[0] == ExitCode.USAGE.value
