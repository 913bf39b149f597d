"""Quotes: what a security IC says of itself, as an Entity Attestation Token (RFC 9711) in COSE_Sign1.

Everything in it is the IC's own knowledge but the nonce: no caller can have it sign anything else. Whoever
keeps the last quote of a device sees in the next whether its state was put back: boots and generation rise.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from spec.labels import Claim
from suit import cbor
from suit.embedded import opened
from suit.errors import DifferentError, MalformedError, NotAuthenticError, RollbackError
from suit.keys import CoseKey

PROFILE: Final = "tag:hardsuit,2026:quote"
MIN_NONCE, MAX_NONCE = 8, 64
"""RFC 9711 §4.1."""
MAX_QUOTE: Final = 1 << 16
_WHERE: Final = "quote"
_LIMITS: Final = cbor.Limits(size=MAX_QUOTE, depth=4)
_RANDOM_UEID: Final = b"\x01"
_ID_SIZE: Final = 16
_PCR_SIZE: Final = 32


class MeasuredEvent(NamedTuple):
    """One extension of a PCR, as the device remembers it; the quote is what proves it.

    Attributes:
        pcr: Which one.
        digest: What it was extended with.
        what: For people.
    """

    pcr: int
    digest: bytes
    what: str


@dataclass(frozen=True, slots=True)
class Quote:
    """What an IC vouches for.

    Attributes:
        nonce: What the asker sent.
        uid: The IC, 16 bytes.
        issued: When, by the IC's trusted time in Unix seconds.
        boot_count: How often the IC has started.
        uptime: Seconds since it did.
        generation: How often its durable state changed.
        pcrs: The PCRs that were asked for.
        floors: Value and digest by slot.
        repository: What it remembers of the TUF repository: root version, (epoch, version) of timestamp and
            snapshot, time floor.
        levels: Where each function is enforced.
    """

    nonce: bytes
    uid: bytes
    issued: int
    boot_count: int
    uptime: int
    generation: int
    pcrs: Mapping[int, bytes]
    floors: Mapping[str, tuple[int, bytes]]
    repository: tuple[int, ...]
    levels: Mapping[str, int] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the claims, the payload of the token."""
        return cbor.encode(
            {
                Claim.NONCE.value: self.nonce,
                Claim.UEID.value: _RANDOM_UEID + self.uid,
                Claim.IAT.value: self.issued,
                Claim.EAT_PROFILE.value: PROFILE,
                Claim.UPTIME.value: self.uptime,
                Claim.BOOTCOUNT.value: self.boot_count,
                Claim.GENERATION.value: self.generation,
                Claim.PCRS.value: dict(self.pcrs),
                Claim.FLOORS.value: {slot: list(floor) for slot, floor in self.floors.items()},
                Claim.REPOSITORY.value: list(self.repository),
                Claim.LEVELS.value: dict(self.levels),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "nonce": self.nonce.hex(),
            "uid": self.uid.hex(),
            "issued": self.issued,
            "boot_count": self.boot_count,
            "uptime": self.uptime,
            "generation": self.generation,
            "pcrs": {str(pcr): value.hex() for pcr, value in self.pcrs.items()},
            "floors": {slot: {"value": value, "digest": digest.hex()}
                       for slot, (value, digest) in self.floors.items()},
            "repository": list(self.repository),
            "levels": dict(self.levels),
        }  # fmt: skip


def decode_quote(payload: bytes) -> Quote:
    """Read the claims of a quote.

    Raises:
        MalformedError: They are not those of hardsuit's profile.
    """
    claims = cbor.decode(payload, where=_WHERE, limits=_LIMITS)
    if type(claims) is not dict or set(claims) != {claim.value for claim in Claim}:
        raise MalformedError(_WHERE, "other claims than those of its profile")
    if claims[Claim.EAT_PROFILE.value] != PROFILE:
        raise MalformedError(_WHERE, "another profile")
    ueid = _typed(claims, Claim.UEID, bytes)
    if len(ueid) != 1 + _ID_SIZE or not ueid.startswith(_RANDOM_UEID):
        raise MalformedError(_WHERE, "the identity has another form")
    repository = _typed(claims, Claim.REPOSITORY, list)
    if not all(type(number) is int for number in repository):
        raise MalformedError(_WHERE, "what is said of the repository is no list of numbers")
    return Quote(
        _typed(claims, Claim.NONCE, bytes),
        ueid[1:],
        _typed(claims, Claim.IAT, int),
        _typed(claims, Claim.BOOTCOUNT, int),
        _typed(claims, Claim.UPTIME, int),
        _typed(claims, Claim.GENERATION, int),
        _pcrs(_typed(claims, Claim.PCRS, dict)),
        {slot: _floor(slot, floor) for slot, floor in _typed(claims, Claim.FLOORS, dict).items()},
        tuple(repository),
        _levels(_typed(claims, Claim.LEVELS, dict)),
    )


def open_quote(raw: bytes, keys: Iterable[CoseKey], *, nonce: bytes, after: Quote | None = None) -> Quote:
    """Verify a quote, then read it.

    Args:
        raw: The token.
        keys: The attestation keys of the devices that are believed.
        nonce: What the device was asked with.
        after: An earlier quote of the same device.

    Raises:
        NotAuthenticError: No key vouches, or it answers another question.
        MalformedError: It is no quote.
        DifferentError: It is of another IC than the earlier one.
        RollbackError: The IC's state is older than in the earlier one: it was put back.
    """
    quote = decode_quote(opened(raw, keys, where=_WHERE, limit=MAX_QUOTE))
    if quote.nonce != nonce:
        raise NotAuthenticError(f"{_WHERE}: it answers another question, or an old one")
    if after is not None:
        require_later(quote, after)
    return quote


def require_later(quote: Quote, earlier: Quote) -> None:
    """Hold a quote against an earlier one of the same device.

    Raises:
        DifferentError: It is of another IC.
        RollbackError: The IC's state was put back in between.
    """
    if quote.uid != earlier.uid:
        raise DifferentError(f"{_WHERE}: of IC {quote.uid.hex()}, not {earlier.uid.hex()}")
    for what in ("boot_count", "generation"):
        now, before = int(getattr(quote, what)), int(getattr(earlier, what))
        if now < before:
            raise RollbackError(f"{_WHERE}: {what.replace('_', ' ')}", offered=now, stored=before)
    for slot, (value, _) in earlier.floors.items():
        risen = quote.floors.get(slot, (0, b""))[0]
        if risen < value:
            raise RollbackError(f"{_WHERE}: floor {slot}", offered=risen, stored=value)


def read_log(raw: bytes) -> tuple[MeasuredEvent, ...]:
    """Read the measurement log that ``hardsuit device attest --log`` wrote: JSON that nobody signed.

    Raises:
        MalformedError: It is none.
    """
    try:
        return tuple(
            [
                MeasuredEvent(int(event["pcr"]), bytes.fromhex(event["digest"]), str(event["what"])[:256])
                for event in json.loads(raw)
            ]
        )
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise MalformedError(
            "measurement log", f"not what a device writes ({type(error).__name__})"
        ) from error


def require_explained(quote: Quote, events: Iterable[MeasuredEvent]) -> None:
    """Replay a measurement log: it has to end in the PCRs that the quote proves, each that it names.

    A log may tell of more than one system: what was tried and given up in this boot was measured as well.

    Raises:
        DifferentError: Something else was measured, or in another order.
    """
    replayed: dict[int, bytes] = {}
    for event in events:
        before = replayed.get(event.pcr, bytes(_PCR_SIZE))
        replayed[event.pcr] = hashlib.sha256(before + event.digest).digest()
    for pcr, value in quote.pcrs.items():
        if replayed.get(pcr, bytes(_PCR_SIZE)) != value:
            raise DifferentError(f"{_WHERE}: the log does not explain PCR {pcr}")


def _typed(claims: Mapping[int, Any], claim: Claim, kind: type) -> Any:  # noqa: ANN401 - of type `kind`
    value: Any = claims[claim.value]
    if type(value) is not kind or (isinstance(value, int) and value < 0):
        raise MalformedError(_WHERE, f"the claim {claim.name.lower()} has another type")
    return value


def _pcrs(item: Mapping[Any, Any]) -> dict[int, bytes]:
    for pcr, value in item.items():
        if type(pcr) is not int or type(value) is not bytes or len(value) != _PCR_SIZE:
            raise MalformedError(_WHERE, "not a PCR")
    return dict(item)


def _floor(slot: cbor.Item, item: cbor.Item) -> tuple[int, bytes]:
    match item:
        case [int(value), bytes(digest)] if type(slot) is str and type(value) is int:
            return value, digest
        case _:
            raise MalformedError(_WHERE, "not a floor")


def _levels(item: Mapping[Any, Any]) -> dict[str, int]:
    if not all(type(name) is str and type(level) is int for name, level in item.items()):
        raise MalformedError(_WHERE, "not a level of enforcement")
    return dict(item)
