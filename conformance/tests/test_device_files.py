"""A device with files, from update to fall-back: they are those of the system that runs, whatever happens."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from conformance.powercut import CrashMode, PowerCutStorage, PowerLoss
from conformance.release import ALL, FIRMWARE
from conformance.tests.lab import CAPACITY, PRODUCT, Lab, image, install
from device.agent import Device
from device.boot import Booted
from device.files import FileRules
from device.files.deployment import Files
from device.files.tree import FileTree
from device.record import BootRecord, load_record, save_record
from device.slots import Transaction
from device.storage import Storage
from spec.labels import Command, CoseAlgorithm, FileType, Parameter
from suit.cose import sign1
from suit.encode import encode_envelope
from suit.envelope import seal, with_block
from suit.errors import ComponentUnauthorisedError, NotAuthenticError, RefusedError, UnsupportedParameterError
from suit.manifest import Command as Step
from suit.manifest import ComponentId, ComponentMetadata, Digest, Manifest, Severable

BIN: ComponentId = (b"usr", b"bin")
TOOL: ComponentId = (*BIN, b"tool")
LINK: ComponentId = (b"usr", b"link")
COMPONENTS = (FIRMWARE, BIN, TOOL, LINK)
EXECUTABLE = ComponentMetadata(default_permissions=5)


class FileLab(Lab):
    """A bench whose device has firmware, a directory, a tool in it and a link to the tool."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    @override
    @contextmanager
    def device(
        self, storage: Storage, *, serves: int | bytes = 1, wait_seconds: int | None = None
    ) -> Iterator[Device]:
        with super().device(storage, serves=serves, wait_seconds=wait_seconds) as device:
            rules = FileRules(frozenset({BIN, TOOL, LINK}), links={LINK: frozenset({b"/dev/null"})})
            device._policy = replace(
                device._policy,
                capacities=dict.fromkeys(COMPONENTS, CAPACITY),
                files=Files(rules, FileTree(self.root)),
            )
            yield device

    @override
    def envelope(self, number: int, content: bytes | None = None, **changes: Any) -> bytes:
        tool = image(number) if content is None else content
        target = changes.get("target", b"/usr/bin/tool")
        wanted = {
            FIRMWARE: (None, image(number)),
            BIN: (ComponentMetadata(file_type=FileType.DIRECTORY), b""),
            TOOL: (changes.get("tool", EXECUTABLE), tool),
            LINK: (ComponentMetadata(file_type=FileType.SYMLINK), target),
        }
        steps, matches = [], []
        for index, (metadata, held) in enumerate(wanted.values()):
            parameters: dict[Any, Any] = {
                Parameter.CONTENT: held,
                Parameter.IMAGE_DIGEST: Digest(CoseAlgorithm.SHA_256, hashlib.sha256(held).digest()),
            }
            if metadata is not None:
                parameters[Parameter.COMPONENT_METADATA] = metadata
            steps += [Step(Command.SET_COMPONENT_INDEX, index), Step(Command.OVERRIDE_PARAMETERS, parameters)]
            matches += [Step(Command.SET_COMPONENT_INDEX, index), Step(Command.IMAGE_MATCH, ALL)]
        identity = {
            Parameter.VENDOR_IDENTIFIER: PRODUCT.vendor,
            Parameter.CLASS_IDENTIFIER: PRODUCT.class_id,
        }
        writes = [
            step
            for index in range(len(wanted))
            for step in (Step(Command.SET_COMPONENT_INDEX, index), Step(Command.WRITE, 2))
        ]
        shared = (
            Step(Command.SET_COMPONENT_INDEX, 0),
            Step(Command.OVERRIDE_PARAMETERS, identity),
            Step(Command.VENDOR_IDENTIFIER, ALL),
            Step(Command.CLASS_IDENTIFIER, ALL),
            *steps,
        )
        manifest = Manifest(
            number,
            COMPONENTS,
            shared_sequence=shared,
            install=Severable(tuple(writes)),
            validate=tuple(matches),
            invoke=(Step(Command.SET_COMPONENT_INDEX, 0), Step(Command.INVOKE, 2)),
        )
        envelope = seal(manifest)
        return encode_envelope(with_block(envelope, sign1(envelope.digest_bytes, self.author)))

    def boot(self, storage: Storage) -> Booted:
        with self.device(storage) as device:
            return device.boot()

    def tools(self) -> list[bytes]:
        """Return the content of the tool, opened by its name and through the link."""
        usr = self.root / "current" / "usr"
        return [(usr / "bin" / "tool").read_bytes(), (usr / "link").read_bytes()]


@pytest.fixture
def lab(tmp_path: Path) -> FileLab:
    return FileLab(tmp_path / "files")


@pytest.fixture
def storage(lab: FileLab) -> PowerCutStorage:
    storage = PowerCutStorage()
    lab.provision(storage)
    lab.run(storage, 1)
    return storage


@pytest.mark.req("U4.6-3", "U8-1")
def test_files_appear_when_their_system_starts_and_go_when_it_falls_back(
    lab: FileLab, storage: PowerCutStorage
) -> None:
    assert lab.tools() == [image(1)] * 2
    assert (lab.root / "current" / "usr" / "bin" / "tool").stat().st_mode & 0o7777 == 0o555
    lab.install(storage, 2)
    assert lab.tools() == [image(1)] * 2
    assert lab.boots(storage) == 2
    assert lab.tools() == [image(2)] * 2
    assert lab.boots(storage) == 1  # the trial was not confirmed
    assert lab.tools() == [image(1)] * 2


def test_a_tree_that_was_damaged_is_whole_after_a_boot(lab: FileLab, storage: PowerCutStorage) -> None:
    shutil.rmtree(lab.root)
    lab.boots(storage)
    assert lab.tools() == [image(1)] * 2


@pytest.mark.req("U4.6-1", "U8-2")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"target": b"/etc/passwd"}, ComponentUnauthorisedError),
        ({"target": b"../../etc/passwd"}, ComponentUnauthorisedError),
        ({"tool": ComponentMetadata(creator="root")}, UnsupportedParameterError),
        ({"tool": ComponentMetadata(default_permissions=1 << 7)}, UnsupportedParameterError),
        ({"tool": ComponentMetadata(creation_time=1)}, UnsupportedParameterError),
    ],
)
def test_what_may_not_be_is_refused_and_changes_nothing(
    lab: FileLab, storage: PowerCutStorage, changes: dict[str, Any], error: type[RefusedError]
) -> None:
    record = load_record(storage)
    with lab.device(storage) as device, pytest.raises(error):
        install(device, lab.envelope(2, **changes))
    assert load_record(storage) == record
    assert lab.boots(storage) == 1
    assert lab.tools() == [image(1)] * 2


def test_a_link_that_the_device_allows_leads_out(lab: FileLab, storage: PowerCutStorage) -> None:
    with lab.device(storage) as device:
        install(device, lab.envelope(2, target=b"/dev/null"))
    lab.boots(storage)
    assert (lab.root / "current" / "usr" / "link").readlink() == Path("/dev/null")


@pytest.mark.req("U4.6-1", "M4.2-1")
def test_metadata_in_a_forged_boot_record_is_not_believed(lab: FileLab, storage: PowerCutStorage) -> None:
    """Storage may have been written to by anybody: permissions come from the signed manifest alone."""
    lab.install(storage, 2)
    record = load_record(storage)
    assert record.trial is not None
    forged = replace(record.trial, metadata={**record.trial.metadata, TOOL: ComponentMetadata(7)})
    save_record(storage, replace(record, trial=forged))
    assert lab.boots(storage) == 1
    assert "does not set its metadata" in load_record(storage).failure
    assert lab.tools() == [image(1)] * 2
    confirmed = load_record(storage).confirmed
    assert confirmed is not None
    forged = replace(confirmed, metadata={**confirmed.metadata, TOOL: ComponentMetadata(7)})
    save_record(storage, BootRecord(9, confirmed=forged))
    with pytest.raises(NotAuthenticError):
        lab.boot(storage)
    assert lab.tools() == [image(1)] * 2


@pytest.mark.req("U4.6-1")
def test_what_the_manifest_does_not_vouch_for_stays_out(lab: FileLab, storage: PowerCutStorage) -> None:
    """A dependency may set metadata too; the boot would have no word of the root's for it."""
    record = load_record(storage)
    rules = FileRules(frozenset({BIN, TOOL, LINK}))
    with lab.device(storage) as device:
        written = Transaction(storage, device.ic, dict.fromkeys(COMPONENTS, CAPACITY), record, rules)
        written.write_file(TOOL, [b"new"], EXECUTABLE)
        silent = Manifest(2, (FIRMWARE,))
        with pytest.raises(NotAuthenticError):
            written.vouch(silent)
        kept = Transaction(storage, device.ic, dict.fromkeys(COMPONENTS, CAPACITY), record, rules)
        kept.vouch(silent)
        assert kept.seal(b"", 2, bytes(32), ()).metadata == {}


def test_a_record_from_before_there_were_files_is_read(storage: PowerCutStorage) -> None:
    record = load_record(storage)
    assert record.confirmed is not None
    assert set(record.confirmed.metadata) == {BIN, TOOL, LINK}
    bare = replace(record.confirmed, metadata={})
    assert save_record(storage, replace(record, confirmed=bare)).confirmed == load_record(storage).confirmed


@pytest.mark.req("M6.3.1-1", "H7-9")
@pytest.mark.parametrize("mode", [CrashMode.LOSE, CrashMode.TORN])
def test_after_a_power_cut_the_files_are_those_of_the_system_that_boots(
    lab: FileLab, storage: PowerCutStorage, mode: CrashMode
) -> None:
    before = storage.after_power_loss().files()

    def play(on: Storage) -> None:
        lab.install(on, 2)
        with lab.device(on) as device:
            device.boot()
            device.confirm()

    whole = PowerCutStorage(before)
    play(whole)
    for stop in range(0, whole.operations + 1, 3):
        cut = PowerCutStorage(before, stop=stop, mode=mode, seed=stop)
        with suppress(PowerLoss):
            play(cut)
        survivor = cut.after_power_loss()
        runs = lab.boots(survivor)
        assert lab.tools() == [image(runs)] * 2, stop
