"""The whole flow, judged by python-tuf's own client over HTTP."""

import json
import stat
from pathlib import Path

import pytest
from tuf.api.metadata import DelegatedRole, SuccinctRoles, TargetFile

from repository.policy import Policy
from repository.repository import Repository
from repository.serve import serving
from repository.signers import Keyring
from repository.tests.making import (
    CLASS,
    OTHER_VENDOR,
    VENDOR,
    FakeClock,
    download,
    make_update,
    many_root_keys,
    plain_client,
)
from repository.transaction import Transaction
from suit.decode import decode_manifest
from suit.envelope import open_envelope
from suit.errors import NothingToDoError
from suit.target import TargetInfo, bin_prefix, target_path, vendor_role


def test_plain_client_downloads_every_target(
    repository: Repository, clock: FakeClock, tmp_path: Path
) -> None:
    channels = [f"ring-{number}" for number in range(12)]
    updates = [make_update(tmp_path / "files", 1, channel=channel) for channel in channels]
    used = {repository.publish(update).role for update in updates}
    assert len(used) > 1, "the targets are spread over several bins"
    with (
        serving(repository.directory) as url,
        plain_client(repository.root_file.read_bytes(), f"{url}/", clock.now) as client,
    ):
        for update in updates:
            assert download(client, update.path) == update.envelope
        assert download(client, target_path(VENDOR, CLASS, "unheard-of")) is None


def test_every_bin_answers_even_when_it_is_empty(repository: Repository, clock: FakeClock) -> None:
    with (
        serving(repository.directory) as url,
        plain_client(repository.root_file.read_bytes(), f"{url}/", clock.now) as client,
    ):
        for number in range(32):
            assert client.get_targetinfo(target_path(VENDOR, CLASS, f"channel-{number}")) is None


def test_new_release_replaces_the_old_one_and_keeps_its_bytes(
    repository: Repository, clock: FakeClock, tmp_path: Path
) -> None:
    old, new = make_update(tmp_path / "a", 1, b"one"), make_update(tmp_path / "b", 2, b"two")
    assert repository.publish(old).replaced is None
    assert repository.publish(new).replaced == 1
    with (
        serving(repository.directory) as url,
        plain_client(repository.root_file.read_bytes(), f"{url}/", clock.now) as client,
    ):
        assert download(client, new.path) == new.envelope
    stored = [file.read_bytes() for file in (repository.public / "targets").rglob("*.suit")]
    assert sorted(stored) == sorted([old.envelope, new.envelope])
    payloads = [file.read_bytes() for file in (repository.public / "content").rglob("*") if file.is_file()]
    assert sorted(payloads) == [b"one", b"two"]


def test_custom_says_what_the_manifest_says(repository: Repository, clock: FakeClock, tmp_path: Path) -> None:
    update = make_update(tmp_path, 7)
    repository.publish(update)
    with (
        serving(repository.directory) as url,
        plain_client(repository.root_file.read_bytes(), f"{url}/", clock.now) as client,
    ):
        target = client.get_targetinfo(update.path)
    assert target is not None
    envelope = open_envelope(update.envelope)
    info = TargetInfo.from_custom(target.custom["suit"], where=update.path)
    info.require_equal(envelope, decode_manifest(envelope.manifest))
    assert info.sequence_number == 7


def test_roles_are_those_of_the_binding(repository: Repository) -> None:
    head = repository.head()
    assert head.root.consistent_snapshot
    assert not head.targets.targets, "the top level only delegates"
    delegations = head.targets.delegations
    assert delegations is not None
    assert delegations.roles is not None
    role = delegations.roles[vendor_role(VENDOR)]
    assert isinstance(role, DelegatedRole)
    assert (role.paths, role.terminating) == ([f"{VENDOR.hex()}/*/*"], True)
    below = head.role(vendor_role(VENDOR)).delegations
    assert below is not None
    assert isinstance(below.succinct_roles, SuccinctRoles)
    assert below.succinct_roles.name_prefix == bin_prefix(VENDOR)
    assert below.succinct_roles.keyids != role.keyids, "bins have their own, online key"
    assert head.timestamp.snapshot_meta.hashes, "timestamp binds the bytes of snapshot"
    assert all(meta.hashes is None for meta in head.snapshot.meta.values())


def test_root_with_a_threshold_bootstraps_a_client(tmp_path: Path, clock: FakeClock) -> None:
    policy = Policy(roles=many_root_keys(3, 2))
    repository = Repository.create(tmp_path / "repo", policy, clock)
    assert repository.head().root.roles["root"].threshold == 2
    with (
        serving(repository.directory) as url,
        plain_client(repository.root_file.read_bytes(), f"{url}/", clock.now) as client,
    ):
        client.refresh()


@pytest.mark.req("H4-3")
def test_a_vendor_cannot_speak_for_another(repository: Repository, clock: FakeClock, tmp_path: Path) -> None:
    repository.add_vendor(OTHER_VENDOR, bins=2)
    honest = make_update(tmp_path, 1, vendor=OTHER_VENDOR)
    repository.publish(honest)
    forged = make_update(tmp_path, 9, b"forged", vendor=OTHER_VENDOR)
    head = repository.head()
    target = TargetFile.from_data(forged.path, forged.envelope, ["sha256"])
    repository.store.put_immutable(f"targets/{target.get_prefixed_paths()[0]}", [forged.envelope])
    only_mine = {
        keyid: uri for keyid, uri in repository.policy.signers.items() if OTHER_VENDOR.hex() not in uri
    }
    keyring = Keyring(repository.directory, only_mine)
    transaction = Transaction(
        repository.store, keyring, repository.policy, clock(), root=head.root, head=head
    )
    for number in range(4):  # every bin of ours claims the other vendor's path
        transaction.edit(f"{bin_prefix(VENDOR)}-{number}").targets[forged.path] = target
    assert transaction.commit()
    with (
        serving(repository.directory) as url,
        plain_client(repository.root_file.read_bytes(), f"{url}/", clock.now) as client,
    ):
        assert download(client, honest.path) == honest.envelope


def test_private_half_is_private(repository: Repository) -> None:
    keys = repository.directory / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys.iterdir())
    assert stat.S_IMODE((repository.directory / "repo.yaml").stat().st_mode) == 0o600
    text = b"".join(file.read_bytes() for file in repository.public.rglob("*") if file.is_file())
    assert b"PRIVATE" not in text
    assert b"file2:" not in text, "where keys are is nobody's business"


def test_timestamp_says_when_it_was_made(repository: Repository) -> None:
    raw = json.loads((repository.public / "metadata" / "timestamp.json").read_text())
    assert raw["signed"]["x-hardsuit-issued"] == "2030-01-01T00:00:00Z"


def test_adding_a_vendor_twice_changes_nothing(repository: Repository) -> None:
    before = repository.head().timestamp.version
    with pytest.raises(NothingToDoError):
        repository.add_vendor(VENDOR)
    assert repository.head().timestamp.version == before
