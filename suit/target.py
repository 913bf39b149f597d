"""What the repository writes and the device reads: the SUIT-over-TUF binding (``spec/binding.md``)."""

import re
from dataclasses import dataclass
from typing import Any, Final

from suit.errors import MalformedError, NotAuthenticError
from suit.manifest import Digest, Envelope, Manifest
from suit.narrow import draft_name

MAX_SEQUENCE_NUMBER: Final = (1 << 63) - 1
ISSUED: Final = "x-hardsuit-issued"
"""A signed field of timestamp: when it was made, so that a device without a clock learns the time."""
ISSUED_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
_CHANNEL: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64,128}")
_OPTIONAL_FIELDS: Final = frozenset({"ver", "min"})


def vendor_role(vendor: bytes) -> str:
    """Name the TUF role that a vendor's own key signs."""
    return f"v-{vendor.hex()}"


def bin_prefix(vendor: bytes) -> str:
    """Name the succinct bins below a vendor's role (TAP 15)."""
    return f"{vendor_role(vendor)}-bin"


def target_path(vendor: bytes, class_id: bytes, channel: str) -> str:
    """Return the TUF target path of the newest envelope for a device class: always three segments.

    Raises:
        MalformedError: The channel is not lower-case letters, digits and hyphens.
    """
    if not _CHANNEL.fullmatch(channel):
        raise MalformedError("channel", f"{channel!r} is not lower-case letters, digits and hyphens")
    return f"{vendor.hex()}/{class_id.hex()}/{channel}.suit"


def content_path(digest: Digest) -> str:
    """Return where a payload with this digest is stored, relative to the repository's base URL."""
    text = digest.value.hex()
    return f"content/{draft_name(digest.algorithm)}/{text[:2]}/{text}"


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """``custom.suit`` of a TUF target: signed by TUF, and equal to the manifest that arrives.

    Attributes:
        sequence_number: The manifest's sequence number.
        digest: The manifest's digest, in hex, by the algorithm that its envelope names.
        version: A version for people.
        minimum: A sequence number below which devices shall not go back.
    """

    sequence_number: int
    digest: str
    version: str | None = None
    minimum: int | None = None

    def to_custom(self) -> dict[str, Any]:
        """Return the JSON object that stands under ``custom.suit``."""
        custom: dict[str, Any] = {"seq": self.sequence_number, "dig": self.digest}
        if self.version is not None:
            custom["ver"] = self.version
        if self.minimum is not None:
            custom["min"] = self.minimum
        return custom

    @classmethod
    def from_custom(cls, custom: object, *, where: str) -> "TargetInfo":
        """Read ``custom.suit`` strictly.

        Raises:
            MalformedError: A field is missing, unknown or of the wrong type.
        """
        match custom:
            case {"seq": int() as number, "dig": str() as digest, **rest} if rest.keys() <= _OPTIONAL_FIELDS:
                version, minimum = rest.get("ver"), rest.get("min")
            case _:
                raise MalformedError(where, "expected custom.suit with seq and dig")
        if not _is_sequence_number(number) or not _HEX_DIGEST.fullmatch(digest):
            raise MalformedError(where, "custom.suit: seq or dig is out of range")
        if not isinstance(version, str | None) or not isinstance(minimum, int | None):
            raise MalformedError(where, "custom.suit: ver or min is of the wrong type")
        if minimum is not None and not _is_sequence_number(minimum):
            raise MalformedError(where, "custom.suit: min is out of range")
        return cls(number, digest, version, minimum)

    def require_equal(self, envelope: Envelope, manifest: Manifest) -> None:
        """Check that the envelope that arrived is the one that TUF listed.

        Raises:
            NotAuthenticError: Sequence number or digest differ: a listing was paired with another manifest.
        """
        if self.digest != envelope.digest.value.hex():
            raise NotAuthenticError("target: the manifest's digest is not the listed one")
        if self.sequence_number != manifest.sequence_number:
            raise NotAuthenticError("target: the manifest's sequence number is not the listed one")


def _is_sequence_number(number: object) -> bool:
    return type(number) is int and 0 <= number <= MAX_SEQUENCE_NUMBER
