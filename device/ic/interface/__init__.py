"""The security IC as the device sees it: one narrow interface, whatever chip is behind it.

The IC alone holds trust anchors, verdicts and floors. It answers with values or raises an error of
``device.ic.errors``; there is no call that exports a key, signs arbitrary bytes or lowers a floor, and
no default algorithm. Every function declares in :class:`Capabilities` where it is enforced.

A session of a device, start to end::

    ticket = ic.verify(name, algorithm, sig_structure, signature, purpose=Purpose.MANIFEST)
    stream = ic.hash_open(CoseAlgorithm.SHA_256)
    stream.update(chunk)
    image = stream.finish()                                   # digest, size, ticket
    ic.raise_sequence(sig_structure, manifest, proof=[ticket])  # to the number that it states
    ic.advance_anchor(new_record, proof=[root_ticket, timestamp_ticket])
    ic.extend(8, image.digest)

    key = ic.unwrap(name, recipient, CoseAlgorithm.A128GCM)   # see device.ic.interface.decryption
    plain = ic.decrypt_open(key, iv=iv, aad=aad, bound=None).update(ciphertext)

    sealed = ic.sign_report(encode_report(report))            # reports alone, with a key of their own
    secret = ic.encrypt_report(encode_report(report))         # the same, for the owner's eyes only
    quoted = ic.quote(nonce)                                  # PCRs, floors, boots: what the IC knows itself

    ic.update_anchor(update)                                  # signed by the key that it replaces
    with ic.authorize(secret) as change:                      # the owner; of trust anchors before OPERATIONAL
        change.add_anchor(key, {Purpose.MANIFEST})
"""

from device.ic.interface.contract import SecurityIC
from device.ic.interface.decryption import (
    Bound,
    ContentKey,
    Decrypted,
    DecryptionKey,
    DecryptStream,
    KeyUse,
    Side,
)
from device.ic.interface.handles import AuthSession, HashStream
from device.ic.interface.levels import Capabilities, Where
from device.ic.interface.objects import (
    ALWAYS,
    AUTHORIZED,
    COMMISSIONED,
    COMMISSIONING,
    NEVER,
    SIGNED,
    Access,
    Condition,
    Lifecycle,
    ObjectInfo,
    allows,
)
from device.ic.interface.provisioning import Provisioning
from device.ic.interface.values import (
    NO_FLOOR,
    PCR_COUNT,
    VALUE_LIMIT,
    VERSION_LIMIT,
    AnchorRecord,
    Buffer,
    ClockReading,
    Floor,
    HashTicket,
    IcInfo,
    ImageTicket,
    KeyInfo,
    Purpose,
    RoleFloor,
    Ticket,
    VerifyTicket,
    sequence_slot,
)

__all__ = [
    "ALWAYS",
    "AUTHORIZED",
    "COMMISSIONED",
    "COMMISSIONING",
    "NEVER",
    "NO_FLOOR",
    "PCR_COUNT",
    "SIGNED",
    "VALUE_LIMIT",
    "VERSION_LIMIT",
    "Access",
    "AnchorRecord",
    "AuthSession",
    "Bound",
    "Buffer",
    "Capabilities",
    "ClockReading",
    "Condition",
    "ContentKey",
    "DecryptStream",
    "Decrypted",
    "DecryptionKey",
    "Floor",
    "HashStream",
    "HashTicket",
    "IcInfo",
    "ImageTicket",
    "KeyInfo",
    "KeyUse",
    "Lifecycle",
    "ObjectInfo",
    "Provisioning",
    "Purpose",
    "RoleFloor",
    "SecurityIC",
    "Side",
    "Ticket",
    "VerifyTicket",
    "Where",
    "allows",
    "sequence_slot",
]
