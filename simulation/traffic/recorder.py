"""Recorders, into which workers write their measurements, and the totals of a run."""

import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple, Protocol

from simulation.traffic.measurements import UNSTARTED, Measurement, Measurements, add_measurements

SHORTEST_SILENCE = 1.0  # seconds without any answer from which on this is reported


class CallEnd(NamedTuple):
    """The end of a call. since: when the caller began to wait, ended: when that ended (time.monotonic()).

    has_answer: False for a call whose connection was lost, or that was cut off at the end of the run.
    """

    ended: float
    since: float
    has_answer: bool


# A call that has succeeded stays the tuple that was recorded for it; its first three values are those of CallEnd.
AnyCallEnd = CallEnd | tuple[float, float, bool, str, int]


class MeasurementSource(Protocol):
    """A recorder, or a process with several: what Totals takes the measurements from."""

    def take(self, measurements: Measurements) -> list[AnyCallEnd]:
        """Add what was measured since the last call to these, and return the ends of the calls."""


class Recorder:
    """Keeps the measurements of one worker until take() is called, which may be in another thread.

    ok: records a call that has succeeded: the values of CallEnd, then its operation and the number of its retries. It
    is the append() of a deque, because every call pays for it; take() does the counting.
    """

    def __init__(self) -> None:
        self._ok: deque[tuple[float, float, bool, str, int]] = deque()
        self.ok = self._ok.append
        self._measurements: Measurements = {}
        self._call_ends: list[AnyCallEnd] = []
        self._lock = threading.Lock()

    def failed(self, operation: str, since: float, retries: int, *, is_error: bool) -> None:
        """Record a call with an error of the database (is_error), or that a service has refused."""
        with self._lock:
            measurement = self._measurements.setdefault(operation, Measurement())
            measurement.retries += retries
            measurement.errors += is_error
            measurement.refused += not is_error
            self._call_ends.append(CallEnd(time.monotonic(), since, not is_error))

    def unanswered(self, operation: str, since: float) -> None:
        """Record a call that had no answer when the run ended, and so was cut off."""
        now = time.monotonic()
        with self._lock:
            measurement = self._measurements.setdefault(operation, Measurement())
            measurement.errors += 1
            measurement.unanswered += 1
            measurement.record(now - since)
            self._call_ends.append(CallEnd(now, since, has_answer=False))

    def late(self, operation: str) -> None:
        """Record an operation that begins later than it was due."""
        with self._lock:
            self._measurements.setdefault(operation, Measurement()).late += 1

    def unstarted(self, operations: int) -> None:
        """Record operations that were due and never began."""
        with self._lock:
            self._measurements.setdefault(UNSTARTED, Measurement()).unstarted += operations

    def take(self, measurements: Measurements) -> list[AnyCallEnd]:
        """See MeasurementSource."""
        with self._lock:
            taken, self._measurements = self._measurements, {}
            call_ends, self._call_ends = self._call_ends, []
        add_measurements(measurements, taken)
        for _ in range(len(self._ok)):
            ok = self._ok.popleft()
            ended, since, _, operation, retries = ok
            measurement = measurements.get(operation) or measurements.setdefault(operation, Measurement())
            measurement.ops += 1
            measurement.record(ended - since)
            measurement.retries += retries
            call_ends.append(ok)
        return call_ends


class Silence(NamedTuple):
    """A time in which calls waited and none was answered, in seconds from the beginning of the run."""

    begin: float
    end: float


class Totals:
    """The sum of all measurements since the beginning of the run.

    measurements, elapsed (seconds): as of the latest take(). silences: when calls waited and none was answered.
    """

    def __init__(self, recordings: Iterable[MeasurementSource]) -> None:
        self._recordings = list(recordings)
        self.restart()

    def restart(self, at: float | None = None) -> None:
        """Drop what was measured so far. at: when the measuring begins (time.monotonic()); by default now."""
        self._began = self._taken = self._answered = time.monotonic() if at is None else at
        self._waiting = math.inf  # when the first call began that got no answer since the latest answer
        self.measurements: Measurements = {}
        self.elapsed = 0.0
        self.silences: list[Silence] = []

    def take(self) -> tuple[Measurements, float]:
        """Return what was measured since the last call, and in how many seconds, and add it to the totals."""
        latest: Measurements = {}
        call_ends: list[AnyCallEnd] = []
        for recording in self._recordings:
            call_ends += recording.take(latest)
        add_measurements(self.measurements, latest)
        call_ends.sort()
        for ended, since, has_answer in map(itemgetter(0, 1, 2), call_ends):
            self._waiting = min(self._waiting, since)
            if has_answer:
                self._note_silence(ended)
        now = time.monotonic()
        seconds, self._taken, self.elapsed = now - self._taken, now, now - self._began
        return latest, seconds

    def end(self) -> None:
        """Note the last silence, when all calls have ended."""
        self._note_silence(self._taken)

    def _note_silence(self, now: float) -> None:
        begin = max(self._answered, self._waiting)
        if now - begin >= SHORTEST_SILENCE:
            self.silences.append(Silence(begin - self._began, now - self._began))
        self._answered, self._waiting = max(now, self._answered), math.inf
