"""Every TUF signature check goes to the security IC.

python-tuf asks the ``Key`` object, and securesystemslib's table says which class that is. The class
here asks the IC that :func:`routed` names; outside of it, software verifies as ever, so repository
tooling in the same process is not disturbed. A key keeps the IC it was parsed under: no later check
of it can slip past.

python-tuf counts a securesystemslib ``VerificationError`` as "unsigned". So exactly one answer of the
IC becomes one, :class:`BadSignatureError`; everything else the IC raises passes through python-tuf
unchanged and ends the refresh (notes on TUF, §0.2).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import (
    ECDSA_SHA2_NISTP256,
    ECDSA_SHA2_NISTP384,
    ECDSA_SHA2_NISTP521,
    ED25519,
    KEY_FOR_TYPE_AND_SCHEME,
    KEY_TYPE_ED25519,
    GPGKey,
    Key,
    Signature,
    SSlibKey,
)
from typing_extensions import override

from device.ic.errors import BadSignatureError
from device.ic.interface import SecurityIC, VerifyTicket, Where
from spec.labels import CoseAlgorithm, CoseCurve, CoseKeyType
from suit.crypto import der_to_raw
from suit.errors import HardsuitError
from suit.keys import CoseKey

_ALGORITHM: Final[Mapping[str, CoseAlgorithm]] = {
    ECDSA_SHA2_NISTP256: CoseAlgorithm.ESP256,
    ECDSA_SHA2_NISTP384: CoseAlgorithm.ESP384,
    ECDSA_SHA2_NISTP521: CoseAlgorithm.ESP512,
    ED25519: CoseAlgorithm.ED25519,
}
"""TUF signature schemes by their COSE algorithm; any other scheme has no name that an IC could declare."""


@dataclass(slots=True)
class Route:
    """One IC, and the tickets that it gave for signatures on the way."""

    ic: SecurityIC
    algorithms: frozenset[CoseAlgorithm]
    tickets: list[VerifyTicket] = field(default_factory=list)


_ROUTE: ContextVar[Route | None] = ContextVar("route", default=None)


@contextmanager
def routed(ic: SecurityIC) -> Iterator[Route]:
    """Make every key that is parsed in this context verify in ``ic``."""
    declared = ic.info().capabilities.verify.items()
    route = Route(ic, frozenset(name for name, where in declared if where is not Where.ABSENT))
    token = _ROUTE.set(route)
    try:
        yield route
    finally:
        _ROUTE.reset(token)


class IcKey(SSlibKey):
    """A TUF key whose signatures the IC checks."""

    def __init__(
        self,
        keyid: str,
        keytype: str,
        scheme: str,
        keyval: dict[str, Any],
        unrecognized_fields: dict[str, Any] | None = None,
        *,
        route: Route,
    ) -> None:
        super().__init__(keyid, keytype, scheme, keyval, unrecognized_fields)
        self._route = route

    @classmethod
    @override
    def from_dict(cls, keyid: str, key_dict: dict[str, Any]) -> SSlibKey:
        """Read a key of TUF metadata; it is the IC's from here on if there is one."""
        route = _ROUTE.get()
        if route is None:
            return SSlibKey.from_dict(keyid, key_dict)
        keytype, scheme, keyval = cls._from_dict(key_dict)
        return cls(keyid, keytype, scheme, keyval, key_dict, route=route)

    @override
    def verify_signature(self, signature: Signature, data: bytes) -> None:
        """Ask the IC; software verifies only what the IC declares that it does not have.

        Raises:
            UnverifiedSignatureError: The signature does not count.
            IcError: The IC gave no verdict. python-tuf does not catch this.
        """
        algorithm = _ALGORITHM.get(self.scheme)
        if algorithm not in self._route.algorithms:
            super().verify_signature(signature, data)
            return
        if signature.keyid != self.keyid:
            raise UnverifiedSignatureError(f"the signature is not by {self.keyid}")
        key, raw = self._in_cose, self._raw(signature)
        try:
            ticket = self._route.ic.verify_with(key, algorithm, data, raw)
        except BadSignatureError as error:
            raise UnverifiedSignatureError(f"Failed to verify signature by {self.keyid}") from error
        self._route.tickets.append(ticket)

    @property
    def identity(self) -> str:
        """The thumbprint where COSE has one (RFC 9679), the text of the key otherwise."""
        try:
            return self._in_cose.name.hex()
        except (KeyError, UnverifiedSignatureError):
            return f"{self.scheme} {''.join(self.keyval['public'].split())}"

    @cached_property
    def _in_cose(self) -> CoseKey:
        algorithm = _ALGORITHM[self.scheme]
        try:
            if self.keytype == KEY_TYPE_ED25519:
                public = bytes.fromhex(self.keyval["public"])
                return CoseKey(CoseKeyType.OKP, CoseCurve.ED25519, public, algorithm=algorithm)
            return CoseKey.from_pem(self.keyval["public"].encode(), algorithm=algorithm)
        except (HardsuitError, ValueError) as error:
            raise UnverifiedSignatureError(f"{self.keyid} is no {self.scheme} key") from error

    def _raw(self, signature: Signature) -> bytes:
        """Return the signature as COSE has it: r and s side by side, not DER."""
        try:
            encoded = bytes.fromhex(signature.signature)
            curve = self._in_cose.curve
            return encoded if curve in {None, CoseCurve.ED25519} else der_to_raw(encoded, curve)
        except ValueError as error:
            raise UnverifiedSignatureError(f"no {self.scheme} signature by {self.keyid}") from error


def identity(key: Key) -> str:
    """Name a key by what it is: a keyid is only a label that its author chose (TAP 12)."""
    if isinstance(key, IcKey):
        return key.identity
    return f"{key.scheme} {key.keyid}"


class UnusableKey(GPGKey):
    """A key type that neither an IC nor this client verifies; its signatures never count."""

    @classmethod
    @override
    def from_dict(cls, keyid: str, key_dict: dict[str, Any]) -> GPGKey:
        if _ROUTE.get() is None:
            return GPGKey.from_dict(keyid, key_dict)
        return super().from_dict(keyid, key_dict)

    @override
    def verify_signature(self, signature: Signature, data: bytes) -> None:
        raise UnverifiedSignatureError(f"{self.scheme} is not verified on a device")


def _register() -> None:
    """Put our classes in securesystemslib's table. Outside of :func:`routed` nothing changes."""
    ours: dict[type[Key], type[Key]] = {SSlibKey: IcKey, GPGKey: UnusableKey}
    for kind, implementation in KEY_FOR_TYPE_AND_SCHEME.items():
        KEY_FOR_TYPE_AND_SCHEME[kind] = ours.get(implementation, implementation)


_register()
