"""A run of traffic, read from what `simulate.py run --format json` has printed."""

import math
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from simulation.traffic.run_file import Measurement, in_all, read_run_file

MOST_STEPS = 60  # so many points in time are drawn at most; a longer run is drawn in steps of several seconds


class Span(NamedTuple):
    """A step of a run: when it begins and ends, in seconds from the run's beginning."""

    begin: float
    end: float


@dataclass(frozen=True)
class RunInSteps:
    """run_id: what the run calls itself. spans: its steps, one after the other.

    steps: of each operation what was measured in each step. In a step that has nothing of an operation none succeeded
    and none failed: everybody was waiting.
    """

    run_id: str
    spans: list[Span]
    steps: dict[str, list[Measurement]]

    @property
    def seconds(self) -> float:
        return self.spans[-1].end

    @property
    def together(self) -> list[Measurement]:
        """All operations together, in each step."""
        return [in_all(measured) for measured in zip(*self.steps.values(), strict=True)]

    def rate(self, step: int, ops: int) -> float:
        """Return so many operations of a step as operations a second."""
        return ops / (self.spans[step].end - self.spans[step].begin)


def read_run(file: Path) -> RunInSteps:
    """Return the run of a file. One that was cut short counts as far as it came.

    Raises UserError if the file cannot be read, or holds no run.
    """
    seconds = read_run_file(file)
    spans = _spans({second.elapsed: second.seconds for second in seconds})
    ends = [span.end for span in spans]
    steps = {name: [Measurement() for _ in spans] for name in sorted({second.operation for second in seconds})}
    for second in seconds:
        steps[second.operation][bisect_left(ends, second.elapsed)].add(second.measurement)
    return RunInSteps(seconds[0].run_id, spans, steps)


def _spans(seconds: dict[float, float]) -> list[Span]:
    """Return the steps of a run, from when each of its lines ends and how long it lasted.

    Nothing is printed of a time in which no operation ended. That has steps of its own, about a second long.
    """
    spans: list[Span] = []
    last = 0.0
    for end, length in sorted(seconds.items()):
        begin = max(end - length, last)
        silent = round(begin - last)
        spans += [
            Span(last + (begin - last) / silent * i, last + (begin - last) / silent * (i + 1)) for i in range(silent)
        ]
        spans.append(Span(begin if silent else last, end))
        last = end
    size = math.ceil(len(spans) / MOST_STEPS)
    groups = [spans[i : i + size] for i in range(0, len(spans), size)]
    return [Span(group[0].begin, group[-1].end) for group in groups]
