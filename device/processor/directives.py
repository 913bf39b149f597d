"""Directives with an effect (M8.4.10): each succeeds or raises, and an error here always aborts (M6.4).

Every precondition is checked before the first byte is fetched or written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final, TypeAlias

from device.ic.interface import Side
from device.processor.decryption import Decryption, decryption, refuse_decryption
from device.processor.rights import require_component
from device.processor.state import State
from device.processor.waiting import wait
from spec.labels import Command, FileType
from suit.encryption import SIZES
from suit.errors import AbortError
from suit.manifest import ComponentId, Digest

Directive: TypeAlias = Callable[[State], None]


def _fetch(state: State) -> None:
    """Store what the URI names (M8.4.10.4), from the envelope when it holds it (M7.5)."""
    uri = state.parameters.uri
    if uri is None:
        raise AbortError("no URI is set")
    _require_change(state, state.current)
    _require_metadata(state, None)
    bound = _announced_size(state)
    payload = state.payloads.get(uri)
    if payload is None and uri.startswith("#"):
        raise AbortError(f"the envelope holds no payload {uri!r}")
    # ADR 0018: where content is addressed by its digest, that is the digest of the ciphertext.
    decrypting = decryption(state, side=Side.EITHER)
    if payload is not None:
        _store(state, payload, bound, decrypting)
        return
    if state.pool is not None:
        state.pool.issue(reads=set(), writes={state.index})
    state.node.tree.changed(state.current)
    digest = state.parameters.image_digest
    size = state.parameters.image_size if decrypting is None else None
    download = partial(state.fetcher.fetch, uri, digest=digest, size=size)
    chunks = download() if state.crew is None else state.crew.waited(download)
    bound += 0 if decrypting is None else decrypting.overhead
    _replace(state, _fetched(state, uri, chunks, bound), decrypting)


def _write(state: State) -> None:
    """Store the content parameter (M8.4.10.6)."""
    content = state.parameters.content
    if content is None:
        raise AbortError("no content is set")
    _require_change(state, state.current)
    _require_metadata(state, content)
    _store(state, content, state.components.capacity(state.current), decryption(state))


def _copy(state: State) -> None:
    """Store what the source component holds (M8.4.10.5)."""
    source = _source(state)
    _require_change(state, state.current)
    _require_metadata(state, None)
    if source == state.index:
        refuse_decryption(state, "a copy onto itself")
    decrypting = decryption(state, _verified_digest(state, source))
    if state.pool is not None:
        state.pool.issue(reads={source}, writes={state.index})
    if source != state.index or state.parameters.component_metadata is not None:
        # A copy onto itself changes nothing but what is known of the file.
        state.node.tree.changed(state.current)
        _replace(state, state.components.read(state.ids[source]), decrypting)


def _swap(state: State) -> None:
    """Exchange the contents of the current and the source component (M8.4.10.9)."""
    refuse_decryption(state, "swap")
    source = _source(state)
    other = state.ids[source]
    components = state.components
    _require_change(state, state.current)
    _require_change(state, other)
    if (components.size(state.current) or 0) > components.capacity(other):
        raise AbortError("the source component is too small for the swap")
    if state.pool is not None:
        state.pool.issue(reads={source, state.index}, writes={source, state.index})
    if source != state.index:
        state.node.tree.changed(state.current)
        state.node.tree.changed(other)
        components.swap(state.current, other)


def _invoke(state: State) -> None:
    """Transfer execution to the component (M8.4.10.7)."""
    if state.components.size(state.current) is None:
        raise AbortError("the component is absent")
    state.node.require_resolved(state.index)
    arguments = state.parameters.invoke_args
    state.trace.invoked.append((state.current, arguments))
    state.platform.invoke(state.current, arguments)


def _wait(state: State) -> None:
    """Go on only when everything holds that wait-info names (U5.6)."""
    wait(state.parameters.wait_info, state.node.tree.machine)


def _require_change(state: State, component: ComponentId) -> None:
    """Check everything that protects a component from this manifest, before anything is fetched."""
    state.node.require_resolved(state.index)
    state.node.require_change(component)


def _require_metadata(state: State, content: bytes | None) -> None:
    """Check the metadata that will be applied (U4.6); ``content`` is what write stores, None for others.

    Directories and links are made by write (U4.6.5), whose content is signed with the manifest. A link leads
    where its signer may write too, unless local policy says otherwise: it grants no access by itself (U8).
    """
    metadata = state.parameters.component_metadata
    if metadata is None:
        return
    state.components.require_metadata(state.current, metadata)
    if metadata.kind is FileType.REGULAR:
        return
    refuse_decryption(state, "a directory or link")
    if content is None:
        raise AbortError("directories and links are made by write (U4.6.5)")
    if metadata.kind is FileType.SYMLINK:
        destination = state.components.destination(state.current, content)
        if destination is not None:
            require_component(state.node.rights, destination)
    elif content:
        raise AbortError("a directory has no content of its own (U4.6.5)")


def _replace(state: State, chunks: Iterable[bytes], decrypting: Decryption | None) -> None:
    content = chunks if decrypting is None else decrypting.plaintext(chunks)
    metadata = state.parameters.component_metadata
    if metadata is None:
        state.components.write(state.current, content)
    else:
        state.components.write_file(state.current, content, metadata)


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
    component = state.parameters.source_component
    if component is None:
        raise AbortError("no source component is set")
    if component not in state.ids:
        raise AbortError("the source component is one of another manifest")
    source = state.ids.index(component)
    size = state.components.size(component)
    if size is None:
        raise AbortError(f"source component {source} is absent")
    info = state.parameters.encryption_info
    overhead = 0 if info is None else SIZES[info.algorithm].overhead
    if size > state.components.capacity(state.current) + overhead:
        raise AbortError(f"source component {source} holds {size} bytes, more than fit")
    return source


def _verified_digest(state: State, source: int) -> Digest | None:
    """Return the digest that the source component was found to have, if it was and still has."""
    return state.sets[source].image_digest if state.ids[source] in state.trace.verified else None


def _store(state: State, content: bytes, bound: int, decrypting: Decryption | None) -> None:
    bound += 0 if decrypting is None else decrypting.overhead
    if len(content) > bound:
        raise AbortError(f"the content has {len(content)} bytes, {bound} are allowed")
    if state.pool is not None:
        state.pool.issue(reads=set(), writes={state.index})
    state.node.tree.changed(state.current)
    _replace(state, (content,), decrypting)


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
    Command.WAIT: _wait,
}
