"""Group the seconds of a run into the steps of its charts."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from simulation.traffic.run_file import UNSTARTED, MeasuredRun, Measurement, combined, read_runs

MOST_STEPS = 60  # of a chart: in a longer run a step is several seconds


class Span(NamedTuple):
    """The begin and end of a step, in seconds from the beginning of the run."""

    begin: float
    end: float


@dataclass(frozen=True)
class RunInSteps:
    """A run and its steps. whole: the run as it was read.

    spans: begin and end of each step; only the last one may have another length. steps: operation -> its measurement in
    each step.
    """

    whole: MeasuredRun
    spans: list[Span]
    steps: dict[str, list[Measurement]]

    @property
    def together(self) -> list[Measurement]:
        """The measurements of all operations together, in each step."""
        return [combined(measured) for measured in zip(*self.steps.values(), strict=True)]

    def rate(self, step: int, measurement: Measurement) -> float | None:
        """Return the operations a second of a measurement in a step; None if no call ended in it."""
        return measurement.rate(self.spans[step].end - self.spans[step].begin)

    def axis_position(self, moment: float) -> float:
        """Return the position of a moment on the axis, where the ends of the steps are at 0, 1, 2 and so on."""
        size = self.spans[0].end - self.spans[0].begin
        return min(max(moment / size - 1.0, 0.0), len(self.spans) - 1.0)


def runs_in_steps(files: list[Path]) -> list[RunInSteps]:
    """Return the runs of some files. Raises UserError as read_runs() does."""
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
