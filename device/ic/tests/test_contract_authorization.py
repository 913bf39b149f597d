"""Contract: authorization for changes, and the lockout."""

import pytest

from device.ic.errors import (
    AuthFailedError,
    BadSignatureError,
    IcUsageError,
    LockedOutError,
    PolicyDeniedError,
    UnknownKeyError,
)
from device.ic.interface import AnchorRecord, Purpose, SecurityIC
from device.ic.rules import RECOVERY_INTERVAL, Lockout
from device.ic.tests.rig import (
    AUTHOR,
    MESSAGE,
    ROOT,
    SECRET,
    STRANGER,
    TRUSTED,
    Rig,
    manifest_ticket,
    risen,
)
from spec.labels import CoseKeyOperation, CoseKeyType
from suit.errors import ExitCode
from suit.keys import MAX_KEY, CoseKey

WRONG = b"not the owner's secret"


def fail(ic: SecurityIC, times: int = 1) -> list[int]:
    left = []
    for _ in range(times):
        with pytest.raises(AuthFailedError) as failed:
            ic.authorize(WRONG)
        left.append(failed.value.tries_left)
    return left


@pytest.mark.req("H6-4")
def test_an_authorized_owner_adds_and_removes_trust_anchors(rig: Rig) -> None:
    ic = rig.provision()
    with ic.authorize(SECRET) as change:
        info = change.add_anchor(STRANGER.key, {Purpose.MANIFEST})
        change.remove_anchor(AUTHOR.key.name)
    assert info in list(ic.keys())
    for served in (ic, rig.restart()):
        assert manifest_ticket(served, STRANGER).key == STRANGER.key.name
        with pytest.raises(UnknownKeyError):
            manifest_ticket(served, AUTHOR)


@pytest.mark.req("H6-4")
def test_a_closed_session_changes_nothing(ic: SecurityIC) -> None:
    with ic.authorize(SECRET) as change:
        pass
    for act in (
        lambda: change.add_anchor(STRANGER.key, {Purpose.MANIFEST}),
        lambda: change.remove_anchor(AUTHOR.key.name),
        lambda: change.reset_anchor(AnchorRecord()),
        lambda: change.change_secret(b"another secret"),
    ):
        with pytest.raises(PolicyDeniedError, match="closed"):
            act()
    assert len(ic.keys()) == len(TRUSTED)
    assert ic.anchor() == ROOT


def test_an_anchor_that_is_not_there_cannot_be_removed(ic: SecurityIC) -> None:
    with ic.authorize(SECRET) as change, pytest.raises(UnknownKeyError):
        change.remove_anchor(STRANGER.key.name)


def test_an_anchor_needs_a_purpose_and_a_key_that_verifies(ic: SecurityIC) -> None:
    mute = CoseKey(CoseKeyType.SYMMETRIC, k=bytes(32), operations=frozenset({CoseKeyOperation.WRAP_KEY}))
    with ic.authorize(SECRET) as change:
        for key, purposes in (
            (STRANGER.key, set[Purpose]()),
            (STRANGER.key, {Purpose.PRESENTED}),
            (mute, {Purpose.MANIFEST}),
        ):
            with pytest.raises(IcUsageError):
                change.add_anchor(key, purposes)
    assert len(ic.keys()) == len(TRUSTED)


def test_the_number_of_anchors_is_bounded(ic: SecurityIC) -> None:
    with ic.authorize(SECRET) as change:
        for number in range(64 - len(TRUSTED)):
            key = CoseKey(CoseKeyType.SYMMETRIC, k=number.to_bytes(32, "big"))
            change.add_anchor(key, {Purpose.MANIFEST})
        with pytest.raises(PolicyDeniedError, match="no room"):
            change.add_anchor(STRANGER.key, {Purpose.MANIFEST})
    assert len(ic.keys()) == 64


def test_an_anchor_of_any_size_never_costs_the_ic_its_state(rig: Rig) -> None:
    """A name of 32 KiB once was taken, and no boot could read the state again."""
    ic = rig.provision()
    before = len(ic.keys())
    with ic.authorize(SECRET) as change:
        for size, taken in ((256, True), (MAX_KEY, False), (1 << 15, False)):
            key = CoseKey(CoseKeyType.SYMMETRIC, k=size.to_bytes(32, "big"), kid=bytes(size))
            if taken:
                change.add_anchor(key, {Purpose.MANIFEST})
            else:
                with pytest.raises(IcUsageError, match=r"too large|over the limit"):
                    change.add_anchor(key, {Purpose.MANIFEST})
    assert len(rig.restart().keys()) == before + 1


def test_the_secret_can_be_changed(rig: Rig) -> None:
    ic = rig.provision()
    with ic.authorize(SECRET) as change:
        change.change_secret(b"a new secret")
        with pytest.raises(IcUsageError):
            change.change_secret(b"short")
    again = rig.restart()
    again.authorize(b"a new secret").close()
    with pytest.raises(AuthFailedError):
        again.authorize(SECRET)


def test_without_a_secret_the_anchors_are_fixed_for_good(rig: Rig) -> None:
    ic = rig.provision(secret=None)
    for guess in (b"", SECRET):
        with pytest.raises(PolicyDeniedError, match="without a secret"):
            ic.authorize(guess)
    assert ic.info().failures == 0


def test_a_short_secret_is_no_secret(rig: Rig) -> None:
    with pytest.raises(IcUsageError, match="at least 8"):
        rig.provision(secret=b"1234567")


@pytest.mark.req("H6-5")
def test_wrong_secrets_are_counted_and_lock_out_even_the_right_one(ic: SecurityIC) -> None:
    assert fail(ic, 5) == [4, 3, 2, 1, 0]
    for secret in (WRONG, SECRET):
        with pytest.raises(LockedOutError) as locked:
            ic.authorize(secret)
        assert locked.value.retry_after == RECOVERY_INTERVAL
        assert locked.value.retryable
        assert locked.value.exit_code is ExitCode.KEY
    assert ic.info().failures == 5
    assert ic.info().retry_after == RECOVERY_INTERVAL


@pytest.mark.req("H6-5")
def test_the_count_survives_every_restart(rig: Rig) -> None:
    ic = rig.provision()
    for failures in range(1, 6):
        fail(ic)
        ic = rig.restart()
        assert ic.info().failures == failures
    with pytest.raises(LockedOutError):
        ic.authorize(SECRET)


@pytest.mark.req("H6-5")
def test_one_try_comes_back_per_interval(rig: Rig) -> None:
    ic = rig.provision()
    fail(ic, 5)
    rig.time += RECOVERY_INTERVAL - 1
    with pytest.raises(LockedOutError) as locked:
        ic.authorize(SECRET)
    assert locked.value.retry_after == 1
    rig.time += 1
    ic = rig.restart()
    assert fail(ic) == [0]
    with pytest.raises(LockedOutError):
        ic.authorize(SECRET)
    rig.time += RECOVERY_INTERVAL
    ic.authorize(SECRET).close()
    assert ic.info().failures == 0


def test_the_right_secret_forgives(ic: SecurityIC) -> None:
    fail(ic, 4)
    ic.authorize(SECRET).close()
    assert ic.info().failures == 0
    assert fail(ic, 4) == [4, 3, 2, 1]


@pytest.mark.req("H6-5")
def test_setting_the_clock_back_frees_nobody(rig: Rig) -> None:
    ic = rig.provision()
    fail(ic, 5)
    rig.time -= 900
    for _ in range(2):
        with pytest.raises(LockedOutError) as locked:
            ic.authorize(SECRET)
        assert locked.value.retry_after == RECOVERY_INTERVAL
    rig.time += RECOVERY_INTERVAL
    ic.authorize(SECRET).close()


@pytest.mark.req("H6-5")
def test_bad_signatures_from_outside_never_count(rig: Rig) -> None:
    ic = rig.provision()
    for _ in range(50):
        with pytest.raises(BadSignatureError):
            ic.verify(AUTHOR.key.name, AUTHOR.algorithm, MESSAGE, bytes(64), purpose=Purpose.MANIFEST)
        with pytest.raises(BadSignatureError):
            ic.verify_with(STRANGER.key, STRANGER.algorithm, MESSAGE, bytes(64))
    assert ic.info().failures == 0
    ic.authorize(SECRET).close()


@pytest.mark.req("H6-5")
def test_a_lockout_stops_changes_and_nothing_else(ic: SecurityIC) -> None:
    fail(ic, 5)
    assert risen(ic, 1).value == 1


@pytest.mark.parametrize(
    ("lockout", "now", "failures", "retry_after"),
    [
        (Lockout(0, 0), 5000, 0, 0),
        (Lockout(5, 1000), 1000, 5, 600),
        (Lockout(5, 1000), 1599, 5, 1),
        (Lockout(5, 1000), 1600, 4, 0),
        (Lockout(5, 1000), 3999, 1, 0),
        (Lockout(5, 1000), 4000, 0, 0),
        (Lockout(5, 1000), 10**9, 0, 0),
        (Lockout(5, 1000), 10, 5, 600),
    ],
)
def test_lockout_recovers_by_the_clock(lockout: Lockout, now: int, failures: int, retry_after: int) -> None:
    assert lockout.at(now).failures == failures
    assert lockout.retry_after(now) == retry_after
