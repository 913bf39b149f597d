"""What conditions and directives see: the component that a command is executed for."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from device.processor.machine import Trace
from device.processor.pool import Pool
from device.processor.tree import Node
from suit.manifest import ComponentId


class Downloads(Protocol):
    """Lets others work while a download has nothing to give."""

    def waited(self, download: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        """Yield what the download yields."""


class State:
    """The processor's memory during one procedure; all parameters are unset when it begins (M6.1).

    Attributes:
        node: The manifest, and its place among others.
        ids: The manifest's components.
        index: The component index, always one integer while a command is executed (M6.5).
        current: The component at that index.
        parameters: Its parameters.
        pool: The commands that may run at the same time, None while all is strictly ordered (M6.7).
        crew: Waits for downloads of a job that runs at the same time as others; None when nothing else runs.
    """

    __slots__ = (
        "clock",
        "components",
        "crew",
        "current",
        "fetcher",
        "ids",
        "index",
        "node",
        "parameters",
        "payloads",
        "platform",
        "pool",
        "sets",
        "trace",
    )

    def __init__(
        self,
        node: Node,
        payloads: Mapping[str, bytes],
    ) -> None:
        tree = node.tree
        machine = tree.machine
        self.components: Final = machine.components
        self.platform: Final = machine.platform
        self.fetcher: Final = machine.fetcher
        self.clock: Final = machine.clock
        self.node: Final = node
        self.ids: Final[tuple[ComponentId, ...]] = node.ids
        self.payloads: Final = payloads
        self.sets: Final = [tree.parameters(component) for component in node.ids]
        self.trace: Trace = tree.trace
        self.pool: Pool | None = None
        self.crew: Downloads | None = None
        self.select(0)

    def select(self, index: int) -> None:
        """Make the component at ``index`` the current one."""
        self.index = index
        self.current = self.ids[index]
        self.parameters = self.sets[index]
