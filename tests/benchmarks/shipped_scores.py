"""How correct movements score with the shipped numbers. One seeded command prints it.

    .venv/bin/python tests/benchmarks/shipped_scores.py            eight faces a stage, 2 minutes
    .venv/bin/python tests/benchmarks/shipped_scores.py --faces 2            a short one

The made-up patient does what set-up and the first retraining of the shipped day ask for, 0.15 s
late, and nothing else: no guard joins in. Its signal has what a face has (bursts of motor units,
slow fluctuation, crosstalk, mains, noise), goes through the session's own analysis, and is judged
hop by hop by the engine. In the synkinesis stage each side is asked for a share of its own
comfortable movement; in paresis both for one of the unaffected side's, which a face of about equal
sides does right.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median
from typing import Any, Literal

ROOT = Path(__file__).parents[2]
for folder in ("host/src", "dsp", "firmware/lib"):
    sys.path.insert(0, str(ROOT / folder))

from faceloop.session.analysis import Analysis  # noqa: E402  (needs the path above)
from faceloop.session.montage import montage_named  # noqa: E402
from faceloop.tasks.made_up_patient import MadeUpPatient  # noqa: E402
from faceloop.training.day_log import MemoryLog  # noqa: E402
from faceloop.training.day_position import DayContext  # noqa: E402
from faceloop.training.engine import DayEngine  # noqa: E402
from faceloop.training.hop import HOP_FRAMES, hops_of  # noqa: E402
from faceloop.training.programme_file import shipped_programme  # noqa: E402
from faceloop.training.setup import SetUp  # noqa: E402
from faceloop.training.stage import StageLock  # noqa: E402
from faceloop.twin.sources.patient import PatientSource  # noqa: E402
from faceloop.twin.sources.source import FS_HZ, LSB_UV  # noqa: E402

MONTAGE = montage_named("guarded8")
FACES: dict[Literal["synkinesis", "paresis"], str] = {
    "synkinesis": "synkinesis",
    "paresis": "smile",
}
"""Stage, and the made-up face that does its movements right."""
STEADY_S = 4.0  # the mains canceller has learnt the line


class Face:
    """A made-up patient at the session's analysis; its clock is its signal's."""

    def __init__(self, scenario: str, seed: int) -> None:
        self.heat: Any = None
        self.listener: SetUp | DayEngine | None = None
        self._n_frames = 0
        self._source = PatientSource(scenario, seed=seed)
        self._analysis = Analysis(MONTAGE, "left", fs_hz=FS_HZ, lsb_uv=LSB_UV, converter="ads1298")
        self._patient = MadeUpPatient(self, self._tell, (0.0,))

    def clock(self) -> float:
        """Return the seconds since it began."""
        return self._n_frames / FS_HZ

    async def _tell(self, op: str, **request: Any) -> None:
        if op == "attend":
            self._source.attend(is_on=request["on"])
        else:
            self._source.perform(request)

    async def live(self, until: Any, longest_s: float = 1800.0) -> None:
        """Let it live until something is true."""
        end_s = self.clock() + longest_s
        while not until():
            assert self.clock() < end_s, "it does not end"
            counts = self._source.read(HOP_FRAMES)
            self._n_frames += HOP_FRAMES
            block = self._analysis.push(counts, 0, self.clock())
            for hop in hops_of(block, MONTAGE, unfit=self._analysis.unfit):
                if self.listener is not None:
                    self.listener.feed(hop, self.clock())
            if self._n_frames % (2 * HOP_FRAMES) == 0:
                await self._patient.look()


async def retrained(stage: Literal["synkinesis", "paresis"], seed: int) -> list[dict[str, Any]]:
    """Return the records of a face's first retraining block, after a set-up of its own."""
    face = Face(FACES[stage], seed)
    await face.live(lambda: face.clock() >= STEADY_S)
    setup = SetUp(MONTAGE, "left", face.clock(), utc_now=lambda: "")
    face.listener = setup
    await face.live(lambda: setup.is_done)
    log = MemoryLog()
    context = DayContext("made_up", "left", MONTAGE, StageLock(stage), setup.references)
    engine = DayEngine(shipped_programme(stage), context, log)
    engine.start(face.clock())

    def kind() -> str:
        block = engine.view(face.clock()).block
        return "" if block is None else block.name

    while kind() != "retraining":
        engine.skip_block(face.clock())
    face.listener = engine
    await face.live(lambda: kind() != "retraining")
    return [record for record in log.records if record["kind"] == "trial"]


def told(stage: str, trials: list[dict[str, Any]]) -> Iterator[str]:
    """Return the lines about a stage's repetitions."""
    scores = sorted(trial["score"] for trial in trials if not trial["reason"])
    tenth = scores[len(scores) // 10]
    clean = fmean(trial["is_clean"] for trial in trials)
    yield (
        f"{stage}: {len(trials)} repetitions, {len(scores)} scored; score median "
        f"{median(scores):.0f}, tenth percentile {tenth:.0f}, least {scores[0]:.0f}; "
        f"clean {clean:.0%}"
    )
    for part in ("in_band", "guard_quiet", "together", "smooth"):
        values = sorted(trial[part] for trial in trials if not trial["reason"])
        tenth = values[len(values) // 10]
        yield f"  {part}: median {median(values):.2f}, tenth percentile {tenth:.2f}"
    for movement in dict.fromkeys(trial["movement"] for trial in trials):
        own = [trial for trial in trials if trial["movement"] == movement]
        yield (
            f"  {movement}: clean {sum(trial['is_clean'] for trial in own)} of {len(own)}, "
            f"a guard joined in in {sum(trial['n_synkinesis'] > 0 for trial in own)}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=8)
    arguments = parser.parse_args()
    for stage in FACES:
        trials = []
        for seed in range(1, arguments.faces + 1):
            trials += asyncio.run(retrained(stage, seed))
        print("\n".join(told(stage, trials)), flush=True)


if __name__ == "__main__":
    main()
