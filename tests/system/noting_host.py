"""`faceloop`, noting in a file of its own when each packet was given to the recording.

    python noting_host.py NOTES ARGUMENTS

Each note is ``<qII``: monotonic time in ns, first frame, number of frames. It is written once the
packet is appended, and survives the death of this process.
"""

from __future__ import annotations

import os
import struct
import sys
import time

from faceloop.cli import main
from faceloop.session.recording import Recording
from faceloop_protocol.stream import decode_header

append = Recording.append
notes = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT, 0o600)


def append_and_note(recording: Recording, plain_packet: bytes, next_seq: int) -> None:
    append(recording, plain_packet, next_seq)
    header = decode_header(plain_packet)
    os.write(notes, struct.pack("<qII", time.monotonic_ns(), header.first_frame, header.n_frames))


Recording.append = append_and_note  # type: ignore[method-assign]
main()
