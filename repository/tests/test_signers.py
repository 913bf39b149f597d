"""Keys: made privately, found by URI, checked before they are trusted."""

from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner, SSlibKey

from repository.policy import Policy, RoleKind
from repository.repository import Repository
from repository.signers import Keyring, KeyType, RoleKey, obtain, require_distinct
from repository.tests.making import VENDOR, FakeClock, client_sees, make_update
from suit.errors import KeyUnavailableError, UsageError


def role_key(base: Path, name: str) -> RoleKey:
    (base / "keys").mkdir(exist_ok=True)
    return obtain(base, name, KeyType.ECDSA)


def under_another_id(key: SSlibKey) -> SSlibKey:
    return SSlibKey("0" * 64, key.keytype, key.scheme, key.keyval)


def test_interrupted_command_finds_its_keys_again(tmp_path: Path) -> None:
    assert role_key(tmp_path, "root-1") == role_key(tmp_path, "root-1")
    assert role_key(tmp_path, "root-1") != role_key(tmp_path, "root-2")


def test_one_key_under_two_ids_is_refused(tmp_path: Path) -> None:
    signer = CryptoSigner.generate_ecdsa()
    twin = under_another_id(signer.public_key)
    with pytest.raises(UsageError, match="is the same as key"):
        require_distinct("root", [signer.public_key, twin], 2)
    keys = {RoleKind.ROOT: [RoleKey(signer.public_key, "file2:a"), RoleKey(twin, "file2:a")]}
    with pytest.raises(UsageError, match="is the same as key"):
        Repository.create(tmp_path / "repo", Policy(), keys=keys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("threshold", [0, 2])
def test_threshold_must_be_reachable(threshold: int) -> None:
    with pytest.raises(UsageError, match="needs that many keys"):
        require_distinct("targets", [CryptoSigner.generate_ed25519().public_key], threshold)


def test_ed25519_repository_works_with_plain_clients(tmp_path: Path, clock: FakeClock) -> None:
    repository = Repository.create(tmp_path / "repo", Policy(key=KeyType.ED25519), clock)
    repository.add_vendor(VENDOR, bins=2)
    update = make_update(tmp_path / "files", 1)
    repository.publish(update)
    assert {key.keytype for key in repository.head().root.keys.values()} == {"ed25519"}
    assert client_sees(repository.directory, clock.now, update.path) == update.envelope


def test_keys_may_live_elsewhere(tmp_path: Path, clock: FakeClock) -> None:
    vault = tmp_path / "a vault #1?"
    vault.mkdir()
    key = role_key(vault, "root")
    elsewhere = RoleKey(key.public, f"file2:{vault}/keys/root.pem")
    repository = Repository.create(tmp_path / "repo", clock=clock, keys={RoleKind.ROOT: [elsewhere]})
    assert not (repository.directory / "keys" / "root.pem").exists()
    assert repository.status().roles[0].here == 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_text("garbage"), "is not key"),
        (lambda path: path.write_bytes(CryptoSigner.generate_ecdsa().private_bytes), "is not key"),
        (lambda path: path.write_bytes(CryptoSigner.generate_ed25519().private_bytes), "is not key"),
        (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
    ],
    ids=["missing", "garbage", "another key", "another type", "a folder"],
)
def test_unusable_key_file_is_named_and_nothing_is_published(
    repository: Repository, clock: FakeClock, tmp_path: Path, damage: object, message: str
) -> None:
    damage(repository.directory / "keys" / "timestamp.pem")  # type: ignore[operator]
    before = repository.head().timestamp.version
    with pytest.raises(KeyUnavailableError, match=f"timestamp.*timestamp.pem.*{message}"):
        Repository.open(repository.directory, clock).publish(make_update(tmp_path, 1))
    assert repository.head().timestamp.version == before


def test_key_file_of_an_interrupted_command_must_be_a_key(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "root.pem").write_text("garbage")
    with pytest.raises(KeyUnavailableError, match="is no unencrypted PEM key"):
        obtain(tmp_path, "root", KeyType.ECDSA)


@pytest.mark.parametrize("uri", ["nonsense:x", "hsm:", "gnupg:nobody", "file:x"])
def test_unusable_uri_is_one_error(tmp_path: Path, uri: str) -> None:
    key = CryptoSigner.generate_ecdsa().public_key
    problem = Keyring(tmp_path, {key.keyid: uri}).problem(key)
    assert problem is not None
    assert key.keyid[:8] in problem
    assert "\n" not in problem


def test_secrets_stay_out_of_messages(tmp_path: Path) -> None:
    signer = CryptoSigner.generate_ecdsa()
    (tmp_path / "broken.pem").write_bytes(signer.private_bytes[:-60])
    body = signer.private_bytes.decode().splitlines()[1]
    problem = Keyring(tmp_path, {signer.public_key.keyid: "file2:broken.pem"}).problem(signer.public_key)
    assert problem is not None
    assert body not in problem
