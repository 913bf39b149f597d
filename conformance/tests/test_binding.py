"""SUIT over TUF (spec/binding.md), seen from a device: one path, and the listing equals what arrives."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.hostile import list_anything
from conformance.release import release
from conformance.stage import CHANNEL, PRODUCT, Stage, make_image
from device.home import opened
from device.trust import NotListedError
from suit.envelope import open_envelope
from suit.errors import NotAuthenticError
from suit.target import TargetInfo, target_path


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A device that runs release 1."""
    with Stage.open(tmp_path) as stage:
        stage.found()
        stage.publish(1)
        stage.provision()
        stage.update(1)
        stage.boot_and_confirm(1)
        yield stage


def list_release(stage: Stage, number: int, info: TargetInfo, path: str = "") -> None:
    genuine = release(number, make_image(number), PRODUCT, [stage._author])
    place = path or target_path(PRODUCT.vendor, PRODUCT.class_id, CHANNEL)
    list_anything(stage._repository, place, genuine, info)


def digest_of(stage: Stage, number: int) -> str:
    genuine = release(number, make_image(number), PRODUCT, [stage._author])
    return open_envelope(genuine).digest.value.hex()


def update(stage: Stage) -> None:
    with opened(stage._device_directory, channel=CHANNEL) as device:
        device.update()


@pytest.mark.req("H4-1")
def test_a_release_under_another_path_is_never_looked_for(stage: Stage) -> None:
    other = target_path(PRODUCT.vendor, PRODUCT.class_id, "elsewhere")
    list_release(stage, 5, TargetInfo(5, digest_of(stage, 5)), other)
    with pytest.raises(NotListedError):
        update(stage)


@pytest.mark.req("H4-2")
@pytest.mark.parametrize("lie", ["sequence number", "digest"])
def test_a_listing_that_does_not_equal_the_manifest_is_refused(stage: Stage, lie: str) -> None:
    before = stage._state()
    digest = digest_of(stage, 5)
    info = TargetInfo(6, digest) if lie == "sequence number" else TargetInfo(5, "00" * 32)
    list_release(stage, 5, info)
    with pytest.raises(NotAuthenticError, match=f"{lie} is not the listed one"):
        update(stage)
    assert stage._state() == before
