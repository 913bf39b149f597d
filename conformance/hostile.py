"""An attacker with the repository's online keys: lists any bytes under any path, with fresh metadata.

TUF alone cannot tell this repository from the honest one. What stops it is the author's signature in the
manifest and the floor in the device's security IC (notes on TUF, §3, compromise matrix).
"""

from tuf.api.metadata import TargetFile

from repository.publish import CUSTOM
from repository.repository import Repository
from repository.roles import succinct_of
from repository.transaction import Transaction
from suit.target import TargetInfo, vendor_role


def list_anything(repository: Repository, path: str, raw: bytes, info: TargetInfo) -> None:
    """Put ``raw`` under a target path and say of it whatever ``info`` says."""
    target = TargetFile.from_data(path, raw, ["sha256"])
    target.unrecognized_fields["custom"] = {CUSTOM: info.to_custom()}
    (stored,) = target.get_prefixed_paths()
    repository.store.put_immutable(f"targets/{stored}", [raw])
    vendor = vendor_role(bytes.fromhex(path.partition("/")[0]))

    def edit(transaction: Transaction) -> None:
        bin_name = succinct_of(transaction.head.role(vendor), vendor).get_role_for_target(path)
        transaction.edit(bin_name).targets[path] = target

    repository.commit(edit)
