"""Top-level command sequences of a manifest by their label, and the procedures that are made of them."""

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
# A look-up by enum member costs more than looking at the section: these are walked for every manifest.
_PAIRS: Final = tuple(_FIELDS.items())


def member(manifest: Manifest, section: Section) -> Sequence | Severable[Sequence] | None:
    """Return what the manifest has for a section, severed or not; None when it has nothing."""
    found: Sequence | Severable[Sequence] | None = getattr(manifest, _FIELDS[section])
    return found


def present(manifest: Manifest) -> list[tuple[Section, Sequence]]:
    """Return every section that is at hand: neither missing nor cut off."""
    sections = []
    for section, name in _PAIRS:
        found = getattr(manifest, name)
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
    for section, name in _PAIRS:
        if getattr(manifest, name) is not None and section in sections:
            sequence = needed(manifest, section)
            if sequence is not None:
                found.append((section, sequence))
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
