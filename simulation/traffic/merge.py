"""The measurements of several runs, of several machines perhaps, added up: `simulate.py merge FILE ...`."""

from pathlib import Path

from simulation.traffic.measurements import Measurement, Measurements
from simulation.traffic.run_file import read_run_file


def merge(files: list[Path]) -> tuple[Measurements, float]:
    """Return the measurements of runs, and how many seconds the longest of them went on.

    The files are of `run --format json`. Raises UserError for one that cannot be read or holds no run.
    """
    measurements: Measurements = {}
    longest = 0.0
    for file in files:
        for second in read_run_file(file):
            measurements.setdefault(second.operation, Measurement()).add(second.measurement)
            longest = max(longest, second.elapsed)
    return measurements, longest
