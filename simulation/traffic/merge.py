"""Several runs, of several machines perhaps, added up: `simulate.py merge FILE ...`."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from simulation.traffic.measurements import Measurement, Measurements
from simulation.traffic.recorder import Silence
from simulation.traffic.run_file import ID_SEPARATOR, MISSING, MeasuredRun, Second, read_runs
from simulation.traffic.run_output import RunOutput

SUMS = ("concurrency", "processes", "rate", "max_ops")  # metadata that add up


def merge(files: list[Path]) -> MeasuredRun:
    """Return the runs of some files as if they had been one.

    Runs that overlap in time, by the clocks of their machines, are added up second by second of the clock; others as if
    they had begun at the same moment (see do_overlap()). Raises UserError for a file that cannot be read or holds no
    run, and for the same run twice.
    """
    runs = read_runs(files)
    starts = _starts(runs) if do_overlap(runs) else [0.0] * len(runs)
    merged = MeasuredRun(ID_SEPARATOR.join(run.run_id for run in runs), files[0], metadata=_metadata(runs))
    by_second: dict[tuple[int, str], Measurement] = defaultdict(Measurement)
    for run, start in zip(runs, starts, strict=True):
        for second in run.seconds:
            middle = start - min(starts) + second.elapsed - second.seconds / 2
            by_second[int(max(middle, 0.0)), second.operation].add(second.measurement)
    merged.seconds = [
        Second(operation, at + 1.0, 1.0, measurement) for (at, operation), measurement in sorted(by_second.items())
    ]
    merged.elapsed = max(start - min(starts) + run.elapsed for run, start in zip(runs, starts, strict=True))
    merged.silences = _common(
        [Silence(silence.begin + start - min(starts), silence.end + start - min(starts)) for silence in run.silences]
        for run, start in zip(runs, starts, strict=True)
    )
    merged.has_ended = all(run.has_ended for run in runs)
    merged.proof = [{"client": run.run_id, **line} for run in runs for line in run.proof]
    merged.thresholds = [{"client": run.run_id, **line} for run in runs for line in run.thresholds]
    merged.verdicts = [{"client": run.run_id, **line} for run in runs for line in run.verdicts or [_missing(run)]]
    return merged


def do_overlap(runs: list[MeasuredRun]) -> bool:
    """Whether all of the runs were going on at some moment, if the clocks of their machines agree."""
    starts = _starts(runs)
    return len(starts) == len(runs) and max(starts) < min(
        start + run.elapsed for run, start in zip(runs, starts, strict=True)
    )


def show(merged: MeasuredRun, output: RunOutput) -> None:
    """Print the merged run as a run does at its end; in JSON also each of its seconds."""
    output.begin(merged.metadata)
    seconds: dict[float, Measurements] = defaultdict(dict)
    for second in merged.seconds:
        seconds[second.elapsed][second.operation] = second.measurement
    for elapsed, measurements in seconds.items():
        output.measured("second", measurements, 1.0, elapsed)
    output.end(merged.measurements, merged.elapsed, merged.silences)
    for line in [*merged.proof, *merged.verdicts, *merged.thresholds]:
        output.client_line(line)


def _missing(run: MeasuredRun) -> dict[str, Any]:
    """Return the line with the verdict for a run whose file has none, because it was cut off."""
    return {"kind": "verdict", "verdict": MISSING, "text": f"MISSING: {run.file.name} ends before it", "calls": 0}


def _starts(runs: list[MeasuredRun]) -> list[float]:
    return [datetime.fromisoformat(run.metadata["started"]).timestamp() for run in runs if "started" in run.metadata]


def _metadata(runs: list[MeasuredRun]) -> dict[str, Any]:
    """Return the metadata of all runs: sums of what adds up; where runs differ in a value, all of its values."""
    metadata: dict[str, Any] = {}
    for name in dict.fromkeys(name for run in runs for name in run.metadata):
        values = [run.metadata.get(name) for run in runs]
        if name == "started":
            metadata[name] = min(filter(None, values))
        elif name in SUMS and None not in values:
            metadata[name] = sum(values)
        else:
            known = list(dict.fromkeys(map(str, values)))
            metadata[name] = values[0] if len(known) == 1 else ", ".join(known)
    return metadata


def _common(silences: Iterable[list[Silence]]) -> list[Silence]:
    """Return the times that are in every one of the lists: then nobody had an answer."""
    common: list[Silence] | None = None
    for ones in silences:
        if common is None:
            common = ones
        else:
            both = (Silence(max(a.begin, b.begin), min(a.end, b.end)) for a in common for b in ones)
            common = [silence for silence in both if silence.begin < silence.end]
    return common or []
