"""`rp2.DMA` of the virtual board: moves the words of a state machine into memory.

Ref: RP2350 datasheet 12.6; MicroPython 1.29 library/rp2.DMA. The channel copies what has come
since the firmware last looked whenever one of its registers is read; to the firmware that is the
same as hardware that copies all the time.
"""

import _chip
import _dma_window
import micropython
import uctypes
from _state_machine import machine_at

_N_CHANNELS = 16
_ENDLESS = 0xFFFFFFFF
_FRAME_WORDS = 9

_FIELDS = {
    # name: (lowest bit, number of bits), RP2350
    "enable": (0, 1),
    "high_pri": (1, 1),
    "size": (2, 2),
    "inc_read": (4, 1),
    "inc_read_rev": (5, 1),
    "inc_write": (6, 1),
    "inc_write_rev": (7, 1),
    "ring_size": (8, 4),
    "ring_sel": (12, 1),
    "chain_to": (13, 4),
    "treq_sel": (17, 6),
    "irq_quiet": (23, 1),
    "bswap": (24, 1),
    "sniff_en": (25, 1),
    "busy": (26, 1),
    "write_err": (29, 1),
    "read_err": (30, 1),
    "ahb_err": (31, 1),
}
_READ_ONLY = ("busy", "ahb_err")

_free = list(range(2, _N_CHANNELS))  # the radio chip's driver holds two


@micropython.viper
def _store(address: int, mask: int, source: ptr32, words: int) -> int:
    """Copy words to ``address``, of which only the bits in ``mask`` count up; return the next."""
    base = address - (address & mask)
    offset = address & mask
    n = 0
    while n < words:
        target = ptr32(base + offset)
        target[0] = source[n]
        offset = (offset + 4) & mask
        n += 1
    return base + offset


class DMA:
    """One DMA channel."""

    def __init__(self):
        if not _free:
            raise OSError(16)
        self.channel = _free.pop(0)
        self._is_closed = False
        self._read = 0
        self._address = 0
        self._memory = None
        self._window = None
        self._count = 0
        self._left = 0
        self._is_active = False
        self._mask = 0x3FFF_FFFF_FFFF
        self.ctrl = self.pack_ctrl()

    def close(self):
        """Give the channel back."""
        if not self._is_closed:
            self.active(False)
            _free.append(self.channel)
            self._is_closed = True

    def pack_ctrl(self, default=None, **fields):
        """Return a control word from named fields."""
        if default is None:
            default = 1 | 2 << 2 | 1 << 4 | 1 << 6 | self.channel << 13 | 0x3F << 17 | 1 << 23
        for name, value in fields.items():
            if name not in _FIELDS:
                raise TypeError("extra keyword arguments given")
            if name in _READ_ONLY:
                continue
            low, bits = _FIELDS[name]
            mask = (1 << bits) - 1
            if int(value) & ~mask:
                raise ValueError("bad field value")
            default = default & ~(mask << low) | int(value) << low
        return default

    @staticmethod
    def unpack_ctrl(value):
        """Return the named fields of a control word."""
        return {name: value >> low & ((1 << bits) - 1) for name, (low, bits) in _FIELDS.items()}

    def config(self, *, read=None, write=None, count=None, ctrl=None, trigger=False):
        """Set any of the registers; ``trigger`` starts the channel."""
        if read is not None:
            self.read = read
        if write is not None:
            self.write = write
        if count is not None:
            self.count = count
        if ctrl is not None:
            self.ctrl = ctrl
        if trigger:
            self.active(True)

    def active(self, value=None):
        """Get whether the channel runs, or start and stop it."""
        if self._is_closed:
            raise ValueError("channel closed")
        if value is None:
            self._drain()
            return self._is_active
        if value and not self._is_active:
            self._start()
        elif not value and self._is_active:
            self._drain()
            self._is_active = False
        return self._is_active

    def _start(self):
        ctrl = self.unpack_ctrl(self.ctrl)
        machine = self._read
        if not hasattr(machine, "_dreq") or ctrl["size"] != 2 or ctrl["inc_read"]:
            raise NotImplementedError(
                "the virtual board's DMA only moves words from a state machine's RX FIFO to memory"
            )
        if ctrl["treq_sel"] != machine._dreq or not ctrl["enable"]:
            return  # never requested, so nothing ever moves
        if not self._address:
            raise ValueError("DMA has nowhere to write")
        is_ring = ctrl["ring_size"] and ctrl["ring_sel"]
        self._mask = (1 << ctrl["ring_size"]) - 1 if is_ring else 0x3FFF_FFFF_FFFF
        if not ctrl["inc_write"]:
            raise NotImplementedError("the virtual board's DMA always counts its write address up")
        self._left = self._count
        captured = self._window = _dma_window.get_window()
        if machine.active():
            # Words that a running state machine pushed before now found no room and are gone.
            captured.take(captured.written() - captured.taken)
        ring_bytes = self._mask + 1 if is_ring else _dma_window.CAPACITY_FRAMES * 36
        _chip.ask(_chip.request("B", "I", ring_bytes), bytearray(1))
        self._is_active = True

    def _drain(self):
        """Copy what has come; allocates nothing."""
        if not self._is_active:
            return
        captured = self._window
        new = captured.written() - captured.taken
        if new > _dma_window.CAPACITY_FRAMES:
            # The firmware looked away for longer than the ring and the window hold: these frames
            # are overwritten in the ring as well, only the pointer shows that they were there.
            lost = new - _dma_window.CAPACITY_FRAMES
            base = self._address - (self._address & self._mask)
            self._address = base + (self._address + lost * 36 & self._mask)
            self._spend(lost * _FRAME_WORDS)
            captured.take(lost)
            new -= lost
        while new > 0 and self._is_active:
            n = captured.fetch(new)
            words = n * _FRAME_WORDS
            if self._left < words:
                words = self._left
            self._address = _store(self._address, self._mask, captured.stage, words)
            captured.take(n)
            self._spend(words)
            new -= n

    def _spend(self, words):
        if self._left == _ENDLESS:
            return
        self._left = self._left - words if words < self._left else 0
        if not self._left:
            self._is_active = False

    @property
    def read(self):
        """State machine (or address) that is read."""
        return self._read if isinstance(self._read, int) else self._read._rxf_address

    @read.setter
    def read(self, value):
        if isinstance(value, int):
            value = machine_at(value) or value
        self._read = value

    @property
    def write(self):
        """Address of the next word to be written."""
        self._drain()
        return self._address

    @write.setter
    def write(self, value):
        self._drain()
        self._memory = None if isinstance(value, int) else value
        self._address = value if isinstance(value, int) else uctypes.addressof(value)

    @property
    def count(self):
        """Words still to move; 0xFFFFFFFF stays: on the RP2350 it means endless."""
        self._drain()
        return self._left if self._is_active else self._count

    @count.setter
    def count(self, value):
        self._count = value
        self._left = value

    def __repr__(self):
        return "DMA(%d)" % self.channel
