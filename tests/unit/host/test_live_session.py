"""The session around the stream: an end that is cancelled is still an end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from faceloop.device.serial_transport import SerialTransport
from faceloop.errors import DeviceFault
from faceloop.session.detail_notes import COARSE_TEXT, HALF_RATE_TEXT, RESYNC_TEXT, DetailNotes
from faceloop.session.live_session import LiveSession
from faceloop.session.montage import MONTAGES
from faceloop_protocol.reports import BoardState, decode_state
from faceloop_protocol.state import (
    FAULT_CONVERTER_SILENT,
    FAULT_USB_POWER,
    RADIO_ENCRYPTED,
    STATE_BYTES,
    STATE_DRAINING,
    STATE_STREAMING,
)
from faceloop_protocol.stream import FLAG_DEGRADED, FLAG_HALF_RATE, FLAG_RESYNC
from faceloop_protocol.texts import FAULT_TEXT


class Air:
    """A transport that carries nothing."""

    name = "nobody"

    def __init__(self) -> None:
        self.n_closed = 0

    async def send(self, message: bytes, *, urgent: bool = False) -> None:
        """Take it."""

    async def close(self) -> None:
        self.n_closed += 1


def session_over(air: Air | SerialTransport) -> LiveSession:
    return LiveSession(
        air,  # type: ignore[arg-type]
        lambda device_id: None,
        montage=MONTAGES["guarded8"],
        affected_side=None,
        new_folder=Path,
    )


def report(where: int, fault: int) -> BoardState:
    return decode_state(bytes([where, fault]) + bytes(STATE_BYTES - 2))


async def test_fault_that_stops_the_board_ends_the_session_once():
    session = session_over(Air())
    session._status = "live"
    session.on_state(report(STATE_STREAMING, FAULT_CONVERTER_SILENT))
    assert session.error is None
    session.on_state(report(STATE_DRAINING, FAULT_USB_POWER))
    session.on_state(report(STATE_DRAINING, FAULT_CONVERTER_SILENT))
    assert isinstance(session.error, DeviceFault)
    assert session.error.code == FAULT_USB_POWER
    assert str(session.error) == session.status().message == FAULT_TEXT[FAULT_USB_POWER]


async def test_a_clear_radio_is_told_from_an_encrypted_one_and_from_a_cable():
    session = session_over(Air())
    assert session.status().radio == "", "nothing is known yet"
    body = bytearray(STATE_BYTES)
    session.on_state(decode_state(body))
    assert session.status().radio == "clear"
    body[52] = RADIO_ENCRYPTED  # "radio"
    session.on_state(decode_state(body))
    assert session.status().radio == "encrypted"
    cabled = session_over(SerialTransport("/dev/nowhere"))
    cabled.on_state(decode_state(body))
    assert cabled.status().radio == ""


async def test_converter_that_is_silent_at_the_end_is_no_fault():
    session = session_over(Air())
    session._status = "live"
    async with session._finishing:
        session.on_state(report(STATE_DRAINING, FAULT_CONVERTER_SILENT))
    assert session.error is None


async def test_abort_that_is_cancelled_ends_the_session_and_stays_cancelled():
    air = Air()
    session = session_over(air)
    is_ending = asyncio.Event()
    may_end = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            is_ending.set()
            await may_end.wait()

    session._care_task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    leaving = asyncio.create_task(session.abort())
    await is_ending.wait()
    leaving.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert air.n_closed == 1, "the link is closed all the same"
    assert session.status().link == "ended"
    await session.wait_ended()


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (0, ""),
        (FLAG_HALF_RATE, ""),  # all that this board has
        (FLAG_DEGRADED, COARSE_TEXT),
        (FLAG_DEGRADED | FLAG_HALF_RATE, HALF_RATE_TEXT),
    ],
)
def test_only_what_was_given_up_for_the_link_is_called_slow(flags: int, text: str):
    notes = DetailNotes()
    assert notes.of(flags) == ([text] if text else [])
    assert notes.message == text
    assert notes.of(flags) == [], "said once"
    assert notes.of(flags | FLAG_RESYNC) == [RESYNC_TEXT]
