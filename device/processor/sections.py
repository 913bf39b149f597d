"""Top-level command sequences of a manifest by their label, and the procedures that are made of them."""

from operator import attrgetter
from typing import Final

from spec.labels import Manifest as Section
from suit.errors import AbortError
from suit.manifest import Manifest, Sequence, Severable

UPDATE: Final = (
    Section.DEPENDENCY_RESOLUTION,
    Section.PAYLOAD_FETCH,
    Section.CANDIDATE_VERIFICATION,
    Section.INSTALL,
    Section.VALIDATE,
)
"""Staging, installation (T7) and the final validation, in this order."""
VALIDATION: Final = (Section.VALIDATE,)
INVOCATION: Final = (Section.VALIDATE, Section.LOAD, Section.INVOKE)
REMOVAL: Final = (Section.UNINSTALL,)
_EVERY: Final = (Section.COMMON, *UPDATE, Section.LOAD, Section.INVOKE, Section.UNINSTALL)

_FIELDS: Final = {
    section: "shared_sequence" if section is Section.COMMON else section.name.lower() for section in _EVERY
}
_ALL: Final = attrgetter(*_FIELDS.values())  # in one call, as all are asked for with every manifest


def member(manifest: Manifest, section: Section) -> Sequence | Severable[Sequence] | None:
    """Return what the manifest has for a section, severed or not; None when it has nothing."""
    found: Sequence | Severable[Sequence] | None = getattr(manifest, _FIELDS[section])
    return found


def present(manifest: Manifest) -> list[tuple[Section, Sequence]]:
    """Return every section that is at hand: neither missing nor cut off."""
    sections = []
    for section, found in zip(_EVERY, _ALL(manifest), strict=True):
        if found is not None:
            sequence = found if type(found) is tuple else found.value
            if sequence is not None:
                sections.append((section, sequence))
    return sections


def procedure(manifest: Manifest, sections: tuple[Section, ...]) -> list[tuple[Section, Sequence]]:
    """Return the sections of a procedure that the manifest has, all of them at hand.

    Raises:
        AbortError: One was severed, and the envelope does not hold it.
    """
    found = []
    for section, sequence in zip(_EVERY, _ALL(manifest), strict=True):
        if sequence is not None and section in sections:
            at_hand = sequence if type(sequence) is tuple else needed(manifest, section)
            if at_hand is not None:
                found.append((section, at_hand))
    return found


def needed(manifest: Manifest, section: Section) -> Sequence | None:
    """Return a section that is about to run; one that was cut off is missed only now (M5.4).

    Raises:
        AbortError: It was severed, and the envelope does not hold it.
    """
    found = member(manifest, section)
    if not isinstance(found, Severable):
        return found
    if found.value is None:
        name = section.name.lower().replace("_", "-")
        raise AbortError(f"{name} was severed, and the envelope does not hold it")
    return found.value
