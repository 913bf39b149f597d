"""How a device is told which components are files, who may own them, and which links may lead out."""

import json

import pytest

from device.config import Config, parse_files
from device.files.settings import FileSettings, parse_links, parse_numbers, path_of
from suit.errors import StorageError, UsageError
from suit.manifest import Uuid

SETTINGS = FileSettings(
    ("usr/bin/tool", "etc/zone"),
    {"app": 1000, "uuid:00010203-0405-0607-0809-0a0b0c0d0e0f": 7, "12": 12},
    {"hex:0a0b": 50},
    (("etc/zone", "/usr/share/zoneinfo/UTC"),),
)
CONFIG = Config(
    "https://example.com",
    bytes(16),
    bytes(16),
    {(b"\0",): 10, path_of("usr/bin/tool"): 20, path_of("etc/zone"): 30},
    files=SETTINGS,
)


@pytest.mark.req("U4.6-1", "U8-2")
def test_rules_are_what_the_configuration_says() -> None:
    rules = SETTINGS.rules()
    assert rules.files == {(b"usr", b"bin", b"tool"), (b"etc", b"zone")}
    assert rules.users == {"app": 1000, Uuid(bytes(range(16))): 7, 12: 12}
    assert rules.groups == {b"\x0a\x0b": 50}
    assert rules.links == {(b"etc", b"zone"): frozenset({b"/usr/share/zoneinfo/UTC"})}


def test_the_configuration_survives_its_file() -> None:
    assert Config.from_json(CONFIG.to_json()) == CONFIG
    fields = json.loads(CONFIG.to_json())
    del fields["files"]
    assert Config.from_json(json.dumps(fields)).files is None


@pytest.mark.parametrize(
    "files",
    [None, [], {}, {"paths": ["a"]}, {"paths": ["../a"], "users": {}, "groups": {}, "links": []}],
    ids=repr,
)
def test_a_damaged_configuration_is_refused(files: object) -> None:
    with pytest.raises(StorageError, match="damaged"):
        Config.from_json(json.dumps(json.loads(CONFIG.to_json()) | {"files": files}))


@pytest.mark.parametrize(
    "settings",
    [
        FileSettings(("usr/bin/tool", "no/component")),
        FileSettings(("usr/../bin",)),
        FileSettings(("usr//tool",)),
        FileSettings(("",)),
        FileSettings(("usr/bin/tool",), {"uuid:1": 1}),
        FileSettings(("usr/bin/tool",), {}, {"": 1}),
        FileSettings(("usr/bin/tool",), {"app": -1}),
        FileSettings(("usr/bin/tool",), {"app": (1 << 32) - 1}),  # to chown: leave it as it is
        FileSettings(("usr/bin/tool",), {}, {"app": 1 << 40}),
        FileSettings(("usr/bin/tool",), links=(("usr/bin/other", "/dev/null"),)),
    ],
    ids=repr,
)
def test_settings_that_cannot_be_are_refused(settings: FileSettings) -> None:
    with pytest.raises(UsageError):
        Config("https://example.com", bytes(16), bytes(16), CONFIG.capacities, files=settings)


def test_options_are_read_strictly() -> None:
    assert parse_files(["/usr/bin/tool=1K", "a=b=2"]) == {"usr/bin/tool": 1024, "a=b": 2}
    assert parse_numbers(["app=0", "a=b=7"]) == {"app": 0, "a=b": 7}
    assert parse_links(["etc/zone=/a=b"]) == (("etc/zone", "/a=b"),)
    for wrong in ("usr/bin/tool", "=1", "a=", "a=-1", "a=\u0663"):
        with pytest.raises(UsageError):
            parse_files([wrong])
        with pytest.raises(UsageError):
            parse_numbers([wrong])
    for twice in (parse_files, parse_numbers):
        with pytest.raises(UsageError, match="once"):
            twice(["a=1", "a=2"])
    for wrong in ("etc/zone", "=/a", "etc/zone="):
        with pytest.raises(UsageError):
            parse_links([wrong])
