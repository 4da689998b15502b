"""PIO blocks and state machines of the virtual board, for its `rp2`.

Programs are really assembled; a state machine does not execute them cycle by cycle but delivers
frames when its program, pins and shift settings are those of a reader that would get them from
the real converter.
"""

import struct
import time

import _chip
import _dma_window
import machine
from _pioasm import asm_pio_encode

_N_MACHINES = 12
_PIO_BASE = 0x5020_0000
_PIO_STRIDE = 0x10_0000
_RXF0 = 0x20
_PROGRAM_WORDS = 32
# The driver of a Pico 2 W's radio chip has it: pico-sdk's pio_claim_free_sm_and_add_program
# searches from the highest PIO block down, in it for the lowest free machine.
_RADIO_MACHINE = 8


class PIO:
    """One PIO block."""

    IN_LOW = 0
    IN_HIGH = 1
    OUT_LOW = 2
    OUT_HIGH = 3
    SHIFT_LEFT = 0
    SHIFT_RIGHT = 1
    JOIN_NONE = 0
    JOIN_TX = 1
    JOIN_RX = 2
    IRQ_SM0 = 0x100
    IRQ_SM1 = 0x200
    IRQ_SM2 = 0x400
    IRQ_SM3 = 0x800

    _blocks = {}

    def __new__(cls, id):
        if not 0 <= id < _N_MACHINES // 4:
            raise ValueError("PIO(%d) doesn't exist" % id)
        block = PIO._blocks.get(id)
        if block is None:
            block = PIO._blocks[id] = super().__new__(cls)
            block._id = id
            block._programs = []
        return block

    def __init__(self, id):
        pass

    def add_program(self, program):
        """Load a program, unless it is there already."""
        if any(known is program for known in self._programs):
            return
        used = sum(len(known[0]) for known in self._programs)
        if used + len(program[0]) > _PROGRAM_WORDS:
            raise OSError(12)
        self._programs.append(program)

    def remove_program(self, program=None):
        """Unload one program, or all."""
        self._programs = [p for p in self._programs if program is not None and p is not program]

    def state_machine(self, id, *program, **options):
        """Return one of this block's four state machines."""
        if not 0 <= id < 4:
            raise ValueError("invalid state machine")
        machine = StateMachine(self._id * 4 + id)
        if program:
            machine.init(*program, **options)
        return machine

    def __repr__(self):
        return "PIO(%u)" % self._id


def machine_at(address):
    """Return the state machine whose RX FIFO is at an address, or None."""
    block, offset = divmod(address - _PIO_BASE, _PIO_STRIDE)
    index = offset - _RXF0 >> 2
    if 0 <= block < _N_MACHINES // 4 and 0 <= index < 4:
        return StateMachine(block * 4 + index)
    return None


class StateMachine:
    """One state machine; two ``StateMachine(n)`` are the same object, as on a board."""

    _machines = {}

    def __new__(cls, id, *args, **kwargs):
        if not 0 <= id < _N_MACHINES:
            raise ValueError("invalid StateMachine")
        if id == _RADIO_MACHINE:
            raise ValueError("StateMachine claimed by external resource")
        machine = StateMachine._machines.get(id)
        if machine is None:
            machine = StateMachine._machines[id] = super().__new__(cls)
            machine._id = id
            machine._setup = None
            machine._is_active = False
            machine._words = []
        return machine

    def __init__(self, id, program=None, freq=-1, **options):
        if program is not None:
            self.init(program, freq, **options)

    @property
    def _dreq(self):
        return (self._id >> 2 << 3) + (self._id & 3) + 4

    @property
    def _rxf_address(self):
        return _PIO_BASE + (self._id >> 2) * _PIO_STRIDE + _RXF0 + 4 * (self._id & 3)

    def init(
        self,
        program,
        freq=-1,
        *,
        in_base=None,
        out_base=None,
        set_base=None,
        jmp_pin=None,
        sideset_base=None,
        in_shiftdir=None,
        out_shiftdir=None,
        push_thresh=None,
        pull_thresh=None,
    ):
        """Stop the machine, load a program and set its pins, clock and shift registers."""
        if freq > 0 and not machine.freq() / 65536 < freq <= machine.freq():
            raise ValueError("freq out of range")
        self.active(0)
        PIO(self._id >> 2).add_program(program)
        shiftctrl = program[4]
        for value, low, bits in (
            (in_shiftdir, 18, 1),
            (out_shiftdir, 19, 1),
            (push_thresh, 20, 5),
            (pull_thresh, 25, 5),
        ):
            if value is not None:
                mask = (1 << bits) - 1
                shiftctrl = shiftctrl & ~(mask << low) | (value & mask) << low
        sideset_init = program[7]
        count = 0 if sideset_init is None else 1
        if count and not isinstance(sideset_init, int):
            count = len(sideset_init)
        self._setup = (
            _pin_number(in_base),
            _pin_number(sideset_base),
            _pin_number(jmp_pin),
            count,
            machine.freq() if freq <= 0 else freq,
            program[3],
            shiftctrl,
        )
        self._program = program
        self._words.clear()

    def active(self, value=None):
        """Get whether the machine runs, or start and stop it."""
        if value is None:
            return self._is_active
        if value and not self._is_active:
            words = self._program[0] if self._setup else b""
            setup = self._setup or (255, 255, 255, 0, 1, 0, 0)
            request = _chip.request("C", "BBBBIII", *setup)
            # The program's words follow; their number is the rest of the request.
            body = request[3:] + b"".join(bytes((word & 255, word >> 8)) for word in words)
            _chip.ask(struct.pack("<BH", ord("C"), len(body)) + body, bytearray(1))
            _dma_window.get_window().restart()
            self._is_active = True
        elif not value and self._is_active:
            _chip.ask(_chip.request("c"), bytearray(1))
            self._is_active = False
        return self._is_active

    def restart(self):
        """Begin the program anew; here every frame begins it anew anyway."""

    def exec(self, instr):
        """Execute one instruction; accepted for set-up code, without effect on the frames."""
        if isinstance(instr, str):
            asm_pio_encode(instr, self._setup[3] if self._setup else 0)

    def rx_fifo(self):
        """Return how many words wait in the receive FIFO; without DMA."""
        window = _dma_window.get_window()
        if not self._words and window.written() > window.taken:
            # A machine whose FIFO is full waits, so all frames but the newest were missed.
            window.take(window.written() - window.taken - 1)
            window.fetch(1)
            self._words.extend(struct.unpack("<9I", window.stage))
            window.take(1)
        return min(len(self._words), 8)

    def tx_fifo(self):
        """Return how many words wait in the transmit FIFO."""
        return 0

    def get(self, buf=None, shift=0):
        """Return the next received word, or fill a buffer; waits for words."""
        if buf is not None:
            for i in range(len(buf)):
                buf[i] = self.get(None, shift)
            return buf
        while not self.rx_fifo():
            time.sleep_us(200)
        return self._words.pop(0) >> shift

    def put(self, value, shift=0):
        """Send words to the program; the front end needs none, they are dropped."""

    def __repr__(self):
        return "StateMachine(%u)" % self._id


def _pin_number(pin):
    return 255 if pin is None else machine.Pin(pin).number
