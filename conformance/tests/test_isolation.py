"""No private key is in the device: its memory and its files are searched for the very bytes.

The same search finds the keys where the IC runs in the device's own process, and a marker that was planted:
it can find what is there.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.stage import Stage
from device.ic.emulator import KeyFile
from device.ic.emulator.state import State, decode_state
from device.ic.emulator.store import SealedStore
from device.storage import DirectoryStorage

MARKER = bytes(range(200, 232))
DEVICE = """
import sys
from pathlib import Path
from device.home import opened
planted = bytes(byte ^ 0xFF for byte in bytes.fromhex(sys.argv[2]))
with opened(Path(sys.argv[1])) as device:
    device.update()
    device.boot()
    device.confirm()
    device.suit_report(b"nonce")
    device.ic.quote(bytes(8))
    device.ic.report_key(), device.ic.attestation_key()
    print("ready", flush=True)
    sys.stdin.read()
"""


def memory_of(pid: int) -> Iterator[bytes]:
    """Return every readable region of a process."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - unbuffered
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            start, end = (int(part, 16) for part in span.split("-"))
            if rights.startswith("rw"):
                memory.seek(start)
                yield memory.read(end - start)


def shapes(secret: bytes) -> list[bytes]:
    """Return how a secret may lie there: as it is, as a big number's limbs, as text."""
    return [secret, secret[::-1], secret.hex().encode(), secret.hex().upper().encode()]


def sealed_state(home: Path) -> tuple[State, bytes]:
    key = KeyFile(home / "ic.key").load()
    with DirectoryStorage(home / "ic") as storage:
        return decode_state(SealedStore(storage, key, "ic").load().state), key


@pytest.mark.req("H6-18", "H6-6")
@pytest.mark.parametrize(
    ("where", "expected"),
    [("process", {"marker"}), ("inprocess", {"marker", "report key", "attestation key"})],
)
def test_private_keys_are_in_the_device_only_where_its_ic_is(
    tmp_path: Path, where: str, expected: set[str]
) -> None:
    with Stage.open(tmp_path, ic=where) as stage:
        stage.found()
        stage.publish(1)
        stage.provision()
        home = tmp_path / "device"
        planted = bytes(byte ^ 0xFF for byte in MARKER).hex()
        with subprocess.Popen(
            [sys.executable, "-c", DEVICE, str(home), planted], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as device:
            assert device.stdin is not None
            assert device.stdout is not None
            try:
                assert device.stdout.readline() == b"ready\n"
                regions = list(memory_of(device.pid))
            finally:
                device.stdin.close()
                assert device.wait(60) == 0
    state, sealing_key = sealed_state(home)
    assert state.report_key is not None
    assert state.attestation_key is not None
    secrets = {
        "marker": MARKER,
        "report key": state.report_key.d,
        "attestation key": state.attestation_key.d,
        "sealing key": sealing_key,
    }
    found = {
        name
        for name, secret in secrets.items()
        if any(shape in region for region in regions for shape in shapes(secret))
    }
    assert found - {"sealing key"} == expected
    assert where != "process" or "sealing key" not in found
    private = {name: secrets[name] for name in ("report key", "attestation key")}
    for path in home.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not [name for name, secret in private.items() if any(s in content for s in shapes(secret))]
