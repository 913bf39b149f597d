"""The invocation procedure: validate, load, invoke (M5.3.3, 7.2, 7.6, 8.4.10.7)."""

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
from conformance.forge import at, check, image, override, try_each
from spec.labels import Command, Parameter, ReportReason

TOPIC = "invoke"
INVOKE = check(Command.INVOKE)
_HELD = Device(components=(Component(content=NEW),))
_RAM = Device(components=(Component(content=NEW), Component(id=SECOND)))
_LOAD = [at(1), override({Parameter.SOURCE_COMPONENT: 0}), check(Command.COPY), check(Command.IMAGE_MATCH)]
_ONE = [at(0), check(Command.IMAGE_MATCH)]


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _invoked()
    yield from _loaded()
    yield from _refused()


def _invoked() -> Iterator[Case]:
    yield accepted(
        "invoke-starts",
        "M5.3.3-2 M6.3-2 M8.4.10.7-1",
        "The image is validated and started.",
        update(NEW, invoke=[INVOKE]),
        procedure="invoke",
        device=_HELD,
        invoked=[(MAIN, None)],
    )
    for name, args in (("text", b"console=ttyS0 quiet"), ("empty", b"")):
        yield accepted(
            f"invoke-args-{name}",
            "M8.4.10.7-1 M8.4.8.12-1",
            "Arguments are handed to what is started, byte for byte.",
            update(NEW, invoke=[override({Parameter.INVOKE_ARGS: args}), INVOKE]),
            procedure="invoke",
            device=_HELD,
            invoked=[(MAIN, args)],
        )
    yield accepted(
        "invoke-does-not-update",
        "M5.3.3-2",
        "Invoking runs neither payload-fetch nor install.",
        update(NEW, payload_fetch=fetch_from(URI), install=write(OLD), invoke=[INVOKE]),
        procedure="invoke",
        device=_HELD,
        resources={URI: OLD},
        invoked=[(MAIN, None)],
    )
    yield accepted(
        "update-does-not-invoke",
        "M5.3.3-1",
        "Updating runs neither load nor invoke.",
        update(NEW, install=write(NEW), load=write(OLD), invoke=[INVOKE]),
        after={MAIN: NEW},
    )
    yield accepted(
        "invoke-chosen-by-slot",
        "M8.4.9.4-1 I4.5.9",
        "The slot decides which arguments are used.",
        update(
            NEW,
            invoke=[
                try_each(
                    [*_slot(0), override({Parameter.INVOKE_ARGS: b"slot A"})],
                    [*_slot(1), override({Parameter.INVOKE_ARGS: b"slot B"})],
                ),
                INVOKE,
            ],
        ),
        procedure="invoke",
        device=Device(components=(Component(content=NEW, slot=1),)),
        invoked=[(MAIN, b"slot B")],
    )  # fmt: skip
    yield accepted(
        "invoke-helper-and-image",
        "M6.5-4 M8.4.10.7-1",
        "Two images are started, one after the other, each with its own arguments.",
        update(
            NEW, OLD,
            invoke=[
                at(1), override({Parameter.INVOKE_ARGS: b"helper"}), INVOKE,
                at(0), override({Parameter.INVOKE_ARGS: b"image"}), INVOKE,
            ],
        ),
        procedure="invoke",
        device=Device(components=(Component(content=NEW), Component(id=SECOND, content=OLD))),
        invoked=[(SECOND, b"helper"), (MAIN, b"image")],
    )  # fmt: skip


def _slot(number: int) -> list[tuple[object, object]]:
    return [override({Parameter.COMPONENT_SLOT: number}), check(Command.COMPONENT_SLOT)]


def _loaded() -> Iterator[Case]:
    yield accepted(
        "load-copies-before-invoke",
        "M5.3.3-2 M4.2-3 I4.5.11",
        "load copies the image to where it runs, and that is what is started.",
        update(NEW, NEW, validate=_ONE, load=_LOAD, invoke=[at(1), INVOKE]),
        procedure="invoke",
        device=_RAM,
        after={SECOND: NEW},
        invoked=[(SECOND, None)],
    )
    yield rejected(
        "load-copies-something-else",
        "M4.2-3 M8.4.9.2-1",
        "What was loaded is not what the manifest promises: it is not started.",
        update(NEW, OLD, validate=_ONE, load=_LOAD, invoke=[at(1), INVOKE]),
        procedure="invoke",
        device=_RAM,
    )


def _refused() -> Iterator[Case]:
    yield rejected(
        "invoke-image-changed",
        "I4.3.8 M8.4.6-3 M8.4.9.2-1",
        "The image was changed since the update: validate finds it, and nothing is started.",
        update(NEW, load=[check(Command.IMAGE_MATCH)], invoke=[INVOKE]),
        ReportReason.CONDITION_FAILED,
        procedure="invoke",
        device=Device(components=(Component(content=NEW[:-1] + b"?"),)),
    )
    yield rejected(
        "invoke-image-absent",
        "M6.3-2",
        "There is no image.",
        update(NEW, invoke=[INVOKE]),
        ReportReason.CONDITION_FAILED,
        procedure="invoke",
        device=Device(components=(Component(),)),
    )
    yield rejected(
        "invoke-condition-before",
        "M8.4.9-4",
        "A condition in front of invoke fails.",
        update(NEW, invoke=[check(Command.ABORT), INVOKE]),
        ReportReason.CONDITION_FAILED,
        procedure="invoke",
        device=_HELD,
    )
    yield rejected(
        "invoke-missing",
        "M6.3-2",
        "A manifest that starts nothing cannot be invoked.",
        update(NEW, install=write(NEW)),
        procedure="invoke",
        device=_HELD,
    )
    yield rejected(
        "invoke-of-empty-component",
        "M6.3-2",
        "The component to start holds nothing.",
        update(NEW, None, validate=_ONE, invoke=[at(1), INVOKE]),
        procedure="invoke",
        device=_RAM,
    )
    yield rejected(
        "invoke-args-of-other-component",
        "M8.4.9.2-1",
        "Arguments do not make up for a wrong image.",
        update(
            NEW,
            more=[override(image(OLD))],
            invoke=[override({Parameter.INVOKE_ARGS: b"--force"}), INVOKE],
        ),
        ReportReason.CONDITION_FAILED,
        procedure="invoke",
        device=_HELD,
    )
