"""What a board reports once a second (notification and read of ``state``).

======  ====  ====  ================  ========================================================
offset  size  type  name              meaning
======  ====  ====  ================  ========================================================
0       1     u8    state             STATE_ constants
1       1     u8    fault             FAULT_ constants, latched until the next START
2       1     u8    power             POWER_ bits
3       1     u8    battery_pct       0-100
4       2     u16   battery_mv
6       1     u8    lead_off_p        one bit per channel, 1 = electrode off
7       1     u8    lead_off_n
8       4     u32   uptime_s
12      4     u32   head_frame        next frame to be captured
16      2     u16   oldest_seq        oldest packet still on the board
18      2     u16   head_seq          next packet to be made
20      4     u32   ring_used_bytes
24      4     u32   sent              packets given to the radio, re-sent ones included
28      2     u16   resent            packets sent late or again
30      2     u16   dropped           frames lost before they were sent, wraps
32      2     u16   send_failures     notifications the stack refused
34      2     u16   resyncs           capture lost its place
36      2     u16   bad_tags          wrong proofs and tags, and commands played again, wraps
38      2     u16   disconnects
40      4     u32   heap_free_bytes
44      1     u8    degrade           0 everything is sent, 1-2 so many bits less, 3 half rate
45      1     u8    restarts          in a row, of the program after an exception or a reset
46      2     u16   slipped           conversions that the capture never saw, wraps
48      2     u16   gc_longest_ms     longest collection of the heap since boot
50      1     u8    presses           of the button, short ones, wraps
51      1     u8    long_presses      of 5 s and more, wraps
52      1     u8    radio             RADIO_ bits
53      2     u16   refused           messages of hosts that there was no place for, wraps
======  ====  ====  ================  ========================================================
"""

from ._compat import const

STATE_IDLE = const(0)
STATE_STREAMING = const(1)
STATE_DRAINING = const(2)  # stopped; packets wait to be fetched and stored
STATE_FAULT = const(3)

FAULT_NONE = const(0)
FAULT_CONVERTER_ID = const(1)
FAULT_CONVERTER_SILENT = const(2)
FAULT_EXCEPTION = const(3)
FAULT_NOISE = const(4)
FAULT_USB_POWER = const(5)
FAULT_HANG = const(6)
FAULT_BATTERY = const(7)
FAULT_RADIO = const(8)

POWER_USB = const(0x01)
POWER_CHARGING = const(0x02)
POWER_BENCH_PLUG = const(0x04)
POWER_LOW = const(0x08)

RADIO_ENCRYPTED = const(0x01)  # by the radio itself, with a key of 128 bits

STATE_FORMAT = "<BBBBHBBIIHHIIHHHHHHIBBHHBBBH"
STATE_BYTES = const(55)
