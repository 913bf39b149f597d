"""Strict order false (M6.7): which commands may run at the same time, and the races that abort.

hardsuit runs commands one after the other, which the standard allows; what it may not do is to let pass
a manifest that another processor would execute as a race.
"""

from typing import Final

from spec.labels import Command
from suit.errors import AbortError
from suit.manifest import Sequence

_SETS_INDEX: Final = frozenset({Command.SET_COMPONENT_INDEX, Command.OVERRIDE_MULTIPLE})


class Pool:
    """Components that commands of one context have read from and written to.

    A pool is concurrent while strict order is false: every command in it may run together with every
    other. A run-sequence in it is a context of its own, strictly ordered inside, whose commands may run
    together with those of the concurrent pools around it.

    Args:
        outer: The context that this one is part of.
        concurrent: Whether its own commands are without order.
    """

    __slots__ = ("concurrent", "outer", "reads", "writes")

    def __init__(self, outer: "Pool | None", *, concurrent: bool) -> None:
        self.outer = outer
        self.concurrent = concurrent
        self.reads: set[int] = set()
        self.writes: set[int] = set()

    def issue(self, *, reads: set[int], writes: set[int]) -> None:
        """Add a command.

        Raises:
            AbortError: A component would be both source and target without order (M6.7).
        """
        races = reads & writes if self.concurrent else set()
        pool: Pool | None = self
        while pool is not None:
            if pool.concurrent:
                races |= reads & pool.writes | writes & pool.reads
            pool = pool.outer
        if races:
            raise AbortError(f"component {min(races)} is source and target without strict order")
        self.reads |= reads
        self.writes |= writes

    def close(self) -> "Pool | None":
        """End this context, count its commands to the one around it, and return that."""
        if self.outer is not None:
            self.outer.reads |= self.reads
            self.outer.writes |= self.writes
        return self.outer


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
