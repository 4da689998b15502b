"""Chooses the capture that the board's hardware can do; both have the same interface."""


def make_capture(board):
    """Return the capture for a board, which ``CAPTURE`` in its pin map names."""
    if board.CAPTURE == "pio":
        from faceloop_device.hal.capture_rp2 import Capture
    else:
        from faceloop_device.hal.capture_esp32 import Capture
    return Capture(board)
