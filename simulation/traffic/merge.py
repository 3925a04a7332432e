"""The measures of several runs, of several machines perhaps, added up: `simulate.py merge FILE ...`."""

import json
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram

from simulation.traffic.measures import Measure, Measures
from toolkit.console import UserError


def merge(files: list[Path]) -> tuple[Measures, float]:
    """Return the measures of runs that were written by `run --format json`, and how long the longest of them went on.

    A run that was cut short counts as far as it came. Raises UserError for a file that cannot be read or is none.
    """
    measures: Measures = {}
    longest = 0.0
    for file in files:
        is_run = False
        for number, line in enumerate(_lines(file), 1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                is_run = is_run or entry["kind"] == "second"
                if entry["kind"] == "second":  # they add up to the totals
                    _add(measures.setdefault(entry["operation"], Measure()), entry)
                    longest = max(longest, entry["elapsed"])
            except Exception as error:  # of the library that decodes, of any kind
                raise UserError(f"{file}, line {number}: is not of `simulate.py run --format json`") from error
        if not is_run:
            raise UserError(f"{file}: holds no run of `simulate.py run --format json`")
    return measures, longest


def _add(measure: Measure, entry: dict[str, Any]) -> None:
    measure.latencies.add(HdrHistogram.decode(entry["latencies"]))
    measure.errors += entry["errors"]
    measure.refused += entry["refused"]
    measure.retries += entry["retries"]
    measure.late += entry["late"]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
