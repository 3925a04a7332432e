"""What is measured: latencies and counts of each operation, and the figures that are made of them."""

import threading
import time
from collections import deque
from collections.abc import Iterable

from hdrh.histogram import HdrHistogram

# Latencies are counted from a microsecond to an hour with a precision of 1 %, in 27 kB whatever their number.
SHORTEST, LONGEST, DIGITS = 1, 3_600_000_000, 2

PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "pMax": 100.0}


COUNTS = ("errors", "refused", "retries", "late")


class Measurement:
    """What was measured of one operation in some time.

    errors: calls that the database has failed. refused: calls that the services have refused, as the story may have it.
    retries: how often transactions were tried again. late: operations that could not be started in time.
    """

    def __init__(self) -> None:
        self.latencies = HdrHistogram(SHORTEST, LONGEST, DIGITS)
        self.errors = self.refused = self.retries = self.late = 0  # COUNTS

    def record(self, seconds: float) -> None:
        """Count the latency of a call that has succeeded."""
        self.latencies.record_value(min(max(int(seconds * 1_000_000), SHORTEST), LONGEST))

    @property
    def ops(self) -> int:
        """The number of calls that have succeeded: those whose latencies are counted."""
        return int(self.latencies.get_total_count())

    def add(self, other: "Measurement") -> None:
        self.latencies.add(other.latencies)
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def percentile(self, name: str) -> float | None:
        """Return one of PERCENTILES, in milliseconds; None if nothing was measured."""
        if not self.latencies.get_total_count():
            return None
        return float(self.latencies.get_value_at_percentile(PERCENTILES[name])) / 1000


Measurements = dict[str, Measurement]  # by the name of the operation


class Recorder:
    """Where a worker records what it measures, until somebody takes it.

    ok: records a call that has succeeded: its operation, seconds and retries. It is in every call, so it costs as
    little as it can, and what is to be counted is counted by who takes it.
    """

    def __init__(self) -> None:
        self._ok: deque[tuple[str, float, int]] = deque()
        self.ok = self._ok.append
        self._measures: Measurements = {}
        self._lock = threading.Lock()

    def failed(self, operation: str, retries: int, *, is_error: bool) -> None:
        """Record a call that the database has failed, or that a service has refused."""
        with self._lock:
            measurement = self._measures.setdefault(operation, Measurement())
            measurement.retries += retries
            measurement.errors += is_error
            measurement.refused += not is_error

    def late(self, operation: str) -> None:
        """Record that an operation begins later than it was due."""
        with self._lock:
            self._measures.setdefault(operation, Measurement()).late += 1

    def take(self, measurements: Measurements) -> None:
        """Add what was recorded since the last time to these measurements."""
        with self._lock:
            taken, self._measures = self._measures, {}
        add(measurements, taken)
        for _ in range(len(self._ok)):
            operation, seconds, retries = self._ok.popleft()
            measurement = measurements.get(operation) or measurements.setdefault(operation, Measurement())
            measurement.record(seconds)
            measurement.retries += retries


class Totals:
    """The measurements of all workers, from the beginning on."""

    def __init__(self, recorders: Iterable[Recorder]) -> None:
        self._recorders = list(recorders)
        self._began = self._taken = time.monotonic()
        self.measurements: Measurements = {}
        self.elapsed = 0.0

    def take(self) -> tuple[Measurements, float]:
        """Return what was measured since the last time, and in how many seconds; and add it to the totals."""
        latest: Measurements = {}
        for recorder in self._recorders:
            recorder.take(latest)
        add(self.measurements, latest)
        now = time.monotonic()
        seconds, self._taken, self.elapsed = now - self._taken, now, now - self._began
        return latest, seconds


def add(measurements: Measurements, others: Measurements) -> None:
    """Add other measurements to these."""
    for operation, measurement in others.items():
        measurements.setdefault(operation, Measurement()).add(measurement)


def in_all(measurements: Iterable[Measurement]) -> Measurement:
    """Return what was measured together, as of all operations."""
    together = Measurement()
    for measurement in measurements:
        together.add(measurement)
    return together
