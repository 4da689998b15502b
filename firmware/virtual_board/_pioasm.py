"""Assembler of `rp2.asm_pio`: PIO version 0 instructions to 16-bit words. Pure Python.

Ref: RP2350 datasheet, 11.4 (instruction set) and 11.2.6 (side-set); MicroPython 1.29 library/rp2.
The program is a function that is run twice in a name space of instructions: once to find the
labels, whether side-set is on every instruction and how long the program is, once to emit.
"""

from array import array

SHIFT_LEFT = 0
SHIFT_RIGHT = 1
JOIN_NONE = 0

# Fields of an assembled program, as in MicroPython.
PROG_DATA = 0
PROG_OFFSET_PIO0 = 1
PROG_OFFSET_PIO1 = 2
PROG_EXECCTRL = 3
PROG_SHIFTCTRL = 4
PROG_OUT_PINS = 5
PROG_SET_PINS = 6
PROG_SIDESET_PINS = 7

_MAX_INSTRUCTIONS = 32
_EXEC = 8  # stands for a register whose number depends on the instruction
_PIN = 6
_BLOCK = 0x20
_NOBLOCK = 0x01

_CONSTANTS = {
    # sources and destinations
    "gpio": 0,
    "pins": 0,
    "x": 1,
    "y": 2,
    "null": 3,
    "pindirs": 4,
    "pc": 5,
    "status": 5,
    "isr": 6,
    "osr": 7,
    "exec": _EXEC,
    # conditions of jmp; "pin" is also a source of wait
    "not_x": 1,
    "x_dec": 2,
    "not_y": 3,
    "y_dec": 4,
    "x_not_y": 5,
    "pin": _PIN,
    "not_osre": 7,
    # options of push, pull and irq
    "noblock": _NOBLOCK,
    "block": _NOBLOCK | _BLOCK,
    "iffull": 0x40,
    "ifempty": 0x40,
    "clear": 0x40,
    # modifiers
    "invert": lambda source: source | 0x08,
    "reverse": lambda source: source | 0x10,
    "rel": lambda index: index | 0x10,
}
_NAMES = "wrap_target wrap label word nop jmp wait in_ out push pull mov irq set".split()


class PIOASMError(Exception):
    """The program cannot be encoded."""


def _range(what, value, low, high):
    if not low <= value <= high:
        raise PIOASMError("%s is %d; it must be %d to %d" % (what, value, low, high))
    return value


class _Emitter:
    def __init__(self, sideset_count):
        self.labels = {}
        self.words = array("H")
        self.first = 0
        self.last = -1
        self._pins = sideset_count
        self._is_optional = False
        self._is_emitting = False
        self._n = 0
        self._n_sideset = 0

    def begin_emitting(self):
        """Go to the second pass: the layout of the delay and side-set field is now known."""
        if self.last < 0:
            self.last = self._n - 1
        self.set_sideset(self._pins and self._n_sideset != self._n)
        self._n = 0

    def set_sideset(self, is_optional):
        """Say whether each instruction carries a bit that enables its side-set; then emit."""
        self._is_optional = bool(is_optional)
        self._is_emitting = True

    @property
    def is_optional(self):
        return self._is_optional

    @property
    def _delay_bits(self):
        return 5 - self._pins - self._is_optional

    def name_space(self):
        names = dict(_CONSTANTS)
        for name in _NAMES:
            names[name] = getattr(self, name)
        return names

    # -- modifiers of the instruction before ---------------------------------------------------

    def __getitem__(self, delay):
        return self.delay(delay)

    def delay(self, cycles):
        if self._is_emitting:
            _range("delay", cycles, 0, (1 << self._delay_bits) - 1)
            self.words[-1] |= cycles << 8
        return self

    def side(self, value):
        self._n_sideset += 1
        if self._is_emitting:
            if not self._pins:
                raise PIOASMError("side() needs sideset_init")
            _range("side-set value", value, 0, (1 << self._pins) - 1)
            self.words[-1] |= self._is_optional << 12 | value << 8 + self._delay_bits
        return self

    # -- directives ----------------------------------------------------------------------------

    def wrap_target(self):
        self.first = self._n

    def wrap(self):
        if not self._n:
            raise PIOASMError("wrap() before the first instruction")
        self.last = self._n - 1

    def label(self, name):
        if not self._is_emitting:
            if name in self.labels:
                raise PIOASMError("duplicate label %s" % name)
            self.labels[name] = self._n

    # -- instructions --------------------------------------------------------------------------

    def word(self, instr, label=None):
        self._n += 1
        if self._is_emitting:
            if self._n > _MAX_INSTRUCTIONS:
                raise PIOASMError("more than 32 instructions")
            target = 0
            if label is not None:
                if label not in self.labels:
                    raise PIOASMError("unknown label %s" % label)
                target = self.labels[label]
            self.words.append(instr | target)
        return self

    def nop(self):
        return self.mov(2, 2)

    def jmp(self, cond, label=None):
        if label is None:
            cond, label = 0, cond
        return self.word(cond << 5, label)

    def wait(self, polarity, src, index):
        # The source "irq" is, in the name space of a program, the instruction of that name.
        source = 1 if src == _PIN else 0 if src == 0 else 2
        return self.word(0x2000 | _range("polarity", polarity, 0, 1) << 7 | source << 5 | index)

    def in_(self, src, data):
        return self.word(0x4000 | src << 5 | _range("bit count", data, 1, 32) & 31)

    def out(self, dest, data):
        dest = 7 if dest == _EXEC else dest
        return self.word(0x6000 | dest << 5 | _range("bit count", data, 1, 32) & 31)

    def push(self, value=0, value2=0):
        return self.word(0x8000 | self._fifo_options(value | value2))

    def pull(self, value=0, value2=0):
        return self.word(0x8080 | self._fifo_options(value | value2))

    def _fifo_options(self, value):
        if not value & _NOBLOCK:
            value |= _BLOCK  # waiting is the default
        return value & 0x60

    def mov(self, dest, src):
        dest = 4 if dest == _EXEC else dest
        return self.word(0xA000 | dest << 5 | src)

    def irq(self, mod, index=None):
        if index is None:
            mod, index = 0, mod
        return self.word(0xC000 | mod & 0x60 | index)

    def set(self, dest, data):
        return self.word(0xE000 | dest << 5 | _range("set data", data, 0, 31))


def _pin_count(pins):
    if pins is None:
        return 0
    return 1 if isinstance(pins, int) else len(pins)


def _run(function, names):
    """Call a function with its module's names replaced for the time of the call."""
    module = function.__globals__
    kept = dict(module)
    module.clear()
    module.update(names)
    try:
        function()
    finally:
        module.clear()
        module.update(kept)


def asm_pio(
    *,
    out_init=None,
    set_init=None,
    sideset_init=None,
    side_pindir=False,
    in_shiftdir=SHIFT_LEFT,
    out_shiftdir=SHIFT_LEFT,
    autopush=False,
    autopull=False,
    push_thresh=32,
    pull_thresh=32,
    fifo_join=JOIN_NONE,
):
    """Return a decorator that assembles a function into a program for `StateMachine`."""

    def assemble(function):
        emitter = _Emitter(_pin_count(sideset_init))
        _run(function, emitter.name_space())
        emitter.begin_emitting()
        _run(function, emitter.name_space())
        execctrl = (
            bool(emitter.is_optional) << 30
            | bool(side_pindir) << 29
            | emitter.last << 12
            | emitter.first << 7
        )
        shiftctrl = (
            fifo_join << 30
            | (pull_thresh & 31) << 25
            | (push_thresh & 31) << 20
            | out_shiftdir << 19
            | in_shiftdir << 18
            | bool(autopull) << 17
            | bool(autopush) << 16
        )
        return [emitter.words, -1, -1, execctrl, shiftctrl, out_init, set_init, sideset_init]

    return assemble


def asm_pio_encode(instr, sideset_count, sideset_opt=False):
    """Encode one instruction given as text; ``jmp`` is not supported, as in MicroPython.

    ``sideset_count`` includes the bit that enables an optional side-set.
    """
    emitter = _Emitter(sideset_count - bool(sideset_opt))
    emitter.set_sideset(sideset_opt)
    names = emitter.name_space()
    del names["jmp"]
    exec(instr, names)
    if len(emitter.words) != 1:
        raise PIOASMError("expecting exactly 1 instruction")
    return emitter.words[0]
