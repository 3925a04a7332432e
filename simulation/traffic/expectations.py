"""What a run has to reach: `--expect 'p99<50ms'`, as pipelines want it."""

import argparse
import operator
import re
from collections.abc import Callable
from typing import NamedTuple

from simulation.traffic.measures import PERCENTILES, Measure, Measures, in_all

# The figures, each of an operation or in all. Latencies are in milliseconds; ops/s is over the whole run.
FIGURES: dict[str, Callable[[Measure, float], float]] = {
    "ops": lambda measure, _: measure.ops,
    "ops/s": lambda measure, seconds: measure.ops / seconds,
    "errors": lambda measure, _: measure.errors,
    "refused": lambda measure, _: measure.refused,
    "retries": lambda measure, _: measure.retries,
    "late": lambda measure, _: measure.late,
    "p50": lambda measure, _: measure.percentile("p50"),
    "p95": lambda measure, _: measure.percentile("p95"),
    "p99": lambda measure, _: measure.percentile("p99"),
    "pMax": lambda measure, _: measure.percentile("pMax"),
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


class Expectation(NamedTuple):
    """text: as it was given. operation: None for all together."""

    text: str
    operation: str | None
    figure: str
    comparison: str
    value: float

    def judge(self, measures: Measures, seconds: float) -> tuple[bool, float]:
        """Return whether it holds, and what the figure is."""
        measure = in_all(measures) if self.operation is None else measures.get(self.operation, Measure())
        found = FIGURES[self.figure](measure, seconds or 1.0)
        return COMPARISONS[self.comparison](found, self.value), found


def expectation(operations: list[str]) -> Callable[[str], Expectation]:
    """Return the function that reads an expectation from the command line."""

    def read(text: str) -> Expectation:
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
            return Expectation(text, operation, figure, comparison, float(number) * UNITS[unit])
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text}: {number} is not a number") from None

    return read
