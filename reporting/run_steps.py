"""A run of traffic in steps, as it is drawn."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from simulation.traffic.run_file import UNSTARTED, MeasuredRun, Measurement, combined, read_runs

MOST_STEPS = 60  # so many points in time are drawn at most; a longer run is drawn in steps of several seconds


class Span(NamedTuple):
    """A step of a run: when it begins and ends, in seconds from the run's beginning."""

    begin: float
    end: float


@dataclass(frozen=True)
class RunInSteps:
    """run: as it was read. spans: its steps, one after the other, all of the same length but for the last.

    steps: of each operation what was measured in each step. In a step that has nothing of an operation none ended.
    """

    run: MeasuredRun
    spans: list[Span]
    steps: dict[str, list[Measurement]]

    @property
    def together(self) -> list[Measurement]:
        """All operations together, in each step."""
        return [combined(measured) for measured in zip(*self.steps.values(), strict=True)]

    def rate(self, step: int, one: Measurement) -> float | None:
        """Return the operations a second of a step; None if none ended in it."""
        return one.ops / (self.spans[step].end - self.spans[step].begin) if one.attempts else None

    def place(self, moment: float) -> float:
        """Return where a moment lies on the axis, where the steps are 0, 1, 2 and so on, each named by its end."""
        size = self.spans[0].end - self.spans[0].begin
        return min(max(moment / size - 1.0, 0.0), len(self.spans) - 1.0)


def runs_in_steps(files: list[Path]) -> list[RunInSteps]:
    """Return the runs of some files. Raises UserError if one cannot be read or holds no run, or for a run twice."""
    return [_in_steps(run) for run in read_runs(files)]


def _in_steps(run: MeasuredRun) -> RunInSteps:
    size = max(1, math.ceil(run.elapsed / MOST_STEPS))
    count = max(1, round(run.elapsed / size))
    spans = [Span(float(i * size), float((i + 1) * size)) for i in range(count)]
    spans[-1] = Span(spans[-1].begin, run.elapsed)
    steps = {name: [Measurement() for _ in spans] for name in run.measurements if name != UNSTARTED}
    for second in run.seconds:
        if second.operation != UNSTARTED:
            middle = int((second.elapsed - second.seconds / 2) / size)
            steps[second.operation][min(middle, count - 1)].add(second.measurement)
    return RunInSteps(run, spans, steps)
