"""Every published envelope of the base document follows our grammar."""

import os
from pathlib import Path

import pytest

from conformance.cddl import check_envelope

VECTORS = Path(os.environ.get("HARDSUIT_VECTORS", Path(__file__).parents[3] / "shared" / "vectors"))
ENVELOPES = sorted((VECTORS / "ietf" / "manifest").glob("*.suit"))


def test_there_are_thirteen_published_envelopes() -> None:
    assert len(ENVELOPES) == 13


@pytest.mark.parametrize("path", ENVELOPES, ids=lambda path: path.stem)
def test_published_envelope_follows_the_grammar(path: Path) -> None:
    check_envelope(path.read_bytes(), signed="unsigned" not in path.name)


@pytest.mark.parametrize(
    "path", [path for path in ENVELOPES if "unsigned" in path.name], ids=lambda path: path.stem
)
def test_unsigned_envelope_is_not_a_signed_one(path: Path) -> None:
    with pytest.raises(AssertionError, match="signed-envelope"):
        check_envelope(path.read_bytes(), signed=True)
