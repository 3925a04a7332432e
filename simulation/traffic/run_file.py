"""Read the JSON lines that `simulate.py run --format json` has printed."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from simulation.traffic.measurements import (
    PERCENTILES,
    UNSTARTED,
    Measurement,
    Measurements,
    combined,
    format_latency,
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
    "combined",
    "format_latency",
    "read_runs",
]

PRINTED_BY = "`simulate.py run --format json`"
ID_SEPARATOR = "+"  # between the ids of runs that were merged
MISSING = "missing"  # the verdict on a client whose file ends before it
WORST_FIRST = ("off", "not made", MISSING, "not proved", "proved in part", "proved")


class Second(NamedTuple):
    """The measurement of one operation in about one second.

    elapsed: seconds from the beginning of the run to the end of this second. seconds: how long it really was.
    """

    operation: str
    elapsed: float
    seconds: float
    measurement: Measurement


@dataclass
class MeasuredRun:
    """A run, as its JSON lines describe it.

    metadata: what was run and where, see run_metadata(). proof: a line for each checker. verdicts, thresholds: lines
    with the results; those of merged runs name the run as `client`. elapsed: seconds. has_ended: False if the run was
    cut off, or is still going on.
    """

    run_id: str
    file: Path
    metadata: dict[str, Any] = field(default_factory=dict)
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
        """The line with the verdict; of merged runs, with the worst one; {} if there is none."""
        return min(self.verdicts, key=lambda line: WORST_FIRST.index(line["verdict"]), default={})

    @property
    def clients(self) -> list[str]:
        """The ids of the runs that were merged into this one, or its own."""
        return self.run_id.split(ID_SEPARATOR)


def read_runs(files: Iterable[Path]) -> list[MeasuredRun]:
    """Return the runs of some files, in their order. Of a run that was cut off, what is there.

    Raises UserError if a file cannot be read or holds no run, and for a run that is there twice.
    """
    found: list[MeasuredRun] = []
    for file in files:
        runs = _runs_of(file)
        if not runs:
            raise UserError(f"{file}: holds no run of {PRINTED_BY}")
        for run in runs:
            for other in found:
                if set(run.clients) & set(other.clients):
                    where = f"{other.file} and {run.file}" if other.file != run.file else f"{run.file}, given twice,"
                    raise UserError(f"run {run.run_id}: {where} hold the same run: give it once")
        found += runs
    return found


def _runs_of(file: Path) -> list[MeasuredRun]:
    """Return the runs of a file that hold measurements, or have ended without any."""
    runs: dict[str, MeasuredRun] = {}
    for number, entry in _entries(file):
        try:
            kind = entry["kind"]
            run = runs.setdefault(entry["run"], MeasuredRun(str(entry["run"]), file))
            is_twice = (kind == "run" and bool(run.metadata)) or (kind == "end" and run.has_ended)
            _add_entry(run, kind, entry)
        except Exception as error:  # the library that decodes histograms raises errors of any kind
            raise UserError(f"{file}, line {number}: is not of {PRINTED_BY}") from error
        if is_twice:
            raise UserError(f"{file}, line {number}: run {run.run_id} is there twice: give it once")
    return [run for run in runs.values() if run.seconds or run.has_ended]


def _entries(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the lines of a file with their numbers, without a last line that was cut off while it was written."""
    lines = read_text(file).splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            if number == len(lines) and not line.endswith("\n"):
                return
            raise UserError(f"{file}, line {number}: is not of {PRINTED_BY}") from error
        yield number, entry


def _add_entry(run: MeasuredRun, kind: str, entry: dict[str, Any]) -> None:
    """Add one of its lines to a run."""
    if kind == "second":  # they add up to the totals
        second = Second(
            str(entry["operation"]), float(entry["elapsed"]), float(entry["seconds"]), Measurement.decode(entry)
        )
        run.seconds.append(second)
        run.elapsed = max(run.elapsed, second.elapsed)
    elif kind == "run":
        run.metadata = {name: value for name, value in entry.items() if name not in ("kind", "run")}
    elif kind == "silence":
        run.silences.append(Silence(float(entry["begin"]), float(entry["end"])))
    elif kind == "end":
        run.elapsed, run.has_ended = float(entry["elapsed"]), True
    elif kind == "proof":
        run.proof.append(entry)
    elif kind == "verdict":
        WORST_FIRST.index(entry["verdict"])  # raises ValueError for any other text
        run.verdicts.append(entry)
    elif kind == "threshold":
        run.thresholds.append(entry)
