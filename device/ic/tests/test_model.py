"""The IC against a small pure model of it: any calls in any order, with restarts and SIGKILL between them."""

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from device.ic.errors import (
    AuthFailedError,
    BadSignatureError,
    IcError,
    IcRollbackError,
    LockedOutError,
    PolicyDeniedError,
    TamperedError,
)
from device.ic.interface import Lifecycle, SecurityIC, VerifyTicket, sequence_slot
from device.ic.rules import MAX_TRIES, RECOVERY_INTERVAL
from device.ic.tests.bench_process import ProcessRig
from device.ic.tests.rig import (
    AUTHOR,
    SECRET,
    STRANGER,
    UPDATER,
    Rig,
    Signer,
    asymmetric,
    floor_of,
    manifest,
    risen,
    structure,
    vouched,
)
from spec.labels import CoseAlgorithm
from suit.anchor_update import AnchorUpdate
from suit.signer import LocalSigner

SLOT = "manifest-1"
LOCAL = {
    name: LocalSigner(signer.key, signer.algorithm, scalar.to_bytes(32, "big"))
    for name, signer, scalar in (("updater", UPDATER, 9), ("stranger", STRANGER, 8))
}
ROTATING = [
    asymmetric(ec.derive_private_key(scalar, ec.SECP256R1()), CoseAlgorithm.ESP256) for scalar in (20, 21, 22)
]


@dataclass
class Model:
    """What an IC is to remember, and what it has to say: everything durable, and the PCR of this boot."""

    floors: dict[str, int] = field(default_factory=lambda: {"a": 0, "b": 0})
    sequence: tuple[int, int] = (0, 0)
    anchor: tuple[int, int] = (0, 0)
    """Version, and index of the key in the slot."""
    failures: int = 0
    boots: int = 1
    pcr: bytes = bytes(32)
    dead: bool = False

    def restart(self) -> None:
        self.boots += 1
        self.pcr = bytes(32)

    def raising(self, slot: str, value: int) -> type[IcError] | None:
        return IcRollbackError if value < self.floors[slot] else None

    def sequencing(self, number: int, variant: int) -> type[IcError] | None:
        have, held = self.sequence
        if number < have:
            return IcRollbackError
        return PolicyDeniedError if number == have and held not in {0, variant} else None

    def updating(self, version: int, key: int) -> type[IcError] | None:
        return IcRollbackError if version <= self.anchor[0] and (version, key) != self.anchor else None

    def authorizing(self, *, right: bool) -> type[IcError] | None:
        if self.failures >= MAX_TRIES:
            return LockedOutError
        return None if right else AuthFailedError


class Machine(RuleBasedStateMachine):
    """Does the same to both and compares."""

    bench: ClassVar[type[Rig] | type[ProcessRig]] = Rig

    def __init__(self) -> None:
        super().__init__()
        self.rig = self.bench()
        self.rig.signers = [AUTHOR, ROTATING[0]]
        self.ic: SecurityIC = self.rig.provision(lifecycle=Lifecycle.OPERATIONAL)
        self.model = Model()
        self.old: tuple[int, VerifyTicket] | None = None

    @override
    def teardown(self) -> None:
        self.rig.close()

    def expect(self, error: type[IcError] | None, act: object) -> bool:
        """Do it; tell whether it should have worked, and did."""
        assert callable(act)
        wanted = TamperedError if self.model.dead else error
        if wanted is None:
            act()
            return True
        with pytest.raises(wanted):
            act()
        return False

    @rule(slot=st.sampled_from("ab"), value=st.integers(0, 6))
    def raise_floor(self, slot: str, value: int) -> None:
        if self.expect(self.model.raising(slot, value), lambda: self.ic.raise_floor(slot, value)):
            self.model.floors[slot] = value

    @rule(number=st.integers(0, 5), variant=st.integers(1, 2))
    def raise_sequence(self, number: int, variant: int) -> None:
        refusal = self.model.sequencing(number, variant)
        if self.expect(refusal, lambda: risen(self.ic, number, variant)):
            self.model.sequence = (number, variant)

    @precondition(lambda self: not self.model.dead)
    @rule()
    def keep_a_ticket(self) -> None:
        self.old = (self.model.boots, vouched(self.ic, manifest(9)))

    @precondition(lambda self: self.old is not None and self.old[0] != self.model.boots)
    @rule()
    def use_a_ticket_of_another_boot(self) -> None:
        assert self.old is not None
        proof = [self.old[1]]
        of = manifest(9)
        self.expect(PolicyDeniedError, lambda: self.ic.raise_sequence(structure(of), of, proof=proof))

    @rule(version=st.integers(1, 4), key=st.integers(0, 2))
    def update_anchor(self, version: int, key: int) -> None:
        update = AnchorUpdate(SLOT, version, ROTATING[key].key).seal(LOCAL["updater"])
        if self.expect(self.model.updating(version, key), lambda: self.ic.update_anchor(update)):
            self.model.anchor = (version, key)

    @rule(version=st.integers(1, 9))
    def update_anchor_as_a_stranger(self, version: int) -> None:
        update = AnchorUpdate(SLOT, version, STRANGER.key).seal(LOCAL["stranger"])
        self.expect(BadSignatureError, lambda: self.ic.update_anchor(update))

    @rule(right=st.booleans())
    def authorize(self, right: bool) -> None:
        secret = SECRET if right else b"not the secret"
        refusal = self.model.authorizing(right=right)
        if self.expect(refusal, lambda: self.ic.authorize(secret).close()):
            self.model.failures = 0
        elif refusal is AuthFailedError and not self.model.dead:
            self.model.failures += 1

    @rule()
    def wait_until_all_is_forgiven(self) -> None:
        self.rig.time += MAX_TRIES * RECOVERY_INTERVAL
        self.model.failures = 0

    @rule(number=st.integers(0, 3))
    def extend(self, number: int) -> None:
        digest = bytes([number]) * 32
        if self.expect(None, lambda: self.ic.extend(8, digest)):
            self.model.pcr = hashlib.sha256(self.model.pcr + digest).digest()

    @rule()
    def restart(self) -> None:
        self.ic = self.rig.restart()
        self.model.restart()

    @precondition(lambda self: self.model.boots > 3)
    @rule()
    def tamper(self) -> None:
        self.expect(None, self.ic.tamper)
        self.model.dead = True

    @invariant()
    def they_agree(self) -> None:
        info, model = self.ic.info(), self.model
        assert (info.boot_count, info.failures, info.tampered) == (model.boots, model.failures, model.dead)
        if model.dead:
            return
        assert {slot: self.ic.floor(slot).value for slot in model.floors} == model.floors
        assert self.ic.pcrs([8])[8] == model.pcr
        number, variant = model.sequence
        if variant:
            assert self.ic.floor(sequence_slot([b"\x00"])) == floor_of(number, variant)
        version, key = model.anchor
        held: dict[str, tuple[int, bytes]] = {one.slot: (one.version, one.name) for one in (*self.ic.keys(),)}
        assert held[SLOT] == (version, trusted(key).key.name)
        assert held["manifest-0"] == (0, AUTHOR.key.name)


def trusted(index: int) -> Signer:
    return ROTATING[index]


class ProcessMachine(Machine):
    """The same, and every restart is a SIGKILL."""

    bench = ProcessRig


QUICK = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    stateful_step_count=25,
)
TestInProcess = pytest.mark.req("H6-2", "H6-4", "H6-5", "H6-11")(Machine.TestCase)
TestInProcess.settings = settings(QUICK, max_examples=40)
TestProcess = pytest.mark.req("H6-2", "H6-4", "H6-5", "H6-11", "H6-13")(ProcessMachine.TestCase)
TestProcess.settings = settings(QUICK, max_examples=12)
