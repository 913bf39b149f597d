"""``hardsuit ic``: run the security IC in a process of its own, and ask how it is."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suit.command import Console, command

if TYPE_CHECKING:
    from device.ic.interface import Access

_SOCKET = click.option(
    "--socket", "socket_path", required=True, type=click.Path(path_type=Path), help="Where it listens."
)
_NUMBER = click.IntRange(0, (1 << 32) - 2)
"""A user or group id; the number beyond stands for none."""


@click.group()
def cli() -> None:
    """Run the security IC."""


@command(cli)
@_SOCKET
@click.option(
    "--state",
    required=True,
    type=click.Path(path_type=Path),
    help="Its own directory, for nobody else: made with mode 0700 when it is missing.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="The file of the key that seals its state, such as a credential. Default: STATE.key.",
)
@click.option(
    "--witness",
    type=click.Path(path_type=Path),
    help="A directory on another medium that remembers the newest state, against restoring an old one.",
)
@click.option(
    "--user", "users", multiple=True, type=_NUMBER, help="User id of a client; repeatable. Default: its own."
)
@click.option("--group", type=_NUMBER, help="Group id that may open the socket, besides its owner.")
@click.option("--lifeline", is_flag=True, help="End when standard input does.")
def serve(
    console: Console,
    socket_path: Path,
    state: Path,
    key: Path | None,
    witness: Path | None,
    users: tuple[int, ...],
    group: int | None,
    *,
    lifeline: bool,
) -> object:
    """Be the security IC of a device until interrupted; say first where.

    An IC that was never provisioned, or whose state is damaged, serves all the same and answers every call
    with that. It is key isolation and the semantics of a chip in software; it is not hardware.
    """
    import json
    import os
    import sys

    from device.ic.process.hardening import harden
    from device.ic.process.host import emulator_host
    from device.ic.process.server import Server, listening, stop_signals

    harden()
    with (
        stop_signals() as signalled,
        emulator_host(state, key or state.with_name(f"{state.name}.key"), witness) as host,
        listening(socket_path, group=group) as listener,
    ):
        if console.json:
            data = {"socket": str(socket_path), "pid": os.getpid()}
            click.echo(json.dumps({"ok": True, "code": 0, "reason": "ok", "data": data}))
        console.data(str(socket_path))
        console.say(f"serving the IC in {state} at {socket_path}; Ctrl-C stops")
        if host.trouble:
            console.say(f"it refuses every call: {host.trouble}")
        stops = [signalled, sys.stdin.fileno()] if lifeline else [signalled]
        Server(listener, host, users or {os.geteuid()}).run(stops)
    raise SystemExit(0)  # the object of --json is printed already


@command(cli)
@_SOCKET
def status(console: Console, socket_path: Path) -> object:
    """Ask a running IC what it is, how it is, and what it enforces where."""
    from device.ic.process.client import RemoteIC

    with RemoteIC(socket_path) as ic:
        pid, info = ic.hello(), ic.info()
        keys = () if info.tampered else ic.keys()
        held = () if info.tampered else ic.objects()
    levels = {name: level.name.lower() for name, level in sorted(info.capabilities.levels().items())}
    console.data(f"back-end    {info.capabilities.backend}, {info.capabilities.isolation}, pid {pid}")
    console.data(f"life        {'tampered' if info.tampered else info.lifecycle.name.lower()}")
    console.data(f"identity    {info.uid.hex()}")
    console.data(f"boots       {info.boot_count}, state generation {info.generation}, repairs {info.repairs}")
    console.data(f"lockout     {info.failures} wrong authorizations, next try in {info.retry_after} s")
    for key in keys:
        kid = key.kid.hex() if key.kid else "-"
        purposes = ", ".join(sorted(purpose.value for purpose in key.purposes))
        console.data(
            f"trusts      {key.slot} v{key.version}: {key.name.hex()[:16]} (kid {kid}) for {purposes}"
        )
    for one in held:
        console.data(f"holds       {one.name}: changed {_rule(one.change)}, used {_rule(one.use)}")
    for name, level in levels.items():
        console.data(f"enforces    {name}: {level}")
    return {
        "backend": info.capabilities.backend,
        "isolation": info.capabilities.isolation,
        "pid": pid,
        "uid": info.uid.hex(),
        "lifecycle": info.lifecycle.name.lower(),
        "tampered": info.tampered,
        "objects": {one.name: {"change": _rule(one.change), "use": _rule(one.use)} for one in held},
        "boot_count": info.boot_count,
        "generation": info.generation,
        "repairs": info.repairs,
        "failures": info.failures,
        "retry_after": info.retry_after,
        "keys": [{"name": key.name.hex(), "kid": key.kid.hex() if key.kid else None} for key in keys],
        "levels": levels,
    }


def _rule(access: "Access") -> str:
    """Say an access rule in words."""
    sets = [" and ".join(sorted(condition.value for condition in needed)) for needed in access]
    return " or ".join(sets) or "never"
