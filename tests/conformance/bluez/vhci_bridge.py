"""In the guest: carries HCI packets between the kernel's virtual adapter and the virtual radio.

    python vhci_bridge.py /dev/vport0p1

``/dev/vhci`` takes and gives one packet a call; the other side is a stream of the same (H4).
"""

import os
import sys
import threading

VENDOR, ACL, EVENT = 0xFF, 0x02, 0x04
# Bytes of header after the type, and which of them are the length.
HEADERS = {ACL: (4, slice(2, 4)), EVENT: (2, slice(1, 2))}


def exactly(stream: int, n: int) -> bytes:
    data = b""
    while len(data) < n:
        piece = os.read(stream, n - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def to_kernel(radio: int, kernel: int) -> None:
    while True:
        kind = exactly(radio, 1)
        n, where = HEADERS[kind[0]]
        header = exactly(radio, n)
        body = exactly(radio, int.from_bytes(header[where], "little"))
        os.write(kernel, kind + header + body)


def to_radio(kernel: int, radio: int) -> None:
    while True:
        packet = os.read(kernel, 4096)
        if packet[0] == VENDOR:
            continue  # the kernel tells the number of the adapter
        while packet:
            packet = packet[os.write(radio, packet) :]


def main() -> None:
    radio = os.open(sys.argv[1], os.O_RDWR)
    kernel = os.open("/dev/vhci", os.O_RDWR)
    os.write(kernel, bytes([VENDOR, 0]))  # make the adapter now
    threading.Thread(target=to_kernel, args=(radio, kernel), daemon=True).start()
    to_radio(kernel, radio)


main()
