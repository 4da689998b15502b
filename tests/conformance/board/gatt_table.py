"""What the board registers, as BTstack counts it: its attribute database has 512 bytes.

Ref: BTstack 1.5.6 src/ble/att_db_util.c; firmware/README.md. The database overflows silently.
"""

import sys

import fake_radio

sys.modules["bluetooth"] = fake_radio
from faceloop_device.hal.ble_link import services  # noqa: E402  the radio has to be there first

BASE_BYTES = 65  # what MicroPython itself registers: Generic Access
NOTIFY_OR_INDICATE = 0x30


def width(uuid):
    return 2 if isinstance(uuid, int) else len(uuid)


size = BASE_BYTES
n_characteristics = 0
for service, characteristics in services():
    size += {2: 10, 16: 24}[width(service)]
    for uuid, flags in characteristics:
        n_characteristics += 1
        size += {2: 21, 16: 49}[width(uuid)]
        if flags & NOTIFY_OR_INDICATE:
            size += 10  # client characteristic configuration
print("bytes %d characteristics %d" % (size, n_characteristics))
