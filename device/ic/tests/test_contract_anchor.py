"""Contract: the TUF anchor and trusted time."""

from dataclasses import replace
from typing import Any

import pytest

from device.ic.errors import IcRollbackError, NotProvisionedError, PolicyDeniedError
from device.ic.interface import AnchorRecord, RoleFloor, SecurityIC
from device.ic.rules import TIME_LEAP
from device.ic.tests.rig import NOW, ROOT, SECRET, Rig, manifest_ticket, presented_ticket

GIVEN = AnchorRecord(3, b"\x03" * 32, RoleFloor(2, 10), RoleFloor(1, 20), NOW)


def advanced(ic: SecurityIC, record: AnchorRecord) -> AnchorRecord:
    return ic.advance_anchor(record, proof=[presented_ticket(ic)])


@pytest.fixture
def anchored(ic: SecurityIC) -> SecurityIC:
    advanced(ic, GIVEN)
    return ic


def test_the_anchor_begins_where_it_was_pinned(ic: SecurityIC) -> None:
    assert ic.anchor() == ROOT


def test_the_anchor_advances_as_a_whole_and_survives_a_restart(rig: Rig) -> None:
    assert advanced(rig.provision(), GIVEN) == GIVEN
    assert rig.restart().anchor() == GIVEN


def test_an_advance_is_one_commit(ic: SecurityIC) -> None:
    generation = ic.info().generation
    advanced(ic, GIVEN)
    assert ic.info().generation == generation + 1


@pytest.mark.req("H5-2", "H5-4")
@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"root_version": 2}, "TUF root: 2 is below 3"),
        ({"timestamp": RoleFloor(2, 9)}, "TUF timestamp: 9 is below 10"),
        ({"timestamp": RoleFloor(1, 11)}, "TUF timestamp keyset: 1 is below 2"),
        ({"snapshot": RoleFloor(1, 19)}, "TUF snapshot: 19 is below 20"),
        ({"snapshot": RoleFloor(0, 21)}, "TUF snapshot keyset: 0 is below 1"),
        ({"time_floor": NOW - 1}, "time floor"),
    ],
    ids=["root", "timestamp", "timestamp-keyset", "snapshot", "snapshot-keyset", "time"],
)
def test_nothing_in_the_anchor_falls(anchored: SecurityIC, change: dict[str, Any], what: str) -> None:
    with pytest.raises(IcRollbackError, match=what):
        advanced(anchored, replace(GIVEN, **change))
    assert anchored.anchor() == GIVEN


@pytest.mark.parametrize("other", ["root_version", "snapshot", "time_floor"])
def test_a_fall_is_not_hidden_by_a_rise_elsewhere(anchored: SecurityIC, other: str) -> None:
    risen = {"root_version": 4, "snapshot": RoleFloor(1, 99), "time_floor": NOW + 9}
    with pytest.raises(IcRollbackError):
        advanced(anchored, replace(GIVEN, timestamp=RoleFloor(2, 9), **{other: risen[other]}))  # type: ignore[arg-type]  # one field each
    assert anchored.anchor() == GIVEN


@pytest.mark.req("H5-3")
def test_rotated_keys_may_start_their_versions_again(anchored: SecurityIC) -> None:
    recovered = AnchorRecord(4, b"\x04" * 32, RoleFloor(4, 1), RoleFloor(4, 1), NOW)
    assert advanced(anchored, recovered) == recovered
    with pytest.raises(IcRollbackError, match="keyset"):
        advanced(anchored, replace(recovered, timestamp=RoleFloor(2, 11)))


def test_a_keyset_cannot_be_newer_than_the_newest_root(anchored: SecurityIC) -> None:
    with pytest.raises(PolicyDeniedError, match="keyset"):
        advanced(anchored, replace(GIVEN, timestamp=RoleFloor(4, 1)))


def test_the_root_of_one_version_has_one_hash(anchored: SecurityIC) -> None:
    with pytest.raises(PolicyDeniedError, match="not the root that is anchored"):
        advanced(anchored, replace(GIVEN, root_sha256=b"\x04" * 32))


@pytest.mark.parametrize(
    "change",
    [
        {"root_version": 2**63},
        {"timestamp": RoleFloor(2, 2**63)},
        {"snapshot": RoleFloor(1, 2**64 - 1)},
        {"time_floor": 2**63},
        {"snapshot": RoleFloor(1, -1)},
    ],
    ids=["root", "timestamp", "snapshot", "time", "negative"],
)
def test_numbers_out_of_range_are_refused(anchored: SecurityIC, change: dict[str, Any]) -> None:
    with pytest.raises(PolicyDeniedError, match="not below"):
        advanced(anchored, replace(GIVEN, **change))
    assert anchored.anchor() == GIVEN


@pytest.mark.parametrize("root_hash", [b"", b"\x03" * 31])
def test_a_root_needs_its_hash(anchored: SecurityIC, root_hash: bytes) -> None:
    with pytest.raises(PolicyDeniedError, match="SHA-256"):
        advanced(anchored, replace(GIVEN, root_version=4, root_sha256=root_hash))


def test_an_unchanged_record_needs_no_proof_and_no_commit(anchored: SecurityIC) -> None:
    generation = anchored.info().generation
    assert anchored.advance_anchor(GIVEN) == GIVEN
    assert anchored.info().generation == generation


def test_a_change_needs_a_ticket_of_a_presented_key(ic: SecurityIC) -> None:
    for proof in ((), (manifest_ticket(ic),)):
        with pytest.raises(PolicyDeniedError, match="presented verification"):
            ic.advance_anchor(GIVEN, proof=proof)
    assert ic.anchor() == ROOT


def test_a_ticket_of_another_boot_advances_nothing(rig: Rig) -> None:
    old = presented_ticket(rig.provision())
    after = rig.restart()
    with pytest.raises(PolicyDeniedError, match="another boot"):
        after.advance_anchor(GIVEN, proof=[old])
    assert after.anchor() == ROOT


def test_nothing_advances_without_a_pinned_repository(rig: Rig) -> None:
    ic = rig.provision(anchor=None)
    assert ic.anchor() == AnchorRecord()
    with pytest.raises(NotProvisionedError, match="no repository is pinned"):
        advanced(ic, GIVEN)
    with ic.authorize(SECRET) as change:
        assert change.reset_anchor(ROOT) == ROOT
    assert advanced(ic, GIVEN) == GIVEN


@pytest.mark.req("H5-4")
def test_time_is_the_clock_but_never_before_the_floor(rig: Rig) -> None:
    ic = rig.provision()
    assert ic.now() == NOW
    rig.time = 0
    assert ic.now() == ROOT.time_floor
    advanced(ic, GIVEN)
    assert ic.now() == GIVEN.time_floor
    assert rig.restart().now() == GIVEN.time_floor


def test_a_leap_of_the_time_floor_is_cut_to_what_is_allowed(anchored: SecurityIC) -> None:
    far = replace(GIVEN, time_floor=NOW + 100 * TIME_LEAP)
    assert advanced(anchored, far).time_floor == NOW + TIME_LEAP
    assert advanced(anchored, far).time_floor == NOW + 2 * TIME_LEAP


def test_the_first_time_floor_may_be_any(rig: Rig) -> None:
    ic = rig.provision(anchor=replace(ROOT, time_floor=0))
    assert advanced(ic, GIVEN).time_floor == NOW
