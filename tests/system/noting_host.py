"""`faceloop`, noting in a file of its own when each packet was given to the recording.

    python noting_host.py NOTES ARGUMENTS

Each note is ``<III``: turns so far, first frame, number of frames. It is written once the packet
is appended, and survives the death of this process. A turn is over when a thread has slept for
10 ms: on a busy machine this process gets fewer of them in a second, all its threads alike.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
import time

from faceloop.cli import main
from faceloop.session.recording import Recording
from faceloop_protocol.stream import decode_header

append = Recording.append
notes = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
TURN_S = 0.01
turns = 0


def take_turns() -> None:
    global turns
    while True:
        time.sleep(TURN_S)
        turns += 1
        os.write(notes, struct.pack("<III", turns, 0, 0))


def append_and_note(recording: Recording, plain_packet: bytes, next_seq: int) -> None:
    append(recording, plain_packet, next_seq)
    header = decode_header(plain_packet)
    os.write(notes, struct.pack("<III", turns, header.first_frame, header.n_frames))


Recording.append = append_and_note  # type: ignore[method-assign]
threading.Thread(target=take_turns, daemon=True).start()
main()
