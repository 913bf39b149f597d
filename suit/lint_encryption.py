"""What ``suit lint`` says about encrypted payloads (E4, E8)."""

from collections.abc import Iterator
from typing import Final

from spec.labels import Command as Label
from spec.labels import Parameter
from suit import lint_rules as rules
from suit.encryption import UNAUTHENTICATED, EncryptionInfo
from suit.lint_rules import Rule
from suit.lint_state import UNSET, State
from suit.manifest import ComponentId
from suit.narrow import draft_name

_DECRYPTS: Final = frozenset({Label.FETCH, Label.COPY, Label.WRITE})


def of_encryption(state: State, label: Label, component: ComponentId) -> Iterator[tuple[Rule, str]]:
    """Yield the rules that a command breaks with the encryption info of its component, and how."""
    values = state.known(component)
    info = values.get(Parameter.ENCRYPTION_INFO, UNSET)[1]
    if not isinstance(info, EncryptionInfo):
        return
    source = values.get(Parameter.SOURCE_COMPONENT, UNSET)[1]
    name = draft_name(label)
    if label is Label.SWAP or (label is Label.COPY and source == component):
        yield rules.NOTHING_DECRYPTED, f"{name} with encryption-info"
    elif label in _DECRYPTS:
        if (component, info.raw) in state.opened:
            yield rules.DECRYPTED_TWICE, f"{name} with the encryption-info of an earlier command"
        state.opened.add((component, info.raw))
        if Parameter.IMAGE_DIGEST not in values and not (label is Label.COPY and source in state.matched):
            if info.algorithm in UNAUTHENTICATED:
                yield rules.UNBOUND_CIPHER, f"{name} decrypts {draft_name(info.algorithm)} without a digest"
            elif label is not Label.WRITE:
                yield rules.UNBOUND_PAYLOAD, f"{name} decrypts {draft_name(info.algorithm)} without a digest"
