"""The grammar and the casebook were written apart; they agree on every envelope a client must accept."""

import json
from pathlib import Path

import pytest

from conformance.cddl import check_envelope

CASES = Path(__file__).parents[2] / "conformance" / "cases"
FILES = sorted(CASES.rglob("*.json"))
TOPICS = sorted({path.relative_to(CASES).parts[0] for path in FILES})


def accepted(topic: str) -> dict[str, bytes]:
    """Return the envelopes of a topic's accepted cases by the name of the case, none of them twice."""
    found: dict[bytes, str] = {}
    for path in FILES:
        document = json.loads(path.read_bytes())
        for case in document if isinstance(document, list) else [document]:
            if case["expect"]["outcome"] == "accepted" and path.relative_to(CASES).parts[0] == topic:
                found.setdefault(bytes.fromhex(case["envelope"]), case["case"])
    return {name: raw for raw, name in found.items()}


@pytest.mark.parametrize("topic", TOPICS)
def test_every_accepted_envelope_follows_the_grammar(topic: str) -> None:
    for name, raw in accepted(topic).items():
        try:
            check_envelope(raw, signed=True)
        except AssertionError as error:
            pytest.fail(f"{name}: {error}")
