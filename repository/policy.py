"""The policy of a repository, ``repo.yaml``: roles, thresholds, expiry, and signers by URI.

The file belongs to the maintainer; comments survive our edits. Thresholds and numbers of keys take
effect when a role is made, expiry every time a role is signed. What clients trust is never this
file but the signed metadata.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from repository.signers import KeyType
from repository.store import write_private
from suit.errors import StorageError, UsageError

FILE_NAME: Final = "repo.yaml"

_UNITS: Final = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION: Final = re.compile(r"([0-9]{1,6})([wdhms])")


def parse_duration(text: object) -> timedelta:
    """Read a duration such as ``365d``, ``12h``, ``30m``, ``45s`` or ``2w``.

    Raises:
        ValueError: It is none.
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no duration such as 365d, 12h or 30m")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that fits exactly."""
    seconds = int(duration.total_seconds())
    unit = next((unit for unit in "dhm" if seconds and seconds % _UNITS[unit] == 0), "s")
    return f"{seconds // _UNITS[unit]}{unit}"


class RoleKind(Enum):
    """The kinds of roles in a repository, by the names of the policy file."""

    ROOT = "root"
    TARGETS = "targets"
    SNAPSHOT = "snapshot"
    TIMESTAMP = "timestamp"
    VENDOR = "vendor"
    BIN = "bin"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Field(ge=timedelta(seconds=1))]
Count = Annotated[int, Field(ge=1, le=32, strict=True)]


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """How a kind of role is made and signed."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    expires: Duration
    keys: Count = 1
    threshold: Count = 1


@dataclass(frozen=True, slots=True)
class Roles:
    """The policy of every kind of role; the defaults of ``repo init``."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    root: RolePolicy = RolePolicy(timedelta(days=365))
    targets: RolePolicy = RolePolicy(timedelta(days=365))
    snapshot: RolePolicy = RolePolicy(timedelta(days=30))
    timestamp: RolePolicy = RolePolicy(timedelta(days=7))
    vendor: RolePolicy = RolePolicy(timedelta(days=365))
    bin: RolePolicy = RolePolicy(timedelta(days=90))

    def of(self, kind: RoleKind) -> RolePolicy:
        """Return the policy of one kind."""
        match kind:
            case RoleKind.ROOT:
                return self.root
            case RoleKind.TARGETS:
                return self.targets
            case RoleKind.SNAPSHOT:
                return self.snapshot
            case RoleKind.TIMESTAMP:
                return self.timestamp
            case RoleKind.VENDOR:
                return self.vendor
            case RoleKind.BIN:
                return self.bin


@dataclass(frozen=True, slots=True)
class Policy:
    """What ``repo.yaml`` says.

    Attributes:
        key: The type of new keys.
        roles: Thresholds, numbers of keys and expiry.
        vendors: A name for people, by vendor id in hex.
        signers: The URI of the private key, by key id.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    key: KeyType = KeyType.ECDSA
    roles: Roles = Roles()
    vendors: Mapping[str, str] = field(default_factory=dict)
    signers: Mapping[str, str] = field(default_factory=dict)

    def require_sound(self) -> None:
        """Refuse a threshold above its number of keys.

        Raises:
            UsageError: Names the role.
        """
        for kind in RoleKind:
            role = self.roles.of(kind)
            if role.threshold > role.keys:
                raise UsageError(
                    f"{kind.value}: a threshold of {role.threshold} cannot be met by {role.keys} keys"
                )

    def warnings(self) -> tuple[str, ...]:
        """Say what is allowed but will hurt one day."""
        root = self.roles.root
        if root.threshold == root.keys > 1:
            return (f"root needs all of its {root.keys} keys: losing one means starting over",)
        return ()


def load(directory: Path) -> Policy:
    """Read the policy of the repository in ``directory``.

    Raises:
        StorageError: There is no repository, or the file cannot be read.
        UsageError: The file is wrong; the message has the line.
    """
    path = directory / FILE_NAME
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        hint = "'hardsuit repo init' makes one"
        raise StorageError(f"{directory}: no repository here ({FILE_NAME} is missing); {hint}") from None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text") from error
    policy = parse(text, where=str(path))
    policy.require_sound()
    return policy


def parse(text: str, *, where: str) -> Policy:
    """Read a policy from its YAML text.

    Raises:
        UsageError: The text is no policy; the message has the line.
    """
    document = _document(text, where)
    try:
        return _ADAPTER.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        line = _line(document, first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{where}: line {line}: {place}: {message}") from error


def create(directory: Path, policy: Policy) -> None:
    """Write the policy of a new repository, with comments for the maintainer."""
    lines = [_HEADER, f"key: {policy.key.value}", "roles:"]
    for kind in RoleKind:
        role = policy.roles.of(kind)
        expires = format_duration(role.expires)
        lines.append(
            f"  {kind.value}: {{keys: {role.keys}, threshold: {role.threshold}, expires: {expires}}}"
        )
    text = "\n".join([*lines, "vendors: {}", "signers: {}", ""])
    write_private(directory / FILE_NAME, text.encode(), replace=True)


def record(directory: Path, *, vendors: Mapping[str, str], signers: Mapping[str, str]) -> Policy:
    """Add vendors and signers to the policy file, keeping everything else as it stands.

    Returns:
        The policy as it is now.
    """
    path = directory / FILE_NAME
    load(directory)  # the file on disk must be sound before it is edited
    document = _document(path.read_text("utf-8"), str(path))
    for section, entries in (("vendors", vendors), ("signers", signers)):
        if not document.get(section):
            document[section] = {}
        document[section].update(entries)
    out = io.StringIO()
    _yaml().dump(document, out)
    write_private(path, out.getvalue().encode(), replace=True)
    return load(directory)


_ADAPTER: Final = TypeAdapter(Policy)

_HEADER: Final = """\
# Policy of a hardsuit repository. `hardsuit repo` reads it on every run and adds vendors and signers.
# keys and threshold count when a role is made; expires counts at every signing (w d h m s).
# signers: key id -> securesystemslib URI; take an entry out when its key moves to another machine."""


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 4096
    return yaml


def _document(text: str, where: str) -> Any:  # noqa: ANN401 - YAML gives anything; pydantic judges it next
    try:
        document = _yaml().load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UsageError(f"{where}: line {line}: {error.problem or 'not YAML'}") from error
    except YAMLError as error:
        raise UsageError(f"{where}: not YAML") from error
    return {} if document is None else document


def _line(document: Any, location: tuple[int | str, ...]) -> int:  # noqa: ANN401 - as above
    """Find the line of the innermost place in ``location`` that the document has."""
    line = 1
    for part in location:
        if not isinstance(document, CommentedMap) or part not in document:
            break
        line = document.lc.key(part)[0] + 1
        document = document[part]
    return line
