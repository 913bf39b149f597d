"""Admission: which manifests a recipient may start to carry out at all (M6.1, 6.2, 8.4)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    NEW_2,
    OLD,
    SECOND,
    THIRD,
    URI,
    Case,
    Component,
    Device,
    accepted,
    fetch_from,
    parts_of,
    rejected,
    update,
    write,
)
from conformance.forge import at, check, envelope, image, override, run, try_each
from conformance.forge_cbor import Tag, encode
from spec.labels import CborTag, Command, Common, Manifest, Parameter, ReportReason

TOPIC = "admission"
_TWO = Device(components=(Component(id=MAIN), Component(id=SECOND)))
_BOTH = {MAIN: NEW, SECOND: NEW_2}
_INSTALL_BOTH = [at(0), *write(NEW), at(1), *write(NEW_2)]


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _version_and_members()
    yield from _components()
    yield from _leading_index()
    yield from _shared_sequence()


def _version_and_members() -> Iterator[Case]:
    yield accepted(
        "smallest-update",
        "M5.3.3-1 M8.4.10.4-2",
        "One component, fetched and checked: the plainest update there is.",
        update(NEW, install=fetch_from(URI)),
        resources={URI: NEW},
        after={MAIN: NEW},
        fetched=[URI],
    )
    for version in (0, 2):
        yield rejected(
            f"manifest-version-{version}",
            "M6.1-1 M8.4.1-1",
            "An encoding version other than 1 is never executed.",
            update(NEW, install=write(NEW), version=version),
        )
    for member in (Manifest.MANIFEST_VERSION, Manifest.MANIFEST_SEQUENCE_NUMBER, Manifest.COMMON):
        name = member.name.lower().replace("_", "-")
        yield rejected(
            f"missing-{name}",
            "M8.4.1-1 M8.5-1",
            f"A manifest without {name} is none.",
            update(NEW, install=write(NEW), without=[member]),
            ReportReason.CBOR_PARSE,
        )
    for name, number in (("negative", -1), ("text", "1"), ("true", True)):
        yield rejected(
            f"sequence-number-{name}",
            "M8.4.2-1",
            "The sequence number is an unsigned integer.",
            update(NEW, install=write(NEW), sequence_number=number),
            ReportReason.CBOR_PARSE,
        )
    yield rejected(
        "manifest-member-unknown",
        "H2-3",
        "A member that the recipient does not know may change what the manifest means.",
        update(NEW, install=write(NEW), extra={50: b"\x80"}),
    )
    yield rejected(
        "manifest-without-envelope",
        "M8.3-3",
        "A bare tagged manifest has no authentication wrapper.",
        encode(Tag(CborTag.SUIT_MANIFEST.value, parts_of(NEW, install=write(NEW)))),
        ReportReason.CBOR_PARSE,
    )
    yield accepted(
        "reference-uri",
        "M8.4.3-1",
        "A reference URI informs people and changes nothing.",
        update(NEW, install=write(NEW), extra={Manifest.REFERENCE_URI: "https://example.com/m"}),
        after={MAIN: NEW},
    )
    yield rejected(
        "reference-uri-tagged",
        "M8.4.3-1",
        "The reference URI is a text; tag 32 is implied and left out.",
        update(NEW, install=write(NEW), extra={Manifest.REFERENCE_URI: Tag(32, "https://a.example")}),
        ReportReason.CBOR_PARSE,
    )


def _components() -> Iterator[Case]:
    yield rejected(
        "more-components-than-device",
        "M6.2-2",
        "A manifest with more components than the device has is refused before its first command.",
        update(NEW, NEW_2, install=[at(0), *fetch_from(URI), at(1), *write(NEW_2)]),
        ReportReason.COMPONENT_UNSUPPORTED,
        resources={URI: NEW},
    )
    yield rejected(
        "component-unknown",
        "M6.1-7",
        "The device has no component of that name.",
        update(
            NEW, NEW_2, install=[at(0), *fetch_from(URI), at(1), *write(NEW_2)], components=[MAIN, (b"\x07",)]
        ),
        ReportReason.COMPONENT_UNSUPPORTED,
        device=_TWO,
        resources={URI: NEW},
    )
    yield rejected(
        "component-prefix-is-not-component",
        "M6.1-7",
        "A component identifier matches as a whole: a longer one names another component.",
        update(NEW, install=write(NEW), components=[(b"\x00", b"\x00")]),
        ReportReason.COMPONENT_UNSUPPORTED,
    )
    path = (b"usr", b"bin", b"env")
    yield accepted(
        "component-path",
        "M8.4.5-2",
        "An identifier of several segments names one component.",
        update(NEW, install=write(NEW), components=[path]),
        device=Device(components=(Component(id=path), Component(id=MAIN, content=b"bystander"))),
        after={path: NEW},
    )
    yield accepted(
        "components-four",
        "M6.2-2 M6.2-3",
        "Four components, more than some processors are built for.",
        update(
            NEW, NEW_2, b"three", b"four",
            components=[MAIN, SECOND, THIRD, (b"\x03",)],
            install=[*_INSTALL_BOTH, at(2), *write(b"three"), at(3), *write(b"four")],
        ),
        device=Device(components=tuple(Component(id=(bytes([i]),)) for i in range(4))),
        after={**_BOTH, THIRD: b"three", (b"\x03",): b"four"},
    )  # fmt: skip
    for name, value in (
        ("empty", []),
        ("not-array", {}),
        ("bytes", b"\x00"),
        ("text-segments", [("a",)]),
    ):
        yield rejected(
            f"components-{name}",
            "M8.4.5-2",
            "suit-components is a list of one or more arrays of byte strings.",
            _with_common(encode({Common.COMPONENTS: value})),
            ReportReason.CBOR_PARSE,
        )
    yield rejected(
        "common-not-wrapped",
        "M8.2-1",
        "suit-common is a map inside a byte string.",
        _with_common({Common.COMPONENTS: [MAIN]}),
        ReportReason.CBOR_PARSE,
    )


def _leading_index() -> Iterator[Case]:
    yield accepted(
        "two-components",
        "M6.2-5",
        "Every sequence over two components begins with set-component-index.",
        update(NEW, NEW_2, install=_INSTALL_BOTH),
        device=_TWO,
        after=_BOTH,
    )
    parts = {
        "install": _INSTALL_BOTH,
        "payload_fetch": [at(0), check(Command.IMAGE_MATCH)],
        "validate": [at(0), check(Command.IMAGE_MATCH), at(1), check(Command.IMAGE_MATCH)],
        "load": [at(0), check(Command.IMAGE_MATCH)],
        "invoke": [at(0), check(Command.INVOKE)],
    }
    for name, steps in parts.items():
        late = [step for step in steps if step != at(0)]
        late = late if at(1) in late else [*late, at(0)]
        yield rejected(
            f"two-components-{name.replace('_', '-')}-without-index",
            "M6.2-5",
            f"With two components, the {name} sequence has to begin with set-component-index.",
            update(NEW, NEW_2, **{"install": _INSTALL_BOTH, name: late}),
            ReportReason.OPERATION_FAILED,
            device=_TWO,
        )
    yield rejected(
        "two-components-shared-without-index",
        "M6.2-5",
        "The shared sequence is no exception.",
        update(
            NEW, NEW_2,
            shared=[*_ids(), at(1), *_ids()],
            install=_INSTALL_BOTH,
            validate=[at(0), check(Command.VENDOR_IDENTIFIER)],
        ),
        ReportReason.OPERATION_FAILED,
        device=_TWO,
    )  # fmt: skip
    yield accepted(
        "one-component-without-index",
        "M6.2-5",
        "One component needs no set-component-index: the index starts at 0.",
        update(NEW, install=write(NEW)),
        after={MAIN: NEW},
    )


def _shared_sequence() -> Iterator[Case]:
    yield accepted(
        "shared-runs-before-every-sequence",
        "M8.4.5-1",
        "What install overrides is set again by the shared sequence before validate runs.",
        update(NEW, install=[*write(NEW), override(image(OLD))]),
        after={MAIN: NEW},
    )
    yield accepted(
        "shared-with-flow-control",
        "M5.3.2-1",
        "try-each and run-sequence may stand in the shared sequence.",
        update(
            NEW,
            more=[
                run(check(Command.VENDOR_IDENTIFIER)),
                try_each([check(Command.ABORT)], [check(Command.CLASS_IDENTIFIER)]),
            ],
            install=write(NEW),
        ),
        after={MAIN: NEW},
    )
    for command in (
        Command.WRITE,
        Command.FETCH,
        Command.COPY,
        Command.SWAP,
        Command.INVOKE,
    ):
        name = command.name.lower()
        forbidden = [
            override({Parameter.CONTENT: NEW, Parameter.URI: URI, Parameter.SOURCE_COMPONENT: 0}),
            check(command),
        ]
        yield rejected(
            f"shared-with-{name}",
            "M5.3.2-1",
            f"The shared sequence has no effects: {name} is not allowed there.",
            update(NEW, more=forbidden, install=write(NEW)),
            resources={URI: NEW},
        )
    yield rejected(
        "shared-with-write-nested",
        "M5.3.2-1",
        "Nor is it allowed in a sequence nested in the shared sequence.",
        update(NEW, more=[run(*write(NEW))]),
    )


def _with_common(common: object) -> bytes:
    body = parts_of(NEW, install=write(NEW), extra={Manifest.COMMON: common})
    return envelope(body, signers=[AUTHOR])


def _ids() -> list[tuple[object, object]]:
    return [check(Command.VENDOR_IDENTIFIER), check(Command.CLASS_IDENTIFIER)]
