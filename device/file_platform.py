"""A platform for machines without hardware: its states stand in a file, its invocations are written down.

``platform.json`` in the device's directory is an object with any of these members; what is missing is not
known, and a manifest that waits for it is refused. It is read anew for every question, so that whoever looks
after the machine can change it while an update waits::

    {"battery_mwh": 4000, "authorize": 5, "power": 1, "network": 2, "devices": {"70756d70": "1.2.0"}}

``authorize`` says yes to priorities up to this number (smaller is more urgent, U4.3); ``power`` and
``network`` are states in the numbers of the deployment; ``devices`` are versions of other devices.
"""

import json
from collections.abc import Collection, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from device.config import Config
from device.platform import PORTABLE_EVENTS, Platform
from spec.labels import WaitEvent
from suit.errors import StorageError
from suit.manifest import ComponentId, Pen, Version
from suit.version import read_version

STATES: Final = "platform.json"
_NUMBERS: Final = frozenset({"battery_mwh", "authorize", "power", "network"})
_EVENTS: Final[Mapping[str, WaitEvent]] = {
    "power": WaitEvent.POWER,
    "network": WaitEvent.NETWORK,
    "devices": WaitEvent.OTHER_DEVICE_VERSION,
}


class FilePlatform(Platform):
    """A platform of a configuration and a file.

    Attributes:
        invoked: Component and arguments, in order.

    Args:
        config: What the device was told once.
        states: The path of ``platform.json``, which need not exist.
    """

    def __init__(self, config: Config, states: Path) -> None:
        self._vendors: tuple[bytes | Pen, ...] = (config.vendor,)
        self._classes = (config.class_id,)
        self._devices = (config.device_id,) if config.device_id else ()
        self._zone = config.zone()
        self._path = states
        self.invoked: list[tuple[ComponentId, bytes | None]] = []

    @override
    def vendor_ids(self, component: ComponentId) -> Collection[bytes | Pen]:
        return self._vendors

    @override
    def class_ids(self, component: ComponentId) -> Collection[bytes]:
        return self._classes

    @override
    def device_ids(self, component: ComponentId) -> Collection[bytes]:
        return self._devices

    @override
    def invoke(self, component: ComponentId, args: bytes | None) -> None:
        self.invoked.append((component, args))

    @override
    def reboot(self) -> None:
        """Do nothing: the next ``hardsuit device boot`` is the reboot."""

    @override
    def battery_mwh(self) -> int | None:
        return self._number("battery_mwh")

    @override
    def authorize(self, priority: int) -> bool:
        most = self._number("authorize")
        return most is not None and priority <= most

    @override
    def wait_events(self) -> Collection[WaitEvent]:
        return PORTABLE_EVENTS | {_EVENTS[name] for name in self._states() if name in _EVENTS}

    @override
    def power_state(self) -> int | None:
        return self._number("power")

    @override
    def network_state(self) -> int | None:
        return self._number("network")

    @override
    def device_version(self, identifier: bytes) -> Version | None:
        text = self._states().get("devices", {}).get(identifier.hex())
        return None if text is None else read_version(text)

    @override
    def timezone(self) -> tzinfo | None:
        return self._zone

    def _number(self, name: str) -> int | None:
        number: int | None = self._states().get(name)
        return number

    def _states(self) -> dict[str, Any]:
        try:
            return _checked(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise StorageError(f"{self._path}: damaged ({error})") from error


def _checked(states: dict[str, Any]) -> dict[str, Any]:
    for name, value in states.items():
        if name in _NUMBERS and type(value) is int:
            continue
        if name != "devices":
            raise ValueError(f"{name}: unknown, or no number")
        for identifier, version in value.items():
            bytes.fromhex(identifier)
            read_version(version)
    return states
