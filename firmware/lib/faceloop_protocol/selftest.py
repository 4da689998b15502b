"""What the board found when it tested its own front end; every limit of a self-test.

======  ====  =========  ============  =======================================================
offset  size  type       name          meaning
======  ====  =========  ============  =======================================================
0       1     u8         converter_id  ID register, 0 = does not answer
1       1     u8         passed        PASS_ bits
2       16    8 x u16    noise_nv      inputs shorted, nV RMS at the input, 65535 and more: 65535
18      16    8 x u16    gain_ppt      amplitude of the test signal, 1000 = as it should be
34      8     8 x u8     order         channel (1-8) whose signal came in this place, 0 = none
42      2     u16        n_lost        frames with a wrong header, or that never came
======  ====  =========  ============  =======================================================
"""

import struct
from collections import namedtuple

from ._compat import const
from .errors import ProtocolError
from .limits import BATTERY_LOW_MV

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compat import Bytes

PASS_ID = const(0x01)  # a converter that we know, and it keeps what is written
PASS_NOISE = const(0x02)
PASS_GAIN = const(0x04)
PASS_ORDER = const(0x08)
PASS_FRAMES = const(0x10)
PASS_ALL = const(0x1F)

# The data sheet says 0.9 uV at gain 12 and 2 kSPS. No noise at all is a channel that is dead.
MIN_NOISE_NV = const(300)
MAX_NOISE_NV = const(1500)
# The test signal itself is exact to 2 %.
MIN_GAIN_PPT = const(970)
MAX_GAIN_PPT = const(1030)

# Three times the board reads 200 frames to settle and 2048, whole periods of the test signal.
SETTLING_FRAMES = const(200)
MEASURED_FRAMES = const(2048)
TEST_FRAMES = const(6744)
# Of a thousand frames that an interrupt reads (FEATURE_SOFT_CAPTURE, ESP32-S3) some may be lost:
# collecting its heap is estimated to take 2 to 10 ms, a frame each, once a second at most. An
# estimate: no such board was at hand. PIO and DMA lose none.
MAX_LOST_PPT_BY_INTERRUPT = const(10)

# What the host adds, over the link, with the stream running.
# The bench plug stands for electrodes apart: 2 x 33 kohm make 0.70 uV RMS from 20 to 450 Hz, the
# converter 0.8, together 1.07; a third more is allowed, and less than half is a dead channel.
MIN_BAND_NOISE_NV = const(500)
MAX_BAND_NOISE_NV = const(1400)
MAX_CLOCK_PPM = const(100)  # crystals of the front end are good to 50, those of computers as well
# Of arrivals at the host, by the soonest packet of each half second: 5 on a busy computer.
MAX_JITTER_MS = const(10)
MAX_ARRIVAL_P95_MS = const(60)  # over the soonest packets; what a screen can still hide
MIN_GOODPUT_BYTES_PER_S = const(26500)  # eight channels at full effort
MIN_BATTERY_MV = BATTERY_LOW_MV
MAX_BATTERY_MV = const(4250)  # a lithium-ion cell at the end of charging, with 1 %

REPORT_FORMAT = "<BB8H8H8BH"
REPORT_BYTES = const(44)

SelfTestReport = namedtuple(
    "SelfTestReport", ("converter_id", "passed", "noise_nv", "gain_ppt", "order", "n_lost")
)


def most_lost(n_frames: int, is_by_interrupt: bool) -> int:
    """Return how many of ``n_frames`` may be missing, whoever missed them."""
    return n_frames * MAX_LOST_PPT_BY_INTERRUPT // 1000 if is_by_interrupt else 0


def judge(
    is_known: bool,
    noise_nv: "list[int]",
    gain_ppt: "list[int]",
    order: "list[int]",
    n_lost: int,
    is_by_interrupt: bool = False,
) -> int:
    """Return the PASS_ bits of what was measured."""
    passed = PASS_ID if is_known else 0
    if all(MIN_NOISE_NV <= value <= MAX_NOISE_NV for value in noise_nv):
        passed |= PASS_NOISE
    if all(MIN_GAIN_PPT <= value <= MAX_GAIN_PPT for value in gain_ppt):
        passed |= PASS_GAIN
    if list(order) == list(range(1, 9)):
        passed |= PASS_ORDER
    if is_known and n_lost <= most_lost(TEST_FRAMES, is_by_interrupt):
        passed |= PASS_FRAMES
    return passed


def pack_report(report: SelfTestReport) -> bytes:
    """Return the bytes of a report."""
    values = [report.converter_id, report.passed]
    values.extend([min(value, 0xFFFF) for value in report.noise_nv])
    values.extend([min(value, 0xFFFF) for value in report.gain_ppt])
    values.extend(report.order)
    values.append(min(report.n_lost, 0xFFFF))
    return struct.pack(REPORT_FORMAT, *values)


def decode_report(body: "Bytes") -> SelfTestReport:
    """Return the report in ``body``.

    Raises
    ------
    ProtocolError
        If it is too short.
    """
    if len(body) < REPORT_BYTES:
        raise ProtocolError("self-test report of %d bytes, 44 expected" % len(body))
    fields = struct.unpack(REPORT_FORMAT, body[:REPORT_BYTES])
    return SelfTestReport(
        fields[0], fields[1], fields[2:10], fields[10:18], fields[18:26], fields[26]
    )
