"""The firmware's capture program in an emulator by others, against the twin's converter.

The emulator is rp2040-pio-emulator: the same instructions as on the RP2350. It leaves out the
two-clock input synchroniser, which moves a sample by 13 ns of the 125 that it has.
"""

# No postponed annotations here: the emulator looks at those of its input's function.
import contextlib
import dataclasses
import functools
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from pioemu import State, emulate, emulation

from faceloop.twin.ads1298 import Ads1298
from faceloop.twin.ads1298_registers import FRAME_BYTES, POWER_ON_S, Opcode
from faceloop.twin.firmware_files import firmware_root, shim_dir

# The emulator has no base pin for input: DOUT, then DRDY, count from 0.
DOUT, DRDY, SCLK = 0, 1, 2
WORDS, WORD_BITS, FRAME_BITS = 9, 24, 216
# From DRDY to the end of the frame: 9 words of 24 bits of 4 cycles, and what is around them.
BUSY_CYCLES = 900


def capture_program() -> tuple[list[int], int]:
    """Assemble the firmware's own function; return its words and the push threshold."""
    spec = importlib.util.spec_from_file_location("pioasm_shim", shim_dir() / "_pioasm.py")
    assert spec is not None and spec.loader is not None
    pioasm = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pioasm)
    text = (firmware_root() / "faceloop_device" / "hal" / "capture_rp2.py").read_text()
    start = text.index("@rp2.asm_pio(")
    rp2 = type("rp2", (), {"asm_pio": staticmethod(pioasm.asm_pio)})
    rp2.PIO = type("PIO", (), {"OUT_LOW": 2, "SHIFT_LEFT": 0, "JOIN_RX": 2})
    names = {"rp2": rp2}
    for name in ("JOIN_RX", "SHIFT_LEFT", "OUT_LOW"):
        setattr(rp2, name, getattr(rp2.PIO, name))
    exec(text[start : text.index("\n\n\n", start)], names)
    program = names["read_frames"]
    return list(program[0]), program[4] >> 20 & 31


@dataclass
class Wire:
    """The converter's pins as the state machine sees them, one clock edge after the other.

    Parameters
    ----------
    conversions : list of (int, bytes)
        Cycle at which each frame is ready, ascending.
    missed : set of int
        Conversions whose DRDY pulse does not reach the pin.
    cut : dict
        Conversion: bit after which its output ends, as when the converter loses its supply.
    """

    conversions: list[tuple[int, bytes]]
    missed: frozenset[int] = frozenset()
    cut: dict[int, int] = field(default_factory=dict)
    edges: int = 0

    def __post_init__(self) -> None:
        self.clock_s = 2 * POWER_ON_S
        self.chip = Ads1298(lambda: self.clock_s)
        self.clock_s += 2 * POWER_ON_S
        self.chip.select(0)
        self.chip.transfer(bytes([Opcode.START, Opcode.RDATAC]))
        self._next = 0
        self._bit = 0
        self._byte = 0
        self._dout = 0
        self._sclk = 0
        self._drdy = 1

    def pins(self, state: State) -> int:
        """Return the levels of all pins; called before every instruction."""
        while (
            self._next < len(self.conversions) and state.clock >= self.conversions[self._next][0]
        ):
            self.chip.latch(self.conversions[self._next][1])
            self._bit = 0
            if self._next not in self.missed:
                self._drdy = 0
            self._next += 1
        sclk = state.pin_values >> SCLK & 1
        if sclk != self._sclk:
            self._sclk = sclk
            if sclk:  # the converter shifts on the rising edge
                self.edges += 1
                if self._bit % 8 == 0:
                    (self._byte,) = self.chip.transfer(b"\x00")
                self._dout = self._byte >> 7 - self._bit % 8 & 1
                if self._bit >= self.cut.get(self._next - 1, FRAME_BITS):
                    self._dout = 0
                self._bit += 1
            else:
                self._drdy = self.chip.drdy_level  # high from the first falling edge on
        return self._dout << DOUT | self._drdy << DRDY

    def received(self, n_words: int) -> np.ndarray:
        """Run the program until so many words have come, or the conversions are over.

        Returns
        -------
        ndarray of int64, shape (n_frames, 9)
        """
        got: list[int] = []
        for state in self.states(lambda: len(got) >= n_words):
            while state.receive_fifo:  # what DMA does
                got.append(state.receive_fifo.popleft())
        return np.array(got[: len(got) // WORDS * WORDS]).reshape(-1, WORDS)

    def states(self, is_enough: Callable[[], bool]) -> Iterator[State]:
        """Run the program; yield the state machine after every instruction."""
        words, push_threshold = capture_program()
        end = self.conversions[-1][0] + 2 * BUSY_CYCLES
        steps: Iterator[tuple[State, State]] = emulate(
            words,
            stop_when=lambda _, state: is_enough() or state.clock > end,
            initial_state=State(pin_directions=1 << SCLK),
            input_source=self.pins,
            auto_push=True,
            push_threshold=push_threshold,
            shift_isr_right=False,
            side_set_base=SCLK,
            side_set_count=1,
        )
        for _, state in steps:
            yield state


def frames(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return frames of status and random counts, shape (n, 9)."""
    words = rng.integers(0, 1 << WORD_BITS, (n, WORDS))
    words[:, 0] = 0xC00000 | words[:, 0] & 0x0FFFFF
    return words


def conversions(words: np.ndarray, rng: np.random.Generator) -> list[tuple[int, bytes]]:
    """Return when each frame is ready: the next one follows with a jitter of 0-200 cycles.

    The rate is higher than 2000 a second: idle cycles take the emulator's time and show nothing.
    """
    ready = 20 + np.cumsum(BUSY_CYCLES + rng.integers(0, 200, len(words)))
    packed = words.astype(">u4").view(np.uint8).reshape(len(words), WORDS, 4)[:, :, 1:]
    data = [bytes(frame.tobytes()) for frame in np.ascontiguousarray(packed)]
    assert all(len(frame) == FRAME_BYTES for frame in data)
    return list(zip(ready.tolist(), data, strict=True))


def change_in_place(state: Any, **changes: Any) -> Any:
    """Do what the emulator has ``dataclasses.replace`` do, without a new state each time."""
    vars(state).update(changes)
    return state


@contextlib.contextmanager
def quick_emulator() -> Iterator[None]:
    """Let the emulator keep one state and decode an opcode once: a fifth of the time.

    That it goes through the same states is a test.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("pioemu.") and hasattr(module, "replace"):
                assert module.replace is dataclasses.replace
                patch.setattr(module, "replace", change_in_place)
        for decoder, method in (
            (emulation.InstructionDecoder, "decode"),
            (emulation.InstructionDecoder, "create_emulation"),
            (emulation.NewInstructionDecoder, "decode"),
        ):
            patch.setattr(decoder, method, functools.cache(getattr(decoder, method)))
        yield


def test_quick_emulator_goes_through_the_same_states() -> None:
    rng = np.random.default_rng(2)
    ready = conversions(frames(3, rng), rng)

    def states() -> Iterator[dict[str, Any]]:
        for state in Wire(ready, missed=frozenset({1})).states(lambda: False):
            yield dataclasses.asdict(state)
            state.receive_fifo.clear()

    wanted = list(states())
    with quick_emulator():
        assert list(states()) == wanted
    assert len(wanted) > 1000


@pytest.mark.parametrize("n_frames", [250, pytest.param(1000, marks=pytest.mark.full)])
def test_every_bit_is_right_with_jitter_a_cut_and_missed_pulses(n_frames: int) -> None:
    rng = np.random.default_rng(1)
    missed, cut_one = [60, 61, n_frames - 23], 100
    words = frames(n_frames + len(missed), rng)
    wire = Wire(conversions(words, rng), missed=frozenset(missed), cut={cut_one: 100})
    with quick_emulator():
        got = wire.received(n_frames * WORDS)
    wanted = np.delete(words, missed, axis=0)
    at = cut_one - 2  # two of the missed ones come before it
    assert (got[at] != wanted[at]).any()
    np.testing.assert_array_equal(np.delete(got, at, axis=0), np.delete(wanted, at, axis=0))
    assert wire.edges == n_frames * FRAME_BITS


@pytest.mark.parametrize("bit", [5, 24, 100, 215])
def test_truncated_frame_costs_itself_only(bit: int) -> None:
    rng = np.random.default_rng(bit)
    words = frames(8, rng)
    words[3] |= 0x555555  # that the cut shows wherever it is
    wire = Wire(conversions(words, rng), cut={3: bit})
    got = wire.received(words.size)
    np.testing.assert_array_equal(np.delete(got, 3, axis=0), np.delete(words, 3, axis=0))
    whole = bit // WORD_BITS
    np.testing.assert_array_equal(got[3, :whole], words[3, :whole])
    assert not got[3, whole + 1 :].any()
    assert not (got[3] == words[3]).all()


def test_missed_ready_pulse_costs_its_frame_and_shifts_no_bit() -> None:
    rng = np.random.default_rng(3)
    words = frames(8, rng)
    wire = Wire(conversions(words, rng), missed=frozenset({2, 5}))
    np.testing.assert_array_equal(wire.received(words.size), np.delete(words, [2, 5], axis=0))


def test_program_keeps_up_with_the_fastest_of_its_frames() -> None:
    """At 16 MHz and 2000 frames a second there are 8000 cycles for each."""
    rng = np.random.default_rng(4)
    words = frames(4, rng)
    ready = conversions(words, rng)
    wire = Wire([(20 + 890 * i, frame) for i, (_, frame) in enumerate(ready)])
    np.testing.assert_array_equal(wire.received(words.size), words)
