"""Severable members: in the manifest, in the envelope, cut off, and wrongly so (M5.4, 8.4.12, 8.6)."""

from collections.abc import Iterator

from conformance.casebook.case import (
    AUTHOR,
    MAIN,
    NEW,
    OLD,
    URI,
    URI_2,
    Case,
    Component,
    Device,
    accepted,
    fetch_from,
    parts_of,
    rejected,
    write,
)
from conformance.forge import check, digest_of, digest_of_wrapped, envelope, sequence
from conformance.forge_cbor import Item, encode
from spec.labels import Command, CoseAlgorithm, Envelope, Manifest, ReportReason, TextComponent, TextManifest

TOPIC = "severable"
INSTALL = sequence(fetch_from(URI))
TEXT = encode(
    {
        "en-US": {
            TextManifest.MANIFEST_DESCRIPTION: "A release",
            MAIN: {TextComponent.VENDOR_NAME: "Example", TextComponent.COMPONENT_VERSION: "2.0"},
        }
    }
)
_RESOURCES = {URI: NEW}


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _install()
    yield from _text()
    yield from _wrongly_severed()
    yield from _not_severable()


def _sealed(members: dict[Item, Item] | None = None, **manifest: Item) -> bytes:
    return envelope(parts_of(NEW, **manifest), signers=[AUTHOR], members=members)


def _install() -> Iterator[Case]:
    yield accepted(
        "severable-install-in-envelope",
        "M8.4-1 M8.4.12-1",
        "The install sequence stands in the envelope, its digest in the manifest.",
        _sealed({Envelope.INSTALL: INSTALL}, install=digest_of_wrapped(INSTALL)),
        resources=_RESOURCES,
        after={MAIN: NEW},
        fetched=[URI],
    )
    yield accepted(
        "severable-payload-fetch-in-envelope",
        "M8.4-1",
        "So may payload-fetch.",
        _sealed({Envelope.PAYLOAD_FETCH: INSTALL}, payload_fetch=digest_of_wrapped(INSTALL)),
        resources=_RESOURCES,
        after={MAIN: NEW},
        fetched=[URI],
    )
    yield accepted(
        "severable-install-sha-512",
        "M8.4.12-1",
        "The digest of a severable member may be by another algorithm than the manifest's.",
        _sealed(
            {Envelope.INSTALL: INSTALL},
            install=digest_of_wrapped(INSTALL, CoseAlgorithm.SHA_512),
        ),
        resources=_RESOURCES,
        after={MAIN: NEW},
        fetched=[URI],
    )
    yield rejected(
        "severed-install-needed",
        "M8.6-2",
        "install was cut off, and the update needs it.",
        _sealed(install=digest_of_wrapped(INSTALL)),
        resources=_RESOURCES,
    )
    yield rejected(
        "severed-payload-fetch-needed",
        "M8.6-2",
        "payload-fetch was cut off, and the update needs it.",
        _sealed(payload_fetch=digest_of_wrapped(INSTALL), install=write(NEW)),
        resources=_RESOURCES,
    )
    yield accepted(
        "severed-install-not-needed",
        "M8.6-2 M8.6-3",
        "install was cut off after the update; invoking does not need it.",
        _sealed(install=digest_of_wrapped(INSTALL), invoke=[check(Command.INVOKE)]),
        procedure="invoke",
        device=Device(components=(Component(content=NEW),)),
        invoked=[(MAIN, None)],
    )


def _text() -> Iterator[Case]:
    stray = encode({"en": {(b"\x09",): {TextComponent.VENDOR_NAME: "?"}}})
    yield accepted(
        "text-inline",
        "M8.4.4-2 M8.4.4-3",
        "Text for people inside the manifest.",
        _sealed(install=write(NEW), text=TEXT),
        after={MAIN: NEW},
    )
    yield accepted(
        "severable-text-in-envelope",
        "M8.4-1 M8.4.4-3",
        "Text for people in the envelope.",
        _sealed({Envelope.TEXT: TEXT}, install=write(NEW), text=digest_of_wrapped(TEXT)),
        after={MAIN: NEW},
    )
    yield accepted(
        "severed-text",
        "M8.6-2 M8.6-3",
        "The text was cut off: no device needs it.",
        _sealed(install=write(NEW), text=digest_of_wrapped(TEXT)),
        after={MAIN: NEW},
    )
    yield rejected(
        "text-of-undeclared-component",
        "M8.4.4-1",
        "The text describes a component that the manifest does not declare.",
        _sealed(install=write(NEW), text=stray),
        ReportReason.CBOR_PARSE,
    )
    yield rejected(
        "severable-text-of-undeclared-component",
        "M8.4.4-1",
        "The same in the envelope, where the digest of the manifest vouches for it.",
        _sealed({Envelope.TEXT: stray}, install=write(NEW), text=digest_of_wrapped(stray)),
        ReportReason.CBOR_PARSE,
    )


def _wrongly_severed() -> Iterator[Case]:
    other = sequence(write(OLD + OLD))
    yield rejected(
        "severable-install-exchanged",
        "M8.4.12-1",
        "The envelope holds another install sequence than the signed digest names.",
        _sealed({Envelope.INSTALL: other}, install=digest_of_wrapped(INSTALL)),
        ReportReason.UNAUTHORISED,
        resources=_RESOURCES,
    )
    yield rejected(
        "severable-install-digest-without-head",
        "M8.4.12-1",
        "The digest covers the byte string with its head.",
        _sealed({Envelope.INSTALL: INSTALL}, install=digest_of(INSTALL)),
        ReportReason.UNAUTHORISED,
        resources=_RESOURCES,
    )
    yield rejected(
        "severable-install-malformed-and-exchanged",
        "M8.4.12-2",
        "The digest is checked before the member is parsed.",
        _sealed({Envelope.INSTALL: b"\xff"}, install=digest_of_wrapped(INSTALL)),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "severable-install-malformed",
        "M8.4.6-1",
        "A member that its digest vouches for still has to be a sequence.",
        _sealed({Envelope.INSTALL: b"\x81\x0e"}, install=digest_of_wrapped(b"\x81\x0e")),
        ReportReason.CBOR_PARSE,
    )
    yield rejected(
        "severable-install-without-digest",
        "M8.4.12-3",
        "Somebody has added an install sequence that the manifest does not know.",
        _sealed({Envelope.INSTALL: other}),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "severable-install-twice",
        "M8.4.12-3",
        "An install sequence in the envelope beside the one in the manifest.",
        _sealed({Envelope.INSTALL: INSTALL}, install=INSTALL),
        ReportReason.UNAUTHORISED,
        resources=_RESOURCES,
    )
    yield rejected(
        "severable-payload-fetch-exchanged",
        "M8.4.12-1 I4.3.7",
        "The envelope holds another payload-fetch sequence, which would fetch from elsewhere.",
        _sealed(
            {Envelope.PAYLOAD_FETCH: sequence(fetch_from(URI_2))}, payload_fetch=digest_of_wrapped(INSTALL)
        ),
        ReportReason.UNAUTHORISED,
        resources={URI: NEW, URI_2: NEW},
    )
    yield rejected(
        "severable-text-exchanged",
        "M8.4.12-1",
        "Another text than the author's.",
        _sealed({Envelope.TEXT: TEXT + b"\x00"}, install=write(NEW), text=digest_of_wrapped(TEXT)),
        ReportReason.UNAUTHORISED,
    )
    yield rejected(
        "severable-member-not-bytes",
        "M8.2-1",
        "The envelope's member is a bare array instead of a byte string.",
        _sealed({Envelope.INSTALL: [Command.ABORT, 15]}, install=digest_of_wrapped(INSTALL)),
        ReportReason.CBOR_PARSE,
    )


def _not_severable() -> Iterator[Case]:
    match = sequence([check(Command.IMAGE_MATCH)])
    for member in (Manifest.VALIDATE, Manifest.LOAD, Manifest.INVOKE):
        name = member.name.lower()
        yield rejected(
            f"severable-{name}",
            "M8.6-1",
            f"{name} is never severable: a digest cannot stand in its place.",
            _sealed(install=write(NEW), extra={member: digest_of_wrapped(match)}),
            ReportReason.CBOR_PARSE,
        )
    yield rejected(
        "severable-validate-in-envelope",
        "M8.6-1",
        "Nor can the envelope hold it.",
        _sealed({Manifest.VALIDATE: match}, install=write(NEW)),
    )
