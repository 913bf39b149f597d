"""What RFC 9124 asks of manifests (section 4.3, 4.5), where no command's own topic shows it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from conformance.casebook.case import (
    AUTHOR,
    CLASS,
    MAIN,
    NEW,
    NEW_2,
    NOW,
    OLD,
    OTHER,
    SECOND,
    STRANGER,
    URI,
    Case,
    Component,
    ComponentId,
    Device,
    accepted,
    fetch_from,
    parts_of,
    rejected,
    update,
    verify,
    write,
)
from conformance.casebook.trees import (
    FETCH,
    LIBRARIAN,
    LIBRARY,
    LIBRARY_IMAGE,
    MATCH,
    PROCESS,
    ROOT,
    installed,
    library,
    root,
)
from conformance.casebook.trees import device as tree_device
from conformance.forge import Step, at, check, digest_of_wrapped, envelope, image, override, try_each
from conformance.forge_cbor import Item, encode
from conformance.forge_cose import Key
from spec.labels import Command, Parameter, ReportReason, TextComponent, VersionComparison

TOPIC = "information-model"
_FAILED = ReportReason.CONDITION_FAILED
_NOBODY = ReportReason.UNAUTHORISED
_RIGHT = ReportReason.COMPONENT_UNAUTHORISED
_TWO: Final = Device(components=(Component(content=OLD), Component(id=SECOND)))


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _identity_is_no_authority()
    yield from _changed_on_the_way()
    yield from _precursor()
    yield from _decided_before_any_fetch()
    yield from _versions()
    yield from _several_authorities()
    yield from _executed()


def _keys(rights: Mapping[Key, Sequence[ComponentId]]) -> list[dict[str, Any]]:
    return [
        {**row, "rights": [[part.hex() for part in prefix] for prefix in prefixes]}
        for key, prefixes in rights.items()
        for row in verify(key)
    ]


def _identity_is_no_authority() -> Iterator[Case]:
    body = parts_of(NEW, install=write(NEW))
    yield rejected(
        "identifiers-are-no-signature",
        "M8.4.8.2-2 I4.3.4",
        "Vendor and class are those of the device; that proves nothing of who wrote the manifest.",
        envelope(body),
        _NOBODY,
    )
    yield rejected(
        "identifiers-are-no-right",
        "M8.4.8.2-2 I4.3.11",
        "Who names the right vendor and class has no more rights than its key.",
        envelope(body, signers=[AUTHOR]),
        _RIGHT,
        keys=_keys({AUTHOR: [SECOND]}),
        device=_TWO,
    )
    yield rejected(
        "right-claimed-by-kid",
        "I4.3.11",
        "A stranger names the key of somebody who has the right, and cannot sign with it.",
        envelope(body, signers=[Key("thief", AUTHOR.algorithm, AUTHOR.kid)]),
        _NOBODY,
        keys=_keys({AUTHOR: [MAIN]}),
    )
    yield rejected(
        "right-of-another-signer",
        "I4.3.11",
        "The one with the right has not signed; the one who has signed has no right.",
        envelope(body, signers=[STRANGER]),
        _RIGHT,
        keys=_keys({AUTHOR: [MAIN], STRANGER: []}),
    )
    yield accepted(
        "right-proved",
        "I4.3.11",
        "The one with the right has signed beside the one without.",
        envelope(body, signers=[STRANGER, AUTHOR]),
        keys=_keys({AUTHOR: [MAIN], STRANGER: []}),
        after={MAIN: NEW},
    )


def _changed_on_the_way() -> Iterator[Case]:
    honest = encode(parts_of(NEW, components=[SECOND], install=fetch_from(URI)))
    digest = digest_of_wrapped(honest)
    for name, requirement, old, new, summary in (
        ("place", "I4.3.6", encode([SECOND]), encode([MAIN]), "The component that the image is for"),
        ("class", "I4.3.10", CLASS, OTHER, "The class that the image is for"),
        ("uri", "I4.3.7", URI.encode(), URI.upper().encode(), "The server that the image comes from"),
    ):
        assert honest.count(old) == 1  # noqa: S101 - the case would say nothing
        for kind, claimed in (("", None), ("-under-its-digest", digest)):
            forged = honest.replace(old, new)
            raw = envelope(honest, signers=[AUTHOR]).replace(honest, forged)
            yield rejected(
                f"changed-{name}{kind}",
                requirement,
                f"{summary} was changed after the signature"
                + (", and the digest with it." if claimed is None else "."),
                raw if claimed else raw.replace(encode(digest), encode(digest_of_wrapped(forged))),
                _NOBODY,
                device=Device(components=_TWO.components, class_ids=(CLASS, OTHER)),
                resources={URI: NEW, URI.upper(): NEW},
            )


def _precursor() -> Iterator[Case]:
    """The base of a delta is matched in place, then the component changes."""
    steps: list[Step] = [override(image(OLD)), MATCH, override(image(NEW)), *write(NEW), MATCH]
    raw = update(NEW, install=steps)
    yield accepted(
        "precursor-is-there",
        "I4.3.9",
        "The image that the change starts from is the one that it was made for.",
        raw,
        after={MAIN: NEW},
    )
    for name, content in (("other", NEW_2), ("one-byte-off", OLD[:-1] + b"?"), ("missing", None)):
        yield rejected(
            f"precursor-{name}",
            "I4.3.9",
            "The change was made for another image than the one that is there.",
            raw,
            _FAILED,
            device=Device(components=(Component(content=content),)),
        )


def _version(comparison: VersionComparison, *version: int) -> dict[Item, Item]:
    return {Parameter.VERSION: encode([comparison, list(version)])}


def _decided_before_any_fetch() -> Iterator[Case]:
    asked = {
        Parameter.USE_BEFORE: NOW + 10,
        Parameter.MINIMUM_BATTERY: 500,
        Parameter.UPDATE_PRIORITY: 0,
        **_version(VersionComparison.GREATER_EQUAL, 2),
    }
    conditions = (
        Command.USE_BEFORE,
        Command.MINIMUM_BATTERY,
        Command.UPDATE_AUTHORIZED,
        Command.VERSION,
    )
    more = [override(asked), *[check(condition) for condition in conditions]]
    raw = update(NEW, more=more, payload_fetch=fetch_from(URI))

    def able(**other: Any) -> Device:  # noqa: ANN401 - fields of Device
        held = Component(content=OLD, version=other.pop("version", (2, 1)))
        return Device(components=(held,), **{"battery_mwh": 900} | other)

    yield accepted(
        "pre-check-passed",
        "I4.5.1 I4.3.3",
        "Time, battery, application and version allow it: only then is anything fetched.",
        raw,
        device=able(),
        resources={URI: NEW},
        fetched=[URI],
        after={MAIN: NEW},
    )
    for name, requirement, lacking in (
        ("expired", "I4.5.1 I4.3.3", able(clock=NOW + 10)),
        ("battery", "I4.5.1", able(battery_mwh=499)),
        ("application", "I4.5.1", able(authorize=False)),
        ("version", "I4.5.1 I4.5.8", able(version=(1, 9))),
    ):
        yield rejected(
            f"pre-check-{name}",
            requirement,
            "The manifest says enough to say no before a byte is fetched.",
            raw,
            _FAILED,
            device=lacking,
            resources={URI: NEW},
        )


def _versions() -> Iterator[Case]:
    one = [override(_version(VersionComparison.EQUAL, 1)), check(Command.VERSION), *write(NEW)]
    two = [override(_version(VersionComparison.EQUAL, 2)), check(Command.VERSION), *write(NEW_2)]
    either = [override(image(NEW)), MATCH], [override(image(NEW_2)), MATCH]
    choice = update(None, install=[try_each(one, two)], validate=[try_each(*either)])
    for version, content in (((1, 5), NEW), ((2, 0, 1), NEW_2)):
        yield accepted(
            f"versions-{version[0]}",
            "I4.5.8",
            "The update for a component depends on the version that is there.",
            choice,
            device=Device(components=(Component(content=OLD, version=version),)),
            after={MAIN: content},
        )
    yield rejected(
        "versions-none-fits",
        "I4.5.8",
        "There is no update for this version.",
        choice,
        device=Device(components=(Component(content=OLD, version=(3,)),)),
    )
    for name, says, has, fine in (("older", "1.0.0", (2,), True), ("newer", "2.0.0", (1,), False)):
        text = encode({"en": {MAIN: {TextComponent.COMPONENT_VERSION: says}}})
        told: dict[str, Any] = {
            "raw": update(NEW, more=two[:2], install=write(NEW), text=text),
            "device": Device(components=(Component(content=OLD, version=has),)),
        }
        summary = f"The text speaks of version {says}; it is for people, the device has {has[0]}."
        if fine:
            yield accepted(f"version-in-text-{name}", "U3.3-1 M8.4.4-2", summary, after={MAIN: NEW}, **told)
        else:
            yield rejected(f"version-in-text-{name}", "U3.3-1 M8.4.4-2", summary, reason=_FAILED, **told)


def _several_authorities() -> Iterator[Case]:
    child = library(signers=(LIBRARIAN,))
    apart = {AUTHOR: [MAIN, LIBRARY, ROOT], LIBRARIAN: [SECOND]}
    yield accepted(
        "authorities-two",
        "I4.5.4",
        "Two payloads by two authorities make one update.",
        root(child),
        keys=_keys(apart),
        device=tree_device(),
        after=installed(child),
    )
    yield rejected(
        "authorities-one-unknown",
        "I4.5.4",
        "One of the two authorities is none of the device's: nothing of the update is installed.",
        root(child),
        _NOBODY,
        keys=_keys({AUTHOR: apart[AUTHOR]}),
        device=tree_device(),
    )
    far = "http://example.com/far"
    fetching = library(
        signers=(LIBRARIAN,), install=[(Command.SET_PARAMETERS, {Parameter.URI: far}), FETCH, MATCH]
    )
    three: dict[str, Any] = {"components": (MAIN, LIBRARY, SECOND)}
    near: list[Step] = [
        at(2), (Command.SET_PARAMETERS, {Parameter.URI: URI}), at(1), PROCESS, at(0), *write(NEW),
    ]  # fmt: skip
    for name, steps, uri in (("followed", near, URI), ("absent", [at(1), PROCESS, at(0), *write(NEW)], far)):
        yield accepted(
            f"redirection-{name}",
            "I4.5.3",
            f"The payload of the dependency comes from {uri}.",
            root(fetching, **three, install=steps),
            keys=_keys(apart),
            device=tree_device(),
            resources={URI: LIBRARY_IMAGE, far: LIBRARY_IMAGE},
            fetched=[uri],
            after=installed(fetching),
        )
    yield rejected(
        "redirection-to-another-image",
        "I4.5.3 I4.3.4",
        "Whoever redirects cannot change what the dependency's author pinned.",
        root(fetching, **three, install=near),
        _FAILED,
        keys=_keys(apart),
        device=tree_device(),
        resources={URI: LIBRARY_IMAGE[::-1], far: LIBRARY_IMAGE},
        fetched=[URI],
    )


def _executed() -> Iterator[Case]:
    start: list[Step] = [
        at(1), override({Parameter.INVOKE_ARGS: b"--serve"}), check(Command.INVOKE),
        at(0), override({Parameter.INVOKE_ARGS: b"quiet"}), check(Command.INVOKE),
    ]  # fmt: skip
    raw = update(NEW, NEW_2, invoke=start)
    yield accepted(
        "executed-in-order",
        "I4.5.10",
        "The manifest says what is started, in which order, and with which arguments.",
        raw,
        procedure="invoke",
        device=Device(components=(Component(content=NEW), Component(id=SECOND, content=NEW_2))),
        invoked=[(SECOND, b"--serve"), (MAIN, b"quiet")],
    )
    yield rejected(
        "executed-only-when-whole",
        "I4.5.10 I4.3.8",
        "One of the two is not the image that the manifest describes: neither is started.",
        raw,
        _FAILED,
        procedure="invoke",
        device=Device(components=(Component(content=OLD), Component(id=SECOND, content=NEW_2))),
    )
