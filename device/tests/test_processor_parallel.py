"""Strict order false, really at the same time: what runs together, barriers, races and failures."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from device.components import MemoryComponent, MemoryComponents
from device.platform import MemoryPlatform
from device.processor import Machine, Record, parallel, update
from device.processor.interpreter import COMMANDS_PER_COMPONENT
from device.tests.processor_rig import (
    ABORT,
    COPY,
    FETCH,
    LOOSE,
    MATCH,
    SOFT,
    STRICT,
    SWAP,
    WRITE,
    A,
    B,
    C,
    Rig,
    at,
    authentic,
    override,
    program,
    run,
    sha256,
    try_each,
    write,
)
from spec.labels import Command, Parameter
from suit.errors import AbortError, ConditionFailedError, NetworkError
from suit.manifest import Command as Step
from suit.manifest import ComponentId, Digest

OLD, NEW = b"old", b"new"
PATIENCE = 20  # seconds until a thread that waits for another one gives up; nobody waits that long


class Meeting:
    """A fetcher whose downloads do what a test says; it knows how many run at once, and in which threads."""

    def __init__(self, **downloads: Callable[[], Iterator[bytes]]) -> None:
        self.downloads = downloads
        self.lock = threading.Lock()
        self.running = self.most = 0
        self.threads: set[threading.Thread] = set()
        self.order: list[str] = []

    def fetch(self, uri: str, *, digest: Digest | None, size: int | None) -> Iterator[bytes]:
        del digest, size
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.threads.add(threading.current_thread())
        try:
            yield from self.downloads.get(uri, lambda: iter([uri.encode()]))()
        finally:
            with self.lock:
                self.running -= 1
                self.order.append(uri)


def rig(count: int = 3, **downloads: Callable[[], Iterator[bytes]]) -> Any:
    made = Rig(*[OLD] * count)
    made.fetcher = Meeting(**downloads)  # type: ignore[assignment]  # it fetches
    made.machine = type(made.machine)(
        made.machine.components, made.platform, made.fetcher, observer=made.machine.observer
    )
    return made


def uris(*names: str) -> list[Step]:
    return [Step(Command.OVERRIDE_MULTIPLE, {n: {Parameter.URI: name} for n, name in enumerate(names)})]


def meets(barrier: threading.Barrier, content: bytes) -> Callable[[], Iterator[bytes]]:
    def download() -> Iterator[bytes]:
        yield content[:1]
        barrier.wait(PATIENCE)
        yield content[1:]

    return download


def fails() -> Iterator[bytes]:
    yield b"n"
    raise NetworkError("nobody answers")


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() <= before  # one of an earlier test may have ended meanwhile


def each(index: int, *steps: Step) -> Step:
    return run(at(index), *steps)


WAYS: dict[str, list[Step]] = {
    "fetch": [*uris("a", "b", "c"), LOOSE, at(True), FETCH],
    "sequences": [at(0), LOOSE, *[each(n, override(uri=uri), FETCH) for n, uri in enumerate("abc")]],
    "one-for-each": [*uris("a", "b", "c"), LOOSE, at(True), run(FETCH)],
    "inside": [*uris("a", "b", "c"), run(LOOSE, at(True), FETCH)],
    "branch": [*uris("a", "b", "c"), try_each([ABORT], [LOOSE, at(True), FETCH])],
}


@pytest.mark.req("M6.7-1")
@pytest.mark.parametrize("way", WAYS)
def test_downloads_run_at_the_same_time(way: str) -> None:
    barrier = threading.Barrier(3)  # each download waits for the two others
    device = rig()
    device.fetcher.downloads = {name: meets(barrier, name.encode() * 9) for name in "abc"}
    device.install(*WAYS[way])
    assert device.contents == [b"a" * 9, b"b" * 9, b"c" * 9]
    assert device.trace.fetched == ["a", "b", "c"]


@pytest.mark.req("M8.4.8.14-1")
def test_in_strict_order_nothing_does_and_there_is_one_thread() -> None:
    for steps in (
        [at(True), FETCH],
        [LOOSE, STRICT, at(True), FETCH],
        [run(at(n), FETCH) for n in range(3)],
        [at(0), LOOSE, run(at([0, 1, 2]), FETCH)],  # inside it is strict
    ):
        device = rig()
        device.install(*uris("a", "b", "c"), *steps)
        assert (device.fetcher.most, device.fetcher.order) == (1, ["a", "b", "c"])
        assert device.fetcher.threads == {threading.current_thread()}


BARRIERS = {
    "index": at(0),
    "override": override(invoke_args=b""),
    "strict": STRICT,
    "several": Step(Command.OVERRIDE_MULTIPLE, {0: {Parameter.INVOKE_ARGS: b""}}),
    "condition": try_each([ABORT], None),
}


@pytest.mark.req("M6.7-2", "M8.4.8.14-3")
@pytest.mark.parametrize("barrier", BARRIERS)
def test_a_barrier_waits_for_what_was_issued_before_it(barrier: str) -> None:
    device = rig()
    device.install(at(0), override(uri="a"), LOOSE, FETCH, BARRIERS[barrier], FETCH)
    assert device.fetcher.most == 1
    assert device.trace.fetched == ["a", "a"]


@pytest.mark.req("M8.4.8.14-2")
def test_at_the_end_of_a_sequence_all_downloads_have_completed() -> None:
    device = rig()
    device.update(
        payload_fetch=[*uris("a", "b", "c"), LOOSE, at(True), FETCH],
        install=[at(0), override(source_component=1), STRICT, COPY],
    )
    assert device.contents == [b"b", b"b", b"c"]


def test_no_more_than_a_few_threads_run() -> None:
    gate = threading.Barrier(parallel.THREADS)  # opens only when that many downloads run at once
    parts: dict[ComponentId, MemoryComponent] = {
        (bytes([n]),): MemoryComponent(OLD) for n in range(2 * parallel.THREADS)
    }
    fetcher = Meeting()
    fetcher.downloads = {f"{n}": meets(gate, b"new") for n in range(len(parts))}
    machine = Machine(MemoryComponents(parts), MemoryPlatform(), fetcher)
    raw = program(components=tuple(parts), install=[*uris(*fetcher.downloads), LOOSE, at(True), FETCH])
    update(authentic(raw), machine)
    assert fetcher.most == parallel.THREADS
    assert {part.content for part in parts.values()} == {b"new"}


def test_what_is_told_is_told_in_the_order_of_the_manifest() -> None:
    last = threading.Event()

    def first_is_last() -> Iterator[bytes]:
        assert last.wait(PATIENCE)
        yield b"a"

    def signals() -> Iterator[bytes]:
        yield b"c"
        last.set()

    records: list[Record] = []
    device = rig(a=first_is_last, c=signals)
    device.machine = type(device.machine)(
        device.machine.components, device.platform, device.fetcher, observer=records.append
    )
    device.install(*WAYS["sequences"])
    assert device.fetcher.order[-1] == "a"
    assert device.trace.fetched == ["a", "b", "c"]
    assert [record.place.component for record in records] == [0, 1, 2]


@pytest.mark.req("M6.7-3")
@pytest.mark.parametrize("first", ["target", "source"])
def test_a_source_that_another_sequence_writes_is_a_race_whoever_comes_first(first: str) -> None:
    writer, reader = each(1, override(uri="b"), FETCH), each(0, override(source_component=1), COPY)
    device = rig()
    with pytest.raises(AbortError, match="source and target"):
        device.install(at(0), LOOSE, *([writer, reader] if first == "target" else [reader, writer]))
    assert device.contents == [OLD] * 3


@pytest.mark.parametrize(
    "steps",
    [
        [LOOSE, FETCH, FETCH],
        [LOOSE, at([0, 0]), FETCH],
        [LOOSE, FETCH, WRITE],
        [LOOSE, WRITE, WRITE],
        [at(0), LOOSE, each(0, FETCH), each(0, FETCH)],
        [at(0), LOOSE, each(0, WRITE), each(0, FETCH)],
        [at(0), LOOSE, each(0, override(source_component=1), COPY), each(0, WRITE)],
    ],
    ids=["twice", "array", "write", "writes", "sequences", "mixed", "copy"],
)
def test_two_commands_at_the_same_time_on_one_component_are_a_race(steps: list[Step]) -> None:
    device = rig()
    with pytest.raises(AbortError, match="two commands without strict order"):
        device.install(at(0), override(uri="a", content=NEW), *steps)
    assert device.contents == [OLD] * 3


@pytest.mark.parametrize(
    "steps",
    [
        [LOOSE, FETCH, MATCH, FETCH],
        [LOOSE, try_each([WRITE, ABORT], [WRITE])],
        [LOOSE, FETCH, STRICT, LOOSE, FETCH],
        [at(0), LOOSE, each(0, WRITE, WRITE)],
        [at(0), LOOSE, each(0, SWAP, SWAP)],
    ],
    ids=["condition", "branches", "strict", "inside", "swaps"],
)
def test_one_after_the_other_they_are_none(steps: list[Step]) -> None:
    device = rig()
    same = override(uri="a", content=b"a", image_digest=sha256(b"a"), source_component=1)
    device.install(at(0), same, *steps)


def test_a_failure_stops_the_other_downloads_and_nothing_has_changed() -> None:
    started = threading.Event()
    ended = threading.Event()

    def endless() -> Iterator[bytes]:
        started.set()
        try:
            while not ended.wait(0.001):
                yield b""
        finally:
            ended.set()

    def fails_then() -> Iterator[bytes]:
        assert started.wait(PATIENCE)
        yield from fails()

    device = rig(a=endless, b=fails_then)
    with pytest.raises(NetworkError, match="nobody answers") as caught:
        device.install(*WAYS["fetch"])
    assert ended.is_set()
    assert caught.value.place is not None
    assert (caught.value.place.command, caught.value.place.component) == (Command.FETCH, 1)
    assert device.contents == [OLD] * 3


def test_a_failed_condition_that_nobody_can_be_soft_about_stops_them_too() -> None:
    def endless() -> Iterator[bytes]:
        while not threading.Event().wait(0.001):
            yield b""

    device = rig(a=endless)
    with pytest.raises(ConditionFailedError) as caught:
        device.install(at(0), LOOSE, each(0, override(uri="a"), FETCH), each(1, ABORT))
    assert caught.value.place is not None
    assert caught.value.place.component == 1
    assert device.contents == [OLD] * 3


def test_one_that_a_branch_is_soft_about_lets_them_end_first() -> None:
    device = rig()
    device.install(
        at(0),
        LOOSE,
        try_each(
            [each(0, override(uri="a"), FETCH), each(1, ABORT), each(2, override(uri="c"), FETCH)],
            [each(1, override(uri="b"), FETCH)],
        ),
    )
    assert device.contents == [b"a", b"b", b"c"]
    assert device.trace.fetched == ["a", "c", "b"]


def test_a_sequence_may_be_soft_itself() -> None:
    device = rig()
    device.install(at(0), LOOSE, each(0, SOFT, ABORT, *write(NEW)), each(1, override(uri="b"), FETCH))
    assert device.contents == [OLD, b"b", OLD]


def test_a_broken_download_aborts_whatever_conditions_say() -> None:
    device = rig(b=fails)
    steps = [each(0, ABORT), each(1, override(uri="b"), FETCH)]
    with pytest.raises(NetworkError):
        device.install(at(0), LOOSE, try_each(steps, [STRICT]))
    assert device.contents == [OLD] * 3


def test_a_crash_in_a_thread_is_a_crash_of_the_procedure() -> None:
    class Crash(BaseException):
        pass

    def crashes() -> Iterator[bytes]:
        yield b"c"
        raise Crash

    device = rig(b=crashes)
    with pytest.raises(Crash):
        device.install(*WAYS["fetch"])
    assert device.contents == [OLD] * 3


def test_a_download_that_brings_too_much_is_refused_as_ever() -> None:
    device = rig(b=lambda: iter([b"x" * 65]))
    with pytest.raises(AbortError, match="more than the 64 bytes"):
        device.install(*WAYS["fetch"])
    assert device.contents == [OLD] * 3


def test_a_system_without_threads_fetches_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    device = rig()
    device.install(*WAYS["fetch"])
    assert device.contents == [b"a", b"b", b"c"]
    assert device.fetcher.most == 1


def test_commands_in_threads_are_counted_like_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.processor.interpreter.COMMANDS_PER_COMPONENT", 7)
    assert COMMANDS_PER_COMPONENT > 7
    device = rig()
    many = [each(n, *[MATCH] * 9) for n in range(3)]
    match = override(image_digest=sha256(OLD))
    with pytest.raises(AbortError, match="too many commands"):
        device.install(at(True), match, at(0), LOOSE, *many)
    assert device.contents == [OLD] * 3


@pytest.mark.parametrize("count", [1, parallel.MAX_JOBS, parallel.MAX_JOBS + 5])
def test_any_number_of_sequences_is_carried_out(count: int) -> None:
    device = rig()
    same = override(image_digest=sha256(OLD))
    device.install(at(True), same, at(0), LOOSE, *[each(n % 3, MATCH) for n in range(count)])
    assert device.trace.verified == {A, B, C} if count > 2 else {A}
