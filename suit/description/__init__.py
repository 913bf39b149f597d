"""The description language: what an author writes in YAML to have an envelope built.

The words are those of the drafts, without ``suit-`` and the kind in front. Bytes are hexadecimal digits
unless ``text:`` or ``file:`` says otherwise. The JSON Schema of the language is
``hardsuit suit build --schema``; :mod:`suit.describe` makes the model of :mod:`suit.manifest` from it.

From the inside out: :mod:`~suit.description.forms` (how each kind of scalar may be written),
:mod:`~suit.description.values`, :mod:`~suit.description.metadata` and :mod:`~suit.description.events` (maps
that stand for one value), :mod:`~suit.description.steps` (commands and parameters),
:mod:`~suit.description.document` (members, texts).
"""

from suit.description.document import ComponentText, Dependency, Description, Text
from suit.description.events import WaitInfo
from suit.description.forms import alias
from suit.description.metadata import Metadata
from suit.description.steps import BARE_COMMANDS, Command, Parameters, Sequence, Step
from suit.description.values import Blob, Coswid, Digest, Identifier, Image, Words

__all__ = [
    "BARE_COMMANDS",
    "Blob",
    "Command",
    "ComponentText",
    "Coswid",
    "Dependency",
    "Description",
    "Digest",
    "Identifier",
    "Image",
    "Metadata",
    "Parameters",
    "Sequence",
    "Step",
    "Text",
    "WaitInfo",
    "Words",
    "alias",
]
