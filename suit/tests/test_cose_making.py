"""suit.cose, making: what it writes is what it reads, and pycose stays behind its fence."""

import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest

from spec.labels import CoseAlgorithm
from suit import cbor, cose, crypto
from suit.cose import parse_block
from suit.errors import (
    HardsuitError,
    KeyUnavailableError,
    MalformedError,
    UnsupportedAlgorithmError,
    UnsupportedCoseError,
    UsageError,
)
from suit.keys import IMPLEMENTED
from suit.signer import KeyType, LocalSigner, Signer, generate

PAYLOAD = b"\x82\x2f\x58\x20" + bytes(range(32))
SIGN1, SIGN, MAC0, MAC = KINDS = (18, 98, 17, 97)
ALG, ESP256, HMAC = 1, CoseAlgorithm.ESP256.value, CoseAlgorithm.HMAC_256.value


def read(raw: bytes) -> cose.Block:
    return parse_block(raw, PAYLOAD, where="block")


def mac0_block(header: Mapping[int, object]) -> bytes:
    return cbor.encode(cbor.Tagged(MAC0, [cbor.encode(header), {}, None, bytes(32)]))


def use_pycose() -> None:
    read(mac0_block({ALG: HMAC}))


class _Fixed:
    """A signer that gives what it is told."""

    def __init__(self, signer: LocalSigner, outcome: bytes | Exception) -> None:
        self.algorithm, self.kid, self.public = signer.algorithm, signer.kid, signer.public
        self._outcome = outcome

    def sign(self, message: bytes) -> bytes:
        del message
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


SIGNERS = {kind: generate(kind, kid=kind.name.encode()) for kind in KeyType}
MAKERS: dict[int, Callable[[bytes, Signer], bytes]] = {
    SIGN1: cose.sign1,
    SIGN: lambda payload, signer: cose.sign(payload, [signer]),
    MAC0: cose.mac0,
    MAC: cose.mac,
}
FITTING = [(kind, key) for kind in KINDS for key in KeyType if (key is KeyType.HMAC) == (kind in (MAC0, MAC))]


@pytest.mark.req("H3-6")
@pytest.mark.parametrize(("kind", "key"), FITTING)
def test_what_is_made_is_read_and_verifies(kind: int, key: KeyType) -> None:
    for kid in (None, b"kid of mine"):
        for algorithm in sorted(IMPLEMENTED, key=lambda one: one.value):
            try:
                signer = generate(key, kid=kid, algorithm=algorithm)
            except UsageError:
                continue  # not an algorithm of this kind of key
            made = MAKERS[kind](PAYLOAD, signer)
            (proof,) = read(made).attestations
            assert (proof.kid, proof.algorithm) == (kid, algorithm)
            assert crypto.verify_signature(signer.public, algorithm, proof.structure, proof.value)
            assert not crypto.verify_signature(signer.public, algorithm, proof.structure + b"x", proof.value)


@pytest.mark.parametrize(("kind", "key"), FITTING)
def test_what_is_made_is_deterministic_cbor_and_reproducible(kind: int, key: KeyType) -> None:
    made = MAKERS[kind](PAYLOAD, SIGNERS[key])
    assert cbor.encode(cbor.decode(made, where="made")) == made
    assert MAKERS[kind](PAYLOAD, SIGNERS[key]) == made


def test_cose_sign_holds_one_signature_per_signer_in_order() -> None:
    signers = [SIGNERS[key] for key in KeyType if key is not KeyType.HMAC]
    proofs = read(cose.sign(PAYLOAD, signers)).attestations
    assert [proof.kid for proof in proofs] == [signer.kid for signer in signers]
    for proof, signer in zip(proofs, signers, strict=True):
        assert crypto.verify_signature(signer.public, proof.algorithm, proof.structure, proof.value)


def test_makers_refuse_keys_that_do_not_fit() -> None:
    for kind in KINDS:
        key = KeyType.P256 if kind in (MAC0, MAC) else KeyType.HMAC
        with pytest.raises(UsageError, match="does not fit"):
            MAKERS[kind](PAYLOAD, SIGNERS[key])
    for count in (0, 9):
        with pytest.raises(UsageError, match="1 to 8"):
            cose.sign(PAYLOAD, [SIGNERS[KeyType.P256]] * count)


def test_errors_of_a_signer_pass_and_others_become_ours() -> None:
    for kind, key in FITTING:
        unplugged = _Fixed(SIGNERS[key], KeyUnavailableError("the token is gone"))
        with pytest.raises(KeyUnavailableError, match="the token is gone"):
            MAKERS[kind](PAYLOAD, unplugged)
        with pytest.raises(HardsuitError, match="ZeroDivisionError"):
            MAKERS[kind](PAYLOAD, _Fixed(SIGNERS[key], ZeroDivisionError()))


def test_headers_that_make_pycose_stumble_are_ours_to_refuse() -> None:
    """Its parsers of these labels raise AttributeError, ValueError and more."""
    for label, value in ((-1, 7), (-2, {1: 2, -1: 1, -2: b"x"}), (5, "iv"), (3, -1), (10, 1), (4, b"ok")):
        header = {ALG: HMAC, label: value}
        try:
            assert read(mac0_block(header)).attestations
        except (UnsupportedCoseError, MalformedError) as error:
            assert "block" in str(error)  # noqa: PT017 - whether it stumbles is pycose's affair


@pytest.mark.req("H3-4")
def test_pycose_computes_with_our_algorithms_only() -> None:
    use_pycose()
    from pycose.algorithms import CoseAlgorithm as Registry  # noqa: PLC0415 - as it stands after the import

    registered = Registry.get_registered_classes()  # type: ignore[no-untyped-call]
    for algorithm in IMPLEMENTED:
        assert registered[algorithm.value] is registered[algorithm.name]
        assert not registered[algorithm.value].__module__.startswith("pycose")
    for one in registered.values():
        assert not hasattr(one, "get_curve"), f"{one} would run python-ecdsa"


@pytest.mark.req("H3-4")
def test_a_pycose_that_would_compute_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    use_pycose()
    from pycose.algorithms import CoseAlgorithm as Registry  # noqa: PLC0415

    registered = Registry.get_registered_classes()  # type: ignore[no-untyped-call]
    with monkeypatch.context() as patch:
        patch.setitem(registered, "ES256K", type("ES256K", (), {"get_curve": None}))
        with pytest.raises(HardsuitError, match="python-ecdsa"):
            cose._register()
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "register_attribute", lambda: lambda theirs: theirs)
        with pytest.raises(HardsuitError, match="does not use our"):
            cose._register()


@pytest.mark.req("H3-4")
def test_python_ecdsa_never_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for a caller who uses pycose itself after us, with its own keys."""
    use_pycose()
    import pycose.algorithms  # noqa: PLC0415

    ecdsa_keys = sys.modules["ecdsa.keys"]
    from pycose.headers import Algorithm  # noqa: PLC0415
    from pycose.keys.ec2 import EC2Key  # noqa: PLC0415
    from pycose.keys.okp import OKPKey  # noqa: PLC0415
    from pycose.keys.symmetric import SymmetricKey  # noqa: PLC0415
    from pycose.messages.mac0message import Mac0Message  # noqa: PLC0415
    from pycose.messages.sign1message import Sign1Message  # noqa: PLC0415

    for module in (ecdsa_keys, pycose.algorithms):
        for name in ("SigningKey", "VerifyingKey"):
            monkeypatch.setattr(module, name, None)
    for curve in ("P_256", "P_384", "P_521", "ED25519"):
        for algorithm in {"P_256": (-7, -9), "P_384": (-35, -51), "P_521": (-36, -52), "ED25519": (-8, -19)}[
            curve
        ]:
            key = (OKPKey if curve == "ED25519" else EC2Key).generate_key(curve)
            message = Sign1Message({Algorithm: Algorithm.value_parser(algorithm)}, {}, b"payload", key=key)
            signature = message.compute_signature()
            for value, verdict in ((signature, True), (signature[:-1] + b"\0", signature[-1:] == b"\0")):
                message.signature = value
                assert message.verify_signature() is verdict
    tagged = Mac0Message(
        {Algorithm: Algorithm.value_parser(HMAC)}, {}, b"payload", key=SymmetricKey(bytes(32))
    )
    tagged.compute_tag()
    assert tagged.verify_tag()


def test_an_algorithm_of_another_curve_is_refused_for_keys_of_pycose_too() -> None:
    use_pycose()
    from pycose.headers import Algorithm  # noqa: PLC0415
    from pycose.keys.ec2 import EC2Key  # noqa: PLC0415
    from pycose.messages.sign1message import Sign1Message  # noqa: PLC0415

    key = EC2Key.generate_key("P_384")
    message = Sign1Message({Algorithm: Algorithm.value_parser(ESP256)}, {}, b"payload", key=key)
    with pytest.raises(UnsupportedAlgorithmError, match="ESP256 with P_384"):
        message.compute_signature()


@pytest.mark.req("H2-8")
def test_keys_inside_pycose_show_nothing() -> None:
    key = cose._pycose().key(SIGNERS[KeyType.HMAC])
    assert repr(key) == "<key>"


def test_reading_a_sign1_does_not_import_pycose() -> None:
    block = cose.sign1(PAYLOAD, SIGNERS[KeyType.P256])
    program = (
        "import sys; from suit.cose import parse_block\n"
        f"parse_block({block!r}, {PAYLOAD!r}, where='block')\n"
        "import suit.authenticate, suit.keys\n"
        "heavy = {'pycose', 'ecdsa', 'attrs', 'attr', 'certvalidator', 'securesystemslib'}\n"
        "sys.exit(len(heavy & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_pycose_is_never_given_x509() -> None:
    block = cose.mac(PAYLOAD, SIGNERS[KeyType.HMAC])
    program = (
        "import sys; from suit.cose import parse_block\n"
        f"parse_block({block!r}, {PAYLOAD!r}, where='block')\n"
        "assert 'pycose.messages.macmessage' in sys.modules\n"
        "sys.exit('pycose.extensions.x509' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
