"""A day of training: leads through its blocks, listens, stores at once what was done.

Nothing in here knows a screen, a radio or a clock: time and signal are given to it. Time stands
still in a pause. Every change is appended to the day's log before it is shown, so that a day that
is killed at any moment goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from faceloop.training.blocks import (
    LEFT_OUT_SAID,
    block_title,
    is_due,
    left_out_message,
    left_out_reason,
    needs_signal,
    steps_of,
)
from faceloop.training.day_log import RecordSink, utc_text
from faceloop.training.day_position import FORMAT, DayContext, DayPosition
from faceloop.training.day_view import BlockView, DayState, DayView, LastTrial, StepView
from faceloop.training.feedback import Cue, contact_cue, trial_feedback
from faceloop.training.hop import Hop
from faceloop.training.message import Message, message
from faceloop.training.new_step import new_step, tell_joining_in
from faceloop.training.outputs import HeatReport, NoOutputs, Outputs
from faceloop.training.programme import BlockSpec, Programme
from faceloop.training.ratings import checked_rating
from faceloop.training.references import References
from faceloop.training.results import trial_word
from faceloop.training.retraining import Retraining
from faceloop.training.steps import (
    FunctionStep,
    HeatStep,
    RatingStep,
    Step,
    StepSpec,
    TrialStep,
    repetitions,
)

__all__ = ["DayEngine"]

MOST_DIARY_CHARACTERS = 280


class DayEngine:
    """One day.

    Parameters
    ----------
    programme : Programme
    context : DayContext
    sink : RecordSink
        Gets every record at once. What it raises leaves the engine as it was before the step.
    outputs : Outputs, optional
    utc_now : callable, optional
        Time of day for the records, ISO 8601.
    """

    def __init__(
        self,
        programme: Programme,
        context: DayContext,
        sink: RecordSink,
        outputs: Outputs | None = None,
        utc_now: Callable[[], str] = utc_text,
    ) -> None:
        self.programme = programme
        self.context = context
        self.state: DayState = "ready"
        self._sink = sink
        self._outputs: Outputs = outputs or NoOutputs()
        self._utc_now = utc_now
        self._retraining = Retraining(context, programme)
        self._offset_s = 0.0  # engine's time = given time - this
        self._last_t_s = 0.0  # engine's time; stands still in a pause
        self._block = -1
        self._steps: tuple[StepSpec, ...] = ()
        self._repetitions: tuple[tuple[int, int], ...] = ()  # one for each step
        self._planned_s = programme.planned_s
        self._block_views: dict[int, BlockView] = {}
        self._at = 0
        self._step: Step | None = None
        self._heat = HeatReport(is_on=False)
        self._is_exercise = False
        self._is_trial_stored = False
        self._last_trial: LastTrial | None = None
        self._notices: tuple[Message, ...] = ()
        self._restore_to: tuple[int, int, bool] | None = None

    @classmethod
    def restored(
        cls,
        records: Iterable[dict[str, Any]],
        sink: RecordSink,
        outputs: Outputs | None = None,
        utc_now: Callable[[], str] = utc_text,
    ) -> DayEngine:
        """Return a day that goes on where its records end: paused, or done if it was over.

        Raises
        ------
        StorageError
            If the records cannot be read.
        """
        position = DayPosition.of(records)
        engine = cls(position.programme, position.context, sink, outputs, utc_now)
        engine._last_t_s = position.t_s
        engine._retraining.replay(position.trials)
        engine.state = "done" if position.is_over else "paused"
        engine._block = position.block
        engine._restore_to = (position.block, position.step, position.is_block_begun)
        return engine

    # -- what the patient does ------------------------------------------------------------------

    def start(self, now_s: float) -> None:
        """Begin the day; nothing when it has begun."""
        if self.state != "ready":
            return
        self._store(
            "day",
            format=FORMAT,
            programme=self.programme.model_dump(mode="json"),
            context=self.context.to_json(),
            planned_s=round(self.programme.planned_s, 1),
        )
        self._offset_s = now_s
        self.state = "running"
        self._begin_block(0, 0.0)

    def pause(self, now_s: float) -> None:
        """Stand still at once; a movement in progress is begun again afterwards."""
        if self.state != "running":
            return
        self.tick(now_s)
        if self.state != "running":
            return
        t_s = self._t(now_s)
        is_moving = isinstance(self._step, TrialStep) and not self._is_trial_stored
        if is_moving:
            self._end_step("interrupted", t_s)
        self._store("pause")
        self.state = "paused"
        self._tell_exercise()
        self._outputs.end_heat("pause")

    def resume(self, now_s: float) -> None:
        """Go on after a pause, also after that of a restored day."""
        if self.state != "paused":
            return
        self._offset_s = now_s - self._last_t_s
        self.state = "running"
        self._store("resume")
        if self._restore_to is not None:
            block, step, is_begun = self._restore_to
            self._restore_to = None
            self._begin_block(block, self._last_t_s, step, is_begun=is_begun)
            return
        self._tell_exercise()
        if self._step is None:
            self._begin_step(self._at, self._last_t_s)
        elif isinstance(self._step, HeatStep):  # the pause has ended heat
            self._outputs.ask_heat(self._step.request)

    def repeat(self, now_s: float) -> None:
        """Do the current step again; in the rest after a movement, that movement."""
        self._leave_pause(now_s)
        if self.state == "running" and self._block >= 0:
            self._end_step("done" if self._is_trial_stored else "repeated", self._t(now_s))
            self._begin_step(self._at, self._t(now_s))

    def skip_step(self, now_s: float) -> None:
        """Go on to the next step."""
        self._leave_pause(now_s)
        if self.state == "running":
            self._end_step("done" if self._is_trial_stored else "skipped", self._t(now_s))
            self._begin_step(self._at + 1, self._t(now_s))

    def skip_block(self, now_s: float) -> None:
        """Go on to the next block."""
        self._leave_pause(now_s)
        if self.state == "running":
            self._end_step("done" if self._is_trial_stored else "skipped", self._t(now_s))
            self._end_block("skipped", self._t(now_s))

    def close(self, now_s: float) -> None:
        """End the day here; what was done stays done. Also for a restored day."""
        if self.state in ("running", "paused"):
            t_s = self._t(now_s)
            if self.state == "running":
                self._end_step("done" if self._is_trial_stored else "interrupted", t_s)
            self._end_day("closed", t_s)

    def rate(self, name: str, rating: int, now_s: float) -> None:
        """Store one of the patient's own ratings, 0 to 10; see ``ratings``.

        Raises
        ------
        UsageError
            If there is no such rating, or the number is out of range.
        """
        t_s = self._t(now_s)
        block = self._current_block()
        self._store(
            "rating",
            name=name,
            rating=checked_rating(name, rating),
            block="" if block is None else block.name,
        )
        step = self._step
        if self.state == "running" and isinstance(step, RatingStep) and step.name == name:
            step.note(rating)
            self._finish_step(t_s)

    def note_diary(self, text: str) -> None:
        """Store the diary's line of the day; what is too long is cut."""
        self._store("diary", text=text.strip()[:MOST_DIARY_CHARACTERS])

    def set_references(self, references: References) -> None:
        """Take new references of the wearer, from here on."""
        if self.state != "ready":  # else they are part of how the day begins
            self._store("references", references=references.to_json())
        self.context = DayContext.from_json(
            {**self.context.to_json(), "references": references.to_json()}
        )
        self._retraining.context = self.context

    def note_recording(self, session_id: str) -> None:
        """Store that the signal of what follows is in this session's recording."""
        self._store("recording", session=session_id)

    # -- what comes in --------------------------------------------------------------------------

    def tick(self, now_s: float) -> None:
        """Let time pass; call it several times a second, also without a signal."""
        if self.state != "running":
            return
        t_s = self._t(now_s)
        if self._step is None:
            self._begin_step(self._at, t_s)  # it was held back by heat
        while self.state == "running" and self._step is not None:
            self._step.advance(t_s)
            self._note_trial(t_s)
            if not self._step.is_done:
                return
            self._finish_step(t_s)

    def feed(self, hop: Hop, now_s: float) -> None:
        """Take the next hop of the signal, every 10 ms."""
        self.tick(now_s)
        if self.state != "running" or self._step is None:
            return
        t_s = self._t(now_s)
        self._step.feed(hop, t_s)
        tell_joining_in(self._step, self._outputs)
        self._note_trial(t_s)
        if self._step.is_done:
            self._finish_step(t_s)

    def note_heat(self, report: HeatReport) -> None:
        """Take what is known of the heat pad."""
        self._heat = report
        if isinstance(self._step, HeatStep):
            self._step.note(report)

    # -- what it shows --------------------------------------------------------------------------

    def view(self, now_s: float) -> DayView:
        """Return what a page shows now."""
        t_s = self._t(now_s)
        block = self._current_block()
        step, feedback, cue = None, None, None
        if block is not None and self._at < len(self._steps):
            step = self._step_view(t_s)
        if isinstance(self._step, TrialStep):
            labels = self.context.montage.labels
            feedback = trial_feedback(self._step.trial, t_s, self.context.affected_side, labels)
            cue = feedback.cue
        elif isinstance(self._step, FunctionStep) and self._step.bad_channel >= 0:
            label = self.context.montage.labels[self._step.bad_channel]
            cue = contact_cue(label, self._step.bad_reason)
        elif isinstance(self._step, FunctionStep) and self._step.verdict.muscle:
            muscle = message(f"train.muscle.{self._step.verdict.muscle}")
            cue = Cue("synkinesis", message("train.cue.synkinesis", muscle=muscle))
        return DayView(
            state=self.state,
            block=None if block is None else self._block_view(block),
            step=step,
            feedback=feedback,
            cue=cue,
            last_trial=self._last_trial,
            notices=self._notices_now(t_s),
            active_s=t_s,
            planned_s=self._planned_s,
        )

    def _current_block(self) -> BlockSpec | None:
        if 0 <= self._block < len(self.programme.block) and self.state != "done":
            return self.programme.block[self._block]
        return None

    def _block_view(self, block: BlockSpec) -> BlockView:
        if self._block in self._block_views:
            return self._block_views[self._block]
        since = self.context.days_since
        due = [b.name for b in self.programme.block if is_due(b, since.get(b.name))]
        part = due.index(block.name) + 1  # names differ, and what goes on is due
        view = BlockView(
            self._block, part, len(due), block.name, block.kind, block_title(block.kind)
        )
        self._block_views[self._block] = view
        return view

    def _step_view(self, t_s: float) -> StepView:
        spec = self._steps[self._at]
        repetition, n_repetitions = self._repetitions[self._at]
        trial = self._step.trial if isinstance(self._step, TrialStep) else None
        return StepView(
            index=self._at,
            count=len(self._steps),
            id=spec.id,
            kind=spec.kind,
            title=spec.title,
            instruction=spec.instruction,
            phase=trial.phase if trial is not None else "",
            remaining_s=spec.duration_s if self._step is None else self._step.remaining_s(t_s),
            repetition=repetition,
            repetitions=n_repetitions,
            movement=spec.movement,
            rating=spec.rating,
        )

    def _notices_now(self, t_s: float) -> tuple[Message, ...]:
        if self._is_held_by_heat():
            return (message("train.notice.heat_ends"),)
        if isinstance(self._step, HeatStep) and self._step.is_skin_check(t_s):
            return (message("train.notice.skin_check"),)
        is_unwatched = isinstance(self._step, FunctionStep) and not self._step.has_alerts
        if not self._notices and is_unwatched:
            return (message("train.notice.no_alerts_without_jaw"),)
        return self._notices

    # -- inside ---------------------------------------------------------------------------------

    def _t(self, now_s: float) -> float:
        if self.state == "running":
            self._last_t_s = now_s - self._offset_s
        return self._last_t_s

    def _store(self, kind: str, /, **content: Any) -> None:
        t_s = round(self._last_t_s, 3)
        self._sink.append({"kind": kind, "t_s": t_s, "utc": self._utc_now(), **content})

    def _leave_pause(self, now_s: float) -> None:
        if self.state == "paused":
            self.resume(now_s)

    def _begin_block(
        self, index: int, t_s: float, step: int = 0, *, is_begun: bool = False
    ) -> None:
        """Begin a block, or the next one that is not left out today."""
        blocks = self.programme.block
        self._last_trial = None
        while index < len(blocks):
            block = blocks[index]
            self._block, self._at, self._step = index, 0, None
            reason = left_out_reason(
                block,
                self.context.lock,
                has_references=self.context.references is not None,
                has_heat=self._outputs.has_heat,
                days_since=self.context.days_since.get(block.name),
            )
            self._steps = (
                () if reason else steps_of(block, self.context.muscles, self.context.lock)
            )
            self._repetitions = repetitions(self._steps)
            if self._steps:
                self._tell_exercise()
                if not is_begun:
                    self._store("block_begin", index=index, block=block.name,
                                   block_kind=block.kind)  # fmt: skip
                    self._outputs.annotate("block", block.name)
                self._begin_step(step, t_s)
                return
            reason = reason or "no_electrodes"
            self._store("block_end", index=index, block=block.name, block_kind=block.kind,
                           outcome="left_out", reason=reason)  # fmt: skip
            if reason in LEFT_OUT_SAID:
                self._notices += (left_out_message(reason, block.kind),)
            index, step, is_begun = index + 1, 0, False
        self._end_day("done", t_s)

    def _tell_exercise(self) -> None:
        """Tell when movements begin and end: no heat meanwhile."""
        block = self._current_block()
        is_exercise = self.state == "running" and block is not None and needs_signal(block)
        if is_exercise != self._is_exercise:
            self._is_exercise = is_exercise
            (self._outputs.begin_exercise if is_exercise else self._outputs.end_exercise)()

    def _begin_step(self, at: int, t_s: float) -> None:
        is_next = at == self._at + 1 and self._is_after_trial()
        self._at, self._is_trial_stored, self._step = at, False, None
        if at >= len(self._steps):
            self._end_block("done", t_s)
            return
        if self._is_held_by_heat():
            return
        spec = self._steps[at]
        block = self.programme.block[self._block]
        self._step = new_step(
            spec, block, self.programme.alert, self.context, self._retraining, t_s, is_next=is_next
        )
        if isinstance(self._step, HeatStep):
            self._outputs.ask_heat(self._step.request)

    def _is_after_trial(self) -> bool:
        return isinstance(self._step, TrialStep) and self._step.is_done

    def _is_held_by_heat(self) -> bool:
        """Whether a movement would begin now, but the pad is not off yet."""
        block = self._current_block()
        return block is not None and needs_signal(block) and self._heat.is_on

    def _note_trial(self, t_s: float) -> None:
        """Store a repetition as soon as its movement is over."""
        step = self._step
        if not isinstance(step, TrialStep):
            return
        if step.trial.phase == "rise":
            self._last_trial = None
        if step.trial.quality is None or self._is_trial_stored:
            return
        block = self.programme.block[self._block]
        record = step.trial.record()
        self._store("trial", block=block.name, step=self._at, **record.to_json())
        self._is_trial_stored = True
        change = self._retraining.note(block.name, record)
        self._last_trial = LastTrial(
            record.movement,
            record.quality,
            record.is_clean,
            record.n_synkinesis,
            change,
            trial_word(record),
        )
        self._outputs.annotate("trial", record.movement)

    def _finish_step(self, t_s: float) -> None:
        assert self._step is not None
        failure = self._step.failure
        self._end_step("done", t_s)
        if failure:
            self._end_block("left_out", t_s, failure)
        else:
            self._begin_step(self._at + 1, t_s)

    def _end_step(self, outcome: str, t_s: float) -> None:
        if self._at >= len(self._steps):
            return
        if isinstance(self._step, HeatStep) and outcome != "done":
            self._outputs.end_heat(outcome)
        record = {} if self._step is None else self._step.record()
        record.pop("trial", None)  # stored already
        if isinstance(self._step, TrialStep) and self._step.trial.quality is not None:
            trial = self._step.trial.record()
            record = {"rest_s": round(trial.rest_s, 2), "came_to_rest": trial.came_to_rest}
        block = self.programme.block[self._block]
        self._store("step", block=block.name, step=self._at, id=self._steps[self._at].id,
                       outcome=outcome, **record)  # fmt: skip
        if outcome != "done":
            self._step = None

    def _end_block(self, outcome: str, t_s: float, reason: str = "") -> None:
        block = self.programme.block[self._block]
        self._store("block_end", index=self._block, block=block.name,
                       block_kind=block.kind, outcome=outcome, reason=reason)  # fmt: skip
        self._step = None
        is_left_out = outcome == "left_out"
        self._notices = (left_out_message(reason, block.kind),) if is_left_out else ()
        self._begin_block(self._block + 1, t_s)
        self._outputs.vibrate("phase" if self.state == "running" else "done")

    def _end_day(self, outcome: str, t_s: float) -> None:
        self._store("day_end", outcome=outcome, goals=self._retraining.goals())
        self.state, self._step = "done", None
        self._tell_exercise()
        self._outputs.end_heat("day_end")
        self._outputs.annotate("day_end", outcome)
