"""ADS1298, eight-channel EMG converter.

Ref: TI SBAS459 (ADS1294/6/8), register names as in its section "Register Maps".
"""

import time

from micropython import const

# commands
SDATAC = const(0x11)
RDATAC = const(0x10)
RESET = const(0x06)
RREG = const(0x20)
WREG = const(0x40)

# registers
ID = const(0x00)
CONFIG1 = const(0x01)
CONFIG2 = const(0x02)
CONFIG3 = const(0x03)
LOFF = const(0x04)
CH1SET = const(0x05)
RLD_SENSP = const(0x0D)
RLD_SENSN = const(0x0E)
LOFF_SENSP = const(0x0F)
LOFF_SENSN = const(0x10)
LOFF_FLIP = const(0x11)
CONFIG4 = const(0x17)

ID_ADS1298 = const(0x92)

GAIN = const(12)
VREF_MV = const(2400)
# VREF / (gain * (2**23 - 1)), in femtovolt
LSB_FV = const(23841861)

_CONFIG1_HR_2K = const(0x84)
_CONFIG3_BIAS = const(0xCC)  # buffer, internal reference and bias amplifier on
_LOFF_DC_6NA_95PCT = const(0x03)
_CHSET_GAIN_12_ELECTRODE = const(0x60)
_CONFIG4_LOFF_COMP = const(0x02)

_POWER_ON_MS = const(130)  # 2**18 clock periods at 2.048 MHz
_REFERENCE_MS = const(150)


class ConverterError(OSError):
    """The converter does not answer or does not keep what was written."""


class Ads1298:
    """Registers and conversions of one converter.

    Parameters
    ----------
    spi : machine.SPI
        Mode 1 (CPOL 0, CPHA 1), at most 4 MHz so that command bytes are far enough apart.
    cs, start, reset : machine.Pin
        Outputs.
    """

    def __init__(self, spi, cs, start, reset):
        self._spi = spi
        self._cs = cs
        self._start = start
        self._reset = reset
        self._one = bytearray(1)
        start.value(0)
        cs.value(1)

    def bring_up(self):
        """Reset and set all registers; read them back.

        Raises
        ------
        ConverterError
            If the id is not that of an ADS1298 or a register does not keep its value.
        """
        self._reset.value(0)
        time.sleep_us(10)
        self._reset.value(1)
        time.sleep_ms(_POWER_ON_MS)
        self.command(SDATAC)
        if self.read(ID) != ID_ADS1298:
            raise ConverterError("id 0x%02x" % self.read(ID))
        self.write(CONFIG3, _CONFIG3_BIAS)
        time.sleep_ms(_REFERENCE_MS)
        self.write(CONFIG1, _CONFIG1_HR_2K)
        self.write(CONFIG2, 0)
        self.write(LOFF, _LOFF_DC_6NA_95PCT)
        for channel in range(8):
            self.write(CH1SET + channel, _CHSET_GAIN_12_ELECTRODE)
        self.write(RLD_SENSP, 0xFF)
        self.write(RLD_SENSN, 0xFF)
        self.write(LOFF_SENSP, 0xFF)
        self.write(LOFF_SENSN, 0xFF)
        self.write(CONFIG4, _CONFIG4_LOFF_COMP)
        for register, value in (
            (CONFIG1, _CONFIG1_HR_2K),
            (LOFF, _LOFF_DC_6NA_95PCT),
            (CH1SET, _CHSET_GAIN_12_ELECTRODE),
            (CONFIG4, _CONFIG4_LOFF_COMP),
        ):
            if self.read(register) != value:
                raise ConverterError("register 0x%02x" % register)

    def close_registers(self):
        """Have every conversion sent as it is made; registers are out of reach until opened."""
        self.command(RDATAC)

    def start_conversions(self):
        """Let data flow: from now on a frame is ready every 0.5 ms."""
        self._cs.value(0)
        self._start.value(1)

    def stop_conversions(self):
        """No further conversions; the last frame can still be read."""
        self._start.value(0)

    def open_registers(self):
        """Back to register access after ``stop_conversions``."""
        self._cs.value(1)
        self.command(SDATAC)

    def command(self, opcode):
        """Send one command byte."""
        self._one[0] = opcode
        self._cs.value(0)
        self._spi.write(self._one)
        self._cs.value(1)
        time.sleep_us(3)  # 4 clock periods

    def read(self, register):
        """Return one register."""
        buf = bytearray((RREG | register, 0, 0))
        self._cs.value(0)
        self._spi.write_readinto(buf, buf)
        self._cs.value(1)
        return buf[2]

    def write(self, register, value):
        """Write one register."""
        self._cs.value(0)
        self._spi.write(bytes((WREG | register, 0, value)))
        self._cs.value(1)
        time.sleep_us(3)
