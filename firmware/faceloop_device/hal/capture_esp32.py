"""Capture by soft interrupt, for boards without PIO: best effort at 1000 frames a second.

Ref: ADS1298 frame and DRDY: TI SBAS459 "Data Output"; `machine.Pin.irq` of the esp32 port calls
its handler from the scheduler, late by 0.05 to 10 ms, and forgets an event when eight wait.

The converter keeps only its newest frame. A handler that comes late finds that one; the frames
before it are gone. How many follows from the time since the handler before: ``arrival.py``.
"""

import time

from machine import SPI, Pin
from micropython import const

from faceloop_device.core.arrival import Arrival
from faceloop_device.core.frame_ring import WORDS_PER_FRAME
from faceloop_device.core.kernels import store_frame
from faceloop_device.drivers.ads1298 import Ads1298

_RING_WORDS = const(4096)  # 16 KiB = 455 frames = 455 ms
_FRAME_BYTES = const(27)
_SPI_HZ = const(2000000)  # registers: command bytes need their distance
_FRAME_SPI_HZ = const(8000000)  # 27 us a frame
_PERIOD_US = const(1000)
_SETTLING_US = const(4504)  # from START to the first frame at this rate
_UNSURE_US = const(200)  # a prompt handler's lateness, and the read itself
_START_US = const(600)  # well below a period
_START_ATTEMPTS = const(50)
# Between two looks of the program no more than this is stored: what the program took last may
# still be in use.
_ROOM_FRAMES = const(400)


class Capture:
    """The converter and the road from it to memory.

    Parameters
    ----------
    board : module
        Pin map.
    """

    # Frames are 1/1000 s apart; everything else counts in 1/2000 s.
    index_step = 2
    # What was lost stands in the ring, in the frame that came after it.
    marks_losses = True

    def __init__(self, board):
        self._board = board
        self.n_words = _RING_WORDS
        self.words = bytearray(4 * _RING_WORDS)
        self._frame = bytearray(_FRAME_BYTES)
        self._arrival = Arrival(_PERIOD_US)
        self._word = 0
        self._room = _ROOM_FRAMES
        self._lost = 0  # not yet marked in the ring
        self._drdy = Pin(board.AFE_DRDY, Pin.IN)
        self._handler = self._on_ready  # made once: a bound method allocates
        self._power = Pin(board.AFE_PWDN, Pin.OUT, value=0)
        self._spi = self._connect_spi(_SPI_HZ)
        self.converter = Ads1298(
            self._spi,
            Pin(board.AFE_CS, Pin.OUT, value=1),
            Pin(board.AFE_START, Pin.OUT, value=0),
            Pin(board.AFE_RESET, Pin.OUT, value=1),
            rate_step=1,
        )

    def start(self, prepare=None):
        """Set the converter up and start converting; frame 0 is the first conversion.

        ``prepare`` is called before the registers are closed, to change some.

        Raises
        ------
        ConverterError
            If the converter does not answer.
        """
        self._power.value(1)
        self._spi.init(baudrate=_SPI_HZ)
        self.converter.bring_up()
        if prepare is not None:
            prepare()
        self.converter.close_registers()
        self._spi.init(baudrate=_FRAME_SPI_HZ)
        self._word = self._lost = 0
        self._room = _ROOM_FRAMES
        self._start_at_known_time()
        self._drdy.irq(self._handler, Pin.IRQ_FALLING)

    def position(self):
        """Return the word of the ring that is written next; allocates nothing."""
        self._room = _ROOM_FRAMES
        return self._word

    def halt(self):
        """Stop converting; what was converted is still delivered."""
        self.converter.stop_conversions()

    def stop(self):
        """Back to register access."""
        self._drdy.irq(None)
        self._spi.init(baudrate=_SPI_HZ)
        self.converter.open_registers()
        self._power.value(0)

    def probe(self):
        """See whether the converter answers, and leave it without power.

        Raises
        ------
        ConverterError
            If it does not.
        """
        self._power.value(1)
        try:
            self.converter.bring_up()
        finally:
            self._power.value(0)

    def resync(self):
        """Begin the ring at its first word again; return how many frames that costs."""
        self._word = self._lost = 0
        return 0

    def _start_at_known_time(self):
        # Frame numbers follow from it: held up in the middle of it, the start is made again.
        for _ in range(_START_ATTEMPTS):
            before_us = time.ticks_us()
            self.converter.start_conversions()
            after_us = time.ticks_us()
            if time.ticks_diff(after_us, before_us) < _START_US:
                break
            self.converter.stop_conversions()
            time.sleep_ms(2)
        else:
            self.converter.start_conversions()
            after_us = time.ticks_us()
        self._arrival.begin(time.ticks_add(after_us, _SETTLING_US))

    def _on_ready(self, pin):
        now_us = time.ticks_us()
        if self._arrival.is_early(now_us):
            if pin.value():
                return  # the frame of this edge has been read already, in place of an older one
        else:
            # So late that the next edge may come, or has come, at any moment: which frame would be
            # read is not known. After that edge it is.
            wait_us = self._arrival.until_clear(now_us, _UNSURE_US)
            if wait_us:
                began_us = now_us
                while time.ticks_diff(now_us, began_us) < wait_us:
                    now_us = time.ticks_us()
        lost = self._arrival.take(now_us)
        self._spi.readinto(self._frame)
        now_us = time.ticks_us()
        if not self._arrival.is_early(now_us) and pin.value():
            lost += self._arrival.take(now_us) + 1  # an edge came first: this is its frame
        if not self._room:
            self._lost += lost + 1  # nobody looks
            return
        self._room -= 1
        lost += self._lost
        self._lost = lost - 255 if lost > 255 else 0
        word = self._word
        store_frame(self.words, _RING_WORDS - 1, word, self._frame, lost - self._lost)
        self._word = (word + WORDS_PER_FRAME) & (_RING_WORDS - 1)

    def _connect_spi(self, baudrate):
        board = self._board
        return SPI(
            board.AFE_SPI,
            baudrate=baudrate,
            polarity=0,
            phase=1,
            sck=Pin(board.AFE_SCLK),
            mosi=Pin(board.AFE_DIN),
            miso=Pin(board.AFE_DOUT),
        )
