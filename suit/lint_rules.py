"""The rules of ``suit lint``: what an author should know before a recipient finds out."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from spec.labels import CoseAlgorithm


class Level(Enum):
    """How bad it is when a rule is broken."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its stable id.

    Attributes:
        id: Never given to another rule.
        level: How bad it is.
        title: The rule, as a sentence.
        why: What happens otherwise, and where the standard says so.
    """

    id: str
    level: Level
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is broken, and where: in the words of the description language."""

    rule: Rule
    where: str
    message: str

    @property
    def line(self) -> str:
        """The finding as people read it."""
        return f"{self.where}: {self.rule.level.value} {self.rule.id}: {self.message}"


UNMATCHED_WRITE: Final = Rule(
    "L001",
    Level.ERROR,
    "What a procedure writes, it matches afterwards.",
    "A component that fetch, copy, write or swap changed and no image-match (or check-content) confirms is "
    "installed unseen: payloads are outside the signature, the digest alone ties them to it (M4.2, M7.5).",
)
UNSET_PARAMETER: Final = Rule(
    "L002",
    Level.ERROR,
    "Every parameter that a command uses is set before it, for each selected component.",
    "A command whose parameter is not set fails on every device (M7, M8.4.9). Parameters are cleared when a "
    "procedure starts and kept from one of its sequences to the next.",
)
NO_COMPONENT_INDEX: Final = Rule(
    "L003",
    Level.ERROR,
    "With more than one component every sequence begins with set-component-index.",
    "Recipients refuse the manifest before anything runs (M6.2).",
)
INDEX_OUT_OF_RANGE: Final = Rule(
    "L004",
    Level.ERROR,
    "A component index names a component of the manifest.",
    "set-component-index and source-component count the components from 0 (M6.5).",
)
SOFT_FAILURE_OUTSIDE: Final = Rule(
    "L005",
    Level.ERROR,
    "soft-failure is set in try-each and run-sequence only.",
    "Set anywhere else it aborts the procedure (M8.4.8.15).",
)
DIGEST_NOT_OVERRIDDEN: Final = Rule(
    "L006",
    Level.ERROR,
    "A digest is set with override-parameters.",
    "With set-parameters a dependent manifest could put another digest in its place (M7).",
)
MISSING_PAYLOAD: Final = Rule(
    "L007",
    Level.ERROR,
    "A URI that is a fragment names an integrated payload of the envelope.",
    "It is never looked up anywhere else, so the fetch fails (M7.5).",
)
SOURCE_IS_TARGET: Final = Rule(
    "L008",
    Level.ERROR,
    "copy and swap take another component as their source.",
    "Copying a component onto itself destroys it on flash that is erased first (M8.4.10.5).",
)
RACE: Final = Rule(
    "L009",
    Level.ERROR,
    "While strict-order is false, no component is both written and read as a source.",
    "The order of the two is then undefined; recipients abort (M6.7).",
)
NO_IDENTITY_CHECK: Final = Rule(
    "L010",
    Level.WARNING,
    "The shared sequence checks vendor and class.",
    "Without it the update runs on devices that it was not made for; recipients may refuse it (M6.2).",
)
NO_VALIDATE: Final = Rule(
    "L011",
    Level.WARNING,
    "There is a validate sequence.",
    "Both procedures rely on it: it is what confirms an image before it is committed or booted (M8.4.6).",
)
ODD_IDENTIFIER: Final = Rule(
    "L012",
    Level.WARNING,
    "Identifiers are UUIDs of version 3, 4 or 5.",
    "Others may collide with those of another vendor (M8.4.8.2).",
)
NO_IMAGE_SIZE: Final = Rule(
    "L013",
    Level.WARNING,
    "An image's digest comes with its size.",
    "Without image-size a device cannot refuse a payload that is too large before it has fetched all of it.",
)
SMALL_SEVERABLE: Final = Rule(
    "L014",
    Level.WARNING,
    "A severable member is larger than its digest.",
    "Otherwise severing it saves nothing (M8.6).",
)
TEXT_NOT_SEVERABLE: Final = Rule(
    "L015",
    Level.WARNING,
    "Text is severable.",
    "Devices do not need it; severable, it can be cut off on the way without touching the signature (M8.4).",
)
MATCH_IN_SHARED: Final = Rule(
    "L016",
    Level.WARNING,
    "The shared sequence matches no image and no dependency.",
    "It runs before every sequence, also before the one that writes the image: the match fails there "
    "(M8.4.5).",
)
LARGE_SEQUENCE_NUMBER: Final = Rule(
    "L017",
    Level.WARNING,
    "The sequence number has at most 63 bits.",
    "TUF repositories and counters of security ICs do not take more; a number near the end leaves no room "
    "for the next release.",
)
DEAD_ALTERNATIVE: Final = Rule(
    "L018",
    Level.WARNING,
    "Every alternative of a try-each but the last has a condition.",
    "Only a failed condition leads on to the next alternative, a failed directive aborts (M6.4): those after "
    "an alternative without one are never tried (M8.4.10.2).",
)
UNMATCHED_INVOKE: Final = Rule(
    "L019",
    Level.WARNING,
    "What is invoked was matched before, in the same procedure.",
    "Otherwise the device starts whatever is in the component: the boot is not a trusted one (M4.2, M7).",
)
UNSIGNED: Final = Rule(
    "L020",
    Level.WARNING,
    "The envelope is signed.",
    "No device accepts it without an authentication block (M8.3): `hardsuit suit sign`.",
)
DEPRECATED_ALGORITHM: Final = Rule(
    "L021",
    Level.WARNING,
    "Signatures are made by algorithms that are not deprecated.",
    "ES256, ES384, ES512 and EdDSA leave the curve open; RFC 9864 replaces them by ESP256, ESP384, ESP512 "
    "and Ed25519.",
)
UNUSED_PAYLOAD: Final = Rule(
    "L022",
    Level.NOTE,
    "Every integrated payload is fetched.",
    "No URI of the manifest names it, so it only makes the envelope larger (M7.5).",
)
SEVERED: Final = Rule(
    "L023",
    Level.NOTE,
    "All sequences are there to be checked.",
    "A member was severed; lint the full envelope.",
)

UNUSED_PARAMETER: Final = Rule(
    "L024",
    Level.NOTE,
    "Every parameter that is set is used.",
    "No command of either procedure uses it for a component that it was set for: a command is missing, or "
    "the wrong component was selected.",
)
TWO_SIZES: Final = Rule(
    "L025",
    Level.WARNING,
    "One digest comes with one size.",
    "Two images with the same digest are the same image, so one of the sizes is wrong and fails on the "
    "device.",
)
UNRUN_CHECKS: Final = Rule(
    "L026",
    Level.ERROR,
    "There is a sequence for the shared sequence to run in front of.",
    "It runs before each other sequence and never alone (M8.4.5): without one nothing is checked, and every "
    "device accepts the manifest.",
)
LATE_METADATA: Final = Rule(
    "L030",
    Level.ERROR,
    "Component metadata is set before the component is written.",
    "It is applied by fetch, copy and write (U4.6): what is set later never is, and the file keeps the "
    "permissions that it got by default.",
)
NOT_WRITTEN: Final = Rule(
    "L031",
    Level.ERROR,
    "Directories and links are made by write.",
    "A directory is a write of no content, a link a write of its target (U4.6.5); devices refuse other ways.",
)
LINK_TARGET: Final = Rule(
    "L032",
    Level.WARNING,
    "A link leads to a component of the manifest.",
    "Devices refuse a link that leads elsewhere, unless their own policy names link and target (U8).",
)
COSWID_NOT_SEVERABLE: Final = Rule(
    "L033",
    Level.WARNING,
    "The CoSWID is severable.",
    "Devices do not need it to install; severable, it can be cut off on the way, which saves memory and "
    "keeps from onlookers which software a device runs (U3.2, U8).",
)
BAD_COSWID: Final = Rule(
    "L034",
    Level.WARNING,
    "The CoSWID says what RFC 9393 asks for.",
    "Devices carry any well-formed one; whoever is to know the software by it may take no other than one "
    "with tag-id, tag-version, software-name and an entity that is its tag-creator.",
)

UNCHECKED_DEPENDENCY: Final = Rule(
    "L040",
    Level.ERROR,
    "process-dependency comes after dependency-integrity.",
    "Devices run no dependency that they have not found intact in the same procedure, by the manifest that "
    "runs it; writing to its component takes the verdict back (T5.6.2, T5.6.4).",
)
NO_DEPENDENCY: Final = Rule(
    "L041",
    Level.ERROR,
    "dependency-integrity and process-dependency are for dependencies.",
    "A component that the map of dependencies does not name aborts (T5.6.2, T5.6.4). In a try-each, "
    "is-dependency tells them from others; process-dependency with the index true passes others over.",
)
UNPOPULATED: Final = Rule(
    "L042",
    Level.ERROR,
    "A dependent has every sequence that its dependencies have.",
    "Otherwise theirs never runs: devices abort as soon as they see it (T5.1).",
)
UNPROCESSED: Final = Rule(
    "L043",
    Level.ERROR,
    "Every sequence processes all dependencies that have it too.",
    "A dependent may not go on while a dependency is behind: devices abort at the end of the sequence "
    "(T5.1, T5.3).",
)
UNRESOLVED: Final = Rule(
    "L044",
    Level.ERROR,
    "Every procedure finds all dependencies intact, in its first sequence.",
    "Verdicts end with the procedure: update, invocation and uninstallation each check anew (T5.6.4).",
)
EARLY_PAYLOAD: Final = Rule(
    "L045",
    Level.ERROR,
    "Dependencies are found intact before a payload is touched.",
    "Devices fetch, load and invoke nothing while a dependency may be another one (T3).",
)
OTHER_DEPENDENCY: Final = Rule(
    "L046",
    Level.ERROR,
    "An integrated dependency is the envelope that the digest says.",
    "The image-digest of a dependency is that of its manifest, not of its envelope (T5.2.2); devices abort "
    "when it is another. In a description `image: {dependency: NAME}` takes it from the file.",
)
UNSIGNED_DEPENDENCY: Final = Rule(
    "L047",
    Level.WARNING,
    "Integrated dependencies are signed.",
    "A digest from a dependent says which manifest is meant, not that it may do anything: devices verify the "
    "signature of every dependency (T5.1, T5.6.4).",
)
LOOP: Final = Rule(
    "L048",
    Level.ERROR,
    "No manifest depends on itself.",
    "A dependency that names the component it lies in, or that a manifest above it lies in, goes round in "
    "circles; devices abort.",
)
LARGE_TREE: Final = Rule(
    "L049",
    Level.ERROR,
    "A tree of manifests has four levels below the root, and sixteen dependencies.",
    "The drafts give no numbers; these are the limits of hardsuit's devices (ADR 0007).",
)
UNLINKED_TWICE: Final = Rule(
    "L050",
    Level.ERROR,
    "A component is unlinked once.",
    "One manifest lowers a reference count once; the second time aborts (T5.6.5).",
)
NAMELESS_ROOT: Final = Rule(
    "L051",
    Level.WARNING,
    "A root that unlinks has a manifest-component-id.",
    "References are held in its name. Roots without one share the empty name, so one gives up what another "
    "needs (T5.2.1, T5.6.5).",
)
VIRTUAL_DEPENDENCY: Final = Rule(
    "L052",
    Level.WARNING,
    "Dependencies are listed among the components.",
    "The text calls a dependency index one into the components (T5.2.2). Only the published examples put it "
    "past their end, where not every processor looks.",
)
TOO_LONG: Final = Rule(
    "L053",
    Level.ERROR,
    "A procedure executes fewer than a hundred thousand commands.",
    "Dependencies that are processed again and again, level by level, multiply. Devices abort at some number "
    "(hardsuit's after 100000 for each component of the root), and lint looks no further.",
)

LOCAL_TIME: Final = Rule(
    "L027",
    Level.WARNING,
    "wait names times of day and days of the week in UTC.",
    "Devices without a configured time zone refuse a manifest that waits for local time; the events that end "
    "in -utc mean the same everywhere (U4.5).",
)
WAIT_AT_BOOT: Final = Rule(
    "L028",
    Level.ERROR,
    "No sequence that runs at boot waits.",
    "A device that hangs in its boot stage serves nobody: hardsuit's refuses a manifest with wait in "
    "validate, load or invoke (ADR 0010).",
)

DECRYPTED_TWICE: Final = Rule(
    "L060",
    Level.WARNING,
    "Encryption info serves one command.",
    "It stays set like every parameter, so a later copy, write or fetch to it decrypts again (E4).",
)
UNBOUND_CIPHER: Final = Rule(
    "L061",
    Level.ERROR,
    "A digest binds what AES-CTR and AES-CBC decrypt.",
    "Anybody can change such a ciphertext; devices refuse it without a digest of plaintext or source (E8).",
)
UNBOUND_PAYLOAD: Final = Rule(
    "L062",
    Level.WARNING,
    "A digest binds every encrypted payload that comes from elsewhere.",
    "Whoever else has the content key could have made it: a tag says nothing of the author (E4.3).",
)
NOTHING_DECRYPTED: Final = Rule(
    "L063",
    Level.ERROR,
    "Encryption info is not set for swap, nor for a copy of a component onto itself.",
    "Neither decrypts, so devices abort (ADR 0018).",
)

LOCKSTEP: Final = (UNCHECKED_DEPENDENCY, UNPOPULATED, UNPROCESSED, UNRESOLVED, EARLY_PAYLOAD)
"""What devices of profile strict refuse and those of profile compat let pass (ADR 0007)."""

DEPRECATED: Final = {
    CoseAlgorithm.ES256: CoseAlgorithm.ESP256,
    CoseAlgorithm.ES384: CoseAlgorithm.ESP384,
    CoseAlgorithm.ES512: CoseAlgorithm.ESP512,
    CoseAlgorithm.EDDSA: CoseAlgorithm.ED25519,
}
RULES: Final[tuple[Rule, ...]] = tuple(value for value in globals().values() if isinstance(value, Rule))
