"""What publish refuses, and that a refusal leaves the repository as it was."""

from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, TargetFile, Targets

from repository.repository import Repository
from repository.tests.making import (
    AUTHOR,
    CLASS,
    OTHER_VENDOR,
    VENDOR,
    FakeClock,
    digest_of,
    fetch,
    make_envelope,
    make_repository,
    make_update,
    override,
    public_state,
    simple_manifest,
)
from repository.updates import Destination, read_update
from spec.labels import Command
from spec.labels import Manifest as Member
from suit.authenticate import KeyRing
from suit.envelope import encode_envelope, open_envelope, seal, sever
from suit.errors import (
    ExpiredError,
    HardsuitError,
    LimitError,
    MalformedError,
    NotAuthenticError,
    NothingToDoError,
    RefusedError,
    RollbackError,
    StorageError,
    UsageError,
)
from suit.manifest import Command as Step
from suit.manifest import Manifest, Severable
from suit.signer import KeyType, generate
from suit.target import TargetInfo, content_path


@pytest.mark.req("H4-9")
@pytest.mark.parametrize(
    ("sequence_number", "payload", "expected"),
    [(4, b"older", RollbackError), (5, b"other", RefusedError), (5, b"five", NothingToDoError)],
    ids=["lower", "equal with another manifest", "equal and the same"],
)
def test_sequence_number_must_rise(
    repository: Repository,
    tmp_path: Path,
    sequence_number: int,
    payload: bytes,
    expected: type[HardsuitError],
) -> None:
    repository.publish(make_update(tmp_path / "a", 5, b"five"))
    before = public_state(repository)
    with pytest.raises(expected):
        repository.publish(make_update(tmp_path / "b", sequence_number, payload))
    assert public_state(repository) == before


def test_channels_count_apart(repository: Repository, tmp_path: Path) -> None:
    repository.publish(make_update(tmp_path, 5, channel="beta"))
    assert repository.publish(make_update(tmp_path, 1, channel="stable")).replaced is None


def test_unknown_vendor_is_refused(repository: Repository, tmp_path: Path) -> None:
    before = public_state(repository)
    with pytest.raises(RefusedError, match="'hardsuit repo vendor' adds it"):
        repository.publish(make_update(tmp_path, 1, vendor=OTHER_VENDOR))
    assert public_state(repository) == before


def test_missing_payload_is_named(repository: Repository) -> None:
    before = public_state(repository)
    update = read_update(make_envelope(simple_manifest(1)))
    with pytest.raises(RefusedError, match=r"'fw\.bin'.* is missing"):
        repository.publish(update)
    assert public_state(repository) == before


def test_payload_that_is_there_already_need_not_be_given(repository: Repository, tmp_path: Path) -> None:
    repository.publish(make_update(tmp_path, 1))
    done = repository.publish(read_update(make_envelope(simple_manifest(2))))
    assert done.payloads == (content_path(digest_of(b"firmware")),)


def test_payload_that_rotted_in_the_store_is_noticed(repository: Repository, tmp_path: Path) -> None:
    update = make_update(tmp_path, 1)
    repository.publish(update)
    (repository.public / content_path(digest_of(b"firmware"))).write_bytes(b"fIrmware")
    with pytest.raises(StorageError, match="its digest is another"):
        repository.publish(read_update(make_envelope(simple_manifest(2))))
    with pytest.raises(StorageError, match="its digest is another"):
        repository.publish(make_update(tmp_path, 2))


def test_file_that_is_no_payload_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "stray.bin"
    file.write_bytes(b"something else")
    with pytest.raises(RefusedError, match=r"stray\.bin: is no payload"):
        read_update(make_envelope(simple_manifest(1)), files=[file])


def test_payload_of_another_size_than_the_manifest_says_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "fw.bin"
    file.write_bytes(b"firmware")
    wrong = override(
        vendor_identifier=VENDOR,
        class_identifier=CLASS,
        image_digest=digest_of(b"firmware"),
        image_size=9,
    )
    manifest = Manifest(1, ((b"\x00",),), (wrong,), install=Severable((override(uri="fw.bin"), fetch())))
    with pytest.raises(RefusedError, match="8 bytes, but the manifest says 9"):
        read_update(make_envelope(manifest), files=[file])


def test_payload_that_changes_between_check_and_copy_is_not_kept(
    repository: Repository, tmp_path: Path
) -> None:
    update = make_update(tmp_path, 1)
    before = public_state(repository)
    source = update.payloads[0].source
    assert source is not None
    source.write_bytes(b"fIrmware")
    with pytest.raises(StorageError, match="no longer payload"):
        repository.publish(update)
    assert public_state(repository) == before
    assert not list((repository.directory / "staging").glob("*.part"))


def test_unreadable_payload_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nothing\.bin: No such file"):
        read_update(make_envelope(simple_manifest(1)), files=[tmp_path / "nothing.bin"])


@pytest.mark.parametrize(
    "uri",
    [
        "../up",
        "a/../b",
        "a//b",
        "/rooted",
        "//host/a",
        "a%2fb",
        "%2E%2e/b",
        "a\\b",
        "a b",
        "a#b",
        "http://h/a/../b",
    ],
)
def test_uri_that_can_be_read_in_two_ways_is_refused(uri: str) -> None:
    with pytest.raises(RefusedError, match=r"devices would refuse it|server without a scheme"):
        read_update(make_envelope(simple_manifest(1, uri=uri)))


@pytest.mark.parametrize("uri", ["app-1.4.2.bin", "folder/app.bin", "my%20app.bin", "app@1.bin"])
def test_relative_uri_is_a_name_for_people(uri: str) -> None:
    assert [payload.uri for payload in read_update(make_envelope(simple_manifest(1, uri=uri))).payloads] == [
        uri
    ]


def test_absolute_uri_is_left_to_its_server() -> None:
    update = read_update(make_envelope(simple_manifest(1, uri="https://example.com/fw.bin")))
    assert (update.payloads, update.elsewhere) == ((), ("https://example.com/fw.bin",))


def test_integrated_payload_needs_no_file() -> None:
    raw = make_envelope(simple_manifest(1, uri="#fw"), payloads={"#fw": b"firmware"})
    assert read_update(raw).payloads == ()


def test_integrated_payload_that_is_not_there_is_refused() -> None:
    with pytest.raises(RefusedError, match="'#fw': the envelope does not hold it"):
        read_update(make_envelope(simple_manifest(1, uri="#fw")))


def test_fetch_without_a_digest_is_refused() -> None:
    shared = override(vendor_identifier=VENDOR, class_identifier=CLASS)
    manifest = Manifest(1, ((b"\x00",),), (shared,), install=Severable((override(uri="a"), fetch())))
    with pytest.raises(RefusedError, match="gives no digest"):
        read_update(make_envelope(manifest))


def test_both_images_of_an_ab_manifest_are_needed() -> None:
    shared = override(vendor_identifier=VENDOR, class_identifier=CLASS)
    branches = tuple(
        (override(image_digest=digest_of(image), uri=image.decode()), Step(Command.COMPONENT_SLOT, 5))
        for image in (b"a.bin", b"b.bin")
    )
    install = (Step(Command.TRY_EACH, (*branches, None)), fetch())
    raw = make_envelope(Manifest(1, ((b"\x00",),), (shared,), install=Severable(install)))
    assert {payload.uri for payload in read_update(raw).payloads} == {"a.bin", "b.bin"}


def test_parameters_follow_their_component() -> None:
    select = [Step(Command.SET_COMPONENT_INDEX, index) for index in (0, 1, True)]
    shared = (
        select[2],
        override(vendor_identifier=VENDOR, class_identifier=CLASS),
        select[0],
        override(image_digest=digest_of(b"first"), image_size=5),
        select[1],
        override(image_digest=digest_of(b"second"), image_size=6),
    )
    install = (select[0], override(uri="one"), select[1], override(uri="two"), select[2], fetch())
    manifest = Manifest(1, ((b"\x00",), (b"\x01",)), shared, install=Severable(install))
    payloads = read_update(make_envelope(manifest)).payloads
    assert {(one.uri, one.digest, one.size) for one in payloads} == {
        ("one", digest_of(b"first"), 5),
        ("two", digest_of(b"second"), 6),
    }


def test_branches_that_multiply_are_refused() -> None:
    def choice(number: int) -> Step:
        alternatives = tuple((override(image_size=number * 10 + digit),) for digit in range(2))
        other = tuple((override(uri=f"u{number}{digit}"),) for digit in range(2))
        more = tuple((override(image_digest=digest_of(bytes([number, digit]))),) for digit in range(2))
        return Step(Command.TRY_EACH, (*alternatives, *other, *more))

    install = (*[choice(number) for number in range(4)], fetch())
    shared = override(vendor_identifier=VENDOR, class_identifier=CLASS)
    manifest = Manifest(1, ((b"\x00",),), (shared,), install=Severable(install))
    with pytest.raises(LimitError, match="too many combinations"):
        read_update(make_envelope(manifest))


def test_envelope_whose_install_was_cut_off_is_refused() -> None:
    sealed = seal(simple_manifest(1), sever=(Member.INSTALL,))
    whole = read_update(encode_envelope(sealed))
    assert [payload.uri for payload in whole.payloads] == ["fw.bin"]
    with pytest.raises(RefusedError, match="severed install"):
        read_update(encode_envelope(sever(sealed, (Member.INSTALL,))))


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        (Destination(vendor=OTHER_VENDOR), RefusedError),
        (Destination(class_id=OTHER_VENDOR), RefusedError),
        (Destination(channel="Not/OK"), MalformedError),
    ],
)
def test_destination_that_contradicts_the_manifest(
    destination: Destination, expected: type[HardsuitError]
) -> None:
    with pytest.raises(expected):
        read_update(make_envelope(simple_manifest(1)), destination=destination)


def test_manifest_for_nobody_needs_vendor_and_class() -> None:
    raw = make_envelope(Manifest(1, ((b"\x00",),)))
    with pytest.raises(UsageError, match="names no vendor id: say which with --vendor"):
        read_update(raw)
    update = read_update(raw, destination=Destination("beta", VENDOR, CLASS))
    assert update.path == f"{VENDOR.hex()}/{CLASS.hex()}/beta.suit"


def test_manifest_for_two_classes_needs_a_choice() -> None:
    branches = tuple((override(class_identifier=one),) for one in (CLASS, OTHER_VENDOR))
    shared = (override(vendor_identifier=VENDOR), Step(Command.TRY_EACH, branches))
    raw = make_envelope(Manifest(1, ((b"\x00",),), shared))
    with pytest.raises(UsageError, match="names 2 class ids"):
        read_update(raw)
    chosen = read_update(raw, destination=Destination(class_id=OTHER_VENDOR))
    assert chosen.path.split("/")[1] == OTHER_VENDOR.hex()


def test_author_is_verified_when_a_key_is_given() -> None:
    raw = make_envelope(simple_manifest(1))
    assert read_update(raw, verifier=KeyRing([AUTHOR.public])).authors == (AUTHOR.public.name,)
    assert read_update(raw).authors is None
    stranger = generate(KeyType.P256, kid=b"stranger")
    with pytest.raises(NotAuthenticError):
        read_update(raw, verifier=KeyRing([stranger.public]))


def test_changed_manifest_is_refused_even_without_a_key() -> None:
    raw = make_envelope(simple_manifest(1))
    broken = raw.replace(b"fw.bin", b"fw.bim")
    assert broken != raw
    with pytest.raises(NotAuthenticError):
        read_update(broken)


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\xd8\x6b\xa0", b"not an envelope"])
def test_what_is_no_envelope_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        read_update(raw)


def test_sequence_number_beyond_the_devices_range_is_refused() -> None:
    with pytest.raises(RefusedError, match="out of range"):
        read_update(make_envelope(simple_manifest(1 << 63)))


def test_minimum_cannot_be_above_the_sequence_number() -> None:
    raw = make_envelope(simple_manifest(5))
    assert read_update(raw, version="1.2.3", minimum=5).info == TargetInfo(
        5, open_envelope(raw).digest.value.hex(), "1.2.3", 5
    )
    with pytest.raises(UsageError, match="minimum 6"):
        read_update(raw, minimum=6)


def test_publishing_below_an_expired_role_is_refused(
    repository: Repository, clock: FakeClock, tmp_path: Path
) -> None:
    clock.pass_days(400)
    before = public_state(repository)
    with pytest.raises(ExpiredError, match="'hardsuit repo bump' renews it"):
        repository.publish(make_update(tmp_path, 1))
    assert public_state(repository) == before


def test_forged_entry_is_not_signed_again(repository: Repository, tmp_path: Path) -> None:
    """Somebody with write access but no keys adds a target to a bin and waits for us to publish."""
    update = make_update(tmp_path, 1)
    role = repository.publish(update).role
    version = repository.head().role(role).version
    file = repository.public / "metadata" / f"{version}.{role}.json"
    forged: Metadata[Targets] = Metadata.from_file(str(file))
    forged.signed.targets["a/b/c.suit"] = TargetFile.from_data("a/b/c.suit", b"evil", ["sha256"])
    forged.to_file(str(file))
    before = public_state(repository)
    with pytest.raises(NotAuthenticError, match="somebody else changed it"):
        repository.publish(make_update(tmp_path, 2))
    with pytest.raises(NotAuthenticError):
        repository.status()
    assert public_state(repository) == before


@pytest.mark.parametrize("name", ["timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_half_written_metadata_is_named(repository: Repository, name: str) -> None:
    file = repository.public / "metadata" / name
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises((MalformedError, NotAuthenticError), match=name.removeprefix("2.")):
        repository.status()


@pytest.mark.parametrize("name", ["2.snapshot.json", "2.targets.json"])
def test_missing_metadata_is_named(repository: Repository, name: str) -> None:
    (repository.public / "metadata" / name).unlink()
    with pytest.raises(StorageError, match=rf"{name}: missing"):
        repository.status()


def test_bins_must_be_a_power_of_two(repository: Repository) -> None:
    for bins in (0, 1, 3, 1 << 20):
        with pytest.raises(UsageError, match="power of two"):
            repository.add_vendor(OTHER_VENDOR, bins=bins)


def test_planted_root_is_not_followed(repository: Repository, clock: FakeClock, tmp_path: Path) -> None:
    """The chain of roots starts at the private copy, so a stranger's chain leads nowhere."""
    stranger = make_repository(tmp_path / "stranger", clock, bins=2)
    stranger.bump(timedelta(days=400))
    planted = (stranger.public / "metadata" / "2.root.json").read_bytes()
    (repository.public / "metadata" / "2.root.json").write_bytes(planted)
    with pytest.raises(NotAuthenticError, match=r"2\.root\.json: not signed"):
        repository.status()
