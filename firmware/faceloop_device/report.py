"""What the board says about itself: once a second, and when asked."""

import gc
import struct
import sys

from faceloop_device import VERSION
from faceloop_device.drivers.ads1298 import GAIN
from faceloop_protocol import PROTOCOL_VERSION, info, state
from faceloop_protocol.limits import FS_HZ, N_CHANNELS, SHIFT, WINDOW_PACKETS


def label_text(device_id, key):
    """Return what a board's label says, and its QR code."""
    return "FL1:%s:%s" % (_hex(device_id), _hex(key))


def print_label(device_id, key):
    """Say once, on the cable, what the label says, and its QR code in capitals.

    To be called when the large blocks of memory are taken: what is drawn here lies in between.
    """
    from faceloop_device.core.qr import qr_lines  # once in a board's life

    label = label_text(device_id, key)
    print("Label of this board: " + label)
    print("\n".join(qr_lines(label.upper())))
    gc.collect()


def _hex(data):
    return "".join(["%02x" % byte for byte in data])


def make_info(board, number, converter, converter_id, ring_kib, has_bonding, is_by_interrupt):
    """Return the ``Info`` of a board."""
    features = info.FEATURE_VIBRATION | (info.FEATURE_BONDING if has_bonding else 0)
    if board.heat is not None:
        features |= info.FEATURE_HEAT
    if is_by_interrupt:
        features |= info.FEATURE_SOFT_CAPTURE
    version = ".".join(str(part) for part in sys.implementation.version[:3])
    machine_name = getattr(sys.implementation, "_machine", sys.platform)
    return info.Info(
        PROTOCOL_VERSION,
        VERSION,
        number,
        converter_id,
        N_CHANNELS,
        FS_HZ,
        GAIN,
        converter.lsb_fv,
        SHIFT,
        ring_kib,
        WINDOW_PACKETS,
        features,
        board.device_id,
        board.stream.stream_id,
        "MicroPython %s; %s" % (version, machine_name),
    )


def pack_state_into(buf, board, uptime_s, power_bits, percent, battery_mv, health):
    """Write the state into ``buf``.

    ``health``: restarts in a row, longest collection in ms, short and long presses.
    """
    stream = board.stream
    ring = stream.ring
    if stream.is_running:
        where = state.STATE_STREAMING
    elif stream.stream_id:
        where = state.STATE_DRAINING
    else:
        where = state.STATE_FAULT if board.fault else state.STATE_IDLE
    restarts, longest_ms, presses, long_presses = health
    struct.pack_into(
        state.STATE_FORMAT,
        buf,
        0,
        where,
        board.fault,
        power_bits,
        percent,
        battery_mv,
        stream.lead_off_p,
        stream.lead_off_n,
        uptime_s,
        stream.frames.frame & 0xFFFFFFFF,
        ring.oldest & 0xFFFF,
        ring.head & 0xFFFF,
        ring.used_bytes,
        stream.flow.sent,
        stream.resent & 0xFFFF,
        stream.dropped & 0xFFFF,
        (stream.send_failures + board.ble.refused) & 0xFFFF,
        stream.frames.resyncs & 0xFFFF,
        (board.ble.session.bad_tags + board.serial.session.bad_tags) & 0xFFFF,
        board.ble.disconnects & 0xFFFF,
        gc.mem_free() & 0xFFFFFFFF,
        stream.ladder.level,
        min(restarts, 255),
        stream.frames.slipped & 0xFFFF,
        min(longest_ms, 0xFFFF),
        presses & 0xFF,
        long_presses & 0xFF,
        state.RADIO_ENCRYPTED if board.ble.is_encrypted else 0,
        (board.ble.inbox.refused + board.serial.inbox.refused) & 0xFFFF,
    )
