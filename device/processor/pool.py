"""Strict order false (M6.7): which commands run at the same time, and the races that abort.

Fetches, and sequences of run-sequence, that stand in a row run at the same time
(:mod:`device.processor.parallel`); everything else runs alone. What may not be is a manifest that some
processor would execute as a race, so what counts is not what runs at the same time here but what might.
"""

from typing import Final

from spec.labels import Command
from suit.errors import AbortError
from suit.manifest import Sequence

_SETS_INDEX: Final = frozenset({Command.SET_COMPONENT_INDEX, Command.OVERRIDE_MULTIPLE})


class Pool:
    """Components that commands of one context have read from and written to, and which of them did.

    A pool is concurrent while strict order is false: every command in it may run together with every
    other. A run-sequence in it is a context of its own, strictly ordered inside, whose commands may run
    together with those of the concurrent pools around it.

    Args:
        outer: The context that this one is part of.
        concurrent: Whether its own commands are without order.
    """

    __slots__ = ("concurrent", "outer", "reads", "recent", "writes")

    def __init__(self, outer: "Pool | None", *, concurrent: bool) -> None:
        self.outer = outer
        self.concurrent = concurrent
        self.reads: dict[int, set[object]] = {}
        self.writes: dict[int, set[object]] = {}
        self.recent: dict[int, set[object]] = {}  # writes since anything but a transfer ran

    def issue(self, *, reads: set[int], writes: set[int]) -> None:
        """Add a command.

        Raises:
            AbortError: A component would be both source and target without order (M6.7), or the target of
                two commands at the same time.
        """
        races = reads & writes if self.concurrent else set()
        owner: object = object()
        chain = []
        pool: Pool | None = self
        while pool is not None:
            if pool.concurrent:
                races |= {index for index in reads if pool.writes.get(index, set()) - {owner}}
                races |= {index for index in writes if pool.reads.get(index, set()) - {owner}}
                if any(pool.recent.get(index, set()) - {owner} for index in writes):
                    raise AbortError("two commands without strict order change one component")
            chain.append((pool, owner))
            pool, owner = pool.outer, pool
        if races:
            raise AbortError(f"component {min(races)} is source and target without strict order")
        for pool, owner in chain:
            pool.add(owner, reads, writes)

    def add(self, owner: object, reads: set[int], writes: set[int]) -> None:
        """Note what a command, or a context inside this one, reads and writes."""
        for index in reads:
            self.reads.setdefault(index, set()).add(owner)
        for index in writes:
            self.writes.setdefault(index, set()).add(owner)
            self.recent.setdefault(index, set()).add(owner)

    def settle(self) -> None:
        """Note that all commands so far have completed."""
        self.recent.clear()


def sets_index(sequence: Sequence) -> bool:
    """Tell whether the sequence, or one inside it, changes the component index."""
    for step in sequence:
        nested: tuple[Sequence | None, ...] = ()
        if step.label in _SETS_INDEX:
            return True
        if step.label is Command.RUN_SEQUENCE:
            nested = (step.argument,)
        elif step.label is Command.TRY_EACH:
            nested = step.argument
        if any(branch is not None and sets_index(branch) for branch in nested):
            return True
    return False
