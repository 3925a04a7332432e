"""Where workers record what they measure, and what a run has measured so far."""

import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple, Protocol

from simulation.traffic.measurements import UNSTARTED, Measurement, Measurements, add

# From so many seconds on, in which something was asked and nothing answered, it is told when that was.
SHORTEST_SILENCE = 1.0


class Answer(NamedTuple):
    """An end of a call. since: from when its caller has waited. ended: then; is_answer: whether the server ended it.

    A call whose connection was lost, or that was cut off at the end, ends without an answer.
    """

    ended: float
    since: float
    is_answer: bool


# One that has succeeded need not be made anew of what was recorded: the first three values count.
AnyAnswer = Answer | tuple[float, float, bool, str, int]


class Recording(Protocol):
    """What can be asked for what was measured since the last time."""

    def take(self, measurements: Measurements) -> list[AnyAnswer]:
        """Add what was measured since the last time to these, and return the ends of the calls."""


class Recorder:
    """Where a worker records what it measures, until somebody takes it.

    ok: records a call that has succeeded: as an Answer, and after that its operation and its retries. It is in every
    call, so it costs as little as it can, and what is to be counted is counted by who takes it.
    """

    def __init__(self) -> None:
        self._ok: deque[tuple[float, float, bool, str, int]] = deque()
        self.ok = self._ok.append
        self._measurements: Measurements = {}
        self._answers: list[AnyAnswer] = []
        self._lock = threading.Lock()

    def failed(self, operation: str, since: float, retries: int, *, is_error: bool) -> None:
        """Record a call that the database has failed, or that a service has refused."""
        with self._lock:
            measurement = self._measurements.setdefault(operation, Measurement())
            measurement.retries += retries
            measurement.errors += is_error
            measurement.refused += not is_error
            self._answers.append(Answer(time.monotonic(), since, not is_error))

    def unanswered(self, operation: str, since: float) -> None:
        """Record a call that was cut off, for it had no answer when the run ended."""
        now = time.monotonic()
        with self._lock:
            measurement = self._measurements.setdefault(operation, Measurement())
            measurement.errors += 1
            measurement.unanswered += 1
            measurement.record(now - since)
            self._answers.append(Answer(now, since, is_answer=False))

    def late(self, operation: str) -> None:
        """Record that an operation begins later than it was due."""
        with self._lock:
            self._measurements.setdefault(operation, Measurement()).late += 1

    def unstarted(self, operations: int) -> None:
        """Record operations that were due and never began."""
        with self._lock:
            self._measurements.setdefault(UNSTARTED, Measurement()).unstarted += operations

    def take(self, measurements: Measurements) -> list[AnyAnswer]:
        """Add what was recorded since the last time to these measurements, and return the ends of the calls."""
        with self._lock:
            taken, self._measurements = self._measurements, {}
            answers, self._answers = self._answers, []
        add(measurements, taken)
        for _ in range(len(self._ok)):
            ok = self._ok.popleft()
            ended, since, _, operation, retries = ok
            measurement = measurements.get(operation) or measurements.setdefault(operation, Measurement())
            measurement.ops += 1
            measurement.record(ended - since)
            measurement.retries += retries
            answers.append(ok)
        return answers


class Silence(NamedTuple):
    """A time in which calls waited and none was answered, in seconds from the beginning of the run."""

    begin: float
    end: float


class Totals:
    """What all workers have measured, from the beginning on.

    measurements, elapsed: so far. silences: when the server has answered nobody.
    """

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self._recordings = list(recordings)
        self.restart()

    def restart(self, at: float | None = None) -> None:
        """Begin anew: what was measured so far counts for nothing. at: from then (time.monotonic()); by default now."""
        self._began = self._taken = self._answered = time.monotonic() if at is None else at
        self._waiting = math.inf  # since when calls wait that have ended without an answer, after the latest answer
        self.measurements: Measurements = {}
        self.elapsed = 0.0
        self.silences: list[Silence] = []

    def take(self) -> tuple[Measurements, float]:
        """Return what was measured since the last time, and in how many seconds; and add it to the totals."""
        latest: Measurements = {}
        answers: list[AnyAnswer] = []
        for recording in self._recordings:
            answers += recording.take(latest)
        add(self.measurements, latest)
        answers.sort()
        for ended, since, is_answer in map(itemgetter(0, 1, 2), answers):
            self._waiting = min(self._waiting, since)
            if is_answer:
                self._note_silence(ended)
        now = time.monotonic()
        seconds, self._taken, self.elapsed = now - self._taken, now, now - self._began
        return latest, seconds

    def end(self) -> None:
        """Say that all calls have ended: no answer comes any more for those that had none."""
        self._note_silence(self._taken)

    def _note_silence(self, now: float) -> None:
        begin = max(self._answered, self._waiting)
        if now - begin >= SHORTEST_SILENCE:
            self.silences.append(Silence(begin - self._began, now - self._began))
        self._answered, self._waiting = max(now, self._answered), math.inf
