"""One virtual board: everything that lives in the twin process, put together."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceloop.errors import UsageError
from faceloop.twin.board_pins import BoardPins
from faceloop.twin.chip_server import ChipServer
from faceloop.twin.control import ControlServer
from faceloop.twin.dma_window import DmaWindow
from faceloop.twin.firmware_files import board_constants, shim_dir
from faceloop.twin.flash_image import lock_image, prepare_image
from faceloop.twin.frontend import Frontend
from faceloop.twin.heat.wires import HeatWires
from faceloop.twin.pulse_count import PulseCount
from faceloop.twin.sources.source import Patient
from faceloop.twin.supervisor import RUN_LOW_RESET, Supervisor, virtual_machine_command
from faceloop.twin.world import World

if TYPE_CHECKING:
    from faceloop.twin.radio import Radio
    from faceloop.twin.sources.source import Source

__all__ = ["READY_FILE", "Twin", "TwinOptions"]

log = logging.getLogger(__name__)

READY_FILE = "ready"
HEAP_KIB = 1024
HEAT_STEP_S = 0.02


@dataclass(frozen=True)
class TwinOptions:
    """How a twin is made; see ``python -m faceloop.twin --help``."""

    directory: Path
    name: str = "faceloop"
    source: dict[str, Any] = field(default_factory=lambda: {"kind": "open"})
    seed: int = 0
    clock_ppm: float = 20.0
    tap: Path | None = None
    radio: dict[str, Any] = field(default_factory=dict)
    world: dict[str, Any] = field(default_factory=dict)
    flash: Path | None = None
    keep_flash: bool = False
    heap_kib: int = HEAP_KIB
    capture: str = "pio"
    block_ms: float = 5.0


class Twin:
    """Starts the parts, waits for the end, cleans up.

    Parameters
    ----------
    options : TwinOptions
    source : Source
        What the electrodes touch.
    radio : Radio or None
        The air; without it the board has no Bluetooth.
    """

    def __init__(self, options: TwinOptions, source: Source, radio: Radio | None) -> None:
        self._options = options
        self._directory = options.directory
        self._radio = radio
        self._stopped = asyncio.Event()
        self.world = World()
        if options.world:
            self.world.turn(options.world)
        self.frontend = Frontend(
            source,
            DmaWindow(self._directory / "dma"),
            pulses=PulseCount(self._directory / "pulses"),
            clock=time.monotonic,
            clock_ppm=options.clock_ppm,
            seed=options.seed,
            tap=options.tap,
            world=self.world,
        )
        constants = board_constants()
        self.heat: HeatWires | None = None
        if constants.get("HAS_HEATER"):
            self.heat = HeatWires(
                constants, lambda: self.world.knobs, time.monotonic, options.seed
            )
            self.heat.on_reset = self._heater_watchdog_bit
        pins = BoardPins(self.frontend, self.world, constants, self.heat)
        self.pins = pins
        flash = options.flash or self._directory / "flash.img"
        self._flash_lock = lock_image(flash)
        prepare_image(flash, keep=options.keep_flash, capture=options.capture)
        self.supervisor = Supervisor(
            virtual_machine_command(shim_dir() / "boot_virtual.py", options.heap_kib),
            {
                "FACELOOP_RADIO_SOCKET": str(self._directory / "radio.sock"),
                "FACELOOP_CHIP_SOCKET": str(self._directory / "chip.sock"),
                "FACELOOP_DMA_WINDOW": str(self._directory / "dma"),
                "FACELOOP_PULSE_COUNT": str(self._directory / "pulses"),
                "FACELOOP_FLASH": str(flash),
                "FACELOOP_SHIM": str(shim_dir()),
                "FACELOOP_UNIQUE_ID": _unique_id(options.name),
            },
            self._directory / "tty",
            self._board_stopped,
        )
        self.chip_server = ChipServer(
            self.frontend, pins, self.supervisor.reset, options.block_ms / 1000
        )
        self.control = ControlServer(
            {
                "stats": self._stats,
                "truth": lambda request: self.frontend.truth(),
                "world": lambda request: {"world": self.world.turn(request)},
                "heat": self._heat_truth,
                "radio": self._set_radio,
                "miss_frames": self._miss_frames,
                "attend": self._attend,
                "perform": self._perform,
                "begin_blackouts": self._begin_blackouts,
                "power": self._power,
                "stop": self._stop,
            }
        )

    async def run(self, owner_fd: int | None) -> None:
        """Run until asked to stop, or until the other end of ``owner_fd`` is closed."""
        loop = asyncio.get_running_loop()
        warming: asyncio.Task[None] | None = None
        if owner_fd is not None:
            os.set_blocking(owner_fd, False)
            loop.add_reader(owner_fd, self._owner_spoke, owner_fd)
        try:
            if self._radio is not None:
                from faceloop.twin.radio import RadioSettings

                await self._radio.start(self._directory, RadioSettings(**self._options.radio))
            await self.chip_server.start(self._directory / "chip.sock")
            await self.control.start(self._directory / "control.sock")
            self.supervisor.power(True)
            await self.supervisor.ready.wait()
            if self.heat is not None:
                warming = asyncio.create_task(self._keep_warm(self.heat))
            self._announce()
            await self._stopped.wait()
        finally:
            if warming is not None:
                warming.cancel()
            self.supervisor.close()
            self.control.close()
            await self.chip_server.close()
            if self._radio is not None:
                try:
                    await self._radio.stop()
                except Exception:  # whatever it is, the directory has to go
                    log.exception("the radio did not stop cleanly")
            self.frontend.close()
            os.close(self._flash_lock)
            shutil.rmtree(self._directory, ignore_errors=True)

    def _announce(self) -> None:
        """Write the ready file, whole or not at all."""
        about = {
            "name": self._options.name,
            "pid": os.getpid(),
            "hci": str(self._directory / "hci.sock"),
            "tty": str(self._directory / "tty"),
        }
        draft = self._directory / (READY_FILE + ".new")
        draft.write_text(json.dumps(about))
        draft.rename(self._directory / READY_FILE)

    def _owner_spoke(self, owner_fd: int) -> None:
        try:
            if os.read(owner_fd, 64):
                return
        except BlockingIOError:
            return
        except OSError:
            log.debug("owner pipe broke", exc_info=True)
        asyncio.get_running_loop().remove_reader(owner_fd)
        self._stopped.set()

    def _board_stopped(self, is_hard: bool) -> None:
        self.chip_server.board_stopped(is_hard=is_hard)

    # -- control socket ------------------------------------------------------------------------

    def _stats(self, request: dict[str, Any]) -> dict[str, Any]:
        return {
            "converter": self.frontend.stats(),
            "radio": self._radio.stats() if self._radio is not None else {},
            "vm": self.supervisor.stats(),
            "pins": self.pins.snapshot(),
        }

    def _heater_watchdog_bit(self) -> None:
        self.supervisor.reset("heater watchdog", RUN_LOW_RESET)

    def _heat_truth(self, request: dict[str, Any]) -> dict[str, Any]:
        return {} if self.heat is None else self.heat.truth()

    async def _keep_warm(self, heat: HeatWires) -> None:
        """Let pad and skin go on while the board asks for nothing."""
        while True:
            heat.advance()
            await asyncio.sleep(HEAT_STEP_S)

    def _set_radio(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._radio is not None:
            self._radio.set(**request)
        return {}

    def _miss_frames(self, request: dict[str, Any]) -> dict[str, Any]:
        self.frontend.miss_frames(int(request["n"]))
        return {}

    def _attend(self, request: dict[str, Any]) -> dict[str, Any]:
        """Let a made-up patient wait for what is asked, or do as it likes."""
        self._patient().attend(is_on=bool(request["on"]))
        return {}

    def _perform(self, request: dict[str, Any]) -> dict[str, Any]:
        """Let a made-up patient move."""
        return {"frame": self._patient().perform(request)}

    def _patient(self) -> Patient:
        source = self.frontend.source
        if not isinstance(source, Patient):
            raise UsageError(
                "Only a patient can be told to move; this board plays something else."
            )
        return source

    def _begin_blackouts(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._radio is not None:
            self._radio.begin_schedule()
        return {}

    def _power(self, request: dict[str, Any]) -> dict[str, Any]:
        is_on = bool(request["on"])
        self.supervisor.power(is_on)
        self.frontend.set_power(is_on)
        return {}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        # After the answer has gone out.
        asyncio.get_running_loop().call_later(0.01, self._stopped.set)
        return {}


def _unique_id(name: str) -> str:
    """Return 16 hexadecimal digits that stay the same for a board of this name."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]
