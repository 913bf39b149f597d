"""Which version a component has, where the platform itself does not know: what its manifest says (U3.1).

Only suit-set-version says it. Texts name versions too, for people; nothing here reads a text (U3.3).
"""

from collections.abc import Callable, Collection
from functools import cached_property

from typing_extensions import override

from device.platform import Delegate, Platform
from suit.manifest import ComponentId, Manifest, Version


class Versioned(Delegate):
    """A platform that knows the versions of what an authentic manifest installed.

    Args:
        platform: What does everything else, and answers first.
        components: What that manifest installed.
        manifest: Gives the manifest when a version is asked for, and not before: it has to be verified.
    """

    def __init__(
        self, platform: Platform, components: Collection[ComponentId], manifest: Callable[[], Manifest]
    ) -> None:
        super().__init__(platform)
        self._components = components
        self._manifest = manifest

    @override
    def version(self, component: ComponentId) -> Version | None:
        told = super().version(component)
        if told is None and component in self._components:
            return self._installed
        return told

    @cached_property
    def _installed(self) -> Version | None:
        return self._manifest().set_version
