"""An update set: an envelope, the payloads it needs, and where in the repository it belongs."""

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from repository.fetches import Fetch, identity, possible_fetches
from repository.store import read_chunks
from spec.labels import CoseAlgorithm
from suit import digest as digests
from suit.authenticate import Verifier, authenticate
from suit.decode import attach_severed, decode_manifest
from suit.envelope import manifest_digest, open_envelope
from suit.errors import NotAuthenticError, RefusedError, StorageError, UsageError
from suit.manifest import Digest, Envelope, Manifest
from suit.target import MAX_SEQUENCE_NUMBER, TargetInfo, target_path

_PRINTABLE: Final = re.compile(r"[!-~]+")
_FORBIDDEN: Final = re.compile(r'[#"<>\\^`{|}]')
_DISGUISED: Final = re.compile("%(?:2e|2f|5c|00)", re.IGNORECASE)
_UUID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an update set goes; what is None here must be clear from the manifest."""

    channel: str = "stable"
    vendor: bytes | None = None
    class_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload that the repository must serve.

    Attributes:
        uri: What the manifest calls it.
        digest: What it must hash to.
        size: What the manifest says of its size, if anything.
        source: The file that holds it; None when it must be in the repository already.
    """

    uri: str
    digest: Digest
    size: int | None
    source: Path | None


@dataclass(frozen=True, slots=True)
class UpdateSet:
    """An envelope, checked and ready to be published.

    Attributes:
        envelope: The bytes that devices will get.
        vendor: The vendor id.
        path: The TUF target path.
        info: What TUF will say about the manifest.
        payloads: What must be served beside it.
        elsewhere: Absolute URIs that devices will fetch from other servers.
        authors: Names of the keys that vouch for the manifest; None when no key was given, so that
            only its form and its digest were checked.
    """

    envelope: bytes
    vendor: bytes
    path: str
    info: TargetInfo
    payloads: tuple[Payload, ...]
    elsewhere: tuple[str, ...]
    authors: tuple[bytes, ...] | None


def parse_identifier(text: str) -> bytes:
    """Read a vendor or class id: a UUID with or without hyphens.

    Raises:
        UsageError: It is none.
    """
    try:
        return uuid.UUID(text).bytes
    except ValueError as error:
        raise UsageError(f"{text!r} is no UUID") from error


def read_update(
    raw: bytes,
    *,
    files: Sequence[Path] = (),
    destination: Destination | None = None,
    verifier: Verifier | None = None,
    version: str | None = None,
    minimum: int | None = None,
) -> UpdateSet:
    """Check an envelope and its payload files, and make an update set of them.

    Args:
        raw: The envelope.
        files: Payload files, in any order: each is recognised by its digest.
        destination: Channel, and vendor and class where the manifest leaves them open.
        verifier: Keys of authors; without, nobody's signature is required.
        version: A version for people.
        minimum: A sequence number below which devices shall not go back.

    Raises:
        MalformedError: The envelope is no envelope.
        NotAuthenticError: Its digest does not match, or no author vouches for it.
        RefusedError: It contradicts the destination or the files, or no device could run it.
        UsageError: The destination is not clear.
        StorageError: A payload file cannot be read.
    """
    envelope = open_envelope(raw)
    authors = _authenticate(envelope, verifier)
    manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
    if manifest.sequence_number > MAX_SEQUENCE_NUMBER:
        raise RefusedError(f"sequence number {manifest.sequence_number} is out of range")
    vendor, path = _place(manifest, destination or Destination())
    needed, elsewhere = _sort(possible_fetches(manifest), envelope)
    if minimum is not None and not 0 <= minimum <= manifest.sequence_number:
        raise UsageError(f"minimum {minimum} is above sequence number {manifest.sequence_number}")
    return UpdateSet(
        envelope=raw,
        vendor=vendor,
        path=path,
        info=TargetInfo(
            manifest.sequence_number, envelope.digest.value.hex(), version=version, minimum=minimum
        ),
        payloads=_assign(needed, files),
        elsewhere=elsewhere,
        authors=authors,
    )


def verified_chunks(payload: Payload, chunks: Iterable[bytes], *, where: str) -> Iterator[bytes]:
    """Pass a payload on and fail at its end if it is not what the manifest says.

    Args:
        payload: What it must be.
        chunks: Its bytes.
        where: Where they come from, for the message.

    Raises:
        StorageError: The bytes changed since they were first looked at.
    """
    stream = digests.new(payload.digest.algorithm)
    for chunk in chunks:
        stream.update(chunk)
        yield chunk
    if stream.digest() != payload.digest.value:
        raise StorageError(f"{where}: is no longer payload {payload.uri!r}: its digest is another")


def _authenticate(envelope: Envelope, verifier: Verifier | None) -> tuple[bytes, ...] | None:
    if verifier is not None:
        return authenticate(envelope, verifier)
    if manifest_digest(envelope.manifest, envelope.digest.algorithm) != envelope.digest:
        raise NotAuthenticError("envelope: the manifest does not have the digest that was signed")
    return None


def _place(manifest: Manifest, destination: Destination) -> tuple[bytes, str]:
    asked = identity(manifest)
    vendor = _identifier("vendor", destination.vendor, asked.vendors)
    class_id = _identifier("class", destination.class_id, asked.classes)
    return vendor, target_path(vendor, class_id, destination.channel)


def _identifier(what: str, wanted: bytes | None, named: frozenset[bytes]) -> bytes:
    """Choose a vendor or class id; devices would refuse a manifest that asks for another."""
    if wanted is None:
        if len(named) != 1:
            problem = f"names {len(named)} {what} ids" if named else f"names no {what} id"
            raise UsageError(f"the manifest {problem}: say which with --{what}")
        (wanted,) = named
    if len(wanted) != _UUID_BYTES:
        raise RefusedError(f"{what} id {wanted.hex()} is no UUID")
    if named and wanted not in named:
        raise RefusedError(f"the manifest is not for {what} {uuid.UUID(bytes=wanted)}")
    return wanted


class _Needed(NamedTuple):
    uri: str
    digest: Digest
    size: int | None


def _sort(fetches: Iterable[Fetch], envelope: Envelope) -> tuple[list[_Needed], tuple[str, ...]]:
    """Sort fetches into what we must serve and what comes from elsewhere; integrated ones need nobody."""
    needed: dict[Digest, _Needed] = {}
    elsewhere: dict[str, None] = {}
    for uri, digest, size in fetches:
        if uri in envelope.payloads:
            continue
        if uri.startswith("#"):
            raise RefusedError(f"payload {uri!r}: the envelope does not hold it")
        if _is_absolute(uri):
            elsewhere[uri] = None
        elif digest is None:
            raise RefusedError(f"payload {uri!r}: the manifest gives no digest, devices cannot fetch it")
        else:
            needed[digest] = _Needed(uri, digest, size)
    return list(needed.values()), tuple(elsewhere)


def _is_absolute(uri: str) -> bool:
    """Tell whether a URI reference names its own server; refuse one that no device follows (binding §4)."""
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise RefusedError(f"payload {uri!r}: no URI reference") from error
    path = parts.path.removeprefix("/") if parts.scheme else parts.path
    plain = _PRINTABLE.fullmatch(uri) and not _FORBIDDEN.search(uri) and not _DISGUISED.search(path)
    if not plain or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise RefusedError(f"payload {uri!r}: not a plain path, devices would refuse it")
    if parts.netloc and not parts.scheme:
        raise RefusedError(f"payload {uri!r}: a server without a scheme")
    return bool(parts.scheme)


def _assign(needed: Sequence[_Needed], files: Sequence[Path]) -> tuple[Payload, ...]:
    """Find the payload that each file is."""
    algorithms = {one.digest.algorithm for one in needed} or {CoseAlgorithm.SHA_256}
    sources: dict[Digest, Path] = {}
    for file in files:
        size, found = _hash(file, algorithms)
        match = next((one for one in needed if one.digest in found), None)
        if match is None:
            known = ", ".join(f"{one.uri!r}" for one in needed) or "none"
            raise RefusedError(f"{file}: is no payload of the manifest (it fetches: {known})")
        if match.size is not None and match.size != size:
            raise RefusedError(f"{file}: {size} bytes, but the manifest says {match.size}")
        sources[match.digest] = file
    return tuple(Payload(*one, source=sources.get(one.digest)) for one in needed)


def _hash(file: Path, algorithms: Iterable[CoseAlgorithm]) -> tuple[int, set[Digest]]:
    streams = {algorithm: digests.new(algorithm) for algorithm in algorithms}
    size = 0
    for chunk in read_chunks(file):
        size += len(chunk)
        for stream in streams.values():
            stream.update(chunk)
    return size, {Digest(algorithm, stream.digest()) for algorithm, stream in streams.items()}
