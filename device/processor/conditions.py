"""Conditions (M8.4.9): each tells why it does not hold, or None when it does.

A condition has no effect but its verdict, and fails when its parameter is not set. Only trouble with the
device itself, which no branch of the manifest can be the answer to, is raised.
"""

import hmac
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

from device.processor.dependencies import matches, verify
from device.processor.state import State
from spec.labels import Command
from suit.manifest import Pen
from suit.version import holds

Problem: TypeAlias = str | None
Condition: TypeAlias = Callable[[State], Problem]


def _vendor_identifier(state: State) -> Problem:
    return _identifier(state.parameters.vendor_identifier, state.platform.vendor_ids(state.current))


def _class_identifier(state: State) -> Problem:
    return _identifier(state.parameters.class_identifier, state.platform.class_ids(state.current))


def _device_identifier(state: State) -> Problem:
    return _identifier(state.parameters.device_identifier, state.platform.device_ids(state.current))


def _identifier(wanted: bytes | Pen | None, asserted: Collection[bytes | Pen]) -> Problem:
    if wanted is None:
        return "no identifier is set"
    if wanted in asserted:
        return None
    shown = wanted.oid if isinstance(wanted, Pen) else wanted
    return f"{shown.hex()} is not an identifier of this component"


def _image_match(state: State) -> Problem:
    expected = state.parameters.image_digest
    if expected is None:
        return "no image digest is set"
    size = state.components.size(state.current)
    if size is None:
        return "the component is absent"
    if state.index in state.node.dependencies:
        # Its size is that of an envelope, which changes when members are cut off (ADR 0007).
        return _verified(state) if matches(state, expected) else "the dependency is another manifest"
    # The size closes the gap between an image and all that could be executed (RFC 9124 §4.3.15).
    wanted = state.parameters.image_size
    if wanted is not None and wanted != size and not state.components.has_size(state.current, wanted):
        return f"the component holds {size} bytes instead of {wanted}"
    actual = state.components.digest(state.current, expected.algorithm)
    if actual is None or not hmac.compare_digest(actual, expected.value):
        return "the component has another digest"
    return _verified(state)


def _verified(state: State) -> Problem:
    state.trace.verified.add(state.current)
    return None


def _dependency_integrity(state: State) -> Problem:
    """Hold or abort (T5.6.4): no branch of a manifest can be soft about a dependency."""
    verify(state)
    return _verified(state)


def _is_dependency(state: State) -> Problem:
    return None if state.index in state.node.dependencies else "the component is no dependency"


def _check_content(state: State) -> Problem:
    expected = state.parameters.content
    if expected is None:
        return "no content is set"
    if state.components.size(state.current) != len(expected):
        return "the component has another size"
    actual = b"".join(state.components.read(state.current))
    # M8.4.9.3: constant time, so that timing tells nothing about the content.
    return None if hmac.compare_digest(actual, expected) else "the component has other content"


def _component_slot(state: State) -> Problem:
    expected = state.parameters.component_slot
    if expected is None:
        return "no slot is set"
    slot = state.components.slot(state.current)
    return None if slot == expected else f"the component's slot is {slot}, not {expected}"


def _image_not_match(state: State) -> Problem:
    expected = state.parameters.image_digest
    if expected is None:
        return "no image digest is set"
    actual = state.components.digest(state.current, expected.algorithm)
    if actual is not None and hmac.compare_digest(actual, expected.value):
        return "the component has this very digest"
    return None


def _use_before(state: State) -> Problem:
    limit = state.parameters.use_before
    if limit is None:
        return "no use-before is set"
    if state.clock is None:
        return "this device has no clock to trust"
    now = state.clock()  # Python's integers have no 64 bits to overflow (U5.1)
    return None if now < limit else f"it was to be used before {limit}, now it is {now}"


def _minimum_battery(state: State) -> Problem:
    wanted = state.parameters.minimum_battery
    if wanted is None:
        return "no minimum battery is set"
    charge = state.platform.battery_mwh()
    if charge is None:
        return "this device does not know its charge"
    return None if charge >= wanted else f"the battery holds {charge} mWh of the {wanted} that are wanted"


def _update_authorized(state: State) -> Problem:
    priority = state.parameters.update_priority
    if priority is None:
        return "no update priority is set"
    allowed = state.platform.authorize(priority)
    return None if allowed else f"the application refuses an update of priority {priority}"


def _version(state: State) -> Problem:
    wanted = state.parameters.version
    if wanted is None:
        return "no version is set"
    version = state.platform.version(state.current)
    if version is None:
        return "the component's version is not known"
    return None if holds(wanted, version) else f"the component has version {list(version)}"


def _abort(_state: State) -> Problem:
    return "the manifest says so"


CONDITIONS: Final[Mapping[Command, Condition]] = {
    Command.VENDOR_IDENTIFIER: _vendor_identifier,
    Command.CLASS_IDENTIFIER: _class_identifier,
    Command.DEVICE_IDENTIFIER: _device_identifier,
    Command.IMAGE_MATCH: _image_match,
    Command.CHECK_CONTENT: _check_content,
    Command.COMPONENT_SLOT: _component_slot,
    Command.DEPENDENCY_INTEGRITY: _dependency_integrity,
    Command.IS_DEPENDENCY: _is_dependency,
    Command.ABORT: _abort,
    Command.IMAGE_NOT_MATCH: _image_not_match,
    Command.USE_BEFORE: _use_before,
    Command.MINIMUM_BATTERY: _minimum_battery,
    Command.UPDATE_AUTHORIZED: _update_authorized,
    Command.VERSION: _version,
}
