"""A run of the traffic: many workers, each in a thread with a connection of its own."""

import gc
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from random import Random

from simulation.traffic.audience import Audience
from simulation.traffic.history import History
from simulation.traffic.measurements import Totals
from simulation.traffic.options import Options
from simulation.traffic.plans import Plan
from simulation.traffic.run_ids import RunId
from simulation.traffic.worker import Share, Stage, Worker
from toolkit.database import Database

RETRY_FOR = 20.0  # seconds for which an operation is tried again before it counts as an error
PATIENCE = 5.0  # seconds for which the last operations are waited for


class Traffic:
    """A run: its workers, and when they stop."""

    def __init__(
        self,
        url: str,
        run_id: RunId,
        audience: Audience,
        plans: list[Plan],
        options: Options,
    ) -> None:
        self.plans = plans
        self._options = options
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
        self.workers = [
            Worker(
                Database(url, retry_for=RETRY_FOR),
                stage,
                Share(
                    viewers=audience.users[number :: options.concurrency],
                    activities=audience.activities[number :: options.concurrency],
                    plans=plans[number :: options.concurrency],
                ),
                Random(f"{options.seed}/{number}"),
                History() if options.keeps_history else None,
            )
            for number in range(options.concurrency)
        ]
        self.totals = Totals(worker.calls.recorder for worker in self.workers)
        self.unstarted = 0  # operations that were due at the end and had not begun
        self._faults: list[BaseException] = []
        self._ended = threading.Event()  # all of the workers
        self._working = options.concurrency
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self.workers]

    def go(self, every_second: Callable[[], object]) -> None:
        """Run for as long, or as many operations, as the options say; every_second() is called once a second.

        Raises KeyboardInterrupt after Ctrl-C, when the workers have stopped, and whatever a worker could not handle.
        """
        gc.freeze()  # the audience stays as it is, and need not be looked at for garbage again and again
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        try:
            for second in itertools.count(1):
                end = min(self._began + second, self._began + self._options.duration)
                if self._ended.wait(max(0.0, end - time.monotonic())) or end >= self._began + self._options.duration:
                    break
                every_second()  # what is left at the end is for the caller to take
        finally:
            self._end()
        if self._faults:
            raise self._faults[0]

    def silence(self) -> float:
        """Return for how many seconds the server has owed an answer to some worker."""
        return max(worker.calls.database.silence() for worker in self.workers)

    def problems(self) -> Counter[str]:
        """Return what the errors said, and how often."""
        return sum((worker.calls.problems for worker in self.workers), Counter())

    def _end(self) -> None:
        """Stop the workers; those that wait for the server too long are interrupted."""
        if self._options.rate:
            due = int((time.monotonic() - self._began) * self._options.rate)
            due = min(due, self._options.max_ops) if self._options.max_ops is not None else due
            self.unstarted = max(0, due - next(self._numbers))
        self._stop.set()
        end = time.monotonic() + PATIENCE
        for interrupt in (False, True):
            for worker in self.workers if interrupt else ():
                worker.calls.database.interrupt()
            for thread in self._threads:
                thread.join(max(0.0, end - time.monotonic()) if not interrupt else 15.0)

    def _work(self, worker: Worker) -> None:
        try:
            for number in self._numbers:
                due = self._due(number, self._options.rate) if self._options.rate else None
                if self._stop.is_set() or (self._options.max_ops is not None and number >= self._options.max_ops):
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
