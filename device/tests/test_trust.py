"""What TUF lets through, and how everything else ends: with an error of our own tree."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadError
from tuf.ngclient import FetcherInterface
from typing_extensions import override

from device.clock import LATEST, FixedClock, SystemClock, trusted_time
from device.fetch import MetadataFetcher
from device.http import HttpClient
from device.ic.emulator import MemoryKey
from device.storage import MemoryStorage
from device.tests.probed_ic import ProbedIc
from device.tests.trust_device import TrustDevice
from device.tests.tuf_repository import CUSTOM, DAY, NOW, PATH, VENDOR_ROLE, TufRepository, served
from device.trust import MAX_ENVELOPE, NotListedError, Sources, Trust, provision
from suit.errors import (
    ExitCode,
    ExpiredError,
    HardsuitError,
    LimitError,
    MalformedError,
    NetworkError,
    NotAuthenticError,
    NoTrustAnchorError,
    StorageError,
)
from suit.target import ISSUED, ISSUED_FORMAT, TargetInfo


@pytest.fixture
def device(tmp_path: Path) -> TrustDevice:
    return TrustDevice(tmp_path / "tuf", TufRepository())


def test_envelope_arrives_with_what_tuf_signed_about_it(device: TrustDevice) -> None:
    trust = device.trust()
    assert trust.refresh() is True
    assert trust.listing(PATH) == TargetInfo(1, "ab" * 32)
    envelope = trust.envelope(PATH)
    assert envelope.raw == b"release 1"
    assert envelope.info == TargetInfo(1, "ab" * 32)
    assert trust.refresh() is False


def test_envelope_arrives_over_http(tmp_path: Path) -> None:
    device = TrustDevice(tmp_path / "tuf", TufRepository())
    with served(device.repository.files) as url:
        client = HttpClient()
        trust = Trust(
            Sources(f"{url}/metadata", f"{url}/targets"),
            directory=device.directory,
            storage=device.storage,
            ic=device.ic,
            fetcher=MetadataFetcher(client),
            clock=device.clock,
        )
        assert trust.envelope(PATH).raw == b"release 1"
        client.close()
    with pytest.raises(NetworkError, match="refused"):
        trust.refresh()


@pytest.mark.req("H6-1")
def test_every_signature_is_checked_by_the_ic(device: TrustDevice) -> None:
    device.update()
    assert device.ic.verifications == 5  # root, timestamp, snapshot, targets, vendor


def test_algorithm_that_the_ic_declares_absent_is_verified_in_software(device: TrustDevice) -> None:
    device.ic.declared = {}
    with pytest.raises(HardsuitError, match="ticket"):  # software's word moves no anchor
        device.update()
    assert device.ic.verifications == 0


@pytest.mark.req("H5-4", "I4.3.3")
@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "root"])
def test_expired_metadata_is_expired_and_moves_nothing(tmp_path: Path, role: str) -> None:
    device = TrustDevice(tmp_path / "tuf", TufRepository({role: NOW + DAY}))
    device.clock = FixedClock(NOW + DAY)
    known = device.ic.anchor()
    with pytest.raises(ExpiredError, match=role) as caught:
        device.update()
    assert caught.value.exit_code is ExitCode.EXPIRED
    assert device.ic.anchor() == known


def test_expired_vendor_role_is_expired(tmp_path: Path) -> None:
    device = TrustDevice(tmp_path / "tuf", TufRepository({VENDOR_ROLE: NOW + DAY}))
    device.clock = FixedClock(NOW + DAY)
    with pytest.raises(ExpiredError, match=VENDOR_ROLE):
        device.update()


def test_metadata_is_valid_until_the_second_before_it_expires(device: TrustDevice) -> None:
    device.clock = FixedClock(NOW + 30 * DAY - 1)
    assert device.update().raw == b"release 1"


def test_device_without_a_clock_lives_on_the_floor(device: TrustDevice) -> None:
    device.clock = FixedClock(0)
    assert device.update().raw == b"release 1"
    device.repository.expiry["timestamp"] = NOW - 1
    device.repository.publish("release 2")
    with pytest.raises(ExpiredError):
        device.update()


def issue(device: TrustDevice, seconds: object) -> None:
    issued = datetime.fromtimestamp(seconds, UTC).strftime(ISSUED_FORMAT) if type(seconds) is int else seconds
    device.repository.timestamp.unrecognized_fields[ISSUED] = issued
    device.repository.publish_timestamp()


@pytest.mark.req("H5-4")
def test_device_without_a_clock_learns_the_time_from_signed_timestamps(device: TrustDevice) -> None:
    device.clock = FixedClock(0)
    issue(device, NOW + 5 * DAY)
    device.update()
    assert device.ic.anchor().time_floor == NOW + 5 * DAY
    device.repository.expiry["timestamp"] = NOW + 4 * DAY
    device.repository.publish_timestamp()
    with pytest.raises(ExpiredError):
        device.update()


def test_timestamp_from_the_future_cannot_push_the_floor_past_the_first_expiry(tmp_path: Path) -> None:
    device = TrustDevice(tmp_path / "tuf", TufRepository({"root": NOW + 10 * DAY}))
    issue(device, NOW + 5000 * DAY)
    device.update()
    assert device.ic.anchor().time_floor == NOW + 10 * DAY - 1
    assert device.update().raw == b"release 1"


@pytest.mark.parametrize("said", [None, 5, [], "", "soon", "2026-11-22", "9999-99-99T00:00:00Z"])
def test_timestamp_that_says_nothing_usable_of_its_time_is_good_all_the_same(
    device: TrustDevice, said: object
) -> None:
    issue(device, said)
    assert device.update().raw == b"release 1"
    assert device.ic.anchor().time_floor == NOW


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_one_key_under_two_key_ids_is_not_two_keys(device: TrustDevice, role: str) -> None:
    device.repository.share_key(role, device.repository.root)
    device.repository.publish_root()
    device.repository.publish_timestamp()
    with pytest.raises(NotAuthenticError, match="two key ids"):
        device.update()


def test_one_key_under_two_key_ids_is_not_two_keys_of_a_delegation_either(device: TrustDevice) -> None:
    device.repository.share_key(VENDOR_ROLE, device.repository.targets)
    device.repository.publish_delegations()
    with pytest.raises(NotAuthenticError, match="two key ids"):
        device.update()


def test_clock_far_ahead_cannot_push_the_floor_past_signed_expiry(device: TrustDevice) -> None:
    device.clock = FixedClock(1 << 60)
    with pytest.raises(ExpiredError):
        device.update()
    assert device.ic.anchor().time_floor == NOW
    device.clock = FixedClock(NOW)
    assert device.update().raw == b"release 1"


def test_time_floor_is_not_written_for_every_poll(device: TrustDevice) -> None:
    device.refresh()
    for minutes in range(1, 60):
        device.clock = FixedClock(NOW + 60 * minutes)
        assert device.refresh() is False
    assert len(device.ic.commits) == 1
    device.clock = FixedClock(NOW + 3600)
    assert device.refresh() is True
    assert device.ic.anchor().time_floor == NOW + 3600


def test_trusted_time_is_the_later_of_clock_and_floor() -> None:
    assert trusted_time(FixedClock(5), 7) == 7
    assert trusted_time(FixedClock(9), 7) == 9
    assert trusted_time(FixedClock(LATEST + 1), 7) == LATEST
    assert SystemClock().now() > NOW - 10 * 365 * DAY


@pytest.mark.parametrize(
    "custom",
    [
        {},
        {"suit": None},
        {"suit": []},
        {"suit": {"seq": 1}},
        {"suit": {"seq": "1", "dig": "ab" * 32}},
        {"suit": {"seq": True, "dig": "ab" * 32}},
        {"suit": {"seq": -1, "dig": "ab" * 32}},
        {"suit": {"seq": 1 << 63, "dig": "ab" * 32}},
        {"suit": {"seq": 1, "dig": "AB" * 32}},
        {"suit": {"seq": 1, "dig": "ab" * 32, "more": 1}},
        {"suit": {"seq": 1, "dig": "ab" * 32, "min": "0"}},
    ],
)
def test_missing_or_ill_typed_custom_suit_is_refused_before_download(
    device: TrustDevice, custom: dict[str, object]
) -> None:
    device.repository.publish("release 2", custom)
    with pytest.raises(MalformedError, match=r"custom\.suit"):
        device.update()
    assert not any(name.startswith("targets/") for name in device.fetcher.requests)


def test_target_without_custom_is_refused(device: TrustDevice) -> None:
    del device.repository.vendor.targets[PATH].unrecognized_fields["custom"]
    device.repository.publish_targets()
    with pytest.raises(MalformedError):
        device.update()


def test_unlisted_target_is_told_apart(device: TrustDevice) -> None:
    for path in (PATH.replace("stable", "beta"), "no-such/vendor/x.suit", "../x", ""):
        with pytest.raises(NotListedError):
            device.trust().envelope(path)


def test_oversized_envelope_is_refused_before_the_first_byte(device: TrustDevice) -> None:
    device.repository.publish(bytes(MAX_ENVELOPE + 1))
    with pytest.raises(LimitError, match=str(MAX_ENVELOPE)):
        device.update()
    assert not any(name.startswith("targets/") for name in device.fetcher.requests)


def test_largest_envelope_is_accepted(device: TrustDevice) -> None:
    device.repository.publish(bytes(MAX_ENVELOPE))
    assert len(device.update().raw) == MAX_ENVELOPE


def test_target_listed_with_a_weak_hash_only_is_refused(device: TrustDevice) -> None:
    device.repository.vendor.targets[PATH].hashes = {"md5": "00" * 16}
    device.repository.publish_targets()
    with pytest.raises(NotAuthenticError, match="hash"):
        device.update()


def test_swapped_envelope_is_not_authentic(device: TrustDevice) -> None:
    name = next(name for name in device.repository.files if name.startswith("targets/"))
    device.repository.files[name] = b"release X"
    with pytest.raises(NotAuthenticError):
        device.update()


def test_endless_envelope_is_cut_off_at_its_listed_length(device: TrustDevice) -> None:
    name = next(name for name in device.repository.files if name.startswith("targets/"))
    device.repository.files[name] = bytes(10_000)
    with pytest.raises(NetworkError, match="exceeding"):
        device.update()


@pytest.mark.parametrize("name", ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_endless_metadata_is_cut_off(device: TrustDevice, name: str) -> None:
    consumed = 0

    class Endless(FetcherInterface):
        @override
        def _fetch(self, url: str) -> Iterator[bytes]:
            if not url.endswith(f"/{name}"):
                return device.fetcher.fetch(url)
            return self._zeros()

        def _zeros(self) -> Iterator[bytes]:
            nonlocal consumed
            while True:
                consumed += 1 << 16
                yield bytes(1 << 16)

    trust = Trust(
        Sources("http://repository.test/metadata", "http://repository.test/targets"),
        directory=device.directory,
        storage=device.storage,
        ic=device.ic,
        fetcher=Endless(),
        clock=device.clock,
    )
    with pytest.raises(NetworkError, match="exceeding"):
        trust.refresh()
    assert consumed < 8 << 20


class _Broken(FetcherInterface):
    def __init__(self, error: Exception, *, at_once: bool) -> None:
        self._error, self._at_once = error, at_once

    @override
    def _fetch(self, url: str) -> Iterator[bytes]:
        if self._at_once:
            raise self._error
        return self._break_off()

    def _break_off(self) -> Iterator[bytes]:
        yield b"{"
        raise self._error


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    "error",
    [DownloadError("gone"), ConnectionResetError("reset"), TimeoutError("slow"), NetworkError("no route")],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_fetcher_raises_is_a_network_error(
    device: TrustDevice, error: Exception, at_once: bool
) -> None:
    trust = Trust(
        Sources("http://repository.test/metadata", "http://repository.test/targets"),
        directory=device.directory,
        storage=device.storage,
        ic=device.ic,
        fetcher=_Broken(error, at_once=at_once),
        clock=device.clock,
    )
    with pytest.raises(NetworkError):
        trust.refresh()


def test_device_that_was_never_initialised_has_no_trust_anchor(device: TrustDevice) -> None:
    device.ic = ProbedIc.provision(MemoryStorage(), MemoryKey())
    with pytest.raises(NoTrustAnchorError):
        device.refresh()


def test_device_that_lost_all_roots_says_so(device: TrustDevice) -> None:
    device.storage.unlink("tuf/factory.root.json")
    with pytest.raises(NoTrustAnchorError, match=r"factory\.root\.json"):
        device.refresh()


def test_unusable_directory_is_a_storage_error(device: TrustDevice) -> None:
    device.directory = device.directory.parent / "file" / "tuf"
    (device.directory.parent).write_bytes(b"")
    with pytest.raises(StorageError):
        device.refresh()


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"\xff", b'{"signed": {}, "signatures": []}', b"[" * 100_000, bytes(600_000)]
)
def test_what_is_no_root_cannot_be_provisioned(device: TrustDevice, raw: bytes) -> None:
    with pytest.raises((NotAuthenticError, LimitError)):
        provision(device.storage, raw)
    assert device.storage.read("tuf/factory.root.json") == device.repository.first_root


def test_other_metadata_and_unsigned_roots_cannot_be_provisioned(device: TrustDevice) -> None:
    unsigned = json.loads(device.repository.first_root)
    unsigned["signatures"] = []
    for raw in (device.repository.files["metadata/timestamp.json"], json.dumps(unsigned).encode()):
        with pytest.raises(NotAuthenticError, match=r"root\.json"):
            provision(device.storage, raw)


@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json", "2.root.json"])
def test_mangled_metadata_always_ends_in_our_own_errors(device: TrustDevice, name: str) -> None:
    repository = device.repository
    repository.rotate("timestamp")
    repository.publish_timestamp()
    known, raw = device.ic.anchor(), repository.files[f"metadata/{name}"]
    for position in range(0, len(raw), max(1, len(raw) // 16)):
        for byte in (b"", b"0", b"}", b"-1e999", b"[[[[", b"\x00"):
            mangled = raw[:position] + byte + raw[position + 1 :]
            device.serve(repository.files | {f"metadata/{name}": mangled})
            if _means(mangled) != _means(raw):
                with pytest.raises(HardsuitError):
                    device.refresh()
                assert device.ic.anchor() == known
    device.serve(repository.files)
    assert device.update().raw == b"release 1"


def _means(raw: bytes) -> object:
    """Return what metadata says; a signature's bytes matter too."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


def test_odd_but_signed_fields_end_in_our_own_errors(device: TrustDevice) -> None:
    for custom in (None, 7, "x", [CUSTOM]):
        device.repository.vendor.targets[PATH].unrecognized_fields["custom"] = custom
        device.repository.publish_targets()
        with pytest.raises(MalformedError):
            device.update()
