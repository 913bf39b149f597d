"""Memory stays flat: an install holds a few chunks of its payload, never the payload."""

import hashlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from conformance.release import FIRMWARE, release
from conformance.tests.lab import IC, PRODUCT, Lab
from device.agent import Device, Policy
from device.authenticate import authenticate
from device.ic.emulator import Emulator
from device.storage import DirectoryStorage
from device.trust import Trust
from suit.envelope import open_envelope
from suit.manifest import Digest

CHUNK = bytes(1 << 18)
SIZE = 64 << 20
LIMIT = 8 << 20


class Stream:
    """A fetcher that makes its payload while it is read."""

    def fetch(self, uri: str, *, digest: Digest | None, size: int | None) -> Iterator[bytes]:
        del uri, digest, size
        return (CHUNK for _ in range(SIZE // len(CHUNK)))


def test_an_install_of_64_mib_takes_a_few_mib_of_memory(tmp_path: Path) -> None:
    lab = Lab()
    envelope = release(1, bytes(SIZE), PRODUCT, [lab.author])
    with DirectoryStorage(tmp_path) as storage:
        lab.provision(storage)
        with Emulator.open(storage, lab.sealing_key, directory=IC) as ic:
            policy = Policy(PRODUCT.vendor, PRODUCT.class_id, "stable", {FIRMWARE: SIZE})
            device = Device(storage, ic, cast("Trust", None), Stream(), lab.platform, policy)
            authentic = authenticate(open_envelope(envelope), ic)
            tracemalloc.start()
            try:
                system = device.install(authentic)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert peak < LIMIT
        stored = hashlib.sha256()
        for offset in range(0, SIZE, len(CHUNK)):
            stored.update(storage.read(system.images[FIRMWARE], offset, len(CHUNK)))
        assert stored.digest() == hashlib.sha256(bytes(SIZE)).digest()
