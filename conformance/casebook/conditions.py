"""Conditions: each base condition where it holds, where it does not, and where it cannot know (M8.4.9)."""

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
from conformance.forge import at, check, digest_of, image, override
from conformance.forge_cbor import encode
from spec.labels import Command, CoseAlgorithm, Parameter, ReportReason

TOPIC = "conditions"
_FAILED = ReportReason.CONDITION_FAILED
_IDENTIFIERS = {
    Command.VENDOR_IDENTIFIER: Parameter.VENDOR_IDENTIFIER,
    Command.CLASS_IDENTIFIER: Parameter.CLASS_IDENTIFIER,
    Command.DEVICE_IDENTIFIER: Parameter.DEVICE_IDENTIFIER,
}


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _identifiers()
    yield from _image_match()
    yield from _image_digests()
    yield from _component_slot()
    yield from _check_content()
    yield from _abort()


def _identifiers() -> Iterator[Case]:
    own = {Command.VENDOR_IDENTIFIER: VENDOR, Command.DEVICE_IDENTIFIER: DEVICE}
    for condition, parameter in _IDENTIFIERS.items():
        name = condition.name.lower().replace("_", "-")
        value = own.get(condition)
        same = [override({parameter: value})] if value else []
        yield accepted(
            f"{name}-matches",
            "M8.4.9.1-1",
            f"{name} holds: the device answers to it.",
            update(NEW, install=[*same, check(condition), *write(NEW)]),
            after={MAIN: NEW},
        )
        yield rejected(
            f"{name}-differs",
            "M8.4.9.1-1",
            f"{name} fails: the identifier is another one's.",
            update(NEW, install=[override({parameter: OTHER}), check(condition), *write(NEW)]),
            _FAILED,
        )
        yield rejected(
            f"{name}-unset",
            "M8.4.9.1-2 M8.4.9-2",
            f"{name} fails where nobody has set the parameter.",
            update(NEW, shared=_all_but(parameter), install=[check(condition), *write(NEW)]),
            _FAILED,
        )


def _all_but(parameter: Parameter) -> list[tuple[object, object]]:
    """Return the usual shared sequence, with one parameter forgotten."""
    values = {Parameter.VENDOR_IDENTIFIER: VENDOR, Parameter.CLASS_IDENTIFIER: CLASS} | image(NEW)
    return [
        override({label: value for label, value in values.items() if label is not parameter}),
        check(Command.VENDOR_IDENTIFIER),
        check(Command.CLASS_IDENTIFIER),
    ]


def _image_match() -> Iterator[Case]:
    yield accepted(
        "image-match-holds",
        "M8.4.9.2-1",
        "The component's digest is the one in its parameters.",
        update(NEW, install=[*write(NEW), check(Command.IMAGE_MATCH)]),
        after={MAIN: NEW},
    )
    yield rejected(
        "image-match-other-payload",
        "M8.4.9.2-1 M6.3-1 M6.1-8",
        "Another payload came than was promised; the component keeps what it held.",
        update(NEW, install=fetch_from(URI)),
        _FAILED,
        resources={URI: NEW[:-1] + b"?"},
        fetched=[URI],
    )
    yield rejected(
        "image-match-truncated-payload",
        "M8.4.9.2-1",
        "The payload broke off.",
        update(NEW, install=fetch_from(URI)),
        _FAILED,
        resources={URI: NEW[:-1]},
        fetched=[URI],
    )
    yield rejected(
        "image-match-longer-payload",
        "M8.4.9.2-1 H4-6",
        "The payload is longer than the image that was promised.",
        update(NEW, install=fetch_from(URI)),
        resources={URI: NEW + b"\x00"},
        fetched=[URI],
    )
    yield rejected(
        "image-match-in-validate-only",
        "M6.3-1 M8.4.6-3",
        "Nothing is checked on the way, and validate finds the wrong image.",
        update(NEW, install=write(OLD + OLD)),
        _FAILED,
    )
    yield rejected(
        "image-match-no-digest",
        "M8.4.9.2-2 M8.4.9-2",
        "Without a digest to compare with, the condition fails.",
        update(
            None,
            install=[*write(NEW), check(Command.IMAGE_MATCH)],
            validate=[check(Command.VENDOR_IDENTIFIER)],
        ),
        _FAILED,
    )
    yield rejected(
        "image-match-empty-component",
        "M8.4.9.2-1",
        "A component that holds nothing matches nothing.",
        update(NEW, install=[check(Command.IMAGE_MATCH)]),
        _FAILED,
        device=Device(components=(Component(),)),
    )
    yield rejected(
        "image-match-of-other-component",
        "M8.4.8-1",
        "A digest set for one component says nothing about another.",
        update(
            NEW, None,
            install=[at(0), *write(NEW), at(1), *write(NEW), check(Command.IMAGE_MATCH)],
        ),
        _FAILED,
        device=Device(components=(Component(), Component(id=SECOND, content=NEW_2))),
    )  # fmt: skip


def _image_digests() -> Iterator[Case]:
    for algorithm in (
        CoseAlgorithm.SHA_384,
        CoseAlgorithm.SHA_512,
        CoseAlgorithm.SHAKE128,
        CoseAlgorithm.SHAKE256,
    ):
        name = algorithm.name.lower().replace("_", "-")
        yield accepted(
            f"image-match-{name}",
            "M8.4.9.2-1 M10-3",
            f"An image digest by {algorithm.name}.",
            update(NEW, install=write(NEW), more=[override(image(NEW, algorithm))]),
            after={MAIN: NEW},
        )
    yield rejected(
        "image-match-sha-512-differs",
        "M8.4.9.2-1",
        "An image digest by SHA-512 that another image has.",
        update(NEW, install=write(NEW), more=[override(image(OLD, CoseAlgorithm.SHA_512))]),
        _FAILED,
    )
    for name, digest, reason in (
        ("algorithm-unknown", [-15, bytes(8)], ReportReason.ALG_UNSUPPORTED),
        ("truncated", [-16, digest_of(NEW)[1][:16]], None),
        ("empty", [-16, b""], None),
        ("without-algorithm", [digest_of(NEW)[1]], ReportReason.CBOR_PARSE),
    ):
        yield rejected(
            f"image-digest-{name}",
            "M8.4.8.6-1",
            "An image digest that cannot be compared is refused, never skipped.",
            update(
                NEW,
                install=write(NEW),
                more=[override({Parameter.IMAGE_DIGEST: encode(digest)})],
            ),
            reason,
        )


def _component_slot() -> Iterator[Case]:
    in_slot_1 = Device(components=(Component(slot=1, content=OLD),))
    yield accepted(
        "component-slot-matches",
        "M8.4.9.4-1",
        "The component sits in the slot that the parameter names.",
        update(NEW, install=[*_slot(1), *write(NEW)]),
        device=in_slot_1,
        after={MAIN: NEW},
    )
    yield accepted(
        "component-slot-zero",
        "M8.4.9.4-1",
        "Slot 0 is a slot like any other, not an absent one.",
        update(NEW, install=[*_slot(0), *write(NEW)]),
        after={MAIN: NEW},
    )
    yield rejected(
        "component-slot-differs",
        "M8.4.9.4-1",
        "The component sits in another slot.",
        update(NEW, install=[*_slot(0), *write(NEW)]),
        _FAILED,
        device=in_slot_1,
    )
    yield rejected(
        "component-slot-unset",
        "M8.4.9-2",
        "Without the parameter the condition fails, in slot 0 too.",
        update(NEW, install=[check(Command.COMPONENT_SLOT), *write(NEW)]),
        _FAILED,
    )


def _slot(number: int) -> list[tuple[object, object]]:
    return [override({Parameter.COMPONENT_SLOT: number}), check(Command.COMPONENT_SLOT)]


def _check_content() -> Iterator[Case]:
    yield accepted(
        "check-content-holds",
        "M8.4.9.3-2",
        "The component holds exactly these bytes.",
        update(NEW, install=[*write(NEW), check(Command.CHECK_CONTENT)]),
        after={MAIN: NEW},
    )
    for name, content in (
        ("differs", OLD[:-1] + b"?"),
        ("shorter", OLD[:-1]),
        ("longer", OLD + b"\x00"),
        ("empty", b""),
    ):
        yield rejected(
            f"check-content-{name}",
            "M8.4.9.3-2",
            "The component holds other bytes.",
            update(
                NEW,
                install=[
                    override({Parameter.CONTENT: content}),
                    check(Command.CHECK_CONTENT),
                    *write(NEW),
                ],
            ),
            _FAILED,
        )
    yield rejected(
        "check-content-unset",
        "M8.4.9-2",
        "Without content to compare with, the condition fails.",
        update(NEW, install=[check(Command.CHECK_CONTENT), *write(NEW)]),
        _FAILED,
    )


def _abort() -> Iterator[Case]:
    yield rejected(
        "abort-fails",
        "M8.4.9.5-1 M8.4.9-4",
        "Abort is the condition that never holds; what was written before is not kept.",
        update(NEW, install=[*write(NEW), check(Command.ABORT)]),
        _FAILED,
    )
    yield rejected(
        "abort-in-validate",
        "M8.4.9.5-1 M6.3-1",
        "The update fails in its last sequence.",
        update(NEW, install=write(NEW), validate=[check(Command.IMAGE_MATCH), check(Command.ABORT)]),
        _FAILED,
    )
