"""Thresholds that a run has to reach: `--expect 'p99<50ms'`."""

import argparse
import operator
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from simulation.traffic.measurements import PERCENTILES, Measurement, Measurements, combined, format_latency


def _count(name: str, measurement: Measurement, _: float) -> float | None:
    """Return a count; None if no call was made, because zero errors of no calls say nothing."""
    return int(getattr(measurement, name)) if measurement.attempts else None


def _latency(name: str, measurement: Measurement, _: float) -> float | None:
    return measurement.percentile(name)


# The figures that can be compared. Latencies are in milliseconds; ops/s is over the whole run.
FIGURES: dict[str, Callable[[Measurement, float], float | None]] = {
    "ops": lambda measurement, _: measurement.ops,
    "ops/s": lambda measurement, seconds: measurement.ops / seconds,
    "unstarted": lambda measurement, _: measurement.unstarted,
    **{name: partial(_count, name) for name in ("errors", "unanswered", "refused", "retries", "late")},
    **{name: partial(_latency, name) for name in PERCENTILES},
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
    """A figure, a comparison and a value. text: as it was typed. operation: None for all together."""

    text: str
    operation: str | None
    figure: str
    comparison: str
    value: float

    def describe(self, found: float | None) -> str:
        """Return what the figure was, as text for a person."""
        if found is None:
            return "nothing was measured"
        if self.figure in PERCENTILES:
            return f"it is {format_latency(found)}"
        return f"it is {found:,.1f}" if self.figure == "ops/s" else f"it is {found:,.0f}"

    def judge(self, measurements: Measurements, seconds: float) -> tuple[bool, float | None]:
        """Return whether the threshold holds, and the figure. If nothing was measured that is None, and it fails."""
        measurement = (
            combined(measurements.values())
            if self.operation is None
            else measurements.get(self.operation, Measurement())
        )
        found = FIGURES[self.figure](measurement, seconds or 1.0)
        return found is not None and COMPARISONS[self.comparison](found, self.value), found


def threshold_parser(operations: list[str]) -> Callable[[str], Threshold]:
    """Return the function that parses a threshold of the command line. It raises ArgumentTypeError."""

    def parse(text: str) -> Threshold:
        match = re.fullmatch(r"\s*(?:([a-z]+)\.)?([\w/.]+)\s*(<=|>=|!=|==|<|>|=)\s*([\d.]+)\s*(us|ms|s|)\s*", text)
        if not match:
            raise argparse.ArgumentTypeError(f"expected a figure, a comparison and a number, like p99<50ms: {text}")
        operation, name, comparison, number, unit = match.groups()
        figure = next((known for known in FIGURES if known.lower() == name.lower()), None)
        if figure is None:
            raise argparse.ArgumentTypeError(f"{text}: there is no figure {name}, but {', '.join(FIGURES)}")
        if operation and operation not in operations:
            raise argparse.ArgumentTypeError(f"{text}: there is no operation {operation}, but {', '.join(operations)}")
        if operation and figure == "unstarted":
            raise argparse.ArgumentTypeError(f"{text}: what has not begun is of no operation: unstarted{comparison}...")
        if unit and figure not in PERCENTILES:
            raise argparse.ArgumentTypeError(f"{text}: {figure} is not a time")
        try:
            return Threshold(text, operation, figure, comparison, float(number) * UNITS[unit])
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text}: {number} is not a number") from None

    return parse
