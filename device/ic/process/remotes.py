"""The local ends of what an IC in another process hands out."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, Final

from typing_extensions import override

from device.ic.errors import IcUnavailableError, IcUsageError, PolicyDeniedError
from device.ic.interface import (
    AnchorRecord,
    AuthSession,
    Buffer,
    ContentKey,
    Decrypted,
    DecryptStream,
    HashStream,
    HashTicket,
    KeyInfo,
    Lifecycle,
    Purpose,
)
from device.ic.process.line import Remote
from device.ic.wire.calls import SPILL
from suit.keys import CoseKey

_PIECE: Final = 1 << 20


class RemoteHash(Remote, HashStream):
    """A digest that is computed at the IC."""

    @override
    def update(self, data: Buffer) -> None:
        self._require_open()
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _PIECE):
            self.line.ask(HashStream.update, self, bytes(view[start : start + _PIECE]))

    @override
    def finish(self) -> HashTicket:
        self._require_open()
        try:
            return self.line.ask(HashStream.finish, self)
        finally:
            self.end()

    def _require_open(self) -> None:
        if not self.open:
            raise IcUsageError("the hash stream is finished")


class RemoteSession(Remote, AuthSession):
    """An authorization that the IC gave to this connection."""

    @override
    def add_anchor(self, key: CoseKey, purposes: AbstractSet[Purpose]) -> KeyInfo:
        return self._authorized().line.ask(AuthSession.add_anchor, self, key, purposes)

    @override
    def remove_anchor(self, name: bytes) -> None:
        self._authorized().line.ask(AuthSession.remove_anchor, self, name)

    @override
    def reset_anchor(self, record: AnchorRecord) -> AnchorRecord:
        return self._authorized().line.ask(AuthSession.reset_anchor, self, record)

    @override
    def advance(self, lifecycle: Lifecycle) -> Lifecycle:
        return self._authorized().line.ask(AuthSession.advance, self, lifecycle)

    @override
    def change_secret(self, secret: bytes) -> None:
        self._authorized().line.ask(AuthSession.change_secret, self, secret)

    @override
    def close(self) -> None:
        _end(self, AuthSession.close)

    def _authorized(self) -> "RemoteSession":
        if not self.open:
            raise PolicyDeniedError("the authorization session is closed")
        return self


class RemoteContentKey(Remote, ContentKey):
    """A content key, which is nowhere but at the IC."""

    @override
    def discard(self) -> None:
        _end(self, ContentKey.discard)


class RemoteDecryption(Remote, DecryptStream):
    """A decryption at the IC."""

    @override
    def update(self, data: Buffer) -> bytes:
        self._require_open()
        view = memoryview(data).cast("B")
        pieces = range(0, len(view), SPILL)  # as much as fits into a frame on its way back
        plain = [self.line.ask(DecryptStream.update, self, bytes(view[at : at + SPILL])) for at in pieces]
        return plain[0] if len(plain) == 1 else b"".join(plain)

    @override
    def finish(self) -> Decrypted:
        self._require_open()
        try:
            return self.line.ask(DecryptStream.finish, self)
        finally:
            self.end()

    @override
    def abort(self) -> None:
        _end(self, DecryptStream.abort)

    def _require_open(self) -> None:
        if not self.open:
            raise IcUsageError("the stream is used up")


def _end(remote: Remote, method: Callable[[Any], None]) -> None:
    """Have the IC forget something, unless it has."""
    if not remote.open:
        return
    try:
        remote.line.ask(method, remote)
    except IcUnavailableError:
        return  # it died with the connection
    finally:
        remote.end()


REMOTES: Final[dict[type, type[Remote]]] = {
    HashStream: RemoteHash,
    AuthSession: RemoteSession,
    ContentKey: RemoteContentKey,
    DecryptStream: RemoteDecryption,
}
"""The local end of each class whose objects stay at the IC."""
