"""A run of the traffic: many workers, each in a thread with a connection of its own."""

import gc
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from random import Random

from simulation.traffic.audience import Audience
from simulation.traffic.journal import Journal
from simulation.traffic.marks import Run
from simulation.traffic.measures import Totals
from simulation.traffic.plans import Plan
from simulation.traffic.worker import Worker
from toolkit.database import Database

RETRY_FOR = 20.0  # seconds for which an operation is tried again before it counts as an error
PATIENCE = 5.0  # seconds for which the last operations are waited for


class Traffic:
    """A run: its workers, and when they stop."""

    def __init__(
        self,
        url: str,
        run: Run,
        audience: Audience,
        plans: list[Plan],
        *,
        concurrency: int,
        mix: dict[str, float],
        seed: int,
        clock: float = 1.0,
        rate: float | None = None,
        max_ops: int | None = None,
        keeps_journal: bool = True,
    ) -> None:
        """rate: operations a second that are due; None: each worker goes on when it is done. clock: how many seconds
        pass for the viewers in one."""
        self.run, self.plans = run, plans
        self._rate, self._max_ops = rate, max_ops
        self._stop = threading.Event()
        self._numbers = itertools.count()
        began, at = time.monotonic(), time.time()
        self.workers = [
            Worker(
                Database(url, retry_for=RETRY_FOR),
                audience,
                run,
                plans=plans,
                priced=plans[number::concurrency],
                viewers=audience.users[number::concurrency],
                activities=audience.activities[number::concurrency],
                mix=mix,
                chance=Random(f"{seed}/{number}"),
                clock=lambda: at + (time.monotonic() - began) * clock,
                journal=Journal() if keeps_journal else None,
                stop=self._stop,
            )
            for number in range(concurrency)
        ]
        self.totals = Totals(worker.calls.recorder for worker in self.workers)
        self.unstarted = 0  # operations that were due at the end and had not begun
        self._faults: list[BaseException] = []
        self._ended = threading.Event()  # all of the workers
        self._working = concurrency
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self.workers]

    def go(self, duration: float, every_second: Callable[[], object]) -> None:
        """Run for so many seconds, or until max_ops are done; every_second() is called once a second.

        Raises KeyboardInterrupt after Ctrl-C, when the workers have stopped, and whatever a worker could not handle.
        """
        gc.freeze()  # the audience stays as it is, and need not be looked at for garbage again and again
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        try:
            for second in itertools.count(1):
                end = min(self._began + second, self._began + duration)
                if self._ended.wait(max(0.0, end - time.monotonic())) or end >= self._began + duration:
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
        if self._rate:
            due = int((time.monotonic() - self._began) * self._rate)
            due = min(due, self._max_ops) if self._max_ops is not None else due
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
                due = self._due(number, self._rate) if self._rate else None
                if self._stop.is_set() or (self._max_ops is not None and number >= self._max_ops):
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
