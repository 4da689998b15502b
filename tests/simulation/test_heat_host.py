"""The host's session, the board's commands and the supervisor on a simulated pad, in one."""

from __future__ import annotations

import contextlib
import importlib.util
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceloop.device.heat_client import HeatClient
from faceloop.errors import FaceloopError, HeatRefused
from faceloop.session import heat_session
from faceloop.session.heat_session import HeatSession
from faceloop.twin.firmware_files import firmware_root
from faceloop.twin.heat.board import LINK, make_bench
from faceloop.twin.heat.wearer import nominal_wearer
from faceloop_protocol import control, heat
from faceloop_protocol.heat_limits import LEASE_MAX_MS

STEP_MS = 250
SEEN_OFF_MS = heat_session.PRESENCE_S * 1000 + LEASE_MAX_MS + 2 * STEP_MS


def _commands() -> ModuleType:
    path = Path(firmware_root()) / "faceloop_device" / "core" / "heat_commands.py"
    spec = importlib.util.spec_from_file_location("heat_commands", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Home:
    """A wearer at home: board, pad, page."""

    def __init__(self) -> None:
        self.bench = make_bench(nominal_wearer(), logic="python")
        self.bench.is_host_silent = True  # the host here is a real one
        self.commands = _commands().HeatCommands(self.bench.supervisor)
        self.is_seen = True
        self.events: list[tuple[str, str]] = []
        self.session = HeatSession(
            HeatClient(self.send),
            lambda _: None,
            lambda kind, text: self.events.append((kind, text)),
            lambda: self.bench.now_ms / 1000,
        )
        self.session.wear("anna", heat.PERMIT_FULL)

    async def send(self, op: int, body: bytes) -> control.Reply:
        status, answer = self.commands.serve(op, body, LINK, False)
        return control.Reply(op, 1, status, answer)

    async def live(self, seconds: float) -> None:
        for _ in range(round(seconds * 1000 / STEP_MS)):
            if self.is_seen:
                self.session.note_presence()
            self.bench.run(STEP_MS)
            with contextlib.suppress(FaceloopError):
                await self.session.step()

    async def heat_up(self) -> None:
        self.session.ask(39.0, 10)
        await self.live(12)
        assert self.bench.supervisor.state == heat.WAIT_BUTTON
        self.bench.pad.press()
        await self.live(10)
        assert self.bench.supervisor.state == heat.WARMUP
        assert self.bench.pad.power_w > 0.1


@pytest.fixture
def home() -> Home:
    return Home()


async def page_closed_ms(home: Home) -> float:
    """Return how long heat goes on after the page is no longer seen; -1 for ever."""
    await home.heat_up()
    home.is_seen = False
    home.bench.mark()
    await home.live(40)
    return home.bench.off_ms


@pytest.mark.risk("RC-31")
async def test_rc31_page_that_is_no_longer_seen_ends_heat(home: Home) -> None:
    assert 0 <= await page_closed_ms(home) <= SEEN_OFF_MS
    assert home.bench.supervisor.state in (heat.COOL, heat.OFF)
    assert [text.partition(":")[0] for kind, text in home.events if kind == "heat"][:3] == [
        "BOOT_TEST",
        "WAIT_BUTTON",
        "WARMUP",
    ]


@pytest.mark.mutation("RC-31")
async def test_rc31_without_it_heat_would_go_on(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heat_session, "PRESENCE_S", 1e9)
    assert await page_closed_ms(home) < 0


async def exercise_ms(home: Home) -> float:
    await home.heat_up()
    home.session.begin_exercise()
    home.bench.mark()
    await home.live(2)
    return home.bench.off_ms


@pytest.mark.risk("RC-32")
async def test_rc32_exercise_ends_heat_at_once(home: Home) -> None:
    assert 0 <= await exercise_ms(home) <= 3 * STEP_MS
    assert home.bench.supervisor.state in (heat.COOL, heat.OFF)
    assert home.bench.supervisor.cause == heat.STOPPED


@pytest.mark.mutation("RC-32")
async def test_rc32_without_it_heat_would_go_on(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HeatSession, "end", lambda self: None)
    assert await exercise_ms(home) < 0


@pytest.mark.risk("RC-22B")
async def test_rc22b_no_bytes_but_the_right_ones_bring_it_nearer_to_heat(home: Home) -> None:
    rng = random.Random(5)
    bench = home.bench
    for _ in range(3000):
        op = rng.randrange(control.HEAT_FIRST, control.HEAT_LAST + 1)
        body = rng.randbytes(rng.choice((0, 1, 3, 4, 4, 5, 20)))
        # Of another session than the proven one, and by cable: nothing counts.
        status, _ = home.commands.serve(op, body, LINK + 1, True)
        assert status != control.OK or op in (heat.HEAT_STATE, heat.HEAT_END)
        bench.pad.press()
        bench.run(50)
        assert bench.pad.power_w == 0.0
    assert bench.supervisor.state == heat.OFF
    with pytest.raises(HeatRefused) as refusal:
        await HeatClient(home.send).renew(39.0)
    assert refusal.value.cause == bench.supervisor.cause


@pytest.mark.parametrize("setpoint_degc", [35.99, 40.01, 60.0])
@pytest.mark.risk("RC-22B")
async def test_rc22b_set_points_out_of_range_are_refused(home: Home, setpoint_degc: float) -> None:
    client = HeatClient(home.send)
    with pytest.raises(FaceloopError, match="out of range"):
        await client.request(setpoint_degc, 10)
    home.session.ask(39.0, 10)
    await home.live(1)
    with pytest.raises(FaceloopError, match="out of range"):
        await client.renew(setpoint_degc)


async def test_refusals_and_unknown_commands_are_answered(home: Home) -> None:
    serve = home.commands.serve
    assert serve(0x4E, b"", LINK, False)[0] == control.UNKNOWN_COMMAND
    assert serve(heat.HEAT_PERMIT, b"", LINK, False)[0] == control.BAD_LENGTH
    assert serve(heat.HEAT_PERMIT, b"\x09", LINK, False)[0] == control.OUT_OF_RANGE
    assert serve(heat.HEAT_TIME, bytes(4), LINK + 1, False)[0] == control.PROOF_NEEDED
    assert serve(heat.HEAT_CONFIRM, b"", LINK + 1, False)[0] == control.PROOF_NEEDED
    status, cause = serve(heat.HEAT_UNLOCK, b"", LINK, True)
    assert (status, len(cause)) == (control.HEAT_REFUSED, 1)
    permit: Any = HeatClient(home.send).permit
    assert (await permit(heat.PERMIT_NONE)).permission == heat.PERMIT_NONE
    with pytest.raises(HeatRefused) as refusal:
        await HeatClient(home.send).request(39.0, 10)
    assert refusal.value.cause == heat.NOT_PERMITTED
