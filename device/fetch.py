"""Getting bytes from the repository: metadata for the TUF client, payloads for the processor.

Nothing here is believed: TUF verifies metadata, the manifest's digest verifies payloads. What this
module owes is to ask only where policy allows, and to stop a server that sends too much, too
little, or too slowly.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.api.exceptions import SlowRetrievalError as TufSlowRetrievalError
from tuf.ngclient import FetcherInterface
from typing_extensions import override

from device.http import HttpClient, HttpStatusError, SlowRetrievalError, origin
from suit.errors import NetworkError, RefusedError
from suit.manifest import Digest
from suit.target import content_path

DEFAULT_MAXIMUM: Final = 1 << 30
_PRINTABLE: Final = re.compile(r"[!-~]+")
_FORBIDDEN: Final = re.compile(r'[#"<>\\^`{|}]')
_DISGUISED: Final = re.compile("%(?:2e|2f|5c|00)", re.IGNORECASE)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class UriRefusedError(RefusedError):
    """A URI that this device does not follow, whatever signature stands over it."""

    reason = "uri-refused"


class MetadataFetcher(FetcherInterface):
    """What python-tuf's client fetches metadata and targets with."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    @override
    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            download = self._client.get(url)
        except HttpStatusError as error:
            raise DownloadHTTPError(str(error), error.status) from error
        except SlowRetrievalError as error:
            raise TufSlowRetrievalError(str(error)) from error
        except NetworkError as error:
            raise DownloadError(str(error)) from error
        return download.chunks()


@dataclass(frozen=True, slots=True)
class PayloadPolicy:
    """Where payloads may come from, and how large they may be.

    Attributes:
        origins: ``scheme://host[:port]`` of the servers that absolute URIs may name.
        maximum: Bytes, for a payload whose size its manifest does not give.
    """

    origins: frozenset[str] = field(default_factory=frozenset)
    maximum: int = DEFAULT_MAXIMUM


class PayloadFetcher:
    """The processor's fetcher: relative URIs from the repository, absolute ones where policy says.

    Args:
        client: The HTTP client.
        base_url: The repository's URL; payloads lie content-addressed below it (DESIGN §4).
        policy: What is allowed.
    """

    def __init__(self, client: HttpClient, base_url: str, policy: PayloadPolicy | None = None) -> None:
        self._client = client
        self._base = base_url.rstrip("/")
        self._policy = policy or PayloadPolicy()

    def fetch(self, uri: str, *, digest: Digest | None, size: int | None) -> Iterator[bytes]:
        """Yield the payload in large chunks; whoever writes them checks the digest.

        Args:
            uri: ``suit-parameter-uri``, an RFC 3986 reference.
            digest: The payload's digest; without one nothing is fetched.
            size: The payload's size, where the manifest gives it.

        Raises:
            UriRefusedError: Policy forbids this URI, or there is no digest to check it against.
            NetworkError: The payload does not arrive, or not with this size.
        """
        url = resolve(uri, base_url=self._base, digest=digest, policy=self._policy)
        limit = self._policy.maximum if size is None else size
        download = self._client.get(url)
        if download.length is not None and not (download.length == size or size is None):
            download.close()
            raise NetworkError(f"{url}: {download.length} bytes offered, not {size}")
        if download.length is not None and download.length > limit:
            download.close()
            raise NetworkError(f"{url}: {download.length} bytes offered, {limit} allowed")
        return _bounded(url, download.chunks(), limit=limit, exact=size is not None)


def resolve(uri: str, *, base_url: str, digest: Digest | None, policy: PayloadPolicy) -> str:
    """Return the URL to fetch for a payload's URI.

    Raises:
        UriRefusedError: The URI is outside the policy, or written to be read in two ways.
    """
    if uri.startswith("#"):
        raise UriRefusedError(f"uri {uri!r}: the envelope holds no such payload")
    if digest is None:
        raise UriRefusedError(f"uri {uri!r}: the manifest gives no digest for it")
    if not _PRINTABLE.fullmatch(uri) or _FORBIDDEN.search(uri):
        raise UriRefusedError(f"uri {uri!r}: not a plain URI reference")
    parts = _split(uri)
    if _SCHEME.match(uri):
        _require_allowed(uri, parts, policy)
        return uri
    if parts.netloc:
        raise UriRefusedError(f"uri {uri!r}: a server without a scheme")
    _require_plain_path(uri, parts.path)
    return f"{base_url}/{content_path(digest)}"


def _require_allowed(uri: str, parts: SplitResult, policy: PayloadPolicy) -> None:
    if "@" in parts.netloc:
        raise UriRefusedError(f"uri of {parts.hostname}: it names a user")
    allowed = {origin(_split(url)) for url in policy.origins}
    if parts.scheme not in {"http", "https"} or origin(parts) not in allowed:
        raise UriRefusedError(f"uri {uri!r}: policy allows no such server")
    _require_plain_path(uri, parts.path.removeprefix("/"))


def _require_plain_path(uri: str, path: str) -> None:
    if _DISGUISED.search(path) or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise UriRefusedError(f"uri {uri!r}: an empty, '.' or '..' segment, or one in disguise")


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        origin(parts)
    except ValueError as error:
        raise UriRefusedError(f"uri {uri!r}: not a URI reference") from error
    return parts


def _bounded(url: str, chunks: Iterator[bytes], *, limit: int, exact: bool) -> Iterator[bytes]:
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > limit:
            raise NetworkError(f"{url}: more than the {limit} bytes allowed")
        yield chunk
    if exact and received != limit:
        raise NetworkError(f"{url}: {received} bytes, not {limit}")
