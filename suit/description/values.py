"""Values that an author writes as a map: bytes, texts, digests, images and identifiers."""

from typing import Annotated, Final, TypeAlias

from pydantic import Field, model_validator

from suit.description.forms import HEX_SCHEMA, Also, Choice, FilePath, HashName, Hex, Model, Name, bare


class Blob(Choice):
    """Bytes: hexadecimal digits, the UTF-8 of a text, or the content of a file."""

    hex: Hex | None = None
    text: str | None = None
    file: FilePath | None = None


class Coswid(Choice):
    """The CoSWID of the software: made of a CycloneDX SBOM, or one that is there already."""

    cyclonedx: FilePath | None = None
    file: FilePath | None = None
    hex: Hex | None = None


class Words(Choice):
    """A text for people, or the file that holds it."""

    text: str | None = None
    file: FilePath | None = None


class Digest(Model):
    """A digest by its algorithm and value, or that of a file, an integrated payload or a dependency."""

    sha_256: Hex | None = None
    sha_384: Hex | None = None
    sha_512: Hex | None = None
    shake128: Hex | None = None
    shake256: Hex | None = None
    file: FilePath | None = None
    payload: str | None = None
    dependency: str | None = None
    algorithm: HashName | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Digest":
        sources = self.model_fields_set - {"algorithm"}
        if len(sources) != 1:
            raise ValueError(
                "exactly one of a digest by its algorithm, file, payload and dependency is needed"
            )
        if self.algorithm is not None and not sources <= {"file", "payload"}:
            raise ValueError("algorithm goes with file or payload")
        return self


class Image(Model):
    """A file or an integrated payload, whose digest and size become image-digest and image-size.

    For a dependency they are the digest of its manifest and the size of its envelope (T5.2.2).
    """

    file: FilePath | None = None
    payload: str | None = None
    dependency: str | None = None
    algorithm: HashName | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Image":
        sources = self.model_fields_set - {"algorithm"}
        if len(sources) != 1:
            raise ValueError("exactly one of file, payload and dependency is needed")
        if self.algorithm is not None and not sources <= {"file", "payload"}:
            raise ValueError("algorithm goes with file or payload")
        return self


class Identifier(Model):
    """A UUID, made from a name (RFC 9562, version 5) or written out; for vendors also a PEN.

    ``{dns: example.com}``, ``{url: …}``, ``{namespace: …, name: …}``, ``{pen: 32473}``, ``{uuid: …}``.
    """

    uuid: str | None = None
    dns: Name | None = None
    url: Name | None = None
    namespace: "IdentifierValue | None" = None
    name: str | None = None
    pen: Annotated[int, Field(ge=0, le=(1 << 32) - 1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Identifier":
        if ("namespace" in self.model_fields_set) != ("name" in self.model_fields_set):
            raise ValueError("namespace and name go together")
        if len(self.model_fields_set - {"name"}) != 1:
            raise ValueError("exactly one of uuid, dns, url, pen and namespace with name is needed")
        return self


_TEXT_SCHEMA: Final = Also({"type": "string"})
BlobValue: TypeAlias = Annotated[
    Blob, bare("hex", str, int), Also({"type": "integer", "minimum": 0}, HEX_SCHEMA)
]
WordsValue: TypeAlias = Annotated[Words, bare("text", str), _TEXT_SCHEMA]
IdentifierValue: TypeAlias = Annotated[Identifier, bare("uuid", str, int), _TEXT_SCHEMA]
DigestValue: TypeAlias = Annotated[Digest, bare("sha-256", str, int), Also(HEX_SCHEMA)]
