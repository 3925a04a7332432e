"""A run of the traffic: many workers, each in a thread with a connection of its own."""

import gc
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NamedTuple

from simulation.traffic.audience import Audience
from simulation.traffic.history import History
from simulation.traffic.measurements import Measurements
from simulation.traffic.options import Options
from simulation.traffic.plans import Plan
from simulation.traffic.recorder import AnyAnswer, Recorder, Totals
from simulation.traffic.run_ids import RunId
from simulation.traffic.worker import Share, Stage, Worker
from toolkit.database import Database

RETRY_FOR = 20.0  # seconds for which an operation is tried again before it counts as an error
PATIENCE = 5.0  # seconds for which the last operations are waited for
CUT_OFF = 15.0  # seconds after which a thread that was interrupted is given up


class Part(NamedTuple):
    """Which of the processes of a run this is. folder: where the histories are written, for another process to read."""

    number: int
    folder: Path | None


ALL = Part(0, None)


class Traffic:
    """A run, or the part of it that is in one process: its workers, and when they stop.

    totals: what they have measured. is_warming_up: whether that does not count. counts_from: from when on it does, as
    time.monotonic() tells. is_incomplete: whether a history is lost, which in one process none can be. problems: what
    errors said, and how often. refusals: what was refused.
    """

    is_incomplete = False

    def __init__(
        self, url: str, run_id: RunId, audience: Audience, plans: list[Plan], options: Options, part: Part = ALL
    ) -> None:
        self.plans = plans
        self._options = options = _share_of(options)
        self._stop = threading.Event()
        self._numbers = itertools.count()
        began, at = time.monotonic(), time.time()
        stage = Stage(
            audience=audience,
            run_id=run_id,
            plans=plans,
            mix=options.mix,
            clock=lambda: at + (time.monotonic() - began) * options.clock,
            stop=self._stop,
        )
        numbers = range(part.number, options.concurrency, options.processes)
        self.workers = [
            Worker(
                Database(url, retry_for=RETRY_FOR, isolation=options.isolation),
                stage,
                Share(
                    viewers=audience.users[number :: options.concurrency],
                    activities=audience.activities[number :: options.concurrency],
                    plans=plans[number :: options.concurrency],
                ),
                Random(f"{options.seed}/{number}"),
                History(part.folder and part.folder / str(number)) if options.keeps_history else None,
            )
            for number in numbers
        ]
        self._is_ending = False
        self.counts_from = began
        self.is_warming_up = options.warm_up > 0
        self._begun_before = 0  # operations of the warm-up
        self._unstarted = Recorder()
        self._recorders = [*(worker.calls.recorder for worker in self.workers), self._unstarted]
        self.totals = Totals(self._recorders)
        self._faults: list[BaseException] = []
        self._ended = threading.Event()  # all of the workers
        self._working = len(self.workers)
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self.workers]

    @property
    def histories(self) -> list[History]:
        return [worker.history for worker in self.workers if worker.history]

    @property
    def problems(self) -> Counter[str]:
        return sum((worker.calls.problems for worker in self.workers), Counter())

    @property
    def refusals(self) -> Counter[str]:
        return sum((worker.calls.refusals for worker in self.workers), Counter())

    @property
    def cpu(self) -> float:
        """How many seconds of CPU this process has taken so far."""
        return time.process_time()

    def take(self, measurements: Measurements) -> list[AnyAnswer]:
        """Add what was measured since the last time to these, in the place of totals."""
        return [answer for recorder in self._recorders for answer in recorder.take(measurements)]

    def silence(self) -> float:
        """Return for how many seconds the server has owed an answer to some worker."""
        return max(worker.calls.database.silence() for worker in self.workers)

    def go(self, every_second: Callable[[], object]) -> None:
        """Run for as long, or as many operations, as the options say; every_second() is called once a second.

        What was measured in the last second is left for the caller to take. Raises KeyboardInterrupt after Ctrl-C, when
        the workers have stopped, and whatever a worker could not handle.
        """
        gc.freeze()  # the audience stays as it is, and need not be looked at for garbage again and again
        self._began = self.counts_from = time.monotonic()
        self.totals.restart()
        for thread in self._threads:
            thread.start()
        try:
            if self.is_warming_up and self._wait(self._options.warm_up, every_second):
                every_second()
                self._end_warm_up()
            self._wait(self._options.duration, every_second)
        finally:
            self._end(every_second)
        if self._faults:
            raise self._faults[0]

    def _end_warm_up(self) -> None:
        """Forget what was measured so far."""
        self.is_warming_up = False
        self.totals.restart()
        self.counts_from, self._begun_before = time.monotonic(), self._begun()

    def _begun(self) -> int:
        return sum(worker.begun for worker in self.workers)

    def stop(self) -> None:
        """Let the run end within a second, and what follows the end take its time."""
        self._stop.set()

    def _wait(self, seconds: float, every_second: Callable[[], object]) -> bool:
        """Wait so long, or until all workers have ended, and return whether they go on.

        every_second() is called once a second, but not at the end.
        """
        began = time.monotonic()
        for second in itertools.count(1):
            end = began + min(second, seconds)
            if self._ended.wait(max(0.0, end - time.monotonic())):
                return False
            if end >= began + seconds or (self._stop.is_set() and not self._is_ending):
                return True
            every_second()
        return False

    def _end(self, every_second: Callable[[], object]) -> None:
        """Stop the workers; those that wait for the server too long are interrupted."""
        ended = time.monotonic()
        self._is_ending = True
        self._stop.set()
        self._wait(PATIENCE, every_second)
        for worker in self.workers if not self._ended.is_set() else ():
            worker.calls.database.interrupt()
        self._ended.wait(CUT_OFF)
        if self._options.rate:
            due = int((ended - self.counts_from) * self._options.rate)
            if self._options.max_ops is not None:
                due = min(due, self._options.max_ops - self._begun_before)
            self._unstarted.unstarted(max(0, due - self._begun() + self._begun_before))

    def _work(self, worker: Worker) -> None:
        options = self._options
        try:
            for number in self._numbers:
                due = self._due(number, options.rate) if options.rate else None
                if self._stop.is_set() or (options.max_ops is not None and number >= options.max_ops):
                    break
                worker.step(due)
        except KeyboardInterrupt:
            pass  # by _end()
        except BaseException as fault:
            self._faults.append(fault)
            self._stop.set()
        finally:
            worker.calls.database.close()
            with self._lock:
                self._working -= 1
                if not self._working:
                    self._ended.set()

    def _due(self, number: int, rate: float) -> float:
        """Wait until an operation is due, and return that moment."""
        due = self._began + number / rate
        self._stop.wait(max(0.0, due - time.monotonic()))
        return due


def _share_of(options: Options) -> Options:
    """Return the options of one of the processes: what is said of all operations is divided among them."""
    return replace(
        options,
        rate=options.rate and options.rate / options.processes,
        max_ops=options.max_ops and -(-options.max_ops // options.processes),
    )
