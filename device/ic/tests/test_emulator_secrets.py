"""No secret leaves the emulator: not by repr, error, pickle, copy or file; and its key file is guarded."""

import copy
import os
import pickle
import traceback
from pathlib import Path

import pytest

from device.ic.emulator import Emulator, KeyFile, MemoryKey, sealing
from device.ic.errors import IcError, IcUnavailableError, IcUsageError, NotProvisionedError, PolicyDeniedError
from device.ic.interface import Purpose
from device.ic.tests.rig import MAC_SECRET, MESSAGE, OPENERS, SECRET, SIGNERS, Rig, manifest_ticket
from device.storage import DirectoryStorage, MemoryStorage, directory
from suit.errors import ExitCode

MAC = SIGNERS[-1]
WRONG = b"a wrong secret, not shown either"


def leaks(text: str | bytes, *secrets: bytes) -> bool:
    data = text.encode() if isinstance(text, str) else text
    return any(
        form in data
        for secret in secrets
        for form in (secret, secret.hex().encode(), repr(secret).encode(), repr(secret)[2:-1].encode())
    )


@pytest.mark.req("H6-6")
def test_no_secret_in_what_is_shown() -> None:
    rig = Rig()
    ic = rig.provision()
    session = ic.authorize(SECRET)
    report_key = vars(ic)["_state"].report_key
    openers = [key.secret for key in OPENERS]
    secrets = (SECRET, MAC_SECRET, rig.sealing_key.load(), report_key.d, *openers)
    shown = [
        ic,
        session,
        ic.info(),
        ic.keys(),
        ic.report_key(),
        ic.decryption_keys(),
        vars(ic)["_state"],
        report_key,
        rig.sealing_key,
        manifest_ticket(ic),
        vars(ic),
    ]
    for thing in shown:
        assert not leaks(repr(thing), *secrets)
        assert not leaks(str(thing), *secrets)


@pytest.mark.req("H6-6")
def test_a_ticket_does_not_show_its_proof() -> None:
    ticket = manifest_ticket(Rig().provision())
    assert not leaks(repr(ticket), ticket.proof)


@pytest.mark.req("H6-6")
def test_no_secret_in_errors_and_tracebacks() -> None:
    ic = Rig().provision()
    for act in (
        lambda: ic.authorize(WRONG),
        lambda: ic.verify(MAC.key.name, MAC.algorithm, MESSAGE, bytes(32), purpose=Purpose.MANIFEST),
        lambda: ic.verify_with(MAC.key, MAC.algorithm, MESSAGE, bytes(32)),
        lambda: pickle.dumps(ic),
    ):
        with pytest.raises(IcError) as raised:
            act()
        text = "".join(traceback.format_exception(raised.value))
        assert not leaks(text, MAC_SECRET, SECRET, WRONG)


@pytest.mark.req("H6-6")
def test_an_ic_cannot_be_pickled_or_copied() -> None:
    ic = Rig().provision()
    session = ic.authorize(SECRET)
    for thing in (ic, session):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(IcUsageError, match="pickled"):
                pickle.dumps(thing, protocol)
    for duplicate in (copy.copy, copy.deepcopy):
        with pytest.raises(IcUsageError):
            duplicate(ic)


@pytest.mark.req("H6-6")
def test_no_public_name_of_the_ic_gives_a_key() -> None:
    ic = Rig().provision()
    names = [name for name in dir(ic) if not name.startswith("_")]
    assert set(names) == {
        "advance_anchor", "anchor", "attestation_key", "authorize", "clock", "close", "decrypt_open",
        "decryption_keys", "encrypt_report",
        "extend", "floor", "hash_open", "info", "keys", "now", "objects", "open", "pcrs", "provision",
        "quote", "raise_floor", "raise_sequence", "report_key", "sign_report", "tamper",
        "unwrap", "update_anchor", "verify", "verify_with",
    }  # fmt: skip


@pytest.mark.req("H6-6")
def test_nothing_is_readable_on_the_medium(tmp_path: Path) -> None:
    with DirectoryStorage(tmp_path / "nv") as storage:
        rig = Rig(storage)
        rig.provision()
        key = rig.sealing_key.load()
    for path in (tmp_path / "nv").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            openers = [one.secret for one in OPENERS]
            assert not leaks(content, SECRET, MAC_SECRET, key, b"anchors", MAC.key.name, *openers)
            assert path.stat().st_mode & 0o077 == 0


def test_a_key_file_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    place = KeyFile(tmp_path / "secret" / "ic.key")
    assert not place.exists()
    with pytest.raises(NotProvisionedError, match=r"ic\.key"):
        place.load()
    key = place.draw()
    place.keep(key)
    assert place.exists()
    assert place.load() == key
    assert (tmp_path / "secret" / "ic.key").stat().st_mode & 0o777 == 0o400
    assert [path.name for path in (tmp_path / "secret").iterdir()] == ["ic.key"]
    with pytest.raises(PolicyDeniedError, match="provisioned before"):
        place.draw()
    with pytest.raises(PolicyDeniedError, match="exists already"):
        place.keep(bytes(32))
    assert place.load() == key


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o600 | 0o020, 0o444])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ic.key"
    path.write_bytes(bytes(32))
    path.chmod(mode)
    with pytest.raises(IcUnavailableError, match="open to other users"):
        KeyFile(path).load()


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33), bytes(4096)], ids=len)
def test_a_key_file_of_wrong_size_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ic.key"
    path.write_bytes(content)
    path.chmod(0o400)
    with pytest.raises(IcUnavailableError, match="not a sealing key") as refused:
        KeyFile(path).load()
    assert refused.value.exit_code is ExitCode.KEY


def test_a_key_file_that_is_a_link_or_directory_is_refused(tmp_path: Path) -> None:
    real = tmp_path / "real"
    KeyFile(real).keep(bytes(32))
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "directory").mkdir(mode=0o700)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "directory", "dangling"):
        with pytest.raises(IcUnavailableError, match=name):
            KeyFile(tmp_path / name).load()
        with pytest.raises(PolicyDeniedError):
            KeyFile(tmp_path / name).draw()
    with pytest.raises(PolicyDeniedError):
        KeyFile(tmp_path / "dangling").keep(bytes(32))
    assert not (tmp_path / "nowhere").exists()


def test_a_key_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner can read it, and make another of it, whatever its mode says."""
    place, fstat = KeyFile(tmp_path / "ic.key"), os.fstat
    place.keep(bytes(32))

    def owned_by(user: int) -> None:
        def told(fd: int) -> os.stat_result:
            values = list(fstat(fd))
            values[4] = user
            return os.stat_result(values)

        monkeypatch.setattr(os, "fstat", told)

    owned_by(os.geteuid() + 1)
    with pytest.raises(IcUnavailableError, match="another user"):
        place.load()
    owned_by(0)
    assert place.load() == bytes(32)


def test_every_directory_above_a_new_key_file_is_made_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut must not take the marker of provisioning away with a directory that was new."""
    synced: list[Path] = []
    for module in (sealing, directory):
        monkeypatch.setattr(module, "sync_path", synced.append)
    KeyFile(tmp_path / "a" / "b" / "ic.key").keep(bytes(32))
    assert {tmp_path, tmp_path / "a", tmp_path / "a" / "b"} <= set(synced)


def test_a_key_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(IcUnavailableError):
        KeyFile(tmp_path / "file" / "ic.key").keep(bytes(32))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_interrupted_key_file_does_not_stand_in_the_way(tmp_path: Path) -> None:
    leftover = tmp_path / "ic.key.new"
    leftover.write_bytes(b"half")
    leftover.chmod(0o400)
    place = KeyFile(tmp_path / "ic.key")
    place.keep(bytes(range(32)))
    assert place.load() == bytes(range(32))


def test_an_emulator_lives_on_a_directory_with_a_key_file(tmp_path: Path) -> None:
    key = KeyFile(tmp_path / "ic.key")
    with DirectoryStorage(tmp_path / "nv") as storage:
        Emulator.provision(storage, key, secret=SECRET, scrypt_cost=2).raise_floor("x", 7)
    with DirectoryStorage(tmp_path / "nv") as storage, Emulator.open(storage, key) as ic:
        assert ic.floor("x").value == 7
        assert ic.info().repairs == 0


def test_memory_keys_are_kept_once() -> None:
    key = MemoryKey()
    with pytest.raises(NotProvisionedError):
        key.load()
    Emulator.provision(MemoryStorage(), key)
    with pytest.raises(PolicyDeniedError):
        key.keep(bytes(32))
