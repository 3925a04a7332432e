"""What a run has to reach: `--expect 'p99<50ms'`, as pipelines want it."""

import argparse
import operator
import re
from collections.abc import Callable
from typing import NamedTuple

from simulation.traffic.measurements import PERCENTILES, Measurement, Measurements, in_all

# The figures, each of an operation or in all. Latencies are in milliseconds; ops/s is over the whole run.
FIGURES: dict[str, Callable[[Measurement, float], float | None]] = {
    "ops": lambda measurement, _: measurement.ops,
    "ops/s": lambda measurement, seconds: measurement.ops / seconds,
    "errors": lambda measurement, _: measurement.errors,
    "refused": lambda measurement, _: measurement.refused,
    "retries": lambda measurement, _: measurement.retries,
    "late": lambda measurement, _: measurement.late,
    "p50": lambda measurement, _: measurement.percentile("p50"),
    "p95": lambda measurement, _: measurement.percentile("p95"),
    "p99": lambda measurement, _: measurement.percentile("p99"),
    "pMax": lambda measurement, _: measurement.percentile("pMax"),
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
UNITS = {"": 1.0, "us": 0.001, "ms": 1.0, "s": 1000.0}


class Threshold(NamedTuple):
    """text: as it was given. operation: None for all together."""

    text: str
    operation: str | None
    figure: str
    comparison: str
    value: float

    def judge(self, measurements: Measurements, seconds: float) -> tuple[bool, float | None]:
        """Return whether it holds, and what the figure is: None, for which nothing holds, if nothing was measured."""
        measurement = (
            in_all(measurements.values()) if self.operation is None else measurements.get(self.operation, Measurement())
        )
        found = FIGURES[self.figure](measurement, seconds or 1.0)
        return found is not None and COMPARISONS[self.comparison](found, self.value), found


def threshold(operations: list[str]) -> Callable[[str], Threshold]:
    """Return the function that reads an threshold from the command line."""

    def read(text: str) -> Threshold:
        match = re.fullmatch(r"\s*(?:(\w+)\.)?([\w/]+)\s*(<=|>=|!=|==|<|>|=)\s*([\d.]+)\s*(us|ms|s|)\s*", text)
        if not match:
            raise argparse.ArgumentTypeError(f"expected a figure, a comparison and a number, like p99<50ms: {text}")
        operation, name, comparison, number, unit = match.groups()
        figure = next((known for known in FIGURES if known.lower() == name.lower()), None)
        if figure is None:
            raise argparse.ArgumentTypeError(f"{text}: there is no figure {name}, but {', '.join(FIGURES)}")
        if operation and operation not in operations:
            raise argparse.ArgumentTypeError(f"{text}: there is no operation {operation}, but {', '.join(operations)}")
        if unit and figure not in PERCENTILES:
            raise argparse.ArgumentTypeError(f"{text}: {figure} is not a time")
        try:
            return Threshold(text, operation, figure, comparison, float(number) * UNITS[unit])
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text}: {number} is not a number") from None

    return read
