"""ADS1298 or ADS1299, eight-channel EMG converter: it says itself which one it is.

Ref: TI SBAS459 (ADS1294/6/8), register names as in its section "Register Maps".
"""

import time

from micropython import const

from faceloop_device.drivers.ads129x_family import ID_ADS1298, PARTS

# commands
SDATAC = const(0x11)
RDATAC = const(0x10)
RDATA = const(0x12)
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

GAIN = const(12)

_MUX_SHORTED = const(1)
_MUX_SUPPLIES = const(3)  # MVDD
_MUX_TEST = const(5)
_POWERED_DOWN = const(0x81)
_CONFIG2_TEST = const(0x11)  # made inside, 1.95 Hz: half a second's period
_TEST_PARTS = const(2400)  # of the reference
_CONFIG4_LOFF_COMP = const(0x02)

_POWER_ON_MS = const(130)  # 2**18 clock periods at 2.048 MHz
_RESET_US = const(10)  # 2 periods low, and 18 until the next command
_REFERENCE_MS = const(150)
_SUPPLY_SETTLE_MS = const(10)  # 2.3 ms to the first conversion at 2 kSPS, twice that at 1 kSPS
_SUPPLY_FRAMES = const(8)
_SUPPLY_CHANNELS = (2, 3)  # that show a quarter of DVDD; the others half of AVDD
_FRAME_BYTES = const(27)


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
    rate_step : int
        0: 2000 conversions a second; each step more halves that.
    """

    def __init__(self, spi, cs, start, reset, rate_step=0):
        self._spi = spi
        self._cs = cs
        self._start = start
        self._reset = reset
        self._rate_step = rate_step
        self._one = bytearray(1)
        self.id = 0
        self.gain = GAIN
        self._part = PARTS[ID_ADS1298]
        start.value(0)
        cs.value(1)

    def bring_up(self):
        """Reset and set all registers; read them back. Its supply has just been switched on.

        Raises
        ------
        ConverterError
            If the id is not that of an ADS1298 or a register does not keep its value.
        """
        time.sleep_ms(_POWER_ON_MS)
        self._reset.value(0)
        time.sleep_us(_RESET_US)
        self._reset.value(1)
        time.sleep_us(_RESET_US)
        self.command(SDATAC)
        self.id = 0
        found = self.read(ID)
        if found not in PARTS:
            raise ConverterError("id 0x%02x" % found)
        self._part = part = PARTS[found]
        self.write(CONFIG3, part.config3)
        time.sleep_ms(_REFERENCE_MS)
        config1 = part.config1_2k + self._rate_step
        self.write(CONFIG1, config1)
        self.write(CONFIG2, part.config2)
        self.write(LOFF, part.loff)
        for channel in range(8):
            self.set_channel(channel, self.gain)
        # every electrode drives the bias and is watched for coming off
        for register in (RLD_SENSP, RLD_SENSN, LOFF_SENSP, LOFF_SENSN):
            self.write(register, 0xFF)
        self.write(CONFIG4, _CONFIG4_LOFF_COMP)
        for register, value in (
            (CONFIG1, config1),
            (LOFF, part.loff),
            (CH1SET, part.gain_code(self.gain)),
            (CONFIG4, _CONFIG4_LOFF_COMP),
        ):
            if self.read(register) != value:
                raise ConverterError("register 0x%02x" % register)
        self.id = found

    @property
    def lsb_fv(self):
        """Femtovolt per count at the electrode."""
        return self._part.lsb_fv(self.gain)

    def set_channel(self, channel, gain, mux=0):
        """Set gain and input of one channel (0-7); ``mux`` 0 is its electrode.

        Raises
        ------
        ValueError
            If this converter has no such gain.
        """
        self.write(CH1SET + channel, self._part.gain_code(gain) | mux)

    def short_inputs(self):
        """Connect every channel to nothing but itself: its own noise."""
        self._leave_electrodes()
        for channel in range(8):
            self.set_channel(channel, self.gain, _MUX_SHORTED)

    def connect_test_signal(self):
        """Connect every channel to the square wave that the converter makes."""
        self._leave_electrodes()
        self.write(CONFIG2, self._part.config2 | _CONFIG2_TEST)
        for channel in range(8):
            self.set_channel(channel, self.gain, _MUX_TEST)

    def mark_channels(self):
        """Give each channel the test signal at a gain of its own, and the last one nothing."""
        self.connect_test_signal()
        for channel, gain in enumerate(sorted(self._part.gains)):
            self.set_channel(channel, gain, _MUX_TEST)
        self.write(CH1SET + 7, _POWERED_DOWN)

    def test_signal_counts(self, gain):
        """Return the amplitude of the test signal in counts."""
        return gain * (2**23 - 1) / _TEST_PARTS

    def channel_marked_by(self, counts):
        """Return which channel (1-8) has this amplitude after ``mark_channels``, 0 for none."""
        for channel, gain in enumerate(sorted(self._part.gains)):
            expected = self.test_signal_counts(gain)
            if abs(counts - expected) < expected / 10:
                return channel + 1
        return 8 if counts < self.test_signal_counts(1) / 10 else 0

    def measure_rail_mv(self):
        """Return the digital supply (DVDD), measured by the converter's own reference.

        To be called between ``bring_up`` and ``close_registers``; takes 20 ms and leaves every
        channel at its electrode. Gain 1: with more the supply would not fit (SBAS459, "Supply
        Measurements").

        Raises
        ------
        ConverterError
            If no frame comes.
        """
        for channel in range(8):
            self.set_channel(channel, 1, _MUX_SUPPLIES)
        total = 0
        self._start.value(1)
        try:
            time.sleep_ms(_SUPPLY_SETTLE_MS)
            for _ in range(_SUPPLY_FRAMES):
                frame = self._read_frame()
                for channel in _SUPPLY_CHANNELS:
                    at = 3 + 3 * channel
                    total += int.from_bytes(frame[at : at + 3], "big")  # never negative
                time.sleep_ms(1)
        finally:
            self._start.value(0)
            for channel in range(8):
                self.set_channel(channel, self.gain)
        n = _SUPPLY_FRAMES * len(_SUPPLY_CHANNELS)
        return total * 4 * self._part.vref_mv // (n * (2**23 - 1))

    def _read_frame(self):
        frame = bytearray(1 + _FRAME_BYTES)
        frame[0] = RDATA
        self._cs.value(0)
        self._spi.write_readinto(frame, frame)
        self._cs.value(1)
        if frame[1] >> 4 != 0xC:
            raise ConverterError("no frame")
        return frame[1:]

    def _leave_electrodes(self):
        # no current into whatever is connected
        for register in (RLD_SENSP, RLD_SENSN, LOFF_SENSP, LOFF_SENSN):
            self.write(register, 0)

    def close_registers(self):
        """Have every conversion sent as it is made; registers are out of reach until opened."""
        self.command(RDATAC)

    def start_conversions(self):
        """Let data flow: from now on a frame is ready every 0.5 ms (1 ms)."""
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
