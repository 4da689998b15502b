"""The board tests its own front end, and finds what is wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from faceloop.device.board_link import BoardLink
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Receiver
from faceloop.twin.ads1298_registers import ADS1299
from faceloop.twin.radio import Radio
from faceloop_protocol import selftest
from faceloop_protocol.reports import BoardState
from faceloop_protocol.selftest import SelfTestReport


class Silent:
    """A host that only asks."""

    def on_packet(self, packet: Any) -> None:
        pass

    def on_state(self, report: BoardState) -> None:
        pass

    def on_link(self, event: str, extent: Any) -> None:
        pass

    def on_gone(self, error: Exception) -> None:
        pass

    def next_seq(self) -> int:
        return 0


async def report_of(board: Any) -> SelfTestReport:
    """Fetch the key over the cable, then ask for a self-test by the same way."""
    keys: dict[bytes, bytes] = {}
    cable = SerialTransport(str(board.tty))
    await cable.open(Receiver(lambda _: None, lambda _: None, lambda _: None, lambda: None), 10.0)
    try:
        device_id, key = await cable.request_key()
        keys[device_id] = key
    finally:
        await cable.close()
    link = BoardLink(SerialTransport(str(board.tty)), keys.get, Silent())
    await link.connect()
    try:
        return await link.self_test()
    finally:
        await link.disconnect()


@pytest.fixture
async def board(start_twin: Any) -> Any:
    return await start_twin(radio=Radio())


def through(board: Any, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change every code that the converter puts out."""
    codes = board.twin.frontend._codes
    generate = codes.generate

    def changed(*arguments: Any) -> np.ndarray:
        return change(generate(*arguments).copy())

    codes.generate = changed


async def test_sound_front_end_passes_with_the_numbers_of_its_data_sheet(board: Any) -> None:
    report = await report_of(board)
    assert report.passed == selftest.PASS_ALL, report
    assert report.converter_id == 0x92
    assert report.order == tuple(range(1, 9))
    assert all(noise == pytest.approx(900, rel=0.08) for noise in report.noise_nv), report
    assert all(gain == pytest.approx(1000, abs=3) for gain in report.gain_ppt), report
    assert report.n_lost == 0
    assert not board.twin.frontend.chip.is_alive, "off again"
    assert not board.twin.frontend.chip.violations


async def test_ads1299_is_found_out_and_driven_by_its_own_registers(board: Any) -> None:
    board.twin.frontend.chip.profile = ADS1299
    report = await report_of(board)
    assert (report.converter_id, report.passed) == (0x3E, selftest.PASS_ALL), report
    assert all(noise == pytest.approx(900, rel=0.08) for noise in report.noise_nv), report
    assert not board.twin.frontend.chip.violations


@pytest.mark.full  # seven seconds of frames, each an interrupt, three times
@pytest.mark.parametrize("n_late", [0, 67, 68])
async def test_front_end_of_a_board_without_pio_is_tested_through_its_interrupts(
    start_twin: Any, n_late: int
) -> None:
    """A late handler loses frames: one in a hundred may go, and what the rest says is right."""
    board = await start_twin(radio=Radio(), capture="irq")
    asked = asyncio.create_task(report_of(board))
    if n_late:
        frontend = board.twin.frontend
        while frontend._conversions < 1000:
            await asyncio.sleep(0.01)
        frontend.miss_frames(n_late)
    report = await asked
    failed = selftest.PASS_FRAMES if n_late > 67 else 0
    assert (selftest.PASS_ALL & ~report.passed, report.n_lost) == (failed, n_late), report
    assert all(noise == pytest.approx(900 / 2**0.5, rel=0.08) for noise in report.noise_nv)
    assert all(gain == pytest.approx(1000, abs=5) for gain in report.gain_ppt), report


def swap(codes: np.ndarray) -> np.ndarray:
    codes[:, [2, 5]] = codes[:, [5, 2]]
    return codes


def add_noise(codes: np.ndarray) -> np.ndarray:
    codes[:, 3] += np.random.default_rng(1).normal(0, 100, len(codes)).astype(codes.dtype)
    return codes


def weaken(codes: np.ndarray) -> np.ndarray:
    codes[:, 6] = codes[:, 6] * 94 // 100
    return codes


def silence(codes: np.ndarray) -> np.ndarray:
    codes[:, 0] = 0
    return codes


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        (swap, selftest.PASS_ORDER),
        (add_noise, selftest.PASS_NOISE),
        (weaken, selftest.PASS_GAIN),
        (silence, selftest.PASS_NOISE | selftest.PASS_GAIN | selftest.PASS_ORDER),
    ],
)
async def test_fault_of_one_channel_is_found(
    board: Any, change: Callable[[np.ndarray], np.ndarray], failed: int
) -> None:
    through(board, change)
    report = await report_of(board)
    assert selftest.PASS_ALL & ~report.passed == failed, report
    if change is swap:
        assert report.order == (1, 2, 6, 4, 5, 3, 7, 8)


async def test_converter_that_does_not_answer_fails_everything(board: Any) -> None:
    chip = board.twin.frontend.chip
    chip.transfer = lambda sent, sclk_hz=0: bytes(len(sent))
    report = await report_of(board)
    assert (report.converter_id, report.passed) == (0, 0), report
