"""Directives with an effect (M8.4.10): each succeeds or raises, and an error here always aborts (M6.4).

Every precondition is checked before the first byte is fetched or written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from device.processor.state import State
from spec.labels import Command
from suit.errors import AbortError

Directive: TypeAlias = Callable[[State], None]


def _fetch(state: State) -> None:
    """Store what the URI names (M8.4.10.4), from the envelope when it holds it (M7.5)."""
    uri = state.parameters.uri
    if uri is None:
        raise AbortError("no URI is set")
    bound = _announced_size(state)
    payload = state.payloads.get(uri)
    if payload is not None:
        _store(state, payload, bound)
        return
    if uri.startswith("#"):
        raise AbortError(f"the envelope holds no payload {uri!r}")
    if state.pool is not None:
        state.pool.issue(reads=set(), writes={state.index})
    state.trace.wrote(state.current)
    chunks = state.fetcher.fetch(uri, digest=state.parameters.image_digest, size=state.parameters.image_size)
    state.components.write(state.current, _fetched(state, uri, chunks, bound))


def _write(state: State) -> None:
    """Store the content parameter (M8.4.10.6)."""
    content = state.parameters.content
    if content is None:
        raise AbortError("no content is set")
    _store(state, content, state.components.capacity(state.current))


def _copy(state: State) -> None:
    """Store what the source component holds (M8.4.10.5)."""
    source = _source(state)
    if state.pool is not None:
        state.pool.issue(reads={source}, writes={state.index})
    if source != state.index:  # a copy onto itself changes nothing
        state.trace.wrote(state.current)
        state.components.write(state.current, state.components.read(state.ids[source]))


def _swap(state: State) -> None:
    """Exchange the contents of the current and the source component (M8.4.10.9)."""
    source = _source(state)
    other = state.ids[source]
    components = state.components
    if (components.size(state.current) or 0) > components.capacity(other):
        raise AbortError("the source component is too small for the swap")
    if state.pool is not None:
        state.pool.issue(reads={source, state.index}, writes={source, state.index})
    if source != state.index:
        state.trace.wrote(state.current)
        state.trace.wrote(other)
        components.swap(state.current, other)


def _invoke(state: State) -> None:
    """Transfer execution to the component (M8.4.10.7)."""
    if state.components.size(state.current) is None:
        raise AbortError("the component is absent")
    arguments = state.parameters.invoke_args
    state.trace.invoked.append((state.current, arguments))
    state.platform.invoke(state.current, arguments)


def _announced_size(state: State) -> int:
    """Return the most bytes that a fetch may bring: the image size if it is set, else what fits."""
    capacity = state.components.capacity(state.current)
    size = state.parameters.image_size
    if size is None:
        return capacity
    if size > capacity:
        raise AbortError(f"the component holds {capacity} bytes at most, the image has {size}")
    return size


def _source(state: State) -> int:
    """Return the index of the source component, which has to be there and to fit."""
    source = state.parameters.source_component
    if source is None:
        raise AbortError("no source component is set")
    if source >= len(state.ids):
        raise AbortError(f"there is no component {source} to take from")
    size = state.components.size(state.ids[source])
    if size is None:
        raise AbortError(f"source component {source} is absent")
    if size > state.components.capacity(state.current):
        raise AbortError(f"source component {source} holds {size} bytes, more than fit")
    return source


def _store(state: State, content: bytes, bound: int) -> None:
    if len(content) > bound:
        raise AbortError(f"the content has {len(content)} bytes, {bound} are allowed")
    if state.pool is not None:
        state.pool.issue(reads=set(), writes={state.index})
    state.trace.wrote(state.current)
    state.components.write(state.current, (content,))


def _fetched(state: State, uri: str, chunks: Iterable[bytes], bound: int) -> Iterator[bytes]:
    size = 0
    answered = False
    for chunk in chunks:
        if not answered:
            state.trace.fetched.append(uri)
            answered = True
        size += len(chunk)
        if size > bound:
            raise AbortError(f"{uri!r} gives more than the {bound} bytes that are allowed")
        yield chunk
    if not answered:  # a payload of no bytes
        state.trace.fetched.append(uri)


DIRECTIVES: Final[Mapping[Command, Directive]] = {
    Command.FETCH: _fetch,
    Command.WRITE: _write,
    Command.COPY: _copy,
    Command.SWAP: _swap,
    Command.INVOKE: _invoke,
}
