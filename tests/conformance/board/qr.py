"""QR codes of the texts in a file, one line each.

qr.py FILE          its rows as hexadecimal, or why there are none
qr.py FILE lines    what a terminal shows
"""

import binascii
import sys

from faceloop_device.core.qr import qr_lines, qr_rows

with open(sys.argv[1]) as texts:
    for text in texts.read().split("\n"):
        if "lines" in sys.argv:
            print("\n".join(qr_lines(text)))
            continue
        try:
            print(binascii.hexlify(b"".join(qr_rows(text))).decode())
        except ValueError as error:
            print("refused:", error)
