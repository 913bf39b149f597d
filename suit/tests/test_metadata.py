"""suit.metadata: what a manifest may say of files, read, written, described, shown and compared."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.labels import FileType, Parameter, Permission
from suit import cbor, describe
from suit.decode import decode_manifest
from suit.diff import diff
from suit.edn import read
from suit.encode import encode_envelope
from suit.envelope import open_envelope
from suit.errors import LimitError, MalformedError, UnsupportedParameterError, UsageError
from suit.manifest import ActorId, ComponentMetadata, Uuid
from suit.metadata import (
    decode_actor,
    decode_component_metadata,
    is_path_name,
    is_readable,
    link_destination,
    metadata_map,
    read_actor,
)
from suit.replay import _value
from suit.show import show
from suit.show_metadata import show_metadata
from suit.tests.test_encode import METADATA

UUID = Uuid(bytes(range(16)))
DESCRIPTION = """\
manifest-sequence-number: 1
components: {app: [{text: app}]}
install:
  - override-parameters:
      component-metadata:
        file-type: regular
        default-permissions: [list-read, traverse-exec]
        user-permissions: {app: 7, 1000: [list-read], "uuid:00010203-0405-0607-0809-0a0b0c0d0e0f": 0}
        group-permissions: {"hex:0a0b": 4}
        role-permissions: {"text:1000": 1}
        modification-time: 2026-01-31T12:00:00Z
        creation-time: 1
        creator: app
      content: 00
  - write
"""


def made(text: str) -> bytes:
    return encode_envelope(describe.build(text, name="a.yaml", directory=Path()))


def metadata_of(raw: bytes) -> ComponentMetadata:
    install = decode_manifest(open_envelope(raw).manifest).install
    assert install is not None
    assert install.value is not None
    found = install.value[0].argument[Parameter.COMPONENT_METADATA]
    assert isinstance(found, ComponentMetadata)
    return found


@given(METADATA)
def test_what_is_written_is_read_back(metadata: ComponentMetadata) -> None:
    raw = cbor.encode(metadata_map(metadata))
    assert decode_component_metadata(raw, "here") == metadata


@given(st.binary(max_size=60))
def test_any_bytes_are_metadata_or_refused_with_a_name(raw: bytes) -> None:
    try:
        decoded = decode_component_metadata(raw, "here")
    except (MalformedError, UnsupportedParameterError):
        return
    assert cbor.encode(metadata_map(decoded)) == raw


@pytest.mark.req("U4.6-1")
@pytest.mark.parametrize("members", [{9: 1}, {-257: 1}, {"x": 1}, {1: 1 << 14}, {5: 4}, {5: 0}], ids=repr)
def test_what_the_draft_does_not_define_is_not_implemented(members: dict[Any, Any]) -> None:
    with pytest.raises(UnsupportedParameterError, match="component-metadata"):
        decode_component_metadata(cbor.encode(members), "here")


@pytest.mark.req("U4.6-3")
@pytest.mark.parametrize("time", [1, "2026", cbor.Tagged(0, "x"), cbor.Tagged(1, -1), cbor.Tagged(2, 1)])
def test_a_time_stands_under_tag_1(time: cbor.Item) -> None:
    for member in (6, 7):
        with pytest.raises(MalformedError):
            decode_component_metadata(cbor.encode({member: time}), "here")


@pytest.mark.req("U4.6-2")
@pytest.mark.parametrize(
    "text", ["\x00", "a\nb", "\x7f", "\u202e", "\u200d", "\u2028", "\ue000", "\U000e0001"]
)
def test_a_text_holds_nothing_that_controls_anything(text: str) -> None:
    assert not is_readable(text)
    with pytest.raises(MalformedError, match="character"):
        decode_actor(text, "here")


def test_a_uuid_is_the_only_tag_that_a_key_may_have() -> None:
    key = cbor.Tagged(37, bytes(16))
    assert cbor.decode(cbor.encode({key: 1}), where="here") == {key: 1}
    for other in (cbor.Tagged(37, "text"), cbor.Tagged(1, 1), cbor.Tagged(37, cbor.Tagged(37, b""))):
        pair = cbor.encode(other) + b"\x01"
        with pytest.raises(MalformedError, match="map key"):
            cbor.decode(b"\xa1" + pair, where="here")


def test_actors_are_bounded() -> None:
    for actor in ("a" * 256, b"a" * 256):
        with pytest.raises(LimitError):
            decode_actor(actor, "here")
    with pytest.raises(LimitError):
        decode_component_metadata(bytes(4097), "here")


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (b"/usr/lib/x", (b"usr", b"lib", b"x")),
        (b"x", (b"usr", b"bin", b"x")),
        (b"../lib/x", (b"usr", b"lib", b"x")),
        (b"../../lib", (b"lib",)),
        (b"./..//./lib/", (b"usr", b"lib")),
        (b"/", ()),
        (b"../../../x", None),
        (b"/../x", None),
        (b"a/../b", None),
        (b"/usr/bin/../lib", None),
    ],
)
@pytest.mark.req("U8-2")
def test_a_link_leads_where_its_text_says_or_nowhere(target: bytes, found: tuple[bytes, ...] | None) -> None:
    assert link_destination((b"usr", b"bin", b"link"), target) == found


@pytest.mark.req("U8-1")
@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/", b"a\x00", b"\xff", b"\x1b[2J", b"a" * 256])
def test_not_every_segment_is_a_name_in_a_path(name: bytes) -> None:
    assert not is_path_name(name)
    assert is_path_name(b"a" + name[:0])


def test_an_author_writes_metadata_by_name() -> None:
    assert metadata_of(made(DESCRIPTION)) == ComponentMetadata(
        default_permissions=5,
        user_permissions={"app": 7, 1000: 4, UUID: 0},
        group_permissions={b"\x0a\x0b": 4},
        role_permissions={"1000": 1},
        file_type=FileType.REGULAR,
        modification_time=1769860800,
        creation_time=1,
        creator="app",
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("file-type: regular", "file-type: socket", "release.*:6: .*expected 'regular', 'directory' or"),
        (
            "[list-read, traverse-exec]",
            "[list, traverse-exec]",
            ":7: .*permissions are a number or a list of",
        ),
        ("[list-read, traverse-exec]", "16384", ":7: "),
        ("app: 7", "app: -1", ":8: "),
        ("1000: [list-read]", '"text:app": 1', ":5: .*twice"),
        ("hex:0a0b", "hex:0a0", ":9: .*an actor is written"),
        ("creator: app", 'creator: ""', ":13: .*1 to 255 characters"),
        ("creator: app", 'creator: "a\\tb"', ":13: .*controls"),
        ("2026-01-31T12:00:00Z", "2026-02-31T12:00:00Z", ":11: .*no time"),
        ("2026-01-31T12:00:00Z", "yesterday", ":11: .*seconds since 1970"),
        ("2026-01-31T12:00:00Z", "1969-01-31T12:00:00Z", ":11: .*after 1970"),
        ("creation-time", "ctime", ":12: .*unknown name"),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        describe.build(DESCRIPTION.replace(old, new), name="release.yaml", directory=Path())


@pytest.mark.parametrize(
    ("written", "actor"),
    [
        ("app", "app"),
        (7, 7),
        ("-7", -7),
        ("text:7", "7"),
        ("text:uuid:x", "uuid:x"),
        ("hex:00", b"\0"),
        ("007", "007"),
        ("a:b", "a:b"),
    ],
)
def test_an_actor_is_written_in_one_way(written: int | str, actor: ActorId) -> None:
    assert read_actor(written) == actor


def test_shown_metadata_names_members_permissions_and_times_and_is_read_back() -> None:
    raw = made(DESCRIPTION)
    text = show(raw)
    for words in (
        "/ component-metadata / 30: << {",
        "/ default-permissions / 1: 5, / traverse-exec, list-read /",
        "1000: 4, / list-read /",
        "37(h'000102030405060708090a0b0c0d0e0f'): 0 / none /",
        "/ file-type / 5: 1, / regular /",
        "/ modification-time / 6: 1(1769860800), / 2026-01-31 12:00:00 UTC /",
    ):
        assert words in text
    assert read(text, name="shown") == raw


@given(
    st.recursive(st.integers() | st.text() | st.none(), lambda inner: st.dictionaries(st.integers(), inner))
)
def test_anything_can_be_shown(item: cbor.Item) -> None:
    assert show_metadata(item, 32)


def test_every_permission_has_a_name_in_notes() -> None:
    shown = str(show_metadata({1: (1 << 14) - 1}, None))
    assert all(bit.name.lower().replace("_", "-") in shown for bit in Permission)


def test_a_changed_permission_is_named_by_diff() -> None:
    before, after = made(DESCRIPTION), made(DESCRIPTION.replace("app: 7", "app: 5"))
    (change,) = [one for one in diff(before, after) if one.place[-1] == "component-metadata"]
    assert "/ user-permissions /" in str(change.before)
    assert change.before != change.after


def test_a_report_says_metadata_in_words() -> None:
    assert _value(ComponentMetadata(file_type=FileType.SYMLINK)) == "{/ file-type / 5: 3 / symlink /}"
