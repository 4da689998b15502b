"""What the scripted wearer does and when: movements, blinks, and the truth about them."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import numpy as np

from faceloop.twin.sources.emg_carrier import block_rng
from faceloop.twin.sources.face_muscles import MASSETER, OCULI, ZYGOMATICUS, Wearer
from faceloop.twin.sources.source import FS_HZ, N_CHANNELS, FloatArray

__all__ = ["REST_S", "SCENARIOS", "STEP_EVERY_S", "Burst", "FaceScript"]

REST_S = 8.0
"""Rest without movement or blink at the start of every scenario: room for a rest reference."""

# Movements of one round; "+" marks the synkinetic form.
SCENARIOS: dict[str, tuple[str, ...]] = {
    "rest": (),
    "smile": ("smile",),
    "eye_closure": ("eye_closure",),
    "synkinesis": ("smile+", "eye_closure+"),
    "jaw_clench": ("jaw_clench",),
    "mixed": ("smile", "eye_closure", "smile+", "eye_closure+", "jaw_clench"),
    "steps": ("step",),
}
STEP_EVERY_S = 2.8
_MOVEMENT_STREAM, _BLINK_STREAM = 11, 12
_FLUCTUATION = 0.15
"""Relative standard deviation of a held contraction's drive."""
_FLUCTUATION_HZ = (0.2, 3.0)
_N_TONES = 16
_LONGEST_FRAMES = int(45 * FS_HZ)
"""What is asked of a patient takes at most three times 15 s."""
_PIECE_FRAMES = int(20 * FS_HZ)
_MARGIN_FRAMES = int(2 * FS_HZ)
"""A blink is placed at most 1 s past the known piece; eye closures near it must be known."""


@dataclass(frozen=True, slots=True)
class Burst:
    """One contraction of one muscle; frames at 2 kHz.

    ``drive`` is the drive of the hold. ``is_held`` bursts fluctuate slowly with their side;
    steps and blinks do not.
    """

    start: int
    rise: int
    hold: int
    fall: int
    channel: int
    drive: float
    kind: str
    is_held: bool

    @property
    def end(self) -> int:
        """Frame after the last active one."""
        return self.start + self.rise + self.hold + self.fall

    def shape(self, first: int, n: int) -> FloatArray:
        """Return the burst's course, 0 to 1, for ``n`` frames from ``first``: raised cosines."""
        t = np.arange(first - self.start, first - self.start + n, dtype=np.float64)
        up = np.clip((t + 1) / (self.rise + 1), 0.0, 1.0)
        down = np.clip((self.rise + self.hold + self.fall - t) / (self.fall + 1), 0.0, 1.0)
        return np.asarray(0.25 * (1 - np.cos(np.pi * up)) * (1 - np.cos(np.pi * down)))


class FaceScript:
    """Movements of one run, made as far ahead as asked for, always the same for one seed.

    Parameters
    ----------
    scenario : str
        Key of ``SCENARIOS``.
    seed : int
        Seed of the run.
    wearer : Wearer
        Whose face.
    affected : int
        Side of synkinesis and of steps, 0 left, 1 right.
    has_blinks : bool
        Spontaneous blinks every 3-6 s (never with eyes closed, in the first rest, or in steps).
    step_uv : float
        Level of the ``steps`` scenario.
    step_every_s : float
        Mean time from one step to the next.
    first_rest_s : float
        Rest before the first movement or blink.
    """

    def __init__(
        self,
        scenario: str,
        seed: int,
        wearer: Wearer,
        affected: int,
        has_blinks: bool,
        step_uv: float,
        step_every_s: float = STEP_EVERY_S,
        first_rest_s: float = REST_S,
    ) -> None:
        self._round = SCENARIOS[scenario]
        self._seed = seed
        self._wearer = wearer
        self._affected = affected
        self._has_blinks = has_blinks and scenario != "steps"
        self._step_uv = step_uv
        self._pace = step_every_s / STEP_EVERY_S
        self._bursts: list[Burst] = []
        self._n_movements = 0
        self._n_blinks = 0
        self._known_until = 0
        self._blinks_until = int(first_rest_s * FS_HZ)
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 102])))
        self._movements_until = int((first_rest_s + rng.uniform(0.0, 0.5)) * FS_HZ)
        low, high = np.log(_FLUCTUATION_HZ[0]), np.log(_FLUCTUATION_HZ[1])
        # Equal power per octave is 1/f. Three tracks: shared by both sides, left, right.
        self._tone_hz = np.exp(rng.uniform(low, high, (3, _N_TONES)))
        self._tone_phase = rng.uniform(0, 2 * np.pi, (3, _N_TONES))

    def bursts(self, first: int, end: int) -> list[Burst]:
        """Return the bursts that overlap ``first <= frame < end``, in order of start."""
        self._extend(end)
        begin = bisect.bisect_left(self._bursts, first - _LONGEST_FRAMES, key=_start)
        stop = bisect.bisect_left(self._bursts, end, key=_start)
        return [burst for burst in self._bursts[begin:stop] if burst.end > first]

    def drive(self, first: int, n: int) -> FloatArray:
        """Return the drive of each muscle, float64 of shape (8, n), 0 to 1."""
        drive = np.zeros((N_CHANNELS, n))
        active = self.bursts(first, first + n)
        if not active:
            return drive
        slow = self._slow(first, n) if any(burst.is_held for burst in active) else None
        for burst in active:
            course = burst.drive * burst.shape(first, n)
            if burst.is_held and slow is not None:
                course *= slow[burst.channel % 2]
            drive[burst.channel] += course
        return np.asarray(np.clip(drive, 0.0, 1.0))

    def _slow(self, first: int, n: int) -> FloatArray:
        """Return the common drive's fluctuation of each side, shape (2, n), mean 1."""
        # 50 points a second on an absolute grid: exact to 1 % at 3 Hz, the same for any split.
        step = int(FS_HZ / 50)
        points = np.arange(first // step, (first + n) // step + 2)
        angle = 2 * np.pi * self._tone_hz[..., None] * (points * (step / FS_HZ))
        tracks = np.cos(angle + self._tone_phase[..., None]).sum(axis=1) * np.sqrt(2 / _N_TONES)
        frames = np.arange(first, first + n)
        shared, left, right = (np.interp(frames, points * step, track) for track in tracks)
        sides = np.stack([0.8 * shared + 0.6 * left, 0.8 * shared + 0.6 * right])
        return np.asarray(1 + _FLUCTUATION * np.clip(sides, -2.5, 2.5))

    def _extend(self, end: int) -> None:
        # In fixed pieces: what happens must not depend on how far ahead anyone has asked.
        while self._known_until < end:
            self._known_until += _PIECE_FRAMES
            self._fill()
            while self._has_blinks and self._blinks_until < self._known_until:
                self._insert(self._blink())

    def _fill(self) -> None:
        """Make the movements up to what has to be known."""
        while self._round and self._movements_until < self._known_until + _MARGIN_FRAMES:
            self._insert(self._movement())

    def _insert(self, bursts: list[Burst]) -> None:
        for burst in bursts:
            bisect.insort(self._bursts, burst, key=_start)

    def _movement(self) -> list[Burst]:
        name = self._round[self._n_movements % len(self._round)]
        rng = block_rng(self._seed, _MOVEMENT_STREAM, self._n_movements)
        self._n_movements += 1
        start = self._movements_until
        if name == "step":
            hold = int(self._pace * rng.uniform(0.8, 1.2) * FS_HZ)
            gap = int(self._pace * rng.uniform(1.2, 2.4) * FS_HZ)
            channel = 2 * OCULI + self._affected
            drive = self._wearer.drive_for(channel, self._step_uv)
            self._movements_until = start + hold + gap
            return [Burst(start, 0, hold, 0, channel, drive, "voluntary", False)]
        rise = int(rng.uniform(0.05, 0.15) * FS_HZ)
        hold = int(rng.uniform(1.5, 3.0) * FS_HZ)
        fall = int(rng.uniform(0.1, 0.4) * FS_HZ)
        gap = int(rng.uniform(2.5, 4.5) * FS_HZ)
        effort = float(np.exp(np.clip(rng.normal(0.0, 0.12), -0.25, 0.25)))
        lag = int(rng.uniform(0.0, 0.015) * FS_HZ)
        late_side = int(rng.integers(0, 2))
        join = int(rng.uniform(0.0, 0.03) * FS_HZ)
        joined_share = float(rng.uniform(0.3, 0.8))

        plain = name.rstrip("+")
        row = {"smile": ZYGOMATICUS, "eye_closure": OCULI, "jaw_clench": MASSETER}[plain]
        bursts = []
        for side in (0, 1):
            begin = start + (lag if side == late_side else 0)
            bursts.append(
                self._burst(begin, (rise, hold, fall), 2 * row + side, effort, "voluntary")
            )
        if name.endswith("+"):
            guard = ZYGOMATICUS if row == OCULI else OCULI
            begin = bursts[self._affected].start + join
            channel = 2 * guard + self._affected
            share = joined_share * effort / self._wearer.strength[channel]
            bursts.append(self._burst(begin, (rise, hold, fall), channel, share, "synkinesis"))
        self._movements_until = max(burst.end for burst in bursts) + gap
        return bursts

    def _burst(
        self, start: int, course: tuple[int, int, int], channel: int, effort: float, kind: str
    ) -> Burst:
        wearer = self._wearer
        level_uv = wearer.comfortable_uv[channel] * wearer.strength[channel] * effort
        drive = wearer.drive_for(channel, float(level_uv))
        return Burst(start, *course, channel, drive, kind, True)

    def _blink(self) -> list[Burst]:
        rng = block_rng(self._seed, _BLINK_STREAM, self._n_blinks)
        self._n_blinks += 1
        start = self._blinks_until + int(rng.uniform(0.0, 1.0) * FS_HZ)
        rise = int(rng.uniform(0.02, 0.03) * FS_HZ)
        fall = int(rng.uniform(0.03, 0.07) * FS_HZ)
        effort = float(rng.uniform(0.35, 0.7))
        lag = int(rng.uniform(0.0, 0.004) * FS_HZ)
        self._blinks_until = start + int(rng.uniform(3.0, 5.0) * FS_HZ)
        # Blinks and movements of the last minute or so are more than enough to look at.
        for burst in self._bursts[-80:]:
            is_eye = burst.channel // 2 == OCULI and burst.kind != "blink"
            if is_eye and burst.start - FS_HZ / 4 < start < burst.end + FS_HZ / 4:
                return []
        bursts = []
        for side in (0, 1):
            channel = 2 * OCULI + side
            level_uv = (
                self._wearer.comfortable_uv[channel] * self._wearer.strength[channel] * effort
            )
            drive = self._wearer.drive_for(channel, float(level_uv))
            bursts.append(Burst(start + side * lag, rise, 0, fall, channel, drive, "blink", False))
        return bursts


def _start(burst: Burst) -> int:
    return burst.start
