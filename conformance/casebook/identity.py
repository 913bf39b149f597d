"""Identity: for whom an update was made (M7.1, 8.4.8.2, 8.4.9.1)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    CLASS,
    DEVICE,
    MAIN,
    NEW,
    NEW_2,
    OLD,
    OTHER,
    SECOND,
    URI,
    VENDOR,
    Case,
    Component,
    Device,
    accepted,
    fetch_from,
    rejected,
    update,
    write,
)
from conformance.casebook.parameters import PEN
from conformance.forge import at, check, image, override, try_each
from conformance.forge_cbor import Tag
from spec.labels import CborTag, Command, Parameter, ReportReason

TOPIC = "identity"
_FAILED = ReportReason.CONDITION_FAILED
_BOTH = [check(Command.VENDOR_IDENTIFIER), check(Command.CLASS_IDENTIFIER)]


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _for_others()
    yield from _several_identifiers()
    yield from _choice()


def _for(vendor: object, class_id: bytes) -> list[tuple[object, object]]:
    ids = {Parameter.VENDOR_IDENTIFIER: vendor, Parameter.CLASS_IDENTIFIER: class_id}
    return [override(ids | image(NEW)), *_BOTH]


def _for_others() -> Iterator[Case]:
    for name, vendor, class_id in (
        ("other-vendor", OTHER, CLASS),
        ("other-class", VENDOR, OTHER),
        ("vendor-and-class-exchanged", CLASS, VENDOR),
        ("zero-vendor", bytes(16), CLASS),
        ("last-bit", VENDOR[:-1] + bytes([VENDOR[-1] ^ 1]), CLASS),
    ):
        yield rejected(
            f"identity-{name}",
            "M8.4.9.1-1 M4.2-2 I4.3.2",
            "The update was made for another device: nothing is fetched, nothing is written.",
            update(NEW, shared=_for(vendor, class_id), install=fetch_from(URI)),
            _FAILED,
            resources={URI: NEW},
        )
    yield rejected(
        "identity-device-without-vendor",
        "M8.4.9.1-3",
        "The device asserts no vendor at all.",
        update(NEW, install=write(NEW)),
        _FAILED,
        device=Device(components=(Component(content=OLD),), vendor_ids=()),
    )
    yield rejected(
        "identity-device-without-device-id",
        "M8.4.9.1-3",
        "The device asserts no identifier of its own, and the update is for one device.",
        update(NEW, install=[*_only(DEVICE), *write(NEW)]),
        _FAILED,
        device=Device(components=(Component(content=OLD),), device_ids=()),
    )
    yield rejected(
        "identity-vendor-by-number",
        "M8.4.8.3-1",
        "A vendor named by private enterprise number is well-formed, and another than this one.",
        update(NEW, shared=_for(Tag(CborTag.PEN.value, PEN), CLASS), install=write(NEW)),
        _FAILED,
    )
    yield rejected(
        "identity-checked-before-invoke",
        "M4.2-1",
        "Invoking checks again for whom the manifest was made.",
        update(OLD, shared=_for(OTHER, CLASS), invoke=[check(Command.INVOKE)]),
        _FAILED,
        procedure="invoke",
    )
    yield rejected(
        "identity-second-component",
        "M8.4.8-1 M8.4.9.1-2",
        "Identifiers that were set for the first component are not set for the second.",
        update(
            NEW, NEW_2,
            shared=[at(0), *_for(VENDOR, CLASS), at(1), override(image(NEW_2)), *_BOTH],
            install=[at(0), *write(NEW), at(1), *write(NEW_2)],
        ),
        _FAILED,
        device=Device(components=(Component(), Component(id=SECOND))),
    )  # fmt: skip


def _several_identifiers() -> Iterator[Case]:
    yield accepted(
        "identity-second-vendor",
        "M8.4.9.1-1",
        "The device answers to two vendors, and the update is for the second.",
        update(NEW, install=write(NEW)),
        device=Device(components=(Component(content=OLD),), vendor_ids=(OTHER, VENDOR)),
        after={MAIN: NEW},
    )
    yield accepted(
        "identity-third-class",
        "M8.4.9.1-1",
        "The device answers to three classes, and the update is for the last.",
        update(NEW, install=write(NEW)),
        device=Device(components=(Component(content=OLD),), class_ids=(OTHER, VENDOR, CLASS)),
        after={MAIN: NEW},
    )
    yield rejected(
        "identity-of-other-kind",
        "M8.4.9.1-1",
        "An identifier of the class is none of the device, though the bytes are equal.",
        update(NEW, install=[*_only(CLASS), *write(NEW)]),
        _FAILED,
    )


def _choice() -> Iterator[Case]:
    by_device = try_each(
        [*_only(OTHER), override({Parameter.CONTENT: NEW_2}), check(Command.WRITE)],
        [*_only(DEVICE), override({Parameter.CONTENT: NEW}), check(Command.WRITE)],
    )
    yield accepted(
        "identity-chosen-by-device",
        "M8.4.10.2-3 M8.4.9.1-1",
        "One manifest for two devices: each takes its branch.",
        update(NEW, install=[by_device]),
        after={MAIN: NEW},
    )


def _only(device: bytes) -> list[tuple[object, object]]:
    return [override({Parameter.DEVICE_IDENTIFIER: device}), check(Command.DEVICE_IDENTIFIER)]
