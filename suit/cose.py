"""The one door for COSE (RFC 9052): what authentication blocks say, and how they are made.

Bytes pass the strict decoder and the header policy before anything else sees them. pycose builds the
structures of COSE_Sign, COSE_Mac0 and COSE_Mac and writes all blocks; it is fed decoded and checked items
only, its algorithms run on :mod:`suit.crypto`, and none of its exceptions leaves this module. COSE_Sign1
is read without it: importing pycose would double the time of ``hardsuit suit verify`` (ADR 0002).
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spec.labels import DIRECT_RECIPIENTS, MACS, SIGNATURES, CborTag, CoseAlgorithm, CoseCurve
from spec.labels import CoseHeader as Label
from suit import cbor, crypto
from suit.cose_header import Header, named_algorithm, protected_algorithm, read_header
from suit.errors import (
    HardsuitError,
    LimitError,
    MalformedError,
    NotAuthenticError,
    UnsupportedAlgorithmError,
    UnsupportedCoseError,
    UsageError,
)
from suit.keys import IMPLEMENTED, algorithms_of

if TYPE_CHECKING:
    from suit.signer import Signer  # only makers of blocks need it

MAX_SIGNERS: Final = 8
_LIMITS: Final = cbor.Limits(size=1 << 16, depth=8, items=512)
_CONTEXT_SIGNATURE1: Final = b"\x84" + cbor.encode("Signature1")
_NO_EXTERNAL_AAD: Final = cbor.encode(b"")
_SIGN1: Final = CborTag.COSE_SIGN1
_SIGNATURES: Final = SIGNATURES & IMPLEMENTED
_MACS: Final = MACS & IMPLEMENTED


class Attestation(NamedTuple):
    """One signature or tag of a block.

    Attributes:
        kid: The name that the block gives to its key, if any.
        algorithm: The protected algorithm.
        structure: What was signed: the encoded Sig_structure or MAC_structure.
        value: The signature, or the tag.
    """

    kid: bytes | None
    algorithm: CoseAlgorithm
    structure: bytes
    value: bytes


class Block(NamedTuple):
    """An authentication block (M8.3): which COSE structure it is, and what it offers as proof."""

    kind: CborTag
    attestations: tuple[Attestation, ...]


def parse_block(raw: bytes, payload: bytes, *, where: str) -> Block:
    """Read an encoded authentication block.

    Args:
        raw: The block, CBOR tag included.
        payload: What it covers: the content of SUIT_Authentication's first element (M8.3).
        where: What the block is called in messages.

    Raises:
        LimitError: It is over a limit.
        MalformedError: It is not deterministic CBOR, or not the COSE structure that its tag promises.
        UnsupportedAlgorithmError: It offers no proof by an algorithm that hardsuit knows.
        UnsupportedCoseError: COSE that hardsuit does not understand.
    """
    item = cbor.decode(raw, where=where, limits=_LIMITS, ordered=False)
    if type(item) is not cbor.Tagged:
        raise MalformedError(where, "an authentication block has to be tagged")
    reader = _READERS.get(item.tag)
    if reader is None:
        raise UnsupportedCoseError(f"{where}: CBOR tag {item.tag} is no signature and no MAC")
    length, read = reader
    parts = item.value
    if type(parts) is not list or len(parts) != length:
        raise MalformedError(where, f"a structure of {length} elements was expected")
    header = read_header(parts[0], parts[1], where)
    if parts[2] is not None:
        raise UnsupportedCoseError(f"{where}: the payload is not detached")
    return read(header, parts[3:], payload, where)


def _read_sign1(header: Header, parts: list[cbor.Item], payload: bytes, where: str) -> Block:
    algorithm = protected_algorithm(header, _SIGNATURES, where)
    protected = cbor.byte_string_head(len(header.protected)) + header.protected
    covered = cbor.byte_string_head(len(payload)) + payload
    structure = _CONTEXT_SIGNATURE1 + protected + _NO_EXTERNAL_AAD + covered
    proof = Attestation(header.kid, algorithm, structure, _value(parts[0], where))
    return Block(_SIGN1, (proof,))


def _read_sign(header: Header, parts: list[cbor.Item], payload: bytes, where: str) -> Block:
    if type(parts[0]) is not list or not parts[0]:
        raise MalformedError(where, "COSE_Sign without signatures")
    if len(parts[0]) > MAX_SIGNERS:
        raise LimitError(where, f"more than {MAX_SIGNERS} signatures")
    known, unsupported = [], []
    for number, signature in enumerate(parts[0]):
        try:
            known.append(_read_signature(signature, f"{where} signature {number}"))
        except NotAuthenticError as error:  # this one vouches for nothing; another may
            unsupported.append(error)
    if not known:
        raise unsupported[0]
    with _fence(where):
        message = _pycose().sign.from_cose_obj(
            [header.protected, {}, None, [[one.protected, {}, value] for one, _, value in known]],
            allow_unknown_attributes=True,
        )
        structures = [
            _recorded(one, functools.partial(one.verify_signature, detached_payload=payload))
            for one in message.signers
        ]
    proofs = [
        Attestation(one.kid, algorithm, structure, value)
        for (one, algorithm, value), structure in zip(known, structures, strict=True)
    ]
    return Block(CborTag.COSE_SIGN, tuple(proofs))


def _read_signature(item: cbor.Item, where: str) -> tuple[Header, CoseAlgorithm, bytes]:
    if type(item) is not list or len(item) != 3:  # noqa: PLR2004 - protected, unprotected, signature
        raise MalformedError(where, "a structure of 3 elements was expected")
    header = read_header(item[0], item[1], where)
    return header, protected_algorithm(header, _SIGNATURES, where), _value(item[2], where)


def _read_mac0(header: Header, parts: list[cbor.Item], payload: bytes, where: str) -> Block:
    algorithm = protected_algorithm(header, _MACS, where)
    tag = _value(parts[0], where)
    with _fence(where):
        message = _pycose().mac0.from_cose_obj(
            [header.protected, {}, payload, tag], allow_unknown_attributes=True
        )
        structure = _recorded(message, message.verify_tag)
    return Block(CborTag.COSE_MAC0, (Attestation(header.kid, algorithm, structure, tag),))


def _read_mac(header: Header, parts: list[cbor.Item], payload: bytes, where: str) -> Block:
    algorithm = protected_algorithm(header, _MACS, where)
    tag = _value(parts[0], where)
    kid = _direct_recipient(parts[1], where)
    with _fence(where):
        message = _pycose().mac.from_cose_obj(
            [header.protected, {}, payload, tag, []], allow_unknown_attributes=True
        )
        structure = _recorded(message, message.verify_tag)
    return Block(CborTag.COSE_MAC, (Attestation(kid or header.kid, algorithm, structure, tag),))


def _direct_recipient(item: cbor.Item, where: str) -> bytes | None:
    """Return the kid of the one ``direct`` recipient (RFC 9053 §6.1.1); wrapped keys are not read."""
    if type(item) is not list or not item:
        raise MalformedError(where, "COSE_Mac without recipients")
    headers = []
    for recipient in item:
        if type(recipient) is not list or len(recipient) not in (3, 4):
            raise MalformedError(where, "a recipient is a structure of 3 or 4 elements")
        header = read_header(recipient[0], recipient[1], where)
        named = header.open_algorithm if header.algorithm is None else header.algorithm
        named_algorithm(named, DIRECT_RECIPIENTS, where)
        headers.append(header)
        if header.protected or recipient[2:] != [b""]:
            raise MalformedError(where, "a direct recipient has neither protected header nor content")
    if len(headers) > 1:
        raise MalformedError(where, "a direct recipient has to be the only one")
    return headers[0].kid


def _value(item: cbor.Item, where: str) -> bytes:
    if type(item) is not bytes or not item:
        raise MalformedError(where, "the signature or tag has to be a byte string")
    return item


_READERS: Final[dict[int, tuple[int, Callable[[Header, list[cbor.Item], bytes, str], Block]]]] = {
    CborTag.COSE_SIGN1.value: (4, _read_sign1),
    CborTag.COSE_SIGN.value: (4, _read_sign),
    CborTag.COSE_MAC0.value: (4, _read_mac0),
    CborTag.COSE_MAC.value: (5, _read_mac),
}


def sign1(payload: bytes, signer: "Signer") -> bytes:
    """Make a tagged COSE_Sign1 over a detached payload, with the signer's kid if it has one."""
    _require(signer, _SIGNATURES)
    with _fence("COSE_Sign1"):
        pycose = _pycose()
        message = pycose.sign1(phdr=_protected(signer), uhdr=_unprotected(signer))
        message.key = pycose.key(signer)
        encoded: bytes = message.encode(detached_payload=payload)
    return encoded


def sign(payload: bytes, signers: Sequence["Signer"]) -> bytes:
    """Make a tagged COSE_Sign over a detached payload, one signature per signer.

    Raises:
        UsageError: No signer, more than :data:`MAX_SIGNERS`, or one that makes MACs.
    """
    if not 0 < len(signers) <= MAX_SIGNERS:
        raise UsageError(f"COSE_Sign takes 1 to {MAX_SIGNERS} signers")
    for signer in signers:
        _require(signer, _SIGNATURES)
    with _fence("COSE_Sign"):
        pycose = _pycose()
        signatures = [
            pycose.signature(phdr=_protected(signer), uhdr=_unprotected(signer), key=pycose.key(signer))
            for signer in signers
        ]
        encoded: bytes = pycose.sign(signers=signatures).encode(detached_payload=payload)
    return encoded


def mac0(payload: bytes, signer: "Signer") -> bytes:
    """Make a tagged COSE_Mac0 over a detached payload."""
    _require(signer, _MACS)
    with _fence("COSE_Mac0"):
        pycose = _pycose()
        message = pycose.mac0(phdr=_protected(signer), payload=payload, key=pycose.key(signer))
        parts = [message.phdr_encoded, _kid(signer), None, message.compute_tag()]
    return cbor.encode(cbor.Tagged(CborTag.COSE_MAC0.value, parts))


def mac(payload: bytes, signer: "Signer") -> bytes:
    """Make a tagged COSE_Mac over a detached payload for one ``direct`` recipient, named by kid."""
    _require(signer, _MACS)
    with _fence("COSE_Mac"):
        pycose = _pycose()
        direct = pycose.algorithm.value_parser(CoseAlgorithm.DIRECT.value)
        recipient = pycose.direct(uhdr={pycose.algorithm: direct})
        message = pycose.mac(
            phdr=_protected(signer),
            payload=payload,
            key=pycose.key(signer),
            recipients=[recipient],
        )
        tag = message.compute_tag()
        protected, _, empty = recipient.encode()
    headers = {Label.ALG.value: CoseAlgorithm.DIRECT.value} | _kid(signer)
    parts = [message.phdr_encoded, {}, None, tag, [[protected, headers, empty]]]
    return cbor.encode(cbor.Tagged(CborTag.COSE_MAC.value, parts))


def _require(signer: "Signer", allowed: frozenset[CoseAlgorithm]) -> None:
    if signer.algorithm not in allowed:
        raise UsageError(f"{signer.algorithm.name} does not fit this kind of block")


def _kid(signer: "Signer") -> dict[int, bytes]:
    return {Label.KID.value: signer.kid} if signer.kid else {}


@functools.cache
def _pycose() -> SimpleNamespace:
    """Import pycose and move its algorithms; the first block that needs it pays for that."""
    from pycose.headers import KID, Algorithm  # noqa: PLC0415 - see above
    from pycose.keys.okp import OKPKey  # noqa: PLC0415
    from pycose.messages.mac0message import Mac0Message  # noqa: PLC0415
    from pycose.messages.macmessage import MacMessage  # noqa: PLC0415
    from pycose.messages.recipient import DirectEncryption  # noqa: PLC0415
    from pycose.messages.sign1message import Sign1Message  # noqa: PLC0415
    from pycose.messages.signer import CoseSignature  # noqa: PLC0415
    from pycose.messages.signmessage import SignMessage  # noqa: PLC0415

    def __init__(self: Any, primitive: object) -> None:  # noqa: ANN401, N807 - a method of the class below
        self.store = {}
        self.primitive = primitive

    # pycose takes subclasses of its own keys only. Whether the key may be used was decided before.
    stand_in = {"__init__": __init__, "__repr__": lambda _: "<key>", "verify": lambda *_: None}
    _register()
    return SimpleNamespace(
        algorithm=Algorithm,
        kid=KID,
        key=type("Key", (OKPKey,), stand_in),
        sign1=Sign1Message,
        sign=SignMessage,
        signature=CoseSignature,
        mac0=Mac0Message,
        mac=MacMessage,
        direct=DirectEncryption,
    )


def _register() -> None:
    """Put our algorithms in the place of pycose's, for the whole process: python-ecdsa loses its callers."""
    from pycose.algorithms import CoseAlgorithm as Registry  # noqa: PLC0415 - as in _pycose

    for algorithm in sorted(IMPLEMENTED, key=lambda one: one.value):
        make = staticmethod(functools.partial(_make, algorithm))
        verify = staticmethod(functools.partial(_verify, algorithm))
        names = {"identifier": algorithm.value, "fullname": algorithm.name}
        methods = {"sign": make, "compute_tag": make, "verify": verify, "verify_tag": verify}
        ours = Registry.register_attribute()(type(algorithm.name, (Registry,), names | methods))
        if Registry.from_id(algorithm.value) is not ours:
            raise HardsuitError(f"pycose does not use our {algorithm.name}")
    registered: dict[object, type] = Registry.get_registered_classes()  # type: ignore[no-untyped-call]
    if any(hasattr(one, "get_curve") for one in registered.values()):
        raise HardsuitError("pycose would use python-ecdsa")


def _make(algorithm: CoseAlgorithm, *, key: Any, data: bytes) -> bytes:  # noqa: ANN401 - pycose's or ours
    if hasattr(key, "primitive"):
        primitive: crypto.Signing = key.primitive
    elif algorithm in _MACS:
        primitive = crypto.MacPrimitive(key.k, algorithm)
    else:
        primitive = crypto.signing(crypto.private_key(_curve(key, algorithm), key.d))
    return primitive.sign(data)


def _verify(algorithm: CoseAlgorithm, *, key: Any, data: bytes, **value: bytes) -> bool:  # noqa: ANN401
    (proof,) = value.values()  # pycose calls it signature or tag
    if hasattr(key, "primitive"):
        primitive: crypto.Verifying = key.primitive
    elif algorithm in _MACS:
        primitive = crypto.MacPrimitive(key.k, algorithm)
    else:
        point = crypto.public_key(_curve(key, algorithm), key.x, getattr(key, "y", b""))
        primitive = crypto.verifying(point)
    return primitive.verify(data, proof)


def _curve(key: Any, algorithm: CoseAlgorithm) -> CoseCurve:  # noqa: ANN401 - pycose has no types
    curve = CoseCurve(key.crv.identifier)
    if algorithm not in algorithms_of(curve):
        raise UnsupportedAlgorithmError(f"{algorithm.name} with {curve.name} is not used")
    return curve


def _protected(signer: "Signer") -> dict[Any, Any]:
    label = _pycose().algorithm
    return {label: label.value_parser(signer.algorithm.value)}


def _unprotected(signer: "Signer") -> dict[Any, Any]:
    return {_pycose().kid: signer.kid} if signer.kid else {}


class _Recorder:
    """Takes the place of a verifying key, to learn what it would have to verify."""

    def __init__(self) -> None:
        self.structure = b""

    def verify(self, message: bytes, value: bytes) -> bool:
        """Note ``message``; no verdict is taken from here."""
        del value
        self.structure = message
        return False


def _recorded(message: Any, verify: Callable[[], object]) -> bytes:  # noqa: ANN401 - pycose has no types
    recorder = _Recorder()
    message.key = _pycose().key(recorder)
    verify()
    return recorder.structure


@contextmanager
def _fence(where: str) -> Iterator[None]:
    """Let no exception of pycose out."""
    try:
        yield
    except HardsuitError:
        raise
    except Exception as error:
        raise UnsupportedCoseError(f"{where}: pycose does not take it ({type(error).__name__})") from error
