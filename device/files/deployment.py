"""From what is installed to files: the tree that a system has when it starts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from device.components import Components
from device.files.posix import PLAIN, attributes
from device.files.rules import FileRules
from device.files.tree import Entry, FileTree
from spec.labels import FileType
from suit.manifest import ComponentId, ComponentMetadata
from suit.metadata import MAX_LINK_TARGET


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a device.

    Attributes:
        rules: What manifests may ask for.
        tree: Where they appear.
    """

    rules: FileRules
    tree: FileTree

    def deploy(
        self,
        components: Components,
        digests: Mapping[ComponentId, bytes],
        metadata: Mapping[ComponentId, ComponentMetadata],
    ) -> None:
        """Let the files of a system appear, and those of any other disappear.

        Args:
            components: Where their contents are.
            digests: The SHA-256 that was measured of each component with content.
            metadata: What is known of them as files.

        Raises:
            UnsupportedParameterError, AbortError, ComponentUnauthorisedError: The device's rules do not let
                such a file be, any more.
            StorageError: See :meth:`FileTree.deploy`.
        """
        self.tree.deploy(list(self._entries(components, digests, metadata)))

    def _entries(
        self,
        components: Components,
        digests: Mapping[ComponentId, bytes],
        metadata: Mapping[ComponentId, ComponentMetadata],
    ) -> Iterator[Entry]:
        for component in sorted(self.rules.files & digests.keys()):
            known = metadata.get(component, PLAIN)
            self.rules.require(component, known)
            outside = known.kind is FileType.SYMLINK and self._leads_out(components, component)
            yield Entry(
                component,
                attributes(known, self.rules),
                digests[component],
                lambda component=component: components.read(component),  # type: ignore[misc]
                outside,
            )

    def _leads_out(self, components: Components, link: ComponentId) -> bool:
        target = bytearray()
        for chunk in components.read(link):
            target += chunk
            if len(target) > MAX_LINK_TARGET:
                break
        return self.rules.destination(link, bytes(target)) is None
