"""The emulated security IC: the semantics of a chip in software, in the process that makes it.

It gives discipline, not hardware security: whoever can read that process's memory has its keys.
:class:`Capabilities` says in whose process that is: the device's, or one of its own.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NoReturn, Self

from typing_extensions import override

from device.ic.emulator import reporting
from device.ic.emulator.capabilities import capabilities
from device.ic.emulator.hashing import EmulatorHash
from device.ic.emulator.reporting import Reporting
from device.ic.emulator.rollback import RollbackAnchor, require_newest
from device.ic.emulator.sealing import SealingKey
from device.ic.emulator.session import EmulatorSession, require_secret, trust_anchor, with_anchor
from device.ic.emulator.state import SecretHash, State, decode_state
from device.ic.emulator.store import SealedStore
from device.ic.errors import (
    AuthFailedError,
    BadSignatureError,
    IcFailedError,
    IcUnavailableError,
    IcUsageError,
    KeyUsageError,
    LockedOutError,
    PolicyDeniedError,
    UnknownKeyError,
    UnsupportedByIcError,
)
from device.ic.interface import (
    PCR_COUNT,
    AnchorRecord,
    AuthSession,
    Floor,
    HashStream,
    IcInfo,
    KeyInfo,
    Purpose,
    SecurityIC,
    Ticket,
    VerifyTicket,
    Where,
)
from device.ic.rules import (
    MAX_TRIES,
    SEQUENCE_PREFIX,
    TIME_LEAP,
    Lockout,
    advanced,
    require_record,
    require_slot,
    risen,
)
from device.ic.tickets import TicketOffice
from device.storage import Storage
from spec.labels import CoseAlgorithm, CoseKeyType
from suit.crypto import verify_signature
from suit.errors import UnsupportedAlgorithmError
from suit.keys import CoseKey
from suit.report_cipher import ReportCipher

MAX_FLOORS: Final = 256
DIRECTORY: Final = "ic"
SCRYPT_COST: Final = 1 << 14

_PCR_SIZE: Final = 32


class Emulator(SecurityIC):
    """A security IC in software with durable, sealed state; made by ``provision``, opened by ``open``."""

    def __init__(
        self,
        store: SealedStore,
        state: State,
        generation: int,
        *,
        clock: Callable[[], float],
        rollback_anchor: RollbackAnchor | None,
        where: Where,
    ) -> None:
        """Start up on a state; devices call :meth:`open`."""
        self._where = where
        self._store = store
        self._state = state
        self._generation = generation
        self._clock = clock
        self._rollback_anchor = rollback_anchor
        self._lock = threading.RLock()
        self._closed = False
        self._failed = False
        self._pcrs = [bytes(_PCR_SIZE)] * PCR_COUNT
        self._commit(lambda before: replace(before, boot_count=before.boot_count + 1))
        self._tickets = TicketOffice(self._state.boot_count)
        self._reporting = Reporting(self._state.report_key, self._state.report_cipher, self._state.boot_count)

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

        Raises:
            PolicyDeniedError: It was provisioned before, or the anchor is out of range.
        """
        if secret is not None:
            require_secret(secret)
        record = anchor or AnchorRecord()
        require_record(record)
        hashed = SecretHash.of(secret, cost=scrypt_cost) if secret is not None else None
        state = State(secrets.token_bytes(16), hashed, time_leap, tuf=record, report_key=reporting.draw())
        state = replace(state, report_cipher=report_cipher)
        for key in keys:
            state = with_anchor(state, trust_anchor(key, {Purpose.MANIFEST}))
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
        self._require_service()
        now, lockout = self.now(), self._state.lockout
        return IcInfo(
            uid=self._state.uid,
            boot_count=self._state.boot_count,
            generation=self._generation,
            failures=lockout.at(now).failures,
            retry_after=lockout.retry_after(now),
            repairs=self._state.repairs,
            capabilities=capabilities(self._where, anchored=self._rollback_anchor is not None),
        )

    @override
    def keys(self) -> Sequence[KeyInfo]:
        self._require_service()
        return tuple([anchor.info for anchor in self._state.anchors.values()])

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
        anchor = self._state.anchors.get(name)
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
        tickets = tuple(proof)

        def change(state: State) -> State:
            current = state.floors.get(slot) or Floor(slot)
            new = risen(current, value, digest)
            if new == current:
                return state
            if slot.startswith(SEQUENCE_PREFIX):
                self._tickets.require(tickets, Purpose.MANIFEST, slot)
            if slot not in state.floors and len(state.floors) >= MAX_FLOORS:
                raise PolicyDeniedError(f"{slot}: no room for another floor")
            return replace(state, floors={**state.floors, slot: new})

        return self._commit(change).floors.get(slot) or Floor(slot)

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
    def now(self) -> int:
        self._require_service()
        return max(int(self._clock()), self._state.tuf.time_floor)

    @override
    def extend(self, pcr: int, digest: bytes) -> bytes:
        self._require_service()
        _require_pcr(pcr)
        if not _PCR_SIZE <= len(digest) <= 2 * _PCR_SIZE:
            raise IcUsageError(f"PCR {pcr}: extended with a digest of 32 to 64 bytes")
        with self._lock:
            self._pcrs[pcr] = hashlib.sha256(self._pcrs[pcr] + digest).digest()
            return self._pcrs[pcr]

    @override
    def pcrs(self, selection: Collection[int] = range(PCR_COUNT)) -> Mapping[int, bytes]:
        self._require_service()
        for pcr in selection:
            _require_pcr(pcr)
        return {pcr: self._pcrs[pcr] for pcr in selection}

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

    @override
    def authorize(self, secret: bytes) -> AuthSession:
        with self._lock:
            self._require_service()
            stretched = self._state.secret
            if stretched is None:
                raise PolicyDeniedError("the IC was provisioned without a secret: nothing can be changed")
            now = self.now()
            # Written down even when it only notes that the clock went back: recovery counts from there.
            self._commit(lambda state: replace(state, lockout=state.lockout.at(now)))
            retry_after = self._state.lockout.retry_after(now)
            if retry_after:
                raise LockedOutError(retry_after=retry_after)
            # Charged before the answer is known: cutting the power never buys another try.
            charged = self._commit(lambda state: replace(state, lockout=state.lockout.failed(now)))
            if not stretched.matches(secret):
                raise AuthFailedError(tries_left=MAX_TRIES - charged.lockout.failures)
            self._commit(lambda state: replace(state, lockout=Lockout()))
            return EmulatorSession(self._commit)

    @override
    def close(self) -> None:
        self._closed = True

    @override
    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: the state holds secrets.

        Raises:
            IcUsageError: Always.
        """
        raise IcUsageError("a security IC cannot be copied or pickled")

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

    def _commit(self, change: Callable[[State], State]) -> State:
        """Make a change durable, then believe it."""
        with self._lock:
            self._require_service()
            state = change(self._state)
            if state == self._state:
                return state
            generation = self._generation + 1
            try:
                self._store.save(generation, state.encode())
                if self._rollback_anchor is not None:
                    self._rollback_anchor.bump(generation)
            except BaseException:
                # What stands on the medium is unknown now, and only open() may find out.
                self._failed = True
                raise
            self._state, self._generation = state, generation
            return state

    def _require_service(self) -> None:
        if self._closed:
            raise IcUnavailableError("the IC is closed")
        if self._failed:
            raise IcFailedError("the IC stopped after a failed write and has to be opened again")


def _require_pcr(pcr: int) -> None:
    if pcr not in range(PCR_COUNT):
        raise IcUsageError(f"PCR {pcr}: there are {PCR_COUNT}")
