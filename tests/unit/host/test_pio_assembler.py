"""The virtual board's PIO assembler, and the capture program run on a model of the hardware.

Words are derived by hand from the RP2350 datasheet (11.4) and compared with a second assembler,
adafruit-circuitpython-pioasm.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from faceloop.twin.firmware_files import firmware_root, shim_dir
from faceloop.twin.pio import CaptureSetup, StateMachine, check_capture

DOUT, DRDY, SCLK = 16, 17, 18

# Delay and side-set share bits 12-8; one side-set pin on every instruction leaves side in bit 12
# and four bits of delay.
CAPTURE_WORDS = [
    0b001_0_0000_1_01_00001,  # wait(1, pin, 1)   .side(0)
    0b001_0_0000_0_01_00001,  # wait(0, pin, 1)   .side(0)
    0b111_0_0000_010_01000,   # set(y, 8)         .side(0)
    0b111_0_0000_001_10111,   # set(x, 23)        .side(0)
    0b101_1_0001_010_00_010,  # nop()             .side(1)[1]
    0b010_0_0000_000_00001,   # in_(pins, 1)      .side(0)
    0b000_0_0000_010_00100,   # jmp(x_dec, "bit") .side(0)
    0b000_0_0000_100_00011,   # jmp(y_dec, "word").side(0)
]  # fmt: skip
CAPTURE_EXECCTRL = 7 << 12
CAPTURE_SHIFTCTRL = 2 << 30 | 24 << 20 | 1 << 16

CAPTURE_SOURCE = """
def capture():
    wrap_target()
    wait(1, pin, 1).side(0)
    wait(0, pin, 1).side(0)
    set(y, 8).side(0)
    label("word")
    set(x, 23).side(0)
    label("bit")
    nop().side(1)[1]
    in_(pins, 1).side(0)
    jmp(x_dec, "bit").side(0)
    jmp(y_dec, "word").side(0)
    wrap()
"""
CAPTURE_OPTIONS = {
    "sideset_init": 2, "in_shiftdir": 0, "autopush": True, "push_thresh": 24, "fifo_join": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def pioasm() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pioasm_shim", shim_dir() / "_pioasm.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assemble(pioasm, source, **options):
    names: dict[str, object] = {}
    exec(source, names)
    (function,) = (value for name, value in names.items() if not name.startswith("__"))
    return pioasm.asm_pio(**options)(function)


def one(pioasm, line, **options):
    return assemble(pioasm, f"def program():\n    {line}\n", **options)[0][0]


def test_capture_program_equals_hand_derived_words(pioasm):
    program = assemble(pioasm, CAPTURE_SOURCE, **CAPTURE_OPTIONS)
    assert [f"{word:016b}" for word in program[0]] == [f"{word:016b}" for word in CAPTURE_WORDS]
    assert program[1:3] == [-1, -1]
    assert program[3] == CAPTURE_EXECCTRL
    assert program[4] == CAPTURE_SHIFTCTRL
    assert program[5:] == [None, None, 2]


def test_firmware_uses_this_program(pioasm):
    """The firmware's own decorated function, cut out of its file, gives the same words."""
    text = (firmware_root() / "faceloop_device" / "hal" / "capture_rp2.py").read_text()
    start = text.index("def read_frames():")
    function = text[start : text.index("\n\n\n", start)] + "\n"
    program = assemble(pioasm, function, **CAPTURE_OPTIONS)
    assert list(program[0]) == CAPTURE_WORDS


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("nop()", 0xA042),
        ("nop()[31]", 0xBF42),
        ("nop().delay(3)", 0xA342),
        ("wait(1, gpio, 7)", 0x2087),
        ("wait(0, pin, 2)", 0x2022),
        ("wait(1, irq, 4)", 0x20C4),
        ("wait(1, irq, rel(1))", 0x20D1),
        ("in_(pins, 32)", 0x4000),
        ("in_(x, 8)", 0x4028),
        ("in_(isr, 1)", 0x40C1),
        ("out(pins, 1)", 0x6001),
        ("out(exec, 16)", 0x60F0),
        ("out(pc, 5)", 0x60A5),
        ("push()", 0x8020),
        ("push(noblock)", 0x8000),
        ("push(iffull, noblock)", 0x8040),
        ("push(iffull)", 0x8060),
        ("pull()", 0x80A0),
        ("pull(ifempty)", 0x80E0),
        ("pull(noblock)", 0x8080),
        ("mov(x, y)", 0xA022),
        ("mov(exec, osr)", 0xA087),
        ("mov(pins, invert(x))", 0xA009),
        ("mov(y, reverse(isr))", 0xA056),
        ("mov(x, status)", 0xA025),
        ("irq(3)", 0xC003),
        ("irq(block, 2)", 0xC022),
        ("irq(clear, rel(0))", 0xC050),
        ("set(pins, 31)", 0xE01F),
        ("set(pindirs, 1)", 0xE081),
        ("set(x, 5)", 0xE025),
        ("word(0x1234)", 0x1234),
    ],
)
def test_single_instructions(pioasm, line, word):
    assert f"{one(pioasm, line):04x}" == f"{word:04x}"


@pytest.mark.parametrize(
    ("condition", "code"),
    [("not_x", 1), ("x_dec", 2), ("not_y", 3), ("y_dec", 4), ("x_not_y", 5), ("pin", 6),
     ("not_osre", 7)],
)  # fmt: skip
def test_jump_conditions(pioasm, condition, code):
    source = f'def program():\n    nop()\n    label("here")\n    jmp({condition}, "here")\n'
    assert assemble(pioasm, source)[0][1] == code << 5 | 1


def test_jump_forward_and_unconditional(pioasm):
    source = 'def program():\n    jmp("end")\n    nop()\n    label("end")\n    nop()\n'
    assert assemble(pioasm, source)[0][0] == 2


def test_optional_side_set_takes_an_enable_bit(pioasm):
    source = "def program():\n    nop().side(1)\n    nop()[7]\n"
    program = assemble(pioasm, source, sideset_init=2)
    assert [f"{word:04x}" for word in program[0]] == ["b842", "a742"]
    assert program[3] >> 30 & 1 == 1


def test_two_side_set_pins_leave_three_delay_bits(pioasm):
    program = assemble(pioasm, "def program():\n    nop().side(2)[5]\n", sideset_init=(2, 3))
    assert program[0][0] == 0xA042 | 2 << 11 | 5 << 8
    assert program[3] >> 30 & 1 == 0


def test_wrap_defaults_to_the_whole_program(pioasm):
    program = assemble(pioasm, "def program():\n    nop()\n    nop()\n    nop()\n")
    assert program[3] == 2 << 12


def test_wrap_and_target_are_where_they_stand(pioasm):
    source = "def program():\n    nop()\n    wrap_target()\n    nop()\n    wrap()\n    nop()\n"
    assert assemble(pioasm, source)[3] == 1 << 12 | 1 << 7


def test_options_fill_the_shift_register(pioasm):
    program = assemble(
        pioasm,
        "def program():\n    nop()\n",
        out_shiftdir=1, in_shiftdir=1, autopull=True, autopush=True,
        push_thresh=32, pull_thresh=8, fifo_join=1, side_pindir=True,
    )  # fmt: skip
    assert program[4] == 1 << 30 | 8 << 25 | 0 << 20 | 1 << 19 | 1 << 18 | 1 << 17 | 1 << 16
    assert program[3] >> 29 & 1 == 1


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("nop()[32]", {}),
        ("nop().side(1)", {}),
        ("nop().side(2)", {"sideset_init": 2}),
        ("nop().side(0)[16]", {"sideset_init": 2}),
        ("in_(pins, 0)", {}),
        ("out(pins, 33)", {}),
        ("set(x, 32)", {}),
        ('jmp("nowhere")', {}),
        ("wrap()", {}),
        ('[label("a"), label("a"), nop()]', {}),
        ("[nop() for _ in range(33)]", {}),
    ],
)
def test_wrong_programs_are_refused(pioasm, line, options):
    with pytest.raises(pioasm.PIOASMError):
        one(pioasm, line, **options)


def test_names_of_the_module_are_back_afterwards(pioasm):
    names: dict[str, object] = {"set": "mine", "kept": 1}
    exec("def program():\n    set(x, 1)\n", names)
    pioasm.asm_pio()(names["program"])
    assert names["set"] == "mine"
    assert "nop" not in names


def test_encode_one_instruction(pioasm):
    assert pioasm.asm_pio_encode("set(0, 1)", 0) == 57345  # MicroPython's own example
    assert pioasm.asm_pio_encode("out(y, 8)", 0) == 0x6048
    assert pioasm.asm_pio_encode("nop().side(1)", 1) == 0xB042
    with pytest.raises(pioasm.PIOASMError):
        pioasm.asm_pio_encode("nop();nop()", 0)


def test_second_assembler_agrees():
    import adafruit_pioasm as adafruit  # a development extra: its absence is a failure

    text = """
        .program capture
        .side_set 1
        .wrap_target
            wait 1 pin 1        side 0
            wait 0 pin 1        side 0
            set y, 8            side 0
        word:
            set x, 23           side 0
        bit:
            nop                 side 1 [1]
            in pins, 1          side 0
            jmp x-- bit         side 0
            jmp y-- word        side 0
        .wrap
    """
    assert list(adafruit.assemble(text)) == CAPTURE_WORDS


# -- the program at work -------------------------------------------------------------------------


def setup(**changes) -> CaptureSetup:
    base = CaptureSetup(
        in_base=DOUT, sideset_base=SCLK, jmp_pin=255, sideset_count=1, freq_hz=16_000_000,
        execctrl=CAPTURE_EXECCTRL, shiftctrl=CAPTURE_SHIFTCTRL, words=tuple(CAPTURE_WORDS),
    )  # fmt: skip
    if "words" in changes:
        changes["words"] = tuple(changes["words"])
    return base._replace(**changes)


def verdict(**changes) -> str:
    return check_capture(setup(**changes), DOUT, DRDY, SCLK, 2000.0)


def test_capture_program_reads_the_converter():
    assert verdict() == ""


@pytest.mark.parametrize("pin", [DOUT, DRDY])
def test_pad_that_nobody_has_switched_on_reads_0(pin):
    assert "it reads" in check_capture(setup(), DOUT, DRDY, SCLK, 2000.0, frozenset({pin}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"in_base": DOUT + 1}, "it reads"),
        ({"sideset_base": SCLK + 1}, "it reads"),
        ({"shiftctrl": CAPTURE_SHIFTCTRL ^ 1 << 16}, "it reads 0 words"),  # no autopush
        ({"shiftctrl": CAPTURE_SHIFTCTRL ^ 1 << 18}, "it reads"),  # shifts right
        ({"shiftctrl": 2 << 30 | 16 << 20 | 1 << 16}, "it reads"),  # threshold 16
        ({"freq_hz": 1_700_000}, "it reads"),  # 885 cycles do not fit into 500 us
        ({"freq_hz": 125_000_000}, "above 20 MHz"),
        ({"words": [*CAPTURE_WORDS[:2], 0xE047, *CAPTURE_WORDS[3:]]}, "it reads"),  # 8 words
        ({"words": [*CAPTURE_WORDS[:3], 0xE036, *CAPTURE_WORDS[4:]]}, "it reads"),  # 23 bits
        ({"words": [0xC000, *CAPTURE_WORDS[1:]]}, "cannot run"),
        ({"words": CAPTURE_WORDS[:4]}, "cannot run"),
        ({"words": []}, "cannot run"),
    ],
)
def test_programs_that_do_not_read_the_converter_are_found_out(changes, words):
    assert words in verdict(**changes)


def test_sampling_on_the_wrong_edge_is_found_out():
    wrong = list(CAPTURE_WORDS)
    wrong[4], wrong[5] = 0xA042, 0b010_1_0000_000_00001  # sample while SCLK rises
    assert "it reads" in verdict(words=wrong)


def test_one_frame_takes_885_cycles_and_216_clocks():
    levels = {DOUT: 1, DRDY: 1, SCLK: 0}
    clocks = []

    def drive(pin, level):
        if level and not levels[pin]:
            clocks.append(pin)
        levels[pin] = level

    machine = StateMachine(setup(), levels.__getitem__, drive)
    machine.step()  # sees DRDY high
    levels[DRDY] = 0
    cycles = 0
    while len(machine.received) < 9 or machine.pc != 0:
        machine.step()
        cycles += 1
    assert cycles == 1 + 1 + 9 * (1 + 24 * 4 + 1)
    assert machine.received == [0xFFFFFF] * 9
    assert clocks == [SCLK] * 216
