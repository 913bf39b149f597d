"""Contract: PCRs, identity, capabilities, closing, errors."""

import inspect
from hashlib import sha256

import pytest
from securesystemslib.exceptions import Error as SecuresystemslibError
from tuf.api.exceptions import DownloadError, RepositoryError

from device.ic import errors
from device.ic.errors import CapabilityError, IcError, IcUnavailableError, IcUsageError
from device.ic.interface import AnchorRecord, Purpose, SecurityIC, Where
from device.ic.tests.rig import AUTHOR, SECRET, Rig
from spec.labels import CoseAlgorithm
from suit.errors import ExitCode, HardsuitError

ZERO = bytes(32)


@pytest.mark.req("H6-9")
def test_pcrs_start_at_zero_and_forget_on_restart(rig: Rig) -> None:
    ic = rig.provision()
    assert set(ic.pcrs().values()) == {ZERO}
    assert len(ic.pcrs()) == 24
    ic.extend(8, b"\x01" * 32)
    assert set(rig.restart().pcrs().values()) == {ZERO}


@pytest.mark.req("H6-9")
def test_a_pcr_is_the_hash_of_all_that_was_put_in(ic: SecurityIC) -> None:
    first = ic.extend(8, b"\x01" * 32)
    assert first == sha256(ZERO + b"\x01" * 32).digest()
    second = ic.extend(8, b"\x02" * 48)
    assert second == sha256(first + b"\x02" * 48).digest()
    assert ic.pcrs([8, 9]) == {8: second, 9: ZERO}


def test_the_order_of_extensions_shows(ic: SecurityIC) -> None:
    for pcr, order in ((8, (1, 2)), (9, (2, 1))):
        for number in order:
            ic.extend(pcr, bytes([number]) * 32)
    assert ic.pcrs([8])[8] != ic.pcrs([9])[9]


@pytest.mark.parametrize("pcr", [-1, 24, 10**9])
def test_there_are_24_pcrs(ic: SecurityIC, pcr: int) -> None:
    with pytest.raises(IcUsageError):
        ic.extend(pcr, ZERO)
    with pytest.raises(IcUsageError):
        ic.pcrs([pcr])


@pytest.mark.parametrize("size", [0, 31, 65])
def test_a_pcr_takes_digests_only(ic: SecurityIC, size: int) -> None:
    with pytest.raises(IcUsageError):
        ic.extend(8, bytes(size))
    assert ic.pcrs([8]) == {8: ZERO}


def test_identity_stays_and_boots_are_counted(rig: Rig) -> None:
    first = rig.provision().info()
    second = rig.restart().info()
    assert first.uid == second.uid
    assert len(first.uid) == 16
    assert (first.boot_count, second.boot_count) == (1, 2)
    assert second.generation > first.generation
    assert Rig().provision().info().uid != first.uid


@pytest.mark.req("H6-14")
def test_an_ic_declares_where_it_is_enforced(rig: Rig) -> None:
    capabilities = rig.provision().info().capabilities
    levels = capabilities.levels()
    assert levels["floor"] is rig.level
    assert levels["verify.ESP256"] is rig.level
    assert levels["hash.SHA_256"] is rig.level
    capabilities.require({"floor": rig.level, "verify.ESP256": Where.HOST})


@pytest.mark.req("H6-14")
def test_a_missing_level_is_refused_with_every_gap_named(rig: Rig) -> None:
    ic = rig.provision()
    with pytest.raises(CapabilityError) as refused:
        ic.info().capabilities.require(
            {"floor": Where.CHIP, "anchor": Where.HOST, "verify.HSS_LMS": Where.HOST}
        )
    assert f"floor must be CHIP, is {rig.level.name}; verify.HSS_LMS must be HOST, is ABSENT" in str(
        refused.value
    )
    assert "anchor" not in str(refused.value)
    assert refused.value.exit_code is ExitCode.REFUSED


def test_a_closed_ic_refuses_everything(rig: Rig) -> None:
    ic = rig.provision()
    session = ic.authorize(SECRET)
    ic.close()
    ic.close()
    for act in (
        ic.info,
        ic.keys,
        ic.anchor,
        ic.now,
        ic.pcrs,
        lambda: ic.floor("x"),
        lambda: ic.raise_floor("x", 1),
        lambda: ic.advance_anchor(AnchorRecord()),
        lambda: ic.extend(8, ZERO),
        lambda: ic.hash_open(CoseAlgorithm.SHA_256),
        lambda: ic.authorize(SECRET),
        lambda: ic.verify(AUTHOR.key.name, AUTHOR.algorithm, b"", b"", purpose=Purpose.MANIFEST),
        lambda: ic.verify_with(AUTHOR.key, AUTHOR.algorithm, b"", b""),
        lambda: session.remove_anchor(AUTHOR.key.name),
    ):
        with pytest.raises(IcUnavailableError, match="closed"):
            act()


CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, IcError)]


@pytest.mark.req("H6-8")
@pytest.mark.parametrize("error", CLASSES, ids=lambda error: str(error.__name__))
def test_ic_errors_are_ours_alone(error: type[IcError]) -> None:
    assert issubclass(error, HardsuitError)
    for foreign in (SecuresystemslibError, RepositoryError, DownloadError, ValueError, OSError):
        assert not issubclass(error, foreign)


@pytest.mark.req("H5-7")
def test_no_failure_of_the_ic_looks_like_a_verdict() -> None:
    faults = {errors.IcUnavailableError, errors.IcFailedError, errors.StateCorruptError,
              errors.NotProvisionedError, errors.IcUsageError}  # fmt: skip
    for fault in faults:
        assert fault.exit_code not in {ExitCode.REJECTED, ExitCode.REFUSED, ExitCode.OK}


def test_reasons_tell_errors_apart() -> None:
    reasons = [error.reason for error in CLASSES]
    assert len(set(reasons)) == len(reasons)
