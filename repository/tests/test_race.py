"""Several publishers at once: every update set that a publisher was told is published stays published."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from repository.repository import Repository
from repository.tests.making import (
    OTHER_VENDOR,
    VENDOR,
    FakeClock,
    client_sees,
    make_repository,
    make_update,
)
from repository.transaction import Transaction, roll_forward

# From Python 3.12 on fork warns when the test runner has threads; our children only publish and exit.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

PUBLISHERS = 8
EACH = 4


def in_child(action: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return child


@pytest.mark.req("H4-8")
def test_eight_processes_lose_nothing(tmp_path: Path, clock: FakeClock) -> None:
    directory = make_repository(tmp_path / "repo", clock, bins=2).directory
    updates = {
        (publisher, number): make_update(
            tmp_path / "files", number + 1, b"%d %d" % (publisher, number), channel=f"c-{publisher}"
        )
        for publisher in range(PUBLISHERS)
        for number in range(EACH)
    }

    def work(publisher: int) -> None:
        for number in range(EACH):
            Repository.open(directory, clock).publish(updates[publisher, number])

    children = [in_child(lambda publisher=publisher: work(publisher)) for publisher in range(PUBLISHERS)]  # type: ignore[misc]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * PUBLISHERS
    repository = Repository.open(directory, clock)
    assert repository.head().timestamp.version == 2 + PUBLISHERS * EACH, "one commit each, none overwritten"
    listed = {target.path: target.info.sequence_number for target in repository.status().targets}
    last = [updates[publisher, EACH - 1] for publisher in range(PUBLISHERS)]
    assert listed == {update.path: EACH for update in last}
    for update in last:
        assert client_sees(directory, clock.now, update.path) == update.envelope


@pytest.mark.req("H4-8")
def test_threads_that_publish_bump_and_add_vendors_lose_nothing(tmp_path: Path, clock: FakeClock) -> None:
    directory = make_repository(tmp_path / "repo", clock, bins=2).directory
    updates = [
        make_update(tmp_path / "files", 1, b"%d" % number, channel=f"c-{number}") for number in range(6)
    ]
    start = threading.Barrier(8)

    def run(action: Callable[[Repository], object]) -> None:
        repository = Repository.open(directory, clock)
        start.wait()
        action(repository)

    actions: list[Callable[[Repository], object]] = [
        lambda repository, update=update: repository.publish(update)  # type: ignore[misc]
        for update in updates
    ]
    actions.append(lambda repository: repository.add_vendor(OTHER_VENDOR, bins=2))
    actions.append(lambda repository: repository.bump(timedelta(days=400)))
    with ThreadPoolExecutor(len(actions)) as pool:
        list(pool.map(run, actions))
    status = Repository.open(directory, clock).status()
    assert {target.path for target in status.targets} == {update.path for update in updates}
    assert {vendor.vendor for vendor in status.vendors} == {VENDOR.hex(), OTHER_VENDOR.hex()}
    assert status.roles[0].version == 2


@pytest.mark.req("H4-8")
def test_loser_of_a_race_is_told_and_its_files_stay_unused(
    repository: Repository, tmp_path: Path, clock: FakeClock
) -> None:
    head = repository.head()
    loser = Transaction(
        repository.store, repository.keyring, repository.policy, clock(), root=head.root, head=head
    )
    update = make_update(tmp_path, 1)
    role = repository.publish(update).role
    loser.edit(role)
    assert not loser.commit()
    assert client_sees(repository.directory, clock.now, update.path) == update.envelope
    taken = repository.head().role(role).version + 1
    assert (repository.public / "metadata" / f"{taken}.{role}.json").exists(), "left behind by the loser"
    newer = make_update(tmp_path, 2)
    repository.publish(newer)
    assert repository.head().role(role).version == taken + 1, "passed over"
    assert client_sees(repository.directory, clock.now, update.path) == newer.envelope


def test_stalled_publisher_cannot_put_an_older_timestamp_back(repository: Repository, tmp_path: Path) -> None:
    timestamp = repository.public / "metadata" / "timestamp.json"
    old = timestamp.read_bytes()
    repository.publish(make_update(tmp_path, 1))
    new = timestamp.read_bytes()
    roll_forward(repository.store)
    assert timestamp.read_bytes() == new
    timestamp.write_bytes(old)  # as if the power went between commit and replacement
    roll_forward(repository.store)
    assert timestamp.read_bytes() == new
