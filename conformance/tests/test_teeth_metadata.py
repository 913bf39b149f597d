"""The same for component metadata: a device with one rule of its files taken out fails at least one case."""

from typing import Any

import pytest

from conformance.tests.test_teeth import NOTHING, Mistake, caught, replaced
from device import components
from device.components import MemoryComponents
from device.files import FileRules, rules
from device.processor import directives
from suit import metadata

MISTAKES: dict[str, Mistake] = {}


def mistake(make: Mistake) -> Mistake:
    MISTAKES[make.__name__.replace("_", " ")] = make
    return make


@mistake
def metadata_is_not_applied(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(directives, "_replace", lambda state, chunks: state.components.write(state.current, chunks))


@mistake
def metadata_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(directives, "_require_metadata", NOTHING)


@mistake
def unknown_actors_are_passed_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "_require_known", NOTHING)


@mistake
def a_path_may_lead_through_a_link(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FileRules, "require_place", NOTHING)


@mistake
def a_link_may_lead_anywhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FileRules, "destination", NOTHING)


@mistake
def dots_are_resolved_like_a_browser_does(patch: pytest.MonkeyPatch) -> None:
    def resolved(link: Any, target: bytes) -> tuple[bytes, ...]:
        found = [] if target.startswith(b"/") else list(link[:-1])
        for name in target.split(b"/"):
            if name == b"..":
                del found[-1:]
            elif name not in {b"", b"."}:
                found.append(name)
        return tuple(found)

    patch.setattr(rules, "link_destination", resolved)


@mistake
def a_link_needs_no_right_to_its_target(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(directives, "require_component", NOTHING)


@mistake
def any_character_is_readable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(metadata, "is_readable", lambda _: True)


@mistake
def a_time_needs_no_tag(patch: pytest.MonkeyPatch) -> None:
    name, _ = metadata._MEMBERS[6]
    replaced(patch, metadata._MEMBERS, 6, (name, lambda item, _: getattr(item, "value", item)))


@mistake
def metadata_is_kept_when_an_update_fails(patch: pytest.MonkeyPatch) -> None:
    write_file = MemoryComponents.write_file

    def lasting(self: Any, component: Any, chunks: Any, known: Any) -> None:
        write_file(self, component, chunks, known)
        self._components[component] = type(self._components[component])(
            self._components[component].content, metadata=known
        )

    patch.setattr(MemoryComponents, "write_file", lasting)


@mistake
def a_swap_leaves_metadata_where_it_is(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(components, "require_plain", NOTHING)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_caught(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    MISTAKES[name](monkeypatch)
    assert caught(), f"no case notices that {name}"
