"""A run of traffic, read from what `simulate.py run --format json` has printed."""

import json
import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hdrh.histogram import HdrHistogram

from toolkit.console import UserError

# The members of a line that are used here. Its latencies are a histogram of HdrHistogram's own form.
FIGURES = ("run", "operation", "elapsed", "seconds", "ops", "errors", "retries", "latencies")
MOST_STEPS = 60  # so many points in time are drawn at most; a longer run is drawn in steps of several seconds
# As simulation/traffic/measures.py has them: microseconds up to an hour, at 1 %.
SHORTEST, LONGEST, DIGITS = 1, 3_600_000_000, 2


@dataclass
class Measured:
    """What was measured of one operation, or of all, in a step of a run."""

    ops: int = 0
    errors: int = 0
    retries: int = 0
    latencies: Any = field(default_factory=lambda: HdrHistogram(SHORTEST, LONGEST, DIGITS))

    def add(self, other: "Measured") -> None:
        self.ops += other.ops
        self.errors += other.errors
        self.retries += other.retries
        self.latencies.add(other.latencies)

    def percentile(self, percent: float) -> float | None:
        """Return a latency in milliseconds; None if nothing was measured."""
        return float(self.latencies.get_value_at_percentile(percent)) / 1000 if self.ops else None


class Span(NamedTuple):
    """A step of a run: when it begins and ends, in seconds from the run's beginning."""

    begin: float
    end: float


@dataclass(frozen=True)
class Run:
    """mark: what the run calls itself. spans: its steps, one after the other.

    steps: of each operation what was measured in each step. In a step that has nothing of an operation none succeeded
    and none failed: everybody was waiting.
    """

    mark: str
    spans: list[Span]
    steps: dict[str, list[Measured]]

    @property
    def seconds(self) -> float:
        return self.spans[-1].end

    @property
    def together(self) -> list[Measured]:
        """All operations together, in each step."""
        return [total(measured) for measured in zip(*self.steps.values(), strict=True)]

    def rate(self, step: int, ops: int) -> float:
        """Return so many operations of a step as operations a second."""
        return ops / (self.spans[step].end - self.spans[step].begin)


def total(measured: Any) -> Measured:
    together = Measured()
    for one in measured:
        together.add(one)
    return together


def read_run(file: Path) -> Run:
    """Return the run of a file. One that was cut short counts as far as it came.

    Raises UserError if the file cannot be read, or holds no run.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    entries = list(_entries(text, file))
    if not entries:
        raise UserError(f"{file}: holds no run of `simulate.py run --format json`")
    seconds = {float(entry["elapsed"]): float(entry["seconds"]) for entry in entries}
    spans = _spans(seconds)
    ends = [span.end for span in spans]
    steps: dict[str, list[Measured]] = {str(entry["operation"]): [] for entry in entries}
    for operation in sorted(steps):
        steps[operation] = [Measured() for _ in spans]
    for entry in entries:
        latencies = HdrHistogram.decode(entry["latencies"])
        measured = Measured(int(entry["ops"]), int(entry["errors"]), int(entry["retries"]), latencies)
        steps[str(entry["operation"])][bisect_left(ends, float(entry["elapsed"]))].add(measured)
    return Run(str(entries[0]["run"]), spans, dict(sorted(steps.items())))


def _entries(text: str, file: Path) -> Iterator[dict[str, Any]]:
    """Yield what was measured each second: a line for each operation of which something was."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            if entry["kind"] == "second":
                HdrHistogram.decode(entry["latencies"])
                yield {name: entry[name] for name in FIGURES}
        except Exception as error:  # also those of the library that decodes, which are of any kind
            if number == len(lines) and not line.endswith("\n"):
                return  # it was cut short while the line was written
            raise UserError(f"{file}, line {number}: is not of `simulate.py run --format json`") from error


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
