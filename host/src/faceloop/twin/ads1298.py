"""The ADS1298 at register level: serial commands, registers, conversion state, output frame.

Ref: TI SBAS459K (ADS1298), SBAS499C (ADS1299): serial interface (9.5), register map (9.6).
No input or output of its own and no clock of its own: bytes in, bytes out, time is injected.
What the converter puts out for a register state is in :mod:`faceloop.twin.ads1298_codes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from faceloop.twin.ads1298_registers import (
    ADS1298,
    BACK_TO_BACK_MAX_HZ,
    CONFIG1,
    CONFIG3,
    CONFIG4,
    F_CLK_HZ,
    FRAME_BYTES,
    GPIO,
    LOFF,
    LOFF_SENSN,
    LOFF_SENSP,
    LOFF_STATN,
    LOFF_STATP,
    N_REGISTERS,
    POWER_ON_S,
    REFERENCE_SETTLE_S,
    RESP,
    RREG,
    SCLK_MAX_HZ,
    WREG,
    Opcode,
    Profile,
)

__all__ = ["Ads1298"]


class Ads1298:
    """One converter.

    Parameters
    ----------
    clock : callable
        Returns the time in seconds, never backwards.
    profile : Profile
        :data:`ADS1298` or :data:`ADS1299`.

    Attributes
    ----------
    registers : bytearray, shape (26,)
        As the chip holds them; LOFF_STATx and GPIO data are live.
    run : int
        Counts the starts of the digital filter: START edge or opcode, CONFIG1 or RESP written
        while converting. Conversion times count from ``run_started_s``.
    version : int
        Changes with everything that can change an output code.
    violations : Counter
        What the firmware did that a real chip ignores or garbles, by description.
    """

    def __init__(self, clock: Callable[[], float], profile: Profile = ADS1298) -> None:
        self.profile = profile
        self.violations: Counter[str] = Counter()
        self.registers = bytearray(profile.resets)
        self.version = 0
        self.run = 0
        self.run_started_s = 0.0
        self.lead_off_p = self.lead_off_n = 0
        self._clock = clock
        self._is_powered = True
        self._pwdn_level = self._reset_level = 1
        self._start_level = 0
        self._is_selected = False
        self._frame = bytes(FRAME_BYTES)
        self._frame_sent = FRAME_BYTES
        self._is_drdy_low = False
        self._is_rdatac = True
        self._is_standby = False
        self._is_started = False
        self._reference_on_s: float | None = None
        self._ready_s = 0.0
        # Command decoder: the command in progress, bytes that it still wants (-1: its count).
        self._command = 0
        self._operands_left = 0
        self._address = 0
        self._is_dropped = False
        self._out = b""
        self._power_up()

    # -- supply and pins -----------------------------------------------------------------------

    def set_power(self, is_on: bool) -> None:
        """Switch the chip's supply."""
        was_alive = self._is_powered and self._pwdn_level
        self._is_powered = is_on
        self._after_supply(bool(was_alive))

    def set_pwdn(self, level: int) -> None:
        """Drive PWDN; low switches the chip off and loses the registers."""
        was_alive = self._is_powered and self._pwdn_level
        self._pwdn_level = level
        self._after_supply(bool(was_alive))

    def set_reset(self, level: int) -> None:
        """Drive RESET; low resets the registers, the rising edge lets the chip work."""
        rises = level and not self._reset_level
        self._reset_level = level
        if not level:
            self._reset_registers()
        elif rises and self._start_level:
            self._begin_run()

    def set_start(self, level: int) -> None:
        """Drive START; the rising edge begins a run."""
        rises = level and not self._start_level
        self._start_level = level
        if rises and self.is_alive and not self._is_standby:
            self._begin_run()

    def select(self, level: int) -> None:
        """Drive CS; high ends any command in progress."""
        self._is_selected = not level
        self._operands_left = 0
        self._command = 0
        self._out = b""

    @property
    def is_alive(self) -> bool:
        """Whether the chip is powered, out of reset and past its power-on time."""
        is_supplied = self._is_powered and self._pwdn_level and self._reset_level
        return bool(is_supplied) and self._clock() >= self._ready_s

    @property
    def is_converting(self) -> bool:
        """Whether the modulator runs and DRDY pulses are due."""
        is_started = bool(self._start_level) or self._is_started
        return is_started and not self._is_standby and self.is_alive

    @property
    def is_single_shot(self) -> bool:
        """Whether one conversion ends the run (CONFIG4.SINGLE_SHOT)."""
        return bool(self.registers[CONFIG4] & 0x08)

    @property
    def drdy_level(self) -> int:
        """Level of DRDY: low from a conversion until its frame is clocked out."""
        return 0 if self._is_drdy_low else 1

    # -- rates and reference -------------------------------------------------------------------

    @property
    def fs_hz(self) -> float:
        """Data rate in hertz for an exact 2.048 MHz clock."""
        config1 = self.registers[CONFIG1]
        is_fast = bool(config1 & 0x80) or self.profile.top_rate_hz == self.profile.top_rate_lp_hz
        top_hz = self.profile.top_rate_hz if is_fast else self.profile.top_rate_lp_hz
        return float(top_hz / 2 ** min(config1 & 7, 6))

    @property
    def settle_s(self) -> float:
        """Time from START to the first conversion."""
        return 4.5 / self.fs_hz + 8 / F_CLK_HZ

    @property
    def vref_v(self) -> float:
        """Nominal reference voltage."""
        is_4v = self.profile is ADS1298 and self.registers[CONFIG3] & 0x20
        return 4.0 if is_4v else self.profile.vref_v

    def reference_fraction(self, now_s: float) -> float:
        """Return how much of the reference voltage is there, 0 (buffer off) to 1 (settled)."""
        if self._reference_on_s is None:
            return 0.0
        return min(1.0, (now_s - self._reference_on_s) / REFERENCE_SETTLE_S)

    # -- data ----------------------------------------------------------------------------------

    def set_lead_off(self, p_bits: int, n_bits: int) -> None:
        """Tell which inputs have no electrode; bit 0 is channel 1."""
        if (p_bits, n_bits) != (self.lead_off_p, self.lead_off_n):
            self.lead_off_p, self.lead_off_n = p_bits, n_bits
            self.version += 1

    @property
    def is_dc_lead_off_on(self) -> bool:
        """Whether the DC lead-off current sources and the comparators run."""
        return self.registers[LOFF] & 3 == 3 and bool(self.registers[CONFIG4] & 0x02)

    @property
    def lead_off_status(self) -> tuple[int, int]:
        """Comparator outputs (P bits, N bits) of the inputs that are being watched."""
        if not self.is_dc_lead_off_on:
            return 0, 0
        p_bits = self.lead_off_p & self.registers[LOFF_SENSP]
        return p_bits, self.lead_off_n & self.registers[LOFF_SENSN]

    @property
    def status_word(self) -> int:
        """The 24 bits in front of each frame: 1100, lead-off P and N, GPIO data."""
        p_bits, n_bits = self.lead_off_status
        return 0xC0_0000 | p_bits << 12 | n_bits << 4 | self.read_register(GPIO) >> 4

    def latch(self, frame: bytes, *, is_read: bool = False) -> None:
        """Take a finished conversion (27 bytes) into the output register; DRDY falls.

        ``is_read`` says that the frame has been clocked out already, so that DRDY is high again.
        """
        self._frame = frame
        self._is_drdy_low = not is_read
        if self._is_rdatac:
            self._out = b""
            self._frame_sent = 0

    def read_register(self, address: int) -> int:
        """Return a register as RREG sees it; addresses without a register read 0."""
        if address >= N_REGISTERS:
            return 0
        if address in (LOFF_STATP, LOFF_STATN):
            return self.lead_off_status[address - LOFF_STATP]
        if address == GPIO:
            # Pins that are inputs have nothing connected and read 0.
            value = self.registers[GPIO]
            return value & ~(value << 4 & 0xF0) & 0xFF
        return self.registers[address]

    def transfer(self, sent: bytes, sclk_hz: int = 1_000_000) -> bytes:
        """Clock bytes in on DIN and return what DOUT showed meanwhile.

        Without chip select, and until the chip is alive, DOUT reads 0.
        """
        if not self._is_selected or not self.is_alive:
            if self._is_selected:
                self.violations["serial clock before the chip is ready"] += 1
            return bytes(len(sent))
        if sclk_hz > SCLK_MAX_HZ:
            self.violations["serial clock above 20 MHz"] += 1
            return bytes(len(sent))
        self._is_drdy_low = False
        is_too_fast = sclk_hz > BACK_TO_BACK_MAX_HZ
        received = bytearray()
        for index, byte in enumerate(sent):
            received.append(self._shift_out())
            self._decode(byte, is_late=is_too_fast and index > 0)
        return bytes(received)

    # -- command decoder -----------------------------------------------------------------------

    def _shift_out(self) -> int:
        if self._out:
            byte, self._out = self._out[0], self._out[1:]
            return byte
        if self._is_rdatac and self._frame_sent < FRAME_BYTES:
            self._frame_sent += 1
            return self._frame[self._frame_sent - 1]
        return 0

    def _decode(self, byte: int, *, is_late: bool) -> None:
        if self._operands_left < 0:  # the count that follows RREG and WREG
            count = (byte & 0x1F) + 1
            if is_late:
                self.violations["command bytes closer than 4 tCLK"] += 1
                self._is_dropped = True
            is_write = self._command & 0xE0 == WREG
            self._address = self._command & 0x1F
            self._operands_left = count if is_write else 0
            if not is_write and not self._is_dropped:
                addresses = ((self._address + i) & 0x1F for i in range(count))
                self._out = bytes(self.read_register(address) for address in addresses)
        elif self._operands_left > 0:
            self._operands_left -= 1
            if not self._is_dropped:
                self._write_register(self._address, byte)
            self._address = (self._address + 1) & 0x1F
        else:
            self._execute(byte)

    def _execute(self, opcode: int) -> None:
        if opcode & 0xE0 in (RREG, WREG):
            self._command = opcode
            self._operands_left = -1
            self._is_dropped = self._is_rdatac or self._is_standby
            if self._is_dropped:
                self.violations["register access in RDATAC or STANDBY"] += 1
            return
        if self._is_standby and opcode not in (Opcode.WAKEUP, Opcode.RESET, Opcode.NOP):
            self.violations["command in STANDBY"] += 1
            return
        match opcode:
            case Opcode.NOP:
                pass
            case Opcode.WAKEUP:
                if self._is_standby:
                    self._is_standby = False
                    if self._start_level or self._is_started:
                        self._begin_run()
            case Opcode.STANDBY:
                self._is_standby = True
            case Opcode.RESET:
                self._reset_registers()
            case Opcode.START:
                self._is_started = True
                self._begin_run()
            case Opcode.STOP:
                self._is_started = False
            case Opcode.RDATAC:
                self._is_rdatac = True
                self._frame_sent = FRAME_BYTES  # nothing to read before the next DRDY
            case Opcode.SDATAC:
                self._is_rdatac = False
                self._out = b""
            case Opcode.RDATA:
                if self._is_rdatac:
                    self.violations["RDATA in RDATAC"] += 1
                else:
                    self._out = self._frame
            case _:
                self.violations[f"unknown opcode {opcode:02X}h"] += 1

    def _write_register(self, address: int, value: int) -> None:
        if address >= N_REGISTERS:
            return
        mask = self.profile.writable[address]
        before = self.registers[address]
        after = (before & ~mask | value & mask) & 0xFF
        self.registers[address] = after
        self.version += 1
        if address == CONFIG3:
            if not after & 0x80:
                self._reference_on_s = None
            elif self._reference_on_s is None:
                self._reference_on_s = self._clock()
        if address in (CONFIG1, RESP) and self.is_converting:
            self._begin_run()

    # -- state changes -------------------------------------------------------------------------

    def _begin_run(self) -> None:
        self.run += 1
        self.run_started_s = max(self._clock(), self._ready_s)
        self._is_drdy_low = False

    def _after_supply(self, was_alive: bool) -> None:
        is_alive = bool(self._is_powered and self._pwdn_level)
        if is_alive and not was_alive:
            self._power_up()
        elif was_alive and not is_alive:
            self._reset_registers()

    def _power_up(self) -> None:
        self._ready_s = self._clock() + POWER_ON_S
        self._reset_registers()

    def _reset_registers(self) -> None:
        self.registers[:] = self.profile.resets
        self.version += 1
        self._is_rdatac = True
        self._is_standby = False
        self._is_started = False
        self._is_drdy_low = False
        self._reference_on_s = None
        self._frame_sent = FRAME_BYTES
        self._operands_left = 0
        self._command = 0
        self._address = 0
        self._is_dropped = False
        self._out = b""
        if self._start_level:
            self._begin_run()
