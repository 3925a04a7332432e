"""The measurements of an operation: a histogram of latencies, and counts."""

from collections.abc import Iterable, Mapping
from typing import Any

from hdrh.histogram import HdrHistogram

# Latencies are counted from a microsecond to an hour with a precision of 1 %, in 27 kB whatever their number.
SHORTEST, LONGEST, DIGITS = 1, 3_600_000_000, 2

PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9, "pMax": 100.0}
COUNTS = ("ops", "errors", "unanswered", "refused", "retries", "late", "unstarted")

# In place of an operation's name, for operations that were due and never began: which ones was not chosen yet.
UNSTARTED = "(unstarted)"


class Measurement:
    """The measurements of one operation in some time.

    latencies: of the calls that have succeeded, and of those without an answer at the end, until then.
    ops: calls that have succeeded. errors: calls with an error of the database. unanswered: those of the errors that
    had no answer when the run ended. refused: calls that a service has refused, such as a second review of a title.
    retries: of transactions. late: operations that began too late. unstarted: operations that were due and never began.
    """

    def __init__(self) -> None:
        self.latencies = HdrHistogram(SHORTEST, LONGEST, DIGITS)
        self.ops = self.errors = self.unanswered = self.refused = self.retries = self.late = self.unstarted = 0

    def record(self, seconds: float) -> None:
        """Count a latency."""
        self.latencies.record_value(min(max(int(seconds * 1_000_000), SHORTEST), LONGEST))

    @property
    def attempts(self) -> int:
        """How many calls have begun and ended, whatever came of them."""
        return self.ops + self.errors + self.refused

    def add(self, other: "Measurement") -> None:
        self.latencies.add(other.latencies)
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def rate(self, seconds: float) -> float | None:
        """Return how many calls a second have succeeded; None if no call was made."""
        return self.ops / seconds if self.attempts and seconds else None

    def percentile(self, name: str) -> float | None:
        """Return one of PERCENTILES, in milliseconds; None if nothing was measured."""
        if not self.latencies.get_total_count():
            return None
        return float(self.latencies.get_value_at_percentile(PERCENTILES[name])) / 1000

    def encode(self) -> dict[str, Any]:
        """Return counts and latencies for JSON: the histogram in HdrHistogram's encoding (V2, compressed, base64)."""
        counts = {name: getattr(self, name) for name in COUNTS}
        return {**counts, "latencies": self.latencies.encode().decode()}

    @classmethod
    def decode(cls, encoded: Mapping[str, Any]) -> "Measurement":
        """Return the measurement of what encode() has returned. Raises errors of any kind for anything else."""
        measurement = cls()
        measurement.latencies.add(HdrHistogram.decode(encoded["latencies"]))
        for name in COUNTS:
            setattr(measurement, name, int(encoded[name]))
        return measurement


Measurements = dict[str, Measurement]  # by the name of the operation


def add_measurements(measurements: Measurements, others: Measurements) -> None:
    """Add the other measurements to the first ones."""
    for operation, measurement in others.items():
        measurements.setdefault(operation, Measurement()).add(measurement)


def combined(measurements: Iterable[Measurement]) -> Measurement:
    """Return the sum of several measurements, as of one operation."""
    together = Measurement()
    for measurement in measurements:
        together.add(measurement)
    return together


def format_latency(milliseconds: float | None) -> str:
    """Write a latency for a person: 850 us, 8.38 ms, 11.7 s; - if nothing was measured."""
    if milliseconds is None:
        return "-"
    if milliseconds < 1:
        return f"{milliseconds * 1000:.0f} us"
    return f"{milliseconds:.3g} ms" if milliseconds < 999.5 else f"{milliseconds / 1000:,.2f} s"
