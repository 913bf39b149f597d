"""Fixtures over the published examples. Where there are no vectors, what needs them is not collected."""

from collections.abc import Callable

import pytest

from suit.tests import vectors

_NEED_VECTORS = {"published", "published_digests", "example"}
_EXAMPLES = sorted(vectors.path("ietf/manifest").glob("*.suit")) if vectors.ROOT else []

collect_ignore_glob = [] if vectors.ROOT else ["test_*_vectors.py"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if vectors.ROOT:
        return
    without = [item for item in items if _NEED_VECTORS & set(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in without]


@pytest.fixture(params=_EXAMPLES, ids=lambda path: str(path.stem))
def published(request: pytest.FixtureRequest) -> bytes:
    """Each published example of the base manifest document."""
    return bytes(request.param.read_bytes())


@pytest.fixture(scope="session")
def published_digests() -> dict[str, str]:
    """The published manifest digest (hex) of each example, by file name."""
    digests = {}
    for line in vectors.path("ietf/INDEX.tsv").read_text().splitlines():
        file, *_, note = line.split("\t")
        if file.startswith("manifest/") and note.startswith("manifest digest "):
            digests[file.removeprefix("manifest/")] = note.split()[2]
    return digests


@pytest.fixture(scope="session")
def example() -> Callable[[str], bytes]:
    """Read one published example of the base manifest document by its file name."""
    return lambda name: vectors.path(f"ietf/manifest/{name}").read_bytes()
