"""`machine.Pin` of the virtual board."""

import _chip
from umachine import PinBase

_N_GPIO = 48
# Names that a Pico 2 W has for pins of its radio chip.
_NAMES = {"LED": 100, "WL_GPIO0": 100, "WL_GPIO1": 101, "WL_GPIO2": 102}
_MODES = ("IN", "OUT", "OPEN_DRAIN", "ALT")

_pins = {}
_events = None
_handlers = {}


class _Irq:
    def __init__(self, pin, handler, trigger):
        self._pin = pin
        self._flags = 0
        self._trigger = trigger
        self._handled = _chip.request("i", "B", pin.number)
        self.handler = handler

    def flags(self):
        return self._flags

    def trigger(self, trigger=None):
        if trigger is not None:
            self._pin.irq(self.handler, trigger)
        return self._trigger

    def __call__(self):
        self.handler(self._pin)

    def serve(self, edge):
        self._flags = edge
        try:
            if self.handler is not None:
                self.handler(self._pin)
        finally:
            _chip.post(self._handled)


class Pin(PinBase):
    """One pin. As on a board, two ``Pin(n)`` are the same object."""

    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    ALT = 3
    PULL_UP = 1
    PULL_DOWN = 2
    IRQ_FALLING = 4
    IRQ_RISING = 8
    ALT_SPI = 1
    ALT_UART = 2
    ALT_I2C = 3
    ALT_PWM = 4
    ALT_SIO = 5
    ALT_PIO0 = 6
    ALT_PIO1 = 7
    ALT_PIO2 = 8

    def __new__(cls, id, *args, **kwargs):
        if isinstance(id, Pin):
            return id
        number = _NAMES.get(id) if isinstance(id, str) else id
        if isinstance(id, str) and number is None and id.startswith("GP"):
            number = int(id[4:] if id.startswith("GPIO") else id[2:])
        if number is None or not (0 <= number < _N_GPIO or number >= 100):
            raise ValueError("invalid pin")
        pin = _pins.get(number)
        if pin is None:
            pin = _pins[number] = super().__new__(cls)
            pin.number = number
            pin._mode = Pin.IN
            pin._pull = None
            pin._read = _chip.request("R", "B", number)
            pin._low = _chip.request("P", "BB", number, 0)
            pin._high = _chip.request("P", "BB", number, 1)
            pin._answer = bytearray(1)
        return pin

    def __init__(self, id, mode=-1, pull=-1, *, value=None, alt=ALT_SIO):
        if mode != -1 or pull != -1 or value is not None:
            self.init(mode, pull, value=value, alt=alt)

    def init(self, mode=-1, pull=-1, *, value=None, alt=ALT_SIO):
        if mode is not None and mode != -1:
            self._mode = mode
        if pull != -1:
            self._pull = pull
        level = 2 if value is None else int(bool(value))  # 2: as last written
        request = _chip.request("M", "BBBB", self.number, self._mode, self._pull or 0, level)
        _chip.changes = _chip.changes + 1 & 0xFFFFFF
        _chip.ask(request, self._answer)

    def value(self, level=None):
        if level is None:
            _chip.ask(self._read, self._answer)
            return self._answer[0]
        _chip.changes = _chip.changes + 1 & 0xFFFFFF
        _chip.ask(self._high if level else self._low, self._answer)

    def __call__(self, level=None):
        return self.value(level)

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    high = on
    low = off

    def toggle(self):
        self.value(not self.value())

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING, *, hard=False):
        """Call ``handler(pin)`` as a soft interrupt; ``hard`` is accepted."""
        global _events
        if _events is None:
            _events = _chip.Events(_dispatch)
        _handlers[self.number] = _Irq(self, handler, trigger)
        _events.subscribe(self.number, trigger if handler is not None else 0)
        return _handlers[self.number]

    def __repr__(self):
        pull = {None: "", Pin.PULL_UP: ", pull=PULL_UP", Pin.PULL_DOWN: ", pull=PULL_DOWN"}
        text = pull.get(self._pull, "")
        return "Pin(GPIO%d, mode=%s%s)" % (self.number, _MODES[self._mode], text)


def _dispatch(what):
    irq = _handlers.get(what >> 8)
    if irq is not None:
        irq.serve(what & 0xFF)
