"""set-parameters (T5.6.1), and the lockstep of a dependent and its dependencies (T5.1, T5.3)."""

from collections.abc import Iterator
from typing import Any, Final

from conformance.casebook.case import MAIN, NEW, NEW_2, SECOND, URI, Case, Component, write
from conformance.casebook.trees import (
    FETCH,
    INTEGRITY,
    LIBRARY,
    LIBRARY_IMAGE,
    MATCH,
    PROCESS,
    RESOLVE,
    device,
    library,
    root,
)
from conformance.casebook.trust_domains import HONEST, refuses, takes
from conformance.forge import at, check, override
from spec.labels import Command, Parameter, ReportReason

TOPIC = "trust-domains"
_WRITE: Final = check(Command.WRITE)


def cases() -> Iterator[Case]:
    """Yield the cases of this topic that are about parameters and order."""
    yield from _set_parameters()
    yield from _lockstep()


def _set_parameters() -> Iterator[Case]:
    rows = "T5.6.1-1"

    def give(content: bytes) -> tuple[Any, Any]:
        return Command.SET_PARAMETERS, {Parameter.CONTENT: content}

    default = library(install=[give(NEW_2), _WRITE])
    three: dict[str, Any] = {"components": (MAIN, LIBRARY, SECOND)}
    yield takes(
        "set-parameters-unset",
        rows,
        "What is unset is set.",
        root(HONEST, install=[at(1), PROCESS, at(0), give(NEW), _WRITE]),
    )
    yield takes(
        "set-parameters-keeps",
        rows,
        "What is set stays.",
        root(
            HONEST, install=[at(1), PROCESS, at(0), override({Parameter.CONTENT: NEW}), give(NEW_2), _WRITE]
        ),
    )
    yield takes(
        "set-parameters-replaces-default",
        f"{rows} T5.4-1",
        "What a dependent sets before takes the place of the dependency's default.",
        root(default, **three, install=[at(2), give(LIBRARY_IMAGE), at(1), PROCESS, at(0), *write(NEW)]),
        default,
    )
    yield takes(
        "set-parameters-default-counts",
        f"{rows} T5.4-1",
        "What the dependency has set by override stays in the dependent.",
        root(HONEST, **three, install=[at(1), PROCESS, at(2), give(NEW_2), _WRITE, at(0), *write(NEW)]),
    )
    yield refuses(
        "set-parameters-against-override",
        rows,
        "A dependency that overrides is not to be redirected.",
        root(
            library(install=[override({Parameter.CONTENT: NEW_2}), give(LIBRARY_IMAGE), _WRITE]),
            **three,
            install=[at(2), give(LIBRARY_IMAGE), at(1), PROCESS, at(0), *write(NEW)],
        ),
        ReportReason.CONDITION_FAILED,
    )


def _lockstep() -> Iterator[Case]:
    yield refuses(
        "lockstep-dependency-not-run",
        "T5.1-6 T5.3-1",
        "The dependent leaves out the dependency's install.",
        root(HONEST, install=[at(0), *write(NEW)]),
    )
    yield refuses(
        "lockstep-section-missing",
        "T5.1-5",
        "The dependency has an install, the dependent has none.",
        root(HONEST, content=None, install=None),
    )
    yield refuses(
        "lockstep-never-checked",
        "T5.1-6 T3-1",
        "Nobody looks at the dependency.",
        root(HONEST, dependency_resolution=None, install=[at(0), *write(NEW)], validate=[at(0), MATCH]),
    )
    payload = [at(0), override({Parameter.URI: URI}), FETCH]
    yield refuses(
        "lockstep-payload-first",
        "T3-1",
        "A payload is fetched while the dependency waits.",
        root(HONEST, dependency_resolution=[*payload, *RESOLVE], install=[at(1), PROCESS]),
        resources={URI: NEW},
    )
    yield refuses(
        "lockstep-load-first",
        "T3-2",
        "Something is loaded while the dependency waits.",
        root(
            HONEST,
            payloads={},
            validate=[at(0), MATCH],
            load=[at(0), *write(NEW), at(1), INTEGRITY, PROCESS],
            invoke=[at(0), check(Command.INVOKE)],
        ),
        device=device(main=Component(content=NEW), stored=HONEST.raw),
        procedure="invoke",
    )
    yield refuses(
        "lockstep-without-index",
        "T5.1-2",
        "One component and one virtual dependency are two: every sequence begins with an index.",
        root(HONEST, components=(MAIN,), dependencies={1: {1: LIBRARY}}, validate=[MATCH]),
    )
