"""Where the test vectors of others are: beside the checkout, or where HARDSUIT_VECTORS points."""

import json
import os
from pathlib import Path
from typing import Any


def _find() -> Path | None:
    named = os.environ.get("HARDSUIT_VECTORS")
    root = Path(named) if named else Path(__file__).parents[3] / "shared" / "vectors"
    return root if root.is_dir() else None


ROOT = _find()


def path(name: str) -> Path:
    """Return where a vector is; a missing one is an error, never a skipped test."""
    assert ROOT is not None, "no test vectors; set HARDSUIT_VECTORS"
    found = ROOT / name
    assert found.exists(), f"missing test vector {found}"
    return found


def read_json(name: str) -> Any:
    return json.loads(path(name).read_text())
