"""Sizes, windows and times that board and host rely on. Each is defined here and nowhere else."""

from ._compat import const

N_CHANNELS = const(8)
FS_HZ = const(2000)  # conversions per second; frame indices always count these

# 236 = 27 * 9 - 7: the largest notification that fills nine 27-byte link-layer PDUs exactly, on
# boards whose Bluetooth stack does not ask for longer ones (Pico 2 W).
MAX_PACKET_BYTES = const(236)
MIN_MTU = const(239)  # of a Bluetooth link: a packet and ATT's three bytes in one notification
HEADER_BYTES = const(13)
MAX_PAYLOAD_BYTES = const(223)

MAX_FRAMES = const(40)  # frames in one packet while only recording: <= 20 ms
TRAINING_FRAMES = const(20)  # packets close here while training: 10 ms

SHIFT = const(4)  # counts are sent as count >> SHIFT: 0.381 uV at gain 12

# At most this many packets are on their way: BTstack keeps unsent notifications on the heap
# without limit and loses about 270 B of each at a disconnect.
WINDOW_PACKETS = const(32)

ACK_PERIOD_MS = const(100)  # the host acknowledges at least this often,
ACK_PERIOD_PACKETS = const(8)  # and after this many packets,
ACKS_PER_S = const(20)  # but no oftener than this: the board leaves the rest unread

# Commands on one link; STOP is always heard. Each costs the board an HMAC and a reply.
COMMANDS_PER_S = const(20)

BATTERY_LOW_MV = const(3500)  # below it nothing body-worn starts

NONCE_BYTES = const(16)
KEY_BYTES = const(16)
PROOF_BYTES = const(16)
TAG_BYTES = const(8)
DEVICE_ID_BYTES = const(8)

UNAUTHENTICATED_LINK_MS = const(10000)  # a link without proof is dropped after this
BAD_TAGS_BEFORE_DISCONNECT = const(5)
BACK_OFF_MS = const(30000)  # and then no proof is heard on that link for this long
PAIRING_MS = const(60000)  # a press of 5 s lets a key out, or a bond in, for this long
SERIAL_SILENCE_MS = const(2000)  # binary serial mode ends after this without a frame
