"""What the emulator keeps over a restart, and its encoding inside the seal."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from device.ic.emulator import reporting
from device.ic.errors import IcUsageError, StateCorruptError
from device.ic.interface import (
    ALWAYS,
    NEVER,
    SIGNED,
    Access,
    AnchorRecord,
    Condition,
    Floor,
    KeyInfo,
    Lifecycle,
    Purpose,
    RoleFloor,
)
from device.ic.rules import Lockout
from suit import cbor
from suit.errors import HardsuitError
from suit.keys import MAX_KEY, CoseKey
from suit.recipient_keys import RecipientKey
from suit.report_cipher import ReportCipher
from suit.signer import LocalSigner

_FORMAT: Final = 1
_LIMITS: Final = cbor.Limits(items=1 << 16)
_SCRYPT_BLOCK, _SCRYPT_LANES, _SALT_SIZE = 8, 1, 16


@dataclass(frozen=True, slots=True)
class SecretHash:
    """The authorization secret, stretched by scrypt (RFC 7914)."""

    cost: int
    salt: bytes = field(repr=False)
    value: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes, *, cost: int) -> "SecretHash":
        """Stretch a secret with a new salt."""
        salt = secrets.token_bytes(_SALT_SIZE)
        return cls(cost, salt, _stretch(secret, salt, cost))

    def matches(self, secret: bytes) -> bool:
        """Tell whether this is the secret."""
        return hmac.compare_digest(_stretch(secret, self.salt, self.cost), self.value)


def _stretch(secret: bytes, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(secret, salt=salt, n=cost, r=_SCRYPT_BLOCK, p=_SCRYPT_LANES)


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A key and what it may vouch for."""

    key: CoseKey
    purposes: frozenset[Purpose]
    slot: str = ""
    version: int = 0
    change: Access = NEVER
    use: Access = ALWAYS
    info: KeyInfo = field(init=False, compare=False)
    """The anchor as the IC shows it: asked for with every manifest."""

    def __post_init__(self) -> None:
        if len(self.key.to_cose()) > MAX_KEY:  # no boot could read it again
            raise IcUsageError(f"{self.key.title}: too large for a trust anchor")
        algorithms = tuple(sorted(self.key.admitted, key=lambda algorithm: algorithm.name))
        info = KeyInfo(self.key.name, self.key.kid, algorithms, self.purposes, self.slot, self.version)
        object.__setattr__(self, "info", info)


@dataclass(frozen=True, slots=True)
class State:
    """All that is durable, replaced as a whole by every commit."""

    uid: bytes
    secret: SecretHash | None
    time_leap: int
    boot_count: int = 0
    repairs: int = 0
    lockout: Lockout = Lockout()  # noqa: RUF009 - frozen
    anchors: Mapping[bytes, TrustAnchor] = field(default_factory=dict, repr=False)
    floors: Mapping[str, Floor] = field(default_factory=dict)
    tuf: AnchorRecord = AnchorRecord()  # noqa: RUF009 - frozen
    report_key: LocalSigner | None = field(default=None, repr=False)
    report_cipher: ReportCipher | None = field(default=None, repr=False)
    attestation_key: LocalSigner | None = field(default=None, repr=False)
    lifecycle: Lifecycle = Lifecycle.OPERATIONAL
    versions: Mapping[str, int] = field(default_factory=dict)
    """Of every slot that ever held a trust anchor: a version never comes again."""
    decryption_keys: Mapping[bytes, RecipientKey] = field(default_factory=dict, repr=False)

    def encode(self) -> bytes:
        """Return the state as CBOR. Secrets are in it: it leaves only sealed."""
        tuf = self.tuf
        return cbor.encode(
            {
                "format": _FORMAT,
                "uid": self.uid,
                "secret": [self.secret.cost, self.secret.salt, self.secret.value] if self.secret else None,
                "leap": self.time_leap,
                "boots": self.boot_count,
                "repairs": self.repairs,
                "lockout": [self.lockout.failures, self.lockout.since],
                "anchors": [_encode_anchor(anchor) for anchor in self.anchors.values()],
                "floors": [[floor.slot, floor.value, floor.digest] for floor in self.floors.values()],
                "tuf": [
                    tuf.root_version, tuf.root_sha256, *tuf.timestamp, *tuf.snapshot, tuf.time_floor,
                ],
                "report": self.report_key.to_cose() if self.report_key else None,
                "cipher": self.report_cipher.to_cose() if self.report_cipher else None,
                "attest": self.attestation_key.to_cose() if self.attestation_key else None,
                "life": self.lifecycle.value,
                "versions": dict(self.versions),
                "decrypt": [key.to_cose() for key in self.decryption_keys.values()],
            }
        )  # fmt: skip


def decode_state(raw: bytes) -> State:
    """Read a state that was sealed by :meth:`State.encode`.

    Raises:
        StateCorruptError: It was sealed by something else.
    """
    try:
        return _read_state(cbor.decode(raw, where="IC state", limits=_LIMITS))
    except (HardsuitError, LookupError, TypeError, ValueError) as error:
        # The cause is not shown: it may quote what the seal protects.
        raise StateCorruptError(f"IC state: not what this program sealed ({type(error).__name__})") from None


def _read_state(item: Mapping[str, Any]) -> State:
    if item["format"] != _FORMAT:
        raise ValueError
    root_version, root_sha256, ts_epoch, ts_version, sn_epoch, sn_version, time_floor = item["tuf"]
    # A state of an older hardsuit has less.
    report_key, cipher, attestation_key = item.get("report"), item.get("cipher"), item.get("attest")
    anchors = [
        anchor if anchor.slot else replace(anchor, slot=f"manifest-{number}", change=SIGNED)
        for number, anchor in enumerate(_decode_anchor(*anchor) for anchor in item["anchors"])
    ]
    return State(
        item["uid"],
        SecretHash(*item["secret"]) if item["secret"] else None,
        item["leap"],
        item["boots"],
        item["repairs"],
        Lockout(*item["lockout"]),
        {anchor.key.name: anchor for anchor in anchors},
        {floor[0]: Floor(*floor) for floor in item["floors"]},
        AnchorRecord(
            root_version,
            root_sha256,
            RoleFloor(ts_epoch, ts_version),
            RoleFloor(sn_epoch, sn_version),
            time_floor,
        ),
        reporting.restore(report_key) if report_key else None,
        ReportCipher.of(CoseKey.from_cose(cipher)) if cipher else None,
        reporting.restore(attestation_key) if attestation_key else None,
        Lifecycle(item.get("life", Lifecycle.OPERATIONAL)),
        item.get("versions", {anchor.slot: 0 for anchor in anchors}),
        {key.name: key for key in map(RecipientKey.from_cose, item.get("decrypt", ()))},  # as above
    )


def _encode_anchor(anchor: TrustAnchor) -> list[Any]:
    purposes = sorted(purpose.value for purpose in anchor.purposes)
    access = [
        [sorted(condition.value for condition in needed) for needed in rule]
        for rule in (anchor.change, anchor.use)
    ]
    return [anchor.key.to_cose(), anchor.key.any_identifier, purposes, anchor.slot, anchor.version, *access]


def _decode_anchor(
    raw: bytes,
    any_identifier: bool,  # noqa: FBT001 - as stored
    purposes: list[str],
    slot: str = "",
    version: int = 0,
    *access: list[list[str]],
) -> TrustAnchor:
    key = replace(CoseKey.from_cose(raw), any_identifier=any_identifier)
    rules = [tuple([frozenset(map(Condition, needed)) for needed in rule]) for rule in access]
    return TrustAnchor(key, frozenset(map(Purpose, purposes)), slot, version, *rules)
