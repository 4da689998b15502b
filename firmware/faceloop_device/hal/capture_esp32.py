"""Capture by soft interrupt, for boards without PIO: best effort at 1000 frames a second.

Ref: ADS1298 frame and DRDY: TI SBAS459 "Data Output"; `machine.Pin.irq` of the esp32 port calls
its handler from the scheduler, late by 0.05 to 10 ms, and forgets an event when eight wait;
`esp32.PCNT` counts edges in hardware, and goes back to zero at its maximum.

The converter keeps only its newest frame. A handler that comes late finds that one; the frames
before it are gone. Which one it is says the count of data-ready edges, the same before and after
the read; if not, an edge came into the read, and what was read may be half of either frame.
"""

from esp32 import PCNT
from machine import Pin
from micropython import const

from faceloop_device.core.frame_ring import WORDS_PER_FRAME
from faceloop_device.core.kernels import store_frame
from faceloop_device.hal.front_end import REGISTER_SPI_HZ, FrontEnd

_FRAME_BYTES = const(27)
_HEADER = const(0xC)  # upper half of the first byte
_FRAME_SPI_HZ = const(8000000)  # 27 us a frame
_PULSES = const(30000)  # of the counter, half a minute: nobody is so late
_MOST_MARKED = const(255)  # one byte in the ring
_SPARE_FRAMES = const(55)  # of the ring, are not stored between two looks of the program


class Capture(FrontEnd):
    """Frames from the converter to memory at 1000 a second; parameters as ``FrontEnd``."""

    # Frames are 1/1000 s apart; everything else counts in 1/2000 s.
    index_step = 2
    # What was lost stands in the ring, in the frame that came after it.
    marks_losses = True

    def __init__(self, board):
        super().__init__(board, 1)
        self.words = bytearray(1 << board.CAPTURE_RING_BITS)
        self.n_words = len(self.words) // 4
        self._mask = self.n_words - 1
        # What the program took last may still be in use.
        self._most_frames = self.n_words // WORDS_PER_FRAME - _SPARE_FRAMES
        self._frame = bytearray(_FRAME_BYTES)
        self._word = 0
        self._room = self._most_frames
        self._seen = 0  # edges whose frames are stored or known to be lost
        self._lost = 0  # of these, not yet marked in the ring
        self._is_halted = True
        self._drdy = Pin(board.AFE_DRDY, Pin.IN)
        self._pulses = PCNT(0, pin=self._drdy, falling=PCNT.INCREMENT, max=_PULSES)
        self._handler = self._on_ready  # made once: a bound method allocates

    def start(self, prepare=None):
        """Set the converter up and start converting; frame 0 is the first conversion.

        ``prepare`` is called before the registers are closed, to change some.

        Raises
        ------
        ConverterError
            If the converter does not answer.
        """
        self._spi.init(baudrate=REGISTER_SPI_HZ)
        self._set_up(prepare)
        self._spi.init(baudrate=_FRAME_SPI_HZ)
        self._word = self._seen = self._lost = 0
        self._room = self._most_frames
        self._pulses.init(value=0)
        self._pulses.start()
        self._is_halted = False
        self._drdy.irq(self._handler, Pin.IRQ_FALLING)
        self.converter.start_conversions()

    def position(self):
        """Return the word of the ring that is written next; allocates nothing."""
        self._room = self._most_frames
        return self._word

    def halt(self):
        """Stop converting; what was converted is still delivered.

        Returns
        -------
        int
            Frames that were lost after the last one delivered.
        """
        self.converter.stop_conversions()
        self._is_halted = True  # a handler that still waits must not come in between
        self._read_newest()
        return self._lost

    def stop(self):
        """Back to register access."""
        self._is_halted = True
        self._drdy.irq(None)
        self._spi.init(baudrate=REGISTER_SPI_HZ)
        self._shut_down()

    def _on_ready(self, pin):
        if not self._is_halted:
            self._read_newest()

    def _read_newest(self):
        pulses = self._pulses.value()
        new = pulses - self._seen
        if new < 0:
            new += _PULSES
        if not new:
            return  # a handler before this one was so late that it has read this edge's frame
        self._spi.readinto(self._frame)
        during = self._pulses.value() - pulses
        if during < 0:
            during += _PULSES
        is_whole = not during and self._frame[0] >> 4 == _HEADER
        self._seen = (pulses + during) % _PULSES
        if not is_whole or not self._room:  # no room: nobody looks
            self._lost += new + during
            return
        self._room -= 1
        lost = self._lost + new - 1
        marked = lost if lost < _MOST_MARKED else _MOST_MARKED
        self._lost = lost - marked
        word = self._word
        store_frame(self.words, self._mask, word, self._frame, marked)
        self._word = (word + WORDS_PER_FRAME) & self._mask
