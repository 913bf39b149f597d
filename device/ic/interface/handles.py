"""What the IC hands out for a while: a digest in the making, a session for changes."""

from abc import ABC, abstractmethod
from collections.abc import Set as AbstractSet
from typing import Self

from device.ic.interface.objects import Lifecycle
from device.ic.interface.values import AnchorRecord, Buffer, HashTicket, KeyInfo, Purpose
from suit.keys import CoseKey


class HashStream(ABC):
    """A digest computed inside the IC over data of any length."""

    @abstractmethod
    def update(self, data: Buffer) -> None:
        """Take the next bytes."""

    @abstractmethod
    def finish(self) -> HashTicket:
        """Return the digest; the stream is used up.

        Raises:
            IcUsageError: The stream was finished before.
        """


class AuthSession(ABC):
    """Changes that need the owner's secret. Close it as soon as they are made."""

    @abstractmethod
    def add_anchor(self, key: CoseKey, purposes: AbstractSet[Purpose]) -> KeyInfo:
        """Trust a key for these purposes; for a key already trusted, replace its purposes.

        Raises:
            PolicyDeniedError: The device is operational: from then on it takes a signed update.
        """

    @abstractmethod
    def remove_anchor(self, name: bytes) -> None:
        """Stop trusting a key.

        Raises:
            UnknownKeyError: There is no such trust anchor.
            PolicyDeniedError: As :meth:`add_anchor`.
        """

    @abstractmethod
    def reset_anchor(self, record: AnchorRecord) -> AnchorRecord:
        """Pin another TUF repository. Sequence floors stay: they have no reset."""

    @abstractmethod
    def advance(self, lifecycle: Lifecycle) -> Lifecycle:
        """Move the IC on in its life; terminated, it has erased its secrets and serves nothing more.

        Raises:
            PolicyDeniedError: It would go back.
        """

    @abstractmethod
    def change_secret(self, secret: bytes) -> None:
        """Replace the authorization secret."""

    @abstractmethod
    def close(self) -> None:
        """End the session; further calls raise :class:`PolicyDeniedError`."""

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
