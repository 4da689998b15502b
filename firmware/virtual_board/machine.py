"""`machine` of the virtual board, with the interface of MicroPython 1.29 on the RP2350.

Ref: docs.micropython.org/en/v1.29.0/library/machine.html, rp2 quick reference. What a pin is
wired to is decided on the other side of chip.sock (boards/virtual.py has the numbers).
"""

import os
import struct
import sys

import _chip
import utime
from _machine_pin import Pin
from umachine import Signal, idle, mem8, mem16, mem32, soft_reset, time_pulse_us

PWRON_RESET = 1
WDT_RESET = 3

_CONVERSIONS = 66  # fetched at once: all that the heater's circuit takes of a channel
_FRESH_US = 1000

_SPI_PINS = (
    # (SCK, TX, RX) of each controller
    ((2, 6, 18, 22), (3, 7, 19, 23), (0, 4, 16, 20)),
    ((10, 14, 26), (11, 15, 27), (8, 12, 24, 28)),
)
_SPI_DEFAULTS = ((18, 19, 16), (10, 11, 8))


def _number(pin):
    return pin.number if isinstance(pin, Pin) else Pin(pin).number


class SPI:
    """Hardware SPI; only mode 1 (polarity 0, phase 1) is understood by the front end."""

    LSB = 0
    MSB = 1

    def __init__(self, id, baudrate=1_000_000, **options):
        if id not in (0, 1):
            raise ValueError("SPI(%d) doesn't exist" % id)
        self._id = id
        self._options = {"polarity": 0, "phase": 0, "bits": 8, "firstbit": SPI.MSB}
        sck, mosi, miso = _SPI_DEFAULTS[id]
        self._pins = {"sck": sck, "mosi": mosi, "miso": miso}
        self._baudrate = 1_000_000
        self.init(baudrate, **options)

    def init(self, baudrate=-1, **options):
        for index, name in enumerate(("sck", "mosi", "miso")):
            pin = options.pop(name, None)
            if pin is None:
                continue
            number = _number(pin)
            if number not in _SPI_PINS[self._id][index]:
                raise ValueError("bad %s pin" % name.upper())
            self._pins[name] = number
            Pin(number).init(Pin.ALT, alt=Pin.ALT_SPI)
        for name in options:
            if name not in self._options:
                raise TypeError("extra keyword arguments given")
        self._options.update(options)
        if self._options["firstbit"] == SPI.LSB:
            raise NotImplementedError("LSB")
        if baudrate > 0:
            self._baudrate = baudrate
        mode = self._options["polarity"] << 1 | self._options["phase"]
        self._head = struct.pack("<BI", mode, self._baudrate)
        self._reading = b""  # the last request of ``readinto``
        self._read_bytes = self._read_write = -1

    def deinit(self):
        pass

    def __repr__(self):
        values = (self._id, self._baudrate, self._options["polarity"], self._options["phase"])
        pins = (self._options["bits"], self._pins["sck"], self._pins["mosi"], self._pins["miso"])
        return "SPI(%u, baudrate=%u, polarity=%u, phase=%u, bits=%u, sck=%u, mosi=%u, miso=%u)" % (
            values + pins
        )

    def _request(self, sent):
        return struct.pack("<BH", 0x58, 5 + len(sent)) + self._head + sent

    def _transfer(self, sent, received):
        if self._id == 0:
            _chip.ask(self._request(sent), received)

    def read(self, nbytes, write=0):
        received = bytearray(nbytes)
        self.readinto(received, write)
        return bytes(received)

    def readinto(self, buf, write=0):
        # A thousand times a second, and on a board it allocates nothing.
        n = len(buf)
        if n != self._read_bytes or write != self._read_write:
            self._reading = self._request(bytes([write]) * n)
            self._read_bytes, self._read_write = n, write
        if self._id == 0:
            _chip.ask(self._reading, buf)

    def write(self, buf):
        self._transfer(bytes(buf), bytearray(len(buf)))

    def write_readinto(self, write_buf, read_buf):
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        self._transfer(bytes(write_buf), read_buf)


class ADC:
    """Analog input; accepts a channel (0 to 4), a GPIO number (26 to 29) or a Pin."""

    CORE_TEMP = 4

    def __init__(self, id):
        number = id.number if isinstance(id, Pin) else id
        if 26 <= number <= 29:
            number -= 26
        elif isinstance(id, Pin) or not 0 <= number <= 4:
            raise ValueError("Pin(%d) doesn't have ADC capabilities" % number)
        self._channel = number
        self._request = _chip.request("a", "BB", number, _CONVERSIONS)
        self._answer = bytearray(2 * _CONVERSIONS)
        self._at = 2 * _CONVERSIONS
        self._until_us = 0
        self._changes = -1

    def read_u16(self):
        # A real conversion takes 2 us. Some are fetched at once, and are good while no pin has
        # changed and for a moment.
        at = self._at
        if (
            at >= 2 * _CONVERSIONS
            or self._changes != _chip.changes
            or utime.ticks_diff(utime.ticks_us(), self._until_us) >= 0
        ):
            _chip.ask(self._request, self._answer)
            self._changes = _chip.changes
            self._until_us = utime.ticks_add(utime.ticks_us(), _FRESH_US)
            at = 0
        self._at = at + 2
        return self._answer[at] | self._answer[at + 1] << 8

    def __repr__(self):
        return "<ADC channel=%u>" % self._channel


class PWM:
    """PWM output; the frequency may be changed, the duty is given in 1/65535 or nanoseconds."""

    def __init__(self, dest, *, freq=0, duty_u16=None, duty_ns=None, invert=False):
        self._number = _number(dest)
        self._freq = 0
        self._duty = 0
        self._invert = False
        self.init(freq=freq, duty_u16=duty_u16, duty_ns=duty_ns, invert=invert)

    def init(self, *, freq=0, duty_u16=None, duty_ns=None, invert=None):
        if freq:
            self._freq = freq
        if invert is not None:
            self._invert = bool(invert)
        if duty_ns is not None:
            duty_u16 = duty_ns * self._freq * 65535 // 1_000_000_000
        if duty_u16 is not None:
            self._duty = min(65535, max(0, duty_u16))
        if self._freq:
            self._send(self._duty)

    def _send(self, duty):
        level = 65535 - duty if self._invert else duty
        _chip.changes += 1
        _chip.ask(_chip.request("W", "BIH", self._number, self._freq, level), bytearray(1))

    def deinit(self):
        self._send(65535 if self._invert else 0)

    def freq(self, value=None):
        if value is None:
            return self._freq
        self.init(freq=value)

    def duty_u16(self, value=None):
        if value is None:
            return self._duty
        self.init(duty_u16=value)

    def duty_ns(self, value=None):
        if value is None:
            return self._duty * 1_000_000_000 // (65535 * self._freq) if self._freq else 0
        self.init(duty_ns=value)


class WDT:
    """Watchdog: cannot be stopped, resets the board when not fed. 1 to 16777 ms on the RP2350."""

    _feed = _chip.request("d")

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("WDT(%d) doesn't exist" % id)
        if not 1 <= timeout <= 16777:
            raise ValueError("timeout exceeds 16777")
        _chip.ask(_chip.request("D", "I", timeout), bytearray(1))

    def feed(self):
        _chip.post(WDT._feed)


class RTC:
    """Real-time clock: the host's clock (UTC) until it is set."""

    _offset_s = 0

    def __init__(self, id=0):
        if id != 0:
            raise ValueError("RTC(%d) doesn't exist" % id)

    def datetime(self, value=None):
        import time

        if value is None:
            now = time.gmtime(time.time() + RTC._offset_s)
            return (now[0], now[1], now[2], now[6], now[3], now[4], now[5], 0)
        year, month, day, _, hour, minute, second, _ = value
        wanted = time.mktime((year, month, day, hour, minute, second, 0, 0))
        RTC._offset_s = wanted - int(time.time())


class Timer:
    """Software timer; callbacks are soft interrupts (``hard=True`` is accepted, and is soft)."""

    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, id=-1, **options):
        if id != -1:
            raise ValueError("Timer doesn't exist")
        self._serial = 0
        if options:
            self.init(**options)

    def init(self, *, mode=PERIODIC, period=-1, freq=-1, tick_hz=1000, callback=None, hard=False):
        import _thread

        import _wakeup

        _wakeup.install()
        self.deinit()
        period_us = int(1_000_000 / freq) if freq > 0 else period * 1_000_000 // tick_hz
        if period_us <= 0:
            raise ValueError("invalid period")
        self._callback = callback
        if callback is not None:
            _thread.start_new_thread(self._run, (self._serial, mode, period_us))

    def _fire(self, serial):
        if serial == self._serial:  # not stopped since it was scheduled
            self._callback(self)

    def _run(self, serial, mode, period_us):
        import time

        import micropython

        due = time.ticks_add(time.ticks_us(), period_us)
        while serial == self._serial:
            time.sleep_us(max(0, min(10_000, time.ticks_diff(due, time.ticks_us()))))
            if time.ticks_diff(due, time.ticks_us()) > 0:
                continue
            try:
                micropython.schedule(self._fire, serial)
            except RuntimeError:
                pass  # the queue is full: a board drops the event as well
            if mode == Timer.ONE_SHOT:
                return
            due = time.ticks_add(due, period_us)

    def deinit(self):
        self._serial += 1


def reset():
    """Reset the board; never returns."""
    try:
        _chip.post(_chip.request("Z"))
        utime.sleep_ms(2000)  # the process is killed meanwhile
    except OSError:
        pass
    sys.exit(77)


def reset_cause():
    """Return PWRON_RESET or WDT_RESET; like on the RP2350, `reset` counts as the latter."""
    return int(os.getenv("FACELOOP_RESET_CAUSE") or PWRON_RESET)


def unique_id():
    """Return the 8 bytes of this board's identity."""
    text = os.getenv("FACELOOP_UNIQUE_ID") or "e6614c311b7e6f21"
    return bytes(int(text[i : i + 2], 16) for i in range(0, 16, 2))


_freq_hz = 150_000_000


def freq(hz=None):
    """Get or set the (pretended) clock of the processor in hertz."""
    global _freq_hz
    if hz is None:
        return _freq_hz
    _freq_hz = hz


def bootloader(timeout=0):
    """A virtual board has no bootloader; restart instead."""
    reset()


def lightsleep(time_ms=0):
    """Sleep; scheduled callbacks are served as after a wake-up."""
    utime.sleep_ms(time_ms)


def deepsleep(time_ms=0):
    """Sleep, then restart."""
    lightsleep(time_ms)
    reset()


def disable_irq():
    """Return a token for `enable_irq`; soft interrupts cannot be held back here."""
    return True


def enable_irq(state=True):
    """Take back `disable_irq`."""
