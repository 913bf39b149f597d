"""The policy file: what it may say, what it must not, and that our edits spare the maintainer's."""

from datetime import timedelta
from pathlib import Path

import pytest

from repository import policy as policies
from repository.policy import Policy, RoleKind, RolePolicy, Roles, format_duration, parse_duration
from repository.repository import Repository
from repository.signers import KeyType
from repository.tests.making import OTHER_VENDOR, VENDOR, FakeClock, many_root_keys
from suit.errors import StorageError, UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("30m", 1800), ("12h", 43200), ("7d", 604800), ("2w", 1209600)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)
    assert parse_duration(format_duration(parse_duration(text))) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "d", "5 d", "-5d", "5y", "1.5d", "5d5h", "99999999d", None, 6])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    policy = Policy(key=KeyType.ED25519, roles=many_root_keys(5, 3))
    policies.create(tmp_path, policy)
    assert policies.load(tmp_path) == policy


@pytest.mark.parametrize("key", ["12345678901234567890123456789012", "1e10", "0x11", "null", "00e0", "0o17"])
def test_ids_that_look_like_numbers_stay_text(tmp_path: Path, key: str) -> None:
    policies.create(tmp_path, Policy())
    policies.record(tmp_path, vendors={key: key}, signers={key: "file2:keys/x.pem"})
    loaded = policies.load(tmp_path)
    assert (loaded.vendors, loaded.signers) == ({key: key}, {key: "file2:keys/x.pem"})


def test_comments_and_edits_survive(repository: Repository, clock: FakeClock) -> None:
    file = repository.directory / "repo.yaml"
    text = file.read_text().replace("expires: 7d}", "expires: 3d}  # the auditor wants it")
    file.write_text(text)
    opened = Repository.open(repository.directory, clock)
    opened.add_vendor(OTHER_VENDOR, name="Globex: \"quoted\" 'name' # no comment", bins=2)
    assert "# the auditor wants it" in file.read_text()
    loaded = policies.load(repository.directory)
    assert loaded.roles.timestamp.expires == timedelta(days=3)
    assert loaded.vendors[OTHER_VENDOR.hex()] == "Globex: \"quoted\" 'name' # no comment"
    assert loaded.vendors[VENDOR.hex()] == "Acme"
    assert (opened.head().timestamp.expires - clock.now) == timedelta(days=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("key: rsa", "line 1: key: "),
        ("key: ecdsa\nroels: {}", "line 2: roels: "),
        ("roles:\n  root: {expires: soon}", "line 2: roles.root.expires: 'soon' is no duration"),
        ("roles:\n  root:\n    expires: 1d\n    keys: two", "line 4: roles.root.keys: "),
        ("roles:\n  root: {expires: 1d, keys: 0}", "roles.root.keys: "),
        ("roles:\n  root: {expires: 1d, keys: true}", "roles.root.keys: "),
        ("roles:\n  root: {expires: 0d}", "roles.root.expires: "),
        ("roles:\n  root: {keys: 1}", "roles.root.expires: Field required"),
        ("key: ecdsa\nkey: ecdsa", "line 2: "),
        ("key: [", "line 1: "),
        ("- a\n- b", "the file: "),
        ("signers: {a: 1}", "signers.a: "),
        ("key: !!python/object:os.system {}", "key: "),
    ],
)
def test_wrong_policy_names_the_line(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        policies.parse(text, where="repo.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_threshold_above_the_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="root: a threshold of 3 cannot be met by 2 keys"):
        Repository.create(tmp_path / "repo", Policy(roles=many_root_keys(2, 3)))
    assert list(tmp_path.iterdir()) == []


def test_root_without_a_spare_key_is_warned_about() -> None:
    assert Policy(roles=many_root_keys(2, 2)).warnings()
    assert not Policy(roles=many_root_keys(3, 2)).warnings()
    assert not Policy().warnings()


def test_policy_that_is_not_there_or_unreadable(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no repository here"):
        policies.load(tmp_path)
    (tmp_path / "repo.yaml").mkdir()
    with pytest.raises(StorageError, match="Is a directory"):
        policies.load(tmp_path)
    (tmp_path / "repo.yaml").rmdir()
    (tmp_path / "repo.yaml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        policies.load(tmp_path)


def test_every_kind_has_its_policy() -> None:
    roles = Roles(bin=RolePolicy(timedelta(days=3)))
    assert roles.of(RoleKind.BIN).expires == timedelta(days=3)
    assert {kind.value for kind in RoleKind} == {
        field for field in Roles.__dataclass_fields__ if field[0] != "_"
    }
