"""Renewing in time, and saying so when it cannot be done."""

from datetime import timedelta
from pathlib import Path

import pytest

from repository.policy import Policy, RolePolicy, Roles
from repository.repository import Repository
from repository.tests.making import VENDOR, FakeClock, client_sees, make_update, public_state
from suit.errors import ExpiredError, KeyUnavailableError, NothingToDoError
from suit.target import bin_prefix, vendor_role


def take_away(repository: Repository, *names: str) -> None:
    for name in names:
        (repository.directory / "keys" / f"{name}.pem").unlink()


def reopened(repository: Repository, clock: FakeClock) -> Repository:
    return Repository.open(repository.directory, clock)


def test_nothing_is_due_on_the_first_day(repository: Repository) -> None:
    before = public_state(repository)
    with pytest.raises(NothingToDoError):
        repository.bump()
    assert public_state(repository) == before


def test_only_what_is_due_is_signed_anew(repository: Repository, clock: FakeClock) -> None:
    clock.pass_days(4)
    assert repository.bump().signed == ("timestamp",)
    clock.pass_days(22)
    assert repository.bump().signed == ("snapshot", "timestamp")
    with pytest.raises(NothingToDoError):
        repository.bump()


def test_bins_take_snapshot_and_timestamp_with_them(repository: Repository, clock: FakeClock) -> None:
    clock.pass_days(86)
    bins = tuple(f"{bin_prefix(VENDOR)}-{number}" for number in range(4))
    assert repository.bump().signed == (*bins, "snapshot", "timestamp")


def test_daily_bump_keeps_a_repository_alive_for_years(
    repository: Repository, clock: FakeClock, tmp_path: Path
) -> None:
    update = make_update(tmp_path, 1)
    repository.publish(update)
    for _ in range(800 // 4):
        clock.pass_days(4)
        try:
            repository.bump()
        except NothingToDoError:
            continue
    assert client_sees(repository.directory, clock.now, update.path) == update.envelope
    assert repository.head().root.version > 2
    assert {role.state for role in repository.status().roles} == {"ok"}


def test_everything_expired_comes_back_to_life(
    repository: Repository, clock: FakeClock, tmp_path: Path
) -> None:
    update = make_update(tmp_path, 1)
    repository.publish(update)
    clock.pass_days(1000)
    assert {role.state for role in repository.status().roles} == {"expired"}
    repository.bump()
    assert client_sees(repository.directory, clock.now, update.path) == update.envelope


def test_short_lives_are_not_always_due(tmp_path: Path, clock: FakeClock) -> None:
    policy = Policy(roles=Roles(timestamp=RolePolicy(timedelta(days=1))))
    repository = Repository.create(tmp_path / "repo", policy, clock)
    clock.pass_days(0.4)
    with pytest.raises(NothingToDoError):
        repository.bump()
    clock.pass_days(0.2)
    assert repository.bump().signed == ("timestamp",)


def test_explicit_due_counts_for_every_role(repository: Repository) -> None:
    signed = repository.bump(timedelta(days=400)).signed
    assert {"root", "targets", "snapshot", "timestamp", vendor_role(VENDOR)} <= set(signed)


def test_offline_keys_are_named_and_the_rest_is_renewed(repository: Repository, clock: FakeClock) -> None:
    take_away(repository, "root", "targets", vendor_role(VENDOR))
    clock.pass_days(362)
    done = reopened(repository, clock).bump()
    assert set(done.overdue) == {"root", "targets", vendor_role(VENDOR)}
    assert "root.pem" in done.overdue["root"]
    assert done.expired == ()
    assert {"snapshot", "timestamp"} <= set(done.signed)


@pytest.mark.parametrize("role", ["root", "targets"])
def test_what_clients_would_refuse_is_not_published(
    repository: Repository, clock: FakeClock, role: str
) -> None:
    take_away(repository, role)
    clock.pass_days(366)
    before = public_state(repository)
    with pytest.raises(ExpiredError, match=f"{role} expired and cannot be signed here"):
        reopened(repository, clock).bump()
    assert public_state(repository) == before


def test_one_expired_vendor_does_not_stop_the_others(repository: Repository, clock: FakeClock) -> None:
    take_away(repository, vendor_role(VENDOR))
    clock.pass_days(366)
    done = reopened(repository, clock).bump()
    assert done.expired == (vendor_role(VENDOR),)
    assert {"root", "targets", "timestamp"} <= set(done.signed)


def test_without_the_timestamp_key_nothing_is_published(repository: Repository, clock: FakeClock) -> None:
    take_away(repository, "timestamp")
    clock.pass_days(6)
    before = public_state(repository)
    with pytest.raises(KeyUnavailableError, match="timestamp is due"):
        reopened(repository, clock).bump()
    assert public_state(repository) == before


def test_publish_needs_no_offline_key(repository: Repository, clock: FakeClock, tmp_path: Path) -> None:
    take_away(repository, "root", "targets", vendor_role(VENDOR))
    update = make_update(tmp_path, 1)
    opened = reopened(repository, clock)
    opened.publish(update)
    assert client_sees(repository.directory, clock.now, update.path) == update.envelope
    here = {role.name: role.here for role in opened.status().roles}
    assert (here["root"], here["targets"], here["timestamp"]) == (0, 0, 1)
