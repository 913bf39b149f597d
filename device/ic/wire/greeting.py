"""Before the IC itself: who is there, and setting it up for the first time."""

from abc import ABC, abstractmethod
from typing import Final

from device.ic.interface import Provisioning

PROTOCOL: Final = 1


class IcHost(ABC):
    """The process around an IC."""

    @abstractmethod
    def hello(self, protocol: int) -> int:
        """Begin a connection: the first call, and no other is served before it.

        Returns:
            The process identifier, for people who look for it.

        Raises:
            CapabilityError: Another protocol is spoken here.
        """

    @abstractmethod
    def provision(self, plan: Provisioning) -> None:
        """Set up an IC that was never provisioned.

        Raises:
            PolicyDeniedError: It was.
        """
