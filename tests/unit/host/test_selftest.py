"""What a self-test makes of what it measured, and how it reports."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from faceloop.device.ble_transport import BleTransport
from faceloop.device.serial_transport import SerialTransport
from faceloop.errors import StorageError
from faceloop.tasks import selftest as module
from faceloop.tasks.bench import Measured, band_noise_nv, held
from faceloop.tasks.selftest_report import Check, as_page, judged, write_report
from faceloop_protocol import selftest as limits

GOOD = Measured(
    band_noise_nv=(1070.0,) * 8,
    clock_ppm=20.0,
    clock_within_ppm=80.0,
    arrival_p95_ms=15.0,
    jitter_ms=2.0,
    n_missed=0,
    bytes_per_s=14000.0,
    goodput_bytes_per_s=36000.0,
    seconds=60.0,
)
ABOUT = {
    "board": "pico2w",
    "device_id": "0011223344556677",
    "firmware_version": "0.1.0",
    "interpreter": "MicroPython <1.29>",
    "link": "cable",
    "utc": "2026-11-29T12:00:00Z",
}


def checks_of(
    measured: Measured,
    is_plugged: bool = True,
    transport: Any = None,
    phy: str | None = None,
    features: int = 0,
) -> dict[str, Check]:
    info: Any = SimpleNamespace(features=features, fs_hz=2000)
    found = [
        *module._stream(measured, is_plugged, info),
        *module._link_checks(measured, transport or SerialTransport("port"), phy),
    ]
    return {check.id: check for check in found}


def test_jitter_is_called_what_it_is() -> None:
    """What the host can see is when packets come, not when samples are taken."""
    names = {check.name for check in checks_of(GOOD).values() if "jitter" in check.name.lower()}
    assert names == {"Arrival jitter at the host"}


def test_good_board_passes() -> None:
    assert all(check.ok is not False for check in checks_of(GOOD).values())
    assert checks_of(GOOD)["clock"].ok is True


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"band_noise_nv": (1070.0,) * 3 + (1401.0,) + (1070.0,) * 4}, {"band_noise_4"}),
        ({"band_noise_nv": (499.0,) + (1070.0,) * 7}, {"band_noise_1"}),
        ({"clock_ppm": 181.0}, {"clock"}),
        ({"clock_ppm": -181.0}, {"clock"}),
        ({"arrival_p95_ms": 60.1}, {"arrival"}),
        ({"jitter_ms": 10.1}, {"jitter"}),
        ({"n_missed": 1}, {"missed"}),
        ({"goodput_bytes_per_s": 26499.0}, {"goodput"}),
        ({"goodput_bytes_per_s": math.nan}, {"goodput"}),
    ],
)
def test_one_step_outside_a_limit_fails_and_nothing_else(
    change: dict[str, Any], failed: set[str]
) -> None:
    found = checks_of(dataclasses.replace(GOOD, **change))
    assert {name for name, check in found.items() if check.ok is False} == failed


@pytest.mark.parametrize(
    "change",
    [
        {"band_noise_nv": (1400.0,) * 8},
        {"clock_ppm": 179.0},
        {"arrival_p95_ms": 60.0},
        {"jitter_ms": 10.0},
        {"goodput_bytes_per_s": 26500.0},
    ],
)
def test_one_step_inside_a_limit_passes(change: dict[str, Any]) -> None:
    found = checks_of(dataclasses.replace(GOOD, **change))
    assert {name for name, check in found.items() if check.ok is False} == set()


def test_board_that_reads_by_interrupt_may_lose_one_frame_in_a_hundred() -> None:
    for n_missed, is_ok in ((0, True), (1200, True), (1201, False)):
        measured = dataclasses.replace(GOOD, n_missed=n_missed)
        assert checks_of(measured, features=module.FEATURE_SOFT_CAPTURE)["missed"].ok is is_ok
        assert checks_of(measured)["missed"].ok is (n_missed == 0)


def test_what_cannot_be_judged_is_not_tested() -> None:
    open_inputs = checks_of(dataclasses.replace(GOOD, band_noise_nv=(9e6,) * 8), is_plugged=False)
    assert open_inputs["band_noise_1"].ok is None
    short = checks_of(dataclasses.replace(GOOD, clock_within_ppm=500.0))
    assert short["clock"].ok is None
    assert "test longer" in short["clock"].note


@pytest.mark.parametrize(
    ("told", "goodput", "value", "is_ok"),
    [
        ("LE 1M", 36_000.0, "LE 1M", True),
        ("LE 2M", 36_000.0, "LE 2M", True),
        (None, 98_900.0, "LE 1M or LE 2M", None),
        (None, 98_901.0, "LE 2M", True),  # more than the slower one can carry
        (None, math.nan, "LE 1M or LE 2M", None),
    ],
)
def test_radio_mode_is_told_or_follows_from_what_is_carried(
    told: str | None, goodput: float, value: str, is_ok: bool | None
) -> None:
    measured = dataclasses.replace(GOOD, goodput_bytes_per_s=goodput)
    phy = checks_of(measured, transport=BleTransport(), phy=told)["phy"]
    assert (phy.value, phy.ok) == (value, is_ok)
    assert bool(phy.note) == (is_ok is None)


def test_usual_test_is_long_enough_to_judge_the_clock() -> None:
    within_ppm = 5e-3 / module.SelfTestOptions().seconds * 1e6
    assert within_ppm <= limits.MAX_CLOCK_PPM


def test_board_is_judged_by_the_limits_of_the_protocol() -> None:
    sound = limits.SelfTestReport(
        0x92, limits.PASS_ALL, (900,) * 8, (1000,) * 8, tuple(range(1, 9)), 0
    )
    assert all(check.ok for check in module._front_end(sound, 0))
    bad = sound._replace(noise_nv=(900,) * 7 + (1501,), passed=limits.PASS_ALL - limits.PASS_NOISE)
    assert [check.id for check in module._front_end(bad, 0) if not check.ok] == ["noise_8"]
    swapped = sound._replace(
        order=(2, 1, *range(3, 9)), passed=limits.PASS_ALL - limits.PASS_ORDER
    )
    assert [check.id for check in module._front_end(swapped, 0) if not check.ok] == ["order"]
    dead = limits.SelfTestReport(0, 0, (0,) * 8, (0,) * 8, (0,) * 8, 3)
    assert not any(check.ok for check in module._front_end(dead, 0))


def test_band_noise_is_that_of_white_noise_between_20_and_450_hz() -> None:
    rng = np.random.default_rng(1)
    lsb_fv = 23_842_000
    counts = np.round(rng.normal(0, 50, (20000, 8))).astype(np.int32) + 100_000
    wanted = 50 * lsb_fv / 1e6 * math.sqrt(430 / 1000)
    assert band_noise_nv(counts, 2000, lsb_fv) == pytest.approx((wanted,) * 8, rel=0.04)
    assert all(math.isnan(noise) for noise in band_noise_nv(counts[:4000], 2000, lsb_fv))


def test_report_is_written_twice_and_never_over_another(tmp_path: Path) -> None:
    checks = [
        judged("a", "A <b>", 1.0, "uV", 0.5, 2.0),
        judged("b", "B", math.nan, "uV", None, 1.0),
        Check("c", "C", None, "", None, None, None, "needs a person"),
    ]
    report = write_report(tmp_path / "new", ABOUT, checks)
    assert report["ok"] is False
    page = Path(report["report"]).read_text()
    assert "Failed: 1 of 3, 1 not tested" in page
    assert "A &lt;b&gt;" in page and "<b>" not in page
    assert "MicroPython &lt;1.29&gt;" in page
    assert "0.5 to 2" in page and "up to 1" in page
    assert "src=" not in page and "href=" not in page, "it needs nothing else"
    with pytest.raises(StorageError, match="cannot be written"):
        write_report(tmp_path / "new", ABOUT, checks)
    passed = write_report(tmp_path, ABOUT, [checks[0]])
    assert passed["ok"] is True
    assert "Self-test: Passed<" in as_page(passed)


class Board:
    """A board that is pressed, and a link that only vibrates."""

    def __init__(self, presses: list[int]) -> None:
        self.presses = presses
        self.vibrated = 0

    async def report(self) -> Any:
        count = self.presses.pop(0) if len(self.presses) > 1 else self.presses[0]
        return type("State", (), {"presses": count})

    async def vibrate(self, strength_pct: int, length_ms: int) -> None:
        self.vibrated += 1


@pytest.mark.parametrize(("presses", "says"), [([0, 0, 1], True), ([0], False)])
async def test_person_presses_looks_and_feels(
    presses: list[int], says: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PRESS_S", 0.01)
    board: Any = Board(presses)
    info: Any = type("Info", (), {"features": module.FEATURE_VIBRATION})
    state = await Board([0]).report()
    asked: list[str] = []

    def answer(question: str) -> bool:
        asked.append(question)
        return says

    found = await module._person(board, board, info, state, answer, module.Silent())
    assert [check.ok for check in found] == [says] * 3
    assert len(asked) == 2 and board.vibrated == 1
    untested = await module._person(board, board, info, state, None, module.Silent())
    assert [check.ok for check in untested] == [None] * 3


def test_lost_frames_of_a_board_without_pio_are_no_noise() -> None:
    """Of inputs with an offset of 3 mV one frame in a hundred is lost; zeros would be steps."""
    rng = np.random.default_rng(4)
    counts = np.rint(rng.normal(0, 40, (16000, 8)) + 120_000).astype(np.int32)
    wanted = band_noise_nv(counts, 2000, 23842)
    is_there = rng.random(len(counts)) > 0.01
    is_there[:3] = False
    counts[~is_there] = 0
    assert min(band_noise_nv(counts, 2000, 23842)) > 100 * max(wanted)
    assert band_noise_nv(held(counts, is_there), 2000, 23842) == pytest.approx(wanted, rel=0.02)
    assert len(held(counts, np.zeros(len(counts), bool))) == 0
