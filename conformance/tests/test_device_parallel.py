"""Downloads at the same time on a whole device: over HTTP, under power cuts, with failing disks."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typing_extensions import override

from conformance.powercut import CrashMode, Fault, PowerCutStorage, PowerLoss
from conformance.release import ALL, FIRMWARE
from conformance.tests.lab import PRODUCT, Lab, image, install
from device.agent import Device
from device.fetch import PayloadFetcher, PayloadPolicy
from device.http import HttpClient, Limits
from device.storage import Storage
from spec.labels import Command, CoseAlgorithm, Parameter
from suit.cose import sign1
from suit.encode import encode_envelope
from suit.envelope import seal, with_block
from suit.errors import NetworkError, StorageError
from suit.manifest import Command as Step
from suit.manifest import ComponentId, Digest, Manifest, Severable

RADIO: ComponentId = (b"\x01",)
PATIENCE = 20  # seconds until a thread that waits for another one gives up; nobody waits that long


def firmware(number: int) -> bytes:
    return image(number) + b"for the radio"


def release(lab: Lab, number: int, uris: tuple[str, str] = ("firmware.bin", "radio.bin")) -> bytes:
    """Return a release of two images, which may be fetched at the same time."""
    rows = {
        index: {
            Parameter.VENDOR_IDENTIFIER: PRODUCT.vendor,
            Parameter.CLASS_IDENTIFIER: PRODUCT.class_id,
            Parameter.IMAGE_DIGEST: Digest(CoseAlgorithm.SHA_256, hashlib.sha256(content).digest()),
            Parameter.IMAGE_SIZE: len(content),
            Parameter.URI: uri,
        }
        for index, (content, uri) in enumerate(zip((image(number), firmware(number)), uris, strict=True))
    }
    every, match = Step(Command.SET_COMPONENT_INDEX, True), Step(Command.IMAGE_MATCH, ALL)
    manifest = Manifest(
        sequence_number=number,
        components=(FIRMWARE, RADIO),
        shared_sequence=(
            Step(Command.OVERRIDE_MULTIPLE, rows),
            every,
            Step(Command.VENDOR_IDENTIFIER, ALL),
            Step(Command.CLASS_IDENTIFIER, ALL),
        ),
        install=Severable(
            (
                every,
                Step(Command.OVERRIDE_PARAMETERS, {Parameter.STRICT_ORDER: False}),
                Step(Command.RUN_SEQUENCE, (Step(Command.FETCH, ALL), match)),
            )
        ),
        validate=(every, match),
        invoke=(Step(Command.SET_COMPONENT_INDEX, 0), Step(Command.INVOKE, ALL)),
    )
    envelope = seal(manifest)
    return encode_envelope(with_block(envelope, sign1(envelope.digest_bytes, lab.author)))


class TwoImages(Lab):
    """A device with a radio."""

    def __init__(self) -> None:
        super().__init__()
        self.capacities = {FIRMWARE: 4096, RADIO: 4096}

    @override
    def envelope(self, number: int, content: bytes | None = None, **_: Any) -> bytes:
        return release(self, number)

    @contextmanager
    @override
    def device(self, storage: Storage, *, serves: int | bytes = 1, **options: Any) -> Iterator[Device]:
        self.more = {"radio.bin": firmware(serves) if isinstance(serves, int) else serves}
        with super().device(storage, serves=serves, **options) as device:
            yield device


@pytest.fixture(scope="module")
def lab() -> TwoImages:
    return TwoImages()


@pytest.fixture(scope="module")
def files(lab: TwoImages) -> dict[str, bytes]:
    """A device that runs release 1."""
    storage = PowerCutStorage()
    lab.provision(storage)
    lab.run(storage, 1)
    return storage.after_power_loss().files()


def whole(lab: Lab, storage: Storage) -> int:
    """Boot; return which release runs, and see that both images are of that one."""
    with lab.device(storage) as device:
        booted = device.boot()
    number = lab.runs(booted)
    assert booted.images[RADIO] == hashlib.sha256(firmware(number)).digest()
    return number


@pytest.mark.req("M6.7-1", "H2-7", "H7-9")
@pytest.mark.parametrize("mode", CrashMode)
def test_a_power_cut_while_several_images_arrive_leaves_a_device_that_boots_and_can_update(
    lab: TwoImages, files: dict[str, bytes], mode: CrashMode
) -> None:
    undisturbed = PowerCutStorage(files)
    lab.install(undisturbed, 2)
    for stop in range(undisturbed.operations + 1):
        storage = PowerCutStorage(files, stop=stop, mode=mode, seed=stop)
        with suppress(PowerLoss):
            lab.install(storage, 2)
        survivor = storage.after_power_loss()
        assert whole(lab, survivor) in (1, 2), stop
        assert whole(lab, survivor) == 1, stop  # nobody has confirmed the trial
        lab.run(survivor, 3)
        assert whole(lab, survivor) == 3, stop


@pytest.mark.req("H7-5")
@pytest.mark.parametrize("fault", Fault)
def test_a_failing_disk_under_several_downloads_leaves_the_running_release_alone(
    lab: TwoImages, files: dict[str, bytes], fault: Fault
) -> None:
    undisturbed = PowerCutStorage(files)
    lab.install(undisturbed, 2)
    writes = [n for n, text in enumerate(undisturbed.log) if "images/" in text]
    assert len(writes) >= 4
    for operation in writes:
        failing = PowerCutStorage(files, faults={operation: fault})
        with suppress(StorageError):
            lab.install(failing, 2)
        assert whole(lab, failing) in (1, 2), operation


@pytest.mark.parametrize("served", [b"something else", b"", b"x" * 5000])
def test_images_that_are_others_install_nothing(
    lab: TwoImages, files: dict[str, bytes], served: bytes
) -> None:
    storage = PowerCutStorage(files)
    with lab.device(storage, serves=served) as device, pytest.raises(Exception, match=r"component [01]"):
        install(device, lab.envelope(2))
    assert whole(lab, storage) == 1


# Over HTTP.


@contextmanager
def server(answer: Any) -> Iterator[str]:
    """Serve on loopback: ``answer(path, handler)`` returns the body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer(self.path, self)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()
            thread.join()


@contextmanager
def online(lab: TwoImages, storage: Storage, url: str, limits: Limits) -> Iterator[Device]:
    client = HttpClient(limits)
    try:
        with lab.device(storage) as device:
            device._fetcher = PayloadFetcher(client, url, PayloadPolicy(origins=frozenset({url})))
            yield device
    finally:
        client.close()


@pytest.mark.req("M6.7-1")
def test_two_requests_are_on_their_way_at_the_same_time(lab: TwoImages, files: dict[str, bytes]) -> None:
    both = threading.Barrier(2)

    def answer(path: str, _: object) -> bytes:
        both.wait(PATIENCE)  # neither is answered before both have come
        return image(2) if path == "/firmware" else firmware(2)

    storage = PowerCutStorage(files)
    with server(answer) as url, online(lab, storage, url, Limits()) as device:
        install(device, release(lab, 2, (f"{url}/firmware", f"{url}/radio")))
    assert whole(lab, storage) == 2


def test_a_server_that_never_answers_ends_the_update_at_the_deadline(
    lab: TwoImages, files: dict[str, bytes]
) -> None:
    over = threading.Event()

    def answer(path: str, _: object) -> bytes:
        if path == "/radio":
            over.wait(PATIENCE)
        return image(2)

    storage = PowerCutStorage(files)
    with server(answer) as url, online(lab, storage, url, Limits(silence_seconds=0.5)) as device:
        with pytest.raises(NetworkError):
            install(device, release(lab, 2, (f"{url}/firmware", f"{url}/radio")))
        over.set()
    assert whole(lab, storage) == 1
