"""What `simulate.py run --format json` has printed, read again: the one reader of a run's measurements."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hdrh.histogram import HdrHistogram

from simulation.traffic.measurements import COUNTS, Measurement, Measurements, in_all
from toolkit.console import UserError
from toolkit.text_files import read_text

__all__ = ["Measurement", "Measurements", "Second", "in_all", "read_run_file"]


class Second(NamedTuple):
    """What was measured of one operation in about a second.

    run_id: of the run. elapsed: when that second ended, from the run's beginning. seconds: how long it was.
    """

    run_id: str
    operation: str
    elapsed: float
    seconds: float
    measurement: Measurement


def read_run_file(file: Path) -> list[Second]:
    """Return what a run has measured, second by second. One that was cut short counts as far as it came.

    Raises UserError if the file cannot be read, or holds no run.
    """
    seconds = list(_seconds(read_text(file), file))
    if not seconds:
        raise UserError(f"{file}: holds no run of `simulate.py run --format json`")
    return seconds


def _seconds(text: str, file: Path) -> Iterator[Second]:
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            if entry["kind"] == "second":  # they add up to the totals
                measurement = Measurement()
                measurement.latencies.add(HdrHistogram.decode(entry["latencies"]))
                for name in COUNTS:
                    setattr(measurement, name, int(entry[name]))
                elapsed, seconds = float(entry["elapsed"]), float(entry["seconds"])
                yield Second(str(entry["run"]), str(entry["operation"]), elapsed, seconds, measurement)
        except Exception as error:  # also those of the library that decodes, which are of any kind
            if number == len(lines) and not line.endswith("\n"):
                return  # it was cut short while the line was written
            raise UserError(f"{file}, line {number}: is not of `simulate.py run --format json`") from error
