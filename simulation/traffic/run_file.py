"""What `simulate.py run --format json` has printed, read again: the one reader of a run's measurements."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hdrh.histogram import HdrHistogram

from simulation.traffic.measurements import (
    COUNTS,
    PERCENTILES,
    UNSTARTED,
    Measurement,
    Measurements,
    in_all,
    latency,
)
from simulation.traffic.recorder import Silence
from toolkit.console import UserError
from toolkit.text_files import read_text

__all__ = [
    "PERCENTILES",
    "UNSTARTED",
    "MeasuredRun",
    "Measurement",
    "Measurements",
    "Second",
    "Silence",
    "in_all",
    "latency",
    "read_runs",
]

WHAT = "`simulate.py run --format json`"
AND = "+"  # between the ids of runs that were merged
MISSING = "missing"  # the verdict on a client whose file ends before it
WORST_FIRST = ("off", "not made", MISSING, "not proved", "proved in part", "proved")


class Second(NamedTuple):
    """What was measured of one operation in about a second.

    elapsed: when that second ended, from the run's beginning. seconds: how long it was.
    """

    operation: str
    elapsed: float
    seconds: float
    measurement: Measurement


@dataclass
class MeasuredRun:
    """A run as its lines tell it.

    file: where they stand. facts: what was run, and where, by the names that simulation/traffic/facts.py gives. proof:
    a line for each checker. verdicts, thresholds: as they were judged; where runs were merged each line names its
    client. elapsed: how many seconds it went on. has_ended: else it was cut off, or goes on.
    """

    run_id: str
    file: Path
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: list[Second] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    proof: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    thresholds: list[dict[str, Any]] = field(default_factory=list)
    elapsed: float = 0.0
    has_ended: bool = False

    @property
    def measurements(self) -> Measurements:
        """What was measured in all of the run, by operation."""
        measurements: Measurements = {}
        for second in self.seconds:
            measurements.setdefault(second.operation, Measurement()).add(second.measurement)
        return dict(sorted(measurements.items()))

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict of its proof, or the worst of its clients'; nothing if there is none."""
        return min(self.verdicts, key=lambda one: WORST_FIRST.index(one["verdict"]), default={})

    @property
    def clients(self) -> list[str]:
        """The ids of the runs that were merged into this one, or its own."""
        return self.run_id.split(AND)


def read_runs(files: Iterable[Path]) -> list[MeasuredRun]:
    """Return the runs of some files, in their order. One that was cut off counts as far as it came.

    Raises UserError if a file cannot be read or holds no run, or if a run is there twice: it would count twice.
    """
    found: list[MeasuredRun] = []
    for file in files:
        runs = _runs_of(file)
        if not runs:
            raise UserError(f"{file}: holds no run of {WHAT}")
        for run in runs:
            for other in found:
                if set(run.clients) & set(other.clients):
                    where = f"{other.file} and {run.file}" if other.file != run.file else f"{run.file}, given twice,"
                    raise UserError(f"run {run.run_id}: {where} hold the same run: give it once")
        found += runs
    return found


def _runs_of(file: Path) -> list[MeasuredRun]:
    """Return the runs of a file of which something was measured."""
    runs: dict[str, MeasuredRun] = {}
    for number, entry in _entries(file):
        try:
            kind = entry["kind"]
            run = runs.setdefault(entry["run"], MeasuredRun(str(entry["run"]), file))
            is_twice = (kind == "run" and bool(run.facts)) or (kind == "end" and run.has_ended)
            _take(run, kind, entry)
        except Exception as error:  # also those of the library that decodes, which are of any kind
            raise UserError(f"{file}, line {number}: is not of {WHAT}") from error
        if is_twice:
            raise UserError(f"{file}, line {number}: run {run.run_id} is there twice: give it once")
    return [run for run in runs.values() if run.seconds or run.has_ended]


def _entries(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the lines of a file with their numbers, but for a last one that was cut off while it was written."""
    lines = read_text(file).splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            if number == len(lines) and not line.endswith("\n"):
                return
            raise UserError(f"{file}, line {number}: is not of {WHAT}") from error
        yield number, entry


def _take(run: MeasuredRun, kind: str, entry: dict[str, Any]) -> None:
    """Add to a run what one of its lines tells."""
    if kind == "second":  # they add up to the totals
        second = Second(
            str(entry["operation"]), float(entry["elapsed"]), float(entry["seconds"]), _measurement_of(entry)
        )
        run.seconds.append(second)
        run.elapsed = max(run.elapsed, second.elapsed)
    elif kind == "run":
        run.facts = {name: value for name, value in entry.items() if name not in ("kind", "run")}
    elif kind == "silence":
        run.silences.append(Silence(float(entry["begin"]), float(entry["end"])))
    elif kind == "end":
        run.elapsed, run.has_ended = float(entry["elapsed"]), True
    elif kind == "proof":
        run.proof.append(entry)
    elif kind == "verdict":
        WORST_FIRST.index(entry["verdict"])  # or it is none
        run.verdicts.append(entry)
    elif kind == "threshold":
        run.thresholds.append(entry)


def _measurement_of(entry: dict[str, Any]) -> Measurement:
    measurement = Measurement()
    measurement.latencies.add(HdrHistogram.decode(entry["latencies"]))
    for name in COUNTS:
        setattr(measurement, name, int(entry[name]))
    return measurement
