"""Every key that the training may show, with its parameters: what a catalogue has to hold."""

from __future__ import annotations

from collections.abc import Iterator

from faceloop.session.montage import MONTAGES
from faceloop.training.blocks import LEFT_OUT_SAID
from faceloop.training.feedback import CUES
from faceloop.training.monthly import MONTHLY
from faceloop.training.movements import MOVEMENTS
from faceloop.training.programme import FUNCTION_TASKS, RELEASES
from faceloop.training.ratings import RATINGS
from faceloop.training.stage import STAGES
from faceloop_dsp.quality import REASONS

__all__ = ["message_keys"]

BLOCKS = ("settle", "heat", "massage", "retraining", "function", "cool_down")
NOT_SCORED = ("contact", "jaw", "no_signal", "reference")
NOTICES = ("heat_ends", "skin_check", "no_alerts_without_jaw")
TIMED = ("settle.breathing", "settle.body_scan", "cool_down.rest")
CUE_PARAMS = {"synkinesis": ("muscle",)}


def message_keys() -> dict[str, tuple[str, ...]]:
    """Return the names of the parameters of every key; they may be left out of a text."""
    return dict(_keys())


def _keys() -> Iterator[tuple[str, tuple[str, ...]]]:
    for kind in BLOCKS:
        yield f"train.block.{kind}.title", ()
    yield "train.eye_care.title", ()
    yield "train.eye_care.instruction", ()
    for name in TIMED:
        yield f"train.{name}.title", ()
        yield f"train.{name}.instruction", ()
    yield "train.heat.instruction", ("target_degc",)
    for name in RELEASES:
        yield f"train.release.{name}.title", ()
        yield f"train.release.{name}.instruction", ("hold_s",)
    yield "train.release.title", ("release", "n", "of")
    for name in FUNCTION_TASKS:
        yield f"train.function.{name}.title", ()
        yield f"train.function.{name}.instruction", ()
    for name in MOVEMENTS:
        yield f"train.movement.{name}.title", ()
        yield f"train.movement.{name}.instruction", ()
    yield "train.movement.clench.title", ()
    yield "train.relax_first.title", ()
    yield "train.relax_first.instruction", ("quiet_s",)
    yield "train.movement_pause.title", ()
    yield "train.movement_pause.instruction", ("next",)
    yield from _signal_keys()
    yield from _result_keys()
    yield from _set_up_keys()
    for stage in STAGES:
        yield f"train.stage.{stage}.title", ()
    yield "train.stage.locked", ()
    for name in RATINGS:
        yield f"train.rating.{name}.title", ()
    yield "train.rate.title", ("rating",)
    yield "train.rate.more", ()
    yield "train.rate.better", ()
    yield "train.reminder.title", ()
    yield "train.reminder.text", ()
    for kind in MONTHLY:
        yield f"train.reminder.{kind}", ()


def _signal_keys() -> Iterator[tuple[str, tuple[str, ...]]]:
    labels = {label for montage in MONTAGES.values() for label in montage.labels}
    for label in sorted(labels - {"unused"}):
        yield f"train.electrode.{label}", ()
    for muscle in sorted({pair.muscle for m in MONTAGES.values() for pair in m.muscles}):
        yield f"train.muscle.{muscle}", ()
    for cue in CUES:
        if cue != "bad_contact":  # says its reason, as the live signal's page does
            yield f"train.cue.{cue}", CUE_PARAMS.get(cue, ())
    for reason in (*REASONS, "back"):
        yield f"unfit.{reason}", ("place",)
    for name in NOTICES:
        yield f"train.notice.{name}", ()
    for reason in LEFT_OUT_SAID:
        yield f"train.left_out.{reason}", ("block",)


def _result_keys() -> Iterator[tuple[str, tuple[str, ...]]]:
    for reason in NOT_SCORED:
        yield f"train.trial.not_scored.{reason}", ()
    for name in ("clean", "in_band", "together"):
        yield f"train.trial.{name}", ("score",)
    yield "train.trial.synkinesis", ("muscle", "score")
    yield "train.result.time", ("minutes",)
    yield "train.result.clean", ("clean", "of")
    for even in ("even", "uneven"):
        for quiet in ("quiet", "joined"):
            yield f"train.result.{even}_{quiet}", ("symmetry_pct", "synkinesis")
    yield "train.result.unsure", ("low_pct", "high_pct")
    for side in ("weaker", "stronger"):
        yield f"train.result.{side}", ("pct",)
    yield "train.result.overactive", ("n", "of")
    yield "train.result.resting", ("resting_pct",)
    for calm in ("calmer", "as_calm", "less_calm"):
        yield f"train.result.{calm}", ("change_pct",)
    yield "train.result.not_scored", ()
    yield "train.result.skipped", ("blocks",)
    yield "train.result.part", ()
    for symmetry in ("more_even", "as_even", "less_even"):
        for quiet in ("quieter", "as_quiet", "less_quiet"):
            yield f"train.trend.{symmetry}_{quiet}", ("weeks", "symmetry_pct", "synkinesis")
    for resting in ("lower", "same", "higher"):
        yield f"train.trend.resting_{resting}", ("weeks", "resting_pct", "from_pct")
    yield "train.trend.side", ("from_pct", "side_pct")
    yield "train.trend.too_early", ("days",)
    yield "train.streak.days", ("days",)
    yield "train.streak.week", ("days",)
    yield "train.streak.welcome_back", ()
    yield "train.streak.first", ()


def _set_up_keys() -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in ("contact", "rest", "coach", "done", "look"):
        yield f"train.setup.{name}.title", ()
        yield f"train.setup.{name}.instruction", ("seconds",)
    yield "train.setup.contract", ("movement", "n", "of")
    yield "train.setup.relax", ("movement", "n", "of")
    for verdict in ("good", "weak", "off"):
        yield f"train.setup.electrode.{verdict}", ("electrode", "snr_db")
    yield "train.setup.swapped_sides", ("muscle",)
    yield "train.setup.swapped_leads", ("electrode", "other")
    yield "train.setup.no_answer", ("electrode", "movement")
    yield "train.setup.no_answers", ()
    yield "train.setup.rest_restless", ()
