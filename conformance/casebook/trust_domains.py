"""Dependencies (T5): what a root, its dependencies and the processor between them have to do."""

from collections.abc import Iterator
from typing import Any

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    NEW_2,
    SECOND,
    STRANGER,
    URI,
    Case,
    Component,
    Device,
    accepted,
    rejected,
    verify,
    write,
)
from conformance.casebook.trees import (
    FETCH,
    INTEGRITY,
    IS_DEPENDENCY,
    LIBRARIAN,
    LIBRARY,
    LIBRARY_IMAGE,
    MATCH,
    PROCESS,
    RESOLVE,
    Signed,
    device,
    installed,
    library,
    root,
)
from conformance.forge import EVERY, at, check, digest_of, override, try_each
from conformance.forge_cbor import encode
from spec.labels import Command, Parameter, ReportReason

TOPIC = "trust-domains"
_MALFORMED = ReportReason.CBOR_PARSE
_UNAUTHORISED = ReportReason.UNAUTHORISED
_FAILED = ReportReason.OPERATION_FAILED
_WRITE, _ABORT = check(Command.WRITE), check(Command.ABORT)
_APP = (b"app",)
HONEST = library()


def cases() -> Iterator[Case]:
    """Yield the cases of this topic that are about dependencies."""
    yield from _obtained()
    yield from _integrity()
    yield from _process()
    yield from _is_dependency()


def takes(name: str, rows: str, summary: str, raw: bytes, child: Signed = HONEST, **parts: Any) -> Case:  # noqa: ANN401 - fields of Case
    """Define a case that a device with root, library and its envelope carries out."""
    parts = {"device": device(), "after": installed(child)} | parts
    return accepted(name, rows, summary, raw, **parts)


def refuses(
    name: str,
    rows: str,
    summary: str,
    raw: bytes,
    reason: ReportReason | None = _FAILED,
    **parts: Any,  # noqa: ANN401 - fields of Case
) -> Case:
    """Define a case that the same device refuses."""
    return rejected(name, rows, summary, raw, reason, **({"device": device()} | parts))


def _obtained() -> Iterator[Case]:
    yield takes(
        "dependency-integrated",
        "T8.1.1-1 T5.5-1",
        "A dependency in the envelope is checked and run in every section.",
        root(HONEST),
    )
    bare = library(tag=None)
    yield takes(
        "dependency-integrated-untagged", "T8.1.1-1", "An embedded envelope needs no tag.", root(bare), bare
    )
    fetch = [at(1), override({Parameter.URI: URI}), FETCH, INTEGRITY, PROCESS]
    yield takes(
        "dependency-fetched",
        "T5.5-1",
        "A dependency comes from the network before anything else.",
        root(HONEST, dependency_resolution=fetch, payloads={}),
        resources={URI: HONEST.raw},
        fetched=[URI],
    )
    yield takes(
        "dependency-stored-already",
        "T5.5-1",
        "The device holds the dependency; nothing has to be fetched.",
        root(HONEST, dependency_resolution=[at(1), INTEGRITY, PROCESS], payloads={}),
        device=device(stored=HONEST.raw),
    )
    other = library(signers=(LIBRARIAN,))
    yield takes(
        "dependency-of-another-signer",
        "T5.1-4",
        "Root and dependency are signed by two keys, both trusted.",
        root(other),
        other,
        keys=verify(AUTHOR, LIBRARIAN),
    )
    yield takes(
        "dependency-virtual",
        "T5.2.2-3",
        "An index past the components is a dependency whose prefix is its identifier.",
        root(HONEST, components=(MAIN,), dependencies={1: {1: LIBRARY}}),
    )
    yield takes(
        "dependency-prefix",
        "T5.2.2-3",
        "The prefix stands before every component identifier of the dependency.",
        root(HONEST, dependencies={1: {1: _APP}}),
        device=device(Component(id=(*_APP, *SECOND))),
        after={MAIN: NEW, (*_APP, *SECOND): LIBRARY_IMAGE, LIBRARY: HONEST.raw},
    )
    yield refuses(
        "dependency-missing",
        "T5.5-1",
        "The envelope does not hold the dependency, and its key is no place to fetch from.",
        root(HONEST, payloads={}),
    )
    yield refuses(
        "dependency-prefix-escape",
        "T5.2.2-3",
        "Dots lead nowhere: a prefixed component is one of this device or none.",
        root(dots := library(components=((b"..", *SECOND),)), dependencies={1: {1: _APP}}),
        ReportReason.COMPONENT_UNSUPPORTED,
        device=device(Component(id=(*_APP, *SECOND))),
    )
    yield refuses(
        "dependency-component-unknown",
        "T5.1-7",
        "The dependency writes a component that the device does not have.",
        root(dots),
        ReportReason.COMPONENT_UNSUPPORTED,
    )
    two = library(components=(SECOND, MAIN))
    yield refuses(
        "dependency-without-index",
        "T5.1-7 T5.1-2",
        "The rules for sequences hold in dependencies too.",
        root(two),
    )


def _integrity() -> Iterator[Case]:
    rows = "T5.6.4-1 T5.1-7"
    yield takes(
        "dependency-integrity-holds",
        "T5.6.4-1",
        "Checked again in every section.",
        root(HONEST, install=[at(1), INTEGRITY, PROCESS, at(0), *write(NEW), at(1), INTEGRITY]),
    )
    yield refuses(
        "dependency-integrity-other-manifest",
        rows,
        "What is in the envelope is authentic, and another manifest than the digest says.",
        root(HONEST, embedded=library(NEW_2).raw),
    )
    yield refuses(
        "dependency-integrity-stranger",
        f"{rows} T5.1-4",
        "Nobody trusted signs the dependency, whatever its dependent says.",
        root(library(signers=(STRANGER,))),
        _UNAUTHORISED,
    )
    yield refuses(
        "dependency-integrity-unsigned",
        f"{rows} T5.1-4",
        "The digest alone is no signature.",
        root(library(signers=())),
        _UNAUTHORISED,
    )
    changed = HONEST.raw.replace(LIBRARY_IMAGE, LIBRARY_IMAGE[::-1])
    yield refuses(
        "dependency-integrity-manifest-changed",
        rows,
        "The wrapper is right, the manifest behind it was changed.",
        root(HONEST, embedded=changed),
        _UNAUTHORISED,
    )
    yield refuses(
        "dependency-integrity-not-an-envelope",
        rows,
        "The component holds an image.",
        root(HONEST, embedded=NEW),
        _MALFORMED,
    )
    absent = [at(1), INTEGRITY, PROCESS]
    yield refuses(
        "dependency-integrity-absent",
        rows,
        "Nothing was fetched.",
        root(HONEST, dependency_resolution=absent),
    )
    yield refuses(
        "dependency-integrity-no-dependency",
        rows,
        "The component is not in the map of dependencies.",
        root(HONEST, install=[at(0), INTEGRITY]),
    )
    soft = try_each([at(1), INTEGRITY], [at(1), override(HONEST.digest)])
    yield refuses(
        "dependency-integrity-soft",
        "T5.6.4-2",
        "A try-each around it does not help: it aborts.",
        root(HONEST, embedded=library(NEW_2).raw, dependency_resolution=[*RESOLVE[:3], soft]),
    )
    looped = library(
        components=(SECOND, LIBRARY),
        dependencies={1: {}},
        shared=[at(0), override({Parameter.CONTENT: LIBRARY_IMAGE})],
        install=[at(1), INTEGRITY, PROCESS, at(0), _WRITE],
        validate=[at(1), INTEGRITY, PROCESS],
    )
    yield refuses(
        "dependency-loop",
        "T5.6.4-1",
        "A dependency names the component that it lies in as its dependency: its digest is set from above.",
        root(looped),
    )


def _process() -> Iterator[Case]:
    yield takes(
        "process-dependency-true",
        "T5.6.2-3",
        "With index true it is for all dependencies, and for them only.",
        root(
            HONEST,
            install=[at(EVERY), PROCESS, at(0), *write(NEW)],
            validate=[at(EVERY), PROCESS, at(0), MATCH],
        ),
    )
    plain = library(validate=None)
    yield takes(
        "process-dependency-absent-section",
        "T5.6.2-3",
        "A section that the dependency does not have succeeds.",
        root(plain),
        plain,
    )
    yield refuses(
        "process-dependency-without-integrity",
        "T5.6.2-1",
        "image-match is not dependency-integrity.",
        root(HONEST, dependency_resolution=[*RESOLVE[:3], MATCH, PROCESS]),
    )
    yield refuses(
        "process-dependency-after-fetch",
        "T5.6.4-3 T5.6.2-1",
        "The verdict is gone as soon as something is fetched to the component, be it the same.",
        root(HONEST, install=[at(1), FETCH, PROCESS, at(0), *write(NEW)]),
    )
    yield refuses(
        "process-dependency-after-write",
        "T5.6.4-3 T5.6.2-1",
        "Or written.",
        root(HONEST, install=[at(1), override({Parameter.CONTENT: HONEST.raw}), _WRITE, PROCESS]),
    )
    yield refuses(
        "process-dependency-after-swap",
        "T5.6.4-3 T5.6.2-1",
        "Or swapped in.",
        root(
            HONEST,
            install=[at(1), override({Parameter.SOURCE_COMPONENT: 0}), check(Command.SWAP), PROCESS],
        ),
    )
    yield refuses(
        "process-dependency-of-component",
        "T5.4-2",
        "The component is not in the map of dependencies.",
        root(HONEST, install=[at(0), PROCESS]),
    )
    yield refuses(
        "process-dependency-in-shared",
        "T5.6.2-2",
        "The shared sequence has no effect but parameters.",
        root(HONEST, more=[PROCESS]),
        None,
    )
    failing = library(install=[*write(LIBRARY_IMAGE), _ABORT])
    yield refuses(
        "process-dependency-condition-fails",
        "T5.6.2-3",
        "The dependency's condition fails, and so does its dependent.",
        root(failing),
        ReportReason.CONDITION_FAILED,
    )
    around = [at(1), try_each([PROCESS], None), at(0), *write(NEW)]
    yield takes(
        "process-dependency-soft",
        "T5.6.2-3",
        "The dependent may be soft about a condition that failed below it.",
        root(failing, install=around),
        failing,
    )
    broken = library(install=[FETCH])
    yield refuses(
        "process-dependency-abort",
        "T5.6.2-3",
        "An Abort of the dependency is one of its dependent, however soft.",
        root(broken, install=around),
    )
    runnable = library(invoke=[override({Parameter.INVOKE_ARGS: b"below"}), check(Command.INVOKE)])
    held = device(main=Component(content=NEW), stored=runnable.raw)
    held = Device(
        components=tuple(
            Component(id=part.id, content=LIBRARY_IMAGE if part.id == SECOND else part.content)
            for part in held.components
        )
    )
    yield accepted(
        "process-dependency-returns",
        "T5.6.2-3 T5.3-1",
        "After the dependency's section its dependent goes on, in validate and in invoke.",
        root(
            runnable,
            payloads={},
            validate=[at(1), INTEGRITY, PROCESS, at(0), MATCH],
            invoke=[
                at(1),
                PROCESS,
                at(0),
                override({Parameter.INVOKE_ARGS: b"above"}),
                check(Command.INVOKE),
            ],
        ),
        device=held,
        procedure="invoke",
        invoked=[(SECOND, b"below"), (MAIN, b"above")],
    )
    yield takes(
        "dependency-image-match",
        "T5.2.2-2",
        "The image digest of a dependency is that of its manifest.",
        root(HONEST, install=[at(1), MATCH, PROCESS, at(0), *write(NEW)]),
    )
    whole = {Parameter.IMAGE_DIGEST: encode(digest_of(HONEST.raw))}
    yield refuses(
        "dependency-image-match-of-envelope",
        "T5.2.2-2",
        "It is not that of its envelope.",
        root(HONEST, install=[at(1), PROCESS, override(whole), MATCH]),
        ReportReason.CONDITION_FAILED,
    )


def _is_dependency() -> Iterator[Case]:
    choose = try_each([IS_DEPENDENCY, PROCESS], [*write(NEW)])
    yield takes(
        "is-dependency-chooses",
        "T5.6.3-1",
        "It holds for dependencies and for nothing else.",
        root(HONEST, install=[at(EVERY), choose]),
    )
    yield refuses(
        "is-dependency-fails",
        "T5.6.3-1",
        "It does not hold for a component.",
        root(HONEST, install=[at(1), PROCESS, at(0), IS_DEPENDENCY, *write(NEW)]),
        ReportReason.CONDITION_FAILED,
    )
