"""The front end in time: the chip, its conversion clock, its source, and the capture hardware.

Conversion ``n`` of a run happens at ``run start + settling + n / fs`` on the injected clock, where
``fs`` carries the crystal's error. :meth:`Frontend.pump` makes up for all conversions due by now,
so the count never depends on when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from faceloop.errors import UsageError
from faceloop.twin.ads1298 import Ads1298
from faceloop.twin.ads1298_codes import CodeGenerator, CountArray, pack_frames, pack_words
from faceloop.twin.ads1298_registers import ADS1298, Profile
from faceloop.twin.dma_window import FRAME_WINDOW_BYTES, DmaWindow
from faceloop.twin.electrode_feed import ElectrodeFeed
from faceloop.twin.pulse_count import PulseCount
from faceloop.twin.sources.source import Source
from faceloop.twin.world import Knobs, World

__all__ = ["Frontend"]

MAX_BLOCK_FRAMES = 4000
"""Conversions made in one go after a long pause, to bound memory."""
# Conversions are made every few milliseconds. More than this at once, and the process was held up;
HELD_UP_FRAMES = 200
# for so long the board is then given time to take them, in pieces of this part of its ring.
PATIENCE_S = 2.0
PIECE = 0.25


class Frontend:
    """Owns the chip and everything that happens at a conversion.

    Parameters
    ----------
    source : Source
        What the electrodes touch.
    window : DmaWindow
        Where captured frames go.
    pulses : PulseCount or None
        Counts how often data-ready falls.
    clock : callable
        Monotonic time in seconds.
    clock_ppm : float
        Error of the converter's crystal, parts per million.
    seed : int
        Of the converter's noise.
    tap : Path or None
        File that receives what was converted while electrodes were connected, int32 little
        endian, eight channels per frame; truncated when a run begins.
    world : World or None
        Its lead-off knobs act on the chip.
    profile : Profile
        Which converter.

    Attributes
    ----------
    has_handler : bool
        The board has a handler for data-ready. The next conversion comes when it has returned,
        however long the two processes take for that: a busy computer is no late handler.
        `miss_frames` makes one.
    is_clock_watched : bool
        Somebody compares the count of conversions with another clock: all that are due come.
    on_drdy : callable or None
        Called with the number of conversions after a pump that made some.
    """

    def __init__(
        self,
        source: Source,
        window: DmaWindow,
        *,
        pulses: PulseCount | None = None,
        clock: Callable[[], float],
        clock_ppm: float = 20.0,
        seed: int = 0,
        tap: Path | None = None,
        world: World | None = None,
        profile: Profile = ADS1298,
    ) -> None:
        self.chip = Ads1298(clock, profile)
        self.clock_ppm = clock_ppm
        self.on_drdy: Callable[[int], None] | None = None
        self.is_capturing = False
        self.has_handler = False
        self.is_clock_watched = False
        self.captured_frames = 0
        self._delivers = False
        self._to_miss = 0
        self._clock = clock
        self._window = window
        self._pulses = pulses
        self._codes = CodeGenerator(self.chip, seed)
        self._feed = ElectrodeFeed(source)
        self._tap_path = tap
        self._tap: BinaryIO | None = None
        self._run = self.chip.run
        self._conversions = 0
        self._is_over = False
        self._patient_until_s: float | None = None  # while it was held up and catches up
        self._held_back = 0
        self._is_told = False  # the handler was called and has not returned
        self._is_given_up = False  # nor will it
        self._world = world or World()
        self._world.subscribe(self._apply_knobs)
        self._apply_knobs(self._world.knobs)

    @property
    def source(self) -> Source:
        """The source being played."""
        return self._feed.source

    @property
    def fs_hz(self) -> float:
        """True data rate, with the crystal's error."""
        return self.chip.fs_hz * (1 + self.clock_ppm * 1e-6)

    @property
    def is_converting(self) -> bool:
        """Whether conversions are due."""
        return self.chip.is_converting and not self._is_over

    @property
    def is_handled(self) -> bool:
        """Whether the next conversion waits for the handler of this one."""
        return self._is_told and self._is_for_handler and not self._is_given_up

    @property
    def next_due_s(self) -> float:
        """Time of the next conversion of this run."""
        first_s = self.chip.run_started_s + self.chip.settle_s / (1 + self.clock_ppm * 1e-6)
        return first_s + self._conversions / self.fs_hz

    # -- what the board does -------------------------------------------------------------------

    def spi(self, sent: bytes, sclk_hz: int) -> bytes:
        """Run one SPI transfer and return what came back."""
        self.pump()
        if self.is_capturing:
            self.chip.violations["SPI while the state machine owns the pins"] += 1
            return bytes(len(sent))
        received = self.chip.transfer(sent, sclk_hz)
        self._follow_run()
        return received

    def drive(self, change: Callable[[int], None], level: int) -> None:
        """Drive one of the chip's pins, all conversions due before it done."""
        self.pump()
        change(level)
        self._follow_run()

    def start_capture(self, *, delivers: bool = True) -> None:
        """Let the state machine take every frame from now on.

        Parameters
        ----------
        delivers : bool
            False when its program would read nonsense: the pins are taken, no frame comes.
        """
        self.pump()
        self._window.restart()
        self.captured_frames = 0
        self.is_capturing = True
        self._delivers = delivers

    def set_ring(self, ring_bytes: int) -> None:
        """Say how much the DMA channel's ring holds; older frames count as overrun."""
        self._window.set_ring(ring_bytes // FRAME_WINDOW_BYTES)

    def miss_frames(self, n: int) -> None:
        """Let the capture miss the next ``n`` data-ready pulses: these conversions never come.

        A board that reads in a handler has a handler that comes so late.

        Raises
        ------
        UsageError
            If ``n`` is not 1 to 1000.
        """
        if not 1 <= n <= 1000:
            raise UsageError(f"The capture can miss 1 to 1000 frames at a time, not {n}.")
        self._to_miss += n

    def stop_capture(self) -> None:
        """Stop the state machine."""
        self.pump()
        self.is_capturing = False

    # -- time ----------------------------------------------------------------------------------

    def pump(self) -> int:
        """Make all conversions that are due and return how many."""
        done = 0
        now_s = self._clock()
        late_s = now_s - self.next_due_s if self.is_converting else -1.0
        due = int(late_s * self.fs_hz) + 1 if late_s >= 0 else 0
        bearable = self._bearable(due, now_s)
        while done < bearable and self.is_converting:
            done += self._convert(min(bearable - done, MAX_BLOCK_FRAMES), now_s)
        if done:
            if self._pulses is not None:
                self._pulses.add(done)
            self._tell(done)
        return done

    def _bearable(self, due: int, now_s: float) -> int:
        """Return how many conversions may come at once.

        Where many are due this process was held up, not the board; its ring shall not run over for
        that. A board that takes none of them is no longer waited for.
        """
        if self.is_clock_watched:
            return due
        if self._is_for_handler:
            return self._bearable_to_handler(due, now_s)
        if due > HELD_UP_FRAMES and self._patient_until_s is None:
            self._patient_until_s = now_s + PATIENCE_S
        if self._patient_until_s is not None:
            room = self._window.room(PIECE) if self.is_capturing and self._delivers else due
            if room < due and now_s < self._patient_until_s:
                self._held_back = max(self._held_back, due - room)
                return room
            self._patient_until_s = None
        return due

    @property
    def _is_for_handler(self) -> bool:
        return self.has_handler and not self.is_capturing and not self.is_clock_watched

    def _bearable_to_handler(self, due: int, now_s: float) -> int:
        if not self._is_told:
            self._patient_until_s = None
            return min(due, 1)
        if self._patient_until_s is None:
            self._patient_until_s = now_s + PATIENCE_S
        self._is_given_up = now_s >= self._patient_until_s
        return due if self._is_given_up else 0

    def _tell(self, done: int) -> None:
        if self._is_for_handler and self._to_miss:
            self._to_miss -= min(done, self._to_miss)
            return
        self._is_told = True
        if self.on_drdy is not None:
            self.on_drdy(done)

    def handled(self) -> None:
        """Take note that the board's handler for data-ready has returned."""
        self._is_told = self._is_given_up = False

    def _convert(self, n: int, now_s: float) -> int:
        if self.chip.is_single_shot:
            n = 1
        electrode: CountArray | None = None
        if self._codes.uses_electrodes:
            electrode = self._feed.read(n, self.chip.fs_hz)
            self._is_over = self._feed.is_done
            n = len(electrode)
            self._apply_lead_off()
        if n:
            codes = self._codes.generate(self._conversions, n, electrode, now_s)
            self._deliver(codes, has_electrodes=electrode is not None)
        self._conversions += n
        if self.chip.is_single_shot:
            self._is_over = True
        return n

    def _deliver(self, codes: CountArray, *, has_electrodes: bool) -> None:
        status = self.chip.status_word
        is_read = self.is_capturing and self._delivers
        self.chip.latch(pack_frames(status, codes[-1:]), is_read=is_read)
        if is_read:
            n_missed = min(self._to_miss, len(codes))
            self._to_miss -= n_missed
            self._window.push(pack_words(status, codes[n_missed:]))
            self.captured_frames += len(codes) - n_missed
        if has_electrodes and self._tap_path is not None:
            if self._tap is None:
                self._tap = self._tap_path.open("wb", buffering=0)
            self._tap.write(codes.astype("<i4", copy=False).tobytes())

    def _follow_run(self) -> None:
        """Start over when the chip has begun a new run."""
        if self.chip.run == self._run:
            return
        self._run = self.chip.run
        self._conversions = 0
        self._is_over = self._is_told = self._is_given_up = False
        self._patient_until_s = None
        self._feed.rewind()
        self._close_tap()  # begun anew by the next frame of electrodes, not by a look at supplies
        if self._tap_path is not None:
            self._tap_path.touch()

    # -- surroundings --------------------------------------------------------------------------

    def set_power(self, is_on: bool) -> None:
        """Switch the supply of the board."""
        self.pump()
        self.chip.set_power(is_on)
        self.is_capturing = self.is_capturing and is_on
        self._follow_run()

    def _apply_knobs(self, knobs: Knobs) -> None:
        self.pump()
        self._codes.dvdd_v = knobs.rail_mv / 1000
        self._apply_lead_off()

    def _apply_lead_off(self) -> None:
        """Tell the chip which inputs are open: the source's and those of the knobs."""
        knobs = self._world.knobs
        p_bits, n_bits = self._feed.source.lead_off
        self.chip.set_lead_off(p_bits | knobs.lead_off_p, n_bits | knobs.lead_off_n)

    # -- questions -----------------------------------------------------------------------------

    def stats(self) -> dict[str, Any]:
        """Return the converter's counters."""
        self.pump()
        return {
            "run": self._run,
            "conversions": self._conversions,
            "t0_monotonic_s": self.chip.run_started_s,
            "first_conversion_s": self.next_due_s - self._conversions / self.fs_hz,
            "fs_hz": self.fs_hz,
            "source_done": self._feed.is_done,
            "is_running": self.is_converting,
            "is_alive": self.chip.is_alive,
            "captured_frames": self.captured_frames,
            "overrun_frames": self._window.overrun,
            "held_back_frames": self._held_back,  # most at a time
            "violations": dict(self.chip.violations),
        }

    def truth(self) -> dict[str, Any]:
        """Return what the source knows about itself: onsets in its own frames."""
        source = self._feed.source
        return {
            "onsets": [asdict(onset) for onset in source.onsets],
            "labels": list(source.labels),
            "n_samples": source.n_samples,
        }

    def close(self) -> None:
        """Close the files."""
        self._close_tap()
        self._window.close()
        if self._pulses is not None:
            self._pulses.close()

    def _close_tap(self) -> None:
        if self._tap is not None:
            self._tap.close()
            self._tap = None
