"""A CycloneDX SBOM (1.5 or 1.6, JSON) as the CoSWID of an update (RFC 9393, U3.2).

What a recipient of the tag needs to know which software it is about is carried over: names, versions,
suppliers, package URLs, licenses, hashes, and who depends on whom. Vulnerabilities, services, evidence and
other annexes stay in the SBOM (ADR 0013).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spec.labels import CoseAlgorithm, CoSwid, CoSwidRole, CoSwidVersionScheme, NamedHash
from suit import cbor, digest
from suit.cbor import Item
from suit.errors import UsageError

MAX_SBOM: Final = 1 << 24
_MAX_COMPONENTS: Final = 4096
_HASHES: Final = {label.name.replace("_", "-"): label for label in NamedHash}
_SIZES: Final = {"SHA-256": 32, "SHA-384": 48, "SHA-512": 64, "SHA3-256": 32, "SHA3-384": 48, "SHA3-512": 64}
_SEMVER: Final = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", re.ASCII)
_NUMBERS: Final = re.compile(r"\d+(\.\d+)*", re.ASCII)

Name: TypeAlias = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    """What is read of one object; the rest of it is none of ours."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Hash(_Part):
    alg: str
    content: Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{2})+$")]

    @model_validator(mode="after")
    def _of_its_length(self) -> "_Hash":
        size = _SIZES.get(self.alg)
        if size is not None and len(self.content) != 2 * size:
            raise ValueError(f"{self.alg} has {size} bytes")
        return self


class _Organization(_Part):
    name: Name | None = None


class _NamedLicense(_Part):
    id: Name | None = None
    name: Name | None = None


class _License(_Part):
    license: _NamedLicense | None = None
    expression: Name | None = None


class _Component(_Part):
    type: Name
    name: Name
    version: str = ""
    group: str = ""
    purl: str = ""
    cpe: str = ""
    description: str = ""
    publisher: str = ""
    bom_ref: str = Field("", alias="bom-ref")
    supplier: _Organization | None = None
    manufacturer: _Organization | None = None
    hashes: list[_Hash] = []
    licenses: list[_License] = []
    components: list["_Component"] = []


class _Tool(_Part):
    name: Name | None = None


class _Tools(_Part):
    components: list[_Tool] = []


class _Metadata(_Part):
    component: _Component | None = None
    supplier: _Organization | None = None
    manufacture: _Organization | None = None
    manufacturer: _Organization | None = None
    authors: list[_Organization] = []
    tools: _Tools | list[_Tool] | None = None


class _Dependency(_Part):
    ref: Name
    depends_on: list[str] = Field([], alias="dependsOn")


class _Bom(_Part):
    format: Literal["CycloneDX"] = Field(alias="bomFormat")
    spec_version: Literal["1.5", "1.6"] = Field(alias="specVersion")
    serial_number: Annotated[
        str, Field(pattern=r"^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
    ] = Field("", alias="serialNumber", validate_default=False)
    version: Annotated[int, Field(ge=1, lt=1 << 63)] = 1
    metadata: _Metadata | None = None
    components: list[_Component] = []
    dependencies: list[_Dependency] = []


def coswid_of(raw: bytes) -> bytes:
    """Return the encoded concise-swid-tag of an SBOM: the same bytes for the same SBOM.

    Raises:
        UsageError: It is no SBOM in CycloneDX 1.5 or 1.6, or does not say whose and what it is.
    """
    bom = _read(raw)
    metadata = bom.metadata or _Metadata()
    main = metadata.component
    if main is None:
        raise UsageError("metadata.component is missing: it says which software this is")
    tag: dict[Item, Item] = {
        CoSwid.TAG_ID.value: _tag_id(bom, raw),
        CoSwid.TAG_VERSION.value: bom.version - 1,  # RFC 9393 begins with 0, CycloneDX with 1
        CoSwid.SOFTWARE_NAME.value: main.name,
        CoSwid.ENTITY.value: _one_or_more(_entities(metadata, main)),
    }
    if main.version:
        tag[CoSwid.SOFTWARE_VERSION.value] = main.version
        tag[CoSwid.VERSION_SCHEME.value] = _scheme(main.version).value
    edges = {row.ref: row.depends_on for row in bom.dependencies}
    about: dict[Item, Item] = {CoSwid.DESCRIPTION.value: main.description} if main.description else {}
    about |= _attributes(main, edges)
    if about:
        tag[CoSwid.SOFTWARE_META.value] = about
    payload = _payload([*_flat(main.components), *_flat(bom.components)], edges)
    if payload:
        tag[CoSwid.PAYLOAD.value] = payload
    return cbor.encode(tag)


def _read(raw: bytes) -> _Bom:
    if len(raw) > MAX_SBOM:
        raise UsageError(f"an SBOM of {len(raw)} bytes, over the limit of {MAX_SBOM}")
    try:
        return _Bom.model_validate(json.loads(raw, object_pairs_hook=_object))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"no CycloneDX SBOM: {place or 'document'}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"no CycloneDX SBOM: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has one member twice")
    return found


def _tag_id(bom: _Bom, raw: bytes) -> bytes:
    """Return the serial number; without one, a UUID of the content, for a tag-id has to be unique."""
    if bom.serial_number:
        return UUID(bom.serial_number).bytes
    content = digest.compute(CoseAlgorithm.SHA_256, raw).hex()
    return uuid5(NAMESPACE_URL, f"ni:///sha-256;{content}").bytes


def _entities(metadata: _Metadata, main: _Component) -> list[Item]:
    """Return who made the software and who made the tag; a tag without the latter is none (RFC 9393 §2.6)."""
    makers = [_name(main.manufacturer), _name(main.supplier), main.publisher, _name(metadata.supplier)]
    software = next(filter(None, makers), "")
    organizations = [metadata.manufacturer, metadata.manufacture, *metadata.authors, metadata.supplier]
    tools = metadata.tools.components if isinstance(metadata.tools, _Tools) else metadata.tools or []
    creators = [*map(_name, organizations), software, *map(_name, tools)]
    creator = next(filter(None, creators), "")
    if not creator:
        raise UsageError("who made the SBOM is missing: metadata.manufacturer, authors, supplier or tools")
    if software in {"", creator}:
        roles = [CoSwidRole.TAG_CREATOR, CoSwidRole.SOFTWARE_CREATOR][: 2 if software else 1]
        return [_entity(creator, *roles)]
    return [_entity(creator, CoSwidRole.TAG_CREATOR), _entity(software, CoSwidRole.SOFTWARE_CREATOR)]


def _name(part: _Organization | _Tool | None) -> str:
    return "" if part is None else part.name or ""


def _entity(name: str, *roles: CoSwidRole) -> Item:
    return {CoSwid.ENTITY_NAME.value: name, CoSwid.ROLE.value: _one_or_more([role.value for role in roles])}


def _scheme(version: str) -> CoSwidVersionScheme:
    if _SEMVER.fullmatch(version):
        return CoSwidVersionScheme.SEMVER
    if _NUMBERS.fullmatch(version):
        return CoSwidVersionScheme.MULTIPARTNUMERIC
    return CoSwidVersionScheme.ALPHANUMERIC


def _flat(components: list[_Component]) -> Iterator[_Component]:
    for component in components:
        yield component
        yield from _flat(component.components)


def _payload(components: list[_Component], edges: Mapping[str, list[str]]) -> dict[Item, Item]:
    if len(components) > _MAX_COMPONENTS:
        raise UsageError(f"an SBOM of {len(components)} components, over the limit of {_MAX_COMPONENTS}")
    files = [_file(one, edges) for one in components if one.type == "file"]
    resources = [_resource(one, edges) for one in components if one.type != "file"]
    found: dict[Item, Item] = {}
    if files:
        found[CoSwid.FILE.value] = _one_or_more(files)
    if resources:
        found[CoSwid.RESOURCE.value] = _one_or_more(resources)
    return found


def _file(component: _Component, edges: Mapping[str, list[str]]) -> Item:
    entry: dict[Item, Item] = {CoSwid.FS_NAME.value: component.name, **_attributes(component, edges)}
    if component.version:
        entry[CoSwid.FILE_VERSION.value] = component.version
    known = {_HASHES[one.alg]: one.content for one in component.hashes if one.alg in _HASHES}
    for algorithm in NamedHash:  # the first of the registry: an entry has room for one
        if algorithm in known:
            entry[CoSwid.HASH.value] = [algorithm.value, bytes.fromhex(known[algorithm])]
            break
    return entry


def _resource(component: _Component, edges: Mapping[str, list[str]]) -> Item:
    said: dict[Item, Item] = {"name": component.name, "version": component.version}
    hashes = [f"{one.alg.lower()}:{one.content.lower()}" for one in component.hashes]
    more = {"hash": _one_or_more(hashes)} if hashes else {}
    present = {key: value for key, value in said.items() if value}
    return {CoSwid.TYPE.value: component.type, **present, **more, **_attributes(component, edges)}


def _attributes(component: _Component, edges: Mapping[str, list[str]]) -> dict[Item, Item]:
    """Return what RFC 9393 has no key for, as attributes under the names of CycloneDX."""
    said: dict[str, list[str]] = {
        "bom-ref": [component.bom_ref],
        "group": [component.group],
        "purl": [component.purl],
        "cpe": [component.cpe],
        "supplier": [_name(component.supplier) or component.publisher],
        "license": [_license(one) for one in component.licenses],
        "depends-on": edges.get(component.bom_ref, []),
    }
    present = {key: [text for text in texts if text] for key, texts in said.items()}
    return {key: _one_or_more(texts) for key, texts in present.items() if texts}


def _license(given: _License) -> str:
    named = given.license or _NamedLicense()
    return given.expression or named.id or named.name or ""


def _one_or_more(items: list[Any]) -> Item:
    """Return a single item as itself, several as an array, as CoSWID has it throughout (RFC 9393 §2.2)."""
    return items[0] if len(items) == 1 else items


__all__ = ["MAX_SBOM", "coswid_of"]
