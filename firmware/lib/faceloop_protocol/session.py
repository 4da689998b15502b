"""Mutual proof of a shared key, session keys and command tags (HMAC-SHA256).

    host  -> HELLO  version, host nonce, role (may be left out: the owner's)
    board -> reply  device id, device nonce, proof over label "device"
    host  -> PROVE  proof over label "host"

Neither side sends the key. Each proof and both session keys cover the device id and both nonces;
the labels differ, so that no answer of one side can be played back as the other's.
"""

import hashlib

from ._compat import const
from .limits import PROOF_BYTES, TAG_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compat import Bytes

ROLE_OWNER = const(0)
ROLE_THERAPIST = const(1)

LABEL_DEVICE = b"fl1 device"
LABEL_HOST = b"fl1 host"
LABEL_TAG = b"fl1 tag"
LABEL_STREAM = b"fl1 stream"


def hmac_pads(key: bytes) -> "tuple[bytes, bytes]":
    """Return the inner and outer pad of a key, to be used again and again."""
    if len(key) > 64:
        key = hashlib.sha256(key).digest()
    key = key + bytes(64 - len(key))
    return bytes([b ^ 0x36 for b in key]), bytes([b ^ 0x5C for b in key])


def hmac_with_pads(pads: "tuple[bytes, bytes]", message: "Bytes") -> bytes:
    """Return HMAC-SHA256 (RFC 2104); written out because MicroPython has no ``hmac`` built in."""
    inner = hashlib.sha256(pads[0])
    inner.update(message)
    outer = hashlib.sha256(pads[1])
    outer.update(inner.digest())
    return outer.digest()


def hmac_sha256(key: bytes, message: "Bytes") -> bytes:
    """Return HMAC-SHA256 of ``message`` under ``key``."""
    return hmac_with_pads(hmac_pads(key), message)


def is_equal(a: "Bytes", b: "Bytes") -> bool:
    """Compare two byte strings in a time that does not depend on where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


def transcript(device_id: "Bytes", host_nonce: "Bytes", device_nonce: "Bytes") -> bytes:
    """Return the bytes that every proof and session key of one session covers."""
    return bytes(device_id) + bytes(host_nonce) + bytes(device_nonce)


def proof(key: bytes, label: bytes, covered: bytes) -> bytes:
    """Return a 16-byte proof; ``label`` is LABEL_DEVICE or LABEL_HOST."""
    return hmac_sha256(key, label + covered)[:PROOF_BYTES]


def tag_key(key: bytes, covered: bytes) -> bytes:
    """Return the 32-byte key of the session's command tags."""
    return hmac_sha256(key, LABEL_TAG + covered)


def stream_key(key: bytes, covered: bytes) -> bytes:
    """Return the 16-byte AES key of the session's stream payloads."""
    return hmac_sha256(key, LABEL_STREAM + covered)[:16]


def command_tag(tag_pads: "tuple[bytes, bytes]", untagged: "Bytes") -> bytes:
    """Return the 8-byte tag of a command (op, counter and body); pads are those of ``tag_key``."""
    return hmac_with_pads(tag_pads, untagged)[:TAG_BYTES]


def has_tag(tag_pads: "tuple[bytes, bytes]", message: "Bytes", untagged: "Bytes") -> bool:
    """Return whether ``message`` ends with the tag of ``untagged``, which is all before it.

    Takes the same time wherever they differ, and copies nothing: it is called for every
    acknowledgement.
    """
    at = len(untagged)
    if len(message) != at + TAG_BYTES:
        return False
    digest = hmac_with_pads(tag_pads, untagged)
    difference = 0
    for i in range(TAG_BYTES):
        difference |= message[at + i] ^ digest[i]
    return difference == 0
