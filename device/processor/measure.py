"""What the device itself has for the parameters of a condition: the substance of a report (M8.4.7).

Measured only when somebody observes. Contents are left out: whoever may see a report need not see them.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

from device.processor import waiting
from device.processor.state import State
from spec.labels import Command, CoseAlgorithm, Parameter, VersionComparison
from suit.manifest import Digest, ParameterValue, Pen, VersionMatch

Measured: TypeAlias = Mapping[Parameter, ParameterValue]


def measured(state: State, command: Command, *, succeeded: bool) -> Measured:
    """Return the measured values of the parameters that a command consumes; empty where there are none."""
    if succeeded and command is Command.IMAGE_MATCH:
        return _matched(state)
    measure = _MEASURES.get(command)
    return {} if measure is None else measure(state)


def _matched(state: State) -> Measured:
    """Return what was measured just now, without measuring a large image again."""
    expected, size = state.parameters.image_digest, state.components.size(state.current)
    if expected is None or size is None:
        return {}
    return {Parameter.IMAGE_DIGEST: expected, Parameter.IMAGE_SIZE: size}


def _image(state: State) -> Measured:
    expected = state.parameters.image_digest
    algorithm = CoseAlgorithm.SHA_256 if expected is None else expected.algorithm
    size = state.components.size(state.current)
    digest = state.components.digest(state.current, algorithm)
    if size is None or digest is None:
        return {}
    return {Parameter.IMAGE_DIGEST: Digest(algorithm, digest), Parameter.IMAGE_SIZE: size}


def _slot(state: State) -> Measured:
    return {Parameter.COMPONENT_SLOT: state.components.slot(state.current)}


def _vendor(state: State) -> Measured:
    asserted = state.platform.vendor_ids(state.current)
    return _identifier(Parameter.VENDOR_IDENTIFIER, state.parameters.vendor_identifier, asserted)


def _class(state: State) -> Measured:
    asserted = state.platform.class_ids(state.current)
    return _identifier(Parameter.CLASS_IDENTIFIER, state.parameters.class_identifier, asserted)


def _device(state: State) -> Measured:
    asserted = state.platform.device_ids(state.current)
    return _identifier(Parameter.DEVICE_IDENTIFIER, state.parameters.device_identifier, asserted)


def _identifier(
    parameter: Parameter, wanted: bytes | Pen | None, asserted: Collection[bytes | Pen]
) -> Measured:
    if not asserted:
        return {}
    return {parameter: wanted if wanted is not None and wanted in asserted else next(iter(asserted))}


def _battery(state: State) -> Measured:
    charge = state.platform.battery_mwh()
    return {} if charge is None else {Parameter.MINIMUM_BATTERY: charge}


def _time(state: State) -> Measured:
    return {} if state.clock is None else {Parameter.USE_BEFORE: state.clock()}


def _version(state: State) -> Measured:
    version = state.platform.version(state.current)
    if version is None:
        return {}
    return {Parameter.VERSION: VersionMatch(VersionComparison.EQUAL, version)}


def _wait(state: State) -> Measured:
    info = state.parameters.wait_info
    found = None if info is None else waiting.measured(info, state.node.tree.machine)
    return {} if found is None else {Parameter.WAIT_INFO: found}


_MEASURES: Final[Mapping[Command, Callable[[State], Measured]]] = {
    Command.VENDOR_IDENTIFIER: _vendor,
    Command.CLASS_IDENTIFIER: _class,
    Command.DEVICE_IDENTIFIER: _device,
    Command.IMAGE_MATCH: _image,
    Command.IMAGE_NOT_MATCH: _image,
    Command.MINIMUM_BATTERY: _battery,
    Command.USE_BEFORE: _time,
    Command.VERSION: _version,
    Command.COMPONENT_SLOT: _slot,
    Command.WAIT: _wait,
}
