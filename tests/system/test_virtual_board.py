"""The virtual board's hardware, seen from MicroPython programs that run on it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from faceloop.twin.ads1298_registers import (
    CH1SET,
    CONFIG1,
    CONFIG3,
    CONFIG4,
    LOFF,
    LOFF_SENSN,
    LOFF_SENSP,
    RLD_SENSN,
    RLD_SENSP,
)
from faceloop.twin.firmware_files import board_constants

SAMPLES = Path(__file__).parent / "firmware_samples"

PREPARE = """
from machine import *
from boards import virtual as board
import rp2, time, machine
Pin(board.AFE_PWDN, Pin.OUT, value=1)  # the firmware left the front end without power
time.sleep_ms(130)
"""


@pytest.fixture
async def board(start_twin, tmp_path):
    """A twin in this process, main.py removed: the tests bring their own programs."""
    return await start_twin(keep_flash=False)


async def run(board, mpremote, program: str) -> str:
    code, output = await mpremote(board.tty, "exec", PREPARE + program)
    assert code == 0, output
    return output


async def test_capture_loses_no_frame_and_allocates_nothing(board, mpremote):
    code, output = await mpremote(board.tty, "run", SAMPLES / "capture_sample.py")
    assert code == 0, output
    assert "id 146\nconfig1 132\nchannels 768\n" in output
    assert "allocated 0\n" in output
    found = re.search(r"frames (\d+) wrong (\d+)", output)
    assert found is not None, output
    frames, wrong = map(int, found.groups())
    assert wrong == 0
    assert frames >= 2000 * 1.9
    # After 1.5 s of sleep: the newest 454 or 455 frames in order, the pointer where DMA would be.
    found = re.search(r"newest (\d+) in_ring (\d+) pointer (-?\d+)", output)
    assert found is not None, output
    newest, in_ring, pointer = map(int, found.groups())
    assert newest > 2500
    assert in_ring in (453, 454, 455)
    assert pointer == 0
    stats = board.twin.frontend.stats()
    assert stats["conversions"] == newest + 1
    assert stats["overrun_frames"] > 1500


async def test_driver_sets_bias_lead_off_and_the_gain_of_each_channel(board, mpremote):
    await run(board, mpremote, """
from faceloop_device.hal.front_end import FrontEnd
front_end = FrontEnd(board)
part = front_end.converter
def prepare():
    for channel, gain in enumerate((1, 2, 3, 4, 6, 8, 12)):
        part.set_channel(channel, gain)
front_end._set_up(prepare)
""")  # fmt: skip
    registers = board.twin.frontend.chip.registers
    assert registers[CONFIG1] == 0x84  # high resolution, 2 kSPS
    assert registers[CONFIG3] == 0xCC  # reference and bias amplifier on, its reference inside
    assert registers[RLD_SENSP] == registers[RLD_SENSN] == 0xFF  # every electrode drives the bias
    assert registers[LOFF] == 0x03  # DC, 6 nA, 95 %
    assert registers[LOFF_SENSP] == registers[LOFF_SENSN] == 0xFF
    assert registers[CONFIG4] == 0x02  # its comparators
    codes = [registers[CH1SET + channel] for channel in range(8)]
    assert codes == [0x10, 0x20, 0x30, 0x40, 0x00, 0x50, 0x60, 0x60]
    assert not board.twin.frontend.chip.violations


async def test_power_and_bench_plug_reach_the_adc(board, mpremote):
    board.twin.world.turn({"battery_mv": 3600, "bench_plug": True, "usb_power": True})
    output = await run(board, mpremote, """
print(ADC(board.ADC_BATTERY).read_u16() * 6600 // 65535)
print(ADC(Pin(board.ADC_BENCH_PLUG)).read_u16() * 3300 // 65535)
print(Pin(board.VBUS_SENSE, Pin.IN).value())
print(ADC(ADC.CORE_TEMP).read_u16() * 3300 // 65535)
""")  # fmt: skip
    values = [int(line) for line in output.split()]
    assert values == [pytest.approx(3600, abs=2), pytest.approx(1650, abs=2), 1, 705]


async def test_pin_map_on_the_board_is_the_one_that_the_twin_is_wired_by(board, mpremote):
    output = await run(
        board, mpremote, "print({k: v for k, v in board.__dict__.items() if isinstance(v, int)})"
    )
    # To MicroPython a bool is no int.
    wired = {k: v for k, v in board_constants().items() if type(v) is int}
    assert eval(output) == wired


async def test_led_and_motor_are_seen_outside(board, mpremote):
    await run(board, mpremote, """
Pin(board.LED, Pin.OUT).on()
PWM(Pin(board.MOTOR), freq=200, duty_u16=32768)
""")  # fmt: skip
    assert board.twin.pins.snapshot() == {"led": True, "motor_duty": pytest.approx(0.5, abs=1e-4)}


async def test_soft_reset_keeps_pins_and_hard_reset_releases_them(board, mpremote):
    await run(board, mpremote, "Pin(board.LED, Pin.OUT, value=1)")
    await run(board, mpremote, "pass")  # soft reset in between
    assert board.twin.pins.snapshot()["led"]
    board.twin.supervisor.reset("test")
    await run(board, mpremote, "pass")
    assert not board.twin.pins.snapshot()["led"]


async def test_button_calls_its_handler_as_a_soft_interrupt(board, mpremote):
    program = """
seen = []
pin = Pin(board.BUTTON, Pin.IN, Pin.PULL_UP)
irq = pin.irq(lambda p: seen.append((p is pin, irq.flags())), Pin.IRQ_FALLING)
led = Pin(board.LED, Pin.OUT, value=1)
for _ in range(1000):
    led.value(not seen)
    if len(seen) == 2:
        break
    time.sleep_ms(5)
print(seen)
"""
    running = asyncio.create_task(run(board, mpremote, program))
    for is_lit in (True, False):  # the second press comes when the first has been seen
        async with asyncio.timeout(30):
            while bool(board.twin.pins.snapshot()["led"]) != is_lit:
                await asyncio.sleep(0.01)
        board.twin.world.turn({"button": True})
        board.twin.world.turn({"button": False})
    assert await running == "[(True, 4), (True, 4)]\n"


async def test_interrupts_are_served_during_asyncio_sleep(board, mpremote):
    program = """
import asyncio
seen = []
pin = Pin(board.BUTTON, Pin.IN, Pin.PULL_UP)
pin.irq(lambda p: seen.append(time.ticks_ms()), Pin.IRQ_FALLING)
async def main():
    Pin(board.LED, Pin.OUT, value=1)
    await asyncio.sleep(4)
    print(len(seen), time.ticks_diff(time.ticks_ms(), seen[0]) > 500)
asyncio.run(main())
"""
    running = asyncio.create_task(run(board, mpremote, program))
    async with asyncio.timeout(30):
        while not board.twin.pins.snapshot()["led"]:
            await asyncio.sleep(0.01)
    board.twin.world.turn({"button": True})
    assert await running == "1 True\n"


DRDY_CAPTURE = """
cs = Pin(board.AFE_CS, Pin.OUT, value=1)
start = Pin(board.AFE_START, Pin.OUT, value=0)
spi = SPI(0, 4_000_000, polarity=0, phase=1)
def command(*data):
    cs(0); spi.write(bytes(data)); cs(1)
time.sleep_ms(130)
command(0x11)
command(0x43, 0, 0xC0)
time.sleep_ms(160)
command(0x41, 0, 0x86)
command(0x45, 7, *([0x60] * 8))
command(0x10)
frame = bytearray(27)
numbers = []
def ready(pin):
    cs(0); spi.readinto(frame); cs(1)
    if frame[0] >> 4 == 0xC:  # else: this call came late and the one before has read the frame
        numbers.append(frame[4] << 8 | frame[5])
Pin(board.AFE_DRDY, Pin.IN).irq(ready, Pin.IRQ_FALLING)
start(1)
time.sleep_ms(1000)
start(0)
steps = [b - a for a, b in zip(numbers, numbers[1:])]
print(len(numbers), min(steps), steps.count(64))
"""


async def test_drdy_interrupt_and_spi_capture_as_on_a_board_without_pio(board, mpremote):
    """500 SPS, averages of 4 numbered frames: late handlers lose frames, they never repeat one."""
    count, least, in_step = map(int, (await run(board, mpremote, DRDY_CAPTURE)).split())
    assert 100 < count <= 500  # of 496; a busy computer loses some
    assert least >= 64
    assert in_step > 0.5 * count


async def test_machine_reset_restarts_and_says_why(board, mpremote):
    assert await run(board, mpremote, "print(machine.reset_cause())") == "1\n"
    pid = board.twin.supervisor.pid
    await mpremote(board.tty, "exec", "--no-follow", "import machine\nmachine.reset()")
    async with asyncio.timeout(10):
        while board.twin.supervisor.pid in (pid, None):
            await asyncio.sleep(0.01)
    assert await run(board, mpremote, "print(machine.reset_cause())") == "3\n"


async def test_reset_cannot_be_caught(board, mpremote):
    pid = board.twin.supervisor.pid
    program = (
        "import machine\ntry:\n    machine.reset()\nexcept BaseException:\n    print('caught')"
    )
    await mpremote(board.tty, "exec", "--no-follow", program)
    async with asyncio.timeout(10):
        while board.twin.supervisor.pid in (pid, None):
            await asyncio.sleep(0.01)


async def test_watchdog_resets_a_board_that_hangs(board, mpremote):
    resets = board.twin.supervisor.resets
    program = """
watchdog = WDT(timeout=1500)
for _ in range(9):
    time.sleep_ms(200)
    watchdog.feed()
Pin(board.LED, Pin.OUT, value=1)
while True:
    pass
"""
    await mpremote(board.tty, "exec", "--no-follow", PREPARE + program)
    async with asyncio.timeout(10):
        while not board.twin.pins.snapshot()["led"]:  # fed for longer than its time
            await asyncio.sleep(0.01)
        assert board.twin.supervisor.resets == resets + 1  # mpremote's own soft reset
        while board.twin.supervisor.resets == resets + 1:
            await asyncio.sleep(0.01)
    assert await run(board, mpremote, "print(reset_cause())") == "3\n"


async def test_wrong_wiring_of_the_state_machine_delivers_nothing(board, mpremote):
    source = (SAMPLES / "capture_sample.py").read_text()
    wrong = source.replace("in_base=Pin(board.AFE_DOUT)", "in_base=Pin(2)")
    assert wrong != source
    program = wrong.partition("def measure_allocation")[0] + (
        "start.value(1)\ntime.sleep_ms(100)\nprint('moved', dma.write - base)\n"
    )
    assert "moved 0\n" in await run(board, mpremote, program)
    (violation,) = board.twin.frontend.chip.violations
    assert violation.startswith("capture program: it reads")


async def test_pad_of_data_ready_has_to_be_switched_on(board, mpremote):
    source = (SAMPLES / "capture_sample.py").read_text()
    cut_off = source.replace("Pin(board.AFE_DRDY, Pin.IN)\n", "")
    assert cut_off != source
    program = cut_off.partition("def measure_allocation")[0] + (
        "start.value(1)\ntime.sleep_ms(100)\nprint('moved', dma.write - base)\n"
    )
    await run(board, mpremote, "pass")  # ends the program
    board.twin.pins.release()  # as a hard reset does
    assert "moved 0\n" in await run(board, mpremote, program)
    (violation,) = board.twin.frontend.chip.violations
    assert violation.startswith("capture program: it reads 0 words")


CAPTURE_BESIDE = """
import _state_machine
from faceloop_device.hal.capture_rp2 import Capture
taken = _state_machine.StateMachine
claim = taken.__new__
def new(cls, id, *args, **options):
    if id in TAKEN:
        raise ValueError("StateMachine claimed by external resource")
    return claim(cls, id, *args, **options)
taken.__new__ = new
if FULL:
    @rp2.asm_pio()
    def long():
        for _ in range(25): nop()
    rp2.PIO(FULL - 1).add_program(long)
capture = Capture(board)
def has_frames():
    for _ in range(100):
        if capture.position() >= 9 * 40:
            return True
        time.sleep_ms(20)
    return False
try:
    capture.start()
    print(capture._number, has_frames(), capture.resync())
    print(has_frames())
    capture.halt()
    capture.stop()
except OSError as error:
    print(type(error).__name__, Pin(board.AFE_PWDN).value())
"""


@pytest.mark.parametrize(
    ("taken", "full", "said"),
    [
        ("(8,)", 0, "0 True 1\nTrue\n"),  # the radio's
        ("(0, 8)", 0, "1 True 1\nTrue\n"),
        ("(0, 1, 2, 3, 4, 5, 6, 7, 8)", 0, "9 True 1\nTrue\n"),
        ("(0, 8)", 1, "4 True 1\nTrue\n"),  # no room for the program in the first block
        ("range(12)", 0, "ConverterError 0\n"),
    ],
)
async def test_capture_takes_a_state_machine_that_is_free(board, mpremote, taken, full, said):
    program = f"TAKEN = {taken}\nFULL = {full}\n{CAPTURE_BESIDE}"
    assert await run(board, mpremote, program) == said
    assert not board.twin.frontend.chip.violations


async def test_spi_in_another_mode_is_not_understood(board, mpremote):
    output = await run(board, mpremote, """
cs = Pin(board.AFE_CS, Pin.OUT, value=1)
time.sleep_ms(130)
for phase in (0, 1):
    spi = SPI(0, 1_000_000, polarity=0, phase=phase)
    for data in (b"\\x11", b"\\x20\\0\\0"):
        buf = bytearray(data)
        cs(0); spi.write_readinto(data, buf); cs(1)
    print(buf[2])
""")  # fmt: skip
    assert output == "0\n146\n"


async def test_errors_are_those_of_the_real_port(board, mpremote):
    output = await run(board, mpremote, """
def error(function, *args, **options):
    try:
        function(*args, **options)
        print("nothing")
    except Exception as e:
        print(type(e).__name__, e)
error(Pin, 99)
error(Pin, "nonsense")
error(SPI, 2)
error(SPI, 0, sck=Pin(3))
error(ADC, 5)
error(WDT, timeout=20000)
error(rp2.StateMachine, 12)
error(rp2.StateMachine, 8)
dma = rp2.DMA()
error(dma.pack_ctrl, nonsense=1)
error(dma.pack_ctrl, size=4)
dma.close()
error(dma.active)
""")  # fmt: skip
    assert output.split("\n")[:-1] == [
        "ValueError invalid pin",
        "ValueError invalid pin",
        "ValueError SPI(2) doesn't exist",
        "ValueError bad SCK pin",
        "ValueError Pin(5) doesn't have ADC capabilities",
        "ValueError timeout exceeds 16777",
        "ValueError invalid StateMachine",
        "ValueError StateMachine claimed by external resource",
        "TypeError extra keyword arguments given",
        "ValueError bad field value",
        "ValueError channel closed",
    ]


async def test_constants_are_those_of_the_real_port(board, mpremote):
    output = await run(board, mpremote, """
print(Pin.IN, Pin.OUT, Pin.OPEN_DRAIN, Pin.PULL_UP, Pin.PULL_DOWN, Pin.IRQ_FALLING, Pin.IRQ_RISING)
print(SPI.MSB, SPI.LSB, PWRON_RESET, WDT_RESET, freq(), len(unique_id()))
print(rp2.PIO.OUT_LOW, rp2.PIO.OUT_HIGH, rp2.PIO.JOIN_RX, rp2.PIO.JOIN_TX, rp2.PIO.SHIFT_RIGHT)
d = rp2.DMA()
word = d.pack_ctrl(size=2, inc_read=False, ring_sel=True, ring_size=14, treq_sel=20)
fields = d.unpack_ctrl(word)
print(fields["size"], fields["inc_read"], fields["inc_write"], fields["ring_sel"],
      fields["ring_size"], fields["treq_sel"], fields["chain_to"] == d.channel, fields["enable"])
print(Pin(16) is Pin("GP16"), Pin(16), rp2.StateMachine(9), rp2.PIO(2), d.channel >= 2)
""")  # fmt: skip
    assert output.split("\n")[:-1] == [
        "0 1 2 1 2 4 8",
        "1 0 1 3 150000000 8",
        "2 3 2 1 1",
        "2 0 1 1 14 20 True 1",
        "True Pin(GPIO16, mode=IN) StateMachine(9) PIO(2) True",
    ]


async def test_timer_ticks_until_it_is_stopped(board, mpremote):
    output = await run(board, mpremote, """
ticks = []
timer = Timer(period=20, mode=Timer.PERIODIC, callback=lambda t: ticks.append(t is timer))
began = time.ticks_ms()
passed = 0
while len(ticks) < 15 and passed < 5000:
    time.sleep_ms(20)
    passed = time.ticks_diff(time.ticks_ms(), began)
timer.deinit()
count = len(ticks)
time.sleep_ms(100)
print(15 <= count <= passed // 20 + 2, len(ticks) == count, all(ticks))
""")  # fmt: skip
    assert output == "True True True\n"


async def test_pins_cost_no_memory_after_their_first_use(board, mpremote):
    output = await run(board, mpremote, """
import gc
led = Pin(board.LED, Pin.OUT)
button = Pin(board.BUTTON, Pin.IN, Pin.PULL_UP)
battery = ADC(board.ADC_BATTERY)
watchdog = WDT(timeout=5000)
def use():
    before = gc.mem_alloc()
    for _ in range(50):
        led.value(1); led.off(); button.value(); battery.read_u16(); watchdog.feed()
    return gc.mem_alloc() - before
use()
print(use())
""")  # fmt: skip
    assert output == "0\n"
