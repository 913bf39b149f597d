"""Values of a description to those of the model: bytes, digests, identifiers, versions."""

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Final, cast

from spec.labels import CborTag, CoseAlgorithm
from suit import cbor, description, digest, yaml_source
from suit.cose_encrypt import parse_encryption_info
from suit.describe.dependencies import Dependencies
from suit.describe.files import Files
from suit.description import Blob, Identifier, Image, Metadata, WaitInfo, Words, alias
from suit.encryption import EncryptionInfo
from suit.errors import RejectedError
from suit.manifest import Digest, ParameterValue, Pen
from suit.narrow import draft_name
from suit.version import read_version_match

HASHES: Final = {draft_name(algorithm): algorithm for algorithm in CoseAlgorithm}
_PEN_NAMESPACE: Final = uuid.UUID("47fbdabb-f2e4-55f0-bb39-3620c2f6df4e")  # M8.4.8.2, for UUIDs from a PEN


@dataclass(frozen=True, slots=True)
class Values:
    """Turns single values into those of the model; ``path`` is where they stand, for errors.

    Attributes:
        files: The files that they name.
        algorithm: The hash to take where a digest does not say it.
        dependencies: The envelopes that digests of dependencies come from.
        payloads: Integrated payloads by URI.
    """

    files: Files
    algorithm: str
    dependencies: Dependencies
    payloads: dict[str, bytes] = field(default_factory=dict)

    def parameter(self, name: str, value: object, path: yaml_source.Path) -> ParameterValue:
        """Return the value of a parameter that names no component."""
        match value:
            case Identifier():
                return self._identifier(value, path, vendor=name == "vendor_identifier")
            case description.Digest():
                return self._digest(value, path)
            case Blob():
                content = self.blob(value, path)
                return self._encryption_info(content, path) if name == "encryption_info" else content
            case Metadata() | WaitInfo():
                return value.to_model()
            case str() if name == "version":
                return read_version_match(value)
            case _:
                return cast("ParameterValue", value)

    def image(self, image: Image, path: yaml_source.Path) -> tuple[Digest, int]:
        """Return digest and size of an image."""
        algorithm = HASHES[image.algorithm or self.algorithm]
        if image.dependency is not None:
            envelope, raw = self.dependencies.get(image.dependency, path)
            return envelope.digest, len(raw)
        if image.payload is not None:
            content = self._payload(image.payload, path)
            return Digest(algorithm, digest.compute(algorithm, content)), len(content)
        value, size = self.files.hash(str(image.file), algorithm, path)
        return Digest(algorithm, value), size

    def blob(self, blob: Blob, path: yaml_source.Path) -> bytes:
        """Return bytes."""
        if blob.hex is not None:
            return blob.hex
        return blob.text.encode() if blob.text is not None else self.files.read(str(blob.file), path)

    def words(self, words: Words, path: yaml_source.Path) -> str:
        """Return a text."""
        if words.text is not None:
            return words.text
        try:
            return self.files.read(str(words.file), path).decode()
        except UnicodeDecodeError:
            raise self.files.fail(path, f"{words.file} is not UTF-8") from None

    def _encryption_info(self, raw: bytes, path: yaml_source.Path) -> EncryptionInfo:
        try:
            return parse_encryption_info(raw, where="encryption-info")
        except RejectedError as error:
            raise self.files.fail(path, str(error)) from error

    def _identifier(self, given: Identifier, path: yaml_source.Path, *, vendor: bool) -> bytes | Pen:
        if given.pen is not None and vendor:
            return _pen(given.pen)
        if given.pen is not None:
            raise self.files.fail(path, "only a vendor has a PEN; a namespace may be one")
        return self._uuid(given, path).bytes

    def _uuid(self, given: Identifier, path: yaml_source.Path) -> uuid.UUID:
        if given.dns is not None:
            return uuid.uuid5(uuid.NAMESPACE_DNS, given.dns)
        if given.url is not None:
            return uuid.uuid5(uuid.NAMESPACE_URL, given.url)
        if given.namespace is not None:
            return uuid.uuid5(self._uuid(given.namespace, (*path, "namespace")), str(given.name))
        if given.pen is not None:
            # The name is the encoded PEN, tag included (ADR 0005, 7.38).
            return _uuid5(_PEN_NAMESPACE, cbor.encode(cbor.Tagged(CborTag.PEN.value, _pen(given.pen).oid)))
        try:
            return uuid.UUID(given.uuid)
        except ValueError:
            raise self.files.fail(
                path, "a UUID of 32 hexadecimal digits is needed, or dns: or namespace:"
            ) from None

    def _digest(self, given: description.Digest, path: yaml_source.Path) -> Digest:
        if not {"file", "payload", "dependency"}.isdisjoint(given.given()):
            image = Image.model_construct(**{name: getattr(given, name) for name in Image.model_fields})
            return self.image(image, path)[0]
        (name,) = given.given()
        algorithm, value = HASHES[alias(given, name)], getattr(given, name)
        if len(value) != digest.size(algorithm):
            raise self.files.fail(
                path, f"{alias(given, name)} has {digest.size(algorithm)} bytes, not {len(value)}"
            )
        return Digest(algorithm, value)

    def _payload(self, uri: str, path: yaml_source.Path) -> bytes:
        if uri not in self.payloads:
            raise self.files.fail(path, f"there is no integrated payload {uri}")
        return self.payloads[uri]


def _pen(number: int) -> Pen:
    """Encode a PEN as an object identifier relative to 1.3.6.1.4.1 (RFC 9090 §4, tag 112)."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return Pen(bytes(reversed(digits)))


def _uuid5(namespace: uuid.UUID, name: bytes) -> uuid.UUID:
    hashed = hashlib.sha1(namespace.bytes + name, usedforsecurity=False).digest()
    return uuid.UUID(bytes=hashed[:16], version=5)
