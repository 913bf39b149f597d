"""What an integrator tells hardsuit about a device, and what hardsuit asks it to do.

:class:`Platform` is the class to implement; :class:`MemoryPlatform` answers from plain values and
remembers what was invoked. :class:`Fetcher` is where payloads come from; :class:`MemoryFetcher` has
them in memory.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final, Protocol, TypeAlias

from typing_extensions import override

from spec.labels import WaitEvent
from suit.errors import NetworkError
from suit.manifest import ComponentId, Digest, Pen, Version


class Fetcher(Protocol):
    """Gets payloads by URI."""

    def fetch(self, uri: str, *, digest: Digest | None, size: int | None) -> Iterator[bytes]:
        """Yield the payload in chunks of bounded size.

        Args:
            uri: The URI reference of the manifest, unchanged.
            digest: What the payload will be matched against, when the manifest says so already.
            size: How long it is, when the manifest says so already.

        Raises:
            NetworkError: It cannot be had, or breaks off.
        """


Watch: TypeAlias = Callable[[str, int, int | None], None]
"""Told of a download: its URI, how many bytes arrived so far, and how many there will be if that is known."""


class WatchedFetcher:
    """Another fetcher, with somebody who watches how far it is."""

    def __init__(self, fetcher: Fetcher, watch: Watch) -> None:
        self._fetcher = fetcher
        self._watch = watch

    def fetch(self, uri: str, *, digest: Digest | None, size: int | None) -> Iterator[bytes]:
        """Yield what the other fetcher yields; see :meth:`Fetcher.fetch`."""
        arrived = 0
        for chunk in self._fetcher.fetch(uri, digest=digest, size=size):
            arrived += len(chunk)
            self._watch(uri, arrived, size)
            yield chunk


PORTABLE_EVENTS: Final = frozenset(
    {
        WaitEvent.AUTHORIZATION,
        WaitEvent.TIME,
        WaitEvent.TIME_OF_DAY_UTC,
        WaitEvent.DAY_OF_WEEK_UTC,
    }
)
"""The events of wait that mean the same everywhere (U4.5)."""


class Platform(ABC):
    """The device around the processor. Identifiers are asserted per component (M8.4.9.1)."""

    @abstractmethod
    def vendor_ids(self, component: ComponentId) -> Collection[bytes | Pen]:
        """Return the vendors that the component answers to: UUIDs, or private enterprise numbers."""

    @abstractmethod
    def class_ids(self, component: ComponentId) -> Collection[bytes]:
        """Return the class UUIDs that the component answers to."""

    @abstractmethod
    def device_ids(self, component: ComponentId) -> Collection[bytes]:
        """Return the UUIDs of this very device, or of the component in it."""

    @abstractmethod
    def invoke(self, component: ComponentId, args: bytes | None) -> None:
        """Transfer execution to the component (M8.4.10.7); it may never return."""

    @abstractmethod
    def reboot(self) -> None:
        """Restart the device; it may never return."""

    # What follows is asked by conditions of update management. A device that cannot tell need not
    # implement it: the condition then fails.

    def battery_mwh(self) -> int | None:
        """Return the charge of the battery in mWh (U5.3); None when it is not known."""
        return None

    def authorize(self, priority: int) -> bool:
        """Ask the application whether the update may go on (U5.4).

        Args:
            priority: How urgent its author finds it; smaller is more urgent (U4.3).
        """
        del priority
        return False

    def version(self, component: ComponentId) -> Version | None:
        """Return the version of what the component holds (U5.5); None when it is not known."""
        del component
        return None

    # What follows is asked by wait (U4.5). A device that cannot tell need not implement it: a manifest that
    # waits for such an event is then refused.

    def wait_events(self) -> Collection[WaitEvent]:
        """Return the events that have a meaning here; local time depends on :meth:`timezone` alone."""
        return PORTABLE_EVENTS

    def power_state(self) -> int | None:
        """Return the state of the power supply, in the numbers of this deployment; None: not known now."""
        return None

    def network_state(self) -> int | None:
        """Return the state of the network, in the numbers of this deployment; None: not known now."""
        return None

    def device_version(self, identifier: bytes) -> Version | None:
        """Return the version of another device; None when it is not known now.

        Args:
            identifier: Which one, in the name space of this deployment.
        """
        del identifier
        return None

    def timezone(self) -> tzinfo | None:
        """Return the civil time zone with its daylight-saving rules; None when none is configured."""
        return None


class Delegate(Platform):
    """A platform that has another one do everything; what derives from it does one thing otherwise."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @override
    def vendor_ids(self, component: ComponentId) -> Collection[bytes | Pen]:
        return self._platform.vendor_ids(component)

    @override
    def class_ids(self, component: ComponentId) -> Collection[bytes]:
        return self._platform.class_ids(component)

    @override
    def device_ids(self, component: ComponentId) -> Collection[bytes]:
        return self._platform.device_ids(component)

    @override
    def invoke(self, component: ComponentId, args: bytes | None) -> None:
        self._platform.invoke(component, args)

    @override
    def reboot(self) -> None:
        self._platform.reboot()

    @override
    def battery_mwh(self) -> int | None:
        return self._platform.battery_mwh()

    @override
    def authorize(self, priority: int) -> bool:
        return self._platform.authorize(priority)

    @override
    def version(self, component: ComponentId) -> Version | None:
        return self._platform.version(component)

    @override
    def wait_events(self) -> Collection[WaitEvent]:
        return self._platform.wait_events()

    @override
    def power_state(self) -> int | None:
        return self._platform.power_state()

    @override
    def network_state(self) -> int | None:
        return self._platform.network_state()

    @override
    def device_version(self, identifier: bytes) -> Version | None:
        return self._platform.device_version(identifier)

    @override
    def timezone(self) -> tzinfo | None:
        return self._platform.timezone()


@dataclass(slots=True)
class MemoryPlatform(Platform):
    """A platform of plain values, the same for every component.

    Attributes:
        invoked: Component and arguments of every invocation, in order.
        reboots: How often a restart was asked for.
        battery: The charge in mWh, None when it is not known.
        authorized: Whether every update is authorized.
        versions: Versions by component, as far as they are known.
        priorities: The priority of every update that was to be authorized, in order.
        power: The state of the power supply; None when its states have no meaning here.
        network: The same of the network.
        others: Versions of other devices; None when their identifiers have no meaning here.
        zone: The time zone, None when none is configured.
    """

    vendors: Collection[bytes | Pen] = ()
    classes: Collection[bytes] = ()
    devices: Collection[bytes] = ()
    invoked: list[tuple[ComponentId, bytes | None]] = field(default_factory=list)
    reboots: int = 0
    battery: int | None = None
    authorized: bool = False
    versions: Mapping[ComponentId, Version] = field(default_factory=dict)
    priorities: list[int] = field(default_factory=list)
    power: int | None = None
    network: int | None = None
    others: Mapping[bytes, Version] | None = None
    zone: tzinfo | None = None

    @override
    def vendor_ids(self, component: ComponentId) -> Collection[bytes | Pen]:
        return self.vendors

    @override
    def class_ids(self, component: ComponentId) -> Collection[bytes]:
        return self.classes

    @override
    def device_ids(self, component: ComponentId) -> Collection[bytes]:
        return self.devices

    @override
    def invoke(self, component: ComponentId, args: bytes | None) -> None:
        self.invoked.append((component, args))

    @override
    def reboot(self) -> None:
        self.reboots += 1

    @override
    def battery_mwh(self) -> int | None:
        return self.battery

    @override
    def authorize(self, priority: int) -> bool:
        self.priorities.append(priority)
        return self.authorized

    @override
    def version(self, component: ComponentId) -> Version | None:
        return self.versions.get(component)

    @override
    def wait_events(self) -> Collection[WaitEvent]:
        known = {
            WaitEvent.POWER: self.power,
            WaitEvent.NETWORK: self.network,
            WaitEvent.OTHER_DEVICE_VERSION: self.others,
        }
        return PORTABLE_EVENTS | {event for event, value in known.items() if value is not None}

    @override
    def power_state(self) -> int | None:
        return self.power

    @override
    def network_state(self) -> int | None:
        return self.network

    @override
    def device_version(self, identifier: bytes) -> Version | None:
        return (self.others or {}).get(identifier)

    @override
    def timezone(self) -> tzinfo | None:
        return self.zone


class MemoryFetcher:
    """Payloads in memory, by URI.

    Args:
        resources: The payloads.
    """

    def __init__(self, resources: Mapping[str, bytes]) -> None:
        self._resources = resources

    def fetch(self, uri: str, *, digest: Digest | None, size: int | None) -> Iterator[bytes]:
        """Yield the payload as one chunk; what it is expected to be makes no difference here."""
        del digest, size
        if uri not in self._resources:
            raise NetworkError(f"{uri}: there is no such resource")
        yield self._resources[uri]
