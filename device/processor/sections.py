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
EVERY: Final = (Section.COMMON, *UPDATE, Section.LOAD, Section.INVOKE, Section.UNINSTALL)

_FIELDS: Final = {
    section: "shared_sequence" if section is Section.COMMON else section.name.lower() for section in EVERY
}


def member(manifest: Manifest, section: Section) -> Sequence | Severable[Sequence] | None:
    """Return what the manifest has for a section, severed or not; None when it has nothing."""
    found: Sequence | Severable[Sequence] | None = getattr(manifest, _FIELDS[section])
    return found


def present(manifest: Manifest, section: Section) -> Sequence | None:
    """Return a section as far as it is at hand: None where there is none, or where it was cut off."""
    found = member(manifest, section)
    return found.value if isinstance(found, Severable) else found


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
