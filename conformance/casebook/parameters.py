"""Parameters: each base parameter with a right and a wrong value (M8.4.8)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    MAIN,
    NEW,
    OLD,
    SECOND,
    URI,
    Case,
    Component,
    Device,
    accepted,
    fetch_from,
    rejected,
    update,
    write,
)
from conformance.forge import at, check, override
from conformance.forge_cbor import Tag, encode
from spec.labels import Command, Parameter, ReportReason

TOPIC = "parameters"
PEN = b"\x83\xb9\x14"  # 1.3.6.1.4.1.56468 as a relative OID
_WRONG_TYPES = (
    (Parameter.VENDOR_IDENTIFIER, "short", bytes(15)),
    (Parameter.VENDOR_IDENTIFIER, "text", "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"),
    (Parameter.VENDOR_IDENTIFIER, "tag-111", Tag(111, PEN)),
    (Parameter.CLASS_IDENTIFIER, "long", bytes(17)),
    (Parameter.CLASS_IDENTIFIER, "pen", Tag(112, PEN)),
    (Parameter.IMAGE_DIGEST, "text", "00"),
    (Parameter.IMAGE_DIGEST, "map", encode({1: bytes(32)})),
    (Parameter.COMPONENT_SLOT, "negative", -1),
    (Parameter.COMPONENT_SLOT, "true", True),
    (Parameter.STRICT_ORDER, "nil", None),
    (Parameter.SOFT_FAILURE, "number", 1),
    (Parameter.IMAGE_SIZE, "negative", -1),
    (Parameter.IMAGE_SIZE, "text", "29"),
    (Parameter.CONTENT, "text", "hello"),
    (Parameter.URI, "bytes", URI.encode()),
    (Parameter.URI, "tag-32", Tag(32, URI)),
    (Parameter.SOURCE_COMPONENT, "true", True),
    (Parameter.SOURCE_COMPONENT, "array", [0]),
    (Parameter.INVOKE_ARGS, "text", "-v"),
    (Parameter.DEVICE_IDENTIFIER, "short", bytes(8)),
    (Parameter.FETCH_ARGUMENTS, "map", {1: 2}),
)
_TYPES = {
    Parameter.VENDOR_IDENTIFIER: "M8.4.8.3-1",
    Parameter.CLASS_IDENTIFIER: "M8.4.8.4-1",
    Parameter.DEVICE_IDENTIFIER: "M8.4.8.4-1",
    Parameter.IMAGE_DIGEST: "M8.4.8.6-1",
    Parameter.COMPONENT_SLOT: "M8.4.8.8-1",
    Parameter.IMAGE_SIZE: "M8.4.8.8-1",
    Parameter.SOURCE_COMPONENT: "M8.4.8.8-1",
    Parameter.INVOKE_ARGS: "M8.4.8.12-1",
    Parameter.STRICT_ORDER: "M8.4.8.14-1",
    Parameter.SOFT_FAILURE: "M8.4.8.15-1",
    Parameter.CONTENT: "M8.4.10.6-1",
    Parameter.URI: "M8.4.10.4-1",
    Parameter.FETCH_ARGUMENTS: "M8.5-1",
}


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    for parameter, kind, value in _WRONG_TYPES:
        name = parameter.name.lower().replace("_", "-")
        yield rejected(
            f"parameter-{name}-{kind}",
            _TYPES[parameter],
            f"A value of the wrong type for {name}.",
            update(NEW, install=[override({parameter: value}), *write(NEW)]),
            ReportReason.CBOR_PARSE,
        )
    yield from _sizes()
    yield from _uris()
    yield from _others()


def _sizes() -> Iterator[Case]:
    yield accepted(
        "parameter-image-size-exact",
        "M8.4.10.4-2",
        "The payload has the size that was promised.",
        update(NEW, install=fetch_from(URI), more=[override({Parameter.IMAGE_SIZE: len(NEW)})]),
        resources={URI: NEW},
        after={MAIN: NEW},
        fetched=[URI],
    )
    yield accepted(
        "parameter-image-size-own-component",
        "M8.4.8-1",
        "A size belongs to its component alone.",
        update(
            NEW, OLD,
            install=[at(1), override({Parameter.IMAGE_SIZE: 3}), at(0), *fetch_from(URI)],
        ),
        device=Device(components=(Component(), Component(id=SECOND, content=OLD))),
        resources={URI: NEW},
        after={MAIN: NEW},
        fetched=[URI],
    )  # fmt: skip


def _uris() -> Iterator[Case]:
    long_uri = "http://example.com/" + "a" * 300
    for name, uri in (
        ("long", long_uri),
        ("coap", "coap://[2001:db8::1]/fw?v=2"),
        ("relative", "fw/v2.bin"),
        ("not-ascii", "http://example.com/größe.bin"),
    ):
        yield accepted(
            f"parameter-uri-{name}",
            "M8.4.10.4-2",
            "A URI reference is passed on as it is written.",
            update(NEW, install=fetch_from(uri)),
            resources={uri: NEW},
            after={MAIN: NEW},
            fetched=[uri],
        )


def _others() -> Iterator[Case]:
    yield accepted(
        "parameter-fetch-arguments",
        "M8.5-1",
        "Arguments for fetch that the device does not use do not stop it.",
        update(NEW, install=[override({Parameter.FETCH_ARGUMENTS: b"\xa0"}), *fetch_from(URI)]),
        resources={URI: NEW},
        after={MAIN: NEW},
        fetched=[URI],
    )
    yield rejected(
        "parameter-unknown",
        "M6.1-6",
        "A parameter with a number that no document assigns.",
        update(NEW, install=[override({99: 1}), *write(NEW)]),
        ReportReason.PARAMETER_UNSUPPORTED,
    )
    yield rejected(
        "parameter-custom",
        "M6.1-6",
        "A private parameter of somebody else.",
        update(NEW, install=[override({-300: 1}), *write(NEW)]),
        ReportReason.PARAMETER_UNSUPPORTED,
    )
    yield rejected(
        "parameter-unknown-not-executed",
        "M6.1-6",
        "It is refused where it stands, in a sequence that this procedure does not run.",
        update(NEW, install=write(NEW), load=[override({99: 1}), check(Command.IMAGE_MATCH)]),
        ReportReason.PARAMETER_UNSUPPORTED,
    )
    yield rejected(
        "parameter-custom-in-shared",
        "M8.4.8.16-1",
        "Private parameters do not belong into the shared sequence.",
        update(NEW, more=[override({-300: 1})], install=write(NEW)),
    )
    yield rejected(
        "parameter-source-is-itself-twice",
        "M8.4.10.5-1",
        "A component without content cannot be copied onto itself.",
        update(OLD, install=[override({Parameter.SOURCE_COMPONENT: 0}), check(Command.COPY)]),
        device=Device(components=(Component(),)),
    )
