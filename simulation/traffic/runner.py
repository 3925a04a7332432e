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
from simulation.traffic.options import Options
from simulation.traffic.plans import Plan
from simulation.traffic.recorder import Recorder, Totals
from simulation.traffic.run_ids import RunId
from simulation.traffic.worker import Share, Stage, Worker
from toolkit.database import Database

RETRY_FOR = 20.0  # seconds for which an operation is tried again before it counts as an error
PATIENCE = 5.0  # seconds for which the last operations are waited for
CUT_OFF = 15.0  # seconds after which a thread that was interrupted is given up


class Traffic:
    """A run: its workers, and when they stop.

    totals: what they have measured. is_warming_up: whether that does not count. problems: what errors said, and how
    often. refusals: what was refused.
    """

    def __init__(self, url: str, run_id: RunId, audience: Audience, plans: list[Plan], options: Options) -> None:
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
                Database(url, retry_for=RETRY_FOR, isolation=options.isolation),
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
        self.is_warming_up = options.warm_up > 0
        self._begun_before = 0  # operations of the warm-up
        self._unstarted = Recorder()
        self.totals = Totals([*(worker.calls.recorder for worker in self.workers), self._unstarted])
        self._faults: list[BaseException] = []
        self._ended = threading.Event()  # all of the workers
        self._working = options.concurrency
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

    def silence(self) -> float:
        """Return for how many seconds the server has owed an answer to some worker."""
        return max(worker.calls.database.silence() for worker in self.workers)

    def go(self, every_second: Callable[[], object]) -> None:
        """Run for as long, or as many operations, as the options say; every_second() is called once a second.

        What was measured in the last second is left for the caller to take. Raises KeyboardInterrupt after Ctrl-C, when
        the workers have stopped, and whatever a worker could not handle.
        """
        gc.freeze()  # the audience stays as it is, and need not be looked at for garbage again and again
        self._began = self._counts_from = time.monotonic()
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
        self._counts_from, self._begun_before = time.monotonic(), self._begun()

    def _begun(self) -> int:
        return sum(worker.begun for worker in self.workers)

    def _wait(self, seconds: float, every_second: Callable[[], object]) -> bool:
        """Wait so long, or until all workers have ended, and return whether they go on.

        every_second() is called once a second, but not at the end.
        """
        began = time.monotonic()
        for second in itertools.count(1):
            end = began + min(second, seconds)
            if self._ended.wait(max(0.0, end - time.monotonic())):
                return False
            if end >= began + seconds:
                return True
            every_second()
        return False

    def _end(self, every_second: Callable[[], object]) -> None:
        """Stop the workers; those that wait for the server too long are interrupted."""
        ended = time.monotonic()
        self._stop.set()
        self._wait(PATIENCE, every_second)
        for worker in self.workers if not self._ended.is_set() else ():
            worker.calls.database.interrupt()
        self._ended.wait(CUT_OFF)
        if self._options.rate:
            due = int((ended - self._counts_from) * self._options.rate)
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
