"""What trust domains add to the manifest: the map of dependencies, members, procedures, limits, examples."""

from collections.abc import Iterator
from typing import Any

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    Case,
    Component,
    Device,
    accepted,
    rejected,
    update,
    write,
)
from conformance.casebook.trees import (
    INTEGRITY,
    KEY,
    LIBRARY,
    MATCH,
    PROCESS,
    RESOLVE,
    ROOT,
    Signed,
    device,
    installed,
    library,
    root,
    sealed,
)
from conformance.forge import (
    at,
    check,
    digest_of_wrapped,
    envelope,
    manifest,
    override,
    sequence,
)
from conformance.forge_cbor import Item, Pairs
from spec.labels import Command, Envelope, Manifest, Parameter, ReportReason

TOPIC = "trust-domains"
_MALFORMED = ReportReason.CBOR_PARSE
_COMPONENT = ReportReason.COMPONENT_UNSUPPORTED
_HONEST = library()
_LINK = (b"link",)


def cases() -> Iterator[Case]:
    """Yield the cases of this topic that are about structure."""
    yield from _map()
    yield from _members()
    yield from _floors()
    yield from _limits()


def _map() -> Iterator[Case]:
    maps: dict[str, tuple[str, Item]] = {
        "dependencies-empty": ("A map of no dependencies.", {}),
        "dependencies-array": ("An array of indices.", [1]),
        "dependencies-negative": ("An index below zero.", {-1: {}}),
        "dependencies-text-index": ("An index that is a text.", {"1": {}}),
        "dependencies-unordered": ("Indices in descending order.", Pairs(((1, {}), (0, {})))),
        "dependencies-twice": ("One index twice.", Pairs(((1, {}), (1, {})))),
        "dependencies-past-the-end": ("An index past the components, and no prefix.", {1: {}, 2: {}}),
        "dependencies-gap": ("An index that leaves a gap.", {1: {}, 3: {1: [b"more"]}}),
        "dependencies-same-name": ("A virtual dependency with a component's name.", {2: {1: LIBRARY}}),
        "dependencies-prefix-text": ("A prefix that is a text.", {1: {1: "app"}}),
        "dependencies-prefix-texts": ("A prefix of texts.", {1: {1: ["app"]}}),
        "dependencies-metadata-nil": ("nil for metadata.", {1: None}),
    }
    for name, (summary, item) in maps.items():
        yield rejected(
            name, "T5.2.2-1", summary, root(_HONEST, dependencies=item), _MALFORMED, device=device()
        )
    yield rejected(
        "dependencies-metadata-unknown",
        "T5.1-7 U1-1",
        "Metadata that the processor does not understand.",
        root(_HONEST, dependencies={1: {2: 0}}),
        ReportReason.COMMAND_UNSUPPORTED,
        device=device(),
    )


def _members() -> Iterator[Case]:
    resolve, verify = sequence(RESOLVE), sequence([at(1), INTEGRITY])
    body: dict[str, Any] = {
        "dependency_resolution": digest_of_wrapped(resolve),
        "candidate_verification": digest_of_wrapped(verify),
    }
    both = {Envelope.DEPENDENCY_RESOLUTION: resolve, Envelope.CANDIDATE_VERIFICATION: verify}
    parts = {"device": device(), "after": installed(_HONEST)}
    yield accepted(
        "severable-dependency-resolution",
        "M8.4-2 T7-1",
        "Dependency-resolution and candidate-verification lie in the envelope.",
        root(_HONEST, **body, payloads={KEY: _HONEST.raw, **both}),
        **parts,
    )
    yield rejected(
        "severed-dependency-resolution",
        "T7-1",
        "It was cut off, and is needed.",
        root(_HONEST, **body),
        ReportReason.OPERATION_FAILED,
        device=device(),
    )
    yield rejected(
        "severable-candidate-verification-exchanged",
        "M8.4-2",
        "Another sequence stands in the envelope.",
        root(_HONEST, **body, payloads={KEY: _HONEST.raw, **both, Envelope.CANDIDATE_VERIFICATION: resolve}),
        ReportReason.UNAUTHORISED,
        device=device(),
    )
    yield accepted(
        "candidate-verification-before-install",
        "T7-1",
        "It runs behind payload-fetch and before install.",
        update(
            NEW,
            payload_fetch=write(NEW),
            candidate_verification=[check(Command.IMAGE_MATCH)],
            install=[override({Parameter.CONTENT: b"", Parameter.IMAGE_SIZE: len(NEW)})],
        ),
        after={MAIN: NEW},
    )
    yield rejected(
        "candidate-verification-fails",
        "T7-1",
        "What was fetched is not what is to be installed.",
        update(NEW, payload_fetch=write(b"wrong"), candidate_verification=[MATCH], install=write(NEW)),
        ReportReason.CONDITION_FAILED,
    )
    yield accepted(
        "uninstall-waits",
        "T6-1",
        "An update does not run the uninstall sequence.",
        update(NEW, install=write(NEW), uninstall=write(b"gone")),
        after={MAIN: NEW},
    )
    for name, summary, raw in (
        (
            "uninstall-severed",
            "A digest where the uninstall sequence belongs.",
            update(NEW, install=write(NEW), uninstall=digest_of_wrapped(resolve)),
        ),
        (
            "uninstall-in-envelope",
            "An uninstall sequence in the envelope.",
            root(_HONEST, payloads={KEY: _HONEST.raw, Manifest.UNINSTALL: resolve}),
        ),
    ):
        yield rejected(name, "T6-1", summary, raw, _MALFORMED, device=device())


def _floors() -> Iterator[Case]:
    def with_id(name: Item) -> bytes:
        extra = {Manifest.MANIFEST_COMPONENT_ID: name}
        return update(NEW, sequence_number=2, install=write(NEW), extra=extra)

    floors = Device(floors={ROOT: 3, (): 1})
    yield rejected(
        "manifest-component-id-floor",
        "T5.2.1-1 M8.4.2-1",
        "The number is below the floor of this root.",
        with_id(ROOT),
        ReportReason.UNAUTHORISED,
        device=floors,
    )
    yield accepted(
        "manifest-component-id-other-floor",
        "T5.2.1-1",
        "The floors of other roots do not count.",
        with_id([b"another"]),
        device=Device(floors={ROOT: 3, (): 3}),
        after={MAIN: NEW},
    )
    for name, value in (("text", "root"), ("nil", None), ("texts", ["root"])):
        yield rejected(
            f"manifest-component-id-{name}",
            "T5.2.1-1",
            "No component identifier.",
            with_id(value),
            _MALFORMED,
        )
    below = library(sequence_number=1, extra={Manifest.MANIFEST_COMPONENT_ID: LIBRARY})
    yield accepted(
        "manifest-component-id-of-dependency",
        "T5.2.1-1",
        "A dependency's own identifier counts for nothing: it is pinned by its digest.",
        root(below),
        device=device(floors={LIBRARY: 9, ROOT: 1}),
        after=installed(below),
    )


def _limits() -> Iterator[Case]:
    for depth in (4, 5):
        chain, parts = _chain(depth)
        make = accepted if depth == 4 else rejected  # noqa: PLR2004 - the limit that is tested
        more = {"after": {MAIN: NEW}} if make is accepted else {"reason": _COMPONENT}
        yield make(
            f"dependency-depth-{depth}",
            "T5.1-7",
            "Dependencies of dependencies; four levels are the limit.",
            chain,
            device=Device(components=parts),
            **more,
        )
    for count in (16, 17):
        raw, parts = _fan(count)
        make = accepted if count == 16 else rejected  # noqa: PLR2004 - the limit that is tested
        more = {"after": {MAIN: NEW}} if make is accepted else {"reason": _COMPONENT}
        yield make(
            f"dependencies-{count}",
            "T5.1-7",
            "Dependencies side by side; sixteen are the limit.",
            raw,
            device=Device(components=parts),
            **more,
        )


def _chain(depth: int) -> tuple[bytes, tuple[Component, ...]]:
    """Return a root over a chain of stored dependencies; the last one writes the component."""
    last: Signed = sealed(manifest(components=(MAIN,), install=write(NEW)))
    stored = []
    for level in range(depth, 0, -1):
        name = (b"link", bytes([level]))
        stored.append(Component(id=name, content=last.raw))
        resolve = [at(1), override(last.digest), INTEGRITY, PROCESS]
        body = manifest(
            components=(MAIN, name),
            dependencies={1: {}},
            dependency_resolution=resolve,
            install=[at(1), PROCESS],
        )
        last = sealed(body)
    return last.raw, (Component(), *stored)


def _fan(count: int) -> tuple[bytes, tuple[Component, ...]]:
    """Return a root over many stored dependencies; each writes the same component."""
    names = [(*_LINK, bytes([number])) for number in range(count)]
    children = [
        sealed(manifest(sequence_number=number, components=(MAIN,), install=write(NEW)))
        for number in range(count)
    ]
    resolve, install = [], []
    for number, child in enumerate(children, 1):
        resolve += [at(number), override(child.digest), INTEGRITY, PROCESS]
        install += [at(number), PROCESS]
    body = manifest(
        components=(MAIN, *names),
        dependencies={number: {} for number in range(1, count + 1)},
        dependency_resolution=resolve,
        install=install,
    )
    stored = [Component(id=name, content=child.raw) for name, child in zip(names, children, strict=True)]
    return envelope(body, signers=[AUTHOR]), (Component(), *stored)
