"""The emulated security IC: the semantics of a chip in software, in the process that makes it.

It gives discipline, not hardware security: whoever can read that process's memory has its keys.
:class:`Capabilities` says in whose process that is: the device's, or one of its own.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Self

from typing_extensions import override

from device.ic.emulator import reporting
from device.ic.emulator.capabilities import capabilities
from device.ic.emulator.decrypting import Decrypting
from device.ic.emulator.decryption import Decryption, by_name
from device.ic.emulator.guarding import Guarding
from device.ic.emulator.hashing import EmulatorHash
from device.ic.emulator.measuring import Measuring
from device.ic.emulator.reporting import Reporting
from device.ic.emulator.rollback import RollbackAnchor, require_newest
from device.ic.emulator.sealing import SealingKey
from device.ic.emulator.session import require_secret, trust_anchor, with_anchor
from device.ic.emulator.state import SecretHash, State, decode_state
from device.ic.emulator.store import SealedStore
from device.ic.errors import (
    BadSignatureError,
    KeyUsageError,
    PolicyDeniedError,
    TamperedError,
    UnknownKeyError,
    UnsupportedByIcError,
)
from device.ic.interface import (
    AnchorRecord,
    Floor,
    HashStream,
    IcInfo,
    KeyInfo,
    Lifecycle,
    Purpose,
    Ticket,
    VerifyTicket,
    Where,
)
from device.ic.rules import (
    SEQUENCE_PREFIX,
    TIME_LEAP,
    advanced,
    require_record,
    require_slot,
    risen,
)
from device.ic.statements import message_digest, stated_floor
from device.storage import Storage
from spec.labels import CoseAlgorithm, CoseKeyType
from suit.crypto import verify_signature
from suit.errors import UnsupportedAlgorithmError
from suit.keys import CoseKey
from suit.recipient_keys import RecipientKey
from suit.report_cipher import ReportCipher

MAX_FLOORS: Final = 256
DIRECTORY: Final = "ic"
SCRYPT_COST: Final = 1 << 14

_PCR_SIZE: Final = 32


class Emulator(Measuring, Guarding, Decrypting):
    """A security IC in software with durable, sealed state; made by ``provision``, opened by ``open``."""

    @override
    def _arm(self) -> None:
        state = self._state
        self._reporting = Reporting(state.report_key, state.report_cipher, state.boot_count)
        self._decryption = Decryption(state.decryption_keys, self._tickets)

    @classmethod
    def provision(
        cls,
        storage: Storage,
        sealing_key: SealingKey,
        *,
        keys: Iterable[CoseKey] = (),
        secret: bytes | None = None,
        anchor: AnchorRecord | None = None,
        report_cipher: ReportCipher | None = None,
        clock: Callable[[], float] = time.time,
        directory: str = DIRECTORY,
        rollback_anchor: RollbackAnchor | None = None,
        time_leap: int = TIME_LEAP,
        scrypt_cost: int = SCRYPT_COST,
        where: Where = Where.HOST,
        updaters: Iterable[CoseKey] = (),
        lifecycle: Lifecycle = Lifecycle.OPERATIONAL,
        decryption_keys: Iterable[RecipientKey] = (),
    ) -> Self:
        """Set up a new IC and open it. Interrupted at any moment, it can be begun again.

        Args:
            storage: Where the state goes.
            sealing_key: Where its key is kept; it must not exist yet.
            keys: Trust anchors for manifests. With none, every manifest is refused.
            secret: For :meth:`authorize`. Without one the trust anchors are fixed for good.
            anchor: The TUF root that the device begins with; see :meth:`AnchorRecord.pin`.
            report_cipher: What reports are encrypted with; of this IC alone, and it never leaves again.
            clock: Unix time.
            directory: Of the storage.
            rollback_anchor: Witness against restoring the whole store.
            time_leap: How far one advance may raise the time floor, in seconds.
            scrypt_cost: The cost parameter N of RFC 7914.
            where: In whose process it runs: the device's (``HOST``), or its own (``ADAPTER``).
            updaters: Trust anchors that sign updates of the others.
            lifecycle: How far the device is made.
            decryption_keys: What content keys are unwrapped with; they never leave again.

        Raises:
            PolicyDeniedError: It was provisioned before, or the anchor is out of range.
        """
        if secret is not None:
            require_secret(secret)
        record = anchor or AnchorRecord()
        require_record(record)
        hashed = SecretHash.of(secret, cost=scrypt_cost) if secret is not None else None
        state = State(
            secrets.token_bytes(16),
            hashed,
            time_leap,
            tuf=record,
            report_key=reporting.draw(),
            report_cipher=report_cipher,
            attestation_key=reporting.draw(),
            lifecycle=lifecycle,
        )
        for purpose, trusted in ((Purpose.MANIFEST, keys), (Purpose.UPDATE, updaters)):
            for key in trusted:
                state = with_anchor(state, trust_anchor(key, {purpose}))
        state = replace(state, decryption_keys=by_name(decryption_keys, state))
        drawn = sealing_key.draw()
        SealedStore(storage, drawn, directory).save(0, state.encode())
        if rollback_anchor is not None:
            rollback_anchor.bump(0)
        sealing_key.keep(drawn)
        return cls.open(
            storage,
            sealing_key,
            clock=clock,
            directory=directory,
            rollback_anchor=rollback_anchor,
            where=where,
        )

    @classmethod
    def open(
        cls,
        storage: Storage,
        sealing_key: SealingKey,
        *,
        clock: Callable[[], float] = time.time,
        directory: str = DIRECTORY,
        rollback_anchor: RollbackAnchor | None = None,
        where: Where = Where.HOST,
    ) -> Self:
        """Start an IC that was provisioned: this is its next boot.

        Raises:
            NotProvisionedError: There is no sealing key.
            StateCorruptError: There is one, and its state is missing or damaged. It is never reset.
            RollbackDetectedError: The state, or one copy of it, is an old one.
        """
        store = SealedStore(storage, sealing_key.load(), directory)
        loaded = store.load()
        state = decode_state(loaded.state)
        if loaded.damaged:
            state = replace(state, repairs=state.repairs + 1)
        if rollback_anchor is not None:
            require_newest(rollback_anchor, loaded.generation)
        return cls(store, state, loaded.generation, clock=clock, rollback_anchor=rollback_anchor, where=where)

    @override
    def info(self) -> IcInfo:
        tampered = isinstance(self._fault, TamperedError)
        if not tampered:
            self._require_service()
        now, lockout = self._now(), self._state.lockout
        return IcInfo(
            uid=self._state.uid,
            boot_count=self._state.boot_count,
            generation=self._generation,
            failures=lockout.at(now).failures,
            retry_after=lockout.retry_after(now),
            repairs=self._state.repairs,
            capabilities=capabilities(self._where, anchored=self._rollback_anchor is not None),
            lifecycle=self._state.lifecycle,
            tampered=tampered,
        )

    @override
    def keys(self) -> Sequence[KeyInfo]:
        self._require_service()
        return self._shown

    @override
    def verify(
        self,
        name: bytes,
        algorithm: CoseAlgorithm,
        message: bytes,
        signature: bytes,
        *,
        purpose: Purpose,
    ) -> VerifyTicket:
        self._require_service()
        anchor = self._usable.get(name)
        if anchor is None:
            raise UnknownKeyError(f"no trust anchor {name.hex()[:16]}")
        if purpose not in anchor.purposes:
            raise KeyUsageError(f"{anchor.key.title} is not for {purpose.value}")
        return self._judge(anchor.key, algorithm, message, signature, purpose)

    @override
    def verify_with(
        self, key: CoseKey, algorithm: CoseAlgorithm, message: bytes, signature: bytes
    ) -> VerifyTicket:
        self._require_service()
        if key.kty is CoseKeyType.SYMMETRIC:
            raise KeyUsageError("a caller's secret key proves nothing")
        return self._judge(key, algorithm, message, signature, Purpose.PRESENTED)

    @override
    def hash_open(self, algorithm: CoseAlgorithm) -> HashStream:
        self._require_service()
        try:
            return EmulatorHash(algorithm, self._tickets)
        except UnsupportedAlgorithmError as error:
            raise UnsupportedByIcError(str(error)) from error

    @override
    def floor(self, slot: str) -> Floor:
        self._require_service()
        require_slot(slot)
        return self._state.floors.get(slot) or Floor(slot)

    @override
    def raise_floor(
        self, slot: str, value: int, *, digest: bytes = b"", proof: Sequence[Ticket] = ()
    ) -> Floor:
        require_slot(slot)
        if slot.startswith(SEQUENCE_PREFIX):
            raise PolicyDeniedError(f"{slot}: rises by a manifest's own statement alone")
        del proof  # of no use to a slot without a rule
        return self._raised(Floor(slot, value, digest), lambda: None)

    @override
    def raise_sequence(self, structure: bytes, manifest: bytes, *, proof: Sequence[Ticket]) -> Floor:
        self._require_service()
        stated, tickets = stated_floor(structure, manifest), tuple(proof)
        signed = message_digest(structure)
        return self._raised(
            stated, lambda: self._tickets.require(tickets, Purpose.MANIFEST, stated.slot, signed)
        )

    def _raised(self, new: Floor, require_proof: Callable[[], None]) -> Floor:
        def change(state: State) -> State:
            current = state.floors.get(new.slot) or Floor(new.slot)
            if risen(current, new.value, new.digest) == current:
                return state
            require_proof()
            if new.slot not in state.floors and len(state.floors) >= MAX_FLOORS:
                raise PolicyDeniedError(f"{new.slot}: no room for another floor")
            return replace(state, floors={**state.floors, new.slot: new})

        return self._commit(change).floors.get(new.slot) or Floor(new.slot)

    @override
    def anchor(self) -> AnchorRecord:
        self._require_service()
        return self._state.tuf

    @override
    def advance_anchor(self, new: AnchorRecord, *, proof: Sequence[VerifyTicket] = ()) -> AnchorRecord:
        tickets = tuple(proof)

        def change(state: State) -> State:
            if new == state.tuf:
                return state
            self._tickets.require(tickets, Purpose.PRESENTED, "TUF anchor")
            return replace(state, tuf=advanced(state.tuf, new, leap=state.time_leap))

        return self._commit(change).tuf

    @override
    def report_key(self) -> CoseKey:
        self._require_service()
        return self._reporting.key.public

    @override
    def sign_report(self, report: bytes) -> bytes:
        self._require_service()
        return self._reporting.sign(report)

    @override
    def encrypt_report(self, report: bytes) -> bytes:
        self._require_service()
        return self._reporting.encrypt(report)

    def _judge(
        self, key: CoseKey, algorithm: CoseAlgorithm, message: bytes, signature: bytes, purpose: Purpose
    ) -> VerifyTicket:
        try:
            good = verify_signature(key, algorithm, message, signature)
        except UnsupportedAlgorithmError as error:
            raise UnsupportedByIcError(str(error)) from error
        if not good:
            raise BadSignatureError(f"{key.title}: the {algorithm.name} signature is false")
        return self._tickets.verified(algorithm, message, key.name, purpose)
