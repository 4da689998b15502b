"""One link's proof of key and its tagged commands."""

import os

from faceloop_device.core.rate import Rate
from faceloop_protocol import control, session
from faceloop_protocol.limits import (
    ACKS_PER_S,
    BACK_OFF_MS,
    BAD_TAGS_BEFORE_DISCONNECT,
    COMMANDS_PER_S,
    MAX_PACKET_BYTES,
    NONCE_BYTES,
    PROOF_BYTES,
    TAG_BYTES,
)

_TICKS_MASK = 0x3FFFFFFF


class LinkSession:
    """State of the authentication on one link; forgotten when the link ends.

    Parameters
    ----------
    keys : Keys or bytes
        The board's keys; bytes: the owner's, and no second one.
    device_id : bytes
        8 bytes.
    """

    _work = bytearray(MAX_PACKET_BYTES)  # of a message that is checked now, on whichever link

    def __init__(self, keys, device_id):
        self._keys = keys
        self._untagged = memoryview(LinkSession._work)[:0]  # cut again when a length changes
        self._key = b""  # of the role that is proving itself
        self._device_id = device_id
        self.role = session.ROLE_OWNER
        self._abused_ms = -1
        self.bad_tags = 0
        # Since the key was last proven, whoever sent them: hanging up and calling again must not
        # gain anything, here and with the rates below.
        self._wrong = 0
        self.generation = 0  # tells one session of a link from the next
        self.commands = Rate(COMMANDS_PER_S)
        self.refusals = Rate(COMMANDS_PER_S)
        self.acknowledgements = Rate(ACKS_PER_S)
        self.new_link()

    def new_link(self):
        """Another host, or none: end the session."""
        self.forget()

    def forget(self):
        """End the session."""
        self.generation += 1
        self._covered = None
        self._tag_pads = None
        self.stream_key = None
        self._counter = 0
        self.is_open = False

    def hello(self, host_nonce, role=session.ROLE_OWNER):
        """Take the host's nonce; return the body of the reply, None when that role has no key."""
        self.forget()
        keys = self._keys
        if isinstance(keys, bytes):
            key = keys if role == session.ROLE_OWNER else None
        else:
            key = keys.of(role)
        if key is None:
            return None
        self._key = key
        self.role = role
        nonce = os.urandom(NONCE_BYTES)
        self._covered = session.transcript(self._device_id, host_nonce, nonce)
        proof = session.proof(self._key, session.LABEL_DEVICE, self._covered)
        return self._device_id + nonce + proof

    def prove(self, proof):
        """Take the host's proof; return a status."""
        if self._covered is None or len(proof) != PROOF_BYTES:
            return control.PROOF_NEEDED
        expected = session.proof(self._key, session.LABEL_HOST, self._covered)
        if not session.is_equal(proof, expected):
            self.forget()
            self.bad_tags += 1
            self._wrong += 1
            return control.BAD_PROOF
        self._wrong = 0
        self._tag_pads = session.hmac_pads(session.tag_key(self._key, self._covered))
        self.stream_key = session.stream_key(self._key, self._covered)
        self._covered = None  # one proof per nonce
        self.is_open = True
        if self.role == session.ROLE_OWNER and not isinstance(self._keys, bytes):
            self._keys.claim()
        return control.OK

    def check(self, message, counter):
        """Return the status of a tagged command: OK once for each rising counter.

        ``message`` has its counter and its tag. What this allocates are the hashes of an HMAC:
        acknowledgements come every 80 ms.
        """
        if self._tag_pads is None:
            return control.PROOF_NEEDED
        n_bytes = len(message)
        if n_bytes > MAX_PACKET_BYTES:
            return control.BAD_LENGTH
        work = LinkSession._work
        work[:n_bytes] = message
        n_untagged = n_bytes - TAG_BYTES
        if n_untagged != len(self._untagged):
            self._untagged = memoryview(work)[:n_untagged]
        if not session.has_tag(self._tag_pads, message, self._untagged):
            self.bad_tags += 1
            self._wrong += 1
            return control.BAD_TAG
        if counter <= self._counter:
            self.bad_tags += 1  # told, but no guess at the key: it cuts no link
            return control.BAD_COUNTER
        self._counter = counter
        return control.OK

    def is_abused(self):
        """Return whether too many wrong tags came: this link should be cut."""
        return self._wrong >= BAD_TAGS_BEFORE_DISCONNECT

    def back_off(self, now_ms):
        """The link is cut for abuse: hear no proof for a while, whoever comes."""
        self._abused_ms = now_ms
        self._wrong = 0
        self.forget()

    def is_backing_off(self, now_ms):
        """Return whether proofs are not heard now."""
        if self._abused_ms < 0:
            return False
        if (now_ms - self._abused_ms) & _TICKS_MASK < BACK_OFF_MS:
            return True
        self._abused_ms = -1
        return False
