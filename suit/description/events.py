"""What wait waits for, as an author writes it (U4.5)."""

from typing import Annotated

from pydantic import Field, model_validator

from spec.labels import WaitEvent
from suit import manifest
from suit.description.forms import ComparisonText, Int, Model, Segment, TimeOfDay, Uint, Weekday
from suit.version import read_version_match
from suit.wait import MAX_VERSIONS


class OtherDevice(Model):
    """Another device and what its version shall be: all of the comparisons hold."""

    device: Segment
    versions: Annotated[list[ComparisonText], Field(min_length=1, max_length=MAX_VERSIONS)]


class WaitInfo(Model):
    """The events that wait waits for, all of them."""

    authorization: Int | None = None
    power: Int | None = None
    network: Int | None = None
    other_device_version: OtherDevice | None = None
    time: Uint | None = None
    time_of_day: TimeOfDay | None = None
    day_of_week: Weekday | None = None
    time_of_day_utc: TimeOfDay | None = None
    day_of_week_utc: Weekday | None = None

    @model_validator(mode="after")
    def _something(self) -> "WaitInfo":
        if not self.model_fields_set:
            raise ValueError("no event is named")
        return self

    def to_model(self) -> manifest.WaitInfo:
        """Return what the author wrote as the codec has it."""
        events = {WaitEvent[name.upper()]: getattr(self, name) for name in self.given()}
        other = self.other_device_version
        if other is not None:
            matches = tuple([read_version_match(text) for text in other.versions])
            events[WaitEvent.OTHER_DEVICE_VERSION] = manifest.OtherDevice(other.device, matches)
        return manifest.WaitInfo(dict(sorted(events.items(), key=lambda pair: pair[0].value)))
