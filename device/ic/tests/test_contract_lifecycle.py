"""Contract: lives and access conditions of objects, signed updates of trust anchors, the tamper line."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from device.ic.errors import (
    BadSignatureError,
    IcRollbackError,
    IcUsageError,
    PolicyDeniedError,
    TamperedError,
    UnknownKeyError,
)
from device.ic.interface import AnchorRecord, KeyInfo, Lifecycle, Purpose, SecurityIC, sequence_slot
from device.ic.tests.rig import (
    AUTHOR,
    MESSAGE,
    SECRET,
    SIGNERS,
    STRANGER,
    TRUSTED,
    UPDATER,
    Rig,
    Signer,
    asymmetric,
    floor_of,
    manifest,
    manifest_ticket,
    risen,
    structure,
)
from spec.labels import CoseAlgorithm
from suit import cbor
from suit.anchor_update import AnchorUpdate
from suit.embedded import embed
from suit.signer import LocalSigner

SLOT = "manifest-0"
SLOTS = {AUTHOR.key.name: 7, STRANGER.key.name: 8, UPDATER.key.name: 9}


def local(signer: Signer) -> LocalSigner:
    return LocalSigner(signer.key, signer.algorithm, SLOTS[signer.key.name].to_bytes(32, "big"))


def sealed(
    signer: Signer = AUTHOR,
    new: Signer | None = STRANGER,
    *,
    slot: str = SLOT,
    version: int = 1,
    uid: bytes | None = None,
) -> bytes:
    return AnchorUpdate(slot, version, new.key if new else None, uid).seal(local(signer))


def anchors(ic: SecurityIC) -> dict[str, KeyInfo]:
    return {info.slot: info for info in (*ic.keys(),)}


@pytest.fixture
def operational(rig: Rig) -> SecurityIC:
    return rig.provision(lifecycle=Lifecycle.OPERATIONAL)


@pytest.mark.req("H6-4")
@pytest.mark.parametrize("signer", [AUTHOR, UPDATER], ids=["the old key", "an update key"])
def test_a_trust_anchor_is_replaced_by_a_signed_update(rig: Rig, signer: Signer) -> None:
    ic = rig.provision(lifecycle=Lifecycle.OPERATIONAL)
    info = ic.update_anchor(sealed(signer))
    assert info is not None
    assert (info.name, info.slot, info.version) == (STRANGER.key.name, SLOT, 1)
    assert info.purposes == {Purpose.MANIFEST}
    for served in (ic, rig.restart()):
        assert anchors(served)[SLOT] == info
        assert manifest_ticket(served, STRANGER).key == STRANGER.key.name
        with pytest.raises(UnknownKeyError):
            manifest_ticket(served, AUTHOR)


@pytest.mark.req("H6-4")
def test_versions_only_rise(operational: SecurityIC) -> None:
    ic = operational
    assert ic.update_anchor(sealed(version=5))
    for version in (1, 4):
        with pytest.raises(IcRollbackError, match="is below 5"):
            ic.update_anchor(sealed(UPDATER, AUTHOR, version=version))
    with pytest.raises(IcRollbackError):
        ic.update_anchor(sealed(UPDATER, AUTHOR, version=5))
    assert anchors(ic)[SLOT].name == STRANGER.key.name
    assert ic.update_anchor(sealed(UPDATER, AUTHOR, version=6))


def test_an_update_whose_answer_was_lost_can_be_sent_again(operational: SecurityIC) -> None:
    first = operational.update_anchor(sealed(UPDATER))
    generation = operational.info().generation
    assert operational.update_anchor(sealed(UPDATER)) == first
    assert operational.info().generation == generation


@pytest.mark.req("H6-4")
def test_a_key_that_was_replaced_brings_nothing_back(operational: SecurityIC) -> None:
    operational.update_anchor(sealed())
    with pytest.raises(BadSignatureError):
        operational.update_anchor(sealed(AUTHOR, AUTHOR, version=2))
    assert anchors(operational)[SLOT].name == STRANGER.key.name


@pytest.mark.req("H6-4", "H6-5")
@pytest.mark.parametrize(
    ("update", "error"),
    [
        (sealed(STRANGER), BadSignatureError),
        (sealed(AUTHOR, slot="manifest-1"), BadSignatureError),
        (sealed(AUTHOR, slot="update-0"), BadSignatureError),
        (sealed(AUTHOR, slot="nowhere"), BadSignatureError),
        (sealed(UPDATER, slot="nowhere"), PolicyDeniedError),
        (sealed(UPDATER, uid=bytes(16)), PolicyDeniedError),
        (sealed(UPDATER, UPDATER), PolicyDeniedError),
        (sealed()[:-1] + b"\0", BadSignatureError),
        (sealed()[:-1], IcUsageError),
        (sealed() + b"\0", IcUsageError),
        (b"", IcUsageError),
        (embed(cbor.encode(["another context", SLOT, 1, None, None]), local(AUTHOR)), IcUsageError),
        (embed(cbor.encode(["hardsuit anchor update 1", SLOT, 0, None, None]), local(AUTHOR)), IcUsageError),
        (
            embed(cbor.encode(["hardsuit anchor update 1", SLOT, True, None, None]), local(AUTHOR)),
            IcUsageError,
        ),
        (
            embed(cbor.encode(["hardsuit anchor update 1", SLOT, 1, b"key", None]), local(AUTHOR)),
            IcUsageError,
        ),
        (embed(cbor.encode(["hardsuit anchor update 1", SLOT, 1, None, b""]), local(AUTHOR)), IcUsageError),
        (embed(cbor.encode([-16, bytes(32)]), local(AUTHOR)), IcUsageError),
    ],
)
def test_an_update_that_is_not_right_changes_and_counts_nothing(
    operational: SecurityIC, update: bytes, error: type[Exception]
) -> None:
    before = operational.keys(), operational.objects(), operational.info()
    with pytest.raises(error):
        operational.update_anchor(update)
    assert (operational.keys(), operational.objects(), operational.info()) == before


def test_an_update_for_this_ic_is_taken(operational: SecurityIC) -> None:
    assert operational.update_anchor(sealed(uid=operational.info().uid))


@pytest.mark.req("H6-4")
def test_an_anchor_that_an_update_removed_leaves_its_version_behind(rig: Rig) -> None:
    ic = rig.provision(lifecycle=Lifecycle.OPERATIONAL)
    assert ic.update_anchor(sealed(new=None, version=3)) is None
    ic = rig.restart()
    assert SLOT not in anchors(ic)
    (gone,) = [one for one in ic.objects() if one.name == f"anchor/{SLOT}"]
    assert (gone.lifecycle, gone.version, gone.change) == (Lifecycle.TERMINATED, 3, ())
    with pytest.raises(PolicyDeniedError):
        ic.update_anchor(sealed(UPDATER, version=4))


def test_a_mac_anchor_is_changed_by_an_update_key(operational: SecurityIC) -> None:
    assert operational.update_anchor(sealed(UPDATER, slot="manifest-4"))
    assert anchors(operational)["manifest-4"].name == STRANGER.key.name


@pytest.mark.req("H6-4", "H6-16")
def test_once_operational_the_owner_changes_no_trust_anchor(rig: Rig) -> None:
    ic = rig.provision()
    with ic.authorize(SECRET) as change:
        change.add_anchor(STRANGER.key, {Purpose.MANIFEST})
        assert change.advance(Lifecycle.OPERATIONAL) is Lifecycle.OPERATIONAL
        for act in (
            lambda: change.add_anchor(asymmetric_of(11).key, {Purpose.MANIFEST}),
            lambda: change.add_anchor(AUTHOR.key, {Purpose.UPDATE}),
            lambda: change.remove_anchor(AUTHOR.key.name),
            lambda: change.advance(Lifecycle.INITIALIZATION),
        ):
            with pytest.raises(PolicyDeniedError):
                act()
        assert change.reset_anchor(AnchorRecord()) == AnchorRecord()
    assert len(ic.keys()) == len(TRUSTED) + 1
    assert rig.restart().info().lifecycle is Lifecycle.OPERATIONAL


@pytest.mark.req("H6-4")
def test_slots_are_used_again_and_remember_their_version(ic: SecurityIC) -> None:
    assert ic.update_anchor(sealed(new=None, version=5)) is None
    with ic.authorize(SECRET) as change:
        for _ in range(64 - len(TRUSTED)):
            change.remove_anchor(change.add_anchor(STRANGER.key, {Purpose.MANIFEST}).name)
        again = change.add_anchor(AUTHOR.key, {Purpose.MANIFEST})
    assert (again.slot, again.version) == (SLOT, 5)
    with pytest.raises(IcRollbackError):
        ic.update_anchor(sealed(version=5))


def asymmetric_of(scalar: int) -> Signer:
    return asymmetric(ec.derive_private_key(scalar, ec.SECP256R1()), CoseAlgorithm.ESP256)


@pytest.mark.req("H6-16")
def test_every_object_says_what_it_takes_to_change_it(operational: SecurityIC) -> None:
    held = {one.name: one for one in operational.objects()}
    assert {"ic", "tuf", "secret", "report-key", "attestation-key", f"anchor/{SLOT}"} <= set(held)
    assert held["report-key"].change == held["attestation-key"].change == ()
    rules = [{condition.value for condition in needed} for needed in held[f"anchor/{SLOT}"].change]
    assert {"signed"} in rules
    assert {"updater"} in rules
    assert {"authorized"} not in rules
    assert {one.lifecycle for one in held.values()} == {Lifecycle.OPERATIONAL}


DEAD: tuple[Callable[[SecurityIC], object], ...] = (
    lambda ic: ic.keys(),
    manifest_ticket,
    lambda ic: ic.verify_with(AUTHOR.key, AUTHOR.algorithm, MESSAGE, AUTHOR.sign(MESSAGE)),
    lambda ic: ic.hash_open(CoseAlgorithm.SHA_256),
    lambda ic: ic.floor("x"),
    lambda ic: ic.raise_floor("x", 9),
    lambda ic: ic.raise_sequence(structure(manifest(9)), manifest(9), proof=()),
    lambda ic: ic.anchor(),
    lambda ic: ic.now(),
    lambda ic: ic.clock(),
    lambda ic: ic.extend(8, bytes(32)),
    lambda ic: ic.pcrs(),
    lambda ic: ic.report_key(),
    lambda ic: ic.attestation_key(),
    lambda ic: ic.quote(bytes(8)),
    lambda ic: ic.objects(),
    lambda ic: ic.update_anchor(sealed()),
    lambda ic: ic.authorize(SECRET),
    lambda ic: ic.tamper(),
)


def end_by_the_owner(ic: SecurityIC) -> None:
    with ic.authorize(SECRET) as change:
        assert change.advance(Lifecycle.TERMINATED) is Lifecycle.TERMINATED


@pytest.mark.req("H6-17")
@pytest.mark.parametrize("end", [lambda ic: ic.tamper(), end_by_the_owner], ids=["tampered", "terminated"])
def test_an_ic_that_is_tampered_with_erases_its_secrets_refuses_service_and_says_so(
    rig: Rig, end: Callable[[SecurityIC], None]
) -> None:
    ic = rig.provision()
    risen(ic, 7)
    uid = ic.info().uid
    stream, session = ic.hash_open(CoseAlgorithm.SHA_256), ic.authorize(SECRET)
    end(ic)
    for served in (ic, rig.restart(), rig.restart()):
        for act in DEAD:
            with pytest.raises(TamperedError, match="erased its secrets"):
                act(served)
        info = served.info()
        assert (info.uid, info.tampered, info.lifecycle) == (uid, True, Lifecycle.TERMINATED)
    del stream
    with pytest.raises(Exception, match=r"erased its secrets|was lost"):
        session.change_secret(b"another secret")


def test_an_ic_that_is_well_says_so(operational: SecurityIC) -> None:
    info = operational.info()
    assert (info.tampered, info.lifecycle) == (False, Lifecycle.OPERATIONAL)
    assert sequence_slot([b"\x00"]) == floor_of(1).slot
    assert len(SIGNERS) + 1 == len(operational.keys())
