"""Every sentence the web app shows, and the rules that choose between them.

The reader may be tired, in pain, and ashamed of their face: calm, plain, short, and no side is
ever called the normal one.
"""

from __future__ import annotations

import math

from faceloop.session.live import LiveEvent, LiveStatus, MusclePair

__all__ = [
    "alert_sentence",
    "anatomical_name",
    "channel_name",
    "clock",
    "guard_channel",
    "muscle_name",
    "now_sentence",
    "recordings_sentence",
    "status_items",
    "symmetry_percent",
    "symmetry_sentence",
]

NOT_A_DEVICE = (
    "faceloop is not a certified medical device, does not diagnose, "
    "and its thresholds come from small studies."
)
EVIDENCE = (
    "Supervised facial retraining with feedback is the recommended first-line treatment for "
    "synkinesis (expert consensus). Small trials and cohorts report better symmetry and less "
    "synkinesis; EMG feedback has not been shown to beat mirror feedback."
)
STROKE_TITLE = "Is the droop in your face new? Call the emergency number now."
STROKE = (
    "A new droop of the face is an emergency: it can be a stroke. "
    "Do not wait to see if it passes, and do not train."
)
STROKE_NUMBERS = " · ".join(
    number.replace(" ", "\N{NO-BREAK SPACE}")
    for number in ("112 in Europe", "911 in the USA and Canada", "999 in the UK")
)
START_HINT = "Stop at any time. If something hurts, stop and rest."

REST_FIRST = "Rest your face for a few seconds."
REST_FIRST_WHY = "Eyes open, lips closed, jaw loose. faceloop learns what calm looks like for you."
ALL_WELL = "Small and slow."
ALL_WELL_WHY = "Both sides start together and let go together. Less effort is better."
CONNECTING = "Looking for your board."
CONNECTING_WHY = "Switch it on and keep it close."
LOST = "The board is out of reach."
LOST_WHY = "What was recorded is safe. Trying again."
ENDED = "The session has ended."
ENDED_WHY = "Well done for taking the time. You can close this window."
RECORDING = "Recording"
SAVED = "Recording saved"
BUSY_START = "Starting the recording."
BUSY_STOP = "Saving the recording."
BUSY_END = "Ending the session."
BUSY_WHY = "One moment, please."
SERVER_GONE = (
    "faceloop no longer runs on this computer. What was recorded is safe. "
    "To go on, start faceloop again and open its new page."
)
LEGEND = (
    ("rest", "your rest"),
    ("onset", "a muscle began"),
    ("cue", "a quiet muscle joined in"),
)
MIRROR = "Left and right are as in a mirror."
SOUND_CAPTION = "Sound: two soft falling tones."

# Plain word for each muscle that a montage may hold; what a person would point at.
_PLAIN = {
    "corrugator": "Brow",
    "depressor_anguli_oris": "Mouth corner",
    "frontalis": "Forehead",
    "levator_labii_superioris": "Upper lip",
    "masseter": "Jaw",
    "mentalis": "Chin",
    "orbicularis_oculi": "Eye",
    "orbicularis_oris": "Lips",
    "platysma": "Neck",
    "zygomaticus": "Smile",
    "zygomaticus_major": "Smile",
}

# As they stand in a sentence, where that differs from the heading.
_NOUNS = {"zygomaticus": "smile muscle", "zygomaticus_major": "smile muscle"}
# The second half of a pair's name: the muscle that should have stayed quiet.
_GUARDS = {"eye": "orbicularis_oculi", "mouth": "zygomaticus_major"}

# Healthy faces are not even: min/max of the sides is 0.74-0.82 on average over three muscles and
# two SDs below that 0.36-0.53 (Kim et al. 2018, 154 healthy adults). So "alike" begins at the
# healthy average and "clearly" at the edge of the healthy range; one pair serves all muscles.
EVEN_FROM = 0.75
SLIGHT_FROM = 0.50


def anatomical_name(muscle: str) -> str:
    """Return the anatomical name for reading, for example ``zygomaticus major``."""
    return muscle.replace("_", " ")


def muscle_name(muscle: str) -> str:
    """Return the plain name of a muscle, for example ``Smile``."""
    return _PLAIN.get(muscle, anatomical_name(muscle).capitalize())


def channel_name(channel: int, muscles: tuple[MusclePair, ...]) -> str:
    """Return a channel's plain name with its side, for example ``left eye``."""
    for pair in muscles:
        if channel == pair.left:
            return f"left {_noun(pair.muscle)}"
        if channel == pair.right:
            return f"right {_noun(pair.muscle)}"
    return f"channel {channel + 1}"


def _noun(muscle: str) -> str:
    return _NOUNS.get(muscle, muscle_name(muscle).lower())


def symmetry_percent(ratio: float) -> str:
    """Return the symmetry ratio (0-1) as it stands on the screen; a dash when both sides rest."""
    return f"{round(100 * ratio)} %" if math.isfinite(ratio) else "–"


def symmetry_sentence(ratio: float, left_uv: float, right_uv: float) -> str:
    """Return the symmetry of one muscle in words.

    Parameters
    ----------
    ratio : float
        min/max of both sides, 0-1; NaN when both rest.
    left_uv, right_uv : float
        Envelope of each side in microvolts; only their order counts.
    """
    if not math.isfinite(ratio):
        return "At rest"
    if ratio >= EVEN_FROM:
        return "Both sides alike"
    side = "Left" if left_uv > right_uv else "Right"
    return f"{side} a little more" if ratio >= SLIGHT_FROM else f"{side} clearly more"


def overall_sentence(ratio: float) -> str:
    """Return the symmetry over all trained muscles (0-1, NaN at rest) in words."""
    if not math.isfinite(ratio):
        return "At rest"
    if ratio >= EVEN_FROM:
        return "Both sides alike"
    return "A little uneven" if ratio >= SLIGHT_FROM else "Uneven"


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


def alert_sentence(event: LiveEvent, muscles: tuple[MusclePair, ...]) -> str:
    """Return what an alert says; the session's own words win."""
    if event.text:
        return event.text
    for pair in muscles:
        if event.channel in (pair.left, pair.right):
            side = "left" if event.channel == pair.left else "right"
            return f"Your {_noun(pair.muscle)} joined in on the {side}. Let it soften."
    guard = _GUARDS.get(event.pair.rpartition("_to_")[2])
    return f"Your {_noun(guard) if guard else 'quiet muscle'} joined in. Let it soften."


def now_sentence(status: LiveStatus, is_calibrated: bool) -> tuple[str, str]:
    """Return what to do now: one line, and one smaller line beneath it (may be empty)."""
    if status.link == "ended":
        return ENDED, ENDED_WHY
    if status.link == "lost":
        return LOST, LOST_WHY
    if status.link == "connecting":
        return CONNECTING, status.message or CONNECTING_WHY
    if status.message:
        return status.message, ""
    if not is_calibrated:
        return REST_FIRST, REST_FIRST_WHY
    return ALL_WELL, ALL_WELL_WHY


def recordings_sentence(n_recordings: int) -> str:
    """Return what the list of a session's recordings begins with."""
    if n_recordings == 0:
        return "Nothing was recorded."
    return "Your recording is here:" if n_recordings == 1 else "Your recordings are here:"


def clock(seconds: float) -> str:
    """Return a duration as ``m:ss`` or ``h:mm:ss``."""
    total_s = max(0, int(seconds))
    hours, rest_s = divmod(total_s, 3600)
    minutes, left_s = divmod(rest_s, 60)
    return f"{hours}:{minutes:02d}:{left_s:02d}" if hours else f"{minutes}:{left_s:02d}"


def status_items(
    status: LiveStatus, muscles: tuple[MusclePair, ...]
) -> tuple[tuple[str, str, str], ...]:
    """Return the status line as (key, name, text), always the same items in the same order."""
    link = {
        "connecting": "connecting",
        "live": "connected",
        "lost": "out of reach, trying again",
        "ended": "ended",
    }.get(status.link, status.link)
    loose = [channel_name(i, muscles) for i, is_off in enumerate(status.lead_off) if is_off]
    if len(loose) > 3:
        contacts = f"{len(loose)} loose"
    else:
        contacts = f"loose: {', '.join(loose)}" if loose else "all hold"
    latency = f"{status.latency_ms:.0f} ms" if math.isfinite(status.latency_ms) else "–"
    battery = f"{status.battery_pct} %" if status.battery_pct >= 0 else "–"
    return (
        ("link", "Board", link),
        ("elapsed", "Signal", clock(status.elapsed_s)),
        ("loss", "Missing", f"{status.loss_pct:.2f} %"),
        ("latency", "Delay", latency),
        ("battery", "Battery", battery),
        ("contacts", "Electrodes", contacts),
    )
