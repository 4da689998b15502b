"""The codec by its vectors: the reference as MicroPython runs it, and the board's encoder."""

import json
import sys
from array import array

from faceloop_device.core.encoder import Encoder
from faceloop_protocol import rice, stream
from faceloop_protocol.errors import ProtocolError

N_WORDS = 512  # a power of two with room for the longest packet

with open(sys.argv[1]) as file:
    content = json.load(file)

words = array("I", [0] * N_WORDS)
for number, case in enumerate(content["cases"]):
    frames, shift, n = case["frames"], case["shift"], case["n_frames"]
    payload = bytes.fromhex(case["payload"])
    assert rice.encode(frames, shift) == payload, case["name"]
    assert rice.decode(payload, n, shift) == frames, case["name"]
    start = 7 * number  # somewhere else in the ring each time, across its end too
    for i, frame in enumerate(frames):
        words[(start + 9 * i) & (N_WORDS - 1)] = 0xC00000
        for c, value in enumerate(frame):
            words[(start + 9 * i + 1 + c) & (N_WORDS - 1)] = (value << shift) & 0xFFFFFF
    encoder = Encoder(words, N_WORDS - 1, shift)
    assert encoder.encode(start, n, 0, number, 0, 0) == n, case["name"]
    packet = bytes(encoder.packet[: encoder.length])
    header = stream.decode_header(packet)
    assert (header.flags, header.seq, header.n_frames) == (shift, number, n), case["name"]
    assert packet[13:] == payload, case["name"]

for case in content["refused"]:
    try:
        rice.decode(bytes.fromhex(case["payload"]), case["n_frames"], case["shift"])
    except ProtocolError:
        continue
    raise AssertionError(case["name"] + " is taken")
print("ok", len(content["cases"]), len(content["refused"]))
