"""Rights of signers (M9) and references to components (T5.3, T5.6.5, T6)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    OLD,
    SECOND,
    URI,
    Case,
    Component,
    ComponentId,
    Device,
    accepted,
    rejected,
    update,
    verify,
    write,
)
from conformance.casebook.trees import (
    FETCH,
    INTEGRITY,
    LIBRARIAN,
    LIBRARY,
    LIBRARY_IMAGE,
    PROCESS,
    ROOT,
    UNLINK,
    device,
    installed,
    library,
    root,
)
from conformance.forge import Steps, at, check, image, override, try_each
from conformance.forge_cose import Key
from spec.labels import Command, Manifest, Parameter, ReportReason

TOPIC = "trust-domains"
_RIGHT = ReportReason.COMPONENT_UNAUTHORISED
_FAILED = ReportReason.OPERATION_FAILED
_OTHER: ComponentId = (b"another root",)
_ACL = "I4.3.13 M9-1"
_SOURCE = override({Parameter.SOURCE_COMPONENT: 1})


def cases() -> Iterator[Case]:
    """Yield the cases of this topic that are about rights and references."""
    yield from _one_signer()
    yield from _two_signers()
    yield from _references()
    yield from _unlink()
    yield from _uninstall()


def _keys(rights: Mapping[Key, Sequence[ComponentId]]) -> list[dict[str, Any]]:
    return [
        {**row, "rights": [[part.hex() for part in prefix] for prefix in prefixes]}
        for key, prefixes in rights.items()
        for row in verify(key)
    ]


def _one_signer() -> Iterator[Case]:
    plain = update(NEW, install=write(NEW))
    for name, prefixes, summary in (
        ("own", [MAIN], "The signer may change this component."),
        ("everything", [()], "The empty prefix covers every component."),
        ("one-of-two", [SECOND, MAIN], "One of its prefixes covers the component."),
    ):
        yield accepted(
            f"rights-{name}", _ACL, summary, plain, keys=_keys({AUTHOR: prefixes}), after={MAIN: NEW}
        )
    deep = Device(components=(Component(id=(*MAIN, *SECOND), content=OLD),))
    inner = update(NEW, components=[(*MAIN, *SECOND)], install=write(NEW))
    keys = _keys({AUTHOR: [MAIN]})
    yield accepted(
        "rights-prefix",
        _ACL,
        "A prefix covers what is below it.",
        inner,
        keys=keys,
        device=deep,
        after={(*MAIN, *SECOND): NEW},
    )
    joined = (MAIN[0] + SECOND[0],)
    yield rejected(
        "rights-prefix-escape",
        _ACL,
        "A prefix is one of segments, not of bytes.",
        update(NEW, components=[joined], install=write(NEW)),
        _RIGHT,
        keys=keys,
        device=Device(components=(Component(id=joined, content=OLD),)),
    )
    yield rejected(
        "rights-none", _ACL, "The signer may change nothing.", plain, _RIGHT, keys=_keys({AUTHOR: []})
    )
    yield rejected(
        "rights-below-only",
        _ACL,
        "Its right begins below the component.",
        plain,
        _RIGHT,
        keys=_keys({AUTHOR: [(*MAIN, *SECOND)]}),
    )
    yield accepted(
        "rights-looking-is-free",
        _ACL,
        "Who may not change a component may check it and start it.",
        update(OLD, invoke=[check(Command.INVOKE)]),
        keys=_keys({AUTHOR: []}),
        procedure="invoke",
        invoked=[(MAIN, None)],
    )
    yield from _each_command()
    stored = update(NEW, install=write(NEW), extra={Manifest.MANIFEST_COMPONENT_ID: ROOT})
    yield rejected(
        "rights-root-place",
        "T10-2",
        "The signer has no right to the place where the root is stored.",
        stored,
        _RIGHT,
        keys=keys,
    )
    yield accepted(
        "rights-root-place-own",
        "T10-2",
        "It has.",
        stored,
        keys=_keys({AUTHOR: [MAIN, ROOT]}),
        after={MAIN: NEW},
    )


def _each_command() -> Iterator[Case]:
    two = Device(components=(Component(content=OLD), Component(id=SECOND, content=NEW)))
    commands: dict[str, Steps] = {
        "fetch": [at(0), override({Parameter.URI: URI}), FETCH],
        "copy": [at(0), _SOURCE, check(Command.COPY)],
        "swap": [at(0), _SOURCE, check(Command.SWAP)],
        "swap-source": [at(1), override({Parameter.SOURCE_COMPONENT: 0}), check(Command.SWAP)],
        "soft": [try_each([at(0), *write(NEW)], None)],
    }
    for name, steps in commands.items():
        steps = steps if steps[0][0] is Command.SET_COMPONENT_INDEX else [at(0), *steps]  # noqa: PLW2901 - T5.1
        yield rejected(
            f"rights-{name}",
            _ACL,
            "A command that changes a component without a right to it.",
            update(None, None, validate=None, install=steps),
            _RIGHT,
            keys=_keys({AUTHOR: [SECOND]}),
            device=two,
            resources={URI: NEW},
        )
    yield accepted(
        "rights-copy-from",
        _ACL,
        "Reading the source needs no right.",
        update(None, None, validate=None, install=commands["copy"]),
        keys=_keys({AUTHOR: [MAIN]}),
        device=two,
        after={MAIN: NEW},
    )


def _two_signers() -> Iterator[Case]:
    child = library(signers=(LIBRARIAN,))
    apart = {AUTHOR: [MAIN, LIBRARY, ROOT], LIBRARIAN: [SECOND]}
    yield accepted(
        "rights-of-two-signers",
        _ACL,
        "Each signer changes its own component through its own manifest.",
        root(child),
        keys=_keys(apart),
        device=device(),
        after=installed(child),
    )
    yield rejected(
        "rights-of-dependency",
        _ACL,
        "Its dependent's rights are of no use to a dependency.",
        root(child),
        _RIGHT,
        keys=_keys({AUTHOR: [()], LIBRARIAN: [MAIN]}),
        device=device(),
    )
    three: dict[str, Any] = {"components": (MAIN, LIBRARY, SECOND)}
    yield rejected(
        "rights-of-dependent",
        _ACL,
        "A dependency's rights are of no use to its dependent.",
        root(child, **three, install=[at(1), PROCESS, at(2), *write(LIBRARY_IMAGE)]),
        _RIGHT,
        keys=_keys(apart),
        device=device(),
    )
    for name, parameters in (
        ("digest", image(NEW)),
        ("class", {Parameter.CLASS_IDENTIFIER: bytes(16)}),
    ):
        yield rejected(
            f"rights-preset-{name}",
            _ACL,
            "A dependent decides for its dependency which image is right.",
            root(child, **three, install=[at(2), override(parameters), at(1), PROCESS, at(0), *write(NEW)]),
            _RIGHT,
            keys=_keys(apart),
            device=device(),
        )
    fetching = library(
        signers=(LIBRARIAN,),
        install=[(Command.SET_PARAMETERS, {Parameter.URI: "http://example.com/far"}), FETCH],
    )
    near = [at(2), (Command.SET_PARAMETERS, {Parameter.URI: URI}), at(1), PROCESS, at(0), *write(NEW)]
    yield accepted(
        "rights-preset-uri",
        _ACL,
        "Where the image comes from decides nothing: a dependent may say it.",
        root(fetching, **three, install=near),
        keys=_keys(apart),
        device=device(),
        resources={URI: LIBRARY_IMAGE},
        fetched=[URI],
        after=installed(fetching),
    )


def _named(*steps: Any, **members: Any) -> bytes:  # noqa: ANN401 - steps and members of forge.manifest
    """Return an update of two components by the root that is called ROOT."""
    extra = {Manifest.MANIFEST_COMPONENT_ID: ROOT}
    return update(None, None, validate=None, install=[at(0), *steps], extra=extra, **members)


def _owned(*owners: ComponentId) -> Device:
    return Device(components=(Component(content=OLD, owners=owners), Component(id=SECOND, content=NEW)))


def _references() -> Iterator[Case]:
    rows = "T5.6.5-1 T5.3-3"
    for name, steps in {
        "write": write(NEW),
        "fetch": [override({Parameter.URI: URI}), FETCH],
        "copy": [_SOURCE, check(Command.COPY)],
        "swap": [_SOURCE, check(Command.SWAP)],
    }.items():
        yield rejected(
            f"references-left-{name}",
            rows,
            "Another root needs the component as it is.",
            _named(*steps),
            _FAILED,
            device=_owned(_OTHER),
            resources={URI: NEW},
        )
    yield accepted(
        "references-own",
        rows,
        "A root may replace what nobody else needs.",
        _named(*write(NEW)),
        device=_owned(ROOT),
        after={MAIN: NEW},
    )
    yield rejected(
        "references-shared",
        "T5.3-2 T5.3-3",
        "Not what it shares with another root.",
        _named(*write(NEW)),
        _FAILED,
        device=_owned(ROOT, _OTHER),
    )


def _unlink() -> Iterator[Case]:
    rows = "T5.6.5-2 T5.6.5-3"
    yield accepted(
        "unlink-own", rows, "A root gives up its reference.", _named(UNLINK), device=_owned(ROOT, _OTHER)
    )
    yield accepted(
        "unlink-then-write",
        rows,
        "Unlinked and replaced.",
        _named(UNLINK, *write(NEW)),
        device=_owned(ROOT),
        after={MAIN: NEW},
    )
    yield rejected(
        "unlink-twice",
        rows,
        "One manifest lowers the count once.",
        _named(UNLINK, UNLINK),
        _FAILED,
        device=_owned(ROOT, _OTHER),
    )
    yield rejected(
        "unlink-unowned",
        rows,
        "There is no reference to give up.",
        _named(UNLINK),
        _FAILED,
        device=_owned(_OTHER),
    )
    yield rejected(
        "unlink-then-write-shared",
        rows,
        "Others still need it.",
        _named(UNLINK, *write(NEW)),
        _FAILED,
        device=_owned(ROOT, _OTHER),
    )
    yield rejected(
        "unlink-without-right",
        _ACL,
        "The signer has no right to the component.",
        _named(UNLINK),
        _RIGHT,
        device=_owned(ROOT),
        keys=_keys({AUTHOR: [SECOND, ROOT]}),
    )
    yield rejected(
        "unlink-in-shared",
        rows,
        "The shared sequence has no effect but parameters.",
        update(None, None, validate=None, more=[UNLINK]),
        device=_owned(ROOT),
    )


def _uninstall() -> Iterator[Case]:
    child = library(uninstall=write(b""))
    steps = [at(1), INTEGRITY, UNLINK]

    def held(*owners: ComponentId) -> Device:
        parts = (
            Component(content=NEW, owners=(ROOT,)),
            Component(id=SECOND, content=LIBRARY_IMAGE, owners=owners),
            Component(id=LIBRARY, content=child.raw, owners=owners),
        )
        return Device(components=parts)

    parts: dict[str, Any] = {"procedure": "uninstall"}
    yield accepted(
        "uninstall-runs-below",
        "T6-1 T5.6.5-3",
        "The last root that needs a dependency has it uninstalled.",
        root(child, payloads={}, uninstall=steps),
        device=held(ROOT),
        after={SECOND: b""},
        **parts,
    )
    yield accepted(
        "uninstall-leaves-shared",
        "T6-1 T5.3-2",
        "Another root needs the dependency: it stays.",
        root(child, payloads={}, uninstall=steps),
        device=held(ROOT, _OTHER),
        **parts,
    )
    yield rejected(
        "uninstall-missing",
        "T6-1",
        "There is no uninstall sequence.",
        root(child, payloads={}),
        _FAILED,
        device=held(ROOT),
        **parts,
    )
    yield rejected(
        "uninstall-unchecked",
        "T5.6.2-1",
        "What is uninstalled is checked as well.",
        root(child, payloads={}, uninstall=[at(1), UNLINK]),
        _FAILED,
        device=held(ROOT),
        **parts,
    )
