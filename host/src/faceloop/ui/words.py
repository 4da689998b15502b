"""Which sentence is said when: the rules between what a session knows and what a person reads.

The sentences themselves are in ``languages/``.
"""

from __future__ import annotations

import math

from faceloop.session.live import LiveEvent, LiveStatus, MusclePair
from faceloop.training.blocks import block_title
from faceloop.training.programme import BlockSpec, RetrainingBlock
from faceloop.ui.texts import DASH, Texts

__all__ = ["Words", "anatomical_name", "clock", "guard_channel"]

# Shorter names of the same muscle.
_SAME = {"zygomaticus": "zygomaticus_major"}
# The second half of a pair's name: the muscle that should have stayed quiet.
_GUARDS = {"eye": "orbicularis_oculi", "mouth": "zygomaticus_major"}

# Healthy faces are not even: min/max of the sides is 0.74-0.82 on average over three muscles and
# two SDs below that 0.36-0.53 (Kim et al. 2018, 154 healthy adults). So "alike" begins at the
# healthy average and "clearly" at the edge of the healthy range; one pair serves all muscles.
EVEN_FROM = 0.75
SLIGHT_FROM = 0.50
# More loose electrodes than this are counted, not named.
NAMED_AT_MOST = 3


def anatomical_name(muscle: str) -> str:
    """Return the anatomical name for reading, for example ``zygomaticus major``."""
    return muscle.replace("_", " ")


def clock(seconds: float) -> str:
    """Return a duration as ``m:ss`` or ``h:mm:ss``."""
    total_s = max(0, int(seconds))
    hours, rest_s = divmod(total_s, 3600)
    minutes, left_s = divmod(rest_s, 60)
    return f"{hours}:{minutes:02d}:{left_s:02d}" if hours else f"{minutes}:{left_s:02d}"


def guard_channel(
    event: LiveEvent, muscles: tuple[MusclePair, ...], affected_side: str | None
) -> int:
    """Return the channel an alert is about, -1 when that is not known."""
    if event.channel >= 0 or affected_side is None:
        return event.channel
    guard = _GUARDS.get(event.pair.rpartition("_to_")[2])
    for pair in muscles:
        if pair.muscle == guard:
            return pair.left if affected_side == "left" else pair.right
    return -1


class Words:
    """The rules, in one language.

    Parameters
    ----------
    texts : Texts
    """

    def __init__(self, texts: Texts) -> None:
        self.text = texts

    def muscle_name(self, muscle: str) -> str:
        """Return the plain name of a muscle, for example ``Smile``."""
        key = f"muscle.{_SAME.get(muscle, muscle)}"
        return self.text(key) if key in self.text else anatomical_name(muscle).capitalize()

    def channel_name(self, channel: int, muscles: tuple[MusclePair, ...]) -> str:
        """Return a channel's plain name with its side, for example ``left eye``."""
        for pair in muscles:
            if channel in (pair.left, pair.right):
                side = "left" if channel == pair.left else "right"
                key = f"channel.{side}.{_SAME.get(pair.muscle, pair.muscle)}"
                if key in self.text:
                    return self.text(key)
        return self.text("channel.number", n=channel + 1)

    def symmetry_sentence(self, ratio: float, left_uv: float, right_uv: float) -> str:
        """Return the symmetry of one muscle in words.

        Parameters
        ----------
        ratio : float
            min/max of both sides, 0-1; NaN when both rest.
        left_uv, right_uv : float
            Envelope of each side in microvolts; only their order counts.
        """
        if not math.isfinite(ratio):
            return self.text("live.at_rest")
        if ratio >= EVEN_FROM:
            return self.text("live.alike")
        side = "left" if left_uv > right_uv else "right"
        return self.text(f"live.{side}_{'little' if ratio >= SLIGHT_FROM else 'clearly'}")

    def alert_sentence(self, event: LiveEvent, muscles: tuple[MusclePair, ...]) -> str:
        """Return what an alert says; the session's own words win."""
        if event.text:
            return self.text.known(event.text)
        place = self.text("live.some_muscle")
        for pair in muscles:
            if event.channel in (pair.left, pair.right):
                side = "left" if event.channel == pair.left else "right"
                key = f"place.{side}.{_SAME.get(pair.muscle, pair.muscle)}"
                place = self.text(key) if key in self.text else place
        sentence = self.text("live.joined_in", place=place)
        return self.text.sentence_case(sentence)

    def now_sentence(
        self, status: LiveStatus, is_calibrated: bool, muscles: tuple[MusclePair, ...] = ()
    ) -> tuple[str, str]:
        """Return what to do now: one line, and one smaller line beneath it (may be empty)."""
        message = self.text.known(status.message)
        if status.link == "ended":
            return self.text("ended.title"), self.text("ended.why")
        if status.link == "lost":
            return self.text("live.lost"), self.text("live.lost_why")
        if status.link == "connecting":
            return self.text("live.connecting"), message or self.text("live.connecting_why")
        if message:
            return message, ""
        if unfit := self.unfit_sentence(status, muscles):
            return unfit, self.text("unfit.why")
        if not is_calibrated:
            return self.text("live.rest_first"), self.text("live.rest_first_why")
        why = "restless_why" if status.is_restless else "all_well_why"
        return self.text("live.all_well"), self.text(f"live.{why}")

    def unfit_sentence(self, status: LiveStatus, muscles: tuple[MusclePair, ...]) -> str:
        """Return why the first of the muted channels is not judged, empty when all are."""
        for channel, reason in enumerate(status.unfit):
            if reason:
                place = self.text.sentence_case(self.channel_name(channel, muscles))
                return self.text(f"unfit.{reason}", place=place)
        return ""

    def block_name(self, block: BlockSpec) -> str:
        """Return what a block of the programme is called; one of some days says of which."""
        is_unaided = isinstance(block, RetrainingBlock) and block.feedback == "none"
        title = self.text.say(block_title(block.kind))
        if is_unaided:
            title = self.text("train.block.retraining.unaided")
        if block.every_days <= 1:
            return title
        return f"{title}, {self.text('therapist.every', n=block.every_days)}"

    def recordings_sentence(self, n_recordings: int) -> str:
        """Return what the list of a session's recordings begins with."""
        if n_recordings == 0:
            return self.text("ended.nothing")
        return self.text("ended.recordings", n=n_recordings)

    def emergency_numbers(self) -> str:
        """Return whom to call, with no number at the end of a line."""
        places = ("europe", "america", "uk")
        numbers = (self.text(f"welcome.emergency_{place}") for place in places)
        return " · ".join(number.replace(" ", "\N{NO-BREAK SPACE}", 1) for number in numbers)

    def status_items(
        self,
        status: LiveStatus,
        muscles: tuple[MusclePair, ...],
        to_screen_ms: float = math.nan,
    ) -> tuple[tuple[str, str, str], ...]:
        """Return the status line as (key, name, text), always the same items in the same order."""
        text = self.text
        is_live = status.link == "live"
        link = text(f"status.{status.link}") if f"status.{status.link}" in text else status.link
        latency, screen = (
            text("status.milliseconds", n=round(ms)) if math.isfinite(ms) else DASH
            for ms in (status.latency_ms, to_screen_ms)
        )
        battery = text.percent(status.battery_pct / 100) if status.battery_pct >= 0 else DASH
        values = {
            "link": link,
            "elapsed": clock(status.elapsed_s),
            "loss": text.percent(status.loss_pct / 100, 2),
            "latency": latency,
            "screen": screen,
            "battery": battery,
            "radio": text(f"status.{status.radio}") if status.radio and is_live else DASH,
            "contacts": self.contacts(status, muscles),
        }
        return tuple((key, text(f"status.{key}"), value) for key, value in values.items())

    def contacts(self, status: LiveStatus, muscles: tuple[MusclePair, ...]) -> str:
        """Return which electrodes are loose."""
        loose = [
            self.channel_name(i, muscles) for i, is_off in enumerate(status.lead_off) if is_off
        ]
        if len(loose) > NAMED_AT_MOST:
            return self.text("status.loose_many", n=len(loose))
        return (
            self.text("status.loose", names=", ".join(loose))
            if loose
            else self.text("status.all_hold")
        )
