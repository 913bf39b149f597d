"""Keys of the repository: made, found by URI, and used to sign roles.

A signer is named by a securesystemslib URI: ``file2:keys/root-1.pem`` (an unencrypted PKCS8 PEM
file; a relative path counts from the repository's directory), or any scheme that securesystemslib
serves (``hsm:``, ``awskms:`` …). Which URI holds the private half of which key id stands in the
repository's policy; nothing private ever leaves this module.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Key, Signature, Signer, SSlibKey
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from repository.store import write_private
from suit.errors import KeyUnavailableError, UsageError

_FILE_SCHEME = CryptoSigner.SCHEME + ":"

AnyRole = TypeVar("AnyRole", Root, Timestamp, Snapshot, Targets)


class KeyType(Enum):
    """The key types that ``repo init`` makes; both are standard on the wire."""

    ECDSA = "ecdsa"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class RoleKey:
    """A public key that may sign a role, and where its private half is."""

    public: Key
    uri: str


def obtain(base: Path, name: str, key_type: KeyType) -> RoleKey:
    """Return the key ``keys/NAME.pem``, making it when it does not exist yet.

    Taking an existing file makes an interrupted command repeatable: the second run finds the
    keys of the first.

    Args:
        base: The repository's directory.
        name: What the key is for, such as ``root-1``.
        key_type: What to make.

    Raises:
        KeyUnavailableError: The existing file is no private key.
        StorageError: The file cannot be written.
    """
    uri = f"{_FILE_SCHEME}keys/{name}.pem"
    path = base / "keys" / f"{name}.pem"
    if not path.exists():
        write_private(path, _generate(key_type).private_bytes, replace=False)
    return RoleKey(_file_signer(base, uri).public_key, uri)


def require_distinct(role: str, keys: Iterable[Key], threshold: int) -> None:
    """Refuse a threshold that the keys cannot reach, or reach only on paper.

    TUF does not compare a key id with its key: one public key under two ids would satisfy a
    threshold of two with a single signature.

    Raises:
        UsageError: The same public key twice, or fewer keys than the threshold.
    """
    ids: dict[str, str] = {}
    for key in keys:
        public = str(sorted(key.keyval.items()))
        if public in ids:
            raise UsageError(f"{role}: key {key.keyid[:8]} is the same as key {ids[public][:8]}")
        ids[public] = key.keyid
    if not 1 <= threshold <= len(ids):
        raise UsageError(f"{role}: a threshold of {threshold} needs that many keys, not {len(ids)}")


class Keyring:
    """The signers that this machine can reach.

    Args:
        base: The repository's directory; relative file URIs count from it.
        uris: The URI of the private key, by key id.
    """

    def __init__(self, base: Path, uris: Mapping[str, str]) -> None:
        self._base = base
        self._uris = uris
        self._open: dict[str, Signer] = {}

    def problem(self, key: Key) -> str | None:
        """Say why a key cannot sign here, or None when it can."""
        try:
            self._signer(key)
        except KeyUnavailableError as error:
            return str(error)
        return None

    def has(self, key: Key) -> bool:
        """Tell whether a signer is configured, without opening it: a token would ask for its PIN."""
        uri = self._uris.get(key.keyid, "")
        if uri.startswith(_FILE_SCHEME):
            return (self._base / uri.removeprefix(_FILE_SCHEME)).is_file()
        return bool(uri)

    def can_sign(self, keys: Iterable[Key], threshold: int) -> bool:
        """Tell whether enough of a role's keys are at hand."""
        return sum(self.problem(key) is None for key in keys) >= threshold

    def seal(self, role: str, signed: AnyRole, keys: Sequence[Key], threshold: int) -> bytes:
        """Sign a role with every key at hand and return the finished metadata file.

        Every signature is verified before it is used: a token that holds another key than its id
        promises is noticed here and not by the clients.

        Raises:
            KeyUnavailableError: Fewer keys than the threshold can sign.
        """
        metadata = Metadata(signed)
        payload = metadata.signed_bytes
        problems = []
        for key in keys:
            try:
                metadata.signatures[key.keyid] = self._signature(key, payload)
            except KeyUnavailableError as error:
                problems.append(str(error))
        if len(metadata.signatures) < threshold:
            missing = f"{len(metadata.signatures)} of {threshold} needed keys can sign"
            raise KeyUnavailableError(f"{role}: {missing}: {'; '.join(problems)}")
        return metadata.to_bytes()

    def _signature(self, key: Key, payload: bytes) -> Signature:
        signer = self._signer(key)
        try:
            signature = signer.sign(payload)
            key.verify_signature(signature, payload)
        except UnverifiedSignatureError as error:
            raise KeyUnavailableError(f"key {key.keyid[:8]}: its signature is wrong") from error
        except Exception as error:
            raise KeyUnavailableError(f"key {key.keyid[:8]}: signing failed: {error}") from error
        return signature

    def _signer(self, key: Key) -> Signer:
        if key.keyid not in self._open:
            self._open[key.keyid] = self._find(key)
        return self._open[key.keyid]

    def _find(self, key: Key) -> Signer:
        uri = self._uris.get(key.keyid)
        if uri is None:
            raise KeyUnavailableError(f"key {key.keyid[:8]}: no signer is configured for it")
        if uri.startswith(_FILE_SCHEME):
            return _file_signer(self._base, uri, key)
        try:
            return Signer.from_priv_key_uri(uri, key)
        except Exception as error:
            # securesystemslib documents that signers raise what they please
            raise KeyUnavailableError(f"key {key.keyid[:8]}: {uri}: {error}") from error


def _generate(key_type: KeyType) -> CryptoSigner:
    match key_type:
        case KeyType.ECDSA:
            return CryptoSigner.generate_ecdsa()
        case KeyType.ED25519:
            return CryptoSigner.generate_ed25519()


def _file_signer(base: Path, uri: str, key: Key | None = None) -> CryptoSigner:
    """Open a PEM file.

    Not left to securesystemslib, which cuts paths at ``#`` and ``?`` and reads them from the
    working directory.
    """
    path = base / uri.removeprefix(_FILE_SCHEME)
    if key is not None and not isinstance(key, SSlibKey):
        raise KeyUnavailableError(f"key {key.keyid[:8]}: a file cannot hold a {key.keytype} key")
    try:
        private = load_pem_private_key(path.read_bytes(), None)
        return CryptoSigner(private, key)
    except OSError as error:
        raise KeyUnavailableError(f"key file {path}: {error.strerror}") from error
    except Exception as error:
        # the library's text may quote the file, so it is not repeated
        wrong = "is no unencrypted PEM key" if key is None else f"is not key {key.keyid[:8]}"
        raise KeyUnavailableError(f"key file {path}: {wrong}") from error
