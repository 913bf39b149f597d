"""A pytest plugin: what our encoders write while a test runs is checked against our CDDL when it ends.

Loaded by ``addopts`` in pyproject.toml. Each distinct manifest, envelope and report is checked once; a test
that writes what the grammar must refuse says why with ``@pytest.mark.against_grammar("reason")``.
"""

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from suit import encode, report, report_seal

_ROOMS: Final = ("suit", "repository", "device", "conformance", "spec")
_ENCODERS: Final = (
    ("envelope", encode, "encode_envelope"),
    ("report", report, "encode_report"),
    ("sealed", report_seal, "seal_report"),
)
_TAG: Final = b"\xd8\x6b"


class Grammar:
    """Collects what encoders return, and checks each thing once."""

    def __init__(self) -> None:
        self._written: dict[tuple[str, bytes], None] = {}
        self._fine: set[tuple[str, bytes]] = set()

    def watched(self, kind: str, encoder: Callable[..., bytes]) -> Callable[..., bytes]:
        """Return the encoder, with its results collected."""

        @wraps(encoder)
        def write(*args: Any, **kwargs: Any) -> bytes:  # noqa: ANN401 - whatever the encoder takes
            raw = encoder(*args, **kwargs)
            if (kind, raw) not in self._fine:
                self._written[kind, raw] = None
            return raw

        return write

    def judge(self) -> None:
        """Check what was written since the last time.

        Raises:
            AssertionError: Something is not what ``spec/*.cddl`` say.
        """
        written, self._written = self._written, {}
        for kind, raw in written:
            self._check(kind, raw)

    def forget(self) -> None:
        """Let what was written since the last time pass."""
        self._written = {}

    def _check(self, kind: str, raw: bytes) -> None:
        from conformance import cddl  # noqa: PLC0415 - it takes longer to import than most tests

        if (kind, raw) in self._fine:
            return
        if kind == "envelope":
            envelope, manifest = cddl.without_manifest(raw)
            self._check("manifest", manifest)
            cddl.check_envelope(envelope, embedded=not raw.startswith(_TAG))
        elif kind == "manifest":
            cddl.check_manifest(raw)
        else:
            cddl.check_report(raw, sealed=kind == "sealed")
        self._fine.add((kind, raw))


GRAMMAR: Final = Grammar()
_FREE: Final = Path(__file__).parents[1] / "suit" / "tests"
"""The codec has tests that write what no recipient takes; those that matter ask the grammar themselves."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and watch the encoders wherever they have been imported to."""
    config.addinivalue_line("markers", "against_grammar(why): writes on purpose what spec/*.cddl refuse")
    for kind, module, name in _ENCODERS:
        original = getattr(module, name)
        watched = GRAMMAR.watched(kind, original)
        for user in _users():
            for member, value in list(vars(user).items()):
                if value is original:
                    setattr(user, member, watched)


def pytest_collection_finish() -> None:
    """Let pass what modules of tests wrote while they were imported: no test is to blame for it."""
    GRAMMAR.forget()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Judge what a test has written, once it has passed."""
    try:
        yield
        if _FREE not in item.path.parents and item.get_closest_marker("against_grammar") is None:
            GRAMMAR.judge()
    finally:
        GRAMMAR.forget()


def _users() -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _ROOMS:
            yield module
