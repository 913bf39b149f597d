"""What the tests of this room make: a repository at a fixed date, envelopes, a plain TUF client."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater
from typing_extensions import override as overrides

from repository.policy import Policy, RolePolicy, Roles
from repository.repository import Repository
from repository.updates import Destination, UpdateSet, read_update
from spec.labels import Command, CoseAlgorithm, Parameter
from suit import cose
from suit.envelope import encode_envelope, seal, with_block
from suit.manifest import Command as Step
from suit.manifest import Digest, Manifest, Parameters, Sequence, Severable
from suit.signer import KeyType, LocalSigner, generate

VENDOR = bytes.fromhex("fa6b4a53d5ad5fdfbe9de663e4d41ffe")
OTHER_VENDOR = bytes.fromhex("11111111111151118111111111111111")
CLASS = bytes.fromhex("1492af1425695e48bf429b2d51f2ab45")
START = datetime(2030, 1, 1, tzinfo=UTC)

AUTHOR = generate(KeyType.P256, kid=b"author")


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)


def make_repository(
    directory: Path, clock: FakeClock, *, bins: int = 4, roles: Roles | None = None
) -> Repository:
    repository = Repository.create(directory, Policy(roles=roles or Roles()), clock)
    repository.add_vendor(VENDOR, name="Acme", bins=bins)
    return repository


def many_root_keys(keys: int, threshold: int) -> Roles:
    return Roles(root=RolePolicy(timedelta(days=365), keys=keys, threshold=threshold))


def digest_of(payload: bytes) -> Digest:
    return Digest(CoseAlgorithm.SHA_256, hashlib.sha256(payload).digest())


def override(**parameters: object) -> Step:
    chosen: Parameters = {Parameter[name.upper()]: value for name, value in parameters.items()}  # type: ignore[misc]
    return Step(Command.OVERRIDE_PARAMETERS, chosen)


def fetch() -> Step:
    return Step(Command.FETCH, 15)


def simple_manifest(
    sequence_number: int,
    payload: bytes = b"firmware",
    uri: str | None = "fw.bin",
    *,
    vendor: bytes = VENDOR,
    class_id: bytes = CLASS,
) -> Manifest:
    shared = override(
        vendor_identifier=vendor,
        class_identifier=class_id,
        image_digest=digest_of(payload),
        image_size=len(payload),
    )
    install: Sequence = () if uri is None else (override(uri=uri), fetch())
    return Manifest(
        sequence_number=sequence_number,
        components=((b"\x00",),),
        shared_sequence=(shared,),
        install=Severable(install) if install else None,
    )


def make_envelope(
    manifest: Manifest, *, author: LocalSigner = AUTHOR, payloads: dict[str, bytes] | None = None
) -> bytes:
    envelope = seal(manifest, payloads=payloads)
    return encode_envelope(with_block(envelope, cose.sign1(envelope.digest_bytes, author)))


def make_update(
    folder: Path,
    sequence_number: int,
    payload: bytes = b"firmware",
    *,
    channel: str = "stable",
    vendor: bytes = VENDOR,
) -> UpdateSet:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{hashlib.sha256(payload).hexdigest()[:8]}.bin"
    file.write_bytes(payload)
    raw = make_envelope(simple_manifest(sequence_number, payload, vendor=vendor))
    return read_update(raw, files=[file], destination=Destination(channel))


class FolderFetcher(FetcherInterface):
    """Reads a public folder without a server in between."""

    def __init__(self, public: Path) -> None:
        self._public = public

    @overrides
    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            yield (self._public / unquote(url.removeprefix("folder:"))).read_bytes()
        except FileNotFoundError as error:
            raise DownloadHTTPError(url, 404) from error


@contextmanager
def plain_client(
    root: bytes, url: str, now: datetime, fetcher: FetcherInterface | None = None
) -> Iterator[Updater]:
    """A client of python-tuf with nothing of ours but the time."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "targets").mkdir()
        updater = Updater(
            metadata_dir=folder,
            metadata_base_url=f"{url}metadata/",
            target_dir=f"{folder}/targets",
            target_base_url=f"{url}targets/",
            bootstrap=root,
            fetcher=fetcher,
        )
        updater._trusted_set.reference_time = now
        yield updater


def client_sees(directory: Path, now: datetime, path: str) -> bytes | None:
    """What a new client gets from a repository's public folder."""
    root = (directory / "root.json").read_bytes()
    with plain_client(root, "folder:", now, FolderFetcher(directory / "public")) as client:
        return download(client, path)


def download(updater: Updater, path: str) -> bytes | None:
    info = updater.get_targetinfo(path)
    return None if info is None else Path(updater.download_target(info)).read_bytes()


def public_state(repository: Repository) -> dict[str, bytes]:
    """Every file that clients can see."""
    public = repository.public
    return {
        file.relative_to(public).as_posix(): file.read_bytes()
        for file in sorted(public.rglob("*"))
        if file.is_file()
    }
