"""Dependencies in the dry run of ``suit lint``: each one that the envelope holds runs with its dependent.

What a device would do with them is in :mod:`device.processor.dependencies`; ADR 0014 says how far lint goes.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from spec.labels import Command as Label
from spec.labels import Manifest as Member
from spec.labels import Parameter
from suit import lint_rules as rules
from suit.decode import attach_severed, decode_manifest
from suit.dependencies import MAX_DEPENDENCIES, MAX_DEPTH
from suit.envelope import open_envelope
from suit.errors import HardsuitError
from suit.lint_rules import Rule
from suit.lint_state import UNSET, Verdict
from suit.manifest import ComponentId, Digest, Envelope, Manifest, Sequence, Severable
from suit.narrow import draft_name

if TYPE_CHECKING:
    from suit.lint_run import DryRun

FAMILY: Final = frozenset({Label.DEPENDENCY_INTEGRITY, Label.PROCESS_DEPENDENCY, Label.UNLINK})


def section_of(manifest: Manifest, section: Member) -> Sequence | Severable[Sequence] | None:
    """Return what a manifest has for a section, severed or not."""
    found: Sequence | Severable[Sequence] | None = getattr(manifest, section.name.lower())
    return found


@dataclass(slots=True)
class Family:
    """The place of a manifest in its tree.

    Attributes:
        path: The dependency indices that lead to it; empty for the root.
        name: The same for people, to put in front of a place.
        prefix: What is put before its component identifiers.
        lineage: The digests of this manifest and of all above it.
        processed: The dependencies that ran in the present section.
    """

    path: tuple[int, ...] = ()
    name: str = ""
    prefix: ComponentId = ()
    lineage: tuple[bytes, ...] = ()
    processed: set[int] = field(default_factory=set)

    def do(self, run: "DryRun", label: Label, index: int, where: str) -> None:
        """Carry out one of the commands of trust domains."""
        if label is Label.UNLINK:
            self._unlink(run, index, where)
        elif index in run.manifest.dependencies:
            (self._verify if label is Label.DEPENDENCY_INTEGRITY else self._process)(run, index, where)
        elif label is Label.DEPENDENCY_INTEGRITY or not run.every:
            run.report(rules.NO_DEPENDENCY, where, f"component {index} is not among the dependencies")

    def require_resolved(self, run: "DryRun", index: int, where: str) -> None:
        """Say that a payload is touched too early."""
        if index in run.manifest.dependencies:
            return
        for each in run.manifest.dependencies:
            if self._verdict(run, each) is None:
                message = f"component {index} is touched before dependency {each} is found intact"
                run.report(rules.EARLY_PAYLOAD, where, message)

    def end_section(self, run: "DryRun", section: Member) -> None:
        """Say what a section has left undone for dependencies."""
        if section is Member.UNINSTALL:
            return
        where = draft_name(section)
        for index in run.manifest.dependencies:
            verdict = self._verdict(run, index)
            if verdict is None:
                message = f"dependency {index} is not found intact by its end"
                run.report(rules.UNRESOLVED, where, message)
            elif index not in self.processed and verdict.run and section_of(verdict.run.manifest, section):
                run.report(rules.UNPROCESSED, where, f"dependency {index} has {where}, and it is not run")

    def _verify(self, run: "DryRun", index: int, where: str) -> None:
        state, component = run.procedure.state, run.ids[index]
        content = state.holds.get(component)
        expected = state.known(component).get(Parameter.IMAGE_DIGEST, UNSET)[1]
        known = self._verdict(run, index)
        if content is None or not isinstance(expected, Digest):
            state.verdicts[self.path, component] = Verdict(None)
        elif known is None or known.run is None:
            state.verdicts[self.path, component] = Verdict(self._open(run, index, where, content, expected))

    def _open(
        self, run: "DryRun", index: int, where: str, content: bytes, expected: Digest
    ) -> "DryRun | None":
        try:
            envelope = open_envelope(content, embedded=True)
            manifest = attach_severed(decode_manifest(envelope.manifest), envelope)
        except HardsuitError as error:
            self._report_once(run, rules.OTHER_DEPENDENCY, where, f"dependency {index}: {error}")
            return None
        if envelope.digest != expected:
            message = f"dependency {index} has the manifest digest {envelope.digest.value.hex()}"
            self._report_once(run, rules.OTHER_DEPENDENCY, where, message)
            return None
        if not envelope.blocks:
            message = f"dependency {index} has no authentication block"
            self._report_once(run, rules.UNSIGNED_DEPENDENCY, where, message)
        if not self._has_place(run, index, where, envelope):
            return None
        run.procedure.digests.add(envelope.digest.value)
        child = run.child(manifest, envelope, self._below(run, index, envelope))
        for section in run.procedure.sections:
            if section_of(manifest, section) and not section_of(run.manifest, section):
                message = f"dependency {index} has {draft_name(section)}, this manifest not"
                run.report(rules.UNPOPULATED, where, message)
        return child

    def _report_once(self, run: "DryRun", rule: Rule, where: str, message: str) -> None:
        """Take down what each procedure would find again."""
        told = (rule, self.path, message)
        if told not in run.procedure.usage.told:
            run.procedure.usage.told.add(told)
            run.report(rule, where, message)

    def _below(self, run: "DryRun", index: int, envelope: Envelope) -> "Family":
        own = run.manifest.dependencies[index].prefix
        virtual = index >= len(run.manifest.components)
        prefix = self.prefix if own is None or virtual else (*self.prefix, *own)
        path = (*self.path, index)
        name = f"dependency {'.'.join(map(str, path))}: "
        return Family(path, name, prefix, (*self.lineage, envelope.digest.value))

    def _has_place(self, run: "DryRun", index: int, where: str, envelope: Envelope) -> bool:
        digest, known = envelope.digest.value, run.procedure.digests
        if digest in self.lineage:
            run.report(rules.LOOP, where, f"dependency {index} is this manifest, or one above it")
            return False
        if len(self.path) >= MAX_DEPTH or (digest not in known and len(known) >= MAX_DEPENDENCIES):
            message = f"dependency {index} is one more than {MAX_DEPTH} levels of {MAX_DEPENDENCIES} in all"
            run.report(rules.LARGE_TREE, where, message)
            return False
        return True

    def _process(self, run: "DryRun", index: int, where: str) -> None:
        self.processed.add(index)
        verdict = self._verdict(run, index)
        if verdict is None:
            message = f"dependency {index} was not found intact since it was written"
            run.report(rules.UNCHECKED_DEPENDENCY, where, message)
        if verdict is None or verdict.run is None:
            run.procedure.usage.blind = True
            return
        found = section_of(verdict.run.manifest, run.section)
        sequence = found.value if isinstance(found, Severable) else found
        if sequence is None:
            return
        strict = run.procedure.state.strict
        verdict.run.run(run.section, sequence)
        run.procedure.state.strict = strict

    def _unlink(self, run: "DryRun", index: int, where: str) -> None:
        state, component = run.procedure.state, run.ids[index]
        if component in state.unlinked:
            run.report(rules.UNLINKED_TWICE, where, f"component {index} was unlinked before")
        state.unlinked.add(component)
        if not self.path and run.manifest.component_id is None:
            run.report(rules.NAMELESS_ROOT, where, "the manifest has no manifest-component-id")

    def _verdict(self, run: "DryRun", index: int) -> Verdict | None:
        return run.procedure.state.verdicts.get((self.path, run.ids[index]))
