"""Every board has a name of its own, however many bytes its chip calls itself by."""

import sys

import fake_board

sys.modules["machine"] = fake_board.Machine
sys.modules["bluetooth"] = fake_board.Bluetooth
from faceloop_device.hal import processor  # noqa: E402
from faceloop_device.hal.ble_link import device_name  # noqa: E402

for unique_id, device_id, name in (
    # RP2350
    (b"\xe6\x61\x4c\x31\x1b\x7e\x6f\x21", b"\xe6\x61\x4c\x31\x1b\x7e\x6f\x21", "faceloop-216F"),
    # ESP32: the MAC address, of which the last bytes differ
    (b"\x34\x85\x18\xaa\xbb\xcc", b"\0\0\x34\x85\x18\xaa\xbb\xcc", "faceloop-CCBB"),
    (bytearray(b"\x34\x85\x18\xaa\xbb\xcd"), b"\0\0\x34\x85\x18\xaa\xbb\xcd", "faceloop-CDBB"),
):
    fake_board.Machine.unique_id = lambda chosen=unique_id: chosen
    assert processor.device_id() == device_id, processor.device_id()
    assert device_name(device_id) == name, device_name(device_id)
print("ok")
