"""Update management: its conditions, its two ways to set parameters, and versions (U3.1, U4, U5)."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.casebook.case import (
    MAIN,
    NEW,
    NEW_2,
    NOW,
    OLD,
    SECOND,
    THIRD,
    URI,
    Case,
    Component,
    Device,
    accepted,
    rejected,
    update,
    write,
)
from conformance.forge import EVERY, Step, at, check, image, override, run, try_each
from conformance.forge_cbor import Item, Tag, encode
from spec.labels import Command, Manifest, Parameter, ReportReason, VersionComparison

TOPIC = "update-management"
_FAILED = ReportReason.CONDITION_FAILED
_MALFORMED = ReportReason.CBOR_PARSE
_ABORTED = ReportReason.OPERATION_FAILED
_GREATER, _GREATER_EQUAL, _EQUAL, _LESSER_EQUAL, _LESSER = VersionComparison
_TWO = Device(components=(Component(content=OLD), Component(id=SECOND)))
_THREE = Device(components=(Component(content=OLD), Component(id=SECOND), Component(id=THIRD)))


def cases() -> Iterator[Case]:
    """Yield the cases of this topic."""
    yield from _use_before()
    yield from _image_not_match()
    yield from _minimum_battery()
    yield from _update_authorized()
    yield from _version()
    yield from _version_encoding()
    yield from _set_version()
    yield from _override_multiple()
    yield from _override_multiple_refused()
    yield from _copy_params()
    yield from _copy_params_refused()
    yield from _wrong_values()
    yield from _soft()


def _asked(condition: Command, parameters: Mapping[Item, Item] | None = None) -> bytes:
    """Return an update that writes the new image if a condition holds."""
    first = [override(parameters)] if parameters else []
    return update(NEW, install=[*first, check(condition), *write(NEW)])


def _holds(name: str, requirement: str, summary: str, raw: bytes, **parts: Any) -> Case:  # noqa: ANN401 - fields of Case
    return accepted(name, requirement, summary, raw, after={MAIN: NEW}, **parts)


def _use_before() -> Iterator[Case]:
    for name, limit in (("in-a-second", NOW + 1), ("past-32-bits", 1 << 33), ("past-doubles", (1 << 64) - 1)):
        raw = _asked(Command.USE_BEFORE, {Parameter.USE_BEFORE: limit})
        yield _holds(f"use-before-{name}", "U5.1-1", "There is time left to use the manifest.", raw)
    for name, limit in (("now", NOW), ("a-second-ago", NOW - 1), ("zero", 0)):
        raw = _asked(Command.USE_BEFORE, {Parameter.USE_BEFORE: limit})
        yield rejected(f"use-before-{name}", "U5.1-1", "The time to use it is over.", raw, _FAILED)
    yield rejected(
        "use-before-past-32-bits-over",
        "U5.1-1",
        "Time and limit are beyond 32 bits: cut off there, the limit would seem to lie ahead.",
        _asked(Command.USE_BEFORE, {Parameter.USE_BEFORE: (1 << 32) + 5}),
        _FAILED,
        device=Device(clock=(1 << 33) + 1),
    )
    yield rejected(
        "use-before-without-clock",
        "U5.1-2",
        "A device without a clock to trust cannot know.",
        _asked(Command.USE_BEFORE, {Parameter.USE_BEFORE: (1 << 64) - 1}),
        _FAILED,
        device=Device(clock=None),
    )
    yield rejected(
        "use-before-unset",
        "M8.4.9-2",
        "A condition whose parameter is not set fails.",
        _asked(Command.USE_BEFORE),
        _FAILED,
    )


def _image_not_match() -> Iterator[Case]:
    not_match = check(Command.IMAGE_NOT_MATCH)
    yield _holds(
        "image-not-match-other-image",
        "U5.2-2",
        "The component holds another image than the new one, so it is worth while to install it.",
        update(NEW, install=[not_match, *write(NEW)]),
    )
    yield _holds(
        "image-not-match-absent",
        "U5.2-2",
        "What is not there does not match.",
        update(NEW, install=[not_match, *write(NEW)]),
        device=Device(components=(Component(),)),
    )
    yield rejected(
        "image-not-match-same-image",
        "U5.2-2",
        "The component holds this very image already.",
        update(NEW, install=[not_match, *write(NEW)]),
        _FAILED,
        device=Device(components=(Component(content=NEW),)),
    )
    yield rejected(
        "image-not-match-same-image-other-size",
        "U5.2-2",
        "It compares digests; a size that is not the image's makes no difference.",
        update(
            NEW, install=[override({Parameter.IMAGE_SIZE: 1}), not_match, override(image(NEW)), *write(NEW)]
        ),
        _FAILED,
        device=Device(components=(Component(content=NEW),)),
    )
    yield rejected(
        "image-not-match-unset",
        "U5.2-1",
        "Without a digest it fails, as image-match does: it is not the opposite of it.",
        update(None, install=[not_match, *write(NEW)], validate=None),
        _FAILED,
    )


def _minimum_battery() -> Iterator[Case]:
    raw = _asked(Command.MINIMUM_BATTERY, {Parameter.MINIMUM_BATTERY: 500})
    for name, charge in (("exactly", 500), ("more", 70000)):
        yield _holds(
            f"minimum-battery-{name}",
            "U5.3-1",
            "The battery holds what is wanted.",
            raw,
            device=Device(battery_mwh=charge),
        )
    for name, level in (("less", 499), ("empty", 0), ("not-known", None)):
        yield rejected(
            f"minimum-battery-{name}",
            "U5.3-1",
            "The battery holds less than is wanted, or nobody knows.",
            raw,
            _FAILED,
            device=Device(battery_mwh=level),
        )
    yield rejected(
        "minimum-battery-unset",
        "M8.4.9-2",
        "A condition whose parameter is not set fails.",
        _asked(Command.MINIMUM_BATTERY),
        _FAILED,
        device=Device(battery_mwh=70000),
    )


def _update_authorized() -> Iterator[Case]:
    for name, priority in (("urgent", -5), ("someday", 1000), ("zero", 0)):
        raw = _asked(Command.UPDATE_AUTHORIZED, {Parameter.UPDATE_PRIORITY: priority})
        yield _holds(f"update-authorized-{name}", "U5.4-1", "The application lets the update through.", raw)
    yield rejected(
        "update-authorized-refused",
        "U5.4-1",
        "The application does not want the update, urgent as it may be.",
        _asked(Command.UPDATE_AUTHORIZED, {Parameter.UPDATE_PRIORITY: -100}),
        _FAILED,
        device=Device(authorize=False),
    )
    yield rejected(
        "update-authorized-unset",
        "M8.4.9-2",
        "Without a priority the application cannot be asked.",
        _asked(Command.UPDATE_AUTHORIZED),
        _FAILED,
    )


def _match(comparison: Item, *version: Item) -> dict[Item, Item]:
    return {Parameter.VERSION: encode([comparison, list(version)])}


_COMPARED = (
    # Name, comparison, the manifest's version, the component's, does it hold?
    ("equal", _EQUAL, (1, 2, 3), (1, 2, 3), True),
    ("equal-prefix", _EQUAL, (1,), (1, 9, 9), True),
    ("equal-padded", _EQUAL, (1, 0, 0), (1,), True),
    ("equal-other", _EQUAL, (1, 2, 3), (1, 2, 4), False),
    ("greater", _GREATER, (1, 2), (1, 3), True),
    ("greater-by-major", _GREATER, (1, 9), (2, 0), True),
    ("greater-numerically", _GREATER, (1, 9), (1, 10), True),
    ("greater-same-prefix", _GREATER, (1, 2), (1, 2, 9), False),
    ("greater-equal-same", _GREATER_EQUAL, (1, 2), (1, 2), True),
    ("greater-equal-prefix-of-candidate", _GREATER_EQUAL, (1, 2), (1, 2, -1, 1), True),
    ("greater-equal-candidate", _GREATER_EQUAL, (2, 0, 0), (2, 0, -1, 1), False),
    ("greater-equal-below", _GREATER_EQUAL, (1, 2), (1, 1, 99), False),
    ("lesser", _LESSER, (1, 10), (1, 9, 99), True),
    ("lesser-candidate", _LESSER, (2, 0, 0), (2, 0, -1, 1), True),
    ("lesser-beta-than-candidate", _LESSER, (2, 0, -1), (2, 0, -2, 7), True),
    ("lesser-alpha-than-beta", _LESSER, (2, 0, -2), (2, 0, -3), True),
    ("lesser-same-prefix", _LESSER, (1, 10), (1, 10, 0), False),
    ("lesser-equal-same-prefix", _LESSER_EQUAL, (1, 10), (1, 10, 5), True),
    ("lesser-equal-above", _LESSER_EQUAL, (1, 10), (1, 11), False),
    ("lesser-equal-release-of-candidate", _LESSER_EQUAL, (1, 0, -1, 3), (1, 0, 0), False),
)


def _version() -> Iterator[Case]:
    for name, comparison, wanted, present, held in _COMPARED:
        raw = _asked(Command.VERSION, _match(comparison, *wanted))
        device = Device(components=(Component(content=OLD, version=present),))
        summary = (
            f"{list(present)} is held against {comparison.name.lower().replace('_', ' or ')} {list(wanted)}."
        )
        if held:
            yield _holds(f"version-{name}", "U4.4-1 U5.5-1", summary, raw, device=device)
        else:
            yield rejected(f"version-{name}", "U4.4-1 U5.5-1", summary, raw, _FAILED, device=device)
    yield rejected(
        "version-not-known",
        "U5.5-1",
        "Nobody knows the component's version.",
        _asked(Command.VERSION, _match(_GREATER_EQUAL, 0)),
        _FAILED,
    )
    yield rejected(
        "version-unset",
        "M8.4.9-2",
        "A condition whose parameter is not set fails.",
        _asked(Command.VERSION),
        _FAILED,
        device=Device(components=(Component(content=OLD, version=(1,)),)),
    )


def _version_encoding() -> Iterator[Case]:
    device = Device(components=(Component(content=OLD, version=(1, 2)),))
    for name, version in (
        ("leading-pre-release", [-1, 1]),
        ("empty", []),
        ("four-numbers", [1, 2, 3, 4]),
        ("unknown-marker", [1, -4]),
        ("two-markers", [1, -1, -2]),
        ("text", ["1"]),
        ("no-array", 1),
    ):
        yield rejected(
            f"version-{name}",
            "U4.4-2",
            "What is compared with is no version.",
            _asked(Command.VERSION, {Parameter.VERSION: encode([_GREATER_EQUAL, version])}),
            _MALFORMED,
            device=device,
        )
    for name, comparison in (("zero", 0), ("six", 6)):
        yield rejected(
            f"version-comparison-{name}",
            "U1-1",
            "A comparison that no document defines.",
            _asked(Command.VERSION, _match(comparison, 1)),
            ReportReason.PARAMETER_UNSUPPORTED,
            device=device,
        )


def _set_version() -> Iterator[Case]:
    for name, version in (("release", [2, 0, 1]), ("candidate", [2, 0, -1, 3]), ("short", [2])):
        yield _holds(
            f"set-version-{name}",
            "U3.1-1",
            "The manifest tells its own version.",
            update(NEW, install=write(NEW), extra={Manifest.SET_VERSION: encode(version)}),
        )
    for kind, value in (
        ("unwrapped", [2, 0]),
        ("with-operator", encode([2, [2, 0]])),
        ("leading-pre-release", encode([-1, 2])),
        ("empty", encode([])),
        ("text", "2.0"),
    ):
        yield rejected(
            f"set-version-{kind}",
            "U3.1-1 U4.4-2",
            "That is no version in a byte string.",
            update(NEW, install=write(NEW), extra={Manifest.SET_VERSION: value}),
            _MALFORMED,
        )


def _multiple(rows: Mapping[Item, Item]) -> Step:
    return Command.OVERRIDE_MULTIPLE, rows


def _copies(rows: Mapping[Item, Item]) -> Step:
    return Command.COPY_PARAMS, rows


def _override_multiple() -> Iterator[Case]:
    both = _multiple({0: {Parameter.CONTENT: NEW}, 1: {Parameter.CONTENT: NEW_2}})
    yield accepted(
        "override-multiple-each-its-own",
        "U5.7-1",
        "Each component gets its own parameters.",
        update(NEW, NEW_2, install=[both, at(EVERY), check(Command.WRITE)]),
        device=_TWO,
        after={MAIN: NEW, SECOND: NEW_2},
    )
    yield accepted(
        "override-multiple-ends-at-the-last",
        "U5.7-1",
        "Afterwards the component index is the last one listed.",
        update(OLD, NEW_2, install=[at(0), both, check(Command.WRITE)]),
        device=_TWO,
        after={SECOND: NEW_2},
    )
    yield accepted(
        "override-multiple-overrides",
        "U5.7-1",
        "What was set before is replaced, and what is not named stays.",
        update(NEW, OLD, install=[
            at(1), override({Parameter.CONTENT: OLD}), check(Command.WRITE),
            _multiple({0: {Parameter.CONTENT: OLD}}), _multiple({0: {Parameter.CONTENT: NEW}}),
            check(Command.WRITE),
        ]),
        device=_TWO,
        after={MAIN: NEW, SECOND: OLD},
    )  # fmt: skip
    yield accepted(
        "override-multiple-index-returns",
        "U5.7-1",
        "The index that it leaves inside a nested sequence ends with that sequence.",
        update(NEW, OLD, install=[at(1), *write(OLD), at(0), run(both), check(Command.WRITE)]),
        device=_TWO,
        after={MAIN: NEW, SECOND: OLD},
    )


def _override_multiple_refused() -> Iterator[Case]:
    for name, rows, reason in (
        ("out-of-range", {1: {Parameter.CONTENT: NEW}}, None),
        ("source-out-of-range", {0: {Parameter.SOURCE_COMPONENT: 1}}, None),
        ("soft-failure-at-top", {0: {Parameter.SOFT_FAILURE: True}}, None),
        ("empty", {}, _MALFORMED),
        ("empty-row", {0: {}}, _MALFORMED),
        ("negative-index", {-1: {Parameter.CONTENT: NEW}}, _MALFORMED),
        ("no-map", [0, {Parameter.CONTENT: NEW}], _MALFORMED),
        ("wrong-value", {0: {Parameter.CONTENT: "text"}}, _MALFORMED),
        ("unknown-parameter", {0: {99: 1}}, ReportReason.PARAMETER_UNSUPPORTED),
    ):
        yield rejected(
            f"override-multiple-{name}",
            "U5.7-1",
            "It keeps every rule of set-component-index and of override-parameters.",
            update(NEW, install=[*write(NEW), (Command.OVERRIDE_MULTIPLE, rows)]),
            reason,
        )


def _copy_params() -> Iterator[Case]:
    yield accepted(
        "copy-params-to-current",
        "U5.8-1",
        "The current component takes over what another one has.",
        update(NEW, NEW, install=[
            at(0), override({Parameter.CONTENT: NEW}), check(Command.WRITE),
            at(1), _copies({0: [Parameter.CONTENT]}), check(Command.WRITE),
        ]),
        device=_TWO,
        after={MAIN: NEW, SECOND: NEW},
    )  # fmt: skip
    yield accepted(
        "copy-params-overrides",
        "U5.8-1",
        "What the current component had before is replaced; the source keeps its own.",
        update(NEW, NEW, install=[
            at(1), override({Parameter.CONTENT: OLD}),
            at(0), override({Parameter.CONTENT: NEW}),
            at(1), _copies({0: [Parameter.CONTENT, Parameter.IMAGE_SIZE]}), check(Command.WRITE),
            at(0), check(Command.WRITE),
        ]),
        device=_TWO,
        after={MAIN: NEW, SECOND: NEW},
    )  # fmt: skip
    yield accepted(
        "copy-params-only-those-named",
        "U5.8-1",
        "A parameter that is not named is not copied.",
        update(NEW, OLD, install=[
            at(1), override({Parameter.CONTENT: OLD}),
            at(0), override({Parameter.CONTENT: NEW, Parameter.URI: URI}), check(Command.WRITE),
            at(1), _copies({0: [Parameter.URI]}), check(Command.WRITE),
        ]),
        device=_TWO,
        after={MAIN: NEW, SECOND: OLD},
    )  # fmt: skip
    yield accepted(
        "copy-params-several-sources",
        "U5.8-1",
        "Of two sources the one with the higher index is copied last.",
        update(OLD, NEW, NEW_2, install=[
            _multiple({index: {Parameter.CONTENT: own} for index, own in enumerate((OLD, NEW, NEW_2))}),
            at([1, 2]), check(Command.WRITE),
            at(0), _copies({0: [Parameter.CONTENT]}), check(Command.WRITE),
            at(2), _copies({0: [Parameter.CONTENT], 1: [Parameter.CONTENT]}), check(Command.WRITE),
            override({Parameter.CONTENT: NEW_2}), check(Command.WRITE),
        ]),
        device=_THREE,
        after={MAIN: OLD, SECOND: NEW, THIRD: NEW_2},
    )  # fmt: skip


def _copy_params_refused() -> Iterator[Case]:
    yield rejected(
        "copy-params-unset",
        "U5.8-1",
        "The source has nothing to copy.",
        update(NEW, OLD, install=[at(0), *write(NEW), _copies({1: [Parameter.URI]}), at(1), *write(OLD)]),
        _ABORTED,
        device=_TWO,
    )
    yield rejected(
        "copy-params-unset-in-try-each",
        "U5.8-1",
        "It is a directive: that it fails is no reason to try another branch.",
        update(NEW, install=[try_each([_copies({0: [Parameter.URI]})], write(NEW))]),
        _ABORTED,
    )
    for name, rows, reason in (
        ("out-of-range", {1: [Parameter.CONTENT]}, None),
        ("soft-failure", {0: [Parameter.SOFT_FAILURE]}, None),
        ("strict-order", {0: [Parameter.STRICT_ORDER]}, None),
        ("empty", {}, _MALFORMED),
        ("nothing-named", {0: []}, _MALFORMED),
        ("no-list", {0: Parameter.CONTENT}, _MALFORMED),
        ("negative-index", {-1: [Parameter.CONTENT]}, _MALFORMED),
        ("unknown-parameter", {0: [99]}, ReportReason.PARAMETER_UNSUPPORTED),
    ):
        yield rejected(
            f"copy-params-{name}",
            "U5.8-1",
            "It names components of the manifest, and parameters that belong to components.",
            update(NEW, install=[*write(NEW), (Command.COPY_PARAMS, rows)]),
            reason,
        )


def _wrong_values() -> Iterator[Case]:
    for parameter, kind, value, requirement in (
        (Parameter.USE_BEFORE, "negative", -1, "U5.1-1"),
        (Parameter.USE_BEFORE, "tag-1", Tag(1, NOW + 10), "U5.1-1"),
        (Parameter.MINIMUM_BATTERY, "negative", -1, "U5.3-1"),
        (Parameter.MINIMUM_BATTERY, "true", True, "U5.3-1"),
        (Parameter.UPDATE_PRIORITY, "text", "urgent", "U5.4-1"),
        (Parameter.VERSION, "unwrapped", [_EQUAL, [1]], "U4.4-2"),
        (Parameter.VERSION, "without-comparison", encode([1, 0]), "U4.4-2"),
    ):
        name = parameter.name.lower().replace("_", "-")
        yield rejected(
            f"parameter-{name}-{kind}",
            requirement,
            f"A value of the wrong type for {name}.",
            update(NEW, install=[override({parameter: value}), *write(NEW)]),
            _MALFORMED,
        )


def _soft() -> Iterator[Case]:
    """A condition that fails leaves the choice to the manifest."""
    yield _holds(
        "update-management-conditions-choose",
        "U5.3-1 U5.4-1 M8.4.10.2-2",
        "Conditions that fail end their branches, and the last alternative is taken.",
        update(NEW, install=[
            override({Parameter.MINIMUM_BATTERY: 10, Parameter.USE_BEFORE: NOW}),
            try_each([check(Command.MINIMUM_BATTERY)], [check(Command.USE_BEFORE)], write(NEW)),
        ]),
    )  # fmt: skip
