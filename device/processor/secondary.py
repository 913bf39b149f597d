"""Secondary processors (T5.4.1): below a prefix, another processor decides.

A processor in another trust domain, a radio's for example, keeps its own keys and believes nobody else's
word. So the way to it is narrow: an envelope, which it verifies as soon as it gets it, parameters, of which
it takes only those that it chooses to, and sections. What it has fetched, changed or found never comes
back but as success or failure.

:class:`SecondaryProcessor` is what an integrator implements over a wire;
:class:`~device.processor.in_process.InProcess` is one that runs here. ADR 0015 says what the draft does not.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Final, Self, TypeAlias

from device.components import show_id
from device.processor.parameters import FIELDS, ParameterSet
from spec.labels import Manifest as Section
from spec.labels import Parameter
from suit.errors import AbortError, ConditionFailedError, HardsuitError
from suit.manifest import ComponentId, ParameterValue

Setting: TypeAlias = ParameterValue | ComponentId
"""The value of a parameter; a source component is named by its identifier."""


class Session(ABC):
    """One procedure of a secondary processor: all that a primary may ask of it."""

    @abstractmethod
    def insert_envelope(self, raw: bytes) -> None:
        """Take the envelope that the sections come from, in place of an earlier one.

        Raises:
            HardsuitError: The processor does not find it authentic, or does not take it; it has run nothing.
        """

    @abstractmethod
    def set_parameter(self, component: ComponentId, parameter: Parameter, value: Setting) -> None:
        """Set a parameter of one of the processor's components, as a dependent would.

        Raises:
            HardsuitError: The processor does not let others set it.
        """

    @abstractmethod
    def run_section(self, section: Section) -> None:
        """Run a section of the envelope's manifest; one that it does not have succeeds.

        Raises:
            ConditionFailedError: A condition does not hold.
            HardsuitError: The section was aborted.
        """


class SecondaryProcessor(ABC):
    """Another manifest processor, which a prefix leads to."""

    @abstractmethod
    def session(self, sections: tuple[Section, ...]) -> AbstractContextManager[Session]:
        """Begin a procedure; when the block raises, everything is as before.

        Args:
            sections: The sections that may be asked for, in their order.
        """


class Sessions:
    """The secondary processors in one procedure of the primary; each begins when it is first needed.

    Args:
        processors: The secondary processors by prefix.
        sections: The sections of the procedure.
    """

    def __init__(
        self, processors: Mapping[ComponentId, SecondaryProcessor], sections: tuple[Section, ...]
    ) -> None:
        self._processors: Final = processors
        self._sections: Final = sections
        self._stack: Final = ExitStack()
        self._open: Final[dict[ComponentId, Session]] = {}
        self._envelopes: Final[dict[tuple[int, ...], bytes]] = {}
        self._inserted: Final[dict[ComponentId, tuple[int, ...]]] = {}
        self._told: Final[dict[tuple[ComponentId, Parameter], Setting]] = {}

    def __enter__(self) -> Self:
        """Return the sessions."""
        self._stack.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every procedure that was begun, the way this one ended."""
        self._stack.__exit__(kind, error, trace)

    def insert(self, prefix: ComponentId, raw: bytes, path: tuple[int, ...]) -> None:
        """Hand an envelope to the processor that a prefix leads to.

        Args:
            prefix: What leads to the processor.
            raw: The envelope.
            path: The dependency indices that lead to its manifest, for errors.

        Raises:
            HardsuitError: The processor refuses it.
        """
        if prefix not in self._open:
            session = self._processors[prefix].session(self._sections)
            self._open[prefix] = self._stack.enter_context(session)
        self._envelopes[path] = raw
        self._inserted[prefix] = path
        try:
            self._open[prefix].insert_envelope(raw)
        except HardsuitError as error:
            if error.place is not None:
                error.place = error.place._replace(manifest=path)
            raise

    def run(
        self,
        prefix: ComponentId,
        section: Section,
        sets: Mapping[ComponentId, ParameterSet],
        path: tuple[int, ...],
    ) -> ConditionFailedError | None:
        """Hand over the parameters that were set since the last time, then run a section.

        A processor has one envelope at a time: that of another dependency below the same prefix is replaced.

        Args:
            prefix: What leads to the processor.
            section: The section.
            sets: The parameters of all components.
            path: The dependency indices that lead to the manifest, for errors.

        Returns:
            The condition that failed, if one did.

        Raises:
            HardsuitError: The section was aborted, or a parameter was refused.
        """
        if self._inserted[prefix] != path:
            self.insert(prefix, self._envelopes[path], path)
        session = self._open[prefix]
        try:
            for component, values in sets.items():
                if component[: len(prefix)] == prefix:
                    self._tell(session, prefix, component, values)
            session.run_section(section)
        except HardsuitError as error:
            if error.place is not None:
                error.place = error.place._replace(manifest=(*path, *error.place.manifest))
            if isinstance(error, ConditionFailedError):
                return error
            raise
        return None

    def _tell(
        self, session: Session, prefix: ComponentId, component: ComponentId, values: ParameterSet
    ) -> None:
        for parameter, name in FIELDS.items():
            value = getattr(values, name)
            if value is None or self._told.get((component, parameter)) == value:
                continue
            if parameter is Parameter.SOURCE_COMPONENT:
                if value[: len(prefix)] != prefix:
                    raise AbortError(f"component {show_id(value)} is not one of the secondary processor")
                session.set_parameter(component[len(prefix) :], parameter, value[len(prefix) :])
            else:
                session.set_parameter(component[len(prefix) :], parameter, value)
            self._told[component, parameter] = value


def leads_away(component: ComponentId, processors: Mapping[ComponentId, SecondaryProcessor]) -> bool:
    """Tell whether a component is one of a secondary processor."""
    return any(component[: len(prefix)] == prefix for prefix in processors)
