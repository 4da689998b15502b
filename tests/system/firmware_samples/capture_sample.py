"""Runs on the virtual board: captures numbered frames with the firmware's PIO program and DMA.

Prints one ``key value`` line for each thing that the test looks at. Run with
`mpremote run capture_sample.py`; channel c of frame n is 16 n + c.
"""

import gc
import struct
import time

import machine
import micropython
import rp2
import uctypes
from machine import SPI, Pin

from boards import virtual as board
from faceloop_device.hal.capture_rp2 import read_frames

RING_BITS = 14
RING_BYTES = 1 << RING_BITS
RING_WORDS = RING_BYTES // 4
RUN_MS = 2000

Pin(board.AFE_PWDN, Pin.OUT, value=1)  # the firmware left the front end without power
time.sleep_ms(130)
cs = Pin(board.AFE_CS, Pin.OUT, value=1)
start = Pin(board.AFE_START, Pin.OUT, value=0)
spi = SPI(
    board.AFE_SPI,
    baudrate=2_000_000,
    polarity=0,
    phase=1,
    sck=Pin(board.AFE_SCLK),
    mosi=Pin(board.AFE_DIN),
    miso=Pin(board.AFE_DOUT),
)


def command(*data):
    buf = bytearray(data)
    cs.value(0)
    spi.write_readinto(buf, buf)
    cs.value(1)
    return buf


time.sleep_ms(130)
command(0x11)
print("id", command(0x20, 0, 0)[2])
command(0x43, 0, 0xC0)
time.sleep_ms(160)
command(0x41, 0, 0x84)
command(0x45, 7, *([0x60] * 8))
print("config1", command(0x21, 0, 0)[2])
print("channels", sum(command(0x25, 7, *bytes(8))[2:]))
command(0x10)

raw = bytearray(2 * RING_BYTES)
base = uctypes.addressof(raw) + RING_BYTES - 1 & ~(RING_BYTES - 1)
ring = uctypes.bytearray_at(base, RING_BYTES)
dma = rp2.DMA()
Pin(board.AFE_DRDY, Pin.IN)
machine_ = rp2.StateMachine(
    9, read_frames, freq=16_000_000, in_base=Pin(board.AFE_DOUT), sideset_base=Pin(board.AFE_SCLK)
)
control = dma.pack_ctrl(
    size=2, inc_read=False, ring_sel=True, ring_size=RING_BITS, treq_sel=(2 << 3) + 1 + 4
)
dma.config(read=machine_, write=ring, count=0xFFFFFFFF, ctrl=control, trigger=True)
machine_.active(1)


def measure_allocation():
    """Return bytes allocated by 200 looks at the write pointer while frames come."""
    before = gc.mem_alloc()
    for _ in range(200):
        dma.write
        time.sleep_ms(1)
    return gc.mem_alloc() - before


def check(seconds_ms):
    """Compare every frame with what it must be; return (frames, wrong ones)."""
    position = frame = wrong = 0
    began = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), began) < seconds_ms:
        written = dma.write - base >> 2
        while (written - position) % RING_WORDS >= 9:
            for channel in range(9):
                word = struct.unpack_from("<I", ring, 4 * ((position + channel) % RING_WORDS))[0]
                if word != (16 * frame + channel - 1 if channel else 0xC00000):
                    wrong += 1
                    break
            frame += 1
            position = (position + 9) % RING_WORDS
        time.sleep_ms(5)
    return frame, wrong


def restart():
    start.value(0)
    machine_.active(0)
    dma.active(0)
    dma.config(read=machine_, write=ring, count=0xFFFFFFFF, ctrl=control, trigger=True)
    machine_.active(1)
    start.value(1)


start.value(1)
time.sleep_ms(20)
measure_allocation()
gc.collect()
print("allocated", measure_allocation())
restart()
print("frames %d wrong %d" % check(RUN_MS))

# Asleep for longer than ring and window hold: newest frames are in place, the pointer is right.
restart()
time.sleep_ms(1500)
start.value(0)
words = dma.write - base >> 2
found = 0
for word in range(RING_WORDS - 9):
    at = (words - 9 - word) % RING_WORDS
    if struct.unpack_from("<I", ring, 4 * at)[0] == 0xC00000:
        first = struct.unpack_from("<I", ring, 4 * ((at + 1) % RING_WORDS))[0]
        if not found:
            newest = first >> 4
        if first >> 4 != newest - found:
            break
        found += 1
print("newest", newest, "in_ring", found, "pointer", words - 9 * (newest + 1) & RING_WORDS - 1)
machine_.active(0)
dma.close()
micropython.mem_info()
