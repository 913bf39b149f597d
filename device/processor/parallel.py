"""What runs at the same time while strict order is false (M6.7): fetches and run-sequences in a row.

The draft allows any order. Here jobs in a row go to a few threads, of which one works at any moment and all
may wait for the network: components, IC, platform and whatever else jobs share are never entered by two
threads (ADR 0011). A command of another kind runs alone, after all jobs before it have completed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock, Thread
from typing import Final, TypeAlias, TypeVar

from device.processor.conditions import CONDITIONS
from device.processor.machine import Observer, Record
from device.processor.pool import Pool, sets_index
from device.processor.state import State
from device.processor.tree import Node
from spec.labels import Command
from suit.errors import AbortError, ConditionFailedError, HardsuitError, Place
from suit.manifest import Command as Step
from suit.manifest import Sequence

THREADS: Final = 4
MAX_JOBS: Final = 64
_INDEX: Final = Command.SET_COMPONENT_INDEX
# What depends on nothing but its own component. The rest (dependencies, references, invoke, wait) runs alone.
_TRANSFERS: Final = frozenset({Command.FETCH, Command.WRITE, Command.COPY, Command.SWAP})
_SEPARABLE: Final = (
    (frozenset(CONDITIONS) - {Command.DEPENDENCY_INTEGRITY})
    | _TRANSFERS
    | {_INDEX, Command.OVERRIDE_PARAMETERS, Command.SET_PARAMETERS, Command.COPY_PARAMS}
)

Failure: TypeAlias = ConditionFailedError | None
T = TypeVar("T")


class _GivenUpError(AbortError):
    """Another job failed; this one stopped where it was."""


class LooseOrder(ABC):
    """What an interpreter does while strict order is false; :class:`Interpreter` has all the rest."""

    _node: Node
    _state: State
    _observer: Observer | None
    _budget: int
    _selection: tuple[int, ...]
    _several: bool
    _nesting: int
    _step: Step | None

    @abstractmethod
    def _run(self, sequence: Iterable[Step]) -> Failure: ...

    @abstractmethod
    def _run_nested(self, sequence: Sequence, index: int, *, soft: bool) -> tuple[Failure, bool]: ...

    @abstractmethod
    def _place(self, step: Step) -> Place: ...

    @abstractmethod
    def _fork(self, observer: Observer | None) -> "tuple[LooseOrder, State]":
        """Return an interpreter of the same manifest and section, and its state, for one job."""

    def perform(self, job: "Job") -> None:
        """Run a job, and keep how it ended."""
        before = self._budget
        try:
            failure, soft = self._run_nested(job.sequence, job.index, soft=False)
            job.failure = None if soft else failure
        except HardsuitError as error:
            if self._step is not None and error.place is None:
                error.place = self._place(self._step)
            job.error = error
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for the job
            job.error = error
        job.spent = before - self._budget

    def _run_loose(self, steps: Iterator[Step]) -> Failure:
        """Run commands, those in a row at the same time that may be; complete all at the end (M8.4.8.14)."""
        jobs: list[Job] = []
        crew = Crew()
        self._settle()
        for step in steps:
            found = self._jobs_of(step, crew)
            failure = self._alone(step, crew, jobs) if found is None else self._add(found, crew, jobs)
            if failure is not None:
                return failure
        return self._drain(crew, jobs)

    def _alone(self, step: Step, crew: "Crew", jobs: "list[Job]") -> Failure:
        failure = self._drain(crew, jobs)
        if step.label not in _TRANSFERS:
            self._settle()
        return failure or self._run((step,))

    def _add(self, found: "list[Job]", crew: "Crew", jobs: "list[Job]") -> Failure:
        for job in found:
            if len(jobs) == MAX_JOBS or any(job.home & other.home for other in jobs):
                failure = self._drain(crew, jobs)
                if failure is not None:
                    return failure
            jobs.append(job)
        return None

    def _settle(self) -> None:
        if self._state.pool is not None:
            self._state.pool.settle()

    def _jobs_of(self, step: Step, crew: "Crew") -> "list[Job] | None":
        """Return what may run at the same time as its neighbours; None for what has to run alone."""
        state = self._state
        if state.pool is None or not state.pool.concurrent or state.crew is not None:
            return None
        homes = [frozenset({index}) for index in self._selection]
        sequence: Sequence = (step,)
        if step.label is Command.RUN_SEQUENCE and _separable(step.argument):
            self._step, sequence = step, step.argument
            require_isolated(sequence, several=self._several)
            if not self._several:
                homes = [self._home(sequence[0].argument)]
        elif step.label is not Command.FETCH:
            return None
        self._budget -= len(self._selection)
        pairs = zip(self._selection, homes, strict=True)
        return [self._job(sequence, index, home, crew) for index, home in pairs]

    def _job(self, sequence: Sequence, index: int, home: frozenset[int], crew: "Crew") -> "Job":
        records: list[Record] = []
        interpreter, state = self._fork(None if self._observer is None else records.append)
        state.pool = Pool(self._state.pool, concurrent=False)
        state.crew = crew
        state.trace = replace(state.trace, fetched=[], invoked=[])
        return Job(interpreter, state, sequence, index, home, records)

    def _home(self, argument: int | bool | tuple[int, ...]) -> frozenset[int]:  # noqa: FBT001 - M6.5
        if argument is True:
            return frozenset(range(len(self._state.ids)))
        return frozenset(argument) if isinstance(argument, tuple) else frozenset({argument})

    def _drain(self, crew: "Crew", jobs: "list[Job]") -> Failure:
        """Run all jobs, and tell what came of them as if they had run in order."""
        if not jobs:
            return None
        batch = list(jobs)
        jobs.clear()
        crew.run(batch, hasty=self._nesting == 0)
        failed = _failed(batch)
        for job in batch:
            self._budget -= job.spent
            self._state.trace.fetched += job.state.trace.fetched
            self._state.trace.invoked += job.state.trace.invoked
        for job in sorted(batch, key=lambda job: job is failed):  # a report ends with what failed
            for record in job.records:
                if self._observer is not None:
                    self._observer(record)
        if failed is not None and failed.error is not None:
            raise failed.error
        if self._budget < 0:
            raise AbortError("too many commands for one procedure")
        return None if failed is None else failed.failure


@dataclass(slots=True, eq=False)
class Job:
    """A sequence to be run for one component, and how it ended.

    Attributes:
        interpreter: Runs it.
        state: That interpreter's.
        sequence: What it consists of.
        index: The component that is selected when it begins.
        home: The components that it may select.
        records: What the reporting engine has to be told.
        failure: A condition that failed, and nobody is soft about.
        error: Whatever was raised.
        spent: How many commands it took.
    """

    interpreter: LooseOrder
    state: State
    sequence: Sequence
    index: int
    home: frozenset[int]
    records: list[Record]
    failure: Failure = None
    error: BaseException | None = None
    spent: int = 0


class Crew:
    """The threads that run one batch of jobs, and the turn that only one of them has."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._stopped = False

    def run(self, jobs: list[Job], *, hasty: bool) -> None:
        """Run jobs to their end, or until one fails; when this returns, no thread is left.

        Args:
            jobs: What is to do.
            hasty: Whether a failed condition is the end of all, as an error always is.
        """
        waiting = iter(jobs)

        def work() -> None:
            with self._turn:
                for job in waiting:
                    if self._stopped:
                        return
                    job.interpreter.perform(job)
                    if job.error is not None or (hasty and job.failure is not None):
                        self._stopped = True

        threads = _started(work, min(THREADS, len(jobs)) - 1)
        try:
            work()
        finally:
            self._join(threads)

    def waited(self, download: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        """Yield what a download yields, and let others work while it does not.

        Raises:
            AbortError: Another job failed meanwhile.
        """
        chunks = self._elsewhere(download)
        try:
            while (chunk := self._elsewhere(lambda: next(chunks, None))) is not None:
                yield chunk
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def _elsewhere(self, call: Callable[[], T]) -> T:
        self._turn.release()
        try:
            result = call()
        finally:
            self._turn.acquire()
        if self._stopped:
            raise _GivenUpError("another command failed meanwhile")
        return result

    def _join(self, threads: list[Thread]) -> None:
        try:
            for thread in threads:
                thread.join()
        except BaseException:  # somebody pressed Ctrl-C: the others stop at their next chunk
            self._stopped = True
            for thread in threads:
                thread.join()
            raise


def require_isolated(sequence: Sequence, *, several: bool) -> None:
    """Check the beginning of a sequence that may run in parallel, and that it stays there (M6.7).

    Raises:
        AbortError: It does not name its component first, or goes on to another.
    """
    rest = sequence
    if not several:
        if sequence[0].label is not _INDEX:
            raise AbortError("a sequence without strict order has to begin with set-component-index")
        rest = sequence[1:]
    if sets_index(rest):
        raise AbortError("a sequence without strict order has a further set-component-index")


def _separable(sequence: Sequence) -> bool:
    for step in sequence:
        nested: tuple[Sequence | None, ...] = ()
        if step.label is Command.RUN_SEQUENCE:
            nested = (step.argument,)
        elif step.label is Command.TRY_EACH:
            nested = step.argument
        elif step.label not in _SEPARABLE:
            return False
        if not all(branch is None or _separable(branch) for branch in nested):
            return False
    return True


def _started(work: Callable[[], None], count: int) -> list[Thread]:
    threads = []
    for _ in range(count):
        thread = Thread(target=work, name="hardsuit-fetch")
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left: fewer will do
            break
        threads.append(thread)
    return threads


def _failed(jobs: list[Job]) -> Job | None:
    """Return the job whose failure counts: the first one, a crash before an error before a condition."""
    crashed = [job for job in jobs if job.error is not None and not isinstance(job.error, Exception)]
    raised = [job for job in jobs if job.error is not None and not isinstance(job.error, _GivenUpError)]
    refused = [job for job in jobs if job.failure is not None]
    return next(iter([*crashed, *raised, *refused]), None)
