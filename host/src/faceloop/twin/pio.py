"""A PIO state machine, cycle by cycle, and the question whether its program reads the converter.

Ref: RP2350 datasheet 11.4 (instructions), 11.5.4 (autopush); ADS1298: TI SBAS459K 9.5.
The twin runs a program for one frame when it is started. If the words come out right, frames are
delivered in bulk from then on; if not, the board gets nothing, as it would get nonsense.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

__all__ = ["FRAME_BITS", "CaptureSetup", "PioError", "StateMachine", "check_capture"]

FRAME_WORDS = 9
WORD_BITS = 24
FRAME_BITS = FRAME_WORDS * WORD_BITS
MASK32 = 0xFFFF_FFFF
SCLK_MAX_HZ = 20_000_000
NO_PIN = 255


class PioError(Exception):
    """The program does something that this model does not know."""


class CaptureSetup(NamedTuple):
    """What the firmware gave to ``rp2.StateMachine``.

    Parameters
    ----------
    in_base, sideset_base, jmp_pin : int
        GPIO numbers; 255 when not set.
    sideset_count : int
        Pins that side-set drives.
    freq_hz : int
        Clock of the state machine.
    execctrl, shiftctrl : int
        Registers, with the program at address 0.
    words : tuple of int
        Program.
    """

    in_base: int
    sideset_base: int
    jmp_pin: int
    sideset_count: int
    freq_hz: int
    execctrl: int
    shiftctrl: int
    words: tuple[int, ...]


@dataclass
class StateMachine:
    """One state machine; pins are read and driven through the two callables.

    Parameters
    ----------
    setup : CaptureSetup
    read_pin : callable
        Level of a GPIO number.
    drive : callable
        Called with (GPIO number, level) for side-set.
    """

    setup: CaptureSetup
    read_pin: Callable[[int], int]
    drive: Callable[[int, int], None]
    received: list[int] = field(default_factory=list)
    pc: int = 0
    x: int = 0
    y: int = 0
    isr: int = 0
    isr_bits: int = 0
    _delay: int = 0

    def __post_init__(self) -> None:
        execctrl, shiftctrl = self.setup.execctrl, self.setup.shiftctrl
        self._has_optional_side = bool(execctrl >> 30 & 1)
        self._wrap_top, self._wrap_bottom = execctrl >> 12 & 31, execctrl >> 7 & 31
        self._shifts_right = bool(shiftctrl >> 18 & 1)
        self._autopush = bool(shiftctrl >> 16 & 1)
        self._threshold = shiftctrl >> 20 & 31 or 32

    def step(self) -> bool:
        """Run one clock cycle; return False while an instruction waits."""
        if self._delay:
            self._delay -= 1
            return True
        word = self.setup.words[self.pc]
        self._side_set(word)
        if not self._execute(word):
            return False  # side-set has happened, the delay comes after the wait
        self._delay = word >> 8 & (1 << 5 - self._side_bits) - 1
        return True

    @property
    def _side_bits(self) -> int:
        return self.setup.sideset_count + self._has_optional_side

    def _side_set(self, word: int) -> None:
        count = self.setup.sideset_count
        if not count or (self._has_optional_side and not word >> 12 & 1):
            return
        value = word >> 13 - self._side_bits & (1 << count) - 1
        for bit in range(count):
            self.drive(self.setup.sideset_base + bit, value >> bit & 1)

    def _execute(self, word: int) -> bool:
        """Execute one instruction; return False when it stalls."""
        operand, target = word & 31, word >> 5 & 7
        match word >> 13:
            case 0:
                if self._condition(target):
                    self.pc = operand
                    return True
            case 1:
                if self._waited_level(target & 3, operand) != word >> 7 & 1:
                    return False
            case 2:
                self._shift_in(target, operand or 32)
            case 4 if not word & 0x80:
                self._push()
            case 5:
                self._move(target, word >> 3 & 3, word & 7)
            case 7:
                self._set(target, operand)
            case _:
                raise PioError(f"instruction {word:04x} is not part of the model")
        self.pc = self._wrap_bottom if self.pc == self._wrap_top else self.pc + 1
        return True

    def _condition(self, condition: int) -> bool:
        x, y = self.x, self.y
        match condition:
            case 2:
                self.x = x - 1 & MASK32
            case 4:
                self.y = y - 1 & MASK32
            case 6:
                return bool(self.read_pin(self.setup.jmp_pin))
            case 7:
                raise PioError("jmp(not_osre) is not part of the model")
        return (True, not x, bool(x), not y, bool(y), x != y)[condition]

    def _waited_level(self, source: int, index: int) -> int:
        if source > 1:
            raise PioError("wait for an interrupt is not part of the model")
        return self.read_pin(index + (self.setup.in_base if source else 0))

    def _source(self, source: int, count: int) -> int:
        match source:
            case 0:
                return sum(self.read_pin(self.setup.in_base + i) << i for i in range(count))
            case 1:
                return self.x
            case 2:
                return self.y
            case 3:
                return 0
            case 6:
                return self.isr
        raise PioError(f"source {source} is not part of the model")

    def _shift_in(self, source: int, count: int) -> None:
        value = self._source(source, count) & (1 << count) - 1
        if self._shifts_right:
            self.isr = (self.isr >> count | value << 32 - count) & MASK32
        else:
            self.isr = (self.isr << count | value) & MASK32
        self.isr_bits = min(32, self.isr_bits + count)
        if self._autopush and self.isr_bits >= self._threshold:
            self._push()

    def _push(self) -> None:
        self.received.append(self.isr)
        self.isr = self.isr_bits = 0

    def _move(self, target: int, operation: int, source: int) -> None:
        value = self._source(source, 32)
        if operation == 1:
            value = ~value & MASK32
        elif operation == 2:
            value = int(f"{value:032b}"[::-1], 2)
        self._set(target, value)

    def _set(self, target: int, value: int) -> None:
        if target == 1:
            self.x = value
        elif target == 2:
            self.y = value
        else:
            raise PioError(f"destination {target} is not part of the model")


class _SerialPort:
    """The converter's output pins for one frame after another."""

    def __init__(self, dout: int, drdy: int, sclk: int, cut_off: frozenset[int]) -> None:
        self._cut_off = cut_off
        self._dout, self._drdy, self._sclk = dout, drdy, sclk
        self._frame: list[int] = []
        self._bit = FRAME_BITS
        self._levels = {dout: 0, drdy: 1, sclk: 0}
        self._next = dict(self._levels)

    def offer(self, words: Sequence[int]) -> None:
        """Finish a conversion: DRDY falls."""
        self._frame = [w >> WORD_BITS - 1 - i & 1 for w in words for i in range(WORD_BITS)]
        self._bit = 0
        self._next[self._drdy] = 0

    def drive(self, pin: int, level: int) -> None:
        if pin != self._sclk or level == self._next[pin]:
            return
        self._next[pin] = level
        if level:  # DOUT changes on the rising edge
            self._next[self._dout] = self._frame[self._bit] if self._bit < FRAME_BITS else 0
            self._bit += 1
        else:
            self._next[self._drdy] = 1

    def read(self, pin: int) -> int:
        return 0 if pin in self._cut_off else self._levels.get(pin, 0)

    def settle(self) -> None:
        """End a cycle: the state machine sees changes one cycle later (input synchroniser)."""
        self._levels.update(self._next)


@lru_cache(maxsize=16)
def check_capture(
    setup: CaptureSetup,
    dout: int,
    drdy: int,
    sclk: int,
    fs_hz: float,
    cut_off: frozenset[int] = frozenset(),
) -> str:
    """Return what is wrong with a capture program, or an empty string.

    Parameters
    ----------
    setup : CaptureSetup
    dout, drdy, sclk : int
        GPIO numbers of the converter's pins.
    fs_hz : float
        Data rate that the program has to keep up with.
    cut_off : frozenset of int
        GPIO numbers whose pads are off; they read 0.
    """
    port = _SerialPort(dout, drdy, sclk, cut_off)
    machine = StateMachine(setup, port.read, port.drive)
    # A frame that was already waiting, then two fresh ones, with bits that show any shift.
    frames = [[0xC0_0000 + n, *(0x8421A5 ^ n << i for i in range(8))] for n in range(3)]
    cycles = int(setup.freq_hz / fs_hz)
    edges, sclk_level, fewest_cycles = 0, 0, cycles
    try:
        for frame in frames:
            port.offer(frame)
            since_edge = cycles
            waited = 0
            for _ in range(cycles):
                waited = 0 if machine.step() else waited + 1
                if waited > 2:
                    break  # nothing changes before the next conversion
                port.settle()
                since_edge += 1
                if port.read(sclk) != sclk_level:
                    sclk_level ^= 1
                    edges += sclk_level
                    fewest_cycles, since_edge = min(fewest_cycles, since_edge), 0
    except (PioError, IndexError) as error:
        return f"the program cannot run: {error}"
    got, wanted = machine.received, [word for frame in frames for word in frame]
    if setup.freq_hz / fewest_cycles / 2 > SCLK_MAX_HZ:
        return "its serial clock is above 20 MHz"
    if got[-2 * FRAME_WORDS :] != wanted[FRAME_WORDS:]:
        return f"it reads {len(got)} words, not the converter's frames ({edges} clock edges)"
    return ""
