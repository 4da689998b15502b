"""Capture without the processor: PIO waits for DRDY and clocks frames out, DMA stores them.

Ref: RP2350 datasheet, sections "PIO" and "DMA"; ADS1298 frame: TI SBAS459 "Data Output".
"""

import rp2
import uctypes
from machine import Pin
from micropython import const

from faceloop_device.drivers.ads1298 import ConverterError
from faceloop_device.hal.front_end import FrontEnd
from faceloop_device.hal.ring_memory import aligned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rp2.asm_pio import *  # the instructions, which the decorator makes known

_SM_HZ = const(16000000)  # four cycles a bit: SCLK 4 MHz
_N_MACHINES = const(12)  # four in each of three PIO blocks


@rp2.asm_pio(
    sideset_init=rp2.PIO.OUT_LOW,
    in_shiftdir=rp2.PIO.SHIFT_LEFT,
    autopush=True,
    push_thresh=24,
    fifo_join=rp2.PIO.JOIN_RX,
)
def read_frames():
    """Nine 24-bit words a frame; the converter shifts as SCLK rises, we sample as it falls."""
    wrap_target()
    wait(1, pin, 1).side(0)  # a fresh DRDY, not the rest of a frame
    wait(0, pin, 1).side(0)
    set(y, 8).side(0)
    label("word")
    set(x, 23).side(0)
    label("bit")
    nop().side(1)[1]
    in_(pins, 1).side(0)
    jmp(x_dec, "bit").side(0)
    jmp(y_dec, "word").side(0)
    wrap()


class Capture(FrontEnd):
    """Frames from the converter to memory at 2000 a second; parameters as ``FrontEnd``."""

    index_step = 1
    marks_losses = False  # a missed conversion leaves no trace in the ring

    def __init__(self, board):
        super().__init__(board)
        # An RP2350's pads are cut off after a reset, and a state machine switches on only what it
        # drives (micropython/micropython 17047). SPI has switched DOUT on.
        Pin(board.AFE_DRDY, Pin.IN)
        self.words = aligned(1 << board.CAPTURE_RING_BITS)
        self.n_words = len(self.words) // 4
        self._base = uctypes.addressof(self.words)
        self._dma = rp2.DMA()
        self._sm = None
        self._number = 0  # of the state machine, 4 to a block

    def start(self, prepare=None):
        """Set the converter up and start converting; frame 0 is the first conversion.

        ``prepare`` is called before the registers are closed, to change some.

        Raises
        ------
        ConverterError
            If the converter does not answer, or no state machine is free.
        """
        self._claim_machine()  # before anything has power
        self._take_pins()
        self._set_up(prepare)
        self._run_pio()
        self.converter.start_conversions()

    def position(self):
        """Return the word of the ring that DMA writes next; allocates nothing."""
        write = self._dma.write  # pyright: ignore[reportAttributeAccessIssue]  not in the stubs
        return (write - self._base) >> 2

    def halt(self):
        """Stop converting; what was converted is still delivered. Return what is not: nothing."""
        self.converter.stop_conversions()
        return 0

    def stop(self):
        """Give the pins back to register access."""
        self._stop_pio()
        self._take_pins()
        self._shut_down()

    def resync(self):
        """Start reading afresh at the next frame; the ring begins at its first word again.

        Returns
        -------
        int
            Frames that this costs: the one under way.
        """
        self._stop_pio()
        self._run_pio()
        return 1

    def _take_pins(self):
        # Making the (one) SPI object anew gives it the pins back from the PIO.
        self._connect_spi()

    def _claim_machine(self):
        if self._sm is not None:
            return self._sm
        # The driver of the radio chip has one already, whichever was free: on a Pico 2 W number 8.
        for number in range(_N_MACHINES):
            try:
                sm = rp2.StateMachine(number)
                self._load(sm)
            except (ValueError, OSError):  # another driver's; its block has no room for a program
                continue
            self._sm, self._number = sm, number
            return sm
        raise ConverterError("No PIO state machine is free to read the converter.")

    def _load(self, sm):
        board = self._board
        sm.init(
            read_frames,
            freq=_SM_HZ,
            in_base=Pin(board.AFE_DOUT),
            sideset_base=Pin(board.AFE_SCLK),
        )

    def _run_pio(self):
        sm = self._claim_machine()
        self._load(sm)
        control = self._dma.pack_ctrl(
            size=2,
            inc_read=False,
            inc_write=True,
            ring_sel=True,
            ring_size=self._board.CAPTURE_RING_BITS,
            treq_sel=(self._number >> 2 << 3) + (self._number & 3) + 4,  # its RX FIFO
        )
        self._dma.config(read=sm, write=self.words, count=0xFFFFFFFF, ctrl=control, trigger=True)
        sm.active(1)

    def _stop_pio(self):
        if self._sm is not None:
            self._sm.active(0)
            self._dma.active(0)
