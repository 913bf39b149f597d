"""A small TUF repository in memory, made to be attacked, and two ways to reach it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.ngclient import FetcherInterface
from typing_extensions import override

TOP_LEVEL = (Root.type, Targets.type, Snapshot.type, Timestamp.type)
NOW = 1_790_000_000
DAY = 86_400
VENDOR = "11" * 16
PATH = f"{VENDOR}/{'22' * 16}/stable.suit"
VENDOR_ROLE = f"v-{VENDOR}"
BASE = "http://repository.test"
CUSTOM = {"suit": {"seq": 1, "dig": "ab" * 32}}


class TufRepository:
    """Root, targets, one vendor role, snapshot and timestamp, each with one P-256 key.

    ``files`` is what clients are served; copy it before an attack that brings the past back.
    """

    def __init__(self, expiry: Mapping[str, int] | None = None) -> None:
        self.expiry = dict.fromkeys((*TOP_LEVEL, VENDOR_ROLE), NOW + 30 * DAY) | dict(expiry or {})
        self.signers = {role: [CryptoSigner.generate_ecdsa()] for role in (*TOP_LEVEL, VENDOR_ROLE)}
        self.files: dict[str, bytes] = {}
        self.root, self.targets, self.vendor = Root(consistent_snapshot=True), Targets(), Targets()
        self.snapshot, self.timestamp = Snapshot(), Timestamp()
        for signed in (self.root, self.targets, self.vendor, self.snapshot, self.timestamp):
            signed.version = 0  # what is written next
        for role in TOP_LEVEL:
            self.root.add_key(self.signers[role][0].public_key, role)
        self._delegate()
        self.publish_root()
        self.publish("release 1")

    @property
    def first_root(self) -> bytes:
        return self.files["metadata/1.root.json"]

    def publish(self, content: str | bytes, custom: Mapping[str, Any] | None = None) -> bytes:
        """Publish a release: a new envelope at the one path of this repository."""
        raw = content.encode() if isinstance(content, str) else content
        target = TargetFile.from_data(PATH, raw)
        target.unrecognized_fields["custom"] = dict(CUSTOM if custom is None else custom)
        self.vendor.targets[PATH] = target
        directory, _, name = PATH.rpartition("/")
        self.files[f"targets/{directory}/{target.hashes['sha256']}.{name}"] = raw
        self.publish_targets()
        return raw

    def publish_targets(self) -> None:
        self._write(VENDOR_ROLE, self.vendor)
        if self.targets.version == 0:
            self._write(Targets.type, self.targets)
        self.publish_snapshot()

    def publish_delegations(self) -> None:
        self._write(Targets.type, self.targets)
        self.publish_snapshot()

    def publish_snapshot(self) -> None:
        listed = {f"{VENDOR_ROLE}.json": self.vendor, "targets.json": self.targets}
        self.snapshot.meta = {name: MetaFile(role.version) for name, role in listed.items()}
        self._write(Snapshot.type, self.snapshot)
        self.publish_timestamp()

    def publish_timestamp(self) -> None:
        self.timestamp.snapshot_meta = MetaFile(self.snapshot.version)
        self._write(Timestamp.type, self.timestamp)

    def publish_root(self) -> None:
        self._write(Root.type, self.root)

    def rotate(self, *roles: str, keep_old: bool = False) -> None:
        """Give roles a new key in a new root, which the old and the new root keys sign."""
        previous = list(self.signers[Root.type])
        for role in roles:
            if not keep_old:
                for signer in self.signers[role]:
                    self.root.revoke_key(signer.public_key.keyid, role)
                self.signers[role] = []
            self.signers[role].append(CryptoSigner.generate_ecdsa())
            self.root.add_key(self.signers[role][-1].public_key, role)
        self._write(Root.type, self.root, also=previous)

    def share_key(self, role: str, owner: Root | Targets) -> None:
        """Demand two signatures of a role, and let one key give both under two key ids."""
        twin = self.signers[role][0].public_key
        owner.add_key(SSlibKey("ff" * 32, twin.keytype, twin.scheme, twin.keyval), role)
        owner.get_delegated_role(role).threshold = 2

    def sign(
        self,
        role: str,
        signed: Root | Targets | Snapshot | Timestamp,
        *,
        also: list[CryptoSigner] | None = None,
    ) -> bytes:
        signed.expires = datetime.fromtimestamp(self.expiry[role], UTC)
        metadata: Metadata[Any] = Metadata(signed)
        signers = {s.public_key.keyid: s for s in (*self.signers[role], *(also or []))}
        for signer in signers.values():
            metadata.sign(signer, append=True)
        return metadata.to_bytes()

    def _write(
        self,
        role: str,
        signed: Root | Targets | Snapshot | Timestamp,
        *,
        also: list[CryptoSigner] | None = None,
    ) -> None:
        signed.version += 1
        name = "timestamp.json" if role == Timestamp.type else f"{signed.version}.{role}.json"
        self.files[f"metadata/{name}"] = self.sign(role, signed, also=also)

    def _delegate(self) -> None:
        key = self.signers[VENDOR_ROLE][0].public_key
        role = DelegatedRole(VENDOR_ROLE, [key.keyid], 1, terminating=True, paths=[f"{VENDOR}/*/*"])
        self.targets.delegations = Delegations({key.keyid: key}, {VENDOR_ROLE: role})


class MemoryFetcher(FetcherInterface):
    """Serves ``files`` without a network and remembers what was asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.requests: list[str] = []

    @override
    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.removeprefix(f"{BASE}/")
        self.requests.append(name)
        if name not in self.files:
            raise DownloadHTTPError(f"{url}: no such file", 404)
        raw = self.files[name]
        return iter([raw[:1000], raw[1000:]])


@contextmanager
def http_server(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a handler on loopback and yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served(files: Mapping[str, bytes], requests: list[str] | None = None) -> Iterator[str]:
    """Serve files on loopback HTTP and yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = self.path.removeprefix("/")
            raw = files.get(name)
            if requests is not None:
                requests.append(name)
            self.send_response(404 if raw is None else 200)
            self.send_header("Content-Length", str(len(raw or b"")))
            self.end_headers()
            self.wfile.write(raw or b"")

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with http_server(Handler) as url:
        yield url
