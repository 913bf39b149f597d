"""Trees of manifests on a whole device: installed, booted, confirmed; and what profile compat says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from click.testing import CliRunner

from conformance.casebook.case import AUTHOR, CLASS, MAIN, SECOND, STRANGER, VENDOR
from conformance.casebook.trees import (
    INTEGRITY,
    LIBRARIAN,
    LIBRARY,
    MATCH,
    PROCESS,
    library,
    root,
)
from conformance.forge import at, check
from device.agent import Device, Policy
from device.authenticate import authenticate
from device.config import Config
from device.ic.emulator import Emulator, MemoryKey
from device.platform import MemoryFetcher, MemoryPlatform
from device.processor import Profile
from device.storage import MemoryStorage
from device.trust import Trust
from hardsuit import main
from spec.labels import Command
from suit.envelope import open_envelope
from suit.errors import AbortError, HardsuitError, NotAuthenticError, RefusedError
from suit.keys import CoseKey
from suit.manifest import ComponentId
from suit.tests import vectors

VALIDATE = [at(1), INTEGRITY, PROCESS, at(0), MATCH]
INVOKE = [at(1), PROCESS, at(0), check(Command.INVOKE)]
CHILD = library(signers=(LIBRARIAN,))
HONEST = root(CHILD, validate=VALIDATE, invoke=INVOKE)
UNMATCHED = library(validate=None, signers=(LIBRARIAN,))
# It does not look at its dependency again when it validates alone, as devices do before a trial and at boot.
LOOSE = root(CHILD, validate=[at(1), PROCESS, at(0), MATCH], invoke=INVOKE)


class Lab:
    """A device on a bench, for one profile."""

    def __init__(self, profile: Profile = Profile.STRICT) -> None:
        self.storage = MemoryStorage()
        self.key = MemoryKey()
        self.platform = MemoryPlatform([VENDOR], [CLASS])
        self.profile = profile
        trusted = [CoseKey.from_cose(key.cose_key()) for key in (AUTHOR, LIBRARIAN)]
        Emulator.provision(self.storage, self.key, keys=trusted, directory="ic").close()

    @contextmanager
    def device(self) -> Iterator[Device]:
        capacities = dict.fromkeys((MAIN, SECOND, LIBRARY), 4096)
        with Emulator.open(self.storage, self.key, directory="ic") as ic:
            yield Device(
                self.storage,
                ic,
                cast("Trust", None),  # releases are handed over, not fetched
                MemoryFetcher({}),
                self.platform,
                Policy(VENDOR, CLASS, "stable", capacities, profile=self.profile),
            )

    def install(self, raw: bytes) -> tuple[str, ...]:
        with self.device() as device:
            device.install(authenticate(open_envelope(raw), device.ic))
            return device.warnings

    def images(self) -> dict[ComponentId, bytes]:
        with self.device() as device:
            return dict(device.boot().images)


@pytest.mark.req("I4.5.4", "T5.3-1")
def test_a_tree_is_installed_booted_and_confirmed() -> None:
    lab = Lab()
    assert lab.install(HONEST) == ()
    assert set(lab.images()) == {MAIN, SECOND, LIBRARY}
    with lab.device() as device:
        device.confirm()
        assert device.record().trial is None
        assert device.report()["last_update"] is None
    assert lab.platform.invoked == [(MAIN, None)]
    lab.images()
    assert lab.platform.invoked == [(MAIN, None)] * 2


@pytest.mark.parametrize(
    ("raw", "error", "words"),
    [
        (root(library(signers=(STRANGER,)), validate=VALIDATE), NotAuthenticError, "dependency-integrity"),
        (
            root(library(validate=None, signers=(LIBRARIAN,)), validate=VALIDATE),
            RefusedError,
            "covers [h'01']",
        ),
        (LOOSE, AbortError, "without dependency-integrity"),
    ],
    ids=["stranger", "unmatched", "loose"],
)
def test_a_tree_that_is_refused_leaves_nothing_installed(
    raw: bytes, error: type[HardsuitError], words: str
) -> None:
    lab = Lab()
    with pytest.raises(error) as caught:
        lab.install(raw)
    assert words in str(caught.value)
    with lab.device() as device:
        record = device.record()
        assert (record.confirmed, record.trial) == (None, None)
        with pytest.raises(RefusedError, match="nothing to boot"):
            device.boot()
    assert lab.platform.invoked == []


def test_compat_says_what_it_lets_pass_in_updates_and_boots() -> None:
    lab = Lab(Profile.COMPAT)
    words = "dependency 1 without dependency-integrity before (T5.6.2)"
    assert lab.install(LOOSE) == (words,)
    with lab.device() as device:
        assert device.report()["last_update"] == {"sequence_number": 1, "warnings": [words]}
        booted = device.boot()
        assert booted.warnings == device.warnings == (words,)
        assert device.report()["last_boot"]["warnings"] == [words]
    assert lab.platform.invoked == [(MAIN, None)]


def test_the_next_update_without_a_warning_takes_the_old_one_back() -> None:
    lab = Lab(Profile.COMPAT)
    lab.install(LOOSE)
    lab.images()
    with lab.device() as device:
        device.confirm()
    better = root(CHILD, validate=VALIDATE, invoke=INVOKE, sequence_number=2)
    assert lab.install(better) == ()
    with lab.device() as device:
        assert device.report()["last_update"] == {"sequence_number": 2, "warnings": []}


def test_a_device_keeps_its_profile() -> None:
    config = Config(url="http://a.example", vendor=VENDOR, class_id=CLASS, capacities={MAIN: 1})
    assert Config.from_json(config.to_json()).profile is Profile.STRICT
    compat = config.to_json().replace('"strict"', '"compat"')
    assert Config.from_json(compat).profile is Profile.COMPAT
    older = config.to_json().replace(',\n  "profile": "strict"', "")
    assert "profile" not in older
    assert Config.from_json(older).profile is Profile.STRICT


@pytest.mark.parametrize("name", ["example1_process", "example2_integrated"])
def test_suit_verify_says_what_strict_would_refuse(name: str) -> None:
    folder = vectors.path("ietf/trust-domains")
    key: Any = vectors.path("ietf/manifest/private_key.pem")
    result = CliRunner().invoke(main, ["suit", "verify", "--key", str(key), str(folder / f"{name}.suit")])
    assert result.exit_code == 0, result.output
    assert (
        "warning: profile strict refuses this: dependency-resolution: dependency 1 is not found intact"
        in (result.stderr)
    )
    quiet = CliRunner().invoke(
        main, ["suit", "verify", "-q", "--key", str(key), str(folder / f"{name}.suit")]
    )
    assert quiet.stderr == ""
