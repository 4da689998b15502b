"""Capture to packets to link: the loop that must neither lose nor allocate."""

import os

from faceloop_device.core.encoder import Encoder
from faceloop_device.core.flow import Flow
from faceloop_device.core.frame_ring import FrameRing
from faceloop_device.core.kernels import copy
from faceloop_device.core.ladder import HALF_RATE, Ladder
from faceloop_device.core.packet_ring import PacketRing
from faceloop_device.core.slip import SlipWatch
from faceloop_protocol import control
from faceloop_protocol.limits import MAX_FRAMES, MAX_PACKET_BYTES, SHIFT, TRAINING_FRAMES
from faceloop_protocol.stream import (
    FLAG_DEGRADED,
    FLAG_ENCRYPTED,
    FLAG_HALF_RATE,
    FLAG_LATE,
    FLAG_RESYNC,
    SHIFT_MASK,
    seq_distance,
)

# The converter gives a frame every 0.5 ms; this long without one means that it has stopped.
SILENT_CONVERTER_US = 200000
# Packets handed to the link per step, so that one step stays short after a blackout.
MAX_SENDS = 12


class Stream:
    """The packets of one recording, from the capture ring to the link.

    Parameters
    ----------
    capture : object
        ``words``, ``n_words``; ``start()``; ``position()``, the word of the ring that is written
        next, without allocating; ``halt()``, no further conversions, which returns how many frames
        were missed after the last one; ``stop()``; ``index_step``, 2 where frames come at half
        the rate; ``marks_losses``, whether the ring says what the capture missed
        (``kernels.store_frame``) and has whole frames only; if not, ``resync()``, which returns
        what it costs in frames.
    ring_bytes : int
        Size of the re-send ring.
    """

    def __init__(self, capture, ring_bytes):
        self._capture = capture
        self.frames = FrameRing(capture.words, capture.n_words, capture.index_step)
        self._encoder = Encoder(capture.words, capture.n_words - 1, SHIFT)
        self.ring = PacketRing(ring_bytes)
        self.flow = Flow(self.ring)
        self.ladder = Ladder()
        self._base_shift = SHIFT
        self.cipher = None
        self.stream_id = 0
        self.is_running = False
        self.is_silent = False
        self.resent = 0
        self.send_failures = 0
        self.lead_off_p = 0
        self.lead_off_n = 0
        self._tx = bytearray(MAX_PACKET_BYTES)
        tx = memoryview(self._tx)
        self._tx_views = [tx[:n] for n in range(MAX_PACKET_BYTES + 1)]
        self.waiting = 0  # frames captured but not encoded yet
        self._slips = SlipWatch()
        self._resync_flag = 0
        self._is_fresh = False
        self._owed_us = 0  # went by without a position that was taken
        self._filling_bytes = ring_bytes - ring_bytes // 4
        self._is_half_rate = False
        self._step_flag = 0
        self._is_slow = capture.index_step > 1
        self._rate_flag = FLAG_HALF_RATE if self._is_slow else 0
        self.set_mode(control.MODE_TRAINING)

    @property
    def dropped(self):
        """Frames lost on the board: in the capture, or pushed out of the ring unconfirmed."""
        return self.frames.dropped + self.ring.evicted_frames

    @property
    def shift(self):
        """Bits cut off each count."""
        return self._encoder.shift

    def set_mode(self, mode):
        """Choose between short packets (training) and full ones (recording)."""
        self.mode = mode
        self._count_packet()

    def start(self, shift):
        """Begin a new stream; the packets of an older one are gone. Return the new id."""
        self.close()
        # below 2**30, so that it stays a small integer on a 32-bit board
        self.stream_id = (int.from_bytes(os.urandom(4), "little") & 0x3FFFFFFF) or 1
        self._base_shift = shift
        self.ladder.reset()
        self._take_step()
        self.frames.reset()
        self._slips.reset()
        self.resent = self.send_failures = 0
        self._resync_flag = 0
        self.waiting = self._quiet_us = self._seen = self._owed_us = 0
        self.is_silent = False
        self._capture.start()
        self._is_fresh = True
        self.is_running = True
        return self.stream_id

    def stop(self):
        """Stop converting; all that was captured becomes packets, the last one perhaps short."""
        if self.is_running:
            missed = self._capture.halt()
            self.frames.settle()
            self._encode_waiting(self.frames.advance(self.position(), 0), 1)
            self.frames.slip(missed)
            self._capture.stop()
            self.is_running = False

    def close(self):
        """The host has everything: stop and free the ring."""
        self.stop()
        self.ring.clear()
        self.flow.reset()
        self.stream_id = 0

    def position(self):
        """Return where the capture is in its ring; allocates nothing."""
        return self._capture.position()

    def capture(self, position, elapsed_us):
        """Make packets of what was captured since the last call.

        ``position`` was taken first, and ``elapsed_us`` is the time from one such moment to the
        next, read after it.
        """
        frames = self.frames
        if self._is_fresh:
            self._is_fresh = False
            elapsed_us = 0  # most of it was the converter's start-up
        if self._capture.marks_losses:  # it never goes round unseen and needs no clock
            waiting = frames.advance(position, 0)
        else:
            waiting = frames.advance(position, elapsed_us)
            elapsed_us += self._owed_us
            if waiting < 0:
                self._owed_us = elapsed_us
                return
            self._owed_us = 0
            waiting = self._find_slip(waiting, elapsed_us)
        self._quiet_us = self._quiet_us + elapsed_us if waiting == self.waiting else 0
        at_least = self._packet_frames
        if self._quiet_us > SILENT_CONVERTER_US:
            self.is_silent = True
            at_least = 1
        self.waiting = self._encode_waiting(waiting, at_least)

    def due_ms(self):
        """Return in how many milliseconds the packet under way can be full, at least 1."""
        missing = self._packet_frames - self.waiting
        # a frame every 0.5 ms, or every millisecond
        return (missing * self._capture.index_step + 1) >> 1 if missing > 0 else 1

    def _find_slip(self, waiting, elapsed_us):
        frames = self.frames
        seen = frames.frame + waiting
        slipped = self._slips.look(elapsed_us, seen - self._seen) if self._seen else 0
        self._seen = seen
        if slipped:
            # All that came goes under the old count: the index jumps between two packets.
            self._encode_waiting(waiting, 1)
            waiting = 0
            frames.slip(slipped)
            self._seen = frames.frame
            self._resync_flag = FLAG_RESYNC
        return waiting

    def adapt(self, now_ms):
        """Give up detail when the link is too slow for it, and take it back when it is not."""
        ring = self.ring
        is_filling = ring.used_bytes > self._filling_bytes
        if self.ladder.judge(now_ms, self.flow.received, self.flow.pile(), is_filling):
            self._take_step()

    def send(self, link):
        """Hand packets to ``link`` while the window is open and ``send_stream`` takes them."""
        for _ in range(MAX_SENDS):
            number = self.flow.next()
            if number < 0:
                return
            length = self.ring.length(number)
            tx = self._tx
            copy(tx, 0, self.ring.buffer, self.ring.offset(number), length)
            is_late = self.flow.is_late(number)
            if is_late:
                tx[1] |= FLAG_LATE
            if self.cipher:
                first_frame = tx[4] | tx[5] << 8 | tx[6] << 16 | tx[7] << 24
                self.cipher.apply(tx, length, self.stream_id, first_frame)
                tx[1] |= FLAG_ENCRYPTED
            if not link.send_stream(self._tx_views[length]):
                self.send_failures += 1
                return
            self.flow.done(number)
            if is_late:
                self.resent += 1

    def number_of(self, seq):
        """Return the running number of a 16-bit seq, taken near the head of the ring."""
        head = self.ring.head
        return head + seq_distance(seq, head & 0xFFFF)

    def extent(self):
        """Return the fields of ``control.StreamExtent``."""
        ring = self.ring
        frame = self.frames.frame
        oldest_frame = ring.first_frame(ring.oldest) if ring.oldest < ring.head else frame
        return (
            self.stream_id,
            ring.oldest & 0xFFFF,
            oldest_frame,
            ring.head & 0xFFFF,
            frame & 0xFFFFFFFF,
            1 if self.is_running else 0,
        )

    def _encode_waiting(self, waiting, at_least):
        while waiting >= at_least and waiting:
            n = waiting if waiting < self._packet_frames else self._packet_frames
            good = self.frames.good(n)
            if good == 0:
                if not self._capture.marks_losses:
                    self._lost_place(waiting)
                    return 0
                missed = self.frames.take_mark()
                if missed:
                    self.frames.slip(missed)
                else:  # not as it was stored
                    self.frames.lose(1)
                    waiting -= 1
                self._resync_flag = FLAG_RESYNC
                continue
            if good < n:
                at_least = 1  # come to the bad frame in this call
            waiting -= self._encode(good)
        return waiting

    def _encode(self, n_frames):
        frames = self.frames
        encoder = self._encoder
        word, frame = frames.read_word, frames.frame
        flags = self._resync_flag | self._step_flag | self._rate_flag
        seq, dropped = self.ring.head, self.dropped
        if self._is_half_rate and n_frames > 1:
            n = 2 * encoder.encode_pairs(word, n_frames >> 1, flags, seq, frame, dropped)
        else:  # one frame without a partner goes as it is
            n = encoder.encode(word, n_frames, flags, seq, frame, dropped)
        self.ring.put(encoder.packet, encoder.length)
        self.lead_off_p = encoder.packet[10]
        self.lead_off_n = encoder.packet[11]
        self._resync_flag = 0
        frames.skip(n)
        return n

    def _take_step(self):
        level = self.ladder.level
        shift = self._base_shift + min(level, HALF_RATE - 1)
        self._encoder.shift = shift if shift < SHIFT_MASK else SHIFT_MASK
        self._is_half_rate = level == HALF_RATE and not self._is_slow
        self._step_flag = FLAG_DEGRADED if level else 0
        self._count_packet()

    def _count_packet(self):
        # as many values at half rate: half as many packets
        values = TRAINING_FRAMES if self.mode == control.MODE_TRAINING else MAX_FRAMES
        if self._is_slow and self.mode == control.MODE_TRAINING:
            values >>= 1  # 10 ms all the same
        self._packet_frames = 2 * values if self._is_half_rate else values

    def _lost_place(self, waiting):
        # What waits cannot be trusted, and restarting may cost the frame under way.
        self.frames.restart(waiting + self._capture.resync())
        self._resync_flag = FLAG_RESYNC
