"""What a device is told once, at provisioning: ``device.json``. Nothing in it is secret or trusted alone."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from device.files.settings import FileSettings
from device.ic.interface import Where
from device.ic.places import PROCESS, require_place
from device.processor import Profile
from suit.errors import MalformedError, StorageError, UsageError
from suit.manifest import ComponentId
from suit.target import target_path

_FIELDS: Final = {"url", "vendor", "class", "device", "channel", "components", "origins"}
_LATER_FIELDS: Final = {"ic", "require", "reports", "profile", "timezone", "wait_seconds", "files"}
"""What an older hardsuit did not write."""
_REPORTS: Final = {"signed": False, "encrypted": True}
PROFILES: Final = tuple(profile.name.lower() for profile in Profile)
_HEX_PART: Final = re.compile(r"(?:[0-9a-f]{2})*")
_UUID_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Config:
    """A device's configuration.

    Attributes:
        url: Base URL of the repository; ``metadata/``, ``targets/`` and ``content/`` lie below it.
        vendor: Vendor identifier, 16 bytes.
        class_id: Class identifier, 16 bytes.
        device_id: Device identifier, 16 bytes or empty.
        channel: The channel that it follows.
        capacities: Its components, in order, and the bytes that each can hold.
        origins: ``scheme://host[:port]`` that absolute payload URIs may name.
        ic: Where its security IC is (:mod:`device.ic.places`).
        require: Levels of enforcement by function; the device does not start with less.
        encrypt_reports: SUIT reports leave encrypted, or not at all.
        profile: How it takes the rules for trees of manifests.
        timezone: The civil time zone where it stands, as the IANA database calls it; empty when it has none,
            and then no manifest can wait for local time.
        wait_seconds: How long it waits for what a manifest tells it to wait for; None: without end.
        files: Which of its components are files; None if none are.
    """

    url: str
    vendor: bytes
    class_id: bytes
    capacities: Mapping[ComponentId, int]
    device_id: bytes = b""
    channel: str = "stable"
    origins: frozenset[str] = frozenset()
    ic: str = PROCESS
    require: Mapping[str, Where] = field(default_factory=dict)
    encrypt_reports: bool = False
    profile: Profile = Profile.STRICT
    timezone: str = ""
    wait_seconds: int | None = None
    files: FileSettings | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work before it is written anywhere."""
        if urlsplit(self.url).scheme not in {"http", "https"}:
            raise UsageError(f"{self.url}: the repository's URL begins with http:// or https://")
        if len(self.vendor) != _UUID_SIZE or len(self.class_id) != _UUID_SIZE:
            raise UsageError("vendor and class identifiers are UUIDs of 16 bytes")
        if len(self.device_id) not in {0, _UUID_SIZE}:
            raise UsageError("the device identifier is a UUID of 16 bytes")
        self._require_components()
        require_place(self.ic)
        if self.wait_seconds is not None and self.wait_seconds < 1:
            raise UsageError("a device waits at least one second, or without end")
        self.zone()
        try:
            target_path(self.vendor, self.class_id, self.channel)
        except MalformedError as error:
            raise UsageError(str(error)) from error

    def zone(self) -> ZoneInfo | None:
        """Return the time zone with its daylight-saving rules.

        Raises:
            UsageError: The database of this machine does not have it.
        """
        if not self.timezone:
            return None
        try:
            return ZoneInfo(self.timezone)
        except (ValueError, KeyError, OSError) as error:  # what zoneinfo raises for odd names
            raise UsageError(f"time zone {self.timezone!r}: not in this machine's database") from error

    def _require_components(self) -> None:
        if not self.capacities:
            raise UsageError("a device has at least one component")
        if any(capacity < 1 for capacity in self.capacities.values()):
            raise UsageError("a component holds at least one byte")
        if self.files is not None and not self.files.rules().files <= self.capacities.keys():
            raise UsageError("a file is no component of the device")

    def to_json(self) -> str:
        """Return the text of ``device.json``."""
        fields = {
            "url": self.url,
            "vendor": self.vendor.hex(),
            "class": self.class_id.hex(),
            "device": self.device_id.hex(),
            "channel": self.channel,
            "components": [
                {"id": [part.hex() for part in component], "capacity": capacity}
                for component, capacity in self.capacities.items()
            ],
            "origins": sorted(self.origins),
            "ic": self.ic,
            "require": {name: level.name.lower() for name, level in sorted(self.require.items())},
            "reports": "encrypted" if self.encrypt_reports else "signed",
            "profile": self.profile.name.lower(),
            "timezone": self.timezone,
            "wait_seconds": self.wait_seconds,
            **({} if self.files is None else {"files": self.files.to_json()}),
        }
        return json.dumps(fields, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """Read ``device.json``.

        Raises:
            StorageError: It is damaged.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            if not _FIELDS <= set(fields) <= _FIELDS | _LATER_FIELDS:
                raise StorageError("device.json: fields are missing or unknown")
            return cls(
                url=str(fields["url"]),
                vendor=bytes.fromhex(fields["vendor"]),
                class_id=bytes.fromhex(fields["class"]),
                device_id=bytes.fromhex(fields["device"]),
                channel=str(fields["channel"]),
                capacities={
                    tuple(bytes.fromhex(part) for part in entry["id"]): int(entry["capacity"])
                    for entry in fields["components"]
                },
                origins=frozenset(map(str, fields["origins"])),
                ic=str(fields.get("ic", PROCESS)),
                require={
                    str(name): Where[str(level).upper()] for name, level in fields.get("require", {}).items()
                },
                encrypt_reports=_REPORTS[fields.get("reports", "signed")],
                profile=Profile[str(fields.get("profile", PROFILES[0])).upper()],
                timezone=str(fields.get("timezone", "")),
                wait_seconds=_seconds(fields.get("wait_seconds")),
                files=FileSettings.from_json(fields["files"]) if "files" in fields else None,
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, UsageError) as error:
            raise StorageError(f"device.json: damaged ({error})") from error


def _seconds(value: object) -> int | None:
    if value is None or type(value) is int:
        return value
    raise ValueError("wait_seconds is a number or null")


def parse_component(text: str) -> tuple[ComponentId, int]:
    """Read ``HEX[.HEX…]=CAPACITY``; capacity in bytes, or with K, M or G for powers of 1024.

    Raises:
        UsageError: It is not of that form.
    """
    name, _, capacity = text.partition("=")
    size = _bytes(capacity)
    parts = name.split(".")
    if size is None or not all(_HEX_PART.fullmatch(part) for part in parts):
        raise UsageError(f"component {text!r}: expected HEX[.HEX…]=CAPACITY, such as 00=16M")
    return tuple(bytes.fromhex(part) for part in parts), size


def parse_files(texts: Iterable[str]) -> dict[str, int]:
    """Read several ``PATH=CAPACITY``, capacities as :func:`parse_component` has them.

    Raises:
        UsageError: One is not of that form, or a path stands twice.
    """
    files: dict[str, int] = {}
    for text in texts:
        path, _, capacity = text.rpartition("=")
        size, path = _bytes(capacity), path.strip("/")
        if size is None or not path or path in files:
            raise UsageError(f"file {text!r}: expected PATH=CAPACITY, each once, such as usr/bin/tool=1M")
        files[path] = size
    return files


def _bytes(text: str) -> int | None:
    factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:].upper(), 1)
    digits = text[:-1] if factor > 1 else text
    return int(digits) * factor if digits.isascii() and digits.isdecimal() else None


def parse_uuid(text: str) -> bytes:
    """Read a UUID with or without hyphens.

    Raises:
        UsageError: It is none.
    """
    plain = text.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{32}", plain):
        raise UsageError(f"{text!r}: not a UUID")
    return bytes.fromhex(plain)


def parse_components(texts: Iterable[str]) -> dict[ComponentId, int]:
    """Read several of :func:`parse_component`.

    Raises:
        UsageError: One is not of that form, or a component stands twice.
    """
    components: dict[ComponentId, int] = {}
    for text in texts:
        component, capacity = parse_component(text)
        if component in components:
            raise UsageError(f"component {text!r}: given twice")
        components[component] = capacity
    return components
