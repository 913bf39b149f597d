"""Decryption on the way into a component (E4): write, copy and fetch with encryption info set for it.

Who asks for :func:`decryption` has the content key unwrapped and every rule checked before a byte is fetched
or written. The plaintext goes where the component's new content is made, which nothing names before the IC
has found all of it good (:meth:`device.components.Components.write`).
"""

from collections.abc import Iterable, Iterator

from device.ic.errors import DecryptFailedError, KeyUsageError, UnsupportedByIcError
from device.ic.interface import Bound, ContentKey, DecryptionKey, DecryptStream, SecurityIC, Side
from device.processor.state import State
from suit.encryption import SIZES, UNAUTHENTICATED, EncryptionInfo, Recipient
from suit.errors import AbortError, UnsupportedAlgorithmError
from suit.manifest import Digest


class Decryption:
    """One decryption that is about to happen.

    Attributes:
        overhead: By how many bytes the ciphertext may be longer than what the component holds afterwards.
    """

    def __init__(self, stream: DecryptStream, overhead: int) -> None:
        self._stream = stream
        self.overhead = overhead

    def plaintext(self, ciphertext: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the plaintext; it is good only if this ends without an error.

        Raises:
            AbortError: It does not decrypt.
        """
        try:
            for chunk in ciphertext:
                plain = self._stream.update(chunk)
                if plain:
                    yield plain
            rest = self._stream.finish().rest
        except DecryptFailedError as error:
            raise _aborted(error) from error
        finally:
            self._stream.abort()
        if rest:
            yield rest


def decryption(state: State, source: Digest | None = None, side: Side = Side.PLAINTEXT) -> Decryption | None:
    """Begin the decryption that the current component's parameters ask for; None if they ask for none.

    Args:
        state: The component.
        source: The digest that the ciphertext was found to have, if it was.
        side: What the component's own image digest may be the digest of.

    Raises:
        AbortError: No key of this device opens it, or it needs a digest and has none (E8).
        UnsupportedAlgorithmError: The security IC does not have the algorithm.
    """
    info = state.parameters.encryption_info
    if info is None:
        return None
    machine = state.node.tree.machine
    if machine.ic is None:
        raise AbortError("there is no security IC to decrypt with")
    bound = _bound(state, source, side)
    if bound is None and info.algorithm in machine.policy.digest_for | UNAUTHENTICATED:
        raise AbortError(f"{info.algorithm.name} without an image digest (E8)")
    try:
        key = _content_key(machine.ic, info)
        stream = machine.ic.decrypt_open(key, iv=info.iv, aad=info.aad, bound=bound)
    except UnsupportedByIcError as error:
        raise UnsupportedAlgorithmError(str(error)) from error
    return Decryption(stream, SIZES[info.algorithm].overhead)


def refuse_decryption(state: State, directive: str) -> None:
    """Abort a directive that moves content as it is, where encryption info asks for something else.

    Raises:
        AbortError: The current component has encryption info.
    """
    if state.parameters.encryption_info is not None:
        raise AbortError(f"{directive} with encryption info decrypts nothing")


def _bound(state: State, source: Digest | None, side: Side) -> Bound | None:
    own = state.parameters.image_digest
    # Of a dependency it is the digest of the manifest, not of the envelope that is decrypted (T5.2.2).
    if own is not None and state.index not in state.node.dependencies:
        return Bound(own, side)
    return None if source is None else Bound(source, Side.CIPHERTEXT)


def _content_key(ic: SecurityIC, info: EncryptionInfo) -> ContentKey:
    """Unwrap the content key with the first key that opens it; a kid says which ones to try (E5.1)."""
    keys = ic.decryption_keys()
    failure: Exception | None = None
    for recipient in info.recipients:
        for key in keys:
            if _is_meant(key, recipient):
                try:
                    return ic.unwrap(key.name, recipient, info.algorithm)
                except (DecryptFailedError, KeyUsageError) as error:
                    failure = error
    if failure is None:
        raise AbortError("the payload is encrypted for others")
    raise AbortError("no key of this device opens the content key") from failure


def _is_meant(key: DecryptionKey, recipient: Recipient) -> bool:
    return recipient.algorithm in key.algorithms and (recipient.kid is None or recipient.kid == key.kid)


def _aborted(error: DecryptFailedError) -> AbortError:
    return AbortError(f"decryption failed: {error}")
