"""suit: the format of an update.

Description, model, bytes and COSE of the IETF SUIT manifest (draft-ietf-suit-manifest), each a pure
function of its input: no network, no clock, no device. ``open_envelope`` reads what may be read before
authentication, ``authenticate`` decides who vouches for it, ``decode_manifest`` reads the rest.
"""
